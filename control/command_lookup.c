/* tidegate lookup: what RCPT would find for an address in the map that is in force.
 *
 *     entry alice@example.org  # /etc/tidegate/recipients:3
 *     verdict deliver
 *     mailbox alice@example.org /var/mail/tidegate/example.org/alice quota=2147483648
 *
 * On failure: a sentence on standard error. Exit code 0 when mail would be taken, else 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "lookup/map_read.h"
#include "lookup/map_settings.h"
#include "control/commands.h"
#include "control/state_folder.h"

enum { WHY_LIMIT_BYTES = 1024, LINE_LIMIT_BYTES = 8192 };

static void
print_line(struct buf *line)
{
	buf_append_char(line, '\n');
	(void)fwrite(line->data, 1, line->length, stdout);
	buf_reset(line);
}

static const char *
root_of(const struct config *config, unsigned root)
{
	if (root == 0)
		return config->mailboxes;
	return root <= config->mailbox_roots.count ? config->mailbox_roots.items[root - 1] : "?";
}

static const char *
verdict_text(enum map_verdict verdict)
{
	switch (verdict) {
	case MAP_DELIVER:
		return "deliver";
	case MAP_REFUSE:
		return "refuse";
	case MAP_DEFER:
		return "defer";
	case MAP_UNKNOWN:
		return "unknown  # the domain is ours, the address is not there";
	case MAP_NOT_OURS:
		return "not-ours  # the domain has no entry";
	case MAP_BROKEN:
		break;
	}
	return "broken  # the record is damaged; run `tidegate map` again";
}

static void
print_result(const struct config *config, const struct map_result *result)
{
	struct buf line = BUF_LIMIT(LINE_LIMIT_BYTES);

	if (result->line) {
		buf_append_text(&line, "entry ");
		buf_append(&line, result->key);
		buf_append_text(&line, "  # ");
		buf_append(&line, result->file);
		buf_printf(&line, ":%u", result->line);
		print_line(&line);
	}
	buf_printf(&line, "verdict %s", verdict_text(result->verdict));
	print_line(&line);
	if (result->text.length) {
		buf_append_text(&line, "text ");
		buf_append(&line, result->text);
		print_line(&line);
	}
	for (size_t i = 0; i < result->count; i++) {
		const struct map_mailbox *mailbox = &result->mailboxes[i];

		buf_append_text(&line, "mailbox ");
		buf_append(&line, mailbox->address);
		buf_printf(&line, " %s/", root_of(config, mailbox->root));
		buf_append(&line, mailbox->path);
		if (mailbox->quota_bytes)
			buf_printf(&line, " quota=%llu", (unsigned long long)mailbox->quota_bytes);
		print_line(&line);
	}
	buf_free(&line);
}

static struct map *
open_map(const struct config *config)
{
	char path[PATH_MAX];
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	struct map *map = NULL;

	(void)snprintf(path, sizeof path, "%s/maps/%s", config->state, state_map_name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		buf_append_text(&why, strerror(errno));
	else
		map = map_open(fd, &why);
	if (!map)
		fprintf(stderr, "tidegate lookup: the map %s cannot be used (%.*s); run `tidegate map`\n", path,
		    SPAN_ARG(buf_span(&why)));
	else if (!map_suits(map, config))
		fprintf(stderr, "warning: the map was made with other mailbox roots or another local-part-case; run "
				"`tidegate map`\n");
	buf_free(&why);
	return map;
}

static bool
look_up(const struct config *config, const char *address)
{
	static struct map_result result; /* large */
	const struct map_rules rules = map_rules_of(config);
	struct map *map = open_map(config);

	if (!map)
		return false;
	map_lookup(map, &rules, span_of(address), &result);
	print_result(config, &result);
	map_close(map);
	return result.verdict == MAP_DELIVER;
}

int
command_lookup(int argc, char **argv)
{
	const char *path = command_default_config;
	const struct command_option options[] = { { "-c", &path, NULL }, { 0 } };

	if (!command_options(&argc, argv, options))
		return EXIT_USAGE;
	if (argc != 2) {
		fprintf(stderr, "usage: tidegate lookup [-c FILE] ADDRESS\n");
		return EXIT_USAGE;
	}
	struct config *config = command_read_config(path);
	if (!config)
		return 1;
	bool is_taken = look_up(config, argv[1]);
	config_free(config);
	return is_taken ? 0 : 1;
}
