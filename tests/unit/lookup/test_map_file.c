/* Files of maps that are refused or found broken instead of being believed.
 * On failure: cmocka names the line.
 */
#include "tests/unit/lookup/map_fixture.h"

#include <cdb.h>
#include <sys/stat.h>

/* Reads the compiled file into a buffer. */
static void
load_bytes(const struct map_fixture *fixture, struct buf *bytes)
{
	int fd = openat(fixture->folder.fd, MAP_NAME, O_RDONLY | O_CLOEXEC);
	struct stat facts;

	assert_int_equal(fstat(fd, &facts), 0);
	*bytes = BUF_LIMIT(1 << 20);
	char *to = buf_reserve(bytes, (size_t)facts.st_size);
	assert_int_equal(read(fd, to, (size_t)facts.st_size), facts.st_size);
	bytes->length = (size_t)facts.st_size;
	assert_int_equal(close(fd), 0);
}

/* Opens bytes as a map; the reason is checked when it must be refused. */
static struct map *
open_bytes(const struct map_fixture *fixture, struct span bytes, const char *reason)
{
	int fd = openat(fixture->folder.fd, "changed", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct buf why = BUF_LIMIT(1024);

	assert_int_equal(write(fd, bytes.data, bytes.length), bytes.length);
	assert_int_equal(unlinkat(fixture->folder.fd, "changed", 0), 0);
	struct map *map = map_open(fd, &why);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	if (reason && (map || !strstr(buf_text(&why), reason)))
		fail_msg("%s: wanted \"%s\"", map ? "opened" : buf_text(&why), reason);
	buf_free(&why);
	return map;
}

static void
test_refused_files(void **state)
{
	struct map_fixture *fixture = map_fixture_open();
	struct buf bytes;
	char garbage[5000];

	(void)state;
	map_fixture_make(fixture, map_fixture_recipients);
	load_bytes(fixture, &bytes);
	(void)open_bytes(fixture, SPAN(""), "it is empty");
	(void)open_bytes(fixture, span_take(buf_span(&bytes), 2047), "truncated, or no map at all");
	memset(garbage, 'x', sizeof garbage);
	(void)open_bytes(fixture, span_make(garbage, sizeof garbage), "");
	memset(garbage, 0, sizeof garbage);
	(void)open_bytes(fixture, span_make(garbage, sizeof garbage), "no \\0meta");
	for (size_t i = 2048; i < bytes.length; i++)
		assert_null(open_bytes(fixture, span_take(buf_span(&bytes), i), ""));
	buf_append_char(&bytes, '\0');
	(void)open_bytes(fixture, buf_span(&bytes), "not the length that was written");
	buf_free(&bytes);
	struct buf why = BUF_LIMIT(1024);
	assert_null(map_open(open("/dev/null", O_RDONLY | O_CLOEXEC), &why));
	assert_non_null(strstr(buf_text(&why), "no regular file"));
	buf_free(&why);
	map_fixture_close(fixture);
}

/* A cdb that holds one entry and a meta of our making. */
static struct map *
open_made(const struct map_fixture *fixture, const struct map_totals *totals, int version, const char *reason)
{
	struct buf value = BUF_LIMIT(1024);
	struct buf bytes = BUF_LIMIT(65536);
	struct cdb_make make;
	struct stat facts;
	int fd = openat(fixture->folder.fd, "made", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(unlinkat(fixture->folder.fd, "made", 0), 0);
	assert_int_equal(cdb_make_start(&make, fd), 0);
	assert_int_equal(cdb_make_add(&make, "a@b.org", 7, "nonsense", 8), 0);
	map_domain_encode(SPAN("@b.org"), &value);
	assert_int_equal(cdb_make_add(&make, "@b.org", 6, value.data, (unsigned)value.length), 0);
	buf_reset(&value);
	if (totals) {
		map_meta_encode(totals, &value);
		value.data[0] = (char)version;
		assert_int_equal(cdb_make_add(&make, "\0meta", 5, value.data, (unsigned)value.length), 0);
	}
	assert_int_equal(cdb_make_finish(&make), 0);
	assert_int_equal(fstat(fd, &facts), 0);
	assert_int_equal(
	    pread(fd, buf_reserve(&bytes, (size_t)facts.st_size), (size_t)facts.st_size, 0), facts.st_size);
	bytes.length = (size_t)facts.st_size;
	assert_int_equal(close(fd), 0);
	struct map *map = open_bytes(fixture, buf_span(&bytes), reason);
	buf_free(&value);
	buf_free(&bytes);
	return map;
}

static void
test_meta(void **state)
{
	enum { WHOLE = 2048 + 8 + 7 + 8 + 8 + 6 + 6 + 8 + 5 + MAP_META_VALUE_BYTES + 3 * 16 };
	const struct map_totals right = { .addresses = 1, .entries = 1, .records = 3, .file_bytes = WHOLE };
	struct map_fixture *fixture = map_fixture_open();
	struct map_totals wrong = right;

	(void)state;
	fixture->rules = map_rules_of(&fixture->config);
	(void)open_made(fixture, NULL, 0, "it has no \\0meta record");
	(void)open_made(fixture, &right, MAP_VERSION + 1, "made by another version");
	(void)open_made(fixture, &right, 0, "made by another version");
	wrong.file_bytes++;
	(void)open_made(fixture, &wrong, MAP_VERSION, "not the length");
	wrong = right;
	wrong.records++;
	(void)open_made(fixture, &wrong, MAP_VERSION, "do not fit each other");
	wrong = right;
	wrong.addresses = 2;
	(void)open_made(fixture, &wrong, MAP_VERSION, "do not fit each other");
	wrong = right;
	wrong.addresses = wrong.entries = 0;
	(void)open_made(fixture, &wrong, MAP_VERSION, "no address at all");
	fixture->map = open_made(fixture, &right, MAP_VERSION, NULL);
	assert_non_null(fixture->map);
	/* Its entry is nonsense: never a mailbox, never "unknown". */
	assert_int_equal(map_fixture_find(fixture, "a@b.org"), MAP_BROKEN);
	assert_int_equal(fixture->result.count, 0);
	assert_int_equal(map_fixture_find(fixture, "c@b.org"), MAP_UNKNOWN);
	map_fixture_close(fixture);
}

/* Whatever bit of the file flips: it is refused, or answers are right or MAP_BROKEN, and a mailbox is never another. A
 * flipped hash can hide an entry, but that it hides one behind a wrong answer's back is a 550 or a catch-all at worst.
 */
static void
test_flipped_bits(void **state)
{
	struct map_fixture *fixture = map_fixture_open();
	struct buf bytes;
	unsigned opened = 0;

	(void)state;
	map_fixture_make(fixture, "alice@example.org maildir\nbob@example.org maildir\n");
	load_bytes(fixture, &bytes);
	for (size_t i = 0; i < bytes.length; i++) {
		bytes.data[i] = (char)(bytes.data[i] ^ 1 << i % 8);
		map_close(fixture->map);
		fixture->map = open_bytes(fixture, buf_span(&bytes), NULL);
		bytes.data[i] = (char)(bytes.data[i] ^ 1 << i % 8);
		if (!fixture->map)
			continue;
		opened++;
		if (map_fixture_find(fixture, "alice@example.org") == MAP_DELIVER) {
			assert_int_equal(fixture->result.count, 1);
			assert_span(fixture->result.mailboxes[0].path, "example.org/alice");
		}
	}
	assert_true(opened > 0 && opened < bytes.length);
	buf_free(&bytes);
	map_fixture_close(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_meta),
		cmocka_unit_test(test_flipped_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
