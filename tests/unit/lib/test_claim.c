/* Tests of lib/claim.c: who is first wins, on both sides of the page; and which pages are not taken.
 *
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/claim.h"

enum { SLOTS = 8, ROUNDS = 2000 };

static void
the_first_one_wins(void **state)
{
	int fd;
	struct claim_page *smtpd = claim_page_make(SLOTS, &fd);
	struct claim_page *deliver = claim_page_map(fd, SLOTS);

	(void)state;
	assert_non_null(smtpd);
	assert_non_null(deliver);
	(void)close(fd);
	claim_reset(smtpd, 0);
	assert_true(claim_take(deliver, 0, CLAIM_COMMITTING));
	assert_false(claim_take(smtpd, 0, CLAIM_GIVEN_UP));
	assert_false(claim_take(deliver, 0, CLAIM_COMMITTING));
	claim_reset(smtpd, 0);
	assert_true(claim_take(smtpd, 0, CLAIM_GIVEN_UP));
	assert_false(claim_take(deliver, 0, CLAIM_COMMITTING));
	assert_true(claim_take(deliver, SLOTS - 1, CLAIM_COMMITTING));
	assert_false(claim_take(deliver, SLOTS, CLAIM_COMMITTING));
	assert_false(claim_take(deliver, UINT32_MAX, CLAIM_COMMITTING));
	claim_reset(smtpd, SLOTS);
	claim_page_free(smtpd);
	claim_page_free(deliver);
	claim_page_free(NULL);
}

static struct claim_page *raced_page;

static void *
race(void *argument)
{
	uintptr_t won = 0;

	(void)argument;
	for (uint32_t slot = 0; slot < ROUNDS; slot++)
		won += claim_take(raced_page, slot, CLAIM_GIVEN_UP);
	return (void *)won;
}

static void
exactly_one_wins_a_race(void **state)
{
	int fd;
	pthread_t thread;
	void *theirs;
	uintptr_t ours = 0;

	(void)state;
	raced_page = claim_page_make(ROUNDS, &fd);
	assert_non_null(raced_page);
	assert_int_equal(pthread_create(&thread, NULL, race, NULL), 0);
	for (uint32_t slot = 0; slot < ROUNDS; slot++)
		ours += claim_take(raced_page, slot, CLAIM_COMMITTING);
	assert_int_equal(pthread_join(thread, &theirs), 0);
	assert_int_equal(ours + (uintptr_t)theirs, ROUNDS);
	claim_page_free(raced_page);
	(void)close(fd);
}

static void
a_page_that_could_shrink_is_not_taken(void **state)
{
	int fd = memfd_create("claims", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(ftruncate(fd, SLOTS * 4), 0);
	assert_null(claim_page_map(fd, SLOTS));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_null(claim_page_map(fd, SLOTS + 1));
	assert_null(claim_page_map(fd, 0));
	assert_null(claim_page_map(fd, UINT32_MAX));
	struct claim_page *page = claim_page_map(fd, SLOTS);
	assert_non_null(page);
	claim_page_free(page);
	/* One that nobody may write to can hold no claims. */
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	assert_null(claim_page_map(fd, SLOTS));
	(void)close(fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_null(claim_page_map(fd, SLOTS));
	(void)close(fd);
	assert_null(claim_page_map(-1, SLOTS));
	assert_null(claim_page_make(0, &fd));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_one_wins),
		cmocka_unit_test(exactly_one_wins_a_race),
		cmocka_unit_test(a_page_that_could_shrink_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
