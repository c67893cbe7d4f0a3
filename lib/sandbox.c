/* The walls of lib/sandbox.h, but for the filters (lib/sandbox_filter.c).
 *
 * Trust: runs before the process has read a byte from anybody.
 * On failure: see lib/sandbox.h.
 */
#include "lib/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/folder_wall.h"
#include "lib/sandbox_filter.h"

static void
note_missing_because(struct buf *missing, const char *wall, const char *why)
{
	if (missing->length)
		buf_append_text(missing, "; ");
	buf_printf(missing, "%s (%s)", wall, why);
}

static void
note_missing(struct buf *missing, const char *wall, int error)
{
	note_missing_because(missing, wall, strerror(error));
}

static bool
fail(struct buf *why, const char *step)
{
	buf_printf(why, "%s: %s", step, strerror(errno));
	return false;
}

static bool
write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t written = write(fd, text, strlen(text));
	(void)close(fd);
	return written == (ssize_t)strlen(text);
}

/* Own user namespace with only ourselves in it: files keep their owner, and chroot and an empty network can be had.
 * Without /proc the maps cannot be written; the kernel then still acts with our uid. */
static void
map_own_ids(uid_t uid, gid_t gid)
{
	char line[64];

	(void)snprintf(line, sizeof line, "%lu %lu 1", (unsigned long)uid, (unsigned long)uid);
	(void)write_proc("/proc/self/uid_map", line);
	(void)write_proc("/proc/self/setgroups", "deny");
	(void)snprintf(line, sizeof line, "%lu %lu 1", (unsigned long)gid, (unsigned long)gid);
	(void)write_proc("/proc/self/gid_map", line);
}

static void
enter_namespaces(const struct sandbox *sandbox, struct buf *missing)
{
	int network = sandbox->row->has_network ? 0 : CLONE_NEWNET;

	if (sandbox->changes_uid) {
		if (unshare(network | CLONE_NEWIPC) != 0 && network)
			note_missing(missing, "empty network namespace", errno);
		return;
	}
	uid_t uid = getuid();
	gid_t gid = getgid();
	if (unshare(CLONE_NEWUSER | network) != 0) {
		if (network)
			note_missing(missing, "empty network namespace", errno);
		return;
	}
	map_own_ids(uid, gid);
}

static void
enter_view(const struct sandbox *sandbox, struct buf *missing, struct buf *why, bool *ok)
{
	*ok = fchdir(sandbox->view) == 0 || fail(why, "cannot enter the folder for chroot");
	if (!*ok)
		return;
	if (chroot(".") != 0)
		note_missing(missing, "chroot", errno);
	else
		*ok = chdir("/") == 0 || fail(why, "chdir to the new root");
	/* Its number stays taken, so that nothing that is lent later lands among the fixed ones. */
	(void)dup3(FD_NULL_IN, sandbox->view, O_CLOEXEC);
}

static bool
set_limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit limit = { .rlim_cur = value, .rlim_max = value };

	if (setrlimit(resource, &limit) == 0)
		return true;
	/* Only CAP_SYS_RESOURCE, which root may lack in a container, goes above what was given: be content with that.
	 */
	if (errno != EPERM || getrlimit(resource, &limit) != 0 || value <= limit.rlim_max)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit) == 0;
}

static bool
set_limits(struct sandbox *sandbox, struct buf *why)
{
	struct rlimit files;

	if (!set_limit(RLIMIT_NOFILE, sandbox->open_files) || getrlimit(RLIMIT_NOFILE, &files) != 0)
		return fail(why, "cannot limit open files");
	sandbox->open_files = files.rlim_cur;
	if (!set_limit(RLIMIT_CORE, 0))
		return fail(why, "cannot switch core files off");
#if !defined(__SANITIZE_ADDRESS__)
	if (sandbox->row->address_space_bytes && !set_limit(RLIMIT_AS, sandbox->row->address_space_bytes))
		return fail(why, "cannot limit memory");
#endif
	if (!sandbox->row->has_threads && !set_limit(RLIMIT_NPROC, 0))
		return fail(why, "cannot limit processes");
	return true;
}

static bool
drop_uid(const struct sandbox *sandbox, struct buf *missing, struct buf *why)
{
	if (!sandbox->changes_uid) {
		note_missing_because(missing, "own uid", "not started as root");
		return true;
	}
	if (setgroups(0, NULL) != 0)
		return fail(why, "cannot drop supplementary groups");
	if (setresgid(sandbox->gid, sandbox->gid, sandbox->gid) != 0)
		return fail(why, "cannot change the gid");
	if (setresuid(sandbox->uid, sandbox->uid, sandbox->uid) != 0)
		return fail(why, "cannot change the uid");
	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0) {
		errno = EEXIST;
		return fail(why, "root could be had back");
	}
	return true;
}

static bool
drop_capabilities(struct buf *why)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	/* The bounding set can only be emptied with CAP_SETPCAP (root, or a user namespace of our own). */
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		(void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) != 0)
		return fail(why, "cannot drop capabilities");
	return true;
}

bool
sandbox_enter(struct sandbox *sandbox, struct buf *missing, struct buf *why)
{
	bool ok;

	enter_namespaces(sandbox, missing);
	/* Only root can have this; Landlock does the same, and is named when it is missing. */
	for (size_t i = 0; i < sandbox->folder_count; i++)
		(void)folder_wall_put_up(sandbox->folders[i]);
	struct landlock_wall landlock;
	/* Rules name folders that the chroot hides, so they are written down before it; they are enforced last. */
	landlock_prepare(sandbox, &landlock);
	enter_view(sandbox, missing, why, &ok);
	if (!ok || !set_limits(sandbox, why))
		return false;
	if (sandbox->changes_uid) {
		/* Emptied first, while it is still allowed; changing the uid drops the rest. */
		for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
			if (capability != CAP_SETUID && capability != CAP_SETGID)
				(void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	}
	if (!drop_uid(sandbox, missing, why) || !drop_capabilities(why))
		return false;
	/* When the master is killed its children go at once, and a new master finds the ports free. A change of uid
	 * forgets this, so it comes after. The end of the control channel tells the same, a little later. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return fail(why, "cannot follow the master's end");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail(why, "cannot forbid tracing");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(why, "cannot set no_new_privs");
	if (!landlock_enforce(&landlock))
		note_missing(missing, "Landlock", errno);
	int error = filter_enforce(sandbox->row);
	if (error)
		note_missing(missing, "seccomp", error);
	return true;
}
