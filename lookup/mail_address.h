/* The canonical form of a mail address, in which the compiler writes the map and the reader looks it up.
 *
 * Domain: see lookup/mail_domain.h. Local part: without quotes where RFC 5321 needs none, NFC, and lower case unless
 * local-part-case = keep (Unicode's lower case, in no language: "ß" stays, and "ss" is another name);
 * "postmaster" and "abuse" are lower case always (RFC 5321 4.5.1, RFC 2142).
 *
 * Trust: none. Pure; libidn2 and libunistring are asked for what is not ASCII only, and read no file.
 * On failure: an enum; mail_address_problem says it as a sentence.
 */
#ifndef TIDEGATE_LOOKUP_MAIL_ADDRESS_H
#define TIDEGATE_LOOKUP_MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/span.h"
#include "lookup/mail_domain.h"

enum {
	MAIL_LOCAL_PART_BYTES = 64, /* RFC 5321 4.5.3.1.1, as written */
	MAIL_ADDRESS_BYTES = 512    /* room for the canonical form: NFC may take more bytes than what was written */
};

enum mail_address_result {
	MAIL_ADDRESS_OK,
	MAIL_ADDRESS_NO_DOMAIN, /* no "@" */
	MAIL_ADDRESS_NO_LOCAL_PART,
	MAIL_ADDRESS_BAD_LOCAL_PART,
	MAIL_ADDRESS_LONG_LOCAL_PART,
	MAIL_ADDRESS_STRANGE_LOCAL_PART, /* what nobody can see or type: controls, formats, unassigned */
	MAIL_ADDRESS_BAD_DOMAIN,         /* mail_domain_read says how */
	MAIL_ADDRESS_BAD_UTF8,           /* in the local part */
	MAIL_ADDRESS_NO_MEMORY
};

struct mail_address {
	char bytes[MAIL_ADDRESS_BYTES]; /* local part "@" domain, no NUL */
	size_t length;
	size_t local_length; /* bytes[local_length] is the "@" */
	bool is_literal;     /* the domain is an address literal in brackets */
	bool is_quoted;      /* the local part needs its quotes */
};

static inline struct span
mail_address_span(const struct mail_address *address)
{
	return span_make(address->bytes, address->length);
}

static inline struct span
mail_address_local(const struct mail_address *address)
{
	return span_make(address->bytes, address->local_length);
}

static inline struct span
mail_address_domain(const struct mail_address *address)
{
	return span_skip(span_make(address->bytes, address->length), address->local_length + 1);
}

/* The canonical form of local@domain. */
enum mail_address_result mail_address_canonical(struct span text, bool keeps_local_case, struct mail_address *address);
/* What follows the last "@" of an address as it was written; empty when there is none. */
struct span mail_address_written_domain(struct span text);
/* The address as it was written, but for a domain that is not ASCII: that stands in A-labels. The span is text itself
 * when there is nothing to do or it cannot be done, else made in out. */
struct span mail_address_with_a_labels(struct span text, char out[static MAIL_ADDRESS_BYTES]);
/* What is wrong and what would be right. */
const char *mail_address_problem(enum mail_address_result result);
/* Is it postmaster or abuse? */
bool mail_address_is_role(const struct mail_address *address);

/* The addresses under which one address may be found: itself, then without its sub-address, cut from the right, the
 * longest base first. */
struct mail_bases {
	const struct mail_address *address;
	const char *separators; /* characters that begin a sub-address; "" for none */
	size_t cut;             /* length of the local part given out last; 0: none yet */
	struct span key;        /* the address given out last */
	struct span local;      /* its local part */
	char bytes[MAIL_ADDRESS_BYTES];
};

/* The next one, in key and local; false when there are no more. */
bool mail_bases_next(struct mail_bases *bases);

#endif
