/* The twin on the simulated shop floor: payloads through wrangling, documents of examples/shopfloor, faults whose truth is
 * known. Every fault that shows in the readings is found with the right diagnosis, and nothing else is. */
#include "floor/floor.h"
#include "twin_machines.h"

#include <yyjson.h>

enum { MACHINES = 4, SEEDS = 5, FOUND_MAX = 4000, SHIFT_S = 1200, AFTER_S = 30 };

#define START_NS (INT64_C(1767225600) * NS_PER_S)

struct device {
	const char *id;
	yyjson_doc *json;
	struct body_device *registration;
	struct wrangler *wrangler;
	struct twin *twin;
	uint64_t seq;
};

struct told {
	const char *device;
	size_t signal;
	enum disturbance_kind kind;
	enum diagnosis diagnosis;
	int64_t time_ns;
	char explanation[240];
};

struct shift {
	struct device devices[MACHINES];
	struct told told[FOUND_MAX];
	size_t count;
};

static yyjson_val *document_open(struct device *device, const char *id)
{
	char path[1200];
	const char *slash = strrchr(__FILE__, '/');
	snprintf(path, sizeof path, "examples/shopfloor/%s.json", id);
	device->json = yyjson_read_file(path, 0, NULL, NULL);
	if (!device->json) {
		snprintf(path, sizeof path, "%.*s/../../examples/shopfloor/%s.json", slash ? (int)(slash - __FILE__) : 1, slash ? __FILE__ : ".", id);
		device->json = yyjson_read_file(path, 0, NULL, NULL);
	}
	if (!device->json)
		fail_msg("%s cannot be read; run from the project folder or the build folder", path);
	device->id = id;
	return yyjson_doc_get_root(device->json);
}

static struct span span_at(yyjson_val *object, const char *name)
{
	const char *text = yyjson_get_str(yyjson_obj_get(object, name));
	assert_non_null(text);
	return span_of_text(text);
}

static struct decimal decimal_at(yyjson_val *object, const char *name)
{
	yyjson_val *value = yyjson_obj_get(object, name);
	assert_true(yyjson_is_num(value));
	return decimal_of(yyjson_get_num(value));
}

static uint32_t count_at(yyjson_val *object, const char *name)
{
	return (uint32_t)yyjson_get_uint(yyjson_obj_get(object, name));
}

static enum wrangle_format format_of(struct span name)
{
	return span_is_text(name, "json") ? WRANGLE_JSON : span_is_text(name, "csv") ? WRANGLE_CSV : WRANGLE_SENML;
}

static void device_begin(struct device *device, const char *id, struct unit_table *units)
{
	yyjson_val *root = document_open(device, id), *one, *name;
	size_t i, count;
	struct body_bounds *bounds = memory_new_array(1, sizeof *bounds);
	struct body_model *model = memory_new_array(1, sizeof *model);
	struct wrangle_rule rules[BODY_SIGNALS_MAX];
	struct fault fault = {{0}};
	device->registration = memory_new_array(1, sizeof *device->registration);
	bounds->version = model->version = 1;
	yyjson_arr_foreach(yyjson_obj_get(root, "signals"), i, count, one) {
		struct body_signal *signal = &device->registration->signals[i];
		*signal = (struct body_signal){.id = span_at(one, "id"), .field = span_at(one, "field"), .raw_unit = span_at(one, "raw_unit"),
			.unit = span_at(one, "unit"), .period_ms = count_at(one, "period_ms"), .stuck_count = count_at(one, "stuck_count")};
		rules[i] = (struct wrangle_rule){signal->id, signal->field, signal->raw_unit, signal->unit, signal->period_ms, signal->stuck_count};
		bounds->bounds[i] = (struct body_bound){.signal = signal->id, .unit = signal->unit, .low = decimal_at(one, "low"),
			.high = decimal_at(one, "high"), .rate = decimal_at(one, "rate"), .resolution = decimal_at(one, "resolution"),
			.deadline_ms = count_at(one, "deadline_ms")};
	}
	device->registration->signal_count = bounds->bound_count = count;
	model->kind = span_of_text("first-order");
	yyjson_obj_foreach(yyjson_obj_get(root, "model_parameters"), i, count, name, one)
		model->parameters[i] = (struct body_parameter){span_of_text(yyjson_get_str(name)), decimal_of(yyjson_get_num(one))};
	model->parameter_count = count;
	bool good = wrangler_new(format_of(span_at(root, "format")), rules, bounds->bound_count, units, &device->wrangler, &fault) == OK &&
		twin_new(span_of_text(id), device->registration, &device->twin, &fault) == OK &&
		twin_bounds_set(device->twin, bounds, &no_id, &fault) == OK && twin_model_set(device->twin, model, &no_id, &fault) == OK;
	if (!good)
		fail_msg("%s: %s", id, fault.text);
	size_t channels;
	const struct channel *channel = wrangler_channels(device->wrangler, &channels);
	twin_channels_set(device->twin, channel, channels);
	free(bounds);
	free(model);
}

static void device_end(struct device *device)
{
	twin_free(device->twin);
	wrangler_free(device->wrangler);
	free(device->registration);
	yyjson_doc_free(device->json);
}

static void payload_take(struct shift *shift, struct device *device, const struct floor_message *message)
{
	const struct wrangle_row *rows;
	struct twin_finding findings[TWIN_FINDINGS_MAX];
	struct fault fault;
	size_t count, found;
	if (wrangler_read(device->wrangler, message->payload, message->time_ns, &rows, &count, &fault) != OK)
		return; /* cut in the middle: one of the faults, and not the twin's */
	for (size_t r = 0; r < count; r++) {
		twin_row(device->twin, ++device->seq, &rows[r], findings, &found);
		for (size_t f = 0; f < found && shift->count < FOUND_MAX; f++) {
			struct told *told = &shift->told[shift->count++];
			*told = (struct told){.device = device->id, .signal = findings[f].row_signal, .kind = findings[f].kind,
				.diagnosis = findings[f].diagnosis, .time_ns = rows[r].time_ns};
			memcpy(told->explanation, findings[f].explanation, sizeof told->explanation);
		}
	}
}

/* Readings of the truth's device and, if it names one, signal, while the fault lasts and a little after. */
static bool told_fits(const struct shift *shift, const struct told *told, const struct floor_fault *fault)
{
	if (strcmp(told->device, fault->device) != 0 || told->time_ns < fault->start_ns ||
		(fault->end_ns < INT64_MAX && told->time_ns > fault->end_ns + AFTER_S * NS_PER_S))
		return false;
	for (size_t d = 0; d < MACHINES; d++)
		if (strcmp(shift->devices[d].id, fault->device) == 0 && fault->signal[0])
			return span_is_text(shift->devices[d].registration->signals[told->signal].id, fault->signal);
	return true;
}

static const struct {
	enum floor_fault_kind fault;
	enum disturbance_kind kind;
	enum diagnosis diagnosis;
	double delay_s;               /* found at most so late */
} expected[] = {
	{FLOOR_BEARING_WEAR, DISTURBANCE_DRIFT, DIAGNOSIS_MACHINE, 40},
	{FLOOR_THERMOCOUPLE_DRIFT, DISTURBANCE_DRIFT, DIAGNOSIS_SENSOR, 120},
	{FLOOR_FROZEN_SENSOR, DISTURBANCE_FROZEN, DIAGNOSIS_SENSOR, 5},
	{FLOOR_MISSING, DISTURBANCE_MISSING, DIAGNOSIS_SENSOR, 10},
};
enum { EXPECTED = sizeof expected / sizeof *expected };

static void truth_compare(const struct shift *shift, const struct floor *floor, double latest_s[EXPECTED])
{
	size_t count, seen = 0;
	const struct floor_fault *faults = floor_faults(floor, &count);
	bool explained[FOUND_MAX] = {0};
	for (size_t k = 0; k < count; k++) {
		size_t e = 0;
		while (e < EXPECTED && expected[e].fault != faults[k].kind)
			e++;
		if (e == EXPECTED)
			continue;
		const struct told *first = NULL;
		for (size_t t = 0; t < shift->count; t++) {
			if (!told_fits(shift, &shift->told[t], &faults[k]))
				continue;
			explained[t] = true;
			first = first ? first : &shift->told[t];
			if (shift->told[t].diagnosis != expected[e].diagnosis)
				fail_msg("wrong diagnosis: %s", shift->told[t].explanation);
		}
		if (!first)
			fail_msg("%s of %s was not found", floor_fault_name(faults[k].kind), faults[k].device);
		assert_int_equal(first->kind, expected[e].kind);
		double delay_s = (double)(first->time_ns - faults[k].start_ns) / (double)NS_PER_S;
		latest_s[e] = delay_s > latest_s[e] ? delay_s : latest_s[e];
		assert_true(delay_s <= expected[e].delay_s);
		seen++;
	}
	assert_true(seen >= EXPECTED);
	for (size_t t = 0; t < shift->count; t++)
		if (!explained[t])
			fail_msg("nothing was wrong: %s: %s", shift->told[t].device, shift->told[t].explanation);
}

static void every_fault_is_found_and_nothing_else(void **state)
{
	(void)state;
	static const char *const ids[MACHINES] = {"spindle-1", "autoclave-1", "robot-1", "power-1"};
	struct unit_table *units;
	struct fault fault;
	double latest_s[EXPECTED] = {0};
	assert_int_equal(unit_table_new(&units, &fault), OK);
	struct shift *shift = memory_new(sizeof *shift);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		memset(shift, 0, sizeof *shift);
		for (size_t d = 0; d < MACHINES; d++)
			device_begin(&shift->devices[d], ids[d], units);
		struct floor *floor = floor_new(seed, START_NS, SHIFT_S * NS_PER_S);
		struct floor_message message;
		while (floor_next(floor, START_NS + SHIFT_S * NS_PER_S, &message)) {
			if (message.kind != FLOOR_DATA || message.tampered || message.again)
				continue; /* what the session refuses never comes to a twin */
			for (size_t d = 0; d < MACHINES; d++)
				if (strcmp(message.device, ids[d]) == 0)
					payload_take(shift, &shift->devices[d], &message);
		}
		truth_compare(shift, floor, latest_s);
		floor_free(floor);
		for (size_t d = 0; d < MACHINES; d++)
			device_end(&shift->devices[d]);
	}
	for (size_t e = 0; e < EXPECTED; e++)
		print_message("%-20s found in %d of %d shifts, at most %.1f s after it began\n", floor_fault_name(expected[e].fault), SEEDS, SEEDS, latest_s[e]);
	free(shift);
	unit_table_free(units);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_is_found_and_nothing_else),
	};
	return cmocka_run_group_tests_name("twin_floor", tests, NULL, NULL);
}
