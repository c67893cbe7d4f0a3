/* The certificates in force: read at the start and whenever their files change, tried by keys, given to smtpd.
 *
 * Each change makes a new set, with a generation number. keys says of each pair in it whether it can be used
 * (PAIR_SAY); only a set of which all can be used is put in force. Where a pair is refused, the log says so once, and
 * the next set has the pair that was good before in its place.
 *
 * What a path leads to is compared, so that a link that is set anew counts as a change, and a change is taken when it
 * has been at rest for a second, since chain and key come one after the other. Where no certificate is configured the
 * one of control/self_signed.h is used.
 *
 * Trust: the files may be anything, keys reads them; here they are only copied.
 * On failure: logged; what is in force stays.
 */
#ifndef TIDEGATE_CONTROL_CERTIFICATES_H
#define TIDEGATE_CONTROL_CERTIFICATES_H

#include <limits.h>

#include "conf/config.h"
#include "control/certificate_slot.h"
#include "control/state_folder.h"
#include "lib/ipc.h"
#include "smtpd/certificate_set.h"

struct certificates_events {
	/* keys shall say what it thinks of the set in asked_fd. */
	void (*ask)(void *context);
	/* pairs_fd and chains_fd are new. */
	void (*in_force)(void *context);
	/* A pair was refused; the log says why. */
	void (*refused)(void *context);
};

struct certificates {
	const struct state_folder *state;
	const struct certificates_events *events;
	void *context;
	size_t count;
	struct certificate_slot slots[CERTIFICATES_MAX];
	struct config_certificate own; /* self-signed */
	char own_path[PATH_MAX];
	char own_name[IPC_DOMAIN_BYTES];
	uint32_t generation;
	int asked_fd;                   /* the set that keys is asked about; -1: none */
	size_t asked[CERTIFICATES_MAX]; /* the slots in it, in order */
	size_t asked_count;
	size_t heard; /* of these */
	/* What a fresh keys begins with: the set in force, or before there is any the one that it is asked about; -1:
	 * none */
	int pairs_fd;
	int chains_fd; /* the set in force, for smtpd; -1: none */
};

/* Nothing open. */
void certificates_init(struct certificates *certificates, const struct state_folder *state,
    const struct certificates_events *events, void *context);
/* Reads all of them, and makes the first set to be asked about (asked_fd). False: a file that is configured cannot be
 * read. */
bool certificates_open(struct certificates *certificates, const struct config *config, struct buf *why);
/* Looks at all files, and has keys asked about what has changed. */
void certificates_look(struct certificates *certificates);
/* Could all files of this configuration be read now? */
bool certificates_readable(const struct config *config, struct buf *why);
/* Takes the sections of a new configuration, while the old one is still there, and looks at all files at once. */
void certificates_set_config(struct certificates *certificates, const struct config *config);
/* keys is there again: asks anew what it may not have heard. */
void certificates_ask_again(struct certificates *certificates);
/* PAIR_SAY. */
void certificates_hear(struct certificates *certificates, const struct ipc_pair_say *say);
void certificates_close(struct certificates *certificates);

#endif
