#include "connect/topic.h"

#include <stdio.h>

static const char prefix[] = "tally/v1/";

const char *topic_kind_name(enum session_kind kind)
{
	static const char *const names[] = {"", "data", "critical", "result", "command"};
	return (unsigned)kind < 5 ? names[kind] : "";
}

enum status topic_parse(const char *topic, char *device, enum session_kind *kind)
{
	size_t start = sizeof prefix - 1;
	if (strncmp(topic, prefix, start) != 0 || strlen(topic) >= TOPIC_SIZE)
		return E_MALFORMED;
	const char *organisation = topic + start;
	const char *name = strchr(organisation, '/');
	const char *word = name ? strchr(name + 1, '/') : NULL;
	if (!word || name == organisation || word == name + 1 || strchr(word + 1, '/'))
		return E_MALFORMED;
	for (unsigned k = SESSION_DATA; k <= SESSION_RESULT; k++) {
		if (strcmp(word + 1, topic_kind_name((enum session_kind)k)) != 0)
			continue;
		*kind = (enum session_kind)k;
		snprintf(device, TOPIC_SIZE, "dev:%.*s", (int)(word - organisation), organisation);
		return OK;
	}
	return E_MALFORMED;
}

enum status topic_write(const char *device, const char *kind, char out[TOPIC_SIZE])
{
	if (strncmp(device, "dev:", 4) != 0 || !strchr(device + 4, '/') || strpbrk(device, "+#"))
		return E_MALFORMED;
	int size = snprintf(out, TOPIC_SIZE, "%s%s/%s", prefix, device + 4, kind);
	return size > 0 && size < TOPIC_SIZE ? OK : E_MALFORMED;
}

enum status topic_seq_parse(const char *text, uint64_t *seq)
{
	uint64_t value = 0;
	if (!*text)
		return E_MALFORMED;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return E_MALFORMED;
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return E_MALFORMED;
	}
	*seq = value;
	return OK;
}
