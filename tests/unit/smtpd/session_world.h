/* The world of a session without sockets: a clock that tests move, neighbours that take questions and keep them to be
 * looked at, a map, a budget. The session itself: session_fixture.h.
 *
 * On failure: BUG; the callers assert what they expect.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_SESSION_WORLD_H
#define TIDEGATE_TESTS_UNIT_SMTPD_SESSION_WORLD_H

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
	struct peer_address harvester;     /* of the last HARVEST */
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
	bool takes_commits;   /* where has_deliver */
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
	bool is_for_door = message->type == IPC_ANNOUNCED_ASK || message->type == IPC_HARVEST;
	bool is_commit = message->type == IPC_COMMIT_ASK || message->type == IPC_COMMIT_FD_ASK;
	bool has_hearer = is_for_door   ? fixture->has_door
			  : is_for_dns  ? fixture->has_dns
			  : is_for_auth ? fixture->has_auth
					: fixture->has_deliver && (!is_commit || fixture->takes_commits);

	if (!has_hearer)
		return false;
	if (message->type == IPC_HARVEST)
		fixture->harvester = message->harvest.client;
	if (message->type == IPC_ANNOUNCED_ASK)
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
	if (is_commit) {
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
	found->key = address;
	found->mailboxes[0].address = span_equal(local, SPAN("info")) ? SPAN("alice@example.org") : address;
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
	fixture->has_deliver = fixture->takes_commits = fixture->is_acknowledged = true;
	fixture->out = BUF_LIMIT(1 << 20);
	fixture->trace = BUF_LIMIT(IPC_TRACE_BYTES);
	fixture->body = BUF_LIMIT(1 << 26);
	fixture->user = BUF_LIMIT(IPC_ADDRESS_BYTES + 1);
	fixture->password = BUF_LIMIT(IPC_TEXT_BYTES + 1);
	fixture->world = (struct session_world){ .config = &fixture->config,
		.io = &io,
		.context = fixture,
		.memory = &fixture->memory,
		.bodies = &fixture->bodies,
		.found = malloc(sizeof(struct map_result)),
		.out = BUF_LIMIT(16384),
		.lines = BUF_LIMIT(16384),
		.text = malloc(SESSION_READ_BYTES + 1),
		.next_name = 0x65a0000000000001 };
	return fixture;
}

#endif
