/* smtpd/address.c: paths and mailboxes of RFC 5321 4.1.2, and nothing else.
 * On failure: cmocka names the line, and the text at fault stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "smtpd/address.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct address
accept_path(const char *path, const char *rest)
{
	struct address address;
	struct span left;

	if (address_parse_path(span_of(path), &address, &left) != ADDRESS_OK)
		fail_msg("refused: %s", path);
	if (!span_equal(left, span_of(rest)))
		fail_msg("%s left '%.*s'", path, SPAN_ARG(left));
	return address;
}

static void
assert_parts(struct address address, const char *whole, const char *local_part, const char *domain)
{
	assert_true(span_equal(address.whole, span_of(whole)));
	assert_true(span_equal(address.local_part, span_of(local_part)));
	assert_true(span_equal(address.domain, span_of(domain)));
}

static void
assert_path_result(struct span path, enum address_result expected)
{
	struct address address = { .is_quoted = true };
	struct span rest = SPAN("untouched");
	enum address_result result = address_parse_path(path, &address, &rest);

	if (result != expected)
		fail_msg("'%.*s' gave %d, not %d", SPAN_ARG(path), (int)result, (int)expected);
	if (expected == ADDRESS_OK)
		return;
	assert_true(address.is_quoted && address.whole.length == 0);
	assert_true(span_equal(rest, SPAN("untouched")));
}

static void
reads_a_plain_path(void **state)
{
	struct address address = accept_path("<alice@example.org>", "");

	(void)state;
	assert_parts(address, "alice@example.org", "alice", "example.org");
	assert_false(address.is_literal);
	assert_false(address.is_quoted);
	accept_path("<a@b> SIZE=1", " SIZE=1");
	accept_path("<a@b>SIZE=1", "SIZE=1");
}

static void
reads_every_atom_byte(void **state)
{
	struct address address = accept_path("<azAZ09!#$%&'*+-/=?^_`{|}~.x@b>", "");

	(void)state;
	assert_parts(address, "azAZ09!#$%&'*+-/=?^_`{|}~.x@b", "azAZ09!#$%&'*+-/=?^_`{|}~.x", "b");
}

static void
refuses_every_other_byte(void **state)
{
	static const char atoms[] = "!#$%&'*+-/=?^_`{|}~.";

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		char path[] = { '<', 'a', (char)c, 'b', '@', 'd', '>' };
		bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool is_legal = is_alnum || memchr(atoms, (int)c, sizeof atoms - 1);

		assert_path_result(span_make(path, sizeof path), is_legal ? ADDRESS_OK : ADDRESS_BAD_SYNTAX);
	}
}

static void
reads_the_null_path_and_postmaster(void **state)
{
	struct address address = accept_path("<> BODY=7BIT", " BODY=7BIT");

	(void)state;
	assert_parts(address, "", "", "");
	address = accept_path("<PostMaster>", "");
	assert_parts(address, "PostMaster", "PostMaster", "");
	assert_false(address.is_quoted || address.is_literal);
	address = accept_path("<postmaster@example.org>", "");
	assert_parts(address, "postmaster@example.org", "postmaster", "example.org");
}

static void
reads_quoted_strings(void **state)
{
	struct address address = accept_path("<\"a b>@\\\"\\\\\"@example.org>", "");

	(void)state;
	assert_parts(address, "\"a b>@\\\"\\\\\"@example.org", "\"a b>@\\\"\\\\\"", "example.org");
	assert_true(address.is_quoted);
	accept_path("<\"\"@example.org>", "");
	accept_path("<\"\\a\\ \"@example.org>", "");
	for (unsigned c = 0; c < 256; c++) {
		char plain[] = { '<', '"', (char)c, '"', '@', 'd', '>' };
		char escaped[] = { '<', '"', '\\', (char)c, '"', '@', 'd', '>' };
		bool is_printable = c >= 32 && c <= 126;

		assert_path_result(span_make(plain, sizeof plain),
		    is_printable && c != '"' && c != '\\' ? ADDRESS_OK : ADDRESS_BAD_SYNTAX);
		assert_path_result(span_make(escaped, sizeof escaped), is_printable ? ADDRESS_OK : ADDRESS_BAD_SYNTAX);
	}
}

static void
ignores_source_routes(void **state)
{
	struct address address = accept_path("<@one.example,@two:alice@example.org>", "");

	(void)state;
	assert_parts(address, "alice@example.org", "alice", "example.org");
	address = accept_path("<@one:\"a\"@[192.0.2.1]>", "");
	assert_parts(address, "\"a\"@[192.0.2.1]", "\"a\"", "[192.0.2.1]");
	assert_true(address.is_quoted && address.is_literal);
}

static void
refuses_bad_paths(void **state)
{
	static const char *const bad[] = { "", "<", ">", "a@b", " <a@b>", "< a@b>", "<a@b >", "<a@b", "<a>", "<a@>",
		"<@b>", "<@>", "<a@@b>", "<a@b@c>", "<<a@b>>", "< >", "<.a@b>", "<a.@b>", "<a..b@c>", "<.@b>", "<a@.b>",
		"<a@b.>", "<a@b..c>", "<a@-b>", "<a@b->", "<a@b-.c>", "<a@b.-c>", "<a@b c>", "<a b@c>", "<a@b,c>",
		"<a@b/c>", "<postmaster", "<postmaster@>", "<\"postmaster\">", "<postmasters>", "<\"a@b>",
		"<\"a\\\"@b>", "<\"a\"b@c>", "<a\"b\"@c>", "<\"a\".\"b\"@c>", "<\"a\"\"b\"@c>", "<a\\@b@c>", "<@a:>",
		"<@a:postmaster>", "<@a,b:c@d>", "<@a,:c@d>", "<@a,@b,c@d>", "<@:c@d>", "<@a c@d>", "<@a.:c@d>",
		"<@[192.0.2.1]:c@d>", "<@a:@b:c@d>", "<a@[192.0.2.1>", "<a@192.0.2.1]>", "<a@[]>", "<a@[b]>",
		"<a@[192.0.2.1]c>", "<a@[192.0.2]>", "<a@[192.0.2.256]>", "<a@[2001:db8::1]>", "<a@[IPv6:192.0.2.1]>",
		"<a@[IPv6:]>", "<a@[IPv6:1::2::3]>", "<a@[IPv6:fe80::1%eth0]>", "<a@[x:y]>" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_path_result(span_of(bad[i]), ADDRESS_BAD_SYNTAX);
	assert_path_result(SPAN("<a\0@b>"), ADDRESS_BAD_SYNTAX);
	assert_path_result(SPAN("<a@b\0>"), ADDRESS_BAD_SYNTAX);
	assert_path_result(SPAN("<a@[192.0.2.1\0]>"), ADDRESS_BAD_SYNTAX);
}

static void
reads_utf8(void **state)
{
	static const char *const good[] = { "<jörg@example.org>", "<a@bücher.example>", "<用户@例子.example>",
		"<\"jö rg\"@example.org>",
		("<ju\xcc\x88rgen@bu\xcc\x88"
		 "cher.example>"),
		"<a.ü.b@_x.BÜCHER.example>", "<\xf0\x9f\x93\xa7@example.org>", "<a@אבג.example>" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(accept_path(good[i], "").is_utf8);
	struct address address = accept_path("<\"jö\\\"rg\"@bücher.example> SMTPUTF8", " SMTPUTF8");
	assert_parts(address, "\"jö\\\"rg\"@bücher.example", "\"jö\\\"rg\"", "bücher.example");
	assert_true(address.is_quoted);
	/* A route is ignored, whatever it holds. */
	assert_false(accept_path("<@bücher.example:a@b>", "").is_utf8);
	assert_false(accept_path("<alice@xn--bcher-kva.example>", "").is_utf8);
	assert_false(accept_path("<>", "").is_utf8);
}

static void
refuses_bad_utf8(void **state)
{
	static const char *const bad[] = {
		"<j\xf6rg@example.org>",
		"<a@b\xfc.example>",
		"<\xc0\xaf@example.org>",
		"<\xe0\x80\xaf@example.org>",
		"<\xed\xa0\x80@example.org>",
		"<\xf4\x90\x80\x80@example.org>",
		"<a\xc3@example.org>",
		"<\"\xc3\"@example.org>",
		"<\"\\ü\"@example.org>",
		"<a\xc2\x9b@example.org>",
		"<a\xe2\x80\xa8@example.org>",
		"<\"\xc2\x85\"@example.org>",
		"<ü..a@example.org>",
		"<.ü@example.org>",
		"<a@ü..example>",
		"<a@ü.>",
		"<a@-ü.example>",
		"<a@☕.example>",
		"<a@אבa.example>",
		"<a@ü b.example>",
		"<@\xff:a@b>",
		"<ü@[192.0.2.1\xc3]>",
		"<pöstmaster>",
		"<a@。ü>",
	};
	struct buf label = BUF_LIMIT(256);

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_path_result(span_of(bad[i]), ADDRESS_BAD_SYNTAX);
	/* An A-label of 64 octets and more; and a short one of 120 octets of UTF-8. */
	buf_append_text(&label, "<a@");
	for (size_t i = 0; i < 21; i++)
		buf_append_text(&label, "äöü");
	buf_append_text(&label, ".b>");
	assert_path_result(buf_span(&label), ADDRESS_TOO_LONG);
	buf_reset(&label);
	buf_append_text(&label, "<a@");
	for (size_t i = 0; i < 40; i++)
		buf_append_text(&label, "中");
	buf_append_text(&label, ".b>");
	assert_path_result(buf_span(&label), ADDRESS_OK);
	buf_free(&label);
}

/* The limit of a local part counts octets. */
static void
counts_octets_of_utf8(void **state)
{
	struct buf path = BUF_LIMIT(256);

	(void)state;
	buf_append_char(&path, '<');
	for (size_t i = 0; i < 32; i++)
		buf_append_text(&path, "ü");
	size_t full = path.length;
	buf_append_text(&path, "@example.org>");
	assert_path_result(buf_span(&path), ADDRESS_OK);
	path.length = full;
	buf_append_text(&path, "a@example.org>");
	assert_path_result(buf_span(&path), ADDRESS_TOO_LONG);
	buf_free(&path);
}

static void
reads_domains_of_all_kinds(void **state)
{
	static const char *const good[] = { "<a@b>", "<a@localhost>", "<a@1.2.3.4>", "<a@a-b--c.d9>",
		"<a@_x.b_.example>", "<a@xn--bcher-kva.example>", "<a@[192.0.2.255]>", "<a@[IPv6:::1]>",
		"<a@[ipv6:2001:DB8::1]>", "<a@[IPv6:::ffff:192.0.2.1]>", "<a@[IPv6:1:2:3:4:5:6:7:8]>" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		accept_path(good[i], "");
	assert_true(accept_path("<a@[IPv6:::1]>", "").is_literal);
	assert_false(accept_path("<a@1.2.3.4>", "").is_literal);
}

/* "<" local@domain ">" with parts of these lengths; the domain's labels are of 63 octets at most. */
static enum address_result
parse_lengths(size_t local_part, size_t domain, size_t label)
{
	struct buf path = BUF_LIMIT(2048);
	struct address address;
	struct span rest;

	buf_append_char(&path, '<');
	for (size_t i = 0; i < local_part; i++)
		buf_append_char(&path, 'a');
	buf_append_char(&path, '@');
	for (size_t i = 1; i <= domain; i++)
		buf_append_char(&path, i % (label + 1) == 0 && i < domain ? '.' : 'd');
	buf_append_char(&path, '>');
	enum address_result result = address_parse_path(buf_span(&path), &address, &rest);
	enum address_result without = address_parse_mailbox(span_make(path.data + 1, path.length - 2), &address);
	assert_int_equal(result, without);
	buf_free(&path);
	return result;
}

static void
holds_to_the_lengths(void **state)
{
	(void)state;
	assert_int_equal(parse_lengths(64, 9, 63), ADDRESS_OK);
	assert_int_equal(parse_lengths(65, 9, 63), ADDRESS_TOO_LONG);
	assert_int_equal(parse_lengths(1, 252, 50), ADDRESS_OK);
	assert_int_equal(parse_lengths(1, 253, 50), ADDRESS_TOO_LONG);
	assert_int_equal(parse_lengths(64, 189, 50), ADDRESS_OK);
	assert_int_equal(parse_lengths(64, 190, 50), ADDRESS_TOO_LONG);
	assert_int_equal(parse_lengths(1, 256, 50), ADDRESS_TOO_LONG);
	assert_int_equal(parse_lengths(1, 63, 63), ADDRESS_OK);
	assert_int_equal(parse_lengths(1, 64, 64), ADDRESS_TOO_LONG);
	assert_int_equal(parse_lengths(900, 900, 50), ADDRESS_TOO_LONG);
}

static void
counts_quotes_and_route_too(void **state)
{
	struct buf path = BUF_LIMIT(2048);

	(void)state;
	buf_append_text(&path, "<\"");
	for (int i = 0; i < 63; i++)
		buf_append_char(&path, 'a');
	buf_append_text(&path, "\"@b>");
	assert_path_result(buf_span(&path), ADDRESS_TOO_LONG);
	buf_reset(&path);
	buf_append_char(&path, '<');
	for (int i = 0; i < 42; i++)
		buf_append_text(&path, i ? ",@a.bc" : "@a.bc");
	buf_append_text(&path, ":a@b>");
	assert_true(path.length > ADDRESS_PATH_BYTES);
	assert_path_result(buf_span(&path), ADDRESS_TOO_LONG);
	buf_free(&path);
}

static void
a_mailbox_is_the_whole_text(void **state)
{
	static const char *const bad[] = { "", "a", "postmaster", "<a@b>", "a@b ", " a@b", "a@b>", "a@b c", "@x:a@b" };
	struct address address;

	(void)state;
	assert_int_equal(address_parse_mailbox(SPAN("\"a b\"@[IPv6:::1]"), &address), ADDRESS_OK);
	assert_parts(address, "\"a b\"@[IPv6:::1]", "\"a b\"", "[IPv6:::1]");
	assert_true(address.is_quoted && address.is_literal);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(address_parse_mailbox(span_of(bad[i]), &address), ADDRESS_BAD_SYNTAX);
}

static void
knows_helo_names(void **state)
{
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "-a", "a-", "a b", "a@b", "[", "[]", "[]]",
		"[192.0.2.1", "192.0.2.1]", "[192.0.2.1] ", "[192.0.2.1]]", "[192.0.2.01]", "[IPv6:12345::]",
		"a\xc3\xa4", "bücher.example" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (address_is_helo_name(span_of(bad[i])))
			fail_msg("taken for a name: %s", bad[i]);
	assert_true(address_is_helo_name(SPAN("mail.example.org")));
	assert_true(address_is_helo_name(SPAN("localhost")));
	assert_true(address_is_helo_name(SPAN("[192.0.2.1]")));
	assert_true(address_is_helo_name(SPAN("[IPv6:2001:db8::1]")));
	assert_false(address_is_domain(SPAN("[192.0.2.1]")));
	assert_false(address_is_literal(SPAN("mail.example.org")));
	assert_false(address_is_helo_name(SPAN("a\0b")));
}

static void
a_domain_has_its_lengths(void **state)
{
	char name[257];

	(void)state;
	memset(name, 'a', sizeof name);
	assert_true(address_is_domain(span_make(name, 63)));
	assert_false(address_is_domain(span_make(name, 64)));
	for (size_t i = 50; i < sizeof name; i += 51)
		name[i] = '.';
	assert_true(address_is_domain(span_make(name, 253)));
	assert_true(address_is_domain(span_make(name, 254)));
	assert_false(address_is_domain(span_make(name, 256)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_plain_path),
		cmocka_unit_test(reads_every_atom_byte),
		cmocka_unit_test(refuses_every_other_byte),
		cmocka_unit_test(reads_the_null_path_and_postmaster),
		cmocka_unit_test(reads_quoted_strings),
		cmocka_unit_test(ignores_source_routes),
		cmocka_unit_test(refuses_bad_paths),
		cmocka_unit_test(reads_utf8),
		cmocka_unit_test(refuses_bad_utf8),
		cmocka_unit_test(counts_octets_of_utf8),
		cmocka_unit_test(reads_domains_of_all_kinds),
		cmocka_unit_test(holds_to_the_lengths),
		cmocka_unit_test(counts_quotes_and_route_too),
		cmocka_unit_test(a_mailbox_is_the_whole_text),
		cmocka_unit_test(knows_helo_names),
		cmocka_unit_test(a_domain_has_its_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
