/* smtpd/traces.c: whose lines go into which pipe, whole or not at all, and never waiting for a reader.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtpd/traces.h"
#include "tests/unit/values.h"

enum { SESSION = 0x5f3, READ_BYTES = 1 << 20, STAMP_BYTES = 25 };

/* Adds a trace and returns the end to read. */
static int
add(struct traces *traces, uint32_t id, const char *networks)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	assert_true(traces_add(traces, id, span_of(networks), ends[1]));
	return ends[0];
}

/* Everything that is in the pipe, as a C string. */
static const char *
drain(int fd)
{
	static char text[READ_BYTES + 1];
	size_t length = 0;
	ssize_t got;

	do {
		got = read(fd, text + length, READ_BYTES - length);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	text[length] = '\0';
	return text;
}

static void
write_to(struct traces *traces, const char *ip, enum trace_mark mark, struct span text)
{
	const struct peer_address client = peer(ip);

	traces_write(traces, &client, SESSION, mark, text);
}

static void
a_line_has_its_time_session_and_mark(void **state)
{
	struct traces traces;

	(void)state;
	traces_init(&traces);
	int fd = add(&traces, 1, "192.0.2.0/24");
	write_to(&traces, "192.0.2.7", TRACE_CLIENT, SPAN("EHLO \\ \"x\" \xc3\xbc\x1b\0\x7f"));
	const char *line = drain(fd);
	assert_int_equal(line[STAMP_BYTES - 1], ' ');
	assert_string_equal(line + STAMP_BYTES, "00000000000005f3 C: EHLO \\x5c \"x\" \\xc3\\xbc\\x1b\\x00\\x7f\n");
	write_to(&traces, "192.0.2.7", TRACE_SERVER, SPAN("250 mx"));
	assert_string_equal(drain(fd) + STAMP_BYTES, "00000000000005f3 S: 250 mx\n");
	write_to(&traces, "192.0.2.7", TRACE_EVENT, SPAN("ended"));
	assert_string_equal(drain(fd) + STAMP_BYTES, "00000000000005f3 * ended\n");
	traces_announce(&traces, 1, 3);
	assert_string_equal(drain(fd) + STAMP_BYTES, "0000000000000000 * smtpd.3 is traced from here on\n");
	traces_free(&traces);
	assert_int_equal(close(fd), 0);
}

static void
only_matching_clients_are_written(void **state)
{
	const struct peer_address here = peer("192.0.2.7");
	const struct peer_address there = peer("2001:db8::1");
	const struct peer_address elsewhere = peer("198.51.100.1");
	struct traces traces;

	(void)state;
	traces_init(&traces);
	assert_false(traces_concern(&traces, &here));
	int one = add(&traces, 1, "192.0.2.0/24");
	int two = add(&traces, 2, "192.0.2.7 2001:db8::/32");
	assert_true(traces_concern(&traces, &here));
	assert_true(traces_concern(&traces, &there));
	assert_false(traces_concern(&traces, &elsewhere));
	write_to(&traces, "192.0.2.7", TRACE_CLIENT, SPAN("both"));
	write_to(&traces, "2001:db8::1", TRACE_CLIENT, SPAN("second"));
	write_to(&traces, "198.51.100.1", TRACE_CLIENT, SPAN("nobody"));
	const char *first = drain(one);
	assert_non_null(strstr(first, "both"));
	assert_null(strstr(first, "second"));
	const char *second = drain(two);
	assert_non_null(strstr(second, "both"));
	assert_non_null(strstr(second, "second"));
	assert_null(strstr(second, "nobody"));
	traces_remove(&traces, 2);
	traces_remove(&traces, 99);
	assert_false(traces_concern(&traces, &there));
	assert_int_equal(read(two, (char[1]){ 0 }, 1), 0);
	traces_free(&traces);
	assert_int_equal(close(one), 0);
	assert_int_equal(close(two), 0);
}

static void
there_are_so_many_and_no_more(void **state)
{
	struct traces traces;
	int fds[TRACES_MAX + 1];
	int ends[2];

	(void)state;
	traces_init(&traces);
	for (unsigned i = 0; i < TRACES_MAX; i++)
		fds[i] = add(&traces, i + 1, "192.0.2.0/24");
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	assert_false(traces_add(&traces, 9, SPAN("192.0.2.0/24"), ends[1]));
	assert_int_equal(fcntl(ends[1], F_GETFD), -1);
	assert_int_equal(close(ends[0]), 0);
	/* The same once more takes its own place. */
	fds[TRACES_MAX] = add(&traces, 1, "192.0.2.0/24");
	assert_int_equal(read(fds[0], (char[1]){ 0 }, 1), 0);
	traces_free(&traces);
	for (unsigned i = 0; i <= TRACES_MAX; i++)
		assert_int_equal(close(fds[i]), 0);
}

/* A process without descriptors gets none from the master either. What was asked for then must not come over whoever
 * takes the place after. */
static void
without_a_pipe_there_is_no_trace(void **state)
{
	const struct peer_address here = peer("192.0.2.7");
	const struct peer_address there = peer("198.51.100.1");
	struct traces traces;

	(void)state;
	traces_init(&traces);
	assert_false(traces_add(&traces, 1, SPAN("192.0.2.0/24 "), -1));
	int fd = add(&traces, 2, "198.51.100.0/24");
	assert_true(traces_concern(&traces, &there));
	assert_false(traces_concern(&traces, &here));
	traces_free(&traces);
	assert_int_equal(close(fd), 0);
}

/* Lines are at most PIPE_BUF bytes, so that none is ever torn. */
static void
a_long_line_is_cut_and_says_so(void **state)
{
	struct traces traces;
	char text[READ_BYTES / 64];

	(void)state;
	memset(text, 0xff, sizeof text);
	traces_init(&traces);
	int fd = add(&traces, 1, "192.0.2.0/24");
	write_to(&traces, "192.0.2.7", TRACE_CLIENT, span_make(text, sizeof text));
	const char *line = drain(fd);
	assert_true(strlen(line) <= PIPE_BUF && strlen(line) > PIPE_BUF - 64);
	assert_non_null(strstr(line, "\\xff (and "));
	size_t shown = 0;
	for (const char *at = strstr(line, "\\xff"); at; at = strstr(at + 1, "\\xff"))
		shown++;
	assert_int_equal(shown + strtoul(strstr(line, "(and ") + 5, NULL, 10), sizeof text);
	assert_string_equal(line + strlen(line) - 8, "octets)\n");
	traces_free(&traces);
	assert_int_equal(close(fd), 0);
}

static void
a_full_pipe_loses_whole_lines_and_says_how_many(void **state)
{
	enum { LINES = 2000 };
	struct traces traces;
	unsigned whole = 0;
	unsigned long lost = 0;
	char text[] = "NOOP 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789";

	(void)state;
	traces_init(&traces);
	int fd = add(&traces, 1, "192.0.2.0/24");
	for (unsigned i = 0; i < LINES; i++)
		write_to(&traces, "192.0.2.7", TRACE_CLIENT, span_of(text));
	struct span rest = span_of(drain(fd));
	while (rest.length) {
		struct span line = span_take(rest, span_find(rest, '\n'));

		assert_true(line.length < rest.length);
		assert_true(span_equal(span_skip(line, STAMP_BYTES + 20), span_of(text)));
		rest = span_skip(rest, line.length + 1);
		whole++;
	}
	assert_true(whole > 0 && whole < LINES);
	write_to(&traces, "192.0.2.7", TRACE_CLIENT, SPAN("after"));
	const char *said = drain(fd);
	const char *count = strstr(said, "* lines lost here: ");
	assert_non_null(count);
	lost = strtoul(count + strlen("* lines lost here: "), NULL, 10);
	assert_int_equal(whole + lost, LINES);
	assert_non_null(strstr(said, "C: after\n"));
	traces_free(&traces);
	assert_int_equal(close(fd), 0);
}

static void
a_trace_without_a_reader_ends(void **state)
{
	const struct peer_address client = peer("192.0.2.7");
	struct traces traces;

	(void)state;
	traces_init(&traces);
	int gone = add(&traces, 1, "192.0.2.0/24");
	int here = add(&traces, 2, "192.0.2.0/24");
	assert_int_equal(close(gone), 0);
	write_to(&traces, "192.0.2.7", TRACE_CLIENT, SPAN("NOOP"));
	assert_int_equal(traces.items[0].fd, -1);
	assert_non_null(strstr(drain(here), "NOOP"));
	/* Whoever comes next in its place has lost nothing. */
	int next = add(&traces, 3, "192.0.2.0/24");
	assert_int_equal(traces.items[0].id, 3);
	write_to(&traces, "192.0.2.7", TRACE_CLIENT, SPAN("RSET"));
	assert_null(strstr(drain(next), "lost"));
	traces_remove(&traces, 3);
	assert_int_equal(close(next), 0);
	assert_true(traces_concern(&traces, &client));
	traces_free(&traces);
	assert_false(traces_concern(&traces, &client));
	assert_int_equal(close(here), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_its_time_session_and_mark),
		cmocka_unit_test(only_matching_clients_are_written),
		cmocka_unit_test(there_are_so_many_and_no_more),
		cmocka_unit_test(without_a_pipe_there_is_no_trace),
		cmocka_unit_test(a_long_line_is_cut_and_says_so),
		cmocka_unit_test(a_full_pipe_loses_whole_lines_and_says_how_many),
		cmocka_unit_test(a_trace_without_a_reader_ends),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
