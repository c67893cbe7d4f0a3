/* Links of deliver/link.h.
 *
 * On failure: see deliver/link.h.
 */
#include "deliver/link.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "deliver/lock.h"

struct link {
	pthread_mutex_t lock;
	struct ipc_channel channel;
	bool is_open;
	atomic_uint users;
	uint32_t number;
	struct claim_page *claims; /* set once, by the main thread, before a commit can use it */
};

struct link *
link_new(int fd, uint32_t number)
{
	struct link *link = calloc(1, sizeof *link);

	if (!link)
		return NULL;
	lock_init(&link->lock);
	link->channel = (struct ipc_channel){ .fd = fd, .self = ROLE_DELIVER, .peer = ROLE_SMTPD };
	link->is_open = true;
	link->number = number;
	atomic_init(&link->users, 1);
	return link;
}

struct link *
link_hold(struct link *link)
{
	(void)atomic_fetch_add(&link->users, 1);
	return link;
}

void
link_drop(struct link *link)
{
	if (!link || atomic_fetch_sub(&link->users, 1) > 1)
		return;
	claim_page_free(link->claims);
	(void)pthread_mutex_destroy(&link->lock);
	free(link);
}

uint32_t
link_number(const struct link *link)
{
	return link->number;
}

void
link_close(struct link *link)
{
	(void)pthread_mutex_lock(&link->lock);
	link->is_open = false;
	(void)pthread_mutex_unlock(&link->lock);
}

bool
link_set_claims(struct link *link, int fd, uint32_t slots)
{
	if (link->claims)
		return false;
	link->claims = claim_page_map(fd, slots);
	return link->claims != NULL;
}

struct claim_page *
link_claims(const struct link *link)
{
	return link->claims;
}

enum ipc_result
link_send(struct link *link, const struct ipc_message *message)
{
	struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);
	enum ipc_result result = IPC_GONE;

	ipc_encode(message, &wire);
	if (!buf_ok(&wire)) {
		buf_free(&wire);
		return IPC_AGAIN;
	}
	(void)pthread_mutex_lock(&link->lock);
	if (link->is_open)
		result = ipc_send_encoded(&link->channel, buf_span(&wire), -1);
	(void)pthread_mutex_unlock(&link->lock);
	buf_free(&wire);
	return result;
}
