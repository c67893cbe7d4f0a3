/* One budget of memory for all that strangers can make a process keep.
 *
 * Who asks says how badly it is needed, and the last part of the budget is kept for the needs that are worst: what can
 * lie elsewhere stops first, then newcomers are turned away, and what is under way can still be ended well.
 *
 * Trust: amounts are ours; whether they are asked for is up to anybody.
 * On failure: budget_take() is false, and the asker finds another way, or says 4xx.
 */
#ifndef TIDEGATE_LIB_BUDGET_H
#define TIDEGATE_LIB_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum budget_need {
	BUDGET_DISPENSABLE, /* three quarters: bodies (there are files), large piles of replies that a client does not
			       read */
	BUDGET_NEWCOMER,    /* seven eighths: what begins now can begin later */
	BUDGET_UNDER_WAY    /* all of it */
};

struct budget {
	uint64_t limit_bytes;
	uint64_t used_bytes; /* may be over a limit that was lowered */
	uint64_t peak_bytes;
	uint64_t recent_peak_bytes; /* the most since budget_take_fall() was true */
	uint64_t refusals;
};

/* Would budget_take() succeed? */
bool budget_has_room(const struct budget *budget, enum budget_need need, uint64_t bytes);
/* Takes bytes out of the budget; false: there are not so many left for this need. */
bool budget_take(struct budget *budget, enum budget_need need, uint64_t bytes);
/* Gives back what was taken. */
void budget_give(struct budget *budget, uint64_t bytes);
/* Notes that its use has fallen this far below the most since this was true last; false: it has not. */
bool budget_take_fall(struct budget *budget, uint64_t bytes);

#endif
