/* The two filters among the walls: Landlock (paths, TCP, signals) and seccomp (system calls). Used by lib/sandbox.c.
 *
 * On failure: landlock_enforce and filter_enforce say why; the wall is then missing and named.
 */
#ifndef TIDEGATE_LIB_SANDBOX_FILTER_H
#define TIDEGATE_LIB_SANDBOX_FILTER_H

#include <stdbool.h>

#include "lib/plan.h"

struct sandbox;

struct landlock_wall {
	int ruleset; /* -1: none; error says why */
	int error;
};

/* Writes the rules down while the folders can still be named. */
void landlock_prepare(const struct sandbox *sandbox, struct landlock_wall *wall);
/* Puts them in force; needs no_new_privs. False with errno set when Landlock cannot be had. */
bool landlock_enforce(struct landlock_wall *wall);
/* Loads the row's allow-list: anything else kills the process. 0 or an errno. */
int filter_enforce(const struct plan_row *row);

#endif
