#include "edge/inside.h"

static size_t character_size(uint8_t first)
{
	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

struct span words_whole(struct span text)
{
	size_t back = 0;
	while (back < text.size && back < 4 && (text.data[text.size - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back == text.size)
		return text;
	if (character_size(text.data[text.size - 1 - back]) > back + 1)
		text.size -= back + 1;
	return text;
}

void words_copy(char *out, size_t size, struct span text)
{
	if (text.size >= size)
		text = words_whole(span_of(text.data, size - 1));
	if (text.size)
		memcpy(out, text.data, text.size);
	out[text.size] = '\0';
}
