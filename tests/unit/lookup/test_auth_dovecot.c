/* Dovecot's protocol: what its lines mean, and what we say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lookup/auth_dovecot.h"

static struct dovecot_line line;

static enum dovecot_word
parse(const char *text)
{
	auth_dovecot_parse(span_of(text), &line);
	return line.word;
}

static void
test_greeting(void **state)
{
	(void)state;
	assert_int_equal(parse("VERSION\t1\t2"), DOVECOT_VERSION);
	assert_true(line.is_ours);
	assert_int_equal(parse("VERSION\t2\t0"), DOVECOT_VERSION);
	assert_false(line.is_ours);
	assert_int_equal(parse("VERSION\tx"), DOVECOT_NONSENSE);
	assert_int_equal(parse("VERSION"), DOVECOT_NONSENSE);
	assert_int_equal(parse("MECH\tPLAIN\tplaintext"), DOVECOT_MECHANISM);
	assert_true(line.is_plain);
	assert_int_equal(parse("MECH\tPLAINER\tplaintext"), DOVECOT_MECHANISM);
	assert_false(line.is_plain);
	assert_int_equal(parse("SPID\t123"), DOVECOT_OTHER);
	assert_int_equal(parse("COOKIE\tabcdef"), DOVECOT_OTHER);
	assert_int_equal(parse(""), DOVECOT_OTHER);
	assert_int_equal(parse("DONE"), DOVECOT_DONE);
}

static void
test_passed(void **state)
{
	(void)state;
	assert_int_equal(parse("OK\t17\tuser=alice@example.org\tnologin"), DOVECOT_OK);
	assert_int_equal(line.id, 17);
	assert_true(span_equal(span_make(line.user, line.user_length), SPAN("alice@example.org")));
	assert_int_equal(parse("OK\t4294967295\toriginal_user=x\tuser=a\001tb\001"
			       "1c"),
	    DOVECOT_OK);
	assert_int_equal(line.id, 4294967295u);
	assert_true(span_equal(span_make(line.user, line.user_length), SPAN("a\tb\001c")));
}

/* A user who passes without a name that we know would be nobody, or anybody. */
static void
test_passed_is_nonsense(void **state)
{
	static const char *const nonsense[] = { "OK", "OK\t", "OK\t1", "OK\t1\tuser=", "OK\tx\tuser=a",
		"OK\t-1\tuser=a", "OK\t4294967296\tuser=a", "OK\t1\tuser=a\001", "OK\t1\tuser=a\001x",
		("OK\t1\tuser=a\001"
		 "0b"),
		"OK\t1\tuser=a\tuser=b", "OK\t1 \tuser=a" };
	char text[IPC_ADDRESS_BYTES + 32] = "OK\t1\tuser=";

	(void)state;
	for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++)
		assert_int_equal(parse(nonsense[i]), DOVECOT_NONSENSE);
	memset(text + 10, 'a', IPC_ADDRESS_BYTES + 1);
	assert_int_equal(parse(text), DOVECOT_NONSENSE);
	text[10 + IPC_ADDRESS_BYTES] = '\0';
	assert_int_equal(parse(text), DOVECOT_OK);
}

static void
test_failed(void **state)
{
	(void)state;
	assert_int_equal(parse("FAIL\t3\tuser=alice"), DOVECOT_FAIL);
	assert_int_equal(line.id, 3);
	assert_false(line.is_temporary);
	assert_int_equal(parse("FAIL\t3"), DOVECOT_FAIL);
	assert_false(line.is_temporary);
	assert_int_equal(parse("FAIL\t3\tuser=alice\ttemp"), DOVECOT_FAIL);
	assert_true(line.is_temporary);
	assert_int_equal(parse("FAIL\t3\tcode=temp_fail\tuser=alice"), DOVECOT_FAIL);
	assert_true(line.is_temporary);
	assert_int_equal(parse("FAIL\t3\treason=temp"), DOVECOT_FAIL);
	assert_false(line.is_temporary);
	assert_int_equal(parse("FAIL"), DOVECOT_NONSENSE);
	assert_int_equal(parse("CONT\t3\tabcd"), DOVECOT_CONTINUE);
	assert_int_equal(line.id, 3);
}

static void
test_what_we_say(void **state)
{
	struct buf out = BUF_LIMIT(DOVECOT_REQUEST_BYTES);
	struct peer_address client;

	(void)state;
	auth_dovecot_greet(4194305, &out);
	assert_string_equal(buf_text(&out), "VERSION\t1\t1\nCPID\t4194305\n");
	buf_reset(&out);
	assert_true(peer_parse_ip(SPAN("2001:db8::1"), &client));
	assert_true(auth_dovecot_ask(7, &client, SPAN("alice@example.org"), SPAN("a\tb"), &out));
	assert_string_equal(buf_text(&out),
	    "AUTH\t7\tPLAIN\tservice=smtp\trip=2001:db8::1\tsecured\tnologin\tresp=AGFsaWNlQGV4YW1wbGUub3JnAGEJYg==\n");
	buf_reset(&out);
	assert_false(auth_dovecot_ask(7, &client, SPAN("a\0b"), SPAN("x"), &out));
	assert_false(auth_dovecot_ask(7, &client, SPAN("a"), SPAN("x\0"), &out));
	assert_false(auth_dovecot_ask(7, &client, SPAN(""), SPAN("x"), &out));
	assert_false(auth_dovecot_ask(7, &client, SPAN("a"), SPAN(""), &out));
	assert_int_equal(out.length, 0);
	buf_free(&out);
}

/* The longest of both fits what is set aside for a request. */
static void
test_the_longest(void **state)
{
	static char text[IPC_TEXT_BYTES + 1];
	struct buf out = BUF_LIMIT(DOVECOT_REQUEST_BYTES);
	struct peer_address client;

	(void)state;
	memset(text, 'x', sizeof text);
	assert_true(peer_parse_ip(SPAN("192.0.2.1"), &client));
	assert_true(
	    auth_dovecot_ask(1, &client, span_make(text, IPC_ADDRESS_BYTES), span_make(text, IPC_TEXT_BYTES), &out));
	assert_true(buf_ok(&out));
	assert_false(auth_dovecot_ask(1, &client, SPAN("a"), span_make(text, IPC_TEXT_BYTES + 1), &out));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greeting),
		cmocka_unit_test(test_passed),
		cmocka_unit_test(test_passed_is_nonsense),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_what_we_say),
		cmocka_unit_test(test_the_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
