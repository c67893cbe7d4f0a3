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

enum {
	MAP_MAILBOXES_MAX = 1000, /* mailboxes one address may reach */
	MAP_ADDRESS_BYTES = 1024,
	MAP_PATH_BYTES = 1024
};

struct map;

struct map_meta {
	uint64_t built_at_seconds; /* wall clock */
	uint64_t addresses;
	uint64_t entries; /* records, wildcards and aliases included */
	char digest[65];  /* SHA-256 of the records, in hex */
};

/* One mailbox that an address reaches. */
struct map_mailbox {
	struct span address;  /* canonical address of the mailbox (Delivered-To) */
	unsigned root;        /* index of its root: 0 is `mailboxes`, 1… are `mailbox-roots` */
	struct span path;     /* below the root: "example.org/alice"; no "..", no leading or double slash */
	uint64_t quota_bytes; /* 0: none (kept, enforced later) */
	unsigned line;        /* of its entry in the recipients file */
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

/* Takes fd (closes it, also on failure), maps it read-only, checks size, meta, version and structure. */
struct map *map_open(int fd, struct buf *why);
const struct map_meta *map_meta(const struct map *map);

struct map_rules {
	const char *sub_address; /* characters that begin a sub-address; "" for none */
	bool keeps_local_case;
	struct span postmaster; /* canonical address, or empty */
	struct span hostname;
};

/* Looks up an address as RCPT gave it, without brackets: `alice+news@Example.ORG`, `"a b"@example.org`, `postmaster`,
 * `postmaster@[192.0.2.1]`. Exact, then without the sub-address (cut from the right, longest base first), then the
 * domain's wildcard; postmaster as in DESIGN §5. Spans in *result point into the map and into *result's caller's
 * rules; they are good until map_close. is_our_literal: may `postmaster@[address]` be taken for ours. */
void map_lookup(const struct map *map, const struct map_rules *rules, struct span address, struct map_result *result);
void map_close(struct map *map);

#endif
