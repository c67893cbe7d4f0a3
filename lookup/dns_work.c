/* From a question of smtpd to its answer.
 *
 * On failure: see lookup/dns_work.h.
 */
#include "lookup/dns_work.h"

#include "lib/clock.h"

enum { HELO, MAILFROM };

enum { TEXTS_BYTES = 8192 }; /* three names and an address, with room */

static bool
copy_text(struct dns_work *work, struct span text, struct span *copy)
{
	*copy = arena_copy(&work->arena, text);
	return copy->data != NULL;
}

static bool
begin_spf(struct dns_work *work, const struct ipc_spf_ask *ask, struct span hostname)
{
	struct spf_question question = { .client = ask->client, .now_seconds = clock_wall_us() / 1000000 };
	bool has_memory = copy_text(work, ask->helo, &question.helo) &&
			  copy_text(work, ask->mailfrom, &question.sender) &&
			  copy_text(work, hostname, &question.receiver);

	work->session = ask->session;
	work->transaction = ask->transaction;
	for (unsigned i = 0; i < DNS_WORK_IDENTITIES; i++) {
		struct dns_work_identity *identity = &work->identities[i];

		question.identity = i == HELO ? SPF_IDENTITY_HELO : SPF_IDENTITY_MAILFROM;
		identity->question = question;
		identity->verdict.result = SPF_TEMPERROR;
		identity->verdict.explanation = BUF_LIMIT(IPC_TEXT_BYTES);
		identity->verdict.mechanism = BUF_LIMIT(IPC_DOMAIN_BYTES);
		identity->verdict.problem = BUF_LIMIT(IPC_TEXT_BYTES);
	}
	return has_memory;
}

bool
dns_work_begin(struct dns_work *work, const struct ipc_message *ask, struct span hostname)
{
	*work = (struct dns_work){ .type = ask->type, .arena = ARENA_LIMIT(TEXTS_BYTES) };
	work->started_us = clock_monotonic_us();
	if (ask->type == IPC_SPF_ASK)
		return begin_spf(work, &ask->spf_ask, hostname);
	work->session = ask->name_ask.session;
	work->client = ask->name_ask.client;
	return true;
}

bool
dns_work_run(struct dns_work *work, struct replay *replay)
{
	bool all_done = true;

	if (work->type == IPC_NAME_ASK)
		return iprev_check(&work->client, replay, &work->name);
	for (unsigned i = 0; i < DNS_WORK_IDENTITIES; i++) {
		struct dns_work_identity *identity = &work->identities[i];

		if (!identity->is_done)
			identity->is_done = spf_check(&identity->question, replay, &identity->verdict);
		all_done = all_done && identity->is_done;
	}
	return all_done;
}

static void
give_up_identity(struct dns_work_identity *identity, const char *problem, bool resolver_down)
{
	struct spf_verdict *verdict = &identity->verdict;

	if (identity->is_done)
		return;
	identity->is_done = true;
	verdict->result = SPF_TEMPERROR;
	verdict->resolver_down = resolver_down;
	buf_reset(&verdict->explanation);
	buf_reset(&verdict->mechanism);
	buf_reset(&verdict->problem);
	buf_append_text(&verdict->problem, problem);
}

void
dns_work_give_up(struct dns_work *work, const char *problem, bool resolver_down)
{
	work->name = (struct iprev_verdict){ .result = IPREV_TROUBLE };
	for (unsigned i = 0; i < DNS_WORK_IDENTITIES; i++)
		give_up_identity(&work->identities[i], problem, resolver_down);
}

/* What a message may carry: nothing that was cut, is too long, or holds a NUL. */
static struct span
presentable(const struct buf *text, size_t limit_bytes)
{
	struct span span = buf_span(text);

	if (!buf_ok(text) || span.length > limit_bytes || span_find(span, '\0') != span.length)
		return SPAN("");
	return span;
}

void
dns_work_answer(const struct dns_work *work, struct ipc_message *say)
{
	const struct spf_verdict *helo = &work->identities[HELO].verdict;
	const struct spf_verdict *mailfrom = &work->identities[MAILFROM].verdict;
	uint64_t elapsed_us = clock_monotonic_us() - work->started_us;

	if (work->type == IPC_NAME_ASK) {
		*say = (struct ipc_message){ .type = IPC_NAME_SAY, .descriptor = -1 };
		say->name_say.session = work->session;
		say->name_say.result = (uint8_t)work->name.result;
		say->name_say.name = work->name.result == IPREV_CONFIRMED ? work->name.name : SPAN("");
		return;
	}
	*say = (struct ipc_message){ .type = IPC_SPF_SAY, .descriptor = -1 };
	say->spf_say = (struct ipc_spf_say){
		.session = work->session,
		.transaction = work->transaction,
		.helo_result = (uint8_t)helo->result,
		.mailfrom_result = (uint8_t)mailfrom->result,
		.resolver_down = helo->resolver_down || mailfrom->resolver_down,
		.elapsed_us = elapsed_us < UINT32_MAX ? (uint32_t)elapsed_us : UINT32_MAX,
		.explanation = presentable(&mailfrom->explanation, IPC_TEXT_BYTES),
		.helo_mechanism = presentable(&helo->mechanism, IPC_DOMAIN_BYTES),
		.mailfrom_mechanism = presentable(&mailfrom->mechanism, IPC_DOMAIN_BYTES),
		.problem = presentable(&mailfrom->problem, IPC_TEXT_BYTES),
	};
}

void
dns_work_end(struct dns_work *work)
{
	for (unsigned i = 0; i < DNS_WORK_IDENTITIES; i++) {
		buf_free(&work->identities[i].verdict.explanation);
		buf_free(&work->identities[i].verdict.mechanism);
		buf_free(&work->identities[i].verdict.problem);
	}
	arena_reset(&work->arena);
}
