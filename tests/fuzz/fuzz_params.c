/* Any bytes as parameters: what is accepted reads the same when written plainly, and a refusal names a part of them. */
#include <stdint.h>

#include "lib/buf.h"
#include "lib/bug.h"
#include "smtpd/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_offender(struct span text, struct span offender)
{
	if (offender.length == 0 || offender.data < text.data ||
	    offender.data + offender.length > text.data + text.length || span_find(offender, ' ') < offender.length)
		BUG("a refusal names no parameter");
}

static void
check_again(const struct mail_params *params)
{
	struct buf text = BUF_LIMIT(64);
	struct mail_params again;
	struct span offender;

	if (params->has_size) {
		buf_append_text(&text, " SIZE=");
		buf_append_u64(&text, params->size_bytes);
	}
	if (params->body != BODY_UNSAID)
		buf_append_text(&text, params->body == BODY_7BIT ? " BODY=7BIT" : " BODY=8BITMIME");
	if (params_parse_mail(buf_span(&text), &again, &offender) != PARAMS_OK || again.has_size != params->has_size ||
	    again.size_bytes != params->size_bytes || again.body != params->body)
		BUG("parameters read otherwise the second time");
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	struct mail_params params;
	struct span offender;

	if (params_parse_mail(text, &params, &offender) == PARAMS_OK)
		check_again(&params);
	else
		check_offender(text, offender);
	if (params_parse_rcpt(text, &offender) != PARAMS_OK)
		check_offender(text, offender);
	return 0;
}
