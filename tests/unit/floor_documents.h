/* What examples/shopfloor says of the machines, read for the floor's test: documents, payloads into rows, and the
 * documented first-order model run beside them. Deliberately not the program's own readers. */
#ifndef TALLY_TEST_FLOOR_DOCUMENTS_H
#define TALLY_TEST_FLOOR_DOCUMENTS_H

#include "floor/floor.h"

#include "base/buffer.h"
#include "base/time.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <yyjson.h>

enum { SIGNALS_MAX = 16, FEATURES_MAX = 4, DOCUMENTS = 7, PARAMETERS_MAX = 64 };

/* -- documents ------------------------------------------------------------------------- */

struct feature {
	int input, times;             /* indices; times -1: not a product */
	double coefficient;
};

struct signal {
	const char *id, *field, *raw_unit, *unit;
	double low, high, rate;
	unsigned stuck_count;
	bool modelled;
	double pole, offset, sigma;
	struct feature features[FEATURES_MAX];
	int feature_count;
};

struct document {
	yyjson_doc *json;
	const char *id, *format;
	struct signal signals[SIGNALS_MAX];
	int signal_count;
};

static const char *const document_names[DOCUMENTS] = {
	"spindle-1", "autoclave-1", "robot-1", "power-1", "fire-1", "door-1", "camera-9"};
static struct document documents[DOCUMENTS];

/* The documents stand in the project: seen from the project folder, or from where the compiler was called. */
static inline yyjson_doc *document_file(const char *name)
{
	char path[1200];
	snprintf(path, sizeof path, "examples/shopfloor/%s.json", name);
	yyjson_doc *json = yyjson_read_file(path, 0, NULL, NULL);
	if (json)
		return json;
	const char *slash = strrchr(__FILE__, '/');
	snprintf(path, sizeof path, "%.*s/../../examples/shopfloor/%s.json", slash ? (int)(slash - __FILE__) : 1,
		slash ? __FILE__ : ".", name);
	yyjson_read_err error;
	json = yyjson_read_file(path, 0, NULL, &error);
	if (!json)
		fail_msg("%s: %s; run from the project folder or the build folder", path, error.msg);
	return json;
}

static inline const char *text_of(yyjson_val *object, const char *name)
{
	const char *text = yyjson_get_str(yyjson_obj_get(object, name));
	if (!text)
		fail_msg("document lacks the text %s", name);
	return text;
}

static inline double number_of(yyjson_val *object, const char *name)
{
	yyjson_val *value = yyjson_obj_get(object, name);
	if (!yyjson_is_num(value))
		fail_msg("document lacks the number %s", name);
	return yyjson_get_num(value);
}

static inline int signal_index(const struct document *document, const char *id, size_t size)
{
	for (int i = 0; i < document->signal_count; i++)
		if (strlen(document->signals[i].id) == size && memcmp(document->signals[i].id, id, size) == 0)
			return i;
	fail_msg("%s: no signal %.*s", document->id, (int)size, id);
	return -1;
}

static inline void parameter_read(struct document *document, const char *name, double value)
{
	const char *dot = strchr(name, '.');
	assert_non_null(dot);
	struct signal *signal = &document->signals[signal_index(document, name, (size_t)(dot - name))];
	const char *word = dot + 1;
	signal->modelled = true;
	if (strcmp(word, "pole") == 0) {
		signal->pole = value;
	} else if (strcmp(word, "offset") == 0) {
		signal->offset = value;
	} else if (strcmp(word, "sigma") == 0) {
		signal->sigma = value;
	} else if (strncmp(word, "on.", 3) == 0) {
		const char *input = word + 3;
		const char *star = strchr(input, '*');
		assert_in_range(signal->feature_count, 0, FEATURES_MAX - 1);
		signal->features[signal->feature_count++] = (struct feature){
			.input = signal_index(document, input, star ? (size_t)(star - input) : strlen(input)),
			.times = star ? signal_index(document, star + 1, strlen(star + 1)) : -1,
			.coefficient = value,
		};
	} else {
		fail_msg("%s: unknown parameter %s", document->id, name);
	}
}

static inline void document_read(struct document *document, const char *name)
{
	*document = (struct document){.json = document_file(name)};
	yyjson_val *root = yyjson_doc_get_root(document->json);
	document->id = text_of(root, "id");
	document->format = text_of(root, "format");
	assert_string_equal(document->id, name);
	yyjson_val *signals = yyjson_obj_get(root, "signals");
	assert_in_range(yyjson_arr_size(signals), 1, SIGNALS_MAX);
	size_t i, count;
	yyjson_val *item;
	yyjson_arr_foreach(signals, i, count, item) {
		document->signals[document->signal_count++] = (struct signal){
			.id = text_of(item, "id"),
			.field = text_of(item, "field"),
			.raw_unit = text_of(item, "raw_unit"),
			.unit = text_of(item, "unit"),
			.low = number_of(item, "low"),
			.high = number_of(item, "high"),
			.rate = number_of(item, "rate"),
			.stuck_count = (unsigned)number_of(item, "stuck_count"),
		};
		assert_true(number_of(item, "period_ms") < number_of(item, "deadline_ms"));
		assert_true(number_of(item, "resolution") > 0);
	}
	yyjson_val *parameters = yyjson_obj_get(root, "model_parameters");
	assert_in_range(yyjson_obj_size(parameters), 1, PARAMETERS_MAX);
	const char *before = "";
	yyjson_val *key, *value;
	yyjson_obj_foreach(parameters, i, count, key, value) {
		assert_true(strcmp(before, yyjson_get_str(key)) < 0);
		before = yyjson_get_str(key);
		parameter_read(document, before, yyjson_get_num(value));
	}
}

static inline int documents_open(void **state)
{
	(void)state;
	for (int i = 0; i < DOCUMENTS; i++)
		document_read(&documents[i], document_names[i]);
	return 0;
}

static inline int documents_close(void **state)
{
	(void)state;
	for (int i = 0; i < DOCUMENTS; i++)
		yyjson_doc_free(documents[i].json);
	return 0;
}

static inline const struct document *document_of(const char *device)
{
	for (int i = 0; i < DOCUMENTS; i++)
		if (strcmp(documents[i].id, device) == 0)
			return &documents[i];
	return NULL;
}

/* -- payloads -------------------------------------------------------------------------- */

static inline double convert(double raw, const char *from, const char *to)
{
	if (strcmp(from, to) == 0)
		return raw;
	if (strcmp(from, "[degF]") == 0 && strcmp(to, "Cel") == 0)
		return (raw - 32) / 1.8;
	if (strcmp(from, "[psi]") == 0 && strcmp(to, "kPa") == 0)
		return raw * 6.894757293168361;
	if (strcmp(from, "m") == 0 && strcmp(to, "mm") == 0)
		return raw * 1000;
	fail_msg("no conversion from %s to %s in this test", from, to);
	return NAN;
}

static inline bool json_row(const struct document *document, struct span payload, int64_t *time_ms, double *raw)
{
	yyjson_doc *json = yyjson_read((const char *)payload.data, payload.size, 0);
	if (!json)
		return false;
	yyjson_val *root = yyjson_doc_get_root(json);
	*time_ms = yyjson_get_sint(yyjson_obj_get(root, "t"));
	for (int i = 0; i < document->signal_count; i++) {
		yyjson_val *value = yyjson_obj_get(root, document->signals[i].field);
		raw[i] = yyjson_is_num(value) ? yyjson_get_num(value) : NAN;
	}
	yyjson_doc_free(json);
	return true;
}

static inline bool senml_row(const struct document *document, struct span payload, int64_t *time_ms, double *raw)
{
	yyjson_doc *json = yyjson_read((const char *)payload.data, payload.size, 0);
	if (!json)
		return false;
	yyjson_val *root = yyjson_doc_get_root(json);
	const char *base = text_of(yyjson_arr_get_first(root), "bn");
	*time_ms = llround(1000 * number_of(yyjson_arr_get_first(root), "bt"));
	for (int i = 0; i < document->signal_count; i++)
		raw[i] = NAN;
	size_t index, count;
	yyjson_val *record;
	yyjson_arr_foreach(root, index, count, record) {
		char name[200];
		snprintf(name, sizeof name, "%s%s", base, text_of(record, "n"));
		const char *unit = yyjson_get_str(yyjson_obj_get(record, "u"));
		for (int i = 0; i < document->signal_count; i++) {
			if (strcmp(document->signals[i].field, name) != 0)
				continue;
			raw[i] = number_of(record, "v");
			if (unit)
				assert_string_equal(unit, document->signals[i].raw_unit);
		}
	}
	yyjson_doc_free(json);
	return true;
}

static inline bool csv_row(const struct document *document, const struct floor_message *message, int64_t *time_ms, double *raw)
{
	char line[512], expected[TIME_TEXT_SIZE];
	snprintf(line, sizeof line, "%.*s", (int)message->payload.size, (const char *)message->payload.data);
	time_text(message->time_ns, expected);
	char *rest = line;
	if (strcmp(strsep(&rest, ","), expected) != 0)
		return false;
	*time_ms = message->time_ns / NS_PER_MS;
	for (int column = 1; rest; column++) {
		char *end;
		const char *text = strsep(&rest, ",");
		double value = strtod(text, &end);
		if (end == text || (*end && strcmp(end, "\r\n") != 0))
			return false;
		for (int i = 0; i < document->signal_count; i++)
			if (atoi(document->signals[i].field) == column)
				raw[i] = value;
	}
	return true;
}

/* False when the payload cannot be read. */
static inline bool message_row(const struct document *document, const struct floor_message *message, int64_t *time_ms, double *raw)
{
	if (strcmp(document->format, "csv") == 0)
		return csv_row(document, message, time_ms, raw);
	if (strcmp(document->format, "senml") == 0)
		return senml_row(document, message->payload, time_ms, raw);
	return json_row(document, message->payload, time_ms, raw);
}

/* -- a small twin ---------------------------------------------------------------------- */

struct follower {
	double value[SIGNALS_MAX];
	double state[SIGNALS_MAX];
	double residual[SIGNALS_MAX]; /* of the newest row, in sigma; NaN: none */
	double raw_before[SIGNALS_MAX], value_before[SIGNALS_MAX];
	unsigned equal[SIGNALS_MAX];  /* raw values in a row */
	int64_t time_ms;
	size_t rows;
};

static inline void follow(struct follower *follower, const struct document *document, int64_t time_ms, const double *raw)
{
	double elapsed_s = follower->rows ? (double)(time_ms - follower->time_ms) / 1000 : 0;
	for (int i = 0; i < document->signal_count; i++) {
		const struct signal *signal = &document->signals[i];
		follower->value_before[i] = follower->value[i];
		follower->value[i] = convert(raw[i], signal->raw_unit, signal->unit);
		follower->equal[i] = follower->rows && raw[i] == follower->raw_before[i] ? follower->equal[i] + 1 : 1;
		follower->raw_before[i] = raw[i];
	}
	for (int i = 0; i < document->signal_count; i++) {
		const struct signal *signal = &document->signals[i];
		follower->residual[i] = NAN;
		if (!signal->modelled)
			continue;
		double target = signal->offset;
		for (int j = 0; j < signal->feature_count; j++) {
			const struct feature *feature = &signal->features[j];
			double times = feature->times < 0 ? 1 : follower->value[feature->times];
			target += feature->coefficient * follower->value[feature->input] * times;
		}
		double keep = signal->pole > 0 ? pow(signal->pole, elapsed_s) : 0;
		if (follower->rows == 0)
			follower->state[i] = target;
		else if (!isnan(target))
			follower->state[i] = keep * follower->state[i] + (1 - keep) * target;
		follower->residual[i] = (follower->value[i] - follower->state[i]) / signal->sigma;
	}
	follower->time_ms = time_ms;
	follower->rows++;
}

struct statistics {
	double sum, squares, products, before;
	size_t count;
};

static inline void statistics_add(struct statistics *statistics, double value)
{
	if (statistics->count)
		statistics->products += value * statistics->before;
	statistics->before = value;
	statistics->sum += value;
	statistics->squares += value * value;
	statistics->count++;
}

static inline double statistics_mean(const struct statistics *statistics)
{
	return statistics->sum / (double)statistics->count;
}

static inline double statistics_deviation(const struct statistics *statistics)
{
	double mean = statistics_mean(statistics);
	return sqrt(statistics->squares / (double)statistics->count - mean * mean);
}

static inline double statistics_correlation(const struct statistics *statistics)
{
	double mean = statistics_mean(statistics);
	double deviation = statistics_deviation(statistics);
	return (statistics->products / (double)statistics->count - mean * mean) / (deviation * deviation);
}

#endif
