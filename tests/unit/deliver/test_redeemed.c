/* Tests of deliver/redeemed.c: each mailbox once, and who stands or falls together.
 *
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "deliver/redeemed.h"

enum { MAILBOXES_MAX = 64 };

/* Forms the mailboxes of these handles: each string names a recipient's mailboxes, a letter each. */
static struct redeemed
form(struct arena *arena, const char *const *handles)
{
	static char names[256][2];
	struct candidate candidates[MAILBOXES_MAX];
	struct redeemed out = { 0 };
	size_t count = 0;
	unsigned handle;

	for (handle = 0; handles[handle]; handle++) {
		for (const char *letter = handles[handle]; *letter; letter++) {
			char *name = names[(unsigned char)*letter];

			name[0] = *letter;
			assert_true(count < MAILBOXES_MAX);
			candidates[count] = (struct candidate){ { .path = name }, handle, count };
			count++;
		}
	}
	assert_true(redeemed_form(arena, candidates, count, handle, &out));
	assert_int_equal(out.handle_count, handle);
	return out;
}

/* The mailboxes in order, each a letter with its party's digit. */
static void
check_mailboxes(const struct redeemed *redeemed, const char *expected)
{
	char text[2 * MAILBOXES_MAX + 1];
	size_t length = 0;

	for (size_t i = 0; i < redeemed->count; i++) {
		text[length++] = redeemed->destinations[i].path[0];
		text[length++] = (char)('0' + redeemed->destinations[i].party);
	}
	text[length] = '\0';
	assert_string_equal(text, expected);
}

static void
check_parties(const struct redeemed *redeemed, const char *expected, unsigned count)
{
	char text[MAILBOXES_MAX + 1] = "";

	for (size_t i = 0; i < redeemed->handle_count; i++)
		text[i] = (char)('0' + redeemed->parties[i]);
	assert_string_equal(text, expected);
	assert_int_equal(redeemed->party_count, count);
}

static void
those_that_share_nothing_stand_alone(void **state)
{
	static const char *const handles[] = { "c", "ab", "d", NULL };
	struct arena arena = ARENA_LIMIT(1 << 16);
	struct redeemed redeemed = form(&arena, handles);

	(void)state;
	check_mailboxes(&redeemed, "c0a1b1d2");
	check_parties(&redeemed, "012", 3);
	arena_reset(&arena);
}

static void
those_that_share_a_mailbox_stand_together(void **state)
{
	static const char *const handles[] = { "a", "b", "ac", "d", "a", NULL };
	struct arena arena = ARENA_LIMIT(1 << 16);
	struct redeemed redeemed = form(&arena, handles);

	(void)state;
	check_mailboxes(&redeemed, "a0b1c0d2");
	check_parties(&redeemed, "01020", 3);
	arena_reset(&arena);
}

/* The first two share nothing with each other, but both with the last. */
static void
others_join_those_that_would_stand_alone(void **state)
{
	static const char *const handles[] = { "x", "ay", "bz", "x", "ab", "c", "bc", NULL };
	struct arena arena = ARENA_LIMIT(1 << 16);
	struct redeemed redeemed = form(&arena, handles);

	(void)state;
	check_mailboxes(&redeemed, "x0a1y1b1z1c1");
	check_parties(&redeemed, "0110111", 2);
	arena_reset(&arena);
}

static void
a_mailbox_twice_in_one_alias_is_one(void **state)
{
	static const char *const handles[] = { "aba", NULL };
	struct arena arena = ARENA_LIMIT(1 << 16);
	struct redeemed redeemed = form(&arena, handles);

	(void)state;
	check_mailboxes(&redeemed, "a0b0");
	check_parties(&redeemed, "0", 1);
	arena_reset(&arena);
}

static void
without_memory_nothing_is_formed(void **state)
{
	struct arena arena = ARENA_LIMIT(1);
	struct candidate candidate = { { .path = "a" }, 0, 0 };
	struct redeemed out = { 0 };

	(void)state;
	assert_false(redeemed_form(&arena, &candidate, 1, 1, &out));
	assert_int_equal(out.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_share_nothing_stand_alone),
		cmocka_unit_test(those_that_share_a_mailbox_stand_together),
		cmocka_unit_test(others_join_those_that_would_stand_alone),
		cmocka_unit_test(a_mailbox_twice_in_one_alias_is_one),
		cmocka_unit_test(without_memory_nothing_is_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
