/* control/state_folder: made, checked, claimed, cleaned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/state_folder.h"
#include "lib/clock.h"
#include "tests/unit/own_folder.h"

enum { WHY_LIMIT_BYTES = 1024, PATH_SIZE = 300 };

static struct own_folder top;
static char path[PATH_SIZE];
static struct accounts accounts;

static bool
try_open(struct state_folder *state, const char *expected)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	bool ok = state_folder_open(path, &accounts, state, &why);

	if (expected && !strstr(buf_text(&why), expected))
		fail_msg("\"%s\" does not say \"%s\"", buf_text(&why), expected);
	buf_free(&why);
	return ok;
}

static mode_t
mode_of(int folder)
{
	struct stat facts;

	assert_int_equal(fstat(folder, &facts), 0);
	return facts.st_mode & 07777;
}

static void
test_makes_what_is_missing(void **unused)
{
	struct state_folder state;
	/* Root opens even what has no rights; anybody else needs their own. */
	mode_t before = umask(geteuid() == 0 ? 0777 : 0077);

	(void)unused;
	assert_true(try_open(&state, NULL));
	(void)umask(before);
	assert_int_equal(mode_of(state.maps), 0755);
	assert_int_equal(mode_of(state.empty), 0555);
	assert_int_equal(mode_of(state.spool), 0700);
	assert_int_equal(mode_of(state.journal), 0700);
	assert_true(state_folder_open_map(&state) < 0);
	assert_int_equal(errno, ENOENT);
	state_folder_close(&state);
	assert_true(try_open(&state, NULL));
	state_folder_close(&state);
}

static void
test_refuses_what_others_may_change(void **unused)
{
	struct state_folder state;

	(void)unused;
	assert_int_equal(chmod(path, 0777), 0);
	assert_false(try_open(&state, "chmod go-w"));
	assert_int_equal(state.root, -1);
	assert_int_equal(chmod(path, 0755), 0);
}

static void
test_refuses_links_and_files(void **unused)
{
	struct state_folder state;
	char spool[PATH_SIZE + 16];

	(void)unused;
	assert_true(try_open(&state, NULL));
	state_folder_close(&state);
	(void)snprintf(spool, sizeof spool, "%s/spool", path);
	assert_int_equal(rmdir(spool), 0);
	assert_int_equal(symlink("/tmp", spool), 0);
	assert_false(try_open(&state, "is there but no folder"));
	assert_int_equal(unlink(spool), 0);
	int file = open(spool, O_CREAT | O_WRONLY, 0600);
	assert_true(file >= 0);
	(void)close(file);
	assert_false(try_open(&state, "is there but no folder"));
	assert_int_equal(unlink(spool), 0);
}

static void
test_claims_once_and_clears_the_spool(void **unused)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	struct state_folder first;
	struct state_folder second;

	(void)unused;
	assert_true(try_open(&first, NULL));
	int left = openat(first.spool, "leftover", O_CREAT | O_WRONLY, 0600);
	assert_true(left >= 0);
	(void)close(left);
	assert_true(state_folder_claim(path, &first, &why));
	assert_int_equal(faccessat(first.spool, "leftover", F_OK, 0), -1);
	assert_true(try_open(&second, NULL));
	assert_false(state_folder_claim(path, &second, &why));
	assert_non_null(strstr(buf_text(&why), "another tidegate is running"));
	state_folder_close(&first);
	assert_true(state_folder_claim(path, &second, &why));
	state_folder_close(&second);
	buf_free(&why);
}

/* Deliver has the journal's folder as long as it lives; that its master was killed it may notice late. */
static void
test_waits_for_the_last_deliver(void **unused)
{
	enum { LIVES_ON_MS = 200 };
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	struct state_folder state;

	(void)unused;
	assert_true(try_open(&state, NULL));
	assert_true(state_folder_claim(path, &state, &why));
	int held = fcntl(state.journal, F_DUPFD_CLOEXEC, 0);
	state_folder_close(&state);
	pid_t last = fork();
	if (last == 0) {
		(void)poll(NULL, 0, LIVES_ON_MS);
		_exit(0);
	}
	(void)close(held);
	assert_true(last > 0);
	uint64_t begun_ms = clock_monotonic_ms();
	assert_true(try_open(&state, NULL));
	assert_true(state_folder_claim(path, &state, &why));
	assert_true(clock_monotonic_ms() - begun_ms > LIVES_ON_MS / 2);
	state_folder_close(&state);
	assert_int_equal(waitpid(last, NULL, 0), last);
	buf_free(&why);
}

static void
test_needs_a_parent(void **unused)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	struct state_folder state;

	(void)unused;
	assert_false(state_folder_open("/nonexistent/state", &accounts, &state, &why));
	assert_non_null(strstr(buf_text(&why), "make it first"));
	buf_free(&why);
}

static int
set_up(void **unused)
{
	(void)unused;
	for (enum role role = ROLE_DOOR; role < ROLE_COUNT; role++)
		accounts.of[role] = (struct account){ geteuid(), getegid() };
	own_folder_open(&top);
	(void)snprintf(path, sizeof path, "%s/state", top.path);
	return 0;
}

static int
tear_down(void **unused)
{
	(void)unused;
	own_folder_clear(&top);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makes_what_is_missing),
		cmocka_unit_test(test_refuses_what_others_may_change),
		cmocka_unit_test(test_refuses_links_and_files),
		cmocka_unit_test(test_claims_once_and_clears_the_spool),
		cmocka_unit_test(test_waits_for_the_last_deliver),
		cmocka_unit_test(test_needs_a_parent),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
