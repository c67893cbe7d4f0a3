/* tidegate user: who may send mail from here. Keeps the users file, and compiles it at once; a running server takes it
 * within a second.
 *
 * Trust: the administrator. A password comes from the terminal or from standard input, and is wiped.
 * On failure: a sentence on standard error and exit code 1. Nothing is changed, unless the sentence says so.
 */
#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "lookup/map_read.h"
#include "lookup/map_settings.h"
#include "lookup/users_compile.h"
#include "lookup/users_line.h"
#include "lookup/users_source.h"
#include "control/accounts.h"
#include "control/commands.h"
#include "control/password_input.h"
#include "control/state_folder.h"
#include "control/users_file.h"

enum { WHY_BYTES = 65536 };

struct user_command {
	const struct config *config;
	bool keeps_case;
	struct state_folder state;
	struct mail_address address;
	char hash[CRYPT_OUTPUT_SIZE];
	struct buf why; /* what to tell when it fails */
};

/* Is the address delivered to a mailbox of its own, and so is somebody's? */
static bool
judge_mailbox(struct user_command *command, const struct map_result *result)
{
	struct span address = mail_address_span(&command->address);
	struct buf *why = &command->why;

	buf_printf(why, "%.*s ", SPAN_ARG(address));
	if (result->verdict != MAP_DELIVER) {
		buf_append_text(why, "is not delivered to anybody; give it a mailbox first (\"ADDRESS maildir\" in the "
				     "recipients file, then `tidegate map`)");
	} else if (!span_equal(result->key, address)) {
		buf_printf(why,
		    "has no line of its own (mail to it goes by \"%.*s\"); give it a mailbox, or name the "
		    "user by the address that has one",
		    SPAN_ARG(result->key));
	} else if (result->count != 1 || !span_equal(result->mailboxes[0].address, address)) {
		buf_printf(why,
		    "is an alias (of %.*s%s), and has no mailbox; a user is named by the address whose "
		    "mailbox is his",
		    SPAN_ARG(result->mailboxes[0].address), result->count > 1 ? " and others" : "");
	} else {
		buf_reset(why);
		return true;
	}
	return false;
}

static bool
has_mailbox(struct user_command *command)
{
	static struct map_result result; /* large */
	const struct map_rules rules = map_rules_of(command->config);
	int fd = state_folder_open_map(&command->state);
	struct map *map = fd < 0 ? NULL : map_open(fd, &command->why);

	if (!map) {
		buf_reset(&command->why);
		buf_append_text(
		    &command->why, "there is no recipient map that says whose address it is; run `tidegate map` first");
		return false;
	}
	map_lookup(map, &rules, mail_address_span(&command->address), &result);
	bool is_good = judge_mailbox(command, &result);
	map_close(map);
	return is_good;
}

/* Hashes with libcrypt's own choice of method (yescrypt) and cost. */
static bool
hash_password(struct user_command *command)
{
	static struct crypt_data room;
	char password[PASSWORD_SIZE];
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	size_t length;

	if (!password_read(password, &length, &command->why))
		return false;
	bool ok = crypt_gensalt_rn(NULL, 0, NULL, 0, setting, sizeof setting) != NULL;
	const char *hash = ok ? crypt_rn(password, setting, &room, (int)sizeof room) : NULL;
	explicit_bzero(password, sizeof password);
	ok = hash != NULL;
	if (ok)
		(void)snprintf(command->hash, sizeof command->hash, "%s", hash);
	else
		buf_printf(&command->why, "libcrypt cannot make a hash (%s)", strerror(errno));
	explicit_bzero(&room, sizeof room);
	return ok;
}

/* A file that could not be compiled is not written. */
static bool
is_sound(struct user_command *command, struct span text)
{
	struct users_source source = { 0 };
	bool ok = users_source_parse(&source, command->config->users, text, command->keeps_case);

	if (!ok)
		buf_append_text(&command->why, "there is not enough memory");
	problems_write(&source.problems, &command->why);
	ok = ok && source.problems.count == 0;
	users_source_free(&source);
	return ok;
}

static bool
save_and_compile(struct user_command *command, struct span text)
{
	uint64_t users;

	if (!is_sound(command, text) || !users_file_save(command->config->users, text, &command->why))
		return false;
	if (users_compile(command->config->users, command->keeps_case, command->state.users, &users, &command->why) ==
	    USERS_COMPILED)
		return true;
	buf_append_text(
	    &command->why, "; the users file itself is changed, and a running server tries again by itself");
	return false;
}

static bool
edit(struct user_command *command, enum users_change change, struct span text, struct buf *changed)
{
	struct span address = mail_address_span(&command->address);

	switch (users_file_edit(text, command->keeps_case, change, address, span_of(command->hash), changed)) {
	case USERS_EDITED:
		if (buf_ok(changed))
			return true;
		buf_append_text(&command->why, "the file would become too long");
		return false;
	case USERS_IS_THERE:
		buf_printf(&command->why, "%.*s is a user already; for a new password use `tidegate user passwd`",
		    SPAN_ARG(address));
		return false;
	case USERS_NOT_THERE:
		buf_printf(&command->why, "%.*s is no user; `tidegate user list` names them", SPAN_ARG(address));
		return false;
	}
	return false;
}

/* From reading the file to the compiled map nobody else may write it. */
static bool
change_file(struct user_command *command, enum users_change change)
{
	struct buf text = USERS_TEXT;
	struct buf changed = USERS_TEXT;
	bool ok = flock(command->state.users, LOCK_EX) == 0;

	if (!ok) {
		buf_printf(
		    &command->why, "the folder `users` in the state folder cannot be locked (%s)", strerror(errno));
	} else {
		enum users_read_result result = users_source_read(command->config->users, &text, &command->why);

		ok = result == USERS_READ_OK || result == USERS_READ_MISSING;
	}
	if (ok) {
		buf_reset(&command->why);
		ok = edit(command, change, buf_span(&text), &changed) && save_and_compile(command, buf_span(&changed));
	}
	buf_free(&text);
	buf_free(&changed);
	return ok;
}

static bool
list(struct user_command *command)
{
	struct buf text = USERS_TEXT;
	struct users_source source = { 0 };
	bool ok = users_source_read(command->config->users, &text, &command->why) == USERS_READ_OK &&
		  users_source_parse(&source, command->config->users, buf_span(&text), command->keeps_case);

	for (size_t i = 0; i < source.count; i++)
		printf("%.*s\n", SPAN_ARG(source.entries[i].address));
	problems_write(&source.problems, &command->why);
	ok = ok && source.problems.count == 0;
	users_source_free(&source);
	buf_free(&text);
	return ok;
}

static bool
run(struct user_command *command, const char *word, const char *address)
{
	if (strcmp(word, "list") == 0)
		return list(command);
	enum mail_address_result result =
	    mail_address_canonical(span_of(address), command->keeps_case, &command->address);
	if (result != MAIL_ADDRESS_OK) {
		buf_append_text(&command->why, mail_address_problem(result));
		return false;
	}
	if (strcmp(word, "del") == 0)
		return change_file(command, USERS_REMOVE);
	if (strcmp(word, "passwd") == 0)
		return hash_password(command) && change_file(command, USERS_CHANGE);
	return has_mailbox(command) && hash_password(command) && change_file(command, USERS_ADD);
}

static bool
is_configured(struct user_command *command)
{
	const struct config *config = command->config;

	if (*config->users)
		return true;
	if (*config->auth_socket)
		buf_printf(&command->why, "passwords are checked by auth-socket = \"%s\"; users are kept there",
		    config->auth_socket);
	else
		buf_append_text(&command->why, "the configuration names no users file; add a line such as users = "
					       "\"/etc/tidegate/users\"");
	return false;
}

static bool
is_right(const char *word, int operands)
{
	bool names_user = strcmp(word, "add") == 0 || strcmp(word, "passwd") == 0 || strcmp(word, "del") == 0;

	return names_user ? operands == 2 : strcmp(word, "list") == 0 && operands == 1;
}

int
command_user(int argc, char **argv)
{
	const char *path = command_default_config;
	const struct command_option options[] = { { "-c", &path, NULL }, { 0 } };
	struct user_command command = { .why = BUF_LIMIT(WHY_BYTES) };
	struct accounts accounts;

	if (!command_options(&argc, argv, options))
		return EXIT_USAGE;
	if (argc < 2 || !is_right(argv[1], argc - 1)) {
		fprintf(stderr, "usage: tidegate user add|passwd|del [-c FILE] ADDRESS\n"
				"       tidegate user list [-c FILE]\n"
				"A password is read from the terminal or from standard input.\n");
		return EXIT_USAGE;
	}
	struct config *config = command_read_config(path);
	if (!config)
		return 1;
	command.config = config;
	command.keeps_case = config->local_part_case == LETTER_CASE_KEEP;
	state_folder_init(&command.state);
	bool ok = is_configured(&command) && accounts_find(config, &accounts, &command.why) &&
		  state_folder_open(config->state, &accounts, &command.state, &command.why) &&
		  run(&command, argv[1], argc > 2 ? argv[2] : "");
	if (!ok) {
		struct span why = buf_span(&command.why);

		while (why.length && why.data[why.length - 1] == '\n')
			why.length--;
		fprintf(stderr, "tidegate user: %.*s\n", SPAN_ARG(why));
	}
	state_folder_close(&command.state);
	buf_free(&command.why);
	config_free(config);
	explicit_bzero(command.hash, sizeof command.hash);
	return ok ? 0 : 1;
}
