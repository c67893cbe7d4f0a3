/* tidegate-caller: see control/caller.h.
 *
 * On failure: see lib/child.h.
 */
#include "control/caller.h"

int
main(int argc, char **argv)
{
	return child_main(argc, argv, &caller_program);
}
