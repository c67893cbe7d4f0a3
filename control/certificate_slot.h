/* One `certificate` section of the running server: its files, the pair in force and the one that may take its place.
 *
 * Trust: see control/certificates.h.
 * On failure: logged with the section's name and the file; the pair in force stays.
 */
#ifndef TIDEGATE_CONTROL_CERTIFICATE_SLOT_H
#define TIDEGATE_CONTROL_CERTIFICATE_SLOT_H

#include "conf/config.h"
#include "control/pair_file.h"
#include "lib/ipc.h"

struct certificate_slot {
	const struct config_certificate *from; /* not owned */
	struct pair_identity seen;
	uint64_t settled_at_ms; /* then a change will have been at rest long enough; 0: none */
	struct pair_file good;  /* in force */
	struct pair_file trial; /* to take its place, if keys will have it */
	bool is_refused;        /* by keys, in the set that is asked about */
	struct buf chain;       /* DER, as keys has read it, in the set that is asked about */
	uint64_t expires;       /* likewise; seconds since 1970 */
	bool is_end_said;       /* the log has told of it */
};

/* The slot of a section: with what there was for the same name and files before, which is moved here, or empty. */
void certificate_slot_inherit(struct certificate_slot *slot, const struct config_certificate *from,
    struct certificate_slot *before, size_t before_count);
/* Gives each slot without a pair that is the only one of its name the pair of the only section of that name before
 * which nobody has inherited, until the files that it names now have been found good. Of several (one for each kind of
 * key) nobody can say whose it is. */
void certificate_slots_fall_back(
    struct certificate_slot *slots, size_t count, struct certificate_slot *before, size_t before_count);
/* The file that a verdict is about. */
const char *certificate_blamed_file(const struct config_certificate *from, uint8_t verdict);
/* Reads the two files of a section; why begins with the section's name. */
bool certificate_read_pair(const struct config_certificate *from, struct pair_file *pair, struct buf *why);
/* Reads the files as a trial, whether they have changed or not. */
bool certificate_slot_read(struct certificate_slot *slot, struct buf *why);
/* Looks whether the files have changed, and reads them when the change has been at rest for a second, or at once. True:
 * there is a new trial. */
bool certificate_slot_look(struct certificate_slot *slot, uint64_t now_ms, bool at_once);
/* The pair for the next set: the trial, or the good one; its fd is -1 when there is neither. */
const struct pair_file *certificate_slot_pair(const struct certificate_slot *slot);
/* What keys says of it. */
void certificate_slot_hear(struct certificate_slot *slot, const struct ipc_pair_say *say);
/* The set is in force: the trial is the good one. */
void certificate_slot_accept(struct certificate_slot *slot);
/* keys refused it: it is dropped. */
void certificate_slot_reject(struct certificate_slot *slot);
/* Says once that the certificate in force has ended, or will within a week. */
void certificate_slot_warn(struct certificate_slot *slot, uint64_t now);
void certificate_slot_close(struct certificate_slot *slot);

#endif
