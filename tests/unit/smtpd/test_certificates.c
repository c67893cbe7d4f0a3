/* smtpd/certificates.c: which set of certificates is in use after a good one, a bad one, and a change of the policy.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "smtpd/smtpd.h"
#include "tests/unit/smtpd/tls_fixture.h"

static struct config config = { .tls_policy = TLS_POLICY_MODERN };
static struct smtpd smtpd = { .config = &config };

/* A set of this one chain, as the master hands it out. */
static void
hand_out(struct span chain)
{
	struct buf bytes = BUF_LIMIT(CERTIFICATE_SET_BYTES);
	int fd = memfd_create("certificates", MFD_CLOEXEC);

	certificate_set_begin(&bytes, 1, 1);
	certificate_set_add(&bytes, SPAN("mx.example.org"), chain.length, 0);
	buf_append(&bytes, chain);
	assert_int_equal(write(fd, bytes.data, bytes.length), bytes.length);
	certificates_take(&smtpd, fd);
	(void)close(fd);
	buf_free(&bytes);
}

static void
a_set_that_cannot_be_used_leaves_nothing_behind(void **unused)
{
	struct pair pair = pair_make("P-256", "DNS:mx.example.org");

	(void)unused;
	keys_link_init(&smtpd.keys);
	smtpd.tls_library = tls_library_open();
	assert_non_null(smtpd.tls_library);
	hand_out(SPAN("no certificate"));
	assert_null(smtpd.tls);
	hand_out(pair_certificate(&pair, "mx.example.org").chain);
	struct tls_contexts *good = smtpd.tls;
	assert_non_null(good);
	hand_out(SPAN("no certificate"));
	assert_ptr_equal(smtpd.tls, good);
	/* The policy is that of the good one, made anew. */
	config.tls_policy = TLS_POLICY_COMPATIBLE;
	certificates_follow_policy(&smtpd);
	assert_int_equal(smtpd.tls_policy, TLS_POLICY_COMPATIBLE);
	tls_contexts_free(smtpd.tls);
	tls_library_close(smtpd.tls_library);
	buf_free(&smtpd.certificates);
	pair_free(&pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_set_that_cannot_be_used_leaves_nothing_behind) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
