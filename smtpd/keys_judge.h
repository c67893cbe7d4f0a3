/* What tidegate-keys signs: the server's part of a TLS handshake, and nothing else in the world.
 *
 * A key that signed whatever smtpd asks for would, with smtpd compromised, sign certificates, mail or another server's
 * messages. What is signed in a handshake has a form of its own, and only that form passes:
 *   TLS 1.3, CertificateVerify (RFC 8446 4.4.3): 64 spaces, "TLS 1.3, server CertificateVerify", NUL, a hash;
 *   TLS 1.2, ServerKeyExchange (RFC 5246 7.4.3, RFC 8422 5.4): two randoms and the server's parameters, which are those
 *   of a named curve, or (RSA only) of the group ffdhe2048 (RFC 7919).
 *
 * Trust: every byte may be an attacker's. Pure.
 * On failure: KEYS_REFUSES, and *why says the reason.
 */
#ifndef TIDEGATE_SMTPD_KEYS_JUDGE_H
#define TIDEGATE_SMTPD_KEYS_JUDGE_H

#include <stdint.h>

#include "lib/span.h"

enum keys_kind { KEYS_RSA, KEYS_P256, KEYS_P384, KEYS_P521 };

enum keys_verdict { KEYS_REFUSES, KEYS_SIGNS_TLS12, KEYS_SIGNS_TLS13 };

/* A SignatureScheme of RFC 8446 4.2.3. */
struct keys_scheme {
	uint32_t code;
	unsigned digest_bits; /* 256, 384 or 512 */
	bool is_rsa;
	bool is_pss; /* RSA padded by PSS, with a salt as long as the digest; else by PKCS #1 */
};

/* NULL: no scheme that anything is signed by here. */
const struct keys_scheme *keys_scheme_find(uint32_t code);
/* May a key of this kind sign input as the scheme says? */
enum keys_verdict keys_judge(enum keys_kind kind, uint32_t scheme, struct span input, const char **why);

#endif
