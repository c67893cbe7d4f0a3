/* What processes of the plan are started with: their programs, accounts, folders, configuration and map.
 *
 * Trust: all of it is the administrator's and checked here.
 * On failure: a sentence; what was opened is closed by supplies_close().
 */
#ifndef TIDEGATE_CONTROL_SUPPLIES_H
#define TIDEGATE_CONTROL_SUPPLIES_H

#include "control/accounts.h"
#include "control/spawn.h"
#include "control/scratch_state.h"
#include "control/state_folder.h"

struct supplies {
	struct programs programs;
	struct accounts accounts;
	struct state_folder state;
	struct scratch_state scratch; /* where state is one for the moment */
	const struct config *config;
	int map;         /* the recipient map, not owned; -1: none yet */
	int users;       /* the compiled users, likewise */
	int auth_folder; /* where the auth-socket is, likewise */
	int pairs;       /* certificates with their private keys, not owned; -1: none */
	int chains;      /* certificates for smtpd, not owned; -1: none */
	int log;         /* where they log to, not owned; standard error unless said otherwise */
};

/* Nothing open. */
void supplies_init(struct supplies *supplies, const struct config *config);
/* Finds the accounts, opens the programs and the state folder (making it where it is missing). */
bool supplies_open(struct supplies *supplies, struct buf *why);
/* Gives an order what its row sees of them. The descriptors stay theirs. */
void supplies_give(const struct supplies *supplies, struct spawn_order *order);
/* The same with a state folder for the moment: nothing in the server's own is made or changed. */
bool supplies_open_scratch(struct supplies *supplies, struct buf *why);
void supplies_close(struct supplies *supplies);

#endif
