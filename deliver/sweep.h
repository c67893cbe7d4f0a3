/* The sweep: tmp/ of a mailbox is looked through, now and then, for what a killed deliver has left there.
 *
 * Trust: only files with our own names, and old enough, are removed (maildir_sweep).
 * On failure: what cannot be removed stays until the next sweep.
 */
#ifndef TIDEGATE_DELIVER_SWEEP_H
#define TIDEGATE_DELIVER_SWEEP_H

#include "deliver/copy.h"
#include "deliver/redeemed.h"

/* After a commit, with no hurry: sweeps those of its mailboxes that it has met for the first time. */
void sweep_mailboxes(const struct delivery *delivery, const struct redeemed *redeemed);

#endif
