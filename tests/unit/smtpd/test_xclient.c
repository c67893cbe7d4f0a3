/* smtpd/xclient.c: attributes, xtext, what is unavailable, and what is wrong.
 * On failure: cmocka names the line, and the test the argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "smtpd/xclient.h"
#include "tests/unit/values.h"

static struct xclient
read_good(const char *argument)
{
	struct xclient xclient;
	struct span offender;

	if (!xclient_read(span_of(argument), &xclient, &offender))
		fail_msg("refused: %s, because of %.*s", argument, SPAN_ARG(offender));
	return xclient;
}

static void
test_all_attributes(void **state)
{
	(void)state;
	struct xclient xclient =
	    read_good("NAME=mail.example.net ADDR=192.0.2.1 PORT=12345 PROTO=ESMTP HELO=client.example "
		      "LOGIN=alice+40example.org DESTADDR=203.0.113.25 DESTPORT=25");

	assert_int_equal(xclient.name_kind, XCLIENT_NAME_GIVEN);
	assert_string_equal(xclient.name_text, "mail.example.net");
	assert_ip(&xclient.client, "192.0.2.1");
	assert_true(xclient.has_client_port);
	assert_int_equal(xclient.client_port, 12345);
	assert_ip(&xclient.called, "203.0.113.25");
	assert_true(xclient.has_called_port);
	assert_int_equal(xclient.called_port, 25);
}

static void
test_case_and_spaces(void **state)
{
	(void)state;
	struct xclient xclient = read_good("addr=ipv6:2001:db8::1   proto=smtp");

	assert_ip(&xclient.client, "2001:db8::1");
	assert_int_equal(xclient.name_kind, XCLIENT_NAME_ABSENT);
	assert_false(xclient.has_client_port);
	assert_ip(&xclient.called, "none");
	xclient = read_good("ADDR=IPV6:::ffff:192.0.2.1");
	assert_ip(&xclient.client, "192.0.2.1");
}

static void
test_unavailable(void **state)
{
	(void)state;
	struct xclient xclient =
	    read_good("NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] HELO=[UNAVAILABLE] "
		      "LOGIN=[UNAVAILABLE] DESTADDR=[TEMPUNAVAIL] DESTPORT=[UNAVAILABLE]");

	assert_int_equal(xclient.name_kind, XCLIENT_NAME_NONE);
	assert_ip(&xclient.client, "none");
	assert_false(xclient.has_client_port);
	assert_false(xclient.has_called_port);
	xclient = read_good("NAME=[tempunavail]");
	assert_int_equal(xclient.name_kind, XCLIENT_NAME_TROUBLE);
}

static void
test_xtext(void **state)
{
	(void)state;
	struct xclient xclient = read_good("NAME=mail+2Eexample+2enet ADDR=+31+39+32.0.2.1 HELO=a+20b+00+3D+2B");

	assert_string_equal(xclient.name_text, "mail.example.net");
	assert_ip(&xclient.client, "192.0.2.1");
}

/* Behind each the attribute that is named as wrong. */
static const char *const wrong[][2] = {
	{ "", "" },
	{ "NAME", "NAME" },
	{ "NAME=", "NAME" },
	{ "=x", "" },
	{ "COLOUR=blue", "COLOUR" },
	{ "NAME=a.example NAME=b.example", "NAME" },
	{ "ADDR=192.0.2.1 addr=192.0.2.2", "addr" },
	{ "NAME=a_b/c.example", "NAME" },
	{ "NAME=a.example+00", "NAME" },
	{ "NAME=a+2", "NAME" },
	{ "NAME=a+2G", "NAME" },
	{ "NAME=a+", "NAME" },
	{ "NAME=a=b", "NAME" },
	{ "NAME=caf\xc3\xa9.example", "NAME" },
	{ "ADDR=192.0.2.256", "ADDR" },
	{ "ADDR=2001:db8::1", "ADDR" },
	{ "ADDR=IPV6:192.0.2.1", "ADDR" },
	{ "ADDR=IPV6:", "ADDR" },
	{ "ADDR=[192.0.2.1]", "ADDR" },
	{ "ADDR=192.0.2.1 PORT=65536", "PORT" },
	{ "PORT=-1", "PORT" },
	{ "PORT=123456", "PORT" },
	{ "PORT=1x", "PORT" },
	{ "PROTO=LMTP", "PROTO" },
	{ "HELO=\x01", "HELO" },
	{ "LOGIN=", "LOGIN" },
	{ "DESTADDR=nowhere", "DESTADDR" },
	{ "DESTPORT=", "DESTPORT" },
};

static void
test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct xclient xclient = { .client_port = 77 };
		struct span offender;

		if (xclient_read(span_of(wrong[i][0]), &xclient, &offender))
			fail_msg("taken: %s", wrong[i][0]);
		if (!span_equal(offender, span_of(wrong[i][1])))
			fail_msg("%s: the offender is %.*s", wrong[i][0], SPAN_ARG(offender));
		assert_int_equal(xclient.client_port, 77);
	}
}

static void
test_length(void **state)
{
	char argument[400] = "HELO=";
	struct xclient xclient;
	struct span offender;

	(void)state;
	memset(argument + 5, 'x', XCLIENT_VALUE_BYTES);
	assert_true(xclient_read(span_of(argument), &xclient, &offender));
	argument[5 + XCLIENT_VALUE_BYTES] = 'x';
	assert_false(xclient_read(span_of(argument), &xclient, &offender));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_attributes),
		cmocka_unit_test(test_case_and_spaces),
		cmocka_unit_test(test_unavailable),
		cmocka_unit_test(test_xtext),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
