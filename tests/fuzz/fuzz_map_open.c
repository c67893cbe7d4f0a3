/* Any bytes as a map file: refused with a reason, or open, and then every lookup stays within the file. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/bug.h"
#include "lookup/map_read.h"
#include "lookup/map_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct map_result result;

static void
look_up(const struct map *map)
{
	static const char *const addresses[] = { "alice@example.org", "bob+x@example.org", "all@example.org",
		"x@example.net", "spam@example.org", "postmaster", "nobody@example.org", "a@elsewhere.example" };
	const struct map_rules rules = {
		.sub_address = "+", .postmaster = SPAN("alice@example.org"), .hostname = SPAN("mx.example.org")
	};

	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		map_lookup(map, &rules, span_of(addresses[i]), &result);
		if ((result.verdict == MAP_DELIVER) != (result.count > 0))
			BUG("a delivery without a mailbox");
		for (size_t j = 0; j < result.count; j++)
			if (!map_path_is_safe(result.mailboxes[j].path))
				BUG("an unsafe path was found");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("map", MFD_CLOEXEC);
	struct buf why = BUF_LIMIT(1024);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		BUG("no memory file");
	struct map *map = map_open(fd, &why);
	if (map)
		look_up(map);
	else if (why.length == 0)
		BUG("refused without a reason");
	map_close(map);
	buf_free(&why);
	return 0;
}
