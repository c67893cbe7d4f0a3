/* A house with a mailroom in it, and who gets mail there.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#ifndef TIDEGATE_TESTS_UNIT_DELIVER_COMMIT_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_DELIVER_COMMIT_FIXTURE_H

#include "tests/unit/deliver/mailroom.h"

static const char *const alice[] = { "alice", NULL };
static const char *const alice_and_bob[] = { "alice", "bob", NULL };

struct test {
	struct house house;
	struct mailroom room;
};

static inline int
set_up(void **state)
{
	static struct test test;

	house_build(&test.house);
	mailroom_open(&test.room, &test.house, 1);
	*state = &test;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct test *test = *state;

	mailroom_close(&test->room);
	house_tear_down(&test->house);
	return 0;
}

#endif
