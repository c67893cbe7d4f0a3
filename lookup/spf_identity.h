/* Who is checked: sender, local-part and domain of an identity (RFC 7208 2.3, 2.4, 4.3), and the client's address.
 *
 * Trust: the question is the client's.
 * On failure: false when the domain could not have an SPF record.
 */
#ifndef TIDEGATE_LOOKUP_SPF_IDENTITY_H
#define TIDEGATE_LOOKUP_SPF_IDENTITY_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lookup/spf_macro.h"
#include "lookup/spf_question.h"

/* Fills what the question says of *facts (all but domain and validated). A missing local-part is "postmaster"; made
 * is room for a sender with it, and must live as long as *facts. */
void spf_identity_facts(const struct spf_question *question, struct spf_macro_facts *facts, struct buf *made);
/* The domain to check: no address literal, two good labels at least (4.3). */
bool spf_identity_domain(const struct spf_macro_facts *facts, struct spf_name *domain);

#endif
