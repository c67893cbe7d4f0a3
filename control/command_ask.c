/* Asking the running server on behalf of reload, status and health: finds it by the state folder of the
 * configuration.
 *
 * On failure: a sentence on standard error, exit code 1.
 */
#include <stdio.h>

#include "control/command_ask.h"
#include "control/commands.h"
#include "control/control_socket.h"

enum { ANSWER_LIMIT_MS = 10000, WHY_LIMIT_BYTES = 1024 };

/* Takes the first line off the answer: did it go well? */
static bool
take_verdict(struct buf *answer)
{
	struct span text = buf_span(answer);
	size_t end = span_find(text, '\n');
	bool is_ok = span_equal(span_take(text, end), SPAN("ok"));

	buf_consume(answer, end < text.length ? end + 1 : text.length);
	return is_ok;
}

bool
command_ask(const char *command, const char *config_path, const char *request, struct buf *answer)
{
	struct config *config = command_read_config(config_path);
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);

	if (!config)
		return false;
	bool is_ok = control_ask(config->state, span_of(request), ANSWER_LIMIT_MS, answer, &why);
	if (!is_ok)
		fprintf(stderr, "tidegate %s: %.*s\n", command, SPAN_ARG(buf_span(&why)));
	else
		is_ok = take_verdict(answer);
	buf_free(&why);
	config_free(config);
	return is_ok;
}

int
command_ask_of(const char *command, const char *config_path, const char *when_well)
{
	struct buf answer = BUF_LIMIT(CONTROL_ANSWER_BYTES);
	bool is_ok = command_ask(command, config_path, command, &answer);
	struct span text = buf_span(&answer);
	if (is_ok && text.length == 0)
		text = span_of(when_well);
	(void)fwrite(text.data, 1, text.length, is_ok ? stdout : stderr);
	if (text.length && text.data[text.length - 1] != '\n')
		(void)fputc('\n', is_ok ? stdout : stderr);
	buf_free(&answer);
	return is_ok ? 0 : 1;
}

int
command_ask_simple(int argc, char **argv, const char *when_well)
{
	const char *path = command_default_config;
	const struct command_option options[] = { { "-c", &path, NULL }, { 0 } };

	if (command_options(&argc, argv, options) && argc == 1)
		return command_ask_of(argv[0], path, when_well);
	fprintf(stderr, "usage: tidegate %s [-c FILE]\n", argv[0]);
	return EXIT_USAGE;
}
