/* Questions and answers of DNS. A message is read in two passes: all records of the answer section into a list, then
 * along the CNAMEs from the name that was asked.
 *
 * On failure: see lookup/dns_message.h; without memory a message counts as FAILED.
 */
#include "lookup/dns_message.h"

#include <ares.h>

#include "lookup/dns_name.h"

enum {
	HEADER_BYTES = 12,
	QUESTION_TAIL_BYTES = 4, /* type and class */
	RECORD_HEAD_BYTES = 10,  /* type, class, TTL, length */
	CLASS_IN = 1,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	SOA_LEAST_BYTES = 22 /* two root names and five numbers, MINIMUM last */
};

enum rcode { RCODE_NO_ERROR = 0, RCODE_FORMAT_ERROR = 1, RCODE_NO_NAME = 3, RCODE_NOT_IMPLEMENTED = 4 };

struct record {
	unsigned type;
	uint32_t ttl_seconds;
	size_t data; /* offset in the message */
	size_t data_bytes;
	bool has_owner; /* false: its name cannot be anybody's */
	struct span owner;
};

struct records {
	size_t count;
	struct record *items;
};

static unsigned
u16_at(struct span message, size_t at)
{
	return (unsigned)(unsigned char)message.data[at] << 8 | (unsigned char)message.data[at + 1];
}

static uint32_t
u32_at(struct span message, size_t at)
{
	return (uint32_t)u16_at(message, at) << 16 | u16_at(message, at + 2);
}

/* Flips the case of letters where a bit is set; returns where the name ends. */
static size_t
mix_case(struct dns_packet *packet, const unsigned char case_bits[static DNS_CASE_BYTES])
{
	size_t at = HEADER_BYTES;

	while (packet->bytes[at] != 0) {
		size_t end = at + 1 + packet->bytes[at];

		for (at++; at < end; at++) {
			size_t bit = at - HEADER_BYTES;
			unsigned char lower = packet->bytes[at] | 0x20;

			if (lower >= 'a' && lower <= 'z' && (case_bits[bit / 8 % DNS_CASE_BYTES] >> bit % 8 & 1))
				packet->bytes[at] ^= 0x20;
		}
	}
	return at + 1;
}

bool
dns_message_query(struct dns_packet *packet, enum dns_type type, struct span name, uint16_t id, bool with_edns,
    const unsigned char case_bits[static DNS_CASE_BYTES])
{
	char escaped[DNS_NAME_ESCAPED_SIZE];
	unsigned char *bytes = NULL;
	int length = 0;

	if (!dns_name_escape(name, escaped))
		return false;
	if (ares_create_query(escaped, CLASS_IN, (int)type, id, 1, &bytes, &length, with_edns ? DNS_EDNS_BYTES : 0) !=
	    ARES_SUCCESS)
		return false;
	bool fits = length > 0 && (size_t)length <= sizeof packet->bytes;
	if (fits) {
		memcpy(packet->bytes, bytes, (size_t)length);
		packet->length = (size_t)length;
		packet->question_end = mix_case(packet, case_bits) + QUESTION_TAIL_BYTES;
	}
	ares_free_string(bytes);
	return fits;
}

bool
dns_message_matches(const struct dns_packet *packet, struct span message)
{
	if (message.length < packet->question_end)
		return false;
	bool is_response = message.data[2] & 0x80;
	unsigned opcode = (unsigned char)message.data[2] >> 3 & 15;
	return is_response && opcode == 0 && u16_at(message, 4) == 1 && memcmp(message.data, packet->bytes, 2) == 0 &&
	       memcmp(message.data + HEADER_BYTES, packet->bytes + HEADER_BYTES, packet->question_end - HEADER_BYTES) ==
		   0;
}

/* Reads what follows a record's name and moves *at behind it. */
static bool
read_record(struct span message, size_t *at, struct record *record)
{
	if (message.length - *at < RECORD_HEAD_BYTES)
		return false;
	*record = (struct record){ .type = u16_at(message, *at), .ttl_seconds = u32_at(message, *at + 4) };
	if (u16_at(message, *at + 2) != CLASS_IN)
		record->type = 0;
	if (record->ttl_seconds > INT32_MAX)
		record->ttl_seconds = 0; /* RFC 2181 8 */
	record->data_bytes = u16_at(message, *at + 8);
	record->data = *at + RECORD_HEAD_BYTES;
	if (record->data_bytes > message.length - record->data)
		return false;
	*at = record->data + record->data_bytes;
	return true;
}

/* The same for a record with its name. */
static bool
read_named_record(struct span message, size_t *at, struct arena *arena, struct record *record)
{
	char text[DNS_NAME_BYTES];
	size_t length;
	enum dns_name_result result = dns_name_read(message, at, text, &length);

	if (result == DNS_NAME_BROKEN || !read_record(message, at, record))
		return false;
	if (result == DNS_NAME_STRANGE)
		return true;
	record->owner = arena_copy(arena, span_make(text, length));
	record->has_owner = true;
	return record->owner.data != NULL;
}

static bool
read_answers(struct span message, size_t *at, struct arena *arena, struct records *records)
{
	records->count = u16_at(message, 6);
	if (records->count > DNS_ANSWER_RECORDS)
		return false;
	records->items = arena_alloc(arena, (records->count + 1) * sizeof *records->items);
	if (!records->items)
		return false;
	for (size_t i = 0; i < records->count; i++)
		if (!read_named_record(message, at, arena, &records->items[i]))
			return false;
	return true;
}

/* The SOA of the authority section: *ttl is how long "there is none" may be kept (RFC 2308 5). */
static bool
read_authority(struct span message, size_t *at, bool *has_soa, uint32_t *ttl)
{
	unsigned count = u16_at(message, 8);

	*has_soa = false;
	*ttl = 0;
	for (unsigned i = 0; i < count; i++) {
		struct record record;

		if (!dns_name_skip(message, at) || !read_record(message, at, &record))
			return false;
		if (record.type != TYPE_SOA || record.data_bytes < SOA_LEAST_BYTES)
			continue;
		uint32_t minimum = u32_at(message, record.data + record.data_bytes - 4);
		*has_soa = true;
		*ttl = minimum < record.ttl_seconds ? minimum : record.ttl_seconds;
	}
	return true;
}

static const struct record *
find_record(const struct records *records, unsigned type, struct span owner)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct record *record = &records->items[i];

		if (record->type == type && record->has_owner && span_equal_nocase(record->owner, owner))
			return record;
	}
	return NULL;
}

static bool
convert_text(struct span message, const struct record *from, struct arena *arena, struct dns_record *to)
{
	char *joined = arena_alloc(arena, from->data_bytes + 1);
	size_t at = from->data;
	size_t end = from->data + from->data_bytes;
	size_t length = 0;

	if (!joined)
		return false;
	while (at < end) {
		size_t bytes = (unsigned char)message.data[at];

		if (bytes > end - at - 1)
			return false;
		memcpy(joined + length, message.data + at + 1, bytes);
		length += bytes;
		at += 1 + bytes;
	}
	to->text = span_make(joined, length);
	return true;
}

/* A name in a record's data, which it must fill. *is_strange: it has no text. */
static bool
convert_name(struct span message, size_t at, size_t end, struct arena *arena, struct span *name, bool *is_strange)
{
	char text[DNS_NAME_BYTES];
	size_t length;
	enum dns_name_result result = dns_name_read(message, &at, text, &length);

	if (result == DNS_NAME_BROKEN || at != end)
		return false;
	*is_strange = result == DNS_NAME_STRANGE;
	*name = arena_copy(arena, span_make(text, length));
	return name->data != NULL;
}

static bool
convert_address(struct span message, const struct record *from, size_t bytes, struct dns_record *to)
{
	if (from->data_bytes != bytes)
		return false;
	memcpy(to->ip, message.data + from->data, bytes);
	return true;
}

static bool
convert(struct span message, enum dns_type type, const struct record *from, struct arena *arena, struct dns_record *to,
    bool *is_strange)
{
	size_t end = from->data + from->data_bytes;

	switch (type) {
	case DNS_A:
		return convert_address(message, from, 4, to);
	case DNS_AAAA:
		return convert_address(message, from, 16, to);
	case DNS_TXT:
		return convert_text(message, from, arena, to);
	case DNS_PTR:
		return convert_name(message, from->data, end, arena, &to->text, is_strange);
	case DNS_MX:
		if (from->data_bytes < 3)
			return false;
		to->preference = (uint16_t)u16_at(message, from->data);
		return convert_name(message, from->data + 2, end, arena, &to->text, is_strange);
	}
	return false;
}

/* Fills the answer with owner's records of the type. False when one of them is malformed. */
static bool
collect(struct span message, const struct records *records, enum dns_type type, struct span owner, struct arena *arena,
    struct dns_reply *reply)
{
	struct dns_record *kept = arena_alloc(arena, (records->count + 1) * sizeof *kept);
	size_t count = 0;

	for (size_t i = 0; kept && i < records->count && count < DNS_RECORDS_MAX; i++) {
		const struct record *from = &records->items[i];
		bool is_strange = false;

		if (from->type != (unsigned)type || !from->has_owner || !span_equal_nocase(from->owner, owner))
			continue;
		if (!convert(message, type, from, arena, &kept[count], &is_strange))
			return false;
		if (is_strange)
			continue;
		if (from->ttl_seconds < reply->ttl_seconds)
			reply->ttl_seconds = from->ttl_seconds;
		count++;
	}
	reply->answer = (struct dns_answer){ count ? DNS_FOUND : DNS_NO_DATA, count, kept };
	return kept != NULL;
}

/* Follows CNAMEs from *name as far as the message has them. False: a loop, or a target without text. */
static bool
follow_chain(
    struct span message, const struct records *records, struct arena *arena, struct span *name, struct dns_reply *reply)
{
	for (unsigned hops = 0; hops <= DNS_CHAIN_MAX; hops++) {
		const struct record *alias = find_record(records, TYPE_CNAME, *name);
		bool is_strange = false;

		if (!alias)
			return true;
		if (!convert_name(message, alias->data, alias->data + alias->data_bytes, arena, name, &is_strange) ||
		    is_strange)
			return false;
		if (alias->ttl_seconds < reply->ttl_seconds)
			reply->ttl_seconds = alias->ttl_seconds;
	}
	return false;
}

static void
reply_negative(struct dns_reply *reply, enum dns_status status, bool has_soa, uint32_t negative_ttl)
{
	reply->kind = DNS_REPLY_ANSWER;
	reply->answer = (struct dns_answer){ status, 0, NULL };
	if (!has_soa || negative_ttl < reply->ttl_seconds)
		reply->ttl_seconds = has_soa ? negative_ttl : 0;
}

void
dns_message_parse(const struct dns_packet *packet, enum dns_type type, struct span name, struct span message,
    struct arena *arena, struct dns_reply *reply)
{
	unsigned rcode = (unsigned char)message.data[3] & 15;
	bool is_truncated = message.data[2] & 0x02;
	size_t at = packet->question_end;
	struct records records;
	uint32_t negative_ttl;
	struct span end_name = name;
	bool has_soa;

	*reply = (struct dns_reply){ .kind = DNS_REPLY_FAILED, .ttl_seconds = INT32_MAX };
	if (is_truncated) {
		reply->kind = DNS_REPLY_TRUNCATED;
		return;
	}
	bool has_edns = packet->length > packet->question_end;
	if (has_edns && (rcode == RCODE_FORMAT_ERROR || rcode == RCODE_NOT_IMPLEMENTED))
		reply->kind = DNS_REPLY_NO_EDNS;
	if (rcode != RCODE_NO_ERROR && rcode != RCODE_NO_NAME)
		return;
	if (!read_answers(message, &at, arena, &records) || !read_authority(message, &at, &has_soa, &negative_ttl))
		return;
	if (!follow_chain(message, &records, arena, &end_name, reply)) {
		reply_negative(reply, DNS_TROUBLE, false, 0);
		return;
	}
	if (rcode == RCODE_NO_NAME) {
		reply_negative(reply, DNS_NO_NAME, has_soa, negative_ttl);
		return;
	}
	if (!collect(message, &records, type, end_name, arena, reply))
		return;
	reply->kind = DNS_REPLY_ANSWER;
	if (reply->answer.status == DNS_FOUND)
		return;
	if (end_name.data != name.data && !has_soa) {
		reply->kind = DNS_REPLY_CHAIN;
		reply->next_name = end_name;
		return;
	}
	reply_negative(reply, DNS_NO_DATA, has_soa, negative_ttl);
}
