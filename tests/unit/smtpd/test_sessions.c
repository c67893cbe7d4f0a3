/* smtpd/sessions: numbers find their connection and nobody else's, however often places are reused.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "smtpd/sessions.h"

struct conn {
	uint32_t id;
};

static void
an_old_number_finds_nobody(void **unused)
{
	struct sessions *sessions = sessions_new(sizeof(struct conn));
	uint32_t old;
	uint32_t now;

	(void)unused;
	assert_non_null(sessions_add(sessions, 1, &old));
	assert_null(sessions_add(sessions, 1, &now));
	sessions_remove(sessions, old);
	for (unsigned i = 0; i < 100000; i++) {
		struct conn *conn = sessions_add(sessions, 1, &now);

		assert_non_null(conn);
		assert_int_not_equal(now, 0);
		assert_int_not_equal(now, old);
		assert_null(sessions_find(sessions, old));
		assert_ptr_equal(sessions_find(sessions, now), conn);
		sessions_remove(sessions, now);
		assert_null(sessions_find(sessions, now));
	}
	assert_null(sessions_find(sessions, 0));
	assert_null(sessions_find(sessions, UINT32_MAX));
	sessions_free(sessions);
}

static void
visit(struct conn *conn, void *argument)
{
	struct sessions *sessions = argument;

	if (conn->id % 2)
		sessions_remove(sessions, conn->id);
}

static void
many_at_once(void **unused)
{
	enum { MANY = 5000 };
	struct sessions *sessions = sessions_new(sizeof(struct conn));
	static uint32_t ids[MANY];

	(void)unused;
	for (unsigned i = 0; i < MANY; i++) {
		struct conn *conn = sessions_add(sessions, MANY, &ids[i]);

		assert_non_null(conn);
		conn->id = ids[i];
	}
	assert_int_equal(sessions_count(sessions), MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(sessions_find(sessions, ids[i])->id, ids[i]);
	sessions_each(sessions, visit, sessions);
	assert_int_equal(sessions_count(sessions), MANY / 2);
	sessions_free(sessions);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_number_finds_nobody),
		cmocka_unit_test(many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
