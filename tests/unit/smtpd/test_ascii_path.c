/* What is ASCII asks neither libidn2 nor libunistring; and when those find no memory, the client hears a 4xx.
 *
 * The libraries' functions are replaced here, so that they can be counted and can fail.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <idn2.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include "lookup/mail_address.h"
#include "lookup/map_resolve.h"
#include "smtpd/address.h"
#include "smtpd/trace_header.h"
#include "tests/unit/smtpd/session_fixture.h"

static unsigned asked;

int
idn2_to_ascii_8z(const char *input, char **output, int flags)
{
	(void)input;
	(void)output;
	(void)flags;
	asked++;
	return IDN2_MALLOC;
}

uint8_t *
u8_tolower(const uint8_t *text, size_t length, const char *language, uninorm_t form, uint8_t *room, size_t *made)
{
	(void)text;
	(void)length;
	(void)language;
	(void)form;
	(void)room;
	(void)made;
	asked++;
	return NULL;
}

uint8_t *
u8_normalize(uninorm_t form, const uint8_t *text, size_t length, uint8_t *room, size_t *made)
{
	(void)form;
	(void)text;
	(void)length;
	(void)room;
	(void)made;
	asked++;
	return NULL;
}

int
u8_mbtoucr(ucs4_t *character, const uint8_t *text, size_t length)
{
	static int (*real)(ucs4_t *, const uint8_t *, size_t);

	asked++;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "u8_mbtoucr");
	assert_non_null(real);
	return real(character, text, length);
}

static const char *const addresses[] = { "alice@example.org", "ALICE+x.y@Mail.Example.ORG", "\"a b\\\"c\"@example.org",
	"a@xn--bcher-kva.example", "postmaster@[192.0.2.1]", "o'neil=x/y@_a.example" };

static void
addresses_ask_no_library(void **state)
{
	(void)state;
	asked = 0;
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		char room[MAIL_ADDRESS_BYTES];
		struct mail_address canonical;
		struct address address;

		assert_int_equal(address_parse_mailbox(span_of(addresses[i]), &address), ADDRESS_OK);
		assert_int_equal(mail_address_canonical(span_of(addresses[i]), i % 2, &canonical), MAIL_ADDRESS_OK);
		(void)mail_address_with_a_labels(span_of(addresses[i]), room);
	}
	assert_int_equal(asked, 0);
}

static void
a_session_asks_no_library(void **state)
{
	struct fixture *fixture = fixture_new();

	(void)state;
	asked = 0;
	fixture_connect(fixture, "192.0.2.1");
	fixture_send(fixture, SPAN("EHLO client.example\r\nMAIL FROM:<sender@client.example> SMTPUTF8 SIZE=10\r\n"
				   "RCPT TO:<nobody@example.org>\r\nRCPT TO:<alice@example.org>\r\n"));
	fixture_answer_well(fixture);
	fixture_send(fixture, SPAN("DATA\r\nSubject: \xc3\xbc\r\n\r\n\xff\r\n.\r\n"));
	fixture_answer_well(fixture);
	assert_non_null(strstr(fixture_heard(fixture), "250 2.0.0 Delivered"));
	fixture_free(fixture);
	assert_int_equal(asked, 0);
}

static enum map_find
find_nothing(void *context, struct span key)
{
	(void)context;
	(void)key;
	return MAP_FIND_NOTHING;
}

/* Never "there is no such user", which would be final. */
static void
no_memory_is_a_deferral(void **state)
{
	const struct map_rules rules = { .sub_address = "+", .hostname = SPAN("mx.example.org") };
	const struct map_finder finder = { find_nothing, find_nothing, NULL };
	struct fixture *fixture = fixture_new();
	bool is_role;

	(void)state;
	asked = 0;
	assert_int_equal(map_resolve(&rules, SPAN("a@b\xc3\xbc.example"), &finder, &is_role), MAP_FINDS_BROKEN);
	assert_int_equal(map_resolve(&rules, SPAN("\xc3\xbc@example.org"), &finder, &is_role), MAP_FINDS_BROKEN);
	assert_int_equal(map_resolve(&rules, SPAN("a@example.org"), &finder, &is_role), MAP_FINDS_FOREIGN);
	fixture_connect(fixture, "127.0.0.1");
	fixture_send(fixture, SPAN("EHLO client.example\r\n"));
	(void)fixture_heard(fixture);
	fixture_send(fixture, SPAN("MAIL FROM:<a@b\xc3\xbc.example> SMTPUTF8\r\n"));
	assert_memory_equal(fixture_heard(fixture), "451 4.3.0 ", 10);
	fixture_send(fixture, SPAN("MAIL FROM:<a@b.example> SMTPUTF8\r\nRCPT TO:<a@b\xc3\xbc.example>\r\n"));
	assert_non_null(strstr(fixture_heard(fixture), "451 4.3.0 "));
	fixture_free(fixture);
	assert_true(asked > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_ask_no_library),
		cmocka_unit_test(a_session_asks_no_library),
		cmocka_unit_test(no_memory_is_a_deferral),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
