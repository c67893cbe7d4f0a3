/* Any bytes as an SPF record: a record that is accepted becomes a plain one, small enough for libspf2 and of tokens
 * only.
 */
#include <stdint.h>

#include "lib/bug.h"
#include "lookup/spf_plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_plain(struct span record, const struct peer_address *client)
{
	struct buf text = BUF_LIMIT(SPF_PLAIN_TEXT_BYTES);
	struct spf_plain plain;

	spf_plain_make(record, client, &plain);
	spf_plain_write(&plain, client, 9000, &text);
	if (!buf_ok(&text))
		BUG("a plain record is too long");
	for (size_t i = 0; i < text.length; i++)
		if (span_find(SPAN("abcdefghijklmnopqrstuvwxyz0123456789 .:/=+-~?"), text.data[i]) == 45)
			BUG("a plain record holds more than tokens");
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct peer_address ip4 = { .family = 4, .ip = { 192, 0, 2, 1 } };
	const struct peer_address ip6 = { .family = 6, .ip = { 0x20, 0x01, 0x0d, 0xb8 } };
	const struct span record = span_make((const char *)data, size);
	struct span offender = { 0 };

	if (!spf_parse_is_record(record))
		return 0;
	if (!spf_parse_check(record, &offender)) {
		if (offender.length == 0 || offender.data < record.data ||
		    offender.data + offender.length > record.data + record.length)
			BUG("a record was refused without a term at fault");
		return 0;
	}
	check_plain(record, &ip4);
	check_plain(record, &ip6);
	return 0;
}
