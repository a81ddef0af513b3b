/* Configuration: one INI file a daemon, read against a table of known keys. What is not in the table is an error
 * that names the line and the nearest known key. */
#ifndef TALLY_HOST_CONFIG_H
#define TALLY_HOST_CONFIG_H

#include "base/buffer.h"

#include <stdio.h>

enum config_kind {
	CONFIG_TEXT,                  /* char *: not empty */
	CONFIG_PATH,                  /* char *: relative ones begin at the folder of the INI file */
	CONFIG_ADDRESS,               /* char *: "host:port" */
	CONFIG_URL,                   /* char *: http://... or https://... */
	CONFIG_NUMBER,                /* int64_t: whole, between low and high */
	CONFIG_DURATION,              /* int64_t milliseconds: number with "ms", "s", "min", "h"; between low and high */
	CONFIG_SIZE,                  /* int64_t bytes: number with "B", "KiB", "MiB", "GiB"; between low and high */
	CONFIG_SWITCH,                /* bool: on, off */
	CONFIG_LIST,                  /* struct config_list: the key may stand several times */
	CONFIG_GONE,                  /* no longer a setting: `help` is the sentence that says what to do */
};

struct config_list {
	char **items;                 /* NULL-terminated */
	size_t count, capacity;
};

struct config_key {
	const char *section, *name;
	enum config_kind kind;
	void *target;
	bool required;
	const char *fallback;         /* used when the key is absent; NULL: the target keeps what it holds */
	int64_t low, high;
	const char *help;
};

/* Texts are owned by the targets; free them with config_free. E_NOT_FOUND, E_IO, E_LIMIT, E_CONFIG with a sentence that
 * names the file, the line and what to write. */
MUST_USE enum status config_read(const char *path, const struct config_key *keys, size_t count, struct fault *fault);
/* The same from text; `folder` is where relative paths begin, `name` what the sentences call it. */
MUST_USE enum status config_parse(const char *text, const char *folder, const char *name, const struct config_key *keys, size_t count,
	struct fault *fault);
void config_free(const struct config_key *keys, size_t count);
/* A size as CONFIG_SIZE takes it. False: it is none. */
bool config_size(const char *text, int64_t *bytes);
/* Every key with its meaning and default, as an INI file. */
void config_print(FILE *out, const struct config_key *keys, size_t count);

/* The nearest of `count` words to `word`; NULL when none is near. stride: bytes from one word pointer to the next. */
const char *config_nearest(const char *word, const char *const *words, size_t count, size_t stride);

#endif
