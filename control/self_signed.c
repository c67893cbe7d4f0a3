/* The certificate of control/self_signed.h: EC P-256, ten years.
 *
 * On failure: see the header.
 */
#include "control/self_signed.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/durable_replace.h"

enum {
	FILE_LIMIT_BYTES = 16384,
	SERIAL_BYTES = 16,
	NAME_BYTES = 64, /* the most that a common name may have (RFC 5280 A.1) */
	TEN_YEARS_S = 3652 * 86400,
	/* Clocks differ; and one that is about to end shall be made anew at a start before that. */
	SKEW_S = 86400,
	NEARLY_S = 30 * 86400
};

const char self_signed_name[] = "self-signed.pem";

static bool
add_extension(X509 *certificate, int number, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, number, value);
	bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool
set_serial(X509 *certificate)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *number = RAND_bytes(bytes, sizeof bytes) == 1 ? BN_bin2bn(bytes, sizeof bytes, NULL) : NULL;
	bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));

	BN_free(number);
	return ok;
}

/* The name as subject and issuer; one that is too long for it stands in subjectAltName alone. */
static bool
set_names(X509 *certificate, const char *hostname)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	const unsigned char *text = (const unsigned char *)(strlen(hostname) > NAME_BYTES ? "tidegate" : hostname);
	struct buf names = BUF_LIMIT(FILE_LIMIT_BYTES);

	buf_printf(&names, "DNS:%s", hostname);
	const char *alternatives = buf_text(&names);
	bool ok = alternatives && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
		  X509_set_issuer_name(certificate, subject) == 1 &&
		  add_extension(certificate, NID_subject_alt_name, alternatives);
	buf_free(&names);
	return ok;
}

static X509 *
make_certificate(EVP_PKEY *key, const char *hostname)
{
	X509 *certificate = X509_new();
	bool ok = certificate && X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
		  X509_gmtime_adj(X509_getm_notBefore(certificate), -SKEW_S) &&
		  X509_gmtime_adj(X509_getm_notAfter(certificate), TEN_YEARS_S) &&
		  X509_set_pubkey(certificate, key) == 1 && set_names(certificate, hostname) &&
		  add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
		  add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
		  add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
		  X509_sign(certificate, key, EVP_sha256()) > 0;

	if (ok)
		return certificate;
	X509_free(certificate);
	return NULL;
}

/* Both as PEM; the memory is wiped when it is given back. NULL without memory. */
static BIO *
make_text(const char *hostname)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *certificate = key ? make_certificate(key, hostname) : NULL;
	BIO *text = BIO_new(BIO_s_secmem());
	bool ok = certificate && text && PEM_write_bio_X509(text, certificate) == 1 &&
		  PEM_write_bio_PKCS8PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) == 1;

	X509_free(certificate);
	EVP_PKEY_free(key);
	if (ok)
		return text;
	BIO_free(text);
	return NULL;
}

static bool
write_text(int folder, BIO *text)
{
	char *bytes;
	long length = BIO_get_mem_data(text, &bytes);

	return durable_replace_with(folder, self_signed_name, 0600, span_make(bytes, (size_t)length)) ==
	       DURABLE_REPLACED;
}

/* The certificate of a text, when its key is behind it; else NULL. A server with a certificate that keys refuses would
 * not start, and this one is nobody's to mend. */
static X509 *
parse_pair(const char *bytes, size_t length)
{
	BIO *text = BIO_new_mem_buf(bytes, (int)length);
	X509 *certificate = text ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = certificate ? PEM_read_bio_PrivateKey(text, NULL, NULL, NULL) : NULL;
	bool ok = key && X509_check_private_key(certificate, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(text);
	if (ok)
		return certificate;
	X509_free(certificate);
	return NULL;
}

/* Reads the certificate of the file; NULL when there is none that is ours alone. */
static X509 *
read_certificate(int folder)
{
	struct stat facts;
	char bytes[FILE_LIMIT_BYTES];
	X509 *certificate = NULL;
	int fd = openat(folder, self_signed_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool is_ours = fd >= 0 && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == geteuid() &&
		       (facts.st_mode & (S_IRWXG | S_IRWXO)) == 0;
	ssize_t length = is_ours ? pread(fd, bytes, sizeof bytes, 0) : 0;

	if (length > 0)
		certificate = parse_pair(bytes, (size_t)length);
	OPENSSL_cleanse(bytes, sizeof bytes);
	if (fd >= 0)
		(void)close(fd);
	return certificate;
}

static bool
serves(X509 *certificate, const char *hostname)
{
	time_t later = time(NULL) + NEARLY_S;

	return X509_check_host(certificate, hostname, strlen(hostname), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) ==
		   1 &&
	       X509_cmp_time(X509_get0_notAfter(certificate), &later) > 0;
}

bool
self_signed_ensure(int folder, const char *hostname, bool *is_new, struct buf *why)
{
	X509 *there = read_certificate(folder);
	bool ok = there && serves(there, hostname);

	X509_free(there);
	*is_new = !ok;
	if (ok)
		return true;
	BIO *text = make_text(hostname);
	errno = ENOMEM;
	ok = text && write_text(folder, text);
	if (!ok)
		buf_printf(why, "%s in the state folder cannot be made: %s", self_signed_name, strerror(errno));
	BIO_free(text);
	return ok;
}
