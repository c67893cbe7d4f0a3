/* The changes of control/users_file.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "control/users_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/durable_replace.h"
#include "lib/utf8.h"
#include "lookup/users_line.h"

static const char heading[] =
    "# Who may send mail from here: ADDRESS:HASH, one a line. Change it with `tidegate user`.\n";

static void
append_user(struct buf *out, struct span address, struct span hash)
{
	buf_append(out, address);
	buf_append_char(out, ':');
	buf_append(out, hash);
	buf_append_char(out, '\n');
}

/* Is it this user's line? */
static bool
names(struct span text, bool keeps_local_case, struct span address, struct users_line *line)
{
	enum users_line_kind kind = users_line_parse(text, keeps_local_case, line);

	return (kind == USERS_LINE_USER || kind == USERS_LINE_CLOSED) &&
	       span_equal(mail_address_span(&line->address), address);
}

/* The line as it was written, with another hash. */
static void
append_changed(struct buf *out, struct span text, struct span old_hash, struct span hash)
{
	buf_append(out, span_make(text.data, (size_t)(old_hash.data - text.data)));
	buf_append(out, hash);
	buf_append_char(out, '\n');
}

enum users_edit_result
users_file_edit(struct span text, bool keeps_local_case, enum users_change change, struct span address,
    struct span hash, struct buf *out)
{
	struct span whole = text;
	bool is_there = false;

	text = utf8_skip_mark(whole);
	/* The mark stays: a second one behind it is none, and would become one. */
	buf_append(out, span_take(whole, whole.length - text.length));
	if (text.length == 0)
		buf_append_text(out, heading);
	while (text.length) {
		struct users_line line;
		struct span one = span_take(text, span_find(text, '\n'));

		text = span_skip(text, one.length + 1);
		if (!names(one, keeps_local_case, address, &line)) {
			buf_append(out, one);
			buf_append_char(out, '\n');
			continue;
		}
		is_there = true;
		if (change == USERS_CHANGE)
			append_changed(out, one, line.hash, hash);
	}
	if (change == USERS_ADD && is_there)
		return USERS_IS_THERE;
	if (change == USERS_ADD)
		append_user(out, address, hash);
	return change == USERS_ADD || is_there ? USERS_EDITED : USERS_NOT_THERE;
}

/* Cuts the path of the file itself (behind links) into its folder, opened, and its name. */
static int
open_folder(const char *path, char whole[static PATH_MAX], const char **name)
{
	/* One that is not there yet is made where the path says. */
	if (!realpath(path, whole)) {
		if (errno != ENOENT || strlen(path) >= PATH_MAX)
			return -1;
		memcpy(whole, path, strlen(path) + 1);
	}
	char *slash = strrchr(whole, '/');
	if (!slash) {
		errno = EINVAL;
		return -1;
	}
	*slash = '\0';
	*name = slash + 1;
	return open(*whole ? whole : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool
users_file_save(const char *path, struct span text, struct buf *why)
{
	char whole[PATH_MAX];
	const char *name = "";
	enum durable_replaced replaced = DURABLE_UNCHANGED;
	int folder = open_folder(path, whole, &name);

	if (folder >= 0)
		replaced = durable_replace_with(folder, name, 0600, text);
	int error = errno;
	if (folder >= 0)
		(void)close(folder);
	switch (replaced) {
	case DURABLE_REPLACED:
		return true;
	case DURABLE_UNSURE:
		buf_printf(
		    why, "%s is changed, but may be the old one again after a power cut (%s)", path, strerror(error));
		return false;
	case DURABLE_UNCHANGED:
		break;
	}
	buf_printf(why, "%s cannot be written (%s); nothing was changed", path, strerror(error));
	return false;
}
