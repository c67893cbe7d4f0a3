/* smtpd/body: where a body lives at each size, what it is worth once finished, and what is left when it is gone.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "smtpd/body.h"
#include "tests/unit/own_folder.h"

struct room {
	struct own_folder folder;
	struct budget memory;
	struct body_store store;
};

static int
begin(void **state)
{
	struct room *room = calloc(1, sizeof *room);

	if (!room)
		return -1;
	own_folder_open(&room->folder);
	*state = room;
	if (!body_store_begin(&room->store, &room->memory, room->folder.fd, 3))
		return -1;
	room->memory.limit_bytes = 1 << 20;
	body_store_limit(&room->store, 1 << 22);
	return 0;
}

static int
end(void **state)
{
	struct room *room = *state;

	/* Everything was given back, and the folder is empty again. */
	int failed = room->memory.used_bytes || room->store.spool_bytes;
	body_store_end(&room->store);
	own_folder_close(&room->folder);
	free(room);
	return failed;
}

static void
fill(struct body *body, size_t length)
{
	char piece[1000];

	for (size_t at = 0; at < length;) {
		size_t n = length - at < sizeof piece ? length - at : sizeof piece;

		for (size_t i = 0; i < n; i++)
			piece[i] = (char)((at + i) * 7 % 251);
		body_append(body, span_make(piece, n));
		at += n;
	}
}

static void
assert_content(const struct body *body, const char *bytes, size_t length)
{
	unsigned char digest[IPC_DIGEST_BYTES];

	for (size_t i = 0; i < length; i++)
		assert_int_equal((unsigned char)bytes[i], i * 7 % 251);
	assert_int_equal(EVP_Digest(bytes, length, digest, NULL, EVP_sha256(), NULL), 1);
	assert_memory_equal(digest, body->digest, sizeof digest);
}

/* Reads a finished body through what others get of it. */
static void
check_finished(const struct body *body, size_t length)
{
	char *bytes = malloc(length + 1);

	assert_non_null(bytes);
	assert_int_equal(body->length, length);
	if (body->home == BODY_IN_MEMORY)
		memcpy(bytes, buf_span(&body->memory).data, length);
	else
		assert_int_equal(pread(body->reader, bytes, length + 1, 0), (ssize_t)length);
	assert_content(body, bytes, length);
	free(bytes);
}

static void
each_size_has_its_home(void **state)
{
	static const struct {
		size_t length;
		enum body_home home;
	} cases[] = { { 0, BODY_IN_MEMORY }, { 1, BODY_IN_MEMORY }, { 32768, BODY_IN_MEMORY },
		{ 32769, BODY_IN_MEMORY_FILE }, { 262144, BODY_IN_MEMORY_FILE }, { 262145, BODY_IN_SPOOL },
		{ 1000000, BODY_IN_SPOOL } };
	struct room *room = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct body body;

		body_begin(&body, &room->store);
		fill(&body, cases[i].length);
		assert_int_equal(body.home, cases[i].home);
		assert_int_equal(room->memory.used_bytes, cases[i].home == BODY_IN_MEMORY  ? body.memory.capacity
							  : cases[i].home == BODY_IN_SPOOL ? 0
											   : cases[i].length);
		assert_int_equal(room->store.spool_bytes, cases[i].home == BODY_IN_SPOOL ? cases[i].length : 0);
		assert_true(body_finish(&body));
		check_finished(&body, cases[i].length);
		body_drop(&body, BODY_FAILED);
	}
}

static void
what_is_passed_on_cannot_be_changed(void **state)
{
	struct room *room = *state;
	struct body body;

	body_begin(&body, &room->store);
	fill(&body, 40000);
	assert_true(body_finish(&body));
	assert_int_equal(fcntl(body.reader, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_int_equal(pwrite(body.reader, "x", 1, 0), -1);
	assert_int_equal(ftruncate(body.reader, 0), -1);
	body_drop(&body, BODY_FAILED);

	body_begin(&body, &room->store);
	fill(&body, 300000);
	assert_true(body_finish(&body));
	assert_int_equal(fcntl(body.reader, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(body.writer, -1);
	assert_int_equal(pwrite(body.reader, "x", 1, 0), -1);
	body_drop(&body, BODY_FAILED);
}

static void
without_memory_bodies_go_to_the_spool(void **state)
{
	struct room *room = *state;
	struct body small;
	struct body growing;

	/* What may go elsewhere gets three quarters. */
	room->memory.limit_bytes = 70000 / 3 * 4;
	body_store_limit(&room->store, 1 << 20);
	body_begin(&small, &room->store);
	body_begin(&growing, &room->store);
	fill(&growing, 40000);
	assert_int_equal(growing.home, BODY_IN_MEMORY_FILE);
	fill(&small, 20000);
	assert_int_equal(small.home, BODY_IN_SPOOL);
	body_drop(&growing, BODY_FAILED);
	assert_true(body_finish(&small));
	check_finished(&small, 20000);
	body_drop(&small, BODY_FAILED);
}

static void
without_spool_there_is_no_room(void **state)
{
	struct room *room = *state;
	struct body body;

	room->memory.limit_bytes = 1 << 20;
	body_store_limit(&room->store, 300000);
	body_begin(&body, &room->store);
	fill(&body, 300000);
	assert_int_equal(body.state, BODY_HELD);
	fill(&body, 1);
	assert_int_equal(body.state, BODY_NO_ROOM);
	assert_int_equal(room->store.spool_bytes, 0);
	fill(&body, 1000);
	assert_false(body_finish(&body));
	assert_int_equal(body.state, BODY_NO_ROOM);
	body_drop(&body, BODY_NO_ROOM);
}

static void
a_file_left_by_a_killed_predecessor_is_no_obstacle(void **state)
{
	struct room *room = *state;
	struct body body;
	int left = openat(room->folder.fd, "smtpd.3.0", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(left >= 0);
	assert_int_equal(write(left, "old", 3), 3);
	(void)close(left);
	body_begin(&body, &room->store);
	fill(&body, 262145);
	assert_true(body_finish(&body));
	check_finished(&body, 262145);
	body_drop(&body, BODY_FAILED);
}

static void
a_spool_folder_that_is_gone_is_trouble(void **state)
{
	struct room *room = *state;
	int folder = room->folder.fd;
	struct body body;

	room->store.folder = -1;
	body_begin(&body, &room->store);
	fill(&body, 300000);
	assert_int_equal(body.state, BODY_FAILED);
	assert_false(body_finish(&body));
	room->store.folder = folder;
}

/* A write that fails half-way, as on a full disk. */
static void
a_write_that_fails_is_no_room(void **state)
{
	struct room *room = *state;
	struct body body;

	body_begin(&body, &room->store);
	fill(&body, 300000);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (full < 0) {
		body_drop(&body, BODY_FAILED);
		skip();
	}
	assert_int_equal(dup2(full, body.writer), body.writer);
	(void)close(full);
	fill(&body, 1);
	assert_int_equal(body.state, BODY_NO_ROOM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_size_has_its_home, begin, end),
		cmocka_unit_test_setup_teardown(what_is_passed_on_cannot_be_changed, begin, end),
		cmocka_unit_test_setup_teardown(without_memory_bodies_go_to_the_spool, begin, end),
		cmocka_unit_test_setup_teardown(without_spool_there_is_no_room, begin, end),
		cmocka_unit_test_setup_teardown(a_file_left_by_a_killed_predecessor_is_no_obstacle, begin, end),
		cmocka_unit_test_setup_teardown(a_spool_folder_that_is_gone_is_trouble, begin, end),
		cmocka_unit_test_setup_teardown(a_write_that_fails_is_no_room, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
