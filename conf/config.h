/* The configuration: read with libconfuse from one schema table, checked, handed to the child processes as bytes.
 *
 * Trust: the file is the administrator's; mistakes in it get a message with file, line and what would be right.
 * On failure: a list of all errors, one sentence each; nothing is half taken.
 */
#ifndef TIDEGATE_CONF_CONFIG_H
#define TIDEGATE_CONF_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/schema.h"
#include "lib/buf.h"
#include "lib/span.h"

enum action { ACTION_OFF, ACTION_NOTE, ACTION_DOUBT, ACTION_DEFER, ACTION_REFUSE, ACTION_JUNK };
enum walls { WALLS_NONE, WALLS_ALL };
enum resolver_down { RESOLVER_DOWN_DEFER, RESOLVER_DOWN_ACCEPT };
enum letter_case { LETTER_CASE_FOLD, LETTER_CASE_KEEP };
enum bare_newline { BARE_NEWLINE_NORMALISE, BARE_NEWLINE_REFUSE };
enum listener_role { LISTENER_MX, LISTENER_SUBMISSION };
enum listener_tls { LISTENER_TLS_OFF, LISTENER_TLS_STARTTLS, LISTENER_TLS_IMPLICIT };
enum tls_policy { TLS_POLICY_COMPATIBLE, TLS_POLICY_MODERN };

struct config_list {
	size_t count;
	const char **items; /* owned by the configuration */
};

#define CONFIG_C_TEXT const char *
#define CONFIG_C_LIST struct config_list
#define CONFIG_C_NUMBER uint64_t
#define CONFIG_C_SIZE uint64_t
#define CONFIG_C_DURATION uint64_t /* milliseconds */
#define CONFIG_C_FLAG bool
#define CONFIG_C_ACTION enum action
#define CONFIG_C_WALLS enum walls
#define CONFIG_C_RESOLVER_DOWN enum resolver_down
#define CONFIG_C_LETTER_CASE enum letter_case
#define CONFIG_C_BARE_NEWLINE enum bare_newline
#define CONFIG_C_LISTENER_ROLE enum listener_role
#define CONFIG_C_LISTENER_TLS enum listener_tls
#define CONFIG_C_TLS_POLICY enum tls_policy

#define K(kind, member, key, preset, lowest, highest, help) CONFIG_C_##kind member;
struct config_listener {
	const char *name; /* of the section; the address itself when it stands in `listen` */
	LISTENER_LIST(K)
};

struct config_certificate {
	const char *name; /* several may share one: the same names with keys of different kinds */
	CERTIFICATE_LIST(K)
};

struct config {
	CONFIG_LIST(K)
	/* Those of `listen` first, then the sections in the order of the file; at least one in all. */
	const struct config_listener *listeners;
	size_t listener_count;
	const struct config_certificate *certificates; /* in the order of the file */
	size_t certificate_count;
	void *storage; /* owns the texts, the listeners and the certificates */
};
#undef K

/* How many sections of a kind one file may hold. */
enum { CONFIG_SECTIONS_MAX = 64 };

/* Reads, completes (resolvers from /etc/resolv.conf, hostname from the system when absent) and checks a file.
 * NULL on any error; errors then holds one line each, "FILE:LINE: what is wrong; what would be right". */
struct config *config_read(const char *path, struct buf *errors);
/* The bytes a child takes. */
void config_encode(const struct config *config, struct buf *out);
/* A configuration from config_encode's bytes; NULL when they are not exactly that. */
struct config *config_decode(struct span bytes);
/* All effective values as a configuration file. */
void config_print(const struct config *config, struct buf *out);
/* The first difference that a running server cannot take over (listen may change; state, mailboxes, uid-base … may
 * not): the key's name, or NULL. */
const char *config_needs_restart(const struct config *running, const struct config *fresh);
void config_free(struct config *config);

const char *config_action_name(enum action action);

#endif
