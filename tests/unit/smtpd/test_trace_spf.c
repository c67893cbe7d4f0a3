/* smtpd/trace_spf.c: Received-SPF; then both fields with hostile bytes and too little room.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/trace_fixture.h"

enum { HOSTILE_BYTES = 1024 };

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
