/* The stage of tests/fuzz/session_stage.h.
 *
 * On failure: BUG.
 */
#include "tests/fuzz/session_stage.h"

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
	config->harvest_rate_per_address = 100;
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
	stage_session(stage)->arena.limit_bytes = 1100;
	stage_session(stage)->transaction_arena.limit_bytes = 5000;
}

void
stage_connect(struct stage *stage, unsigned kind)
{
	static const char *const clients[] = { "127.0.0.1", "192.0.2.7", "198.51.100.7", "2001:db8::7" };
	static const enum listener_tls ways[] = { LISTENER_TLS_STARTTLS, LISTENER_TLS_IMPLICIT, LISTENER_TLS_OFF,
		LISTENER_TLS_STARTTLS };
	struct fixture *fixture = stage->fixture;
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
		stage->setting[i] = i < input->length ? (unsigned char)input->data[i] : 0;
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
	stage_connect(stage, stage->setting[0]);
}

void
stage_lose_deliver(struct stage *stage)
{
	stage->fixture->has_deliver = false;
	witness_sees_deliver_gone(&stage->witness);
	session_neighbour_gone(stage_session(stage), ROLE_DELIVER);
}

void
stage_close(struct stage *stage)
{
	enum { TICKS = 100, TICK_MS = 60000 };
	struct session *session = stage_session(stage);

	for (unsigned i = 0; i < TICKS && session->state != SESSION_CLOSED && !session->is_overdue; i++) {
		/* Only a commit that deliver has begun is waited for as long as it takes. */
		if (session->deadline_ms == UINT64_MAX)
			stage_lose_deliver(stage);
		fixture_pass(stage->fixture, TICK_MS);
		witness_looks(&stage->witness);
	}
	if (session->state != SESSION_CLOSED && !session->is_overdue)
		BUG("a session that nobody talks to does not end");
	fixture_free(stage->fixture);
}
