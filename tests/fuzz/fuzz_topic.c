/* Topics and numbers from arbitrary bytes. A topic that is read gives a device whose topic is written as it was. */
#include "base/buffer.h"
#include "connect/topic.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = memory_text(span_of(data, size));
	char device[TOPIC_SIZE], again[TOPIC_SIZE];
	enum session_kind kind;
	uint64_t seq;
	if (topic_parse(text, device, &kind) == OK) {
		CHECK(strlen(device) < TOPIC_SIZE && kind >= SESSION_DATA && kind <= SESSION_RESULT);
		if (topic_write(device, topic_kind_name(kind), again) == OK)
			CHECK(strcmp(again, text) == 0);
		else
			CHECK(strpbrk(device, "+#"));
	}
	if (topic_write(text, "ack", again) == OK)
		CHECK(strlen(again) < TOPIC_SIZE);
	if (topic_seq_parse(text, &seq) == OK)
		CHECK(strspn(text, "0123456789") == strlen(text) && text[0]);
	free(text);
	return 0;
}
