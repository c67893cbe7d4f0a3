/* tidegate explain: every fact about a delivery, where it comes from, and what the client would hear. Starts the side
 * rooms that it needs, as the server would; changes nothing.
 *
 * On failure: a sentence on standard error, exit code 1.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/log.h"
#include "control/commands.h"
#include "control/explain.h"

enum { TEXT_LIMIT_BYTES = 1 << 20, WHY_LIMIT_BYTES = 4096 };

static bool
take_options(int argc, char **argv, const char **config_path, struct explain_question *question)
{
	const struct command_option options[] = { { "-c", config_path, NULL }, { "--ip", &question->ip, NULL },
		{ "--helo", &question->helo, NULL }, { "--user", &question->user, NULL },
		{ "--from", &question->from, NULL }, { "--to", &question->to, NULL },
		{ "--message", &question->message, NULL }, { 0 } };

	if (!command_options(&argc, argv, options))
		return false;
	if (argc == 1 && question->ip && question->helo && question->from)
		return true;
	fprintf(
	    stderr, "usage: tidegate explain [-c FILE] --ip A --helo H [--user U] --from S [--to R] [--message F]\n");
	return false;
}

static bool
open_supplies(struct supplies *supplies, int *map, struct buf *why)
{
	if (!supplies_open_scratch(supplies, why))
		return false;
	*map = state_folder_look_for_map(supplies->config->state);
	supplies->from[SUPPLY_MAP] = map;
	return true;
}

static bool
lacks_answers(const struct explain *explain)
{
	return explain->sender.spf.helo == SPF_UNKNOWN || (explain->has_recipient && !explain->has_probe_answer);
}

static void
open_map(struct explain *explain, const struct supplies *supplies)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	int map = supplies_of(supplies, SUPPLY_MAP);
	int copy = map < 0 ? -1 : fcntl(map, F_DUPFD_CLOEXEC, 0);

	if (copy >= 0)
		explain->map = map_open(copy, &why);
	if (!explain->map)
		fprintf(stderr, "tidegate explain: there is no recipient map%s%.*s\n",
		    why.length ? ": " : "; run `tidegate map`", SPAN_ARG(buf_span(&why)));
	buf_free(&why);
}

static bool
find_out(struct explain *explain, struct event_base *base, const struct supplies *supplies, struct buf *why)
{
	bool is_started = explain_rooms_start(&explain->rooms, base, supplies, explain->has_recipient, why);

	if (is_started) {
		explain_ask_dns(explain);
		if (explain->has_recipient || explain->client.user.length)
			open_map(explain, supplies);
		explain_find_owner(explain);
		if (explain->has_recipient)
			explain_ask_recipient(explain);
	}
	explain_rooms_stop(&explain->rooms);
	if (!is_started || lacks_answers(explain))
		supplies_show_log(supplies);
	return is_started;
}

static void
print_all(const struct explain *explain)
{
	struct buf text = BUF_LIMIT(TEXT_LIMIT_BYTES);

	explain_print_facts(explain, &text);
	if (explain->has_recipient)
		explain_print_answer(explain, &text);
	(void)fwrite(text.data, 1, text.length, stdout);
	(void)fflush(stdout);
	buf_free(&text);
}

int
command_explain(int argc, char **argv)
{
	static struct explain explain;
	const char *path = command_default_config;
	struct explain_question question = { 0 };
	struct supplies supplies;
	int map = -1;
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);

	if (!take_options(argc, argv, &path, &question))
		return EXIT_USAGE;
	struct config *config = command_read_config(path);
	if (!config)
		return 1;
	explain.config = config;
	supplies_init(&supplies, config);
	log_set_process("explain");
	struct event_base *base = event_base_new();
	bool is_ok = base && explain_take(&explain, &question, &why) && open_supplies(&supplies, &map, &why) &&
		     find_out(&explain, base, &supplies, &why);
	if (is_ok)
		print_all(&explain);
	else
		fprintf(stderr, "tidegate explain: %.*s\n", SPAN_ARG(buf_span(&why)));
	explain_free(&explain);
	if (map >= 0)
		(void)close(map);
	supplies_close(&supplies);
	if (base)
		event_base_free(base);
	config_free(config);
	buf_free(&why);
	return is_ok ? 0 : 1;
}
