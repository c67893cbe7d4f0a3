/* How long a process that died waits for its next start: 100 ms, then twice as long each time, 30 s at most.
 * On failure: nothing here can fail. Pure.
 */
#ifndef TIDEGATE_CONTROL_BACKOFF_H
#define TIDEGATE_CONTROL_BACKOFF_H

#include <stdint.h>

/* last_ms: what it waited before its last start, 0 for the first time. ran_ms: how long it has run then; a calm minute
 * forgives what was before. */
uint64_t backoff_next_ms(uint64_t last_ms, uint64_t ran_ms);

#endif
