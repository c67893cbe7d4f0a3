/* Attempts at files, other processes, and the process's own limits.
 *
 * Trust: see lib/attempt.h.
 * On failure: see lib/attempt.h.
 */
#include "lib/attempt_tries.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum attempt_exit
judge(bool has_succeeded)
{
	return has_succeeded ? ATTEMPT_SUCCEEDED : ATTEMPT_REFUSED;
}

enum attempt_exit
attempt_exec(const struct attempt_target *target)
{
	char *const words[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "exit 77" }, NULL };
	char *const nothing[] = { NULL };

	(void)target;
	(void)syscall(SYS_execve, "/bin/sh", words, nothing);
	return ATTEMPT_REFUSED;
}

enum attempt_exit
attempt_fork(const struct attempt_target *target)
{
	(void)target;
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);

	if (pid == 0)
		_exit(0);
	return judge(pid > 0);
}

enum attempt_exit
attempt_open(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0) >= 0 ||
		     syscall(SYS_openat, AT_FDCWD, "../../../../../../../../etc/passwd", O_RDONLY, 0) >= 0);
}

/* A folder descriptor from outside of a chroot leads out of it, unless something else stands in the way. */
enum attempt_exit
attempt_open_above_folders(const struct attempt_target *target)
{
	(void)target;
	for (int fd = 0; fd < LOAN_END + 64; fd++)
		if (syscall(SYS_openat, fd, "../../../../../../../../../../../../etc/passwd", O_RDONLY, 0) >= 0)
			return ATTEMPT_SUCCEEDED;
	return ATTEMPT_REFUSED;
}

enum attempt_exit
attempt_map_write(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_write, FD_MAP, "x", 1) == 1);
}

enum attempt_exit
attempt_map_pwrite(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_pwrite64, FD_MAP, "x", 1, 0) == 1);
}

enum attempt_exit
attempt_map_truncate(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_ftruncate, FD_MAP, 0) == 0);
}

enum attempt_exit
attempt_map_mmap(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, FD_MAP, 0) > 0);
}

/* The log may be a plain file: nobody may cut it short, go back in it, or write into what is there. */
enum attempt_exit
attempt_log_truncate(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_ftruncate, FD_LOG, 0L) == 0);
}

enum attempt_exit
attempt_log_rewind(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_lseek, FD_LOG, 0L, SEEK_SET) == 0);
}

enum attempt_exit
attempt_log_overwrite(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_pwrite64, FD_LOG, "x", 1L, 0L) == 1);
}

enum attempt_exit
attempt_io_uring(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_io_uring_setup, 1, &(char[512]){ 0 }) >= 0);
}

enum attempt_exit
attempt_ptrace(const struct attempt_target *target)
{
	return judge(syscall(SYS_ptrace, PTRACE_ATTACH, target->sibling, NULL, NULL) == 0);
}

enum attempt_exit
attempt_kill(const struct attempt_target *target)
{
	return judge(syscall(SYS_kill, target->sibling, SIGCONT) == 0);
}

/* Landlock, where it stops signals, lets a process reach itself: this is seccomp's. */
enum attempt_exit
attempt_kill_itself(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_kill, getpid(), 0) == 0);
}

/* The kernel sends signals for sockets, too. */
enum attempt_exit
attempt_signal_by_socket(const struct attempt_target *target)
{
	return judge(syscall(SYS_fcntl, LOAN_TCP, F_SETOWN, target->sibling) == 0);
}

enum attempt_exit
attempt_setuid(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_setresuid, 0, 0, 0) == 0);
}

enum attempt_exit
attempt_unshare(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_unshare, CLONE_NEWUSER) == 0);
}

enum attempt_exit
attempt_new_code(const struct attempt_target *target)
{
	(void)target;
	return judge(
	    syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) > 0);
}

enum attempt_exit
attempt_new_code_later(const struct attempt_target *target)
{
	(void)target;
	long page = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return judge(page > 0 && syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC) == 0);
}
