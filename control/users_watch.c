/* The watch of control/users_watch.h.
 *
 * On failure: see the header.
 */
#include "control/users_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lookup/users_compile.h"
#include "lookup/users_map.h"
#include "control/backoff.h"

enum { MESSAGES_BYTES = 8192 };

static const struct file_identity nothing;

static void
compile(struct users_watch *watch)
{
	bool keeps_case = watch->config->local_part_case == LETTER_CASE_KEEP;
	struct buf messages = BUF_LIMIT(MESSAGES_BYTES);
	uint64_t users = 0;
	bool was_in_trouble = watch->wait_ms != 0;
	enum users_compiled outcome =
	    users_compile(watch->config->users, keeps_case, watch->compiled.folder, &users, &messages);
	bool is_in_trouble = outcome == USERS_TROUBLE;

	if (is_in_trouble)
		buf_append_text(&messages, "; it is tried again until it succeeds");
	watch->wait_ms = is_in_trouble ? backoff_next_ms(watch->wait_ms, 0) : 0;
	watch->tried_ms = clock_monotonic_ms();
	/* Trouble that lasts is said once. */
	if (outcome != USERS_COMPILED && !(is_in_trouble && was_in_trouble))
		log_error_lines(watch->compiled.fd >= 0 ? "the users are not taken, the last good ones stay in force"
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
	    watch->compiled.fd >= 0 ? "the last good users stay in force" : "nobody can send mail from here");
}

/* Has the file, which has this identity now, been dealt with? */
static bool
is_settled(const struct users_watch *watch, const struct file_identity *identity)
{
	if (!file_identity_equal(identity, &watch->seen_text))
		return false;
	return watch->wait_ms == 0 || clock_monotonic_ms() - watch->tried_ms < watch->wait_ms;
}

/* Trouble with another file than this one is over. */
static void
begin_anew(struct users_watch *watch, struct file_identity identity)
{
	if (!file_identity_equal(&identity, &watch->seen_text))
		watch->wait_ms = 0;
	watch->seen_text = identity;
}

static void
look_at_text(struct users_watch *watch)
{
	struct file_identity identity = file_identity_at(watch->config->users);

	if (file_identity_equal(&identity, &nothing)) {
		text_is_missing(watch);
		return;
	}
	watch->is_missing_said = false;
	if (is_settled(watch, &identity))
		return;
	/* `tidegate user` holds it while it writes both; then there is news in a moment. */
	if (flock(watch->compiled.folder, LOCK_EX | LOCK_NB) != 0)
		return;
	begin_anew(watch, identity);
	compile(watch);
	(void)flock(watch->compiled.folder, LOCK_UN);
}

static bool
check(void *context, int fd, struct buf *why)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct users_map *users = copy < 0 ? NULL : users_open(copy, why);

	(void)context;
	users_close(users);
	return users != NULL;
}

bool
users_watch_look(struct users_watch *watch)
{
	if (!*watch->config->users)
		return false;
	look_at_text(watch);
	return compiled_map_look(&watch->compiled);
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
	*watch = (struct users_watch){ .config = config,
		.compiled = { .folder = state->users,
		    .name = users_map_name,
		    .title = "map of the users",
		    .remedy = "touch the users file to have it made anew",
		    .check = check,
		    .fd = -1 } };
	warn_of_listeners_without_passwords(config);
	(void)users_watch_look(watch);
}

void
users_watch_set_config(struct users_watch *watch, const struct config *config)
{
	watch->config = config;
	watch->seen_text = nothing;
	watch->is_missing_said = false;
	warn_of_listeners_without_passwords(config);
	if (!*config->users)
		compiled_map_close(&watch->compiled);
}

void
users_watch_close(struct users_watch *watch)
{
	compiled_map_close(&watch->compiled);
}
