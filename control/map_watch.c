/* The watch of control/map_watch.h.
 *
 * On failure: see the header.
 */
#include "control/map_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/log.h"
#include "lookup/map_read.h"
#include "lookup/map_settings.h"

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

static bool
check(void *context, int fd, struct buf *why)
{
	struct map_watch *watch = context;

	return check_map(fd, watch->config, &watch->checked_entries, why);
}

bool
map_watch_look(struct map_watch *watch)
{
	bool is_new = compiled_map_look(&watch->compiled);

	if (is_new)
		watch->entries = watch->checked_entries;
	return is_new;
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
	compiled_map_doubt(&watch->compiled);
}

void
map_watch_open(struct map_watch *watch, const struct state_folder *state, const struct config *config)
{
	*watch = (struct map_watch){ .state = state,
		.config = config,
		.compiled = { .folder = state->maps,
		    .name = state_map_name,
		    .title = "recipient map",
		    .remedy = "run `tidegate map` to make a good one",
		    .check = check,
		    .context = watch,
		    .fd = -1 } };
	(void)map_watch_look(watch);
	if (watch->compiled.state == COMPILED_ABSENT)
		log_warning(
		    "there is no recipient map yet: every recipient is answered 451 until `tidegate map` has made one");
}

void
map_watch_close(struct map_watch *watch)
{
	compiled_map_close(&watch->compiled);
}
