/* The claim page: one word a commit, shared by an smtpd and deliver, that settles without a message who was first:
 * deliver (about to make the first rename) or smtpd (whose final-reply deadline has passed).
 *
 * smtpd makes the page (a sealed memory file that cannot shrink), sends it once in CLAIMS, resets a slot before each
 * COMMIT and names it there. Whoever moves the word from CLAIM_OPEN first has won; the loser obeys.
 *
 * Trust: smtpd may write anything into its own page; that harms only its own commits.
 * On failure: claim_page_make and claim_page_map return NULL; commits then fail with a 4xx.
 */
#ifndef TIDEGATE_LIB_CLAIM_H
#define TIDEGATE_LIB_CLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum claim { CLAIM_OPEN = 0, CLAIM_COMMITTING = 1, CLAIM_GIVEN_UP = 2 };

struct claim_page {
	uint32_t slots;
	_Atomic uint32_t *words;
};

/* smtpd: a new page. *fd is for CLAIMS and is the caller's. */
struct claim_page *claim_page_make(uint32_t slots, int *fd);
/* deliver: maps a page it was sent; NULL unless it is sealed against shrinking and large enough. fd stays open. */
struct claim_page *claim_page_map(int fd, uint32_t slots);
void claim_page_free(struct claim_page *page);

/* smtpd, before each COMMIT. */
void claim_reset(struct claim_page *page, uint32_t slot);
/* True when `winner` (COMMITTING or GIVEN_UP) was the first. False for a slot out of range. */
bool claim_take(struct claim_page *page, uint32_t slot, enum claim winner);

#endif
