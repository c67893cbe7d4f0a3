/* What a session answers, as its tests expect it: each text once.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_REPLIES_H
#define TIDEGATE_TESTS_UNIT_SMTPD_REPLIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/smtpd/session_fixture.h"

/* The client sends lines, all questions are answered well, and it hears exactly this. */
#define assert_heard(fixture, text, expected) assert_string_equal(fixture_talk(fixture, text), expected)

#define GREETING "220 mx.example.org ESMTP\r\n"
#define SENDER "250 2.1.0 Sender taken\r\n"
#define RECIPIENT "250 2.1.5 Recipient taken\r\n"
#define GO_AHEAD "354 Send the message and end it with a line holding only a dot\r\n"
#define DELIVERED "250 2.0.0 Delivered; 65a0000000000001-1\r\n"
#define RESET "250 2.0.0 Reset\r\n"
#define NOOP "250 2.0.0 Nothing done\r\n"
#define GOODBYE "221 2.0.0 mx.example.org closes the connection\r\n"
#define OUT_OF_ORDER "503 5.5.1 This command is out of order here; the order is EHLO, MAIL, RCPT, DATA\r\n"
#define TIMED_OUT "421 4.4.2 Waited too long for your next line; connect again\r\n"
#define DRAINING "421 4.3.2 mx.example.org is being stopped or restarted; connect again in a minute\r\n"

#endif
