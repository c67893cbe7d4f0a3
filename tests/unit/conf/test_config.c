/* Every mistake in a configuration is told with its line and its remedy, all of them at once. */
#include "tests/unit/conf/config_fixture.h"

/* Does one line of errors begin (behind the file's path) with ":LINE: " and hold the words? */
static bool
has_error(const char *errors, unsigned line, const char *words)
{
	char place[64];

	(void)snprintf(place, sizeof place, "/tidegate.conf:%u: ", line);
	for (const char *at = strstr(errors, place); at; at = strstr(at + 1, place)) {
		const char *end = strchr(at, '\n');
		const char *found = strstr(at, words);

		if (found && end && found < end)
			return true;
	}
	return false;
}

static size_t
count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void
expect_error(const char *text, unsigned line, const char *words)
{
	struct buf errors;
	struct config *config = fixture_read(span_of(text), &errors);

	if (config)
		fail_msg("taken: %s", text);
	if (!has_error(errors.data, line, words))
		fail_msg("wanted line %u with \"%s\", got: %s", line, words, errors.data);
	if (count_lines(errors.data) != 1)
		fail_msg("wanted one error, got: %s", errors.data);
	buf_free(&errors);
}

struct mistake {
	const char *line7; /* stands on line 7, behind MINIMAL */
	const char *words;
};

static const struct mistake mistakes[] = {
	{ "max-recipient = 200", "\"max-recipient\" is not a key; did you mean \"max-recipients\"?" },
	{ "local_part_case = keep", "did you mean \"local-part-case\"?" },
	{ "colour = \"blue\"", "\"colour\" is not a key; tidegate.conf(5)" },
	{ "colours = {\"blue\", \"red\"}", "\"colours\" is not a key" },
	{ "max-recipients = 99", "out of range; it must be from 100 to 1000" },
	{ "max-recipients = many", "max-recipients is \"many\"; it must be a whole number" },
	{ "max-recipients = 200K", "it must be a whole number" },
	{ "max-recipients = -1", "it must be a whole number" },
	{ "max-recipients = \"\"", "it must be a whole number" },
	{ "max-recipients = 99999999999999999999", "it must be a whole number" },
	{ "max-recipients = {200}", "takes one value, not a list" },
	{ "max-recipients += 200", "takes one value, so += has no meaning" },
	{ "hostname = \"mx2.example.org\"", "hostname is given twice, first on line 1" },
	{ "listen = {\"127.0.0.1:26\"}", "listen is given twice, first on line 2" },
	{ "listen += {\"127.0.0.1\"}", "it must be an address with its port" },
	{ "listen += {\"*:25\"}", "it must be an address with its port" },
	{ "listen += {\"127.0.0.1:0\"}", "port 0 cannot be reached" },
	{ "listen += {\"127.0.0.1:2525\"}", "lists \"127.0.0.1:2525\" twice" },
	{ "contact = \"Schr\303\266der\"", "it goes into replies, which are ASCII" },
	{ "contact-url = \"mail us\"", "it must be the address of a page, such as https://" },
	{ "contact-url = \"http://a b\"", "it must be the address of a page" },
	{ "resolvers += {\"127.0.0.1\"}", "resolvers is \"127.0.0.1\"; it must be an address with its port" },
	{ "max-message-size = 50T", "with K, M or G behind it" },
	{ "max-message-size = 1", "from 65536 to 2147483647 bytes" },
	{ "max-message-size = 99999999999G", "with K, M or G behind it" },
	{ "final-reply = 60x", "s, m, h or d" },
	{ "final-reply = 1h", "out of range; it must be from 1 to 600 seconds" },
	{ "strict-text = maybe", "it must be true or false" },
	{ "spf-mailfrom-fail = reject", "it must be off, note, doubt, defer, refuse or junk" },
	{ "require-walls = some", "it must be none or all" },
	{ "resolver-down = refuse", "it must be defer or accept" },
	{ "local-part-case = lower", "it must be fold or keep" },
	{ "postmaster = alice", "it must be one of your addresses" },
	{ "postmaster = \"a b@example.org\"", "it must be one of your addresses" },
	{ "postmaster = \"@example.org\"", "it must be one of your addresses" },
	{ "sub-address = \"a\"", "it must be made of" },
	{ "sub-address = \"@\"", "it must be made of" },
	{ "sub-address = \"++\"", "once only" },
	{ "sub-address = +", "\"+\" cannot stand outside quotes" },
	{ "mailbox-user = root", "mailboxes cannot belong to root" },
	{ "mailbox-user = \"0\"", "mailboxes cannot belong to root" },
	{ "mailbox-user = \"a b\"", "it must be an account's name" },
	{ "trusted = {\"192.0.2.1/24\"}", "a network whose host bits are zero" },
	{ "trusted = {\"mx.example.net\"}", "an address or a network" },
	{ "forwarders = {\"192.0.2.300\"}", "or a full host name" },
	{ "forwarders = {\"localhost\"}", "or a full host name" },
	{ "mailbox-roots = {\"/srv/../etc\"}", "has no \"..\"" },
	{ "mailbox-roots = {\"/\"}", "a folder of its own" },
	{ "mailbox-roots = {\"/var/mail//tidegate/\"}", "already the mailboxes folder" },
	{ "mailbox-roots = {\"/srv/mail\", \"/var/mail/tidegate/example.org\"}",
	    "lies inside of \"/var/mail/tidegate\"" },
	{ "mailbox-roots = {\"/srv/mail\", \"/var/mail\"}", "\"/var/mail/tidegate\" lies inside of \"/var/mail\"" },
	{ "mailbox-roots = {\"/srv/mail/a\", \"/srv/mail\"}", "\"/srv/mail/a\" lies inside of \"/srv/mail\"" },
	{ "postmaster = \"${POSTMASTER}\"", "environment variables are not put into values" },
	{ "postmaster = \"alice@example.org", "has no end" },
	{ "/* a comment", "this comment has no end" },
	{ "postmaster = a@b.example//x", "a comment cannot begin inside a word" },
	{ "max-errors 10", "missing equal sign after option 'max-errors'" },
	{ "trusted = {\"192.0.2.1\" \"192.0.2.2\"}", "a setting is written KEY = \"VALUE\"" },
	{ "}", "unexpected closing brace" },
	{ "max-errors =", "premature end of file" },
	{ "max-errors = = 10", "unexpected token '='" },
	{ "postmaster = \"a\\nb@example.org\"", "control characters" },
};

static void
test_each_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		char text[2048];

		(void)snprintf(text, sizeof text, "%s%s\n", MINIMAL, mistakes[i].line7);
		/* libconfuse names the end of the file for what is cut off there. */
		expect_error(text, strstr(mistakes[i].words, "premature") ? 8 : 7, mistakes[i].words);
	}
}

static void
test_all_mistakes_at_once(void **state)
{
	struct buf errors;

	(void)state;
	struct config *config = fixture_read(span_of("# a comment\n"
						     "/* another,\n"
						     "   longer one */ listen = {\"127.0.0.1:25\", # the first\n"
						     "    /* the second */ \"nonsense\",\n"
						     "    \"::1\"}\n"
						     "hostnam = \"mx.example.org\"\n"
						     "nonsense += {1, 2}\n"
						     "hostname = \"mx.example.org\"; \n"),
	    &errors);
	assert_null(config);
	assert_true(has_error(errors.data, 8, "\";\" cannot stand outside quotes"));
	buf_free(&errors);

	config = fixture_read(span_of("# a comment\n"
				      "/* another,\n"
				      "   longer one */ listen = {\"127.0.0.1:25\", # the first\n"
				      "    /* the second */ \"nonsense\",\n"
				      "    \"::1\"}\n"
				      "hostnam = \"mx.example.org\"\n"
				      "nonsense += {1, 2}\n"
				      "max-errors = 0 // none\n"
				      "state = 'here'\n"),
	    &errors);
	assert_null(config);
	assert_true(has_error(errors.data, 4, "listen is \"nonsense\""));
	assert_true(has_error(errors.data, 5, "listen is \"::1\""));
	assert_true(has_error(errors.data, 6, "did you mean \"hostname\"?"));
	assert_true(has_error(errors.data, 7, "\"nonsense\" is not a key"));
	assert_true(has_error(errors.data, 8, "max-errors is 0, out of range"));
	assert_true(has_error(errors.data, 9, "recipients is missing; add a line such as recipients = "));
	assert_true(has_error(errors.data, 9, "mailboxes is missing"));
	assert_false(has_error(errors.data, 9, "state is missing"));
	assert_true(strstr(errors.data, "conf:4:") < strstr(errors.data, "conf:5:"));
	assert_true(strstr(errors.data, "conf:5:") < strstr(errors.data, "conf:6:"));
	buf_free(&errors);
}

static void
test_missing_keys(void **state)
{
	struct buf errors;

	(void)state;
	assert_null(fixture_read(span_of("hostname = \"mx.example.org\"\nlisten = {}\n"), &errors));
	assert_true(has_error(errors.data, 2, "listen has 0 values; it must have from 1 to 64"));
	assert_true(has_error(errors.data, 2, "recipients is missing"));
	assert_true(has_error(errors.data, 2, "mailboxes is missing"));
	assert_true(has_error(errors.data, 2, "state is missing"));
	buf_free(&errors);
	assert_null(fixture_read(SPAN(""), &errors));
	assert_true(has_error(errors.data, 1, "listen is missing"));
	buf_free(&errors);
}

static void
test_file_that_is_no_configuration(void **state)
{
	struct buf errors;

	(void)state;
	assert_null(fixture_read(SPAN("hostname = \0\n"), &errors));
	assert_true(has_error(errors.data, 1, "NUL"));
	buf_free(&errors);
	errors = BUF_LIMIT(4096);
	assert_null(config_read("/nonexistent/tidegate.conf", &errors));
	assert_non_null(
	    strstr(buf_text(&errors), "/nonexistent/tidegate.conf: the configuration cannot be read (No such file"));
	buf_free(&errors);
	errors = BUF_LIMIT(4096);
	assert_null(config_read("/", &errors));
	assert_non_null(strstr(buf_text(&errors), "Is a directory"));
	buf_free(&errors);
}

static void
test_hostname_of_the_system(void **state)
{
	char name[256] = "";
	struct buf errors;

	(void)state;
	assert_int_equal(gethostname(name, sizeof name - 1), 0);
	struct config *config = fixture_read(span_of(strchr(MINIMAL, '\n') + 1), &errors);
	if (strchr(name, '.')) {
		assert_non_null(config);
		assert_string_equal(config->hostname, name);
	} else {
		assert_null(config);
		assert_true(has_error(errors.data, 5, "hostname is missing, and the system's own name"));
	}
	config_free(config);
	buf_free(&errors);
}

static void
test_a_mistake_does_not_spoil_the_next_reading(void **state)
{
	(void)state;
	expect_error(MINIMAL "postmaster = \"alice\n", 7, "has no end");
	expect_error(MINIMAL "trusted = {\"192.0.2.1\"", 7, "premature end of file");
	config_free(fixture_config(MINIMAL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_mistake),
		cmocka_unit_test(test_all_mistakes_at_once),
		cmocka_unit_test(test_missing_keys),
		cmocka_unit_test(test_file_that_is_no_configuration),
		cmocka_unit_test(test_hostname_of_the_system),
		cmocka_unit_test(test_a_mistake_does_not_spoil_the_next_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
