/* Any bytes as the answer to a question: read without a crash, and what is handed out is within its limits. The first
 * octet picks the type; header and question are made to fit, since only such messages are ever read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bug.h"
#include "lookup/dns_message.h"
#include "lookup/dns_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT };

static void
check(enum dns_type type, const struct dns_reply *reply)
{
	if (reply->kind == DNS_REPLY_CHAIN && reply->next_name.length > DNS_NAME_BYTES)
		BUG("a name over its limit");
	if (reply->kind != DNS_REPLY_ANSWER)
		return;
	if (reply->answer.count > DNS_RECORDS_MAX)
		BUG("more records than promised");
	if ((reply->answer.status == DNS_FOUND) != (reply->answer.count > 0))
		BUG("found without records, or records without being found");
	for (size_t i = 0; i < reply->answer.count; i++) {
		struct span text = reply->answer.records[i].text;

		if ((type == DNS_MX || type == DNS_PTR) &&
		    (text.length > DNS_NAME_BYTES || span_find(text, '\0') != text.length))
			BUG("a name that cannot be asked on");
		if (text.length > DNS_TXT_MAX_BYTES)
			BUG("a text over its limit");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char no_case[DNS_CASE_BYTES];
	const struct span name = SPAN("example.org");
	struct arena arena = ARENA_LIMIT(DNS_PARSE_BYTES);
	struct dns_packet packet;
	struct dns_reply reply;

	if (size < 1 || size > 65536)
		return 0;
	enum dns_type type = types[data[0] % (sizeof types / sizeof types[0])];
	if (!dns_message_query(&packet, type, name, 0x1234, true, no_case) || size - 1 < packet.question_end)
		return 0;
	/* A block of its own size, so that a read behind its end is seen. */
	char *message = malloc(size - 1);
	if (!message)
		return 0;
	memcpy(message, data + 1, size - 1);
	memcpy(message, packet.bytes, 2);
	message[2] = (char)((message[2] & 0x07) | 0x80);
	memcpy(message + 4, packet.bytes + 4, 2);
	memcpy(message + 12, packet.bytes + 12, packet.question_end - 12);
	if (!dns_message_matches(&packet, span_make(message, size - 1)))
		BUG("a message that was made to fit does not");
	dns_message_parse(&packet, type, name, span_make(message, size - 1), &arena, &reply);
	check(type, &reply);
	arena_reset(&arena);
	free(message);
	return 0;
}
