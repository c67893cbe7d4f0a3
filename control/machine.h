/* What the machine gives the server: processors and open files.
 *
 * On failure: nothing here can fail; what is less than the configuration wants is a warning in the log.
 */
#ifndef TIDEGATE_CONTROL_MACHINE_H
#define TIDEGATE_CONTROL_MACHINE_H

#include <sys/resource.h>

#include "conf/config.h"

/* For how many cores processes are started: as configured, else as many as this process may run on. */
unsigned machine_cores(const struct config *config);
/* How many files a process that holds clients may have open, when its row of the plan has no number of its own. */
rlim_t machine_open_files(const struct config *config);
/* Raises the limit of open files to that, or warns that it cannot. */
void machine_check_open_files(const struct config *config);

#endif
