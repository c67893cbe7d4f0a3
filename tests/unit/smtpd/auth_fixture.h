/* Sessions of users: a listener for them, and alice, who can log in.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_AUTH_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_AUTH_FIXTURE_H

#include "tests/unit/smtpd/replies.h"

/* NUL alice@example.org NUL secret */
#define ALICE "AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA=="
#define LOGGED_IN "235 2.7.0 Logged in\r\n"

/* A client on a listener for users, that has said EHLO. */
static inline struct fixture *
on_submission(void)
{
	struct fixture *fixture = fixture_new();

	fixture->config.max_errors = 100;
	fixture_connect_secure(fixture, "192.0.2.7");
	(void)fixture_say_name(fixture, IPREV_NONE, "");
	(void)fixture_talk(fixture, "EHLO client.example\r\n");
	assert_int_equal(fixture->session.state, SESSION_READY);
	return fixture;
}

#endif
