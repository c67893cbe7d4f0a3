/* The hash of deliver/table.h.
 *
 * On failure: without random bytes the start is the clock's.
 */
#include "deliver/table.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/random.h>

#include "lib/clock.h"

static pthread_once_t start_drawn = PTHREAD_ONCE_INIT;
static uint32_t start;

static void
draw_start(void)
{
	if (getrandom(&start, sizeof start, GRND_NONBLOCK) != (ssize_t)sizeof start)
		start = (uint32_t)clock_wall_us();
}

unsigned
table_hash(const void *key, size_t length)
{
	const uint8_t *bytes = key;

	(void)pthread_once(&start_drawn, draw_start);
	uint32_t hash = 2166136261u ^ start;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}
