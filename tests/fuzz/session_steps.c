/* The steps of tests/fuzz/session_steps.h, and the table that numbers them.
 *
 * On failure: BUG.
 */
#include "tests/fuzz/session_steps.h"

enum { TEXT = 255 /* in place of a number of octets: up to the next 0xff */ };

struct step {
	void (*take)(struct stage *stage, struct span argument);
	unsigned octets; /* of the argument */
};

static unsigned
octet(struct span argument, size_t at)
{
	return at < argument.length ? (unsigned char)argument.data[at] : 0;
}

/* --- the client --- */

/* One read of these bytes, as a connection makes it: of a proxy's header no byte too many; how many there were. */
static size_t
read_once(struct session *session, struct span bytes)
{
	struct span piece = span_take(bytes, SESSION_READ_BYTES);

	if (session_awaits_header(session))
		return session_take_header(session, piece);
	session_input(session, piece);
	return piece.length;
}

static void
client_sends(struct stage *stage, struct span bytes)
{
	const struct session *session = stage_session(stage);

	/* While a session waits nothing is read, and a handshake is not for it to see. */
	while (bytes.length && !session_is_waiting(session) && session->state != SESSION_HANDSHAKE)
		bytes = span_skip(bytes, read_once(stage_session(stage), bytes));
}

/* The same octet over and over. */
static void
client_repeats(struct stage *stage, struct span argument)
{
	enum { TIMES = 300 };
	static char bytes[255 * TIMES];
	size_t length = octet(argument, 1) * TIMES;

	memset(bytes, (int)octet(argument, 0), length);
	client_sends(stage, span_make(bytes, length));
}

static void
client_leaves(struct stage *stage, struct span argument)
{
	(void)argument;
	if (!session_is_waiting(stage_session(stage)))
		session_input_ended(stage_session(stage), true);
}

static void
client_resets(struct stage *stage, struct span argument)
{
	(void)argument;
	session_input_ended(stage_session(stage), false);
}

/* Has its kernel acknowledged what was sent, or not? */
static void
client_acknowledges(struct stage *stage, struct span argument)
{
	stage->fixture->is_acknowledged = octet(argument, 0) & 1;
}

static void
next_client(struct stage *stage, struct span argument)
{
	session_free(stage_session(stage));
	stage_connect(stage, octet(argument, 0));
}

/* --- TLS --- */

static void
tls_is_up(struct stage *stage, struct span argument)
{
	static const struct tls_facts agreed = {
		.version = SPAN("TLSv1.3"), .cipher = SPAN("x"), .sni = SPAN("a\r\nb")
	};

	(void)argument;
	if (stage_session(stage)->state != SESSION_HANDSHAKE)
		return;
	witness_sees_tls(&stage->witness);
	session_tls_up(stage_session(stage), &agreed);
}

static void
tls_breaks(struct stage *stage, struct span argument)
{
	static const struct tls_failure failure = { .reason = "protocol", .detail = "", .sent = SPAN("\r\n250 ok") };

	(void)argument;
	if (!session_is_waiting(stage_session(stage)))
		session_tls_failed(stage_session(stage), &failure);
}

static void
tls_ends(struct stage *stage, struct span argument)
{
	(void)argument;
	if (stage_session(stage)->client.tls.is_on && !session_is_waiting(stage_session(stage)))
		session_input_closing(stage_session(stage));
}

static void
tls_has_no_memory(struct stage *stage, struct span argument)
{
	(void)argument;
	if (!session_is_waiting(stage_session(stage)))
		session_no_memory(stage_session(stage));
}

/* --- the side rooms --- */

static void
door_says_announced(struct stage *stage, struct span argument)
{
	(void)fixture_say_announced(stage->fixture, octet(argument, 0) & 1);
}

/* Of a client of whom nothing was said the door says nothing. */
static void
door_says_harvester(struct stage *stage, struct span argument)
{
	(void)argument;
	if (stage_session(stage)->unknown > 0 && !fixture_say_harvester(stage->fixture))
		BUG("what the door says of a client that has tried unknown recipients is out of phase");
}

static void
door_dies(struct stage *stage, struct span argument)
{
	stage->fixture->has_door = octet(argument, 0) & 1;
	session_neighbour_gone(stage_session(stage), ROLE_DOOR);
}

/* The verdict, and who it is; a bit puts somebody where nobody has passed. */
static void
auth_says(struct stage *stage, struct span argument)
{
	static const char *const users[] = { "alice@example.org", "bob@example.org", "", "a\r\nb" };
	unsigned flags = octet(argument, 0);
	enum auth_verdict verdict = (enum auth_verdict)(flags & 7);
	const char *user = verdict == AUTH_PASSED || flags & 0x20 ? users[flags >> 6] : "";

	/* The client hears of it before this returns. */
	if (verdict == AUTH_PASSED && user[0] && stage_session(stage)->wait == WAIT_AUTH)
		witness_sees_login_passed(&stage->witness);
	(void)fixture_say_auth(stage->fixture, verdict, user);
}

static void
auth_dies(struct stage *stage, struct span argument)
{
	stage->fixture->has_auth = octet(argument, 0) & 1;
	session_neighbour_gone(stage_session(stage), ROLE_AUTH);
}

/* The transaction that an answer is for: mostly the last one asked about, else one before or after it. */
static uint32_t
addressee(const struct stage *stage, unsigned choice)
{
	return stage->fixture->transaction + (choice == 0 ? 0 : choice == 1 ? UINT32_MAX : 1);
}

/* Results of HELO and MAIL FROM; the last octet: resolver down, an explanation, another transaction. */
static void
dns_says_spf(struct stage *stage, struct span argument)
{
	struct ipc_message say = { .type = IPC_SPF_SAY, .descriptor = -1 };
	unsigned flags = octet(argument, 2);

	say.spf_say.session = FIXTURE_ID;
	say.spf_say.transaction = addressee(stage, flags >> 2 & 3);
	say.spf_say.helo_result = (uint8_t)octet(argument, 0);
	say.spf_say.mailfrom_result = (uint8_t)octet(argument, 1);
	say.spf_say.resolver_down = flags & 1;
	say.spf_say.explanation = flags & 2 ? SPAN("because\r\n250 ok \xc3\xa9") : SPAN("");
	say.spf_say.problem = SPAN("the record\nis wrong");
	(void)session_hear(stage_session(stage), &say);
}

static void
dns_says_name(struct stage *stage, struct span argument)
{
	(void)fixture_say_name(stage->fixture, (enum iprev_result)(octet(argument, 0) & 7), "client.example");
}

static void
dns_dies(struct stage *stage, struct span argument)
{
	(void)argument;
	stage->fixture->has_dns = false;
	session_neighbour_gone(stage_session(stage), ROLE_DNS);
}

static void
dns_comes(struct stage *stage, struct span argument)
{
	(void)argument;
	stage->fixture->has_dns = true;
}

static void
deliver_says_probe(struct stage *stage, struct span argument)
{
	struct ipc_message say = { .type = IPC_PROBE_SAY, .descriptor = -1 };
	unsigned verdict = octet(argument, 0);
	uint32_t probed = stage->witness.probed;

	say.probe_say.session = FIXTURE_ID;
	say.probe_say.transaction = addressee(stage, verdict >> 4 & 3);
	say.probe_say.verdict = verdict & 7;
	say.probe_say.handle = verdict >> 7 ? 0 : 1 + stage->fixture->asked[IPC_PROBE_ASK];
	say.probe_say.text = SPAN("why\r\nnot");
	/* It is not waited for any more before the session goes on, and may ask the next one. */
	if (say.probe_say.transaction == probed)
		witness_sees_probe_answered(&stage->witness);
	if (!session_hear(stage_session(stage), &say))
		stage->witness.probed = probed;
}

/* The outcome, then one a recipient; where they are due and not given, all are the outcome itself. */
static void
deliver_says_commit(struct stage *stage, struct span argument)
{
	struct ipc_message say = { .type = IPC_COMMIT_SAY, .descriptor = -1 };
	const struct witnessed_commit *commit = &stage->witness.commit;
	static char outcomes[IPC_RECIPIENTS];
	bool awaits = witness_awaits_commit(&stage->witness);
	enum commit_outcome outcome = (enum commit_outcome)(octet(argument, 0) & 7);
	size_t due = commit->is_each && outcome <= COMMIT_DONE_BEFORE ? commit->recipients : 0;
	struct span given = span_take(span_skip(argument, 1), sizeof outcomes);

	memset(outcomes, (int)outcome, sizeof outcomes);
	if (due == 0 || given.length)
		due = given.length;
	for (size_t i = 0; i < given.length; i++)
		outcomes[i] = given.data[i] & 7;
	say.commit_say.session = FIXTURE_ID;
	say.commit_say.transaction = addressee(stage, octet(argument, 0) >> 4 & 3);
	say.commit_say.outcome = (uint8_t)outcome;
	say.commit_say.outcomes = span_make(outcomes, due);
	say.commit_say.receipt = outcome <= COMMIT_DONE_BEFORE ? ++stage->last_receipt : 0;
	say.commit_say.copies = outcome == COMMIT_DONE;
	say.commit_say.text = SPAN("what\r\nwas");
	/* The session goes on at once, so the witness has to know before it, if the answer fits. */
	if (awaits && say.commit_say.transaction == commit->transaction &&
	    witness_fits(&stage->witness, &say.commit_say)) {
		witness_sees_commit_answered(&stage->witness, &say.commit_say);
		if (!session_hear(stage_session(stage), &say))
			BUG("an answer that fits was not taken");
	} else if (session_hear(stage_session(stage), &say) && awaits && !witness_awaits_commit(&stage->witness)) {
		BUG("an answer that does not fit was taken");
	}
}

static void
deliver_dies(struct stage *stage, struct span argument)
{
	(void)argument;
	stage_lose_deliver(stage);
}

static void
deliver_comes(struct stage *stage, struct span argument)
{
	(void)argument;
	stage->fixture->has_deliver = true;
}

/* Who is first at the claim from now on: we, or deliver. */
static void
claim_is_ours(struct stage *stage, struct span argument)
{
	stage->fixture->gives_up = octet(argument, 0) & 1;
}

/* --- the process --- */

/* From half a second to an hour or so. */
static void
time_passes(struct stage *stage, struct span argument)
{
	fixture_pass(stage->fixture, 500ull << octet(argument, 0) % 14);
}

static void
process_drains(struct stage *stage, struct span argument)
{
	bool is_over = octet(argument, 0) & 1;

	stage->fixture->world.is_draining = true;
	session_drain(stage_session(stage), is_over);
}

static void
process_goes_on(struct stage *stage, struct span argument)
{
	(void)argument;
	stage->fixture->world.is_draining = false;
}

static void
tracer_comes_or_goes(struct stage *stage, struct span argument)
{
	stage->is_traced = octet(argument, 0) & 1;
	session_trace_look(stage_session(stage));
}

static void
certificate_comes_or_goes(struct stage *stage, struct span argument)
{
	stage->fixture->has_certificate = octet(argument, 0) & 1;
}

static void
map_comes_or_goes(struct stage *stage, struct span argument)
{
	stage->fixture->has_map = octet(argument, 0) & 1;
}

/* Other sessions have taken the memory budget, or that of the spool, or both, or have given them back. */
static void
budget_is_used_up(struct stage *stage, struct span argument)
{
	const struct config *config = &stage->fixture->config;
	unsigned gone = octet(argument, 0);

	stage->fixture->memory.limit_bytes = gone & 1 ? 0 : config->memory_budget;
	body_store_limit(&stage->fixture->bodies, gone & 2 ? 0 : config->spool_budget);
}

/* Their numbers are part of the seeds: new ones go to the end. */
static const struct step steps[] = {
	{ client_sends, TEXT },
	{ client_repeats, 2 },
	{ client_leaves, 0 },
	{ client_resets, 0 },
	{ client_acknowledges, 1 },
	{ next_client, 1 },
	{ tls_is_up, 0 },
	{ tls_breaks, 0 },
	{ tls_ends, 0 },
	{ tls_has_no_memory, 0 },
	{ dns_says_spf, 3 },
	{ dns_says_name, 1 },
	{ dns_dies, 0 },
	{ dns_comes, 0 },
	{ deliver_says_probe, 1 },
	{ deliver_says_commit, TEXT },
	{ deliver_dies, 0 },
	{ deliver_comes, 0 },
	{ claim_is_ours, 1 },
	{ time_passes, 1 },
	{ process_drains, 1 },
	{ process_goes_on, 0 },
	{ certificate_comes_or_goes, 1 },
	{ map_comes_or_goes, 1 },
	{ budget_is_used_up, 1 },
	{ door_says_announced, 1 },
	{ door_dies, 1 },
	{ auth_says, 1 },
	{ auth_dies, 1 },
	{ tracer_comes_or_goes, 1 },
	{ door_says_harvester, 0 },
};

void
steps_take_one(struct stage *stage, struct span *input)
{
	const struct step *step = &steps[octet(*input, 0) % (sizeof steps / sizeof steps[0])];

	*input = span_skip(*input, 1);
	size_t length = step->octets == TEXT ? span_find(*input, (char)0xff) : step->octets;
	struct span argument = span_take(*input, length);
	*input = span_skip(*input, step->octets == TEXT ? length + 1 : length);
	/* Whoever is overdue is closed at once. */
	if (stage_session(stage)->is_overdue && step->take != next_client)
		return;
	step->take(stage, argument);
	witness_looks(&stage->witness);
	buf_reset(&stage->fixture->out);
}
