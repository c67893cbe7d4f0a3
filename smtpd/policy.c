/* The table of smtpd/policy.h and its one reader.
 *
 * A row says: at this stage, when this fact has this value, do this. The first row that defers or refuses wins; a
 * doubt is remembered, a note leaves its trace in the log and in Received-SPF only.
 *
 * Trust: see the header. Pure.
 * On failure: nothing here can fail.
 */
#include "smtpd/policy.h"

#include <stddef.h>

enum fact {
	IS_EARLY,
	IS_SUBMISSION,
	IS_LOGGED_IN,
	IS_ENCRYPTED,
	LOGIN,
	LACKS_LOGIN,
	OWNERSHIP,
	LEAVES_US,
	IS_ANNOUNCED_TOO_LARGE,
	HAS_MAP,
	MAP,
	IS_TOO_MANY,
	IS_NULL_SENDER_AGAIN,
	IS_RESOLVER_DOWN,
	SPF_HELO,
	SPF_MAILFROM,
	PROBE,
	BODY,
	IS_TOO_LARGE,
	HAS_BARE_NEWLINE,
	IS_IN_LOOP,
	HAS_NUL,
	HAS_LONG_LINE,
	COMMIT
};

static const char *const fact_names[] = {
	[IS_EARLY] = "early-talker",
	[IS_SUBMISSION] = "listener",
	[IS_LOGGED_IN] = "login",
	[IS_ENCRYPTED] = "tls",
	[LOGIN] = "login",
	[LACKS_LOGIN] = "login",
	[OWNERSHIP] = "sender-owner",
	[LEAVES_US] = "map",
	[IS_ANNOUNCED_TOO_LARGE] = "size",
	[HAS_MAP] = "map",
	[MAP] = "map",
	[IS_TOO_MANY] = "recipients",
	[IS_NULL_SENDER_AGAIN] = "null-sender",
	[IS_RESOLVER_DOWN] = "resolver",
	[SPF_HELO] = "spf-helo",
	[SPF_MAILFROM] = "spf-mailfrom",
	[PROBE] = "mailbox",
	[BODY] = "body",
	[IS_TOO_LARGE] = "size",
	[HAS_BARE_NEWLINE] = "bare-newline",
	[IS_IN_LOOP] = "received",
	[HAS_NUL] = "nul",
	[HAS_LONG_LINE] = "long-line",
	[COMMIT] = "commit",
};

enum exemption { NOBODY, SPF_EXEMPT };

struct row {
	enum policy_stage stage;
	enum fact fact;
	unsigned value;
	enum exemption exempt;
	size_t configured; /* offset of its enum action in struct config; 0: `fixed` */
	enum action fixed;
	enum reply_id refusal;
	enum reply_id deferral;
};

#define REFUSE(stage, fact, value, reply)                                                                              \
	{                                                                                                              \
		stage, fact, value, NOBODY, 0, ACTION_REFUSE, reply, reply                                             \
	}
#define DEFER(stage, fact, value, reply)                                                                               \
	{                                                                                                              \
		stage, fact, value, NOBODY, 0, ACTION_DEFER, reply, reply                                              \
	}
#define SPF_ROWS(fact, member, refusal)                                                                                \
	SPF_ROW(fact, SPF_PASS, member##_pass, refusal), SPF_ROW(fact, SPF_NONE, member##_none, refusal),              \
	    SPF_ROW(fact, SPF_NEUTRAL, member##_neutral, refusal),                                                     \
	    SPF_ROW(fact, SPF_SOFTFAIL, member##_softfail, refusal), SPF_ROW(fact, SPF_FAIL, member##_fail, refusal),  \
	    SPF_ROW(fact, SPF_TEMPERROR, member##_temperror, refusal),                                                 \
	    SPF_ROW(fact, SPF_PERMERROR, member##_permerror, refusal)
#define SPF_ROW(fact, value, member, refusal)                                                                          \
	{                                                                                                              \
		POLICY_SENDER, fact, value, SPF_EXEMPT, offsetof(struct config, member), ACTION_OFF, refusal,          \
		    REPLY_SPF_DEFERRED                                                                                 \
	}

static const struct row rows[] = {
	{ POLICY_CONNECT, IS_EARLY, true, NOBODY, offsetof(struct config, early_talker), ACTION_OFF, REPLY_EARLY_TALKER,
	    REPLY_EARLY_DEFERRED },

	REFUSE(POLICY_AUTH, IS_SUBMISSION, false, REPLY_NOT_IMPLEMENTED),
	REFUSE(POLICY_AUTH, IS_LOGGED_IN, true, REPLY_LOGGED_IN_BEFORE),
	REFUSE(POLICY_AUTH, IS_ENCRYPTED, false, REPLY_LOGIN_NEEDS_TLS),

	REFUSE(POLICY_LOGIN, LOGIN, AUTH_FAILED, REPLY_LOGIN_FAILED),
	DEFER(POLICY_LOGIN, LOGIN, AUTH_BUSY, REPLY_LOGIN_BUSY),
	DEFER(POLICY_LOGIN, LOGIN, AUTH_TROUBLE, REPLY_LOGIN_TROUBLE),

	REFUSE(POLICY_MAIL, LACKS_LOGIN, true, REPLY_LOGIN_NEEDED),
	DEFER(POLICY_MAIL, OWNERSHIP, OWNERSHIP_UNKNOWN, REPLY_NO_MAP),
	REFUSE(POLICY_MAIL, OWNERSHIP, OWNERSHIP_OF_OTHERS, REPLY_NOT_YOUR_ADDRESS),
	REFUSE(POLICY_MAIL, IS_ANNOUNCED_TOO_LARGE, true, REPLY_ANNOUNCED_TOO_LARGE),

	DEFER(POLICY_RECIPIENT, HAS_MAP, false, REPLY_NO_MAP),
	REFUSE(POLICY_RECIPIENT, LEAVES_US, true, REPLY_NOTHING_LEAVES),
	REFUSE(POLICY_RECIPIENT, MAP, MAP_NOT_OURS, REPLY_NOT_OURS),
	REFUSE(POLICY_RECIPIENT, MAP, MAP_UNKNOWN, REPLY_UNKNOWN_USER),
	REFUSE(POLICY_RECIPIENT, MAP, MAP_REFUSE, REPLY_CLOSED_ADDRESS),
	DEFER(POLICY_RECIPIENT, MAP, MAP_DEFER, REPLY_DEFERRED_ADDRESS),
	DEFER(POLICY_RECIPIENT, MAP, MAP_BROKEN, REPLY_MAP_BROKEN),
	DEFER(POLICY_RECIPIENT, IS_NULL_SENDER_AGAIN, true, REPLY_NULL_SENDER_AGAIN),
	DEFER(POLICY_RECIPIENT, IS_TOO_MANY, true, REPLY_TOO_MANY_RECIPIENTS),

	{ POLICY_SENDER, IS_RESOLVER_DOWN, true, SPF_EXEMPT, 0, ACTION_DEFER, REPLY_RESOLVER_DOWN,
	    REPLY_RESOLVER_DOWN },
	SPF_ROWS(SPF_MAILFROM, spf_mailfrom, REPLY_SPF_REFUSED),
	SPF_ROWS(SPF_HELO, spf_helo, REPLY_SPF_HELO_REFUSED),

	DEFER(POLICY_PROBE, PROBE, PROBE_UNKNOWN, REPLY_PROBE_TROUBLE),
	DEFER(POLICY_PROBE, PROBE, PROBE_NO_ROOM, REPLY_PROBE_NO_ROOM),
	DEFER(POLICY_PROBE, PROBE, PROBE_NOT_WRITABLE, REPLY_PROBE_NOT_WRITABLE),
	DEFER(POLICY_PROBE, PROBE, PROBE_TROUBLE, REPLY_PROBE_TROUBLE),

	REFUSE(POLICY_TEXT, HAS_BARE_NEWLINE, true, REPLY_BARE_NEWLINE),
	REFUSE(POLICY_TEXT, IS_TOO_LARGE, true, REPLY_TOO_LARGE),
	REFUSE(POLICY_TEXT, IS_IN_LOOP, true, REPLY_MAIL_LOOP),
	REFUSE(POLICY_TEXT, HAS_NUL, true, REPLY_STRICT_NUL),
	REFUSE(POLICY_TEXT, HAS_LONG_LINE, true, REPLY_STRICT_LINE),
	DEFER(POLICY_TEXT, BODY, BODY_NO_ROOM, REPLY_SPOOL_FULL),
	DEFER(POLICY_TEXT, BODY, BODY_FAILED, REPLY_BODY_TROUBLE),

	DEFER(POLICY_COMMIT, COMMIT, COMMIT_NO_ROOM, REPLY_COMMIT_NO_ROOM),
	DEFER(POLICY_COMMIT, COMMIT, COMMIT_TROUBLE, REPLY_COMMIT_TROUBLE),
	DEFER(POLICY_COMMIT, COMMIT, COMMIT_LATE, REPLY_COMMIT_LATE),
	DEFER(POLICY_COMMIT, COMMIT, COMMIT_REFUSED, REPLY_COMMIT_TROUBLE),
};

/* The value of a fact; called only at a stage where it is known. */
static unsigned
value_of(enum fact fact, const struct facts *facts, const struct config *config)
{
	const struct message_facts *message = facts->message;

	switch (fact) {
	case IS_EARLY:
		return facts->client->is_early;
	case IS_SUBMISSION:
		return facts->client->role == LISTENER_SUBMISSION;
	case IS_LOGGED_IN:
		return facts->client->user.length > 0;
	case IS_ENCRYPTED:
		return facts->client->tls.is_on;
	case LOGIN:
		return facts->login;
	case LACKS_LOGIN:
		return facts->client->role == LISTENER_SUBMISSION && facts->client->user.length == 0;
	case OWNERSHIP:
		return facts->sender->ownership;
	case LEAVES_US:
		return facts->client->user.length > 0 && facts->recipient->verdict == MAP_NOT_OURS;
	case IS_ANNOUNCED_TOO_LARGE:
		return facts->sender->announced_bytes > config->max_message_size;
	case HAS_MAP:
		return facts->recipient->has_map;
	case MAP:
		return facts->recipient->verdict;
	case IS_TOO_MANY:
		return facts->recipient->accepted_before >= config->max_recipients;
	case IS_NULL_SENDER_AGAIN:
		return facts->sender->address.length == 0 && facts->recipient->accepted_before > 0;
	case IS_RESOLVER_DOWN:
		return facts->sender->spf.is_resolver_down && config->resolver_down == RESOLVER_DOWN_DEFER;
	case SPF_HELO:
		return facts->sender->spf.helo;
	case SPF_MAILFROM:
		return facts->sender->spf.mailfrom;
	case PROBE:
		return facts->recipient->probe;
	case BODY:
		return message->body;
	case IS_TOO_LARGE:
		return message->text_bytes > config->max_message_size;
	case HAS_BARE_NEWLINE:
		return message->bare_newline_line != 0 && !message->mends_newlines;
	case IS_IN_LOOP:
		return message->received_fields > config->max_received;
	case HAS_NUL:
		return config->strict_text && message->nul_line != 0;
	case HAS_LONG_LINE:
		return config->strict_text && message->long_line != 0;
	case COMMIT:
		return message->outcome;
	}
	return 0;
}

static bool
is_exempt(const struct row *row, const struct facts *facts)
{
	return row->exempt == SPF_EXEMPT &&
	       (facts->sender->spf.state != FACT_KNOWN || facts_client_is_exempt(facts->client) ||
		   facts->recipient->is_postmaster);
}

static enum action
action_of(const struct row *row, const struct config *config)
{
	if (row->configured == 0)
		return row->fixed;
	return *(const enum action *)((const char *)config + row->configured);
}

static struct span
client_text(const struct facts *facts, struct reply *reply)
{
	peer_format_ip(&facts->client->address, reply->scratch);
	return span_of(reply->scratch);
}

static struct span
sender_domain(const struct facts *facts)
{
	return facts->sender->address.length ? facts->sender->domain : facts->client->helo;
}

/* The map may have words of its own for an address that takes no mail. */
static void
fill_recipient(const struct recipient_facts *recipient, struct reply *reply)
{
	bool has_words = recipient->text.length > 0;

	reply->details[0] = reply->id == REPLY_UNKNOWN_USER ? recipient->shown : recipient->text;
	if (has_words && reply->id == REPLY_CLOSED_ADDRESS)
		reply->id = REPLY_CLOSED_IN_WORDS;
	else if (has_words && reply->id == REPLY_DEFERRED_ADDRESS)
		reply->id = REPLY_DEFERRED_IN_WORDS;
}

/* The details of the replies that have some. */
static void
fill(const struct row *row, enum reply_id id, const struct facts *facts, const struct config *config,
    struct reply *reply)
{
	*reply = (struct reply){ .id = id };
	switch (row->fact) {
	case LACKS_LOGIN:
		reply->details[0] = span_of(config->hostname);
		break;
	case OWNERSHIP:
		reply->details[0] = facts->client->user;
		reply->details[1] = facts->sender->address;
		break;
	case IS_ANNOUNCED_TOO_LARGE:
	case IS_TOO_LARGE:
		reply->details[0] = reply_number(reply, config->max_message_size);
		break;
	case MAP:
		fill_recipient(facts->recipient, reply);
		break;
	case SPF_HELO:
		reply->details[0] = facts->client->helo;
		reply->details[1] = client_text(facts, reply);
		break;
	case SPF_MAILFROM:
		reply->details[0] = sender_domain(facts);
		reply->details[1] = client_text(facts, reply);
		reply->details[2] = facts->sender->spf.explanation;
		if (id == REPLY_SPF_REFUSED && facts->sender->spf.explanation.length)
			reply->id = REPLY_SPF_EXPLAINED;
		break;
	case HAS_BARE_NEWLINE:
		reply->details[0] = reply_number(reply, facts->message->bare_newline_line);
		break;
	case HAS_NUL:
		reply->details[0] = reply_number(reply, facts->message->nul_line);
		break;
	case HAS_LONG_LINE:
		reply->details[0] = reply_number(reply, facts->message->long_line);
		break;
	case IS_EARLY:
	case IS_SUBMISSION:
	case IS_LOGGED_IN:
	case IS_ENCRYPTED:
	case LOGIN:
	case LEAVES_US:
	case HAS_MAP:
	case IS_TOO_MANY:
	case IS_NULL_SENDER_AGAIN:
	case IS_RESOLVER_DOWN:
	case PROBE:
	case BODY:
	case IS_IN_LOOP:
	case COMMIT:
		break;
	}
}

/* Takes one row that holds into account; true when it settles the stage. */
static bool
apply(const struct row *row, const struct facts *facts, const struct config *config, struct policy_verdict *verdict,
    struct reply *reply)
{
	switch (action_of(row, config)) {
	case ACTION_OFF:
	case ACTION_NOTE:
		return false;
	case ACTION_DOUBT:
		if (!verdict->because[0])
			verdict->because = fact_names[row->fact];
		return false;
	case ACTION_JUNK:
		verdict->answer = POLICY_JUNK;
		verdict->because = fact_names[row->fact];
		return false;
	case ACTION_DEFER:
		fill(row, row->deferral, facts, config, reply);
		*verdict = (struct policy_verdict){ POLICY_DEFER, fact_names[row->fact] };
		return true;
	case ACTION_REFUSE:
		fill(row, row->refusal, facts, config, reply);
		*verdict = (struct policy_verdict){ POLICY_REFUSE, fact_names[row->fact] };
		return true;
	}
	return false;
}

struct policy_verdict
policy_judge(const struct facts *facts, const struct config *config, enum policy_stage stage, struct reply *reply)
{
	struct policy_verdict verdict = { POLICY_ACCEPT, "" };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		if (row->stage != stage || is_exempt(row, facts) || value_of(row->fact, facts, config) != row->value)
			continue;
		if (apply(row, facts, config, &verdict, reply))
			break;
	}
	return verdict;
}
