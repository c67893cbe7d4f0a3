/* Datagrams between processes of one machine, with a descriptor: SOCK_SEQPACKET and SCM_RIGHTS.
 *
 * Trust: none in who is at the other end. Whatever number of descriptors came, none is left behind.
 * On failure: -1 with errno, as send(2) and recv(2).
 */
#ifndef TIDEGATE_LIB_DATAGRAM_H
#define TIDEGATE_LIB_DATAGRAM_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/span.h"

/* What came besides the bytes. */
struct enclosed {
	int flags;            /* of recvmsg: MSG_TRUNC, MSG_CTRUNC */
	int descriptor;       /* the first, the caller's; -1: none */
	unsigned descriptors; /* how many came; all but the first are closed */
};

/* Sends one datagram, without waiting. The descriptor (-1: none) stays the caller's. */
ssize_t datagram_send(int fd, struct span bytes, int descriptor);
/* Receives one, without waiting. Descriptors are close-on-exec. */
ssize_t datagram_receive(int fd, char *room, size_t room_bytes, struct enclosed *enclosed);

#endif
