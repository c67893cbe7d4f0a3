/* The reading of recipients files for lookup/map_source.h: folders, files, lines. What stands in a line is
 * lookup/map_line.c's.
 *
 * Trust: the administrator's files.
 * On failure: a problem.
 */
#include "lookup/map_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/utf8.h"
#include "lookup/map_line.h"

enum { FILE_BYTES_MAX = 1 << 30 };

/* A problem with a file or folder as a whole. */
static void
complain(struct map_entries *source, struct span name, const char *what)
{
	problems_add(&source->problems, name, (unsigned)source->file_count, 0, "%s", what);
}

void
map_source_parse(struct map_entries *source, struct span name, struct span text)
{
	unsigned line = 0;

	if (!map_entries_add_file(source, name)) {
		complain(source, name, "there is no memory for another file, or there are over 65,535 of them");
		return;
	}
	text = utf8_skip_mark(text);
	while (text.length) {
		size_t length = span_find(text, '\n');
		struct span content = span_take(text, length);

		text = span_skip(text, length + 1);
		if (content.length && content.data[content.length - 1] == '\r')
			content.length--;
		map_line_parse(source, (unsigned)source->file_count - 1, ++line, content);
	}
}

/* Reads a regular file whole; NULL with errno. The caller frees it. */
static char *
read_whole(int fd, size_t *length)
{
	struct stat facts;

	if (fstat(fd, &facts) != 0)
		return NULL;
	if (!S_ISREG(facts.st_mode) || facts.st_size > FILE_BYTES_MAX) {
		errno = S_ISREG(facts.st_mode) ? EFBIG : EINVAL;
		return NULL;
	}
	size_t size = (size_t)facts.st_size;
	char *text = malloc(size + 1);
	size_t at = 0;
	while (text && at < size) {
		ssize_t got = read(fd, text + at, size - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(text);
			return NULL;
		}
		if (got == 0)
			break;
		at += (size_t)got;
	}
	*length = at;
	return text;
}

static void
read_one(struct map_entries *source, int folder, const char *name, struct span shown)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t length = 0;
	char *text = fd < 0 ? NULL : read_whole(fd, &length);

	if (text) {
		map_source_parse(source, shown, span_make(text, length));
	} else {
		char why[256];

		(void)snprintf(why, sizeof why,
		    "the recipients file cannot be read (%s); check `recipients` in the configuration and the file's "
		    "rights",
		    errno == EINVAL ? "it is no regular file" : strerror(errno));
		complain(source, shown, why);
	}
	free(text);
	if (fd >= 0)
		(void)close(fd);
}

static int
is_wanted(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && entry->d_name[length - 1] != '~';
}

/* By bytes: scandir's alphasort would ask the locale. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool
is_regular(int folder, const char *name)
{
	struct stat facts;

	/* What cannot be looked at is tried, so that it gets its message. */
	return fstatat(folder, name, &facts, 0) != 0 || S_ISREG(facts.st_mode);
}

static void
read_folder(struct map_entries *source, int folder, const char *path)
{
	struct dirent **names = NULL;
	int count = scandirat(folder, ".", &names, is_wanted, by_name);

	for (int i = 0; i < count; i++) {
		char shown[PATH_MAX];
		int length = snprintf(shown, sizeof shown, "%s/%s", path, names[i]->d_name);

		if (length > 0 && (size_t)length < sizeof shown && is_regular(folder, names[i]->d_name))
			read_one(source, folder, names[i]->d_name, span_make(shown, (size_t)length));
		free(names[i]);
	}
	free(names);
	if (count < 0)
		complain(source, span_of(path), "the recipients folder cannot be read; check its rights");
}

void
map_source_read(struct map_entries *source, const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0) {
		read_one(source, AT_FDCWD, path, span_of(path));
		return;
	}
	read_folder(source, folder, path);
	(void)close(folder);
}
