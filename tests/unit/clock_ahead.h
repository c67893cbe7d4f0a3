/* A monotonic clock that a test can put forward, in place of libc's: also for libevent, whose timers follow it. Time
 * goes by as ever besides. Included by one source file of a program. On failure: the system call's.
 */
#ifndef TIDEGATE_TESTS_UNIT_CLOCK_AHEAD_H
#define TIDEGATE_TESTS_UNIT_CLOCK_AHEAD_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ahead_ms;

int
clock_gettime(clockid_t which, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, which, now);

	if (which == CLOCK_MONOTONIC || which == CLOCK_MONOTONIC_COARSE) {
		now->tv_sec += (time_t)(clock_ahead_ms / 1000);
		now->tv_nsec += (long)(clock_ahead_ms % 1000) * 1000000;
		if (now->tv_nsec >= 1000000000) {
			now->tv_nsec -= 1000000000;
			now->tv_sec++;
		}
	}
	return result;
}

#endif
