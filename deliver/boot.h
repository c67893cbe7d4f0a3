/* Which boot of the machine is this? The unread-250 journal tells by it whether a file that is gone from tmp/ was moved
 * into new/ (same boot) or may have been lost with the page cache (another).
 *
 * The kernel's boot_id is the only answer that can be trusted with a message: wall clock minus uptime looks like one,
 * but a machine without a battery clock starts every boot with the same time, and a false "same boot" loses mail.
 * Where there is no /proc the boot is therefore unknown, and unknown is never the same: then a copy counts as
 * delivered only when it is found in new/ or cur/. The cost is a double, when deliver is killed, the 250 was not read,
 * and the reader has moved the message out of the mailbox before the retry.
 *
 * Roots that changed places, or another folder in the place of one, make another boot of it.
 *
 * Trust: /proc is the kernel's.
 * On failure: all zero.
 */
#ifndef TIDEGATE_DELIVER_BOOT_H
#define TIDEGATE_DELIVER_BOOT_H

#include <stdint.h>

#include "lib/span.h"

enum { BOOT_BYTES = 16 };

/* Before the walls. All zero when it cannot be known. */
void boot_read(uint8_t boot[static BOOT_BYTES]);
/* From the kernel's text, "8-4-4-4-12" hex digits and perhaps an LF. Pure. All zero when it is anything else. */
void boot_parse(struct span text, uint8_t boot[static BOOT_BYTES]);

/* From now on the name also stands for this folder: the journal names mailboxes by their root's number, and what is
 * gone from tmp/ proves something only below the folder that had this number then. */
void boot_bind(uint8_t boot[static BOOT_BYTES], int folder);

#endif
