/* The table of smtpd/extensions.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/extensions.h"

struct extension {
	const char *keyword;
	bool (*is_offered)(const struct session *session);                         /* NULL: always */
	void (*append_argument)(const struct session *session, struct buf *lines); /* NULL: has none */
	const char *rfc;
};

static void
append_greatest_message(const struct session *session, struct buf *lines)
{
	buf_append_u64(lines, session->world->config->max_message_size);
}

/* clang-format off */
static const struct extension extensions[] = {
	{ "PIPELINING",          NULL, NULL,                    "RFC 2920" },
	{ "SIZE",                NULL, append_greatest_message, "RFC 1870" },
	{ "8BITMIME",            NULL, NULL,                    "RFC 6152" },
	{ "SMTPUTF8",            NULL, NULL,                    "RFC 6531" },
	{ "ENHANCEDSTATUSCODES", NULL, NULL,                    "RFC 2034" },
	{ "CHUNKING",            NULL, NULL,                    "RFC 3030" },
};
/* clang-format on */

void
extensions_append(const struct session *session, struct buf *lines)
{
	for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
		const struct extension *extension = &extensions[i];

		if (extension->is_offered && !extension->is_offered(session))
			continue;
		buf_append_char(lines, '\n');
		buf_append_text(lines, extension->keyword);
		if (!extension->append_argument)
			continue;
		buf_append_char(lines, ' ');
		extension->append_argument(session, lines);
	}
}
