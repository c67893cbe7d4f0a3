/* The boot's name, of deliver/boot.h.
 *
 * On failure: see deliver/boot.h.
 */
#include "deliver/boot.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deliver/sha256.h"

enum { UUID_BYTES = 36 };

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = span_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
is_dash_place(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

void
boot_parse(struct span text, uint8_t boot[static BOOT_BYTES])
{
	uint8_t parsed[BOOT_BYTES] = { 0 };
	size_t digits = 0;

	memset(boot, 0, BOOT_BYTES);
	if (text.length < UUID_BYTES || (text.length > UUID_BYTES && text.data[UUID_BYTES] != '\n'))
		return;
	for (size_t i = 0; i < UUID_BYTES; i++) {
		int value = hex_value(text.data[i]);

		if (is_dash_place(i) != (text.data[i] == '-') || (value < 0 && !is_dash_place(i)))
			return;
		if (value < 0)
			continue;
		parsed[digits / 2] = (uint8_t)(parsed[digits / 2] << 4 | value);
		digits++;
	}
	memcpy(boot, parsed, BOOT_BYTES);
}

void
boot_read(uint8_t boot[static BOOT_BYTES])
{
	char text[64];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text);

	if (fd >= 0)
		(void)close(fd);
	boot_parse(span_make(text, got < 0 ? 0 : (size_t)got), boot);
}

/* Hashes the boot and what names the folder on this machine. */
static bool
mix(struct sha256 *hash, const uint8_t *boot, const struct stat *folder, uint8_t result[static SHA256_BYTES])
{
	const uint64_t numbers[2] = { folder->st_dev, folder->st_ino };

	sha256_begin(hash);
	sha256_add(hash, span_make((const char *)boot, BOOT_BYTES));
	sha256_add(hash, span_make((const char *)numbers, sizeof numbers));
	return sha256_end(hash, result);
}

void
boot_bind(uint8_t boot[static BOOT_BYTES], int folder)
{
	static const uint8_t unknown[BOOT_BYTES];
	uint8_t bound[SHA256_BYTES] = { 0 };
	struct sha256 *hash;
	struct stat about;

	if (memcmp(boot, unknown, BOOT_BYTES) == 0)
		return;
	hash = sha256_new();
	bool ok = hash && fstat(folder, &about) == 0 && mix(hash, boot, &about, bound);
	sha256_free(hash);
	memcpy(boot, ok ? bound : unknown, BOOT_BYTES);
}
