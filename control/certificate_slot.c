/* The slots of control/certificate_slot.h.
 *
 * On failure: see the header.
 */
#include "control/certificate_slot.h"

#include <sys/stat.h>
#include <time.h>

#include "lib/log.h"

enum { REST_MS = 1000, WHY_BYTES = 4096, DATE_SIZE = 16, WEEK_S = 7 * 86400 };

static const struct pair_file no_pair = { .fd = -1 };

static bool
is_same_section(const struct config_certificate *a, const struct config_certificate *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->chain, b->chain) == 0 && strcmp(a->key, b->key) == 0;
}

void
certificate_slot_inherit(struct certificate_slot *slot, const struct config_certificate *from,
    struct certificate_slot *before, size_t before_count)
{
	*slot = (struct certificate_slot){ .good = no_pair, .trial = no_pair, .chain = BUF_LIMIT(IPC_CHAIN_BYTES) };
	for (size_t i = 0; i < before_count; i++) {
		if (!before[i].from || !is_same_section(before[i].from, from))
			continue;
		*slot = before[i];
		before[i] = (struct certificate_slot){ .good = no_pair, .trial = no_pair };
		break;
	}
	slot->from = from;
}

/* The only slot of a name; NULL: there is none, or there are several. */
static struct certificate_slot *
only_of_name(struct certificate_slot *slots, size_t count, const char *name)
{
	struct certificate_slot *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!slots[i].from || strcmp(slots[i].from->name, name) != 0)
			continue;
		if (found)
			return NULL;
		found = &slots[i];
	}
	return found;
}

void
certificate_slots_fall_back(
    struct certificate_slot *slots, size_t count, struct certificate_slot *before, size_t before_count)
{
	for (size_t i = 0; i < count; i++) {
		struct certificate_slot *slot = only_of_name(slots, count, slots[i].from->name);
		struct certificate_slot *was = only_of_name(before, before_count, slots[i].from->name);

		if (!slot || !was || slot->good.fd >= 0)
			continue;
		slot->good = was->good;
		slot->expires = was->expires;
		slot->is_end_said = was->is_end_said;
		was->good = no_pair;
	}
}

bool
certificate_read_pair(const struct config_certificate *from, struct pair_file *pair, struct buf *why)
{
	size_t before = why->length;

	buf_printf(why, "certificate %s: ", from->name);
	if (!pair_file_read(from, pair, why))
		return false;
	/* Nothing is wrong: what the next section is blamed for shall not begin with this one's name. */
	why->length = before;
	return true;
}

/* Not refused: it works, and mail with TLS is better than mail without. */
static void
warn_of_readers(const struct config_certificate *from)
{
	struct stat facts;

	if (stat(from->key, &facts) == 0 && (facts.st_mode & S_IROTH))
		log_warning("certificate %s: everybody on this machine may read the private key %s; `chmod o= %s`",
		    from->name, from->key, from->key);
}

bool
certificate_slot_read(struct certificate_slot *slot, struct buf *why)
{
	pair_file_close(&slot->trial);
	slot->seen = pair_identity_of(slot->from);
	slot->settled_at_ms = 0;
	if (!certificate_read_pair(slot->from, &slot->trial, why))
		return false;
	warn_of_readers(slot->from);
	return true;
}

static const char *
what_stays(const struct certificate_slot *slot)
{
	return slot->good.fd >= 0 ? "the pair in use stays" : "it is left out";
}

bool
certificate_slot_look(struct certificate_slot *slot, uint64_t now_ms, bool at_once)
{
	struct pair_identity now = pair_identity_of(slot->from);
	bool has_changed = !pair_identity_equal(&now, &slot->seen);
	struct buf why = BUF_LIMIT(WHY_BYTES);

	slot->seen = now;
	if (has_changed)
		slot->settled_at_ms = now_ms + REST_MS;
	if (slot->settled_at_ms == 0 || (!at_once && now_ms < slot->settled_at_ms))
		return false;
	bool is_read = certificate_slot_read(slot, &why);
	if (!is_read)
		log_error("%.*s; %s", SPAN_ARG(buf_span(&why)), what_stays(slot));
	buf_free(&why);
	return is_read;
}

const struct pair_file *
certificate_slot_pair(const struct certificate_slot *slot)
{
	return slot->trial.fd >= 0 ? &slot->trial : &slot->good;
}

const char *
certificate_blamed_file(const struct config_certificate *from, uint8_t verdict)
{
	return verdict == PAIR_BAD_CHAIN ? from->chain : from->key;
}

void
certificate_slot_hear(struct certificate_slot *slot, const struct ipc_pair_say *say)
{
	const struct config_certificate *from = slot->from;

	if (say->verdict == PAIR_TAKEN) {
		buf_reset(&slot->chain);
		buf_append(&slot->chain, say->chain);
		slot->expires = say->expires;
		return;
	}
	slot->is_refused = true;
	log_error("certificate %s: %s: %.*s; %s", from->name, certificate_blamed_file(from, say->verdict),
	    SPAN_ARG(say->text), what_stays(slot));
}

static void
format_date(uint64_t seconds, char text[static DATE_SIZE])
{
	time_t moment = (time_t)seconds;
	struct tm date;

	if (!gmtime_r(&moment, &date) || strftime(text, DATE_SIZE, "%Y-%m-%d", &date) == 0)
		(void)snprintf(text, DATE_SIZE, "?");
}

void
certificate_slot_accept(struct certificate_slot *slot)
{
	char date[DATE_SIZE];

	if (slot->trial.fd < 0)
		return;
	pair_file_close(&slot->good);
	slot->good = slot->trial;
	slot->trial = no_pair;
	slot->is_end_said = false;
	format_date(slot->expires, date);
	log_info("certificate %s from %s is in force, good until %s", slot->from->name, slot->from->chain, date);
}

void
certificate_slot_reject(struct certificate_slot *slot)
{
	pair_file_close(slot->trial.fd >= 0 ? &slot->trial : &slot->good);
}

void
certificate_slot_warn(struct certificate_slot *slot, uint64_t now)
{
	char date[DATE_SIZE];

	if (slot->is_end_said || slot->good.fd < 0 || slot->expires > now + WEEK_S)
		return;
	slot->is_end_said = true;
	format_date(slot->expires, date);
	log_warning("certificate %s %s on %s; put a new one into %s", slot->from->name,
	    slot->expires <= now ? "has ended" : "ends", date, slot->from->chain);
}

void
certificate_slot_close(struct certificate_slot *slot)
{
	pair_file_close(&slot->good);
	pair_file_close(&slot->trial);
	buf_free(&slot->chain);
}
