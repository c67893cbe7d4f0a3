/* Any bytes as macros and as what their letters stand for: a name can be asked, an explanation can be shown. The first
 * lines of the input are sender, domain, HELO name and validated name; the rest is the text.
 */
#include <stdint.h>

#include "lib/bug.h"
#include "lookup/spf_macro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span
take_line(struct span *rest)
{
	const struct span line = span_take(*rest, span_find(*rest, '\n'));

	*rest = span_skip(*rest, line.length + 1);
	return line;
}

static void
check_explanation(struct span text, const struct spf_macro_facts *facts)
{
	struct buf out = BUF_LIMIT(1024);
	const bool is_good = spf_macro_explanation(text, facts, &out);

	for (size_t i = 0; is_good && i < out.length; i++)
		if (out.data[i] < ' ' || out.data[i] > '~')
			BUG("an explanation holds more than printable ASCII");
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size);
	struct spf_macro_facts facts = { .sender = take_line(&rest), .domain = take_line(&rest) };
	struct spf_name name;
	struct spf_name again;

	facts.local_part = span_take(facts.sender, span_find(facts.sender, '@'));
	facts.sender_domain = span_skip(facts.sender, facts.local_part.length + 1);
	facts.helo = take_line(&rest);
	facts.validated = take_line(&rest);
	facts.client.family = size % 2 ? 4 : 6;
	if (spf_macro_name(rest, &facts, &name) &&
	    (!spf_name_from(spf_name_span(&name), &again) || name.length != again.length))
		BUG("a name was made that cannot be asked");
	check_explanation(rest, &facts);
	return 0;
}
