/* The filter of smtpd/tls.h. OpenSSL reads from and writes to a BIO of our own, which stands for the bytes at hand and
 * for the buffer of the caller.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/tls.h"

#include <openssl/err.h>
#include <openssl/proverr.h>
#include <stdlib.h>

#include "lib/bug.h"

enum {
	FIRST_BYTES = 40 /* of what a client sent that speaks no TLS, for the log */
};

struct tls {
	struct tls_ground *ground;
	SSL *ssl;         /* owned */
	uint64_t charged; /* bytes taken out of the memory budget */
	uint64_t
	    heard; /* bytes of the handshake: OpenSSL keeps a message until it is whole, and the room until the end */
	/* While a function of this file runs: */
	struct span input;
	struct buf *wire;
	bool is_up;
	bool is_broken;
	bool is_ended; /* close_notify was sent */
	struct tls_failure why;
	char *detail; /* owned; NULL until it breaks */
	uint8_t first_length;
	char first[FIRST_BYTES]; /* of what came */
};

/* --- the BIO --- */

static int
bio_read(BIO *bio, char *to, int room)
{
	struct tls *tls = BIO_get_data(bio);
	struct span taken = span_take(tls->input, (size_t)room);

	BIO_clear_retry_flags(bio);
	if (taken.length == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(to, taken.data, taken.length);
	tls->input = span_skip(tls->input, taken.length);
	return (int)taken.length;
}

static int
bio_write(BIO *bio, const char *from, int length)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!tls->wire)
		return -1;
	buf_append(tls->wire, span_make(from, (size_t)length));
	return buf_ok(tls->wire) ? length : -1;
}

static long
bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static int
bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

bool
tls_ground_begin(struct tls_ground *ground, struct budget *budget)
{
	static const uint64_t strings = OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS;

	*ground = (struct tls_ground){ .budget = budget };
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | strings, NULL) != 1)
		return false;
	ground->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bytes at hand");
	return ground->method && BIO_meth_set_read(ground->method, bio_read) == 1 &&
	       BIO_meth_set_write(ground->method, bio_write) == 1 &&
	       BIO_meth_set_ctrl(ground->method, bio_control) == 1 &&
	       BIO_meth_set_create(ground->method, bio_create) == 1;
}

void
tls_ground_end(struct tls_ground *ground)
{
	BIO_meth_free(ground->method);
	ground->method = NULL;
}

/* --- memory --- */

/* False: there is not so much left in the budget. */
static bool
charge(struct tls *tls, uint64_t bytes)
{
	struct budget *budget = tls->ground->budget;
	enum budget_need need = tls->charged ? BUDGET_UNDER_WAY : BUDGET_NEWCOMER;

	if (bytes > tls->charged && !budget_take(budget, need, bytes - tls->charged))
		return false;
	if (bytes < tls->charged)
		budget_give(budget, tls->charged - bytes);
	tls->charged = bytes;
	return true;
}

static bool
charge_what_is_held(struct tls *tls)
{
	uint64_t bytes = tls->is_up ? TLS_IDLE_BYTES : TLS_HANDSHAKE_BYTES + 2 * tls->heard;

	return charge(tls, bytes + (tls_is_inside_record(tls) ? TLS_RECORD_BYTES : 0));
}

struct tls *
tls_new(struct tls_ground *ground, SSL_CTX *context)
{
	struct tls *tls = calloc(1, sizeof *tls);
	BIO *bio = NULL;

	if (!tls)
		return NULL;
	tls->ground = ground;
	tls->why.reason = tls->why.detail = "";
	ERR_clear_error();
	if (charge(tls, TLS_HANDSHAKE_BYTES))
		tls->ssl = SSL_new(context);
	if (tls->ssl)
		bio = BIO_new(ground->method);
	if (!bio) {
		tls_free(tls);
		return NULL;
	}
	BIO_set_data(bio, tls);
	SSL_set_bio(tls->ssl, bio, bio);
	(void)SSL_set_mode(tls->ssl, SSL_MODE_RELEASE_BUFFERS);
	/* A record is opened where it lies: what has been read of it, a password maybe, is wiped. */
	(void)SSL_set_options(tls->ssl, SSL_OP_CLEANSE_PLAINTEXT);
	SSL_set_accept_state(tls->ssl);
	return tls;
}

void
tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	free(tls->detail);
	(void)charge(tls, 0);
	free(tls);
}

bool
tls_is_up(const struct tls *tls)
{
	return tls->is_up;
}

bool
tls_is_inside_record(const struct tls *tls)
{
	return tls->is_up && SSL_has_pending(tls->ssl) == 1;
}

/* --- why it failed --- */

static const struct {
	int error;
	const char *reason;
} reasons[] = {
	{ SSL_R_HTTP_REQUEST, "http-request" },
	{ SSL_R_HTTPS_PROXY_REQUEST, "http-request" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "no-shared-version" },
	{ SSL_R_VERSION_TOO_LOW, "no-shared-version" },
	{ SSL_R_NO_SHARED_CIPHER, "no-shared-cipher" },
	{ SSL_R_NO_SHARED_GROUPS, "no-shared-cipher" },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, "no-shared-cipher" },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no-shared-cipher" },
	{ SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "no-shared-cipher" },
};

/* SMTP, or whatever else people type: no record of TLS begins with such a byte. */
static bool
is_plain_text(const struct tls *tls)
{
	return tls->first_length && tls->first[0] >= ' ' && tls->first[0] <= '~';
}

/* One that the client has sent. */
static bool
is_alert(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_SSL && !ERR_COMMON_ERROR(error) &&
	       ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET;
}

static const char *
reason_of(const struct tls *tls, unsigned long error)
{
	int reason = ERR_GET_REASON(error);

	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return "crypto";
	if (is_alert(error))
		return "alert";
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].error == reason)
			return reasons[i].reason;
	return !tls->is_up && is_plain_text(tls) ? "plain-text" : "protocol";
}

/* The words for an error that TLS itself has found, which are constant data. */
static const char *
detail_of(unsigned long error)
{
	const char *words = ERR_reason_error_string(error);

	if (is_alert(error))
		words = SSL_alert_desc_string_long(ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET);
	return words ? words : "";
}

static bool
is_of_tls(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_SSL && !ERR_COMMON_ERROR(error);
}

/* The first error that belongs to TLS: what stands before it is how a cipher said it. Where TLS itself has nothing to
 * complain of, the first of all, such as a key that could not be used, whose maker says more than OpenSSL knows. */
static unsigned long
take_error(char **detail)
{
	const char *more = "";
	int flags = 0;
	unsigned long error = ERR_get_error_all(NULL, NULL, NULL, &more, &flags);
	unsigned long first = error;

	*detail = strdup(flags & ERR_TXT_STRING && *more ? more : detail_of(error));
	while (error && !is_of_tls(error))
		error = ERR_get_error();
	if (!error)
		return first;
	free(*detail);
	*detail = strdup(detail_of(error));
	return error;
}

static enum tls_result
explain(struct tls *tls)
{
	unsigned long error;

	tls->is_broken = true;
	free(tls->detail);
	error = take_error(&tls->detail);
	tls->why.reason = reason_of(tls, error);
	tls->why.detail = tls->detail ? tls->detail : "";
	if (!tls->is_up && is_plain_text(tls))
		tls->why.sent = span_make(tls->first, tls->first_length);
	ERR_clear_error();
	return TLS_BROKEN;
}

/* --- bytes --- */

static enum tls_result
result_of(struct tls *tls, int returned)
{
	int error = SSL_get_error(tls->ssl, returned);

	if (error == SSL_ERROR_WANT_READ)
		return TLS_GOES_ON;
	return error == SSL_ERROR_ZERO_RETURN ? TLS_ENDED : explain(tls);
}

static enum tls_result
pump(struct tls *tls, char *text, size_t room, size_t *length)
{
	int returned = 1;
	size_t got;

	if (!tls->is_up) {
		returned = SSL_do_handshake(tls->ssl);
		tls->is_up = returned == 1;
	}
	while (returned == 1) {
		if (*length == room)
			BUG("a stream gives more text than was fed to it");
		returned = SSL_read_ex(tls->ssl, text + *length, room - *length, &got);
		if (returned == 1)
			*length += got;
	}
	return result_of(tls, returned);
}

static void
keep_first(struct tls *tls, struct span bytes)
{
	struct span kept = span_take(bytes, sizeof tls->first - tls->first_length);

	if (tls->is_up || kept.length == 0)
		return;
	memcpy(tls->first + tls->first_length, kept.data, kept.length);
	tls->first_length = (uint8_t)(tls->first_length + kept.length);
}

enum tls_result
tls_feed(struct tls *tls, struct span bytes, char *text, size_t *length, struct buf *wire)
{
	*length = 0;
	if (tls->is_broken)
		return TLS_BROKEN;
	keep_first(tls, bytes);
	tls->heard += tls->is_up ? 0 : bytes.length;
	tls->input = bytes;
	tls->wire = wire;
	ERR_clear_error();
	enum tls_result result = pump(tls, text, bytes.length + TLS_RECORD_BYTES, length);
	tls->input = span_make(NULL, 0);
	tls->wire = NULL;
	if (result == TLS_GOES_ON && !charge_what_is_held(tls))
		return TLS_NO_MEMORY;
	return result;
}

bool
tls_seal(struct tls *tls, struct span text, struct buf *wire)
{
	size_t written;

	if (text.length == 0)
		return true;
	if (!tls->is_up || tls->is_broken || tls->is_ended)
		return false;
	tls->wire = wire;
	ERR_clear_error();
	while (text.length && SSL_write_ex(tls->ssl, text.data, text.length, &written) == 1)
		text = span_skip(text, written);
	tls->wire = NULL;
	if (text.length)
		(void)explain(tls);
	return text.length == 0;
}

void
tls_end(struct tls *tls, struct buf *wire)
{
	if (!tls->is_up || tls->is_broken || tls->is_ended)
		return;
	tls->is_ended = true;
	tls->wire = wire;
	ERR_clear_error();
	(void)SSL_shutdown(tls->ssl);
	ERR_clear_error();
	tls->wire = NULL;
}

struct tls_facts
tls_agreed(const struct tls *tls)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
	const char *name = cipher ? SSL_CIPHER_standard_name(cipher) : NULL;
	const char *sni = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);

	return (struct tls_facts){ .is_on = tls->is_up,
		.version = span_of(SSL_get_version(tls->ssl)),
		.cipher = span_of(name ? name : "unknown"),
		.sni = span_of(sni ? sni : "") };
}

struct tls_failure
tls_why(const struct tls *tls)
{
	return tls->why;
}
