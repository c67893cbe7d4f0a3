/* Questions and answers of DNS, good, forged and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lookup/dns_name.h"
#include "tests/unit/lookup/craft.h"

static const unsigned char no_case[DNS_CASE_BYTES];

struct state {
	struct dns_packet packet;
	struct buf message;
	struct arena arena;
	struct dns_reply reply;
};

static struct state it;

static int
set_up(void **unused)
{
	(void)unused;
	it = (struct state){ .message = BUF_LIMIT(1 << 20), .arena = ARENA_LIMIT(DNS_PARSE_BYTES) };
	return 0;
}

static int
tear_down(void **unused)
{
	(void)unused;
	buf_free(&it.message);
	arena_reset(&it.arena);
	return 0;
}

static void
ask(enum dns_type type, const char *name)
{
	assert_true(dns_message_query(&it.packet, type, span_of(name), 0x1234, true, no_case));
}

static void
parse(enum dns_type type, const char *name)
{
	assert_true(buf_ok(&it.message));
	assert_true(dns_message_matches(&it.packet, buf_span(&it.message)));
	dns_message_parse(&it.packet, type, span_of(name), buf_span(&it.message), &it.arena, &it.reply);
}

static void
assert_span(struct span span, const char *text)
{
	assert_int_equal(span.length, strlen(text));
	assert_memory_equal(span.data, text, span.length);
}

/* --- questions --- */

static void
a_question_has_id_name_type_class_and_edns(void **unused)
{
	static const unsigned char expected[] = "\x12\x34\x01\x00\0\1\0\0\0\0\0\1\7example\3org\0\0\x10\0\1"
						"\0\0\x29\x04\xd0\0\0\0\0\0";

	(void)unused;
	ask(DNS_TXT, "example.org");
	/* OPT ends with an empty RDATA: the literal's own NUL is its last octet. */
	assert_int_equal(it.packet.length, sizeof expected);
	assert_memory_equal(it.packet.bytes, expected, sizeof expected);
	assert_int_equal(it.packet.question_end, 12 + 13 + 4);
}

static void
case_bits_flip_letters_only(void **unused)
{
	unsigned char bits[DNS_CASE_BYTES];

	(void)unused;
	memset(bits, 0xff, sizeof bits);
	assert_true(dns_message_query(&it.packet, DNS_A, SPAN("a1-z.Ex"), 1, false, bits));
	assert_memory_equal(it.packet.bytes + 12, "\4A1-Z\2eX\0", 9);
}

static void
a_backslash_is_asked_as_it_is(void **unused)
{
	(void)unused;
	ask(DNS_TXT, "a\\b.example");
	assert_memory_equal(it.packet.bytes + 12, "\3a\\b\7example\0", 13);
}

static void
names_that_cannot_be_asked_are_refused(void **unused)
{
	static const struct span names[] = {
		{ "a..b", 4 },
		{ ".a", 2 },
		{ "a\0b", 3 },
		{ "hidden.onion", 12 },
		{ "0123456789012345678901234567890123456789012345678901234567890123.example", 72 },
	};
	char longest[DNS_NAME_BYTES + 1];

	(void)unused;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_false(dns_message_query(&it.packet, DNS_A, names[i], 1, true, no_case));
	memset(longest, 'a', sizeof longest);
	for (size_t i = 49; i < sizeof longest; i += 50)
		longest[i] = '.';
	longest[253] = 'a';
	assert_true(dns_message_query(&it.packet, DNS_A, span_make(longest, 253), 1, true, no_case));
	assert_false(dns_message_query(&it.packet, DNS_A, span_make(longest, 254), 1, true, no_case));
	assert_false(dns_message_query(&it.packet, DNS_A, span_make(longest, 256), 1, true, no_case));
}

/* --- whose answer is it? --- */

static void
only_id_question_and_response_bit_make_it_ours(void **unused)
{
	struct span whole;

	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 0, 0);
	whole = buf_span(&it.message);
	assert_true(dns_message_matches(&it.packet, whole));
	/* Each octet of id, question count and question counts, and the bits that say "a response to a query". */
	for (size_t i = 0; i < whole.length; i++) {
		bool counts = i < 2 || i == 4 || i == 5 || i >= 12;

		it.message.data[i] ^= 0x20;
		assert_int_equal(dns_message_matches(&it.packet, whole), !counts && i != 2);
		it.message.data[i] ^= 0x20;
	}
	it.message.data[2] &= 0x7f;
	assert_false(dns_message_matches(&it.packet, whole));
	it.message.data[2] |= (char)0x80;
	for (size_t i = 0; i < whole.length; i++)
		assert_false(dns_message_matches(&it.packet, span_take(whole, i)));
}

/* --- answers --- */

static void
addresses_come_with_the_least_ttl(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 2, 0);
	craft_a(&it.message, NULL, 300, 0xc0000201);
	craft_a(&it.message, "EXAMPLE.org", 60, 0xc0000202);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_ANSWER);
	assert_int_equal(it.reply.answer.status, DNS_FOUND);
	assert_int_equal(it.reply.answer.count, 2);
	assert_memory_equal(it.reply.answer.records[1].ip, "\xc0\0\2\2", 4);
	assert_int_equal(it.reply.ttl_seconds, 60);
}

static void
a_ttl_with_its_top_bit_is_none(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 1, 0);
	craft_a(&it.message, NULL, 0x80000001, 1);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.answer.status, DNS_FOUND);
	assert_int_equal(it.reply.ttl_seconds, 0);
}

static void
other_names_types_and_classes_are_left_out(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 3, 0);
	craft_a(&it.message, "other.example.org", 300, 1);
	craft_named(&it.message, NULL, DNS_PTR, 300, "a.example");
	craft_head(&it.message, NULL, DNS_A, 300, 4);
	it.message.data[it.message.length - 8 + 1] = 3; /* class CHAOS */
	craft_u32(&it.message, 1);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.answer.status, DNS_NO_DATA);
}

static void
text_strings_are_joined(void **unused)
{
	(void)unused;
	ask(DNS_TXT, "example.org");
	craft_begin(&it.message, &it.packet, 0, 2, 0);
	craft_head(&it.message, NULL, DNS_TXT, 300, 13);
	buf_append(&it.message, SPAN("\6v=spf1\0\4 -al"));
	craft_head(&it.message, NULL, DNS_TXT, 300, 0);
	parse(DNS_TXT, "example.org");
	assert_int_equal(it.reply.answer.count, 2);
	assert_span(it.reply.answer.records[0].text, "v=spf1 -al");
	assert_span(it.reply.answer.records[1].text, "");
}

static void
a_text_string_longer_than_its_record_is_malformed(void **unused)
{
	(void)unused;
	ask(DNS_TXT, "example.org");
	craft_begin(&it.message, &it.packet, 0, 1, 0);
	craft_head(&it.message, NULL, DNS_TXT, 300, 3);
	buf_append(&it.message, SPAN("\3ab"));
	parse(DNS_TXT, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_FAILED);
}

static void
a_text_of_64_kib_is_whole(void **unused)
{
	char string[256];

	(void)unused;
	memset(string, 'x', sizeof string);
	string[0] = (char)255;
	ask(DNS_TXT, "example.org");
	craft_begin(&it.message, &it.packet, 0, 1, 0);
	craft_head(&it.message, NULL, DNS_TXT, 300, 255 * sizeof string);
	for (unsigned i = 0; i < 255; i++)
		buf_append(&it.message, span_make(string, sizeof string));
	parse(DNS_TXT, "example.org");
	assert_int_equal(it.reply.answer.records[0].text.length, 255 * 255);
}

static void
exchanges_come_in_lower_case_with_their_preference(void **unused)
{
	(void)unused;
	ask(DNS_MX, "example.org");
	craft_begin(&it.message, &it.packet, 0, 2, 0);
	craft_mx(&it.message, NULL, 10, "MX.Example.ORG");
	craft_mx(&it.message, NULL, 0, "");
	parse(DNS_MX, "example.org");
	assert_int_equal(it.reply.answer.count, 2);
	assert_int_equal(it.reply.answer.records[0].preference, 10);
	assert_span(it.reply.answer.records[0].text, "mx.example.org");
	assert_span(it.reply.answer.records[1].text, "");
}

static void
a_target_that_does_not_fill_its_record_is_malformed(void **unused)
{
	(void)unused;
	ask(DNS_PTR, "1.2.0.192.in-addr.arpa");
	craft_begin(&it.message, &it.packet, 0, 1, 0);
	craft_head(&it.message, NULL, DNS_PTR, 300, 4);
	craft_name(&it.message, "a");
	buf_append_char(&it.message, 'x');
	parse(DNS_PTR, "1.2.0.192.in-addr.arpa");
	assert_int_equal(it.reply.kind, DNS_REPLY_FAILED);
}

static void
a_label_with_a_nul_or_a_dot_is_nobodys_name(void **unused)
{
	(void)unused;
	ask(DNS_PTR, "1.2.0.192.in-addr.arpa");
	craft_begin(&it.message, &it.packet, 0, 3, 0);
	craft_head(&it.message, NULL, DNS_PTR, 300, 17);
	buf_append(&it.message, SPAN("\6victim\1\0\6attack\0")); /* c-ares reads "victim." and stops */
	craft_head(&it.message, NULL, DNS_PTR, 300, 16);
	buf_append(&it.message, SPAN("\6vic.im\7example\0"));
	craft_named(&it.message, NULL, DNS_PTR, 300, "good.example");
	parse(DNS_PTR, "1.2.0.192.in-addr.arpa");
	assert_int_equal(it.reply.answer.count, 1);
	assert_span(it.reply.answer.records[0].text, "good.example");
}

static void
odd_octets_of_a_name_are_raw(void **unused)
{
	(void)unused;
	ask(DNS_PTR, "1.2.0.192.in-addr.arpa");
	craft_begin(&it.message, &it.packet, 0, 1, 0);
	craft_head(&it.message, NULL, DNS_PTR, 300, 8);
	buf_append(&it.message, SPAN("\6\\\"(\x01\xff@\0"));
	parse(DNS_PTR, "1.2.0.192.in-addr.arpa");
	assert_span(it.reply.answer.records[0].text, "\\\"(\x01\xff@");
}

/* --- there is none --- */

static void
no_name_and_no_data_take_their_ttl_from_the_soa(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 3, 0, 1);
	craft_soa(&it.message, 3600, 90);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_ANSWER);
	assert_int_equal(it.reply.answer.status, DNS_NO_NAME);
	assert_int_equal(it.reply.ttl_seconds, 90);
	craft_begin(&it.message, &it.packet, 0, 0, 1);
	craft_soa(&it.message, 30, 90);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.answer.status, DNS_NO_DATA);
	assert_int_equal(it.reply.ttl_seconds, 30);
}

static void
without_soa_nothing_is_kept(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 3, 0, 0);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.answer.status, DNS_NO_NAME);
	assert_int_equal(it.reply.ttl_seconds, 0);
}

static void
failures_are_not_answers(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	for (unsigned rcode = 1; rcode < 16; rcode++) {
		craft_begin(&it.message, &it.packet, rcode, 0, 0);
		parse(DNS_A, "example.org");
		assert_int_equal(it.reply.kind, rcode == 3 ? DNS_REPLY_ANSWER : DNS_REPLY_FAILED);
	}
}

static void
truncated_is_asked_again(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 1, 0);
	it.message.data[2] |= 2;
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_TRUNCATED);
}

/* --- CNAMEs --- */

static void
a_chain_is_followed_in_any_order(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 3, 0);
	craft_a(&it.message, "c.example", 300, 7);
	craft_named(&it.message, "b.example", TYPE_CNAME, 20, "C.example");
	craft_named(&it.message, NULL, TYPE_CNAME, 300, "b.example");
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.answer.status, DNS_FOUND);
	assert_int_equal(it.reply.answer.count, 1);
	assert_int_equal(it.reply.ttl_seconds, 20);
}

static void
a_chain_that_leads_out_names_where_to(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 1, 0);
	craft_named(&it.message, NULL, TYPE_CNAME, 50, "Away.example");
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_CHAIN);
	assert_span(it.reply.next_name, "away.example");
	assert_int_equal(it.reply.ttl_seconds, 50);
}

static void
a_chain_to_nothing_is_nothing(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 1, 1);
	craft_named(&it.message, NULL, TYPE_CNAME, 50, "away.example");
	craft_soa(&it.message, 500, 500);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_ANSWER);
	assert_int_equal(it.reply.answer.status, DNS_NO_DATA);
	assert_int_equal(it.reply.ttl_seconds, 50);
	it.message.data[3] |= 3;
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.answer.status, DNS_NO_NAME);
}

static void
a_loop_is_trouble(void **unused)
{
	(void)unused;
	ask(DNS_A, "a.example");
	craft_begin(&it.message, &it.packet, 0, 2, 0);
	craft_named(&it.message, NULL, TYPE_CNAME, 50, "b.example");
	craft_named(&it.message, "b.example", TYPE_CNAME, 50, "a.example");
	parse(DNS_A, "a.example");
	assert_int_equal(it.reply.kind, DNS_REPLY_ANSWER);
	assert_int_equal(it.reply.answer.status, DNS_TROUBLE);
	assert_int_equal(it.reply.ttl_seconds, 0);
}

/* --- broken messages --- */

static void
every_cut_is_a_failure(void **unused)
{
	(void)unused;
	ask(DNS_MX, "example.org");
	craft_begin(&it.message, &it.packet, 0, 2, 1);
	craft_mx(&it.message, NULL, 10, "mx.example.org");
	craft_mx(&it.message, NULL, 20, "b.mx.example.org");
	craft_soa(&it.message, 60, 60);
	for (size_t length = it.packet.question_end; length < it.message.length; length++) {
		dns_message_parse(&it.packet, DNS_MX, SPAN("example.org"), span_take(buf_span(&it.message), length),
		    &it.arena, &it.reply);
		assert_int_equal(it.reply.kind, DNS_REPLY_FAILED);
	}
	parse(DNS_MX, "example.org");
	assert_int_equal(it.reply.answer.count, 2);
}

static void
pointers_that_loop_or_go_on_for_ever_are_failures(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 1, 0);
	craft_u16(&it.message, 0xc000 | (unsigned)it.message.length);
	craft_u32(&it.message, 0x00010001);
	craft_u32(&it.message, 0);
	craft_u16(&it.message, 0);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_FAILED);
}

static void
a_name_of_more_than_255_octets_is_a_failure(void **unused)
{
	char text[DNS_NAME_BYTES];
	struct buf message = BUF_LIMIT(1024);
	size_t length;
	size_t at = 0;

	(void)unused;
	/* 127 labels of one octet: 254 and the root. */
	for (unsigned i = 0; i < 127; i++)
		buf_append(&message, SPAN("\1a"));
	buf_append_char(&message, '\0');
	assert_int_equal(dns_name_read(buf_span(&message), &at, text, &length), DNS_NAME_READ);
	assert_int_equal(length, 253);
	assert_int_equal(at, 255);
	buf_reset(&message);
	for (unsigned i = 0; i < 128; i++)
		buf_append(&message, SPAN("\1a"));
	buf_append_char(&message, '\0');
	at = 0;
	assert_int_equal(dns_name_read(buf_span(&message), &at, text, &length), DNS_NAME_BROKEN);
	buf_free(&message);
}

static void
more_records_announced_than_there_are_is_a_failure(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 2, 0);
	craft_a(&it.message, NULL, 300, 1);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_FAILED);
	it.message.data[6] = 0x7f;
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_FAILED);
}

static void
no_more_records_are_kept_than_promised(void **unused)
{
	(void)unused;
	ask(DNS_A, "example.org");
	craft_begin(&it.message, &it.packet, 0, 1000, 0);
	for (uint32_t i = 0; i < 1000; i++)
		craft_a(&it.message, NULL, 300, i);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.answer.count, DNS_RECORDS_MAX);
}

static void
an_address_of_another_length_is_malformed(void **unused)
{
	(void)unused;
	ask(DNS_AAAA, "example.org");
	craft_begin(&it.message, &it.packet, 0, 1, 0);
	craft_head(&it.message, NULL, DNS_AAAA, 300, 4);
	craft_u32(&it.message, 1);
	parse(DNS_AAAA, "example.org");
	assert_int_equal(it.reply.kind, DNS_REPLY_FAILED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_question_has_id_name_type_class_and_edns),
		TEST(case_bits_flip_letters_only),
		TEST(a_backslash_is_asked_as_it_is),
		TEST(names_that_cannot_be_asked_are_refused),
		TEST(only_id_question_and_response_bit_make_it_ours),
		TEST(addresses_come_with_the_least_ttl),
		TEST(a_ttl_with_its_top_bit_is_none),
		TEST(other_names_types_and_classes_are_left_out),
		TEST(text_strings_are_joined),
		TEST(a_text_string_longer_than_its_record_is_malformed),
		TEST(a_text_of_64_kib_is_whole),
		TEST(exchanges_come_in_lower_case_with_their_preference),
		TEST(a_target_that_does_not_fill_its_record_is_malformed),
		TEST(a_label_with_a_nul_or_a_dot_is_nobodys_name),
		TEST(odd_octets_of_a_name_are_raw),
		TEST(no_name_and_no_data_take_their_ttl_from_the_soa),
		TEST(without_soa_nothing_is_kept),
		TEST(failures_are_not_answers),
		TEST(truncated_is_asked_again),
		TEST(a_chain_is_followed_in_any_order),
		TEST(a_chain_that_leads_out_names_where_to),
		TEST(a_chain_to_nothing_is_nothing),
		TEST(a_loop_is_trouble),
		TEST(every_cut_is_a_failure),
		TEST(pointers_that_loop_or_go_on_for_ever_are_failures),
		TEST(a_name_of_more_than_255_octets_is_a_failure),
		TEST(more_records_announced_than_there_are_is_a_failure),
		TEST(no_more_records_are_kept_than_promised),
		TEST(an_address_of_another_length_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
