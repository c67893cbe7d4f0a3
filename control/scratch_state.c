/* The folder of control/scratch_state.h.
 *
 * On failure: see the header.
 */
#include "control/scratch_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool
make_in(const char *parent, struct scratch_state *scratch)
{
	int length = snprintf(scratch->path, sizeof scratch->path, "%s/tidegate-XXXXXX", parent);

	if (length > 0 && (size_t)length < sizeof scratch->path && mkdtemp(scratch->path))
		return true;
	scratch->path[0] = '\0';
	return false;
}

static bool
make_somewhere(struct scratch_state *scratch, struct buf *why)
{
	static const char *const places[] = { "/tmp", "/dev/shm", "/var/tmp" };
	const char *chosen = getenv("TMPDIR");

	if (chosen && make_in(chosen, scratch))
		return true;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (make_in(places[i], scratch))
			return true;
	buf_printf(why,
	    "there is no place for temporary files ($TMPDIR, /tmp, /dev/shm, /var/tmp: %s); make one, or set TMPDIR",
	    strerror(errno));
	return false;
}

bool
scratch_state_open(
    struct scratch_state *scratch, const struct accounts *accounts, struct state_folder *state, struct buf *why)
{
	if (!make_somewhere(scratch, why))
		return false;
	if (state_folder_open(scratch->path, accounts, state, why))
		return true;
	scratch_state_remove(scratch, state);
	return false;
}

void
scratch_state_remove(struct scratch_state *scratch, const struct state_folder *state)
{
	static const char *const folders[] = { "maps", "empty", "spool", "journal", "users" };

	if (!scratch->path[0])
		return;
	state_folder_empty(state);
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (state->root >= 0)
			(void)unlinkat(state->root, folders[i], AT_REMOVEDIR);
	if (rmdir(scratch->path) != 0)
		fprintf(
		    stderr, "tidegate: the temporary folder %s stays: %s; remove it\n", scratch->path, strerror(errno));
	scratch->path[0] = '\0';
}
