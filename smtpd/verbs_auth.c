/* AUTH (RFC 4954): PLAIN and LOGIN for the users of submission listeners, under TLS.
 *
 * AUTH begins an exchange; the lines that follow are its responses, taken by the row of the session table that stands
 * for them. A response is taken off the input before auth is asked, and nothing of it stays here: when auth has
 * answered, the row runs again with nothing but the answer.
 *
 * Trust: a response is anybody's bytes, and may be a password: it is in no reply, no log line and no arena, and what it
 * was decoded into is overwritten. What auth says of the user is believed.
 * On failure: REFUSED; the session goes on as nobody's.
 */
#include "smtpd/auth_exchange.h"
#include "smtpd/policy.h"
#include "smtpd/session_engine.h"
#include "smtpd/verbs.h"

static bool
may_log_in(const struct session *session, struct reply *reply)
{
	struct facts facts = { .client = &session->client };

	return policy_judge(&facts, session->world->config, POLICY_AUTH, reply).answer == POLICY_ACCEPT;
}

bool
verbs_may_log_in(const struct session *session)
{
	struct reply unsaid;

	return may_log_in(session, &unsaid);
}

static enum handled
challenge(const struct auth_exchange *exchange, enum handled handled, struct reply *reply)
{
	reply->id = REPLY_CHALLENGE;
	reply->details[0] = sasl_challenge(exchange->mechanism, exchange->step);
	return handled;
}

enum handled
verb_auth(struct session *session, struct span argument, struct reply *reply)
{
	struct span name = span_take(argument, span_find(argument, ' '));
	struct span initial = span_trim(span_skip(argument, name.length));
	enum sasl_mechanism mechanism;

	if (!may_log_in(session, reply))
		return REFUSED;
	if (name.length == 0)
		return verbs_refuse(reply, REPLY_BAD_AUTH);
	if (!sasl_mechanism_of(name, &mechanism))
		return verbs_refuse(reply, REPLY_UNKNOWN_MECHANISM);
	if (!session->auth)
		session->auth = arena_alloc(&session->arena, sizeof *session->auth);
	if (!session->auth)
		return verbs_refuse(reply, REPLY_SESSION_NO_MEMORY);
	auth_exchange_begin(session->auth, mechanism);
	if (initial.length == 0)
		return challenge(session->auth, ACCEPTED, reply);
	/* "=" stands for an empty one: neither that nor what it stands for is a response. */
	session->auth->initial = initial;
	return ACCEPTED;
}

enum handled
verb_auth_misplaced(struct session *session, struct span argument, struct reply *reply)
{
	(void)argument;
	return may_log_in(session, reply) ? verbs_refuse(reply, REPLY_OUT_OF_ORDER) : REFUSED;
}

bool
verbs_take_initial_response(struct session *session, struct span *response)
{
	struct auth_exchange *exchange = session->auth;

	if (!exchange || !exchange->initial.data)
		return false;
	*response = exchange->initial;
	exchange->initial = span_make(NULL, 0);
	return true;
}

/* auth has answered, or cannot. */
static enum handled
conclude(struct session *session, struct reply *reply)
{
	struct auth_exchange *exchange = session->auth;
	struct facts facts = { .client = &session->client, .login = exchange->verdict };

	exchange->state = FACT_NOT_ASKED;
	if (policy_judge(&facts, session->world->config, POLICY_LOGIN, reply).answer != POLICY_ACCEPT) {
		if (exchange->verdict == AUTH_FAILED)
			session_count(&session->failed_logins);
		return REFUSED;
	}
	session->client.user = exchange->who;
	reply->id = REPLY_LOGGED_IN;
	return ACCEPTED;
}

/* False: nobody is there to be asked, or what was asked last may still be answered. */
static bool
ask(struct session *session, const struct sasl_credentials *credentials)
{
	struct auth_exchange *exchange = session->auth;
	struct ipc_message ask = { .type = IPC_AUTH_ASK, .descriptor = -1 };

	if (exchange->is_late)
		return false;
	ask.auth_ask.session = session->id;
	ask.auth_ask.client = session->client.address;
	ask.auth_ask.user = credentials->user;
	ask.auth_ask.password = credentials->password;
	return session->world->io->ask(session, &ask);
}

static enum handled
check(struct session *session, const struct sasl_credentials *credentials, struct reply *reply)
{
	struct auth_exchange *exchange = session->auth;
	bool fits = credentials->user.length <= IPC_ADDRESS_BYTES && credentials->password.length <= IPC_TEXT_BYTES;

	if (!fits)
		return verbs_refuse(reply, REPLY_BAD_RESPONSE);
	exchange->state = FACT_ASKED;
	if (ask(session, credentials)) {
		session->wait = WAIT_AUTH;
		return WAITING;
	}
	exchange->state = FACT_KNOWN;
	exchange->verdict = AUTH_TROUBLE;
	return conclude(session, reply);
}

/* text: a response, decoded. */
static enum handled
take_response(struct session *session, struct span text, struct reply *reply)
{
	struct auth_exchange *exchange = session->auth;
	struct sasl_credentials credentials;

	if (exchange->mechanism == SASL_LOGIN && exchange->step == 0)
		return auth_exchange_keep_user(exchange, text) ? challenge(exchange, CONTINUED, reply)
							       : verbs_refuse(reply, REPLY_BAD_RESPONSE);
	credentials = (struct sasl_credentials){ auth_exchange_user(exchange), text };
	if (exchange->mechanism == SASL_LOGIN ? !sasl_is_answer(text) : !sasl_parse_plain(text, &credentials))
		return verbs_refuse(reply, REPLY_BAD_RESPONSE);
	return check(session, &credentials, reply);
}

enum handled
verb_auth_response(struct session *session, struct span argument, struct reply *reply)
{
	char decoded[SASL_TEXT_BYTES];
	size_t length;

	if (session->auth->state == FACT_KNOWN)
		return conclude(session, reply);
	if (span_equal(argument, SPAN("*")))
		return verbs_refuse(reply, REPLY_LOGIN_CANCELLED);
	enum handled handled = sasl_decode(argument, decoded, &length)
				   ? take_response(session, span_make(decoded, length), reply)
				   : verbs_refuse(reply, REPLY_BAD_RESPONSE);
	explicit_bzero(decoded, sizeof decoded);
	return handled;
}

enum handled
verb_auth_long_response(struct session *session, struct span argument, struct reply *reply)
{
	(void)session;
	(void)argument;
	return verbs_refuse(reply, REPLY_LONG_RESPONSE);
}
