/* Any answers from the DNS to one SPF check: it ends, asks a bounded number of questions, and the second opinion
 * agrees.
 *
 * The first lines of the input are the client's address, HELO and sender; each line after them is the next answer:
 * "N" no such name, "E" no such records, "T" trouble, "D" no resolver, else a record a line part, "|" between them.
 */
#include "tests/unit/lookup/spf_second_opinion.h"

#include "lib/bug.h"
#include "lookup/spf_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 16, QUESTIONS_MAX = 250 };

static struct span
take_until(struct span *rest, char end)
{
	const struct span part = span_take(*rest, span_find(*rest, end));

	*rest = span_skip(*rest, part.length + 1);
	return part;
}

static struct dns_record
record_of(struct span text)
{
	struct dns_record record = { .text = text, .preference = (uint16_t)(text.length % 3) };
	struct peer_address address = { 0 };

	if (peer_parse_ip(text, &address))
		memcpy(record.ip, address.ip, sizeof record.ip);
	return record;
}

/* Pins the next line of the input as the answer to the first question that waits for one. */
static void
answer_next(struct span *rest, struct replay *replay)
{
	static const enum dns_status bad[] = { DNS_NO_NAME, DNS_NO_DATA, DNS_TROUBLE, DNS_RESOLVER_DOWN };
	const bool is_out = rest->length == 0;
	struct span line = take_until(rest, '\n');
	const size_t letter = line.length == 1 ? span_find(SPAN("NETD"), line.data[0]) : is_out ? 0 : 4;
	struct dns_record records[RECORDS_MAX];
	struct dns_answer answer = { .status = letter < 4 ? bad[letter] : DNS_FOUND, .records = records };
	enum dns_type type = DNS_TXT;
	struct span name = { 0 };

	while (answer.status == DNS_FOUND && line.length && answer.count < RECORDS_MAX)
		records[answer.count++] = record_of(take_until(&line, '|'));
	replay_wanted(replay, 0, &type, &name);
	if (!replay_pin(replay, type, name, &answer))
		BUG("an answer found no room");
}

static struct spf_question
take_question(struct span *rest)
{
	struct spf_question question = { .client = { .family = 4 }, .identity = SPF_IDENTITY_MAILFROM };

	(void)peer_parse_ip(take_until(rest, '\n'), &question.client);
	question.helo = take_until(rest, '\n');
	question.sender = take_until(rest, '\n');
	return question;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spf_verdict verdict = {
		.explanation = BUF_LIMIT(1024), .mechanism = BUF_LIMIT(512), .problem = BUF_LIMIT(1024)
	};
	struct span rest = span_make((const char *)data, size);
	const struct spf_question question = take_question(&rest);
	struct replay *replay = replay_new();

	while (!spf_check(&question, replay, &verdict))
		answer_next(&rest, replay);
	if (replay_questions(replay) > QUESTIONS_MAX || second_opinion(&question, replay) != verdict.result)
		BUG("too many questions, or the second opinion differs");
	buf_free(&verdict.explanation);
	buf_free(&verdict.mechanism);
	buf_free(&verdict.problem);
	replay_free(replay);
	return 0;
}
