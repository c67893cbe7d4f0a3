/* The compiler: aliases to their ends, mistakes that only the whole shows, and what a bad run leaves behind: nothing.
 */
#include "tests/unit/lookup/map_fixture.h"

#include <sys/stat.h>

/* Does the address reach exactly these addresses' mailboxes, in order? */
static void
expect_reach(struct map_fixture *fixture, const char *address, const char *const *wanted, size_t count)
{
	assert_int_equal(map_fixture_find(fixture, address), MAP_DELIVER);
	assert_int_equal(fixture->result.count, count);
	for (size_t i = 0; i < count; i++)
		assert_span(fixture->result.mailboxes[i].address, wanted[i]);
}

static void
test_aliases(void **state)
{
	static const char *const team[] = { "alice@example.org", "bob@example.org" };
	static const char *const shared[] = { "alice@example.org", "one@example.net" };
	static const char *const long_way[] = { "alice@example.org" };
	struct map_fixture *fixture = map_fixture_open();

	(void)state;
	map_fixture_make(fixture,
	    "all@example.org alias team@example.org alice@example.org TEAM@example.org bob+x@example.org\n"
	    "team@example.org alias alice@example.org bob@example.org\n"
	    "alice@example.org maildir\n"
	    "bob@example.org maildir quota=2G\n"
	    "twin@example.org maildir example.org/alice\n"
	    "same@example.org alias alice@example.org twin@example.org one@example.net two@example.net\n"
	    "*@example.net maildir /srv/mail/net\n"
	    "l1@example.org alias l2@example.org\nl2@example.org alias l3@example.org\n"
	    "l3@example.org alias l4@example.org\nl4@example.org alias alice@example.org\n"
	    "pm@example.org alias postmaster@example.net\n");
	expect_reach(fixture, "team@example.org", team, 2);
	expect_reach(fixture, "all@example.org", team, 2);
	assert_int_equal(fixture->result.line, 1);
	assert_int_equal(fixture->result.mailboxes[1].line, 4);
	assert_true(fixture->result.mailboxes[1].quota_bytes == 2ull << 30);
	/* One folder reached under several names gets one copy; a catch-all is reached under the alias's name for it.
	 */
	expect_reach(fixture, "same@example.org", shared, 2);
	assert_int_equal(fixture->result.mailboxes[1].root, 1);
	expect_reach(fixture, "l1@example.org", long_way, 1);
	expect_reach(fixture, "pm@example.org", long_way, 1);
	map_fixture_close(fixture);
}

static void
test_long_chain(void **state)
{
	static const char *const end[] = { "alice@example.org" };
	struct map_fixture *fixture = map_fixture_open();
	struct buf text = BUF_LIMIT(16 << 20);
	enum { LINKS = 100000 };

	(void)state;
	for (int i = 0; i < LINKS; i++)
		buf_printf(&text, "a%d@example.org alias a%d@example.org\n", i, i + 1);
	buf_printf(&text, "a%d@example.org alias alice@example.org\nalice@example.org maildir\n", LINKS);
	map_fixture_make(fixture, buf_text(&text));
	expect_reach(fixture, "a0@example.org", end, 1);
	buf_reset(&text);
	for (int i = 0; i < LINKS; i++)
		buf_printf(&text, "a%d@example.org alias a%d@example.org\n", i, (i + 1) % LINKS);
	map_fixture_write(fixture, buf_text(&text));
	assert_false(map_fixture_compile(fixture, true));
	assert_non_null(
	    strstr(fixture->messages.data, "recipients:1: this alias leads back to itself: a0@example.org -> "));
	buf_free(&text);
	map_fixture_close(fixture);
}

static void
test_most_mailboxes(void **state)
{
	struct map_fixture *fixture = map_fixture_open();
	struct buf text = BUF_LIMIT(1 << 20);

	(void)state;
	for (int i = 0; i < 1001; i++)
		buf_printf(&text, "u%d@example.org maildir\n", i);
	buf_append_text(&text, "half@example.org alias");
	for (int i = 0; i < 500; i++)
		buf_printf(&text, " u%d@example.org", i);
	buf_append_text(&text, "\nmost@example.org alias half@example.org");
	for (int i = 400; i < 1000; i++)
		buf_printf(&text, " u%d@example.org", i);
	size_t length = text.length;
	map_fixture_make(fixture, buf_text(&text));
	assert_int_equal(map_fixture_find(fixture, "most@example.org"), MAP_DELIVER);
	assert_int_equal(fixture->result.count, 1000);
	text.length = length;
	buf_append_text(&text, " u1000@example.org\n");
	map_fixture_write(fixture, buf_text(&text));
	assert_false(map_fixture_compile(fixture, true));
	assert_non_null(
	    strstr(fixture->messages.data, "recipients:1003: most@example.org reaches more than 1000 mailboxes"));
	buf_free(&text);
	map_fixture_close(fixture);
}

static void
test_all_mistakes_at_once(void **state)
{
	static const char *const wanted[] = {
		":2: \"maildr\" is not a destination",
		":3: dangling@example.org leads to nobody@example.org, which is not there; add it",
		":4: outside@example.org leads to x@elsewhere.example, whose domain has no entry here",
		":5: this alias leads back to itself: a@example.org -> b@example.org -> c@example.org -> a@example.org",
		":8: this alias leads back to itself: self@example.org -> self@example.org",
		":10: alice@example.org is there already, on line 1",
		":11: closed@example.org leads to spam@example.org, which takes no mail (line 12)",
		":13: \"no\" is not a mail address",
	};
	struct map_fixture *fixture = map_fixture_open();
	size_t lines = 0;

	(void)state;
	map_fixture_write(fixture, "alice@example.org maildir\n"
				   "bob@example.org maildr\n"
				   "dangling@example.org alias nobody@example.org alice@example.org\n"
				   "outside@example.org alias x@elsewhere.example\n"
				   "a@example.org alias b@example.org\n"
				   "b@example.org alias alice@example.org c@example.org\n"
				   "c@example.org alias a@example.org\n"
				   "self@example.org alias self@example.org\n"
				   "tobob@example.org alias bob@example.org a@example.org\n"
				   "\"Alice\"@Example.org maildir\n"
				   "closed@example.org alias spam@example.org\n"
				   "spam@example.org refuse\n"
				   "no maildir\n");
	assert_false(map_fixture_compile(fixture, true));
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (!strstr(fixture->messages.data, wanted[i]))
			fail_msg("\"%s\" is not in: %s", wanted[i], fixture->messages.data);
	for (const char *at = fixture->messages.data; *at; at++)
		lines += *at == '\n';
	assert_int_equal(lines, sizeof wanted / sizeof wanted[0]);
	assert_int_equal(faccessat(fixture->folder.fd, MAP_NAME, F_OK, 0), -1);
	map_fixture_close(fixture);
}

static void
test_duplicates_in_two_files(void **state)
{
	struct map_fixture *fixture = map_fixture_open();

	(void)state;
	map_fixture_write(fixture, "alice@example.org maildir\n");
	int fd = openat(fixture->folder.fd, "second", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "\nALICE@example.org maildir\n", 27), 27);
	assert_int_equal(close(fd), 0);
	fixture->config.recipients = fixture->folder.path;
	assert_false(map_fixture_compile(fixture, true));
	assert_non_null(strstr(fixture->messages.data, "/second:2: alice@example.org is there already, in /"));
	assert_non_null(strstr(fixture->messages.data, "/recipients:1; keep one"));
	assert_int_equal(unlinkat(fixture->folder.fd, "second", 0), 0);
	map_fixture_close(fixture);
}

static void
test_shrinking(void **state)
{
	struct map_fixture *fixture = map_fixture_open();
	struct buf text = BUF_LIMIT(65536);

	(void)state;
	buf_append_text(&text, "alice@example.org maildir\n");
	for (int i = 0; i < 21; i++)
		buf_printf(&text, "u%d@example.org maildir\n", i);
	map_fixture_make(fixture, buf_text(&text));
	assert_int_equal(fixture->totals.addresses, 22);
	size_t line = strlen("u0@example.org maildir\n");
	/* 12 of 22 are enough, 11 are not. */
	text.length = strlen("alice@example.org maildir\n") + 10 * line;
	map_fixture_write(fixture, buf_text(&text));
	assert_false(map_fixture_compile(fixture, false));
	assert_non_null(strstr(fixture->messages.data, "would shrink from 22 addresses to 11, and the old one stays"));
	map_fixture_load(fixture);
	assert_int_equal(map_meta(fixture->map)->addresses, 22);
	buf_append_text(&text, "ux@example.org maildir\n");
	map_fixture_write(fixture, buf_text(&text));
	assert_true(map_fixture_compile(fixture, false));
	/* What is small may shrink; what is forced too; but never to nothing. */
	map_fixture_write(fixture, "alice@example.org maildir\n");
	assert_true(map_fixture_compile(fixture, false));
	map_fixture_write(fixture, "# nobody\n");
	assert_false(map_fixture_compile(fixture, true));
	assert_non_null(strstr(fixture->messages.data, "there is no address in it"));
	map_fixture_load(fixture);
	assert_int_equal(map_meta(fixture->map)->addresses, 1);
	buf_free(&text);
	map_fixture_close(fixture);
}

static void
test_postmaster_warnings(void **state)
{
	struct map_fixture *fixture = map_fixture_open();

	(void)state;
	map_fixture_make(fixture, "alice@example.org maildir\n");
	assert_int_equal(fixture->messages.length, 0);
	fixture->config.postmaster = "typo@example.org";
	assert_true(map_fixture_compile(fixture, false));
	assert_non_null(strstr(fixture->messages.data, "warning: postmaster = typo@example.org leads to no mailbox"));
	fixture->config.postmaster = "";
	assert_true(map_fixture_compile(fixture, false));
	assert_non_null(strstr(fixture->messages.data, "warning: nobody reads mail to <postmaster>"));
	map_fixture_close(fixture);
}

static void
test_file(void **state)
{
	struct map_fixture *fixture = map_fixture_open();
	struct stat facts;

	(void)state;
	int left = openat(fixture->folder.fd, MAP_NAME ".new", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(close(left), 0);
	mode_t mask = umask(077);
	map_fixture_make(fixture, "alice@example.org maildir\n*@example.net maildir\n");
	(void)umask(mask);
	assert_int_equal(fstatat(fixture->folder.fd, MAP_NAME, &facts, 0), 0);
	assert_int_equal(facts.st_mode & 07777, 0644);
	assert_int_equal(facts.st_size, fixture->totals.file_bytes);
	assert_int_equal(fixture->totals.addresses, 1);
	assert_int_equal(fixture->totals.entries, 2);
	char digest[65];
	memcpy(digest, map_meta(fixture->map)->digest, sizeof digest);
	map_fixture_make(fixture, "alice@example.org maildir\n*@example.net maildir # again\n");
	assert_string_equal(map_meta(fixture->map)->digest, digest);
	map_fixture_make(fixture, "alice@example.org maildir quota=1\n*@example.net maildir\n");
	assert_string_not_equal(map_meta(fixture->map)->digest, digest);
	map_fixture_close(fixture);
}

static void
test_cannot_be_written(void **state)
{
	struct map_fixture *fixture = map_fixture_open();
	int folder = fixture->folder.fd;

	(void)state;
	map_fixture_write(fixture, "alice@example.org maildir\n");
	fixture->folder.fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fixture->folder.fd >= 0) {
		assert_false(map_fixture_compile(fixture, true));
		assert_non_null(strstr(fixture->messages.data, "the map cannot be written ("));
		assert_int_equal(close(fixture->folder.fd), 0);
	}
	fixture->folder.fd = folder;
	map_fixture_close(fixture);
}

static void
test_settings(void **state)
{
	struct map_fixture *fixture = map_fixture_open();

	(void)state;
	map_fixture_make(fixture, "alice@example.org maildir\n");
	assert_true(map_suits(fixture->map, &fixture->config));
	fixture->config.sub_address = "-";
	fixture->config.postmaster = "";
	assert_true(map_suits(fixture->map, &fixture->config));
	fixture->config.local_part_case = LETTER_CASE_KEEP;
	assert_false(map_suits(fixture->map, &fixture->config));
	fixture->config.local_part_case = LETTER_CASE_FOLD;
	fixture->config.mailboxes = "/srv/mail";
	assert_false(map_suits(fixture->map, &fixture->config));
	fixture->config.mailboxes = "/var/mail/tidegate";
	fixture->config.mailbox_roots.count = 1;
	assert_false(map_suits(fixture->map, &fixture->config));
	map_fixture_close(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_most_mailboxes),
		cmocka_unit_test(test_all_mistakes_at_once),
		cmocka_unit_test(test_duplicates_in_two_files),
		cmocka_unit_test(test_shrinking),
		cmocka_unit_test(test_postmaster_warnings),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_cannot_be_written),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
