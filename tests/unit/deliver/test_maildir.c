/* Tests of deliver/maildir.c and deliver/roots.c: names, a mailbox made and completed, links refused, the sweep, and
 * where a message is found.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/house.h"

#include <sys/resource.h>

#include "deliver/maildir.h"

static int
set_up(void **state)
{
	static struct house house;

	house_build(&house);
	*state = &house;
	return 0;
}

static int
tear_down(void **state)
{
	house_tear_down(*state);
	return 0;
}

static void
names_follow_the_convention(void **state)
{
	struct maildir_namer namer;
	char name[MAILDIR_NAME_SIZE];
	char again[MAILDIR_NAME_SIZE];
	char final[MAILDIR_NAME_SIZE];
	uint64_t seconds;

	(void)state;
	maildir_namer_init(&namer, SPAN("mx.example.org"), 4711);
	maildir_name(&namer, 1700000000012345, name);
	assert_string_equal(name, "1700000000.M012345P4711Q1.mx.example.org");
	maildir_name(&namer, 1700000000012345, again);
	assert_string_equal(again, "1700000000.M012345P4711Q2.mx.example.org");
	maildir_final_name(name, 4096, final);
	assert_string_equal(final, "1700000000.M012345P4711Q1.mx.example.org,S=4096");
	maildir_tmp_name(final, again);
	assert_string_equal(again, name);
	assert_true(maildir_is_ours(name, "mx.example.org", &seconds));
	assert_int_equal(seconds, 1700000000);
}

static void
names_of_odd_hosts_stay_names(void **state)
{
	struct maildir_namer namer;
	char name[MAILDIR_NAME_SIZE];
	char final[MAILDIR_NAME_SIZE];
	char host[400];

	(void)state;
	maildir_namer_init(&namer, SPAN("a/b:c,d"), 1);
	assert_string_equal(namer.host, "a\\057b\\072c\\054d");
	memset(host, '/', sizeof host);
	maildir_namer_init(&namer, span_make(host, sizeof host), 4294967295);
	maildir_name(&namer, UINT64_MAX / 2, name);
	maildir_final_name(name, UINT64_MAX, final);
	assert_true(strlen(final) < MAILDIR_NAME_SIZE - 1);
	assert_non_null(strstr(final, ",S=18446744073709551615"));
}

static void
only_own_names_are_ours(void **state)
{
	static const char *const others[] = { "1700000000.M012345P4711Q1.other.example.org", "1700000000.P4711Q1.mx",
		"1700000000.M1P4711.mx", ".M1P1Q1.mx", "1.M1P1Q1.mx:2,S", "1.M1P1Q1.mx,S=4", "1.M1P1Q1mx", "1.M1P1Q1.",
		"", "1.MxP1Q1.mx", "99999999999999999999.M1P1Q1.mx" };
	uint64_t seconds;

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(maildir_is_ours(others[i], "mx", &seconds));
	assert_true(maildir_is_ours("1.M1P1Q1.mx", "mx", &seconds));
}

static void
a_missing_mailbox_is_made_with_narrow_rights(void **state)
{
	static const char *const folders[] = { "example.org", "example.org/alice", "example.org/alice/tmp",
		"example.org/alice/new", "example.org/alice/cur" };
	struct house *house = *state;
	char path[1024];
	char place[256];

	assert_true(maildir_create(&house->roots, 0, "example.org/alice"));
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		struct stat about;

		(void)snprintf(place, sizeof place, "root/%s", folders[i]);
		assert_int_equal(lstat(house_path(house, place, path), &about), 0);
		assert_int_equal(about.st_mode, S_IFDIR | 0700);
	}
	/* Once more changes nothing, and one half made is completed. */
	assert_true(maildir_create(&house->roots, 0, "example.org/alice"));
	assert_int_equal(rmdir(house_path(house, "root/example.org/alice/tmp", path)), 0);
	assert_int_equal(rmdir(house_path(house, "root/example.org/alice/cur", path)), 0);
	assert_true(maildir_create(&house->roots, 0, "example.org/alice"));
	assert_int_equal(house_count(house, "example.org/alice", NULL), 3);
}

static void
links_and_dots_lead_nowhere(void **state)
{
	struct house *house = *state;
	char path[1024];
	char target[1024];

	assert_int_equal(mkdir(house_path(house, "outside", target), 0700), 0);
	assert_int_equal(symlink(target, house_path(house, "root/link", path)), 0);
	assert_false(maildir_create(&house->roots, 0, "link/alice"));
	assert_false(maildir_create(&house->roots, 0, "link"));
	assert_false(maildir_create(&house->roots, 0, "../outside/alice"));
	assert_false(maildir_create(&house->roots, 0, "a/../../outside"));
	assert_false(maildir_create(&house->roots, 0, "/etc"));
	assert_false(maildir_create(&house->roots, 0, "a//b"));
	assert_false(maildir_create(&house->roots, 0, "."));
	assert_false(maildir_create(&house->roots, 0, ""));
	assert_false(maildir_create(&house->roots, 1, "alice"));
	assert_int_equal(rmdir(target), 0); /* still empty */
}

static void
walking_stays_below_the_root(void **state)
{
	static const char *const bad[] = { "..", "../outside", "/", "/etc", "link", "link/x", "a/../../outside",
		"a/link" };
	struct house *house = *state;
	char path[1024];
	char target[1024];

	assert_int_equal(mkdir(house_path(house, "outside", target), 0700), 0);
	assert_int_equal(symlink(target, house_path(house, "root/link", path)), 0);
	assert_int_equal(mkdir(house_path(house, "root/a", path), 0700), 0);
	assert_int_equal(symlink("/", house_path(house, "root/a/link", path)), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(roots_open(&house->roots, 0, bad[i], O_PATH | O_DIRECTORY), -1);
	int fd = roots_open(&house->roots, 0, "a", O_PATH | O_DIRECTORY);
	assert_true(fd >= 0);
	(void)close(fd);
	fd = roots_open_deepest(&house->roots, 0, "a/b/c");
	assert_true(fd >= 0);
	struct stat here;
	struct stat there;
	assert_int_equal(fstat(fd, &here), 0);
	assert_int_equal(stat(house_path(house, "root/a", path), &there), 0);
	assert_int_equal(here.st_ino, there.st_ino);
	assert_true(roots_is_writable(fd));
	(void)close(fd);
	assert_int_equal(roots_open_deepest(&house->roots, 0, "link/b"), -1);
	assert_int_equal(roots_open_deepest(&house->roots, 0, "a/../b"), -1);
}

static void
the_sweep_takes_old_files_of_ours_alone(void **state)
{
	struct house *house = *state;
	char path[1024];

	assert_true(maildir_create(&house->roots, 0, "alice"));
	house_write(house, "root/alice/tmp/1000.M1P1Q1.mx", "old");
	house_write(house, "root/alice/tmp/130600.M1P1Q2.mx", "just under 36 hours");
	house_write(house, "root/alice/tmp/1000.M1P1Q1.other", "another host's");
	house_write(house, "root/alice/tmp/1000.P1.mx", "another program's");
	house_write(house, "root/alice/tmp/9999999999.M1P1Q3.mx", "of the future");
	int tmp = open(house_path(house, "root/alice/tmp", path), O_RDONLY | O_DIRECTORY);
	assert_true(tmp >= 0);
	assert_int_equal(maildir_sweep(tmp, "mx", 1000 + MAILDIR_SWEEP_SECONDS - 1), 0);
	assert_int_equal(maildir_sweep(tmp, "mx", 1000 + MAILDIR_SWEEP_SECONDS), 1);
	assert_int_equal(house_count(house, "alice/tmp", NULL), 4);
	assert_int_equal(access(house_path(house, "root/alice/tmp/1000.M1P1Q1.mx", path), F_OK), -1);
	(void)close(tmp);
}

static void
a_message_is_found_where_it_is(void **state)
{
	static const char final[] = "1.M2P3Q4.mx,S=5";
	struct house *house = *state;
	char from[1024];
	char to[1024];

	assert_int_equal(maildir_find(&house->roots, 0, "alice", final), MAILDIR_UNKNOWN);
	assert_true(maildir_create(&house->roots, 0, "alice"));
	assert_int_equal(maildir_find(&house->roots, 0, "alice", final), MAILDIR_NOWHERE);
	house_write(house, "root/alice/tmp/1.M2P3Q4.mx", "hello");
	assert_int_equal(maildir_find(&house->roots, 0, "alice", final), MAILDIR_IN_TMP);
	house_path(house, "root/alice/tmp/1.M2P3Q4.mx", from);
	assert_int_equal(rename(from, house_path(house, "root/alice/new/1.M2P3Q4.mx,S=5", to)), 0);
	assert_int_equal(maildir_find(&house->roots, 0, "alice", final), MAILDIR_IN_BOX);
	assert_int_equal(rename(to, house_path(house, "root/alice/cur/1.M2P3Q4.mx,S=5:2,RS", from)), 0);
	assert_int_equal(maildir_find(&house->roots, 0, "alice", final), MAILDIR_IN_BOX);
	assert_int_equal(maildir_find(&house->roots, 0, "alice", "1.M2P3Q4.mx,S=55"), MAILDIR_NOWHERE);
	assert_int_equal(maildir_find(&house->roots, 0, "alice", "1.M2P3Q4.mx,S="), MAILDIR_NOWHERE);
	assert_int_equal(maildir_sync(&house->roots, 0, "alice"), MAILDIR_SYNCED);
	assert_int_equal(maildir_sync(&house->roots, 0, "bob"), MAILDIR_UNSURE);
}

/* Gone from tmp/ means delivered, within one boot: what could not be looked for is not gone. */
static void
a_look_that_fails_finds_nothing_out(void **state)
{
	struct house *house = *state;
	const char *final = "1.M2P3Q4.mx,S=5";
	struct rlimit before;
	unsigned spared = 0;
	enum maildir_trace trace;

	assert_true(maildir_create(&house->roots, 0, "alice"));
	house_write(house, "root/alice/tmp/1.M2P3Q4.mx", "hello");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int first_free = dup(0);
	assert_true(first_free >= 0);
	(void)close(first_free);
	do {
		struct rlimit few = before;

		few.rlim_cur = (rlim_t)first_free + spared++;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		trace = maildir_find(&house->roots, 0, "alice", final);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_true(trace == MAILDIR_UNKNOWN || trace == MAILDIR_IN_TMP);
	} while (trace == MAILDIR_UNKNOWN && spared < 10);
	assert_int_equal(trace, MAILDIR_IN_TMP);
	assert_in_range(spared, 2, 9);
}

static void
what_is_in_tmp_can_be_removed(void **state)
{
	struct house *house = *state;

	assert_false(maildir_remove_tmp(&house->roots, 0, "alice", "1.M2P3Q4.mx,S=5"));
	assert_true(maildir_create(&house->roots, 0, "alice"));
	house_write(house, "root/alice/tmp/1.M2P3Q4.mx", "hello");
	assert_true(maildir_remove_tmp(&house->roots, 0, "alice", "1.M2P3Q4.mx,S=5"));
	assert_int_equal(house_count(house, "alice/tmp", NULL), 0);
	assert_true(maildir_remove_tmp(&house->roots, 0, "alice", "1.M2P3Q4.mx,S=5"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_follow_the_convention),
		cmocka_unit_test(names_of_odd_hosts_stay_names),
		cmocka_unit_test(only_own_names_are_ours),
		cmocka_unit_test_setup_teardown(a_missing_mailbox_is_made_with_narrow_rights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(links_and_dots_lead_nowhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(walking_stays_below_the_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_sweep_takes_old_files_of_ours_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_message_is_found_where_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_look_that_fails_finds_nothing_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_in_tmp_can_be_removed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
