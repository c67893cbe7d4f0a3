/* smtpd/trace_header.c: Received as the grammar wants it, whatever the client said.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/trace_fixture.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
