/* The sets of control/certificates.h.
 *
 * On failure: see the header.
 */
#include "control/certificates.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "control/memory_file.h"
#include "control/self_signed.h"

enum { WHY_BYTES = 4096, HEAD_BYTES = 1024 };

static void
replace_fd(int *place, int fd)
{
	if (*place >= 0)
		(void)close(*place);
	*place = fd;
}

void
certificates_init(struct certificates *certificates, const struct state_folder *state,
    const struct certificates_events *events, void *context)
{
	*certificates = (struct certificates){
		.state = state, .events = events, .context = context, .asked_fd = -1, .pairs_fd = -1, .chains_fd = -1
	};
}

/* Writes the slots that have a pair, in order. */
static bool
write_set(struct certificates *certificates, int fd)
{
	struct buf head = BUF_LIMIT(HEAD_BYTES);

	certificates->asked_count = 0;
	for (size_t i = 0; i < certificates->count; i++)
		if (certificate_slot_pair(&certificates->slots[i])->fd >= 0)
			certificates->asked[certificates->asked_count++] = i;
	certificate_set_begin(&head, ++certificates->generation, certificates->asked_count);
	bool ok = buf_ok(&head) && memory_file_append(fd, buf_span(&head));
	for (size_t i = 0; ok && i < certificates->asked_count; i++) {
		struct certificate_slot *slot = &certificates->slots[certificates->asked[i]];
		const struct pair_file *pair = certificate_slot_pair(slot);

		slot->is_refused = false;
		ok = pair_file_append(pair, span_of(slot->from->name), fd);
	}
	buf_free(&head);
	return ok && memory_file_seal(fd);
}

static void
begin_with_asked(struct certificates *certificates)
{
	int asked = certificates->asked_fd;

	if (certificates->chains_fd < 0)
		replace_fd(&certificates->pairs_fd, asked < 0 ? -1 : fcntl(asked, F_DUPFD_CLOEXEC, 0));
}

/* Makes the next set and has keys asked about it. */
static void
ask(struct certificates *certificates)
{
	int fd = memory_file_new("tidegate-pairs");

	certificates->heard = 0;
	if (fd < 0 || !write_set(certificates, fd)) {
		log_error("no memory for a new set of certificates (%s); those in use stay", strerror(errno));
		replace_fd(&fd, -1);
	}
	if (certificates->asked_count == 0)
		replace_fd(&fd, -1);
	replace_fd(&certificates->asked_fd, fd);
	begin_with_asked(certificates);
	if (fd >= 0)
		certificates->events->ask(certificates->context);
}

/* The chains of the set that was asked about, as smtpd gets them. */
static int
make_chains(const struct certificates *certificates)
{
	struct buf bytes = BUF_LIMIT(CERTIFICATE_SET_BYTES);

	certificate_set_begin(&bytes, certificates->generation, certificates->asked_count);
	for (size_t i = 0; i < certificates->asked_count; i++) {
		const struct certificate_slot *slot = &certificates->slots[certificates->asked[i]];

		certificate_set_add(&bytes, span_of(slot->from->name), slot->chain.length, 0);
		buf_append(&bytes, buf_span(&slot->chain));
	}
	int fd = buf_ok(&bytes) ? memory_file_of("tidegate-chains", buf_span(&bytes)) : -1;
	buf_free(&bytes);
	return fd;
}

/* All pairs of the set are good. */
static void
put_in_force(struct certificates *certificates)
{
	int chains = make_chains(certificates);

	if (chains < 0) {
		log_error("no memory for the chains of the new certificates; those in use stay");
		replace_fd(&certificates->asked_fd, -1);
		return;
	}
	replace_fd(&certificates->chains_fd, chains);
	replace_fd(&certificates->pairs_fd, certificates->asked_fd);
	certificates->asked_fd = -1;
	for (size_t i = 0; i < certificates->asked_count; i++)
		certificate_slot_accept(&certificates->slots[certificates->asked[i]]);
	certificates->events->in_force(certificates->context);
}

/* Every pair of the set has been spoken about. */
static void
conclude(struct certificates *certificates)
{
	unsigned refused = 0;

	for (size_t i = 0; i < certificates->asked_count; i++)
		if (certificates->slots[certificates->asked[i]].is_refused) {
			certificate_slot_reject(&certificates->slots[certificates->asked[i]]);
			refused++;
		}
	if (refused == 0) {
		put_in_force(certificates);
		return;
	}
	replace_fd(&certificates->asked_fd, -1);
	certificates->events->refused(certificates->context);
	/* Each round has a pair less, so there is an end to it. */
	ask(certificates);
}

void
certificates_hear(struct certificates *certificates, const struct ipc_pair_say *say)
{
	/* After a restart keys speaks of the set in force as well. */
	if (certificates->asked_fd < 0 || say->generation != certificates->generation ||
	    say->index != certificates->heard || certificates->heard >= certificates->asked_count)
		return;
	certificate_slot_hear(&certificates->slots[certificates->asked[certificates->heard++]], say);
	if (certificates->heard == certificates->asked_count)
		conclude(certificates);
}

void
certificates_ask_again(struct certificates *certificates)
{
	if (certificates->asked_fd < 0)
		return;
	certificates->heard = 0;
	certificates->events->ask(certificates->context);
}

/* The certificate of our own making, where none is configured. */
static void
make_own(struct certificates *certificates, const struct config *config)
{
	struct buf why = BUF_LIMIT(WHY_BYTES);
	bool is_new;

	(void)snprintf(certificates->own_name, sizeof certificates->own_name, "%s", config->hostname);
	(void)snprintf(certificates->own_path, sizeof certificates->own_path, "%s/%s", config->state, self_signed_name);
	certificates->own = (struct config_certificate){
		.name = certificates->own_name, .chain = certificates->own_path, .key = certificates->own_path
	};
	if (!self_signed_ensure(certificates->state->root, config->hostname, &is_new, &why))
		log_error("no certificate is configured, and %.*s; TLS is not offered", SPAN_ARG(buf_span(&why)));
	else
		log_info("no certificate is configured: TLS uses a self-signed one for %s, %s %s", config->hostname,
		    is_new ? "just made in" : "found in", certificates->own_path);
	buf_free(&why);
}

/* Fills the slots from a configuration. The pairs of sections that were there before go with them. */
static void
take_sections(struct certificates *certificates, const struct config *config)
{
	static struct certificate_slot before[CERTIFICATES_MAX];
	size_t before_count = certificates->count;
	const struct config_certificate *sections = config->certificates;

	memcpy(before, certificates->slots, sizeof before);
	certificates->count = config->certificate_count;
	if (config->certificate_count == 0) {
		make_own(certificates, config);
		sections = &certificates->own;
		certificates->count = 1;
	}
	for (size_t i = 0; i < certificates->count; i++)
		certificate_slot_inherit(&certificates->slots[i], &sections[i], before, before_count);
	certificate_slots_fall_back(certificates->slots, certificates->count, before, before_count);
	for (size_t i = 0; i < before_count; i++)
		certificate_slot_close(&before[i]);
}

bool
certificates_open(struct certificates *certificates, const struct config *config, struct buf *why)
{
	take_sections(certificates, config);
	for (size_t i = 0; i < certificates->count; i++)
		/* One of our own that could not be made has been logged. */
		if (!certificate_slot_read(&certificates->slots[i], why) && config->certificate_count > 0)
			return false;
	buf_reset(why);
	ask(certificates);
	return true;
}

bool
certificates_readable(const struct config *config, struct buf *why)
{
	for (size_t i = 0; i < config->certificate_count; i++) {
		struct pair_file pair;

		if (!certificate_read_pair(&config->certificates[i], &pair, why))
			return false;
		pair_file_close(&pair);
	}
	return true;
}

static void
look(struct certificates *certificates, bool at_once)
{
	uint64_t now_ms = clock_monotonic_ms();
	bool is_news = false;

	/* One change after the other. */
	if (certificates->asked_fd >= 0)
		return;
	for (size_t i = 0; i < certificates->count; i++)
		is_news = certificate_slot_look(&certificates->slots[i], now_ms, at_once) || is_news;
	if (is_news)
		ask(certificates);
}

void
certificates_set_config(struct certificates *certificates, const struct config *config)
{
	replace_fd(&certificates->asked_fd, -1);
	take_sections(certificates, config);
	look(certificates, true);
	/* The order, or what was left out, is a change as well. */
	if (certificates->asked_fd < 0)
		ask(certificates);
}

void
certificates_look(struct certificates *certificates)
{
	look(certificates, false);
	for (size_t i = 0; i < certificates->count; i++)
		certificate_slot_warn(&certificates->slots[i], (uint64_t)time(NULL));
}

void
certificates_close(struct certificates *certificates)
{
	for (size_t i = 0; i < certificates->count; i++)
		certificate_slot_close(&certificates->slots[i]);
	certificates->count = 0;
	replace_fd(&certificates->asked_fd, -1);
	replace_fd(&certificates->pairs_fd, -1);
	replace_fd(&certificates->chains_fd, -1);
}
