/* Sessions with BDAT: what is said to it, and the states in which it may come.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_BDAT_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_BDAT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/smtpd/session_fixture.h"

#define assert_heard(fixture, text, expected) assert_string_equal(fixture_talk(fixture, text), expected)

#define DELIVERED "250 2.0.0 Delivered; 65a0000000000001-1\r\n"
#define TAKEN(octets) "250 2.0.0 " octets " octets taken\r\n"
#define UNWANTED                                                                                                       \
	"503 5.5.1 No message takes this chunk: no recipient was accepted, or an earlier chunk was refused; send "     \
	"RSET\r\n"
#define NOOP "250 2.0.0 Nothing done\r\n"
#define GOODBYE "221 2.0.0 mx.example.org closes the connection\r\n"

enum { STATES = SESSION_SPOILT + 1 };

static inline struct fixture *
in_state(enum session_state state)
{
	static const char *const lines[STATES] = {
		[SESSION_GREETED] = "",
		[SESSION_READY] = "EHLO client.example\r\n",
		[SESSION_MAIL] = "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\n",
		[SESSION_RCPT] = "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n",
		[SESSION_BDAT] = ("EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n"
				  "BDAT 3\r\na\r\n"),
		[SESSION_SPOILT] = "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nBDAT 3\r\na\r\n",
	};
	struct fixture *fixture = fixture_new();

	fixture_connect(fixture, "127.0.0.1");
	(void)fixture_talk(fixture, lines[state]);
	assert_int_equal(fixture->session.state, state);
	return fixture;
}

#endif
