/* Sessions with BDAT: what is said to it, and the states in which it may come.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_BDAT_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_BDAT_FIXTURE_H

#include "tests/unit/smtpd/replies.h"

#define TAKEN(octets) "250 2.0.0 " octets " octets taken\r\n"
#define UNWANTED                                                                                                       \
	"503 5.5.1 No message takes this chunk: no recipient was accepted, or an earlier chunk was refused; send "     \
	"RSET\r\n"

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
