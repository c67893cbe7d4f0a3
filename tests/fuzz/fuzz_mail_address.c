/* Any bytes as a mail address: what is taken is its own canonical form, and its bases are shorter and shorter. */
#include <stdint.h>

#include "lib/bug.h"
#include "lookup/mail_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk_bases(const struct mail_address *address)
{
	struct mail_bases bases = { .address = address, .separators = "+-=" };
	size_t last = SIZE_MAX;

	while (mail_bases_next(&bases)) {
		if (bases.local.length == 0 || bases.local.length >= last)
			BUG("a base that is not shorter");
		last = bases.local.length;
	}
}

static void
try(struct span text, bool keeps_case)
{
	struct mail_address address;
	struct mail_address again;

	if (mail_address_canonical(text, keeps_case, &address) != MAIL_ADDRESS_OK)
		return;
	struct span whole = mail_address_span(&address);
	if (address.local_length == 0 || address.bytes[address.local_length] != '@' ||
	    mail_address_domain(&address).length == 0)
		BUG("a canonical form without its parts");
	for (size_t i = 0; i < whole.length; i++)
		if ((unsigned char)whole.data[i] < 0x20 || whole.data[i] == 0x7f)
			BUG("a control character in a canonical form");
	walk_bases(&address);
	/* NFC and quotes may have made the local part longer than one may be written. */
	if (address.local_length > MAIL_LOCAL_PART_BYTES)
		return;
	if (mail_address_canonical(whole, keeps_case, &again) != MAIL_ADDRESS_OK ||
	    !span_equal(whole, mail_address_span(&again)))
		BUG("a canonical form that is not its own");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);

	try(text, false);
	try(text, true);
	return 0;
}
