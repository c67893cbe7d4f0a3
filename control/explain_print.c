/* The lines of `tidegate explain`: "fact NAME = VALUE  # source", then "answer: …".
 *
 * Trust: values may be anybody's bytes; what is no printable ASCII, '"' and '\' are written as \xHH.
 * On failure: the buffer's sticky error.
 */
#include "control/explain.h"
#include "smtpd/policy.h"

static void
print_fact(struct buf *out, const char *name, struct span value, const char *source, struct span detail)
{
	buf_printf(out, "fact %s = ", name);
	buf_append_escaped(out, value);
	buf_printf(out, "  # %s", source);
	if (detail.length) {
		buf_append_char(out, ' ');
		buf_append_escaped(out, detail);
	}
	buf_append_char(out, '\n');
}

static void
print_plain(struct buf *out, const char *name, const char *value, const char *source)
{
	print_fact(out, name, span_of(value), source, span_make("", 0));
}

static void
print_number(struct buf *out, const char *name, uint64_t value, const char *source)
{
	buf_printf(out, "fact %s = %llu  # %s\n", name, (unsigned long long)value, source);
}

static const char *
exemption_of(const struct client_facts *client)
{
	if (client->is_loopback)
		return "loopback";
	if (client->is_trusted)
		return "trusted";
	if (client->is_forwarder)
		return "forwarder";
	return client->user.length ? "user" : "no";
}

static void
print_client(const struct client_facts *client, struct buf *out)
{
	char address[PEER_TEXT_SIZE];

	peer_format_ip(&client->address, address);
	print_plain(out, "client", address, "--ip");
	print_plain(out, "exempt", exemption_of(client),
	    "from SPF: loopback, `trusted` and `forwarders` of the configuration, users");
	print_plain(
	    out, "iprev", iprev_result_name((enum iprev_result)client->name_result), "PTR record and its address");
	if (client->name.length)
		print_fact(out, "client-name", client->name, "PTR record, confirmed", span_make("", 0));
	print_fact(out, "helo", client->helo, "--helo", span_make("", 0));
	if (client->user.length)
		print_fact(out, "user", client->user, "--user, on a submission listener", span_make("", 0));
}

static const char *
spf_source(enum spf_result result, struct span mechanism)
{
	if (result == SPF_UNKNOWN)
		return "dns does not answer";
	return mechanism.length ? "matched by" : "SPF record";
}

static const char *
ownership_name(enum ownership ownership)
{
	switch (ownership) {
	case OWNERSHIP_OF_NO_USER:
		return "nobody";
	case OWNERSHIP_UNKNOWN:
		return "unknown";
	case OWNERSHIP_HIS_OWN:
		return "user";
	case OWNERSHIP_OF_OTHERS:
		return "others";
	}
	return "unknown";
}

static void
print_spf(const struct sender_facts *sender, struct buf *out)
{
	const struct spf_facts *spf = &sender->spf;

	print_fact(out, "sender", sender->address, "--from", span_make("", 0));
	if (sender->ownership != OWNERSHIP_OF_NO_USER)
		print_plain(out, "sender-owner", ownership_name(sender->ownership), "mailbox of the recipients file");
	print_fact(out, "spf-helo", span_of(spf_result_name(spf->helo)), spf_source(spf->helo, spf->helo_mechanism),
	    spf->helo_mechanism);
	print_fact(out, "spf-mailfrom", span_of(spf_result_name(spf->mailfrom)),
	    spf_source(spf->mailfrom, spf->mailfrom_mechanism), spf->mailfrom_mechanism);
	if (spf->explanation.length)
		print_fact(out, "spf-explanation", spf->explanation, "exp= of the sender's domain", span_make("", 0));
	if (spf->problem.length)
		print_fact(out, "spf-problem", spf->problem, "SPF record", span_make("", 0));
	if (spf->is_resolver_down)
		print_plain(out, "resolver", "down", "no resolver answers");
}

static const char *
map_verdict_name(const struct recipient_facts *recipient)
{
	if (!recipient->has_map)
		return "no-map";
	switch (recipient->verdict) {
	case MAP_DELIVER:
		return "deliver";
	case MAP_REFUSE:
		return "refuse";
	case MAP_DEFER:
		return "defer";
	case MAP_UNKNOWN:
		return "unknown-user";
	case MAP_NOT_OURS:
		return "not-ours";
	case MAP_BROKEN:
		return "broken";
	}
	return "unknown";
}

static const char *
probe_name(enum probe_verdict verdict)
{
	switch (verdict) {
	case PROBE_TAKES:
		return "takes";
	case PROBE_UNKNOWN:
		return "unknown";
	case PROBE_NO_ROOM:
		return "no-room";
	case PROBE_NOT_WRITABLE:
		return "not-writable";
	case PROBE_TROUBLE:
		return "trouble";
	}
	return "unknown";
}

static const char *
root_path(const struct config *config, unsigned root)
{
	if (root == 0)
		return config->mailboxes;
	return root <= config->mailbox_roots.count ? config->mailbox_roots.items[root - 1] : "?";
}

static void
print_recipient(const struct explain *explain, struct buf *out)
{
	const struct map_result *found = &explain->found;
	struct buf source = BUF_LIMIT(2 * MAP_PATH_BYTES);

	print_fact(out, "recipient", explain->recipient.address, "--to", span_make("", 0));
	if (found->line)
		buf_printf(&source, "%.*s:%u: %.*s", SPAN_ARG(found->file), found->line, SPAN_ARG(found->key));
	print_fact(out, "map", span_of(map_verdict_name(&explain->recipient)),
	    found->line ? "recipients file" : "no entry fits", buf_span(&source));
	if (!explain->recipient.has_map || found->verdict != MAP_DELIVER) {
		buf_free(&source);
		return;
	}
	for (size_t i = 0; i < found->count; i++) {
		const struct map_mailbox *mailbox = &found->mailboxes[i];
		struct buf path = BUF_LIMIT(4 * MAP_PATH_BYTES);

		buf_printf(&path, "%s/%.*s", root_path(explain->config, mailbox->root), SPAN_ARG(mailbox->path));
		buf_reset(&source);
		buf_printf(&source, "%u, for %.*s", mailbox->line, SPAN_ARG(mailbox->address));
		print_fact(out, "mailbox", buf_span(&path), "recipients file, line", buf_span(&source));
		buf_free(&path);
	}
	buf_free(&source);
	print_fact(
	    out, "delivery", span_of(probe_name(explain->recipient.probe)), "deliver", buf_span(&explain->probe_text));
}

static void
print_message(const struct message_facts *message, struct buf *out)
{
	print_number(out, "message-bytes", message->text_bytes, "--message");
	print_number(out, "message-received-fields", message->received_fields, "--message");
	print_number(out, "message-bare-newline-line", message->bare_newline_line, "--message; 0: none");
	print_number(out, "message-nul-line", message->nul_line, "--message; 0: none");
	print_number(out, "message-long-line", message->long_line, "--message; 0: none");
}

void
explain_print_facts(const struct explain *explain, struct buf *out)
{
	print_client(&explain->client, out);
	print_spf(&explain->sender, out);
	if (explain->has_recipient)
		print_recipient(explain, out);
	if (explain->has_message)
		print_message(&explain->message, out);
}

void
explain_print_answer(const struct explain *explain, struct buf *out)
{
	const enum policy_stage stages[] = { POLICY_MAIL, POLICY_RECIPIENT, POLICY_SENDER, POLICY_PROBE, POLICY_TEXT };
	const struct facts facts = { .client = &explain->client,
		.sender = &explain->sender,
		.recipient = &explain->recipient,
		.message = &explain->message };
	struct reply reply = { .id = REPLY_RECIPIENT_TAKEN };
	/* It says nothing about this answer, and would make more lines of it. */
	struct config without_contact = *explain->config;
	struct buf lines = BUF_LIMIT(REPLY_LINE_BYTES * 8);

	without_contact.contact = without_contact.contact_url = "";
	for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
		if (stages[i] == POLICY_TEXT && !explain->has_message)
			continue;
		enum policy_answer answer = policy_judge(&facts, explain->config, stages[i], &reply).answer;
		if (answer == POLICY_DEFER || answer == POLICY_REFUSE)
			break;
	}
	reply_format(&reply, &without_contact, &lines);
	struct span text = buf_span(&lines);
	/* The last line ends the answer, and the answer ends the output. */
	while (text.length && (text.data[text.length - 1] == '\n' || text.data[text.length - 1] == '\r'))
		text.length--;
	buf_append_text(out, "answer: ");
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] != '\r')
			buf_append_char(out, text.data[i]);
	buf_append_char(out, '\n');
	buf_free(&lines);
}
