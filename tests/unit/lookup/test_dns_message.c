/* Questions of DNS, the answers to them, and chains of names in these.
 * On failure: cmocka names the line.
 */
#include "tests/unit/lookup/message_fixture.h"

#include "lookup/dns_name.h"

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
expect_kind(unsigned rcode, enum dns_reply_kind kind)
{
	craft_begin(&it.message, &it.packet, rcode, 0, 0);
	parse(DNS_A, "example.org");
	assert_int_equal(it.reply.kind, kind);
}

static void
failures_are_not_answers(void **unused)
{
	(void)unused;
	assert_true(dns_message_query(&it.packet, DNS_A, SPAN("example.org"), 1, false, no_case));
	for (unsigned rcode = 1; rcode < 16; rcode++)
		expect_kind(rcode, rcode == 3 ? DNS_REPLY_ANSWER : DNS_REPLY_FAILED);
	ask(DNS_A, "example.org");
	expect_kind(1, DNS_REPLY_NO_EDNS);
	expect_kind(2, DNS_REPLY_FAILED);
	expect_kind(4, DNS_REPLY_NO_EDNS);
	expect_kind(5, DNS_REPLY_FAILED);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_question_has_id_name_type_class_and_edns),
		TEST(case_bits_flip_letters_only),
		TEST(a_backslash_is_asked_as_it_is),
		TEST(names_that_cannot_be_asked_are_refused),
		TEST(only_id_question_and_response_bit_make_it_ours),
		TEST(no_name_and_no_data_take_their_ttl_from_the_soa),
		TEST(without_soa_nothing_is_kept),
		TEST(failures_are_not_answers),
		TEST(truncated_is_asked_again),
		TEST(a_chain_is_followed_in_any_order),
		TEST(a_chain_that_leads_out_names_where_to),
		TEST(a_chain_to_nothing_is_nothing),
		TEST(a_loop_is_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
