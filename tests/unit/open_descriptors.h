/* How many descriptors the test has open, to see that none is left behind.
 *
 * On failure: the running test fails.
 */
#ifndef TIDEGATE_TESTS_UNIT_OPEN_DESCRIPTORS_H
#define TIDEGATE_TESTS_UNIT_OPEN_DESCRIPTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>

/* Only differences mean something: the listing itself counts in. */
static inline unsigned
open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count;
}

#endif
