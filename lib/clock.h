/* Time: a monotonic clock for deadlines, the wall clock for people, always written as UTC (+0000).
 * No time zone file is ever read: a process in a chroot has none.
 * On failure: the clocks of Linux do not fail.
 */
#ifndef TIDEGATE_LIB_CLOCK_H
#define TIDEGATE_LIB_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_ISO_SIZE = 32, CLOCK_MAIL_SIZE = 40 };

uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);
/* Microseconds since 1970 (UTC). */
uint64_t clock_wall_us(void);
/* "2026-11-22T05:51:58.123Z" with a NUL. */
void clock_format_iso(uint64_t wall_us, char text[static CLOCK_ISO_SIZE]);
/* "Sun, 22 Nov 2026 05:51:58 +0000" with a NUL (RFC 5322 3.3). */
void clock_format_mail(uint64_t wall_us, char text[static CLOCK_MAIL_SIZE]);

#endif
