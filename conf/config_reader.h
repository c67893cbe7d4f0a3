/* The steps of config_read, shared by the files that take them.
 *
 * Trust: the administrator's file.
 * On failure: the problems grow; config_read gives them out and no configuration.
 */
#ifndef TIDEGATE_CONF_CONFIG_READER_H
#define TIDEGATE_CONF_CONFIG_READER_H

#include "conf/config_schema.h"
#include "conf/problems.h"
#include "lib/buf.h"

enum { CONFIG_FILE_BYTES = 1 << 20 };

#define CONFIG_ONE(kind, member, key, preset, lowest, highest, help) +1
enum { CONFIG_KEY_COUNT = 0 CONFIG_LIST(CONFIG_ONE) };
#undef CONFIG_ONE

/* Reads a whole file of at most `limit_bytes` into text; false with errno. */
bool config_read_file(const char *path, size_t limit_bytes, struct buf *text);

/* Where the keys go that are being read. */
struct config_place {
	enum config_table table;
	void *owner;                          /* the struct of the table */
	unsigned key_lines[CONFIG_KEY_COUNT]; /* where each key of the table is given first; 0: not given */
};

struct config_reader {
	const char *path;  /* as given, for messages */
	struct buf folder; /* absolute path of the file's folder */
	struct problems problems;
	struct config *config;
	struct config_place file;   /* the keys outside of all sections */
	struct config_place *place; /* that one, or a section's */
	unsigned last_line;
	bool is_cut_short; /* a syntax error hides what follows it */
};

/* Adds a problem of this file. */
#define CONFIG_PROBLEM(reader, line, ...)                                                                              \
	problems_add(&(reader)->problems, span_of((reader)->path), 0, (line), __VA_ARGS__)

/* Gives the text of one table, without sections, to libconfuse, and takes and checks every value; unknown, doubled and
 * malformed ones are problems. */
void config_parse(struct config_reader *reader, struct span text);
/* Reads the sections of the text into listeners and certificates, and checks what must be there in each. After the
 * values of the file itself. */
void config_sections_read(struct config_reader *reader, struct span text);
/* Appends the text with its sections replaced by spaces; lines keep their numbers. */
void config_sections_blank(struct span text, struct buf *out);
/* Takes the presets of the keys that the reader's place was not given. */
void config_complete_presets(struct config_reader *reader);
/* Fills in what the file leaves out, from the schema and from the system, and looks for what must be there. */
void config_complete(struct config_reader *reader);
/* Checks and stores the values of one key; lines has one line a value. */
struct config_value {
	unsigned line;
	struct span text;
};
void config_take(
    struct config_reader *reader, const struct config_key *key, const struct config_value *values, size_t count);

#endif
