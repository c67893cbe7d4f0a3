/* BDAT and its chunks (RFC 3030): opens a chunk, takes its octets, and answers at its end.
 *
 * The octets follow the command at once, whatever we think of it, so every chunk is read to its end before it is
 * answered, and a command whose octets cannot be counted ends the session: what follows might be anything. A chunk that
 * nobody waits for is counted and thrown away; those behind a refused one together are no more than one alone may be.
 * The last chunk is answered as the final dot is.
 *
 * Trust: the octets are anybody's; they are counted, hashed and kept, never interpreted beyond line ends and Received.
 * On failure: a chunk that cannot be kept is read to its end all the same, then refused, and the message with it.
 */
#include "smtpd/session_engine.h"
#include "smtpd/verbs.h"

enum { PIECE_BYTES = SESSION_READ_BYTES / 2 /* line ends may double in the room for text */ };

static struct message *
message_of(const struct session *session)
{
	return session->transaction ? session->transaction->message : NULL;
}

static void
begin_message(struct session *session)
{
	struct message *message = verbs_begin_message(session);

	if (!message)
		return;
	bdat_begin(&message->chunks);
	message->found = &message->chunks.found;
	message->is_chunked = true;
	message->mends_newlines = session->world->config->bare_newline == BARE_NEWLINE_NORMALISE;
}

enum handled
verb_bdat(struct session *session, struct span argument, struct reply *reply)
{
	const struct transaction *transaction = session->transaction;
	uint64_t before = session->state == SESSION_SPOILT ? session->spoilt_octets : 0;
	struct bdat_chunk chunk;

	reply->id = REPLY_BAD_CHUNK;
	if (!bdat_parse(argument, &chunk))
		return DISMISSED;
	reply->id = REPLY_ENDLESS_MESSAGE;
	reply->details[0] = reply_number(reply, session->world->config->max_message_size);
	/* The sum cannot wrap: neither part is endless. */
	if (verbs_is_endless(session, chunk.octets) || verbs_is_endless(session, before + chunk.octets))
		return DISMISSED;
	session->chunk = chunk;
	session->spoilt_octets = before + chunk.octets;
	session->chunk_left = chunk.octets;
	session->is_in_chunk = true;
	if (transaction && transaction->accepted && !transaction->message)
		begin_message(session);
	reply->id = REPLY_NONE;
	return ACCEPTED;
}

size_t
verbs_take_chunk(struct session *session, struct span bytes)
{
	struct message *message = message_of(session);
	char *text = session->world->text;
	size_t limit = session->chunk_left < PIECE_BYTES ? (size_t)session->chunk_left : PIECE_BYTES;
	struct span piece = span_take(bytes, limit);

	session->chunk_left -= piece.length;
	if (message) {
		message->bytes += piece.length;
		verbs_keep_text(session, span_make(text, bdat_feed(&message->chunks, piece, text)));
	}
	return piece.length;
}

/* A message that could not even begin is refused at the end of its first chunk. */
static bool
has_message(const struct session *session, struct reply *reply)
{
	reply->id = REPLY_NO_MEMORY;
	return message_of(session) != NULL;
}

enum handled
verb_chunk(struct session *session, struct span argument, struct reply *reply)
{
	(void)argument;
	if (!has_message(session, reply))
		return REFUSED;
	reply->id = REPLY_COMMIT_TROUBLE;
	if (session->transaction->is_deliver_lost || !verbs_judge_text(session, reply))
		return REFUSED;
	reply->details[0] = reply_number(reply, session->chunk.octets);
	reply->id = REPLY_CHUNK_TAKEN;
	return ACCEPTED;
}

enum handled
verb_last_chunk(struct session *session, struct span argument, struct reply *reply)
{
	struct message *message = message_of(session);
	char *text = session->world->text;

	if (!has_message(session, reply))
		return REFUSED;
	if (message->commit == FACT_NOT_ASKED)
		verbs_keep_text(session, span_make(text, bdat_finish(&message->chunks, text)));
	return verb_final_dot(session, argument, reply);
}

enum handled
verb_chunk_unwanted(struct session *session, struct span argument, struct reply *reply)
{
	(void)session;
	(void)argument;
	return verbs_refuse(reply, REPLY_CHUNK_UNWANTED);
}
