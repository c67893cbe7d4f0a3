/* The question of smtpd/keys_link.h.
 *
 * On failure: see the header.
 */
#include "smtpd/keys_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

enum { TRY_AGAIN_MS = 10000 };

static const char is_gone[] = "tidegate-keys is not there now";
static const char is_late[] = "tidegate-keys did not answer in time";
static const char is_behind[] = "tidegate-keys has not answered an earlier question yet";
static const char is_odd[] = "tidegate-keys answered what was not asked";

static size_t sign(void *context, struct span key_id, uint16_t scheme, struct span input,
    unsigned char signature[static TLS_SIGNATURE_BYTES], const char **why);

void
keys_link_init(struct keys_link *link)
{
	*link = (struct keys_link){ .channel = { .fd = -1, .self = ROLE_SMTPD, .peer = ROLE_KEYS } };
	link->signer = (struct tls_signer){ sign, link };
}

bool
keys_link_attach(struct keys_link *link, int fd)
{
	link->is_open = false;
	link->is_behind = false;
	link->channel.unread = span_make(NULL, 0);
	/* A channel keeps its number, which the system-call rules rely on. */
	if (link->channel.fd >= 0 && link->channel.fd != fd) {
		bool is_moved = dup3(fd, link->channel.fd, O_CLOEXEC) >= 0;

		(void)close(fd);
		if (!is_moved)
			return false;
	} else {
		link->channel.fd = fd;
	}
	link->is_open = true;
	return true;
}

static void
lose(struct keys_link *link)
{
	link->is_open = false;
	(void)shutdown(link->channel.fd, SHUT_RDWR);
}

/* Takes what has come, without waiting, until the answer to the last question is among it. */
static enum ipc_result
take_answer(struct keys_link *link, struct ipc_message *answer)
{
	const char *why;

	for (;;) {
		enum ipc_result result = ipc_receive(&link->channel, link->storage, sizeof link->storage, answer, &why);

		if (result == IPC_GONE || result == IPC_BAD)
			lose(link);
		if (result != IPC_OK)
			return result;
		/* An earlier one is the answer to a question that nobody waits for any more. */
		if (answer->type == IPC_SIGN_SAY && answer->sign_say.serial == link->serial)
			return IPC_OK;
	}
}

static enum ipc_result
wait_for_answer(struct keys_link *link, struct ipc_message *answer)
{
	uint64_t begun_ms = clock_monotonic_ms();
	uint64_t spent_ms = 0;

	while (spent_ms < KEYS_LINK_LIMIT_MS) {
		struct pollfd watched = { .fd = link->channel.fd, .events = POLLIN };
		int ready = poll(&watched, 1, (int)(KEYS_LINK_LIMIT_MS - spent_ms));

		if (ready < 0 && errno != EINTR)
			return IPC_GONE;
		enum ipc_result result = ready > 0 ? take_answer(link, answer) : IPC_AGAIN;
		if (result != IPC_AGAIN)
			return result;
		spent_ms = clock_monotonic_ms() - begun_ms;
	}
	return IPC_AGAIN;
}

/* One that is stopped would cost every client of this process the whole time limit again and again. */
static bool
is_still_behind(struct keys_link *link)
{
	struct ipc_message late;

	if (!link->is_behind)
		return false;
	enum ipc_result result = take_answer(link, &late);
	if (result == IPC_AGAIN && clock_monotonic_ms() - link->behind_since_ms < TRY_AGAIN_MS)
		return true;
	link->is_behind = false;
	if (result == IPC_OK)
		log_info("tidegate-keys answers again");
	return false;
}

static void
note_lateness(struct keys_link *link)
{
	link->is_behind = true;
	link->behind_since_ms = clock_monotonic_ms();
	log_warning(
	    "tidegate-keys has not answered within %d ms; TLS handshakes fail until it does", KEYS_LINK_LIMIT_MS);
}

static const char *
say_verdict(uint8_t verdict)
{
	switch ((enum sign_verdict)verdict) {
	case SIGN_DONE:
		return is_odd;
	case SIGN_REFUSED:
		return "tidegate-keys will not sign what is no TLS handshake";
	case SIGN_UNKNOWN:
		return "tidegate-keys does not have this key";
	case SIGN_TROUBLE:
		return "tidegate-keys could not sign";
	}
	return is_odd;
}

static size_t
take_signature(struct keys_link *link, const struct ipc_sign_say *say, unsigned char *signature, const char **why)
{
	if (say->verdict != SIGN_DONE || say->signature.length == 0) {
		*why = say_verdict(say->verdict);
		return 0;
	}
	memcpy(signature, say->signature.data, say->signature.length);
	link->signatures++;
	return say->signature.length;
}

/* Sends the question; NULL, or why it cannot be asked. */
static const char *
ask(struct keys_link *link, struct span key_id, uint16_t scheme, struct span input)
{
	struct ipc_message question = { .type = IPC_SIGN_ASK, .descriptor = -1 };

	if (!link->is_open)
		return is_gone;
	if (input.length > IPC_SIGNED_BYTES)
		return "what is to be signed is too long for a TLS handshake";
	if (is_still_behind(link))
		return is_behind;
	if (!link->is_open)
		return is_gone;
	question.sign_ask.serial = ++link->serial;
	question.sign_ask.scheme = scheme;
	question.sign_ask.key = key_id;
	question.sign_ask.input = input;
	switch (ipc_send(&link->channel, &question)) {
	case IPC_OK:
		return NULL;
	case IPC_AGAIN:
		return is_behind;
	case IPC_GONE:
	case IPC_BAD:
		break;
	}
	lose(link);
	return is_gone;
}

static size_t
sign(void *context, struct span key_id, uint16_t scheme, struct span input,
    unsigned char signature[static TLS_SIGNATURE_BYTES], const char **why)
{
	struct keys_link *link = context;
	struct ipc_message answer;
	size_t length = 0;

	*why = ask(link, key_id, scheme, input);
	if (!*why) {
		switch (wait_for_answer(link, &answer)) {
		case IPC_OK:
			length = take_signature(link, &answer.sign_say, signature, why);
			break;
		case IPC_AGAIN:
			note_lateness(link);
			*why = is_late;
			break;
		case IPC_GONE:
			*why = is_gone;
			break;
		case IPC_BAD:
			*why = is_odd;
			break;
		}
	}
	if (length == 0)
		link->failures++;
	return length;
}
