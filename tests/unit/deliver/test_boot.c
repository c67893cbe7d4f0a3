/* Tests of deliver/boot.c.
 *
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "deliver/boot.h"

static void
a_boot_is_known_by_its_uuid_or_not_at_all(void **state)
{
	static const uint8_t expected[BOOT_BYTES] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45,
		0x67, 0x89, 0xab, 0xcd, 0xef };
	static const uint8_t unknown[BOOT_BYTES];
	static const char *const bad[] = { "", "01234567-89ab-cdef-0123-456789abcde",
		"0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdeg",
		"01234567-89ab-cdef-0123-456789abcdef0", "01234567+89ab-cdef-0123-456789abcdef",
		"-1234567-89ab-cdef-0123-456789abcdef" };
	uint8_t boot[BOOT_BYTES];

	(void)state;
	boot_parse(SPAN("01234567-89ab-cdef-0123-456789ABCDEF\n"), boot);
	assert_memory_equal(boot, expected, sizeof boot);
	boot_parse(SPAN("01234567-89ab-cdef-0123-456789abcdef"), boot);
	assert_memory_equal(boot, expected, sizeof boot);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		boot_parse(span_of(bad[i]), boot);
		assert_memory_equal(boot, unknown, sizeof boot);
	}
	boot_read(boot);
	if (access("/proc/sys/kernel/random/boot_id", R_OK) == 0)
		assert_memory_not_equal(boot, unknown, sizeof boot);
}

/* The journal names roots by their number. */
static void
other_roots_make_another_boot(void **state)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int other = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint8_t boots[4][BOOT_BYTES] = { { 1 }, { 1 }, { 1 }, { 0 } };
	static const uint8_t unknown[BOOT_BYTES];

	(void)state;
	assert_true(root >= 0 && other >= 0);
	boot_bind(boots[0], root);
	boot_bind(boots[0], other);
	boot_bind(boots[1], root);
	boot_bind(boots[1], other);
	assert_memory_equal(boots[0], boots[1], BOOT_BYTES);
	/* Another order. */
	boot_bind(boots[2], other);
	boot_bind(boots[2], root);
	assert_memory_not_equal(boots[2], boots[1], BOOT_BYTES);
	/* A folder that cannot be known makes an unknown boot, which stays one. */
	boot_bind(boots[2], -1);
	assert_memory_equal(boots[2], unknown, BOOT_BYTES);
	boot_bind(boots[3], root);
	assert_memory_equal(boots[3], unknown, BOOT_BYTES);
	(void)close(root);
	(void)close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_boot_is_known_by_its_uuid_or_not_at_all),
		cmocka_unit_test(other_roots_make_another_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
