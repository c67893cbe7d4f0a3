/* The datagrams of lib/datagram.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lib/datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One is all that a good peer sends. */
enum { DESCRIPTORS_MAX = 4 };

ssize_t
datagram_send(int fd, struct span bytes, int descriptor)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec vector = { .iov_base = (char *)(uintptr_t)bytes.data, .iov_len = bytes.length };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
	ssize_t sent;

	if (descriptor >= 0) {
		header.msg_control = control.space;
		header.msg_controllen = sizeof control.space;
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &descriptor, sizeof descriptor);
	}
	do {
		/* send() where no descriptor travels: processes that are lent UDP sockets may not call sendmsg. */
		sent = descriptor >= 0 ? sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT)
				       : send(fd, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

static void
take_descriptors(struct msghdr *header, struct enclosed *enclosed)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
			if (enclosed->descriptors++ == 0)
				enclosed->descriptor = fd;
			else
				(void)close(fd);
		}
	}
}

ssize_t
datagram_receive(int fd, char *room, size_t room_bytes, struct enclosed *enclosed)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control;
	struct iovec vector = { .iov_base = room, .iov_len = room_bytes };
	struct msghdr header = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof control.space };
	ssize_t got;

	*enclosed = (struct enclosed){ .descriptor = -1 };
	do {
		got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return got;
	take_descriptors(&header, enclosed);
	enclosed->flags = header.msg_flags;
	return got;
}
