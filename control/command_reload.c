/* tidegate reload: the running server reads its configuration and map again.
 *
 * On failure: the server keeps what it has and says why; exit code 1.
 */
#include "control/command_ask.h"
#include "control/commands.h"

int
command_reload(int argc, char **argv)
{
	return command_ask_simple(argc, argv, "reloaded");
}
