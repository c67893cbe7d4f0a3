/* The reader of lookup/users_source.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/users_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/utf8.h"
#include "lookup/users_line.h"

enum { FIRST_ENTRIES = 64, READ_BYTES = 65536 };

/* Why the open file may not be the users file; NULL when it may. */
static const char *
wrong_file(const struct stat *facts)
{
	if (!S_ISREG(facts->st_mode))
		return "it is no regular file";
	if (facts->st_uid != 0 && facts->st_uid != geteuid())
		return "it belongs to somebody else; `chown root` it";
	if (facts->st_mode & (S_IRWXG | S_IRWXO))
		return "others may read or write it, and from hashes passwords can be guessed; `chmod 600` it, and "
		       "think of "
		       "new passwords if others have read it";
	if (facts->st_size > USERS_FILE_BYTES)
		return "it is longer than 64 MiB";
	return NULL;
}

static bool
read_all(int fd, struct buf *text)
{
	for (;;) {
		char *to = buf_reserve(text, READ_BYTES);
		ssize_t got = to ? read(fd, to, READ_BYTES) : -1;

		if (!to)
			errno = ENOMEM;
		if (got < 0)
			return false;
		if (got == 0)
			return true;
		text->length += (size_t)got;
	}
}

enum users_read_result
users_source_read(const char *path, struct buf *text, struct buf *why)
{
	struct stat facts;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		bool is_missing = errno == ENOENT;

		buf_printf(why, "%s: %s", path,
		    is_missing ? "the users file is not there; `tidegate user add` makes it" : strerror(errno));
		return is_missing ? USERS_READ_MISSING : USERS_READ_TROUBLE;
	}
	bool ok = fstat(fd, &facts) == 0;
	const char *wrong = ok ? wrong_file(&facts) : NULL;
	if (ok && !wrong) {
		/* With room for all of it at once: where it grows, all that is there is copied and overwritten. */
		(void)buf_reserve(text, (size_t)facts.st_size + READ_BYTES);
		ok = read_all(fd, text);
	}
	int error = errno;
	(void)close(fd);
	if (wrong)
		buf_printf(why, "%s: the users file is refused: %s", path, wrong);
	else if (!ok)
		buf_printf(why, "%s: the users file cannot be read: %s", path, strerror(error));
	return wrong ? USERS_READ_REFUSED : ok ? USERS_READ_OK : USERS_READ_TROUBLE;
}

static bool
add(struct users_source *source, const struct users_entry *entry)
{
	if (source->count == source->capacity) {
		size_t capacity = source->capacity ? 2 * source->capacity : FIRST_ENTRIES;
		struct users_entry *grown = reallocarray(source->entries, capacity, sizeof *grown);

		if (!grown)
			return false;
		source->entries = grown;
		source->capacity = capacity;
	}
	source->entries[source->count++] = *entry;
	return true;
}

static bool
take_line(struct users_source *source, const char *path, unsigned number, struct span text, bool keeps_local_case)
{
	struct users_line line;
	enum users_line_kind kind = users_line_parse(text, keeps_local_case, &line);

	switch (kind) {
	case USERS_LINE_EMPTY:
		return true;
	case USERS_LINE_WRONG:
		problems_add(&source->problems, span_of(path), 0, number, "%s", line.problem);
		return true;
	case USERS_LINE_USER:
	case USERS_LINE_CLOSED:
		break;
	}
	struct users_entry entry = { .address = arena_copy(&source->arena, mail_address_span(&line.address)),
		.hash = kind == USERS_LINE_USER ? line.hash : span_take(line.hash, 0),
		.line = number };
	return entry.address.data && add(source, &entry);
}

static int
compare(const void *left, const void *right)
{
	const struct users_entry *a = left;
	const struct users_entry *b = right;
	size_t shorter = a->address.length < b->address.length ? a->address.length : b->address.length;
	int order = memcmp(a->address.data, b->address.data, shorter);

	if (order)
		return order;
	if (a->address.length != b->address.length)
		return a->address.length < b->address.length ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

/* Two lines with one address: nobody could say which password counts. */
static void
find_doubles(struct users_source *source, const char *path)
{
	char quoted[PROBLEMS_QUOTE_SIZE];

	for (size_t i = 1; i < source->count; i++) {
		const struct users_entry *first = &source->entries[i - 1];
		const struct users_entry *again = &source->entries[i];

		if (span_equal(first->address, again->address))
			problems_add(&source->problems, span_of(path), 0, again->line,
			    "%s stands in line %u already; take one of them out",
			    problems_quote(again->address, quoted), first->line);
	}
}

bool
users_source_parse(struct users_source *source, const char *path, struct span text, bool keeps_local_case)
{
	source->arena.limit_bytes = USERS_ADDRESSES_BYTES;
	text = utf8_skip_mark(text);
	for (unsigned number = 1; text.length; number++) {
		size_t length = span_find(text, '\n');

		if (!take_line(source, path, number, span_take(text, length), keeps_local_case))
			return false;
		text = span_skip(text, length + 1);
	}
	if (source->count)
		qsort(source->entries, source->count, sizeof *source->entries, compare);
	find_doubles(source, path);
	return true;
}

void
users_source_free(struct users_source *source)
{
	arena_reset(&source->arena);
	free(source->entries);
	problems_free(&source->problems);
	*source = (struct users_source){ 0 };
}
