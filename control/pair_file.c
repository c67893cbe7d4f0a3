/* The files of control/pair_file.h.
 *
 * On failure: see the header.
 */
#include "control/pair_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/memory_file.h"
#include "smtpd/certificate_set.h"

enum { HEAD_BYTES = 4096 };

struct pair_identity
pair_identity_of(const struct config_certificate *certificate)
{
	return (struct pair_identity){ file_identity_at(certificate->chain), file_identity_at(certificate->key) };
}

bool
pair_identity_equal(const struct pair_identity *a, const struct pair_identity *b)
{
	return file_identity_equal(&a->chain, &b->chain) && file_identity_equal(&a->key, &b->key);
}

/* Copies so many bytes within the kernel, from an offset of the source to the end of the target. */
static bool
copy(int from, off_t at, int to, size_t bytes)
{
	while (bytes) {
		ssize_t copied = sendfile(to, from, &at, bytes);

		if (copied < 0 && errno == EINTR)
			continue;
		if (copied <= 0)
			return false;
		bytes -= (size_t)copied;
	}
	return true;
}

/* Appends the file at path; *bytes is its size. */
static bool
append_file(const char *path, int to, uint32_t *bytes, struct buf *why)
{
	struct stat facts;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *wrong = NULL;

	if (fd < 0 || fstat(fd, &facts) != 0)
		wrong = strerror(errno);
	else if (!S_ISREG(facts.st_mode))
		wrong = "it is no file";
	else if (facts.st_size == 0)
		wrong = "it is empty";
	else if (facts.st_size > CERTIFICATE_FILE_BYTES)
		wrong = "it is over 64 KiB, which no chain and no key is";
	else if (!copy(fd, 0, to, (size_t)facts.st_size))
		wrong = "it cannot be read whole";
	else
		*bytes = (uint32_t)facts.st_size;
	if (wrong)
		buf_printf(why, "%s: %s", path, wrong);
	if (fd >= 0)
		(void)close(fd);
	return !wrong;
}

bool
pair_file_read(const struct config_certificate *certificate, struct pair_file *pair, struct buf *why)
{
	*pair = (struct pair_file){ .fd = memory_file_new("tidegate-pair") };
	if (pair->fd < 0) {
		buf_printf(why, "no memory file can be made: %s", strerror(errno));
		return false;
	}
	if (append_file(certificate->chain, pair->fd, &pair->chain_bytes, why) &&
	    append_file(certificate->key, pair->fd, &pair->key_bytes, why) && memory_file_seal(pair->fd))
		return true;
	pair_file_close(pair);
	return false;
}

bool
pair_file_append(const struct pair_file *pair, struct span name, int to)
{
	struct buf head = BUF_LIMIT(HEAD_BYTES);

	certificate_set_add(&head, name, pair->chain_bytes, pair->key_bytes);
	bool is_written = buf_ok(&head) && memory_file_append(to, buf_span(&head)) &&
			  copy(pair->fd, 0, to, (size_t)pair->chain_bytes + pair->key_bytes);
	buf_free(&head);
	return is_written;
}

void
pair_file_close(struct pair_file *pair)
{
	if (pair->fd >= 0)
		(void)close(pair->fd);
	pair->fd = -1;
}
