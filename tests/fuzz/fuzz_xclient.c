/* Any argument of XCLIENT: taken or refused with the attribute that is wrong, and what is taken is what it says. */
#include <stdint.h>

#include "lib/bug.h"
#include "smtpd/address.h"
#include "smtpd/xclient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
lies_in(struct span part, struct span whole)
{
	return part.data >= whole.data && part.data + part.length <= whole.data + whole.length;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span argument = span_make((const char *)data, size);
	struct xclient xclient;
	struct span offender;

	if (!xclient_read(argument, &xclient, &offender)) {
		if (size && !lies_in(offender, argument))
			BUG("the attribute that is wrong was not sent");
		return 0;
	}
	if (xclient.name_kind == XCLIENT_NAME_GIVEN && !address_is_domain(span_of(xclient.name_text)))
		BUG("a name is none");
	if (xclient.client.port || xclient.called.port)
		BUG("an address has brought a port");
	return 0;
}
