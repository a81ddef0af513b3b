/* Calibration, scheduling, remaining life, commissioning, and the joint statistic of constant baselines. */
#include "twin_machines.h"

/* -- calibration ----------------------------------------------------------------------- */

static double parameter_of(const struct body_model *model, const char *name)
{
	for (size_t p = 0; p < model->parameter_count; p++)
		if (span_is_text(model->parameters[p].name, name))
			return decimal_value(model->parameters[p].value);
	return (double)NAN;
}

/* Run until the drift of one signal is told. */
static void oven_until_drift(struct machine *machine, size_t signal, const struct oven_fault *fault)
{
	for (size_t rows = 0; rows < 500; rows++) {
		oven_step(machine, fault);
		if (machine_found(machine, DISTURBANCE_DRIFT, (int)signal))
			return;
	}
	fail_msg("the drift was not found");
}

static void a_wrong_bias_is_calibrated_away(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct machine machine;
		oven_begin(&machine, seed);
		oven_quiet(&machine, 300, &(struct oven_fault){0});
		struct oven_fault fault = {.bias = {0, 3}};
		oven_until_drift(&machine, THERMO_2, &fault);
		/* The bias is too young: few readings since the onset. */
		assert_int_equal(twin_calibrate(machine.twin, THERMO_2, DIAGNOSIS_SENSOR, calibration), E_LIMIT);
		assert_true(strlen(calibration->explanation) > 0);
		oven_quiet(&machine, 60, &fault);
		assert_int_equal(twin_calibrate(machine.twin, THERMO_2, DIAGNOSIS_SENSOR, calibration), OK);
		assert_true(calibration->accepted);
		assert_true(calibration->error_before > 5 && calibration->error_after < 1.6);
		assert_true(calibration->held_out_rows >= 20 && calibration->fitted_rows >= 40);
		assert_int_equal(calibration->model.version, 2);
		assert_true(span_is_text(calibration->model.reason, "calibration"));
		assert_true(fabs(parameter_of(&calibration->model, "thermocouple_2.bias") - 3) < 0.4);
		assert_true(decimal_value(calibration->model.error_before) > decimal_value(calibration->model.error_after));
		/* The candidate is a whole model: the twin takes it, the drift is over, and does not return. */
		machine_model(&machine, &calibration->model);
		struct twin_signal_view view;
		twin_signal_view(machine.twin, THERMO_2, &view);
		assert_int_equal(view.active, 0);
		oven_quiet(&machine, 2000, &fault);
		machine_end(&machine);
	}
	free(calibration);
}

static void a_wrong_gain_is_told_from_a_bias(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	struct machine machine;
	oven_begin(&machine, 2);
	oven_quiet(&machine, 300, &(struct oven_fault){0});
	struct oven_fault fault = {.gain = {0, 0, 0.06}};
	oven_until_drift(&machine, THERMO_3, &fault);
	oven_quiet(&machine, 900, &fault);
	assert_int_equal(twin_calibrate(machine.twin, THERMO_3, DIAGNOSIS_SENSOR, calibration), OK);
	assert_true(calibration->accepted);
	assert_true(fabs(parameter_of(&calibration->model, "thermocouple_3.gain") - 1.06) < 0.01);
	machine_model(&machine, &calibration->model);
	oven_quiet(&machine, 2000, &fault);
	machine_end(&machine);
	free(calibration);
}

/* A bias that still grows while the oven heats up: the gain is left alone, and each calibration follows. */
static void a_moving_bias_is_followed(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	struct machine machine;
	oven_begin(&machine, 4);
	machine.heater = 10;
	oven_quiet(&machine, 300, &(struct oven_fault){0});
	size_t accepted = 0, wish = 0;
	double bias = 0;
	for (size_t rows = 0; rows < 600; rows++) {
		machine.heater = 10 + 0.1 * (double)rows;
		bias = 0.02 * (double)rows;
		oven_step(&machine, &(struct oven_fault){.bias = {bias}});
		if (machine_found(&machine, DISTURBANCE_DRIFT, THERMO_1))
			wish = 1;
		if (!wish || twin_calibrate(machine.twin, THERMO_1, DIAGNOSIS_SENSOR, calibration) != OK)
			continue;
		wish = 0;
		assert_true(calibration->accepted);
		double gain = parameter_of(&calibration->model, "thermocouple_1.gain");
		assert_true(isnan(gain) || fabs(gain - 1) < 0.03);
		machine_model(&machine, &calibration->model);
		accepted++;
	}
	assert_true(accepted >= 3);
	struct twin_signal_view view;
	twin_signal_view(machine.twin, THERMO_1, &view);
	assert_true(fabs(view.predicted - machine.row.raw[THERMO_1]) < 3.5);
	machine_end(&machine);
	free(calibration);
}

/* Asked late, the bias is that of the newest rows, not of the whole drift. */
static void an_old_drift_is_calibrated_to_its_present(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	struct machine machine;
	oven_begin(&machine, 5);
	oven_quiet(&machine, 300, &(struct oven_fault){0});
	for (size_t rows = 0; rows < 400; rows++)
		oven_step(&machine, &(struct oven_fault){.bias = {0.02 * (double)rows}});
	assert_int_equal(twin_calibrate(machine.twin, THERMO_1, DIAGNOSIS_SENSOR, calibration), OK);
	assert_true(calibration->accepted);
	assert_true(fabs(parameter_of(&calibration->model, "thermocouple_1.bias") - 7.6) < 0.5);
	machine_end(&machine);
	free(calibration);
}

/* Nothing is wrong, or what is wrong cannot be mended by parameters: the fit is refused. */
static void a_fit_that_does_not_help_is_refused(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct machine machine;
		oven_begin(&machine, seed);
		oven_quiet(&machine, 400, &(struct oven_fault){0});
		enum diagnosis diagnosis = seed % 2 ? DIAGNOSIS_SENSOR : DIAGNOSIS_MACHINE;
		assert_int_equal(twin_calibrate(machine.twin, THERMO_1, diagnosis, calibration), OK);
		assert_false(calibration->accepted);
		assert_true(calibration->error_after > 0.9 * calibration->error_before);
		assert_non_null(strstr(calibration->explanation, "refused"));
		/* A loose contact: noise of 3 Cel about the true value. */
		for (size_t rows = 0; rows < 300; rows++)
			oven_step(&machine, &(struct oven_fault){.bias = {3 * random_normal(&machine.random)}});
		assert_int_equal(twin_calibrate(machine.twin, THERMO_1, diagnosis, calibration), OK);
		assert_false(calibration->accepted);
		machine_end(&machine);
	}
	free(calibration);
}

static void without_usable_readings_there_is_no_calibration(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	struct machine machine;
	oven_begin(&machine, 1);
	oven_quiet(&machine, 400, &(struct oven_fault){0});
	assert_int_equal(twin_calibrate(machine.twin, HEATER, DIAGNOSIS_SENSOR, calibration), E_NOT_FOUND);
	assert_int_equal(twin_calibrate(machine.twin, 99, DIAGNOSIS_SENSOR, calibration), E_NOT_FOUND);
	double last = machine.row.raw[THERMO_1];
	bool frozen = false;
	for (size_t rows = 0; rows < 30; rows++) {
		machine_next(&machine);
		machine.row.raw[THERMO_1] = last;
		machine.row.status[THERMO_1] = STATUS_UNCERTAIN_LAST_USABLE;
		machine.row.reason[THERMO_1] = REASON_STUCK;
		machine_row(&machine);
		frozen = frozen || machine_found(&machine, DISTURBANCE_FROZEN, THERMO_1);
	}
	assert_true(frozen);
	assert_int_equal(twin_calibrate(machine.twin, THERMO_1, DIAGNOSIS_SENSOR, calibration), E_LIMIT);
	machine_end(&machine);
	free(calibration);
}

/* The machine itself gets warmer from the same work: its parameters are estimated anew. */
static void the_machine_is_calibrated_too(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	struct machine machine;
	mill_begin(&machine, 3);
	mill_quiet(&machine, 300);
	struct mill_fault fault = {.heat_share = 0.2};
	for (size_t rows = 0; rows < 1500; rows++)
		mill_step(&machine, &fault);
	assert_int_equal(twin_calibrate(machine.twin, TEMPERATURE, DIAGNOSIS_MACHINE, calibration), OK);
	assert_true(calibration->accepted);
	assert_true(calibration->error_after < 1.3);
	assert_true(fabs(parameter_of(&calibration->model, "temperature.on.speed*load") - 8.4e-5) < 3e-6);
	assert_true(fabs(parameter_of(&calibration->model, "temperature.pole") - 0.98) < 0.003);
	machine_model(&machine, &calibration->model);
	for (size_t rows = 0; rows < 2000; rows++) {
		mill_step(&machine, &fault);
		if (machine.found)
			fail_msg("%s", machine.findings[0].explanation);
	}
	machine_end(&machine);
	free(calibration);
}

/* Fouled cooling: the machine is slower than its model says. */
static void a_slower_machine_gets_a_slower_pole(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	struct machine machine;
	mill_begin(&machine, 8);
	mill_quiet(&machine, 300);
	for (size_t rows = 0; rows < 1500; rows++)
		mill_step(&machine, &(struct mill_fault){.pole = 0.99});
	assert_int_equal(twin_calibrate(machine.twin, TEMPERATURE, DIAGNOSIS_MACHINE, calibration), OK);
	assert_true(calibration->accepted);
	assert_true(calibration->error_after < 1.3);
	assert_true(fabs(parameter_of(&calibration->model, "temperature.pole") - 0.99) < 0.002);
	machine_end(&machine);
	free(calibration);
}

/* The work does not change, so offset and coefficient cannot be told apart: both stay near what they were. */
static void what_the_rows_do_not_say_stays(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct machine machine;
		mill_begin(&machine, seed);
		machine.steady = true;
		mill_quiet(&machine, 300);
		for (size_t rows = 0; rows < 600; rows++)
			mill_step(&machine, &(struct mill_fault){.heat_share = 0.2});
		assert_int_equal(twin_calibrate(machine.twin, TEMPERATURE, DIAGNOSIS_MACHINE, calibration), OK);
		assert_true(calibration->accepted);
		double offset = parameter_of(&calibration->model, "temperature.offset");
		double heat = parameter_of(&calibration->model, "temperature.on.speed*load");
		assert_true(offset > 22 && offset < 27);
		assert_true(heat > 7e-5 && heat < 9e-5);
		/* Together they explain it. */
		assert_true(fabs(offset + 3e5 * heat - 22 - 3e5 * 8.4e-5) < 0.5);
		machine_end(&machine);
	}
	free(calibration);
}

/* What was calibrated for one signal does not end the drift of another. */
static void a_new_model_leaves_the_other_signals_alone(void **state)
{
	(void)state;
	struct calibration *calibration = memory_new(sizeof *calibration);
	struct machine machine;
	oven_begin(&machine, 6);
	oven_quiet(&machine, 300, &(struct oven_fault){0});
	struct oven_fault fault = {.bias = {4, -4, 0}};
	for (size_t rows = 0; rows < 200; rows++)
		oven_step(&machine, &fault);
	assert_int_equal(twin_calibrate(machine.twin, THERMO_1, DIAGNOSIS_SENSOR, calibration), OK);
	assert_true(calibration->accepted);
	machine_model(&machine, &calibration->model);
	struct twin_signal_view view;
	twin_signal_view(machine.twin, THERMO_1, &view);
	assert_int_equal(view.active, 0);
	twin_signal_view(machine.twin, THERMO_2, &view);
	assert_int_equal(view.active, DISTURBANCE_DRIFT);
	oven_quiet(&machine, 300, &fault);
	machine_end(&machine);
	free(calibration);
}

/* -- remaining life -------------------------------------------------------------------- */

/* Vibration rises in a straight line: the end is known. */
static void remaining_life_is_foretold(void **state)
{
	(void)state;
	size_t covered = 0, machines = 60;
	for (uint64_t seed = 0; seed < machines; seed++) {
		struct machine machine;
		mill_begin(&machine, seed);
		machine.steady = true;
		mill_quiet(&machine, 300);
		double slope = 0.002;
		for (size_t rows = 0; rows < 400; rows++)
			mill_step(&machine, &(struct mill_fault){.vibration = slope * (double)rows});
		struct twin_view view;
		twin_view(machine.twin, &view);
		double end = (4.5 - 0.4 - 0.00015 * 6000) / slope - 400;
		assert_true(view.remaining_low_s <= view.remaining_s && view.remaining_s <= view.remaining_high_s);
		assert_true(view.remaining_s > 0.8 * end && view.remaining_s < 1.2 * end);
		covered += view.remaining_low_s <= end && end <= view.remaining_high_s;
		assert_int_equal(view.health, TWIN_FAULT);
		assert_true(view.health_index > 0.5 && view.health_index < 0.95);
		machine_end(&machine);
	}
	print_message("interval of 80 %% covered %zu of %zu\n", covered, machines);
	assert_true(covered >= 25 && covered <= 58);
}

/* -- scheduling ------------------------------------------------------------------------ */

static const char *schedule_after(double slope, const char *commands, double speed, struct schedule *plan, uint64_t seed)
{
	struct machine machine;
	mill_begin(&machine, seed);
	machine.steady = true;
	mill_quiet(&machine, 300);
	for (size_t rows = 0; rows < 300; rows++)
		mill_step(&machine, &(struct mill_fault){.vibration = slope * (double)rows});
	twin_speed_set(machine.twin, speed);
	twin_schedule(machine.twin, VIBRATION, span_of_text(commands), plan);
	machine_end(&machine);
	return plan->options[plan->chosen].action;
}

static void the_cheapest_action_that_helps_is_chosen(void **state)
{
	(void)state;
	struct schedule plan;
	const char *all = "reduce_speed stop start_maintenance";
	/* Vibration after 300 rows: 1.3 + 300 * slope; bound 4.5; the horizon is 600 s more. */
	assert_string_equal(schedule_after(0, all, 1, &plan, 1), "continue");
	assert_true(plan.options[0].remaining_s == (double)INFINITY);
	assert_string_equal(schedule_after(0.002, all, 1, &plan, 1), "continue");
	assert_true(fabs(plan.options[0].predicted - 3.1) < 0.3);
	assert_true(fabs(plan.options[0].remaining_s - 1300) < 300);
	assert_string_equal(schedule_after(0.0042, all, 1, &plan, 1), "reduce_speed");
	assert_false(plan.options[0].feasible);
	assert_true(fabs(plan.options[0].remaining_s - 460) < 60);
	assert_true(plan.options[plan.chosen].cost < 0.5);
	assert_non_null(strstr(plan.explanation, "reduce_speed to"));
	assert_non_null(strstr(plan.explanation, "vibration crosses a bound"));
	assert_string_equal(schedule_after(0.008, all, 1, &plan, 1), "start_maintenance");
	assert_int_equal(plan.count, 6);
	assert_true(plan.found);
	assert_true(plan.options[plan.chosen].predicted < 1.8);
	/* A machine that obeys little. */
	assert_string_equal(schedule_after(0.008, "reduce_speed stop", 1, &plan, 1), "stop");
	assert_false(plan.found);
	assert_string_equal(schedule_after(0.008, "", 1, &plan, 1), "stop");
	assert_int_equal(plan.count, 2);
	assert_non_null(strstr(plan.explanation, "by hand"));
}

/* A machine that was slowed down is never sped up by "reducing" its speed. */
static void a_slow_machine_is_not_sped_up(void **state)
{
	(void)state;
	struct schedule plan;
	schedule_after(0.0042, "reduce_speed start_maintenance stop", 0.75, &plan, 1);
	assert_true(plan.options[0].cost == 0.25);
	for (size_t k = 0; k < plan.count; k++)
		if (strcmp(plan.options[k].action, "reduce_speed") == 0)
			assert_true(plan.options[k].setting < 0.75);
}

static void reduced_speed_cools_the_machine(void **state)
{
	(void)state;
	struct machine machine;
	struct schedule plan;
	mill_begin(&machine, 1);
	machine.steady = true;
	machine.speed = 9000;
	machine.load = 70;
	for (size_t rows = 0; rows < 600; rows++)
		mill_step(&machine, &(struct mill_fault){0});
	twin_schedule(machine.twin, TEMPERATURE, span_of_text("reduce_speed"), &plan);
	/* 22 + 7e-5 * 9000 * 70 = 66.1; at 60 %: 22 + 44.1 * 0.36 = 37.9. Speed and load go together. */
	assert_string_equal(plan.options[0].action, "continue");
	assert_true(fabs(plan.options[0].predicted - 66.1) < 2);
	assert_true(plan.options[3].setting == 0.6);
	assert_true(fabs(plan.options[3].predicted - 37.9) < 2);
	assert_int_equal(plan.chosen, 0);
	machine_end(&machine);
}

static void mill_work(struct machine *machine, double speed, double load, size_t rows)
{
	machine->steady = true;
	machine->speed = speed;
	machine->load = load;
	for (size_t k = 0; k < rows; k++)
		mill_step(machine, &(struct mill_fault){0});
}

/* At the peak of the work the present state already holds what the reach of the work would add. */
static void a_peak_is_not_counted_twice(void **state)
{
	(void)state;
	struct machine machine;
	struct schedule plan;
	mill_begin(&machine, 1);
	mill_work(&machine, 2000, 10, 200);
	mill_work(&machine, 9000, 80, 130);
	twin_schedule(machine.twin, TEMPERATURE, span_of_text("reduce_speed"), &plan);
	assert_true(machine.row.raw[TEMPERATURE] > 66);
	assert_string_equal(plan.options[plan.chosen].action, "continue");
	assert_true(plan.options[0].remaining_s == (double)INFINITY);
	machine_end(&machine);
}

/* 22 + 7e-5 * 9500 * 95 = 85 Cel, the bound is 80: less speed brings it back in time. */
static void a_machine_beyond_its_bound_may_return(void **state)
{
	(void)state;
	struct machine machine;
	struct schedule plan;
	mill_begin(&machine, 1);
	mill_work(&machine, 9500, 95, 600);
	twin_schedule(machine.twin, TEMPERATURE, span_of_text("reduce_speed stop"), &plan);
	assert_true(plan.options[0].remaining_s == 0);
	assert_string_equal(plan.options[plan.chosen].action, "reduce_speed");
	assert_true(plan.options[plan.chosen].setting == 0.9);
	machine_end(&machine);
}

/* -- commissioning and constant baselines ----------------------------------------------- */

enum { ENGINE_SIGNALS = 16 };

static void engine_begin(struct machine *machine, uint64_t seed)
{
	static char names[ENGINE_SIGNALS][8];
	struct signal_form forms[ENGINE_SIGNALS];
	for (size_t i = 0; i < ENGINE_SIGNALS; i++) {
		snprintf(names[i], sizeof names[i], "s%02zu", i);
		forms[i] = (struct signal_form){names[i], "1", 1, 0, 0, 0, 0};
	}
	machine_begin(machine, seed, forms, ENGINE_SIGNALS, NULL, 0);
}

/* Independent noise; the last signal is a constant, the one before a switch. */
static void engine_row(struct machine *machine, double common, double alone, double correlation)
{
	machine_next(machine);
	for (size_t i = 0; i < ENGINE_SIGNALS; i++) {
		double *noise = &machine->noise[i];
		*noise = correlation * *noise + sqrt(1 - correlation * correlation) * random_normal(&machine->random);
		machine->row.raw[i] = 100 + *noise + (i % 2 ? common : -common) + (i == 3 ? alone : 0);
	}
	machine->row.raw[ENGINE_SIGNALS - 1] = 518.67;
	machine->row.raw[ENGINE_SIGNALS - 2] = machine->seq % 2;
	machine_row(machine);
}

static bool engine_commission(struct machine *machine, size_t *parameters)
{
	struct body_model *model = memory_new(sizeof *model);
	bool ready = twin_commission(machine->twin, model);
	if (ready) {
		assert_int_equal(model->version, 1);
		assert_true(span_is_text(model->reason, "commissioning"));
		*parameters = model->parameter_count;
		machine_model(machine, model);
	}
	free(model);
	return ready;
}

static void twenty_rows_commission_an_engine(void **state)
{
	(void)state;
	struct machine machine;
	size_t parameters = 0;
	engine_begin(&machine, 1);
	for (size_t rows = 1; rows <= 20; rows++) {
		assert_int_equal(parameters, 0);
		engine_row(&machine, 0, 0, 0);
		assert_int_equal(engine_commission(&machine, &parameters), rows == 20);
	}
	/* Constants and switches are not modelled: nothing is known of their noise. */
	assert_int_equal(parameters, 2 * (ENGINE_SIGNALS - 2));
	assert_false(engine_commission(&machine, &parameters));
	struct twin_signal_view view;
	twin_signal_view(machine.twin, 0, &view);
	assert_true(fabs(view.predicted - 100) < 1 || isnan(view.predicted));
	assert_true(view.sigma > 0.5 && view.sigma < 1.8);
	machine_end(&machine);
}

/* Rows from before a reset are of another machine, so to speak. */
static void a_reset_restarts_commissioning(void **state)
{
	(void)state;
	struct machine machine;
	size_t parameters = 0;
	engine_begin(&machine, 1);
	for (size_t rows = 0; rows < 15; rows++)
		engine_row(&machine, 0, 0, 0);
	twin_reset_detection(machine.twin);
	for (size_t rows = 1; rows <= 20; rows++) {
		engine_row(&machine, 0, 0, 0);
		assert_int_equal(engine_commission(&machine, &parameters), rows == 20);
	}
	machine_end(&machine);
}

/* Twenty rows that hardly change from one to the next are worth one: commissioning waits. */
static void correlated_rows_take_longer(void **state)
{
	(void)state;
	struct machine machine;
	size_t parameters = 0, rows = 0;
	engine_begin(&machine, 1);
	do {
		engine_row(&machine, 0, 0, 0.95);
		rows++;
	} while (!engine_commission(&machine, &parameters) && rows < 5000);
	assert_true(rows >= 160 && rows <= 1280);
	machine_end(&machine);
}

/* 1000 engines, 300 cycles each, from a baseline of 20: how many raise an alarm that is none? */
static void engines_without_a_fault_raise_nothing(void **state)
{
	(void)state;
	size_t alarms = 0, engines = 1000;
	for (uint64_t seed = 0; seed < engines; seed++) {
		struct machine machine;
		size_t parameters = 0;
		engine_begin(&machine, seed);
		for (size_t rows = 0; rows < 300; rows++) {
			engine_row(&machine, 0, 0, 0);
			alarms += machine.found;
			engine_commission(&machine, &parameters);
		}
		machine_end(&machine);
	}
	print_message("%zu of %zu sound engines raised an alarm\n", alarms, engines);
	assert_true(alarms <= 3);
}

static void one_alarm_for_an_engine_that_wears(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct machine machine;
		size_t parameters = 0, alarms = 0, first = 0;
		engine_begin(&machine, seed);
		for (size_t rows = 0; rows < 200; rows++) {
			engine_row(&machine, rows < 60 ? 0 : 0.03 * (double)(rows - 60), 0, 0);
			engine_commission(&machine, &parameters);
			if (!machine.found)
				continue;
			assert_int_equal(machine.findings[0].kind, DISTURBANCE_DRIFT);
			assert_int_equal(machine.findings[0].diagnosis, DIAGNOSIS_MACHINE);
			alarms += machine.found;
			first = first ? first : rows;
		}
		assert_int_equal(alarms, 1);
		assert_true(first > 60 && first < 110);
		struct twin_view view;
		twin_view(machine.twin, &view);
		assert_int_equal(view.health, TWIN_FAULT);
		assert_true(isfinite(view.remaining_s));
		struct schedule plan;
		twin_schedule(machine.twin, (size_t)-1, span_of_text("start_maintenance"), &plan);
		assert_string_equal(plan.options[plan.chosen].action, "start_maintenance");
		machine_end(&machine);
	}
}

static void one_sensor_of_an_engine_is_blamed_alone(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct machine machine;
		size_t parameters = 0, alarms = 0;
		engine_begin(&machine, seed);
		for (size_t rows = 0; rows < 300; rows++) {
			engine_row(&machine, 0, rows < 60 ? 0 : 6, 0);
			engine_commission(&machine, &parameters);
			alarms += machine.found;
			if (!machine.found)
				continue;
			assert_int_equal(machine.findings[0].kind, DISTURBANCE_DRIFT);
			if (machine.findings[0].signal != 3 || machine.findings[0].diagnosis != DIAGNOSIS_SENSOR)
				fail_msg("seed %d row %zu: %s", (int)seed, rows, machine.findings[0].explanation);
			assert_int_equal(machine.findings[0].diagnosis, DIAGNOSIS_SENSOR);
		}
		assert_int_equal(alarms, 1);
		machine_end(&machine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_bias_is_calibrated_away),
		cmocka_unit_test(a_wrong_gain_is_told_from_a_bias),
		cmocka_unit_test(a_moving_bias_is_followed),
		cmocka_unit_test(an_old_drift_is_calibrated_to_its_present),
		cmocka_unit_test(a_fit_that_does_not_help_is_refused),
		cmocka_unit_test(without_usable_readings_there_is_no_calibration),
		cmocka_unit_test(the_machine_is_calibrated_too),
		cmocka_unit_test(a_slower_machine_gets_a_slower_pole),
		cmocka_unit_test(what_the_rows_do_not_say_stays),
		cmocka_unit_test(a_new_model_leaves_the_other_signals_alone),
		cmocka_unit_test(remaining_life_is_foretold),
		cmocka_unit_test(the_cheapest_action_that_helps_is_chosen),
		cmocka_unit_test(a_slow_machine_is_not_sped_up),
		cmocka_unit_test(reduced_speed_cools_the_machine),
		cmocka_unit_test(a_peak_is_not_counted_twice),
		cmocka_unit_test(a_machine_beyond_its_bound_may_return),
		cmocka_unit_test(twenty_rows_commission_an_engine),
		cmocka_unit_test(a_reset_restarts_commissioning),
		cmocka_unit_test(correlated_rows_take_longer),
		cmocka_unit_test(engines_without_a_fault_raise_nothing),
		cmocka_unit_test(one_alarm_for_an_engine_that_wears),
		cmocka_unit_test(one_sensor_of_an_engine_is_blamed_alone),
	};
	return cmocka_run_group_tests_name("twin_services", tests, NULL, NULL);
}
