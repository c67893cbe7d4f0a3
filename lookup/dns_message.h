/* DNS messages: builds questions and reads their answers (RFC 1035, RFC 2308, RFC 6891), on c-ares' pure functions.
 *
 * A question carries a random id and random case in its name ("0x20"); an answer counts only when it is a response
 * with the same id and, octet for octet, the same question. CNAMEs are followed inside the message.
 *
 * Trust: answers are the Internet's, and may be a forger's. Pure: randomness is given by the caller.
 * On failure: an enum says what to do next; nothing half-read is ever handed out.
 */
#ifndef TIDEGATE_LOOKUP_DNS_MESSAGE_H
#define TIDEGATE_LOOKUP_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lookup/replay.h"

enum {
	DNS_EDNS_BYTES = 1232,     /* greatest datagram we take: never fragmented (DNS flag day 2020) */
	DNS_QUERY_BYTES = 320,     /* header, name, type, class, OPT */
	DNS_CASE_BYTES = 32,       /* one bit for each octet of a name */
	DNS_CHAIN_MAX = 12,        /* CNAMEs followed in one message */
	DNS_ANSWER_RECORDS = 1024, /* an answer section with more is not read */
	DNS_PARSE_BYTES = 1 << 20  /* an arena of this limit is enough for any message */
};

/* A question as it was sent. */
struct dns_packet {
	size_t length;
	size_t question_end; /* header and question are the bytes before it */
	unsigned char bytes[DNS_QUERY_BYTES];
};

/* Builds a question. False when the name cannot be asked: an empty or over-long label, over 255 octets, a NUL, or a
 * name in .onion (RFC 7686). with_edns: announces DNS_EDNS_BYTES. */
bool dns_message_query(struct dns_packet *packet, enum dns_type type, struct span name, uint16_t id, bool with_edns,
    const unsigned char case_bits[static DNS_CASE_BYTES]);

/* Is message a response to exactly this packet? */
bool dns_message_matches(const struct dns_packet *packet, struct span message);

enum dns_reply_kind {
	DNS_REPLY_ANSWER,    /* *answer is final (status FOUND, NO_DATA, NO_NAME, or TROUBLE for a loop of CNAMEs) */
	DNS_REPLY_CHAIN,     /* CNAMEs lead to next_name, and the message does not say what is there: ask */
	DNS_REPLY_TRUNCATED, /* ask again over TCP */
	DNS_REPLY_NO_EDNS,   /* the server knows no EDNS: ask again without (RFC 6891 7) */
	DNS_REPLY_FAILED     /* the server failed or refused, or the message is malformed: ask another one */
};

struct dns_reply {
	enum dns_reply_kind kind;
	struct dns_answer answer; /* its records lie in the arena */
	uint32_t ttl_seconds;     /* how long it may be kept: 0 is not at all (RFC 2308 for negative answers) */
	struct span next_name;    /* CHAIN; in the arena */
};

/* Reads a message that matches the packet of a question for (type, name). Results lie in the arena. */
void dns_message_parse(const struct dns_packet *packet, enum dns_type type, struct span name, struct span message,
    struct arena *arena, struct dns_reply *reply);

#endif
