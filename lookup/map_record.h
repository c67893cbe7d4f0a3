/* The records of a compiled map, as bytes and as values.
 *
 * Keys: an address or "*@domain" in canonical form; "@domain" for each domain that is ours; "\0file" and a u16 for the
 * name of a recipients file; "\0meta". Values: version, kind, fields, and a checksum over key and value, so that a
 * damaged record is never taken for another one. Integers are big-endian; texts and addresses have a u16 length.
 *
 * Trust: none in the bytes: a decoder takes exactly what an encoder wrote, and nothing else. Pure.
 * On failure: false; encoders have the buffer's sticky error.
 */
#ifndef TIDEGATE_LOOKUP_MAP_RECORD_H
#define TIDEGATE_LOOKUP_MAP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"
#include "lookup/map_types.h"
#include "lookup/record.h"

enum {
	MAP_VERSION = 1,
	MAP_ROOTS_MAX = 16,   /* `mailboxes` and 15 `mailbox-roots` */
	MAP_TEXT_BYTES = 400, /* of refuse and defer: one reply line with its codes */
	MAP_FILES_MAX = 65535,
	MAP_DIGEST_BYTES = 32,
	MAP_META_VALUE_BYTES = RECORD_FRAME_BYTES + 5 * 8 + 2 * MAP_DIGEST_BYTES
};

#define MAP_META_KEY SPAN("\0meta")
enum { MAP_FILE_KEY_BYTES = 7 };

enum map_kind { MAP_KIND_DELIVER = 1, MAP_KIND_REFUSE, MAP_KIND_DEFER, MAP_KIND_DOMAIN, MAP_KIND_FILE, MAP_KIND_META };

/* An entry's record. */
struct map_record {
	enum map_kind kind; /* DELIVER, REFUSE, DEFER */
	unsigned file;      /* number of the recipients file */
	unsigned line;
	struct span text; /* REFUSE, DEFER; may be empty */
	size_t count;     /* DELIVER: 1 to MAP_MAILBOXES_MAX */
	/* DELIVER. An empty address stands for the key (or, in a wildcard's record, for the address that was asked). */
	struct map_mailbox *mailboxes;
};

/* Appends the value of an entry. */
void map_record_encode(struct span key, const struct map_record *record, struct buf *out);
/* Reads one; mailboxes has room for MAP_MAILBOXES_MAX. Spans point into value. */
bool map_record_decode(struct span key, struct span value, struct map_record *record, struct map_mailbox *mailboxes);

/* The key and the value of a file's name. */
void map_file_key(unsigned file, char key[static MAP_FILE_KEY_BYTES]);
void map_file_encode(struct span key, struct span name, struct buf *out);
bool map_file_decode(struct span key, struct span value, struct span *name);

/* The value of a domain's record. */
void map_domain_encode(struct span key, struct buf *out);
bool map_domain_decode(struct span key, struct span value);

/* What "\0meta" holds. */
struct map_totals {
	uint64_t built_at_seconds;
	uint64_t addresses;                       /* without wildcards */
	uint64_t entries;                         /* with wildcards */
	uint64_t records;                         /* all of them, this one included */
	uint64_t file_bytes;                      /* of the whole map */
	unsigned char digest[MAP_DIGEST_BYTES];   /* SHA-256 of all keys and values but meta, in order */
	unsigned char settings[MAP_DIGEST_BYTES]; /* SHA-256 of what the map takes from the configuration */
};

/* Appends MAP_META_VALUE_BYTES bytes. */
void map_meta_encode(const struct map_totals *totals, struct buf *out);
bool map_meta_decode(struct span value, struct map_totals *totals);

/* Is it the key of a catch-all, "*@domain"? */
static inline bool
map_is_wildcard(struct span key)
{
	return key.length > 2 && key.data[0] == '*' && key.data[1] == '@';
}

/* A digest in hex, with a NUL. */
void map_digest_text(const unsigned char digest[static MAP_DIGEST_BYTES], char text[static 2 * MAP_DIGEST_BYTES + 1]);

/* May a path stand in a map: below its root, without empty, "." and ".." components, without NUL? */
bool map_path_is_safe(struct span path);

#endif
