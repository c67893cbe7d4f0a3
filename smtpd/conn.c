/* The connections of smtpd/conn.h.
 *
 * Reads are one call a readiness. While a session waits for another process the read event stays in place, since
 * most clients stay silent then; it is taken away only when the client talks all the same.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "smtpd/smtpd.h"

enum {
	UNSENT_BYTES = 1 << 20,
	/* What a connection costs from the first moment: itself, its place in the set, what libevent keeps for its
	 * descriptor, and what malloc keeps for all of them. */
	CONN_BYTES = sizeof(struct conn) + 256
};

static void on_ready(evutil_socket_t fd, short what, void *argument);

void
conn_write(struct session *session, struct span bytes)
{
	struct conn *conn = session->owner;

	buf_append(&conn->smtpd->out, bytes);
}

bool
conn_is_acknowledged(struct session *session)
{
	const struct conn *conn = session->owner;
	int unacknowledged = 0;

	return conn->unsent.length == 0 && conn->smtpd->out.length == 0 &&
	       ioctl(conn->fd, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
}

bool
conn_is_called_at(const struct conn *conn, const struct peer_address *address)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof name;

	struct peer_address local = conn->session.client.called;
	if (!local.family) {
		if (getsockname(conn->fd, (struct sockaddr *)&name, &length) != 0)
			return false;
		local = peer_from_sockaddr(&name);
	}
	return local.family == address->family && memcmp(local.ip, address->ip, sizeof local.ip) == 0;
}

static bool
set_interest(struct conn *conn, enum conn_interest interest)
{
	short what = interest == CONN_WRITING ? EV_WRITE : EV_READ;

	if (conn->interest == interest)
		return true;
	if (conn->interest != CONN_NOTHING)
		(void)event_del(&conn->event);
	conn->interest = CONN_NOTHING;
	if (interest == CONN_NOTHING)
		return true;
	if (event_assign(
		&conn->event, conn->smtpd->child->base, conn->fd, (short)(what | EV_PERSIST), on_ready, conn) != 0 ||
	    event_add(&conn->event, NULL) != 0)
		return false;
	conn->interest = (uint8_t)interest;
	return true;
}

/* Sends as much as the kernel takes. False: the connection is dead. */
static bool
send_some(int fd, struct span bytes, int more, size_t *sent)
{
	ssize_t result;

	*sent = 0;
	do {
		result = send(fd, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT | more);
	} while (result < 0 && errno == EINTR);
	if (result < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM;
	*sent = (size_t)result;
	return true;
}

/* Keeps what was said in this turn, to be sent with what comes next. */
static bool
keep_for_later(struct conn *conn, struct buf *said)
{
	bool is_whole = buf_ok(said);

	buf_append(&conn->unsent, buf_span(said));
	buf_reset(said);
	return is_whole && buf_ok(&conn->unsent);
}

/* Sends what was said in this turn, behind what earlier turns have left. The replies to pipelined commands leave
 * together (RFC 2920 3.2): not while one of them waits. */
static bool
flush(struct conn *conn)
{
	struct buf *said = conn->tls ? conn_tls_said(conn) : &conn->smtpd->out;
	/* The last words leave with the FIN that follows, in one segment. */
	int more = session_has_said_all(&conn->session) ? MSG_MORE : 0;
	bool is_alive;
	size_t sent;

	if (session_is_waiting(&conn->session))
		return keep_for_later(conn, said);
	if (conn->unsent.length || !buf_ok(said)) {
		if (!keep_for_later(conn, said) || !send_some(conn->fd, buf_span(&conn->unsent), more, &sent))
			return false;
		buf_consume(&conn->unsent, sent);
		if (conn->unsent.length == 0)
			buf_free(&conn->unsent);
		return true;
	}
	if (said->length == 0)
		return true;
	is_alive = send_some(conn->fd, buf_span(said), more, &sent);
	buf_append(&conn->unsent, span_skip(buf_span(said), sent));
	buf_reset(said);
	return is_alive && buf_ok(&conn->unsent);
}

static void
end(struct conn *conn)
{
	struct smtpd *smtpd = conn->smtpd;
	uint32_t id = conn->session.id;

	(void)set_interest(conn, CONN_NOTHING);
	if (conn->has_door_id)
		neighbours_report_closed(smtpd, conn->door_id, conn->is_near_cap);
	(void)close(conn->fd);
	session_free(&conn->session);
	tls_free(conn->tls);
	buf_free(&conn->unsent);
	sessions_remove(smtpd->sessions, id);
	budget_give(&smtpd->memory, CONN_BYTES);
	/* The last one to go ends a drain. */
	if (smtpd->world.is_draining)
		neighbours_flush_soon(smtpd);
	smtpd_batch_soon(smtpd);
}

static enum conn_interest
wanted(const struct conn *conn)
{
	/* A client that talked while its session waited is not listened to until the wait is over. */
	if (session_is_waiting(&conn->session))
		return conn->interest == CONN_NOTHING ? CONN_NOTHING : CONN_READING;
	return conn->unsent.length ? CONN_WRITING : CONN_READING;
}

static void
send_fin(struct conn *conn)
{
	if (!conn->session.sends_fin || conn->has_sent_fin || conn->unsent.length)
		return;
	(void)shutdown(conn->fd, SHUT_WR);
	conn->has_sent_fin = true;
}

void
conn_turn(struct conn *conn)
{
	struct session *session = &conn->session;

	if (conn->tls)
		conn_tls_act(conn);
	if (!flush(conn))
		session_input_ended(session, false);
	if (log_has_held())
		smtpd_batch_soon(conn->smtpd);
	send_fin(conn);
	bool is_over = session->is_overdue || (session->state == SESSION_CLOSED && conn->unsent.length == 0);
	if (is_over || !set_interest(conn, wanted(conn)))
		end(conn);
}

void
conn_hear(struct conn *conn, char *bytes, size_t length)
{
	bool is_secret = session_awaits_secret(&conn->session);

	session_input(&conn->session, span_make(bytes, length));
	if (is_secret)
		explicit_bzero(bytes, length);
}

/* Of a proxy's bytes exactly the header is taken: what follows belongs to whoever reads next, be it TLS. */
static void
receive_header(struct conn *conn)
{
	struct session *session = &conn->session;
	char *bytes = conn->smtpd->read_bytes;
	ssize_t got = recv(conn->fd, bytes, SESSION_READ_BYTES, MSG_DONTWAIT | MSG_PEEK);

	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (got <= 0) {
		session_input_ended(session, got == 0);
		return;
	}
	size_t taken = session_take_header(session, span_make(bytes, (size_t)got));
	if (recv(conn->fd, bytes, taken, MSG_DONTWAIT) != (ssize_t)taken)
		session_input_ended(session, false);
}

static void
receive(struct conn *conn)
{
	struct session *session = &conn->session;
	char *bytes = conn->smtpd->read_bytes;
	size_t room = session_takes_text(session) ? SESSION_READ_BYTES : SESSION_READ_COMMAND_BYTES;

	/* What earlier reads have brought of a record comes out with the rest of it. */
	if (conn->tls && room > SESSION_READ_BYTES - TLS_RECORD_BYTES)
		room = SESSION_READ_BYTES - TLS_RECORD_BYTES;
	ssize_t got = recv(conn->fd, bytes, room, MSG_DONTWAIT);
	session->has_unread = got == (ssize_t)room;
	if (got > 0 && conn->tls)
		conn_tls_receive(conn, span_make(bytes, (size_t)got));
	else if (got > 0)
		conn_hear(conn, bytes, (size_t)got);
	else if (got == 0)
		session_input_ended(session, !(conn->tls && tls_is_inside_record(conn->tls)));
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		session_input_ended(session, false);
}

static void
on_ready(evutil_socket_t fd, short what, void *argument)
{
	struct conn *conn = argument;

	(void)fd;
	if (what & EV_READ) {
		if (session_is_waiting(&conn->session)) {
			(void)set_interest(conn, CONN_NOTHING);
			conn->session.has_unread = true;
			return;
		}
		if (session_awaits_header(&conn->session))
			receive_header(conn);
		else
			receive(conn);
	}
	conn_turn(conn);
}

/* There is no place for this client: it hears so, if one write is enough. */
void
conn_turn_away(struct smtpd *smtpd, int fd, uint32_t door_id, enum reply_id why)
{
	struct reply reply = { .id = why, .details = { span_of(smtpd->config->hostname) } };
	size_t sent;

	reply_format(&reply, smtpd->config, &smtpd->out);
	/* At once: a proxy may have said something already, and the kernel forgets what is unsent when that is not
	 * read. */
	(void)send_some(fd, buf_span(&smtpd->out), 0, &sent);
	buf_reset(&smtpd->out);
	smtpd->world.replies[reply.id]++;
	(void)close(fd);
	neighbours_report_closed(smtpd, door_id, true);
}

/* A new connection, paid for; NULL, and why, when there is no place for one. */
static struct conn *
make_conn(struct smtpd *smtpd, uint32_t *id, enum reply_id *why)
{
	*why = REPLY_NO_MEMORY_LEFT;
	if (!budget_take(&smtpd->memory, BUDGET_NEWCOMER, CONN_BYTES))
		return NULL;
	if (sessions_count(smtpd->sessions) >= smtpd->config->max_connections)
		*why = REPLY_TOO_MANY_SESSIONS;
	struct conn *conn = sessions_add(smtpd->sessions, smtpd->config->max_connections, id);
	if (!conn)
		budget_give(&smtpd->memory, CONN_BYTES);
	return conn;
}

void
conn_open(struct smtpd *smtpd, int fd, const struct ipc_connection *connection)
{
	enum reply_id why;
	uint32_t id;
	struct conn *conn = make_conn(smtpd, &id, &why);

	if (!conn) {
		conn_turn_away(smtpd, fd, connection->id, why);
		return;
	}
	conn->smtpd = smtpd;
	conn->fd = fd;
	conn->door_id = connection->id;
	conn->is_near_cap = connection->is_near_cap;
	conn->has_door_id = true;
	conn->unsent = BUF_PAID_BY(&smtpd->memory, UNSENT_BYTES);
	session_begin(&conn->session, &smtpd->world, conn, id, connection);
	conn_turn(conn);
}
