/* Attempts at the network: sockets of one's own, and lent ones turned to another use.
 *
 * Trust: see lib/attempt.h.
 * On failure: see lib/attempt.h.
 */
#include "lib/attempt_tries.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sockaddr_in
address_of(const struct attempt_target *target)
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

enum attempt_exit
attempt_socket(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0);
}

enum attempt_exit
attempt_socket_unix(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) >= 0);
}

enum attempt_exit
attempt_socket_netlink(const struct attempt_target *target)
{
	(void)target;
	return judge(syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0) >= 0);
}

static bool
connects(int fd, const struct attempt_target *target)
{
	struct sockaddr_in address = address_of(target);

	return syscall(SYS_connect, fd, &address, sizeof address) == 0 || errno == EINPROGRESS;
}

enum attempt_exit
attempt_connect(const struct attempt_target *target)
{
	return is_lent(LOAN_TCP) ? judge(connects(LOAN_TCP, target)) : ATTEMPT_NO_LOAN;
}

/* Landlock stops TCP alone, where it stops anything: this is seccomp's. */
enum attempt_exit
attempt_connect_udp(const struct attempt_target *target)
{
	return is_lent(LOAN_UDP) ? judge(connects(LOAN_UDP, target)) : ATTEMPT_NO_LOAN;
}

enum attempt_exit
attempt_bind(const struct attempt_target *target)
{
	struct sockaddr_in address = address_of(target);

	address.sin_port = 0;
	if (!is_lent(LOAN_TCP))
		return ATTEMPT_NO_LOAN;
	return judge(syscall(SYS_bind, LOAN_TCP, &address, sizeof address) == 0);
}

enum attempt_exit
attempt_listen(const struct attempt_target *target)
{
	(void)target;
	return is_lent(LOAN_TCP) ? judge(syscall(SYS_listen, LOAN_TCP, 1) == 0) : ATTEMPT_NO_LOAN;
}

/* A listener, or any socket, that has been shut down may be connected anew, even from an empty network namespace. */
enum attempt_exit
attempt_shutdown_connect(const struct attempt_target *target)
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
sends(int fd, enum sender sender, int flags, const struct attempt_target *target)
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
try_fastopen(int fd, enum sender sender, const struct attempt_target *target)
{
	if (!is_lent(fd))
		return ATTEMPT_NO_LOAN;
	return judge(sends(fd, sender, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL, target));
}

static enum attempt_exit
try_fastopen_fresh(enum sender sender, const struct attempt_target *target)
{
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? ATTEMPT_REFUSED : try_fastopen(fd, sender, target);
}

static enum attempt_exit
try_udp_elsewhere(enum sender sender, const struct attempt_target *target)
{
	if (!is_lent(LOAN_UDP))
		return ATTEMPT_NO_LOAN;
	return judge(sends(LOAN_UDP, sender, MSG_DONTWAIT | MSG_NOSIGNAL, target));
}

/* clang-format off */
#define SENDER_ATTEMPTS(suffix, how)                                                                                  \
	enum attempt_exit attempt_fastopen_fresh_##suffix(const struct attempt_target *target)                        \
	{                                                                                                             \
		return try_fastopen_fresh(how, target);                                                               \
	}                                                                                                             \
	enum attempt_exit attempt_fastopen_lent_##suffix(const struct attempt_target *target)                         \
	{                                                                                                             \
		return try_fastopen(LOAN_TCP, how, target);                                                           \
	}                                                                                                             \
	enum attempt_exit attempt_fastopen_refused_##suffix(const struct attempt_target *target)                      \
	{                                                                                                             \
		return try_fastopen(LOAN_REFUSED, how, target);                                                       \
	}                                                                                                             \
	enum attempt_exit attempt_udp_elsewhere_##suffix(const struct attempt_target *target)                         \
	{                                                                                                             \
		return try_udp_elsewhere(how, target);                                                                \
	}

SENDER_ATTEMPTS(sendto, BY_SENDTO)
SENDER_ATTEMPTS(sendmsg, BY_SENDMSG)
SENDER_ATTEMPTS(sendmmsg, BY_SENDMMSG)
/* clang-format on */

/* The rules allow sendmsg on the numbers of the edges: a socket may be moved there. */
enum attempt_exit
attempt_fastopen_moved(const struct attempt_target *target)
{
	if (!is_lent(LOAN_TCP))
		return ATTEMPT_NO_LOAN;
	if (syscall(SYS_dup3, LOAN_TCP, FD_EDGES, O_CLOEXEC) < 0)
		return ATTEMPT_REFUSED;
	return try_fastopen(FD_EDGES, BY_SENDMSG, target);
}

enum attempt_exit
attempt_udp_moved(const struct attempt_target *target)
{
	if (!is_lent(LOAN_UDP))
		return ATTEMPT_NO_LOAN;
	if (syscall(SYS_dup3, LOAN_UDP, FD_EDGES, O_CLOEXEC) < 0)
		return ATTEMPT_REFUSED;
	return judge(sends(FD_EDGES, BY_SENDMSG, MSG_DONTWAIT | MSG_NOSIGNAL, target));
}

enum attempt_exit
attempt_tcp_repair(const struct attempt_target *target)
{
	(void)target;
	if (!is_lent(LOAN_TCP))
		return ATTEMPT_NO_LOAN;
	return judge(syscall(SYS_setsockopt, LOAN_TCP, IPPROTO_TCP, TCP_REPAIR, &(int){ 1 }, sizeof(int)) == 0);
}

/* With this option the next connect() or send of the socket may carry data in its SYN. Any option would do: none may be
 * set. */
enum attempt_exit
attempt_fastopen_option(const struct attempt_target *target)
{
	(void)target;
	if (!is_lent(LOAN_TCP))
		return ATTEMPT_NO_LOAN;
	return judge(
	    syscall(SYS_setsockopt, LOAN_TCP, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 }, sizeof(int)) == 0);
}

/* ioctl(), which has a command for everything. */
enum attempt_exit
attempt_interfaces(const struct attempt_target *target)
{
	struct ifconf list = { .ifc_len = 0 };

	(void)target;
	if (!is_lent(LOAN_TCP))
		return ATTEMPT_NO_LOAN;
	return judge(syscall(SYS_ioctl, LOAN_TCP, SIOCGIFCONF, &list) == 0);
}
