/* The first byte is the type, the rest a body: what decodes encodes to the same bytes. */
#include "record/body.h"
#include "record/bundle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AGAIN(TYPE, name)                                              \
	case STATEMENT_##TYPE: {                                       \
		static struct body_##name body;                        \
		if (body_##name##_decode(bytes, &body, &fault) != OK)  \
			return false;                                  \
		body_##name##_encode(&body, out);                      \
		return true;                                           \
	}

static bool again(unsigned type, struct span bytes, struct buffer *out)
{
	struct fault fault;
	switch (type) {
	AGAIN(ORG, org)
	AGAIN(PERSON, person)
	AGAIN(DEVICE, device)
	AGAIN(EVENT, event)
	AGAIN(BOUNDS, bounds)
	AGAIN(ANCHOR, anchor)
	AGAIN(MODEL, model)
	AGAIN(DEVICE_STATE, device_state)
	AGAIN(DISTURBANCE, disturbance)
	AGAIN(SERVICE, service)
	AGAIN(COMMAND, command)
	AGAIN(RESULT, result)
	AGAIN(CRITICAL, critical)
	AGAIN(ACK, ack)
	AGAIN(EVIDENCE, evidence)
	AGAIN(MEMBER, member)
	AGAIN(VOTE, vote)
	default:
		return false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct span bytes = span_of(data + 1, size - 1);
	struct buffer out = {0};
	bool valid = again(data[0], bytes, &out);
	CHECK(!valid || span_equal(buffer_span(&out), bytes));
	CHECK(valid == (body_check(data[0], bytes, NULL) == OK));
	buffer_clear(&out);
	struct statement statement = {.type = data[0], .body = bytes};
	bundle_says(&statement, &out);
	for (size_t i = 0; i < out.size; i++)
		CHECK(out.data[i] >= ' ' && out.data[i] != 0x7f);
	buffer_free(&out);
	return 0;
}
