/* The doubling of control/backoff.h.
 *
 * On failure: nothing here can fail.
 */
#include "control/backoff.h"

enum { FIRST_MS = 100, LONGEST_MS = 30000, CALM_MS = 60000 };

uint64_t
backoff_next_ms(uint64_t last_ms, uint64_t ran_ms)
{
	if (last_ms == 0 || ran_ms >= CALM_MS)
		return FIRST_MS;
	return last_ms >= LONGEST_MS / 2 ? LONGEST_MS : 2 * last_ms;
}
