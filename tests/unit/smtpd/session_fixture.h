/* A session without sockets: bytes go in by hand, what the engine says and asks is kept to be looked at, and the
 * answers of dns and deliver are given by hand, in any order. Used by the unit tests and by the fuzzer.
 *
 * On failure: BUG; the callers assert what they expect.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_SESSION_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_SESSION_FIXTURE_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bug.h"
#include "smtpd/session.h"
#include "smtpd/session_engine.h"

enum { FIXTURE_SETTLED = 16, FIXTURE_ID = 0x40001 };

struct fixture {
	void *watcher; /* somebody else's */
	struct session_world world;
	struct session session;
	struct config config;
	struct budget memory;
	struct body_store bodies;
	uint64_t now_ms;
	struct buf out;                    /* what the client has heard and fixture_heard() has not taken */
	char heard[65536];                 /* what fixture_heard() took last */
	unsigned asked[IPC_TYPE_COUNT];    /* how many of each kind */
	uint32_t transaction;              /* of the last ASK */
	struct peer_address announced;     /* of the last ANNOUNCED_ASK */
	uint64_t probe_bytes;              /* of the last PROBE_ASK */
	uint64_t deadline_ms;              /* of the last COMMIT */
	struct buf trace;                  /* of the last COMMIT */
	struct buf body;                   /* of the last COMMIT */
	size_t commit_handles;             /* of the last COMMIT */
	bool commit_is_each;               /* of the last COMMIT: each recipient stands for itself */
	struct buf user;                   /* of the last AUTH_ASK */
	struct buf password;               /* of the last AUTH_ASK */
	uint32_t settled[FIXTURE_SETTLED]; /* receipts */
	unsigned settled_count;
	bool has_certificate;
	unsigned handshakes; /* begun */
	bool has_map;
	bool has_door;
	bool has_dns;
	bool has_auth;
	bool has_deliver;
	bool is_acknowledged; /* by the client's kernel */
	bool gives_up;        /* we are first at the claim */
};

static inline struct fixture *
fixture_of(const struct session *session)
{
	return session->owner;
}

static inline uint64_t
fixture_now(void *context)
{
	return ((struct fixture *)context)->now_ms;
}

static inline void
fixture_write(struct session *session, struct span bytes)
{
	buf_append(&fixture_of(session)->out, bytes);
}

static inline void
fixture_keep_commit(struct fixture *fixture, const struct ipc_message *message)
{
	const struct ipc_commit_ask *ask = &message->commit_ask;

	fixture->deadline_ms = ask->deadline_ms;
	fixture->commit_handles = ipc_u32_count(ask->handles);
	fixture->commit_is_each = ask->by_recipient;
	buf_reset(&fixture->trace);
	buf_append(&fixture->trace, ask->trace);
	buf_reset(&fixture->body);
	if (message->type == IPC_COMMIT_ASK) {
		buf_append(&fixture->body, ask->body);
	} else {
		char *to = buf_reserve(&fixture->body, ask->body_bytes);

		if (!to || pread(message->descriptor, to, ask->body_bytes, 0) != (ssize_t)ask->body_bytes)
			BUG("the body in the descriptor is not as long as COMMIT says");
		fixture->body.length = ask->body_bytes;
	}
	if (fixture->body.length != ask->body_bytes)
		BUG("the body is not as long as COMMIT says");
}

static inline void
fixture_keep_credentials(struct fixture *fixture, const struct ipc_auth_ask *ask)
{
	if (ask->user.length > IPC_ADDRESS_BYTES || ask->password.length > IPC_TEXT_BYTES)
		BUG("AUTH_ASK holds more than it has room for");
	buf_reset(&fixture->user);
	buf_append(&fixture->user, ask->user);
	buf_reset(&fixture->password);
	buf_append(&fixture->password, ask->password);
}

static inline bool
fixture_ask(struct session *session, struct ipc_message *message)
{
	struct fixture *fixture = fixture_of(session);
	bool is_for_dns = message->type == IPC_SPF_ASK || message->type == IPC_NAME_ASK;
	bool is_for_auth = message->type == IPC_AUTH_ASK;
	bool is_for_door = message->type == IPC_ANNOUNCED_ASK;
	bool has_hearer = is_for_door   ? fixture->has_door
			  : is_for_dns  ? fixture->has_dns
			  : is_for_auth ? fixture->has_auth
					: fixture->has_deliver;

	if (!has_hearer)
		return false;
	if (is_for_door)
		fixture->announced = message->announced_ask.client;
	fixture->asked[message->type]++;
	if (is_for_auth)
		fixture_keep_credentials(fixture, &message->auth_ask);
	if (message->type == IPC_SPF_ASK)
		fixture->transaction = message->spf_ask.transaction;
	if (message->type == IPC_PROBE_ASK) {
		fixture->transaction = message->probe_ask.transaction;
		fixture->probe_bytes = message->probe_ask.bytes;
	}
	if (message->type == IPC_COMMIT_ASK || message->type == IPC_COMMIT_FD_ASK) {
		fixture->transaction = message->commit_ask.transaction;
		message->commit_ask.claim = 7;
		fixture_keep_commit(fixture, message);
	}
	return true;
}

static inline bool
fixture_give_up(struct session *session, uint32_t claim)
{
	if (claim != 7)
		BUG("another claim than that of the commit is given up");
	return fixture_of(session)->gives_up;
}

static inline bool
fixture_is_acknowledged(struct session *session)
{
	return fixture_of(session)->is_acknowledged;
}

static inline void
fixture_settle(struct session *session, uint32_t receipt)
{
	struct fixture *fixture = fixture_of(session);

	if (fixture->settled_count < FIXTURE_SETTLED)
		fixture->settled[fixture->settled_count] = receipt;
	fixture->settled_count++;
}

/* nobody@: unknown; closed@: refused; moving@: deferred; broken@: a broken record; postmaster: exempt; another domain
 * than example.org: not ours; everybody else is at home, in a mailbox of his own without what stands behind a "+".
 * info@ is alice's too, team@ is alice's and bob's. */
static inline bool
fixture_look_up(struct session *session, struct span address, struct map_result *found)
{
	struct span local = span_take(address, span_find(address, '@'));
	struct span domain = span_skip(address, local.length);

	*found = (struct map_result){ .verdict = MAP_DELIVER, .line = 3, .file = SPAN("recipients"), .count = 1 };
	found->mailboxes[0].path =
	    span_equal(local, SPAN("info")) ? SPAN("alice") : span_take(local, span_find(local, '+'));
	if (span_equal(local, SPAN("team")))
		found->count = 2;
	found->is_postmaster = span_equal_nocase(local, SPAN("postmaster"));
	if (domain.length && !span_equal_nocase(domain, SPAN("@example.org")))
		found->verdict = MAP_NOT_OURS;
	else if (span_equal(local, SPAN("nobody")))
		found->verdict = MAP_UNKNOWN;
	else if (span_equal(local, SPAN("broken")))
		found->verdict = MAP_BROKEN;
	else if (span_equal(local, SPAN("closed")))
		found->verdict = MAP_REFUSE, found->text = SPAN("This address is closed.");
	else if (span_equal(local, SPAN("moving")))
		found->verdict = MAP_DEFER;
	return fixture_of(session)->has_map;
}

static inline bool
fixture_has_tls(const struct session *session)
{
	return fixture_of(session)->has_certificate;
}

static inline bool
fixture_start_tls(struct session *session)
{
	struct fixture *fixture = fixture_of(session);

	if (fixture->has_certificate)
		fixture->handshakes++;
	return fixture->has_certificate;
}

static inline struct config
fixture_config(void)
{
	return (struct config){ .hostname = "mx.example.org",
		.contact = "",
		.contact_url = "",
		.spf_helo_fail = ACTION_DOUBT,
		.spf_mailfrom_softfail = ACTION_DOUBT,
		.spf_mailfrom_fail = ACTION_REFUSE,
		.max_message_size = 65536,
		.max_recipients = 100,
		.max_received = 10,
		.max_errors = 10,
		.max_idle_commands = 20,
		.memory_budget = 1 << 24,
		.spool_budget = 1 << 26,
		.command_timeout = 300000,
		.tls_timeout = 30000,
		.data_timeout = 180000,
		.data_rate = 100,
		.session_idle = 1800000,
		.spf_deadline = 10000,
		.final_reply = 60000,
		.drain_time = 75000 };
}

/* A world with everything there; no session yet. */
static inline struct fixture *
fixture_new(void)
{
	static const struct session_io io = { .now_ms = fixture_now,
		.write = fixture_write,
		.ask = fixture_ask,
		.give_up = fixture_give_up,
		.is_acknowledged = fixture_is_acknowledged,
		.settle = fixture_settle,
		.look_up = fixture_look_up,
		.has_tls = fixture_has_tls,
		.start_tls = fixture_start_tls };
	struct fixture *fixture = calloc(1, sizeof *fixture);

	if (!fixture || !body_store_begin(&fixture->bodies, &fixture->memory, AT_FDCWD, 0))
		BUG("no memory or no SHA-256");
	fixture->config = fixture_config();
	fixture->memory.limit_bytes = fixture->config.memory_budget;
	body_store_limit(&fixture->bodies, fixture->config.spool_budget);
	fixture->now_ms = 1000000;
	fixture->has_map = fixture->has_door = fixture->has_dns = fixture->has_auth = true;
	fixture->has_deliver = fixture->is_acknowledged = true;
	fixture->out = BUF_LIMIT(1 << 20);
	fixture->trace = BUF_LIMIT(IPC_TRACE_BYTES);
	fixture->body = BUF_LIMIT(1 << 26);
	fixture->user = BUF_LIMIT(IPC_ADDRESS_BYTES + 1);
	fixture->password = BUF_LIMIT(IPC_TEXT_BYTES + 1);
	fixture->world = (struct session_world){ .config = &fixture->config,
		.io = &io,
		.context = fixture,
		.memory = &fixture->memory,
		.harvests = rate_table_new(64, 3600ull * 1000 * 1000),
		.bodies = &fixture->bodies,
		.found = malloc(sizeof(struct map_result)),
		.out = BUF_LIMIT(16384),
		.lines = BUF_LIMIT(16384),
		.text = malloc(SESSION_READ_BYTES + 1),
		.next_name = 0x65a0000000000001 };
	return fixture;
}

/* A client from this address calls a listener of this kind, and says nothing yet. */
static inline void
fixture_connect_to(struct fixture *fixture, const char *client, enum listener_role role, enum listener_tls tls)
{
	struct ipc_connection connection = { .listener = SPAN("here"), .role = (uint8_t)role, .tls = (uint8_t)tls };

	if (!peer_parse_ip(span_of(client), &connection.client))
		BUG("a test's client address does not parse");
	session_begin(&fixture->session, &fixture->world, fixture, FIXTURE_ID, &connection);
}

/* A proxy connects, and has not said for whom. */
static inline void
fixture_connect_proxy(struct fixture *fixture, const char *proxy, enum listener_tls tls)
{
	struct ipc_connection connection = { .listener = SPAN("here"), .tls = (uint8_t)tls, .is_proxied = 1 };

	if (!peer_parse_ip(span_of(proxy), &connection.client))
		BUG("a test's proxy address does not parse");
	session_begin(&fixture->session, &fixture->world, fixture, FIXTURE_ID, &connection);
}

static inline void
fixture_connect(struct fixture *fixture, const char *client)
{
	fixture_connect_to(fixture, client, LISTENER_MX, LISTENER_TLS_STARTTLS);
}

/* A client that has made TLS with a listener for users. */
static inline void
fixture_connect_secure(struct fixture *fixture, const char *client)
{
	const struct tls_facts agreed = { .version = SPAN("TLSv1.3"), .cipher = SPAN("TLS_AES_256_GCM_SHA384") };

	fixture->has_certificate = true;
	fixture_connect_to(fixture, client, LISTENER_SUBMISSION, LISTENER_TLS_IMPLICIT);
	session_tls_up(&fixture->session, &agreed);
}

static inline void
fixture_free(struct fixture *fixture)
{
	session_free(&fixture->session);
	if (fixture->memory.used_bytes || fixture->bodies.spool_bytes)
		BUG("a session that has ended still holds memory or spool");
	body_store_end(&fixture->bodies);
	buf_free(&fixture->out);
	buf_free(&fixture->trace);
	buf_free(&fixture->body);
	buf_free(&fixture->user);
	buf_free(&fixture->password);
	buf_free(&fixture->world.out);
	buf_free(&fixture->world.lines);
	rate_table_free(fixture->world.harvests);
	free(fixture->world.found);
	free(fixture->world.text);
	free(fixture);
}

/* The client sends these bytes. */
static inline void
fixture_send(struct fixture *fixture, struct span bytes)
{
	session_input(&fixture->session, bytes);
}

/* What the session keeps besides its arenas and its open transaction: bodies and lines that wait. */
static inline uint64_t
fixture_kept_bytes(const struct fixture *fixture)
{
	const struct session *session = &fixture->session;
	uint64_t arenas = session->arena.used_bytes + session->transaction_arena.used_bytes;

	return fixture->memory.used_bytes - arenas -
	       (session->transaction ? session->transaction->handles.capacity : 0);
}

/* What the client has heard since the last call. */
static inline const char *
fixture_heard(struct fixture *fixture)
{
	struct span text = span_take(buf_span(&fixture->out), sizeof fixture->heard - 1);

	memcpy(fixture->heard, text.data, text.length);
	fixture->heard[text.length] = '\0';
	buf_reset(&fixture->out);
	return fixture->heard;
}

/* Time passes. */
static inline void
fixture_pass(struct fixture *fixture, uint64_t ms)
{
	fixture->now_ms += ms;
	session_tick(&fixture->session);
}

/* --- answers --- */

static inline bool
fixture_say_announced(struct fixture *fixture, bool is_welcome)
{
	struct ipc_message say = { .type = IPC_ANNOUNCED_SAY, .descriptor = -1 };

	say.announced_say.session = FIXTURE_ID;
	say.announced_say.is_welcome = is_welcome;
	return session_hear(&fixture->session, &say);
}

static inline bool
fixture_say_spf(struct fixture *fixture, enum spf_result helo, enum spf_result mailfrom, const char *explanation)
{
	struct ipc_message say = { .type = IPC_SPF_SAY, .descriptor = -1 };

	say.spf_say.session = FIXTURE_ID;
	say.spf_say.transaction = fixture->transaction;
	say.spf_say.helo_result = (uint8_t)helo;
	say.spf_say.mailfrom_result = (uint8_t)mailfrom;
	say.spf_say.elapsed_us = 12000;
	say.spf_say.explanation = span_of(explanation);
	return session_hear(&fixture->session, &say);
}

static inline bool
fixture_say_resolver_down(struct fixture *fixture)
{
	struct ipc_message say = { .type = IPC_SPF_SAY, .descriptor = -1 };

	say.spf_say.session = FIXTURE_ID;
	say.spf_say.transaction = fixture->transaction;
	say.spf_say.helo_result = SPF_TEMPERROR;
	say.spf_say.mailfrom_result = SPF_TEMPERROR;
	say.spf_say.resolver_down = 1;
	return session_hear(&fixture->session, &say);
}

static inline bool
fixture_say_name(struct fixture *fixture, enum iprev_result result, const char *name)
{
	struct ipc_message say = { .type = IPC_NAME_SAY, .descriptor = -1 };

	say.name_say.session = FIXTURE_ID;
	say.name_say.result = (uint8_t)result;
	say.name_say.name = span_of(name);
	return session_hear(&fixture->session, &say);
}

/* user: of whom it is, when the verdict is that he passes. */
static inline bool
fixture_say_auth(struct fixture *fixture, enum auth_verdict verdict, const char *user)
{
	struct ipc_message say = { .type = IPC_AUTH_SAY, .descriptor = -1 };

	say.auth_say.session = FIXTURE_ID;
	say.auth_say.verdict = (uint8_t)verdict;
	say.auth_say.user = span_of(user);
	return session_hear(&fixture->session, &say);
}

static inline bool
fixture_say_probe(struct fixture *fixture, enum probe_verdict verdict)
{
	struct ipc_message say = { .type = IPC_PROBE_SAY, .descriptor = -1 };

	say.probe_say.session = FIXTURE_ID;
	say.probe_say.transaction = fixture->transaction;
	say.probe_say.verdict = (uint8_t)verdict;
	say.probe_say.handle = verdict == PROBE_TAKES ? fixture->asked[IPC_PROBE_ASK] : 0;
	say.probe_say.text = verdict == PROBE_TAKES ? SPAN("") : SPAN("why deliver cannot");
	return session_hear(&fixture->session, &say);
}

/* outcomes: of each recipient, or empty. */
static inline bool
fixture_say_outcomes(struct fixture *fixture, enum commit_outcome outcome, struct span outcomes, uint32_t receipt)
{
	struct ipc_message say = { .type = IPC_COMMIT_SAY, .descriptor = -1 };

	say.commit_say.outcomes = outcomes;
	say.commit_say.session = FIXTURE_ID;
	say.commit_say.transaction = fixture->transaction;
	say.commit_say.outcome = (uint8_t)outcome;
	say.commit_say.receipt = receipt;
	say.commit_say.copies = outcome == COMMIT_DONE ? 1 : 0;
	return session_hear(&fixture->session, &say);
}

/* The same outcome for everybody: where each stands for itself and it is a good one, one a recipient. */
static inline bool
fixture_say_commit(struct fixture *fixture, enum commit_outcome outcome, uint32_t receipt)
{
	char outcomes[IPC_RECIPIENTS];
	bool is_each = fixture->commit_is_each && outcome <= COMMIT_DONE_BEFORE;

	memset(outcomes, (int)outcome, sizeof outcomes);
	return fixture_say_outcomes(
	    fixture, outcome, span_make(outcomes, is_each ? fixture->commit_handles : 0), receipt);
}

/* Answers all questions in the best way, as long as the session waits for one. */
static inline void
fixture_answer_well(struct fixture *fixture)
{
	while (session_is_waiting(&fixture->session)) {
		if (fixture->session.wait == WAIT_DOOR)
			(void)fixture_say_announced(fixture, true);
		else if (fixture->session.wait == WAIT_SPF)
			(void)fixture_say_spf(fixture, SPF_PASS, SPF_PASS, "");
		else if (fixture->session.wait == WAIT_NAME)
			(void)fixture_say_name(fixture, IPREV_NONE, "");
		else if (fixture->session.wait == WAIT_PROBE)
			(void)fixture_say_probe(fixture, PROBE_TAKES);
		else if (fixture->session.wait == WAIT_AUTH)
			(void)fixture_say_auth(fixture, AUTH_PASSED, "alice@example.org");
		else if (fixture->session.wait == WAIT_TARPIT)
			fixture_pass(fixture, fixture->session.deadline_ms - fixture->now_ms);
		else
			(void)fixture_say_commit(fixture, COMMIT_DONE, 99);
	}
}

/* The client sends lines, all questions are answered well; returns what it hears. */
static inline const char *
fixture_talk(struct fixture *fixture, const char *lines)
{
	fixture_send(fixture, span_of(lines));
	fixture_answer_well(fixture);
	return fixture_heard(fixture);
}

#endif
