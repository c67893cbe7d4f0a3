/* The traces of smtpd/traces.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/traces.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"

enum {
	NETWORKS_BYTES = 16384,
	TAIL_BYTES = 48, /* kept for the end of a line that is cut */
	HEAD_BYTES = 80
};

/* A line in the making. */
struct trace_line {
	char bytes[PIPE_BUF];
	size_t length;
};

void
traces_init(struct traces *traces)
{
	for (unsigned i = 0; i < TRACES_MAX; i++)
		traces->items[i] = (struct trace){ .fd = -1, .networks = BUF_LIMIT(NETWORKS_BYTES) };
}

static void
end(struct trace *trace)
{
	if (trace->fd >= 0)
		(void)close(trace->fd);
	trace->fd = -1;
	trace->lost = 0;
	buf_free(&trace->networks);
}

static struct trace *
find(struct traces *traces, uint32_t id)
{
	for (unsigned i = 0; i < TRACES_MAX; i++)
		if (traces->items[i].fd >= 0 && traces->items[i].id == id)
			return &traces->items[i];
	return NULL;
}

static struct trace *
find_place(struct traces *traces)
{
	for (unsigned i = 0; i < TRACES_MAX; i++)
		if (traces->items[i].fd < 0)
			return &traces->items[i];
	return NULL;
}

bool
traces_add(struct traces *traces, uint32_t id, struct span networks, int fd)
{
	traces_remove(traces, id);
	if (fd < 0)
		return false;
	struct trace *trace = find_place(traces);
	if (!trace) {
		(void)close(fd);
		return false;
	}
	trace->fd = fd;
	trace->id = id;
	trace->lost = 0;
	buf_append(&trace->networks, networks);
	if (buf_ok(&trace->networks))
		return true;
	end(trace);
	return false;
}

void
traces_remove(struct traces *traces, uint32_t id)
{
	struct trace *trace = find(traces, id);

	if (trace)
		end(trace);
}

static bool
follows(const struct trace *trace, const struct peer_address *client)
{
	return trace->fd >= 0 && network_list_contains(buf_span(&trace->networks), client);
}

bool
traces_concern(const struct traces *traces, const struct peer_address *client)
{
	for (unsigned i = 0; i < TRACES_MAX; i++)
		if (follows(&traces->items[i], client))
			return true;
	return false;
}

static void
put(struct trace_line *line, struct span text)
{
	memcpy(line->bytes + line->length, text.data, text.length);
	line->length += text.length;
}

static void
put_byte(struct trace_line *line, char c)
{
	static const char hex[] = "0123456789abcdef";
	const char escape[4] = { '\\', 'x', hex[(unsigned char)c >> 4], hex[c & 15] };

	if (c >= ' ' && c <= '~' && c != '\\')
		put(line, span_make(&c, 1));
	else
		put(line, span_make(escape, sizeof escape));
}

static void
begin(struct trace_line *line, uint64_t session, enum trace_mark mark)
{
	static const char *const marks[] = { [TRACE_CLIENT] = "C: ", [TRACE_SERVER] = "S: ", [TRACE_EVENT] = "* " };
	char time[CLOCK_ISO_SIZE];
	char head[HEAD_BYTES];

	clock_format_iso(clock_wall_us(), time);
	int length = snprintf(head, sizeof head, "%s %016llx %s", time, (unsigned long long)session, marks[mark]);
	line->length = 0;
	put(line, span_make(head, (size_t)length));
}

/* As much of the text as fits, and the line's end. */
static void
finish(struct trace_line *line, struct span text)
{
	char tail[TAIL_BYTES];
	size_t at = 0;

	while (at < text.length && line->length + TAIL_BYTES + 4 <= sizeof line->bytes)
		put_byte(line, text.data[at++]);
	if (at < text.length) {
		int length = snprintf(tail, sizeof tail, " (and %zu octets)", text.length - at);

		put(line, span_make(tail, (size_t)length));
	}
	put(line, SPAN("\n"));
}

/* One line, whole or not at all. False: it is lost. */
static bool
write_line(struct trace *trace, const struct trace_line *line)
{
	ssize_t written;

	do {
		written = write(trace->fd, line->bytes, line->length);
	} while (written < 0 && errno == EINTR);
	if (written == (ssize_t)line->length)
		return true;
	/* Nobody reads it any more, or it is no pipe. */
	if (written >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		end(trace);
	return false;
}

/* Says how many lines are missing here. False: there is no room for that either. */
static bool
say_lost(struct trace *trace)
{
	struct trace_line line;
	char text[TAIL_BYTES];

	if (trace->lost == 0)
		return true;
	int length = snprintf(text, sizeof text, "lines lost here: %llu", (unsigned long long)trace->lost);
	begin(&line, 0, TRACE_EVENT);
	finish(&line, span_make(text, (size_t)length));
	if (!write_line(trace, &line))
		return false;
	trace->lost = 0;
	return true;
}

void
traces_announce(struct traces *traces, uint32_t id, unsigned instance)
{
	struct trace *trace = find(traces, id);
	struct trace_line line;
	char text[TAIL_BYTES];

	if (!trace)
		return;
	int length = snprintf(text, sizeof text, "smtpd.%u is traced from here on", instance);
	begin(&line, 0, TRACE_EVENT);
	finish(&line, span_make(text, (size_t)length));
	(void)write_line(trace, &line);
}

void
traces_write(
    struct traces *traces, const struct peer_address *client, uint64_t session, enum trace_mark mark, struct span text)
{
	struct trace_line line;

	begin(&line, session, mark);
	finish(&line, text);
	for (unsigned i = 0; i < TRACES_MAX; i++) {
		struct trace *trace = &traces->items[i];

		if (!follows(trace, client))
			continue;
		if (!say_lost(trace) || !write_line(trace, &line))
			trace->lost++; /* for nobody, when the trace has ended with this */
	}
}

void
traces_free(struct traces *traces)
{
	for (unsigned i = 0; i < TRACES_MAX; i++)
		end(&traces->items[i]);
}
