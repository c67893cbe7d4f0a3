/* tidegate map: compiles the recipients into the map that the server uses. A running server takes it within a second.
 *
 * On failure: every error with file and line on standard error, exit code 1, and the old map stays.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

#include "lookup/map_compile.h"
#include "control/accounts.h"
#include "control/commands.h"
#include "control/state_folder.h"

enum { MESSAGES_LIMIT_BYTES = 8 << 20, WHY_LIMIT_BYTES = 4096 };

static void
print_all(struct buf *text)
{
	struct span bytes = buf_span(text);

	(void)fwrite(bytes.data, 1, bytes.length, stderr);
	if (bytes.length && bytes.data[bytes.length - 1] != '\n')
		(void)fputc('\n', stderr);
}

static bool
compile(const struct config *config, const struct state_folder *state, bool is_forced)
{
	struct buf messages = BUF_LIMIT(MESSAGES_LIMIT_BYTES);
	struct map_totals totals;

	/* Two at once would write the same file. */
	if (flock(state->maps, LOCK_EX | LOCK_NB) != 0) {
		fprintf(stderr,
		    "tidegate map: %s/maps cannot be locked (%s); wait for the other `tidegate map` to end\n",
		    config->state, strerror(errno));
		return false;
	}
	bool is_compiled = map_compile(config, state->maps, state_map_name, is_forced, &totals, &messages);
	print_all(&messages);
	if (is_compiled)
		printf("%s/maps/%s: %llu entries, %llu of them addresses\n", config->state, state_map_name,
		    (unsigned long long)totals.entries, (unsigned long long)totals.addresses);
	else
		fprintf(stderr, "tidegate map: nothing was changed\n");
	buf_free(&messages);
	return is_compiled;
}

static bool
open_and_compile(const struct config *config, bool is_forced)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	struct accounts accounts;
	struct state_folder state;
	bool is_compiled = false;

	if (accounts_find(config, &accounts, &why) && state_folder_open(config->state, &accounts, &state, &why)) {
		is_compiled = compile(config, &state, is_forced);
		state_folder_close(&state);
	}
	print_all(&why);
	buf_free(&why);
	return is_compiled;
}

int
command_map(int argc, char **argv)
{
	const char *path = command_default_config;
	bool is_forced = false;
	const struct command_option options[] = { { "-c", &path, NULL }, { "--force", NULL, &is_forced }, { 0 } };

	if (!command_options(&argc, argv, options))
		return EXIT_USAGE;
	if (argc > 1) {
		fprintf(stderr, "tidegate map: unexpected \"%s\"\nusage: tidegate map [-c FILE] [--force]\n", argv[1]);
		return EXIT_USAGE;
	}
	struct config *config = command_read_config(path);
	if (!config)
		return 1;
	bool is_compiled = open_and_compile(config, is_forced);
	config_free(config);
	return is_compiled ? 0 : 1;
}
