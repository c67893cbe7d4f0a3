/* A configuration, a recipients file and a map in a folder of its own, for the tests of lookup/map_*.
 * On failure: the test fails.
 */
#ifndef TIDEGATE_TESTS_MAP_FIXTURE_H
#define TIDEGATE_TESTS_MAP_FIXTURE_H

#include "tests/unit/own_folder.h"

#include <dirent.h>
#include <string.h>

#include "lookup/map_compile.h"
#include "lookup/map_read.h"
#include "lookup/map_settings.h"
#include "tests/unit/values.h"

#define MAP_NAME "recipients.cdb"

/* A file of recipients with each kind of entry. */
static const char map_fixture_recipients[] = "# each kind\n"
					     "alice@example.org      maildir\n"
					     "bob@example.org        maildir quota=2G\n"
					     "bob+lists@example.org  maildir /srv/mail/lists\n"
					     "team@example.org       alias alice@example.org bob@example.org\n"
					     "spam@example.org       refuse \"This address is closed.\"\n"
					     "moving@example.org     defer\n"
					     "abuse@example.org      alias bob@example.org\n"
					     "*@example.net          maildir /srv/mail/net\n"
					     "exact@example.net      maildir\n"
					     "postmaster@own.example alias bob@example.org\n"
					     "\"a b\"@example.org    maildir\n";

struct map_fixture {
	struct own_folder folder;
	char recipients[300];
	const char *roots[2];
	struct config config;
	struct map_totals totals;
	struct buf messages;
	struct map *map;
	struct map_rules rules;
	struct map_result result;
};

/* On the heap: the result is large. */
static inline struct map_fixture *
map_fixture_open(void)
{
	struct map_fixture *fixture = calloc(1, sizeof *fixture);

	assert_non_null(fixture);
	own_folder_open(&fixture->folder);
	(void)snprintf(fixture->recipients, sizeof fixture->recipients, "%s/recipients", fixture->folder.path);
	fixture->roots[0] = "/srv/mail";
	fixture->roots[1] = "/srv/mail/deep";
	fixture->config = (struct config){ .hostname = "mx.example.org",
		.recipients = fixture->recipients,
		.postmaster = "alice@example.org",
		.mailboxes = "/var/mail/tidegate",
		.mailbox_roots = { 2, fixture->roots },
		.sub_address = "+" };
	fixture->messages = BUF_LIMIT(8 << 20);
	return fixture;
}

static inline void
map_fixture_write(struct map_fixture *fixture, const char *text)
{
	FILE *file = fopen(fixture->recipients, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

/* Compiles what the recipients file holds; messages holds what was said, with a NUL. */
static inline bool
map_fixture_compile(struct map_fixture *fixture, bool is_forced)
{
	buf_reset(&fixture->messages);
	bool is_compiled = map_compile(
	    &fixture->config, fixture->folder.fd, MAP_NAME, is_forced, &fixture->totals, &fixture->messages);
	assert_non_null(buf_text(&fixture->messages));
	return is_compiled;
}

static inline void
map_fixture_load(struct map_fixture *fixture)
{
	struct buf why = BUF_LIMIT(1024);
	int fd = openat(fixture->folder.fd, MAP_NAME, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	map_close(fixture->map);
	fixture->map = map_open(fd, &why);
	if (!fixture->map)
		fail_msg("not opened: %s", buf_text(&why));
	fixture->rules = map_rules_of(&fixture->config);
	buf_free(&why);
}

/* Compiles text, which must be right, and opens the map. */
static inline void
map_fixture_make(struct map_fixture *fixture, const char *text)
{
	map_fixture_write(fixture, text);
	if (!map_fixture_compile(fixture, true))
		fail_msg("not compiled: %s", fixture->messages.data);
	map_fixture_load(fixture);
}

static inline enum map_verdict
map_fixture_find(struct map_fixture *fixture, const char *address)
{
	map_lookup(fixture->map, &fixture->rules, span_of(address), &fixture->result);
	return fixture->result.verdict;
}

/* The folder must hold nothing but the recipients file and the map: nothing is left lying about. */
static inline void
map_fixture_close(struct map_fixture *fixture)
{
	map_close(fixture->map);
	(void)unlinkat(fixture->folder.fd, "recipients", 0);
	(void)unlinkat(fixture->folder.fd, MAP_NAME, 0);
	own_folder_close(&fixture->folder);
	buf_free(&fixture->messages);
	free(fixture);
}

#endif
