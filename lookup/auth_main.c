/* tidegate-auth: see lookup/auth.h.
 *
 * On failure: see lib/child.h.
 */
#include "lookup/auth.h"

int
main(int argc, char **argv)
{
	return child_main(argc, argv, &auth_program);
}
