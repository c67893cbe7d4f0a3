/* A stand-in for tidegate-smtpd that has been taken over: it wants all kinds of things signed by keys.
 *
 * tests/sandbox/test_hostile_signer.py puts it in the place of tidegate-smtpd. Instance 0 asks what is well formed and
 * wrong, and handshakes before and after; instance 1 breaks the protocol. Every outcome is one line on standard error:
 * "signer: NAME OUTCOME"; "signer: all done" ends them.
 *
 * Trust: none; that is its purpose.
 * On failure: it says "signer: NAME silent" and ends.
 */
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/plan.h"
#include "smtpd/certificate_set.h"
#include "smtpd/tls_provider.h"

enum { WAIT_MS = 10000, INPUT_BYTES = IPC_SIGNED_BYTES, ECDSA_P256 = 0x0403, ECDSA_P384 = 0x0503, RSA_PSS = 0x0804 };

#define SPACES_16 "                "
#define SPACES SPACES_16 SPACES_16 SPACES_16 SPACES_16
#define HASH "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"

static const char verify[] = SPACES "TLS 1.3, server CertificateVerify\0" HASH;

struct stage {
	struct ipc_channel control;
	struct ipc_channel keys;
	uint32_t serial;
	unsigned char id[TLS_KEY_ID_BYTES];
	X509 *certificate;
	char storage[IPC_MESSAGE_BYTES];
};

static const char *const outcomes[] = {
	[SIGN_DONE] = "done", [SIGN_REFUSED] = "refused", [SIGN_UNKNOWN] = "unknown", [SIGN_TROUBLE] = "trouble"
};

static void
say(const char *name, const char *outcome)
{
	fprintf(stderr, "signer: %s %s\n", name, outcome);
}

/* The next message of this type from one side. */
static void
wait_for(
    struct stage *stage, struct ipc_channel *from, enum ipc_type type, struct ipc_message *message, const char *name)
{
	struct pollfd watched = { .fd = from->fd, .events = POLLIN };
	const char *why;

	while (poll(&watched, 1, WAIT_MS) == 1) {
		enum ipc_result result = ipc_receive(from, stage->storage, sizeof stage->storage, message, &why);

		if (result == IPC_OK && message->type == type)
			return;
		if (result == IPC_GONE || result == IPC_BAD)
			break;
	}
	say(name, "silent");
	exit(1);
}

static void
learn_the_key(struct stage *stage)
{
	struct ipc_message message;
	struct certificate_set set;
	struct buf bytes;

	wait_for(stage, &stage->control, IPC_CHAINS, &message, "chains");
	if (!certificate_set_load(message.descriptor, &bytes, &set) || set.count == 0)
		exit(1);
	/* What smtpd gets is no secret: certificates, and no keys. */
	say("private-key", set.entries[0].key.length ? "given" : "not-given");
	const unsigned char *der = (const unsigned char *)set.entries[0].chain.data;
	stage->certificate = d2i_X509(NULL, &der, (long)set.entries[0].chain.length);
	if (!stage->certificate || !tls_key_id(X509_get0_pubkey(stage->certificate), stage->id))
		exit(1);
	buf_free(&bytes);
}

static enum sign_verdict
ask(struct stage *stage, const char *name, uint32_t scheme, struct span input)
{
	struct ipc_message message = { .type = IPC_SIGN_ASK, .descriptor = -1 };

	message.sign_ask.serial = ++stage->serial;
	message.sign_ask.scheme = scheme;
	message.sign_ask.key = span_make((const char *)stage->id, sizeof stage->id);
	message.sign_ask.input = span_take(input, IPC_SIGNED_BYTES);
	if (ipc_send(&stage->keys, &message) != IPC_OK)
		exit(1);
	wait_for(stage, &stage->keys, IPC_SIGN_SAY, &message, name);
	if (message.sign_say.serial != stage->serial || message.sign_say.verdict > SIGN_TROUBLE)
		exit(1);
	enum sign_verdict verdict = message.sign_say.verdict;
	if ((verdict == SIGN_DONE) != (message.sign_say.signature.length > 0))
		exit(1);
	say(name, outcomes[verdict]);
	return verdict;
}

static struct span
exchange(char *bytes, unsigned group, size_t point)
{
	memset(bytes, 'r', INPUT_BYTES);
	bytes[64] = 3;
	bytes[65] = 0;
	bytes[66] = (char)group;
	bytes[67] = (char)(unsigned char)point;
	bytes[68] = 4;
	return span_make(bytes, 68 + point);
}

/* A certificate for somebody else's host, as an authority would sign it. */
static void
ask_for_a_certificate(struct stage *stage)
{
	unsigned char *der = NULL;
	int length = i2d_re_X509_tbs(stage->certificate, &der);

	if (length <= 0)
		exit(1);
	(void)ask(stage, "a-certificate", ECDSA_P256, span_make((const char *)der, (size_t)length));
	OPENSSL_free(der);
}

static void
ask_for_everything(struct stage *stage)
{
	char bytes[INPUT_BYTES];
	struct span whole = span_make(verify, sizeof verify - 1);

	(void)ask(stage, "a-handshake", ECDSA_P256, whole);
	(void)ask(stage, "nothing", ECDSA_P256, SPAN(""));
	(void)ask(stage, "a-text", ECDSA_P256,
	    SPAN("I, mx.example.org, owe the bearer a thousand crowns, and so on, and so on."));
	(void)ask(stage, "a-token", ECDSA_P256,
	    SPAN("eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJyb290IiwiYWRtaW4iOnRydWV9"));
	(void)ask(stage, "a-dkim-hash", ECDSA_P256, SPAN(HASH));
	ask_for_a_certificate(stage);
	(void)ask(stage, "a-client's-verify", ECDSA_P256, SPAN(SPACES "TLS 1.3, client CertificateVerify\0" HASH));
	(void)ask(stage, "a-longer-verify", ECDSA_P256, SPAN(SPACES "TLS 1.3, server CertificateVerify\0" HASH "x"));
	(void)ask(stage, "a-hash-short", ECDSA_P256, span_take(whole, whole.length - 1));
	(void)ask(stage, "another-curve", ECDSA_P384, whole);
	(void)ask(stage, "another-kind-of-key", RSA_PSS, whole);
	(void)ask(stage, "no-scheme", 0, whole);
	(void)ask(stage, "an-odd-curve", ECDSA_P256, exchange(bytes, 0x16, 65));
	(void)ask(stage, "a-point-with-a-tail", ECDSA_P256, exchange(bytes, 0x17, 66));
	(void)ask(stage, "the-longest-there-is", ECDSA_P256, span_make(bytes, sizeof bytes));
	(void)ask(stage, "an-exchange", ECDSA_P256, exchange(bytes, 0x17, 65));
	stage->id[0] ^= 1;
	(void)ask(stage, "a-key-that-is-not-there", ECDSA_P256, whole);
	stage->id[0] ^= 1;
	(void)ask(stage, "a-handshake-at-last", ECDSA_P256, whole);
	say("all", "done");
}

static unsigned
read_option(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], name, strlen(name)) == 0)
			return (unsigned)strtoul(argv[i] + strlen(name), NULL, 10);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct stage stage = { .control = { .fd = FD_CONTROL, .self = ROLE_SMTPD, .peer = ROLE_MASTER },
		.keys = { .self = ROLE_SMTPD, .peer = ROLE_KEYS } };
	const struct ipc_message ready = { .type = IPC_READY, .descriptor = -1, .ready.missing_walls = SPAN("") };
	unsigned instance = read_option(argc, argv, "--instance=");
	struct ipc_message message;

	stage.keys.fd = plan_edge_descriptor(ROLE_SMTPD, instance, read_option(argc, argv, "--cores="), ROLE_KEYS, 0);
	if (ipc_send(&stage.control, &ready) != IPC_OK)
		return 1;
	if (instance == 0) {
		learn_the_key(&stage);
		ask_for_everything(&stage);
	} else {
		/* A process that ends before all are ready keeps the server from starting. */
		wait_for(&stage, &stage.control, IPC_STATUS_ASK, &message, "status");
		say("breach", write(stage.keys.fd, "give me your keys", 17) == 17 ? "sent" : "unsendable");
	}
	/* Until the master is gone. */
	for (struct pollfd watched = { .fd = FD_CONTROL }; (watched.revents & POLLHUP) == 0;)
		(void)poll(&watched, 1, -1);
	return 0;
}
