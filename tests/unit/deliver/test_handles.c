/* Tests of deliver/handles.c: a handle is good once, for its session and its transaction; doubles become one; caps.
 *
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "deliver/handles.h"
#include "lib/buf.h"
#include "lib/ipc.h"

static struct map_mailbox
mailbox(const char *address, unsigned root, const char *path)
{
	return (struct map_mailbox){ .address = span_of(address), .root = root, .path = span_of(path) };
}

static uint32_t
give_one(struct handles *handles, uint32_t session, uint32_t transaction, const char *path)
{
	struct map_mailbox to = mailbox("alice@example.org", 0, path);

	return handles_give(handles, session, transaction, &to, 1);
}

/* Redeems up to three handles (0: none). */
static bool
redeem(struct handles *handles, uint32_t session, uint32_t transaction, uint32_t a, uint32_t b, uint32_t c,
    struct redeemed *out)
{
	struct buf list = BUF_LIMIT(64);
	const char *why = NULL;
	const uint32_t ids[3] = { a, b, c };

	for (size_t i = 0; i < 3; i++)
		if (ids[i])
			ipc_append_u32(&list, ids[i]);
	bool ok = handles_redeem(handles, session, transaction, buf_span(&list), out, &why);
	assert_true(ok || (why && *why && out->count == 0));
	buf_free(&list);
	return ok;
}

static void
a_handle_brings_its_mailbox(void **state)
{
	struct handles *handles = handles_new();
	struct redeemed out;

	(void)state;
	uint32_t id = give_one(handles, 7, 1, "example.org/alice");
	assert_true(id != 0);
	assert_int_equal(handles_count(handles), 1);
	assert_true(redeem(handles, 7, 1, id, 0, 0, &out));
	assert_int_equal(out.count, 1);
	assert_int_equal(out.destinations[0].root, 0);
	assert_string_equal(out.destinations[0].path, "example.org/alice");
	assert_true(span_equal(out.destinations[0].address, SPAN("alice@example.org")));
	arena_reset(&out.arena);
	assert_int_equal(handles_count(handles), 0);
	handles_free(handles);
}

static void
a_handle_is_good_once(void **state)
{
	struct handles *handles = handles_new();
	struct redeemed out;

	(void)state;
	uint32_t id = give_one(handles, 7, 1, "alice");
	assert_true(redeem(handles, 7, 1, id, 0, 0, &out));
	arena_reset(&out.arena);
	assert_false(redeem(handles, 7, 1, id, 0, 0, &out));
	/* Twice in one COMMIT is twice. */
	id = give_one(handles, 7, 2, "alice");
	assert_false(redeem(handles, 7, 2, id, id, 0, &out));
	/* And that COMMIT has ended the transaction. */
	assert_false(redeem(handles, 7, 2, id, 0, 0, &out));
	handles_free(handles);
}

static void
a_handle_of_another_session_or_transaction_is_refused(void **state)
{
	struct handles *handles = handles_new();
	struct redeemed out;

	(void)state;
	uint32_t mine = give_one(handles, 7, 1, "alice");
	uint32_t other = give_one(handles, 8, 1, "bob");
	assert_false(redeem(handles, 7, 1, mine, other, 0, &out));
	assert_false(redeem(handles, 8, 2, other, 0, 0, &out));
	assert_false(redeem(handles, 9, 1, other, 0, 0, &out));
	assert_false(redeem(handles, 8, 1, 0, 0, 0, &out));
	other = give_one(handles, 8, 1, "bob");
	assert_true(redeem(handles, 8, 1, other, 0, 0, &out));
	arena_reset(&out.arena);
	handles_free(handles);
}

static void
a_list_that_is_cut_off_is_refused(void **state)
{
	struct handles *handles = handles_new();
	struct redeemed out;
	const char *why;

	(void)state;
	(void)give_one(handles, 7, 1, "alice");
	assert_false(handles_redeem(handles, 7, 1, SPAN("\0\0\0"), &out, &why));
	handles_free(handles);
}

static void
a_new_transaction_and_abandon_forget_the_old(void **state)
{
	struct handles *handles = handles_new();
	struct redeemed out;

	(void)state;
	uint32_t old = give_one(handles, 7, 1, "alice");
	uint32_t fresh = give_one(handles, 7, 2, "alice");
	assert_int_equal(handles_count(handles), 1);
	assert_false(redeem(handles, 7, 1, old, 0, 0, &out));
	handles_abandon(handles, 7, 1);
	assert_int_equal(handles_count(handles), 1);
	handles_abandon(handles, 7, 2);
	assert_int_equal(handles_count(handles), 0);
	assert_false(redeem(handles, 7, 2, fresh, 0, 0, &out));
	fresh = give_one(handles, 7, 3, "alice");
	handles_clear(handles);
	assert_false(redeem(handles, 7, 3, fresh, 0, 0, &out));
	handles_free(handles);
}

static void
one_mailbox_reached_twice_is_one(void **state)
{
	const struct map_mailbox alias[] = { mailbox("bob@example.org", 0, "bob"),
		mailbox("alice@example.org", 0, "alice"), mailbox("carol@example.org", 1, "alice") };
	const struct map_mailbox twice[] = { mailbox("alice@example.net", 0, "alice"), mailbox("dave@x", 0, "dave"),
		mailbox("dave@y", 0, "dave") };
	struct handles *handles = handles_new();
	struct redeemed out;

	(void)state;
	uint32_t a = handles_give(handles, 7, 1, alias, 3);
	uint32_t b = handles_give(handles, 7, 1, twice, 3);
	/* In the order of the COMMIT, not of the giving; and the first address stays. */
	assert_true(redeem(handles, 7, 1, b, a, 0, &out));
	assert_int_equal(out.count, 4);
	assert_true(span_equal(out.destinations[0].address, SPAN("alice@example.net")));
	assert_true(span_equal(out.destinations[1].address, SPAN("dave@x")));
	assert_true(span_equal(out.destinations[2].address, SPAN("bob@example.org")));
	assert_true(span_equal(out.destinations[3].address, SPAN("carol@example.org")));
	arena_reset(&out.arena);
	handles_free(handles);
}

static void
what_is_not_named_is_not_delivered(void **state)
{
	struct handles *handles = handles_new();
	struct redeemed out;

	(void)state;
	(void)give_one(handles, 7, 1, "alice");
	uint32_t b = give_one(handles, 7, 1, "bob");
	assert_true(redeem(handles, 7, 1, b, 0, 0, &out));
	assert_int_equal(out.count, 1);
	assert_string_equal(out.destinations[0].path, "bob");
	arena_reset(&out.arena);
	assert_int_equal(handles_count(handles), 0);
	handles_free(handles);
}

static void
caps_hold(void **state)
{
	static struct map_mailbox many[MAP_MAILBOXES_MAX];
	struct handles *handles = handles_new();

	(void)state;
	for (size_t i = 0; i < MAP_MAILBOXES_MAX; i++)
		many[i] = mailbox("a@b", 0, "alice");
	for (size_t i = 0; i < HANDLES_MAILBOXES_MAX / MAP_MAILBOXES_MAX; i++)
		assert_true(handles_give(handles, 1, 1, many, MAP_MAILBOXES_MAX) != 0);
	assert_int_equal(handles_give(handles, 1, 1, many, 1), 0);
	assert_int_equal(handles_give(handles, 2, 1, many, 0), 0);
	for (uint32_t i = 0; i < IPC_RECIPIENTS; i++)
		assert_true(give_one(handles, 2, 1, "bob") != 0);
	assert_int_equal(give_one(handles, 2, 1, "bob"), 0);
	uint32_t session = 3;
	while (give_one(handles, session, 1, "bob") != 0)
		session++;
	assert_int_equal(handles_count(handles), HANDLES_MAX);
	/* Room comes back. */
	handles_abandon(handles, 2, 1);
	assert_true(give_one(handles, session, 1, "bob") != 0);
	handles_free(handles);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handle_brings_its_mailbox),
		cmocka_unit_test(a_handle_is_good_once),
		cmocka_unit_test(a_handle_of_another_session_or_transaction_is_refused),
		cmocka_unit_test(a_list_that_is_cut_off_is_refused),
		cmocka_unit_test(a_new_transaction_and_abandon_forget_the_old),
		cmocka_unit_test(one_mailbox_reached_twice_is_one),
		cmocka_unit_test(what_is_not_named_is_not_delivered),
		cmocka_unit_test(caps_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
