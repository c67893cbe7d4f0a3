/* Reading /proc/PID/status for control/running.h.
 *
 * On failure: see the header.
 */
#include "control/running.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { STATUS_LIMIT_BYTES = 8192, PATH_SIZE = 64 };

/* The value of the line "NAME:\tVALUE", trimmed; empty when there is none. */
static struct span
find_value(struct span status, const char *name)
{
	struct span wanted = span_of(name);

	while (status.length) {
		struct span line = span_take(status, span_find(status, '\n'));

		status = span_skip(status, line.length + 1);
		if (span_starts_nocase(line, wanted) && line.length > wanted.length && line.data[wanted.length] == ':')
			return span_trim(span_skip(line, wanted.length + 1));
	}
	return span_make("", 0);
}

static void
expect(struct span status, const char *name, const char *value, struct buf *problems)
{
	struct span found = find_value(status, name);

	if (span_equal(found, span_of(value)))
		return;
	if (problems->length)
		buf_append_text(problems, "; ");
	buf_printf(problems, "%s is \"", name);
	buf_append_escaped(problems, found);
	buf_printf(problems, "\" and not \"%s\"", value);
}

void
running_compare(struct span status, const struct account *account, struct buf *problems)
{
	char ids[PATH_SIZE];
	unsigned uid = (unsigned)account->uid;
	unsigned gid = (unsigned)account->gid;

	expect(status, "Seccomp", "2", problems);
	expect(status, "NoNewPrivs", "1", problems);
	(void)snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	expect(status, "Uid", ids, problems);
	(void)snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", gid, gid, gid, gid);
	expect(status, "Gid", ids, problems);
	expect(status, "CapEff", "0000000000000000", problems);
	expect(status, "CapPrm", "0000000000000000", problems);
	/* An ordinary user cannot put his groups away. */
	if (geteuid() == 0)
		expect(status, "Groups", "", problems);
}

bool
running_check(pid_t pid, const struct account *account, struct buf *problems)
{
	char path[PATH_SIZE];
	char text[STATUS_LIMIT_BYTES];

	(void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		buf_printf(problems, "%s: %s", path, strerror(errno));
		return false;
	}
	ssize_t got = read(fd, text, sizeof text);
	(void)close(fd);
	running_compare(span_make(text, got > 0 ? (size_t)got : 0), account, problems);
	return true;
}
