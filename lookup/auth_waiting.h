/* The tries that wait for Dovecot's answer, by id: a table of fixed size.
 *
 * Trust: see lookup/auth_try.h.
 * On failure: auth_waiting_add says that there is no place.
 */
#ifndef TIDEGATE_LOOKUP_AUTH_WAITING_H
#define TIDEGATE_LOOKUP_AUTH_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lookup/auth_try.h"

enum { AUTH_LINK_TRIES = 64 };

struct auth_place {
	bool is_taken;
	bool is_sent;
	uint32_t id;
	uint64_t deadline_ms;
	struct auth_try attempt;
};

struct auth_waiting {
	uint32_t last_id;
	struct auth_place places[AUTH_LINK_TRIES];
};

/* Copies a try, not sent yet; NULL: there is no place. */
struct auth_place *auth_waiting_add(struct auth_waiting *waiting, const struct auth_try *attempt, uint64_t deadline_ms);
/* The try of this id that has been sent; NULL: none. */
struct auth_place *auth_waiting_find(struct auth_waiting *waiting, uint32_t id);
/* The first one behind place (NULL: of all); NULL: there are no more. The one at hand may be freed in between. */
struct auth_place *auth_waiting_next(struct auth_waiting *waiting, struct auth_place *place);
size_t auth_waiting_length(const struct auth_waiting *waiting);
/* Wipes it. */
void auth_place_free(struct auth_place *place);

#endif
