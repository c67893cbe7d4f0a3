/* The order of a commit's durable steps, watched: a file is fsynced before it moves into new/, new/ after that, every
 * folder that was made has its parent fsynced, and the journal knows of all copies before the first one moves.
 *
 * On failure: cmocka names the line.
 */
#include "tests/unit/deliver/house.h"

enum { EVENTS_MAX = 512 };

enum event_kind { EVENT_WRITE, EVENT_SYNC, EVENT_MOVE, EVENT_MAKE };

struct event {
	enum event_kind kind;
	ino_t inode;  /* written, fsynced, moved or made */
	ino_t folder; /* MOVE: where to; MAKE: where */
};

static struct event events[EVENTS_MAX];
static size_t event_count;

static ino_t
inode_of(int fd, const char *name)
{
	struct stat about;
	int result = name ? fstatat(fd, name, &about, AT_SYMLINK_NOFOLLOW) : fstat(fd, &about);

	return result == 0 ? about.st_ino : 0;
}

static void
note(enum event_kind kind, ino_t inode, ino_t folder)
{
	assert_true(event_count < EVENTS_MAX);
	events[event_count++] = (struct event){ kind, inode, folder };
}

static ssize_t
watched_write(int fd, const void *bytes, size_t length)
{
	note(EVENT_WRITE, inode_of(fd, NULL), 0);
	return write(fd, bytes, length);
}

static int
watched_fsync(int fd)
{
	note(EVENT_SYNC, inode_of(fd, NULL), 0);
	return fsync(fd);
}

static int
watched_renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
	note(EVENT_MOVE, inode_of(from_folder, from), inode_of(to_folder, NULL));
	return renameat2(from_folder, from, to_folder, to, flags);
}

static int
watched_mkdirat(int folder, const char *name, mode_t mode)
{
	int result = mkdirat(folder, name, mode);

	if (result == 0)
		note(EVENT_MAKE, inode_of(folder, name), inode_of(folder, NULL));
	return result;
}

/* The steps of lib/durable_file.c over the watched calls, in place of the archive's. */
#define write watched_write
#define fsync watched_fsync
#define renameat2 watched_renameat2
#define mkdirat watched_mkdirat
#include "lib/durable_file.c" /* NOLINT(bugprone-suspicious-include) */
#undef write
#undef fsync
#undef renameat2
#undef mkdirat

#include "tests/unit/deliver/mailroom.h"

/* The first such event from `at` on; event_count when there is none. */
static size_t
find_event(size_t at, enum event_kind kind, ino_t inode)
{
	while (at < event_count && (events[at].kind != kind || events[at].inode != inode))
		at++;
	return at;
}

/* Each file that moved into one of the folders was fsynced before and the folder after; how many moved there. */
static size_t
check_moves(const ino_t *folders, size_t folder_count)
{
	size_t moves = 0;

	for (size_t i = 0; i < event_count; i++) {
		bool is_delivery = false;

		for (size_t j = 0; j < folder_count; j++)
			is_delivery = is_delivery || (events[i].kind == EVENT_MOVE && events[i].folder == folders[j]);
		if (!is_delivery)
			continue;
		moves++;
		assert_true(find_event(0, EVENT_SYNC, events[i].inode) < i);
		assert_true(find_event(i, EVENT_SYNC, events[i].folder) < event_count);
	}
	return moves;
}

static void
check_makes(ino_t tmp_folders[static 2])
{
	size_t makes = 0;

	for (size_t i = 0; i < event_count; i++) {
		if (events[i].kind != EVENT_MAKE)
			continue;
		makes++;
		if (events[i].inode != tmp_folders[0] && events[i].inode != tmp_folders[1])
			assert_true(find_event(i, EVENT_SYNC, events[i].folder) < event_count);
	}
	assert_int_equal(makes, 9); /* new, new/alice, bob, and three in each mailbox */
}

static ino_t
inode_below(const struct house *house, const char *place)
{
	char path[1024];

	(void)snprintf(path, sizeof path, "%s/%s", house->folder.path, place);
	return inode_of(AT_FDCWD, path);
}

static void
everything_is_durable_in_time(void **state)
{
	static const char *const mailboxes[] = { "new/alice", "bob", NULL };
	struct house house;
	struct mailroom room;

	(void)state;
	house_build_fast(&house);
	mailroom_open(&room, &house, 1);
	event_count = 0;
	assert_int_equal(mailroom_commit(&room, MAILROOM_BODY, mailboxes).outcome, COMMIT_DONE);
	const ino_t fresh[] = { inode_below(&house, "root/new/alice/new"), inode_below(&house, "root/bob/new") };
	ino_t tmp[] = { inode_below(&house, "root/new/alice/tmp"), inode_below(&house, "root/bob/tmp") };
	assert_int_equal(check_moves(fresh, 2), 2);
	check_makes(tmp);
	/* Both files are fsynced, and the journal written, before either moves. */
	size_t first_move = 0;
	while (first_move < event_count && events[first_move].kind != EVENT_MOVE)
		first_move++;
	assert_true(find_event(0, EVENT_WRITE, inode_below(&house, "journal/unread")) < first_move);
	for (size_t i = first_move; i < event_count; i++)
		if (events[i].kind == EVENT_MOVE)
			assert_true(find_event(0, EVENT_SYNC, events[i].inode) < first_move);
	mailroom_close(&room);
	house_tear_down(&house);
}

/* tmp/ is made when all else of a new mailbox is durable: so where it is, there is nothing to catch up on. */
static void
tmp_comes_last(void **state)
{
	struct house house;
	char path[1024];

	(void)state;
	house_build_fast(&house);
	event_count = 0;
	assert_true(maildir_create(&house.roots, 0, "a/b"));
	size_t last = event_count - 1;
	assert_int_equal(events[last].kind, EVENT_MAKE);
	assert_int_equal(events[last].inode, inode_below(&house, "root/a/b/tmp"));
	event_count = 0;
	assert_int_equal(rmdir(house_path(&house, "root/a/b/tmp", path)), 0);
	/* Whoever finds none makes sure of all the rest first, made by itself or not. */
	assert_true(maildir_create(&house.roots, 0, "a/b"));
	last = event_count - 1;
	assert_int_equal(events[last].kind, EVENT_MAKE);
	assert_true(find_event(0, EVENT_SYNC, inode_below(&house, "root")) < last);
	assert_true(find_event(0, EVENT_SYNC, inode_below(&house, "root/a")) < last);
	assert_true(find_event(0, EVENT_SYNC, inode_below(&house, "root/a/b")) < last);
	assert_true(find_event(0, EVENT_SYNC, inode_below(&house, "root/a/b/new")) < last);
	house_tear_down(&house);
}

static void
what_a_dead_process_moved_is_made_durable_before_it_counts(void **state)
{
	static const char *const mailboxes[] = { "bob", NULL };
	struct house house;
	struct mailroom room;

	(void)state;
	house_build_fast(&house);
	mailroom_open(&room, &house, 1);
	assert_int_equal(mailroom_commit(&room, MAILROOM_BODY, mailboxes).outcome, COMMIT_DONE);
	mailroom_close(&room);
	mailroom_open(&room, &house, 1);
	event_count = 0;
	assert_int_equal(mailroom_commit(&room, MAILROOM_BODY, mailboxes).outcome, COMMIT_DONE_BEFORE);
	assert_true(find_event(0, EVENT_SYNC, inode_below(&house, "root/bob/new")) < event_count);
	assert_true(find_event(0, EVENT_SYNC, inode_below(&house, "root/bob/cur")) < event_count);
	/* Once is enough. */
	event_count = 0;
	assert_int_equal(mailroom_commit(&room, MAILROOM_BODY, mailboxes).outcome, COMMIT_DONE_BEFORE);
	assert_int_equal(event_count, 0);
	mailroom_close(&room);
	house_tear_down(&house);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_durable_in_time),
		cmocka_unit_test(tmp_comes_last),
		cmocka_unit_test(what_a_dead_process_moved_is_made_durable_before_it_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
