/* Lookups in a compiled map, and files that are refused or found broken instead of being believed. */
#include "tests/unit/lookup/map_fixture.h"

#include <cdb.h>
#include <sys/stat.h>

#include "lookup/map_record.h"

static const char recipients[] = "# the usual\n"
				 "alice@example.org      maildir\n"
				 "bob@example.org        maildir quota=2G\n"
				 "bob+lists@example.org  maildir /srv/mail/lists\n"
				 "team@example.org       alias alice@example.org bob@example.org\n"
				 "spam@example.org       refuse \"This address is closed.\"\n"
				 "moving@example.org     defer\n"
				 "abuse@example.org      alias bob@example.org\n"
				 "*@example.net          maildir /srv/mail/net\n"
				 "exact@example.net      maildir\n"
				 "postmaster@own.example alias bob@example.org\n"
				 "\"a b\"@example.org    maildir\n";

static void
assert_span(struct span span, const char *text)
{
	if (!span_equal(span, span_of(text)))
		fail_msg("\"%.*s\" is not \"%s\"", SPAN_ARG(span), text);
}

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
	map_fixture_make(fixture, recipients);
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
	map_fixture_make(fixture, recipients);
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

/* Reads the compiled file into a buffer. */
static void
load_bytes(const struct map_fixture *fixture, struct buf *bytes)
{
	int fd = openat(fixture->fd, MAP_NAME, O_RDONLY | O_CLOEXEC);
	struct stat facts;

	assert_int_equal(fstat(fd, &facts), 0);
	*bytes = BUF_LIMIT(1 << 20);
	char *to = buf_reserve(bytes, (size_t)facts.st_size);
	assert_int_equal(read(fd, to, (size_t)facts.st_size), facts.st_size);
	bytes->length = (size_t)facts.st_size;
	assert_int_equal(close(fd), 0);
}

/* Opens bytes as a map; the reason is checked when it must be refused. */
static struct map *
open_bytes(const struct map_fixture *fixture, struct span bytes, const char *reason)
{
	int fd = openat(fixture->fd, "changed", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct buf why = BUF_LIMIT(1024);

	assert_int_equal(write(fd, bytes.data, bytes.length), bytes.length);
	assert_int_equal(unlinkat(fixture->fd, "changed", 0), 0);
	struct map *map = map_open(fd, &why);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	if (reason && (map || !strstr(buf_text(&why), reason)))
		fail_msg("%s: wanted \"%s\"", map ? "opened" : buf_text(&why), reason);
	buf_free(&why);
	return map;
}

static void
test_refused_files(void **state)
{
	struct map_fixture *fixture = map_fixture_open();
	struct buf bytes;
	char garbage[5000];

	(void)state;
	map_fixture_make(fixture, recipients);
	load_bytes(fixture, &bytes);
	(void)open_bytes(fixture, SPAN(""), "it is empty");
	(void)open_bytes(fixture, span_take(buf_span(&bytes), 2047), "truncated, or no map at all");
	memset(garbage, 'x', sizeof garbage);
	(void)open_bytes(fixture, span_make(garbage, sizeof garbage), "");
	memset(garbage, 0, sizeof garbage);
	(void)open_bytes(fixture, span_make(garbage, sizeof garbage), "no \\0meta");
	for (size_t i = 2048; i < bytes.length; i++)
		assert_null(open_bytes(fixture, span_take(buf_span(&bytes), i), ""));
	buf_append_char(&bytes, '\0');
	(void)open_bytes(fixture, buf_span(&bytes), "not the length that was written");
	buf_free(&bytes);
	struct buf why = BUF_LIMIT(1024);
	assert_null(map_open(open("/dev/null", O_RDONLY | O_CLOEXEC), &why));
	assert_non_null(strstr(buf_text(&why), "no regular file"));
	buf_free(&why);
	map_fixture_close(fixture);
}

/* A cdb that holds one entry and a meta of our making. */
static struct map *
open_made(const struct map_fixture *fixture, const struct map_totals *totals, int version, const char *reason)
{
	struct buf value = BUF_LIMIT(1024);
	struct buf bytes = BUF_LIMIT(65536);
	struct cdb_make make;
	struct stat facts;
	int fd = openat(fixture->fd, "made", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(unlinkat(fixture->fd, "made", 0), 0);
	assert_int_equal(cdb_make_start(&make, fd), 0);
	assert_int_equal(cdb_make_add(&make, "a@b.org", 7, "nonsense", 8), 0);
	map_domain_encode(SPAN("@b.org"), &value);
	assert_int_equal(cdb_make_add(&make, "@b.org", 6, value.data, (unsigned)value.length), 0);
	buf_reset(&value);
	if (totals) {
		map_meta_encode(totals, &value);
		value.data[0] = (char)version;
		assert_int_equal(cdb_make_add(&make, "\0meta", 5, value.data, (unsigned)value.length), 0);
	}
	assert_int_equal(cdb_make_finish(&make), 0);
	assert_int_equal(fstat(fd, &facts), 0);
	assert_int_equal(
	    pread(fd, buf_reserve(&bytes, (size_t)facts.st_size), (size_t)facts.st_size, 0), facts.st_size);
	bytes.length = (size_t)facts.st_size;
	assert_int_equal(close(fd), 0);
	struct map *map = open_bytes(fixture, buf_span(&bytes), reason);
	buf_free(&value);
	buf_free(&bytes);
	return map;
}

static void
test_meta(void **state)
{
	enum { WHOLE = 2048 + 8 + 7 + 8 + 8 + 6 + 6 + 8 + 5 + MAP_META_VALUE_BYTES + 3 * 16 };
	const struct map_totals right = { .addresses = 1, .entries = 1, .records = 3, .file_bytes = WHOLE };
	struct map_fixture *fixture = map_fixture_open();
	struct map_totals wrong = right;

	(void)state;
	fixture->rules = map_rules_of(&fixture->config);
	(void)open_made(fixture, NULL, 0, "it has no \\0meta record");
	(void)open_made(fixture, &right, MAP_VERSION + 1, "made by another version");
	(void)open_made(fixture, &right, 0, "made by another version");
	wrong.file_bytes++;
	(void)open_made(fixture, &wrong, MAP_VERSION, "not the length");
	wrong = right;
	wrong.records++;
	(void)open_made(fixture, &wrong, MAP_VERSION, "do not fit each other");
	wrong = right;
	wrong.addresses = 2;
	(void)open_made(fixture, &wrong, MAP_VERSION, "do not fit each other");
	wrong = right;
	wrong.addresses = wrong.entries = 0;
	(void)open_made(fixture, &wrong, MAP_VERSION, "no address at all");
	fixture->map = open_made(fixture, &right, MAP_VERSION, NULL);
	assert_non_null(fixture->map);
	/* Its entry is nonsense: never a mailbox, never "unknown". */
	assert_int_equal(map_fixture_find(fixture, "a@b.org"), MAP_BROKEN);
	assert_int_equal(fixture->result.count, 0);
	assert_int_equal(map_fixture_find(fixture, "c@b.org"), MAP_UNKNOWN);
	map_fixture_close(fixture);
}

/* Whatever bit of the file flips: it is refused, or answers are right or MAP_BROKEN, and a mailbox is never another. A
 * flipped hash can hide an entry, but that it hides one behind a wrong answer's back is a 550 or a catch-all at worst.
 */
static void
test_flipped_bits(void **state)
{
	struct map_fixture *fixture = map_fixture_open();
	struct buf bytes;
	unsigned opened = 0;

	(void)state;
	map_fixture_make(fixture, "alice@example.org maildir\nbob@example.org maildir\n");
	load_bytes(fixture, &bytes);
	for (size_t i = 0; i < bytes.length; i++) {
		bytes.data[i] = (char)(bytes.data[i] ^ 1 << i % 8);
		map_close(fixture->map);
		fixture->map = open_bytes(fixture, buf_span(&bytes), NULL);
		bytes.data[i] = (char)(bytes.data[i] ^ 1 << i % 8);
		if (!fixture->map)
			continue;
		opened++;
		if (map_fixture_find(fixture, "alice@example.org") == MAP_DELIVER) {
			assert_int_equal(fixture->result.count, 1);
			assert_span(fixture->result.mailboxes[0].path, "example.org/alice");
		}
	}
	assert_true(opened > 0 && opened < bytes.length);
	buf_free(&bytes);
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
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_meta),
		cmocka_unit_test(test_flipped_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
