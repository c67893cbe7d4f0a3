/* The plan of lib/plan.h: who runs as whom, sees what, may call what, and talks to whom.
 *
 * The lists of system calls are allow-lists: anything else kills the process. Calls that could reach the network or
 * a neighbour's descriptor are allowed only with conditions on their arguments; docs/THREATS.md says why each is there.
 *
 * On failure: nothing here can fail.
 */
#include "lib/plan.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/bug.h"

enum { MEBIBYTE = 1 << 20 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
/* Every process: memory, time, its event loop, its end. */
#define CALLS_OF_ALL                                                                                                   \
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(close),        \
	    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(clock_gettime),                 \
	    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid),           \
	    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),       \
	    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(pread64),           \
	    SANITIZER_CALLS - 1

/* What the sanitizers' run-time needs; never in a build that serves. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER_CALLS                                                                                                \
	SCMP_SYS(sigaltstack), SCMP_SYS(readlink), SCMP_SYS(sched_yield), SCMP_SYS(getrusage), SCMP_SYS(prctl),        \
	    SCMP_SYS(rseq), SCMP_SYS(set_robust_list), SCMP_SYS(sched_getaffinity), SCMP_SYS(prlimit64),
#else
#define SANITIZER_CALLS
#endif
/* clang-format on */

/* clang-format off */
#define IF_FLAGS_WITHIN(argument, flags) { (argument), RULE_FLAGS_WITHIN, (flags) }
#define IF_HAS_FLAGS(argument, flags)    { (argument), RULE_HAS_FLAGS, (flags) }
#define IF_EQUALS(argument, value)       { (argument), RULE_EQUALS, (value) }
#define IF_BELOW(argument, limit)        { (argument), RULE_BELOW, (limit) }
#define IF_NULL(argument)                { (argument), RULE_IS_NULL, 0 }
#define WHEN(call, ...)                  { SCMP_SYS(call), { __VA_ARGS__ } }

#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)

/* No code can be made: mmap and mprotect never with PROT_EXEC. Messages with descriptors come from edges only, and a
 * renewed edge takes its old, fixed number. sendto with an address would send anywhere from a lent UDP socket, and
 * with MSG_FASTOPEN it would connect a TCP socket: neither an address nor such a flag is let through. */
#define RULES_OF_ALL                                                                                                   \
	WHEN(mmap, IF_FLAGS_WITHIN(2, PROT_READ | PROT_WRITE)),                                                        \
	WHEN(mprotect, IF_FLAGS_WITHIN(2, PROT_READ | PROT_WRITE)),                                                    \
	WHEN(recvmsg, IF_BELOW(0, FD_EDGES_END)),                                                                      \
	WHEN(dup3, IF_BELOW(1, FD_EDGES_END)),                                                                         \
	WHEN(shutdown, IF_BELOW(0, FD_EDGES_END)),                                                                     \
	WHEN(sendto, IF_FLAGS_WITHIN(3, SEND_FLAGS), IF_NULL(4))

/* sendmsg carries an address that a filter cannot see: only on edges, which are no Internet sockets. */
#define SENDMSG_ON_EDGES WHEN(sendmsg, IF_BELOW(0, FD_EDGES_END), IF_FLAGS_WITHIN(2, SEND_FLAGS))
/* Processes that write no files, and no peers by write(), may still write the log. */
#define WRITE_TO_LOG     WHEN(write, IF_EQUALS(0, FD_LOG))
#define FCNTL(command)   WHEN(fcntl, IF_EQUALS(1, (command)))

static const int door_calls[] = { SCMP_SYS(accept4), CALLS_OF_ALL };
static const struct plan_rule door_rules[] = {
	RULES_OF_ALL, SENDMSG_ON_EDGES, WRITE_TO_LOG, FCNTL(F_DUPFD_CLOEXEC),
};

static const int caller_calls[] = { SCMP_SYS(connect), SCMP_SYS(getsockopt), CALLS_OF_ALL };
static const struct plan_rule caller_rules[] = {
	RULES_OF_ALL, SENDMSG_ON_EDGES, WRITE_TO_LOG, FCNTL(F_DUPFD_CLOEXEC),
	WHEN(socket, IF_EQUALS(0, AF_INET)),
	WHEN(socket, IF_EQUALS(0, AF_INET6)),
	WHEN(socket, IF_EQUALS(0, AF_UNIX), IF_EQUALS(1, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)),
	WHEN(fchdir, IF_EQUALS(0, FD_FOLDER)),
};

/* smtpd reads and writes its clients, writes bodies to its spool folder, seals memory files, asks whether the client's
 * kernel has acknowledged a reply, and sends its FIN with its last words, or while it waits for the client's. In
 * the middle of a TLS handshake it waits for keys, and for nobody else: poll of one descriptor. */
static const int smtpd_calls[] = {
	SCMP_SYS(read), SCMP_SYS(recvfrom), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(openat), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(memfd_create),
	SCMP_SYS(getsockname), CALLS_OF_ALL
};
static const struct plan_rule smtpd_rules[] = {
	RULES_OF_ALL, SENDMSG_ON_EDGES, FCNTL(F_DUPFD_CLOEXEC), FCNTL(F_ADD_SEALS), FCNTL(F_GET_SEALS),
	WHEN(ioctl, IF_EQUALS(1, SIOCOUTQ)),
	WHEN(shutdown, IF_EQUALS(1, SHUT_WR)),
	WHEN(poll, IF_EQUALS(1, 1)),
	WHEN(sendto, IF_FLAGS_WITHIN(3, SEND_FLAGS | MSG_MORE), IF_NULL(4)),
};

/* dns talks on lent sockets by send() and recv() alone. */
static const int dns_calls[] = { SCMP_SYS(recvfrom), CALLS_OF_ALL };
static const struct plan_rule dns_rules[] = { RULES_OF_ALL, WRITE_TO_LOG };

/* auth speaks to Dovecot, where that is configured, on a connection that the caller has made, by send() and recv(). It
 * knows nobody else. */
static const int auth_calls[] = { SCMP_SYS(recvfrom), CALLS_OF_ALL };
static const struct plan_rule auth_rules[] = { RULES_OF_ALL, WRITE_TO_LOG, FCNTL(F_DUPFD_CLOEXEC) };

/* keys answers on its channels. It calls nobody and opens nothing. */
static const int keys_calls[] = { CALLS_OF_ALL };
static const struct plan_rule keys_rules[] = { RULES_OF_ALL, WRITE_TO_LOG };

/* deliver works on folders below its mailbox roots, with threads; it has no socket but its edges. libc's qsort asks how
 * much memory there is (sysinfo) before it sorts more than a kilobyte, and its malloc how many processors there are
 * (sched_getaffinity) before it makes threads that wait for each other an arena more. */
static const int deliver_calls[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(openat), SCMP_SYS(openat2),
	SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(fsync),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlinkat), SCMP_SYS(mkdirat), SCMP_SYS(getdents64),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(sched_yield), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(sysinfo),
	SCMP_SYS(sched_getaffinity), CALLS_OF_ALL
};
static const struct plan_rule deliver_rules[] = {
	RULES_OF_ALL, FCNTL(F_DUPFD_CLOEXEC), FCNTL(F_GETFL), FCNTL(F_SETFD), FCNTL(F_GET_SEALS),
	WHEN(clone, IF_HAS_FLAGS(0, CLONE_VM | CLONE_THREAD)),
};
/* clang-format on */

#define CALLS(list) .system_calls = (list), .system_call_count = COUNT(list) - 1
#define RULES(list) .rules = (list), .rule_count = COUNT(list)

static const struct plan_row rows[ROLE_COUNT] = {
	[ROLE_MASTER] = { .role = ROLE_MASTER, .name = "tidegate", .short_name = "master" },
	[ROLE_DOOR] = { .role = ROLE_DOOR,
	    .name = "tidegate-door",
	    .short_name = "door",
	    .trust = 2,
	    .account = "tidegate-door",
	    .uid_offset = 0,
	    .view = VIEW_EMPTY,
	    .has_network = true,
	    .open_files = 4096,
	    .address_space_bytes = 512 * (rlim_t)MEBIBYTE,
	    CALLS(door_calls),
	    RULES(door_rules) },
	[ROLE_CALLER] = { .role = ROLE_CALLER,
	    .name = "tidegate-caller",
	    .short_name = "caller",
	    .trust = 3,
	    .account = "tidegate-caller",
	    .uid_offset = 1,
	    .view = VIEW_EMPTY,
	    .has_network = true,
	    .open_files = 1024,
	    .address_space_bytes = 512 * (rlim_t)MEBIBYTE,
	    CALLS(caller_calls),
	    RULES(caller_rules) },
	[ROLE_SMTPD] = { .role = ROLE_SMTPD,
	    .name = "tidegate-smtpd",
	    .short_name = "smtpd",
	    .trust = 1,
	    .account = "tidegate-smtpd",
	    .uid_offset = 2,
	    .instances = PLAN_PER_CORE,
	    .view = VIEW_SPOOL,
	    .has_files = true,
	    CALLS(smtpd_calls),
	    RULES(smtpd_rules) },
	[ROLE_DNS] = { .role = ROLE_DNS,
	    .name = "tidegate-dns",
	    .short_name = "dns",
	    .trust = 1,
	    .account = "tidegate-dns",
	    .uid_offset = 3,
	    .instances = PLAN_PER_CORE,
	    .view = VIEW_EMPTY,
	    .open_files = 1024,
	    .address_space_bytes = 1024 * (rlim_t)MEBIBYTE,
	    CALLS(dns_calls),
	    RULES(dns_rules) },
	[ROLE_AUTH] = { .role = ROLE_AUTH,
	    .name = "tidegate-auth",
	    .short_name = "auth",
	    .trust = 2,
	    .account = "tidegate-auth",
	    .uid_offset = 5,
	    .view = VIEW_EMPTY,
	    .open_files = 256,
	    .address_space_bytes = 2048 * (rlim_t)MEBIBYTE,
	    CALLS(auth_calls),
	    RULES(auth_rules) },
	[ROLE_KEYS] = { .role = ROLE_KEYS,
	    .name = "tidegate-keys",
	    .short_name = "keys",
	    .trust = 3,
	    .account = "tidegate-keys",
	    .uid_offset = 6,
	    .view = VIEW_EMPTY,
	    .open_files = 256,
	    .address_space_bytes = 512 * (rlim_t)MEBIBYTE,
	    CALLS(keys_calls),
	    RULES(keys_rules) },
	[ROLE_DELIVER] = { .role = ROLE_DELIVER,
	    .name = "tidegate-deliver",
	    .short_name = "deliver",
	    .trust = 3,
	    .uid_offset = 10,
	    .view = VIEW_EMPTY,
	    .has_files = true,
	    .has_threads = true,
	    .open_files = 8192,
	    CALLS(deliver_calls),
	    RULES(deliver_rules) },
};

/* The edges; an edge between two roles of which there is one a core joins equal numbers. */
static const struct {
	enum role a;
	enum role b;
} edges[] = { { ROLE_DOOR, ROLE_SMTPD }, { ROLE_SMTPD, ROLE_DNS }, { ROLE_SMTPD, ROLE_DELIVER },
	{ ROLE_CALLER, ROLE_DNS }, { ROLE_SMTPD, ROLE_AUTH }, { ROLE_CALLER, ROLE_AUTH }, { ROLE_SMTPD, ROLE_KEYS } };

const struct plan_row *
plan_row(enum role role)
{
	if (role >= ROLE_COUNT)
		BUG("a role that is not in the plan");
	return &rows[role];
}

unsigned
plan_count(enum role role, unsigned cores)
{
	return plan_row(role)->instances == PLAN_PER_CORE ? cores : 1;
}

unsigned
plan_neighbours(
    enum role role, unsigned instance, unsigned cores, struct plan_neighbour neighbours[static PLAN_NEIGHBOURS_MAX])
{
	unsigned count = 0;

	if (cores == 0 || cores > PLAN_CORES_MAX)
		BUG("a number of cores out of range");
	for (size_t i = 0; i < COUNT(edges); i++) {
		if (edges[i].a != role && edges[i].b != role)
			continue;
		enum role peer = edges[i].a == role ? edges[i].b : edges[i].a;
		bool pairs = plan_row(role)->instances == PLAN_PER_CORE && plan_row(peer)->instances == PLAN_PER_CORE;
		unsigned first = pairs ? instance : 0;
		unsigned end = pairs ? instance + 1 : plan_count(peer, cores);

		for (unsigned n = first; n < end; n++) {
			neighbours[count] = (struct plan_neighbour){ peer, n, FD_EDGES + (int)count };
			count++;
		}
	}
	return count;
}

int
plan_edge_descriptor(enum role role, unsigned instance, unsigned cores, enum role peer, unsigned peer_instance)
{
	struct plan_neighbour neighbours[PLAN_NEIGHBOURS_MAX];
	unsigned count = plan_neighbours(role, instance, cores, neighbours);

	for (unsigned i = 0; i < count; i++)
		if (neighbours[i].role == peer && neighbours[i].instance == peer_instance)
			return neighbours[i].descriptor;
	return -1;
}
