/* Recipients files: what each line means, and what is wrong with those that mean nothing. */
#include "tests/unit/lookup/map_fixture.h"

#include <sys/stat.h>

#include "lookup/map_source.h"

static void
begin(struct map_entries *source)
{
	*source = (struct map_entries){ .root_count = 3,
		.roots = { SPAN("/var/mail/tidegate"), SPAN("/srv/mail"), SPAN("/srv/mail/deep") } };
}

/* The problems, as text; the caller frees it. */
static const char *
told(struct map_entries *source, struct buf *text)
{
	*text = BUF_LIMIT(8 << 20);
	problems_write(&source->problems, text);
	return buf_text(text);
}

static void
test_right_lines(void **state)
{
	struct map_entries source;

	(void)state;
	begin(&source);
	map_source_parse(&source, SPAN("r"),
	    SPAN("\xef\xbb\xbf# a comment\n"
		 "\n"
		 "  Alice@Example.ORG\tmaildir # behind it\r\n"
		 "bob@example.org maildir quota=2G\n"
		 "c@example.org maildir quota=3k /srv/mail/c/\n"
		 "d@example.org maildir /srv/mail/deep/x/y\n"
		 "e@example.org maildir some/where\n"
		 "f@example.org maildir \"with # blank\"\n"
		 "*@Example.NET maildir /srv/mail/net\n"
		 "\"a b\"@example.org maildir"));
	struct buf text;
	assert_string_equal(told(&source, &text), "");
	buf_free(&text);
	assert_int_equal(source.count, 8);
	const struct map_entry *entry = source.entries;
	assert_span(entry->address, "alice@example.org");
	assert_int_equal(entry->line, 3);
	assert_int_equal(entry->destination, MAP_TO_MAILDIR);
	assert_null(entry->maildir);
	entry++;
	assert_int_equal(entry->maildir->quota_bytes, 2ull << 30);
	assert_int_equal(entry->maildir->path.length, 0);
	entry++;
	assert_int_equal(entry->maildir->quota_bytes, 3072);
	assert_int_equal(entry->maildir->root, 1);
	assert_span(entry->maildir->path, "c");
	entry++;
	assert_int_equal(entry->maildir->root, 2);
	assert_span(entry->maildir->path, "x/y");
	entry++;
	assert_int_equal(entry->maildir->root, 0);
	assert_span(entry->maildir->path, "some/where");
	entry++;
	assert_span(entry->maildir->path, "with # blank");
	entry++;
	assert_span(entry->address, "*@example.net");
	map_entries_free(&source);
}

static void
test_right_words(void **state)
{
	struct map_entries source;

	(void)state;
	begin(&source);
	map_source_parse(&source, SPAN("r"),
	    SPAN("info@example.org alias BOB@example.org \"c\"@example.org # no\n"
		 "g@example.org refuse\n"
		 "h@example.org refuse \"Say \\\"no\\\" \\\\ # now\" # why\n"
		 "i#j@example.org defer \"\"\n"));
	assert_int_equal(source.problems.count, 0);
	const struct map_entry *entry = source.entries;
	assert_int_equal(entry->destination, MAP_TO_ALIAS);
	assert_int_equal(entry->targets->count, 2);
	assert_span(entry->targets->items[0], "bob@example.org");
	assert_span(entry->targets->items[1], "c@example.org");
	entry++;
	assert_int_equal(entry->destination, MAP_TO_REFUSE);
	assert_span(entry->text, "");
	entry++;
	assert_span(entry->text, "Say \"no\" \\ # now");
	entry++;
	assert_int_equal(entry->destination, MAP_TO_DEFER);
	assert_span(entry->address, "i#j@example.org");
	map_entries_free(&source);
}

struct mistake {
	const char *line;
	const char *words;
};

static const struct mistake mistakes[] = {
	{ "alice maildir", "\"alice\" is not a mail address: it has no domain" },
	{ "alice@example.org", "no destination is given" },
	{ "alice@ex_ample..org maildir", "is not a mail address: its part behind the @" },
	{ "al\"i\"ce@example.org maildir", "is not a mail address" },
	{ "alice@[192.0.2.1] maildir", "address literal" },
	{ "alice@example.org maildr", "\"maildr\" is not a destination" },
	{ "alice@example.org Maildir", "\"Maildir\" is not a destination" },
	{ "alice@example.org maildir /etc", "does not lie in a mailbox root" },
	{ "alice@example.org maildir /srv/mail", "does not lie in a mailbox root" },
	{ "alice@example.org maildir /srv/mail/", "does not lie in a mailbox root" },
	{ "alice@example.org maildir /srv/mailbox/a", "does not lie in a mailbox root" },
	{ "alice@example.org maildir /srv/mail/../a", "\"..\" part" },
	{ "alice@example.org maildir /srv/mail//a", "empty" },
	{ "alice@example.org maildir a/./b", "\".\"" },
	{ "alice@example.org maildir \"\"", "is empty" },
	{ "alice@example.org maildir a\033b", "control character" },
	{ "alice@example.org maildir \"some folder quota=1G", "a double quote" },
	{ "alice@example.org maildir \"some folder\"/new", "a double quote" },
	{ "alice@example.org maildir some\"folder", "a double quote" },
	{ "alice@example.org maildir a b", "\"b\" is one too many" },
	{ "alice@example.org maildir quota=1G quota=2G", "\"quota=2G\" is one too many" },
	{ "alice@example.org maildir quota=", "is no quota" },
	{ "alice@example.org maildir quota=0", "is no quota" },
	{ "alice@example.org maildir quota=-1", "is no quota" },
	{ "alice@example.org maildir quota=1GB", "is no quota" },
	{ "alice@example.org maildir quota=99999999999T", "is no quota" },
	{ "alice@example.org maildir quota=99999999999999999999", "is no quota" },
	{ "alice@example.org alias", "leads nowhere" },
	{ "alice@example.org alias bob", "\"bob\" is not a mail address" },
	{ "alice@example.org alias *@example.org", "stands for a whole domain" },
	{ "\"*\"@example.org maildir", "stands for a whole domain" },
	{ "alice@example.org refuse closed", "must stand in double quotes" },
	{ "alice@example.org refuse \"closed", "must stand in double quotes" },
	{ "alice@example.org refuse \"a\"b", "must stand in double quotes" },
	{ "alice@example.org refuse \"a\" b", "\"b\" is left over" },
	{ "alice@example.org defer \"a\tb\"", "printable ASCII" },
	{ "alice@example.org defer \"\xc3\xbc\"", "printable ASCII" },
	{ "alice@example.org user alice", "system users is not available" },
	{ "*@example.org lmtp unix:/run/lmtp", "next hops by lmtp are not available" },
	{ "@example.org smtp 10.0.0.5:25", "next hops by smtp are not available" },
	{ "@example.org maildir", "for a catch-all write \"*@example.org\"" },
	{ "@ maildir", "is not a mail address" },
	{ "a\xff@example.org maildir", "save the file as UTF-8" },
	{ "a@\xff.example maildir", "save the file as UTF-8" },
	{ "*@b\xfc"
	  "cher.example maildir",
	    "save the file as UTF-8" },
	{ "info@example.org alias j\xf6rg@example.org", "save the file as UTF-8" },
	{ "a\xe2\x80\x8b@example.org maildir", "cannot be seen" },
	{ "a@☕.example maildir", "(RFC 5892)" },
	{ "*@\xcd\xb8.example maildir", "(RFC 5892)" },
	{ "a@אבa.example maildir", "(RFC 5893)" },
	{ "a@äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü.example maildir", "A-labels" },
};

static void
test_each_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		struct map_entries source;
		struct buf lines = BUF_LIMIT(4096);
		struct buf text;

		begin(&source);
		buf_printf(&lines, "# first\n%s\nok@example.org maildir\n", mistakes[i].line);
		map_source_parse(&source, SPAN("/etc/r"), buf_span(&lines));
		const char *problems = told(&source, &text);
		if (source.problems.count != 1 || strncmp(problems, "/etc/r:2: ", 10) != 0 ||
		    !strstr(problems, mistakes[i].words))
			fail_msg("%s: %s", mistakes[i].line, problems);
		assert_true(source.count >= 1);
		if (source.count == 2)
			assert_int_equal(source.entries[0].destination, MAP_TO_NOTHING);
		buf_free(&text);
		buf_free(&lines);
		map_entries_free(&source);
	}
}

static void
test_lengths(void **state)
{
	struct map_entries source;
	struct buf lines = BUF_LIMIT(1 << 20);

	(void)state;
	begin(&source);
	buf_printf(&lines, "a@b.org refuse \"%0400d\"\nc@b.org refuse \"%0401d\"\nd@b.org alias", 0, 0);
	for (int i = 0; i < 1000; i++)
		buf_append_text(&lines, " x@b.org");
	buf_append_text(&lines, "\ne@b.org alias");
	for (int i = 0; i < 1001; i++)
		buf_append_text(&lines, " x@b.org");
	buf_printf(&lines, "\nf@b.org maildir %0256d\ng@b.org maildir \"%02000d\"\n", 0, 0);
	map_source_parse(&source, SPAN("r"), buf_span(&lines));
	struct buf text;
	const char *problems = told(&source, &text);
	assert_int_equal(source.problems.count, 4);
	assert_non_null(strstr(problems, "r:2: the text is longer than 400 characters"));
	assert_non_null(strstr(problems, "r:4: this alias names 1001 addresses; 1000 is the most"));
	assert_non_null(strstr(problems, "r:5: "));
	assert_non_null(strstr(problems, "r:6: "));
	buf_free(&text);
	buf_free(&lines);
	map_entries_free(&source);
}

static void
test_nul(void **state)
{
	struct map_entries source;

	(void)state;
	begin(&source);
	map_source_parse(&source, SPAN("r"), SPAN("a@b.org\0 maildir\n"));
	assert_int_equal(source.problems.count, 1);
	assert_int_equal(source.count, 0);
	map_entries_free(&source);
}

static void
expect_path(const char *address, const char *path)
{
	struct buf text = BUF_LIMIT(1024);

	map_default_path(span_of(address), &text);
	assert_string_equal(buf_text(&text), path);
	assert_true(map_path_is_safe(buf_span(&text)));
	buf_free(&text);
}

static void
test_default_paths(void **state)
{
	(void)state;
	expect_path("alice@example.org", "example.org/alice");
	expect_path("Alice.B-c_d+e=f~@example.org", "example.org/Alice.B-c_d+e=f~");
	expect_path("a/b@example.org", "example.org/a%2Fb");
	expect_path("a%2Fb@example.org", "example.org/a%252Fb");
	expect_path("\"..\"@example.org", "example.org/%22..%22");
	expect_path("*@example.org", "example.org/%2A");
	expect_path("j\xc3\xbcrgen@example.org", "example.org/j\xc3\xbcrgen");
	/* What looks like a slash or like dots is neither. */
	expect_path("..∕..@example.org", "example.org/%2E.∕..");
	expect_path("．．@xn--bcher-kva.example", "xn--bcher-kva.example/．．");
}

static void
put_file(struct map_fixture *fixture, const char *name, const char *text)
{
	int fd = openat(fixture->folder.fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
test_folder(void **state)
{
	static const char *const names[] = { "b", "a", ".hidden", "a~", "C.map" };
	struct map_fixture *fixture = map_fixture_open();
	struct map_entries source;

	(void)state;
	begin(&source);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char line[64];

		(void)snprintf(line, sizeof line, "file%zu@example.org maildir\nwrong\n", i);
		put_file(fixture, names[i], line);
	}
	assert_int_equal(mkdirat(fixture->folder.fd, "folder", 0700), 0);
	map_source_read(&source, fixture->folder.path);
	assert_int_equal(source.file_count, 3);
	assert_int_equal(source.count, 3);
	assert_span(source.entries[0].address, "file4@example.org");
	assert_span(source.entries[1].address, "file1@example.org");
	assert_span(source.entries[2].address, "file0@example.org");
	struct buf text;
	const char *problems = told(&source, &text);
	const char *c = strstr(problems, "/C.map:2: ");
	const char *a = strstr(problems, "/a:2: ");
	const char *b = strstr(problems, "/b:2: ");
	assert_true(c && a && b && c < a && a < b);
	buf_free(&text);
	map_entries_free(&source);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(unlinkat(fixture->folder.fd, names[i], 0), 0);
	assert_int_equal(unlinkat(fixture->folder.fd, "folder", AT_REMOVEDIR), 0);
	map_fixture_close(fixture);
}

static void
test_unreadable(void **state)
{
	struct map_entries source;
	struct buf text;

	(void)state;
	begin(&source);
	map_source_read(&source, "/nonexistent/recipients");
	assert_non_null(
	    strstr(told(&source, &text), "/nonexistent/recipients: the recipients file cannot be read (No such file"));
	buf_free(&text);
	map_entries_free(&source);
	begin(&source);
	map_source_read(&source, "/dev/null");
	assert_non_null(strstr(told(&source, &text), "it is no regular file"));
	buf_free(&text);
	map_entries_free(&source);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_lines),
		cmocka_unit_test(test_right_words),
		cmocka_unit_test(test_each_mistake),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_default_paths),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
