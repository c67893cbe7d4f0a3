/* tidegate-dns: answers smtpd's questions about SPF and reverse names, asking resolvers over lent sockets.
 *
 * Trust: neighbours may be compromised, resolvers may lie; it has no socket of its own and opens no file.
 * On failure: a check that cannot be done is temperror or trouble; a crash costs the checks in flight, nothing more.
 */
#ifndef TIDEGATE_LOOKUP_DNS_H
#define TIDEGATE_LOOKUP_DNS_H

#include "lib/child.h"

extern const struct child_program dns_program;

#endif
