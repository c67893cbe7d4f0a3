/* The check of lookup/spf_check.h: libspf2 evaluates plain records, the guard (lookup/spf_guard.h) answers it.
 *
 * libspf2 gets no text from outside: it is asked about sender u@k0.g, HELO h.g, and everything it asks for is a token.
 * Its server structure is made here, on the stack: SPF_server_new() reads the host's name and compiles texts, and ends
 * the process when that fails. docs/SPF.md lists what libspf2 1.2.10 gets wrong and the rule that mends it.
 *
 * Trust: libspf2 is trusted to follow qualifiers and prefix lengths; errors and missing answers are the guard's word.
 * On failure: without memory libspf2 gives an error (temperror) or ends the process; the master starts a new one.
 */
#include "lookup/spf_check.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <spf2/spf.h>
#include <spf2/spf_dns_rr.h>

#include "lib/log.h"
#include "lookup/spf_guard.h"

enum {
	NO_LIMIT = 1000000,   /* the guard counts; libspf2 counts each include anew */
	DISGUISE = 0x80,      /* see struct evaluation */
	SELF_TEST_BYTES = 256 /* of each text of a verdict */
};

/* One run of libspf2: what its DNS layer needs to know. */
struct evaluation {
	struct spf_guard *guard;
	/* libspf2 passes every loopback client without a look. Such a client's address, and the addresses it is
	 * compared with, are shown with these bits of the first byte flipped, which changes no comparison. */
	uint8_t disguise;
};

/* What libspf2 came to. */
struct outcome {
	enum spf_result result;
	bool is_by_term; /* a term matched */
};

__attribute__((noreturn)) static void
end_process(const char *file, int line, const char *message)
{
	struct log_line text;

	log_begin(&text, "error");
	log_pair_text(&text, "message", "libspf2 cannot go on; this process ends and a new one is started");
	log_pair_text(&text, "file", file);
	log_pair_number(&text, "line", (uint64_t)line);
	log_pair_text(&text, "libspf2", message);
	log_end(&text);
	abort();
}

static void
put_address(SPF_dns_rr_data_t *data, ns_type type, const uint8_t ip[16], uint8_t disguise)
{
	uint8_t shown[16];

	memcpy(shown, ip, sizeof shown);
	shown[0] ^= disguise;
	if (type == ns_t_a)
		memcpy(&data->a, shown, sizeof data->a);
	else
		memcpy(&data->aaaa, shown, sizeof data->aaaa);
}

static bool
put_text(SPF_dns_rr_t *found, int index, struct span text)
{
	if (SPF_dns_rr_buf_realloc(found, index, text.length + 1) != SPF_E_SUCCESS)
		return false;
	memcpy(found->rr[index]->txt, text.data, text.length);
	found->rr[index]->txt[text.length] = '\0';
	return true;
}

/* One record of an answer. False without memory. */
static bool
put_record(SPF_dns_rr_t *found, int index, const struct spf_answer *answer, uint8_t disguise)
{
	const struct spf_token exchange = { .letter = 'x', .number = (unsigned)index };
	char token[SPF_TOKEN_BYTES];

	switch (answer->kind) {
	case SPF_ANSWER_ADDRESSES:
		if (SPF_dns_rr_buf_realloc(found, index, sizeof *found->rr[index]) != SPF_E_SUCCESS)
			return false;
		put_address(found->rr[index], found->rr_type, answer->addresses[index].ip, disguise);
		return true;
	case SPF_ANSWER_EXCHANGES:
		return put_text(found, index, spf_token_write(exchange, token));
	case SPF_ANSWER_RECORD:
		return put_text(found, index, answer->record);
	case SPF_ANSWER_NOTHING:
	case SPF_ANSWER_STOP:
		break;
	}
	return false;
}

/* libspf2's way into the DNS. It must not be answered NULL, but without memory there is nothing else: it then calls
 * end_process. */
static SPF_dns_rr_t *
look_up(SPF_dns_server_t *layer, const char *name, ns_type type, int should_cache)
{
	const struct evaluation *evaluation = layer->hook;
	/* Whatever the type: a token has but one answer, and TXT is asked for as the obsolete type SPF first (3.1). */
	const struct spf_answer answer = spf_guard_ask(evaluation->guard, span_of(name));
	const int error = answer.kind == SPF_ANSWER_STOP ? TRY_AGAIN : answer.count == 0 ? NO_DATA : NETDB_SUCCESS;
	SPF_dns_rr_t *found = SPF_dns_rr_new_init(layer, name, type, 0, error);

	(void)should_cache;
	for (size_t i = 0; found && i < answer.count; i++) {
		if (!put_record(found, (int)i, &answer, evaluation->disguise)) {
			SPF_dns_rr_free(found);
			return NULL;
		}
		found->num_rr++;
	}
	return found;
}

static struct outcome
outcome_of(SPF_response_t *response)
{
	const bool is_by_term = SPF_response_reason(response) == SPF_REASON_MECH;

	switch (SPF_response_result(response)) {
	case SPF_RESULT_NEUTRAL:
		return (struct outcome){ SPF_NEUTRAL, is_by_term };
	case SPF_RESULT_PASS:
		return (struct outcome){ SPF_PASS, is_by_term };
	case SPF_RESULT_FAIL:
		return (struct outcome){ SPF_FAIL, is_by_term };
	case SPF_RESULT_SOFTFAIL:
		return (struct outcome){ SPF_SOFTFAIL, is_by_term };
	case SPF_RESULT_INVALID:
	case SPF_RESULT_NONE:
	case SPF_RESULT_TEMPERROR:
	case SPF_RESULT_PERMERROR:
		break;
	}
	/* The guard knows of no error, so it is libspf2's own: no memory. */
	return (struct outcome){ SPF_TEMPERROR, false };
}

static bool
set_request(SPF_request_t *request, const struct peer_address *client, uint8_t disguise)
{
	SPF_dns_rr_data_t shown;

	put_address(&shown, client->family == 6 ? ns_t_aaaa : ns_t_a, client->ip, disguise);
	const SPF_errcode_t error =
	    client->family == 6 ? SPF_request_set_ipv6(request, shown.aaaa) : SPF_request_set_ipv4(request, shown.a);
	return error == SPF_E_SUCCESS && SPF_request_set_env_from(request, "u@k0.g") == 0 &&
	       SPF_request_set_helo_dom(request, "h.g") == SPF_E_SUCCESS;
}

static struct outcome
run_libspf2(struct spf_guard *guard)
{
	const struct peer_address *client = &guard->facts.client;
	struct evaluation evaluation = { .guard = guard, .disguise = peer_is_loopback(client) ? DISGUISE : 0 };
	SPF_dns_server_t layer = { .lookup = look_up, .name = "guard", .hook = &evaluation };
	char receiver[] = "r.g";
	SPF_server_t server = {
		.resolver = &layer,
		.rec_dom = receiver,
		.max_dns_mech = NO_LIMIT,
		.max_dns_ptr = NO_LIMIT,
		.max_dns_mx = NO_LIMIT,
	};
	struct outcome outcome = { SPF_TEMPERROR, false };
	SPF_response_t *response = NULL;
	SPF_request_t *request = SPF_request_new(&server);

	if (!request)
		return outcome;
	if (set_request(request, client, evaluation.disguise)) {
		(void)SPF_request_query_mailfrom(request, &response);
		if (response)
			outcome = outcome_of(response);
	}
	if (response)
		SPF_response_free(response);
	SPF_request_free(request);
	return outcome;
}

static void
append_cut(struct buf *buf, struct span text)
{
	buf_append(buf, span_take(text, buf->limit_bytes));
}

/* The guard's verdict or, when it has none, libspf2's. False while an answer is missing. */
static bool
conclude(struct spf_guard *guard, struct outcome outcome, struct spf_verdict *verdict)
{
	verdict->lookups = guard->lookups;
	if (guard->dns.stop == SPF_STOP_WAIT)
		return false;
	if (guard->dns.stop == SPF_STOP_VERDICT) {
		verdict->result = guard->dns.verdict;
		verdict->resolver_down = guard->dns.resolver_down;
		if (guard->dns.verdict != SPF_NONE)
			append_cut(&verdict->problem, buf_span(&guard->dns.problem));
		return true;
	}
	verdict->result = outcome.result;
	if (outcome.result == SPF_TEMPERROR)
		append_cut(&verdict->problem, SPAN("there is not enough memory for the check"));
	if (outcome.is_by_term && guard->reached)
		append_cut(&verdict->mechanism, guard->reached->text);
	return outcome.result != SPF_FAIL || spf_guard_explain(guard, &verdict->explanation);
}

bool
spf_check(const struct spf_question *question, struct replay *replay, struct spf_verdict *verdict)
{
	struct outcome outcome = { SPF_TEMPERROR, false };
	struct spf_guard guard;

	buf_reset(&verdict->explanation);
	buf_reset(&verdict->mechanism);
	buf_reset(&verdict->problem);
	verdict->resolver_down = false;
	spf_guard_begin(&guard, question, replay);
	if (guard.dns.stop == SPF_STOP_NOT)
		outcome = run_libspf2(&guard);
	const bool is_done = conclude(&guard, outcome, verdict);
	spf_guard_end(&guard);
	return is_done;
}

/* Checks one made-up client against a record that libspf2 has to follow. */
static bool
gives(struct span record, enum spf_result expected)
{
	const struct dns_record text = { .text = record };
	const struct dns_answer answer = { .status = DNS_FOUND, .count = 1, .records = &text };
	const struct spf_question question = {
		.client = { .family = 4, .ip = { 192, 0, 2, 1 } },
		.sender = SPAN("user@self.test"),
		.identity = SPF_IDENTITY_MAILFROM,
	};
	struct spf_verdict verdict = { .explanation = BUF_LIMIT(SELF_TEST_BYTES),
		.mechanism = BUF_LIMIT(SELF_TEST_BYTES),
		.problem = BUF_LIMIT(SELF_TEST_BYTES) };
	struct replay *replay = replay_new();

	const bool is_right = replay && replay_pin(replay, DNS_TXT, SPAN("self.test"), &answer) &&
			      spf_check(&question, replay, &verdict) && verdict.result == expected;
	buf_free(&verdict.explanation);
	buf_free(&verdict.mechanism);
	buf_free(&verdict.problem);
	replay_free(replay);
	return is_right;
}

bool
spf_check_load(void)
{
	SPF_error_handler = end_process;
	SPF_warning_handler = NULL;
	SPF_info_handler = NULL;
	SPF_debug_handler = NULL;
	return gives(SPAN("v=spf1 ip4:192.0.2.0/24 -all"), SPF_PASS) && gives(SPAN("v=spf1 -all"), SPF_FAIL) &&
	       gives(SPAN("v=spf1 ip4:198.51.100.0/24"), SPF_NEUTRAL);
}
