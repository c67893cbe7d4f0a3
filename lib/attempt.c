/* The attempts of lib/attempt.h, each a few bare system calls: libc must not look for another way, nor refuse by
 * itself.
 *
 * Trust: see the header. The destination is a listener of selftest's own on loopback.
 * On failure: see the header.
 */
#include "lib/attempt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct target {
	uint16_t port; /* of 127.0.0.1 */
	pid_t sibling;
};

static struct sockaddr_in
address_of(const struct target *target)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(target->port) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static enum attempt_exit
judge(bool has_succeeded)
{
	return has_succeeded ? ATTEMPT_SUCCEEDED : ATTEMPT_REFUSED;
}

static bool
is_lent(int fd)
{
	return syscall(SYS_fstat, fd, &(char[512]){ 0 }) == 0;
}

static enum attempt_exit
try_socket(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0);
}

static enum attempt_exit
try_socket_unix(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) >= 0);
}

static enum attempt_exit
try_socket_netlink(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0) >= 0);
}

static bool
connects(int fd, const struct target *target)
{
	struct sockaddr_in address = address_of(target);

	return syscall(SYS_connect, fd, &address, sizeof address) == 0 || errno == EINPROGRESS;
}

static enum attempt_exit
try_connect(const struct target *target)
{
	return is_lent(LOAN_TCP) ? judge(connects(LOAN_TCP, target)) : ATTEMPT_NO_LOAN;
}

static enum attempt_exit
try_bind(const struct target *target)
{
	struct sockaddr_in address = address_of(target);

	address.sin_port = 0;
	if (!is_lent(LOAN_TCP))
		return ATTEMPT_NO_LOAN;
	return judge(syscall(SYS_bind, LOAN_TCP, &address, sizeof address) == 0);
}

static enum attempt_exit
try_listen(const struct target *target)
{
	(void)target;
	return is_lent(LOAN_TCP) ? judge(syscall(SYS_listen, LOAN_TCP, 1) == 0) : ATTEMPT_NO_LOAN;
}

/* A listener, or any socket, that has been shut down may be connected anew, even from an empty network namespace. */
static enum attempt_exit
try_shutdown_connect(const struct target *target)
{
	for (int fd = 0; fd < LOAN_END; fd++) {
		(void)syscall(SYS_shutdown, fd, SHUT_RDWR);
		if (connects(fd, target))
			return ATTEMPT_SUCCEEDED;
	}
	return ATTEMPT_REFUSED;
}

enum sender { BY_SENDTO, BY_SENDMSG, BY_SENDMMSG };

/* Sends one byte to the target, whatever the socket was connected to. */
static bool
sends(int fd, enum sender sender, int flags, const struct target *target)
{
	struct sockaddr_in address = address_of(target);
	struct iovec byte = { .iov_base = (char[1]){ 'x' }, .iov_len = 1 };
	struct mmsghdr message = {
		.msg_hdr = { .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &byte, .msg_iovlen = 1 }
	};
	long sent = -1;

	switch (sender) {
	case BY_SENDTO:
		sent = syscall(SYS_sendto, fd, byte.iov_base, byte.iov_len, flags, &address, sizeof address);
		break;
	case BY_SENDMSG:
		sent = syscall(SYS_sendmsg, fd, &message.msg_hdr, flags);
		break;
	case BY_SENDMMSG:
		sent = syscall(SYS_sendmmsg, fd, &message, 1, flags);
		break;
	}
	return sent > 0 || (sent < 0 && errno == EINPROGRESS);
}

/* MSG_FASTOPEN connects where connect() is denied. */
static enum attempt_exit
try_fastopen(int fd, enum sender sender, const struct target *target)
{
	if (!is_lent(fd))
		return ATTEMPT_NO_LOAN;
	return judge(sends(fd, sender, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL, target));
}

static enum attempt_exit
try_fastopen_fresh(enum sender sender, const struct target *target)
{
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? ATTEMPT_REFUSED : try_fastopen(fd, sender, target);
}

static enum attempt_exit
try_udp_elsewhere(enum sender sender, const struct target *target)
{
	if (!is_lent(LOAN_UDP))
		return ATTEMPT_NO_LOAN;
	return judge(sends(LOAN_UDP, sender, MSG_DONTWAIT | MSG_NOSIGNAL, target));
}

/* clang-format off */
#define SENDER_ATTEMPTS(suffix, how)                                                                                   \
	static enum attempt_exit try_fastopen_fresh_##suffix(const struct target *target)                              \
	{                                                                                                              \
		return try_fastopen_fresh(how, target);                                                                \
	}                                                                                                              \
	static enum attempt_exit try_fastopen_lent_##suffix(const struct target *target)                               \
	{                                                                                                              \
		return try_fastopen(LOAN_TCP, how, target);                                                            \
	}                                                                                                              \
	static enum attempt_exit try_fastopen_refused_##suffix(const struct target *target)                            \
	{                                                                                                              \
		return try_fastopen(LOAN_REFUSED, how, target);                                                        \
	}                                                                                                              \
	static enum attempt_exit try_udp_elsewhere_##suffix(const struct target *target)                               \
	{                                                                                                              \
		return try_udp_elsewhere(how, target);                                                                 \
	}

SENDER_ATTEMPTS(sendto, BY_SENDTO)
SENDER_ATTEMPTS(sendmsg, BY_SENDMSG)
SENDER_ATTEMPTS(sendmmsg, BY_SENDMMSG)
/* clang-format on */

/* The rules allow sendmsg on the numbers of the edges: a socket may be moved there. */
static enum attempt_exit
try_fastopen_moved(const struct target *target)
{
	if (!is_lent(LOAN_TCP))
		return ATTEMPT_NO_LOAN;
	if (syscall(SYS_dup3, LOAN_TCP, FD_EDGES, O_CLOEXEC) < 0)
		return ATTEMPT_REFUSED;
	return try_fastopen(FD_EDGES, BY_SENDMSG, target);
}

static enum attempt_exit
try_exec(const struct target *target)
{
	char *const words[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "exit 77" }, NULL };
	char *const nothing[] = { NULL };

	(void)target;
	(void)syscall(SYS_execve, "/bin/sh", words, nothing);
	return ATTEMPT_REFUSED;
}

static enum attempt_exit
try_fork(const struct target *target)
{
	(void)target;
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);

	if (pid == 0)
		_exit(0);
	return judge(pid > 0);
}

static enum attempt_exit
try_open(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0) >= 0 ||
		     syscall(SYS_openat, AT_FDCWD, "../../../../../../../../etc/passwd", O_RDONLY, 0) >= 0);
}

/* A folder descriptor from outside of a chroot leads out of it, unless something else stands in the way. */
static enum attempt_exit
try_open_above_folders(const struct target *target)
{
	(void)target;
	for (int fd = 0; fd < LOAN_END + 64; fd++)
		if (syscall(SYS_openat, fd, "../../../../../../../../../../../../etc/passwd", O_RDONLY, 0) >= 0)
			return ATTEMPT_SUCCEEDED;
	return ATTEMPT_REFUSED;
}

static enum attempt_exit
try_map_write(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_write, FD_MAP, "x", 1) == 1);
}

static enum attempt_exit
try_map_pwrite(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_pwrite64, FD_MAP, "x", 1, 0) == 1);
}

static enum attempt_exit
try_map_truncate(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_ftruncate, FD_MAP, 0) == 0);
}

static enum attempt_exit
try_map_mmap(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, FD_MAP, 0) > 0);
}

static enum attempt_exit
try_io_uring(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_io_uring_setup, 1, &(char[512]){ 0 }) >= 0);
}

static enum attempt_exit
try_ptrace(const struct target *target)
{
	return judge(syscall(SYS_ptrace, PTRACE_ATTACH, target->sibling, NULL, NULL) == 0);
}

static enum attempt_exit
try_kill(const struct target *target)
{
	return judge(syscall(SYS_kill, target->sibling, SIGCONT) == 0);
}

static enum attempt_exit
try_tcp_repair(const struct target *target)
{
	(void)target;
	if (!is_lent(LOAN_TCP))
		return ATTEMPT_NO_LOAN;
	return judge(syscall(SYS_setsockopt, LOAN_TCP, IPPROTO_TCP, TCP_REPAIR, &(int){ 1 }, sizeof(int)) == 0);
}

static enum attempt_exit
try_setuid(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_setresuid, 0, 0, 0) == 0);
}

static enum attempt_exit
try_unshare(const struct target *target)
{
	(void)target;
	return judge(syscall(SYS_unshare, CLONE_NEWUSER) == 0);
}

static enum attempt_exit
try_new_code(const struct target *target)
{
	(void)target;
	return judge(
	    syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) > 0);
}

static const struct attempt {
	const char *name;
	enum attempt_exit (*try)(const struct target *target);
} attempts[] = {
	{ "socket", try_socket },
	{ "socket-unix", try_socket_unix },
	{ "socket-netlink", try_socket_netlink },
	{ "connect", try_connect },
	{ "bind", try_bind },
	{ "listen", try_listen },
	{ "shutdown-connect", try_shutdown_connect },
	{ "fastopen-fresh-sendto", try_fastopen_fresh_sendto },
	{ "fastopen-fresh-sendmsg", try_fastopen_fresh_sendmsg },
	{ "fastopen-fresh-sendmmsg", try_fastopen_fresh_sendmmsg },
	{ "fastopen-lent-sendto", try_fastopen_lent_sendto },
	{ "fastopen-lent-sendmsg", try_fastopen_lent_sendmsg },
	{ "fastopen-lent-sendmmsg", try_fastopen_lent_sendmmsg },
	{ "fastopen-refused-sendto", try_fastopen_refused_sendto },
	{ "fastopen-refused-sendmsg", try_fastopen_refused_sendmsg },
	{ "fastopen-refused-sendmmsg", try_fastopen_refused_sendmmsg },
	{ "fastopen-moved-sendmsg", try_fastopen_moved },
	{ "udp-elsewhere-sendto", try_udp_elsewhere_sendto },
	{ "udp-elsewhere-sendmsg", try_udp_elsewhere_sendmsg },
	{ "udp-elsewhere-sendmmsg", try_udp_elsewhere_sendmmsg },
	{ "tcp-repair", try_tcp_repair },
	{ "exec", try_exec },
	{ "fork", try_fork },
	{ "open", try_open },
	{ "open-above-folders", try_open_above_folders },
	{ "map-write", try_map_write },
	{ "map-pwrite", try_map_pwrite },
	{ "map-truncate", try_map_truncate },
	{ "map-mmap", try_map_mmap },
	{ "io-uring", try_io_uring },
	{ "ptrace", try_ptrace },
	{ "kill", try_kill },
	{ "setuid", try_setuid },
	{ "unshare", try_unshare },
	{ "new-code", try_new_code },
};

size_t
attempt_count(void)
{
	return sizeof attempts / sizeof attempts[0];
}

const char *
attempt_name(size_t index)
{
	return attempts[index].name;
}

bool
attempt_is_its_job(enum role role, const char *name)
{
	static const char *const callers[] = { "socket", "connect", "shutdown-connect" };

	for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++)
		if (role == ROLE_CALLER && strcmp(name, callers[i]) == 0)
			return true;
	return false;
}

/* Reads ":NUMBER" and moves *text behind it; 0 when there is none. */
static unsigned long
take_number(const char **text)
{
	char *end;

	if (**text != ':')
		return 0;
	unsigned long number = strtoul(*text + 1, &end, 10);
	*text = end;
	return number;
}

enum attempt_exit
attempt_run(const char *order)
{
	size_t length = strcspn(order, ":");
	const char *rest = order + length;
	struct target target = { 0 };

	target.port = (uint16_t)take_number(&rest);
	target.sibling = (pid_t)take_number(&rest);
	for (size_t i = 0; i < attempt_count(); i++)
		if (strlen(attempts[i].name) == length && memcmp(attempts[i].name, order, length) == 0)
			return attempts[i].try(&target);
	return ATTEMPT_UNKNOWN;
}
