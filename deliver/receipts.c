/* The receipts of deliver/receipts.h.
 *
 * On failure: see deliver/receipts.h.
 */
#include "deliver/receipts.h"

#include <stdlib.h>
#include <string.h>

#include "deliver/table.h"

struct name {
	uint32_t edge;
	uint32_t receipt;
};

struct row {
	UT_hash_handle hh;
	struct name name;
	size_t count;
	uint64_t serials[];
};

struct receipts {
	struct row *rows; /* the oldest first */
	size_t serials;   /* in all of them */
	uint32_t last_receipt;
	uint32_t edges[RECEIPTS_EDGES_MAX]; /* those that are open; 0: a free place */
};

struct receipts *
receipts_new(void)
{
	return calloc(1, sizeof(struct receipts));
}

static void
remove_row(struct receipts *receipts, struct row *row)
{
	HASH_DEL(receipts->rows, row);
	receipts->serials -= row->count;
	free(row);
}

void
receipts_free(struct receipts *receipts)
{
	if (!receipts)
		return;
	struct row *row = receipts->rows;
	HASH_CLEAR(hh, receipts->rows);
	while (row) {
		struct row *next = row->hh.next;

		free(row);
		row = next;
	}
	free(receipts);
}

/* The place of an edge (0: of a free one), or NULL. */
static uint32_t *
find_edge(struct receipts *receipts, uint32_t edge)
{
	for (size_t i = 0; i < RECEIPTS_EDGES_MAX; i++)
		if (receipts->edges[i] == edge)
			return &receipts->edges[i];
	return NULL;
}

void
receipts_edge_open(struct receipts *receipts, uint32_t edge)
{
	uint32_t *place = find_edge(receipts, 0);

	if (place)
		*place = edge;
}

void
receipts_edge_gone(struct receipts *receipts, uint32_t edge)
{
	uint32_t *place = find_edge(receipts, edge);
	struct row *row = receipts->rows;

	if (place)
		*place = 0;
	while (row) {
		struct row *next = row->hh.next;

		if (row->name.edge == edge)
			remove_row(receipts, row);
		row = next;
	}
}

uint32_t
receipts_give(struct receipts *receipts, uint32_t edge, const uint64_t *serials, size_t count)
{
	if (edge == 0 || !find_edge(receipts, edge) || count == 0)
		return 0;
	while (receipts->rows && receipts->serials + count > RECEIPTS_MAX)
		remove_row(receipts, receipts->rows);
	struct row *row = malloc(sizeof *row + count * sizeof *serials);
	if (!row)
		return 0;
	if (++receipts->last_receipt == 0)
		receipts->last_receipt = 1;
	row->name = (struct name){ edge, receipts->last_receipt };
	row->count = count;
	memcpy(row->serials, serials, count * sizeof *serials);
	HASH_ADD(hh, receipts->rows, name, sizeof row->name, row);
	if (!row->hh.tbl) {
		free(row);
		return 0;
	}
	receipts->serials += count;
	return receipts->last_receipt;
}

bool
receipts_take(struct receipts *receipts, uint32_t edge, uint32_t receipt, void (*each)(void *context, uint64_t serial),
    void *context)
{
	struct name name = { edge, receipt };
	struct row *row;

	HASH_FIND(hh, receipts->rows, &name, sizeof name, row);
	if (!row)
		return false;
	for (size_t i = 0; i < row->count; i++)
		each(context, row->serials[i]);
	remove_row(receipts, row);
	return true;
}
