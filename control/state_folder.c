/* Making and checking the state folder of control/state_folder.h.
 *
 * Everything below the state folder is opened relative to it, without following links.
 *
 * On failure: see the header.
 */
#include "control/state_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char state_map_name[] = "recipients.cdb";

enum { LAST_ONE_ENDS_S = 10 };

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW };

struct folder_wish {
	const char *name;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

static bool
refuse(struct buf *why, const char *path, const char *name, const char *what)
{
	buf_printf(why, "state folder %s%s%s: %s", path, *name ? "/" : "", name, what);
	return false;
}

/* A stranger's folder, or one that others may write to, could be swapped under us. */
static bool
check_owner(int fd, const char *path, const struct folder_wish *wish, struct buf *why)
{
	struct stat facts;

	if (fstat(fd, &facts) != 0)
		return refuse(why, path, wish->name, strerror(errno));
	if (facts.st_uid != wish->uid) {
		buf_printf(why,
		    "state folder %s%s%s belongs to uid %u and not to uid %u; `chown %u` it, or remove it when it is "
		    "empty",
		    path, *wish->name ? "/" : "", wish->name, (unsigned)facts.st_uid, (unsigned)wish->uid,
		    (unsigned)wish->uid);
		return false;
	}
	if (facts.st_mode & (S_IWGRP | S_IWOTH))
		return refuse(why, path, wish->name, "others may write to it; `chmod go-w` it");
	return true;
}

/* Makes a folder below root when it is missing, and opens it. */
static int
open_folder(int root, const char *path, const struct folder_wish *wish, struct buf *why)
{
	bool is_new = mkdirat(root, wish->name, wish->mode) == 0;

	if (!is_new && errno != EEXIST) {
		(void)refuse(why, path, wish->name, strerror(errno));
		return -1;
	}
	int fd = openat(root, wish->name, FOLDER_FLAGS);
	if (fd < 0) {
		(void)refuse(why, path, wish->name,
		    errno == ENOTDIR || errno == ELOOP ? "is there but no folder" : strerror(errno));
		return -1;
	}
	/* fchmod as well: the umask may have taken something away. */
	if (is_new && ((geteuid() == 0 && fchown(fd, wish->uid, wish->gid) != 0) || fchmod(fd, wish->mode) != 0)) {
		(void)refuse(why, path, wish->name, strerror(errno));
		(void)close(fd);
		return -1;
	}
	if (!check_owner(fd, path, wish, why)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static bool
open_root(const char *path, const struct folder_wish *wish, struct state_folder *state, struct buf *why)
{
	if (mkdir(path, wish->mode) != 0 && errno != EEXIST)
		return refuse(why, path, "",
		    errno == ENOENT ? "its parent folder does not exist; make it first" : strerror(errno));
	/* The path itself is the administrator's and may lead through links. */
	state->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state->root < 0)
		return refuse(why, path, "", strerror(errno));
	if (!check_owner(state->root, path, wish, why))
		return false;
	if (faccessat(state->root, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return refuse(why, path, "", errno == EACCES ? "this user may not write to it" : strerror(errno));
	return true;
}

void
state_folder_init(struct state_folder *state)
{
	*state = (struct state_folder){ -1, -1, -1, -1, -1, -1 };
}

bool
state_folder_open(const char *path, const struct accounts *accounts, struct state_folder *state, struct buf *why)
{
	const struct account ours = { geteuid(), getegid() };
	const struct account spooler = accounts->of[ROLE_SMTPD];
	const struct account mailbox = accounts->of[ROLE_DELIVER];
	const struct folder_wish root = { "", 0755, ours.uid, ours.gid };
	const struct folder_wish maps = { "maps", 0755, ours.uid, ours.gid };
	const struct folder_wish empty = { "empty", 0555, ours.uid, ours.gid };
	const struct folder_wish spool = { "spool", 0700, spooler.uid, spooler.gid };
	const struct folder_wish users = { "users", 0700, ours.uid, ours.gid };
	const struct folder_wish journal = { "journal", 0700, mailbox.uid, mailbox.gid };

	state_folder_init(state);
	if (!open_root(path, &root, state, why))
		goto failed;
	state->maps = open_folder(state->root, path, &maps, why);
	if (state->maps < 0)
		goto failed;
	state->empty = open_folder(state->root, path, &empty, why);
	if (state->empty < 0)
		goto failed;
	state->spool = open_folder(state->root, path, &spool, why);
	if (state->spool < 0)
		goto failed;
	state->journal = open_folder(state->root, path, &journal, why);
	if (state->journal < 0)
		goto failed;
	state->users = open_folder(state->root, path, &users, why);
	if (state->users < 0)
		goto failed;
	return true;
failed:
	state_folder_close(state);
	return false;
}

/* Spool files lose their name as soon as they are made; one that still has it is from a process that died just then. */
static void
remove_leftovers(int spool)
{
	int fd = spool < 0 ? -1 : openat(spool, ".", FOLDER_FLAGS);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		if (entry->d_type == DT_REG)
			(void)unlinkat(spool, entry->d_name, 0);
	(void)closedir(folder);
}

static void
on_alarm(int number)
{
	(void)number;
}

/* The last server's deliver holds the lock that its master took on the journal. Where that master was killed it may
 * live on for a moment; what it still delivers must be in the journal before another one reads it. */
static bool
lock_journal(int journal)
{
	const struct sigaction wake = { .sa_handler = on_alarm }; /* without SA_RESTART: it ends the wait */
	struct sigaction before;

	if (sigaction(SIGALRM, &wake, &before) != 0)
		return false;
	(void)alarm(LAST_ONE_ENDS_S);
	bool is_locked = flock(journal, LOCK_EX) == 0;
	int error = errno;
	(void)alarm(0);
	(void)sigaction(SIGALRM, &before, NULL);
	errno = error;
	return is_locked;
}

bool
state_folder_claim(const char *path, const struct state_folder *state, struct buf *why)
{
	if (flock(state->root, LOCK_EX | LOCK_NB) != 0)
		return refuse(why, path, "",
		    errno == EWOULDBLOCK ? "another tidegate is running on it; stop that one first" : strerror(errno));
	if (!lock_journal(state->journal))
		return refuse(why, path, "journal",
		    errno == EINTR ? "a tidegate-deliver of the last server still runs; end it first"
				   : strerror(errno));
	remove_leftovers(state->spool);
	return true;
}

/* The maps folder as it is found; nothing is made. */
static int
open_maps(const char *path)
{
	int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return -1;
	int maps = openat(root, "maps", FOLDER_FLAGS);
	int error = errno;
	(void)close(root);
	errno = error;
	return maps;
}

void
state_folder_empty(const struct state_folder *state)
{
	remove_leftovers(state->spool);
	remove_leftovers(state->journal);
}

int
state_folder_look_for_map(const char *path)
{
	const struct state_folder seen = { .maps = open_maps(path) };

	if (seen.maps < 0)
		return -1;
	int map = state_folder_open_map(&seen);
	int error = errno;
	(void)close(seen.maps);
	errno = error;
	return map;
}

int
state_folder_open_map(const struct state_folder *state)
{
	return openat(state->maps, state_map_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static void
close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
state_folder_close(struct state_folder *state)
{
	close_one(&state->root);
	close_one(&state->maps);
	close_one(&state->empty);
	close_one(&state->spool);
	close_one(&state->journal);
	close_one(&state->users);
}
