/* What a twin takes from the ledger, and what it refuses. */
#include "twin_machines.h"

static void impossible_models_are_refused(void **state)
{
	(void)state;
	static const struct {
		struct parameter_form forms[3];
		size_t count;
		const char *says;
	} table[] = {
		{{{"flow.offset", 1}}, 1, "sigma"},
		{{{"flow.sigma", 0}}, 1, "sigma"},
		{{{"flow.pole", 1}, {"flow.sigma", 1}}, 2, "pole"},
		{{{"flow.pole", -0.1}, {"flow.sigma", 1}}, 2, "pole"},
		{{{"flow.gain", 0}, {"flow.sigma", 1}}, 2, "gain"},
		{{{"flow.on.wind", 1}, {"flow.sigma", 1}}, 2, "not a registered signal"},
		{{{"flow.on.speed*wind", 1}, {"flow.sigma", 1}}, 2, "not a registered signal"},
		{{{"flow.on.flow", 1}, {"flow.sigma", 1}}, 2, "own input"},
		{{{"flow.on.speed*flow", 1}, {"flow.sigma", 1}}, 2, "own input"},
		{{{"flow.on.", 1}, {"flow.sigma", 1}}, 2, "known are"},
		{{{"flow.colour", 1}, {"flow.sigma", 1}}, 2, "known are"},
		{{{"wind.offset", 1}}, 1, "registered signal and a dot"},
		{{{"flow", 1}}, 1, "registered signal and a dot"},
		{{{"", 1}}, 1, "registered signal and a dot"},
		{{{"flow.sigma", 1}, {"flow.offset", 1}}, 2, "ascend"},
		{{{"flow.sigma", 1}, {"flow.sigma", 1}}, 2, "ascend"},
	};
	struct machine machine;
	mill_begin(&machine, 1);
	mill_quiet(&machine, 100);
	struct body_model *model = memory_new(sizeof *model);
	struct fault fault;
	for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
		model_fill(model, 2, table[k].forms, table[k].count);
		assert_int_equal(twin_model_set(machine.twin, model, &no_id, &fault), E_CONFIG);
		if (!strstr(fault.text, table[k].says))
			fail_msg("case %zu: %s", k, fault.text);
	}
	model_fill(model, 2, mill_model, 0);
	model->kind = span_of_text("second-order");
	assert_int_equal(twin_model_set(machine.twin, model, &no_id, &fault), E_CONFIG);
	free(model);
	/* What was refused changed nothing. */
	struct twin_view view;
	twin_view(machine.twin, &view);
	assert_int_equal(view.model_version, 1);
	mill_quiet(&machine, 100);
	machine_end(&machine);
}

static void impossible_bounds_are_refused(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	struct fault fault;
	struct body_bounds *bounds = bounds_new(mill_forms, MILL_SIGNALS);
	bounds->version = 2;
	struct body_bound good = bounds->bounds[VIBRATION];
	struct body_bound bad[] = {good, good, good, good, good};
	bad[0].signal = span_of_text("wind");
	bad[1].unit = span_of_text("m/s");
	bad[2].low = decimal_of(5);
	bad[3].rate = decimal_of(-1);
	bad[4].signal = span_of_text("flow"), bad[4].unit = span_of_text("L/min");
	for (size_t k = 0; k < 5; k++) {
		bounds->bounds[VIBRATION] = bad[k];
		assert_int_equal(twin_bounds_set(machine.twin, bounds, &no_id, &fault), E_CONFIG);
		assert_true(strlen(fault.text) > 10);
	}
	struct twin_view view;
	twin_view(machine.twin, &view);
	assert_int_equal(view.bounds_version, 1);
	free(bounds);
	struct body_device *device = registration_new(mill_forms, MILL_SIGNALS);
	struct twin *twin = NULL;
	device->signals[FLOW].id = span_of_text("speed");
	assert_int_equal(twin_new(span_of_text("x"), device, &twin, &fault), E_CONFIG);
	device->signal_count = 0;
	assert_int_equal(twin_new(span_of_text("x"), device, &twin, &fault), E_CONFIG);
	assert_null(twin);
	free(device);
	machine_end(&machine);
}

static void raw_values_are_converted(void **state)
{
	(void)state;
	static const struct signal_form forms[] = {{"oven", "Cel", 0, 100, 0, 0.1, 0}};
	struct machine machine;
	machine_begin(&machine, 1, forms, 1, NULL, 0);
	struct channel channel = {.id = span_of_text("oven"), .raw_unit = span_of_text("[degF]"), .unit = span_of_text("Cel"), .scale = 5.0 / 9,
		.offset = -160.0 / 9};
	twin_channels_set(machine.twin, &channel, 1);
	double raw[] = {200, 203, 230, 230};
	for (size_t k = 0; k < 4; k++) {
		machine_next(&machine);
		machine.row.raw[0] = raw[k];
		machine_row(&machine);
		assert_int_equal(machine.found, k == 3);
	}
	assert_true(fabs(machine.findings[0].value - 110) < 1e-9);
	machine_end(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(impossible_models_are_refused),
		cmocka_unit_test(impossible_bounds_are_refused),
		cmocka_unit_test(raw_values_are_converted),
	};
	return cmocka_run_group_tests_name("twin_documents", tests, NULL, NULL);
}
