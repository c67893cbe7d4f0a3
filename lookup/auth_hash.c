/* crypt(3) for lookup/auth_hash.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/auth_hash.h"

#include <crypt.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lookup/users_line.h"

/* yescrypt as Debian 12 makes it; what it is a hash of nobody knows. */
static const char preset_stand_in[] = "$y$j9T$dIDEgATE0stANdIn1234./$yTMOVN3xh9sJDnOSJ3bzGdqIL1YQcVUMWVRN1YUlbq5";

/* crypt_rn's answer in room, which the caller wipes; NULL when it cannot be computed. */
static const char *
compute(struct span password, struct span hash, struct crypt_data *room)
{
	char phrase[AUTH_PASSWORD_BYTES + 1];
	char setting[USERS_HASH_BYTES + 1];
	const char *answer = NULL;

	if (hash.length <= USERS_HASH_BYTES && password.length <= AUTH_PASSWORD_BYTES) {
		memcpy(phrase, password.data, password.length);
		phrase[password.length] = '\0';
		memcpy(setting, hash.data, hash.length);
		setting[hash.length] = '\0';
		answer = crypt_rn(phrase, setting, room, (int)sizeof *room);
	}
	explicit_bzero(phrase, sizeof phrase);
	explicit_bzero(setting, sizeof setting);
	return answer;
}

static bool
is_hash_of(struct span password, struct span hash, bool *is_computed)
{
	static struct crypt_data room; /* 32 KiB */
	const char *answer = compute(password, hash, &room);
	bool is_same = answer && strlen(answer) == hash.length && CRYPTO_memcmp(answer, hash.data, hash.length) == 0;

	explicit_bzero(&room, sizeof room);
	*is_computed = answer != NULL;
	return is_same;
}

bool
auth_hash_load(void)
{
	static struct crypt_data room;
	bool ok = compute(SPAN("a"), SPAN(preset_stand_in), &room) != NULL;

	explicit_bzero(&room, sizeof room);
	return ok;
}

bool
auth_hash_matches(struct span password, struct span hash, struct span stand_in)
{
	/* Cut, so that it costs the same; it is no match whatever comes of it. */
	bool is_short = password.length <= AUTH_PASSWORD_BYTES;
	bool is_computed;
	bool is_same = is_hash_of(span_take(password, AUTH_PASSWORD_BYTES), hash, &is_computed);

	if (!is_computed)
		auth_hash_waste(password, stand_in);
	return is_same && is_short;
}

void
auth_hash_waste(struct span password, struct span stand_in)
{
	struct span cut = span_take(password, AUTH_PASSWORD_BYTES);
	bool is_computed;

	(void)is_hash_of(cut, stand_in, &is_computed);
	if (!is_computed)
		(void)is_hash_of(cut, SPAN(preset_stand_in), &is_computed);
}
