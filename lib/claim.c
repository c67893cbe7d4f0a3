/* The claim page of lib/claim.h: a sealed memory file that two processes map.
 *
 * Trust: deliver checks before it maps that the file is plain memory that cannot shrink below the slots: a page that
 * could would be a SIGBUS at the next claim. What the words hold is smtpd's; any value but CLAIM_OPEN loses.
 * On failure: NULL; every descriptor and mapping made on the way is given back.
 */
#include "lib/claim.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { SLOTS_MAX = 1 << 20 };

static struct claim_page *
map_words(int fd, uint32_t slots)
{
	struct claim_page *page = malloc(sizeof *page);

	if (!page)
		return NULL;
	void *memory = mmap(NULL, slots * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		free(page);
		return NULL;
	}
	page->slots = slots;
	page->words = memory;
	return page;
}

static bool
is_slot_count(uint32_t slots)
{
	return slots > 0 && slots <= SLOTS_MAX;
}

/* Makes the file as long as this by writing: ftruncate() is no call of smtpd's, since the log may be a plain file. */
static bool
write_zeros(int fd, size_t length)
{
	static const char zeros[4096];

	while (length) {
		size_t piece = length < sizeof zeros ? length : sizeof zeros;

		if (write(fd, zeros, piece) != (ssize_t)piece)
			return false;
		length -= piece;
	}
	return true;
}

struct claim_page *
claim_page_make(uint32_t slots, int *fd)
{
	if (!is_slot_count(slots))
		return NULL;
	int file = memfd_create("claims", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (file < 0)
		return NULL;
	struct claim_page *page = NULL;
	if (write_zeros(file, slots * sizeof(uint32_t)) &&
	    fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		page = map_words(file, slots);
	if (page)
		*fd = file;
	else
		(void)close(file);
	return page;
}

/* Memory of the usual kind: pages of a huge-page file may be missing when they are touched. */
static bool
is_plain_memory(int fd)
{
	struct statfs system;

	return fstatfs(fd, &system) == 0 && (unsigned long)system.f_type == TMPFS_MAGIC;
}

struct claim_page *
claim_page_map(int fd, uint32_t slots)
{
	struct stat about;
	int seals = fcntl(fd, F_GET_SEALS);

	if (!is_slot_count(slots) || seals < 0 || (seals & F_SEAL_SHRINK) == 0 || !is_plain_memory(fd))
		return NULL;
	if (fstat(fd, &about) != 0 || about.st_size < (off_t)(slots * sizeof(uint32_t)))
		return NULL;
	return map_words(fd, slots);
}

void
claim_page_free(struct claim_page *page)
{
	if (!page)
		return;
	(void)munmap((void *)(uintptr_t)page->words, page->slots * sizeof(uint32_t));
	free(page);
}

void
claim_reset(struct claim_page *page, uint32_t slot)
{
	if (slot < page->slots)
		atomic_store(&page->words[slot], CLAIM_OPEN);
}

bool
claim_take(struct claim_page *page, uint32_t slot, enum claim winner)
{
	uint32_t open = CLAIM_OPEN;

	return slot < page->slots && atomic_compare_exchange_strong(&page->words[slot], &open, (uint32_t)winner);
}
