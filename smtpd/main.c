/* tidegate-smtpd: holds SMTP sessions and message bodies.
 *
 * It gets its clients from the door, asks dns and deliver, and can reach nothing else: no socket of its own, no
 * mailbox, no key. Its only files are nameless ones in its spool folder, and the recipient map it was given.
 *
 * Trust: clients are strangers; everything they send goes through the session engine.
 * On failure: before READY it says why and ends; later a client hears a 4xx.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lookup/map_settings.h"
#include "smtpd/address.h"
#include "smtpd/conn.h"
#include "smtpd/smtpd.h"
#include "smtpd/tracing.h"

enum {
	OUT_BYTES = 1 << 20,
	WIRE_BYTES = 2 * OUT_BYTES, /* the same, in records */
	REPLY_BYTES = 16384,
	WHY_BYTES = 1024,
	BATCH_US = 2000 /* what can wait so long leaves together */
};

static uint64_t
now_ms(void *context)
{
	(void)context;
	return clock_monotonic_ms();
}

static bool
give_up(struct session *session, uint32_t claim)
{
	return handoff_give_up(((struct conn *)session->owner)->smtpd->handoff, claim);
}

static void
settle(struct session *session, uint32_t receipt)
{
	struct smtpd *smtpd = ((struct conn *)session->owner)->smtpd;

	handoff_settle(smtpd->handoff, receipt);
	/* The client may come back at once, to another smtpd, with the same bytes and mean them. */
	neighbours_flush_soon(smtpd);
}

/* An address literal that names another host than the one the client has called. The map cannot tell. */
static bool
is_foreign_literal(const struct conn *conn, struct span address)
{
	struct peer_address literal;

	while (span_find(address, '@') < address.length)
		address = span_skip(address, span_find(address, '@') + 1);
	return address_parse_literal(address, &literal) && !conn_is_called_at(conn, &literal);
}

static bool
look_up(struct session *session, struct span address, struct map_result *result)
{
	const struct conn *conn = session->owner;
	const struct smtpd *smtpd = conn->smtpd;

	if (!smtpd->map)
		return false;
	map_lookup(smtpd->map, &smtpd->map_rules, address, result);
	if (result->verdict == MAP_DELIVER && is_foreign_literal(conn, address))
		result->verdict = MAP_NOT_OURS;
	return true;
}

static const struct session_io session_io = { .now_ms = now_ms,
	.write = conn_write,
	.ask = neighbours_ask,
	.give_up = give_up,
	.is_acknowledged = conn_is_acknowledged,
	.settle = settle,
	.look_up = look_up,
	.has_tls = conn_has_tls,
	.start_tls = conn_start_tls,
	.is_traced = tracing_concerns,
	.trace = tracing_write };

static void
take_config(struct smtpd *smtpd, struct config *config)
{
	config_free(smtpd->config);
	smtpd->config = config;
	smtpd->world.config = config;
	smtpd->map_rules = map_rules_of(config);
	smtpd->memory.limit_bytes = config->memory_budget;
	body_store_limit(&smtpd->bodies, config->spool_budget);
	certificates_follow_policy(smtpd);
}

static bool
configure(struct child *child, struct span bytes)
{
	static struct smtpd smtpd;
	struct config *config = config_decode(bytes);

	if (!config) {
		log_error("the configuration does not decode; master and smtpd are of different versions");
		return false;
	}
	smtpd.child = child;
	child->state = &smtpd;
	take_config(&smtpd, config);
	return true;
}

/* Before the walls: what loads libraries' tables. */
static bool
prepare(struct child *child)
{
	struct smtpd *smtpd = child->state;

	keys_link_init(&smtpd->keys);
	smtpd->tls_library = tls_library_open();
	if (smtpd->tls_library && body_store_begin(&smtpd->bodies, &smtpd->memory, AT_FDCWD, child->instance) &&
	    tls_ground_begin(&smtpd->tls_ground, &smtpd->memory)) {
		body_store_limit(&smtpd->bodies, smtpd->config->spool_budget);
		return true;
	}
	log_error("OpenSSL has no SHA-256 or no TLS here; check the installed library");
	return false;
}

static void
tick(struct conn *conn, void *argument)
{
	(void)argument;
	session_tick(&conn->session);
	conn_turn(conn);
}

/* After a crowd its memory goes back to the kernel: libc would keep what lies between the sessions that have stayed,
 * and a handshake needs twice what is left of it. Not in every sweep, since under load it would be wanted again. */
static void
give_memory_back(struct smtpd *smtpd)
{
	enum { SWEEPS = 5, WORTH_IT = 4 << 20 };

	if (++smtpd->sweeps % SWEEPS == 0 && budget_take_fall(&smtpd->memory, WORTH_IT))
		(void)malloc_trim(0);
}

static void
on_sweep(evutil_socket_t fd, short what, void *argument)
{
	struct smtpd *smtpd = argument;

	(void)fd;
	(void)what;
	uint64_t begun_us = clock_monotonic_us();
	sessions_each(smtpd->sessions, tick, NULL);
	give_memory_back(smtpd);
	uint64_t took_us = clock_monotonic_us() - begun_us;
	if (took_us > smtpd->longest_sweep_us)
		smtpd->longest_sweep_us = took_us;
}

static void
on_batch_timer(evutil_socket_t fd, short what, void *argument)
{
	struct smtpd *smtpd = argument;

	(void)fd;
	(void)what;
	smtpd->is_batch_due = false;
	log_flush();
	neighbours_tell_closed(smtpd);
}

void
smtpd_batch_soon(struct smtpd *smtpd)
{
	static const struct timeval soon = { .tv_usec = BATCH_US };

	if (smtpd->is_batch_due)
		return;
	smtpd->is_batch_due = true;
	(void)event_add(smtpd->batch_timer, &soon);
}

static void
drain_one(struct conn *conn, void *argument)
{
	session_drain(&conn->session, *(const bool *)argument);
	conn_turn(conn);
}

static void
on_drain_end(evutil_socket_t fd, short what, void *argument)
{
	struct smtpd *smtpd = argument;
	bool is_over = true;

	(void)fd;
	(void)what;
	sessions_each(smtpd->sessions, drain_one, &is_over);
	neighbours_flush_soon(smtpd);
}

/* Sessions get names that no other session of this host ever had: time, instance, count. */
static uint64_t
first_name(unsigned instance)
{
	uint64_t now_us = clock_wall_us();

	return now_us / 1000000u << 32 | (uint64_t)(instance & 0xff) << 24 | (now_us & 0xffffff);
}

static bool
start(struct child *child)
{
	struct smtpd *smtpd = child->state;
	struct session_world *world = &smtpd->world;
	const struct timeval second = { .tv_sec = 1 };

	smtpd->out = BUF_LIMIT(OUT_BYTES);
	smtpd->wire = BUF_LIMIT(WIRE_BYTES);
	smtpd->read_bytes = malloc(SESSION_READ_BYTES);
	smtpd->text_bytes = malloc(SESSION_READ_BYTES);
	smtpd->sessions = sessions_new(sizeof(struct conn));
	world->io = &session_io;
	world->context = smtpd;
	world->memory = &smtpd->memory;
	world->bodies = &smtpd->bodies;
	world->found = malloc(sizeof *world->found);
	world->text = malloc(SESSION_READ_BYTES + 1);
	world->out = BUF_LIMIT(REPLY_BYTES);
	world->lines = BUF_LIMIT(REPLY_BYTES);
	world->next_name = first_name(child->instance);
	smtpd->sweep = event_new(child->base, -1, EV_PERSIST, on_sweep, smtpd);
	smtpd->drain_end = event_new(child->base, -1, 0, on_drain_end, smtpd);
	smtpd->batch_timer = event_new(child->base, -1, 0, on_batch_timer, smtpd);
	traces_init(&smtpd->traces);
	log_hold();
	return smtpd->read_bytes && smtpd->text_bytes && smtpd->sessions && world->found && world->text &&
	       smtpd->sweep && smtpd->drain_end && smtpd->batch_timer && neighbours_begin(smtpd) &&
	       event_add(smtpd->sweep, &second) == 0;
}

static bool
on_edge(struct child *child, enum role peer, unsigned peer_instance, int fd)
{
	return neighbours_attach(child->state, peer, peer_instance, fd);
}

static void
on_map(struct child *child, int fd)
{
	struct smtpd *smtpd = child->state;
	struct buf why = BUF_LIMIT(WHY_BYTES);
	struct map *map = map_open(fd, &why);

	if (map) {
		map_close(smtpd->map);
		smtpd->map = map;
	} else {
		log_error("the new recipient map is refused: %.*s; the one in use stays", SPAN_ARG(buf_span(&why)));
	}
	buf_free(&why);
}

static void
on_certificates(struct child *child, int fd)
{
	certificates_take(child->state, fd);
}

static void
on_trace(struct child *child, const struct ipc_message *message)
{
	tracing_take(child->state, message);
}

static void
on_drain(struct child *child)
{
	struct smtpd *smtpd = child->state;
	const struct timeval time = { .tv_sec = (time_t)(smtpd->config->drain_time / 1000) };
	bool is_over = false;

	smtpd->world.is_draining = true;
	sessions_each(smtpd->sessions, drain_one, &is_over);
	(void)event_add(smtpd->drain_end, &time);
	neighbours_flush_soon(smtpd);
}

static void
on_status(struct child *child, struct buf *lines)
{
	smtpd_append_status(child->state, lines);
}

int
main(int argc, char **argv)
{
	static const struct child_program program = { .role = ROLE_SMTPD,
		.configure = configure,
		.prepare = prepare,
		.start = start,
		.on_edge = on_edge,
		.on_map = on_map,
		.on_certificates = on_certificates,
		.on_trace = on_trace,
		.on_drain = on_drain,
		.on_status = on_status };

	return child_main(argc, argv, &program);
}
