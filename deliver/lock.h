/* Locks between the threads of deliver: held for a moment only, so a thread that finds one taken looks again for a
 * while before it asks the kernel to put it to sleep.
 * On failure: the calls used here have no error that can be met.
 */
#ifndef TIDEGATE_DELIVER_LOCK_H
#define TIDEGATE_DELIVER_LOCK_H

#include <pthread.h>

static inline void
lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;

	(void)pthread_mutexattr_init(&attributes);
	(void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
	(void)pthread_mutex_init(lock, &attributes);
	(void)pthread_mutexattr_destroy(&attributes);
}

#endif
