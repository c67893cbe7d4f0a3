/* Opening what control/supplies.h names.
 *
 * On failure: see the header.
 */
#include "control/supplies.h"

#include <unistd.h>

void
supplies_init(struct supplies *supplies, const struct config *config)
{
	*supplies = (struct supplies){ .config = config,
		.map = -1,
		.users = -1,
		.auth_folder = -1,
		.pairs = -1,
		.chains = -1,
		.log = STDERR_FILENO };
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
	return accounts_find(supplies->config, &supplies->accounts, why) && programs_open(&supplies->programs, why) &&
	       scratch_state_open(&supplies->scratch, &supplies->accounts, &supplies->state, why);
}

void
supplies_give(const struct supplies *supplies, struct spawn_order *order)
{
	const struct state_folder *state = &supplies->state;

	order->view = plan_row(order->role)->view == VIEW_SPOOL ? state->spool : state->empty;
	if (order->role == ROLE_SMTPD || order->role == ROLE_DELIVER)
		order->map = supplies->map;
	if (order->role == ROLE_AUTH)
		order->map = supplies->users;
	if (order->role == ROLE_KEYS)
		order->certificates = supplies->pairs;
	if (order->role == ROLE_SMTPD)
		order->certificates = supplies->chains;
	if (order->role == ROLE_DELIVER)
		order->folder = state->journal;
	if (order->role == ROLE_CALLER)
		order->folder = supplies->auth_folder;
}

void
supplies_close(struct supplies *supplies)
{
	scratch_state_remove(&supplies->scratch, &supplies->state);
	state_folder_close(&supplies->state);
	programs_close(&supplies->programs);
}
