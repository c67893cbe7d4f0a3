/* The kept seeds of one fuzzer, without libFuzzer: `make check` replays with the ordinary compiler what was found once.
 *
 * usage: NAME FOLDER
 *
 * Each seed has a process of its own, so that one that breaks the rules, hangs or leaks hides none of the others. The
 * report is TAP: one line for all seeds that hold, or one for each that does not, with the end of what it said.
 *
 * Trust: none is needed; the seeds are the tree's own.
 * On failure: a folder that is missing or empty is a failure too.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Only some fuzzers have one. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *count, char ***arguments);

/* HELD is nobody else's code: what ends the process in the middle of a seed, with 0 or anything, is noticed. */
enum { SEED_BYTES = 1 << 20, SEED_SECONDS = 10, STORY_BYTES = 2000, HELD = 77 };

static uint8_t bytes[SEED_BYTES];

static _Noreturn void
try_one(int folder, const char *name, int story)
{
	const int seed = openat(folder, name, O_RDONLY | O_CLOEXEC);
	const ssize_t length = seed >= 0 ? read(seed, bytes, sizeof bytes) : -1;

	(void)alarm(SEED_SECONDS);
	(void)dup2(story, STDERR_FILENO);
	/* A copy of exactly its length: what reads past its end is seen under AddressSanitizer. */
	uint8_t *exact = length >= 0 && length < SEED_BYTES ? malloc((size_t)length) : NULL;
	if (!exact) {
		fprintf(stderr, "it cannot be read, or is too long\n");
		_exit(1);
	}
	memcpy(exact, bytes, (size_t)length);
	(void)LLVMFuzzerTestOneInput(exact, (size_t)length);
	free(exact);
	exit(HELD);
}

/* The end of what a seed said, each line marked as no result. */
static void
tell(int story)
{
	char text[STORY_BYTES + 1];
	const off_t end = lseek(story, 0, SEEK_END);
	const ssize_t length = pread(story, text, STORY_BYTES, end > STORY_BYTES ? end - STORY_BYTES : 0);

	text[length > 0 ? length : 0] = '\0';
	for (char *rest = text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		if (*line)
			printf("# %s\n", line);
	}
}

static bool
seed_holds(int folder, const char *name)
{
	const int story = memfd_create("story", MFD_CLOEXEC);
	int status = 0;

	(void)fflush(stdout);
	const pid_t child = fork();
	if (child == 0)
		try_one(folder, name, story);
	const bool is_over = child > 0 && waitpid(child, &status, 0) == child;
	const bool holds = is_over && WIFEXITED(status) && WEXITSTATUS(status) == HELD;
	if (!holds && WIFSIGNALED(status))
		printf("not ok - seed %s: %s\n", name, strsignal(WTERMSIG(status)));
	else if (!holds)
		printf("not ok - seed %s: ended with code %d\n", name, WEXITSTATUS(status));
	if (!holds)
		tell(story);
	(void)close(story);
	return holds;
}

int
main(int count, char **arguments)
{
	DIR *folder = count == 2 ? opendir(arguments[1]) : NULL;
	unsigned tried = 0, held = 0;

	if (!folder) {
		printf("not ok - no folder of seeds\n");
		return 1;
	}
	if (LLVMFuzzerInitialize)
		(void)LLVMFuzzerInitialize(&count, &arguments);
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		if (entry->d_name[0] == '.')
			continue;
		tried++;
		held += seed_holds(dirfd(folder), entry->d_name) ? 1 : 0;
	}
	(void)closedir(folder);
	if (held == tried)
		printf("%sok - %u seeds hold\n", tried ? "" : "not ", tried);
	return held < tried || !tried;
}
