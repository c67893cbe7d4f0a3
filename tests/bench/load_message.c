/* The messages of tests/bench/load_message.h.
 *
 * On failure: see there.
 */
#include "tests/bench/load_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/load_session.h"

static char *body;
static size_t body_length;

void
load_message_make(void)
{
	static const char line[] = "The quick brown fox jumps over the lazy dog, again and again.\r\n";
	size_t length = sizeof line - 1;
	size_t wanted = load_options.size_bytes > 256 ? load_options.size_bytes - 256 : 0;

	body = malloc(wanted + length + 16);
	if (!body)
		load_die("no memory for a message");
	while (body_length + length <= wanted || body_length == 0) {
		memcpy(body + body_length, line, length);
		body_length += length;
	}
	const char *end = load_options.pipelines_quit ? ".\r\nQUIT\r\n" : ".\r\n";
	memcpy(body + body_length, end, strlen(end));
	body_length += strlen(end);
}

size_t
load_message_body_bytes(void)
{
	return body_length;
}

size_t
load_message_head(long serial, char *head, size_t room)
{
	return (size_t)snprintf(head, room,
	    "From: Sender <sender@client.test>\r\nTo: Recipient <u0@%s>\r\nSubject: load test message\r\n"
	    "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: <%ld.%d@client.test>\r\n\r\n",
	    load_options.domain, serial, (int)getpid());
}

size_t
load_message_rest(char *head, size_t head_length, size_t sent, struct iovec pieces[static 2])
{
	size_t done = sent > head_length ? sent - head_length : 0;
	size_t count = 0;

	if (sent < head_length)
		pieces[count++] = (struct iovec){ head + sent, head_length - sent };
	pieces[count++] = (struct iovec){ body + done, body_length - done };
	return count;
}
