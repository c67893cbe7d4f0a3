/* Our own mistakes end the process at once: the master starts a fresh one, and the log names the line.
 * On failure: that is all it is for.
 */
#ifndef TIDEGATE_LIB_BUG_H
#define TIDEGATE_LIB_BUG_H

/* Ends the process by abort() after one log line with file, line and what was wrong. Never for bad input. */
#define BUG(what) bug_abort(__FILE__, __LINE__, (what))

_Noreturn void bug_abort(const char *file, int line, const char *what);

#endif
