/* control/accounts: names, numbers, and who may not share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "control/accounts.h"

enum { WHY_LIMIT_BYTES = 1024 };

static bool
nobody_by_name(const char *name, struct account *account)
{
	(void)name;
	(void)account;
	return false;
}

static bool
nobody_by_uid(uid_t uid, struct account *account)
{
	(void)uid;
	(void)account;
	return false;
}

static bool
some_by_name(const char *name, struct account *account)
{
	static const struct {
		const char *name;
		struct account account;
	} known[] = { { "vmail", { 5000, 5001 } }, { "tidegate-smtpd", { 120, 121 } }, { "root", { 0, 0 } } };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(known[i].name, name) != 0)
			continue;
		*account = known[i].account;
		return true;
	}
	return false;
}

static bool
some_by_uid(uid_t uid, struct account *account)
{
	if (uid != 5000)
		return false;
	*account = (struct account){ 5000, 5001 };
	return true;
}

static const struct accounts_source nobody = { nobody_by_name, nobody_by_uid };
static const struct accounts_source some = { some_by_name, some_by_uid };

static struct config
make_config(const char *mailbox_user)
{
	return (struct config){ .uid_base = 70000, .mailbox_user = mailbox_user };
}

static bool
choose(
    const struct config *config, const struct accounts_source *source, struct accounts *accounts, const char *expected)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	bool ok = accounts_choose(config, source, accounts, &why);

	if (expected)
		assert_non_null(strstr(buf_text(&why), expected));
	buf_free(&why);
	return ok;
}

static void
test_numbers_where_there_are_no_accounts(void **state)
{
	struct config config = make_config("");
	struct accounts accounts;

	(void)state;
	assert_true(choose(&config, &nobody, &accounts, NULL));
	for (enum role role = ROLE_DOOR; role < ROLE_COUNT; role++) {
		assert_int_equal(accounts.of[role].uid, 70000 + plan_row(role)->uid_offset);
		assert_int_equal(accounts.of[role].gid, accounts.of[role].uid);
	}
}

static void
test_names_where_there_are(void **state)
{
	struct config config = make_config("");
	struct accounts accounts;

	(void)state;
	assert_true(choose(&config, &some, &accounts, NULL));
	assert_int_equal(accounts.of[ROLE_SMTPD].uid, 120);
	assert_int_equal(accounts.of[ROLE_SMTPD].gid, 121);
	assert_int_equal(accounts.of[ROLE_DELIVER].uid, 5000);
	assert_int_equal(accounts.of[ROLE_DOOR].uid, 70000);
}

static void
test_mailbox_user_by_number(void **state)
{
	struct config config = make_config("5000");
	struct accounts accounts;

	(void)state;
	assert_true(choose(&config, &some, &accounts, NULL));
	assert_int_equal(accounts.of[ROLE_DELIVER].uid, 5000);
	assert_int_equal(accounts.of[ROLE_DELIVER].gid, 5001);
	config.mailbox_user = "6000";
	assert_true(choose(&config, &some, &accounts, NULL));
	assert_int_equal(accounts.of[ROLE_DELIVER].gid, 6000);
}

static void
test_mailbox_user_that_cannot_be(void **state)
{
	static const struct {
		const char *user;
		const char *why;
	} cases[] = { { "nosuch", "no such account" }, { "root", "would run as root" }, { "0", "would run as root" },
		{ "4294967295", "no uid" }, { "99999999999999999999", "no uid" }, { "70000", "would share uid" },
		{ "tidegate-smtpd", "would share uid" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct config config = make_config(cases[i].user);
		struct accounts accounts;

		assert_false(choose(&config, &some, &accounts, cases[i].why));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_where_there_are_no_accounts),
		cmocka_unit_test(test_names_where_there_are),
		cmocka_unit_test(test_mailbox_user_by_number),
		cmocka_unit_test(test_mailbox_user_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
