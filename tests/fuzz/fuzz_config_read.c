/* Any text as a configuration file: cleaned, parsed and checked without a crash, and never without a word when wrong.
 */
#include <stdint.h>

#include "conf/config_reader.h"
#include "conf/config_storage.h"
#include "conf/config_text.h"
#include "lib/bug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_reader reader = { .path = "fuzz.conf", .folder = BUF_LIMIT(64), .config = config_storage_new() };
	struct config_place place = { CONFIG_FILE, reader.config, { 0 } };
	struct buf outside = BUF_LIMIT(CONFIG_FILE_BYTES + 1);
	struct buf clean = BUF_LIMIT(CONFIG_FILE_BYTES + 1);
	struct buf errors = BUF_LIMIT(8 << 20);

	if (size > CONFIG_FILE_BYTES)
		size = CONFIG_FILE_BYTES;
	buf_append_text(&reader.folder, "/etc");
	if (config_text_clean(span_make((const char *)data, size), reader.path, &reader.problems, &clean)) {
		reader.place = &place;
		config_sections_blank(buf_span(&clean), &outside);
		if (outside.length != clean.length)
			BUG("a section was not replaced by as many spaces");
		config_parse(&reader, buf_span(&outside));
		config_sections_read(&reader, buf_span(&clean));
	} else if (reader.problems.count == 0) {
		BUG("a text was refused without a reason");
	}
	problems_write(&reader.problems, &errors);
	if (reader.problems.count && errors.length == 0)
		BUG("problems were found but not told");
	problems_free(&reader.problems);
	config_free(reader.config);
	buf_free(&reader.folder);
	buf_free(&clean);
	buf_free(&outside);
	buf_free(&errors);
	return 0;
}
