/* SPF records, read strictly by the grammar of RFC 7208 section 12: all terms, all modifiers, the whole record.
 *
 * Trust: none; the bytes are the Internet's. Pure: results are spans into the argument.
 * On failure: SPF_PARSE_BAD with the term at fault; one bad term spoils the whole record (4.6).
 */
#ifndef TIDEGATE_LOOKUP_SPF_PARSE_H
#define TIDEGATE_LOOKUP_SPF_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"
#include "lib/span.h"

enum spf_term_kind {
	SPF_TERM_ALL,
	SPF_TERM_INCLUDE,
	SPF_TERM_A,
	SPF_TERM_MX,
	SPF_TERM_PTR,
	SPF_TERM_IP4,
	SPF_TERM_IP6,
	SPF_TERM_EXISTS,
	SPF_TERM_REDIRECT,
	SPF_TERM_EXP,
	SPF_TERM_OTHER /* an unknown modifier: checked, then ignored (section 6) */
};

struct spf_term {
	enum spf_term_kind kind;
	char qualifier;          /* '+', '-', '~' or '?'; a modifier has '+' and no use for it */
	uint8_t prefix4;         /* a, mx: 0 to 32 */
	uint8_t prefix6;         /* a, mx: 0 to 128 */
	struct span text;        /* the whole term as it stands in the record */
	struct span domain_spec; /* unexpanded; empty: the current domain */
	struct network network;  /* ip4, ip6: never an IPv4-mapped one turned into IPv4; host bits may be set */
};

enum spf_parse_result { SPF_PARSE_TERM, SPF_PARSE_END, SPF_PARSE_BAD };

/* Is a TXT record an SPF record: "v=spf1" in any case, then a space or the end (4.5)? */
bool spf_parse_is_record(struct span text);
/* What follows the version of an SPF record. */
struct span spf_parse_terms(struct span record);
/* Takes the next term off *terms. On SPF_PARSE_BAD term->text is the one at fault. */
enum spf_parse_result spf_parse_next(struct span *terms, struct spf_term *term);
/* The whole record: every term good, redirect and exp once at most (section 6). *offender: the first bad term. */
bool spf_parse_check(struct span record, struct span *offender);

#endif
