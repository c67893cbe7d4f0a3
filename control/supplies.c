/* Opening what control/supplies.h names.
 *
 * On failure: see the header.
 */
#include "control/supplies.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const struct supply_row supply_rows[SUPPLY_ROWS] = {
	/* deliver first: an address that smtpd knows should not be new to it. */
	{ SUPPLY_MAP, ROLE_DELIVER, FD_MAP, IPC_MAP },
	{ SUPPLY_MAP, ROLE_SMTPD, FD_MAP, IPC_MAP },
	{ SUPPLY_USERS, ROLE_AUTH, FD_MAP, IPC_MAP },
	{ SUPPLY_AUTH_FOLDER, ROLE_CALLER, FD_FOLDER, IPC_FOLDER },
	{ SUPPLY_PAIRS, ROLE_KEYS, FD_CERTIFICATES, IPC_PAIRS },
	{ SUPPLY_CHAINS, ROLE_SMTPD, FD_CERTIFICATES, IPC_CHAINS },
};

void
supplies_init(struct supplies *supplies, const struct config *config)
{
	*supplies = (struct supplies){ .config = config, .log = STDERR_FILENO };
	programs_init(&supplies->programs);
	state_folder_init(&supplies->state);
}

bool
supplies_open(struct supplies *supplies, struct buf *why)
{
	return accounts_find(supplies->config, &supplies->accounts, why) && programs_open(&supplies->programs, why) &&
	       state_folder_open(supplies->config->state, &supplies->accounts, &supplies->state, why);
}

bool
supplies_open_scratch(struct supplies *supplies, struct buf *why)
{
	if (!accounts_find(supplies->config, &supplies->accounts, why) || !programs_open(&supplies->programs, why) ||
	    !scratch_state_open(&supplies->scratch, &supplies->accounts, &supplies->state, why))
		return false;
	supplies->log = memfd_create("tidegate-log", MFD_CLOEXEC);
	if (supplies->log < 0)
		buf_printf(why, "no memory file for a log: %s", strerror(errno));
	return supplies->log >= 0;
}

void
supplies_show_log(const struct supplies *supplies)
{
	static char text[16384];
	ssize_t got = pread(supplies->log, text, sizeof text, 0);

	if (got > 0)
		(void)fwrite(text, 1, (size_t)got, stderr);
}

int
supplies_of(const struct supplies *supplies, enum supply supply)
{
	return supplies->from[supply] ? *supplies->from[supply] : -1;
}

void
supplies_give(const struct supplies *supplies, struct spawn_order *order)
{
	const struct state_folder *state = &supplies->state;

	order->fixed[FD_LOG] = supplies->log;
	order->fixed[FD_VIEW] = plan_row(order->role)->view == VIEW_SPOOL ? state->spool : state->empty;
	if (order->role == ROLE_DELIVER)
		order->fixed[FD_FOLDER] = state->journal;
	for (size_t i = 0; i < SUPPLY_ROWS; i++)
		if (supply_rows[i].role == order->role)
			order->fixed[supply_rows[i].number] = supplies_of(supplies, supply_rows[i].supply);
}

void
supplies_close(struct supplies *supplies)
{
	scratch_state_remove(&supplies->scratch, &supplies->state);
	state_folder_close(&supplies->state);
	programs_close(&supplies->programs);
	if (supplies->log > STDERR_FILENO)
		(void)close(supplies->log);
}
