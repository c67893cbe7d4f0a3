/* tidegate selftest: tries from a twin of every process what must be impossible, then compares the processes of the
 * running server, if there is one, with their rows of the plan.
 *
 * On failure: "not ok" lines on standard output; exit code 1 when anything succeeded or could not be tried.
 */
#include <stdio.h>
#include <unistd.h>

#include "lib/attempt.h"
#include "control/commands.h"
#include "control/control_socket.h"
#include "control/running.h"
#include "control/tally.h"
#include "control/twin.h"

enum { ANSWER_LIMIT_MS = 5000, TEXT_LIMIT_BYTES = 65536 };

struct selftest {
	int map; /* -1: none */
	struct supplies supplies;
	struct twin_loans loans;
	unsigned passed;
	unsigned failed;
};

static void
report(struct selftest *test, bool is_ok, const char *process, const char *what, struct span how)
{
	printf("%s %s %s: %.*s\n", is_ok ? "ok" : "not ok", process, what, SPAN_ARG(how));
	(void)fflush(stdout);
	if (is_ok)
		test->passed++;
	else
		test->failed++;
}

static void
try_all(struct selftest *test, enum role role)
{
	for (size_t i = 0; i < attempt_count(); i++) {
		const char *name = attempt_name(i);
		struct buf how = BUF_LIMIT(TEXT_LIMIT_BYTES);

		if (attempt_is_its_job(role, name))
			continue;
		enum twin_verdict verdict = twin_try(&test->supplies, &test->loans, role, name, &how);
		report(test, verdict == TWIN_REFUSED || verdict == TWIN_KILLED, plan_row(role)->short_name, name,
		    buf_span(&how));
		buf_free(&how);
	}
}

/* "pid.smtpd-0" of the server's status: which role is it? */
static bool
parse_role(struct span name, enum role *role)
{
	const struct span prefix = SPAN("master.pid.");

	if (!span_starts_nocase(name, prefix))
		return false;
	struct span process = span_skip(name, prefix.length);
	struct span short_name = span_take(process, span_find(process, '-'));
	for (enum role each = ROLE_DOOR; each < ROLE_COUNT; each++) {
		if (!span_equal(short_name, span_of(plan_row(each)->short_name)))
			continue;
		*role = each;
		return true;
	}
	return false;
}

static void
compare_one(struct selftest *test, enum role role, pid_t pid)
{
	struct buf problems = BUF_LIMIT(TEXT_LIMIT_BYTES);
	char what[32];
	bool is_read = running_check(pid, &test->supplies.accounts.of[role], &problems);

	(void)snprintf(what, sizeof what, "running as %ld", (long)pid);
	bool is_ok = is_read && problems.length == 0;
	report(test, is_ok, plan_row(role)->short_name, what,
	    is_ok ? SPAN("filter, no_new_privs, own uid and gid, no capabilities") : buf_span(&problems));
	buf_free(&problems);
}

static void
compare_running(struct selftest *test)
{
	struct buf answer = BUF_LIMIT(CONTROL_ANSWER_BYTES);
	struct buf why = BUF_LIMIT(TEXT_LIMIT_BYTES);
	struct span line;
	struct span name;
	uint64_t value;
	enum role role;

	if (!control_ask(test->supplies.config->state, SPAN("status"), ANSWER_LIMIT_MS, &answer, &why)) {
		printf("# %.*s: there are no running processes to compare\n", SPAN_ARG(buf_span(&why)));
	} else if (access("/proc/self/status", R_OK) != 0) {
		printf("# there is no /proc here: the running processes cannot be compared\n");
	} else {
		struct span text = buf_span(&answer);

		while (tally_next_line(&text, &line))
			if (tally_parse_line(line, &name, &value) && value > 0 && parse_role(name, &role))
				compare_one(test, role, (pid_t)value);
	}
	buf_free(&answer);
	buf_free(&why);
}

static bool
prepare(struct selftest *test, struct config *config)
{
	struct supplies *supplies = &test->supplies;
	struct buf why = BUF_LIMIT(TEXT_LIMIT_BYTES);

	supplies_init(supplies, config);
	supplies->from[SUPPLY_MAP] = &test->map;
	bool ok = supplies_open(supplies, &why) && twin_loans_make(&test->loans, &why);
	if (ok)
		test->map = state_folder_open_map(&supplies->state);
	else
		fprintf(stderr, "tidegate selftest: %.*s\n", SPAN_ARG(buf_span(&why)));
	buf_free(&why);
	return ok;
}

static void
clean_up(struct selftest *test)
{
	if (test->map >= 0)
		(void)close(test->map);
	twin_loans_close(&test->loans);
	supplies_close(&test->supplies);
}

int
command_selftest(int argc, char **argv)
{
	const char *path = command_default_config;
	const struct command_option options[] = { { "-c", &path, NULL }, { 0 } };
	struct selftest test = { .map = -1, .loans = { .listener = -1, .resolver = -1 } };

	if (!command_options(&argc, argv, options) || argc > 1) {
		fprintf(stderr, "usage: tidegate selftest [-c FILE]\n");
		return EXIT_USAGE;
	}
	struct config *config = command_read_config(path);
	if (!config)
		return 1;
	bool is_prepared = prepare(&test, config);
	if (is_prepared) {
		for (enum role role = ROLE_DOOR; role < ROLE_COUNT; role++)
			try_all(&test, role);
		compare_running(&test);
		printf("%u ok, %u not ok\n", test.passed, test.failed);
	}
	clean_up(&test);
	config_free(config);
	return is_prepared && test.failed == 0 ? 0 : 1;
}
