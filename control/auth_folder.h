/* The folder that the auth-socket lies in, opened by the master for tidegate-caller, which has no path to it; opened
 * anew when there is another folder of that name.
 *
 * As root it is handed over as a detached copy of its mount, so that nothing above it can be reached by it.
 *
 * Trust: the path is the administrator's.
 * On failure: a line in the log; without the folder there are no passwords until it is there.
 */
#ifndef TIDEGATE_CONTROL_AUTH_FOLDER_H
#define TIDEGATE_CONTROL_AUTH_FOLDER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "conf/config.h"

struct auth_folder {
	const struct config *config;
	int fd; /* O_PATH; -1: none so far; /dev/null: none any more */
	dev_t device;
	ino_t inode;
	bool is_missing_said;
};

/* Begins with the folder that can be had now. */
void auth_folder_open(struct auth_folder *folder, const struct config *config);
/* Looks again. True: there is another folder, or none any more; fd is for the caller. */
bool auth_folder_look(struct auth_folder *folder);
/* Another configuration is in force; the next look goes by it. */
void auth_folder_set_config(struct auth_folder *folder, const struct config *config);
void auth_folder_close(struct auth_folder *folder);

#endif
