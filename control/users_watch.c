/* The watch of control/users_watch.h.
 *
 * On failure: see the header.
 */
#include "control/users_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lookup/users_compile.h"
#include "lookup/users_map.h"

enum { LOOK_EVERY_MS = 500, MESSAGES_BYTES = 8192 };

static const struct map_identity nothing;

static void
compile(struct users_watch *watch)
{
	bool keeps_case = watch->config->local_part_case == LETTER_CASE_KEEP;
	struct buf messages = BUF_LIMIT(MESSAGES_BYTES);
	uint64_t users = 0;

	if (!users_compile(watch->config->users, keeps_case, watch->state->users, &users, &messages))
		log_error_lines(watch->fd >= 0 ? "the users are not taken, the last good ones stay in force"
					       : "the users are not taken, nobody can send mail from here",
		    buf_span(&messages));
	buf_free(&messages);
}

static void
text_is_missing(struct users_watch *watch)
{
	watch->seen_text = nothing;
	if (watch->is_missing_said)
		return;
	watch->is_missing_said = true;
	log_warning("the users file %s cannot be looked at (%s); `tidegate user add` makes it; %s",
	    watch->config->users, strerror(errno),
	    watch->fd >= 0 ? "the last good users stay in force" : "nobody can send mail from here");
}

static void
look_at_text(struct users_watch *watch)
{
	struct stat facts;

	if (stat(watch->config->users, &facts) != 0) {
		text_is_missing(watch);
		return;
	}
	watch->is_missing_said = false;
	struct map_identity identity = map_identity_of(&facts);
	/* Not only what is in it counts, but who may read it, too. */
	identity.changed = facts.st_ctim;
	if (map_identity_equal(&identity, &watch->seen_text))
		return;
	/* `tidegate user` holds it while it writes both; then there is news in a moment. */
	if (flock(watch->state->users, LOCK_EX | LOCK_NB) != 0)
		return;
	watch->seen_text = identity;
	compile(watch);
	(void)flock(watch->state->users, LOCK_UN);
}

static bool
is_good(int fd)
{
	struct buf why = BUF_LIMIT(MESSAGES_BYTES);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct users_map *users = copy < 0 ? NULL : users_open(copy, &why);

	if (!users)
		log_error("%s in the state folder is refused: %.*s; touch the users file to have it made anew",
		    users_map_name, SPAN_ARG(buf_span(&why)));
	users_close(users);
	buf_free(&why);
	return users != NULL;
}

static void
look_at_map(struct users_watch *watch)
{
	struct stat facts;
	int fd = openat(watch->state->users, users_map_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	struct map_identity identity = fstat(fd, &facts) == 0 ? map_identity_of(&facts) : nothing;
	bool is_news = !map_identity_equal(&identity, &watch->seen_map);
	watch->seen_map = identity;
	if (!is_news || !is_good(fd)) {
		(void)close(fd);
		return;
	}
	if (watch->fd >= 0)
		(void)close(watch->fd);
	watch->fd = fd;
	if (watch->on_new)
		watch->on_new(watch->context);
}

void
users_watch_look(struct users_watch *watch)
{
	if (!*watch->config->users)
		return;
	look_at_text(watch);
	look_at_map(watch);
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	users_watch_look(argument);
}

/* A listener that only ever tells its users to try again later. */
static void
warn_of_listeners_without_passwords(const struct config *config)
{
	if (*config->users || *config->auth_socket)
		return;
	for (size_t i = 0; i < config->listener_count; i++)
		if (config->listeners[i].role == LISTENER_SUBMISSION)
			log_warning(
			    "listener %s is for users, but neither users nor auth-socket says where their passwords "
			    "are, so nobody can log in; add a line such as users = \"/etc/tidegate/users\"",
			    config->listeners[i].name);
}

void
users_watch_open(struct users_watch *watch, const struct state_folder *state, const struct config *config)
{
	*watch = (struct users_watch){ .state = state, .config = config, .fd = -1 };
	warn_of_listeners_without_passwords(config);
	users_watch_look(watch);
}

bool
users_watch_start(struct users_watch *watch, struct event_base *base, void (*on_new)(void *context), void *context)
{
	const struct timeval interval = { .tv_usec = LOOK_EVERY_MS * 1000 };

	watch->on_new = on_new;
	watch->context = context;
	watch->timer = event_new(base, -1, EV_PERSIST, on_timer, watch);
	return watch->timer && event_add(watch->timer, &interval) == 0;
}

void
users_watch_set_config(struct users_watch *watch, const struct config *config)
{
	watch->config = config;
	watch->seen_text = nothing;
	watch->is_missing_said = false;
	warn_of_listeners_without_passwords(config);
	if (!*config->users && watch->fd >= 0) {
		(void)close(watch->fd);
		watch->fd = -1;
		watch->seen_map = nothing;
	}
	users_watch_look(watch);
}

void
users_watch_close(struct users_watch *watch)
{
	if (watch->timer)
		event_free(watch->timer);
	watch->timer = NULL;
	if (watch->fd >= 0)
		(void)close(watch->fd);
	watch->fd = -1;
}
