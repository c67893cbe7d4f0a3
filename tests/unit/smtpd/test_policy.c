/* smtpd/policy: senders, recipients, users, texts and commits, fact by fact.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/policy_fixture.h"

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
	/* With words of the map's own for it. */
	scene.recipient.text = SPAN("Moved; ask bob@example.org");
	scene.recipient.verdict = MAP_REFUSE;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_REFUSE, REPLY_CLOSED_IN_WORDS);
	scene.recipient.verdict = MAP_DEFER;
	assert_judged(&scene, POLICY_RECIPIENT, POLICY_DEFER, REPLY_DEFERRED_IN_WORDS);
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

/* Somebody may stay a user when his address has become another one's. */
static void
a_mailbox_that_is_not_the_users_own(void **unused)
{
	const struct span bob = SPAN("bob@example.org");
	static struct map_result found = { .verdict = MAP_DELIVER, .count = 1 };
	struct map_mailbox mailbox;

	(void)unused;
	/* An alias. */
	found.key = bob;
	found.mailboxes[0] = (struct map_mailbox){ .address = SPAN("alice@example.org"), .path = SPAN("alice") };
	assert_false(facts_user_mailbox(bob, &found, &mailbox));
	/* A catch-all. */
	found.key = SPAN("*@example.org");
	found.mailboxes[0].address = bob;
	assert_false(facts_user_mailbox(bob, &found, &mailbox));
	/* What stands before a "+", or the postmaster's place. */
	found.key = SPAN("alice@example.org");
	found.mailboxes[0].address = found.key;
	assert_false(facts_user_mailbox(bob, &found, &mailbox));
}

static void
whose_an_address_is(void **unused)
{
	const struct span alice = SPAN("alice@example.org");
	static struct map_result found = { .verdict = MAP_DELIVER, .key = SPAN("alice@example.org"), .count = 1 };
	struct map_mailbox own = { .address = alice, .root = 1, .path = SPAN("example.org/alice") };
	struct map_mailbox mailbox;

	(void)unused;
	found.mailboxes[0] = own;
	assert_true(facts_user_mailbox(alice, &found, &mailbox));
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_HIS_OWN);
	assert_int_equal(facts_ownership(NULL, &found), OWNERSHIP_OF_OTHERS);
	found.mailboxes[0].root = 0;
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	found.mailboxes[0] = (struct map_mailbox){ .root = 1, .path = SPAN("example.org/bob") };
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	/* Both of them get its mail. */
	found.mailboxes[1] = own;
	found.count = 2;
	assert_false(facts_user_mailbox(alice, &found, &mailbox));
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	found.count = 1;
	for (unsigned verdict = MAP_REFUSE; verdict < MAP_BROKEN; verdict++) {
		found.verdict = (enum map_verdict)verdict;
		assert_false(facts_user_mailbox(alice, &found, &mailbox));
		assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	}
	found.verdict = MAP_BROKEN;
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_UNKNOWN);
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
		cmocka_unit_test(a_mailbox_that_is_not_the_users_own),
		cmocka_unit_test(whose_an_address_is),
		cmocka_unit_test(probes_and_commits),
		cmocka_unit_test(the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
