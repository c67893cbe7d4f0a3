/* All private keys that there are, and the one thing that can be had from them: a signature under a TLS handshake.
 *
 * The last few sets are kept: a handshake that began just before a new set came ends with its own key.
 *
 * Trust: sets come from the master; what is to be signed comes from an smtpd that may be compromised.
 * On failure: a verdict; the caller says and logs it.
 */
#ifndef TIDEGATE_SMTPD_KEYS_STORE_H
#define TIDEGATE_SMTPD_KEYS_STORE_H

#include "smtpd/certificate_set.h"
#include "smtpd/keys_pair.h"

struct keys_store;

struct keys_store *keys_store_new(void);
void keys_store_free(struct keys_store *store);
/* Takes the pairs of a set that can be used, of each name one with each kind of key, and tells what it thinks of each,
 * in order. */
void keys_store_take(struct keys_store *store, const struct certificate_set *set,
    void (*tell)(void *context, size_t index, enum pair_verdict verdict, const struct keys_facts *facts),
    void *context);
/* The number of keys in the newest set. */
size_t keys_store_count(const struct keys_store *store);
/* Signs what keys_judge() lets pass; otherwise *why says the reason. */
enum sign_verdict keys_store_sign(const struct keys_store *store, struct span key_id, uint32_t scheme,
    struct span input, unsigned char signature[static TLS_SIGNATURE_BYTES], size_t *length, const char **why);

#endif
