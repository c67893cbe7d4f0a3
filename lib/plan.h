/* The plan: one table of process × account × view of the file system × rules × edges. The master starts the
 * processes from it, each process builds its walls from it, selftest tries it, and the docs are checked against it.
 *
 * Trust: constant data.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LIB_PLAN_H
#define TIDEGATE_LIB_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "lib/ipc.h"

/* Descriptors of every child. A number that a row does not use is closed. */
enum plan_descriptor {
	FD_NULL_IN = 0,
	FD_NULL_OUT = 1,
	FD_LOG = 2,
	FD_CONTROL = 3, /* channel to the master */
	FD_CONFIG = 4,  /* sealed memory file: the configuration */
	FD_VIEW = 5,    /* the folder to chroot into */
	FD_MAP = 6,     /* the recipient map (smtpd, deliver), the users (auth); closed when there is none yet */
	FD_FOLDER = 7,  /* deliver: the folder of the unread-250 journal; caller: the folder of the auth-socket */
	FD_CERTIFICATES =
	    8, /* keys: the certificates and their private keys; smtpd: the certificates; closed when there are none */
	FD_EDGES = 9,      /* the edges of the row, in the order of plan_edges(); */
	FD_EDGES_END = 137 /* …all below this number. Everything lent later is at or above it. */
};

enum plan_view {
	VIEW_EMPTY, /* an empty folder of root's */
	VIEW_SPOOL  /* the spool folder, owned by this process's uid; the only files it can reach */
};

enum plan_instances { PLAN_ONE, PLAN_PER_CORE };

struct plan_row {
	enum role role;
	const char *name;       /* program and account: "tidegate-smtpd" */
	const char *short_name; /* "smtpd" */
	const char *account;    /* NULL: the mailbox user of the configuration */
	unsigned uid_offset;    /* added to uid-base when the account does not exist */
	enum plan_instances instances;
	enum plan_view view;
	unsigned trust;             /* who may accuse whom of a breach: the more trusted, or an equal */
	bool has_network;           /* false: an empty network namespace */
	bool has_files;             /* may open files (in its view, or below folders it was given) */
	rlim_t open_files;          /* RLIMIT_NOFILE; 0: from the configuration's max-connections */
	rlim_t address_space_bytes; /* RLIMIT_AS; 0: unlimited */
	bool has_threads;
	const int *system_calls; /* the allow-list; calls with conditions are in rules */
	size_t system_call_count;
	const struct plan_rule *rules;
	size_t rule_count;
};

/* Conditions on an argument of an allowed call. */
enum plan_condition {
	RULE_NONE,
	RULE_FLAGS_WITHIN, /* argument & ~value == 0 */
	RULE_HAS_FLAGS,    /* argument & value == value */
	RULE_EQUALS,       /* argument == value (32 bits) */
	RULE_BELOW,        /* argument < value (a descriptor number) */
	RULE_IS_NULL       /* the pointer is NULL */
};

struct plan_test {
	unsigned argument;
	enum plan_condition condition;
	uint64_t value;
};

enum { PLAN_TESTS = 2 };

struct plan_rule {
	int system_call;
	struct plan_test tests[PLAN_TESTS]; /* all must hold; RULE_NONE ends them */
};

/* One neighbour of a process. */
struct plan_neighbour {
	enum role role;
	unsigned instance;
	int descriptor; /* fixed number in the process that asks */
};

enum { PLAN_CORES_MAX = 32, PLAN_NEIGHBOURS_MAX = 128 };

const struct plan_row *plan_row(enum role role);
/* How many processes of this role on a machine with so many cores. */
unsigned plan_count(enum role role, unsigned cores);
/* The neighbours of one process, in order; returns how many. Both ends of every edge appear in each other's list. */
unsigned plan_neighbours(
    enum role role, unsigned instance, unsigned cores, struct plan_neighbour neighbours[static PLAN_NEIGHBOURS_MAX]);
/* The fixed number of the descriptor to one neighbour, or -1 when there is no such edge. */
int plan_edge_descriptor(enum role role, unsigned instance, unsigned cores, enum role peer, unsigned peer_instance);

#endif
