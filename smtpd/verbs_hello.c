/* The verbs around a transaction: EHLO, HELO, RSET, NOOP, VRFY, HELP, QUIT, and those that are not offered.
 *
 * Trust: the HELO name is the client's claim; it is kept as given and believed by nobody.
 * On failure: REFUSED with 421 when there is no memory for the name.
 */
#include "smtpd/address.h"
#include "smtpd/extensions.h"
#include "smtpd/verbs.h"

static enum handled
take(struct reply *reply, enum reply_id id)
{
	reply->id = id;
	return ACCEPTED;
}

/* The same name is kept once, however often it is given. */
static bool
keep_name(struct session *session, struct span name)
{
	if (session->client.helo.length && span_equal(session->client.helo, name))
		return true;
	struct span copy = arena_copy(&session->arena, name);
	if (!copy.data)
		return false;
	session->client.helo = copy;
	return true;
}

static enum handled
take_name(struct session *session, struct span argument, bool is_esmtp, struct reply *reply)
{
	const struct config *config = session->world->config;

	reply->details[0] = span_of(config->hostname);
	if (!address_is_helo_name(argument))
		return verbs_refuse(reply, REPLY_BAD_HELO);
	if (!keep_name(session, argument))
		return verbs_refuse(reply, REPLY_SESSION_NO_MEMORY);
	session->is_esmtp = is_esmtp;
	if (!is_esmtp)
		return take(reply, REPLY_HELO);
	struct buf *lines = &session->world->lines;
	buf_reset(lines);
	extensions_append(session, lines);
	if (!buf_ok(lines))
		return verbs_refuse(reply, REPLY_SESSION_NO_MEMORY);
	reply->lines = buf_span(lines);
	return take(reply, REPLY_EHLO);
}

enum handled
verb_ehlo(struct session *session, struct span argument, struct reply *reply)
{
	return take_name(session, argument, true, reply);
}

enum handled
verb_helo(struct session *session, struct span argument, struct reply *reply)
{
	return take_name(session, argument, false, reply);
}

enum handled
verb_rset(struct session *session, struct span argument, struct reply *reply)
{
	(void)session;
	(void)argument;
	return take(reply, REPLY_RESET);
}

enum handled
verb_noop(struct session *session, struct span argument, struct reply *reply)
{
	(void)session;
	(void)argument;
	return take(reply, REPLY_NOOP);
}

enum handled
verb_vrfy(struct session *session, struct span argument, struct reply *reply)
{
	(void)session;
	return argument.length ? take(reply, REPLY_VRFY) : verbs_refuse(reply, REPLY_BAD_VRFY);
}

/* Whom a person can ask. */
static void
append_contact(const struct config *config, struct buf *text)
{
	if (config->contact[0])
		buf_append_text(text, config->contact);
	if (config->contact[0] && config->contact_url[0])
		buf_append_char(text, ' ');
	if (config->contact_url[0])
		buf_append_text(text, config->contact_url);
	if (config->contact[0] || config->contact_url[0])
		return;
	buf_append_text(text, "write to <postmaster@");
	buf_append_text(text, config->hostname);
	buf_append_char(text, '>');
}

enum handled
verb_help(struct session *session, struct span argument, struct reply *reply)
{
	struct buf *text = &session->world->lines;

	(void)argument;
	buf_reset(text);
	extensions_append_names(session, text);
	size_t length = text->length;
	append_contact(session->world->config, text);
	if (!buf_ok(text))
		return verbs_refuse(reply, REPLY_SESSION_NO_MEMORY);
	reply->details[0] = span_take(buf_span(text), length);
	reply->details[1] = span_skip(buf_span(text), length);
	return take(reply, REPLY_HELP);
}

enum handled
verb_quit(struct session *session, struct span argument, struct reply *reply)
{
	(void)argument;
	reply->details[0] = span_of(session->world->config->hostname);
	return take(reply, REPLY_GOODBYE);
}

enum handled
verb_not_offered(struct session *session, struct span argument, struct reply *reply)
{
	(void)session;
	(void)argument;
	return verbs_refuse(reply, REPLY_NOT_IMPLEMENTED);
}
