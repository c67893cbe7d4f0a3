/* Any line that the journal's reader takes must mean the same when it is written anew and read again. */
#include <stdint.h>
#include <string.h>

#include "deliver/journal.h"
#include "lib/buf.h"
#include "lib/bug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_BYTES = 16 << 20 };

static void
write_anew(struct journal_record record, struct buf *line)
{
	struct journal_copy copy;
	uint64_t serial;

	if (record.kind == JOURNAL_REMEMBER)
		journal_append_head(line, record.digest, record.boot, record.seconds, record.count);
	else
		journal_append_forget(line);
	while (journal_next_copy(&record, &copy))
		journal_append_copy(line, copy.serial, copy.root, copy.path, copy.file);
	while (journal_next_serial(&record, &serial))
		journal_append_serial(line, serial);
	journal_append_end(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first = BUF_LIMIT(LINE_BYTES);
	struct buf second = BUF_LIMIT(LINE_BYTES);
	struct journal_record record;

	if (!journal_parse(span_make((const char *)data, size), &record))
		return 0;
	write_anew(record, &first);
	if (!buf_ok(&first) || !journal_parse(span_take(buf_span(&first), first.length - 1), &record))
		BUG("a line that was taken is not taken when written anew");
	write_anew(record, &second);
	if (!span_equal(buf_span(&first), buf_span(&second)))
		BUG("a line means something else when written anew");
	buf_free(&first);
	buf_free(&second);
	return 0;
}
