/* smtpd/policy: each SPF result, action by action, and who is exempt.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/policy_fixture.h"

static enum action *
action_for(struct config *config, bool is_helo, enum spf_result result)
{
	enum action *const actions[2][SPF_RESULT_COUNT] = {
		{ &config->spf_mailfrom_none, &config->spf_mailfrom_neutral, &config->spf_mailfrom_pass,
		    &config->spf_mailfrom_fail, &config->spf_mailfrom_softfail, &config->spf_mailfrom_temperror,
		    &config->spf_mailfrom_permerror },
		{ &config->spf_helo_none, &config->spf_helo_neutral, &config->spf_helo_pass, &config->spf_helo_fail,
		    &config->spf_helo_softfail, &config->spf_helo_temperror, &config->spf_helo_permerror },
	};

	return actions[is_helo][result];
}

static void
assert_action(bool is_helo, enum spf_result result, enum action action)
{
	static const enum policy_answer answers[] = { [ACTION_OFF] = POLICY_ACCEPT,
		[ACTION_NOTE] = POLICY_ACCEPT,
		[ACTION_DOUBT] = POLICY_ACCEPT,
		[ACTION_DEFER] = POLICY_DEFER,
		[ACTION_REFUSE] = POLICY_REFUSE,
		[ACTION_JUNK] = POLICY_JUNK };
	const char *name = is_helo ? "spf-helo" : "spf-mailfrom";
	struct scene scene = good_scene();
	struct reply reply;

	scene.config.spf_mailfrom_fail = ACTION_OFF;
	*action_for(&scene.config, is_helo, result) = action;
	if (is_helo)
		scene.sender.spf.helo = result;
	else
		scene.sender.spf.mailfrom = result;
	/* The other identity's result has no action. */
	if (result == SPF_PASS)
		*action_for(&scene.config, !is_helo, SPF_PASS) = ACTION_OFF;
	struct policy_verdict verdict = judge(&scene, POLICY_SENDER, &reply);
	assert_int_equal(verdict.answer, answers[action]);
	assert_string_equal(verdict.because, action <= ACTION_NOTE ? "" : name);
	if (action == ACTION_REFUSE)
		assert_int_equal(reply.id, is_helo ? REPLY_SPF_HELO_REFUSED : REPLY_SPF_REFUSED);
	if (action == ACTION_DEFER)
		assert_int_equal(reply.id, REPLY_SPF_DEFERRED);
}

static void
each_spf_result_has_its_action(void **unused)
{
	(void)unused;
	for (unsigned result = 0; result < SPF_RESULT_COUNT; result++)
		for (unsigned action = ACTION_OFF; action <= ACTION_JUNK; action++) {
			assert_action(false, (enum spf_result)result, (enum action)action);
			assert_action(true, (enum spf_result)result, (enum action)action);
		}
}

static void
who_is_exempt_from_spf(void **unused)
{
	struct scene scene = good_scene();

	(void)unused;
	scene.sender.spf.mailfrom = SPF_FAIL;
	assert_judged(&scene, POLICY_SENDER, POLICY_REFUSE, REPLY_SPF_REFUSED);
	scene.client.is_loopback = true;
	assert_judged(&scene, POLICY_SENDER, POLICY_ACCEPT, REPLY_NONE);
	scene.client = (struct client_facts){ .is_trusted = true };
	assert_judged(&scene, POLICY_SENDER, POLICY_ACCEPT, REPLY_NONE);
	scene.client = (struct client_facts){ .is_forwarder = true };
	assert_judged(&scene, POLICY_SENDER, POLICY_ACCEPT, REPLY_NONE);
	scene.client = (struct client_facts){ 0 };
	scene.recipient.is_postmaster = true;
	assert_judged(&scene, POLICY_SENDER, POLICY_ACCEPT, REPLY_NONE);
	scene.recipient.is_postmaster = false;
	scene.sender.spf.state = FACT_NOT_ASKED;
	assert_judged(&scene, POLICY_SENDER, POLICY_ACCEPT, REPLY_NONE);
}

static void
an_explanation_is_passed_on(void **unused)
{
	struct scene scene = good_scene();
	struct reply reply;

	(void)unused;
	scene.sender.spf.mailfrom = SPF_FAIL;
	scene.sender.spf.explanation = SPAN("Ask us.");
	assert_int_equal(judge(&scene, POLICY_SENDER, &reply).answer, POLICY_REFUSE);
	assert_int_equal(reply.id, REPLY_SPF_EXPLAINED);
	assert_true(span_equal(reply.details[0], SPAN("c.example")));
	assert_true(span_equal(reply.details[1], SPAN("192.0.2.1")));
	assert_true(span_equal(reply.details[2], SPAN("Ask us.")));
	/* The null sender has no domain but the HELO name. */
	scene.sender.address = span_make("", 0);
	(void)judge(&scene, POLICY_SENDER, &reply);
	assert_true(span_equal(reply.details[0], SPAN("client.example")));
}

static void
the_resolver_is_down(void **unused)
{
	struct scene scene = good_scene();

	(void)unused;
	facts_spf_unknown(&scene.sender.spf);
	assert_judged(&scene, POLICY_SENDER, POLICY_DEFER, REPLY_RESOLVER_DOWN);
	scene.client.is_trusted = true;
	assert_judged(&scene, POLICY_SENDER, POLICY_ACCEPT, REPLY_NONE);
	scene.client.is_trusted = false;
	scene.config.resolver_down = RESOLVER_DOWN_ACCEPT;
	assert_judged(&scene, POLICY_SENDER, POLICY_ACCEPT, REPLY_NONE);
}

static void
names_of_forwarders(void **unused)
{
	static const char *entries[] = { "mx.one.example", ".two.example", "198.51.100.0/24" };
	struct config config = { .forwarders = { 3, entries } };
	static const struct {
		const char *name;
		bool is_forwarder;
	} cases[] = { { "mx.one.example", true }, { "MX.ONE.example", true }, { "a.mx.one.example", false },
		{ "a.two.example", true }, { "two.example", false }, { "atwo.example", false } };

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct client_facts client = { .name_state = FACT_ASKED };

		assert_true(facts_client_awaits_name(&config, &client));
		facts_client_name(&config, IPREV_CONFIRMED, span_of(cases[i].name), &client);
		assert_int_equal(client.is_forwarder, cases[i].is_forwarder);
		assert_false(facts_client_awaits_name(&config, &client));
		/* A name that does not lead back is nobody's. */
		client = (struct client_facts){ .name_state = FACT_ASKED };
		facts_client_name(&config, IPREV_MISMATCH, span_of(cases[i].name), &client);
		assert_false(client.is_forwarder);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_spf_result_has_its_action),
		cmocka_unit_test(who_is_exempt_from_spf),
		cmocka_unit_test(an_explanation_is_passed_on),
		cmocka_unit_test(the_resolver_is_down),
		cmocka_unit_test(names_of_forwarders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
