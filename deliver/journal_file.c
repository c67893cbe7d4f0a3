/* The journal's file of deliver/journal_file.h.
 *
 * On failure: see deliver/journal_file.h.
 */
#include "deliver/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/durable_file.h"

enum {
	PIECE_BYTES = 65536,
	LINE_LIMIT_BYTES = 32 << 20, /* a commit to 5,000 mailboxes with the longest paths, all escaped, has less */
	LONG_BYTES = 16 << 20
};

static const char journal_name[] = "unread";
static const char fresh_name[] = "unread.fresh";

/* Takes the whole lines off the front of `text`. */
static void
take_lines(struct buf *text, void (*take)(void *context, struct journal_record *record), void *context)
{
	struct span rest = buf_span(text);
	size_t newline = span_find(rest, '\n');

	while (newline < rest.length) {
		struct journal_record record;

		if (journal_parse(span_take(rest, newline), &record))
			take(context, &record);
		rest = span_skip(rest, newline + 1);
		newline = span_find(rest, '\n');
	}
	buf_consume(text, text->length - rest.length);
}

/* One more piece of the file; 0 at its end, -1 on an error. */
static ssize_t
read_piece(int fd, struct buf *text)
{
	char *to = buf_reserve(text, PIECE_BYTES);
	ssize_t got;

	if (!to) {
		errno = EFBIG;
		return -1;
	}
	do {
		got = read(fd, to, PIECE_BYTES);
	} while (got < 0 && errno == EINTR);
	if (got > 0)
		text->length += (size_t)got;
	return got;
}

bool
journal_file_read(int folder, void (*take)(void *context, struct journal_record *record), void *context)
{
	struct buf text = BUF_LIMIT(LINE_LIMIT_BYTES);
	int fd = openat(folder, journal_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT;
	while (true) {
		got = read_piece(fd, &text);
		if (got <= 0)
			break;
		take_lines(&text, take, context);
	}
	int error = errno;
	buf_free(&text);
	(void)close(fd);
	errno = error;
	return got == 0;
}

/* Writes the new journal under its other name, durable, and moves it over the old one. The descriptor, or -1. */
static int
write_fresh(int folder, struct span lines)
{
	if (!durable_remove(folder, fresh_name))
		return -1;
	int fd = durable_create(folder, fresh_name);
	if (fd < 0)
		return -1;
	if (durable_write(fd, lines) && durable_sync(fd) && durable_rename_over(folder, fresh_name, journal_name))
		return fd;
	int error = errno;
	(void)close(fd);
	(void)durable_remove(folder, fresh_name);
	errno = error;
	return -1;
}

bool
journal_file_rewrite(struct journal_file *file, struct span lines)
{
	int fd = write_fresh(file->folder, lines);

	if (fd < 0) {
		/* Not again at each append. */
		file->long_bytes = file->length_bytes + LONG_BYTES;
		return false;
	}
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = fd;
	file->is_torn = false;
	file->length_bytes = lines.length;
	file->long_bytes = lines.length * 2 + LONG_BYTES;
	/* The rename holds for whoever reads the folder next; only a power cut could bring the old journal back. */
	return durable_sync_folder(file->folder);
}

bool
journal_file_append(struct journal_file *file, struct span lines)
{
	/* What was cut off may have been the LF alone. */
	const struct span parts[2] = { SPAN(" torn\n"), lines };

	if (file->fd < 0) {
		errno = EBADF;
		return false;
	}
	bool ok = file->is_torn ? durable_writev(file->fd, parts, 2) : durable_write(file->fd, lines);
	file->is_torn = !ok;
	if (ok)
		file->length_bytes += lines.length;
	return ok;
}

void
journal_file_close(struct journal_file *file)
{
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
}
