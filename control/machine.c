/* The questions of control/machine.h.
 *
 * On failure: see the header.
 */
#include "control/machine.h"

#include <sched.h>
#include <sys/resource.h>

#include "lib/log.h"
#include "lib/plan.h"

unsigned
machine_cores(const struct config *config)
{
	cpu_set_t cores;
	unsigned count = (unsigned)config->processes;

	if (count == 0)
		count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? (unsigned)CPU_COUNT(&cores) : 1;
	return count > PLAN_CORES_MAX ? PLAN_CORES_MAX : count;
}

/* The children cannot have more than the master may; only CAP_SYS_RESOURCE goes above that. */
void
machine_check_open_files(const struct config *config)
{
	struct rlimit limit;
	struct rlimit higher;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= config->max_connections)
		return;
	higher = (struct rlimit){ limit.rlim_cur, config->max_connections };
	if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
		return;
	log_warning(
	    "max-connections = %llu, but no more than %llu files may be open here; raise the limit (`ulimit -Hn`)",
	    (unsigned long long)config->max_connections, (unsigned long long)limit.rlim_max);
}
