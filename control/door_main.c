/* tidegate-door: see control/door.h.
 *
 * On failure: see lib/child.h.
 */
#include "control/door.h"

int
main(int argc, char **argv)
{
	return child_main(argc, argv, &door_program);
}
