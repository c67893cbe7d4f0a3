/* The bodies of smtpd/body.h.
 *
 * Spool files are no durable files: nothing is promised before deliver has its own copies, so nothing is synced here,
 * and a file loses its name as soon as it is open.
 *
 * Trust: see the header.
 * On failure: body_drop() with what went wrong.
 */
#include "smtpd/body.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NAME_SIZE = 64, NAME_TRIES = 1000, COPY_BYTES = 16384 };

bool
body_store_begin(struct body_store *store, struct budget *memory, int folder, unsigned instance)
{
	*store = (struct body_store){ .memory = memory, .folder = folder, .instance = instance };
	store->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	return store->sha256 != NULL;
}

void
body_store_limit(struct body_store *store, uint64_t spool_limit_bytes)
{
	store->spool_limit_bytes = spool_limit_bytes;
}

void
body_store_end(struct body_store *store)
{
	EVP_MD_free(store->sha256);
	store->sha256 = NULL;
}

static bool
take_spool(struct body_store *store, uint64_t bytes)
{
	if (store->spool_bytes > store->spool_limit_bytes || bytes > store->spool_limit_bytes - store->spool_bytes)
		return false;
	store->spool_bytes += bytes;
	return true;
}

void
body_begin(struct body *body, struct body_store *store)
{
	*body = (struct body){ .store = store, .writer = -1, .reader = -1 };
	body->memory = BUF_PAID_BY(store->memory, BODY_INLINE_BYTES);
	body->hash = EVP_MD_CTX_new();
	if (!body->hash || EVP_DigestInit_ex2(body->hash, store->sha256, NULL) != 1)
		body_drop(body, BODY_FAILED);
}

static void
close_descriptor(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
body_drop(struct body *body, enum body_state state)
{
	if (body->home == BODY_IN_SPOOL)
		body->store->spool_bytes -= body->length;
	if (body->home == BODY_IN_MEMORY_FILE)
		budget_give(body->store->memory, body->length);
	if (body->reader == body->writer)
		body->reader = -1;
	close_descriptor(&body->writer);
	close_descriptor(&body->reader);
	buf_free(&body->memory);
	EVP_MD_CTX_free(body->hash);
	body->hash = NULL;
	body->length = 0;
	body->home = BODY_IN_MEMORY;
	body->state = state;
}

static enum body_state
state_of_errno(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EMFILE || errno == ENFILE || errno == ENOMEM
		   ? BODY_NO_ROOM
		   : BODY_FAILED;
}

static bool
write_all(int fd, struct span bytes)
{
	while (bytes.length) {
		ssize_t written = write(fd, bytes.data, bytes.length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes = span_skip(bytes, (size_t)written);
	}
	return true;
}

/* Opens a new, already nameless spool file twice: for writing, and read-only for those who judge and deliver. */
static bool
open_spool_file(struct body_store *store, int *writer, int *reader)
{
	char name[NAME_SIZE];
	int saved;

	*writer = -1;
	for (unsigned tries = 0; tries < NAME_TRIES; tries++) {
		(void)snprintf(
		    name, sizeof name, "smtpd.%u.%llu", store->instance, (unsigned long long)store->names_used++);
		*writer = openat(store->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (*writer >= 0 || errno != EEXIST)
			break;
		/* Left by a predecessor that was killed between open and unlink. */
		(void)unlinkat(store->folder, name, 0);
	}
	if (*writer < 0)
		return false;
	*reader = openat(store->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	saved = errno;
	(void)unlinkat(store->folder, name, 0);
	if (*reader >= 0)
		return true;
	close_descriptor(writer);
	errno = saved;
	return false;
}

static bool
copy_memory_file(int from, int to, uint64_t length)
{
	char bytes[COPY_BYTES];
	uint64_t done = 0;

	while (done < length) {
		ssize_t got = pread(from, bytes, sizeof bytes, (off_t)done);

		if (got <= 0 || !write_all(to, span_make(bytes, (size_t)got)))
			return false;
		done += (uint64_t)got;
	}
	return true;
}

/* Pays for the file; what was paid for the plain memory comes back afterwards. */
static bool
move_to_memory_file(struct body *body)
{
	struct budget *memory = body->store->memory;

	if (!budget_take(memory, BUDGET_DISPENSABLE, body->length))
		return false;
	body->writer = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (body->writer < 0 || !write_all(body->writer, buf_span(&body->memory))) {
		close_descriptor(&body->writer);
		budget_give(memory, body->length);
		return false;
	}
	buf_free(&body->memory);
	body->home = BODY_IN_MEMORY_FILE;
	return true;
}

static bool
move_to_spool(struct body *body)
{
	struct body_store *store = body->store;
	int reader;
	int writer;

	if (!take_spool(store, body->length)) {
		errno = ENOSPC;
		return false;
	}
	bool moved = open_spool_file(store, &writer, &reader);
	if (moved) {
		moved = body->home == BODY_IN_MEMORY ? write_all(writer, buf_span(&body->memory))
						     : copy_memory_file(body->writer, writer, body->length);
		if (!moved) {
			close_descriptor(&writer);
			close_descriptor(&reader);
		}
	}
	if (!moved) {
		store->spool_bytes -= body->length;
		return false;
	}
	if (body->home == BODY_IN_MEMORY_FILE)
		budget_give(store->memory, body->length);
	close_descriptor(&body->writer);
	buf_free(&body->memory);
	body->writer = writer;
	body->reader = reader;
	body->home = BODY_IN_SPOOL;
	return true;
}

/* Is there memory, plain or in a file, for a body of length + more bytes? */
static bool
fits_in_memory(struct body *body, uint64_t more)
{
	struct budget *memory = body->store->memory;
	uint64_t length = body->length + more;

	if (length > BODY_MEMORY_FILE_BYTES)
		return false;
	if (body->home == BODY_IN_MEMORY && length <= BODY_INLINE_BYTES)
		return buf_reserve(&body->memory, more) != NULL;
	if (body->home == BODY_IN_MEMORY && !move_to_memory_file(body))
		return false;
	return budget_take(memory, BUDGET_DISPENSABLE, more);
}

/* Moves the body to where a body of length + more bytes belongs, and pays for them. */
static bool
make_room(struct body *body, uint64_t more)
{
	struct body_store *store = body->store;

	if (body->home != BODY_IN_SPOOL) {
		if (fits_in_memory(body, more))
			return true;
		body->memory.failed = false;
		if (!move_to_spool(body))
			return false;
	}
	errno = ENOSPC;
	return take_spool(store, more);
}

static bool
store_bytes(struct body *body, struct span bytes)
{
	if (body->home != BODY_IN_MEMORY)
		return write_all(body->writer, bytes);
	buf_append(&body->memory, bytes);
	errno = ENOMEM;
	return buf_ok(&body->memory);
}

void
body_append(struct body *body, struct span bytes)
{
	if (body->state != BODY_HELD || bytes.length == 0)
		return;
	if (!make_room(body, bytes.length)) {
		body_drop(body, state_of_errno());
		return;
	}
	body->length += bytes.length;
	if (!store_bytes(body, bytes))
		body_drop(body, state_of_errno());
	else if (EVP_DigestUpdate(body->hash, bytes.data, bytes.length) != 1)
		body_drop(body, BODY_FAILED);
}

bool
body_finish(struct body *body)
{
	static const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	bool ok = body->state == BODY_HELD && body->hash && EVP_DigestFinal_ex(body->hash, body->digest, NULL) == 1;

	if (ok && body->home == BODY_IN_MEMORY_FILE) {
		ok = fcntl(body->writer, F_ADD_SEALS, all) == 0;
		body->reader = body->writer;
	} else if (ok && body->home == BODY_IN_SPOOL) {
		close_descriptor(&body->writer);
	}
	if (!ok && body->state == BODY_HELD)
		body_drop(body, BODY_FAILED);
	EVP_MD_CTX_free(body->hash);
	body->hash = NULL;
	return ok;
}
