/* The folder of control/auth_folder.h.
 *
 * On failure: see the header.
 */
#include "control/auth_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/folder_wall.h"
#include "lib/log.h"

/* The path of the folder, in text; "" when no socket is configured. */
static void
name_folder(const struct config *config, char text[static PATH_MAX])
{
	const char *slash = strrchr(config->auth_socket, '/');
	int length = slash ? (int)(slash - config->auth_socket) : 0;

	(void)snprintf(text, PATH_MAX, "%.*s", length ? length : (slash != NULL), config->auth_socket);
}

static void
drop(struct auth_folder *folder)
{
	if (folder->fd >= 0)
		(void)close(folder->fd);
	folder->fd = -1;
	folder->device = 0;
	folder->inode = 0;
}

/* The caller would go on in the folder that it has, and give passwords to a socket of that name there: what is no
 * folder takes its place. True: it had one. */
static bool
take_back(struct auth_folder *folder)
{
	int nothing = folder->inode ? open("/dev/null", O_PATH | O_CLOEXEC) : -1;

	if (nothing < 0)
		return false;
	drop(folder);
	folder->fd = nothing;
	return true;
}

static void
take(struct auth_folder *folder, int fd, const struct stat *facts)
{
	/* Without CAP_SYS_ADMIN there is no copy; then the caller has only the rights of the user who runs all this. */
	int copy = folder_wall_copy(fd);

	drop(folder);
	folder->fd = copy >= 0 ? copy : fd;
	if (copy >= 0)
		(void)close(fd);
	folder->device = facts->st_dev;
	folder->inode = facts->st_ino;
}

bool
auth_folder_look(struct auth_folder *folder)
{
	char path[PATH_MAX];
	struct stat facts;

	name_folder(folder->config, path);
	if (!*path)
		return take_back(folder);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &facts) != 0) {
		if (!folder->is_missing_said)
			log_warning("the folder %s of the auth-socket is not there (%s); no password can be checked "
				    "until it is",
			    path, strerror(errno));
		folder->is_missing_said = true;
		if (fd >= 0)
			(void)close(fd);
		return take_back(folder);
	}
	folder->is_missing_said = false;
	if (facts.st_dev == folder->device && facts.st_ino == folder->inode) {
		(void)close(fd);
		return false;
	}
	take(folder, fd, &facts);
	return true;
}

void
auth_folder_open(struct auth_folder *folder, const struct config *config)
{
	*folder = (struct auth_folder){ .config = config, .fd = -1 };
	(void)auth_folder_look(folder);
}

void
auth_folder_set_config(struct auth_folder *folder, const struct config *config)
{
	folder->config = config;
	folder->is_missing_said = false;
}

void
auth_folder_close(struct auth_folder *folder)
{
	drop(folder);
}
