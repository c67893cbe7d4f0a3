/* The questions of control/machine.h.
 *
 * On failure: see the header.
 */
#include "control/machine.h"

#include <sched.h>

#include "lib/log.h"
#include "lib/plan.h"

enum { SPARE_FILES = 512 };

unsigned
machine_cores(const struct config *config)
{
	cpu_set_t cores;
	unsigned count = (unsigned)config->processes;

	if (count == 0)
		count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? (unsigned)CPU_COUNT(&cores) : 1;
	return count > PLAN_CORES_MAX ? PLAN_CORES_MAX : count;
}

/* All clients may come to one process, each with a body that is open twice while it comes in. */
rlim_t
machine_open_files(const struct config *config)
{
	return 3 * (rlim_t)config->max_connections + SPARE_FILES;
}

/* The children cannot have more than the master may; only CAP_SYS_RESOURCE goes above that. */
void
machine_check_open_files(const struct config *config)
{
	const rlim_t wanted = machine_open_files(config);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= wanted)
		return;
	const struct rlimit higher = { limit.rlim_cur, wanted };
	if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
		return;
	log_warning(
	    "max-connections = %llu may need %llu open files in one process, but no more than %llu may be open here; "
	    "raise the limit (`ulimit -Hn`)",
	    (unsigned long long)config->max_connections, (unsigned long long)wanted,
	    (unsigned long long)limit.rlim_max);
}
