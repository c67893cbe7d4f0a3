/* smtpd/params.c: the parameters of MAIL and RCPT.
 * On failure: cmocka names the line, and the text at fault stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/params.h"

static struct mail_params
accept_mail(const char *text)
{
	struct mail_params params = { .size_bytes = 99 };
	struct span offender;

	if (params_parse_mail(span_of(text), &params, &offender) != PARAMS_OK)
		fail_msg("refused: '%s'", text);
	return params;
}

static void
refuse_mail(const char *text, enum params_result expected, const char *at)
{
	struct mail_params params = { .size_bytes = 99 };
	struct span offender = SPAN("");
	enum params_result result = params_parse_mail(span_of(text), &params, &offender);

	if (result != expected)
		fail_msg("'%s' gave %d, not %d", text, (int)result, (int)expected);
	if (!span_equal(offender, span_of(at)))
		fail_msg("'%s' blamed '%.*s', not '%s'", text, SPAN_ARG(offender), at);
	assert_int_equal(params.size_bytes, 99);
}

static void
nothing_is_fine(void **state)
{
	struct mail_params params = accept_mail("");

	(void)state;
	assert_false(params.has_size);
	assert_int_equal(params.size_bytes, 0);
	assert_int_equal(params.body, BODY_UNSAID);
	accept_mail("  \t ");
}

static void
reads_size_and_body(void **state)
{
	struct mail_params params = accept_mail(" SIZE=1234 BODY=8BITMIME");

	(void)state;
	assert_true(params.has_size);
	assert_int_equal(params.size_bytes, 1234);
	assert_int_equal(params.body, BODY_8BITMIME);
	assert_false(params.is_smtputf8);
	assert_true(accept_mail(" SmtpUtf8 BODY=8BITMIME").is_smtputf8);
	params = accept_mail("  body=7bit   size=0 ");
	assert_true(params.has_size);
	assert_int_equal(params.size_bytes, 0);
	assert_int_equal(params.body, BODY_7BIT);
}

static void
reads_prdr(void **state)
{
	(void)state;
	assert_false(accept_mail(" SIZE=1").has_prdr);
	assert_true(accept_mail(" PRDR").has_prdr);
	assert_true(accept_mail(" SIZE=1 prdr BODY=7BIT").has_prdr);
	refuse_mail(" PRDR=", PARAMS_BAD_SYNTAX, "PRDR=");
	refuse_mail(" PRDR=1", PARAMS_BAD_VALUE, "PRDR=1");
	refuse_mail(" PRDR SIZE=1 PRDR", PARAMS_TWICE, "PRDR");
}

static void
reads_auth(void **state)
{
	(void)state;
	assert_false(accept_mail(" SIZE=1").has_auth);
	assert_true(accept_mail(" AUTH=<>").has_auth);
	assert_true(accept_mail(" auth=e+3Dmc2@example.com SIZE=1").has_auth);
	assert_true(accept_mail(" AUTH=+2B+2B").has_auth);
	refuse_mail(" AUTH", PARAMS_BAD_VALUE, "AUTH");
	refuse_mail(" AUTH=", PARAMS_BAD_SYNTAX, "AUTH=");
	refuse_mail(" AUTH=a=b", PARAMS_BAD_SYNTAX, "AUTH=a=b");
	refuse_mail(" AUTH=a+", PARAMS_BAD_VALUE, "AUTH=a+");
	refuse_mail(" AUTH=a+4", PARAMS_BAD_VALUE, "AUTH=a+4");
	refuse_mail(" AUTH=a+4g", PARAMS_BAD_VALUE, "AUTH=a+4g");
	refuse_mail(" AUTH=a+4b", PARAMS_BAD_VALUE, "AUTH=a+4b");
	refuse_mail(" AUTH=<> AUTH=<>", PARAMS_TWICE, "AUTH=<>");
}

static void
size_saturates(void **state)
{
	(void)state;
	assert_true(accept_mail(" SIZE=18446744073709551614").size_bytes == UINT64_MAX - 1);
	assert_true(accept_mail(" SIZE=18446744073709551615").size_bytes == UINT64_MAX);
	assert_true(accept_mail(" SIZE=18446744073709551616").size_bytes == UINT64_MAX);
	assert_true(accept_mail(" SIZE=99999999999999999999").size_bytes == UINT64_MAX);
	assert_true(accept_mail(" SIZE=20000000000000000000").size_bytes == UINT64_MAX);
	assert_true(accept_mail(" SIZE=00000000000000000007").size_bytes == 7);
	refuse_mail(" SIZE=100000000000000000000", PARAMS_BAD_VALUE, "SIZE=100000000000000000000");
}

static void
refuses_bad_values(void **state)
{
	(void)state;
	refuse_mail(" SIZE", PARAMS_BAD_VALUE, "SIZE");
	refuse_mail(" SIZE=-1", PARAMS_BAD_VALUE, "SIZE=-1");
	refuse_mail(" SIZE=+1", PARAMS_BAD_VALUE, "SIZE=+1");
	refuse_mail(" SIZE=1k", PARAMS_BAD_VALUE, "SIZE=1k");
	refuse_mail(" SIZE=0x10", PARAMS_BAD_VALUE, "SIZE=0x10");
	refuse_mail(" BODY", PARAMS_BAD_VALUE, "BODY");
	refuse_mail(" SIZE=5 BODY=BINARYMIME", PARAMS_BAD_VALUE, "BODY=BINARYMIME");
	refuse_mail(" SMTPUTF8=yes", PARAMS_BAD_VALUE, "SMTPUTF8=yes");
}

static void
refuses_unknown_ones(void **state)
{
	(void)state;
	refuse_mail(" SIZES=1", PARAMS_UNKNOWN, "SIZES=1");
	refuse_mail(" SIZE=1 UTF8", PARAMS_UNKNOWN, "UTF8");
	refuse_mail(" X-1-=!~<>", PARAMS_UNKNOWN, "X-1-=!~<>");
	refuse_mail(" 8=1", PARAMS_UNKNOWN, "8=1");
}

static void
refuses_one_given_twice(void **state)
{
	(void)state;
	refuse_mail(" SIZE=1 SIZE=1", PARAMS_TWICE, "SIZE=1");
	refuse_mail(" size=0 SIZE=x", PARAMS_TWICE, "SIZE=x");
	refuse_mail(" BODY=7BIT body=8bitmime", PARAMS_TWICE, "body=8bitmime");
	refuse_mail(" SMTPUTF8 smtputf8", PARAMS_TWICE, "smtputf8");
}

static void
refuses_bad_syntax(void **state)
{
	(void)state;
	refuse_mail("SIZE=1", PARAMS_BAD_SYNTAX, "SIZE=1");
	refuse_mail("x", PARAMS_BAD_SYNTAX, "x");
	refuse_mail("\tSIZE=1", PARAMS_BAD_SYNTAX, "\tSIZE=1");
	refuse_mail(" SIZE=", PARAMS_BAD_SYNTAX, "SIZE=");
	refuse_mail(" SIZE=1=2", PARAMS_BAD_SYNTAX, "SIZE=1=2");
	refuse_mail(" =1", PARAMS_BAD_SYNTAX, "=1");
	refuse_mail(" -X=1", PARAMS_BAD_SYNTAX, "-X=1");
	refuse_mail(" S_Z=1", PARAMS_BAD_SYNTAX, "S_Z=1");
	refuse_mail(" SIZE=1\tBODY=7BIT", PARAMS_BAD_SYNTAX, "SIZE=1\tBODY=7BIT");
	refuse_mail(" X=\xc3\xa4", PARAMS_BAD_SYNTAX, "X=\xc3\xa4");
	refuse_mail(" X=\x7f", PARAMS_BAD_SYNTAX, "X=\x7f");
	refuse_mail(" \xc3\xa4=1", PARAMS_BAD_SYNTAX, "\xc3\xa4=1");
	refuse_mail(" <a@b>", PARAMS_BAD_SYNTAX, "<a@b>");
}

static void
names_the_first_at_fault(void **state)
{
	(void)state;
	refuse_mail(" FOO=1 SIZE=x =", PARAMS_UNKNOWN, "FOO=1");
	refuse_mail(" SIZE=x FOO=1", PARAMS_BAD_VALUE, "SIZE=x");
	refuse_mail(" = FOO=1", PARAMS_BAD_SYNTAX, "=");
}

static void
rcpt_takes_none(void **state)
{
	struct span offender = SPAN("");

	(void)state;
	assert_int_equal(params_parse_rcpt(SPAN(""), &offender), PARAMS_OK);
	assert_int_equal(params_parse_rcpt(SPAN(" \t"), &offender), PARAMS_OK);
	assert_int_equal(params_parse_rcpt(SPAN(" NOTIFY=NEVER ="), &offender), PARAMS_UNKNOWN);
	assert_true(span_equal(offender, SPAN("NOTIFY=NEVER")));
	assert_int_equal(params_parse_rcpt(SPAN(" SIZE=1"), &offender), PARAMS_UNKNOWN);
	assert_int_equal(params_parse_rcpt(SPAN(" =x"), &offender), PARAMS_BAD_SYNTAX);
	assert_true(span_equal(offender, SPAN("=x")));
	assert_int_equal(params_parse_rcpt(SPAN("x"), &offender), PARAMS_BAD_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_fine),
		cmocka_unit_test(reads_size_and_body),
		cmocka_unit_test(reads_prdr),
		cmocka_unit_test(reads_auth),
		cmocka_unit_test(size_saturates),
		cmocka_unit_test(refuses_bad_values),
		cmocka_unit_test(refuses_unknown_ones),
		cmocka_unit_test(refuses_one_given_twice),
		cmocka_unit_test(refuses_bad_syntax),
		cmocka_unit_test(names_the_first_at_fault),
		cmocka_unit_test(rcpt_takes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
