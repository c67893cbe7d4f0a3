/* smtpd/policy: the whole table, fact by fact and action by action.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/policy.h"

/* A client from outside, a sender that SPF passes, a recipient at home, a small message, delivered. */
struct scene {
	struct config config;
	struct client_facts client;
	struct sender_facts sender;
	struct recipient_facts recipient;
	struct message_facts message;
	enum auth_verdict login;
};

static struct scene
good_scene(void)
{
	return (struct scene){ .config = { .hostname = "mx.example.org",
				   .spf_mailfrom_fail = ACTION_REFUSE,
				   .max_message_size = 1000,
				   .max_recipients = 100,
				   .max_received = 10 },
		.client = { .address = { .family = 4, .ip = { 192, 0, 2, 1 } }, .helo = SPAN("client.example") },
		.sender = { .address = SPAN("s@c.example"),
		    .domain = SPAN("c.example"),
		    .spf = { .state = FACT_KNOWN, .helo = SPF_PASS, .mailfrom = SPF_PASS } },
		.recipient = { .address = SPAN("alice@example.org"), .has_map = true, .verdict = MAP_DELIVER },
		.message = { .text_bytes = 1000, .received_fields = 10 } };
}

static struct policy_verdict
judge(const struct scene *scene, enum policy_stage stage, struct reply *reply)
{
	struct facts facts = { .client = &scene->client,
		.sender = &scene->sender,
		.recipient = &scene->recipient,
		.message = &scene->message,
		.login = scene->login };

	*reply = (struct reply){ .id = REPLY_NONE };
	return policy_judge(&facts, &scene->config, stage, reply);
}

static void
assert_judged(const struct scene *scene, enum policy_stage stage, enum policy_answer answer, enum reply_id id)
{
	struct reply reply;

	assert_int_equal(judge(scene, stage, &reply).answer, answer);
	assert_int_equal(reply.id, id);
	if (answer == POLICY_REFUSE)
		assert_int_equal(reply_code(id) / 100, 5);
	if (answer == POLICY_DEFER)
		assert_int_equal(reply_code(id) / 100, 4);
}

static void
a_good_scene_is_accepted_at_every_stage(void **unused)
{
	struct scene scene = good_scene();

	(void)unused;
	for (unsigned stage = POLICY_MAIL; stage <= POLICY_COMMIT; stage++)
		assert_judged(&scene, (enum policy_stage)stage, POLICY_ACCEPT, REPLY_NONE);
}

static void
size_is_judged_at_mail_and_after_the_text(void **unused)
{
	struct scene scene = good_scene();

	(void)unused;
	scene.sender.announced_bytes = 1000;
	assert_judged(&scene, POLICY_MAIL, POLICY_ACCEPT, REPLY_NONE);
	scene.sender.announced_bytes = 1001;
	assert_judged(&scene, POLICY_MAIL, POLICY_REFUSE, REPLY_ANNOUNCED_TOO_LARGE);
	scene.message.text_bytes = 1001;
	assert_judged(&scene, POLICY_TEXT, POLICY_REFUSE, REPLY_TOO_LARGE);
}

static void
map_verdicts(void **unused)
{
	static const struct {
		enum map_verdict verdict;
		enum policy_answer answer;
		enum reply_id reply;
	} cases[] = {
		{ MAP_DELIVER, POLICY_ACCEPT, REPLY_NONE },
		{ MAP_REFUSE, POLICY_REFUSE, REPLY_CLOSED_ADDRESS },
		{ MAP_DEFER, POLICY_DEFER, REPLY_DEFERRED_ADDRESS },
		{ MAP_UNKNOWN, POLICY_REFUSE, REPLY_UNKNOWN_USER },
		{ MAP_NOT_OURS, POLICY_REFUSE, REPLY_NOT_OURS },
		{ MAP_BROKEN, POLICY_DEFER, REPLY_MAP_BROKEN },
	};
	struct scene scene = good_scene();

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		scene.recipient.verdict = cases[i].verdict;
		assert_judged(&scene, POLICY_RECIPIENT, cases[i].answer, cases[i].reply);
		/* Nobody is exempt from these. */
		scene.recipient.is_postmaster = true;
		scene.client.is_loopback = true;
		assert_judged(&scene, POLICY_RECIPIENT, cases[i].answer, cases[i].reply);
	}
	scene.recipient.has_map = false;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_DEFER, REPLY_NO_MAP);
}

static void
recipients_are_counted(void **unused)
{
	struct scene scene = good_scene();

	(void)unused;
	scene.recipient.accepted_before = 99;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_ACCEPT, REPLY_NONE);
	scene.recipient.accepted_before = 100;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_DEFER, REPLY_TOO_MANY_RECIPIENTS);
	scene.sender.address = SPAN("");
	scene.recipient.accepted_before = 0;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_ACCEPT, REPLY_NONE);
	scene.recipient.accepted_before = 1;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_DEFER, REPLY_NULL_SENDER_AGAIN);
	/* An unknown address is told so even then. */
	scene.recipient.verdict = MAP_UNKNOWN;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_REFUSE, REPLY_UNKNOWN_USER);
}

/* A client on a listener for users. */
static struct scene
submission_scene(void)
{
	struct scene scene = good_scene();

	scene.client.role = LISTENER_SUBMISSION;
	scene.client.tls.is_on = true;
	return scene;
}

static void
who_may_log_in(void **unused)
{
	struct scene scene = submission_scene();

	(void)unused;
	assert_judged(&scene, POLICY_AUTH, POLICY_ACCEPT, REPLY_NONE);
	scene.client.tls.is_on = false;
	assert_judged(&scene, POLICY_AUTH, POLICY_REFUSE, REPLY_LOGIN_NEEDS_TLS);
	/* Not for trust, nor on loopback. */
	scene.client.is_loopback = scene.client.is_trusted = true;
	assert_judged(&scene, POLICY_AUTH, POLICY_REFUSE, REPLY_LOGIN_NEEDS_TLS);
	scene.client.tls.is_on = true;
	scene.client.user = SPAN("alice@example.org");
	assert_judged(&scene, POLICY_AUTH, POLICY_REFUSE, REPLY_LOGGED_IN_BEFORE);
	scene.client.user = SPAN("");
	scene.client.role = LISTENER_MX;
	assert_judged(&scene, POLICY_AUTH, POLICY_REFUSE, REPLY_NOT_IMPLEMENTED);
}

static void
what_auth_says(void **unused)
{
	struct scene scene = submission_scene();

	(void)unused;
	assert_judged(&scene, POLICY_LOGIN, POLICY_ACCEPT, REPLY_NONE);
	scene.login = AUTH_FAILED;
	assert_judged(&scene, POLICY_LOGIN, POLICY_REFUSE, REPLY_LOGIN_FAILED);
	scene.login = AUTH_BUSY;
	assert_judged(&scene, POLICY_LOGIN, POLICY_DEFER, REPLY_LOGIN_BUSY);
	scene.login = AUTH_TROUBLE;
	assert_judged(&scene, POLICY_LOGIN, POLICY_DEFER, REPLY_LOGIN_TROUBLE);
}

static void
users_send_as_themselves_and_to_us(void **unused)
{
	struct scene scene = submission_scene();

	(void)unused;
	assert_judged(&scene, POLICY_MAIL, POLICY_REFUSE, REPLY_LOGIN_NEEDED);
	scene.client.is_loopback = true;
	assert_judged(&scene, POLICY_MAIL, POLICY_REFUSE, REPLY_LOGIN_NEEDED);
	scene.client.is_loopback = false;
	scene.client.user = SPAN("alice@example.org");
	assert_judged(&scene, POLICY_MAIL, POLICY_ACCEPT, REPLY_NONE);
	scene.sender.ownership = OWNERSHIP_HIS_OWN;
	assert_judged(&scene, POLICY_MAIL, POLICY_ACCEPT, REPLY_NONE);
	scene.sender.ownership = OWNERSHIP_OF_OTHERS;
	assert_judged(&scene, POLICY_MAIL, POLICY_REFUSE, REPLY_NOT_YOUR_ADDRESS);
	scene.sender.ownership = OWNERSHIP_UNKNOWN;
	assert_judged(&scene, POLICY_MAIL, POLICY_DEFER, REPLY_NO_MAP);
	scene.recipient.verdict = MAP_NOT_OURS;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_REFUSE, REPLY_NOTHING_LEAVES);
	scene.recipient.verdict = MAP_UNKNOWN;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_REFUSE, REPLY_UNKNOWN_USER);
	/* Nothing of what SPF or the resolver says is about them. */
	scene.sender.spf.mailfrom = SPF_FAIL;
	scene.sender.spf.is_resolver_down = true;
	assert_judged(&scene, POLICY_SENDER, POLICY_ACCEPT, REPLY_NONE);
}

static void
whose_an_address_is(void **unused)
{
	static struct map_result found = { .verdict = MAP_DELIVER, .count = 1 };
	struct map_mailbox own = { .root = 1, .path = SPAN("example.org/alice") };
	struct map_mailbox mailbox;

	(void)unused;
	found.mailboxes[0] = own;
	assert_true(facts_user_mailbox(&found, &mailbox));
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_HIS_OWN);
	assert_int_equal(facts_ownership(NULL, &found), OWNERSHIP_OF_OTHERS);
	found.mailboxes[0].root = 0;
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	found.mailboxes[0] = (struct map_mailbox){ .root = 1, .path = SPAN("example.org/bob") };
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	/* Both of them get its mail. */
	found.mailboxes[1] = own;
	found.count = 2;
	assert_false(facts_user_mailbox(&found, &mailbox));
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	found.count = 1;
	for (unsigned verdict = MAP_REFUSE; verdict < MAP_BROKEN; verdict++) {
		found.verdict = (enum map_verdict)verdict;
		assert_false(facts_user_mailbox(&found, &mailbox));
		assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	}
	found.verdict = MAP_BROKEN;
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_UNKNOWN);
}

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
probes_and_commits(void **unused)
{
	struct scene scene = good_scene();

	(void)unused;
	for (unsigned verdict = PROBE_UNKNOWN; verdict <= PROBE_TROUBLE; verdict++) {
		struct reply reply;

		scene.recipient.probe = (enum probe_verdict)verdict;
		assert_int_equal(judge(&scene, POLICY_PROBE, &reply).answer, POLICY_DEFER);
	}
	scene.message.outcome = COMMIT_DONE_BEFORE;
	assert_judged(&scene, POLICY_COMMIT, POLICY_ACCEPT, REPLY_NONE);
	for (unsigned outcome = COMMIT_NO_ROOM; outcome <= COMMIT_REFUSED; outcome++) {
		struct reply reply;

		scene.message.outcome = (enum commit_outcome)outcome;
		assert_int_equal(judge(&scene, POLICY_COMMIT, &reply).answer, POLICY_DEFER);
	}
}

static void
the_text(void **unused)
{
	struct scene scene = good_scene();

	(void)unused;
	scene.message.nul_line = 3;
	scene.message.long_line = 4;
	assert_judged(&scene, POLICY_TEXT, POLICY_ACCEPT, REPLY_NONE);
	scene.config.strict_text = true;
	assert_judged(&scene, POLICY_TEXT, POLICY_REFUSE, REPLY_STRICT_NUL);
	scene.message.nul_line = 0;
	assert_judged(&scene, POLICY_TEXT, POLICY_REFUSE, REPLY_STRICT_LINE);
	scene.message.body = BODY_NO_ROOM;
	scene.message.long_line = 0;
	assert_judged(&scene, POLICY_TEXT, POLICY_DEFER, REPLY_SPOOL_FULL);
	scene.message.body = BODY_FAILED;
	assert_judged(&scene, POLICY_TEXT, POLICY_DEFER, REPLY_BODY_TROUBLE);
	scene.message.received_fields = 11;
	assert_judged(&scene, POLICY_TEXT, POLICY_REFUSE, REPLY_MAIL_LOOP);
	scene.message.text_bytes = 1001;
	assert_judged(&scene, POLICY_TEXT, POLICY_REFUSE, REPLY_TOO_LARGE);
	scene.message.bare_newline_line = 1;
	assert_judged(&scene, POLICY_TEXT, POLICY_REFUSE, REPLY_BARE_NEWLINE);
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
		cmocka_unit_test(a_good_scene_is_accepted_at_every_stage),
		cmocka_unit_test(size_is_judged_at_mail_and_after_the_text),
		cmocka_unit_test(map_verdicts),
		cmocka_unit_test(recipients_are_counted),
		cmocka_unit_test(who_may_log_in),
		cmocka_unit_test(what_auth_says),
		cmocka_unit_test(users_send_as_themselves_and_to_us),
		cmocka_unit_test(whose_an_address_is),
		cmocka_unit_test(each_spf_result_has_its_action),
		cmocka_unit_test(who_is_exempt_from_spf),
		cmocka_unit_test(an_explanation_is_passed_on),
		cmocka_unit_test(the_resolver_is_down),
		cmocka_unit_test(probes_and_commits),
		cmocka_unit_test(the_text),
		cmocka_unit_test(names_of_forwarders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
