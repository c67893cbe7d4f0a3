/* disk: what this file system allows: durable Maildir files a second (create in tmp/, write, fsync, rename into new/,
 * fsync of new/) from so many threads, without any mail server.
 *
 * usage: disk FOLDER THREADS FILES SIZE
 *
 * On failure: exit 1 with the call that failed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAILDIRS = 100, THREADS_MAX = 64 };

static int tmp_folders[MAILDIRS];
static int new_folders[MAILDIRS];
static atomic_long next_file;
static long files;
static size_t size_bytes;
static char *content;

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int
make_folder(int parent, const char *name)
{
	(void)mkdirat(parent, name, 0700);
	int folder = openat(parent, name, O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		die(name);
	return folder;
}

static void
deliver(long number)
{
	char name[32];
	int tmp = tmp_folders[number % MAILDIRS];
	int new = new_folders[number % MAILDIRS];

	(void)snprintf(name, sizeof name, "%ld", number);
	int fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, content, size_bytes) != (ssize_t)size_bytes || fsync(fd) != 0 || close(fd) != 0)
		die(name);
	if (renameat(tmp, name, new, name) != 0 || fsync(new) != 0)
		die(name);
}

static void *
work(void *unused)
{
	(void)unused;
	for (long number = next_file++; number < files; number = next_file++)
		deliver(number);
	return NULL;
}

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
make_maildirs(const char *root)
{
	char name[32];

	(void)mkdir(root, 0700);
	int folder = open(root, O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		die(root);
	for (int i = 0; i < MAILDIRS; i++) {
		(void)snprintf(name, sizeof name, "u%d", i);
		int maildir = make_folder(folder, name);
		tmp_folders[i] = make_folder(maildir, "tmp");
		new_folders[i] = make_folder(maildir, "new");
		(void)close(maildir);
	}
}

int
main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	struct rusage usage;

	long count = argc == 5 ? strtol(argv[2], NULL, 10) : 0;
	if (count < 1 || count > THREADS_MAX) {
		(void)fputs("usage: disk FOLDER THREADS FILES SIZE\n", stderr);
		return 2;
	}
	files = strtol(argv[3], NULL, 10);
	size_bytes = (size_t)strtoul(argv[4], NULL, 10);
	content = malloc(size_bytes);
	if (!content)
		die("malloc");
	memset(content, 'x', size_bytes);
	make_maildirs(argv[1]);
	double began_at = now();
	for (long i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			die("pthread_create");
	for (long i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	double wall = now() - began_at;
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("files=%ld wall=%.4f cpu=%.4f\n", files, wall,
	    (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	return 0;
}
