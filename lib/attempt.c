/* The table of lib/attempt.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lib/attempt.h"

#include <stdbool.h>
#include <sys/types.h>

#include "lib/attempt_tries.h"

static const struct attempt {
	const char *name;
	attempt_try *try;
} attempts[] = {
	{ "socket", attempt_socket },
	{ "socket-unix", attempt_socket_unix },
	{ "socket-netlink", attempt_socket_netlink },
	{ "connect", attempt_connect },
	{ "connect-udp", attempt_connect_udp },
	{ "bind", attempt_bind },
	{ "listen", attempt_listen },
	{ "shutdown-connect", attempt_shutdown_connect },
	{ "fastopen-fresh-sendto", attempt_fastopen_fresh_sendto },
	{ "fastopen-fresh-sendmsg", attempt_fastopen_fresh_sendmsg },
	{ "fastopen-fresh-sendmmsg", attempt_fastopen_fresh_sendmmsg },
	{ "fastopen-lent-sendto", attempt_fastopen_lent_sendto },
	{ "fastopen-lent-sendmsg", attempt_fastopen_lent_sendmsg },
	{ "fastopen-lent-sendmmsg", attempt_fastopen_lent_sendmmsg },
	{ "fastopen-refused-sendto", attempt_fastopen_refused_sendto },
	{ "fastopen-refused-sendmsg", attempt_fastopen_refused_sendmsg },
	{ "fastopen-refused-sendmmsg", attempt_fastopen_refused_sendmmsg },
	{ "fastopen-moved-sendmsg", attempt_fastopen_moved },
	{ "udp-elsewhere-sendto", attempt_udp_elsewhere_sendto },
	{ "udp-elsewhere-sendmsg", attempt_udp_elsewhere_sendmsg },
	{ "udp-elsewhere-sendmmsg", attempt_udp_elsewhere_sendmmsg },
	{ "udp-moved-sendmsg", attempt_udp_moved },
	{ "tcp-repair", attempt_tcp_repair },
	{ "fastopen-option", attempt_fastopen_option },
	{ "interfaces", attempt_interfaces },
	{ "exec", attempt_exec },
	{ "fork", attempt_fork },
	{ "open", attempt_open },
	{ "open-above-folders", attempt_open_above_folders },
	{ "map-write", attempt_map_write },
	{ "map-pwrite", attempt_map_pwrite },
	{ "map-truncate", attempt_map_truncate },
	{ "map-mmap", attempt_map_mmap },
	{ "log-truncate", attempt_log_truncate },
	{ "log-rewind", attempt_log_rewind },
	{ "log-overwrite", attempt_log_overwrite },
	{ "io-uring", attempt_io_uring },
	{ "ptrace", attempt_ptrace },
	{ "kill", attempt_kill },
	{ "kill-itself", attempt_kill_itself },
	{ "signal-by-socket", attempt_signal_by_socket },
	{ "setuid", attempt_setuid },
	{ "unshare", attempt_unshare },
	{ "new-code", attempt_new_code },
	{ "new-code-later", attempt_new_code_later },
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
	static const struct {
		enum role role;
		const char *name;
	} jobs[] = {
		{ ROLE_CALLER, "socket" },
		{ ROLE_CALLER, "socket-unix" },
		{ ROLE_CALLER, "connect" },
		{ ROLE_CALLER, "connect-udp" },
		{ ROLE_CALLER, "shutdown-connect" },
		/* They pass descriptors on by sendmsg(); to the door and smtpd nobody lends a UDP socket. */
		{ ROLE_CALLER, "udp-moved-sendmsg" },
		{ ROLE_DOOR, "udp-moved-sendmsg" },
		{ ROLE_SMTPD, "udp-moved-sendmsg" },
	};

	for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
		if (role == jobs[i].role && strcmp(name, jobs[i].name) == 0)
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
	struct attempt_target target = { 0 };

	target.port = (uint16_t)take_number(&rest);
	target.sibling = (pid_t)take_number(&rest);
	for (size_t i = 0; i < attempt_count(); i++)
		if (strlen(attempts[i].name) == length && memcmp(attempts[i].name, order, length) == 0)
			return attempts[i].try(&target);
	return ATTEMPT_UNKNOWN;
}
