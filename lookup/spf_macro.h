/* Macros of SPF records (RFC 7208 section 7): read, expanded, made into names that can be asked.
 *
 * Trust: texts are the Internet's, the facts are the client's. Pure: no I/O, no globals.
 * On failure: false; a name that cannot be asked is said to be one, never shortened into another.
 */
#ifndef TIDEGATE_LOOKUP_SPF_MACRO_H
#define TIDEGATE_LOOKUP_SPF_MACRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/peer.h"
#include "lib/span.h"
#include "lookup/replay.h"

enum {
	SPF_NAME_BYTES = 253, /* greatest domain name without its final dot (RFC 7208 7.3) */
	SPF_LABEL_BYTES = 63
};

/* One macro-expand of section 7.1: "%%", "%_", "%-" or "%{…}". */
struct spf_macro {
	char letter;     /* lower case; '%', '_' or '-' for those three */
	bool is_escaped; /* the letter was upper case: percent-encode the value */
	bool is_reversed;
	unsigned parts;         /* right-hand parts to keep; 0: all */
	struct span delimiters; /* empty: "." */
};

/* What the letters stand for. */
struct spf_macro_facts {
	struct span sender;         /* s; always with an "@" */
	struct span local_part;     /* l */
	struct span sender_domain;  /* o */
	struct span domain;         /* d: the domain whose record is read */
	struct span helo;           /* h */
	struct span receiver;       /* r */
	struct span validated;      /* p: the client's validated name, or "unknown" */
	struct peer_address client; /* i, v, c */
	uint64_t now_seconds;       /* t */
};

/* A domain name as bytes: labels between dots, no final dot, nothing escaped. */
struct spf_name {
	size_t length;
	char bytes[SPF_NAME_BYTES];
};

/* Takes the macro at the start of *rest, which begins with '%'. False when it is none of the grammar's. */
bool spf_macro_take(struct span *rest, struct spf_macro *macro);
/* Only in explanations: c, r, t (7.2). */
bool spf_macro_is_for_explanations(const struct spf_macro *macro);
/* Does the text use the letter p, so that facts.validated must be known before it is expanded? */
bool spf_macro_uses_validated(struct span text);

/* Does the text use the letters s or l, and is the local part no ASCII? No DNS name can hold it, so such a term matches
 * nothing (RFC 8616 4). */
bool spf_macro_is_beyond_dns(struct span text, const struct spf_macro_facts *facts);

/* Expands a domain-spec that spf_parse accepted into a name: without its final dot, and when longer than 253 bytes
 * without as many labels on the left as it takes (7.3). False when what comes out cannot be asked: an empty label,
 * one over 63 bytes, a NUL, nothing at all; or spf_macro_is_beyond_dns. */
bool spf_macro_name(struct span domain_spec, const struct spf_macro_facts *facts, struct spf_name *name);
/* Expands an explanation (6.2) into out. False when it has a syntax error or a byte outside of printable ASCII, or
 * its expansion has; out is then useless. When out is full it says so itself. */
bool spf_macro_explanation(struct span text, const struct spf_macro_facts *facts, struct buf *out);

/* A name that was not made from macros: the same checks; too long is false. A final dot is dropped. */
bool spf_name_from(struct span text, struct spf_name *name);

static inline struct span
spf_name_span(const struct spf_name *name)
{
	return span_make(name->bytes, name->length);
}

#endif
