/* tidegate-keys: see smtpd/keys.h.
 *
 * On failure: see lib/child.h.
 */
#include "smtpd/keys.h"

int
main(int argc, char **argv)
{
	return child_main(argc, argv, &keys_program);
}
