/* What the subcommands share: their options, and reading the configuration for a person at a terminal.
 *
 * Trust: the arguments are the administrator's.
 * On failure: a sentence on standard error.
 */
#include "control/commands.h"

#include <stdio.h>
#include <string.h>

enum { ERRORS_LIMIT_BYTES = 65536 };

const char *const command_default_config = "/etc/tidegate/tidegate.conf";

static const struct command_option *
find_option(const struct command_option *options, const char *name)
{
	for (const struct command_option *option = options; option->name; option++)
		if (strcmp(option->name, name) == 0)
			return option;
	return NULL;
}

/* Takes the option at argv[*at] and moves *at to its last word. */
static bool
take_option(int argc, char **argv, int *at, const struct command_option *options)
{
	const struct command_option *option = find_option(options, argv[*at]);

	if (!option) {
		fprintf(stderr, "tidegate %s: unknown option %s\n", argv[0], argv[*at]);
		return false;
	}
	if (option->is_set) {
		if (*option->is_set) {
			fprintf(stderr, "tidegate %s: %s is given twice\n", argv[0], option->name);
			return false;
		}
		*option->is_set = true;
	}
	if (!option->value)
		return true;
	if (*at + 1 >= argc) {
		fprintf(stderr, "tidegate %s: %s needs a value behind it\n", argv[0], option->name);
		return false;
	}
	*option->value = argv[++*at];
	return true;
}

bool
command_options(int *argc, char **argv, const struct command_option *options)
{
	bool is_ended = false;
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		if (!is_ended && strcmp(argv[i], "--") == 0) {
			is_ended = true;
		} else if (!is_ended && argv[i][0] == '-' && argv[i][1] != '\0') {
			if (!take_option(*argc, argv, &i, options))
				return false;
		} else {
			argv[kept++] = argv[i];
		}
	}
	*argc = kept;
	return true;
}

struct config *
command_read_config(const char *path)
{
	struct buf errors = BUF_LIMIT(ERRORS_LIMIT_BYTES);
	struct config *config = config_read(path, &errors);

	if (!config) {
		struct span text = buf_span(&errors);

		if (text.length == 0)
			text = SPAN("tidegate: the configuration cannot be read\n");
		(void)fwrite(text.data, 1, text.length, stderr);
		if (text.data[text.length - 1] != '\n')
			(void)fputc('\n', stderr);
	}
	buf_free(&errors);
	return config;
}
