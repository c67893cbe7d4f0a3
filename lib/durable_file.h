/* The one place of durability: write, fsync, rename and fsync of the folder. Nobody else calls fsync or rename.
 *
 * In test builds (TIDEGATE_TEST_HOOKS) every durable step is counted, and the k-th can be made to fail or to kill the
 * process: TIDEGATE_DURABLE_FAIL="K:ERRNO" or TIDEGATE_DURABLE_KILL="K" (see tests/crash).
 *
 * Trust: names come from the map or are made by us; they are opened below a folder without following links.
 * On failure: false with errno set; a failed fsync is never repeated on the same descriptor.
 */
#ifndef TIDEGATE_LIB_DURABLE_FILE_H
#define TIDEGATE_LIB_DURABLE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/span.h"

/* A new file below folder for writing, mode 0600; -1 with errno (EEXIST when the name is taken). */
int durable_create(int folder, const char *name);
/* Writes it all, at the current offset. */
bool durable_write(int fd, struct span bytes);
bool durable_writev(int fd, const struct span *parts, size_t count);
/* fsync of a file. */
bool durable_sync(int fd);
bool durable_close(int fd);
/* Renames without replacing (renameat2, RENAME_NOREPLACE). */
bool durable_rename_new(int from_folder, const char *from, int to_folder, const char *to);
/* Renames over what is there (for maps written aside). */
bool durable_rename_over(int folder, const char *from, const char *to);
/* Removes a name; true when it is gone (also when it was not there). */
bool durable_remove(int folder, const char *name);
bool durable_make_folder(int folder, const char *name, mode_t mode);
/* fsync of a folder. */
bool durable_sync_folder(int folder);

#ifdef TIDEGATE_TEST_HOOKS
/* Counts anew, and lets step fail_at fail with error, and step kill_at kill the process (0: none). Steps count from 1;
 * a write that breaks leaves half of its first part behind. */
void durable_hook_arm(unsigned long fail_at, int error, unsigned long kill_at);
/* Steps since the start, or since the last durable_hook_arm. */
unsigned long durable_hook_steps(void);
#endif

#endif
