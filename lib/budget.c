/* The budget of lib/budget.h.
 *
 * On failure: BUG() when more is given back than was taken.
 */
#include "lib/budget.h"

#include "lib/bug.h"

static uint64_t
limit_for(const struct budget *budget, enum budget_need need)
{
	switch (need) {
	case BUDGET_DISPENSABLE:
		return budget->limit_bytes - budget->limit_bytes / 4;
	case BUDGET_NEWCOMER:
		return budget->limit_bytes - budget->limit_bytes / 8;
	case BUDGET_UNDER_WAY:
		break;
	}
	return budget->limit_bytes;
}

bool
budget_has_room(const struct budget *budget, enum budget_need need, uint64_t bytes)
{
	uint64_t limit = limit_for(budget, need);

	return budget->used_bytes <= limit && bytes <= limit - budget->used_bytes;
}

bool
budget_take(struct budget *budget, enum budget_need need, uint64_t bytes)
{
	if (!budget_has_room(budget, need, bytes)) {
		budget->refusals++;
		return false;
	}
	budget->used_bytes += bytes;
	if (budget->used_bytes > budget->peak_bytes)
		budget->peak_bytes = budget->used_bytes;
	if (budget->used_bytes > budget->recent_peak_bytes)
		budget->recent_peak_bytes = budget->used_bytes;
	return true;
}

void
budget_give(struct budget *budget, uint64_t bytes)
{
	if (bytes > budget->used_bytes)
		BUG("more memory is given back than was taken");
	budget->used_bytes -= bytes;
}

bool
budget_take_fall(struct budget *budget, uint64_t bytes)
{
	if (budget->recent_peak_bytes - budget->used_bytes < bytes)
		return false;
	budget->recent_peak_bytes = budget->used_bytes;
	return true;
}
