/* The reader accepts one form only: what it reads, written again, is what was there. */
#include "record/cbor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy(struct cbor_reader *in, struct buffer *out)
{
	switch (cbor_peek(in)) {
	case CBOR_UINT:
		cbor_write_uint(out, cbor_read_uint(in));
		break;
	case CBOR_NEGATIVE:
		cbor_write_int(out, cbor_read_int(in));
		break;
	case CBOR_BYTES:
		cbor_write_bytes(out, cbor_read_bytes(in));
		break;
	case CBOR_TEXT:
		cbor_write_text(out, cbor_read_text(in));
		break;
	case CBOR_ARRAY: {
		uint64_t count = cbor_enter_array(in, 1000);
		cbor_write_array(out, count);
		for (uint64_t i = 0; i < count; i++)
			copy(in, out);
		cbor_leave(in);
		break;
	}
	case CBOR_MAP: {
		uint64_t pairs = cbor_enter_map(in, 1000);
		cbor_write_map(out, pairs);
		for (uint64_t i = 0; i < 2 * pairs; i++)
			copy(in, out);
		cbor_leave(in);
		break;
	}
	case CBOR_TAG:
		cbor_write_tag(out, cbor_read_tag(in));
		copy(in, out);
		break;
	case CBOR_BOOL:
		cbor_write_bool(out, cbor_read_bool(in));
		break;
	case CBOR_NULL:
		cbor_read_null_if_present(in);
		cbor_write_null(out);
		break;
	case CBOR_END:
		cbor_fail(in, "nothing to copy");
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer out = {0};
	if (size > 4096)
		return 0; /* a chain of tags is as deep as it is long, here */
	struct cbor_reader in = cbor_reader_of(span_of(data, size));
	copy(&in, &out);
	if (cbor_end(&in) == OK)
		CHECK(span_equal(buffer_span(&out), span_of(data, size)));
	bool copied = !in.failed;
	in = cbor_reader_of(span_of(data, size));
	struct span item = cbor_read_item(&in);
	CHECK(!copied || item.size == out.size);
	buffer_free(&out);
	return 0;
}
