/* The steps of tests/fuzz/session_steps.h.
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

static struct session *
session_of(const struct stage *stage)
{
	return &stage->fixture->session;
}

/* --- the world --- */

static struct stage *
stage_of(const struct session *session)
{
	return fixture_of(session)->watcher;
}

static void
watched_write(struct session *session, struct span bytes)
{
	fixture_write(session, bytes);
	witness_hears(&stage_of(session)->witness, session, bytes);
}

static bool
watched_ask(struct session *session, struct ipc_message *message)
{
	bool is_heard = fixture_ask(session, message);

	if (is_heard)
		witness_sees_ask(&stage_of(session)->witness, session, message);
	return is_heard;
}

static void
watched_settle(struct session *session, uint32_t receipt)
{
	fixture_settle(session, receipt);
	witness_sees_receipt(&stage_of(session)->witness, receipt);
}

static bool
watched_is_traced(const struct session *session)
{
	return stage_of(session)->is_traced;
}

static void
watched_trace(struct session *session, enum trace_mark mark, struct span text)
{
	witness_sees_trace(session, mark, text);
}

/* A bit of the setting. */
static bool
is_set(const struct stage *stage, unsigned bit)
{
	return stage->setting[bit / 8] >> bit % 8 & 1;
}

static void
configure(struct stage *stage)
{
	static const enum action actions[] = { ACTION_REFUSE, ACTION_DEFER, ACTION_NOTE, ACTION_DOUBT };
	static const char *trusted[] = { "198.51.100.0/24" };
	static const char *forwarders[] = { "client.example", ".relay.example" };
	struct config *config = &stage->fixture->config;

	config->trusted = (struct config_list){ 1, trusted };
	config->xclient_from = (struct config_list){ 1, trusted };
	if (is_set(stage, 8))
		config->forwarders = (struct config_list){ 2, forwarders };
	config->strict_text = is_set(stage, 9);
	config->bare_newline = is_set(stage, 10) ? BARE_NEWLINE_REFUSE : BARE_NEWLINE_NORMALISE;
	config->max_message_size = is_set(stage, 11) ? 200 : 65536;
	config->max_errors = is_set(stage, 12) ? 3 : 30;
	config->max_recipients = is_set(stage, 13) ? 2 : 100;
	config->resolver_down = is_set(stage, 14) ? RESOLVER_DOWN_DEFER : RESOLVER_DOWN_ACCEPT;
	config->contact = is_set(stage, 15) ? "Call 12345." : "";
	config->contact_url = is_set(stage, 15) ? "https://example.org/mail" : "";
	config->greeting_delay = is_set(stage, 16) ? 3000 : 0;
	config->early_talker = actions[stage->setting[2] >> 1 & 3];
	config->tarpit_after = is_set(stage, 19) ? 1 : 1000;
	config->tarpit_limit = is_set(stage, 20) ? 10000 : 0;
	config->harvest_delay_after = is_set(stage, 21) ? 1 : 1000;
	config->harvest_limit = is_set(stage, 21) ? 3 : 0;
	config->spf_mailfrom_fail = actions[stage->setting[2] >> 6 & 3];
	if (is_set(stage, 24)) {
		stage->fixture->memory.limit_bytes = 30000;
		body_store_limit(&stage->fixture->bodies, 100000);
	}
	stage->fixture->has_certificate = !is_set(stage, 25);
	stage->fixture->has_map = !is_set(stage, 26);
	stage->fixture->has_dns = !is_set(stage, 27);
	stage->fixture->has_deliver = !is_set(stage, 28);
	stage->fixture->is_acknowledged = !is_set(stage, 29);
	/* Too little for the longest replies. */
	if (is_set(stage, 31))
		stage->fixture->world.out.limit_bytes = 90;
}

/* Memory that runs short in the middle of everything. */
static void
shorten_memory(struct stage *stage)
{
	if (!is_set(stage, 30))
		return;
	session_of(stage)->arena.limit_bytes = 1100;
	session_of(stage)->transaction_arena.limit_bytes = 5000;
}

static void
connect_client(struct stage *stage)
{
	static const char *const clients[] = { "127.0.0.1", "192.0.2.7", "198.51.100.7", "2001:db8::7" };
	static const enum listener_tls ways[] = { LISTENER_TLS_STARTTLS, LISTENER_TLS_IMPLICIT, LISTENER_TLS_OFF,
		LISTENER_TLS_STARTTLS };
	struct fixture *fixture = stage->fixture;
	unsigned kind = stage->setting[0];
	struct ipc_connection connection = { .listener = SPAN("here"),
		.role = kind & 4 ? LISTENER_SUBMISSION : LISTENER_MX,
		.tls = (uint8_t)ways[kind >> 3 & 3],
		.is_proxied = kind >> 5 & 1 };

	if (!peer_parse_ip(span_of(clients[kind & 3]), &connection.client))
		BUG("an address does not parse");
	witness_begin(&stage->witness, fixture);
	session_begin(&fixture->session, &fixture->world, fixture, FIXTURE_ID, &connection);
	shorten_memory(stage);
	witness_looks(&stage->witness);
}

void
stage_open(struct stage *stage, struct span *input)
{
	static struct session_io io;

	*stage = (struct stage){ .fixture = fixture_new() };
	for (size_t i = 0; i < sizeof stage->setting; i++)
		stage->setting[i] = (unsigned char)octet(*input, i);
	*input = span_skip(*input, sizeof stage->setting);
	stage->fixture->watcher = stage;
	io = *stage->fixture->world.io;
	io.write = watched_write;
	io.ask = watched_ask;
	io.settle = watched_settle;
	io.is_traced = watched_is_traced;
	io.trace = watched_trace;
	stage->fixture->world.io = &io;
	configure(stage);
	connect_client(stage);
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
	const struct session *session = session_of(stage);

	/* While a session waits nothing is read, and a handshake is not for it to see. */
	while (bytes.length && !session_is_waiting(session) && session->state != SESSION_HANDSHAKE)
		bytes = span_skip(bytes, read_once(session_of(stage), bytes));
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
	if (!session_is_waiting(session_of(stage)))
		session_input_ended(session_of(stage), true);
}

static void
client_resets(struct stage *stage, struct span argument)
{
	(void)argument;
	session_input_ended(session_of(stage), false);
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
	stage->setting[0] = (unsigned char)octet(argument, 0);
	session_free(session_of(stage));
	connect_client(stage);
}

/* --- TLS --- */

static void
tls_is_up(struct stage *stage, struct span argument)
{
	static const struct tls_facts agreed = {
		.version = SPAN("TLSv1.3"), .cipher = SPAN("x"), .sni = SPAN("a\r\nb")
	};

	(void)argument;
	if (session_of(stage)->state != SESSION_HANDSHAKE)
		return;
	witness_sees_tls(&stage->witness);
	session_tls_up(session_of(stage), &agreed);
}

static void
tls_breaks(struct stage *stage, struct span argument)
{
	static const struct tls_failure failure = { .reason = "protocol", .detail = "", .sent = SPAN("\r\n250 ok") };

	(void)argument;
	if (!session_is_waiting(session_of(stage)))
		session_tls_failed(session_of(stage), &failure);
}

static void
tls_ends(struct stage *stage, struct span argument)
{
	(void)argument;
	if (session_of(stage)->client.tls.is_on && !session_is_waiting(session_of(stage)))
		session_input_closing(session_of(stage));
}

static void
tls_has_no_memory(struct stage *stage, struct span argument)
{
	(void)argument;
	if (!session_is_waiting(session_of(stage)))
		session_no_memory(session_of(stage));
}

/* --- the side rooms --- */

static void
door_says_announced(struct stage *stage, struct span argument)
{
	(void)fixture_say_announced(stage->fixture, octet(argument, 0) & 1);
}

static void
door_dies(struct stage *stage, struct span argument)
{
	stage->fixture->has_door = octet(argument, 0) & 1;
	session_neighbour_gone(session_of(stage), ROLE_DOOR);
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
	if (verdict == AUTH_PASSED && user[0] && session_of(stage)->wait == WAIT_AUTH)
		witness_sees_login_passed(&stage->witness);
	(void)fixture_say_auth(stage->fixture, verdict, user);
}

static void
auth_dies(struct stage *stage, struct span argument)
{
	stage->fixture->has_auth = octet(argument, 0) & 1;
	session_neighbour_gone(session_of(stage), ROLE_AUTH);
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
	(void)session_hear(session_of(stage), &say);
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
	session_neighbour_gone(session_of(stage), ROLE_DNS);
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
	if (!session_hear(session_of(stage), &say))
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
		if (!session_hear(session_of(stage), &say))
			BUG("an answer that fits was not taken");
	} else if (session_hear(session_of(stage), &say) && awaits && !witness_awaits_commit(&stage->witness)) {
		BUG("an answer that does not fit was taken");
	}
}

static void
deliver_dies(struct stage *stage, struct span argument)
{
	(void)argument;
	stage->fixture->has_deliver = false;
	witness_sees_deliver_gone(&stage->witness);
	session_neighbour_gone(session_of(stage), ROLE_DELIVER);
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
	session_drain(session_of(stage), is_over);
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
	session_trace_look(session_of(stage));
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
};

void
stage_step(struct stage *stage, struct span *input)
{
	const struct step *step = &steps[octet(*input, 0) % (sizeof steps / sizeof steps[0])];

	*input = span_skip(*input, 1);
	size_t length = step->octets == TEXT ? span_find(*input, (char)0xff) : step->octets;
	struct span argument = span_take(*input, length);
	*input = span_skip(*input, step->octets == TEXT ? length + 1 : length);
	/* Whoever is overdue is closed at once. */
	if (session_of(stage)->is_overdue && step->take != next_client)
		return;
	step->take(stage, argument);
	witness_looks(&stage->witness);
	buf_reset(&stage->fixture->out);
}

void
stage_close(struct stage *stage)
{
	enum { TICKS = 100, TICK_MS = 60000 };
	struct session *session = session_of(stage);

	for (unsigned i = 0; i < TICKS && session->state != SESSION_CLOSED && !session->is_overdue; i++) {
		/* Only a commit that deliver has begun is waited for as long as it takes. */
		if (session->deadline_ms == UINT64_MAX)
			deliver_dies(stage, span_make("", 0));
		fixture_pass(stage->fixture, TICK_MS);
		witness_looks(&stage->witness);
	}
	if (session->state != SESSION_CLOSED && !session->is_overdue)
		BUG("a session that nobody talks to does not end");
	fixture_free(stage->fixture);
}
