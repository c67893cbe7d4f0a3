/* SipHash-2-4 against the values of its authors' paper: key 00 01 … 0f, input 00 01 … up to n - 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/siphash.h"

static const struct siphash_key key = { { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u } };

static void
test_known_values(void **state)
{
	static const struct {
		size_t length;
		uint64_t hash;
	} known[] = { { 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu }, { 8, 0x93f5f5799a932462u },
		{ 15, 0xa129ca6149be45e5u } };
	char bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		assert_true(siphash(&key, span_make(bytes, known[i].length)) == known[i].hash);
}

static void
test_the_key_counts(void **state)
{
	const struct siphash_key other = { { key.words[0], key.words[1] ^ 1 } };

	(void)state;
	assert_true(siphash(&key, SPAN("alice")) != siphash(&other, SPAN("alice")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_the_key_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
