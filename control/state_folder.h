/* The state folder: made and checked at start, and held by a lock so that two servers never share one.
 *
 *     state/            0755  root (or the user the server runs as)
 *     state/maps/       0755  root: the recipient map
 *     state/empty/      0555  root: the view of processes that may see no file
 *     state/spool/      0700  smtpd: bodies too large for memory
 *     state/journal/    0700  the mailbox user: unread 250s
 *     state/users/      0700  root: the users and the hashes of their passwords
 *
 * Trust: root's, but for spool and journal, whose contents their owners may have made anything; nothing in them is
 * followed or run.
 * On failure: a sentence that names the folder and what to do; nothing is left open.
 */
#ifndef TIDEGATE_CONTROL_STATE_FOLDER_H
#define TIDEGATE_CONTROL_STATE_FOLDER_H

#include <stdbool.h>

#include "control/accounts.h"
#include "lib/buf.h"

/* Folder descriptors, close-on-exec; -1 where not open. */
struct state_folder {
	int root; /* locked by the server that runs */
	int maps;
	int empty;
	int spool;
	int journal;
	int users; /* locked by who writes in it */
};

extern const char state_map_name[]; /* "recipients.cdb", in maps */

/* Nothing open. */
void state_folder_init(struct state_folder *state);
/* Makes what is missing, checks owners and modes, opens all. */
bool state_folder_open(const char *path, const struct accounts *accounts, struct state_folder *state, struct buf *why);
/* For the one server of this folder: locks it (until the process ends), waits some seconds for the deliver of one that
 * was killed, and removes what a crash left in the spool. */
bool state_folder_claim(const char *path, const struct state_folder *state, struct buf *why);
/* Opens the recipient map read-only; -1 with errno (ENOENT: there is none yet). */
int state_folder_open_map(const struct state_folder *state);
/* The same below a state folder that is not open, and that nothing is made in. */
int state_folder_look_for_map(const char *path);
/* Unlinks the files in spool and journal: only for a folder that no server runs on. */
void state_folder_empty(const struct state_folder *state);
void state_folder_close(struct state_folder *state);

#endif
