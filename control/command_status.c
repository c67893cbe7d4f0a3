/* tidegate status: the counters of the running server, one "name value" a line, or as Prometheus text.
 *
 * On failure: a sentence on standard error, exit code 1.
 */
#include <stdio.h>

#include "control/command_ask.h"
#include "control/commands.h"
#include "control/control_socket.h"
#include "control/tally.h"

int
command_status(int argc, char **argv)
{
	const char *path = command_default_config;
	bool wants_metrics = false;
	const struct command_option options[] = { { "-c", &path, NULL }, { "--metrics", NULL, &wants_metrics }, { 0 } };
	struct buf answer = BUF_LIMIT(CONTROL_ANSWER_BYTES);
	struct buf metrics = BUF_LIMIT(2 * CONTROL_ANSWER_BYTES);

	if (!command_options(&argc, argv, options) || argc > 1) {
		fprintf(stderr, "usage: tidegate status [-c FILE] [--metrics]\n");
		return EXIT_USAGE;
	}
	bool is_ok = command_ask("status", path, "status", &answer);
	struct span text = buf_span(&answer);
	if (is_ok && wants_metrics) {
		tally_print_metrics(text, &metrics);
		text = buf_span(&metrics);
	}
	(void)fwrite(text.data, 1, text.length, is_ok ? stdout : stderr);
	buf_free(&metrics);
	buf_free(&answer);
	return is_ok && fflush(stdout) == 0 ? 0 : 1;
}
