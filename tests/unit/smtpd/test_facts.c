/* smtpd/facts: whose a mailbox is, and which senders are its user's.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/facts.h"

#define ALICE SPAN("alice@example.org")

/* What the map says of an address that goes into one mailbox. */
static struct map_result
one_mailbox(struct span key, struct span address, unsigned root, struct span path)
{
	struct map_result found = { .verdict = MAP_DELIVER, .key = key, .count = 1 };

	found.mailboxes[0] = (struct map_mailbox){ .address = address, .root = root, .path = path };
	return found;
}

static struct map_result
alice(void)
{
	return one_mailbox(ALICE, ALICE, 0, SPAN("example.org/alice"));
}

static void
a_users_mailbox_has_his_own_name(void **unused)
{
	struct map_result found = alice();
	struct map_mailbox mailbox;

	(void)unused;
	assert_true(facts_user_mailbox(ALICE, &found, &mailbox));
	assert_true(span_equal(mailbox.path, SPAN("example.org/alice")));
	found.count = 2;
	assert_false(facts_user_mailbox(ALICE, &found, &mailbox));
	found = alice();
	found.verdict = MAP_REFUSE;
	assert_false(facts_user_mailbox(ALICE, &found, &mailbox));
	/* An alias has none, and neither has who is found without what stands behind the "+". */
	found = one_mailbox(SPAN("info@example.org"), ALICE, 0, SPAN("example.org/alice"));
	assert_false(facts_user_mailbox(SPAN("info@example.org"), &found, &mailbox));
	found = alice();
	assert_false(facts_user_mailbox(SPAN("alice+x@example.org"), &found, &mailbox));
	/* The mailbox of a catch-all is everybody's, though it bears the name that was asked for. */
	found = one_mailbox(SPAN("*@example.net"), SPAN("x@example.net"), 0, SPAN("example.net/any"));
	assert_false(facts_user_mailbox(SPAN("x@example.net"), &found, &mailbox));
}

static void
a_sender_is_his_whose_mailbox_alone_gets_the_answers(void **unused)
{
	struct map_result found = alice();
	const struct map_mailbox own = found.mailboxes[0];

	(void)unused;
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_HIS_OWN);
	assert_int_equal(facts_ownership(NULL, &found), OWNERSHIP_OF_OTHERS);
	found = one_mailbox(SPAN("info@example.org"), ALICE, 0, SPAN("example.org/alice"));
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_HIS_OWN);
	found.count = 2;
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	found = one_mailbox(SPAN("bob@example.org"), SPAN("bob@example.org"), 0, SPAN("example.org/bob"));
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	/* The same path below another root is another mailbox. */
	found = one_mailbox(SPAN("old@example.org"), SPAN("old@example.org"), 1, SPAN("example.org/alice"));
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	found = alice();
	found.verdict = MAP_UNKNOWN;
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_OF_OTHERS);
	found.verdict = MAP_BROKEN;
	assert_int_equal(facts_ownership(&own, &found), OWNERSHIP_UNKNOWN);
	assert_int_equal(facts_ownership(NULL, &found), OWNERSHIP_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_users_mailbox_has_his_own_name),
		cmocka_unit_test(a_sender_is_his_whose_mailbox_alone_gets_the_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
