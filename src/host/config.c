#include "host/config.h"

#include "host/address.h"
#include "host/disk.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdlib.h>

enum { CONFIG_FILE_MAX = 64 << 10, LINE_MAX = 190, LIST_MAX = 256, WORD_MAX = 64 };

struct reading {
	const struct config_key *keys;
	size_t count;
	bool *seen;
	const char *folder;
	struct fault fault;           /* of the first error, without the place */
	bool failed;
};

/* Edits (insert, delete, replace) from one word to another: Levenshtein 1966. Long words are never near. */
static size_t distance(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b);
	size_t row[WORD_MAX + 1];
	if (rows > WORD_MAX || columns > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; i <= rows; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[columns];
}

const char *config_nearest(const char *word, const char *const *words, size_t count, size_t stride)
{
	const char *nearest = NULL;
	size_t least = strlen(word) / 2 + 1;
	for (size_t i = 0; i < count; i++) {
		const char *other = *(const char *const *)(const void *)((const char *)(const void *)words + i * stride);
		size_t edits = distance(word, other);
		if (edits < least) {
			least = edits;
			nearest = other;
		}
	}
	return nearest;
}

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
static const struct unit sizes[] = {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
static const struct unit plain[] = {{"", 1}};

/* "20 ms", "20ms": digits, at most one blank, a unit. */
static bool number_parse(const char *text, const struct unit *units, size_t count, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	errno = 0;
	int64_t value = strtoll(text, NULL, 10);
	if (digits == 0 || errno)
		return false;
	const char *unit = text + digits + (text[digits] == ' ');
	for (size_t i = 0; i < count; i++)
		if (strcmp(unit, units[i].name) == 0 && value <= INT64_MAX / units[i].factor) {
			*out = value * units[i].factor;
			return true;
		}
	return false;
}

static enum status number_set(const struct config_key *key, const char *value, struct fault *fault)
{
	const struct unit *units = key->kind == CONFIG_DURATION ? durations : key->kind == CONFIG_SIZE ? sizes : plain;
	size_t count = key->kind == CONFIG_NUMBER ? 1 : 4;
	const char *wanted = key->kind == CONFIG_DURATION ? "a time such as 300 ms, 2 s, 10 min or 1 h"
		: key->kind == CONFIG_SIZE ? "a size such as 512 KiB, 64 MiB or 2 GiB" : "a whole number";
	int64_t number;
	if (!number_parse(value, units, count, &number))
		return fault_set(fault, E_CONFIG, "%s = %.60s is not %s", key->name, value, wanted);
	const char *unit = key->kind == CONFIG_DURATION ? " ms" : key->kind == CONFIG_SIZE ? " B" : "";
	if (number < key->low || number > key->high)
		return fault_set(fault, E_CONFIG, "%s = %.60s is out of range; between %" PRId64 "%s and %" PRId64 "%s is permitted", key->name, value,
			key->low, unit, key->high, unit);
	*(int64_t *)key->target = number;
	return OK;
}

static char *path_from(const char *folder, const char *value)
{
	struct buffer path = {0};
	if (value[0] != '/' && strcmp(folder, ".") != 0)
		buffer_printf(&path, "%s/", folder);
	buffer_append_text(&path, value);
	char *text = memory_text(buffer_span(&path));
	buffer_free(&path);
	return text;
}

static enum status text_check(const struct config_key *key, const char *value, struct fault *fault)
{
	char host[ADDRESS_HOST_MAX];
	unsigned port;
	if (!*value)
		return fault_set(fault, E_CONFIG, "%s is empty; write a value, or remove the line", key->name);
	if (key->kind == CONFIG_ADDRESS && !address_split(value, host, &port))
		return fault_set(fault, E_CONFIG, "%s = %.60s is no address; expected host:port, such as 127.0.0.1:7101", key->name, value);
	if (key->kind == CONFIG_URL && strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0)
		return fault_set(fault, E_CONFIG, "%s = %.60s is no URL; expected one such as http://127.0.0.1:7201", key->name, value);
	return OK;
}

static enum status list_add(struct config_list *list, const char *name, const char *value, struct fault *fault)
{
	if (list->count == LIST_MAX)
		return fault_set(fault, E_CONFIG, "%s stands more than %d times", name, LIST_MAX);
	if (list->count + 2 > list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 8;
		list->items = memory_resize(list->items, list->capacity, sizeof *list->items);
	}
	list->items[list->count++] = memory_text(span_of_text(value));
	list->items[list->count] = NULL;
	return OK;
}

static enum status key_set(const struct config_key *key, const char *value, const char *folder, struct fault *fault)
{
	switch (key->kind) {
	case CONFIG_NUMBER:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		return number_set(key, value, fault);
	case CONFIG_SWITCH:
		if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
			return fault_set(fault, E_CONFIG, "%s = %.60s is neither on nor off", key->name, value);
		*(bool *)key->target = strcmp(value, "on") == 0;
		return OK;
	case CONFIG_LIST:
		TRY(text_check(key, value, fault));
		return list_add(key->target, key->name, value, fault);
	case CONFIG_TEXT:
	case CONFIG_PATH:
	case CONFIG_ADDRESS:
	case CONFIG_URL:
		TRY(text_check(key, value, fault));
		char **text = key->target;
		free(*text);
		*text = key->kind == CONFIG_PATH ? path_from(folder, value) : memory_text(span_of_text(value));
		return OK;
	}
	return OK;
}

static const struct config_key *key_find(const struct reading *reading, const char *section, const char *name, bool *section_known)
{
	*section_known = false;
	for (size_t i = 0; i < reading->count; i++) {
		if (strcmp(reading->keys[i].section, section) != 0)
			continue;
		*section_known = true;
		if (strcmp(reading->keys[i].name, name) == 0)
			return &reading->keys[i];
	}
	return NULL;
}

static void unknown(struct reading *reading, const char *section, const char *name, bool section_known)
{
	const struct config_key *keys = reading->keys;
	const char *word = section_known ? name : section;
	const char *nearest = section_known ? config_nearest(word, (const char *const *)&keys[0].name, reading->count, sizeof *keys)
					    : config_nearest(word, (const char *const *)&keys[0].section, reading->count, sizeof *keys);
	char hint[2 * WORD_MAX] = "";
	for (size_t i = 0; nearest && section_known && i < reading->count; i++)
		if (keys[i].name == nearest)
			snprintf(hint, sizeof hint, "; did you mean %s in [%s]?", nearest, keys[i].section);
	if (nearest && !section_known)
		snprintf(hint, sizeof hint, "; did you mean [%s]?", nearest);
	if (section_known)
		fault_set(&reading->fault, E_CONFIG, "[%.40s] has no key %.60s%s", section, name, hint);
	else if (!*section)
		fault_set(&reading->fault, E_CONFIG, "%.60s stands before the first [section]", name);
	else
		fault_set(&reading->fault, E_CONFIG, "there is no section [%.40s]%s", section, hint);
}

/* inih calls this for each line; it reports the first line for which it returned 0. */
static int on_line(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	if (reading->failed)
		return 1;
	bool section_known = false;
	const struct config_key *key = name ? key_find(reading, section, name, &section_known) : NULL;
	enum status status = OK;
	if (!key) {
		unknown(reading, section, name ? name : "", section_known);
		status = E_CONFIG;
	} else {
		bool *seen = &reading->seen[key - reading->keys];
		if (*seen && key->kind != CONFIG_LIST)
			status = fault_set(&reading->fault, E_CONFIG, "%s stands twice in [%s] (or its value goes on in an indented line)", name, section);
		else
			status = key_set(key, value ? value : "", reading->folder, &reading->fault);
		*seen = true;
	}
	reading->failed = status != OK;
	return status == OK;
}

/* Longer lines would be cut silently by inih, whose buffer is 200 bytes. */
static unsigned long_line(const char *text)
{
	for (unsigned line = 1; *text; line++) {
		size_t size = strcspn(text, "\n");
		if (size > LINE_MAX)
			return line;
		text += size + (text[size] == '\n');
	}
	return 0;
}

static enum status absent(const struct reading *reading, const char *name, struct fault *fault)
{
	for (size_t i = 0; i < reading->count; i++) {
		const struct config_key *key = &reading->keys[i];
		if (reading->seen[i])
			continue;
		if (key->required)
			return fault_set(fault, E_CONFIG, "%s: %s is missing in [%s]: %s", name, key->name, key->section, key->help);
		struct fault why = {0};
		if (key->fallback && key_set(key, key->fallback, reading->folder, &why) != OK)
			check_failed(__FILE__, __LINE__, why.text);
	}
	return OK;
}

enum status config_parse(const char *text, const char *folder, const char *name, const struct config_key *keys, size_t count,
	struct fault *fault)
{
	struct reading reading = {.keys = keys, .count = count, .folder = folder};
	unsigned too_long = long_line(text);
	if (too_long)
		return fault_set(fault, E_CONFIG, "%s line %u is longer than %d characters", name, too_long, LINE_MAX);
	reading.seen = memory_new_array(count, sizeof *reading.seen);
	int line = ini_parse_string(text, on_line, &reading);
	enum status status;
	if (line != 0 && reading.failed)
		status = fault_set(fault, E_CONFIG, "%s line %d: %s", name, line, reading.fault.text);
	else if (line != 0)
		status = fault_set(fault, E_CONFIG, "%s line %d is neither [section], nor key = value, nor a comment beginning with ;", name, line);
	else
		status = absent(&reading, name, fault);
	free(reading.seen);
	return status;
}

enum status config_read(const char *path, const struct config_key *keys, size_t count, struct fault *fault)
{
	struct buffer text = {0};
	enum status status = disk_read(path, CONFIG_FILE_MAX, &text, fault);
	if (status == OK && memchr(text.data ? (const char *)text.data : "", 0, text.size))
		status = fault_set(fault, E_CONFIG, "%s is not a text file", path);
	if (status == OK) {
		buffer_append_byte(&text, 0);
		char *folder = memory_text(span_of_text(path));
		char *slash = strrchr(folder, '/');
		if (slash)
			slash[slash == folder] = 0;
		status = config_parse((const char *)text.data, slash ? folder : ".", path, keys, count, fault);
		free(folder);
	}
	buffer_free(&text);
	return status;
}

void config_free(const struct config_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct config_list *list = keys[i].target;
		char **text = keys[i].target;
		switch (keys[i].kind) {
		case CONFIG_TEXT:
		case CONFIG_PATH:
		case CONFIG_ADDRESS:
		case CONFIG_URL:
			free(*text);
			*text = NULL;
			break;
		case CONFIG_LIST:
			for (size_t j = 0; j < list->count; j++)
				free(list->items[j]);
			free(list->items);
			*list = (struct config_list){0};
			break;
		default:
			break;
		}
	}
}

void config_print(FILE *out, const struct config_key *keys, size_t count)
{
	const char *section = "";
	for (size_t i = 0; i < count; i++) {
		const struct config_key *key = &keys[i];
		if (strcmp(key->section, section) != 0)
			fprintf(out, "%s[%s]\n", i ? "\n" : "", key->section);
		section = key->section;
		fprintf(out, "; %s%s%s\n", key->help, key->required ? " (required)" : "", key->kind == CONFIG_LIST ? " (may stand several times)" : "");
		fprintf(out, "%s%s = %s\n", key->required ? "" : "; ", key->name, key->fallback ? key->fallback : "...");
	}
}
