/* smtpd/tls.c: text both ways, ends, and what a stream costs.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/tls_stream_fixture.h"

#include <malloc.h>

enum { MEASURED = 50 };

static void
text_goes_both_ways(void **unused)
{
	char heard[64];

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		for (size_t piece = 1; piece <= TLS_RECORD_BYTES; piece += TLS_RECORD_BYTES - 1) {
			struct pair *pair = joined(versions[i], piece);
			struct tls_facts facts = tls_agreed(pair->server);

			assert_true(facts.is_on);
			assert_true(span_equal(facts.version, i ? SPAN("TLSv1.3") : SPAN("TLSv1.2")));
			assert_true(span_equal(facts.cipher,
			    i ? SPAN("TLS_AES_256_GCM_SHA384") : SPAN("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")));
			assert_true(span_equal(facts.sni, SPAN("mx.example.org")));
			client_says(pair, SPAN("NOOP\r\n"));
			client_says(pair, SPAN("QUIT\r\n"));
			to_server(pair, piece);
			assert_text(pair, SPAN("NOOP\r\nQUIT\r\n"));
			assert_true(tls_seal(pair->server, SPAN("221 \r\n"), &pair->wire));
			to_client(pair);
			assert_int_equal(SSL_read(pair->client, heard, sizeof heard), 6);
			drop_pair(pair);
		}
	}
}

/* In TLS 1.3 a client's last message of the handshake and its first text leave together. */
static void
what_follows_the_handshake_at_once_is_taken(void **unused)
{
	struct pair *pair = new_pair();

	(void)unused;
	(void)SSL_do_handshake(pair->client);
	to_server(pair, SIZE_MAX);
	to_client(pair);
	assert_int_equal(SSL_do_handshake(pair->client), 1);
	client_says(pair, SPAN("EHLO client.example\r\n"));
	(void)SSL_shutdown(pair->client);
	to_server(pair, SIZE_MAX);
	assert_true(tls_is_up(pair->server));
	assert_text(pair, SPAN("EHLO client.example\r\n"));
	assert_int_equal(pair->result, TLS_ENDED);
	drop_pair(pair);
}

static void
long_text_comes_out_as_it_went_in(void **unused)
{
	char *text = malloc(TEXT_BYTES);
	char *heard = malloc(TEXT_BYTES);
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);
	size_t got;

	(void)unused;
	assert_true(text && heard);
	for (size_t i = 0; i < TEXT_BYTES; i++)
		text[i] = (char)(i * 2654435761u >> 13);
	client_says(pair, span_make(text, TEXT_BYTES));
	to_server(pair, 7919);
	assert_text(pair, span_make(text, TEXT_BYTES));
	assert_true(tls_seal(pair->server, span_make(text, TEXT_BYTES), &pair->wire));
	to_client(pair);
	for (size_t done = 0; done < TEXT_BYTES; done += got)
		assert_int_equal(SSL_read_ex(pair->client, heard + done, TEXT_BYTES - done, &got), 1);
	assert_memory_equal(heard, text, TEXT_BYTES);
	drop_pair(pair);
	free(text);
	free(heard);
}

/* Two replies that leave together are one record. */
static void
what_is_said_at_once_is_one_record(void **unused)
{
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);
	static const struct span replies = SPAN("250 2.0.0 Delivered\r\n221 2.0.0 closes\r\n");

	(void)unused;
	assert_true(tls_seal(pair->server, replies, &pair->wire));
	unsigned length = (unsigned)(unsigned char)pair->wire.data[3] << 8 | (unsigned char)pair->wire.data[4];
	assert_int_equal(pair->wire.length, 5 + length);
	assert_in_range(length, replies.length, replies.length + 17);
	drop_pair(pair);
}

static void
an_end_is_said_once(void **unused)
{
	struct pair *pair = joined(TLS1_2_VERSION, SIZE_MAX);
	char heard[8];

	(void)unused;
	tls_end(pair->server, &pair->wire);
	assert_int_not_equal(pair->wire.length, 0);
	to_client(pair);
	assert_int_equal(SSL_read(pair->client, heard, sizeof heard), 0);
	assert_int_equal(SSL_get_error(pair->client, 0), SSL_ERROR_ZERO_RETURN);
	tls_end(pair->server, &pair->wire);
	assert_int_equal(pair->wire.length, 0);
	assert_false(tls_seal(pair->server, SPAN("250\r\n"), &pair->wire));
	drop_pair(pair);
}

static void
the_clients_end_is_an_end(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct pair *pair = joined(versions[i], SIZE_MAX);

		client_says(pair, SPAN("QUIT\r\n"));
		(void)SSL_shutdown(pair->client);
		to_server(pair, SIZE_MAX);
		assert_int_equal(pair->result, TLS_ENDED);
		assert_text(pair, SPAN("QUIT\r\n"));
		assert_true(tls_seal(pair->server, SPAN("221\r\n"), &pair->wire));
		drop_pair(pair);
	}
}

/* The server answers by itself, behind what it has said. */
static void
keys_can_be_renewed(void **unused)
{
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);
	char heard[16];

	(void)unused;
	assert_int_equal(SSL_key_update(pair->client, SSL_KEY_UPDATE_REQUESTED), 1);
	client_says(pair, SPAN("NOOP\r\n"));
	to_server(pair, 3);
	assert_text(pair, SPAN("NOOP\r\n"));
	assert_true(tls_seal(pair->server, SPAN("250\r\n"), &pair->wire));
	to_client(pair);
	assert_int_equal(SSL_read(pair->client, heard, sizeof heard), 5);
	drop_pair(pair);
}

static void
a_part_of_a_record_is_known_and_paid(void **unused)
{
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);

	(void)unused;
	assert_false(tls_is_inside_record(pair->server));
	assert_int_equal(shared.budget.used_bytes, TLS_IDLE_BYTES);
	client_says(pair, SPAN("NOOP\r\n"));
	struct span record = written(pair);
	feed(pair, span_take(record, record.length - 1));
	assert_true(tls_is_inside_record(pair->server));
	assert_int_equal(shared.budget.used_bytes, TLS_IDLE_BYTES + TLS_RECORD_BYTES);
	feed(pair, span_skip(record, record.length - 1));
	assert_int_equal(shared.budget.used_bytes, TLS_IDLE_BYTES);
	assert_text(pair, SPAN("NOOP\r\n"));
	drop_pair(pair);
}

static void
without_budget_there_is_no_stream(void **unused)
{
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);

	(void)unused;
	/* A newcomer leaves an eighth to those under way. */
	shared.budget.limit_bytes = (TLS_IDLE_BYTES + TLS_HANDSHAKE_BYTES - 1) / 7 * 8;
	assert_null(tls_new(&shared.ground, shared.server));
	shared.budget.limit_bytes = TLS_IDLE_BYTES;
	client_says(pair, SPAN("NOOP\r\n"));
	feed(pair, span_take(written(pair), 7));
	assert_int_equal(pair->result, TLS_NO_MEMORY);
	/* It can still say so. */
	assert_true(tls_seal(pair->server, SPAN("421\r\n"), &pair->wire));
	drop_pair(pair);
}

/* The sanitizers' malloc is not libc's, and does not count: 0. */
static size_t
held_bytes(void)
{
	struct mallinfo2 facts = mallinfo2();

	return facts.uordblks + facts.hblkhd;
}

static void
drop_server(struct pair *pair)
{
	tls_free(pair->server);
	free(pair);
}

static void
the_price_of_an_idle_stream_is_true(void **unused)
{
	static struct pair *pairs[MEASURED];

	(void)unused;
	size_t before = held_bytes();
	for (size_t i = 0; i < MEASURED; i++) {
		pairs[i] = joined(TLS1_3_VERSION, SIZE_MAX);
		drop_client(pairs[i]);
		buf_free(&pairs[i]->wire);
		buf_free(&pairs[i]->text);
	}
	size_t after = held_bytes();
	print_message("an idle stream holds %zu bytes\n", (after - before) / MEASURED);
	if (after > 0)
		assert_in_range((after - before) / MEASURED, 1, TLS_IDLE_BYTES);
	for (size_t i = 0; i < MEASURED; i++)
		drop_server(pairs[i]);
}

/* A handshake that has got so far, and stalls. */
static void
stall_at_once(struct pair *pair)
{
	feed(pair, SPAN(""));
}

static void
stall_in_a_record(struct pair *pair)
{
	feed(pair, SPAN("\x16\x03\x01\x40\x00\x01"));
}

static void
stall_after_the_first_flight(struct pair *pair)
{
	(void)SSL_do_handshake(pair->client);
	to_server(pair, SIZE_MAX);
	assert_int_not_equal(pair->wire.length, 0);
}

/* OpenSSL takes a ClientHello of 128 KiB, and keeps what it has of it. */
static void
stall_in_a_long_hello(struct pair *pair)
{
	static char record[5 + 16384] = "\x16\x03\x01\x40\x00\x01\x02\x01\x40";

	for (unsigned i = 0; i < 7; i++) {
		feed(pair, span_make(record, sizeof record));
		memset(record + 5, 0, 4);
	}
	memcpy(record + 5, "\x01\x02\x01\x40", 4);
}

static void
the_price_of_a_stalled_handshake_is_true(void **unused)
{
	static struct pair *pairs[MEASURED];
	static void (*const stalls[])(struct pair * pair) = { stall_at_once, stall_in_a_record,
		stall_after_the_first_flight, stall_in_a_long_hello };

	(void)unused;
	for (size_t stall = 0; stall < sizeof stalls / sizeof stalls[0]; stall++) {
		size_t before = held_bytes();
		for (size_t i = 0; i < MEASURED; i++) {
			pairs[i] = new_pair();
			stalls[stall](pairs[i]);
			assert_int_equal(pairs[i]->result, TLS_GOES_ON);
			drop_client(pairs[i]);
			buf_free(&pairs[i]->wire);
		}
		size_t after = held_bytes();
		print_message("a handshake that stalls at %zu holds %zu bytes\n", stall, (after - before) / MEASURED);
		if (after > 0)
			assert_in_range(after - before, 1, shared.budget.used_bytes);
		for (size_t i = 0; i < MEASURED; i++)
			drop_server(pairs[i]);
		assert_int_equal(shared.budget.used_bytes, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_goes_both_ways),
		cmocka_unit_test(what_follows_the_handshake_at_once_is_taken),
		cmocka_unit_test(long_text_comes_out_as_it_went_in),
		cmocka_unit_test(what_is_said_at_once_is_one_record),
		cmocka_unit_test(an_end_is_said_once),
		cmocka_unit_test(the_clients_end_is_an_end),
		cmocka_unit_test(keys_can_be_renewed),
		cmocka_unit_test(a_part_of_a_record_is_known_and_paid),
		cmocka_unit_test(without_budget_there_is_no_stream),
		cmocka_unit_test(the_price_of_an_idle_stream_is_true),
		cmocka_unit_test(the_price_of_a_stalled_handshake_is_true),
	};

	return cmocka_run_group_tests(tests, make_shared, drop_shared);
}
