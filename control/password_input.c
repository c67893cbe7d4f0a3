/* The reader of control/password_input.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "control/password_input.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* One more than a password and its line end, so that a longer line is noticed. */
enum { LINE_SIZE = PASSWORD_SIZE + 2 };

static volatile sig_atomic_t stopped_by;

static void
on_signal(int number)
{
	stopped_by = number;
}

/* Reads up to the end of the line, of the input, or of the room; -1 with errno. The terminal gives lines, a pipe what
 * it has: all of it is read, so that nothing behind the line goes unseen. */
static ssize_t
read_line(bool is_terminal, char line[static LINE_SIZE])
{
	size_t length = 0;

	while (length < LINE_SIZE) {
		ssize_t got = read(STDIN_FILENO, line + length, LINE_SIZE - length);

		if (got < 0)
			return -1;
		length += (size_t)got;
		if (got == 0 || (is_terminal && memchr(line, '\n', length)))
			break;
	}
	return (ssize_t)length;
}

/* Why these bytes are no password; NULL when they are one. *length loses the line end. */
static const char *
wrong_password(const char line[static LINE_SIZE], size_t *length)
{
	const char *end = memchr(line, '\n', *length);
	size_t text = end ? (size_t)(end - line) : *length;

	if (end && text + 1 < *length)
		return "there is more than one line; a password is one line";
	if (text > 0 && end && line[text - 1] == '\r')
		text--;
	*length = text;
	if (text == 0)
		return "the password is empty; nothing was changed";
	if (text >= PASSWORD_SIZE)
		return "the password is longer than 511 bytes; think of a shorter one";
	if (memchr(line, '\0', text))
		return "there is a NUL in the password, which no mail program could send";
	return NULL;
}

static bool
take(bool is_terminal, char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	char line[LINE_SIZE];
	ssize_t got = read_line(is_terminal, line);
	size_t text = got > 0 ? (size_t)got : 0;
	const char *wrong = got < 0 ? strerror(errno) : wrong_password(line, &text);

	if (!wrong) {
		memcpy(password, line, text);
		password[text] = '\0';
		*length = text;
	}
	explicit_bzero(line, sizeof line);
	if (wrong)
		buf_append_text(why, wrong);
	return !wrong;
}

static bool
ask_twice(char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	char again[PASSWORD_SIZE];
	size_t again_length = 0;

	(void)fputs("New password: ", stderr);
	bool ok = take(true, password, length, why);
	(void)fputc('\n', stderr);
	if (!ok)
		return false;
	(void)fputs("The same again: ", stderr);
	ok = take(true, again, &again_length, why);
	(void)fputc('\n', stderr);
	if (ok && (again_length != *length || memcmp(again, password, *length) != 0)) {
		buf_append_text(why, "the two are not the same; nothing was changed");
		ok = false;
	}
	explicit_bzero(again, sizeof again);
	return ok;
}

/* What would end the program while the terminal shows nothing only breaks the read, and ends it afterwards. */
static bool
ask_unseen(char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	enum { COUNT = sizeof signals / sizeof signals[0] };
	const struct sigaction heed = { .sa_handler = on_signal };
	struct sigaction before[COUNT];
	struct termios shown;

	if (tcgetattr(STDIN_FILENO, &shown) != 0) {
		buf_printf(why, "the terminal cannot be asked: %s", strerror(errno));
		return false;
	}
	struct termios unseen = shown;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	for (int i = 0; i < COUNT; i++)
		(void)sigaction(signals[i], &heed, &before[i]);
	bool ok = tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen) == 0;
	if (ok)
		ok = ask_twice(password, length, why);
	else
		buf_printf(why, "the terminal cannot be told to show nothing: %s", strerror(errno));
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	for (int i = 0; i < COUNT; i++)
		(void)sigaction(signals[i], &before[i], NULL);
	if (stopped_by)
		(void)raise(stopped_by);
	return ok;
}

bool
password_read(char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	return isatty(STDIN_FILENO) ? ask_unseen(password, length, why) : take(false, password, length, why);
}
