/* The client of tests/bench/load_tls.h.
 *
 * On failure: see there.
 */
#include "tests/bench/load_tls.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/bench/load_hello.h"
#include "tests/bench/load_records.h"
#include "tests/bench/load_session.h"

enum { SERVER_HELLO = 2, FINISHED = 20, MESSAGE_HEAD = 4 };

struct load_tls {
	int fd;
	bool is_open;           /* both Finished have been said */
	EVP_MD_CTX *transcript; /* of the handshake's messages (§4.4.1) */
	struct load_secrets secrets;
	struct load_seal in;
	struct load_seal out;
	uint8_t hello[LOAD_HELLO_BYTES]; /* until a suite is chosen, and its hash */
	size_t unsent;                   /* of output, from `sent` on */
	size_t sent;
	size_t claimed; /* how many bytes of the caller's it holds */
	size_t held;    /* of input */
	uint8_t output[LOAD_RECORD_BYTES];
	uint8_t input[LOAD_RECORD_BYTES];
};

/* The hash is that of the suite, so it begins when the server has chosen one. */
static void
begin_transcript(struct load_tls *tls, const struct load_suite *suite)
{
	static EVP_MD *fetched[LOAD_SUITES];
	EVP_MD **mine = &fetched[suite - load_suites];

	if (!*mine)
		*mine = EVP_MD_fetch(NULL, suite->hash, NULL);
	tls->transcript = EVP_MD_CTX_new();
	if (!tls->transcript || !EVP_DigestInit_ex2(tls->transcript, *mine, NULL))
		load_die("libcrypto has no %s", suite->hash);
	tls->secrets.suite = suite;
}

static void
hash(struct load_tls *tls, const uint8_t *message, size_t length)
{
	if (!EVP_DigestUpdate(tls->transcript, message, length))
		load_die("a hash failed");
}

/* The hash of the messages up to here. */
static void
hash_so_far(struct load_tls *tls, uint8_t result[LOAD_HASH_BYTES])
{
	static EVP_MD_CTX *copy;

	if (!copy)
		copy = EVP_MD_CTX_new();
	if (!EVP_MD_CTX_copy_ex(copy, tls->transcript) || !EVP_DigestFinal_ex(copy, result, NULL))
		load_die("a hash failed");
}

/* Puts a record behind what is still to be sent. */
static void
queue(struct load_tls *tls, enum load_record_type type, const void *content, size_t length)
{
	tls->unsent += load_seal_close(&tls->out, type, content, length, tls->output + tls->sent + tls->unsent);
}

struct load_tls *
load_tls_new(int fd)
{
	struct load_tls *tls = malloc(sizeof *tls);

	if (!tls)
		load_die("no memory for TLS");
	memset(tls, 0, offsetof(struct load_tls, output));
	tls->fd = fd;
	load_hello_write(tls->hello);
	queue(tls, LOAD_HANDSHAKE, tls->hello, sizeof tls->hello);
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

static bool
take_server_hello(struct load_tls *tls, const uint8_t *message, size_t length)
{
	uint8_t shared[LOAD_SHARED_BYTES];
	uint8_t hellos[LOAD_HASH_BYTES];
	const struct load_suite *suite = tls->in.cipher ? NULL : load_hello_answer(message, length, shared);

	if (!suite)
		return false;
	begin_transcript(tls, suite);
	hash(tls, tls->hello, sizeof tls->hello);
	hash(tls, message, length);
	hash_so_far(tls, hellos);
	load_secrets_of_handshake(&tls->secrets, shared, hellos);
	load_seal_begin(&tls->in, suite, tls->secrets.server, 0);
	return true;
}

/* The server has said all it says: checks its Finished, answers with ours, and goes on under the next keys. */
static bool
take_finished(struct load_tls *tls, const uint8_t *message, size_t length)
{
	uint8_t transcript[LOAD_HASH_BYTES];
	const struct load_suite *suite = tls->secrets.suite;
	uint8_t ours[MESSAGE_HEAD + LOAD_HASH_BYTES] = { FINISHED, 0, 0, (uint8_t)suite->hash_bytes };
	size_t ours_length = MESSAGE_HEAD + suite->hash_bytes;
	uint8_t theirs[LOAD_HASH_BYTES];

	hash_so_far(tls, transcript);
	load_secrets_finished(suite, tls->secrets.server, transcript, theirs);
	if (length != ours_length || memcmp(message + MESSAGE_HEAD, theirs, suite->hash_bytes) != 0)
		return false;
	hash(tls, message, length);
	hash_so_far(tls, transcript);
	load_secrets_finished(suite, tls->secrets.client, transcript, ours + MESSAGE_HEAD);
	queue(tls, LOAD_CHANGE_CIPHER, "\1", 1);
	load_seal_begin(&tls->out, suite, tls->secrets.client, 1);
	queue(tls, LOAD_HANDSHAKE, ours, ours_length);
	load_secrets_of_application(&tls->secrets, transcript);
	load_seal_begin(&tls->out, suite, tls->secrets.client, 1);
	load_seal_begin(&tls->in, suite, tls->secrets.server, 0);
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
		} else if (type == LOAD_ALERT) {
			has_ended = true;
		} else if (type != LOAD_HANDSHAKE) {
			errno = EPROTO;
			return -1;
		}
		at += whole;
	}
	drop_input(tls, at);
	if (taken || has_ended)
		return (ssize_t)taken;
	errno = EAGAIN;
	return -1;
}
