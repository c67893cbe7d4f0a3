/* Landlock by its bare system calls (Debian 12 has no library for it) and seccomp by libseccomp.
 *
 * On failure: see lib/sandbox_filter.h.
 */
#include "lib/sandbox_filter.h"

#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/sandbox.h"

/* Debian 12's headers end at ABI 2; a kernel that knows less is told less. */
struct ruleset_attributes {
	uint64_t handled_files;
	uint64_t handled_network; /* ABI 4 */
	uint64_t scoped;          /* ABI 6 */
};

enum {
	FILES_ABI_1 = (1 << 13) - 1,
	FILES_REFER = 1 << 13,    /* ABI 2 */
	FILES_TRUNCATE = 1 << 14, /* ABI 3 */
	FILES_IOCTL = 1 << 15,    /* ABI 5 */
	NETWORK_BIND = 1 << 0,
	NETWORK_CONNECT = 1 << 1,
	SCOPE_ABSTRACT_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1
};

/* What a process does below its folders: files and folders, no devices, no links, nothing executed. */
enum {
	FILES_WORK = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
		     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR |
		     LANDLOCK_ACCESS_FS_MAKE_REG | FILES_REFER | FILES_TRUNCATE
};

static int
add_folder(int ruleset, int folder, uint64_t handled_files)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = FILES_WORK & handled_files, .parent_fd = folder };

	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static struct ruleset_attributes
attributes_for(long abi, const struct plan_row *row)
{
	struct ruleset_attributes attributes = { .handled_files = FILES_ABI_1 };

	if (abi >= 2)
		attributes.handled_files |= FILES_REFER;
	if (abi >= 3)
		attributes.handled_files |= FILES_TRUNCATE;
	if (abi >= 5)
		attributes.handled_files |= FILES_IOCTL;
	/* The caller's job is to connect. */
	if (abi >= 4)
		attributes.handled_network = row->role == ROLE_CALLER ? NETWORK_BIND : NETWORK_BIND | NETWORK_CONNECT;
	if (abi >= 6)
		attributes.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
	return attributes;
}

static size_t
attributes_size(long abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset_attributes);
	return abi >= 4 ? offsetof(struct ruleset_attributes, scoped)
			: offsetof(struct ruleset_attributes, handled_network);
}

void
landlock_prepare(const struct sandbox *sandbox, struct landlock_wall *wall)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	*wall = (struct landlock_wall){ .ruleset = -1, .error = errno };
	if (abi < 1)
		return;
	struct ruleset_attributes attributes = attributes_for(abi, sandbox->row);
	wall->ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, attributes_size(abi), 0);
	wall->error = errno;
	if (wall->ruleset < 0 || !sandbox->row->has_files)
		return;
	int failed =
	    sandbox->row->view == VIEW_SPOOL && add_folder(wall->ruleset, sandbox->view, attributes.handled_files) != 0;
	for (size_t i = 0; i < sandbox->folder_count && !failed; i++)
		failed = add_folder(wall->ruleset, sandbox->folders[i], attributes.handled_files) != 0;
	if (failed) {
		wall->error = errno;
		(void)close(wall->ruleset);
		wall->ruleset = -1;
	}
}

bool
landlock_enforce(struct landlock_wall *wall)
{
	if (wall->ruleset < 0) {
		errno = wall->error;
		return false;
	}
	long result = syscall(SYS_landlock_restrict_self, wall->ruleset, 0);
	int error = errno;
	(void)close(wall->ruleset);
	wall->ruleset = -1;
	errno = error;
	return result == 0;
}

static struct scmp_arg_cmp
compare(const struct plan_test *test, enum scmp_compare how, uint64_t a, uint64_t b)
{
	return (struct scmp_arg_cmp){ .arg = test->argument, .op = how, .datum_a = a, .datum_b = b };
}

static struct scmp_arg_cmp
comparison(const struct plan_test *test)
{
	const uint64_t low = UINT32_MAX;

	switch (test->condition) {
	case RULE_NONE:
		break;
	case RULE_FLAGS_WITHIN:
		return compare(test, SCMP_CMP_MASKED_EQ, low & ~test->value, 0);
	case RULE_HAS_FLAGS:
		return compare(test, SCMP_CMP_MASKED_EQ, test->value, test->value);
	case RULE_EQUALS:
		return compare(test, SCMP_CMP_MASKED_EQ, low, test->value);
	case RULE_BELOW:
		return compare(test, SCMP_CMP_LT, test->value, 0);
	case RULE_IS_NULL:
		return compare(test, SCMP_CMP_EQ, 0, 0);
	}
	return compare(test, SCMP_CMP_EQ, UINT64_MAX, 0);
}

static int
add_rule(scmp_filter_ctx filter, const struct plan_rule *rule)
{
	struct scmp_arg_cmp tests[PLAN_TESTS];
	unsigned count = 0;

	while (count < PLAN_TESTS && rule->tests[count].condition != RULE_NONE) {
		tests[count] = comparison(&rule->tests[count]);
		count++;
	}
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->system_call, count, tests);
}

int
filter_enforce(const struct plan_row *row)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error;

	if (!filter)
		return ENOMEM;
	/* A balanced tree: the calls of a busy server must not walk the whole list. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; i < row->system_call_count && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, row->system_calls[i], 0);
	for (size_t i = 0; i < row->rule_count && error == 0; i++)
		error = add_rule(filter, &row->rules[i]);
	/* Its flags lie behind a pointer that a filter cannot follow; libc then falls back to clone. */
	if (error == 0 && row->has_threads)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return -error;
}
