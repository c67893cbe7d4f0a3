/* A delivery that tests run in their temporary folder, without threads, edges or walls.
 *
 * On failure: the cmocka assertion names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_DELIVER_MAILROOM_H
#define TIDEGATE_TESTS_UNIT_DELIVER_MAILROOM_H

#include "tests/unit/deliver/house.h"

#include "deliver/commit.h"
#include "deliver/recovery.h"
#include "lib/clock.h"

enum { MAILROOM_EDGE = 1, MAILROOM_LIFE_SECONDS = 5 * 24 * 3600, MAILROOM_CLAIM_SLOTS = 4 };

#define MAILROOM_BODY "Message-ID: <1@example.net>\r\nSubject: s\r\n\r\nhello\r\n"
#define MAILROOM_TRACE "Received: from a\n\tby b\n"

struct mailroom {
	struct house *house;
	struct folder_cache *folders;
	struct maildir_namer namer;
	struct unread *unread;
	struct delivery delivery;
	struct scratch *scratch;
	struct claim_page *claims;
};

/* As a start of deliver in this boot of the machine (any number but 0; 0: unknown), at this time. */
static inline void
mailroom_open_at(struct mailroom *room, struct house *house, uint8_t boot, uint64_t now_seconds)
{
	int fd;

	memset(room, 0, sizeof *room);
	room->house = house;
	room->folders = folder_cache_new(&house->roots, 16);
	assert_non_null(room->folders);
	maildir_namer_init(&room->namer, SPAN("mx.example.org"), (unsigned long)getpid());
	struct unread_options options = { .folder = house->journal,
		.boot = { boot },
		.life_seconds = MAILROOM_LIFE_SECONDS,
		.now_seconds = now_seconds,
		.look = recovery_look,
		.clean = recovery_clean,
		.context = &house->roots };
	room->unread = unread_open(&options);
	assert_non_null(room->unread);
	unread_edge_open(room->unread, MAILROOM_EDGE);
	room->delivery = (struct delivery){ &house->roots, room->folders, &room->namer, room->unread };
	room->scratch = scratch_new();
	assert_non_null(room->scratch);
	room->claims = claim_page_make(MAILROOM_CLAIM_SLOTS, &fd);
	assert_non_null(room->claims);
	(void)close(fd);
}

static inline void
mailroom_open(struct mailroom *room, struct house *house, uint8_t boot)
{
	mailroom_open_at(room, house, boot, clock_wall_us() / 1000000u);
}

/* As an end of deliver that nobody told to end: nothing is flushed. */
static inline void
mailroom_close(struct mailroom *room)
{
	unread_close(room->unread);
	scratch_free(room->scratch);
	folder_cache_free(room->folders);
	claim_page_free(room->claims);
}

/* A commit of an inline body to these paths (below root 0, addresses path@example.org), up to a NULL. Each is a handle,
 * and a party, of its own. */
static inline void
mailroom_prepare(struct mailroom *room, struct commit *commit, const char *body, const char *const *paths)
{
	struct sha256 *hash = sha256_new();
	struct arena *arena = &commit->redeemed.arena;

	memset(commit, 0, sizeof *commit);
	commit->redeemed.arena = ARENA_LIMIT(1 << 20);
	while (paths[commit->redeemed.count])
		commit->redeemed.count++;
	commit->redeemed.destinations = arena_alloc(arena, commit->redeemed.count * sizeof(struct destination));
	commit->redeemed.parties = arena_alloc(arena, commit->redeemed.count * sizeof(unsigned));
	commit->redeemed.handle_count = commit->redeemed.count;
	commit->redeemed.party_count = (unsigned)commit->redeemed.count;
	for (unsigned i = 0; i < commit->redeemed.count; i++) {
		char address[128];

		(void)snprintf(address, sizeof address, "%s@example.org", paths[i]);
		commit->redeemed.destinations[i] = (struct destination){
			.path = paths[i], .address = arena_copy(arena, span_of(address)), .party = i
		};
		commit->redeemed.parties[i] = i;
	}
	commit->message.mailfrom = SPAN("bob@example.net");
	commit->message.trace = SPAN(MAILROOM_TRACE);
	commit->message.body = (struct body){ .bytes = span_of(body), .fd = -1, .length_bytes = strlen(body) };
	assert_non_null(hash);
	sha256_begin(hash);
	sha256_add(hash, commit->message.body.bytes);
	assert_true(sha256_end(hash, commit->message.body.digest));
	sha256_free(hash);
	commit->deadline_ms = clock_monotonic_ms() + 60000;
	commit->claims = room->claims;
	commit->edge = MAILROOM_EDGE;
	claim_reset(room->claims, 0);
}

static inline struct commit_result
mailroom_run(struct mailroom *room, struct commit *commit)
{
	struct commit_result result;

	commit_run(&room->delivery, room->scratch, commit, &result);
	arena_reset(&commit->redeemed.arena);
	return result;
}

/* Prepares and runs. */
static inline struct commit_result
mailroom_commit(struct mailroom *room, const char *body, const char *const *paths)
{
	struct commit commit;

	mailroom_prepare(room, &commit, body, paths);
	return mailroom_run(room, &commit);
}

/* Prepares and runs, each path a recipient that stands for itself. */
static inline struct commit_result
mailroom_commit_each(struct mailroom *room, const char *body, const char *const *paths)
{
	struct commit commit;

	mailroom_prepare(room, &commit, body, paths);
	commit.is_by_recipient = true;
	return mailroom_run(room, &commit);
}

/* As a reader: takes the one message out of new/ into cur/. */
static inline void
mailroom_read(const struct house *house, const char *path)
{
	char name[256];
	char folder[512];
	char from[1024];
	char to[1024];

	(void)snprintf(folder, sizeof folder, "%s/new", path);
	assert_int_equal(house_count(house, folder, name), 1);
	(void)snprintf(from, sizeof from, "%s/root/%.200s/new/%s", house->folder.path, path, name);
	(void)snprintf(to, sizeof to, "%s/root/%.200s/cur/%s:2,S", house->folder.path, path, name);
	assert_int_equal(rename(from, to), 0);
}

#endif
