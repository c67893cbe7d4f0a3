/* What the stand-in of hostile_smtpd.c asks of deliver: well formed, and wrong.
 *
 * Trust: none; that is its purpose.
 * On failure: it says "hostile: NAME silent" and ends.
 */
#include "tests/sandbox/hostile.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deliver/commit.h"
#include "lib/buf.h"
#include "lib/claim.h"
#include "lib/clock.h"

enum { WAIT_MS = 10000, SLOTS = 16, DEADLINE_MS = 20000, ODD_HANDLE = 0x7fffff };

#define ENDLESS_BYTES (1LL << 40)

static const char text[] = "Subject: hostile\r\nMessage-ID: <h@client.example>\r\n\r\nbody\r\n";
static const char other_text[] = "Subject: changed\r\nMessage-ID: <h@client.example>\r\n\r\nbody\r\n";

struct stage {
	struct ipc_channel deliver;
	uint32_t session;
	char storage[IPC_MESSAGE_BYTES];
};

static void
send_or_end(const struct stage *stage, const struct ipc_message *message, const char *name)
{
	if (ipc_send(&stage->deliver, message) == IPC_OK)
		return;
	hostile_say(name, "unsendable");
	exit(1);
}

/* The next message of this type from deliver. */
static void
wait_for(struct stage *stage, enum ipc_type type, struct ipc_message *message, const char *name)
{
	const char *why;
	struct pollfd watched = { .fd = stage->deliver.fd, .events = POLLIN };

	while (poll(&watched, 1, WAIT_MS) == 1) {
		enum ipc_result result =
		    ipc_receive(&stage->deliver, stage->storage, sizeof stage->storage, message, &why);

		if (result == IPC_OK && message->type == type)
			return;
		if (result == IPC_GONE || result == IPC_BAD)
			break;
	}
	hostile_say(name, "silent");
	exit(1);
}

/* Asks for an address in a new session; the handle, or 0. */
static uint32_t
probe(struct stage *stage, const char *address, const char *name)
{
	struct ipc_message message = { .type = IPC_PROBE_ASK, .descriptor = -1 };

	stage->session++;
	message.probe_ask.session = stage->session;
	message.probe_ask.transaction = 1;
	message.probe_ask.address = span_of(address);
	send_or_end(stage, &message, name);
	wait_for(stage, IPC_PROBE_SAY, &message, name);
	return message.probe_say.verdict == PROBE_TAKES ? message.probe_say.handle : 0;
}

struct wish {
	const uint32_t *handles;
	size_t count;
	uint32_t session;
	const char *body;   /* what is sent */
	const char *judged; /* what the digest is of */
	uint64_t body_bytes;
	uint64_t deadline_ms;
	const char *mailfrom;
	int descriptor; /* -1: the body travels inside */
};

static struct wish
honest(const struct stage *stage, const uint32_t *handles, size_t count)
{
	return (struct wish){ .handles = handles,
		.count = count,
		.session = stage->session,
		.body = text,
		.judged = text,
		.body_bytes = strlen(text),
		.deadline_ms = clock_monotonic_ms() + DEADLINE_MS,
		.mailfrom = "sender@client.example",
		.descriptor = -1 };
}

#define FILL(ask)                                                                                                      \
	do {                                                                                                           \
		(ask).session = wish->session;                                                                         \
		(ask).transaction = 1;                                                                                 \
		(ask).deadline_ms = wish->deadline_ms;                                                                 \
		(ask).claim = 0;                                                                                       \
		(ask).body_bytes = wish->body_bytes;                                                                   \
		(ask).digest = span_make((const char *)digest, sizeof digest);                                         \
		(ask).handles = buf_span(&handles);                                                                    \
		(ask).mailfrom = span_of(wish->mailfrom);                                                              \
		(ask).trace = SPAN("Received: from nowhere\n");                                                        \
	} while (0)

static void
commit(struct stage *stage, const struct wish *wish, const char *name)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct buf handles = BUF_LIMIT(IPC_RECIPIENTS * 4);
	struct ipc_message message = { .type = wish->descriptor < 0 ? IPC_COMMIT_ASK : IPC_COMMIT_FD_ASK,
		.descriptor = wish->descriptor };

	(void)SHA256((const unsigned char *)wish->judged, strlen(wish->judged), digest);
	for (size_t i = 0; i < wish->count; i++)
		ipc_append_u32(&handles, wish->handles[i]);
	if (wish->descriptor < 0) {
		FILL(message.commit_ask);
		message.commit_ask.body = span_of(wish->body);
	} else {
		FILL(message.commit_fd_ask);
	}
	send_or_end(stage, &message, name);
	buf_free(&handles);
	wait_for(stage, IPC_COMMIT_SAY, &message, name);
	uint8_t outcome = message.commit_say.outcome;
	hostile_say(name, outcome <= COMMIT_REFUSED ? commit_outcome_name((enum commit_outcome)outcome) : "odd");
}

/* A memory file with the body, sealed or not. */
static int
memory_file(const char *body, bool is_sealed)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, body, strlen(body)) != (ssize_t)strlen(body))
		exit(1);
	if (is_sealed && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		exit(1);
	return fd;
}

/* Holes of a terabyte, sealed: nothing is wrong with it but that whoever reads it does nothing else for a long time. */
static int
endless_file(void)
{
	int fd = memfd_create("endless", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, ENDLESS_BYTES) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		exit(1);
	return fd;
}

static void
try_before_claims(struct stage *stage)
{
	uint32_t handle = probe(stage, "alice@example.org", "before-claims");
	struct wish wish = honest(stage, &handle, 1);

	commit(stage, &wish, "before-claims");
}

static void
send_claims(const struct stage *stage)
{
	struct ipc_message message = { .type = IPC_CLAIMS, .claims.slots = SLOTS };

	if (!claim_page_make(SLOTS, &message.descriptor))
		exit(1);
	send_or_end(stage, &message, "claims");
}

static void
try_addresses(struct stage *stage)
{
	static const char *const foreign[] = { "nobody@example.org", "alice@elsewhere.example", "../../../etc/passwd",
		"../bob@example.org", "alice/../bob@example.org", "/etc/passwd@example.org",
		"alice@example.org/../../..", "" };
	bool has_any = false;

	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		has_any = probe(stage, foreign[i], "foreign-path") != 0 || has_any;
	hostile_say("foreign-path", has_any ? "taken" : "refused");
}

static void
try_handles(struct stage *stage)
{
	uint32_t handle = probe(stage, "alice@example.org", "honest");
	struct wish wish = honest(stage, &handle, 1);
	commit(stage, &wish, "honest");
	commit(stage, &wish, "second-commit-of-a-handle");

	handle = probe(stage, "alice@example.org", "another-session");
	wish = honest(stage, &handle, 1);
	wish.session += 100;
	commit(stage, &wish, "another-session");

	uint32_t older = probe(stage, "bob@example.org", "older-session");
	(void)probe(stage, "alice@example.org", "older-session");
	wish = honest(stage, &older, 1);
	commit(stage, &wish, "older-session");

	uint32_t invented = ODD_HANDLE;
	(void)probe(stage, "alice@example.org", "invented");
	wish = honest(stage, &invented, 1);
	commit(stage, &wish, "invented-handle");

	uint32_t twice[2];
	twice[0] = twice[1] = probe(stage, "alice@example.org", "twice");
	wish = honest(stage, twice, 2);
	commit(stage, &wish, "one-handle-twice");

	(void)probe(stage, "alice@example.org", "none");
	wish = honest(stage, NULL, 0);
	commit(stage, &wish, "no-handle");
}

static void
try_bodies(struct stage *stage)
{
	uint32_t handle = probe(stage, "alice@example.org", "changed-body");
	struct wish wish = honest(stage, &handle, 1);
	wish.body = other_text;
	wish.body_bytes = strlen(other_text);
	commit(stage, &wish, "changed-body");

	handle = probe(stage, "alice@example.org", "changed-sealed-file");
	wish = honest(stage, &handle, 1);
	wish.descriptor = memory_file(other_text, true);
	commit(stage, &wish, "changed-sealed-file");

	handle = probe(stage, "alice@example.org", "unsealed-file");
	wish = honest(stage, &handle, 1);
	wish.descriptor = memory_file(text, false);
	commit(stage, &wish, "unsealed-file");

	handle = probe(stage, "alice@example.org", "short-file");
	wish = honest(stage, &handle, 1);
	wish.descriptor = memory_file(text, true);
	wish.body_bytes += 1000;
	commit(stage, &wish, "short-file");

	int ends[2];
	handle = probe(stage, "alice@example.org", "socket-for-a-file");
	wish = honest(stage, &handle, 1);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		exit(1);
	wish.descriptor = ends[0];
	commit(stage, &wish, "socket-for-a-file");

	handle = probe(stage, "alice@example.org", "endless-file");
	wish = honest(stage, &handle, 1);
	wish.body_bytes = ENDLESS_BYTES;
	wish.descriptor = endless_file();
	commit(stage, &wish, "endless-file");

	handle = probe(stage, "alice@example.org", "wrong-length");
	wish = honest(stage, &handle, 1);
	wish.body_bytes--;
	commit(stage, &wish, "wrong-length");
}

static void
try_the_rest(struct stage *stage)
{
	uint32_t handle = probe(stage, "alice@example.org", "past-deadline");
	struct wish wish = honest(stage, &handle, 1);
	wish.deadline_ms = 1;
	commit(stage, &wish, "past-deadline");

	handle = probe(stage, "bob@example.org", "newline-in-sender");
	wish = honest(stage, &handle, 1);
	wish.mailfrom = "x@client.example>\nX-Injected: yes\nX: <";
	commit(stage, &wish, "newline-in-sender");
}

void
hostile_ask_deliver(struct ipc_channel deliver)
{
	static struct stage stage;

	stage.deliver = deliver;
	try_before_claims(&stage);
	send_claims(&stage);
	try_addresses(&stage);
	try_handles(&stage);
	try_bodies(&stage);
	try_the_rest(&stage);
	hostile_say("all", "done");
}
