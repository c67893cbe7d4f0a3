/* The walls around one process: own uid without supplementary groups, chroot, empty network namespace, limits,
 * no_new_privs, Landlock, and an allow-list of system calls. All from the process's row of the plan.
 *
 * Started as root every wall is up. As an ordinary user the uid stays, and a user namespace gives chroot and an empty
 * network where the kernel allows one. A wall that cannot be had is named, with the reason; the caller decides.
 *
 * Trust: the arguments are the master's.
 * On failure: sandbox_enter returns false when a step fails that must not (a half-dropped process must not run).
 */
#ifndef TIDEGATE_LIB_SANDBOX_H
#define TIDEGATE_LIB_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/plan.h"

enum { SANDBOX_FOLDERS_MAX = 32 };

struct sandbox {
	const struct plan_row *row;
	bool changes_uid; /* started as root: become uid and gid */
	uid_t uid;
	gid_t gid;
	rlim_t open_files; /* asked for; after sandbox_enter() what was given */
	int view;          /* folder to chroot into; closed by sandbox_enter */
	/* Folders outside of the view that the process works below, by descriptor (deliver's roots). */
	int folders[SANDBOX_FOLDERS_MAX];
	size_t folder_count;
};

/* Puts up the walls, in the one order that works. missing: "wall (reason); wall (reason)" for those that could not be
 * had. False: why says what failed; the process must end. */
bool sandbox_enter(struct sandbox *sandbox, struct buf *missing, struct buf *why);

#endif
