/* The look of control/compiled_map.h.
 *
 * On failure: see the header.
 */
#include "control/compiled_map.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/log.h"

enum { WHY_LIMIT_BYTES = 1024 };

static const struct file_identity nothing;

static void
refuse(struct compiled_map *map, struct span why)
{
	map->state = COMPILED_REFUSED;
	log_error("the %s %s in the state folder is refused: %.*s; %s; %s", map->title, map->name, SPAN_ARG(why),
	    map->fd >= 0 ? "the last good one stays in force" : "there is none in force", map->remedy);
}

static void
cannot_be_opened(struct compiled_map *map, int error)
{
	bool was_there = !file_identity_equal(&map->seen, &nothing);
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);

	map->seen = nothing;
	map->state = map->fd >= 0 ? COMPILED_REFUSED : COMPILED_ABSENT;
	buf_printf(&why, "it cannot be opened (%s)", strerror(error));
	if (was_there)
		refuse(map, buf_span(&why));
	buf_free(&why);
}

/* Takes fd. True: it is another map than the one in force. */
static bool
judge(struct compiled_map *map, int fd)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	bool is_good = map->check(map->context, fd, &why);
	bool is_other = map->fd < 0 || !file_identity_equal(&map->seen, &map->in_force);

	if (is_good)
		map->state = COMPILED_IN_FORCE;
	else
		refuse(map, buf_span(&why));
	buf_free(&why);
	if (!is_good || !is_other) {
		(void)close(fd);
		return false;
	}
	if (map->fd >= 0)
		(void)close(map->fd);
	map->fd = fd;
	map->in_force = map->seen;
	return true;
}

bool
compiled_map_look(struct compiled_map *map)
{
	struct stat facts;

	if (fstatat(map->folder, map->name, &facts, AT_SYMLINK_NOFOLLOW) == 0) {
		struct file_identity identity = file_identity_of(&facts);

		if (file_identity_equal(&identity, &map->seen) && !map->is_doubted)
			return false;
	}
	map->is_doubted = false;
	int fd = openat(map->folder, map->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		cannot_be_opened(map, errno);
		return false;
	}
	/* Of the file that was opened: it may be another one than was looked at. */
	map->seen = fstat(fd, &facts) == 0 ? file_identity_of(&facts) : nothing;
	return judge(map, fd);
}

void
compiled_map_doubt(struct compiled_map *map)
{
	map->is_doubted = true;
}

void
compiled_map_close(struct compiled_map *map)
{
	if (map->fd >= 0)
		(void)close(map->fd);
	map->fd = -1;
	map->state = COMPILED_ABSENT;
	map->seen = nothing;
}
