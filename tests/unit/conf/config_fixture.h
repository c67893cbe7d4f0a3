/* A configuration file in a folder of its own, for the tests of conf/.
 * On failure: the test fails.
 */
#ifndef TIDEGATE_TESTS_CONFIG_FIXTURE_H
#define TIDEGATE_TESTS_CONFIG_FIXTURE_H

#include "tests/unit/own_folder.h"

#include "conf/config.h"

#define MINIMAL                                                                                                        \
	"hostname = \"mx.example.org\"\n"                                                                              \
	"listen = {\"127.0.0.1:2525\"}\n"                                                                              \
	"recipients = \"/etc/tidegate/recipients\"\n"                                                                  \
	"mailboxes = \"/var/mail/tidegate\"\n"                                                                         \
	"state = \"/var/lib/tidegate\"\n"                                                                              \
	"resolvers = {\"127.0.0.1:53\"}\n"

struct fixture {
	struct own_folder folder;
	char path[300];
};

static inline void
fixture_open(struct fixture *fixture)
{
	own_folder_open(&fixture->folder);
	(void)snprintf(fixture->path, sizeof fixture->path, "%s/tidegate.conf", fixture->folder.path);
}

static inline void
fixture_close(struct fixture *fixture)
{
	(void)unlink(fixture->path);
	own_folder_close(&fixture->folder);
}

/* Reads bytes as a configuration file; errors is filled and NUL-terminated. */
static inline struct config *
fixture_read(struct span bytes, struct buf *errors)
{
	struct fixture fixture;

	fixture_open(&fixture);
	FILE *file = fopen(fixture.path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.length, file), bytes.length);
	assert_int_equal(fclose(file), 0);
	*errors = BUF_LIMIT(1 << 20);
	struct config *config = config_read(fixture.path, errors);
	assert_non_null(buf_text(errors));
	fixture_close(&fixture);
	return config;
}

/* A configuration that must be right. */
static inline struct config *
fixture_config(const char *text)
{
	struct buf errors;
	struct config *config = fixture_read(span_of(text), &errors);

	if (!config)
		fail_msg("refused: %s", errors.data);
	assert_int_equal(errors.length, 0);
	buf_free(&errors);
	return config;
}

#endif
