#include "command/cmapss.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Names and units as the data's own documentation gives them; raw units are what the file holds. */
static const struct {
	const char *id, *raw_unit, *unit;
} signals[CMAPSS_SIGNALS] = {
	{"setting_1", "1", "1"}, {"setting_2", "1", "1"}, {"setting_3", "1", "1"},
	{"T2", "[degR]", "K"}, {"T24", "[degR]", "K"}, {"T30", "[degR]", "K"}, {"T50", "[degR]", "K"},
	{"P2", "[psi]", "kPa"}, {"P15", "[psi]", "kPa"}, {"P30", "[psi]", "kPa"},
	{"Nf", "/min", "/min"}, {"Nc", "/min", "/min"}, {"epr", "1", "1"}, {"Ps30", "[psi]", "kPa"}, {"phi", "1", "1"},
	{"NRf", "/min", "/min"}, {"NRc", "/min", "/min"}, {"BPR", "1", "1"}, {"farB", "1", "1"}, {"htBleed", "1", "1"},
	{"Nf_dmd", "/min", "/min"}, {"PCNfR_dmd", "%", "%"}, {"W31", "[lb_av]/s", "kg/s"}, {"W32", "[lb_av]/s", "kg/s"},
};

/* To the samples' units, for the bounds: the same factors as UCUM's definitions. */
static double scale_of(size_t signal)
{
	const char *raw = signals[signal].raw_unit;
	if (strcmp(raw, "[degR]") == 0)
		return 5.0 / 9.0;
	if (strcmp(raw, "[psi]") == 0)
		return 6.894757293168361;
	if (strcmp(raw, "[lb_av]/s") == 0)
		return 0.45359237;
	return 1.0;
}

static bool number_read(const char **at, double *out)
{
	char *end;
	while (**at == ' ')
		(*at)++;
	*out = strtod(*at, &end);
	bool good = end != *at && (*end == ' ' || *end == '\0' || *end == '\r') && isfinite(*out);
	*at = end;
	return good;
}

static struct cmapss_unit *unit_of(struct cmapss *data, uint32_t number)
{
	if (data->count && data->units[data->count - 1].number == number)
		return &data->units[data->count - 1];
	ARRAY_GROW(data->units, data->count, data->capacity);
	data->units[data->count] = (struct cmapss_unit){.number = number};
	return &data->units[data->count++];
}

static enum status line_take(struct cmapss *data, const char *line, size_t number, struct fault *fault)
{
	double unit, cycle;
	struct cmapss_cycle values;
	/* Decimal numbers only: no tabs, no hexadecimal, no NaN. */
	bool good = strspn(line, " \r0123456789+-.eE") == strlen(line) && number_read(&line, &unit) && number_read(&line, &cycle);
	for (size_t i = 0; i < CMAPSS_SIGNALS && good; i++)
		good = number_read(&line, &values.values[i]);
	while (good && (*line == ' ' || *line == '\r'))
		line++;
	if (!good || *line)
		return fault_set(fault, E_MALFORMED, "line %zu: 26 numbers separated by spaces are expected: unit, cycle, 3 settings, 21 sensors", number);
	bool in_order = unit >= 1 && unit <= UINT32_MAX && unit == floor(unit) && (data->count == 0 || (uint32_t)unit >= data->units[data->count - 1].number);
	if (!in_order)
		return fault_set(fault, E_MALFORMED, "line %zu: units must be whole numbers that ascend", number);
	if (data->count == CMAPSS_UNITS_MAX && data->units[data->count - 1].number != (uint32_t)unit)
		return fault_set(fault, E_LIMIT, "line %zu: more than %d units", number, CMAPSS_UNITS_MAX);
	struct cmapss_unit *engine = unit_of(data, (uint32_t)unit);
	if (cycle != (double)(engine->count + 1))
		return fault_set(fault, E_MALFORMED, "line %zu: cycle %g of unit %u does not follow cycle %zu", number, cycle, engine->number, engine->count);
	ARRAY_GROW(engine->cycles, engine->count, engine->capacity);
	engine->cycles[engine->count++] = values;
	return OK;
}

enum status cmapss_parse(struct span text, struct cmapss *out, struct fault *fault)
{
	*out = (struct cmapss){0};
	enum status status = OK;
	size_t number = 0;
	for (size_t at = 0; at < text.size && status == OK;) {
		char line[1024];
		const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
		size_t size = end ? (size_t)(end - text.data) - at : text.size - at;
		number++;
		if (size >= sizeof line) {
			status = fault_set(fault, E_LIMIT, "line %zu is longer than %zu bytes", number, sizeof line - 1);
			break;
		}
		memcpy(line, text.data + at, size);
		line[size] = '\0';
		at += size + 1;
		if (strlen(line) != size)
			status = fault_set(fault, E_MALFORMED, "line %zu holds a zero byte; it is no text", number);
		else if (strspn(line, " \r") != size)
			status = line_take(out, line, number, fault);
	}
	if (status == OK && out->count == 0)
		status = fault_set(fault, E_MALFORMED, "the file holds no cycle");
	if (status != OK)
		cmapss_free(out);
	return status;
}

void cmapss_free(struct cmapss *data)
{
	for (size_t i = 0; i < data->count; i++)
		free(data->units[i].cycles);
	free(data->units);
	*data = (struct cmapss){0};
}

void cmapss_device(struct span gateway, uint32_t period_ms, struct body_device *out)
{
	*out = (struct body_device){.kind = DEVICE_MACHINE, .model = span_of_text("turbofan engine (C-MAPSS)"), .gateway = gateway,
		.format = FORMAT_JSON, .site = span_of_text("airframe/plant-1/test-cells"), .signal_count = CMAPSS_SIGNALS};
	out->firmware = sha256(span_of_text("C-MAPSS data acquisition"));
	for (size_t i = 0; i < CMAPSS_SIGNALS; i++)
		out->signals[i] = (struct body_signal){.id = span_of_text(signals[i].id), .field = span_of_text(signals[i].id),
			.raw_unit = span_of_text(signals[i].raw_unit), .unit = span_of_text(signals[i].unit), .period_ms = period_ms};
}

void cmapss_bounds(const struct cmapss *data, size_t cycles, struct body_bounds *out)
{
	*out = (struct body_bounds){.bound_count = CMAPSS_SIGNALS, .source = span_of_text("mean of the fleet's first cycles, plus or minus eight standard deviations")};
	for (size_t s = 0; s < CMAPSS_SIGNALS; s++) {
		double count = 0, mean = 0, squares = 0;
		for (size_t u = 0; u < data->count; u++) {
			for (size_t c = 0; c < cycles && c < data->units[u].count; c++) {
				double value = data->units[u].cycles[c].values[s] * scale_of(s), delta = value - mean;
				mean += delta / ++count;
				squares += delta * (value - mean);
			}
		}
		double deviation = sqrt(squares / count), margin = 8 * deviation > 0.001 * fabs(mean) ? 8 * deviation : 0.001 * fabs(mean) + 1e-6;
		out->bounds[s] = (struct body_bound){.signal = span_of_text(signals[s].id), .unit = span_of_text(signals[s].unit), .low = decimal_of(mean - margin),
			.high = decimal_of(mean + margin), .deadline_ms = 24 * 3600 * 1000};
	}
}

void cmapss_message(const struct cmapss_cycle *cycle, int64_t time_ms, struct buffer *out)
{
	buffer_printf(out, "{\"t\":%" PRId64, time_ms);
	for (size_t i = 0; i < CMAPSS_SIGNALS; i++)
		buffer_printf(out, ",\"%s\":%.10g", signals[i].id, cycle->values[i]);
	buffer_append_text(out, "}");
}
