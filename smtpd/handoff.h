/* The edge to deliver: probes, commits with their claim slots, and receipts of 250s that were read.
 *
 * Each commit has a slot of the claim page (lib/claim.h) until deliver has answered it, also when it was given up and
 * its session has gone on. A page serves one deliver; the next one gets a fresh page.
 *
 * Trust: little in deliver: an answer to a commit that nobody asked for is out of phase.
 * On failure: false; the session answers 451.
 */
#ifndef TIDEGATE_SMTPD_HANDOFF_H
#define TIDEGATE_SMTPD_HANDOFF_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/edge.h"

struct handoff;

/* events: hear of PROBE_SAY and COMMIT_SAY, and of deliver's end. NULL without memory. */
struct handoff *handoff_new(struct event_base *base, const struct edge_events *events, void *context);
/* A channel to a fresh deliver (owns fd): makes a claim page and sends it. */
bool handoff_attach(struct handoff *handoff, int fd);
/* Sends an ASK or ABANDON; a COMMIT gets its claim slot. */
bool handoff_ask(struct handoff *handoff, struct ipc_message *message);
/* Takes a commit back; false: deliver has begun it. */
bool handoff_give_up(struct handoff *handoff, uint32_t claim);
/* Frees the slot of an answered commit. False: nobody asked for it. */
bool handoff_answered(struct handoff *handoff, const struct ipc_commit_say *say);
/* The client has read the 250 of this receipt; told to deliver by handoff_flush(), and before the next COMMIT. */
void handoff_settle(struct handoff *handoff, uint32_t receipt);
void handoff_flush(struct handoff *handoff);
/* The same, and everything that is gathered for deliver leaves now: nothing will come after it. */
void handoff_send_now(struct handoff *handoff);
/* Deliver is gone: what was asked for will not be answered. */
void handoff_lost(struct handoff *handoff);

#endif
