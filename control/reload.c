/* The steps of control/reload.h.
 *
 * On failure: see the header.
 */
#include "control/reload.h"

#include <errno.h>
#include <unistd.h>

#include "lib/log.h"

void
reload_lend_listeners(struct master *master)
{
	for (unsigned i = 0; i < LISTENERS_MAX; i++) {
		struct buf networks;
		struct ipc_message message;

		if (!listeners_describe(&master->listeners, (uint8_t)i, master->config, &networks, &message))
			continue;
		children_send(&master->children, ROLE_DOOR, &message);
		buf_free(&networks);
	}
}

static void
take_back(void *context, uint8_t index)
{
	struct master *master = context;
	struct ipc_message message = { .type = IPC_UNLISTEN, .descriptor = -1, .unlisten = { .index = index } };

	children_send(&master->children, ROLE_DOOR, &message);
}

/* Those who have a supply from their start are told of the new one. */
static void
renew(struct master *master, enum supply supply)
{
	for (size_t i = 0; i < SUPPLY_ROWS; i++) {
		const struct supply_row *row = &supply_rows[i];
		struct ipc_message message = { .type = row->message,
			.descriptor = supplies_of(&master->supplies, supply) };

		if (row->supply == supply)
			children_send(&master->children, row->role, &message);
	}
}

static void
ask_keys(void *context)
{
	struct master *master = context;
	struct ipc_message message = { .type = IPC_PAIRS, .descriptor = master->certificates.asked_fd };

	children_send(&master->children, ROLE_KEYS, &message);
}

static void
send_chains(void *context)
{
	renew(context, SUPPLY_CHAINS);
}

static void
note_refusal(void *context)
{
	struct master *master = context;

	master->has_bad_certificate = true;
}

const struct certificates_events reload_certificates_events = { ask_keys, send_chains, note_refusal };

static void
look_at_auth_folder(struct master *master)
{
	if (auth_folder_look(&master->auth_folder))
		renew(master, SUPPLY_AUTH_FOLDER);
}

void
reload_look(struct master *master)
{
	if (map_watch_look(&master->map)) {
		renew(master, SUPPLY_MAP);
		log_info("a new recipient map is in force: %llu entries", (unsigned long long)master->map.entries);
	}
	if (users_watch_look(&master->users)) {
		renew(master, SUPPLY_USERS);
		log_info("new users are in force");
	}
	look_at_auth_folder(master);
	certificates_look(&master->certificates);
}

static bool
check_map(struct master *master, const struct config *fresh, struct buf *why)
{
	struct buf reason = BUF_LIMIT(1024);
	bool suits = map_watch_would_suit(&master->map, fresh, &reason);

	if (!suits)
		buf_printf(why, "the recipient map is refused: %.*s; run `tidegate map`; nothing is changed",
		    SPAN_ARG(buf_span(&reason)));
	buf_free(&reason);
	return suits;
}

/* The new configuration when a running server can take it over; else NULL. */
static struct config *
read_fresh(struct master *master, struct buf *why)
{
	struct config *fresh = config_read(master->config_path, why);
	const char *key = fresh ? config_needs_restart(master->config, fresh) : NULL;

	if (!key)
		return fresh;
	buf_printf(why, "%s cannot change while the server runs; restart it for that; nothing is changed", key);
	config_free(fresh);
	return NULL;
}

static void
switch_over(struct master *master, struct config *fresh, int file)
{
	struct ipc_message message = { .type = IPC_CONFIG, .descriptor = file };

	/* Before auth hears of the new socket, and asks for it. */
	auth_folder_set_config(&master->auth_folder, fresh);
	look_at_auth_folder(master);
	master->supplies.config = fresh;
	certificates_set_config(&master->certificates, fresh);
	config_free(master->config);
	master->config = fresh;
	for (enum role role = ROLE_DOOR; role < ROLE_COUNT; role++)
		children_send(&master->children, role, &message);
	map_watch_set_config(&master->map, fresh);
	users_watch_set_config(&master->users, fresh);
	reload_look(master);
	/* Those that stay, too: what they are for may have changed. */
	reload_lend_listeners(master);
	listeners_drop_unwanted(&master->listeners, take_back, master);
}

bool
reload_all(struct master *master, struct buf *why)
{
	if (master->state != MASTER_SERVING) {
		buf_printf(why, "the server is %s", master->state == MASTER_STARTING ? "not ready yet" : "ending");
		return false;
	}
	struct config *fresh = read_fresh(master, why);
	if (!fresh)
		return false;
	int file = spawn_config_file(fresh);
	if (file < 0)
		buf_printf(why, "cannot write the configuration for the processes: %s", strerror(errno));
	bool ok = file >= 0 && check_map(master, fresh, why) && certificates_readable(fresh, why) &&
		  listeners_open(&master->listeners, fresh, why);
	if (ok)
		switch_over(master, fresh, file);
	else
		config_free(fresh);
	if (file >= 0)
		(void)close(file);
	return ok;
}
