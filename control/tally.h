/* Counters by name: what children say of themselves, added up over the processes of a role.
 *
 * A line is "NAME VALUE": NAME of lower-case letters, digits, "." and "-", VALUE decimal.
 *
 * Trust: the lines may come from a compromised child; those of another form are left out. Pure.
 * On failure: a tally that is full takes no new names.
 */
#ifndef TIDEGATE_CONTROL_TALLY_H
#define TIDEGATE_CONTROL_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"

enum { TALLY_NAMES_MAX = 512, TALLY_NAME_SIZE = 64 };

struct tally_row {
	char name[TALLY_NAME_SIZE];
	uint64_t value;
};

struct tally {
	size_t count;
	struct tally_row rows[TALLY_NAMES_MAX];
};

/* Reads one line (without its end). False when it is not of the form. */
bool tally_parse_line(struct span line, struct span *name, uint64_t *value);
/* Cuts the next line off *rest; false when nothing is left. */
bool tally_next_line(struct span *rest, struct span *line);
/* Adds to "PREFIX.NAME". */
void tally_add(struct tally *tally, const char *prefix, struct span name, uint64_t value);
/* Adds all lines of a text. */
void tally_add_lines(struct tally *tally, const char *prefix, struct span text);
/* Appends the lines, in the order in which the names first came. */
void tally_print(const struct tally *tally, struct buf *out);
/* Appends the lines of such a text in Prometheus's text format: "smtpd.refused.no-user 5" becomes
 * tidegate_smtpd_refused{name="no-user"} 5. */
void tally_print_metrics(struct span text, struct buf *out);

#endif
