/* The lines that a session leaves in the log. One at the end of each transaction and of each session, and one for
 * each sender or recipient that was refused, so that what an operator or fail2ban looks for is always in one line.
 *
 * event=refused: MAIL or RCPT was answered 4xx or 5xx, or a recipient was after the text. event=transaction: the final
 * dot was answered, or a transaction with accepted recipients (or none asked for) was given up; a transaction whose
 * every recipient was refused has its `refused` lines and no other. event=session: the connection ended.
 * event=tls-failed: the handshake came to nothing (tls=no), or TLS broke afterwards; the session line follows.
 *
 * Pairs, in this order; those in brackets are left out when there is nothing to say:
 *   all:          session=HEX client=IP [name=HOST] [helo=NAME] [auth=ADDRESS]
 *   refused:      from=ADDRESS [to=ADDRESS] tls=VERSION spf=RESULT spf-helo=RESULT verdict=deferred|refused code=N
 *                 reason=WORD [map=FILE:LINE] [detail=TEXT]
 *   transaction:  transaction=N from=ADDRESS to=ADDRESS[,ADDRESS…] recipients=N refused=N [delivered=N] size=BYTES
 *                 tls=VERSION [cipher=NAME] [sni=HOST] spf=RESULT spf-helo=RESULT
 *                 verdict=accepted|deferred|refused|abandoned [code=N] reason=WORD [doubt=FACT]
 *                 [map=FILE:LINE] [copies=N] [detail=TEXT] dns-ms=N deliver-ms=N ms=N
 *   session:      [early=yes] tls=VERSION [cipher=NAME] [sni=HOST] transactions=N messages=N refused=N errors=N
 *                 reason=WORD ms=N
 *   tls-failed:   tls=VERSION [cipher=NAME] [sni=HOST] reason=WORD [detail=TEXT] [sent=BYTES] ms=N
 *
 * delivered stands where each recipient was answered for itself (PRDR): how many of `recipients` have the message.
 * Those who have not each have a line event=refused, too.
 *
 * auth is who has logged in. tls is `no`, or the version, such as TLSv1.3. from=<> is the null sender. to names the
 * first five; recipients counts all. spf and spf-helo are results of RFC 7208, `unknown` when no answer came, or
 * `exempt` when nobody was asked. reason is a word of smtpd/reply.h, or, where a session or transaction ended by
 * itself: quit, closed (FIN), reset, or the verb that gave a transaction up.
 *
 * Trust: values are escaped by lib/log.
 * On failure: a line that cannot be written is lost.
 */
#ifndef TIDEGATE_SMTPD_TRANSACTION_LOG_H
#define TIDEGATE_SMTPD_TRANSACTION_LOG_H

#include "smtpd/session.h"

/* A refused MAIL (recipient with NULL data) or RCPT. found may be NULL. After a hundred of a session nothing more is
 * written: its line has the count. */
void transaction_log_refusal(const struct session *session, struct span sender, struct span recipient,
    const struct map_result *found, const struct reply *reply);
/* The end of the session's transaction: answered with a reply, or (REPLY_NONE) given up for this reason. */
void transaction_log_end(const struct session *session, enum reply_id answer, const char *reason);
void transaction_log_session(const struct session *session);
void transaction_log_tls_failure(const struct session *session, const struct tls_failure *failure);

#endif
