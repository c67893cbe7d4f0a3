/* The attempts themselves, for the table in lib/attempt.c: each a few bare system calls, since libc must not look for
 * another way, nor refuse by itself.
 *
 * Trust: see lib/attempt.h. The destination is a listener of selftest's own on loopback.
 * On failure: see lib/attempt.h.
 */
#ifndef TIDEGATE_LIB_ATTEMPT_TRIES_H
#define TIDEGATE_LIB_ATTEMPT_TRIES_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/attempt_terms.h"

struct attempt_target {
	uint16_t port; /* of 127.0.0.1 */
	pid_t sibling;
};

typedef enum attempt_exit attempt_try(const struct attempt_target *target);

/* lib/attempt_network.c */
attempt_try attempt_socket;
attempt_try attempt_socket_unix;
attempt_try attempt_socket_netlink;
attempt_try attempt_connect;
attempt_try attempt_connect_udp;
attempt_try attempt_bind;
attempt_try attempt_listen;
attempt_try attempt_shutdown_connect;
attempt_try attempt_fastopen_fresh_sendto;
attempt_try attempt_fastopen_fresh_sendmsg;
attempt_try attempt_fastopen_fresh_sendmmsg;
attempt_try attempt_fastopen_lent_sendto;
attempt_try attempt_fastopen_lent_sendmsg;
attempt_try attempt_fastopen_lent_sendmmsg;
attempt_try attempt_fastopen_refused_sendto;
attempt_try attempt_fastopen_refused_sendmsg;
attempt_try attempt_fastopen_refused_sendmmsg;
attempt_try attempt_fastopen_moved;
attempt_try attempt_udp_elsewhere_sendto;
attempt_try attempt_udp_elsewhere_sendmsg;
attempt_try attempt_udp_elsewhere_sendmmsg;
attempt_try attempt_udp_moved;
attempt_try attempt_tcp_repair;
attempt_try attempt_fastopen_option;
attempt_try attempt_interfaces;

/* lib/attempt_system.c */
attempt_try attempt_exec;
attempt_try attempt_fork;
attempt_try attempt_open;
attempt_try attempt_open_above_folders;
attempt_try attempt_map_write;
attempt_try attempt_map_pwrite;
attempt_try attempt_map_truncate;
attempt_try attempt_map_mmap;
attempt_try attempt_log_truncate;
attempt_try attempt_log_rewind;
attempt_try attempt_log_overwrite;
attempt_try attempt_io_uring;
attempt_try attempt_ptrace;
attempt_try attempt_kill;
attempt_try attempt_kill_itself;
attempt_try attempt_signal_by_socket;
attempt_try attempt_setuid;
attempt_try attempt_unshare;
attempt_try attempt_new_code;
attempt_try attempt_new_code_later;

#endif
