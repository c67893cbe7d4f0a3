/* Probes of deliver/probe.h: what was found out about a mailbox is kept for a second in a bounded table.
 *
 * On failure: see deliver/probe.h.
 */
#include "deliver/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "deliver/table.h"
#include "lib/clock.h"

enum { KNOWN_MS = 1000, KNOWN_MAX = 4096, PATH_SIZE = 1025 };

struct key {
	unsigned root;
	char path[PATH_SIZE];
};

/* What is known of a mailbox. */
struct finding {
	int error;      /* 0, or why it cannot be written to */
	uint64_t bytes; /* free for us */
	uint64_t inodes;
};

struct row {
	UT_hash_handle hh; /* in the order of asking: the oldest first */
	uint64_t at_ms;
	struct finding finding;
	struct key key;
};

struct probe {
	const struct roots *roots;
	struct folder_cache *folders;
	struct probe_margins margins;
	struct row *rows;
};

struct probe *
probe_new(const struct roots *roots, struct folder_cache *folders)
{
	struct probe *probe = calloc(1, sizeof *probe);

	if (!probe)
		return NULL;
	probe->roots = roots;
	probe->folders = folders;
	return probe;
}

static void
remove_row(struct probe *probe, struct row *row)
{
	HASH_DEL(probe->rows, row);
	free(row);
}

void
probe_free(struct probe *probe)
{
	if (!probe)
		return;
	struct row *row = probe->rows;
	HASH_CLEAR(hh, probe->rows);
	while (row) {
		struct row *next = row->hh.next;

		free(row);
		row = next;
	}
	free(probe);
}

void
probe_set_margins(struct probe *probe, struct probe_margins margins)
{
	probe->margins = margins;
}

static struct finding
measure(int folder)
{
	struct statfs system;

	if (fstatfs(folder, &system) != 0)
		return (struct finding){ .error = errno };
	uint64_t block_bytes = (uint64_t)(system.f_frsize ? system.f_frsize : system.f_bsize);
	/* File systems that make inodes as they need them (btrfs) say that they have none. */
	return (struct finding){ .bytes = system.f_bavail * block_bytes,
		.inodes = system.f_files ? system.f_ffree : UINT64_MAX };
}

/* There is no mailbox yet: the folder that it would be made in. */
static struct finding
look_at_parent(const struct probe *probe, unsigned root, const char *path)
{
	struct finding finding;
	int parent = roots_open_deepest(probe->roots, root, path);

	if (parent < 0)
		return (struct finding){ .error = errno };
	if (roots_is_writable(parent))
		finding = measure(parent);
	else
		finding = (struct finding){ .error = errno };
	(void)close(parent);
	return finding;
}

static struct finding
look(const struct probe *probe, unsigned root, const char *path)
{
	struct folders *folders = folders_acquire(probe->folders, root, path, FOLDERS_AS_THEY_ARE);

	if (!folders && errno == ENOENT)
		return look_at_parent(probe, root, path);
	if (!folders)
		return (struct finding){ .error = errno };
	struct finding finding = measure(folders->fresh);
	folders_release(probe->folders, folders);
	return finding;
}

static void
remember(struct probe *probe, const struct key *key, size_t key_bytes, const struct finding *finding)
{
	struct row *row = calloc(1, sizeof *row);

	if (!row)
		return;
	if (HASH_COUNT(probe->rows) >= KNOWN_MAX)
		remove_row(probe, probe->rows);
	row->at_ms = clock_monotonic_ms();
	row->finding = *finding;
	memcpy(&row->key, key, key_bytes);
	HASH_ADD(hh, probe->rows, key, key_bytes, row);
	if (!row->hh.tbl)
		free(row);
}

static struct finding
find_out(struct probe *probe, unsigned root, const char *path)
{
	struct key key = { .root = root };
	size_t length = strlen(path);
	size_t key_bytes = offsetof(struct key, path) + length;
	struct finding finding;
	struct row *row;

	if (length >= sizeof key.path)
		return (struct finding){ .error = ENAMETOOLONG };
	memcpy(key.path, path, length);
	HASH_FIND(hh, probe->rows, &key, key_bytes, row);
	if (row && clock_monotonic_ms() - row->at_ms < KNOWN_MS)
		return row->finding;
	if (row)
		remove_row(probe, row);
	finding = look(probe, root, path);
	remember(probe, &key, key_bytes, &finding);
	return finding;
}

static enum probe_verdict
judge_error(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return PROBE_NO_ROOM;
	case EPERM:
	case EACCES:
	case EROFS:
	case ELOOP:
	case ENOTDIR:
		return PROBE_NOT_WRITABLE;
	default:
		return PROBE_TROUBLE;
	}
}

static bool
has_room(uint64_t there, uint64_t wanted, uint64_t margin)
{
	return there >= margin && there - margin >= wanted;
}

enum probe_verdict
probe_mailbox(struct probe *probe, unsigned root, const char *path, uint64_t bytes, const char **why)
{
	struct finding finding = find_out(probe, root, path);

	*why = "";
	if (finding.error) {
		*why = folders_problem(finding.error);
		return judge_error(finding.error);
	}
	if (!has_room(finding.bytes, bytes, probe->margins.bytes)) {
		*why = "the file system of the mailbox has too few bytes left (see disk-margin)";
		return PROBE_NO_ROOM;
	}
	if (!has_room(finding.inodes, 1, probe->margins.inodes)) {
		*why = "the file system of the mailbox has too few inodes left (see inode-margin)";
		return PROBE_NO_ROOM;
	}
	return PROBE_TAKES;
}
