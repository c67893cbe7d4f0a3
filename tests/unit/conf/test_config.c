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
	{ "postmaster = \"j\xf6rg@example.org\"", "save the file as UTF-8" },
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
	{ "postmaster = \"a\tb@example.org\"", "control characters" },
	{ "postmaster = \"a\\nb@example.org\"", "\"\\n\" has no meaning; a backslash itself is written \\\\" },
	{ "contact = \"a\\0b\"", "\"\\0\" has no meaning" },
	{ "contact = \"a\\x00b\"", "\"\\x\" has no meaning" },
	{ "contact = \"C:\\q\"", "\"\\q\" has no meaning" },
	{ "listener = {\"127.0.0.1:26\"}", "\"listener\" begins a section; write listener \"NAME\" {" },
	{ "listener { address = \"127.0.0.1:26\" }", "this listener has no name" },
	{ "listener \"a b\" { address = \"127.0.0.1:26\" }", "made of letters, digits" },
	{ "listener \"*\" { address = \"127.0.0.1:26\" }", "made of letters, digits" },
	{ "listener \"mx\" { address = \"127.0.0.1:26\"", "this section has no end; close it with }" },
	{ "listener \"mx\" { }", "listener \"mx\" has no address" },
	{ "listener mx { address = \"127.0.0.1\" }", "address is \"127.0.0.1\"; it must be an address with its port" },
	{ "listener \"mx\" { address = \"127.0.0.1:2525\" }", "already that of listener \"127.0.0.1:2525\"" },
	{ "listener \"mx\" { address = \"[::ffff:127.0.0.1]:2525\" }", "already that of listener" },
	{ "listener \"mx\" { address = \"127.0.0.1:26\" } listener \"mx\" { address = \"127.0.0.1:27\" }",
	    "two listeners named \"mx\"" },
	{ "listener \"a\" { address = \"127.0.0.1:26\" } listener \"b\" { address = \"127.0.0.1:26\" }",
	    "already that of listener \"a\"" },
	{ "listener \"mx\" { address = \"127.0.0.1:26\" roll = \"mx\" }",
	    "\"roll\" is not a key; did you mean \"role\"?" },
	{ "listener \"mx\" { address = \"127.0.0.1:26\" max-errors = 7 }", "\"max-errors\" is not a key" },
	{ "listener \"mx\" { address = \"127.0.0.1:26\" role = \"msa\" }",
	    "role is \"msa\"; it must be mx or submission" },
	{ "listener \"mx\" { address = \"127.0.0.1:26\" tls = \"on\" }",
	    "tls is \"on\"; it must be off, starttls or implicit" },
	{ "listener \"mx\" { address = \"127.0.0.1:26\" address = \"127.0.0.1:27\" }", "address is given twice" },
	{ "listener \"mx\" { address = {\"127.0.0.1:26\"} }", "address takes one value" },
	{ "listener \"s\" { address = \"127.0.0.1:26\" role = submission tls = off }", "cannot have tls = off" },
	{ "listener \"p\" { address = \"127.0.0.1:26\" proxy-protocol = true }", "but no proxy-from" },
	{ "listener \"p\" { address = \"127.0.0.1:26\" proxy-protocol = true proxy-from = {} }", "but no proxy-from" },
	{ "listener \"p\" { address = \"127.0.0.1:26\" proxy-from = {\"10.0.0.0/8\"} }",
	    "proxy-from has no meaning without" },
	{ "listener \"p\" { address = \"127.0.0.1:26\" proxy-protocol = true proxy-from = {\"10.0.0.1/8\"} }",
	    "a network whose host bits are zero" },
	{ "listener \"p\" { address = \"127.0.0.1:26\" listener \"q\" { } }", "a setting is written KEY" },
	{ "certificate \"mx.example.org\" { key = \"/k\" }", "certificate \"mx.example.org\" has no chain" },
	{ "certificate \"mx.example.org\" { chain = \"/c\" }", "certificate \"mx.example.org\" has no key" },
	{ "certificate \"mx.example.org\" { chain = \"\" key = \"/k\" }", "chain is \"\"; it must be a path" },
	{ "certificate \"mx.example.org\" { chain = \"/c\" key = \"/../k\" }", "has no \"..\"" },
	{ "certificate \"mx/example\" { chain = \"/c\" key = \"/k\" }", "the certificate's name is \"mx/example\"" },
	{ "listeners \"mx\" { address = \"127.0.0.1:26\" }", "\"listeners\" begins no section that is known here" },
	{ "address = \"127.0.0.1:26\"", "\"address\" is not a key" },
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

/* On lines 4 to 7. */
#define FOUR_MISTAKES                                                                                                  \
	"# a comment\n"                                                                                                \
	"/* another,\n"                                                                                                \
	"   longer one */ listen = {\"127.0.0.1:25\", # the first\n"                                                   \
	"    /* the second */ \"nonsense\",\n"                                                                         \
	"    \"::1\"}\n"                                                                                               \
	"hostnam = \"mx.example.org\"\n"                                                                               \
	"nonsense += {1, 2}\n"

static void
test_all_mistakes_at_once(void **state)
{
	struct buf errors;

	(void)state;
	struct config *config = fixture_read(span_of(FOUR_MISTAKES "hostname = \"mx.example.org\"; \n"), &errors);
	assert_null(config);
	assert_true(has_error(errors.data, 8, "\";\" cannot stand outside quotes"));
	buf_free(&errors);

	config = fixture_read(span_of(FOUR_MISTAKES "max-errors = 0 // none\nstate = 'here'\n"), &errors);
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
	assert_true(has_error(errors.data, 2, "listen is missing, and so is every listener section"));
	assert_true(has_error(errors.data, 2, "recipients is missing"));
	assert_true(has_error(errors.data, 2, "mailboxes is missing"));
	assert_true(has_error(errors.data, 2, "state is missing"));
	buf_free(&errors);
	assert_null(fixture_read(SPAN(""), &errors));
	assert_true(has_error(errors.data, 1, "listen is missing"));
	buf_free(&errors);
	assert_null(fixture_read(SPAN("hostname = \"bücher.example\"\n"), &errors));
	assert_true(has_error(errors.data, 1, "write its A-labels"));
	buf_free(&errors);
}

/* Each mistake in a section has the line of its key, also behind comments and lists of many lines. */
static void
test_lines_inside_of_sections(void **state)
{
	struct buf errors;

	(void)state;
	assert_null(fixture_read(span_of("listener \"a\" # first\n"
					 "{\n"
					 "  /* where:\n"
					 "   * */ address = \"127.0.0.1:nothing\"\n"
					 "  roles = mx }\n"
					 "\n"
					 "listener \"b\" {\n"
					 "  proxy-protocol = true  proxy-from = {\"10.0.0.0/8\",\n"
					 "    \"10.0.0.0/7}\"}\n"
					 "  role = submission\n"
					 "  tls = off\n"
					 "} max-errors = 0\n"),
	    &errors));
	assert_true(has_error(errors.data, 4, "address is \"127.0.0.1:nothing\""));
	assert_true(has_error(errors.data, 5, "\"roles\" is not a key; did you mean \"role\"?"));
	assert_true(has_error(errors.data, 7, "listener \"b\" has no address"));
	assert_true(has_error(errors.data, 9, "proxy-from is \"10.0.0.0/7}\""));
	assert_true(has_error(errors.data, 11, "cannot have tls = off"));
	assert_true(has_error(errors.data, 12, "max-errors is 0, out of range"));
	assert_false(has_error(errors.data, 12, "listen is missing"));
	buf_free(&errors);
}

static void
test_too_many_sections(void **state)
{
	struct buf text = BUF_LIMIT(1 << 16);
	struct buf errors;

	(void)state;
	buf_append_text(&text, MINIMAL);
	for (unsigned i = 0; i < CONFIG_SECTIONS_MAX; i++)
		buf_printf(&text, "listener \"l%u\" { address = \"127.0.0.1:%u\" }\n", i, 3000 + i);
	config_free(fixture_config(buf_text(&text)));
	buf_append_text(&text, "listener \"more\" { address = \"127.0.0.1:4000\" }\n");
	assert_null(fixture_read(buf_span(&text), &errors));
	assert_true(has_error(errors.data, 7 + CONFIG_SECTIONS_MAX, "there are more than 64 sections of this kind"));
	buf_free(&errors);
	buf_free(&text);
}

/* Without one every message would be put off for ever. */
static void
test_an_empty_list_of_resolvers(void **state)
{
	(void)state;
	expect_error("hostname = \"mx.example.org\"\n"
		     "listen = {\"127.0.0.1:2525\"}\n"
		     "recipients = \"r\"\n"
		     "mailboxes = \"m\"\n"
		     "state = \"s\"\n"
		     "resolvers = {}\n",
	    6, "resolvers has 0 values; it must have from 1 to 8");
}

/* Short enough as it is written, but not behind the file's folder: no process would take it. */
static void
test_a_relative_path_that_gets_too_long(void **state)
{
	struct buf text = BUF_LIMIT(8192);

	(void)state;
	buf_append_text(&text, MINIMAL "users = \"");
	for (unsigned i = 0; i < 4090; i++)
		buf_append_char(&text, i % 100 == 99 ? '/' : 'x');
	buf_append_text(&text, "\"\n");
	expect_error(buf_text(&text), 7, "behind the folder of this file it is longer than 4096 bytes");
	buf_free(&text);
}

/* As some editors write it. */
static void
test_byte_order_mark(void **state)
{
	struct config *config = fixture_config("\xef\xbb\xbf" MINIMAL "max-errors = 7\r\n");

	(void)state;
	assert_string_equal(config->hostname, "mx.example.org");
	assert_int_equal(config->max_errors, 7);
	config_free(config);
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
		cmocka_unit_test(test_lines_inside_of_sections),
		cmocka_unit_test(test_too_many_sections),
		cmocka_unit_test(test_an_empty_list_of_resolvers),
		cmocka_unit_test(test_a_relative_path_that_gets_too_long),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_file_that_is_no_configuration),
		cmocka_unit_test(test_hostname_of_the_system),
		cmocka_unit_test(test_a_mistake_does_not_spoil_the_next_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
