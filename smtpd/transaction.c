/* The end of a transaction's life; see smtpd/transaction.h.
 *
 * On failure: nothing here can fail.
 */
#include "smtpd/transaction.h"

void
transaction_free(struct transaction *transaction)
{
	buf_free(&transaction->handles);
	if (transaction->message)
		body_drop(&transaction->message->body, BODY_FAILED);
	transaction->message = NULL;
}
