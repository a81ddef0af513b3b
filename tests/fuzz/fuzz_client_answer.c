/* A node's answer about two statements: what is taken has a fate for each, and a refusal has a reason. */
#include "client/answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct digest ids[2] = {{{0xaa}}, {{0xbb}}};
	struct client_answer answers[2];
	if (client_answer_read(span_of(data, size), ids, 2, answers) != OK)
		return 0;
	for (size_t i = 0; i < 2; i++)
		if (answers[i].word == CLIENT_WORD_REFUSED ? answers[i].status == OK || !memchr(answers[i].reason, 0, sizeof answers[i].reason) : answers[i].status != OK)
			abort();
	return 0;
}
