/* What a TLS handshake costs the server with its private key in another process, beside OpenSSL's own with the key in
 * memory. Full handshakes (TLS 1.3, X25519) with a client in this process; only the server's calls are counted, and all
 * of the other process. Both are measured in turns, so that a busy machine is busy for both.
 *
 *     tls_handshake [SECONDS]      (for each of the four; default 3)
 *
 * Prints a line each: "tls ecdsa-p256 own 4000 handshakes/s 250 us", then "tls ecdsa-p256 extra 40 us, limit 200".
 *
 * On failure: a sentence, exit 1; exit 2 when the extra cost is over the limit.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/edge.h"
#include "smtpd/keys_link.h"
#include "smtpd/keys_store.h"
#include "smtpd/tls_context.h"

enum { ROUND = 50, LIMIT_US = 200, QUEUE_BYTES = 65536, PEM_BYTES = 16384 };

struct cost {
	unsigned long handshakes;
	double wall_s;
	double cpu_s;
};

struct bench {
	const char *name;
	EVP_PKEY *key;
	X509 *certificate;
	SSL_CTX *own;
	SSL_CTX *remote;
	SSL_CTX *client;
	pid_t keys;
	clockid_t keys_clock;
	struct keys_link link;
	struct cost costs[2]; /* own, remote */
};

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "tls_handshake: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static double
read_clock(clockid_t clock)
{
	struct timespec time;

	if (clock_gettime(clock, &time) != 0)
		return 0;
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
make_pair(struct bench *bench, bool is_rsa)
{
	bench->key =
	    is_rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048) : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	bench->certificate = X509_new();
	X509_NAME *subject = bench->certificate ? X509_get_subject_name(bench->certificate) : NULL;
	if (!bench->key || !subject ||
	    !X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)"mx.example.org", -1, -1, 0) ||
	    !X509_set_issuer_name(bench->certificate, subject) ||
	    !X509_gmtime_adj(X509_getm_notBefore(bench->certificate), -3600) ||
	    !X509_gmtime_adj(X509_getm_notAfter(bench->certificate), 86400) ||
	    !X509_set_pubkey(bench->certificate, bench->key) ||
	    !X509_sign(bench->certificate, bench->key, EVP_sha256()))
		fail("no certificate can be made");
}

/* The other process */

static void
no_word(void *context, size_t index, enum pair_verdict verdict, const struct keys_facts *facts)
{
	(void)context;
	(void)index;
	if (verdict != PAIR_TAKEN)
		fail(facts->why.data);
}

static bool
on_ask(void *context, struct edge *edge, const struct ipc_message *message)
{
	static unsigned char signature[TLS_SIGNATURE_BYTES];
	const struct ipc_sign_ask *ask = &message->sign_ask;
	struct ipc_message say = { .type = IPC_SIGN_SAY, .descriptor = -1 };
	size_t length = 0;
	const char *why;

	say.sign_say.serial = ask->serial;
	say.sign_say.verdict =
	    (uint8_t)keys_store_sign(context, ask->key, ask->scheme, ask->input, signature, &length, &why);
	say.sign_say.signature = span_make((const char *)signature, length);
	(void)edge_send(edge, &say);
	return true;
}

static void
on_gone(void *context, struct edge *edge)
{
	(void)context;
	(void)edge;
	_exit(0);
}

static _Noreturn void
be_keys(struct bench *bench, int fd)
{
	static const struct edge_events events = { .on_message = on_ask, .on_gone = on_gone };
	struct event_base *base = event_base_new();
	struct keys_store *store;
	struct certificate_set set = { .count = 1 };
	BIO *text = BIO_new(BIO_s_mem());
	char *bytes;

	if (CRYPTO_secure_malloc_init(1 << 20, 32) == 0)
		fail("no locked memory");
	store = keys_store_new();
	if (!base || !store || !text || !PEM_write_bio_X509(text, bench->certificate) ||
	    !PEM_write_bio_PrivateKey(text, bench->key, NULL, NULL, 0, NULL, NULL))
		fail("no memory for keys");
	long length = BIO_get_mem_data(text, &bytes);
	set.entries[0] = (struct certificate_entry){ SPAN("mx.example.org"), span_make(bytes, (size_t)length),
		span_make(bytes, (size_t)length) };
	keys_store_take(store, &set, no_word, NULL);
	struct edge *edge = edge_new(base, ROLE_KEYS, ROLE_SMTPD, 0, QUEUE_BYTES, &events, store);
	if (!edge || !edge_attach(edge, fd))
		fail("no channel for keys");
	(void)event_base_dispatch(base);
	_exit(0);
}

static void
start_keys(struct bench *bench)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		fail(strerror(errno));
	bench->keys = fork();
	if (bench->keys == 0) {
		(void)close(ends[0]);
		be_keys(bench, ends[1]);
	}
	(void)close(ends[1]);
	keys_link_init(&bench->link);
	if (bench->keys < 0 || !keys_link_attach(&bench->link, ends[0]) ||
	    clock_getcpuclockid(bench->keys, &bench->keys_clock) != 0)
		fail("keys does not start");
}

/* The two servers */

static void
make_contexts(struct bench *bench, const struct tls_library *library)
{
	struct certificate_set set = { .count = 1 };
	struct buf why = BUF_LIMIT(1024);
	unsigned char *der = NULL;
	int length = i2d_X509(bench->certificate, &der);

	set.entries[0] = (struct certificate_entry){ .name = SPAN("mx.example.org"),
		.chain = span_make((const char *)der, (size_t)length) };
	struct tls_contexts *contexts = tls_contexts_new(library, &set, TLS_POLICY_MODERN, &bench->link.signer, &why);
	if (!contexts)
		fail(buf_text(&why));
	bench->remote = tls_contexts_default(contexts);
	bench->own = SSL_CTX_new(TLS_server_method());
	bench->client = SSL_CTX_new(TLS_client_method());
	if (!bench->own || !bench->client || SSL_CTX_use_certificate(bench->own, bench->certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(bench->own, bench->key) != 1)
		fail("no context can be made");
	/* All but the key shall be the same. */
	(void)SSL_CTX_set_options(bench->own, SSL_CTX_get_options(bench->remote));
	(void)SSL_CTX_set_num_tickets(bench->own, 0);
	(void)SSL_CTX_set_session_cache_mode(bench->own, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(bench->own, (unsigned)SSL_CTX_get_mode(bench->remote));
	if (SSL_CTX_set_ciphersuites(bench->own, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set1_groups_list(bench->own, "X25519") != 1 ||
	    SSL_CTX_set1_groups_list(bench->client, "X25519") != 1)
		fail("no context can be set up");
	OPENSSL_free(der);
}

/* One handshake; the server's calls are added to *cpu_s. */
static void
shake(const struct bench *bench, SSL_CTX *context, double *cpu_s)
{
	BIO *here;
	BIO *there;
	SSL *client = SSL_new(bench->client);
	double begun = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	SSL *server = SSL_new(context);

	*cpu_s += read_clock(CLOCK_PROCESS_CPUTIME_ID) - begun;
	if (!client || !server || BIO_new_bio_pair(&here, 0, &there, 0) != 1)
		fail("no memory for a handshake");
	SSL_set_bio(client, here, here);
	SSL_set_bio(server, there, there);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	bool client_done = false;
	bool server_done = false;
	for (unsigned step = 0; step < 6 && !(client_done && server_done); step++) {
		client_done = SSL_do_handshake(client) == 1;
		begun = read_clock(CLOCK_PROCESS_CPUTIME_ID);
		server_done = SSL_do_handshake(server) == 1;
		*cpu_s += read_clock(CLOCK_PROCESS_CPUTIME_ID) - begun;
	}
	if (!client_done || !server_done)
		fail("a handshake failed");
	SSL_free(client);
	begun = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	SSL_free(server);
	*cpu_s += read_clock(CLOCK_PROCESS_CPUTIME_ID) - begun;
}

static void
run_round(const struct bench *bench, SSL_CTX *context, struct cost *cost)
{
	double wall = read_clock(CLOCK_MONOTONIC);
	double keys = read_clock(bench->keys_clock);

	for (unsigned i = 0; i < ROUND; i++)
		shake(bench, context, &cost->cpu_s);
	cost->handshakes += ROUND;
	cost->wall_s += read_clock(CLOCK_MONOTONIC) - wall;
	cost->cpu_s += read_clock(bench->keys_clock) - keys;
}

static double
report(const struct bench *bench, const char *what, const struct cost *cost)
{
	double us = cost->cpu_s * 1e6 / (double)cost->handshakes;

	printf("tls %s %s %.0f handshakes/s %.0f us\n", bench->name, what, (double)cost->handshakes / cost->wall_s, us);
	return us;
}

static bool
measure(struct bench *bench, const struct tls_library *library, bool is_rsa, double seconds)
{
	double ignored = 0;

	make_pair(bench, is_rsa);
	start_keys(bench);
	make_contexts(bench, library);
	for (unsigned i = 0; i < ROUND; i++) {
		shake(bench, bench->own, &ignored);
		shake(bench, bench->remote, &ignored);
	}
	while (bench->costs[0].wall_s + bench->costs[1].wall_s < 2 * seconds) {
		run_round(bench, bench->own, &bench->costs[0]);
		run_round(bench, bench->remote, &bench->costs[1]);
	}
	double own = report(bench, "own", &bench->costs[0]);
	double extra = report(bench, "remote", &bench->costs[1]) - own;
	printf("tls %s extra %.0f us, limit %d\n", bench->name, extra, LIMIT_US);
	(void)close(bench->link.channel.fd);
	(void)waitpid(bench->keys, NULL, 0);
	return extra <= LIMIT_US;
}

int
main(int argc, char **argv)
{
	static struct bench ecdsa = { .name = "ecdsa-p256" };
	static struct bench rsa = { .name = "rsa-2048" };
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
	struct tls_library *library;

	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		fail("OpenSSL cannot be set up");
	library = tls_library_open();
	if (!library)
		fail("OpenSSL cannot be set up");
	bool is_in_limit = measure(&ecdsa, library, false, seconds);
	is_in_limit = measure(&rsa, library, true, seconds) && is_in_limit;
	return is_in_limit ? 0 : 2;
}
