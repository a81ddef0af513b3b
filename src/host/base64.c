#include "host/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct span bytes, struct buffer *out)
{
	for (size_t i = 0; i < bytes.size; i += 3) {
		size_t left = bytes.size - i;
		uint32_t group = (uint32_t)bytes.data[i] << 16;
		if (left > 1)
			group |= (uint32_t)bytes.data[i + 1] << 8;
		if (left > 2)
			group |= bytes.data[i + 2];
		buffer_append_byte(out, (uint8_t)digits[group >> 18]);
		buffer_append_byte(out, (uint8_t)digits[group >> 12 & 63]);
		buffer_append_byte(out, left > 1 ? (uint8_t)digits[group >> 6 & 63] : '=');
		buffer_append_byte(out, left > 2 ? (uint8_t)digits[group & 63] : '=');
	}
}

static int digit_value(uint8_t character)
{
	const char *found = character ? memchr(digits, character, 64) : NULL;
	return found ? (int)(found - digits) : -1;
}

enum status base64_decode(struct span text, struct buffer *out)
{
	if (text.size % 4 != 0)
		return E_MALFORMED;
	for (size_t i = 0; i < text.size; i += 4) {
		bool last = i + 4 == text.size;
		unsigned padding = 0;
		if (last && text.data[i + 3] == '=')
			padding = text.data[i + 2] == '=' ? 2 : 1;
		uint32_t group = 0;
		for (unsigned j = 0; j < 4; j++) {
			int value = j < 4 - padding ? digit_value(text.data[i + j]) : 0;
			if (value < 0)
				return E_MALFORMED;
			group = group << 6 | (uint32_t)value;
		}
		/* Bits that the padding throws away must be zero. */
		if ((padding == 2 && (group & 0xffff)) || (padding == 1 && (group & 0xff)))
			return E_MALFORMED;
		buffer_append_byte(out, (uint8_t)(group >> 16));
		if (padding < 2)
			buffer_append_byte(out, (uint8_t)(group >> 8));
		if (padding < 1)
			buffer_append_byte(out, (uint8_t)group);
	}
	return OK;
}
