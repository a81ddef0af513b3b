#include "command/command.h"

#include "host/config.h"

#include <stdio.h>

static void usage_print(FILE *out, const char *command, const char *summary, const char *words_help, const struct option_spec *specs)
{
	bool words = words_help && *words_help;
	fprintf(out, "usage: tally %s%s%s%s\n\n%s\n", command, specs && specs[0].name ? " [options]" : "", words ? " " : "", words ? words_help : "", summary);
	int width = (int)strlen("help");
	for (const struct option_spec *spec = specs; spec && spec->name; spec++) {
		int size = (int)(strlen(spec->name) + (spec->value ? 1 + strlen(spec->value) : 0));
		width = size > width ? size : width;
	}
	fprintf(out, "\noptions:\n");
	for (const struct option_spec *spec = specs; spec && spec->name; spec++) {
		int size = fprintf(out, "  --%s%s%s", spec->name, spec->value ? " " : "", spec->value ? spec->value : "") - 4;
		fprintf(out, "%*s  %s", width - size, "", spec->help);
		if (spec->value && *spec->target)
			fprintf(out, " (default %s)", *spec->target);
		fputc('\n', out);
	}
	fprintf(out, "  --help%*s  this text\n", width - (int)strlen("help"), "");
}

static const struct option_spec *spec_find(const struct option_spec *specs, const char *name, size_t size)
{
	for (const struct option_spec *spec = specs; spec && spec->name; spec++)
		if (strlen(spec->name) == size && memcmp(spec->name, name, size) == 0)
			return spec;
	return NULL;
}

static void unknown_print(const char *command, const struct option_spec *specs, const char *name, size_t size)
{
	char word[64];
	snprintf(word, sizeof word, "%.*s", (int)size, name);
	size_t count = 0;
	while (specs && specs[count].name)
		count++;
	const char *nearest = count ? config_nearest(word, (const char *const *)&specs[0].name, count, sizeof *specs) : NULL;
	fprintf(stderr, "tally: there is no option --%s%s%s%s; see `tally %s --help`\n", word, nearest ? "; did you mean --" : "",
		nearest ? nearest : "", nearest ? "?" : "", command);
}

/* Where the next value goes; NULL: there were too many. */
static const char **target_of(const struct option_spec *spec)
{
	size_t size = strlen(spec->value), i = 0;
	if (size < 3 || strcmp(spec->value + size - 3, "...") != 0)
		return spec->target;
	while (i < OPTION_VALUES_MAX && spec->target[i])
		i++;
	return i < OPTION_VALUES_MAX ? &spec->target[i] : NULL;
}

/* Take the option at arguments[*at], and its value. false: said what is wrong. */
static bool option_take(int count, char **arguments, int *at, const struct option_spec *specs)
{
	const char *name = arguments[*at] + 2, *equals = strchr(name, '=');
	size_t size = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_spec *spec = spec_find(specs, name, size);
	if (!spec) {
		unknown_print(arguments[0], specs, name, size);
		return false;
	}
	if (!spec->value && equals) {
		fprintf(stderr, "tally: --%s takes no value\n", spec->name);
		return false;
	}
	if (!spec->value) {
		*spec->target = spec->name;
		return true;
	}
	if (!equals && *at + 1 >= count) {
		fprintf(stderr, "tally: --%s needs a value: --%s %s\n", spec->name, spec->name, spec->value);
		return false;
	}
	const char **target = target_of(spec);
	if (!target) {
		fprintf(stderr, "tally: --%s can be given %d times at most\n", spec->name, OPTION_VALUES_MAX);
		return false;
	}
	*target = equals ? equals + 1 : arguments[++*at];
	return true;
}

bool options_parse(int count, char **arguments, const char *summary, const char *words_help, const struct option_spec *specs,
	char ***words, int *word_count, int *code)
{
	bool takes_words = words_help && *words_help;
	int kept = 1; /* words gather behind the command's name */
	bool only_words = false;
	for (int i = 1; i < count; i++) {
		if (only_words || arguments[i][0] != '-' || arguments[i][1] == 0) {
			arguments[kept++] = arguments[i];
		} else if (strcmp(arguments[i], "--") == 0) {
			only_words = true;
		} else if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
			usage_print(stdout, arguments[0], summary, words_help, specs);
			*code = 0;
			return false;
		} else if (arguments[i][1] != '-') {
			fprintf(stderr, "tally: options begin with two dashes, unlike %s; see `tally %s --help`\n", arguments[i], arguments[0]);
			*code = 2;
			return false;
		} else if (!option_take(count, arguments, &i, specs)) {
			*code = 2;
			return false;
		}
	}
	if (kept > 1 && !takes_words) {
		fprintf(stderr, "tally: \"%s\" is not expected here; see `tally %s --help`\n", arguments[1], arguments[0]);
		*code = 2;
		return false;
	}
	*words = arguments + 1;
	*word_count = kept - 1;
	return true;
}

int app_fail(const struct fault *fault)
{
	fprintf(stderr, "tally: %s\n", fault->text);
	return 1;
}
