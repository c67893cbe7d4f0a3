/* What processes of the plan are started with: their programs, accounts, folders and configuration, and what is handed
 * to them at the start and anew whenever it changes (maps, certificates, the folder of the auth-socket).
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

/* What changes while the server runs. */
enum supply { SUPPLY_MAP, SUPPLY_USERS, SUPPLY_AUTH_FOLDER, SUPPLY_PAIRS, SUPPLY_CHAINS, SUPPLY_COUNT };

/* Who sees it: by a fixed number from the start, and by a message for each new one. */
struct supply_row {
	enum supply supply;
	enum role role;
	enum plan_descriptor number;
	enum ipc_type message;
};

enum { SUPPLY_ROWS = 6 };
extern const struct supply_row supply_rows[SUPPLY_ROWS];

struct supplies {
	struct programs programs;
	struct accounts accounts;
	struct state_folder state;
	struct scratch_state scratch; /* where state is one for the moment */
	const struct config *config;
	const int *from[SUPPLY_COUNT]; /* where who keeps each has its descriptor (-1: none now); NULL: nobody does */
	int log;                       /* where they log to: standard error, or a memory file */
};

/* Nothing open. */
void supplies_init(struct supplies *supplies, const struct config *config);
/* Finds the accounts, opens the programs and the state folder (making it where it is missing). */
bool supplies_open(struct supplies *supplies, struct buf *why);
/* The descriptor of a supply, which stays its keeper's; -1: none. */
int supplies_of(const struct supplies *supplies, enum supply supply);
/* Gives an order what its row sees of them. The descriptors stay theirs. */
void supplies_give(const struct supplies *supplies, struct spawn_order *order);
/* The same for a command that needs answers of its own: with a state folder for the moment, so that nothing in the
 * server's own is made or changed, and a log in memory, which is of interest only when no answer comes. */
bool supplies_open_scratch(struct supplies *supplies, struct buf *why);
/* Writes that log to standard error. */
void supplies_show_log(const struct supplies *supplies);
void supplies_close(struct supplies *supplies);

#endif
