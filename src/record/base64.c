#include "record/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(struct buffer *out, struct span bytes)
{
	for (size_t i = 0; i < bytes.size; i += 3) {
		size_t left = bytes.size - i;
		uint32_t group = (uint32_t)bytes.data[i] << 16;
		group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
		group |= left > 2 ? (uint32_t)bytes.data[i + 2] : 0;
		char text[4] = {digits[group >> 18], digits[group >> 12 & 63], left > 1 ? digits[group >> 6 & 63] : '=',
			left > 2 ? digits[group & 63] : '='};
		buffer_append(out, text, sizeof text);
	}
}

static int digit_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_read(struct span text, uint8_t *out, size_t size)
{
	if (text.size != (size + 2) / 3 * 4)
		return false;
	uint32_t bits = 0;
	unsigned count = 0; /* of bits not yet taken */
	size_t done = 0;
	size_t digits_expected = (8 * size + 5) / 6;
	for (size_t i = 0; i < text.size; i++) {
		if (i >= digits_expected) {
			if (text.data[i] != '=')
				return false;
			continue;
		}
		int value = digit_value(text.data[i]);
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[done++] = (uint8_t)(bits >> count);
		}
	}
	/* Bits after the last byte are zero, or another text would mean the same. */
	return done == size && (bits & ((1u << count) - 1)) == 0;
}
