/* The exchange of smtpd/auth_exchange.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/auth_exchange.h"

void
auth_exchange_begin(struct auth_exchange *exchange, enum sasl_mechanism mechanism)
{
	bool is_late = exchange->is_late;

	*exchange = (struct auth_exchange){ .mechanism = mechanism, .is_late = is_late };
}

bool
auth_exchange_keep_user(struct auth_exchange *exchange, struct span user)
{
	if (!sasl_is_answer(user) || user.length > sizeof exchange->user)
		return false;
	memcpy(exchange->user, user.data, user.length);
	exchange->user_length = user.length;
	exchange->step++;
	return true;
}

struct span
auth_exchange_user(const struct auth_exchange *exchange)
{
	return span_make(exchange->user, exchange->user_length);
}

static void
conclude(struct auth_exchange *exchange, enum auth_verdict verdict)
{
	exchange->state = FACT_KNOWN;
	exchange->verdict = verdict;
}

bool
auth_exchange_hear(struct auth_exchange *exchange, const struct ipc_auth_say *say, struct arena *arena)
{
	bool has_passed = say->verdict == AUTH_PASSED;

	if (say->verdict > AUTH_TROUBLE || has_passed != (say->user.length > 0))
		return false;
	if (exchange->is_late) {
		exchange->is_late = false;
		return true;
	}
	if (exchange->state != FACT_ASKED)
		return false;
	conclude(exchange, (enum auth_verdict)say->verdict);
	if (!has_passed)
		return true;
	exchange->who = arena_copy(arena, say->user);
	if (!exchange->who.data)
		conclude(exchange, AUTH_TROUBLE);
	return true;
}

void
auth_exchange_give_up(struct auth_exchange *exchange)
{
	exchange->is_late = true;
	conclude(exchange, AUTH_TROUBLE);
}

void
auth_exchange_lose(struct auth_exchange *exchange)
{
	exchange->is_late = false;
	if (exchange->state == FACT_ASKED)
		conclude(exchange, AUTH_TROUBLE);
}
