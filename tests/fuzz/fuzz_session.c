/* Whole sessions, without sockets: any bytes from the client, any answers of the side rooms in any order, neighbours
 * that die and come back, TLS that stands or breaks, time that passes, budgets that are used up.
 *
 * Where it happens is in tests/fuzz/session_stage.h, what can happen in session_steps.h, who watches in
 * session_witness.h, by the rules of session_rules.h: never a 250 to a message without a commit, never two messages
 * from one text, never a state that nothing led to, and nothing kept that belongs to no message.
 */
#include "tests/fuzz/session_steps.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The log is not what is tested: standard error goes to /dev/null, but for the fuzzer's own reports. */
int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
	static char silence[] = "-close_fd_mask=2";
	static char *longer[64];

	if (*count > 62)
		return 0;
	memcpy(longer, *arguments, (size_t)*count * sizeof *longer);
	longer[(*count)++] = silence;
	*arguments = longer;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_make((const char *)data, size);
	static struct stage stage;

	stage_open(&stage, &input);
	while (input.length)
		steps_take_one(&stage, &input);
	stage_close(&stage);
	return 0;
}
