/* The buckets of lib/rate_table.h. A bucket is one number: when it will be empty.
 *
 * On failure: see the header.
 */
#include "lib/rate_table.h"

#include <stdlib.h>

enum { ROW_PLACES = 8, PLACES_MAX = 1 << 20 };

struct bucket {
	struct network_key key;
	uint64_t empty_at_us; /* in the past: the place is free */
};

struct row {
	struct bucket buckets[ROW_PLACES];
};

struct rate_table {
	struct network_hash hash;
	uint64_t period_us;
	uint32_t row_mask;
	struct row *rows;
};

struct rate_table *
rate_table_new(size_t places, uint64_t period_us)
{
	struct rate_table *table = calloc(1, sizeof *table);
	uint32_t rows = 1;

	if (!table)
		return NULL;
	while ((size_t)rows * ROW_PLACES < places && (size_t)rows * ROW_PLACES < PLACES_MAX)
		rows *= 2;
	table->row_mask = rows - 1;
	table->period_us = period_us;
	table->rows = calloc(rows, sizeof *table->rows);
	if (table->rows && network_hash_begin(&table->hash))
		return table;
	rate_table_free(table);
	return NULL;
}

void
rate_table_free(struct rate_table *table)
{
	if (!table)
		return;
	free(table->rows);
	free(table);
}

static struct row *
row_of(const struct rate_table *table, const struct network_key *key)
{
	return &table->rows[network_hash_of(&table->hash, key) & table->row_mask];
}

/* The key's own bucket, or NULL. */
static struct bucket *
find(struct row *row, const struct network_key *key)
{
	for (unsigned i = 0; i < ROW_PLACES; i++)
		if (network_key_equal(&row->buckets[i].key, key))
			return &row->buckets[i];
	return NULL;
}

static struct bucket *
emptiest(struct row *row)
{
	struct bucket *best = &row->buckets[0];

	for (unsigned i = 1; i < ROW_PLACES; i++)
		if (row->buckets[i].empty_at_us < best->empty_at_us)
			best = &row->buckets[i];
	return best;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long it takes until what is in the bucket has run out. */
static uint64_t
left_us(const struct bucket *bucket, uint64_t now_us)
{
	return bucket && bucket->empty_at_us > now_us ? bucket->empty_at_us - now_us : 0;
}

bool
rate_table_has_room(const struct rate_table *table, const struct network_key *key, uint64_t limit, uint64_t now_us)
{
	if (limit == 0)
		return true;
	return left_us(find(row_of(table, key), key), now_us) + table->period_us / limit <= table->period_us;
}

void
rate_table_count(struct rate_table *table, const struct network_key *key, uint64_t limit, uint64_t now_us)
{
	if (limit == 0)
		return;
	struct row *row = row_of(table, key);
	struct bucket *bucket = find(row, key);
	uint64_t left = left_us(bucket, now_us) + table->period_us / limit;

	if (!bucket)
		bucket = emptiest(row);
	bucket->key = *key;
	bucket->empty_at_us = now_us + least(left, table->period_us);
}

void
rate_table_uncount(struct rate_table *table, const struct network_key *key, uint64_t limit)
{
	struct bucket *bucket = limit ? find(row_of(table, key), key) : NULL;

	if (bucket)
		bucket->empty_at_us -= least(bucket->empty_at_us, table->period_us / limit);
}

void
rate_table_set_period(struct rate_table *table, uint64_t period_us)
{
	table->period_us = period_us;
}
