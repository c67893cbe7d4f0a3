/* The handles of deliver/handles.h: one table of transactions by session, each with its own arena.
 *
 * On failure: see deliver/handles.h.
 */
#include "deliver/handles.h"

#include <stdlib.h>
#include <string.h>

#include "deliver/table.h"
#include "lib/ipc.h"

enum { ARENA_LIMIT_BYTES = 24 << 20 };

struct handle {
	struct handle *next; /* in the order given */
	uint32_t id;
	bool is_named; /* COMMIT has named it */
	size_t count;
	struct destination *destinations;
};

struct transaction {
	UT_hash_handle hh;
	uint32_t session;
	uint32_t number;
	struct arena arena;
	struct handle *first;
	struct handle *last;
	size_t handle_count;
	size_t mailbox_count;
};

struct handles {
	struct transaction *table; /* by session */
	size_t handle_count;
	size_t mailbox_count;
	uint32_t last_id;
};

struct handles *
handles_new(void)
{
	return calloc(1, sizeof(struct handles));
}

/* Out of the table; its arena lives on. */
static void
unlist(struct handles *handles, struct transaction *transaction)
{
	HASH_DEL(handles->table, transaction);
	handles->handle_count -= transaction->handle_count;
	handles->mailbox_count -= transaction->mailbox_count;
}

static void
forget(struct handles *handles, struct transaction *transaction)
{
	unlist(handles, transaction);
	arena_reset(&transaction->arena);
	free(transaction);
}

void
handles_clear(struct handles *handles)
{
	struct transaction *transaction = handles->table;

	while (transaction) {
		struct transaction *next = transaction->hh.next;

		forget(handles, transaction);
		transaction = next;
	}
}

void
handles_free(struct handles *handles)
{
	if (!handles)
		return;
	handles_clear(handles);
	free(handles);
}

size_t
handles_count(const struct handles *handles)
{
	return handles->handle_count;
}

/* The transaction of a session, made when there is none; one with another number is over. NULL without memory. */
static struct transaction *
open_transaction(struct handles *handles, uint32_t session, uint32_t number)
{
	struct transaction *transaction;

	HASH_FIND(hh, handles->table, &session, sizeof session, transaction);
	if (transaction && transaction->number == number)
		return transaction;
	if (transaction)
		forget(handles, transaction);
	transaction = calloc(1, sizeof *transaction);
	if (!transaction)
		return NULL;
	transaction->session = session;
	transaction->number = number;
	transaction->arena = ARENA_LIMIT(ARENA_LIMIT_BYTES);
	HASH_ADD(hh, handles->table, session, sizeof transaction->session, transaction);
	if (transaction->hh.tbl)
		return transaction;
	free(transaction);
	return NULL;
}

static struct handle *
copy_mailboxes(struct arena *arena, const struct map_mailbox *mailboxes, size_t count)
{
	struct handle *handle = arena_alloc(arena, sizeof *handle);
	struct destination *to = arena_alloc(arena, count * sizeof *to);

	if (!handle || !to)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		to[i].root = mailboxes[i].root;
		to[i].path = arena_copy(arena, mailboxes[i].path).data;
		to[i].address = arena_copy(arena, mailboxes[i].address);
		if (!to[i].path || !to[i].address.data)
			return NULL;
	}
	handle->destinations = to;
	handle->count = count;
	return handle;
}

static bool
has_room(const struct handles *handles, const struct transaction *transaction, size_t count)
{
	return handles->handle_count < HANDLES_MAX && transaction->handle_count < IPC_RECIPIENTS &&
	       count <= HANDLES_MAILBOXES_MAX - transaction->mailbox_count &&
	       count <= HANDLES_ALL_MAILBOXES_MAX - handles->mailbox_count;
}

static struct handle *
add_handle(struct handles *handles, struct transaction *transaction, const struct map_mailbox *mailboxes, size_t count)
{
	if (count == 0 || !has_room(handles, transaction, count))
		return NULL;
	struct handle *handle = copy_mailboxes(&transaction->arena, mailboxes, count);
	if (!handle)
		return NULL;
	if (++handles->last_id == 0)
		handles->last_id = 1;
	handle->id = handles->last_id;
	if (transaction->last)
		transaction->last->next = handle;
	else
		transaction->first = handle;
	transaction->last = handle;
	transaction->handle_count++;
	transaction->mailbox_count += count;
	handles->handle_count++;
	handles->mailbox_count += count;
	return handle;
}

uint32_t
handles_give(struct handles *handles, uint32_t session, uint32_t transaction_number,
    const struct map_mailbox *mailboxes, size_t count)
{
	struct transaction *transaction = open_transaction(handles, session, transaction_number);
	struct handle *handle = transaction ? add_handle(handles, transaction, mailboxes, count) : NULL;

	/* Only transactions with handles are kept: it is the handles that are capped. */
	if (transaction && transaction->handle_count == 0)
		forget(handles, transaction);
	return handle ? handle->id : 0;
}

/* The handle with this id. smtpd names them in the order it got them: the search goes on from `from`. */
static struct handle *
find_handle(const struct transaction *transaction, struct handle *from, uint32_t id)
{
	for (struct handle *handle = from; handle; handle = handle->next)
		if (handle->id == id)
			return handle;
	for (struct handle *handle = transaction->first; handle && handle != from; handle = handle->next)
		if (handle->id == id)
			return handle;
	return NULL;
}

/* The mailboxes of all that the list names, each with its handle's place in the list; marks those handles. No handle is
 * named twice, so candidates needs room for the transaction's mailboxes. */
static bool
list_mailboxes(
    struct transaction *transaction, struct span list, struct candidate *candidates, size_t *count, const char **why)
{
	struct handle *from = transaction->first;

	for (unsigned i = 0; i < ipc_u32_count(list); i++) {
		struct handle *handle = find_handle(transaction, from, ipc_u32_at(list, i));

		*why = "it names a handle that was not given to this session in this transaction";
		if (!handle)
			return false;
		*why = "it names a handle twice";
		if (handle->is_named)
			return false;
		handle->is_named = true;
		for (size_t j = 0; j < handle->count; j++, (*count)++)
			candidates[*count] = (struct candidate){ handle->destinations[j], i, *count };
		from = handle->next;
	}
	return true;
}

static bool
collect(struct transaction *transaction, struct span list, struct redeemed *out, const char **why)
{
	struct arena *arena = &transaction->arena;
	struct candidate *candidates = arena_alloc(arena, transaction->mailbox_count * sizeof *candidates);
	size_t mailboxes = 0;

	if (candidates && !list_mailboxes(transaction, list, candidates, &mailboxes, why))
		return false;
	*why = "there is no memory for its mailboxes";
	return candidates && redeemed_form(arena, candidates, mailboxes, ipc_u32_count(list), out);
}

bool
handles_redeem(struct handles *handles, uint32_t session, uint32_t transaction_number, struct span list,
    struct redeemed *out, const char **why)
{
	struct transaction *transaction;

	*out = (struct redeemed){ 0 };
	HASH_FIND(hh, handles->table, &session, sizeof session, transaction);
	*why = "its transaction has no handles: none were given, or they were used already";
	if (!transaction || transaction->number != transaction_number)
		return false;
	unlist(handles, transaction);
	*why = "its list of handles is empty or cut off";
	bool ok = list.length > 0 && list.length % 4 == 0 && collect(transaction, list, out, why);
	if (ok)
		out->arena = transaction->arena;
	else
		arena_reset(&transaction->arena);
	free(transaction);
	return ok;
}

void
handles_abandon(struct handles *handles, uint32_t session, uint32_t transaction_number)
{
	struct transaction *transaction;

	HASH_FIND(hh, handles->table, &session, sizeof session, transaction);
	if (transaction && transaction->number == transaction_number)
		forget(handles, transaction);
}
