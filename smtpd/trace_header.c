/* Received (RFC 5321 4.4): see smtpd/trace_header.h. Received-SPF is in smtpd/trace_spf.c.
 *
 * Trust: hosts and addresses are parsed again before they are written; free text has its bytes replaced.
 * On failure: the buffer's sticky error.
 */
#include "smtpd/trace_header.h"

#include <stddef.h>

#include "lib/clock.h"
#include "smtpd/address.h"
#include "smtpd/field.h"

/* address-literal of RFC 5321 4.1.3 */
static void
put_literal(struct field *field, const struct peer_address *client)
{
	field_put(field, client->family == 6 ? SPAN("[IPv6:") : SPAN("["));
	field_put_ip(field, client);
	field_put_char(field, ']');
}

/* TCP-info: the confirmed name, if any, and the address. */
static void
put_tcp_info(struct field *field, const struct trace_received *facts)
{
	if (facts->client.family == 0)
		return;
	field_put_char(field, '(');
	if (address_is_domain(facts->client_name))
		field_put_word(field, facts->client_name);
	put_literal(field, &facts->client);
	field_put_char(field, ')');
	field_end_word(field);
}

/* From-domain. What the client called itself stands in a comment when it is no name. */
static void
put_from(struct field *field, const struct trace_received *facts)
{
	bool is_name = address_is_helo_name(facts->helo);

	field_put_words(field, "from ");
	if (is_name)
		field_put(field, facts->helo);
	else if (facts->client.family != 0)
		put_literal(field, &facts->client);
	else
		field_put(field, SPAN("unknown"));
	field_end_word(field);
	put_tcp_info(field, facts);
	if (is_name || facts->helo.length == 0)
		return;
	field_put_words(field, "(HELO ");
	field_put_foreign(field, foreign_text(facts->helo, false));
	field_put_char(field, ')');
	field_end_word(field);
}

static void
put_tls(struct field *field, const struct trace_received *facts)
{
	if (facts->tls_version.length == 0)
		return;
	field_put_words(field, " (");
	field_put_foreign(field, foreign_text(facts->tls_version, false));
	field_end_word(field);
	field_put_foreign(field, foreign_text(facts->tls_cipher, false));
	if (facts->tls_sni.length) {
		field_end_word(field);
		field_put(field, SPAN("sni="));
		field_put_foreign(field, foreign_text(facts->tls_sni, false));
	}
	field_put_char(field, ')');
}

static void
put_id(struct field *field, struct span id)
{
	id = foreign_text(id, false).text;
	if (id.length == 0)
		return;
	field_end_word(field);
	field_put_words(field, "id ");
	for (size_t i = 0; i < id.length; i++)
		field_put_char(field, field_is_atom_byte(id.data[i]) ? id.data[i] : '?');
}

static void
put_for(struct field *field, const struct trace_received *facts)
{
	struct span recipient = facts->single_recipient;
	struct address address;

	/* <postmaster> has no domain, and no place in the grammar of this clause. */
	if (address_parse_mailbox(recipient, &address) != ADDRESS_OK || (address.is_utf8 && !facts->is_smtputf8))
		return;
	field_end_word(field);
	field_begin_line(field);
	field_put_words(field, "for ");
	field_put_char(field, '<');
	field_put(field, recipient);
	field_put_char(field, '>');
}

/* The protocol, by its registered names: RFC 3848, RFC 6531 4.3. There is none for TLS or a user without EHLO. */
static void
put_protocol(struct field *field, const struct trace_received *facts)
{
	field_put_words(field, "with ");
	if (!facts->is_esmtp && !facts->is_smtputf8) {
		field_put(field, SPAN("SMTP"));
		return;
	}
	field_put(field, facts->is_smtputf8 ? SPAN("UTF8SMTP") : SPAN("ESMTP"));
	if (facts->is_encrypted)
		field_put_char(field, 'S');
	if (facts->is_authenticated)
		field_put_char(field, 'A');
}

void
trace_received(const struct trace_received *facts, struct buf *out)
{
	struct field field = field_begin(out, "Received:");
	char date[CLOCK_MAIL_SIZE];

	put_from(&field, facts);
	field_begin_line(&field);
	field_put_words(&field, "by ");
	field_put_hostname(&field, facts->hostname);
	field_end_word(&field);
	put_protocol(&field, facts);
	put_tls(&field, facts);
	put_id(&field, facts->id);
	put_for(&field, facts);
	field_put_char(&field, ';');
	field_end_word(&field);
	field_begin_line(&field);
	clock_format_mail(facts->wall_us, date);
	field_put_words(&field, date);
	field_end_word(&field);
	field_end(&field);
}
