/* The datagrams of control/notify.h.
 *
 * On failure: a manager that does not listen hears nothing; the server goes on.
 */
#include "control/notify.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"

enum { NOTIFY_LIMIT_BYTES = 256 };

static struct sockaddr_un manager;
static socklen_t manager_length; /* 0: nobody wants to know */

void
notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	if (length >= 2 && length < sizeof manager.sun_path && (path[0] == '/' || path[0] == '@')) {
		manager.sun_family = AF_UNIX;
		memcpy(manager.sun_path, path, length);
		/* "@…" is a name in the abstract namespace, which begins with a NUL. */
		if (path[0] == '@')
			manager.sun_path[0] = '\0';
		manager_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	}
	(void)unsetenv("NOTIFY_SOCKET");
}

static void
notify_send(struct span text)
{
	if (!manager_length)
		return;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(
	    fd, text.data, text.length, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&manager, manager_length);
	(void)close(fd);
}

void
notify_ready(void)
{
	struct buf text = BUF_LIMIT(NOTIFY_LIMIT_BYTES);

	buf_printf(&text, "READY=1\nMAINPID=%ld\n", (long)getpid());
	notify_send(buf_span(&text));
	buf_free(&text);
}

void
notify_reloading(void)
{
	struct buf text = BUF_LIMIT(NOTIFY_LIMIT_BYTES);

	/* Type=notify-reload wants to know when the reload began. */
	buf_printf(&text, "RELOADING=1\nMONOTONIC_USEC=%llu\n", (unsigned long long)clock_monotonic_us());
	notify_send(buf_span(&text));
	buf_free(&text);
}

void
notify_stopping(void)
{
	notify_send(SPAN("STOPPING=1\n"));
}
