/* Connections that tidegate-caller makes for its askers.
 *
 * Trust: askers name an index of a list, and are bounded in what they have under way.
 * On failure: the done callback says why, in one sentence.
 */
#ifndef TIDEGATE_CONTROL_CALLS_H
#define TIDEGATE_CONTROL_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "lib/peer.h"

enum {
	CALLS_MAX = 512,
	CALLS_AN_ASKER = 64, /* connections under way */
	CALLS_CONNECT_MS = 5000,
	LOCAL_NAME_SIZE = 108 /* of a unix socket, with its NUL */
};

struct calls;

/* How a call ended, once for each: fd >= 0, connected to *address, is still this module's (it is closed after the
 * callback); or -1, and why. */
typedef void calls_done(void *asker, uint32_t serial, int fd, const struct peer_address *address, const char *why);

struct calls *calls_new(struct event_base *base, calls_done *done);
/* Makes a socket connected to address: UDP at once, TCP when the connection stands. The callback may come from inside
 * this call. */
void calls_connect(
    struct calls *calls, void *asker, uint32_t serial, const struct peer_address *address, bool is_stream);
/* A stream connected to the unix socket of this name in the folder at FD_FOLDER, non-blocking, the caller's; or -1, and
 * why. It stands at once or not at all. */
int calls_connect_local(const char *name, const char **why);
/* Refuses a call that cannot be made, by the callback. */
void calls_refuse(struct calls *calls, void *asker, uint32_t serial, const char *why);
/* Ends an asker's connections under way, without the callback. */
void calls_forget(struct calls *calls, const void *asker);
size_t calls_under_way(const struct calls *calls);
uint64_t calls_made(const struct calls *calls);
uint64_t calls_failed(const struct calls *calls);
void calls_free(struct calls *calls);

#endif
