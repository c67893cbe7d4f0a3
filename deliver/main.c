/* tidegate-deliver: writes messages into the mailboxes of one uid.
 *
 * The mailbox roots and the journal's folder are opened before the walls; afterwards nothing but what lies below them
 * can be reached, and there is no network at all. Everything else is in deliver/server.h.
 *
 * Trust: the configuration and the map are root's; smtpd is trusted with nothing.
 * On failure: before READY, one line that says what to do; later, mail is deferred.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/child.h"
#include "lib/log.h"
#include "conf/config.h"
#include "deliver/boot.h"
#include "deliver/server.h"
#include "deliver/sha256.h"

enum { OPEN_MAILBOXES = 1500 }; /* two descriptors each, of the plan's 8192; the rest for walks and bodies */

struct state {
	struct config *config;
	struct roots roots;
	uint8_t boot[BOOT_BYTES];
	int wake;
	struct server *server; /* NULL until start */
};

static struct state the_state;

static bool
configure(struct child *child, struct span bytes)
{
	struct state *state = &the_state;
	struct config *config = config_decode(bytes);

	child->state = state;
	if (!config) {
		log_error("the configuration from the master does not decode");
		return false;
	}
	if (state->server)
		server_configure(state->server, config);
	config_free(state->config);
	state->config = config;
	return true;
}

static bool
add_root(struct child *child, struct roots *roots, const char *path)
{
	if (!roots_add(roots, path)) {
		if (errno == EEXIST)
			log_error("the mailbox root %s is another root by another name, so a mailbox would have two; "
				  "name the folder once",
			    path);
		else
			log_error(
			    "the mailbox root %s cannot be opened: %s; make it (mkdir) and give it to the mailbox user "
			    "(chown), or correct mailboxes or mailbox-roots",
			    path, strerror(errno));
		return false;
	}
	child_allow_folder(child, roots->folders[roots->count - 1]);
	return true;
}

static bool
prepare(struct child *child)
{
	struct state *state = child->state;
	const struct config *config = state->config;

	if (!add_root(child, &state->roots, config->mailboxes))
		return false;
	for (size_t i = 0; i < config->mailbox_roots.count; i++)
		if (!add_root(child, &state->roots, config->mailbox_roots.items[i]))
			return false;
	child_allow_folder(child, FD_FOLDER);
	boot_read(state->boot);
	for (size_t i = 0; i < state->roots.count; i++)
		boot_bind(state->boot, state->roots.folders[i]);
	state->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (state->wake < 0) {
		log_error("cannot make an eventfd: %s", strerror(errno));
		return false;
	}
	/* libcrypto loads what it needs while files can still be opened. */
	sha256_free(sha256_new());
	return true;
}

static bool
start(struct child *child)
{
	struct state *state = child->state;
	struct server_options options = { .base = child->base,
		.roots = &state->roots,
		.config = state->config,
		.journal_folder = FD_FOLDER,
		.wake = state->wake,
		.pid = (unsigned long)getpid(),
		.open_mailboxes = OPEN_MAILBOXES };

	memcpy(options.boot, state->boot, sizeof options.boot);
	state->server = server_new(&options);
	return state->server != NULL;
}

static bool
on_edge(struct child *child, enum role peer, unsigned peer_instance, int fd)
{
	struct state *state = child->state;

	(void)peer; /* smtpd is the only neighbour in the plan */
	return server_attach(state->server, peer_instance, fd);
}

static void
on_map(struct child *child, int fd)
{
	struct state *state = child->state;

	server_set_map(state->server, fd);
}

static void
on_drained(void *context)
{
	child_drained(context);
}

static void
on_drain(struct child *child)
{
	struct state *state = child->state;

	server_drain(state->server, on_drained, child);
}

static void
on_status(struct child *child, struct buf *lines)
{
	struct state *state = child->state;

	server_status(state->server, lines);
}

int
main(int argc, char **argv)
{
	static const struct child_program program = {
		.role = ROLE_DELIVER,
		.configure = configure,
		.prepare = prepare,
		.start = start,
		.on_edge = on_edge,
		.on_map = on_map,
		.on_drain = on_drain,
		.on_status = on_status,
	};

	return child_main(argc, argv, &program);
}
