/* Makes DNS messages octet by octet, right ones and wrong ones, for the tests of lookup/.
 * On failure: a message that grows over its limit fails the test that looks at it.
 */
#ifndef TIDEGATE_TESTS_UNIT_LOOKUP_CRAFT_H
#define TIDEGATE_TESTS_UNIT_LOOKUP_CRAFT_H

#include "lib/buf.h"
#include "lookup/dns_message.h"

enum { TYPE_CNAME = 5, TYPE_SOA = 6 };

static inline void
craft_u16(struct buf *message, unsigned value)
{
	buf_append_char(message, (char)(value >> 8));
	buf_append_char(message, (char)(value & 0xff));
}

static inline void
craft_u32(struct buf *message, uint32_t value)
{
	craft_u16(message, value >> 16);
	craft_u16(message, value & 0xffff);
}

/* "a.b" as labels; "" is the root. */
static inline void
craft_name(struct buf *message, const char *name)
{
	struct span rest = span_of(name);

	while (rest.length) {
		size_t label = span_find(rest, '.');

		buf_append_char(message, (char)label);
		buf_append(message, span_take(rest, label));
		rest = span_skip(rest, label + 1);
	}
	buf_append_char(message, '\0');
}

/* The header and question of an answer to packet. */
static inline void
craft_begin(struct buf *message, const struct dns_packet *packet, unsigned rcode, unsigned answers, unsigned authority)
{
	buf_reset(message);
	buf_append(message, span_make((const char *)packet->bytes, 2));
	craft_u16(message, 0x8180 | rcode);
	craft_u16(message, 1);
	craft_u16(message, answers);
	craft_u16(message, authority);
	craft_u16(message, 0);
	buf_append(message, span_make((const char *)packet->bytes + 12, packet->question_end - 12));
}

/* A record up to its data; NULL as owner is a pointer to the question's name. */
static inline void
craft_head(struct buf *message, const char *owner, unsigned type, uint32_t ttl, size_t data_bytes)
{
	if (owner)
		craft_name(message, owner);
	else
		craft_u16(message, 0xc00c);
	craft_u16(message, type);
	craft_u16(message, 1);
	craft_u32(message, ttl);
	craft_u16(message, (unsigned)data_bytes);
}

static inline void
craft_a(struct buf *message, const char *owner, uint32_t ttl, uint32_t address)
{
	craft_head(message, owner, DNS_A, ttl, 4);
	craft_u32(message, address);
}

static inline void
craft_named(struct buf *message, const char *owner, unsigned type, uint32_t ttl, const char *target)
{
	craft_head(message, owner, type, ttl, *target ? strlen(target) + 2 : 1);
	craft_name(message, target);
}

static inline void
craft_mx(struct buf *message, const char *owner, unsigned preference, const char *target)
{
	craft_head(message, owner, DNS_MX, 300, 2 + (*target ? strlen(target) + 2 : 1));
	craft_u16(message, preference);
	craft_name(message, target);
}

static inline void
craft_soa(struct buf *message, uint32_t ttl, uint32_t minimum)
{
	craft_head(message, "", TYPE_SOA, ttl, 22);
	craft_u16(message, 0); /* two root names */
	for (unsigned i = 0; i < 4; i++)
		craft_u32(message, 1);
	craft_u32(message, minimum);
}

#endif
