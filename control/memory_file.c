/* The files of control/memory_file.h.
 *
 * On failure: see the header.
 */
#include "control/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int
memory_file_new(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

bool
memory_file_append(int fd, struct span bytes)
{
	ssize_t written = write(fd, bytes.data, bytes.length);

	return written >= 0 && (size_t)written == bytes.length;
}

bool
memory_file_seal(int fd)
{
	return lseek(fd, 0, SEEK_SET) == 0 &&
	       fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0;
}

int
memory_file_of(const char *name, struct span bytes)
{
	int fd = memory_file_new(name);

	if (fd < 0 || (memory_file_append(fd, bytes) && memory_file_seal(fd)))
		return fd;
	int saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}
