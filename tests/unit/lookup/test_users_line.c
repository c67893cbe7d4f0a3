/* Lines of the users file: who is named, what counts as a hash, and which hashes take the same work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lookup/users_line.h"

#define YESCRYPT "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
#define BCRYPT "$2b$12$abcdefghijklmnopqrstuuN7Yd0yS0JtQe1s5QHnQ1F3S5c3mOQ8K2"
#define SHA512 "$6$rounds=5000$usesomesillystri$D4IrlXatmP7rx3P3InaxBeoomnAihCKRVQAr/36eYVQ"

static enum users_line_kind
parse(const char *text, struct users_line *line)
{
	return users_line_parse(span_of(text), false, line);
}

static void
test_users(void **state)
{
	static const struct {
		const char *text;
		const char *address;
		const char *hash;
	} good[] = { { "alice@example.org:" YESCRYPT, "alice@example.org", YESCRYPT },
		{ "  Alice@Example.ORG : " BCRYPT " \r", "alice@example.org", BCRYPT },
		{ "\"a:b\"@example.org:" SHA512, "\"a:b\"@example.org", SHA512 },
		{ "des@example.org:rl0CHoNZfYCXY", "des@example.org", "rl0CHoNZfYCXY" } };
	struct users_line line;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(parse(good[i].text, &line), USERS_LINE_USER);
		assert_true(span_equal(mail_address_span(&line.address), span_of(good[i].address)));
		assert_true(span_equal(line.hash, span_of(good[i].hash)));
	}
}

static void
test_empty_and_closed(void **state)
{
	struct users_line line;

	(void)state;
	assert_int_equal(parse("", &line), USERS_LINE_EMPTY);
	assert_int_equal(parse(" \t", &line), USERS_LINE_EMPTY);
	assert_int_equal(parse("\r", &line), USERS_LINE_EMPTY);
	assert_int_equal(parse("# alice@example.org:x", &line), USERS_LINE_EMPTY);
	assert_int_equal(parse("alice@example.org:!" YESCRYPT, &line), USERS_LINE_CLOSED);
	assert_int_equal(parse("alice@example.org:*", &line), USERS_LINE_CLOSED);
}

static void
test_wrong(void **state)
{
	static const char *const wrong[] = { "alice@example.org", "alice:" YESCRYPT, ":" YESCRYPT,
		"alice@example.org:", "alice@example.org:secret", "alice@example.org:$z$unknown$method",
		"alice@example.org:$y$j9T$a b$c", "alice@example.org:{PLAIN}secret", "a b@example.org:" YESCRYPT,
		"alice@example.org:$6$\xc3\xa4$x", "a@example.org:b@example.org" };
	struct users_line line;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(parse(wrong[i], &line), USERS_LINE_WRONG);
		assert_non_null(line.problem);
	}
}

static void
test_too_long(void **state)
{
	static char text[4096];
	struct users_line line;

	(void)state;
	memcpy(text, "a@example.org:$6$", 17);
	memset(text + 17, 'x', sizeof text - 18);
	assert_int_equal(parse(text, &line), USERS_LINE_WRONG);
	text[14 + USERS_HASH_BYTES + 1] = '\0';
	assert_int_equal(parse(text, &line), USERS_LINE_WRONG);
	text[14 + USERS_HASH_BYTES] = '\0';
	assert_int_equal(parse(text, &line), USERS_LINE_USER);
}

static void
test_class(void **state)
{
	static const struct {
		const char *hash;
		const char *class;
	} classes[] = { { YESCRYPT, "$y$j9T" }, { BCRYPT, "$2b$12" }, { SHA512, "$6$rounds=5000" },
		{ "$6$salt$hash", "$6" }, { "$7$CU..../....salt$hash", "$7$CU..../...." }, { "rl0CHoNZfYCXY", "" },
		{ "$", "" }, { "$2", "" }, { "", "" } };

	(void)state;
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		assert_true(span_equal(users_hash_class(span_of(classes[i].hash)), span_of(classes[i].class)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_empty_and_closed),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
