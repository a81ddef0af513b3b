#include "host/instance.h"

#include "base/cursor.h"

bool instance_equal(const struct instance *a, const struct instance *b)
{
	return memcmp(a->bytes, b->bytes, INSTANCE_SIZE) == 0;
}

void instance_hello_encode(const struct instance *instance, struct buffer *out)
{
	write_u8(out, INSTANCE_VERSION);
	buffer_append(out, instance->bytes, INSTANCE_SIZE);
}

enum status instance_hello_decode(struct span bytes, struct instance *out)
{
	struct reader reader = reader_of(bytes);
	uint8_t version = read_u8(&reader);
	struct span instance = read_bytes(&reader, INSTANCE_SIZE);
	if (reader_end(&reader) != OK || version != INSTANCE_VERSION)
		return E_MALFORMED;
	memcpy(out->bytes, instance.data, INSTANCE_SIZE);
	return OK;
}

void instance_probe_encode(uint64_t number, struct buffer *out)
{
	write_u64(out, number);
}

enum status instance_probe_decode(struct span bytes, uint64_t *number)
{
	struct reader reader = reader_of(bytes);
	*number = read_u64(&reader);
	return reader_end(&reader);
}

enum status instance_twin_decode(struct span bytes, char out[ADDRESS_TEXT_MAX])
{
	if (bytes.size == 0 || bytes.size >= ADDRESS_TEXT_MAX)
		return E_MALFORMED;
	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i] <= ' ' || bytes.data[i] > '~' || bytes.data[i] == '"' || bytes.data[i] == '\\')
			return E_MALFORMED;
	memcpy(out, bytes.data, bytes.size);
	out[bytes.size] = 0;
	return OK;
}
