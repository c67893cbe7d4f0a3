/* tidegate: the one program that an administrator calls. Finds the subcommand in a table and hands over to it.
 *
 * Trust: the command line is the administrator's.
 * On failure: usage on standard error and exit code 2.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/commands.h"

#ifndef TIDEGATE_VERSION
#define TIDEGATE_VERSION "0.1"
#endif

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *operands;
	const char *help;
};

static const struct command commands[] = {
	{ "run", command_run, "[-c FILE]", "serve in the foreground, log to standard error" },
	{ "map", command_map, "[-c FILE] [--force]", "compile the recipients file" },
	{ "lookup", command_lookup, "[-c FILE] ADDRESS", "what RCPT would find for an address" },
	{ "user", command_user, "add|passwd|del|list [-c FILE] [ADDRESS]",
	    "who may send mail from here, and passwords" },
	{ "explain", command_explain, "[-c FILE] --ip A --helo H [--user U] --from S [--to R] [--message F]",
	    "every fact about a delivery, and the answer" },
	{ "config", command_config, "[-c FILE]", "all effective values of the configuration" },
	{ "reload", command_reload, "[-c FILE]", "make the running server read its configuration and map again" },
	{ "status", command_status, "[-c FILE] [--metrics]", "counters of the running server" },
	{ "health", command_health, "[-c FILE]", "exit 0 when the running server is well" },
	{ "trace", command_trace, "[-c FILE] --ip NET[,NET...]", "the dialogue of matching sessions, until stopped" },
	{ "selftest", command_selftest, "[-c FILE]", "try from every process what must be impossible" },
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void
print_usage(FILE *to)
{
	fprintf(to, "usage: tidegate COMMAND …\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  tidegate %s %s\n        %s\n", commands[i].name, commands[i].operands, commands[i].help);
	fprintf(to, "  tidegate --version\n");
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Whoever calls may have closed some of them. The next files would get their numbers: a folder would be read as a
 * password, and what is said would be written into a map. */
static void
open_standard_descriptors(void)
{
	int fd = STDIN_FILENO;

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	if (fd >= 0)
		(void)close(fd);
}

int
main(int argc, char **argv)
{
	open_standard_descriptors();
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("tidegate %s\n", TIDEGATE_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return 0;
	}
	const struct command *command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "tidegate: there is no command \"%s\"; `tidegate --help` lists them\n", argv[1]);
		return EXIT_USAGE;
	}
	return command->run(argc - 1, argv + 1);
}
