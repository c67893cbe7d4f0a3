/* What the threads hold of an edge: where to send the answer, and the claim page. Counted, since a commit may outlive
 * the edge it came from.
 *
 * An edge's descriptor has a fixed number, which the next smtpd's edge takes over. So an answer is sent under the
 * link's lock, and only while the link is open; the main thread closes the link before the number changes hands.
 *
 * Trust: the other side is smtpd.
 * On failure: link_send says IPC_GONE; the commit is done all the same, and its copies stay remembered.
 */
#ifndef TIDEGATE_DELIVER_LINK_H
#define TIDEGATE_DELIVER_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/claim.h"
#include "lib/ipc.h"

struct link;

/* An open link over an edge's descriptor (not owned). number: of this edge, never used twice. NULL without memory. */
struct link *link_new(int fd, uint32_t number);
struct link *link_hold(struct link *link);
void link_drop(struct link *link);
uint32_t link_number(const struct link *link);

/* Main thread. Nothing is sent from now on. */
void link_close(struct link *link);
/* Main thread, once: the claim page that CLAIMS brought. False when there is one already or it is not fit. fd stays
 * the caller's. */
bool link_set_claims(struct link *link, int fd, uint32_t slots);
/* NULL before CLAIMS. Good while the link is held. */
struct claim_page *link_claims(const struct link *link);

/* Any thread; a message without a descriptor. IPC_AGAIN: there is no room now; the main thread must send it. */
enum ipc_result link_send(struct link *link, const struct ipc_message *message);

#endif
