/* The sweep of deliver/sweep.h.
 *
 * On failure: see deliver/sweep.h.
 */
#include "deliver/sweep.h"

#include "lib/clock.h"

/* The mailboxes of a long alias get their sweep when one of them is written to alone. */
enum { SWEPT_A_COMMIT = 8 };

void
sweep_mailboxes(const struct delivery *delivery, const struct redeemed *redeemed)
{
	for (size_t i = 0; i < redeemed->count && i < SWEPT_A_COMMIT; i++) {
		const struct destination *to = &redeemed->destinations[i];
		struct folders *folders = folders_acquire(delivery->folders, to->root, to->path, FOLDERS_AS_THEY_ARE);

		if (!folders)
			continue;
		if (folders_wants_sweep(delivery->folders, folders))
			(void)maildir_sweep(folders->tmp, delivery->namer->host, clock_wall_us() / 1000000u);
		folders_release(delivery->folders, folders);
	}
}
