/* Any bytes as Dovecot's lines: nobody passes without a name, and a name holds no NUL and has its limit. And any user
 * and password as a request: one line, or none. The first byte cuts the rest into user and password. */
#include <stdint.h>
#include <string.h>

#include "lib/bug.h"
#include "lookup/auth_dovecot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_lines(struct span text)
{
	struct dovecot_line line;

	while (text.length) {
		size_t length = span_find(text, '\n');

		auth_dovecot_parse(span_take(text, length), &line);
		if (line.word == DOVECOT_OK && (line.user_length == 0 || line.user_length > sizeof line.user ||
						   memchr(line.user, '\0', line.user_length)))
			BUG("somebody without a name passed");
		text = span_skip(text, length + 1);
	}
}

static void
try_request(struct span user, struct span password)
{
	const struct peer_address client = { .family = 4, .ip = { 192, 0, 2, 1 } };
	struct buf out = BUF_LIMIT(DOVECOT_REQUEST_BYTES);

	if (auth_dovecot_ask(1, &client, user, password, &out)) {
		struct span request = buf_span(&out);

		if (!buf_ok(&out) || span_find(request, '\n') + 1 != request.length ||
		    span_find(request, '\0') < request.length)
			BUG("a request is not one line");
	} else if (out.length) {
		BUG("half a request was written");
	}
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);

	try_lines(text);
	if (size > 1)
		try_request(span_take(span_skip(text, 1), data[0]), span_skip(text, 1 + (size_t)data[0]));
	return 0;
}
