/* The messages of the load generator: a head of its own for each, and one body for all.
 *
 * Trust: constant data.
 * On failure: without memory the generator ends by load_die().
 */
#ifndef TIDEGATE_TESTS_BENCH_LOAD_MESSAGE_H
#define TIDEGATE_TESTS_BENCH_LOAD_MESSAGE_H

#include <stddef.h>
#include <sys/uio.h>

/* Once, before any message: the body of load_options.size_bytes, with the final dot and what is pipelined behind it. */
void load_message_make(void);
size_t load_message_body_bytes(void);
/* Writes the head of a message, with a Message-ID of its own; its length. */
size_t load_message_head(long serial, char *head, size_t room);
/* What is left of head and body after so many bytes, in as few pieces as there are; how many those are. */
size_t load_message_rest(char *head, size_t head_length, size_t sent, struct iovec pieces[static 2]);

#endif
