/* Copies of deliver/copy.h.
 *
 * On failure: see deliver/copy.h.
 */
#include "deliver/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/durable_file.h"
#include "deliver/text.h"

enum { NAME_ATTEMPTS = 8, FIELDS_LIMIT_BYTES = 8192 };

struct scratch *
scratch_new(void)
{
	struct scratch *scratch = calloc(1, sizeof *scratch);

	if (!scratch)
		return NULL;
	scratch->fields = BUF_LIMIT(FIELDS_LIMIT_BYTES);
	scratch->whole = sha256_new();
	scratch->message = sha256_new();
	if (scratch->whole && scratch->message)
		return scratch;
	scratch_free(scratch);
	return NULL;
}

void
scratch_free(struct scratch *scratch)
{
	if (!scratch)
		return;
	sha256_free(scratch->whole);
	sha256_free(scratch->message);
	buf_free(&scratch->fields);
	free(scratch);
}

static struct folders *
acquire(const struct delivery *delivery, const struct copy *copy, enum folders_make make)
{
	return folders_acquire(delivery->folders, copy->to.root, copy->to.path, make);
}

/* Gives the folders back, with errno kept. After a failure they are opened afresh next time: a failed fsync must not
 * be repeated on the same descriptor, and a folder may have been removed. */
static void
give_back(const struct delivery *delivery, struct folders *folders, bool is_well)
{
	int error = errno;

	if (!is_well)
		folders_forget(delivery->folders, folders);
	folders_release(delivery->folders, folders);
	errno = error;
}

/* A new file in tmp/ under a fresh name; -1 with errno. */
static int
create(const struct delivery *delivery, const struct folders *folders, char name[static MAILDIR_NAME_SIZE])
{
	int fd = -1;

	for (unsigned attempt = 0; attempt < NAME_ATTEMPTS && fd < 0; attempt++) {
		maildir_name(delivery->namer, clock_wall_us(), name);
		fd = durable_create(folders->tmp, name);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd;
}

/* Writes one piece of the body; the first has the header fields before it. */
static bool
write_piece(struct scratch *scratch, const struct message *message, int fd, size_t length, uint64_t *size_bytes)
{
	struct span text = span_make(scratch->out, length);
	const struct span parts[3] = { buf_span(&scratch->fields), message->trace, text };
	bool is_first = *size_bytes == 0;

	*size_bytes += length + (is_first ? parts[0].length + parts[1].length : 0);
	if (is_first)
		return durable_writev(fd, parts, 3);
	return length == 0 || durable_write(fd, text);
}

/* Is what was read and written the body that was judged? One that lies in our own memory is. */
static bool
is_same_body(struct scratch *scratch, const struct body *body, const struct body_reading *reading)
{
	uint8_t digest[SHA256_BYTES];

	if (!body_is_whole(reading))
		return false;
	return body->fd < 0 || (sha256_end(scratch->whole, digest) && memcmp(digest, body->digest, sizeof digest) == 0);
}

static enum copy_result
write_text(struct scratch *scratch, const struct message *message, int fd, uint64_t *size_bytes)
{
	struct body_reading reading = body_read(&message->body, scratch->in);
	struct text_lines lines = { 0 };
	bool is_file = message->body.fd >= 0;
	struct span piece;

	if (is_file)
		sha256_begin(scratch->whole);
	do {
		piece = body_next(&reading);
		if (is_file)
			sha256_add(scratch->whole, piece);
		size_t length = piece.length ? text_to_lf(&lines, piece, scratch->out) : text_end(&lines, scratch->out);
		if (!write_piece(scratch, message, fd, length, size_bytes))
			return COPY_FAILED;
	} while (piece.length && !body_is_whole(&reading));
	if (lines.holds_cr && !write_piece(scratch, message, fd, text_end(&lines, scratch->out), size_bytes))
		return COPY_FAILED;
	errno = reading.error;
	if (reading.error)
		return COPY_FAILED;
	return is_same_body(scratch, &message->body, &reading) ? COPY_OK : COPY_BODY_CHANGED;
}

/* Writes, fsyncs and closes the file; *size_bytes is what it has. */
static enum copy_result
fill(struct scratch *scratch, const struct message *message, int fd, uint64_t *size_bytes)
{
	enum copy_result result = write_text(scratch, message, fd, size_bytes);

	if (result == COPY_OK && !durable_sync(fd))
		result = COPY_FAILED;
	int error = errno;
	bool closed = durable_close(fd);
	if (result == COPY_OK && !closed)
		return COPY_FAILED;
	errno = error;
	return result;
}

static const char *
keep_name(struct arena *arena, const char *name)
{
	return arena_copy(arena, span_of(name)).data;
}

static enum copy_result
write_into(const struct delivery *delivery, struct scratch *scratch, const struct message *message, struct arena *arena,
    struct copy *copy, const struct folders *folders)
{
	char name[MAILDIR_NAME_SIZE];
	char final[MAILDIR_NAME_SIZE];
	uint64_t size_bytes = 0;
	int fd = create(delivery, folders, name);

	if (fd < 0)
		return COPY_FAILED;
	enum copy_result result = fill(scratch, message, fd, &size_bytes);
	int error = errno;
	maildir_final_name(name, size_bytes, final);
	copy->name = keep_name(arena, name);
	copy->final = keep_name(arena, final);
	if (result == COPY_OK && (!copy->name || !copy->final)) {
		error = ENOMEM;
		result = COPY_FAILED;
	}
	if (result == COPY_OK)
		copy->place = COPY_IN_TMP;
	else
		(void)durable_remove(folders->tmp, name);
	errno = error;
	return result;
}

enum copy_result
copy_write(const struct delivery *delivery, struct scratch *scratch, const struct message *message, struct arena *arena,
    struct copy *copy)
{
	enum copy_result result = COPY_FAILED;

	buf_reset(&scratch->fields);
	errno = EINVAL;
	if (!text_fields(message->mailfrom, copy->to.address, &scratch->fields))
		return COPY_FAILED;
	/* Twice: open folders may be those of a mailbox that was removed a moment ago. */
	for (unsigned attempt = 0; attempt < 2; attempt++) {
		struct folders *folders = acquire(delivery, copy, FOLDERS_MAKE_MISSING);

		if (!folders)
			return COPY_FAILED;
		result = write_into(delivery, scratch, message, arena, copy, folders);
		give_back(delivery, folders, result != COPY_FAILED);
		if (result != COPY_FAILED || errno != ENOENT)
			break;
	}
	return result;
}

enum copy_result
copy_move(const struct delivery *delivery, struct copy *copy)
{
	struct folders *folders = acquire(delivery, copy, FOLDERS_AS_THEY_ARE);

	if (!folders)
		return COPY_FAILED;
	copy->failures = folders_failures(delivery->folders);
	bool ok = durable_rename_new(folders->tmp, copy->name, folders->fresh, copy->final);
	if (ok)
		copy->place = COPY_IN_NEW;
	give_back(delivery, folders, ok);
	return ok ? COPY_OK : COPY_FAILED;
}

/* fsync of new/. After a failure, of whichever thread, nobody knows what became of the others' copies: neither this
 * descriptor nor one that was opened afterwards tells of it. */
static bool
sync_fresh(struct folder_cache *cache, struct folders *folders, uint64_t failures)
{
	if (!atomic_load(&folders->is_broken) && !durable_sync_folder(folders->fresh)) {
		folders_break(cache, folders);
		return false;
	}
	errno = EIO;
	return !atomic_load(&folders->is_broken) && folders->failures <= failures;
}

enum copy_result
copy_sync(const struct delivery *delivery, struct copy *copy)
{
	struct folders *folders = acquire(delivery, copy, FOLDERS_AS_THEY_ARE);

	if (!folders)
		return COPY_FAILED;
	bool ok = sync_fresh(delivery->folders, folders, copy->failures);
	give_back(delivery, folders, ok);
	return ok ? COPY_OK : COPY_FAILED;
}

void
copy_take_back(const struct delivery *delivery, struct copy *copy)
{
	struct folders *folders = acquire(delivery, copy, FOLDERS_AS_THEY_ARE);

	if (!folders)
		return;
	if (durable_rename_new(folders->fresh, copy->final, folders->tmp, copy->name)) {
		copy->place = COPY_IN_TMP;
		(void)durable_sync_folder(folders->fresh);
	}
	give_back(delivery, folders, false);
}

void
copy_remove(const struct delivery *delivery, struct copy *copy)
{
	struct folders *folders = acquire(delivery, copy, FOLDERS_AS_THEY_ARE);

	if (!folders)
		return;
	bool ok = durable_remove(folders->tmp, copy->name);
	if (ok)
		copy->place = COPY_NOT_WRITTEN;
	give_back(delivery, folders, ok);
}
