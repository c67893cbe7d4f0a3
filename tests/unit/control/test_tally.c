/* control/tally: what children say, added up and printed; what they must not be able to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "control/tally.h"

enum { TEXT_LIMIT_BYTES = 65536 };

static void
test_adds_up(void **state)
{
	static struct tally tally;
	struct buf text = BUF_LIMIT(TEXT_LIMIT_BYTES);

	(void)state;
	tally_add_lines(&tally, "smtpd", SPAN("sessions 3\nrefused.no-user 2\n"));
	tally_add_lines(&tally, "smtpd", SPAN("sessions 4\nrefused.spf 1"));
	tally_add_lines(&tally, "door", SPAN("sessions 1\n"));
	tally_print(&tally, &text);
	assert_string_equal(
	    buf_text(&text), "smtpd.sessions 7\nsmtpd.refused.no-user 2\nsmtpd.refused.spf 1\ndoor.sessions 1\n");
	buf_free(&text);
}

static void
test_leaves_other_forms_out(void **state)
{
	static const char *const lines[] = { "", " 1", "name", "name ", "name x", "name -1", "na\"me 1", "name 1 2",
		"Name 1", "name 99999999999999999999", "name 1x",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct span name;
		uint64_t value;

		assert_false(tally_parse_line(span_of(lines[i]), &name, &value));
	}
}

static void
test_takes_no_more_names_than_it_has_room(void **state)
{
	static struct tally tally;
	char name[16];

	(void)state;
	for (unsigned i = 0; i < TALLY_NAMES_MAX + 10; i++) {
		int length = snprintf(name, sizeof name, "n%u", i);

		tally_add(&tally, "dns", span_make(name, (size_t)length), 1);
	}
	assert_int_equal(tally.count, TALLY_NAMES_MAX);
}

static void
test_metrics(void **state)
{
	struct buf text = BUF_LIMIT(TEXT_LIMIT_BYTES);

	(void)state;
	tally_print_metrics(
	    SPAN("smtpd.sessions 7\nsmtpd.refused.no-user 2\nmaster.uptime-seconds 60\nbad line\n"), &text);
	assert_string_equal(buf_text(&text), "tidegate_smtpd_sessions 7\ntidegate_smtpd_refused{name=\"no-user\"} "
					     "2\ntidegate_master_uptime_seconds 60\n");
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adds_up),
		cmocka_unit_test(test_leaves_other_forms_out),
		cmocka_unit_test(test_takes_no_more_names_than_it_has_room),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
