/* A session without sockets: bytes go in by hand, what the engine says and asks is kept to be looked at, and the
 * answers of dns and deliver are given by hand, in any order. Used by the unit tests and by the fuzzer.
 *
 * On failure: BUG; the callers assert what they expect.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_SESSION_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_SESSION_FIXTURE_H

#include "tests/unit/smtpd/session_world.h"

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
fixture_say_harvester(struct fixture *fixture)
{
	const struct ipc_message say = { .type = IPC_HARVESTER, .descriptor = -1, .harvester.session = FIXTURE_ID };

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

/* The client sends lines so many octets at a time, and each question is answered well before it sends on. */
static inline void
fixture_send_pieces(struct fixture *fixture, const char *lines, size_t piece)
{
	for (struct span rest = span_of(lines); rest.length; rest = span_skip(rest, piece)) {
		fixture_send(fixture, span_take(rest, piece));
		fixture_answer_well(fixture);
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
