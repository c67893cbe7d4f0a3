/* How often something happens an address or network: a table of leaky buckets that never grows.
 *
 * Each event fills its bucket by a limit-th; a bucket empties evenly within one period. So at most `limit` events come
 * through at once, and as many again in each period.
 *
 * The table has a fixed number of places, eight a row, and a key belongs to one row. When all eight are taken, the
 * fullest buckets stay and the emptiest is forgotten: whoever comes from ever new addresses only pushes out those who
 * have come as seldom as he, and those near their limit are remembered.
 *
 * Trust: keys are anybody's addresses; nobody can aim at a row (lib/network_key.h).
 * On failure: NULL at the start; later nothing can fail.
 */
#ifndef TIDEGATE_LIB_RATE_TABLE_H
#define TIDEGATE_LIB_RATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/network_key.h"

struct rate_table;

/* At least so many places, 2^20 at most, and the time in which a full bucket empties. NULL without memory. */
struct rate_table *rate_table_new(size_t places, uint64_t period_us);
void rate_table_free(struct rate_table *table);
/* Does one more event keep to the limit? A limit of 0 is none. now_us: a clock that only goes forward. */
bool rate_table_has_room(
    const struct rate_table *table, const struct network_key *key, uint64_t limit, uint64_t now_us);
/* Counts an event, whether there was room for it or not. */
void rate_table_count(struct rate_table *table, const struct network_key *key, uint64_t limit, uint64_t now_us);
/* Takes back an event that was counted with this limit. */
void rate_table_uncount(struct rate_table *table, const struct network_key *key, uint64_t limit);
/* From now on a full bucket empties in this time. */
void rate_table_set_period(struct rate_table *table, uint64_t period_us);

#endif
