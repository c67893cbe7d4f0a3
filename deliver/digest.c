/* The message digest of deliver/digest.h: a small machine over the header's lines; the body is hashed as it comes.
 *
 * On failure: see deliver/digest.h.
 */
#include "deliver/digest.h"

#include <string.h>

void
digest_begin(struct digest *digest, struct sha256 *hash, struct span mailfrom)
{
	*digest = (struct digest){ .hash = hash };
	sha256_begin(hash);
	sha256_add(hash, mailfrom);
	sha256_add(hash, SPAN("\0")); /* no address holds a NUL: nothing of the message passes for part of it */
}

static bool
changes_on_the_way(struct span name)
{
	return span_equal_nocase(name, SPAN("Received")) || span_equal_nocase(name, SPAN("DKIM-Signature")) ||
	       span_equal_nocase(name, SPAN("Authentication-Results")) || span_starts_nocase(name, SPAN("ARC-")) ||
	       span_starts_nocase(name, SPAN("X-"));
}

/* The name has ended, with a colon or because it is longer than any we know. */
static void
judge_name(struct digest *digest)
{
	struct span written = span_make(digest->name, digest->name_length);
	struct span name = span_trim(written);

	digest->skips_field = changes_on_the_way(name);
	if (span_equal_nocase(name, SPAN("Message-ID")) || span_equal_nocase(name, SPAN("Date")))
		digest->has_identity = true;
	if (!digest->skips_field)
		sha256_add(digest->hash, written);
	digest->state = digest->skips_field ? DIGEST_SKIP : DIGEST_KEEP;
}

/* A line without a colon: the empty one ends the header, any other is text that somebody put there. */
static void
judge_line_without_name(struct digest *digest)
{
	struct span line = span_make(digest->name, digest->name_length);

	sha256_add(digest->hash, line);
	sha256_add(digest->hash, SPAN("\n"));
	digest->skips_field = false;
	digest->state = span_equal(line, SPAN("\r")) || line.length == 0 ? DIGEST_BODY : DIGEST_LINE_START;
}

static void
take_name_byte(struct digest *digest, char c)
{
	if (c == '\n') {
		judge_line_without_name(digest);
		return;
	}
	if (c != ':' && digest->name_length < sizeof digest->name) {
		digest->name[digest->name_length++] = c;
		return;
	}
	judge_name(digest);
	if (digest->state == DIGEST_KEEP)
		sha256_add(digest->hash, span_make(&c, 1));
}

/* Takes the rest of a line, as far as it is there; how many bytes. */
static size_t
take_rest_of_line(struct digest *digest, struct span bytes)
{
	size_t newline = span_find(bytes, '\n');
	size_t taken = newline < bytes.length ? newline + 1 : bytes.length;

	if (digest->state == DIGEST_KEEP)
		sha256_add(digest->hash, span_take(bytes, taken));
	if (newline < bytes.length)
		digest->state = DIGEST_LINE_START;
	return taken;
}

static void
start_line(struct digest *digest, char c)
{
	digest->name_length = 0;
	if (c == ' ' || c == '\t')
		digest->state = digest->skips_field ? DIGEST_SKIP : DIGEST_KEEP;
	else
		digest->state = DIGEST_NAME;
}

void
digest_add(struct digest *digest, struct span bytes)
{
	while (bytes.length) {
		switch (digest->state) {
		case DIGEST_LINE_START:
			start_line(digest, bytes.data[0]);
			break;
		case DIGEST_NAME:
			take_name_byte(digest, bytes.data[0]);
			bytes = span_skip(bytes, 1);
			break;
		case DIGEST_KEEP:
		case DIGEST_SKIP:
			bytes = span_skip(bytes, take_rest_of_line(digest, bytes));
			break;
		case DIGEST_BODY:
			sha256_add(digest->hash, bytes);
			return;
		}
	}
}

bool
digest_end(struct digest *digest, uint8_t result[static SHA256_BYTES])
{
	/* A message that ends inside of a line's name. */
	if (digest->state == DIGEST_NAME)
		sha256_add(digest->hash, span_make(digest->name, digest->name_length));
	return sha256_end(digest->hash, result) && digest->has_identity;
}
