/* The rules of control/accounts.h over getpwnam and getpwuid. In a bare chroot there is no account database: the
 * lookups find nothing there and every uid is a number.
 *
 * On failure: a sentence that names the key or the account.
 */
#include "control/accounts.h"

#include <pwd.h>
#include <unistd.h>

enum { LAST_UID = 4294967294u };

static const char default_mailbox_user[] = "vmail";

static bool
take_entry(const struct passwd *entry, struct account *account)
{
	if (!entry)
		return false;
	*account = (struct account){ entry->pw_uid, entry->pw_gid };
	return true;
}

static bool
system_by_name(const char *name, struct account *account)
{
	return take_entry(getpwnam(name), account);
}

static bool
system_by_uid(uid_t uid, struct account *account)
{
	return take_entry(getpwuid(uid), account);
}

static struct account
numbered(const struct config *config, const struct plan_row *row)
{
	uid_t uid = (uid_t)(config->uid_base + row->uid_offset);

	return (struct account){ uid, (gid_t)uid };
}

static bool
is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* "" is vmail if there is one, else a number of the range. */
static bool
choose_mailbox_user(
    const struct config *config, const struct accounts_source *source, struct account *account, struct buf *why)
{
	const char *user = config->mailbox_user;

	if (!*user) {
		if (!source->by_name(default_mailbox_user, account))
			*account = numbered(config, plan_row(ROLE_DELIVER));
		return true;
	}
	if (is_number(user)) {
		unsigned long long number = strtoull(user, NULL, 10);

		if (strlen(user) > 10 || number > LAST_UID) {
			buf_printf(why, "mailbox-user = %s: this is no uid; greatest is %u", user, LAST_UID);
			return false;
		}
		if (!source->by_uid((uid_t)number, account))
			*account = (struct account){ (uid_t)number, (gid_t)number };
		return true;
	}
	if (source->by_name(user, account))
		return true;
	buf_printf(why, "mailbox-user = \"%s\": there is no such account here; create it, or write a uid", user);
	return false;
}

/* Two processes that share a uid could send signals to each other: only the kernel's other walls would be left. */
static bool
accounts_differ(const struct accounts *accounts, struct buf *why)
{
	for (enum role a = ROLE_DOOR; a < ROLE_COUNT; a++) {
		if (accounts->of[a].uid == 0) {
			buf_printf(why, "%s would run as root; give it an account of its own", plan_row(a)->name);
			return false;
		}
		for (enum role b = ROLE_DOOR; b < a; b++) {
			if (accounts->of[a].uid != accounts->of[b].uid)
				continue;
			buf_printf(why, "%s and %s would share uid %u; give each its own account, or change uid-base",
			    plan_row(a)->name, plan_row(b)->name, (unsigned)accounts->of[a].uid);
			return false;
		}
	}
	return true;
}

bool
accounts_choose(
    const struct config *config, const struct accounts_source *source, struct accounts *accounts, struct buf *why)
{
	*accounts = (struct accounts){ .is_root = true };
	for (enum role role = ROLE_DOOR; role < ROLE_COUNT; role++) {
		const struct plan_row *row = plan_row(role);

		if (!row->account) {
			if (!choose_mailbox_user(config, source, &accounts->of[role], why))
				return false;
		} else if (!source->by_name(row->account, &accounts->of[role])) {
			accounts->of[role] = numbered(config, row);
		}
	}
	return accounts_differ(accounts, why);
}

bool
accounts_find(const struct config *config, struct accounts *accounts, struct buf *why)
{
	static const struct accounts_source system = { system_by_name, system_by_uid };

	if (geteuid() == 0)
		return accounts_choose(config, &system, accounts, why);
	*accounts = (struct accounts){ .is_root = false };
	for (enum role role = ROLE_DOOR; role < ROLE_COUNT; role++)
		accounts->of[role] = (struct account){ geteuid(), getegid() };
	return true;
}
