/* The dialogues that an administrator follows (`tidegate trace`): of whom, and the pipes that they are written to.
 *
 * A line is "TIME SESSION C: text", "… S: text" or "… * event", in one write of at most PIPE_BUF bytes, so that the
 * lines of several processes never mix. Bytes that are no printable ASCII, and backslashes, stand as \xHH.
 *
 * Trust: texts are clients' bytes; the pipe is the master's, its reader is root.
 * On failure: nobody waits for a reader: what a full pipe has no room for is lost, and the next line that fits says how
 * much; a pipe without a reader ends its trace.
 */
#ifndef TIDEGATE_SMTPD_TRACES_H
#define TIDEGATE_SMTPD_TRACES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/peer.h"
#include "lib/span.h"

enum { TRACES_MAX = 4 };

struct trace {
	int fd; /* owned; -1: the place is free */
	uint32_t id;
	struct buf networks; /* with a space between each two */
	uint64_t lost;       /* lines since the last one that was written */
};

struct traces {
	struct trace items[TRACES_MAX];
};

/* What a line is. */
enum trace_mark { TRACE_CLIENT, TRACE_SERVER, TRACE_EVENT };

void traces_init(struct traces *traces);
/* Begins a trace, or begins the one of that id anew; owns fd, which must not block. False: there are TRACES_MAX, or no
 * memory, or fd is -1 since no descriptor was left to receive it. */
bool traces_add(struct traces *traces, uint32_t id, struct span networks, int fd);
/* Tells the reader that the process of that number takes part from now on. */
void traces_announce(struct traces *traces, uint32_t id, unsigned instance);
/* Ends a trace, if there is one of that id. */
void traces_remove(struct traces *traces, uint32_t id);
/* Does anybody follow this client? */
bool traces_concern(const struct traces *traces, const struct peer_address *client);
/* Writes a line to everybody who follows this client. */
void traces_write(
    struct traces *traces, const struct peer_address *client, uint64_t session, enum trace_mark mark, struct span text);
void traces_free(struct traces *traces);

#endif
