/* The Maildir functions of deliver/maildir.h.
 *
 * On failure: see deliver/maildir.h.
 */
#include "deliver/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/durable_file.h"

enum { FOLDER_MODE = 0700 };

void
maildir_namer_init(struct maildir_namer *namer, struct span host, unsigned long pid)
{
	size_t length = 0;

	for (size_t i = 0; i < host.length; i++) {
		char c = host.data[i];
		bool is_special = c == '/' || c == ':' || c == ',' || c <= ' ' || c > '~';
		size_t room = is_special ? 4 : 1;

		if (length + room > MAILDIR_HOST_BYTES)
			break;
		if (is_special)
			(void)snprintf(namer->host + length, 5, "\\%03o", (unsigned)(unsigned char)c);
		else
			namer->host[length] = c;
		length += room;
	}
	namer->host[length] = '\0';
	namer->pid = pid;
	atomic_init(&namer->count, 0);
}

void
maildir_name(struct maildir_namer *namer, uint64_t wall_us, char name[static MAILDIR_NAME_SIZE])
{
	unsigned long count = atomic_fetch_add(&namer->count, 1) + 1;

	/* At most 20 + 2 + 6 + 1 + 20 + 1 + 20 + 1 + 160 bytes. */
	(void)snprintf(name, MAILDIR_NAME_SIZE, "%llu.M%06uP%luQ%lu.%s", (unsigned long long)(wall_us / 1000000u),
	    (unsigned)(wall_us % 1000000u), namer->pid, count, namer->host);
}

void
maildir_final_name(const char *name, uint64_t size_bytes, char final[static MAILDIR_NAME_SIZE])
{
	(void)snprintf(
	    final, MAILDIR_NAME_SIZE, "%.*s,S=%llu", MAILDIR_NAME_SIZE - 24, name, (unsigned long long)size_bytes);
}

void
maildir_tmp_name(const char *final, char name[static MAILDIR_NAME_SIZE])
{
	size_t length = strcspn(final, ",");

	if (length >= MAILDIR_NAME_SIZE)
		length = MAILDIR_NAME_SIZE - 1;
	memcpy(name, final, length);
	name[length] = '\0';
}

/* Skips `mark` and the digits behind it; NULL unless there are both. *number gets their value. */
static const char *
take_number(const char *text, const char *mark, uint64_t *number)
{
	size_t length = strlen(mark);
	size_t digits;

	if (strncmp(text, mark, length) != 0)
		return NULL;
	text += length;
	digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 19)
		return NULL;
	*number = 0;
	for (size_t i = 0; i < digits; i++)
		*number = *number * 10 + (uint64_t)(text[i] - '0');
	return text + digits;
}

bool
maildir_is_ours(const char *name, const char *host, uint64_t *seconds)
{
	static const char *const marks[] = { "", ".M", "P", "Q" };
	uint64_t numbers[4];

	for (size_t i = 0; i < 4; i++) {
		name = take_number(name, marks[i], &numbers[i]);
		if (!name)
			return false;
	}
	if (*name != '.' || strcmp(name + 1, host) != 0)
		return false;
	*seconds = numbers[0];
	return true;
}

/* Makes name in folder if it is missing, fsyncs folder, and opens it; -1 on failure. The fsync is not spared when the
 * folder is there already: its maker may have been killed before that, or may not have come to it yet. */
static int
make_and_open(int folder, const char *name)
{
	if (!durable_make_folder(folder, name, FOLDER_MODE) && errno != EEXIST)
		return -1;
	if (!durable_sync_folder(folder))
		return -1;
	return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Makes the folders of path below root; the last one opened, or -1. */
static int
make_path(int root, const char *path)
{
	char name[256];
	int at = root;

	while (*path) {
		int next = roots_next_component(&path, name) ? make_and_open(at, name) : -1;
		int error = errno;

		if (at != root)
			(void)close(at);
		errno = error;
		if (next < 0)
			return -1;
		at = next;
	}
	if (at == root)
		errno = EINVAL;
	return at == root ? -1 : at;
}

static bool
make_inner(int mailbox, const char *name)
{
	int fd = make_and_open(mailbox, name);

	if (fd < 0)
		return false;
	bool ok = durable_sync_folder(fd);
	int error = errno;
	(void)close(fd);
	errno = error;
	return ok;
}

bool
maildir_create(const struct roots *roots, unsigned root, const char *path)
{
	if (root >= roots->count) {
		errno = EINVAL;
		return false;
	}
	int mailbox = make_path(roots->folders[root], path);
	if (mailbox < 0)
		return false;
	/* tmp/ last: where it is, everything else is durable (see deliver/maildir.h). */
	bool ok = make_inner(mailbox, "cur") && make_inner(mailbox, "new") &&
		  (durable_make_folder(mailbox, "tmp", FOLDER_MODE) || errno == EEXIST);
	int error = errno;
	(void)close(mailbox);
	errno = error;
	return ok;
}

/* A stream over a folder's names, with a descriptor of its own; NULL on failure. */
static DIR *
open_names(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	DIR *names = fdopendir(fd);
	if (!names)
		(void)close(fd);
	return names;
}

unsigned
maildir_sweep(int tmp, const char *host, uint64_t now_seconds)
{
	unsigned removed = 0;
	DIR *names = open_names(tmp);

	if (!names)
		return 0;
	for (struct dirent *entry = readdir(names); entry; entry = readdir(names)) {
		uint64_t seconds;

		if (!maildir_is_ours(entry->d_name, host, &seconds) || seconds > now_seconds ||
		    now_seconds - seconds < MAILDIR_SWEEP_SECONDS)
			continue;
		if (durable_remove(tmp, entry->d_name))
			removed++;
	}
	(void)closedir(names);
	return removed;
}

/* False with errno: ENOENT when it is not there, else nobody knows. */
static bool
has_name(int folder, const char *name)
{
	int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

/* Is the message in this folder, with or without the ":2,flags" of a reader? */
static bool
has_message(int folder, const char *final)
{
	size_t length = strlen(final);
	bool found = false;

	if (has_name(folder, final))
		return true;
	DIR *names = open_names(folder);
	if (!names)
		return false;
	for (struct dirent *entry = readdir(names); entry && !found; entry = readdir(names))
		found = strncmp(entry->d_name, final, length) == 0 && entry->d_name[length] == ':';
	(void)closedir(names);
	return found;
}

static int
open_inner(int mailbox, const char *name)
{
	return openat(mailbox, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool
inner_has_message(int mailbox, const char *inner, const char *final)
{
	int folder = open_inner(mailbox, inner);

	if (folder < 0)
		return false;
	bool found = has_message(folder, final);
	(void)close(folder);
	return found;
}

static enum maildir_trace
find_in(int mailbox, const char *final)
{
	char name[MAILDIR_NAME_SIZE];
	int tmp = open_inner(mailbox, "tmp");

	if (tmp < 0)
		return MAILDIR_UNKNOWN;
	maildir_tmp_name(final, name);
	bool in_tmp = has_name(tmp, name);
	bool is_gone = !in_tmp && errno == ENOENT;
	(void)close(tmp);
	if (in_tmp)
		return MAILDIR_IN_TMP;
	if (!is_gone)
		return MAILDIR_UNKNOWN;
	/* cur/ after new/: a reader that moves it meanwhile moves it that way. */
	return inner_has_message(mailbox, "new", final) || inner_has_message(mailbox, "cur", final) ? MAILDIR_IN_BOX
												    : MAILDIR_NOWHERE;
}

enum maildir_trace
maildir_find(const struct roots *roots, unsigned root, const char *path, const char *final)
{
	int mailbox = roots_open(roots, root, path, O_PATH | O_DIRECTORY);

	if (mailbox < 0)
		return MAILDIR_UNKNOWN;
	enum maildir_trace trace = find_in(mailbox, final);
	(void)close(mailbox);
	return trace;
}

static enum maildir_sync
sync_inner(int mailbox, const char *name, enum maildir_sync when_missing)
{
	int folder = open_inner(mailbox, name);

	if (folder < 0)
		return errno == ENOENT ? when_missing : MAILDIR_UNTRIED;
	bool ok = durable_sync_folder(folder);
	int error = errno;
	(void)close(folder);
	errno = error;
	return ok ? MAILDIR_SYNCED : MAILDIR_UNSURE;
}

enum maildir_sync
maildir_sync(const struct roots *roots, unsigned root, const char *path)
{
	int mailbox = roots_open(roots, root, path, O_PATH | O_DIRECTORY);

	if (mailbox < 0)
		return errno == ENOENT ? MAILDIR_UNSURE : MAILDIR_UNTRIED;
	enum maildir_sync result = sync_inner(mailbox, "new", MAILDIR_UNSURE);
	/* Without cur/ no reader has come yet. */
	if (result == MAILDIR_SYNCED)
		result = sync_inner(mailbox, "cur", MAILDIR_SYNCED);
	int error = errno;
	(void)close(mailbox);
	errno = error;
	return result;
}

bool
maildir_remove_tmp(const struct roots *roots, unsigned root, const char *path, const char *final)
{
	char name[MAILDIR_NAME_SIZE];
	int mailbox = roots_open(roots, root, path, O_PATH | O_DIRECTORY);
	int tmp = mailbox < 0 ? -1 : open_inner(mailbox, "tmp");

	if (mailbox >= 0)
		(void)close(mailbox);
	if (tmp < 0)
		return false;
	maildir_tmp_name(final, name);
	bool ok = durable_remove(tmp, name);
	(void)close(tmp);
	return ok;
}
