/* What a right configuration gives: defaults, units, paths, words; and that it survives printing and encoding. */
#include "tests/unit/conf/config_fixture.h"

#include <limits.h>

#include "conf/config_schema.h"
#include "conf/config_value.h"

static void
test_defaults(void **state)
{
	(void)state;
	struct config *config = fixture_config(MINIMAL);

	assert_string_equal(config->hostname, "mx.example.org");
	assert_int_equal(config->listen.count, 1);
	assert_string_equal(config->listen.items[0], "127.0.0.1:2525");
	assert_string_equal(config->postmaster, "");
	assert_string_equal(config->sub_address, "+");
	assert_int_equal(config->mailbox_roots.count, 0);
	assert_int_equal(config->uid_base, 70000);
	assert_int_equal(config->require_walls, WALLS_NONE);
	assert_int_equal(config->resolver_down, RESOLVER_DOWN_DEFER);
	assert_int_equal(config->spf_mailfrom_fail, ACTION_REFUSE);
	assert_int_equal(config->spf_helo_fail, ACTION_DOUBT);
	assert_int_equal(config->local_part_case, LETTER_CASE_FOLD);
	assert_int_equal(config->bare_newline, BARE_NEWLINE_NORMALISE);
	assert_false(config->strict_text);
	assert_int_equal(config->max_message_size, 50u << 20);
	assert_int_equal(config->final_reply, 60000);
	assert_int_equal(config->unread_time, 5u * 86400u * 1000u);
	config_free(config);
}

static void
test_units_words_and_lists(void **state)
{
	(void)state;
	struct config *config = fixture_config(MINIMAL "max-message-size = 64k\n"
						       "memory-budget = \"1G\"\n"
						       "final-reply = 2m\n"
						       "unread-time = 60\n"
						       "strict-text = yes\n"
						       "spf-helo-fail = 'junk'\n"
						       "sub-address = ''\n"
						       "local-part-case = keep\n"
						       "bare-newline = refuse\n"
						       "trusted = {} // nobody\n"
						       "forwarders = { /* two */ '192.0.2.0/24',\n"
						       "  # and a name\n"
						       "  \"mx.example.net\" }\n"
						       "forwarders += {2001:db8::/32}\r\n"
						       "listen += {\"[::1]:2525\"}\n");

	assert_int_equal(config->max_message_size, 65536);
	assert_int_equal(config->memory_budget, 1u << 30);
	assert_int_equal(config->final_reply, 120000);
	assert_int_equal(config->unread_time, 60000);
	assert_true(config->strict_text);
	assert_int_equal(config->spf_helo_fail, ACTION_JUNK);
	assert_string_equal(config->sub_address, "");
	assert_int_equal(config->local_part_case, LETTER_CASE_KEEP);
	assert_int_equal(config->bare_newline, BARE_NEWLINE_REFUSE);
	assert_int_equal(config->trusted.count, 0);
	assert_int_equal(config->forwarders.count, 3);
	assert_string_equal(config->forwarders.items[1], "mx.example.net");
	assert_string_equal(config->forwarders.items[2], "2001:db8::/32");
	assert_int_equal(config->listen.count, 2);
	config_free(config);
}

static void
test_paths(void **state)
{
	char here[PATH_MAX];
	char wanted[PATH_MAX + 64];
	struct buf errors;

	(void)state;
	const char *base = getenv("TMPDIR");
	assert_non_null(realpath(base ? base : "/tmp", here));
	struct config *config = fixture_read(span_of("hostname = mx.example.org\nlisten = 127.0.0.1:25\n"
						     "recipients = recipients\nmailboxes = ./mail/\n"
						     "mailbox-roots = {'/srv//mail/./more/'}\nstate = \"/var/lib/x\"\n"
						     "resolvers = {\"[::1]:53\"}\n"),
	    &errors);

	assert_non_null(config);
	(void)snprintf(wanted, sizeof wanted, "%s/tidegate-", here);
	assert_memory_equal(config->recipients, wanted, strlen(wanted));
	assert_string_equal(strrchr(config->recipients, '/'), "/recipients");
	assert_string_equal(strrchr(config->mailboxes, '/'), "/mail");
	assert_string_equal(config->mailbox_roots.items[0], "/srv/mail/more");
	assert_string_equal(config->state, "/var/lib/x");
	config_free(config);
	buf_free(&errors);
}

static void
assert_same(const struct config *a, const struct config *b)
{
	struct buf one = BUF_LIMIT(1 << 20);
	struct buf two = BUF_LIMIT(1 << 20);

	config_print(a, &one);
	config_print(b, &two);
	assert_string_equal(buf_text(&one), buf_text(&two));
	buf_reset(&one);
	buf_reset(&two);
	config_encode(a, &one);
	config_encode(b, &two);
	assert_int_equal(one.length, two.length);
	assert_memory_equal(one.data, two.data, one.length);
	buf_free(&one);
	buf_free(&two);
}

#define SECTIONS                                                                                                       \
	"listener \"behind-lb\" { address = \"10.0.0.1:2525\" proxy-protocol = true\n"                                 \
	"  proxy-from = {\"10.0.0.0/8\"} }\n"                                                                          \
	"certificate \"mx.example.org\" { chain = \"/etc/ec.pem\" key = \"ec.key\" }\n"                                \
	"listener submission { address = \"[::]:465\" role = submission tls = \"implicit\" }\n"                        \
	"certificate \"mx.example.org\" { chain = \"/etc/rsa.pem\" key = \"rsa.key\" }\n"                              \
	"certificate \"*.example.net\" { chain = '/etc/n.pem' key = '/etc/n.pem' }\n"

#define UNUSUAL                                                                                                        \
	MINIMAL "postmaster = '\"a\\\"b ${c}\"@example.org'\n"                                                         \
		"mailbox-roots = {\"/srv/a\\\\b\", '/srv/c\"d', '/srv/${HOME}', \"/srv/m\xc3\xbcller\"}\n"             \
		"max-errors = 7\nfinal-reply = 1m\nstrict-text = true\nspf-helo-none = off\n"                          \
		"trusted = {\"192.0.2.0/24\", \"2001:db8::/32\"}\n" SECTIONS

static void
test_printed_reads_back_the_same(void **state)
{
	(void)state;
	struct config *config = fixture_config(UNUSUAL);
	struct buf printed = BUF_LIMIT(1 << 20);

	assert_string_equal(config->mailbox_roots.items[0], "/srv/a\\b");
	assert_string_equal(config->mailbox_roots.items[2], "/srv/${HOME}");
	config_print(config, &printed);
	struct config *again = fixture_config(buf_text(&printed));
	assert_same(config, again);
	config_free(config);
	config_free(again);
	buf_free(&printed);
}

static void
test_international_postmaster(void **state)
{
	struct config *config = fixture_config(MINIMAL "postmaster = \"jürgen@bücher.example\"\n");

	(void)state;
	assert_string_equal(config->postmaster, "jürgen@bücher.example");
	config_free(config);
}

static void
test_sections(void **state)
{
	(void)state;
	struct config *config = fixture_config(MINIMAL SECTIONS);
	const struct config_listener *listeners = config->listeners;

	assert_int_equal(config->listener_count, 3);
	assert_string_equal(listeners[0].name, "127.0.0.1:2525");
	assert_string_equal(listeners[0].address, "127.0.0.1:2525");
	assert_int_equal(listeners[0].role, LISTENER_MX);
	assert_int_equal(listeners[0].tls, LISTENER_TLS_STARTTLS);
	assert_false(listeners[0].proxy_protocol);
	assert_string_equal(listeners[1].name, "behind-lb");
	assert_int_equal(listeners[1].role, LISTENER_MX);
	assert_int_equal(listeners[1].tls, LISTENER_TLS_STARTTLS);
	assert_true(listeners[1].proxy_protocol);
	assert_int_equal(listeners[1].proxy_from.count, 1);
	assert_string_equal(listeners[1].proxy_from.items[0], "10.0.0.0/8");
	assert_string_equal(listeners[2].address, "[::]:465");
	assert_int_equal(listeners[2].role, LISTENER_SUBMISSION);
	assert_int_equal(listeners[2].tls, LISTENER_TLS_IMPLICIT);
	assert_int_equal(config->certificate_count, 3);
	assert_string_equal(config->certificates[0].chain, "/etc/ec.pem");
	assert_string_equal(config->certificates[1].name, "mx.example.org");
	assert_string_equal(config->certificates[1].chain, "/etc/rsa.pem");
	assert_string_equal(config->certificates[2].name, "*.example.net");
	/* A relative path begins at the file's folder. */
	assert_non_null(strstr(config->certificates[0].key, "/tidegate-"));
	config_free(config);
}

/* Sections alone are enough; what looks like one in a value or a list is none. */
static void
test_sections_without_listen(void **state)
{
	(void)state;
	struct config *config =
	    fixture_config("listener \"mx\"{address=127.0.0.1:25}hostname = mx.example.org\n"
			   "recipients = listener certificate c { chain = 'a}' key = 'b{' }\n"
			   "mailboxes = \"listener \\\"x\\\" { \" state = state local-part-case = fold\n"
			   "resolvers = {\"127.0.0.1:53\"} certificate \"d\" { chain = c key = d }\n");

	assert_int_equal(config->listener_count, 1);
	assert_string_equal(config->listeners[0].address, "127.0.0.1:25");
	assert_int_equal(config->certificate_count, 2);
	assert_non_null(strstr(config->certificates[0].chain, "/a}"));
	assert_non_null(strstr(config->recipients, "/listener"));
	assert_non_null(strstr(config->mailboxes, "/listener \"x\" { "));
	config_free(config);
}

static void
test_encoded_decodes_the_same(void **state)
{
	(void)state;
	struct config *config = fixture_config(UNUSUAL);
	struct buf bytes = BUF_LIMIT(1 << 20);

	config_encode(config, &bytes);
	struct config *again = config_decode(buf_span(&bytes));
	assert_non_null(again);
	assert_same(config, again);
	config_free(again);
	for (size_t i = 0; i < bytes.length; i++)
		assert_null(config_decode(span_take(buf_span(&bytes), i)));
	buf_append_char(&bytes, '\0');
	assert_null(config_decode(buf_span(&bytes)));
	bytes.length--;
	bytes.data[5]++;
	assert_null(config_decode(buf_span(&bytes)));
	config_free(config);
	buf_free(&bytes);
}

/* Where the encoding of one value differs between two configurations, the out-of-range byte is refused. */
static void
test_decoding_keeps_the_bounds(void **state)
{
	(void)state;
	struct config *config = fixture_config(MINIMAL);
	struct buf bytes = BUF_LIMIT(1 << 20);

	config->max_recipients = 1001;
	config_encode(config, &bytes);
	assert_null(config_decode(buf_span(&bytes)));
	config->max_recipients = 1000;
	config->resolver_down = (enum resolver_down)2;
	buf_reset(&bytes);
	config_encode(config, &bytes);
	assert_null(config_decode(buf_span(&bytes)));
	config->resolver_down = RESOLVER_DOWN_ACCEPT;
	config->listen.count = 0;
	config->listener_count = 0;
	buf_reset(&bytes);
	config_encode(config, &bytes);
	assert_null(config_decode(buf_span(&bytes)));
	config_free(config);
	buf_free(&bytes);
}

static void
test_restart(void **state)
{
	(void)state;
	struct config *running = fixture_config(MINIMAL);
	struct config *fresh = fixture_config(MINIMAL "listen += {\"127.0.0.1:26\"}\npostmaster = a@example.org\n"
						      "max-errors = 3\nspf-helo-fail = off\n");

	assert_null(config_needs_restart(running, fresh));
	config_free(fresh);
	fresh = fixture_config(MINIMAL SECTIONS);
	assert_null(config_needs_restart(running, fresh));
	config_free(fresh);
	fresh = fixture_config(MINIMAL "uid-base = 80000\n");
	assert_string_equal(config_needs_restart(running, fresh), "uid-base");
	config_free(fresh);
	fresh = fixture_config(MINIMAL "mailbox-roots = {\"/srv/mail\"}\n");
	assert_string_equal(config_needs_restart(running, fresh), "mailbox-roots");
	config_free(fresh);
	fresh = fixture_config(MINIMAL "require-walls = all\n");
	assert_string_equal(config_needs_restart(running, fresh), "require-walls");
	config_free(fresh);
	config_free(running);
}

static void
test_resolvers_of_the_system(void **state)
{
	struct buf lines = BUF_LIMIT(1024);

	(void)state;
	assert_int_equal(config_resolvers_of(
			     SPAN("# nameserver 192.0.2.1\nsearch example.org\n nameserver\t192.0.2.2 \n"
				  "nameserver fe80::1%eth0\nnameserver 2001:db8::1\nnameserver\nnameserver 192.0.2.3"),
			     8, &lines),
	    3);
	assert_string_equal(buf_text(&lines), "192.0.2.2:53\n[2001:db8::1]:53\n192.0.2.3:53\n");
	buf_reset(&lines);
	assert_int_equal(config_resolvers_of(SPAN("nameserver 192.0.2.1\nnameserver 192.0.2.2\n"), 1, &lines), 1);
	assert_int_equal(config_resolvers_of(SPAN(""), 8, &lines), 0);
	buf_free(&lines);
}

static void
test_numbers(void **state)
{
	uint64_t number = 0;

	(void)state;
	assert_true(config_parse_number(CONFIG_NUMBER, SPAN("18446744073709551615"), &number));
	assert_true(number == UINT64_MAX);
	assert_false(config_parse_number(CONFIG_NUMBER, SPAN("18446744073709551616"), &number));
	assert_false(config_parse_number(CONFIG_NUMBER, SPAN("1k"), &number));
	assert_true(config_parse_number(CONFIG_SIZE, SPAN("3G"), &number));
	assert_true(number == 3ull << 30);
	assert_false(config_parse_number(CONFIG_SIZE, SPAN("18446744073709551615K"), &number));
	assert_false(config_parse_number(CONFIG_SIZE, SPAN("1KB"), &number));
	assert_true(config_parse_number(CONFIG_DURATION, SPAN("2D"), &number));
	assert_true(number == 172800);
	assert_false(config_parse_number(CONFIG_DURATION, SPAN("m"), &number));
}

static void
test_domains(void **state)
{
	static const char *const right[] = { "a", "mx.example.org", "_dmarc.example.org", "xn--mller-kva.example",
		"1.2" };
	static const char *const wrong[] = { "", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "a.b-", "a b",
		"m\xc3\xbc.org", "a23456789b123456789c123456789d123456789e123456789f123456789g1234.org" };

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
		assert_true(config_is_domain(span_of(right[i])));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(config_is_domain(span_of(wrong[i])));
}

static void
test_every_preset_is_right(void **state)
{
	(void)state;
	assert_string_equal(config_action_name(ACTION_JUNK), "junk");
	assert_string_equal(config_action_name((enum action)99), "off");
	for (enum config_table table = CONFIG_FILE; table < CONFIG_TABLE_COUNT; table++)
		for (size_t i = 0; i < config_key_count(table); i++) {
			const struct config_key *key = config_key_at(table, i);

			assert_ptr_equal(config_key_find(table, span_of(key->name)), key);
			assert_int_equal(config_key_index(table, key), i);
		}
	assert_null(config_key_find(CONFIG_FILE, SPAN("host")));
	assert_null(config_key_find(CONFIG_FILE, SPAN("address")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_units_words_and_lists),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_printed_reads_back_the_same),
		cmocka_unit_test(test_international_postmaster),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_sections_without_listen),
		cmocka_unit_test(test_encoded_decodes_the_same),
		cmocka_unit_test(test_decoding_keeps_the_bounds),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_resolvers_of_the_system),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_every_preset_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
