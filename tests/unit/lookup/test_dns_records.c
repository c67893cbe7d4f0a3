/* Records in answers of DNS: addresses, text, exchanges, names; and messages that are broken.
 * On failure: cmocka names the line.
 */
#include "tests/unit/lookup/message_fixture.h"

#include "lookup/dns_name.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(every_cut_is_a_failure),
		TEST(pointers_that_loop_or_go_on_for_ever_are_failures),
		TEST(a_name_of_more_than_255_octets_is_a_failure),
		TEST(more_records_announced_than_there_are_is_a_failure),
		TEST(no_more_records_are_kept_than_promised),
		TEST(an_address_of_another_length_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
