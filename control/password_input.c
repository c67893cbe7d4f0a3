/* The reader of control/password_input.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "control/password_input.h"

#include <errno.h>
#include <poll.h>
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
 * it has: all of it is read, so that nothing behind the line goes unseen. At a terminal signals come only while it
 * waits, with this mask: one that came just before would not break the wait. */
static ssize_t
read_line(const sigset_t *at_terminal, char line[static LINE_SIZE])
{
	struct pollfd watched = { .fd = STDIN_FILENO, .events = POLLIN };
	size_t length = 0;

	while (length < LINE_SIZE) {
		if (at_terminal && ppoll(&watched, 1, NULL, at_terminal) < 0)
			return -1;
		ssize_t got = read(STDIN_FILENO, line + length, LINE_SIZE - length);

		if (got < 0)
			return -1;
		length += (size_t)got;
		if (got == 0 || (at_terminal && memchr(line, '\n', length)))
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
take(const sigset_t *at_terminal, char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	char line[LINE_SIZE];
	ssize_t got = read_line(at_terminal, line);
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
ask_twice(const sigset_t *at_terminal, char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	char again[PASSWORD_SIZE];
	size_t again_length = 0;

	(void)fputs("New password: ", stderr);
	bool ok = take(at_terminal, password, length, why);
	(void)fputc('\n', stderr);
	if (!ok)
		return false;
	(void)fputs("The same again: ", stderr);
	ok = take(at_terminal, again, &again_length, why);
	(void)fputc('\n', stderr);
	if (ok && (again_length != *length || memcmp(again, password, *length) != 0)) {
		buf_append_text(why, "the two are not the same; nothing was changed");
		ok = false;
	}
	explicit_bzero(again, sizeof again);
	return ok;
}

static bool
ask_unseen(const sigset_t *at_terminal, char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	struct termios shown;

	if (tcgetattr(STDIN_FILENO, &shown) != 0) {
		buf_printf(why, "the terminal cannot be asked: %s", strerror(errno));
		return false;
	}
	struct termios unseen = shown;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	bool ok = tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen) == 0;
	if (ok)
		ok = ask_twice(at_terminal, password, length, why);
	else
		buf_printf(why, "the terminal cannot be told to show nothing: %s", strerror(errno));
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	return ok;
}

/* Whoever started us may have asked not to hear of a signal (nohup). */
static void
heed(int number, struct sigaction *before)
{
	const struct sigaction heeding = { .sa_handler = on_signal };

	if (sigaction(number, NULL, before) == 0 && before->sa_handler != SIG_IGN)
		(void)sigaction(number, &heeding, NULL);
}

/* What would end or stop the program while the terminal shows nothing only breaks the wait, and has its way
 * afterwards. */
static bool
ask_once(char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	enum { COUNT = sizeof signals / sizeof signals[0] };
	struct sigaction before[COUNT];
	sigset_t held;
	sigset_t mask;

	stopped_by = 0;
	(void)sigemptyset(&held);
	for (int i = 0; i < COUNT; i++)
		(void)sigaddset(&held, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &held, &mask);
	for (int i = 0; i < COUNT; i++)
		heed(signals[i], &before[i]);
	bool ok = ask_unseen(&mask, password, length, why);
	for (int i = 0; i < COUNT; i++)
		(void)sigaction(signals[i], &before[i], NULL);
	if (stopped_by)
		(void)raise(stopped_by);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	return ok;
}

static bool
ask_terminal(char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	bool ok = ask_once(password, length, why);

	/* Who stopped it and let it go on wants to be asked again. */
	while (!ok && stopped_by == SIGTSTP) {
		buf_reset(why);
		ok = ask_once(password, length, why);
	}
	return ok;
}

bool
password_read(char password[static PASSWORD_SIZE], size_t *length, struct buf *why)
{
	return isatty(STDIN_FILENO) ? ask_terminal(password, length, why) : take(NULL, password, length, why);
}
