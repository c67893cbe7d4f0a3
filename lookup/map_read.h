/* The compiled recipient map: opened, validated, looked up.
 *
 * A map is a tinycdb file written by map_compile. The same reader serves smtpd (does the address exist?), deliver
 * (where does it go?), `tidegate lookup` and `tidegate explain`.
 *
 * Trust: the file is root's, but may be truncated, of another version, or not a map at all: all of it is checked
 * before the first lookup, and a refused map never replaces one in use.
 * On failure: map_open says why in one sentence and returns NULL; a lookup that meets a broken record answers
 * MAP_BROKEN (a 4xx), never a wrong mailbox.
 */
#ifndef TIDEGATE_LOOKUP_MAP_READ_H
#define TIDEGATE_LOOKUP_MAP_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"
#include "lookup/map_types.h"

struct map;

struct map_meta {
	uint64_t built_at_seconds; /* wall clock */
	uint64_t addresses;
	uint64_t entries;  /* addresses and wildcards */
	char digest[65];   /* SHA-256 of the records, in hex */
	char settings[65]; /* SHA-256 of the settings it was made with, in hex (lookup/map_settings.h) */
};

enum map_verdict {
	MAP_DELIVER,  /* mailboxes[] */
	MAP_REFUSE,   /* 550, with text when the map has one */
	MAP_DEFER,    /* 450, with text */
	MAP_UNKNOWN,  /* the domain is ours, the address is not: 550 5.1.1 */
	MAP_NOT_OURS, /* the domain is not ours: 550 5.7.1 */
	MAP_BROKEN    /* a record does not parse: 451 */
};

struct map_result {
	enum map_verdict verdict;
	struct span key;    /* the entry that matched, as in the map: "alice@example.org", "*@example.net" */
	struct span text;   /* REFUSE, DEFER */
	unsigned line;      /* line of the entry in the recipients file; 0 when none matched */
	struct span file;   /* its file's name */
	bool is_postmaster; /* the address is postmaster@ or abuse@: exempt from most checks */
	size_t count;       /* DELIVER */
	struct map_mailbox mailboxes[MAP_MAILBOXES_MAX];
};

/* Takes fd (closes it, also on failure), maps it read-only, checks size, meta, version and structure: that the file has
 * the length that was written, and that its tables lie one behind the other and hold as many records. The digest is not
 * computed (about 0.1 s for a million addresses, too long in an event loop): each record carries a checksum, which the
 * lookup checks. */
struct map *map_open(int fd, struct buf *why);
const struct map_meta *map_meta(const struct map *map);

/* Looks up an address as RCPT gave it, without brackets: `alice+news@Example.ORG`, `"a b"@example.org`, `postmaster`,
 * `postmaster@[192.0.2.1]`. Exact, then without the sub-address (cut from the right, longest base first), then the
 * domain's wildcard. Bare postmaster, postmaster@ any address literal and postmaster@hostname, and postmaster@ a domain
 * of ours without an entry of its own, are rules->postmaster's, or postmaster@hostname's when there is none. (Behind
 * NAT nobody knows the own address; smtpd knows the connection's and may refuse other literals before it asks.) Spans
 * in *result point into the map or, for a catch-all's mailbox, into address; those of the map are good until map_close.
 */
void map_lookup(const struct map *map, const struct map_rules *rules, struct span address, struct map_result *result);
void map_close(struct map *map);

#endif
