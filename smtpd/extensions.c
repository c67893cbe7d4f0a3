/* The table of smtpd/extensions.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/extensions.h"

#include "smtpd/verbs.h"
#include "smtpd/xclient.h"

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

static void
append_mechanisms(const struct session *session, struct buf *lines)
{
	(void)session;
	buf_append_text(lines, "PLAIN LOGIN");
}

/* RFC 9422: only what is true. Of transactions in a session, and of domains in a transaction, there is no limit. */
static void
append_limits(const struct session *session, struct buf *lines)
{
	buf_append_text(lines, "RCPTMAX=");
	buf_append_u64(lines, session->world->config->max_recipients);
}

static void
append_xclient_attributes(const struct session *session, struct buf *lines)
{
	(void)session;
	buf_append_text(lines, XCLIENT_ATTRIBUTES);
}

/* clang-format off */
static const struct extension extensions[] = {
	{ "PIPELINING",          NULL, NULL,                    "RFC 2920" },
	{ "SIZE",                NULL, append_greatest_message, "RFC 1870" },
	{ "8BITMIME",            NULL, NULL,                    "RFC 6152" },
	{ "SMTPUTF8",            NULL, NULL,                    "RFC 6531" },
	{ "ENHANCEDSTATUSCODES", NULL, NULL,                    "RFC 2034" },
	{ "CHUNKING",            NULL, NULL,                    "RFC 3030" },
	{ "PRDR",                NULL, NULL,                    "draft-hall-prdr" },
	{ "STARTTLS",            verbs_may_start_tls, NULL,     "RFC 3207" },
	{ "AUTH",                verbs_may_log_in, append_mechanisms, "RFC 4954" },
	{ "LIMITS",              NULL, append_limits,           "RFC 9422" },
	{ "XCLIENT",             verbs_may_xclient, append_xclient_attributes, "XCLIENT_README of Postfix" },
};
/* clang-format on */

static bool
is_offered(const struct extension *extension, const struct session *session)
{
	return !extension->is_offered || extension->is_offered(session);
}

void
extensions_append(const struct session *session, struct buf *lines)
{
	for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
		const struct extension *extension = &extensions[i];

		if (!is_offered(extension, session))
			continue;
		buf_append_char(lines, '\n');
		buf_append_text(lines, extension->keyword);
		if (!extension->append_argument)
			continue;
		buf_append_char(lines, ' ');
		extension->append_argument(session, lines);
	}
}

void
extensions_append_names(const struct session *session, struct buf *text)
{
	const char *between = "";

	for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
		const struct extension *extension = &extensions[i];

		if (!is_offered(extension, session))
			continue;
		buf_append_text(text, between);
		buf_append_text(text, extension->keyword);
		buf_append_text(text, " (");
		buf_append_text(text, extension->rfc);
		buf_append_char(text, ')');
		between = ", ";
	}
}
