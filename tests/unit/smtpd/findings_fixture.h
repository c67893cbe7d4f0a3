/* What two readings of a text have found, compared.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_FINDINGS_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_FINDINGS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/findings.h"

static inline void
assert_same_findings(const struct findings *a, const struct findings *b)
{
	assert_int_equal(a->text_bytes, b->text_bytes);
	assert_int_equal(a->lines, b->lines);
	assert_int_equal(a->bare_newline_line, b->bare_newline_line);
	assert_int_equal(a->nul_line, b->nul_line);
	assert_int_equal(a->long_line, b->long_line);
	assert_int_equal(a->longest_line, b->longest_line);
	assert_int_equal(a->received_fields, b->received_fields);
	assert_int_equal(a->has_8bit, b->has_8bit);
}

#endif
