/* The order of lookup/spf_exchanges.h: an insertion into eleven places.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/spf_exchanges.h"

#include <string.h>

static bool
comes_before(const struct dns_record *a, const struct dns_record *b)
{
	const size_t common = a->text.length < b->text.length ? a->text.length : b->text.length;
	const int order = memcmp(a->text.data, b->text.data, common);

	if (a->preference != b->preference)
		return a->preference < b->preference;
	return order < 0 || (order == 0 && a->text.length < b->text.length);
}

static void
insert(struct spf_exchanges *exchanges, const struct dns_record *record)
{
	size_t at = exchanges->count;

	if (at <= SPF_EXCHANGES_MAX)
		exchanges->count++;
	else if (!comes_before(record, exchanges->records[--at]))
		return;
	for (; at > 0 && comes_before(record, exchanges->records[at - 1]); at--)
		exchanges->records[at] = exchanges->records[at - 1];
	exchanges->records[at] = record;
}

void
spf_exchanges_select(const struct dns_answer *answer, struct spf_exchanges *exchanges)
{
	exchanges->count = 0;
	for (size_t i = 0; i < answer->count; i++)
		if (answer->records[i].text.length)
			insert(exchanges, &answer->records[i]);
}
