/* Bodies of deliver/body.h.
 *
 * On failure: see deliver/body.h.
 */
#include "deliver/body.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_beyond_change(int fd, const struct stat *about, const char **why)
{
	const int all = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int seals = fcntl(fd, F_GET_SEALS);
	int flags = fcntl(fd, F_GETFL);

	*why = "the body's descriptor is no regular file";
	if (!S_ISREG(about->st_mode) || flags < 0)
		return false;
	if (seals >= 0 && (seals & all) == all)
		return true;
	*why = "the body's descriptor is neither a memory file with all seals nor an unlinked file open for reading";
	return about->st_nlink == 0 && (flags & (O_ACCMODE | O_PATH)) == O_RDONLY;
}

bool
body_check(const struct body *body, const char **why)
{
	struct stat about;

	if (body->fd < 0) {
		*why = "the body has another length than the message says";
		return body->bytes.length == body->length_bytes;
	}
	*why = "the body's descriptor cannot be looked at";
	if (fstat(body->fd, &about) != 0 || !is_beyond_change(body->fd, &about, why))
		return false;
	*why = "the body's file has another length than the message says";
	return about.st_size >= 0 && (uint64_t)about.st_size == body->length_bytes;
}

struct body_reading
body_read(const struct body *body, char *storage)
{
	return (struct body_reading){ .body = body, .storage = storage };
}

static struct span
next_of_file(struct body_reading *reading)
{
	uint64_t left = reading->body->length_bytes - reading->at;
	size_t wanted = left < BODY_PIECE_BYTES ? (size_t)left : BODY_PIECE_BYTES;
	ssize_t got;

	if (wanted == 0)
		return span_make(reading->storage, 0);
	do {
		got = pread(reading->body->fd, reading->storage, wanted, (off_t)reading->at);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		reading->error = errno;
	if (got <= 0)
		return span_make(reading->storage, 0);
	reading->at += (uint64_t)got;
	return span_make(reading->storage, (size_t)got);
}

struct span
body_next(struct body_reading *reading)
{
	if (reading->body->fd >= 0)
		return next_of_file(reading);
	struct span rest = span_skip(reading->body->bytes, (size_t)reading->at);
	reading->at += rest.length;
	return rest;
}

bool
body_is_whole(const struct body_reading *reading)
{
	return reading->at == reading->body->length_bytes;
}
