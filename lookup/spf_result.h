/* Names of SPF's results and identities (RFC 7208 2.6, 2.3, 2.4), shared by dns, smtpd and explain.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LOOKUP_SPF_RESULT_H
#define TIDEGATE_LOOKUP_SPF_RESULT_H

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
	SPF_RESULT_COUNT,
	SPF_UNKNOWN /* not asked, or dns died: not a result of RFC 7208 */
};

enum spf_identity { SPF_IDENTITY_HELO, SPF_IDENTITY_MAILFROM };

/* Forward-confirmed reverse DNS of a client. */
enum iprev_result { IPREV_CONFIRMED, IPREV_NONE, IPREV_MISMATCH, IPREV_TROUBLE, IPREV_UNKNOWN };

/* "none", "pass", … ; "unknown" for SPF_UNKNOWN. */
const char *spf_result_name(enum spf_result result);
const char *iprev_result_name(enum iprev_result result);

#endif
