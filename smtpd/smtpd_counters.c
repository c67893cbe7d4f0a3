/* The counters of tidegate-smtpd for `tidegate status`: lines of "name value" (smtpd/smtpd.h).
 *
 * On failure: the buffer's sticky error.
 */
#include "smtpd/smtpd.h"

static void
append(struct buf *lines, const char *prefix, const char *name, uint64_t value)
{
	buf_append_text(lines, prefix);
	buf_append_text(lines, name);
	buf_append_char(lines, ' ');
	buf_append_u64(lines, value);
	buf_append_char(lines, '\n');
}

static const char *
prefix_of(enum reply_id id)
{
	unsigned kind = reply_code(id) / 100;

	if (reply_code(id) == 421)
		return "dismissed.";
	if (kind == 2)
		return "accepted.";
	return kind == 4 ? "deferred." : "refused.";
}

static bool
is_same_counter(enum reply_id a, enum reply_id b)
{
	return prefix_of(a) == prefix_of(b) && strcmp(reply_reason(a), reply_reason(b)) == 0;
}

/* Replies with the same reason are one counter, counted where the first of them stands. */
static void
append_reason(const struct session_world *world, enum reply_id id, struct buf *lines)
{
	uint64_t sum = 0;

	for (unsigned other = 0; other < REPLY_COUNT; other++) {
		if (!is_same_counter(id, (enum reply_id)other))
			continue;
		if (other < id)
			return;
		sum += world->replies[other];
	}
	append(lines, prefix_of(id), reply_reason(id), sum);
}

void
smtpd_append_status(const struct smtpd *smtpd, struct buf *lines)
{
	const struct session_world *world = &smtpd->world;

	append(lines, "", "sessions", sessions_count(smtpd->sessions));
	append(lines, "", "sessions-total", world->sessions_begun);
	append(lines, "", "clients-lost", smtpd->lost_clients);
	append(lines, "", "longest-sweep-us", smtpd->longest_sweep_us);
	append(lines, "", "tls-handshakes", world->tls_handshakes);
	append(lines, "", "tls-handshakes-failed", world->tls_failed);
	append(lines, "", "tls-broken", world->tls_broken);
	append(lines, "", "bytes-accepted", world->bytes_accepted);
	append(lines, "", "answers-delayed", world->tarpits);
	append(lines, "", "memory-bytes", smtpd->memory.used_bytes);
	append(lines, "", "memory-peak-bytes", smtpd->memory.peak_bytes);
	append(lines, "", "memory-budget-bytes", smtpd->memory.limit_bytes);
	append(lines, "", "memory-refusals", smtpd->memory.refusals);
	append(lines, "", "body-spool-bytes", smtpd->bodies.spool_bytes);
	for (unsigned id = 0; id < REPLY_COUNT; id++)
		if (reply_reason((enum reply_id)id)[0])
			append_reason(world, (enum reply_id)id, lines);
}
