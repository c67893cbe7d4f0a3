/* The cache of deliver/folders.h: a hash table under one lock. No system call but close() is made under it: a mailbox
 * is opened beside the table and then entered; of two threads that did so at once the second takes the first's.
 *
 * On failure: see deliver/folders.h.
 */
#include "deliver/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/bug.h"
#include "lib/clock.h"
#include "deliver/lock.h"
#include "deliver/maildir.h"
#include "deliver/table.h"

enum { CHECK_MS = 1000, SWEEP_MS = 100, PATH_BYTES = 1024 };

struct key {
	unsigned root;
	char path[PATH_BYTES];
};

struct entry {
	struct folders folders; /* first: what callers hold */
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) by_use;
	unsigned users;
	bool is_cached; /* in the table; else closed by its last user */
	bool is_swept;
	uint64_t checked_ms;
	dev_t device;
	ino_t inode;
	size_t key_bytes;
	struct key key; /* as long as key_bytes says */
};

struct folder_cache {
	pthread_mutex_t lock;
	const struct roots *roots;
	struct entry *table;
	TAILQ_HEAD(by_use, entry) by_use; /* least lately used first */
	size_t count;
	size_t limit;
	uint64_t swept_ms;
	atomic_uint_fast64_t failures;
};

struct folder_cache *
folder_cache_new(const struct roots *roots, size_t limit)
{
	struct folder_cache *cache = calloc(1, sizeof *cache);

	if (!cache)
		return NULL;
	cache->roots = roots;
	cache->limit = limit;
	TAILQ_INIT(&cache->by_use);
	lock_init(&cache->lock);
	return cache;
}

static void
entry_free(struct entry *entry)
{
	if (entry->folders.tmp >= 0)
		(void)close(entry->folders.tmp);
	if (entry->folders.fresh >= 0)
		(void)close(entry->folders.fresh);
	free(entry);
}

/* Under the lock. */
static void
uncache(struct folder_cache *cache, struct entry *entry)
{
	if (!entry->is_cached)
		return;
	HASH_DEL(cache->table, entry);
	TAILQ_REMOVE(&cache->by_use, entry, by_use);
	entry->is_cached = false;
	cache->count--;
}

/* Under the lock: lets go of mailboxes that nobody uses until at most `keep` are left, or all others are in use. */
static void
shrink(struct folder_cache *cache, size_t keep)
{
	struct entry *entry = TAILQ_FIRST(&cache->by_use);

	while (entry && cache->count > keep) {
		struct entry *next = TAILQ_NEXT(entry, by_use);

		if (entry->users == 0) {
			uncache(cache, entry);
			entry_free(entry);
		}
		entry = next;
	}
}

void
folder_cache_free(struct folder_cache *cache)
{
	if (!cache)
		return;
	shrink(cache, 0);
	if (cache->count)
		BUG("a mailbox is still in use");
	(void)pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static struct entry *
entry_new(unsigned root, const char *path)
{
	size_t length = strlen(path);
	struct entry *entry;

	if (length >= PATH_BYTES) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	entry = calloc(1, sizeof *entry);
	if (!entry)
		return NULL;
	entry->folders.tmp = -1;
	entry->folders.fresh = -1;
	entry->users = 1;
	entry->key.root = root;
	memcpy(entry->key.path, path, length + 1);
	entry->key_bytes = offsetof(struct key, path) + length;
	return entry;
}

/* Ours, and of a mode that lets us work in it. */
static bool
is_fit(const struct stat *about)
{
	if (about->st_uid != geteuid()) {
		errno = EPERM;
		return false;
	}
	if ((about->st_mode & (S_IWUSR | S_IXUSR)) != (S_IWUSR | S_IXUSR)) {
		errno = EACCES;
		return false;
	}
	return true;
}

static bool
open_inner(struct entry *entry, int mailbox)
{
	struct stat about;

	if (fstat(mailbox, &about) != 0 || !is_fit(&about))
		return false;
	entry->folders.tmp = roots_open_below(mailbox, "tmp", O_RDONLY | O_DIRECTORY);
	if (entry->folders.tmp < 0 || fstat(entry->folders.tmp, &about) != 0 || !is_fit(&about))
		return false;
	entry->folders.fresh = roots_open_below(mailbox, "new", O_RDONLY | O_DIRECTORY);
	if (entry->folders.fresh < 0 || fstat(entry->folders.fresh, &about) != 0 || !is_fit(&about))
		return false;
	entry->device = about.st_dev;
	entry->inode = about.st_ino;
	entry->checked_ms = clock_monotonic_ms();
	return true;
}

static bool
open_entry(const struct folder_cache *cache, struct entry *entry)
{
	int mailbox = roots_open(cache->roots, entry->key.root, entry->key.path, O_PATH | O_DIRECTORY);

	if (mailbox < 0)
		return false;
	bool ok = open_inner(entry, mailbox);
	int error = errno;
	/* Last: of what failed before, these descriptors tell nothing. */
	entry->folders.failures = folders_failures(cache);
	(void)close(mailbox);
	errno = error;
	return ok;
}

/* A mailbox opened, made if need be, not yet in the table; NULL with errno. */
static struct entry *
open_new(struct folder_cache *cache, unsigned root, const char *path, enum folders_make make)
{
	for (unsigned attempt = 0; attempt < 2; attempt++) {
		struct entry *entry = entry_new(root, path);

		if (!entry || open_entry(cache, entry))
			return entry;
		int error = errno;
		entry_free(entry);
		errno = error;
		if (error != ENOENT || make == FOLDERS_AS_THEY_ARE || attempt > 0 ||
		    !maildir_create(cache->roots, root, path))
			return NULL;
	}
	return NULL;
}

/* Is what we hold still what the path leads to, and still fit for work? */
static bool
is_still_there(const struct roots *roots, struct entry *entry)
{
	char path[PATH_BYTES + sizeof "/new"];
	size_t length = strlen(entry->key.path);
	struct stat about;

	memcpy(path, entry->key.path, length);
	memcpy(path + length, "/new", sizeof "/new");
	int fd = roots_open(roots, entry->key.root, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return false;
	bool same =
	    fstat(fd, &about) == 0 && about.st_dev == entry->device && about.st_ino == entry->inode && is_fit(&about);
	(void)close(fd);
	return same;
}

/* Under the lock: the entry of this mailbox, counted as in use, or NULL. */
static struct entry *
find(struct folder_cache *cache, unsigned root, const char *path)
{
	struct key key = { .root = root };
	size_t length = strlen(path);
	struct entry *entry = NULL;

	if (length >= PATH_BYTES)
		return NULL;
	memcpy(key.path, path, length);
	HASH_FIND(hh, cache->table, &key, offsetof(struct key, path) + length, entry);
	if (!entry)
		return NULL;
	entry->users++;
	TAILQ_REMOVE(&cache->by_use, entry, by_use);
	TAILQ_INSERT_TAIL(&cache->by_use, entry, by_use);
	return entry;
}

/* Under the lock. An entry that finds no memory is used once, uncached. */
static void
enter(struct folder_cache *cache, struct entry *entry)
{
	shrink(cache, cache->limit - 1);
	HASH_ADD(hh, cache->table, key, entry->key_bytes, entry);
	if (!entry->hh.tbl)
		return;
	TAILQ_INSERT_TAIL(&cache->by_use, entry, by_use);
	entry->is_cached = true;
	cache->count++;
}

/* A mailbox that is in the table and looked at less than a second ago, or NULL. */
static struct entry *
acquire_known(struct folder_cache *cache, unsigned root, const char *path)
{
	uint64_t now_ms = clock_monotonic_ms();
	bool is_due = false;

	(void)pthread_mutex_lock(&cache->lock);
	struct entry *entry = find(cache, root, path);
	if (entry && now_ms - entry->checked_ms >= CHECK_MS) {
		is_due = true;
		entry->checked_ms = now_ms; /* one thread looks, the others go on */
	}
	(void)pthread_mutex_unlock(&cache->lock);
	if (!is_due || is_still_there(cache->roots, entry))
		return entry;
	folders_forget(cache, &entry->folders);
	folders_release(cache, &entry->folders);
	return NULL;
}

/* Out of descriptors: half of the open mailboxes make room. */
static void
make_room(struct folder_cache *cache)
{
	(void)pthread_mutex_lock(&cache->lock);
	shrink(cache, cache->count / 2);
	(void)pthread_mutex_unlock(&cache->lock);
}

struct folders *
folders_acquire(struct folder_cache *cache, unsigned root, const char *path, enum folders_make make)
{
	struct entry *entry = acquire_known(cache, root, path);

	if (entry)
		return &entry->folders;
	entry = open_new(cache, root, path, make);
	if (!entry && (errno == EMFILE || errno == ENFILE)) {
		make_room(cache);
		entry = open_new(cache, root, path, make);
	}
	if (!entry)
		return NULL;
	(void)pthread_mutex_lock(&cache->lock);
	struct entry *other = find(cache, root, path);
	if (!other)
		enter(cache, entry);
	(void)pthread_mutex_unlock(&cache->lock);
	if (!other)
		return &entry->folders;
	entry_free(entry);
	return &other->folders;
}

void
folders_release(struct folder_cache *cache, struct folders *folders)
{
	struct entry *entry = (struct entry *)folders;

	(void)pthread_mutex_lock(&cache->lock);
	if (entry->users == 0)
		BUG("a mailbox was given back twice");
	entry->users--;
	bool is_last = entry->users == 0 && !entry->is_cached;
	(void)pthread_mutex_unlock(&cache->lock);
	if (is_last)
		entry_free(entry);
}

void
folders_forget(struct folder_cache *cache, struct folders *folders)
{
	(void)pthread_mutex_lock(&cache->lock);
	uncache(cache, (struct entry *)folders);
	(void)pthread_mutex_unlock(&cache->lock);
}

void
folders_break(struct folder_cache *cache, struct folders *folders)
{
	atomic_store(&folders->is_broken, true);
	(void)atomic_fetch_add(&cache->failures, 1);
}

uint64_t
folders_failures(const struct folder_cache *cache)
{
	return atomic_load(&cache->failures);
}

bool
folders_wants_sweep(struct folder_cache *cache, struct folders *folders)
{
	struct entry *entry = (struct entry *)folders;
	uint64_t now_ms = clock_monotonic_ms();
	bool wants;

	(void)pthread_mutex_lock(&cache->lock);
	wants = !entry->is_swept && now_ms - cache->swept_ms >= SWEEP_MS;
	if (wants) {
		entry->is_swept = true;
		cache->swept_ms = now_ms;
	}
	(void)pthread_mutex_unlock(&cache->lock);
	return wants;
}

const char *
folders_problem(int error)
{
	switch (error) {
	case EPERM:
		return "the mailbox belongs to another user";
	case EACCES:
		return "no right to write in the mailbox";
	case EROFS:
		return "the mailbox lies on a read-only file system";
	case ELOOP:
	case ENOTDIR:
		return "a link or a file stands where the mailbox's folder should be";
	case ENOENT:
		return "the mailbox is missing";
	case ENOSPC:
		return "the file system of the mailbox is full";
	case EDQUOT:
		return "the disk quota of the mailbox's owner is used up";
	case EMFILE:
	case ENFILE:
		return "too many open files";
	default:
		return strerror(error);
	}
}
