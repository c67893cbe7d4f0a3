/* tidegate health: is the running server well? It asks every process; it leaves no mail.
 *
 * On failure: what is not well, on standard error; exit code 1.
 */
#include "control/command_ask.h"
#include "control/commands.h"

int
command_health(int argc, char **argv)
{
	return command_ask_simple(argc, argv, "well");
}
