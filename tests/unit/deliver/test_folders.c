/* Tests of deliver/folders.c and deliver/probe.c: what is kept open, what is let go, and what a probe finds.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/clock_ahead.h"
#include "tests/unit/deliver/house.h"

#include <pthread.h>
#include <sys/resource.h>

#include "deliver/copy.h"
#include "deliver/folders.h"
#include "deliver/maildir.h"
#include "deliver/probe.h"

enum { LIMIT = 4, THREADS = 8, ROUNDS = 300 };

struct test {
	struct house house;
	struct folder_cache *cache;
};

static int
set_up(void **state)
{
	static struct test test;

	house_build_fast(&test.house);
	test.cache = folder_cache_new(&test.house.roots, LIMIT);
	assert_non_null(test.cache);
	*state = &test;
	return 0;
}

static int
tear_down(void **state)
{
	struct test *test = *state;

	folder_cache_free(test->cache);
	house_tear_down(&test->house);
	return 0;
}

static int
count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static struct folders *
acquire(struct test *test, unsigned number)
{
	char path[32];

	(void)snprintf(path, sizeof path, "box%u", number);
	struct folders *folders = folders_acquire(test->cache, 0, path, FOLDERS_MAKE_MISSING);
	assert_non_null(folders);
	return folders;
}

static void
few_are_kept_open(void **state)
{
	struct test *test = *state;
	int before = count_descriptors();

	for (unsigned i = 0; i < 20; i++)
		folders_release(test->cache, acquire(test, i));
	assert_int_equal(count_descriptors(), before + 2 * LIMIT);
	/* What is in use stays, even over the limit, and is shared. */
	struct folders *used[8];
	for (unsigned i = 0; i < 8; i++)
		used[i] = acquire(test, i);
	assert_int_equal(count_descriptors(), before + 2 * 8);
	struct folders *again = acquire(test, 3);
	assert_ptr_equal(again, used[3]);
	folders_release(test->cache, again);
	for (unsigned i = 0; i < 8; i++)
		folders_release(test->cache, used[i]);
	folders_release(test->cache, acquire(test, 9));
	assert_true(count_descriptors() <= before + 2 * LIMIT);
}

static void
the_least_used_goes_first(void **state)
{
	struct test *test = *state;

	struct folders *first = acquire(test, 0);
	int tmp = first->tmp;
	folders_release(test->cache, first);
	for (unsigned i = 1; i < LIMIT; i++)
		folders_release(test->cache, acquire(test, i));
	folders_release(test->cache, acquire(test, 0));
	folders_release(test->cache, acquire(test, LIMIT)); /* box1 goes */
	first = acquire(test, 0);
	assert_int_equal(first->tmp, tmp);
	folders_release(test->cache, first);
}

static void
what_is_forgotten_is_opened_afresh(void **state)
{
	struct test *test = *state;
	struct folders *old = acquire(test, 0);

	folders_forget(test->cache, old);
	struct folders *fresh = acquire(test, 0);
	assert_ptr_not_equal(old, fresh);
	assert_int_not_equal(old->tmp, fresh->tmp);
	folders_release(test->cache, old);
	folders_release(test->cache, fresh);
}

/* The kernel tells the failure of an fsync to one of those who share a descriptor, and to nobody a second time. */
static void
a_failed_fsync_is_everybody_s(void **state)
{
	struct test *test = *state;
	struct delivery delivery = { .folders = test->cache, .roots = &test->house.roots };
	struct copy copy = { .to = { .path = "box0" }, .place = COPY_IN_NEW };
	struct folders *shared = acquire(test, 0);

	assert_int_equal(copy_sync(&delivery, &copy), COPY_OK);
	atomic_store(&shared->is_broken, true);
	assert_int_equal(copy_sync(&delivery, &copy), COPY_FAILED);
	assert_int_equal(errno, EIO);
	/* The next one gets descriptors of its own. */
	assert_int_equal(copy_sync(&delivery, &copy), COPY_OK);
	folders_release(test->cache, shared);
}

static void
a_root_has_one_name(void **state)
{
	struct test *test = *state;
	struct roots *roots = &test->house.roots;
	char other[1024];
	char path[1024];

	assert_int_equal(symlink(house_path(&test->house, "root", path), house_path(&test->house, "other", other)), 0);
	assert_false(roots_add(roots, other));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(roots->count, 1);
}

static void
a_missing_one_is_made_only_on_request(void **state)
{
	struct test *test = *state;

	assert_null(folders_acquire(test->cache, 0, "box0", FOLDERS_AS_THEY_ARE));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(house_count(&test->house, "box0", NULL), -1);
	folders_release(test->cache, acquire(test, 0));
	struct folders *folders = folders_acquire(test->cache, 0, "box0", FOLDERS_AS_THEY_ARE);
	assert_non_null(folders);
	folders_release(test->cache, folders);
	assert_null(folders_acquire(test->cache, 0, "../box0", FOLDERS_MAKE_MISSING));
	assert_null(folders_acquire(test->cache, 7, "box0", FOLDERS_MAKE_MISSING));
}

static void
out_of_descriptors_makes_room(void **state)
{
	struct test *test = *state;
	struct rlimit limit;
	struct rlimit narrow;

	for (unsigned i = 0; i < LIMIT; i++)
		folders_release(test->cache, acquire(test, i));
	folders_release(test->cache, acquire(test, 4));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	/* Nothing free below the limit but what the cache holds. */
	int highest = 0;
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			highest = fd;
	narrow = limit;
	narrow.rlim_cur = (rlim_t)highest + 1;
	int fillers[64];
	size_t filled = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &narrow), 0);
	while (filled < 64) {
		int fd = dup(2);

		if (fd < 0)
			break;
		fillers[filled++] = fd;
	}
	folders_release(test->cache, acquire(test, 0));
	while (filled)
		(void)close(fillers[--filled]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void *
use_many(void *argument)
{
	struct test *test = argument;
	unsigned seed = (unsigned)(uintptr_t)pthread_self();

	for (unsigned i = 0; i < ROUNDS; i++) {
		char path[32];

		seed = seed * 1103515245u + 12345u;
		(void)snprintf(path, sizeof path, "box%u", seed / 65536 % 7);
		struct folders *folders = folders_acquire(test->cache, 0, path, FOLDERS_MAKE_MISSING);
		if (!folders)
			return test;
		if (seed % 11 == 0)
			folders_forget(test->cache, folders);
		if (fcntl(folders->fresh, F_GETFD) < 0)
			return test;
		folders_release(test->cache, folders);
	}
	return NULL;
}

static void
threads_share_it(void **state)
{
	struct test *test = *state;
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_many, test), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
}

static void
a_sweep_is_wanted_once(void **state)
{
	struct test *test = *state;
	struct folders *folders = acquire(test, 0);
	struct folders *other = acquire(test, 1);

	assert_true(folders_wants_sweep(test->cache, folders));
	assert_false(folders_wants_sweep(test->cache, folders));
	assert_false(folders_wants_sweep(test->cache, other)); /* too soon after the first */
	folders_release(test->cache, folders);
	folders_release(test->cache, other);
}

static void
a_probe_finds_what_is_there(void **state)
{
	struct test *test = *state;
	struct probe *probe = probe_new(&test->house.roots, test->cache);
	const char *why;
	char path[1024];

	assert_int_equal(probe_mailbox(probe, 0, "new/box", 100, &why), PROBE_TAKES);
	assert_string_equal(why, "");
	assert_int_equal(house_count(&test->house, "new", NULL), -1); /* a RCPT makes nothing */
	folders_release(test->cache, acquire(test, 0));
	assert_int_equal(probe_mailbox(probe, 0, "box0", 100, &why), PROBE_TAKES);
	assert_int_equal(probe_mailbox(probe, 0, "box0", UINT64_MAX, &why), PROBE_NO_ROOM);
	assert_string_not_equal(why, "");
	probe_set_margins(probe, (struct probe_margins){ .bytes = UINT64_MAX });
	assert_int_equal(probe_mailbox(probe, 0, "box0", 0, &why), PROBE_NO_ROOM);
	probe_set_margins(probe, (struct probe_margins){ 0 });
	assert_int_equal(mkdir(house_path(&test->house, "root/closed", path), 0700), 0);
	assert_int_equal(chmod(path, 0500), 0);
	assert_int_equal(probe_mailbox(probe, 0, "closed", 0, &why), PROBE_NOT_WRITABLE);
	house_write(&test->house, "root/file", "");
	assert_int_equal(probe_mailbox(probe, 0, "file", 0, &why), PROBE_NOT_WRITABLE);
	assert_int_equal(probe_mailbox(probe, 0, "file/below", 0, &why), PROBE_NOT_WRITABLE);
	assert_int_equal(probe_mailbox(probe, 0, "../x", 0, &why), PROBE_TROUBLE);
	assert_int_equal(probe_mailbox(probe, 5, "x", 0, &why), PROBE_TROUBLE);
	probe_free(probe);
}

static void
a_finding_is_good_for_a_second(void **state)
{
	struct test *test = *state;
	struct probe *probe = probe_new(&test->house.roots, test->cache);
	const char *why;
	char path[1024];

	assert_int_equal(probe_mailbox(probe, 0, "box", 0, &why), PROBE_TAKES);
	house_write(&test->house, "root/box", "a file in its place");
	assert_int_equal(probe_mailbox(probe, 0, "box", 0, &why), PROBE_TAKES);
	clock_ahead_ms += 1050;
	assert_int_equal(probe_mailbox(probe, 0, "box", 0, &why), PROBE_NOT_WRITABLE);
	assert_int_equal(unlink(house_path(&test->house, "root/box", path)), 0);
	/* And no more than so many are kept. */
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(path, sizeof path, "many/%u", i);
		assert_int_equal(probe_mailbox(probe, 0, path, 0, &why), PROBE_TAKES);
	}
	probe_free(probe);
}

int
main(void)
{
#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_HOUSE(few_are_kept_open),
		IN_HOUSE(the_least_used_goes_first),
		IN_HOUSE(what_is_forgotten_is_opened_afresh),
		IN_HOUSE(a_failed_fsync_is_everybody_s),
		IN_HOUSE(a_root_has_one_name),
		IN_HOUSE(a_missing_one_is_made_only_on_request),
		IN_HOUSE(out_of_descriptors_makes_room),
		IN_HOUSE(threads_share_it),
		IN_HOUSE(a_sweep_is_wanted_once),
		IN_HOUSE(a_probe_finds_what_is_there),
		IN_HOUSE(a_finding_is_good_for_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
