/* The judgement of deliver/judge.h.
 *
 * On failure: see deliver/judge.h.
 */
#include "deliver/judge.h"

#include <string.h>

#include "deliver/digest.h"
#include "deliver/text.h"

/* Fills in what is wrong; always false, so that a step can return it. */
static bool
find_wrong(struct judgement *judgement, enum commit_outcome outcome, const char *why, int error)
{
	judgement->outcome = outcome;
	judgement->why = why;
	judgement->error = error;
	return false;
}

static bool
is_well_formed(const struct message *message, struct judgement *judgement)
{
	const char *why;

	if (!text_is_address(message->mailfrom))
		return find_wrong(judgement, COMMIT_REFUSED, "MAIL FROM holds a control character", 0);
	if (!text_is_header(message->trace))
		return find_wrong(judgement, COMMIT_REFUSED, "the trace fields are not whole header fields", 0);
	if (!body_check(&message->body, &why))
		return find_wrong(judgement, COMMIT_REFUSED, why, 0);
	return true;
}

bool
judge_message(const struct message *message, struct scratch *scratch, struct judgement *judgement)
{
	struct body_reading reading = body_read(&message->body, scratch->in);
	uint8_t whole[SHA256_BYTES];
	struct digest digest;
	struct span piece;

	*judgement = (struct judgement){ 0 };
	if (!is_well_formed(message, judgement))
		return false;
	sha256_begin(scratch->whole);
	digest_begin(&digest, scratch->message, message->mailfrom);
	for (piece = body_next(&reading); piece.length; piece = body_next(&reading)) {
		sha256_add(scratch->whole, piece);
		digest_add(&digest, piece);
	}
	judgement->is_rememberable = digest_end(&digest, judgement->digest);
	if (reading.error)
		return find_wrong(judgement, COMMIT_TROUBLE, "the body cannot be read", reading.error);
	if (!sha256_end(scratch->whole, whole))
		return find_wrong(judgement, COMMIT_TROUBLE, "the body cannot be hashed", 0);
	if (!body_is_whole(&reading) || memcmp(whole, message->body.digest, sizeof whole) != 0)
		return find_wrong(
		    judgement, COMMIT_REFUSED, "the body is not the one that was judged: its digest differs", 0);
	return true;
}
