/* control/self_signed: made where there is none that serves, kept where there is.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/self_signed.h"
#include "tests/unit/own_folder.h"

static struct own_folder folder;

static int
set_up(void **unused)
{
	(void)unused;
	own_folder_open(&folder);
	return 0;
}

static int
tear_down(void **unused)
{
	(void)unused;
	(void)unlinkat(folder.fd, self_signed_name, 0);
	own_folder_close(&folder);
	return 0;
}

static bool
ensure(const char *hostname)
{
	struct buf why = BUF_LIMIT(1024);
	bool is_new = false;

	if (!self_signed_ensure(folder.fd, hostname, &is_new, &why))
		fail_msg("%s", buf_text(&why));
	buf_free(&why);
	return is_new;
}

static FILE *
open_it(const char *mode)
{
	int fd = openat(folder.fd, self_signed_name, *mode == 'w' ? O_WRONLY | O_TRUNC : O_RDWR);
	FILE *file = fdopen(fd, mode);

	assert_non_null(file);
	return file;
}

static void
made_once_for_a_name(void **unused)
{
	struct stat facts;

	(void)unused;
	assert_true(ensure("mx.example.org"));
	assert_false(ensure("mx.example.org"));
	assert_false(ensure("MX.example.ORG"));
	assert_int_equal(fstatat(folder.fd, self_signed_name, &facts, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(facts.st_mode & 07777, 0600);
	assert_true(ensure("mail.example.org"));
	assert_false(ensure("mail.example.org"));
}

static void
it_is_a_servers_for_ten_years(void **unused)
{
	int days;
	int seconds;

	(void)unused;
	(void)ensure("mx.example.org");
	FILE *file = open_it("r");
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	assert_non_null(certificate);
	assert_non_null(key);
	assert_int_equal(X509_check_private_key(certificate, key), 1);
	assert_int_equal(X509_verify(certificate, key), 1);
	assert_true(EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == 256);
	assert_int_equal(X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0), 1);
	assert_int_equal(X509_check_ca(certificate), 0);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)), 1);
	assert_in_range(days, 3650, 3653);
	X509_free(certificate);
	EVP_PKEY_free(key);
	(void)fclose(file);
}

static void
a_name_too_long_for_a_subject_is_an_alternative(void **unused)
{
	static const char name[] = "a-label-with-quite-a-lot-of-letters.another-one-of-that-kind.mx.example.org";

	(void)unused;
	assert_true(sizeof name > 64);
	assert_true(ensure(name));
	assert_false(ensure(name));
}

static void
cut_off(off_t bytes)
{
	FILE *file = open_it("r+");

	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	assert_int_equal(ftruncate(fileno(file), ftell(file) - bytes), 0);
	(void)fclose(file);
}

/* Puts the key of another certificate behind this one. */
static void
swap_key(const char *hostname)
{
	FILE *file = open_it("r");
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);

	assert_non_null(certificate);
	(void)fclose(file);
	assert_true(ensure(hostname));
	file = open_it("r");
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	assert_non_null(key);
	(void)fclose(file);
	file = open_it("w");
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	(void)fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void
what_does_not_serve_is_made_anew(void **unused)
{
	(void)unused;
	(void)ensure("mx.example.org");
	FILE *file = open_it("w");
	assert_true(fputs("nonsense\n", file) > 0);
	(void)fclose(file);
	assert_true(ensure("mx.example.org"));
	/* One with another key, or with a key that was cut off, is of no use. */
	swap_key("mail.example.org");
	assert_true(ensure("mx.example.org"));
	cut_off(100);
	assert_true(ensure("mx.example.org"));
	assert_false(ensure("mx.example.org"));
	/* One that others could have read is no secret any more. */
	assert_int_equal(fchmodat(folder.fd, self_signed_name, 0640, 0), 0);
	assert_true(ensure("mx.example.org"));
	assert_int_equal(unlinkat(folder.fd, self_signed_name, 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", folder.fd, self_signed_name), 0);
	assert_true(ensure("mx.example.org"));
	assert_false(ensure("mx.example.org"));
}

static void
a_folder_that_cannot_be_written_to_is_told(void **unused)
{
	struct buf why = BUF_LIMIT(1024);
	bool is_new;

	(void)unused;
	assert_false(self_signed_ensure(-1, "mx.example.org", &is_new, &why));
	assert_non_null(strstr(buf_text(&why), "self-signed.pem in the state folder cannot be made"));
	buf_free(&why);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_once_for_a_name),
		cmocka_unit_test(it_is_a_servers_for_ten_years),
		cmocka_unit_test(a_name_too_long_for_a_subject_is_an_alternative),
		cmocka_unit_test(what_does_not_serve_is_made_anew),
		cmocka_unit_test(a_folder_that_cannot_be_written_to_is_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
