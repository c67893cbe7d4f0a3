/* Which uid and gid each process runs under: the account of its name where that exists, else a number counted from
 * uid-base; the mailbox user by the configuration. When the master is not root, all are the one user it runs as.
 *
 * Trust: the account database and the configuration are the administrator's.
 * On failure: false, with a sentence.
 */
#ifndef TIDEGATE_CONTROL_ACCOUNTS_H
#define TIDEGATE_CONTROL_ACCOUNTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/config.h"
#include "lib/buf.h"
#include "lib/plan.h"

struct account {
	uid_t uid;
	gid_t gid;
};

struct accounts {
	bool is_root; /* each process has its own; false: all are the user that the master runs as */
	struct account of[ROLE_COUNT];
};

/* Finds an account by name; false when there is none. */
typedef bool accounts_by_name(const char *name, struct account *account);
/* Finds the group of a uid; false when no account has it. */
typedef bool accounts_by_uid(uid_t uid, struct account *account);

/* The databases that are asked; tests bring their own. */
struct accounts_source {
	accounts_by_name *by_name;
	accounts_by_uid *by_uid;
};

/* All accounts of a running Tidegate, from the system's database. */
bool accounts_find(const struct config *config, struct accounts *accounts, struct buf *why);
/* The same for a master that is root, from any database. Pure but for what the source does. */
bool accounts_choose(
    const struct config *config, const struct accounts_source *source, struct accounts *accounts, struct buf *why);

#endif
