/* The hand-off of smtpd/handoff.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/handoff.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bug.h"
#include "lib/claim.h"
#include "lib/log.h"

enum {
	SLOTS = 16384,               /* commits at the same time */
	QUEUE_BYTES = 16 * (1 << 20) /* of messages that deliver has not read yet */
};

/* A commit that has not been answered. */
struct pending {
	uint32_t session;
	uint32_t transaction; /* 0: the slot is free */
};

struct handoff {
	struct edge *edge;
	struct claim_page *page; /* NULL until the first attach */
	uint32_t slots_ever;     /* slots 0 … slots_ever - 1 have been used */
	uint32_t free_count;
	struct buf settled; /* receipts */
	struct pending pending[SLOTS];
	uint32_t free[SLOTS]; /* a stack, so that slots in use stay low and few */
};

struct handoff *
handoff_new(struct event_base *base, const struct edge_events *events, void *context)
{
	struct handoff *handoff = calloc(1, sizeof *handoff);

	if (!handoff)
		return NULL;
	handoff->settled = BUF_LIMIT(IPC_IDS * 4);
	handoff->edge = edge_new(base, ROLE_SMTPD, ROLE_DELIVER, 0, QUEUE_BYTES, events, context);
	if (handoff->edge && edge_gather(handoff->edge))
		return handoff;
	edge_free(handoff->edge);
	free(handoff);
	return NULL;
}

void
handoff_lost(struct handoff *handoff)
{
	memset(handoff->pending, 0, handoff->slots_ever * sizeof handoff->pending[0]);
	handoff->slots_ever = 0;
	handoff->free_count = 0;
	buf_reset(&handoff->settled);
}

bool
handoff_attach(struct handoff *handoff, int fd)
{
	struct ipc_message claims = { .type = IPC_CLAIMS, .descriptor = -1, .claims = { .slots = SLOTS } };

	handoff_lost(handoff);
	claim_page_free(handoff->page);
	handoff->page = NULL;
	if (!edge_attach(handoff->edge, fd))
		return false;
	handoff->page = claim_page_make(SLOTS, &claims.descriptor);
	bool sent = handoff->page && edge_send(handoff->edge, &claims);
	if (claims.descriptor >= 0)
		(void)close(claims.descriptor);
	if (!sent)
		log_error("no claim page could be made for deliver; messages are deferred until it is restarted");
	return true;
}

static bool
take_slot(struct handoff *handoff, uint32_t *slot)
{
	if (!handoff->page)
		return false;
	if (handoff->free_count)
		*slot = handoff->free[--handoff->free_count];
	else if (handoff->slots_ever < SLOTS)
		*slot = handoff->slots_ever++;
	else
		return false;
	claim_reset(handoff->page, *slot);
	return true;
}

static void
free_slot(struct handoff *handoff, uint32_t slot)
{
	handoff->pending[slot] = (struct pending){ 0 };
	handoff->free[handoff->free_count++] = slot;
}

static bool
ask_commit(struct handoff *handoff, struct ipc_message *message)
{
	uint32_t slot;

	/* Deliver must not take a message for a repetition whose 250 was read: SETTLED goes first. */
	handoff_flush(handoff);
	if (!take_slot(handoff, &slot))
		return false;
	/* Both forms of COMMIT begin with the same fields. */
	message->commit_ask.claim = slot;
	handoff->pending[slot] = (struct pending){ message->commit_ask.session, message->commit_ask.transaction };
	if (edge_send(handoff->edge, message))
		return true;
	free_slot(handoff, slot);
	return false;
}

bool
handoff_ask(struct handoff *handoff, struct ipc_message *message)
{
	if (message->type == IPC_COMMIT_ASK || message->type == IPC_COMMIT_FD_ASK)
		return ask_commit(handoff, message);
	return edge_send(handoff->edge, message);
}

bool
handoff_give_up(struct handoff *handoff, uint32_t claim)
{
	return handoff->page && claim_take(handoff->page, claim, CLAIM_GIVEN_UP);
}

bool
handoff_answered(struct handoff *handoff, const struct ipc_commit_say *say)
{
	for (uint32_t slot = 0; slot < handoff->slots_ever; slot++) {
		const struct pending *pending = &handoff->pending[slot];

		if (pending->transaction == say->transaction && pending->session == say->session &&
		    pending->transaction != 0) {
			free_slot(handoff, slot);
			return true;
		}
	}
	return false;
}

void
handoff_settle(struct handoff *handoff, uint32_t receipt)
{
	if (ipc_u32_count(buf_span(&handoff->settled)) >= IPC_IDS)
		handoff_flush(handoff);
	ipc_append_u32(&handoff->settled, receipt);
}

void
handoff_flush(struct handoff *handoff)
{
	struct ipc_message message = { .type = IPC_SETTLED, .descriptor = -1 };

	if (handoff->settled.length == 0)
		return;
	message.settled.receipts = buf_span(&handoff->settled);
	(void)edge_send(handoff->edge, &message);
	buf_reset(&handoff->settled);
}

void
handoff_send_now(struct handoff *handoff)
{
	handoff_flush(handoff);
	(void)edge_flush(handoff->edge);
}
