/* smtpd/trace_header.c: Received and Received-SPF as the grammar wants them, whatever the client said.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/trace_header.h"

enum { FIELD_BYTES = 16384, HOSTILE_BYTES = 1024 };

static struct peer_address
peer(const char *ip)
{
	struct peer_address address = { 0 };

	assert_true(peer_parse_ip(span_of(ip), &address));
	return address;
}

static struct trace_received
received_facts(void)
{
	return (struct trace_received){
		.helo = SPAN("mail.example.com"),
		.client_name = SPAN("out.example.com"),
		.client = peer("192.0.2.1"),
		.hostname = SPAN("mx.example.org"),
		.is_esmtp = true,
		.id = SPAN("5f3-1"),
		.single_recipient = SPAN("alice@example.org"),
		.wall_us = 1795326718000000u,
	};
}

static struct trace_spf
spf_facts(void)
{
	return (struct trace_spf){
		.result = SPF_PASS,
		.identity = SPF_IDENTITY_MAILFROM,
		.hostname = SPAN("mx.example.org"),
		.client = peer("192.0.2.1"),
		.envelope_from = SPAN("bob@example.com"),
		.helo = SPAN("mail.example.com"),
		.mechanism = SPAN("ip4:192.0.2.0/24"),
	};
}

static void
assert_received(const struct trace_received *facts, const char *expected)
{
	struct buf out = BUF_LIMIT(FIELD_BYTES);

	trace_received(facts, &out);
	assert_true(buf_ok(&out));
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static void
assert_spf(const struct trace_spf *facts, const char *expected)
{
	struct buf out = BUF_LIMIT(FIELD_BYTES);

	trace_received_spf(facts, &out);
	assert_true(buf_ok(&out));
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static void
writes_received(void **state)
{
	struct trace_received facts = received_facts();

	(void)state;
	assert_received(&facts, "Received: from mail.example.com (out.example.com [192.0.2.1])\n"
				"\tby mx.example.org with ESMTP id 5f3-1\n"
				"\tfor <alice@example.org>;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
}

static void
leaves_out_what_is_not_there(void **state)
{
	struct trace_received facts = received_facts();

	(void)state;
	facts.is_esmtp = false;
	facts.client_name = SPAN("");
	facts.single_recipient = SPAN("");
	facts.client = peer("2001:db8::1");
	assert_received(&facts, "Received: from mail.example.com ([IPv6:2001:db8::1])\n"
				"\tby mx.example.org with SMTP id 5f3-1;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
	facts.client = (struct peer_address){ 0 };
	facts.helo = SPAN("");
	facts.id = SPAN("");
	assert_received(&facts, "Received: from unknown\n"
				"\tby mx.example.org with SMTP;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
}

/* RFC 6531 3.7.3: UTF-8 in the trace of a message that came with SMTPUTF8, and of no other. */
static void
shows_utf8_where_it_was_announced(void **state)
{
	struct trace_received facts = received_facts();
	struct trace_spf spf = spf_facts();

	(void)state;
	facts.is_smtputf8 = true;
	facts.single_recipient = SPAN("jürgen@bücher.example");
	assert_received(&facts, "Received: from mail.example.com (out.example.com [192.0.2.1])\n"
				"\tby mx.example.org with UTF8SMTP id 5f3-1\n"
				"\tfor <jürgen@bücher.example>;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
	facts.is_smtputf8 = false;
	assert_received(&facts, "Received: from mail.example.com (out.example.com [192.0.2.1])\n"
				"\tby mx.example.org with ESMTP id 5f3-1;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
	spf.is_smtputf8 = true;
	spf.envelope_from = SPAN("jörg@bücher.example");
	spf.problem = SPAN("ü");
	assert_spf(&spf, "Received-SPF: pass (mx.example.org: domain of jörg@bücher.example\n"
			 "\tdesignates 192.0.2.1 as permitted sender) receiver=mx.example.org;\n"
			 "\tclient-ip=192.0.2.1; envelope-from=\"jörg@bücher.example\";\n"
			 "\thelo=mail.example.com; identity=mailfrom; mechanism=\"ip4:192.0.2.0/24\";\n"
			 "\tproblem=\"??\"\n");
	spf.envelope_from = SPAN("j\xf6rg\xc2\x9b@example.com");
	assert_spf(&spf, "Received-SPF: pass (mx.example.org: domain of j?rg??@example.com designates\n"
			 "\t192.0.2.1 as permitted sender) receiver=mx.example.org; client-ip=192.0.2.1;\n"
			 "\tenvelope-from=\"j?rg??@example.com\"; helo=mail.example.com;\n"
			 "\tidentity=mailfrom; mechanism=\"ip4:192.0.2.0/24\"; problem=\"??\"\n");
}

static void
names_the_protocol(void **state)
{
	static const struct {
		bool is_esmtp, is_smtputf8, is_encrypted, is_authenticated;
		const char *name;
	} protocols[] = {
		{ false, false, false, false, "SMTP" },
		{ false, false, true, false, "SMTP" },
		{ true, false, false, false, "ESMTP" },
		{ true, false, false, true, "ESMTPA" },
		{ true, false, true, false, "ESMTPS" },
		{ true, false, true, true, "ESMTPSA" },
		{ true, true, false, false, "UTF8SMTP" },
		{ false, true, false, false, "UTF8SMTP" },
		{ true, true, false, true, "UTF8SMTPA" },
		{ true, true, true, false, "UTF8SMTPS" },
		{ true, true, true, true, "UTF8SMTPSA" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
		struct trace_received facts = received_facts();
		struct buf expected = BUF_LIMIT(FIELD_BYTES);

		facts.is_esmtp = protocols[i].is_esmtp;
		facts.is_smtputf8 = protocols[i].is_smtputf8;
		facts.is_encrypted = protocols[i].is_encrypted;
		facts.is_authenticated = protocols[i].is_authenticated;
		buf_printf(&expected,
		    "Received: from mail.example.com (out.example.com [192.0.2.1])\n"
		    "\tby mx.example.org with %s id 5f3-1\n"
		    "\tfor <alice@example.org>;\n"
		    "\tSun, 22 Nov 2026 05:51:58 +0000\n",
		    protocols[i].name);
		assert_received(&facts, buf_text(&expected));
		buf_free(&expected);
	}
}

static void
names_the_cipher(void **state)
{
	struct trace_received facts = received_facts();

	(void)state;
	facts.is_encrypted = true;
	facts.tls_version = SPAN("TLSv1.3");
	facts.tls_cipher = SPAN("TLS_AES_256_GCM_SHA384");
	assert_received(&facts, "Received: from mail.example.com (out.example.com [192.0.2.1])\n"
				"\tby mx.example.org with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id 5f3-1\n"
				"\tfor <alice@example.org>;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
}

/* The name is the client's: nothing of it can end the comment or the line. */
static void
names_the_host_that_was_asked_for(void **state)
{
	struct trace_received facts = received_facts();

	(void)state;
	facts.is_encrypted = true;
	facts.tls_version = SPAN("TLSv1.3");
	facts.tls_cipher = SPAN("TLS_AES_256_GCM_SHA384");
	facts.tls_sni = SPAN("mx2.example.org");
	assert_received(&facts, "Received: from mail.example.com (out.example.com [192.0.2.1])\n"
				"\tby mx.example.org with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384\n"
				"\tsni=mx2.example.org) id 5f3-1\n"
				"\tfor <alice@example.org>;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
	facts.tls_sni = SPAN("a)\r\nX: \\b");
	assert_received(&facts, "Received: from mail.example.com (out.example.com [192.0.2.1])\n"
				"\tby mx.example.org with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384 sni=a???X:??b)\n"
				"\tid 5f3-1\n"
				"\tfor <alice@example.org>;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
}

static void
shows_a_helo_that_is_no_name_in_a_comment(void **state)
{
	struct trace_received facts = received_facts();

	(void)state;
	facts.helo = SPAN("(a)\\ b\r\nX-Evil: \xc3\xa4\0");
	assert_received(&facts, "Received: from [192.0.2.1] (out.example.com [192.0.2.1]) (HELO\n"
				"\t?a???b??X-Evil:???\?)\n"
				"\tby mx.example.org with ESMTP id 5f3-1\n"
				"\tfor <alice@example.org>;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
	facts.helo = SPAN("[IPv6:::1]");
	assert_received(&facts, "Received: from [IPv6:::1] (out.example.com [192.0.2.1])\n"
				"\tby mx.example.org with ESMTP id 5f3-1\n"
				"\tfor <alice@example.org>;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
}

static void
lets_nothing_in_that_the_grammar_forbids(void **state)
{
	struct trace_received facts = received_facts();

	(void)state;
	facts.client_name = SPAN("a) (b");
	facts.hostname = SPAN("not a name");
	facts.id = SPAN("a b.c;\n\xff");
	facts.single_recipient = SPAN("postmaster");
	assert_received(&facts, "Received: from mail.example.com ([192.0.2.1])\n"
				"\tby unknown with ESMTP id a?b?c???;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
	facts = received_facts();
	facts.single_recipient = SPAN("\"a;> b\"@example.org");
	assert_received(&facts, "Received: from mail.example.com (out.example.com [192.0.2.1])\n"
				"\tby mx.example.org with ESMTP id 5f3-1\n"
				"\tfor <\"a;> b\"@example.org>;\n"
				"\tSun, 22 Nov 2026 05:51:58 +0000\n");
}

static void
writes_received_spf(void **state)
{
	struct trace_spf facts = spf_facts();

	(void)state;
	assert_spf(&facts, "Received-SPF: pass (mx.example.org: domain of bob@example.com designates\n"
			   "\t192.0.2.1 as permitted sender) receiver=mx.example.org; client-ip=192.0.2.1;\n"
			   "\tenvelope-from=\"bob@example.com\"; helo=mail.example.com; identity=mailfrom;\n"
			   "\tmechanism=\"ip4:192.0.2.0/24\"\n");
}

static void
writes_each_result(void **state)
{
	(void)state;
	for (int result = 0; result < SPF_RESULT_COUNT; result++) {
		struct trace_spf facts = spf_facts();
		struct buf out = BUF_LIMIT(FIELD_BYTES);
		struct buf start = BUF_LIMIT(64);

		facts.result = (enum spf_result)result;
		trace_received_spf(&facts, &out);
		buf_printf(&start, "Received-SPF: %s (mx.example.org:", spf_result_name(facts.result));
		assert_true(out.length > start.length);
		assert_memory_equal(out.data, start.data, start.length);
		buf_free(&start);
		buf_free(&out);
	}
}

static void
an_unknown_result_is_no_field(void **state)
{
	struct trace_spf facts = spf_facts();

	(void)state;
	facts.result = SPF_UNKNOWN;
	assert_spf(&facts, "");
}

static void
writes_the_null_sender_and_helo(void **state)
{
	struct trace_spf facts = spf_facts();

	(void)state;
	facts.result = SPF_FAIL;
	facts.identity = SPF_IDENTITY_HELO;
	facts.envelope_from = SPAN("");
	facts.mechanism = SPAN("-all");
	facts.client = peer("2001:db8::1");
	assert_spf(&facts, "Received-SPF: fail (mx.example.org: domain of mail.example.com does not\n"
			   "\tdesignate 2001:db8::1 as permitted sender) receiver=mx.example.org;\n"
			   "\tclient-ip=\"2001:db8::1\"; envelope-from=\"\"; helo=mail.example.com;\n"
			   "\tidentity=helo; mechanism=-all\n");
}

static void
assert_comment_begins(const struct trace_spf *facts, const char *start)
{
	struct buf out = BUF_LIMIT(FIELD_BYTES);

	trace_received_spf(facts, &out);
	assert_true(out.length > strlen(start));
	assert_memory_equal(out.data, start, strlen(start));
	buf_free(&out);
}

static void
the_comment_names_the_identity_that_was_judged(void **state)
{
	struct trace_spf facts = spf_facts();

	(void)state;
	assert_comment_begins(&facts, "Received-SPF: pass (mx.example.org: domain of bob@example.com ");
	facts.identity = SPF_IDENTITY_HELO;
	assert_comment_begins(&facts, "Received-SPF: pass (mx.example.org: domain of mail.example.com ");
	facts.identity = SPF_IDENTITY_MAILFROM;
	facts.envelope_from = SPAN("");
	assert_comment_begins(&facts, "Received-SPF: pass (mx.example.org: domain of mail.example.com ");
}

/* A quoted string is folded where it has a space, which then begins the line, and keeps each of its bytes. */
static void
quotes_and_folds_values(void **state)
{
	struct trace_spf facts = spf_facts();

	(void)state;
	facts.result = SPF_PERMERROR;
	facts.mechanism = SPAN("");
	facts.envelope_from = SPAN("\"a  \\\" b\"@example.com");
	facts.helo = SPAN("a..b");
	facts.problem =
	    SPAN("the record asks for more DNS answers than it may,\tand  is \xff broken\n in each of its terms ");
	assert_spf(&facts,
	    "Received-SPF: permerror (mx.example.org: domain of \"a???\"?b\"@example.com has\n"
	    "\ta broken policy about 192.0.2.1) receiver=mx.example.org;\n"
	    "\tclient-ip=192.0.2.1; envelope-from=\"\\\"a  \\\\\\\" b\\\"@example.com\"; helo=\"a..b\";\n"
	    "\tidentity=mailfrom; problem=\"the record asks for more DNS answers than it\n"
	    " may,?and  is ? broken? in each of its terms \"\n");
}

static void
assert_well_folded(struct span field)
{
	struct span rest = field;

	assert_true(field.length > 0 && field.data[field.length - 1] == '\n');
	while (rest.length) {
		struct span line = span_take(rest, span_find(rest, '\n'));
		bool is_first = rest.data == field.data;

		assert_true(line.length <= 998);
		assert_true(span_trim(line).length > 0);
		assert_int_equal(line.data[0] == ' ' || line.data[0] == '\t', !is_first);
		for (size_t i = 0; i < line.length; i++)
			assert_true((line.data[i] >= ' ' && line.data[i] <= '~') || (line.data[i] == '\t' && i == 0));
		rest = span_skip(rest, line.length + 1);
	}
}

/* Parentheses are balanced outside of quoted strings, and each quoted string and comment ends. */
static void
assert_balanced(struct span field)
{
	bool in_quotes = false;
	int depth = 0;

	for (size_t i = 0; i < field.length; i++) {
		char c = field.data[i];

		if (in_quotes && c == '\\')
			i++;
		else if (depth == 0 && c == '"')
			in_quotes = !in_quotes;
		else if (!in_quotes && (c == '(' || c == ')'))
			depth += c == '(' ? 1 : -1;
		assert_true(depth == 0 || depth == 1);
	}
	assert_false(in_quotes);
	assert_int_equal(depth, 0);
}

static void
write_both(struct span hostile, struct buf *out)
{
	struct trace_received facts = { .helo = hostile,
		.client_name = hostile,
		.client = peer("192.0.2.1"),
		.hostname = hostile,
		.is_esmtp = true,
		.id = hostile,
		.single_recipient = hostile };
	struct trace_spf spf = { .result = SPF_FAIL,
		.identity = SPF_IDENTITY_MAILFROM,
		.hostname = hostile,
		.client = facts.client,
		.envelope_from = hostile,
		.helo = hostile,
		.mechanism = hostile,
		.problem = hostile };

	buf_reset(out);
	trace_received(&facts, out);
	assert_well_folded(buf_span(out));
	assert_balanced(buf_span(out));
	buf_reset(out);
	trace_received_spf(&spf, out);
	assert_well_folded(buf_span(out));
	assert_balanced(buf_span(out));
}

static void
stays_legal_for_any_bytes(void **state)
{
	struct buf out = BUF_LIMIT(FIELD_BYTES);
	char hostile[HOSTILE_BYTES];

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		memset(hostile, (int)c, sizeof hostile);
		write_both(span_make(hostile, sizeof hostile), &out);
		write_both(span_make(hostile, 1), &out);
		for (size_t i = 0; i < sizeof hostile; i += 1 + i / 3)
			hostile[i] = ' ';
		write_both(span_make(hostile, sizeof hostile), &out);
		hostile[0] = (char)c;
		write_both(span_make(hostile, 3), &out);
	}
	buf_free(&out);
}

static void
a_full_buffer_fails(void **state)
{
	struct trace_received facts = received_facts();
	struct buf out = BUF_LIMIT(100);

	(void)state;
	trace_received(&facts, &out);
	assert_false(buf_ok(&out));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_received),
		cmocka_unit_test(leaves_out_what_is_not_there),
		cmocka_unit_test(names_the_protocol),
		cmocka_unit_test(shows_utf8_where_it_was_announced),
		cmocka_unit_test(names_the_cipher),
		cmocka_unit_test(names_the_host_that_was_asked_for),
		cmocka_unit_test(shows_a_helo_that_is_no_name_in_a_comment),
		cmocka_unit_test(lets_nothing_in_that_the_grammar_forbids),
		cmocka_unit_test(writes_received_spf),
		cmocka_unit_test(writes_each_result),
		cmocka_unit_test(an_unknown_result_is_no_field),
		cmocka_unit_test(writes_the_null_sender_and_helo),
		cmocka_unit_test(the_comment_names_the_identity_that_was_judged),
		cmocka_unit_test(quotes_and_folds_values),
		cmocka_unit_test(stays_legal_for_any_bytes),
		cmocka_unit_test(a_full_buffer_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
