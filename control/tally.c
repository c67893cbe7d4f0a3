/* The counters of control/tally.h.
 *
 * On failure: see the header.
 */
#include "control/tally.h"

static bool
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

bool
tally_parse_line(struct span line, struct span *name, uint64_t *value)
{
	size_t space = span_find(line, ' ');

	if (space == 0 || space == line.length || space >= TALLY_NAME_SIZE)
		return false;
	for (size_t i = 0; i < space; i++)
		if (!is_name_byte(line.data[i]))
			return false;
	*name = span_take(line, space);
	return span_read_decimal(span_skip(line, space + 1), value) && *value < UINT64_MAX;
}

bool
tally_next_line(struct span *rest, struct span *line)
{
	if (rest->length == 0)
		return false;
	size_t end = span_find(*rest, '\n');
	*line = span_take(*rest, end);
	*rest = span_skip(*rest, end + 1);
	return true;
}

static struct tally_row *
find_row(struct tally *tally, const char *name)
{
	for (size_t i = 0; i < tally->count; i++)
		if (strcmp(tally->rows[i].name, name) == 0)
			return &tally->rows[i];
	if (tally->count == TALLY_NAMES_MAX)
		return NULL;
	struct tally_row *row = &tally->rows[tally->count++];
	*row = (struct tally_row){ 0 };
	memcpy(row->name, name, strlen(name) + 1);
	return row;
}

void
tally_add(struct tally *tally, const char *prefix, struct span name, uint64_t value)
{
	char whole[TALLY_NAME_SIZE];
	int length = snprintf(whole, sizeof whole, "%s.%.*s", prefix, SPAN_ARG(name));

	if (length < 0 || (size_t)length >= sizeof whole)
		return;
	struct tally_row *row = find_row(tally, whole);
	if (row)
		row->value += value;
}

void
tally_add_lines(struct tally *tally, const char *prefix, struct span text)
{
	struct span line;
	struct span name;
	uint64_t value;

	while (tally_next_line(&text, &line))
		if (tally_parse_line(line, &name, &value))
			tally_add(tally, prefix, name, value);
}

void
tally_print(const struct tally *tally, struct buf *out)
{
	for (size_t i = 0; i < tally->count; i++) {
		buf_append_text(out, tally->rows[i].name);
		buf_append_char(out, ' ');
		buf_append_u64(out, tally->rows[i].value);
		buf_append_char(out, '\n');
	}
}

/* Metric names have no "." and no "-". */
static void
append_metric_name(struct buf *out, struct span name)
{
	for (size_t i = 0; i < name.length; i++)
		buf_append_char(out, name.data[i] == '.' || name.data[i] == '-' ? '_' : name.data[i]);
}

/* Where the label begins: behind the second "."; the whole length when there is no label. */
static size_t
find_label(struct span name)
{
	size_t first = span_find(name, '.');
	size_t second = span_find(span_skip(name, first + 1), '.');

	return first + 1 + second >= name.length ? name.length : first + 1 + second;
}

void
tally_print_metrics(struct span text, struct buf *out)
{
	struct span line;
	struct span name;
	uint64_t value;

	while (tally_next_line(&text, &line)) {
		if (!tally_parse_line(line, &name, &value))
			continue;
		size_t label = find_label(name);
		buf_append_text(out, "tidegate_");
		append_metric_name(out, span_take(name, label));
		if (label < name.length) {
			buf_append_text(out, "{name=\"");
			buf_append(out, span_skip(name, label + 1));
			buf_append_text(out, "\"}");
		}
		buf_append_char(out, ' ');
		buf_append_u64(out, value);
		buf_append_char(out, '\n');
	}
}
