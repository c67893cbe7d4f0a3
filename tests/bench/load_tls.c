/* The client of tests/bench/load_tls.h.
 *
 * On failure: see there.
 */
#include "tests/bench/load_tls.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/bench/load_records.h"
#include "tests/bench/load_session.h"

enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, FINISHED = 20, MESSAGE_HEAD = 4 };
enum { RANDOM_BYTES = 32, HELLO_BYTES = 154, SERVER_RANDOM_AT = MESSAGE_HEAD + 2 };

struct load_tls {
	int fd;
	bool is_open;           /* both Finished have been said */
	EVP_MD_CTX *transcript; /* of the handshake's messages (§4.4.1) */
	struct load_secrets secrets;
	struct load_seal in;
	struct load_seal out;
	size_t unsent; /* of output, from `sent` on */
	size_t sent;
	size_t claimed; /* how many bytes of the caller's it holds */
	size_t held;    /* of input */
	uint8_t output[LOAD_RECORD_BYTES];
	uint8_t input[LOAD_RECORD_BYTES];
};

/* The key share: what the servers compute is the same whether it is new or not. */
static EVP_PKEY_CTX *
key_share(uint8_t public[LOAD_SHARED_BYTES])
{
	static EVP_PKEY_CTX *context;
	static uint8_t share[LOAD_SHARED_BYTES];
	size_t length = sizeof share;

	if (!context) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");

		context = EVP_PKEY_CTX_new(key, NULL);
		if (!context || EVP_PKEY_derive_init(context) <= 0 || !EVP_PKEY_get_raw_public_key(key, share, &length))
			load_die("libcrypto makes no X25519");
		EVP_PKEY_free(key);
	}
	memcpy(public, share, sizeof share);
	return context;
}

static bool
agree(const uint8_t *theirs, uint8_t shared[LOAD_SHARED_BYTES])
{
	uint8_t ours[LOAD_SHARED_BYTES];
	EVP_PKEY_CTX *context = key_share(ours);
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, theirs, LOAD_SHARED_BYTES);
	size_t length = LOAD_SHARED_BYTES;
	bool agreed =
	    key && EVP_PKEY_derive_set_peer_ex(context, key, 0) > 0 && EVP_PKEY_derive(context, shared, &length) > 0;

	EVP_PKEY_free(key);
	return agreed;
}

static void
hash(struct load_tls *tls, const uint8_t *message, size_t length)
{
	if (!EVP_DigestUpdate(tls->transcript, message, length))
		load_die("SHA-384 failed");
}

/* The hash of the messages up to here. */
static void
hash_so_far(struct load_tls *tls, uint8_t result[LOAD_HASH_BYTES])
{
	static EVP_MD_CTX *copy;

	if (!copy)
		copy = EVP_MD_CTX_new();
	if (!EVP_MD_CTX_copy_ex(copy, tls->transcript) || !EVP_DigestFinal_ex(copy, result, NULL))
		load_die("SHA-384 failed");
}

/* Puts a record behind what is still to be sent. */
static void
queue(struct load_tls *tls, enum load_record_type type, const void *content, size_t length)
{
	tls->unsent += load_seal_close(&tls->out, type, content, length, tls->output + tls->sent + tls->unsent);
}

/* §4.1.2, with a session id and later a change of cipher, as OpenSSL's client says them (appendix D.4). */
static void
queue_hello(struct load_tls *tls)
{
	static const uint8_t extensions[] = {
		0x00, 0x2b, 0x00, 0x03, 0x02, 0x03, 0x04,       /* supported_versions: TLS 1.3 */
		0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x1d, /* supported_groups: x25519 */
		0x00, 0x0d, 0x00, 0x08, 0x00, 0x06, 0x04, 0x03, 0x05, 0x03, 0x08, 0x04, /* signature_algorithms */
		0x00, 0x2d, 0x00, 0x02, 0x01, 0x01,                                     /* psk_key_exchange_modes */
		0x00, 0x33, 0x00, 0x26, 0x00, 0x24, 0x00, 0x1d, 0x00, 0x20, /* key_share: x25519, 32 bytes */
	};
	static const uint8_t suites[] = { 0x00, 0x02, 0x13, 0x02, 0x01, 0x00 }; /* one suite, no compression */
	uint8_t hello[HELLO_BYTES] = { CLIENT_HELLO, 0, 0, HELLO_BYTES - MESSAGE_HEAD, 3, 3 };
	uint8_t *at = hello + MESSAGE_HEAD + 2;

	if (RAND_bytes(at, RANDOM_BYTES) <= 0 || RAND_bytes(at + RANDOM_BYTES + 1, RANDOM_BYTES) <= 0)
		load_die("no random bytes");
	at += RANDOM_BYTES;
	*at = RANDOM_BYTES; /* of the session id */
	at += 1 + RANDOM_BYTES;
	memcpy(at, suites, sizeof suites);
	at += sizeof suites;
	*at++ = 0;
	*at++ = sizeof extensions + LOAD_SHARED_BYTES;
	memcpy(at, extensions, sizeof extensions);
	at += sizeof extensions;
	(void)key_share(at);
	_Static_assert(
	    MESSAGE_HEAD + 2 + 2 * RANDOM_BYTES + 1 + sizeof suites + 2 + sizeof extensions + LOAD_SHARED_BYTES ==
		HELLO_BYTES,
	    "the hello is as long as it says");
	hash(tls, hello, sizeof hello);
	queue(tls, LOAD_HANDSHAKE, hello, sizeof hello);
}

struct load_tls *
load_tls_new(int fd)
{
	struct load_tls *tls = malloc(sizeof *tls);

	if (!tls)
		load_die("no memory for TLS");
	memset(tls, 0, offsetof(struct load_tls, output));
	tls->fd = fd;
	tls->transcript = EVP_MD_CTX_new();
	if (!tls->transcript || !EVP_DigestInit_ex(tls->transcript, EVP_sha384(), NULL))
		load_die("libcrypto has no SHA-384");
	queue_hello(tls);
	return tls;
}

void
load_tls_free(struct load_tls *tls)
{
	if (!tls)
		return;
	EVP_MD_CTX_free(tls->transcript);
	load_seal_free(&tls->in);
	load_seal_free(&tls->out);
	free(tls);
}

/* The server's key share, the one extension of its hello that is needed; NULL when it has none. */
static const uint8_t *
share_of(const uint8_t *message, size_t length)
{
	size_t at = MESSAGE_HEAD + 2 + RANDOM_BYTES;

	if (length <= at)
		return NULL;
	at += 1u + message[at] + 2 + 1 + 2; /* session id, suite, compression, length of the extensions */
	while (at + 4 <= length) {
		size_t extent = (size_t)message[at + 2] << 8 | message[at + 3];
		bool is_share = message[at] == 0x00 && message[at + 1] == 0x33;

		at += 4;
		if (is_share && extent == 4 + LOAD_SHARED_BYTES && at + extent <= length)
			return message + at + 4;
		at += extent;
	}
	return NULL;
}

static bool
take_server_hello(struct load_tls *tls, const uint8_t *message, size_t length)
{
	const uint8_t *theirs = share_of(message, length);
	uint8_t shared[LOAD_SHARED_BYTES];
	uint8_t hellos[LOAD_HASH_BYTES];

	if (tls->in.cipher || !theirs || !agree(theirs, shared))
		return false;
	hash(tls, message, length);
	hash_so_far(tls, hellos);
	load_secrets_of_handshake(&tls->secrets, shared, hellos);
	load_seal_begin(&tls->in, tls->secrets.server, 0);
	return true;
}

/* The server has said all it says: checks its Finished, answers with ours, and goes on under the next keys. */
static bool
take_finished(struct load_tls *tls, const uint8_t *message, size_t length)
{
	uint8_t transcript[LOAD_HASH_BYTES];
	uint8_t ours[MESSAGE_HEAD + LOAD_HASH_BYTES] = { FINISHED, 0, 0, LOAD_HASH_BYTES };
	uint8_t theirs[LOAD_HASH_BYTES];

	hash_so_far(tls, transcript);
	load_secrets_finished(tls->secrets.server, transcript, theirs);
	if (length != sizeof ours || memcmp(message + MESSAGE_HEAD, theirs, sizeof theirs) != 0)
		return false;
	hash(tls, message, length);
	hash_so_far(tls, transcript);
	load_secrets_finished(tls->secrets.client, transcript, ours + MESSAGE_HEAD);
	queue(tls, LOAD_CHANGE_CIPHER, "\1", 1);
	load_seal_begin(&tls->out, tls->secrets.client, 1);
	queue(tls, LOAD_HANDSHAKE, ours, sizeof ours);
	load_secrets_of_application(&tls->secrets, transcript);
	load_seal_begin(&tls->out, tls->secrets.client, 1);
	load_seal_begin(&tls->in, tls->secrets.server, 0);
	tls->is_open = true;
	return true;
}

static bool
take_message(struct load_tls *tls, const uint8_t *message, size_t length)
{
	if (message[0] == SERVER_HELLO)
		return take_server_hello(tls, message, length);
	if (!tls->in.cipher)
		return false;
	if (message[0] == FINISHED)
		return take_finished(tls, message, length);
	hash(tls, message, length);
	return true;
}

/* The messages of one record, each of them whole, as OpenSSL sends them. Tickets are let pass. */
static bool
take_messages(struct load_tls *tls, const uint8_t *content, size_t length)
{
	while (length && !tls->is_open) {
		size_t message =
		    length < MESSAGE_HEAD ? SIZE_MAX : MESSAGE_HEAD + ((size_t)content[2] << 8 | content[3]);

		if (message > length || !take_message(tls, content, message))
			return false;
		content += message;
		length -= message;
	}
	return true;
}

/* Reads once; 1 when something came, else as recv(). */
static ssize_t
fill(struct load_tls *tls)
{
	ssize_t got = recv(tls->fd, tls->input + tls->held, sizeof tls->input - tls->held, 0);

	if (got > 0)
		tls->held += (size_t)got;
	return got > 0 ? 1 : got;
}

/* The bytes of the whole record at `at`; 0 when it has not all come. */
static size_t
record_at(const struct load_tls *tls, size_t at)
{
	const uint8_t *record = tls->input + at;
	size_t held = tls->held - at;
	size_t bytes = held < LOAD_RECORD_HEAD ? SIZE_MAX : LOAD_RECORD_HEAD + ((size_t)record[3] << 8 | record[4]);

	return bytes <= held ? bytes : 0;
}

static void
drop_input(struct load_tls *tls, size_t bytes)
{
	tls->held -= bytes;
	memmove(tls->input, tls->input + bytes, tls->held);
}

/* Sends what is queued; false with EAGAIN when some is left, or when the connection is broken. */
static bool
flush(struct load_tls *tls)
{
	while (tls->unsent) {
		ssize_t written = send(tls->fd, tls->output + tls->sent, tls->unsent, MSG_NOSIGNAL);

		if (written < 0)
			return false;
		tls->sent += (size_t)written;
		tls->unsent -= (size_t)written;
	}
	tls->sent = 0;
	return true;
}

static enum load_step
waits_or_failed(enum load_step waits)
{
	return errno == EAGAIN ? waits : LOAD_FAILED;
}

enum load_step
load_tls_handshake(struct load_tls *tls)
{
	size_t at = 0;

	if (!flush(tls))
		return waits_or_failed(LOAD_WRITES);
	if (tls->is_open)
		return LOAD_DONE;
	ssize_t got = fill(tls);
	if (got <= 0)
		return got == 0 ? LOAD_FAILED : waits_or_failed(LOAD_READS);
	for (size_t bytes = record_at(tls, at); bytes && !tls->is_open; bytes = record_at(tls, at)) {
		size_t length;
		int type = load_seal_open(&tls->in, tls->input + at, &length);

		if (type != LOAD_CHANGE_CIPHER &&
		    (type != LOAD_HANDSHAKE || !take_messages(tls, tls->input + at + LOAD_RECORD_HEAD, length)))
			return LOAD_FAILED;
		at += bytes;
	}
	drop_input(tls, at);
	if (!tls->is_open)
		return LOAD_READS;
	return flush(tls) ? LOAD_DONE : waits_or_failed(LOAD_WRITES);
}

ssize_t
load_tls_send(struct load_tls *tls, const void *bytes, size_t length)
{
	if (!tls->unsent) {
		tls->claimed = length < LOAD_RECORD_TEXT ? length : LOAD_RECORD_TEXT;
		queue(tls, LOAD_APPLICATION, bytes, tls->claimed);
	}
	return flush(tls) ? (ssize_t)tls->claimed : -1;
}

ssize_t
load_tls_receive(struct load_tls *tls, char *bytes, size_t room)
{
	size_t at = 0;
	size_t taken = 0;
	ssize_t got = fill(tls);
	bool has_ended = got == 0;

	if (got < 0)
		return -1;
	for (size_t whole = record_at(tls, at); whole && !has_ended; whole = record_at(tls, at)) {
		size_t length;
		int type = load_seal_open(&tls->in, tls->input + at, &length);

		if (type == LOAD_APPLICATION && length <= room - taken) {
			memcpy(bytes + taken, tls->input + at + LOAD_RECORD_HEAD, length);
			taken += length;
		} else if (type != LOAD_HANDSHAKE) {
			has_ended = type == LOAD_ALERT;
			if (!has_ended) {
				errno = EPROTO;
				return -1;
			}
		}
		at += whole;
	}
	drop_input(tls, at);
	if (taken || has_ended)
		return (ssize_t)taken;
	errno = EAGAIN;
	return -1;
}
