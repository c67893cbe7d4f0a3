/* Lookups in a compiled map.
 * On failure: cmocka names the line.
 */
#include "tests/unit/lookup/map_fixture.h"

struct question {
	const char *address;
	enum map_verdict verdict;
	const char *key; /* "" when no entry matched */
	unsigned line;
	const char *mailbox; /* the first one's address */
	const char *path;
};

static const struct question questions[] = {
	{ "alice@example.org", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "ALICE@EXAMPLE.ORG", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "\"alice\"@example.org", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "alice+a+b@example.org", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "bob+lists+x@example.org", MAP_DELIVER, "bob+lists@example.org", 4, "bob+lists@example.org", "lists" },
	{ "bob+list@example.org", MAP_DELIVER, "bob@example.org", 3, "bob@example.org", "example.org/bob" },
	{ "+bob@example.org", MAP_UNKNOWN, "", 0, NULL, NULL },
	{ "team@example.org", MAP_DELIVER, "team@example.org", 5, "alice@example.org", "example.org/alice" },
	{ "spam@example.org", MAP_REFUSE, "spam@example.org", 6, NULL, NULL },
	{ "spam+x@example.org", MAP_REFUSE, "spam@example.org", 6, NULL, NULL },
	{ "moving@example.org", MAP_DEFER, "moving@example.org", 7, NULL, NULL },
	{ "nobody@example.org", MAP_UNKNOWN, "", 0, NULL, NULL },
	{ "alice@example.com", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "alice@mx.example.org", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "alice@[192.0.2.1]", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "\"alice@example.com\"@example.org", MAP_UNKNOWN, "", 0, NULL, NULL },
	{ "anybody@example.net", MAP_DELIVER, "*@example.net", 9, "anybody@example.net", "net" },
	{ "*@example.net", MAP_DELIVER, "*@example.net", 9, "*@example.net", "net" },
	{ "exact+x@example.net", MAP_DELIVER, "exact@example.net", 10, "exact@example.net", "example.net/exact" },
	{ "\"a b\"@example.org", MAP_DELIVER, "\"a b\"@example.org", 12, "\"a b\"@example.org",
	    "example.org/%22a%20b%22" },
	/* The postmaster: of the configuration, unless the domain has its own; never the catch-all's. */
	{ "postmaster", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "PostMaster", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "postmaster@example.org", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "postmaster+x@example.org", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "Postmaster@example.net", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "postmaster@own.example", MAP_DELIVER, "postmaster@own.example", 11, "bob@example.org", "example.org/bob" },
	{ "postmaster@[192.0.2.1]", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "postmaster@MX.example.org", MAP_DELIVER, "alice@example.org", 2, "alice@example.org", "example.org/alice" },
	{ "postmaster@example.com", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "abuse@example.org", MAP_DELIVER, "abuse@example.org", 8, "bob@example.org", "example.org/bob" },
	/* What cannot be an address. */
	{ "", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "alice", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "@example.org", MAP_UNKNOWN, "", 0, NULL, NULL },
	{ "a..b@example.org", MAP_UNKNOWN, "", 0, NULL, NULL },
	{ "a b@example.com", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "alice@example.org@", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "\xff@example.org", MAP_UNKNOWN, "", 0, NULL, NULL },
};

static void
expect_answer(struct map_fixture *fixture, const struct question *question)
{
	if (map_fixture_find(fixture, question->address) != question->verdict)
		fail_msg("%s: %d", question->address, (int)fixture->result.verdict);
	assert_span(fixture->result.key, question->key);
	assert_int_equal(fixture->result.line, question->line);
	if (!question->mailbox)
		return;
	assert_span(fixture->result.mailboxes[0].address, question->mailbox);
	assert_span(fixture->result.mailboxes[0].path, question->path);
}

static void
test_lookup(void **state)
{
	struct map_fixture *fixture = map_fixture_open();

	(void)state;
	map_fixture_make(fixture, map_fixture_recipients);
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		const struct question *question = &questions[i];

		expect_answer(fixture, question);
		assert_span(fixture->result.file, question->line ? fixture->recipients : "");
		assert_true((fixture->result.count > 0) == (question->verdict == MAP_DELIVER));
	}
	map_fixture_close(fixture);
}

static const char international[] = "jürgen@BÜCHER.example  maildir\n"
				    "*@xn--fsqu00a.example  maildir /srv/mail/any\n"
				    "Почта@example.org      alias JU\xcc\x88RGEN@bücher.example\n"
				    "strasse@straße.example maildir\n";

#define PATH "xn--bcher-kva.example/jürgen"

static const struct question international_questions[] = {
	/* NFC and NFD, any case, U-labels and A-labels. */
	{ "jürgen@bücher.example", MAP_DELIVER, "jürgen@xn--bcher-kva.example", 1, "jürgen@xn--bcher-kva.example",
	    PATH },
	{ "ju\xcc\x88rgen@bu\xcc\x88"
	  "cher.example",
	    MAP_DELIVER, "jürgen@xn--bcher-kva.example", 1, "jürgen@xn--bcher-kva.example", PATH },
	{ "JÜRGEN@Bücher.Example", MAP_DELIVER, "jürgen@xn--bcher-kva.example", 1, "jürgen@xn--bcher-kva.example",
	    PATH },
	{ "jürgen@XN--BCHER-KVA.example", MAP_DELIVER, "jürgen@xn--bcher-kva.example", 1,
	    "jürgen@xn--bcher-kva.example", PATH },
	{ "\"jürgen\"@bücher.example", MAP_DELIVER, "jürgen@xn--bcher-kva.example", 1, "jürgen@xn--bcher-kva.example",
	    PATH },
	{ "jürgen+büro@bücher.example", MAP_DELIVER, "jürgen@xn--bcher-kva.example", 1, "jürgen@xn--bcher-kva.example",
	    PATH },
	{ "почта@example.org", MAP_DELIVER, "почта@example.org", 3, "jürgen@xn--bcher-kva.example", PATH },
	{ "用户@例子.example", MAP_DELIVER, "*@xn--fsqu00a.example", 2, "用户@例子.example", "any" },
	/* The domain is ours in any spelling, the address is not there. */
	{ "jurgen@bücher.example", MAP_UNKNOWN, "", 0, NULL, NULL },
	{ "j\xc3@bücher.example", MAP_UNKNOWN, "", 0, NULL, NULL },
	{ "jürgen\xe2\x80\x8b@bücher.example", MAP_UNKNOWN, "", 0, NULL, NULL },
	/* Other domains. */
	{ "jürgen@bucher.example", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "strasse@strasse.example", MAP_NOT_OURS, "", 0, NULL, NULL },
	{ "jürgen@bücher。example", MAP_DELIVER, "jürgen@xn--bcher-kva.example", 1, "jürgen@xn--bcher-kva.example",
	    PATH },
	{ "jürgen@b\xfc"
	  "cher.example",
	    MAP_NOT_OURS, "", 0, NULL, NULL },
	/* The postmaster of a domain of any name. */
	{ "postmaster@BÜCHER.example", MAP_DELIVER, "jürgen@xn--bcher-kva.example", 1, "jürgen@xn--bcher-kva.example",
	    PATH },
};

static void
test_international(void **state)
{
	struct map_fixture *fixture = map_fixture_open();

	(void)state;
	fixture->config.postmaster = "Jürgen@BÜCHER.example";
	map_fixture_make(fixture, international);
	for (size_t i = 0; i < sizeof international_questions / sizeof international_questions[0]; i++)
		expect_answer(fixture, &international_questions[i]);
	map_fixture_close(fixture);
}

static void
test_international_duplicates(void **state)
{
	static const char *const twice[] = { "ju\xcc\x88rgen@bücher.example", "JÜRGEN@bücher.example",
		"jürgen@xn--bcher-kva.example", "\"jürgen\"@BÜCHER.example" };

	(void)state;
	for (size_t i = 0; i < sizeof twice / sizeof twice[0]; i++) {
		struct map_fixture *fixture = map_fixture_open();
		struct buf text = BUF_LIMIT(1024);

		buf_printf(&text, "jürgen@bücher.example maildir\n%s maildir\n", twice[i]);
		map_fixture_write(fixture, buf_text(&text));
		assert_false(map_fixture_compile(fixture, true));
		if (!strstr(fixture->messages.data,
			"recipients:2: jürgen@xn--bcher-kva.example is there already, on line 1"))
			fail_msg("%s", fixture->messages.data);
		buf_free(&text);
		map_fixture_close(fixture);
	}
}

static void
test_texts_and_roles(void **state)
{
	struct map_fixture *fixture = map_fixture_open();

	(void)state;
	map_fixture_make(fixture, map_fixture_recipients);
	(void)map_fixture_find(fixture, "spam@example.org");
	assert_span(fixture->result.text, "This address is closed.");
	assert_false(fixture->result.is_postmaster);
	(void)map_fixture_find(fixture, "moving@example.org");
	assert_span(fixture->result.text, "");
	(void)map_fixture_find(fixture, "ABUSE@example.org");
	assert_true(fixture->result.is_postmaster);
	(void)map_fixture_find(fixture, "postmaster");
	assert_true(fixture->result.is_postmaster);
	(void)map_fixture_find(fixture, "postmaster@own.example");
	assert_true(fixture->result.is_postmaster);
	(void)map_fixture_find(fixture, "bob+lists@example.org");
	assert_int_equal(fixture->result.mailboxes[0].root, 1);
	assert_false(fixture->result.is_postmaster);
	(void)map_fixture_find(fixture, "bob@example.org");
	assert_true(fixture->result.mailboxes[0].quota_bytes == 2ull << 30);
	map_fixture_close(fixture);
}

static void
test_other_rules(void **state)
{
	struct map_fixture *fixture = map_fixture_open();

	(void)state;
	fixture->config.local_part_case = LETTER_CASE_KEEP;
	fixture->config.sub_address = "-";
	fixture->config.postmaster = "";
	map_fixture_make(fixture, "Bob@example.org maildir\nbob@example.org maildir\nlists-x@example.org maildir\n"
				  "*@example.net maildir\npostmaster@mx.example.org alias bob@example.org\n");
	assert_int_equal(map_fixture_find(fixture, "Bob@EXAMPLE.org"), MAP_DELIVER);
	assert_span(fixture->result.key, "Bob@example.org");
	assert_int_equal(map_fixture_find(fixture, "BOB@example.org"), MAP_UNKNOWN);
	assert_int_equal(map_fixture_find(fixture, "lists-x-y-z@example.org"), MAP_DELIVER);
	assert_span(fixture->result.key, "lists-x@example.org");
	assert_int_equal(map_fixture_find(fixture, "lists@example.org"), MAP_UNKNOWN);
	assert_int_equal(map_fixture_find(fixture, "bob+x@example.org"), MAP_UNKNOWN);
	/* Without a configured postmaster: that of the own name; a catch-all may have its domain's. */
	assert_int_equal(map_fixture_find(fixture, "postmaster"), MAP_DELIVER);
	assert_span(fixture->result.key, "postmaster@mx.example.org");
	assert_int_equal(map_fixture_find(fixture, "POSTMASTER@example.net"), MAP_DELIVER);
	assert_span(fixture->result.key, "*@example.net");
	assert_int_equal(map_fixture_find(fixture, "postmaster@example.org"), MAP_UNKNOWN);
	assert_true(fixture->result.is_postmaster);
	map_fixture_close(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_international),
		cmocka_unit_test(test_international_duplicates),
		cmocka_unit_test(test_texts_and_roles),
		cmocka_unit_test(test_other_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
