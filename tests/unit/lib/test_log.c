/* lib/log.c: each line has the documented grammar and is one write, whatever is put into it.
 *
 * Standard error is a socket that keeps the bounds of each write while a test runs.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"

enum { READ_BYTES = 65536, PAIRS = 16, VALUE_BYTES = 16384 };

struct pair {
	struct span key;
	char *value;
	size_t length;
};

struct capture {
	int kept_stderr;
	int reader;
	char text[READ_BYTES];
	struct span line;
	struct pair pairs[PAIRS];
	size_t count;
	char values[VALUE_BYTES];
	size_t values_length;
};

static struct capture capture;

static int
begin_capture(void **state)
{
	int ends[2];

	(void)state;
	log_set_process("test.0");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	capture.kept_stderr = dup(STDERR_FILENO);
	capture.reader = ends[0];
	if (dup2(ends[1], STDERR_FILENO) < 0)
		return -1;
	return close(ends[1]);
}

static int
end_capture(void **state)
{
	(void)state;
	(void)dup2(capture.kept_stderr, STDERR_FILENO);
	(void)close(capture.kept_stderr);
	return close(capture.reader);
}

static unsigned
hex_digit(char c)
{
	assert_true((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void
keep_byte(struct pair *pair, unsigned c)
{
	assert_true(capture.values_length < VALUE_BYTES);
	capture.values[capture.values_length++] = (char)c;
	pair->length++;
}

/* A quoted value behind its opening quote; returns how many bytes it has with the closing one. */
static size_t
take_quoted(struct span rest, struct pair *pair)
{
	size_t i = 0;

	for (; i < rest.length && rest.data[i] != '"'; i++) {
		assert_true(rest.data[i] >= ' ' && rest.data[i] <= '~');
		if (rest.data[i] != '\\') {
			keep_byte(pair, (unsigned char)rest.data[i]);
			continue;
		}
		assert_true(i + 3 < rest.length && rest.data[i + 1] == 'x');
		keep_byte(pair, hex_digit(rest.data[i + 2]) << 4 | hex_digit(rest.data[i + 3]));
		i += 3;
	}
	assert_true(i < rest.length);
	return i + 1;
}

static size_t
take_bare(struct span rest, struct pair *pair)
{
	size_t i = 0;

	for (; i < rest.length && rest.data[i] != ' '; i++) {
		assert_true(rest.data[i] > ' ' && rest.data[i] <= '~');
		assert_null(strchr("\"\\=", rest.data[i]));
		keep_byte(pair, (unsigned char)rest.data[i]);
	}
	assert_true(i > 0);
	return i;
}

/* One pair, by the grammar in lib/log.h; returns how many bytes it has. */
static size_t
take_pair(struct span rest)
{
	struct pair *pair = &capture.pairs[capture.count++];
	size_t equals = span_find(rest, '=');

	assert_true(capture.count <= PAIRS);
	assert_true(equals > 0 && equals < rest.length);
	for (size_t i = 0; i < equals; i++)
		assert_true((rest.data[i] >= 'a' && rest.data[i] <= 'z') || rest.data[i] == '-' ||
			    (rest.data[i] >= '0' && rest.data[i] <= '9'));
	pair->key = span_take(rest, equals);
	pair->value = capture.values + capture.values_length;
	pair->length = 0;
	rest = span_skip(rest, equals + 1);
	if (rest.length && rest.data[0] == '"')
		return equals + 2 + take_quoted(span_skip(rest, 1), pair);
	return equals + 1 + take_bare(rest, pair);
}

/* Takes the next write, which must be one whole line, apart. */
static void
read_line(void)
{
	ssize_t got = recv(capture.reader, capture.text, sizeof capture.text, MSG_DONTWAIT);

	assert_true(got > 0);
	capture.line = span_make(capture.text, (size_t)got - 1);
	capture.count = 0;
	capture.values_length = 0;
	assert_int_equal(capture.text[got - 1], '\n');
	assert_int_equal(span_find(capture.line, '\n'), capture.line.length);
	for (struct span rest = capture.line; rest.length;) {
		rest = span_skip(rest, take_pair(rest));
		if (rest.length == 0)
			break;
		assert_int_equal(rest.data[0], ' ');
		assert_true(rest.length > 1);
		rest = span_skip(rest, 1);
	}
}

static void
assert_pair(size_t index, const char *key, struct span value)
{
	assert_true(index < capture.count);
	assert_true(span_equal(capture.pairs[index].key, span_of(key)));
	assert_true(span_equal(span_make(capture.pairs[index].value, capture.pairs[index].length), value));
}

static void
assert_nothing_more(void)
{
	char byte;

	assert_int_equal(recv(capture.reader, &byte, 1, MSG_DONTWAIT), -1);
}

static void
a_line_begins_with_time_process_and_event(void **state)
{
	struct log_line line;

	(void)state;
	log_begin(&line, "session");
	log_end(&line);
	read_line();
	assert_int_equal(capture.count, 3);
	assert_true(span_equal(capture.pairs[0].key, SPAN("time")));
	assert_int_equal(capture.pairs[0].length, sizeof "2026-11-22T05:51:58.123Z" - 1);
	assert_pair(1, "process", SPAN("test.0"));
	assert_pair(2, "event", SPAN("session"));
	assert_nothing_more();
}

static void
pairs_keep_their_order_and_bytes(void **state)
{
	struct log_line line;

	(void)state;
	log_begin(&line, "transaction");
	log_pair_text(&line, "from", "bob@example.com");
	log_pair_number(&line, "size", UINT64_MAX);
	log_pair_number(&line, "ms", 0);
	log_pair_text(&line, "reason", "no room = none");
	log_pair(&line, "to", SPAN(""));
	log_end(&line);
	read_line();
	assert_int_equal(capture.count, 8);
	assert_pair(3, "from", SPAN("bob@example.com"));
	assert_pair(4, "size", SPAN("18446744073709551615"));
	assert_pair(5, "ms", SPAN("0"));
	assert_pair(6, "reason", SPAN("no room = none"));
	assert_pair(7, "to", SPAN(""));
	assert_int_equal(capture.line.data[capture.line.length - 1], '"');
}

static void
every_byte_survives_escaped(void **state)
{
	char value[257];
	struct log_line line;

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		value[c] = (char)c;
		log_begin(&line, "session");
		log_pair(&line, "one", span_make(&value[c], 1));
		log_pair(&line, "all", span_make(value, c + 1));
		log_pair(&line, "end", SPAN("end"));
		log_end(&line);
		read_line();
		assert_pair(3, "one", span_make(&value[c], 1));
		assert_pair(4, "all", span_make(value, c + 1));
		assert_pair(5, "end", SPAN("end"));
	}
}

static void
a_client_cannot_forge_pairs_or_lines(void **state)
{
	const struct span forged = SPAN("x\" verdict=accepted\ntime=0 process=door event=\"y");
	struct log_line line;

	(void)state;
	log_begin(&line, "session");
	log_pair(&line, "helo", forged);
	log_end(&line);
	read_line();
	assert_int_equal(capture.count, 4);
	assert_pair(3, "helo", forged);
	assert_nothing_more();
}

/* A pair that does not fit goes; those before and behind it stay. */
static void
a_line_over_its_cap_loses_only_what_does_not_fit(void **state)
{
	static char large[16384];
	struct log_line line;

	(void)state;
	memset(large, 1, sizeof large);
	log_begin(&line, "session");
	log_pair_text(&line, "before", "b");
	log_pair(&line, "large", span_make(large, sizeof large));
	log_pair(&line, "half", span_make(large, 2000));
	log_pair(&line, "other-half", span_make(large, 3000));
	log_pair_text(&line, "after", "a");
	log_end(&line);
	read_line();
	assert_true(capture.line.length <= 16384);
	assert_int_equal(capture.count, 6);
	assert_pair(3, "before", SPAN("b"));
	assert_pair(4, "half", span_make(large, 2000));
	assert_pair(5, "after", SPAN("a"));
}

static void
a_full_line_still_ends_in_a_newline(void **state)
{
	struct log_line line;
	size_t before = 0;

	(void)state;
	log_begin(&line, "session");
	while (line.text.length > before) {
		before = line.text.length;
		log_pair_text(&line, "k", "v");
	}
	assert_true(before + 4 > 16384);
	/* Too many pairs to take apart: only the end matters here. */
	log_end(&line);
	ssize_t got = recv(capture.reader, capture.text, sizeof capture.text, MSG_DONTWAIT);
	assert_int_equal(got, before + 1);
	assert_int_equal(capture.text[got - 1], '\n');
	assert_nothing_more();
}

static void
messages_have_their_level(void **state)
{
	static char large[10000];

	(void)state;
	log_info("%s is %d", "answer", 42);
	read_line();
	assert_pair(2, "event", SPAN("info"));
	assert_pair(3, "message", SPAN("answer is 42"));
	log_warning("a \"b\"\n");
	read_line();
	assert_pair(2, "event", SPAN("warning"));
	assert_pair(3, "message", SPAN("a \"b\"\n"));
	memset(large, 'x', sizeof large - 1);
	log_error("%s", large);
	read_line();
	assert_pair(2, "event", SPAN("error"));
	assert_int_equal(capture.pairs[3].length, 4095);
}

static void
each_mistake_has_a_line(void **state)
{
	(void)state;
	log_error_lines("not taken", SPAN("users:1: odd\nusers:2: odd, too\n"));
	read_line();
	assert_pair(2, "event", SPAN("error"));
	assert_pair(3, "message", SPAN("not taken: users:1: odd"));
	read_line();
	assert_pair(3, "message", SPAN("not taken: users:2: odd, too"));
	assert_nothing_more();
	log_error_lines("not taken", SPAN("one without an end"));
	read_line();
	assert_pair(3, "message", SPAN("not taken: one without an end"));
	assert_nothing_more();
}

static void
a_log_that_nobody_reads_stops_nothing(void **state)
{
	(void)state;
	assert_int_equal(shutdown(STDERR_FILENO, SHUT_WR), 0);
	assert_ptr_not_equal(signal(SIGPIPE, SIG_IGN), SIG_ERR);
	log_info("lost");
	assert_int_equal(close(STDERR_FILENO), 0);
	log_info("lost too");
	assert_ptr_not_equal(signal(SIGPIPE, SIG_DFL), SIG_ERR);
}

int
main(void)
{
#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, begin_capture, end_capture)
	const struct CMUnitTest tests[] = {
		LOG_TEST(a_line_begins_with_time_process_and_event),
		LOG_TEST(pairs_keep_their_order_and_bytes),
		LOG_TEST(every_byte_survives_escaped),
		LOG_TEST(a_client_cannot_forge_pairs_or_lines),
		LOG_TEST(a_line_over_its_cap_loses_only_what_does_not_fit),
		LOG_TEST(a_full_line_still_ends_in_a_newline),
		LOG_TEST(messages_have_their_level),
		LOG_TEST(each_mistake_has_a_line),
		LOG_TEST(a_log_that_nobody_reads_stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
