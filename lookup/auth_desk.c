/* The desk of lookup/auth_desk.h.
 *
 * On failure: see the header.
 */
#include "lookup/auth_desk.h"

#include <stdlib.h>
#include <sys/random.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lookup/auth_hash.h"
#include "lookup/auth_queue.h"
#include "lookup/auth_waiting.h"

enum { BUSY_SAID_MS = 60000 /* between two lines about it */, SLOW_MS = 1000 };

struct auth_desk {
	const struct auth_desk_events *events;
	void *context;
	const struct config *config;
	bool asks_dovecot;
	struct users_map *users; /* owned */
	struct auth_budgets *budgets;
	struct auth_queue *queue;
	struct auth_link *link;
	uint64_t counts[AUTH_TROUBLE + 1]; /* by verdict */
	uint64_t used_up[AUTH_BUDGET_COUNT];
	uint64_t busy_said_ms;
};

static void
say_verdict(struct auth_desk *desk, void *asker, uint32_t session, enum auth_verdict verdict, struct span user)
{
	struct ipc_message message = { .type = IPC_AUTH_SAY, .descriptor = -1 };

	desk->counts[verdict]++;
	message.auth_say.session = session;
	message.auth_say.verdict = (uint8_t)verdict;
	message.auth_say.user = user;
	desk->events->say(asker, &message);
}

/* One line a failure: there are no more of them than the budgets let through. */
static void
log_failure(const struct auth_try *attempt, const char *why)
{
	char client[PEER_TEXT_SIZE];
	struct log_line line;

	peer_format_ip(&attempt->client, client);
	log_begin(&line, "auth-failed");
	log_pair_text(&line, "client", client);
	log_pair(&line, "user", auth_try_name(attempt));
	log_pair_text(&line, "why", why);
	log_end(&line);
}

static void
log_used_up(struct auth_desk *desk, const struct auth_try *attempt, enum auth_budget budget, uint64_t now_ms)
{
	char client[PEER_TEXT_SIZE];
	struct log_line line;
	bool is_first = desk->busy_said_ms == 0;

	desk->used_up[budget]++;
	if (!is_first && now_ms - desk->busy_said_ms < BUSY_SAID_MS)
		return;
	desk->busy_said_ms = now_ms;
	peer_format_ip(&attempt->client, client);
	log_begin(&line, "auth-budget");
	log_pair_text(&line, "budget", auth_budget_name(budget));
	log_pair_text(&line, "client", client);
	log_pair(&line, "user", auth_try_name(attempt));
	log_pair_number(&line, "times", desk->used_up[budget]);
	log_end(&line);
}

static void
finish(struct auth_desk *desk, struct auth_try *attempt, enum auth_verdict verdict)
{
	struct span user = verdict == AUTH_PASSED ? mail_address_span(&attempt->address) : span_make("", 0);

	switch (verdict) {
	case AUTH_PASSED:
		auth_budgets_passed(desk->budgets, &attempt->claim, clock_monotonic_ms());
		break;
	case AUTH_FAILED:
		break;
	case AUTH_BUSY:
	case AUTH_TROUBLE:
		auth_budgets_give_back(desk->budgets, &attempt->claim);
		break;
	}
	say_verdict(desk, attempt->asker, attempt->session, verdict, user);
}

/* Whoever it is, one hash is computed. */
static enum auth_verdict
compare(const struct auth_desk *desk, const struct auth_try *attempt, const char **why)
{
	struct span password = auth_try_password(attempt);
	struct span stand_in = users_stand_in(desk->users);
	struct span hash;
	enum users_find_result found = attempt->is_address
					   ? users_find(desk->users, mail_address_span(&attempt->address), &hash)
					   : USERS_NOT_FOUND;

	*why = "unknown-user";
	if (found == USERS_FOUND) {
		*why = "password";
		return auth_hash_matches(password, hash, stand_in) ? AUTH_PASSED : AUTH_FAILED;
	}
	auth_hash_waste(password, stand_in);
	return found == USERS_BROKEN ? AUTH_TROUBLE : AUTH_FAILED;
}

static void
judge(void *context, struct auth_try *attempt)
{
	struct auth_desk *desk = context;
	uint64_t begun_ms = clock_monotonic_ms();
	enum auth_verdict verdict = AUTH_TROUBLE;
	const char *why = "";

	if (desk->users)
		verdict = compare(desk, attempt, &why);
	if (verdict == AUTH_FAILED)
		log_failure(attempt, why);
	uint64_t took_ms = clock_monotonic_ms() - begun_ms;
	if (took_ms >= SLOW_MS)
		log_warning(
		    "a password took %llu ms to check, and all others wait as long; hashes in the users file are "
		    "too costly for this machine",
		    (unsigned long long)took_ms);
	finish(desk, attempt, verdict);
}

static bool
call(void *context, uint32_t serial)
{
	const struct auth_desk *desk = context;

	return desk->events->call(desk->context, serial);
}

/* Dovecot may know its users by other names than clients do: what it says counts, and must be an address. */
static void
hear_dovecot(void *context, struct auth_try *attempt, enum auth_verdict verdict, struct span user)
{
	struct auth_desk *desk = context;
	bool keeps_case = desk->config->local_part_case == LETTER_CASE_KEEP;

	if (verdict == AUTH_PASSED && mail_address_canonical(user, keeps_case, &attempt->address) != MAIL_ADDRESS_OK) {
		log_error(
		    "Dovecot calls a user by what is no address; set auth_default_realm or auth_username_format there");
		verdict = AUTH_TROUBLE;
	}
	if (verdict == AUTH_FAILED)
		log_failure(attempt, "dovecot");
	finish(desk, attempt, verdict);
}

struct auth_desk *
auth_desk_new(struct event_base *base, const struct auth_desk_events *events, void *context)
{
	static const struct auth_link_events link_events = { .call = call, .done = hear_dovecot };
	struct auth_desk *desk = calloc(1, sizeof *desk);
	struct siphash_key key;

	if (!desk)
		return NULL;
	desk->events = events;
	desk->context = context;
	/* So few octets come at once or never (getrandom(2)). */
	if (getrandom(&key, sizeof key, 0) == (ssize_t)sizeof key)
		desk->budgets = auth_budgets_new(&key);
	desk->queue = auth_queue_new(base, judge, desk);
	desk->link = auth_link_new(base, &link_events, desk);
	if (desk->budgets && desk->queue && desk->link)
		return desk;
	auth_desk_free(desk);
	return NULL;
}

void
auth_desk_configure(struct auth_desk *desk, const struct config *config)
{
	const struct auth_budget_limits limits = { .window_ms = config->auth_failure_window,
		.per_address = config->auth_failures_per_address,
		.per_user = config->auth_failures_per_user };

	bool is_other_socket = desk->config && strcmp(desk->config->auth_socket, config->auth_socket) != 0;

	desk->config = config;
	desk->asks_dovecot = *config->auth_socket != '\0';
	auth_budgets_limit(desk->budgets, &limits);
	if (!*config->users)
		auth_desk_users(desk, NULL);
	if (is_other_socket)
		auth_link_end(desk->link);
}

void
auth_desk_users(struct auth_desk *desk, struct users_map *users)
{
	users_close(desk->users);
	desk->users = users;
}

static void
fill(const struct auth_desk *desk, void *asker, const struct ipc_auth_ask *ask, struct auth_try *attempt)
{
	bool keeps_case = desk->config->local_part_case == LETTER_CASE_KEEP;

	attempt->asker = asker;
	attempt->session = ask->session;
	attempt->client = ask->client;
	attempt->user_length = ask->user.length;
	memcpy(attempt->user, ask->user.data, ask->user.length);
	attempt->password_length = ask->password.length;
	memcpy(attempt->password, ask->password.data, ask->password.length);
	attempt->is_address = mail_address_canonical(ask->user, keeps_case, &attempt->address) == MAIL_ADDRESS_OK;
}

/* The last quarter of the places is for users where they are known: budgets hold each stranger down, but not a crowd
 * that has a new name and a new address for each try. */
static bool
is_crowded(const struct auth_desk *desk)
{
	size_t places = desk->asks_dovecot ? AUTH_LINK_TRIES : AUTH_QUEUE_TRIES;
	size_t waiting = desk->asks_dovecot ? auth_link_length(desk->link) : auth_queue_length(desk->queue);

	return waiting >= places - places / 4;
}

static bool
wait_for_answer(struct auth_desk *desk, const struct auth_try *attempt)
{
	if (!attempt->claim.is_known && is_crowded(desk))
		return false;
	if (desk->asks_dovecot)
		return auth_link_add(desk->link, attempt);
	return auth_queue_add(desk->queue, attempt);
}

struct auth_link *
auth_desk_link(struct auth_desk *desk)
{
	return desk->link;
}

void
auth_desk_ask(struct auth_desk *desk, void *asker, const struct ipc_auth_ask *ask)
{
	static struct auth_try attempt;
	uint64_t now_ms = clock_monotonic_ms();

	if (!desk->users && !desk->asks_dovecot) {
		say_verdict(desk, asker, ask->session, AUTH_TROUBLE, span_make("", 0));
		return;
	}
	fill(desk, asker, ask, &attempt);
	enum auth_budget used_up =
	    auth_budgets_take(desk->budgets, &attempt.client, auth_try_name(&attempt), now_ms, &attempt.claim);
	if (used_up != AUTH_BUDGET_COUNT) {
		log_used_up(desk, &attempt, used_up, now_ms);
		say_verdict(desk, asker, ask->session, AUTH_BUSY, span_make("", 0));
	} else if (!wait_for_answer(desk, &attempt)) {
		finish(desk, &attempt, AUTH_BUSY);
	}
	auth_try_wipe(&attempt);
}

void
auth_desk_forget(struct auth_desk *desk, const void *asker)
{
	auth_queue_forget(desk->queue, asker);
	auth_link_forget(desk->link, asker);
}

void
auth_desk_status(const struct auth_desk *desk, struct buf *lines)
{
	static const char *const names[] = { "auth-passed", "auth-failed", "auth-busy", "auth-trouble" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		buf_printf(lines, "%s %llu\n", names[i], (unsigned long long)desk->counts[i]);
	for (unsigned i = 0; i < AUTH_BUDGET_COUNT; i++)
		buf_printf(lines, "auth-budget-%s %llu\n", auth_budget_name((enum auth_budget)i),
		    (unsigned long long)desk->used_up[i]);
	buf_printf(lines, "auth-waiting %zu\n", auth_queue_length(desk->queue) + auth_link_length(desk->link));
	buf_printf(lines, "auth-users %llu\n", (unsigned long long)(desk->users ? users_count(desk->users) : 0));
}

void
auth_desk_free(struct auth_desk *desk)
{
	if (!desk)
		return;
	users_close(desk->users);
	auth_queue_free(desk->queue);
	auth_link_free(desk->link);
	auth_budgets_free(desk->budgets);
	free(desk);
}
