/* tidegate config: prints all effective values as a configuration file.
 *
 * On failure: every error with file and line on standard error, exit code 1; also, behind the values, when a
 * certificate could not come into force.
 */
#include <stdio.h>

#include "control/certificate_trial.h"
#include "control/commands.h"
#include "lib/log.h"

enum { PRINT_LIMIT_BYTES = 1 << 20 };

int
command_config(int argc, char **argv)
{
	const char *path = command_default_config;
	const struct command_option options[] = { { "-c", &path, NULL }, { 0 } };

	if (!command_options(&argc, argv, options))
		return EXIT_USAGE;
	if (argc > 1) {
		fprintf(stderr, "tidegate config: unexpected \"%s\"\n", argv[1]);
		return EXIT_USAGE;
	}
	struct config *config = command_read_config(path);
	if (!config)
		return 1;
	log_set_process("config");
	struct buf text = BUF_LIMIT(PRINT_LIMIT_BYTES);
	config_print(config, &text);
	bool is_written =
	    buf_ok(&text) && fwrite(text.data, 1, text.length, stdout) == text.length && fflush(stdout) == 0;
	bool is_good = is_written && certificate_trial(config, "config");
	buf_free(&text);
	config_free(config);
	return is_good ? 0 : 1;
}
