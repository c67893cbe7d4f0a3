/* Receipts: what each edge may settle. A receipt names copies of the unread-250 set by their serials; it is good once,
 * on the edge it was given to, while that edge lives. One whose client went without having read its 250 never comes
 * back: the oldest make room. No locks.
 *
 * Trust: receipts come back from smtpd, which may be compromised: it can settle its own commits, no others.
 * On failure: no receipt (0); the copies then stay remembered until their time is over.
 */
#ifndef TIDEGATE_DELIVER_RECEIPTS_H
#define TIDEGATE_DELIVER_RECEIPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RECEIPTS_MAX = 100000, /* serials in all receipts: as many copies as the set remembers (deliver/unread.h) */
	RECEIPTS_EDGES_MAX = 64
};

struct receipts;

struct receipts *receipts_new(void);
void receipts_free(struct receipts *receipts);
/* Edge numbers are the caller's, nonzero, and never used twice. */
void receipts_edge_open(struct receipts *receipts, uint32_t edge);
void receipts_edge_gone(struct receipts *receipts, uint32_t edge);
/* Over RECEIPTS_MAX the oldest receipts end. 0 when the edge is not open, or memory is short. */
uint32_t receipts_give(struct receipts *receipts, uint32_t edge, const uint64_t *serials, size_t count);
/* Ends a receipt and hands each of its serials to `each`. False when the edge holds no such receipt. */
bool receipts_take(struct receipts *receipts, uint32_t edge, uint32_t receipt,
    void (*each)(void *context, uint64_t serial), void *context);

#endif
