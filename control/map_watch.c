/* The watch of control/map_watch.h.
 *
 * On failure: see the header.
 */
#include "control/map_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lookup/map_read.h"
#include "lookup/map_settings.h"

enum { LOOK_EVERY_MS = 500, WHY_LIMIT_BYTES = 1024 };

struct map_identity
map_identity_of(const struct stat *facts)
{
	return (struct map_identity){ facts->st_dev, facts->st_ino, facts->st_size, facts->st_mtim };
}

bool
map_identity_equal(const struct map_identity *a, const struct map_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Opens the file as lookup/map_read does, which says what is wrong with it. */
static bool
check_map(int fd, const struct config *config, uint64_t *entries, struct buf *why)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct map *map = copy < 0 ? NULL : map_open(copy, why);

	if (!map)
		return false;
	bool suits = map_suits(map, config);
	if (!suits)
		buf_append_text(why, "it was made with other mailbox roots or another local-part-case");
	*entries = map_meta(map)->entries;
	map_close(map);
	return suits;
}

static void
refuse(struct map_watch *watch)
{
	struct span why = buf_span(&watch->why);

	watch->file = MAP_REFUSED;
	log_error(
	    "the recipient map %s in the state folder is refused: %.*s; %s; run `tidegate map` to make a good one",
	    state_map_name, SPAN_ARG(why),
	    watch->fd >= 0 ? "the last good one stays in force" : "there is none in force");
}

static void
take_map(struct map_watch *watch, int fd, uint64_t entries)
{
	if (watch->fd >= 0)
		(void)close(watch->fd);
	watch->fd = fd;
	watch->entries = entries;
	watch->in_force = watch->seen;
	watch->file = MAP_IN_FORCE;
}

static void
map_is_missing(struct map_watch *watch, int error)
{
	static const struct map_identity none;
	bool is_news = !map_identity_equal(&watch->seen, &none);

	watch->seen = none;
	watch->file = watch->fd >= 0 ? MAP_REFUSED : MAP_ABSENT;
	buf_reset(&watch->why);
	buf_printf(&watch->why, "it cannot be opened (%s)", strerror(error));
	if (is_news)
		refuse(watch);
}

enum map_state
map_watch_look(struct map_watch *watch)
{
	struct stat facts;
	uint64_t entries;

	if (fstatat(watch->state->maps, state_map_name, &facts, AT_SYMLINK_NOFOLLOW) == 0) {
		struct map_identity identity = map_identity_of(&facts);

		if (map_identity_equal(&identity, &watch->seen))
			return watch->file;
	}
	int fd = state_folder_open_map(watch->state);
	if (fd < 0 || fstat(fd, &facts) != 0) {
		map_is_missing(watch, errno);
		return watch->file;
	}
	watch->seen = map_identity_of(&facts);
	buf_reset(&watch->why);
	if (!check_map(fd, watch->config, &entries, &watch->why)) {
		refuse(watch);
		(void)close(fd);
	} else if (watch->fd >= 0 && map_identity_equal(&watch->seen, &watch->in_force)) {
		watch->file = MAP_IN_FORCE;
		(void)close(fd);
	} else {
		take_map(watch, fd, entries);
		if (watch->on_new)
			watch->on_new(watch->context);
	}
	return watch->file;
}

bool
map_watch_would_suit(const struct map_watch *watch, const struct config *config, struct buf *why)
{
	uint64_t entries;
	int fd = state_folder_open_map(watch->state);

	if (fd < 0)
		return true;
	bool suits = check_map(fd, config, &entries, why);
	(void)close(fd);
	return suits;
}

void
map_watch_set_config(struct map_watch *watch, const struct config *config)
{
	watch->config = config;
	watch->seen = (struct map_identity){ 0 };
	(void)map_watch_look(watch);
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	(void)map_watch_look(argument);
}

void
map_watch_open(struct map_watch *watch, const struct state_folder *state, const struct config *config)
{
	*watch = (struct map_watch){ .state = state, .config = config, .fd = -1, .why = BUF_LIMIT(WHY_LIMIT_BYTES) };
	if (map_watch_look(watch) == MAP_ABSENT)
		log_warning(
		    "there is no recipient map yet: every recipient is answered 451 until `tidegate map` has made one");
}

bool
map_watch_start(struct map_watch *watch, struct event_base *base, void (*on_new)(void *context), void *context)
{
	const struct timeval interval = { .tv_usec = LOOK_EVERY_MS * 1000 };

	watch->on_new = on_new;
	watch->context = context;
	watch->timer = event_new(base, -1, EV_PERSIST, on_timer, watch);
	return watch->timer && event_add(watch->timer, &interval) == 0;
}

void
map_watch_close(struct map_watch *watch)
{
	if (watch->timer)
		event_free(watch->timer);
	watch->timer = NULL;
	if (watch->fd >= 0)
		(void)close(watch->fd);
	watch->fd = -1;
	buf_free(&watch->why);
}
