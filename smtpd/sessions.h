/* The set of a process's sessions, found by the number that stands in every ASK and SAY.
 *
 * A number is a place in a table and a generation, so that an answer to a session that has ended finds nobody, even
 * when its place has been taken again.
 *
 * Trust: numbers come back from other processes; any number may be looked up.
 * On failure: sessions_add() returns NULL when the set is full or there is no memory.
 */
#ifndef TIDEGATE_SMTPD_SESSIONS_H
#define TIDEGATE_SMTPD_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

struct conn;
struct sessions;

/* An empty set of connections of so many bytes each; NULL without memory. */
struct sessions *sessions_new(size_t conn_bytes);
/* A zeroed connection, owned by the set, and its number (never 0). NULL: over limit, or no memory. */
struct conn *sessions_add(struct sessions *sessions, size_t limit, uint32_t *id);
/* NULL when there is none of that number (any more). */
struct conn *sessions_find(const struct sessions *sessions, uint32_t id);
/* Frees the connection; its number is not used again for long. */
void sessions_remove(struct sessions *sessions, uint32_t id);
size_t sessions_count(const struct sessions *sessions);
/* Calls visit for each; it may remove the one it is called for. */
void sessions_each(struct sessions *sessions, void (*visit)(struct conn *conn, void *argument), void *argument);
void sessions_free(struct sessions *sessions);

#endif
