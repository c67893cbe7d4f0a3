/* Any text as a users file: what is taken has a sound address and a hash without line ends or colons, and each user
 * once; a user who is added to it is found afterwards, and gone when he is taken out again. Any bytes as a record, too.
 * The first byte chooses the case of local parts. */
#include <stdint.h>

#include "lib/bug.h"
#include "control/users_file.h"
#include "lookup/users_line.h"
#include "lookup/users_record.h"
#include "lookup/users_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES = 1 << 20 };

static const struct span somebody = SPAN("somebody.new@example.org");
static const struct span hash = SPAN("$6$a$b");

static void
check_entry(const struct users_entry *entry)
{
	struct mail_address again;

	/* It keeps the case that it was given: a canonical address of either kind stays what it is. */
	if (mail_address_canonical(entry->address, true, &again) != MAIL_ADDRESS_OK ||
	    !span_equal(mail_address_span(&again), entry->address))
		BUG("an address that is not canonical was taken");
	if (entry->hash.length > USERS_HASH_BYTES || span_find(entry->hash, ':') < entry->hash.length ||
	    span_find(entry->hash, '\0') < entry->hash.length)
		BUG("a hash that cannot be one was taken");
	if (users_hash_class(entry->hash).length > entry->hash.length)
		BUG("a class that is longer than its hash");
}

/* How many there are; *has tells whether somebody is one of them. */
static size_t
parse(struct span text, bool keeps_case, bool *has, bool *is_good)
{
	struct users_source source = { 0 };
	size_t count;

	*has = false;
	if (!users_source_parse(&source, "users", text, keeps_case))
		BUG("no memory");
	for (size_t i = 0; i < source.count; i++) {
		check_entry(&source.entries[i]);
		*has = *has || span_equal(source.entries[i].address, somebody);
		if (source.problems.count == 0 && i > 0 &&
		    span_equal(source.entries[i - 1].address, source.entries[i].address))
			BUG("a user stands there twice, and nobody said so");
	}
	*is_good = source.problems.count == 0;
	count = source.count;
	users_source_free(&source);
	return count;
}

static void
try_edits(struct span text, bool keeps_case)
{
	struct buf added = BUF_LIMIT(TEXT_BYTES);
	struct buf removed = BUF_LIMIT(TEXT_BYTES);
	bool has;
	bool was_good;
	bool is_good;
	size_t before = parse(text, keeps_case, &has, &was_good);

	enum users_edit_result result = users_file_edit(text, keeps_case, USERS_ADD, somebody, hash, &added);
	if ((result == USERS_IS_THERE) != has)
		BUG("it does not know who is there");
	if (result == USERS_EDITED && buf_ok(&added)) {
		if (parse(buf_span(&added), keeps_case, &has, &is_good) != before + 1 || !has || is_good != was_good)
			BUG("a user who was added is not there");
		if (users_file_edit(buf_span(&added), keeps_case, USERS_REMOVE, somebody, hash, &removed) !=
			USERS_EDITED ||
		    parse(buf_span(&removed), keeps_case, &has, &is_good) != before || has)
			BUG("a user who was taken out is still there");
	}
	buf_free(&added);
	buf_free(&removed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	struct users_totals totals;
	struct span found;

	if (size < 1)
		return 0;
	try_edits(span_skip(text, 1), data[0] & 1);
	(void)users_record_decode(somebody, text, &found);
	(void)users_meta_decode(text, &totals);
	return 0;
}
