/* Hostile records: each once crashed, misled or tired out a library. The right result, no crash, few questions. */
#include "tests/unit/lookup/spf_zone.h"

enum { BIG_RECORD_BYTES = 65535, QUESTIONS_OF_LIMITS = 11 };

struct pinned {
	enum dns_type type;
	struct span name;
	struct span text;
};

/* Runs a check over pinned texts and addresses; everything else does not exist. */
static struct spf_verdict
check_pinned(const struct pinned *pinned, size_t count, struct span sender)
{
	static const struct dns_answer no_name = { .status = DNS_NO_NAME };
	struct spf_question question = zone_question(&(struct spf_case){ 0 });
	struct spf_verdict verdict = zone_verdict();
	struct replay *replay = replay_new();

	question.sender = sender;
	for (size_t i = 0; i < count; i++) {
		const struct dns_record record = zone_record(pinned[i].type, pinned[i].text);
		const struct dns_answer answer = { .status = DNS_FOUND, .count = 1, .records = &record };

		assert_true(replay_pin(replay, pinned[i].type, pinned[i].name, &answer));
	}
	for (unsigned round = 0; !spf_check(&question, replay, &verdict); round++) {
		enum dns_type type = DNS_TXT;
		struct span name = { 0 };

		assert_true(round < ZONE_ROUNDS);
		assert_true(replay_wanted_count(replay) > 0);
		replay_wanted(replay, 0, &type, &name);
		assert_true(replay_pin(replay, type, name, &no_name));
	}
	replay_free(replay);
	return verdict;
}

static enum spf_result
result_of(struct span record)
{
	const struct pinned pinned = { DNS_TXT, SPAN("example.net"), record };
	struct spf_verdict verdict = check_pinned(&pinned, 1, SPAN("user@example.net"));

	zone_verdict_free(&verdict);
	return verdict.result;
}

/* CVE-2023-42118: 215 bytes of %{d}x overran a buffer on the stack. */
static void
test_an_explanation_of_many_macros(void **state)
{
	char text[43 * 5];
	struct pinned pinned[2] = { { DNS_TXT, SPAN("example.net"), SPAN("v=spf1 -all exp=why.example.net") },
		{ DNS_TXT, SPAN("why.example.net"), { text, sizeof text } } };

	(void)state;
	for (size_t i = 0; i < 43; i++)
		memcpy(text + i * 5, "%{d}x", 5);
	struct spf_verdict verdict = check_pinned(pinned, 2, SPAN("user@example.net"));
	assert_int_equal(verdict.result, SPF_FAIL);
	assert_int_equal(verdict.explanation.length, 43 * (sizeof "example.net" - 1 + 1));
	assert_true(span_starts_nocase(buf_span(&verdict.explanation), SPAN("example.netxexample.netx")));
	zone_verdict_free(&verdict);
}

/* The same as a domain-spec, and in an unknown modifier. */
static void
test_domain_specs_of_many_macros(void **state)
{
	char record[BIG_RECORD_BYTES];
	size_t length = 0;

	(void)state;
	length = (size_t)snprintf(record, sizeof record, "v=spf1 -exists:");
	while (length + 100 < sizeof record)
		length += (size_t)snprintf(record + length, sizeof record - length, "%%{d}x.%%{S200R-+,/_=.}");
	length += (size_t)snprintf(record + length, sizeof record - length, ".example ?all x=%%{i}");
	assert_int_equal(result_of(span_make(record, length)), SPF_NEUTRAL);
	memcpy(record, "v=spf1 ~all %x=", 15);
	assert_int_equal(result_of(span_make(record, length)), SPF_PERMERROR);
	memcpy(record, "v=spf1 ~all xx=", 15);
	assert_int_equal(result_of(span_make(record, length)), SPF_SOFTFAIL);
}

/* libspf2 drops what does not fit 511 compiled bytes, "-all" too: 65 ip4 terms were neutral. */
static void
test_records_of_many_addresses(void **state)
{
	static const char *const terms[] = { " ip4:198.51.100.77", " -ip6:2001:db8:1:2:3:4:5:6/127",
		" ?ip4:10.0.0.0/8 ~ip6:::1" };
	char record[BIG_RECORD_BYTES];

	(void)state;
	for (size_t size = 100; size < sizeof record; size = size * 3 / 2) {
		for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
			size_t length = (size_t)snprintf(record, sizeof record, "v=spf1");

			while (length + 100 < size)
				length += (size_t)snprintf(record + length, sizeof record - length, "%s", terms[i]);
			(void)snprintf(record + length, sizeof record - length, " -all");
			assert_int_equal(result_of(span_of(record)), SPF_FAIL);
			(void)snprintf(record + length, sizeof record - length, " ~ip4:192.0.2.0/31 -all");
			assert_int_equal(result_of(span_of(record)), SPF_SOFTFAIL);
			(void)snprintf(record + length, sizeof record - length, " -all moo");
			assert_int_equal(result_of(span_of(record)), SPF_PERMERROR);
		}
	}
}

static void
test_records_of_many_lookups(void **state)
{
	static const char *const terms[] = { " a:x.example//64", " mx", " ptr", " exists:%{i}.x.example",
		" include:x.example" };
	char record[BIG_RECORD_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
		size_t length = (size_t)snprintf(record, sizeof record, "v=spf1");

		while (length + 100 < sizeof record)
			length += (size_t)snprintf(record + length, sizeof record - length, "%s", terms[i]);
		assert_int_equal(result_of(span_make(record, length)), SPF_PERMERROR);
	}
}

static void
test_records_of_noise(void **state)
{
	char record[BIG_RECORD_BYTES];

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		/* Nothing but spaces is an empty record; nothing but %% is a name, though one that cannot be asked. */
		memset(record, (int)c, sizeof record);
		memcpy(record, "v=spf1 ", 7);
		assert_int_equal(result_of(span_make(record, sizeof record)), c == ' ' ? SPF_NEUTRAL : SPF_PERMERROR);
		memcpy(record, "v=spf1 a:", 9);
		assert_int_equal(result_of(span_make(record, sizeof record)), c == '%' ? SPF_NEUTRAL : SPF_PERMERROR);
		memcpy(record, "v=spf1 x=", 9);
		(void)result_of(span_make(record, sizeof record));
	}
}

static void
test_names_over_every_length(void **state)
{
	char sender[2048];

	(void)state;
	for (size_t length = 1; length + 20 < sizeof sender; length += 7) {
		static const struct pinned pinned[] = { { DNS_TXT, SPAN("example.net"),
							    SPAN("v=spf1 exists:%{l}.%{d} -all exp=%{l-}.%{d}") },
			{ DNS_TXT, SPAN("example"), SPAN("") } };

		memset(sender, length % 2 ? 'a' : '-', length);
		for (size_t i = 20; i < length; i += 21)
			sender[i] = '.';
		(void)snprintf(sender + length, sizeof sender - length, "@example.net");
		struct spf_verdict verdict = check_pinned(pinned, 1, span_of(sender));
		assert_int_equal(verdict.result, SPF_FAIL);
		zone_verdict_free(&verdict);
		verdict = check_pinned(pinned, 1, span_skip(span_of(sender), length));
		assert_int_equal(verdict.result, SPF_FAIL);
		zone_verdict_free(&verdict);
		verdict = check_pinned(pinned, 1, span_make(sender, length));
		assert_int_equal(verdict.result, SPF_NONE);
		zone_verdict_free(&verdict);
	}
}

/* Nine includes wide, four deep: 6,561 leaves. libspf2 alone asked 7,381 questions. */
static void
test_a_tree_of_includes(void **state)
{
	static const char *const zone[] = { "* TXT v=spf1 include:1.%{d} include:2.%{d} include:3.%{d} include:4.%{d} "
					    "include:5.%{d} include:6.%{d} "
					    "include:7.%{d} include:8.%{d} include:9.%{d} -all",
		NULL };
	static const char *const leaves[] = { "1.1.1.1.example.net TXT v=spf1 -all",
		"2.1.1.1.example.net TXT v=spf1 -all", "3.1.1.1.example.net TXT v=spf1 -all",
		"4.1.1.1.example.net TXT v=spf1 -all", "5.1.1.1.example.net TXT v=spf1 -all",
		"6.1.1.1.example.net TXT v=spf1 -all", "7.1.1.1.example.net TXT v=spf1 -all",
		"8.1.1.1.example.net TXT v=spf1 -all", "9.1.1.1.example.net TXT v=spf1 -all",
		"example.net TXT v=spf1 include:1.%{d} include:2.%{d} -all",
		"1.example.net TXT v=spf1 include:1.%{d} include:2.%{d} -all",
		"1.1.example.net TXT v=spf1 include:1.%{d} include:2.%{d} -all",
		"1.1.1.example.net TXT v=spf1 include:1.%{d} include:2.%{d} include:3.%{d} include:4.%{d} "
		"include:5.%{d} "
		"include:6.%{d} include:7.%{d} include:8.%{d} include:9.%{d} -all",
		NULL };
	const char *const *const zones[] = { zone, leaves };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct zone_run run = zone_run_begin(&(struct spf_case){ 0 });

		(void)zone_run(&run, zones[i]);
		assert_int_equal(run.verdict.result, SPF_PERMERROR);
		assert_int_equal(run.verdict.lookups, 10);
		assert_int_equal(replay_questions(run.replay), QUESTIONS_OF_LIMITS);
		zone_run_end(&run);
	}
}

/* However a check is cut off, it asks for something new each time, and only so much in all. */
static void
test_questions_are_bounded(void **state)
{
	static const char *const zone[] = { "example.net TXT v=spf1 mx:1.%{d} mx:2.%{d} mx:3.%{d} mx:4.%{d} mx:5.%{d} "
					    "mx:6.%{d} mx:7.%{d} mx:8.%{d} mx:9.%{d} ptr -all exp=%{p}.%{d}",
		"* MX 1 a.x", "* MX 1 b.x", "* MX 1 c.x", "* MX 1 d.x", "* MX 1 e.x", "* MX 1 f.x", "* MX 1 g.x",
		"* MX 1 h.x", "* MX 1 i.x", "* MX 1 j.x", "* PTR 1.example.net", "* PTR 2.example.net",
		"* PTR 3.example.net", "* PTR 4.example.net", "* PTR 5.example.net", "* PTR 6.example.net",
		"* A 198.51.100.1", NULL };
	struct zone_run run = zone_run_begin(&(struct spf_case){ 0 });

	(void)state;
	assert_true(zone_run(&run, zone) < 30);
	assert_int_equal(run.verdict.result, SPF_FAIL);
	/* TXT, nine MX, ten hosts they share, PTR, six names, the explanation. */
	assert_int_equal(replay_questions(run.replay), 1 + 9 + 10 + 1 + 6 + 1);
	zone_run_end(&run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_explanation_of_many_macros),
		cmocka_unit_test(test_domain_specs_of_many_macros),
		cmocka_unit_test(test_records_of_many_addresses),
		cmocka_unit_test(test_records_of_many_lookups),
		cmocka_unit_test(test_records_of_noise),
		cmocka_unit_test(test_names_over_every_length),
		cmocka_unit_test(test_a_tree_of_includes),
		cmocka_unit_test(test_questions_are_bounded),
	};

	return cmocka_run_group_tests(tests, zone_load, NULL);
}
