/* config_read: from a path to a checked configuration.
 *
 *   config_text (comments, quotes) · config_parse (libconfuse, each value) · config_sections (listeners, certificates)
 *   · config_complete (defaults, what must be there)
 *
 * Trust: the administrator's file; at most CONFIG_FILE_BYTES of it are read.
 * On failure: every problem that was met, by line; no configuration.
 */
#include "conf/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/utf8.h"
#include "conf/config_reader.h"
#include "conf/config_storage.h"
#include "conf/config_text.h"

static bool
read_all(int fd, struct buf *text)
{
	for (;;) {
		char chunk[16384];
		ssize_t got = read(fd, chunk, sizeof chunk);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		buf_append(text, span_make(chunk, (size_t)got));
		if (!buf_ok(text)) {
			errno = EFBIG;
			return false;
		}
	}
}

bool
config_read_file(const char *path, size_t limit_bytes, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return false;
	*text = BUF_LIMIT(limit_bytes);
	bool was_read = read_all(fd, text);
	int error = errno;
	(void)close(fd);
	errno = error;
	return was_read;
}

/* The folder of the file, without links, so that relative paths mean the same from everywhere. */
static bool
find_folder(struct config_reader *reader)
{
	char *whole = realpath(reader->path, NULL);

	if (!whole)
		return false;
	struct span folder = span_of(whole);
	while (folder.length && folder.data[folder.length - 1] != '/')
		folder.length--;
	reader->folder = BUF_LIMIT(PATH_MAX);
	buf_append(&reader->folder, folder);
	free(whole);
	return buf_ok(&reader->folder);
}

static void
read_text(struct config_reader *reader, struct span text)
{
	struct buf clean = BUF_LIMIT(CONFIG_FILE_BYTES + 1);
	struct buf outside = BUF_LIMIT(CONFIG_FILE_BYTES + 1);

	reader->last_line = 1;
	for (size_t i = 0; i + 1 < text.length; i++)
		reader->last_line += text.data[i] == '\n';
	if (config_text_clean(text, reader->path, &reader->problems, &clean)) {
		config_sections_blank(buf_span(&clean), &outside);
		reader->file = (struct config_place){ .table = CONFIG_FILE, .owner = reader->config };
		reader->place = &reader->file;
		config_parse(reader, buf_span(&outside));
		config_sections_read(reader, buf_span(&clean));
		config_complete(reader);
	}
	if (!buf_ok(&clean) || !buf_ok(&outside) || !reader->config)
		CONFIG_PROBLEM(reader, 0u, "there is not enough memory to read it; free some and try again");
	buf_free(&clean);
	buf_free(&outside);
}

struct config *
config_read(const char *path, struct buf *errors)
{
	struct config_reader reader = { .path = path };
	struct buf text = BUF_LIMIT(0);

	if (!config_read_file(path, CONFIG_FILE_BYTES, &text) || !find_folder(&reader)) {
		problems_add(&reader.problems, span_of(path), 0, 0,
		    "the configuration cannot be read (%s); name a readable file with -c FILE", strerror(errno));
	} else {
		reader.config = config_storage_new();
		read_text(&reader, utf8_skip_mark(buf_span(&text)));
	}
	problems_write(&reader.problems, errors);
	if (reader.problems.count) {
		config_free(reader.config);
		reader.config = NULL;
	}
	problems_free(&reader.problems);
	buf_free(&reader.folder);
	buf_free(&text);
	return reader.config;
}
