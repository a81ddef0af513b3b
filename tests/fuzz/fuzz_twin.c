/* A twin with arbitrary bounds, model and rows: names, numbers, times and statuses from outside. Nothing may crash,
 * and every figure that people see must be one that the header promises. */
#include "base/buffer.h"
#include "base/cursor.h"
#include "twin/calibration.h"
#include "twin/scheduling.h"

#include <math.h>
#include <stdlib.h>

enum { SIGNALS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct decimal decimal_read(struct reader *in)
{
	struct decimal decimal = {.mantissa = (int16_t)read_u16(in), .exponent = (int8_t)read_u8(in) % 19};
	return decimal;
}

static void bounds_read(struct reader *in, struct twin *twin)
{
	static const char *const names[] = {"a", "b", "c", "a.b", "x"};
	struct body_bounds *bounds = memory_new_array(1, sizeof *bounds);
	struct fault fault;
	bounds->version = 1;
	bounds->bound_count = read_u8(in) % 6;
	for (size_t i = 0; i < bounds->bound_count; i++)
		bounds->bounds[i] = (struct body_bound){.signal = span_of_text(names[read_u8(in) % 5]), .unit = span_of_text("1"), .low = decimal_read(in),
			.high = decimal_read(in), .rate = decimal_read(in), .resolution = decimal_read(in), .deadline_ms = read_u32(in)};
	if (twin_bounds_set(twin, bounds, &(struct digest){0}, &fault) != OK)
		CHECK(fault.text[0]);
	free(bounds);
}

static void model_read(struct reader *in, struct twin *twin)
{
	static const char *const names[] = {"a.b.offset", "a.b.sigma", "a.gain", "a.offset", "a.on.b", "a.on.b*c", "a.on.c", "a.pole", "a.sigma",
		"b.bias", "b.offset", "b.on.a", "b.on.c*c", "b.pole", "b.sigma", "c.sigma", "c.x", "x.sigma"};
	struct body_model *model = memory_new_array(1, sizeof *model);
	struct fault fault;
	model->version = 1;
	model->kind = span_of_text("first-order");
	uint32_t chosen = read_u32(in);
	for (size_t k = 0; k < sizeof names / sizeof *names; k++)
		if (chosen >> k & 1)
			model->parameters[model->parameter_count++] = (struct body_parameter){span_of_text(names[k]), decimal_read(in)};
	if (twin_model_set(twin, model, &(struct digest){0}, &fault) != OK)
		CHECK(fault.text[0]);
	free(model);
}

static void services_check(struct twin *twin, uint8_t what)
{
	struct calibration *calibration = memory_new(sizeof *calibration);
	struct schedule plan;
	struct twin_view view;
	struct twin_signal_view signal;
	enum status status = twin_calibrate(twin, what % 5, what & 8 ? DIAGNOSIS_SENSOR : DIAGNOSIS_MACHINE, calibration);
	CHECK(calibration->explanation[0]);
	CHECK(status != OK || calibration->model.parameter_count > 0);
	if (status == OK && calibration->accepted) {
		struct fault fault;
		enum status taken = twin_model_set(twin, &calibration->model, &(struct digest){0}, &fault);
		CHECK(taken == OK || fault.text[0]);
	}
	twin_schedule(twin, what % 5, span_of_text(what & 16 ? "reduce_speed start_maintenance" : "stop"), &plan);
	CHECK(plan.count >= 2 && plan.chosen < plan.count && plan.explanation[0]);
	twin_view(twin, &view);
	CHECK(view.health_index >= 0 && view.health_index <= 1);
	CHECK(view.remaining_low_s <= view.remaining_s && view.remaining_s <= view.remaining_high_s);
	for (size_t i = 0; i < view.signal_count; i++)
		twin_signal_view(twin, i, &signal);
	free(calibration);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ids[SIGNALS] = {"a", "b", "c", "a.b"};
	static const uint32_t statuses[] = {STATUS_GOOD, STATUS_UNCERTAIN_LAST_USABLE, STATUS_BAD, STATUS_BAD_TYPE_MISMATCH};
	struct reader in = reader_of(span_of(data, size));
	struct body_device *device = memory_new_array(1, sizeof *device);
	for (size_t i = 0; i < SIGNALS; i++)
		device->signals[i] = (struct body_signal){.id = span_of_text(ids[i]), .raw_unit = span_of_text("1"), .unit = span_of_text("1"),
			.period_ms = read_u16(&in)};
	device->signal_count = SIGNALS;
	struct twin *twin;
	struct twin_finding findings[TWIN_FINDINGS_MAX];
	struct fault fault;
	size_t found;
	CHECK(twin_new(span_of_text("device"), device, &twin, &fault) == OK);
	bounds_read(&in, twin);
	model_read(&in, twin);
	struct wrangle_row row = {0};
	uint64_t seq = 0;
	while (!in.failed) {
		uint8_t what = read_u8(&in), repeat = 1;
		if (what < 8) {
			services_check(twin, read_u8(&in));
			continue;
		}
		if (what == 8)
			row.time_ns = (int64_t)read_u64(&in);
		else if (what == 9)
			twin_reset_detection(twin);
		else if (what == 10)
			model_read(&in, twin);
		else if (what == 11)
			repeat = 60;
		for (size_t i = 0; i < SIGNALS; i++) {
			uint8_t form = read_u8(&in);
			row.raw[i] = form & 32 ? read_f64(&in) : row.raw[i] + (double)(int8_t)read_u8(&in);
			row.status[i] = statuses[form & 3];
			row.reason[i] = form & 64 ? (form >> 2 & 7) : REASON_NONE;
		}
		for (uint8_t k = 0; k < repeat; k++) {
			row.time_ns = (int64_t)((uint64_t)row.time_ns + (uint64_t)what * 4000000);
			row.raw[0] += k % 3;
			twin_row(twin, ++seq, &row, findings, &found);
			CHECK(found <= TWIN_FINDINGS_MAX);
			for (size_t f = 0; f < found; f++)
				CHECK(findings[f].explanation[0] && findings[f].signal >= -1 && findings[f].signal < SIGNALS && findings[f].row_signal < SIGNALS);
		}
		if (what & 128)
			twin_tick(twin, row.time_ns, findings, &found);
		struct body_model *model = memory_new(sizeof *model);
		if (twin_commission(twin, model) && twin_model_set(twin, model, &(struct digest){0}, &fault) != OK)
			CHECK(fault.text[0]);
		free(model);
	}
	twin_free(twin);
	free(device);
	return 0;
}
