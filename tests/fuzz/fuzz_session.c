/* A whole session: any bytes from the client, any answers of dns and deliver in any order, neighbours that die, time
 * that passes, the client gone at any moment. A good answer to the final dot or the last chunk needs a commit that was
 * done, and one DATA, or one series of chunks, makes one commit at most.
 *
 * The input is a list of steps: a byte that says what happens, and for what the client sends a length and the bytes.
 */
#include <stdint.h>

#include "tests/unit/smtpd/session_fixture.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step {
	CLIENT_SENDS, /* the next bytes, up to the next 0xff */
	DNS_SAYS_PASS,
	DNS_SAYS_FAIL,
	DNS_IS_DOWN,
	DNS_SAYS_NAME,
	DNS_DIES,
	DELIVER_TAKES,
	DELIVER_HAS_NO_ROOM,
	DELIVER_DONE,
	DELIVER_DONE_BEFORE,
	DELIVER_TROUBLE,
	DELIVER_DIES,
	TIME_PASSES,
	CLIENT_LEAVES,
	CLIENT_RESETS,
	DRAIN,
	DRAIN_IS_OVER,
	CLAIM_IS_OURS,
	TLS_IS_UP,
	TLS_BREAKS,
	TLS_ENDS,
	CERTIFICATE_COMES_OR_GOES,
	STEPS
};

struct account {
	unsigned commits_begun; /* as the fixture counts them */
	unsigned texts;         /* 354 said, or messages by BDAT that came to a commit */
	uint32_t chunked;       /* the last transaction of the latter */
	unsigned chunked_count;
	unsigned done;      /* commits that deliver said were done, when it was asked */
	unsigned delivered; /* 250 said to a final dot */
};

static unsigned
commits(const struct fixture *fixture)
{
	return fixture->asked[IPC_COMMIT_ASK] + fixture->asked[IPC_COMMIT_FD_ASK];
}

/* A message outlives none of its chunks but in the states that are made for it. */
static void
check_message(const struct session *session, struct account *account)
{
	const struct transaction *transaction = session->transaction;
	const struct message *message = transaction ? transaction->message : NULL;

	if (!message)
		return;
	if (message->is_chunked ? session->state == SESSION_TEXT : session->state != SESSION_TEXT)
		BUG("a message by DATA outside of it, or one by BDAT inside");
	if (message->is_chunked && session->state != SESSION_BDAT && !session->is_in_chunk)
		BUG("a message by BDAT between its chunks in another state");
	if (message->is_chunked && message->commit != FACT_NOT_ASKED && account->chunked != transaction->id) {
		account->chunked = transaction->id;
		account->chunked_count++;
		if (!session->chunk.is_last || session->chunk_left)
			BUG("a commit before the last octet of the last chunk");
	}
}

static void
check(const struct fixture *fixture, struct account *account)
{
	const uint64_t *replies = fixture->world.replies;

	check_message(&fixture->session, account);
	account->texts = (unsigned)replies[REPLY_GO_AHEAD] + account->chunked_count;
	account->delivered = (unsigned)(replies[REPLY_DELIVERED] + replies[REPLY_DELIVERED_BEFORE]);
	if (account->delivered > account->done)
		BUG("a 250 to a final dot without a commit that was done");
	if (commits(fixture) > account->texts)
		BUG("more than one message from one DATA");
	if (fixture->settled_count > account->delivered)
		BUG("a receipt was settled that no 250 belongs to");
	if (fixture->session.state == SESSION_HANDSHAKE &&
	    (fixture->session.transaction || fixture->session.input.length || fixture->session.client.helo.length))
		BUG("something that was said in the clear is left when TLS begins");
	if (fixture->session.is_in_chunk && fixture->session.chunk_left == 0 &&
	    fixture->session.state < SESSION_LINGERING && !session_is_waiting(&fixture->session))
		BUG("a whole chunk is not answered");
}

static void
client_sends(struct fixture *fixture, struct span *rest)
{
	struct span bytes = span_take(*rest, span_find(*rest, (char)0xff));

	*rest = span_skip(*rest, bytes.length + 1);
	while (bytes.length && !session_is_waiting(&fixture->session)) {
		struct span piece = span_take(bytes, SESSION_READ_BYTES);

		fixture_send(fixture, piece);
		bytes = span_skip(bytes, piece.length);
	}
}

static void
commit_is_answered(struct fixture *fixture, enum commit_outcome outcome, struct account *account)
{
	const struct transaction *transaction = fixture->session.transaction;
	bool is_asked = transaction && transaction->id == fixture->transaction && transaction->message &&
			transaction->message->commit == FACT_ASKED;

	if (is_asked && outcome <= COMMIT_DONE_BEFORE)
		account->done++;
	if (fixture_say_commit(fixture, outcome, account->done) && transaction && !is_asked &&
	    transaction->id == fixture->transaction)
		BUG("an answer to a commit that was not asked for was let through");
}

static void
take_tls_step(struct fixture *fixture, enum step step)
{
	static const struct tls_facts agreed = {
		.version = SPAN("TLSv1.3"), .cipher = SPAN("x"), .sni = SPAN("a\r\nb")
	};
	static const struct tls_failure failure = { .reason = "protocol", .detail = "", .sent = SPAN("\r\n250 ok") };
	struct session *session = &fixture->session;

	if (step == CERTIFICATE_COMES_OR_GOES)
		fixture->has_certificate = !fixture->has_certificate;
	else if (session_is_waiting(session))
		return;
	else if (step == TLS_IS_UP && session->state == SESSION_HANDSHAKE)
		session_tls_up(session, &agreed);
	else if (step == TLS_BREAKS)
		session_tls_failed(session, &failure);
	else if (step == TLS_ENDS && session->client.tls.is_on)
		session_input_closing(session);
}

static void
take_step(struct fixture *fixture, enum step step, struct span *rest, struct account *account)
{
	struct session *session = &fixture->session;

	switch (step) {
	case CLIENT_SENDS:
		client_sends(fixture, rest);
		break;
	case DNS_SAYS_PASS:
		(void)fixture_say_spf(fixture, SPF_PASS, SPF_PASS, "");
		break;
	case DNS_SAYS_FAIL:
		(void)fixture_say_spf(fixture, SPF_FAIL, SPF_FAIL, "because\r\n250 ok");
		break;
	case DNS_IS_DOWN:
		(void)fixture_say_resolver_down(fixture);
		break;
	case DNS_SAYS_NAME:
		(void)fixture_say_name(fixture, IPREV_CONFIRMED, "client.example");
		break;
	case DNS_DIES:
		session_neighbour_gone(session, ROLE_DNS);
		break;
	case DELIVER_TAKES:
		(void)fixture_say_probe(fixture, PROBE_TAKES);
		break;
	case DELIVER_HAS_NO_ROOM:
		(void)fixture_say_probe(fixture, PROBE_NO_ROOM);
		break;
	case DELIVER_DONE:
		commit_is_answered(fixture, COMMIT_DONE, account);
		break;
	case DELIVER_DONE_BEFORE:
		commit_is_answered(fixture, COMMIT_DONE_BEFORE, account);
		break;
	case DELIVER_TROUBLE:
		commit_is_answered(fixture, COMMIT_TROUBLE, account);
		break;
	case DELIVER_DIES:
		session_neighbour_gone(session, ROLE_DELIVER);
		break;
	case TIME_PASSES:
		fixture->now_ms += 31000;
		session_tick(session);
		break;
	case CLIENT_LEAVES:
	case CLIENT_RESETS:
		if (!session_is_waiting(session))
			session_input_ended(session, step == CLIENT_LEAVES);
		break;
	case DRAIN:
	case DRAIN_IS_OVER:
		fixture->world.is_draining = true;
		session_drain(session, step == DRAIN_IS_OVER);
		break;
	case CLAIM_IS_OURS:
		fixture->gives_up = !fixture->gives_up;
		break;
	case TLS_IS_UP:
	case TLS_BREAKS:
	case TLS_ENDS:
	case CERTIFICATE_COMES_OR_GOES:
		take_tls_step(fixture, step);
		break;
	case STEPS:
		break;
	}
}

/* The log is not what is tested: standard error goes to /dev/null, but for the fuzzer's own reports. */
int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
	static char silence[] = "-close_fd_mask=2";
	static char *longer[64];

	if (*count > 62)
		return 0;
	memcpy(longer, *arguments, (size_t)*count * sizeof *longer);
	longer[(*count)++] = silence;
	*arguments = longer;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size);
	struct fixture *fixture = fixture_new();
	struct account account = { 0 };
	bool is_outside = rest.length && (rest.data[0] & 0x80);

	fixture_connect(fixture, is_outside ? "192.0.2.7" : "127.0.0.1");
	while (rest.length) {
		enum step step = (enum step)((unsigned char)rest.data[0] & 0x7f) % STEPS;

		rest = span_skip(rest, 1);
		take_step(fixture, step, &rest, &account);
		check(fixture, &account);
		buf_reset(&fixture->out);
	}
	fixture_free(fixture);
	return 0;
}
