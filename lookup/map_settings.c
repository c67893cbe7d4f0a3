/* The settings digest of lookup/map_settings.h.
 *
 * Trust: the configuration is the administrator's. Pure.
 * On failure: see lookup/map_settings.h.
 */
#include "lookup/map_settings.h"

#include <openssl/evp.h>

enum { SETTINGS_BYTES = 1 << 20 };

struct map_rules
map_rules_of(const struct config *config)
{
	return (struct map_rules){ .sub_address = config->sub_address,
		.keeps_local_case = config->local_part_case == LETTER_CASE_KEEP,
		.postmaster = span_of(config->postmaster),
		.hostname = span_of(config->hostname) };
}

void
map_settings_digest(const struct config *config, unsigned char digest[static MAP_DIGEST_BYTES])
{
	struct buf text = BUF_LIMIT(SETTINGS_BYTES);

	buf_printf(&text, "local-part-case %d\nroot %s\n", (int)config->local_part_case, config->mailboxes);
	for (size_t i = 0; i < config->mailbox_roots.count; i++)
		buf_printf(&text, "root %s\n", config->mailbox_roots.items[i]);
	if (!buf_ok(&text) || EVP_Digest(text.data, text.length, digest, NULL, EVP_sha256(), NULL) != 1)
		memset(digest, 0, MAP_DIGEST_BYTES);
	buf_free(&text);
}

bool
map_suits(const struct map *map, const struct config *config)
{
	static const unsigned char none[MAP_DIGEST_BYTES];
	unsigned char digest[MAP_DIGEST_BYTES];
	char text[2 * MAP_DIGEST_BYTES + 1];

	map_settings_digest(config, digest);
	map_digest_text(digest, text);
	return memcmp(digest, none, sizeof none) != 0 && strcmp(text, map_meta(map)->settings) == 0;
}
