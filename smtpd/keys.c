/* The process of smtpd/keys.h.
 *
 * On failure: see the header.
 */
#include "smtpd/keys.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "lib/log.h"
#include "smtpd/keys_store.h"

enum {
	QUEUE_BYTES = 1 << 18,
	/* Numbers of keys lie in memory that is never swapped out nor in a core file: a few sets of 32 keys with 4096
	   bits. */
	SECURE_BYTES = 1 << 21,
	SECURE_LEAST_BYTES = 32,
	REFUSALS_LOGGED = 1000
};

struct keys {
	struct child *child;
	struct keys_store *store;
	struct edge *smtpds[PLAN_CORES_MAX];
	uint32_t generation;
	uint64_t signatures;
	uint64_t refusals;
	uint64_t failures;
};

static bool
configure(struct child *child, struct span bytes)
{
	static struct keys keys;

	/* There is nothing in it for this process. */
	(void)bytes;
	keys.child = child;
	child->state = &keys;
	return true;
}

/* Before the walls: locked memory, and OpenSSL's tables. */
static bool
prepare(struct child *child)
{
	struct keys *keys = child->state;

	if (CRYPTO_secure_malloc_init(SECURE_BYTES, SECURE_LEAST_BYTES) != 1)
		log_warning("memory for keys cannot be locked (see `ulimit -l`); it may be swapped out");
	keys->store = keys_store_new();
	if (keys->store &&
	    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) == 1)
		return true;
	log_error("OpenSSL cannot be set up; check the installed library");
	return false;
}

static bool
start(struct child *child)
{
	(void)child;
	return true;
}

static void
tell_pair(void *context, size_t index, enum pair_verdict verdict, const struct keys_facts *facts)
{
	struct keys *keys = context;
	struct ipc_message say = { .type = IPC_PAIR_SAY, .descriptor = -1 };

	say.pair_say.generation = keys->generation;
	say.pair_say.index = (uint32_t)index;
	say.pair_say.verdict = (uint8_t)verdict;
	if (verdict == PAIR_TAKEN) {
		say.pair_say.expires = facts->expires;
		say.pair_say.chain = buf_span(&facts->chain);
	}
	say.pair_say.text = buf_span(&facts->why);
	if (!edge_send(keys->child->control, &say))
		log_error("the master cannot be told of a certificate; it will not come into force");
}

static void
on_certificates(struct child *child, int fd)
{
	struct keys *keys = child->state;
	struct certificate_set set;
	struct buf bytes;

	if (certificate_set_load(fd, &bytes, &set)) {
		keys->generation = set.generation;
		keys_store_take(keys->store, &set, tell_pair, keys);
	} else {
		log_error("the certificates from the master cannot be read; those known stay");
	}
	buf_free(&bytes);
}

static void
log_refusal(struct keys *keys, unsigned instance, const struct ipc_sign_ask *ask, const char *why)
{
	struct log_line line;

	/* An smtpd that was taken over could fill the disk. */
	if (keys->refusals++ >= REFUSALS_LOGGED)
		return;
	log_begin(&line, "sign-refused");
	log_pair_number(&line, "smtpd", instance);
	log_pair_number(&line, "scheme", ask->scheme);
	log_pair_number(&line, "size", ask->input.length);
	log_pair_text(&line, "reason", why);
	log_end(&line);
}

static bool
on_ask(void *context, struct edge *edge, const struct ipc_message *message)
{
	static unsigned char signature[TLS_SIGNATURE_BYTES];
	struct keys *keys = context;
	struct ipc_message say = { .type = IPC_SIGN_SAY, .descriptor = -1 };
	size_t length = 0;
	const char *why = NULL;

	if (message->type != IPC_SIGN_ASK)
		return false;
	const struct ipc_sign_ask *ask = &message->sign_ask;
	enum sign_verdict verdict =
	    keys_store_sign(keys->store, ask->key, ask->scheme, ask->input, signature, &length, &why);
	say.sign_say.serial = ask->serial;
	say.sign_say.verdict = (uint8_t)verdict;
	if (verdict == SIGN_DONE) {
		keys->signatures++;
		say.sign_say.signature = span_make((const char *)signature, length);
	} else if (verdict == SIGN_REFUSED) {
		log_refusal(keys, edge_peer_instance(edge), ask, why);
	} else {
		keys->failures++;
	}
	ERR_clear_error();
	/* Unsent, it is one handshake that fails. */
	(void)edge_send(edge, &say);
	return true;
}

static bool
on_edge(struct child *child, enum role peer, unsigned peer_instance, int fd)
{
	static const struct edge_events events = { .on_message = on_ask };
	struct keys *keys = child->state;

	if (peer != ROLE_SMTPD || peer_instance >= PLAN_CORES_MAX)
		return false;
	struct edge **edge = &keys->smtpds[peer_instance];
	if (!*edge)
		*edge = edge_new(child->base, ROLE_KEYS, ROLE_SMTPD, peer_instance, QUEUE_BYTES, &events, keys);
	return *edge && edge_attach(*edge, fd);
}

static void
on_status(struct child *child, struct buf *lines)
{
	const struct keys *keys = child->state;

	buf_printf(lines, "keys %zu\n", keys_store_count(keys->store));
	buf_printf(lines, "signatures %llu\n", (unsigned long long)keys->signatures);
	buf_printf(lines, "refusals %llu\n", (unsigned long long)keys->refusals);
	buf_printf(lines, "failures %llu\n", (unsigned long long)keys->failures);
}

const struct child_program keys_program = { .role = ROLE_KEYS,
	.configure = configure,
	.prepare = prepare,
	.start = start,
	.on_edge = on_edge,
	.on_certificates = on_certificates,
	.on_status = on_status };
