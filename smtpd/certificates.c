/* The certificates of this smtpd: contexts made anew from each set that the master hands out, and when the policy
 * changes. Sessions that run keep theirs.
 *
 * Trust: sets come from the master.
 * On failure: the log says why; the contexts in use stay.
 */
#include "lib/log.h"
#include "smtpd/smtpd.h"

enum { WHY_BYTES = 1024 };

/* False: those in use stay. */
static bool
use_set(struct smtpd *smtpd, const struct certificate_set *set)
{
	struct buf why = BUF_LIMIT(WHY_BYTES);
	struct tls_contexts *fresh =
	    tls_contexts_new(smtpd->tls_library, set, smtpd->config->tls_policy, &smtpd->keys.signer, &why);

	if (fresh) {
		tls_contexts_free(smtpd->tls);
		smtpd->tls = fresh;
		smtpd->tls_policy = smtpd->config->tls_policy;
	} else {
		log_error("the new certificates cannot be used: %.*s; those in use stay", SPAN_ARG(buf_span(&why)));
	}
	buf_free(&why);
	return fresh != NULL;
}

void
certificates_take(struct smtpd *smtpd, int fd)
{
	struct certificate_set set;
	struct buf bytes;

	bool is_read = certificate_set_load(fd, &bytes, &set);
	if (!is_read)
		log_error("the certificates from the master cannot be read; those in use stay");
	if (!is_read || !use_set(smtpd, &set)) {
		buf_free(&bytes);
		return;
	}
	buf_free(&smtpd->certificates);
	smtpd->certificates = bytes;
}

void
certificates_follow_policy(struct smtpd *smtpd)
{
	struct certificate_set set;

	if (smtpd->tls && smtpd->tls_policy != smtpd->config->tls_policy &&
	    certificate_set_parse(buf_span(&smtpd->certificates), &set))
		(void)use_set(smtpd, &set);
}
