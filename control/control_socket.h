/* The control socket of a running server, control.sock in its state folder: how `tidegate reload`, `status`, `health`
 * and `trace` ask it. One request (a descriptor may come with it), one answer, both a SOCK_SEQPACKET datagram of text;
 * the answer's first line is "ok" or "error". For what lasts longer than its answer the asker stays connected.
 *
 * Trust: only root and the server's own user may ask (mode 0600, and the kernel's word about the peer).
 * On failure: an asker who does not read in time is dropped; the server never waits for one.
 */
#ifndef TIDEGATE_CONTROL_CONTROL_SOCKET_H
#define TIDEGATE_CONTROL_CONTROL_SOCKET_H

#include <event2/event.h>
#include <stdbool.h>

#include "lib/buf.h"
#include "lib/span.h"

enum { CONTROL_REQUEST_BYTES = 8192, CONTROL_ANSWER_BYTES = 131072 };

struct control_socket;

/* Somebody who waits for an answer. Owned by the socket; gone after control_answer(). */
struct control_asker;

/* Called for each request; the answer may come later. */
typedef void control_handler(void *context, struct control_asker *asker, struct span request);

/* Makes the socket in the state folder (a descriptor), over one that a dead server left. NULL: why says what is wrong.
 */
struct control_socket *control_socket_open(
    struct event_base *base, int state_folder, control_handler *handler, void *context, struct buf *why);
/* Answers and forgets the asker. */
void control_answer(struct control_asker *asker, bool is_ok, struct span text);
/* The descriptor that came with the request, now the caller's; -1: none. */
int control_take_descriptor(struct control_asker *asker);
/* Answers that all is well, and keeps the asker: on_gone is called when it ends the connection or says anything more.
 * Not after control_socket_close(). */
void control_stay(struct control_asker *asker, struct span text, void (*on_gone)(void *context), void *context);
/* Removes the socket; those who still wait hear nothing. */
void control_socket_close(struct control_socket *control);

/* The asking side: sends the request to the server of this state folder and waits up to limit_ms for the answer.
 * False: why says that no server runs there, or does not answer. */
bool control_ask(const char *state_path, struct span request, int limit_ms, struct buf *answer, struct buf *why);
/* The same, with a descriptor that stays the caller's; returns the connection, which the caller closes, or -1. */
int control_call(
    const char *state_path, struct span request, int descriptor, int limit_ms, struct buf *answer, struct buf *why);

#endif
