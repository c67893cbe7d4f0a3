/* PRDR in a session: who is answered for itself, with what, in which order, and what ends the message for all.
 * On failure: cmocka names the line.
 */
#include "smtpd/prdr.h"
#include "tests/unit/smtpd/replies.h"

#define FOLLOWS "353 A reply to each recipient follows, in the order of RCPT, then one to all\r\n"
#define DELIVERED_TO(name) "250 2.0.0 Delivered to " name "@example.org\r\n"
#define BEFORE_TO(name) "250 2.0.0 Delivered to " name "@example.org by an earlier attempt\r\n"
#define NO_ROOM "452 4.3.1 There is no room for the message now; try again later\r\n"
#define TROUBLE "451 4.3.0 Delivery does not work now; try again later\r\n"
#define LATE "451 4.3.0 Delivery took too long and was taken back; try again later\r\n"
#define BEFORE "250 2.0.0 Delivered by an earlier attempt; 65a0000000000001-1\r\n"
#define SOME "250 2.0.0 Delivered to some of the recipients; 65a0000000000001-1\r\n"
#define NOBODY "451 4.3.0 Delivered to nobody, as the replies to the recipients say; try again later\r\n"
#define MESSAGE "Subject: x\r\n\r\ny\r\n"

enum how { BY_DATA, BY_BDAT, HOWS };

/* A session with these recipients (names at example.org, up to a NULL) after MAIL with this parameter. */
static struct fixture *
with_recipients(const char *parameter, const char *const *names)
{
	struct fixture *fixture = fixture_new();
	char line[128];

	fixture_connect(fixture, "127.0.0.1");
	(void)snprintf(line, sizeof line, "EHLO c.example\r\nMAIL FROM:<s@c.example>%s\r\n", parameter);
	(void)fixture_talk(fixture, line);
	for (size_t i = 0; names[i]; i++) {
		(void)snprintf(line, sizeof line, "RCPT TO:<%s@example.org>\r\n", names[i]);
		(void)fixture_talk(fixture, line);
	}
	return fixture;
}

static const char *const three[] = { "alice", "bob", "carol", NULL };

/* Sends the message, and what else there is in the same write; then nothing is said before deliver has answered. */
static void
send_message(struct fixture *fixture, enum how how, const char *behind)
{
	char text[256];

	if (how == BY_DATA) {
		assert_string_equal(fixture_talk(fixture, "DATA\r\n"), GO_AHEAD);
		(void)snprintf(text, sizeof text, MESSAGE ".\r\n%s", behind);
	} else {
		(void)snprintf(text, sizeof text, "BDAT %zu LAST\r\n" MESSAGE "%s", sizeof MESSAGE - 1, behind);
	}
	fixture_send(fixture, span_of(text));
	assert_int_equal(fixture->session.wait, WAIT_COMMIT);
	assert_string_equal(fixture_heard(fixture), "");
}

static bool
say_each(struct fixture *fixture, enum commit_outcome best, const char *outcomes, size_t count, uint32_t receipt)
{
	return fixture_say_outcomes(fixture, best, span_make(outcomes, count), receipt);
}

static void
each_hears_its_own_reply_in_order(void **unused)
{
	static const char outcomes[] = { COMMIT_DONE, COMMIT_NO_ROOM, COMMIT_DONE_BEFORE };

	(void)unused;
	for (enum how how = BY_DATA; how < HOWS; how++) {
		struct fixture *fixture = with_recipients(" PRDR", three);

		send_message(fixture, how, "QUIT\r\n");
		assert_true(fixture->commit_is_each);
		assert_true(say_each(fixture, COMMIT_DONE, outcomes, 3, 5));
		assert_string_equal(
		    fixture_heard(fixture), FOLLOWS DELIVERED_TO("alice") NO_ROOM BEFORE_TO("carol") SOME GOODBYE);
		assert_int_equal(fixture->session.messages, 1);
		assert_int_equal(fixture->session.refusals, 1);
		/* One receipt for those who have it. */
		session_input_ended(&fixture->session, true);
		assert_int_equal(fixture->settled_count, 1);
		assert_int_equal(fixture->settled[0], 5);
		fixture_free(fixture);
	}
}

static void
the_last_reply_sums_up(void **unused)
{
	static const struct {
		char outcomes[3];
		enum commit_outcome best;
		const char *heard;
	} cases[] = {
		{ { COMMIT_DONE, COMMIT_DONE, COMMIT_DONE }, COMMIT_DONE,
		    FOLLOWS DELIVERED_TO("alice") DELIVERED_TO("bob") DELIVERED_TO("carol") DELIVERED },
		{ { COMMIT_DONE_BEFORE, COMMIT_DONE_BEFORE, COMMIT_DONE_BEFORE }, COMMIT_DONE_BEFORE,
		    FOLLOWS BEFORE_TO("alice") BEFORE_TO("bob") BEFORE_TO("carol") BEFORE },
		{ { COMMIT_TROUBLE, COMMIT_TROUBLE, COMMIT_DONE_BEFORE }, COMMIT_DONE_BEFORE,
		    FOLLOWS TROUBLE TROUBLE BEFORE_TO("carol") SOME },
		{ { COMMIT_TROUBLE, COMMIT_NO_ROOM, COMMIT_TROUBLE }, COMMIT_NO_ROOM,
		    FOLLOWS TROUBLE NO_ROOM TROUBLE NOBODY },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *fixture = with_recipients(" PRDR", three);
		bool is_good = cases[i].best <= COMMIT_DONE_BEFORE;

		send_message(fixture, BY_DATA, "");
		assert_true(say_each(fixture, cases[i].best, cases[i].outcomes, 3, is_good ? 5 : 0));
		assert_string_equal(fixture_heard(fixture), cases[i].heard);
		assert_int_equal(fixture->session.state, SESSION_READY);
		assert_int_equal(fixture->session.messages, is_good ? 1 : 0);
		fixture_free(fixture);
	}
}

/* No outcome of a commit is refused for good yet; the rule holds all the same. */
static void
the_last_reply_follows_the_rule(void **unused)
{
	static const struct {
		struct prdr_tally tally;
		unsigned code;
	} cases[] = {
		{ { 1, 0, 2 }, 250 },
		{ { 1, 2, 0 }, 250 },
		{ { 0, 1, 2 }, 451 },
		{ { 0, 3, 0 }, 451 },
		{ { 0, 0, 3 }, 550 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(reply_code(prdr_final(&cases[i].tally)), cases[i].code);
}

static void
one_recipient_or_no_prdr_is_as_ever(void **unused)
{
	static const char *const one[] = { "alice", "nobody", NULL };
	static const struct {
		const char *parameter;
		const char *const *names;
	} cases[] = { { " PRDR", one }, { "", three }, { " BODY=8BITMIME", three } };

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *fixture = with_recipients(cases[i].parameter, cases[i].names);

		send_message(fixture, BY_BDAT, "");
		assert_false(fixture->commit_is_each);
		assert_true(fixture_say_commit(fixture, COMMIT_DONE, 5));
		assert_string_equal(fixture_heard(fixture), DELIVERED);
		fixture_free(fixture);
	}
}

static void
a_verdict_about_the_message_is_one_reply(void **unused)
{
	struct fixture *fixture = with_recipients(" PRDR", three);

	(void)unused;
	/* About its text. */
	assert_string_equal(fixture_talk(fixture, "DATA\r\na\nb\r\n.\r\n"), GO_AHEAD
	    "550 5.6.11 There is a bare CR or LF in line 1 of the message; correct the client to send CRLF\r\n");
	fixture_free(fixture);
	/* What deliver says of the whole. */
	fixture = with_recipients(" PRDR", three);
	send_message(fixture, BY_BDAT, "");
	assert_true(fixture_say_commit(fixture, COMMIT_LATE, 0));
	assert_string_equal(fixture_heard(fixture), LATE);
	fixture_free(fixture);
	/* Deliver is gone, or was not there. */
	fixture = with_recipients(" PRDR", three);
	send_message(fixture, BY_DATA, "");
	session_neighbour_gone(&fixture->session, ROLE_DELIVER);
	assert_string_equal(fixture_heard(fixture), TROUBLE);
	fixture_free(fixture);
	/* It took too long. */
	fixture = with_recipients(" PRDR", three);
	send_message(fixture, BY_DATA, "");
	fixture->gives_up = true;
	fixture_pass(fixture, 60000);
	assert_string_equal(fixture_heard(fixture), LATE);
	fixture_free(fixture);
}

static void
outcomes_that_do_not_fit_are_out_of_phase(void **unused)
{
	static const struct {
		const char *parameter;
		enum commit_outcome outcome;
		size_t count;
		char outcomes[4];
	} cases[] = {
		{ "", COMMIT_DONE, 3, { COMMIT_DONE, COMMIT_DONE, COMMIT_DONE } },
		{ " PRDR", COMMIT_DONE, 0, { 0 } },
		{ " PRDR", COMMIT_DONE_BEFORE, 0, { 0 } },
		{ " PRDR", COMMIT_DONE, 2, { COMMIT_DONE, COMMIT_DONE } },
		{ " PRDR", COMMIT_DONE, 4, { COMMIT_DONE, COMMIT_DONE, COMMIT_DONE, COMMIT_DONE } },
		{ " PRDR", COMMIT_DONE, 3, { COMMIT_DONE, COMMIT_REFUSED + 1, COMMIT_DONE } },
		{ " PRDR", COMMIT_DONE, 3, { COMMIT_TROUBLE, COMMIT_NO_ROOM, COMMIT_TROUBLE } },
		{ " PRDR", COMMIT_TROUBLE, 3, { COMMIT_TROUBLE, COMMIT_DONE, COMMIT_TROUBLE } },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *fixture = with_recipients(cases[i].parameter, three);

		send_message(fixture, BY_DATA, "");
		assert_false(say_each(fixture, cases[i].outcome, cases[i].outcomes, cases[i].count, 5));
		assert_string_equal(fixture_heard(fixture), "");
		fixture_free(fixture);
	}
}

/* The client cannot tell who has it: all of it will come again, and be delivered to nobody twice. */
static void
nothing_is_said_after_a_reply_that_has_no_room(void **unused)
{
	static const char *const names[] = { "a-name-that-is-so-long-that-a-reply-with-it-is-longer", "bob", NULL };
	static const char outcomes[] = { COMMIT_DONE, COMMIT_DONE };
	struct fixture *fixture = with_recipients(" PRDR", names);

	(void)unused;
	send_message(fixture, BY_DATA, "NOOP\r\n");
	fixture->world.out.limit_bytes = sizeof FOLLOWS;
	assert_true(say_each(fixture, COMMIT_DONE, outcomes, 2, 5));
	assert_string_equal(fixture_heard(fixture), FOLLOWS);
	assert_true(fixture->session.is_overdue);
	assert_int_equal(fixture->settled_count, 0);
	fixture_free(fixture);
}

static void
the_parameter_is_offered_and_checked(void **unused)
{
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture_connect(fixture, "127.0.0.1");
	assert_non_null(strstr(fixture_talk(fixture, "EHLO c.example\r\n"), "PRDR\r\n"));
	assert_non_null(
	    strstr(fixture_talk(fixture, "MAIL FROM:<s@c.example> PRDR=yes\r\n"), "501 5.5.4 Parameter PRDR=yes "));
	assert_non_null(
	    strstr(fixture_talk(fixture, "MAIL FROM:<s@c.example> PRDR prdr\r\n"), "501 5.5.4 Parameter prdr "));
	assert_string_equal(fixture_talk(fixture, "MAIL FROM:<s@c.example> SIZE=9 prdr\r\n"), SENDER);
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hears_its_own_reply_in_order),
		cmocka_unit_test(the_last_reply_sums_up),
		cmocka_unit_test(the_last_reply_follows_the_rule),
		cmocka_unit_test(one_recipient_or_no_prdr_is_as_ever),
		cmocka_unit_test(a_verdict_about_the_message_is_one_reply),
		cmocka_unit_test(outcomes_that_do_not_fit_are_out_of_phase),
		cmocka_unit_test(nothing_is_said_after_a_reply_that_has_no_room),
		cmocka_unit_test(the_parameter_is_offered_and_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
