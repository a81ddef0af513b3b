#include "twin_machines.h"

/* -- clean machines ------------------------------------------------------------------ */

static void a_million_clean_rows_raise_nothing(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	machine.period_ns = NS_PER_S / 10;
	mill_quiet(&machine, 1000000);
	struct twin_view view;
	twin_view(machine.twin, &view);
	assert_int_equal(view.health, TWIN_GOOD);
	assert_true(view.remaining_s == (double)INFINITY);
	assert_true(view.health_index > 0.8);
	machine_end(&machine);
}

static void many_starts_raise_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct machine machine;
		oven_begin(&machine, seed);
		/* The state is not known at the start: the oven is hotter than its heater explains. */
		machine.state[0] = 24 + 180 * random_unit(&machine.random);
		oven_quiet(&machine, 600, &(struct oven_fault){0});
		machine_end(&machine);
	}
}

/* -- bounds -------------------------------------------------------------------------- */

static const struct signal_form tank_forms[] = {{"level", "m", 0, 10, 1, 0.1, 0}, {"pressure", "kPa", 90, 200, 0, 1, 0}};

static void tank_level(struct machine *machine, double level)
{
	machine_next(machine);
	machine->row.raw[0] = level;
	machine->row.raw[1] = 120;
	machine_row(machine);
}

static void bounds_need_two_of_three(void **state)
{
	(void)state;
	struct machine machine;
	machine_begin(&machine, 1, tank_forms, 2, NULL, 0);
	double level[] = {9.8, 10.2, 9.9, 9.9, 10.2, 9.9};
	for (size_t k = 0; k < 6; k++) {
		tank_level(&machine, level[k]);
		assert_int_equal(machine.found, 0);
	}
	tank_level(&machine, 10.3);
	const struct twin_finding *finding = machine_found(&machine, DISTURBANCE_BOUNDS, 0);
	assert_non_null(finding);
	assert_true(finding->value == 10.3);
	assert_true(finding->expected == 10);
	assert_int_equal(finding->seq, 7);
	assert_int_equal(finding->time_ns, machine.row.time_ns);
	assert_int_equal(finding->diagnosis, DIAGNOSIS_SENSOR); /* alone, and a level is no load-bearing quantity */
	assert_false(finding->by_model);
	assert_non_null(strstr(finding->explanation, "above its bound of 10 m (bounds version 1)"));
	/* Once, until it was well inside for some time; by the resolution. */
	for (size_t k = 0; k < 50; k++) {
		tank_level(&machine, k % 2 ? 10.3 : 9.95);
		assert_int_equal(machine.found, 0);
	}
	double again[] = {10.2, 10.2, 9.5, 9.5, 9.5, 9.5, 10.2, 10.2};
	for (size_t k = 0; k < 60; k++) {
		tank_level(&machine, k < 8 ? again[k] : k < 40 ? 9.95 : k < 42 ? 10.2 : 9.5);
		assert_int_equal(machine.found, 0);
	}
	for (size_t k = 0; k < 20; k++)
		tank_level(&machine, 9.5);
	tank_level(&machine, 10.2);
	assert_int_equal(machine.found, 0);
	tank_level(&machine, 10.2);
	assert_non_null(machine_found(&machine, DISTURBANCE_BOUNDS, 0));
	machine_end(&machine);
}

static void bad_readings_are_not_compared(void **state)
{
	(void)state;
	struct machine machine;
	machine_begin(&machine, 1, tank_forms, 2, NULL, 0);
	tank_level(&machine, 5);
	for (size_t k = 0; k < 3; k++) {
		machine_next(&machine);
		machine.row.raw[0] = 50;
		machine.row.status[0] = STATUS_BAD_OUT_OF_RANGE;
		machine.row.reason[0] = REASON_RANGE;
		machine_row(&machine);
		assert_int_equal(machine.found, 0);
	}
	struct twin_signal_view view;
	twin_signal_view(machine.twin, 0, &view);
	assert_true(view.value == 5);
	assert_int_equal(view.status, STATUS_BAD_OUT_OF_RANGE);
	machine_end(&machine);
}

static void a_rate_is_bounded_too(void **state)
{
	(void)state;
	struct machine machine;
	machine_begin(&machine, 1, tank_forms, 2, NULL, 0);
	/* One step is one rate beyond the bound; a spike is two. */
	double step[] = {2, 2, 5, 5, 5, 5};
	for (size_t k = 0; k < 6; k++) {
		tank_level(&machine, step[k]);
		assert_int_equal(machine.found, 0);
	}
	tank_level(&machine, 8);
	tank_level(&machine, 5);
	const struct twin_finding *finding = machine_found(&machine, DISTURBANCE_BOUNDS, 0);
	assert_non_null(finding);
	assert_non_null(strstr(finding->explanation, "faster than 1 m a second"));
	machine_end(&machine);
}

static void more_findings_than_fit_come_with_the_next_row(void **state)
{
	(void)state;
	struct signal_form forms[40];
	char names[40][8];
	for (size_t i = 0; i < 40; i++) {
		snprintf(names[i], sizeof names[i], "s%zu", i);
		forms[i] = (struct signal_form){names[i], "1", 0, 1 + (double)i, 0, 0, 0};
	}
	struct machine machine;
	machine_begin(&machine, 1, forms, 40, NULL, 0);
	size_t found[3];
	for (size_t k = 0; k < 4; k++) {
		machine_next(&machine);
		for (size_t i = 0; i < 40; i++)
			machine.row.raw[i] = 100;
		machine_row(&machine);
		if (k)
			found[k - 1] = machine.found;
	}
	assert_int_equal(found[0], TWIN_FINDINGS_MAX);
	assert_int_equal(found[1], 40 - TWIN_FINDINGS_MAX);
	assert_int_equal(found[2], 0);
	machine_end(&machine);
}

/* -- drift and diagnosis ------------------------------------------------------------- */

/* A thermocouple that wanders off: by 2 sigma in 100 rows. */
static void a_drifting_sensor_is_found_and_named(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct machine machine;
		oven_begin(&machine, seed);
		oven_quiet(&machine, 300, &(struct oven_fault){0});
		int64_t began_ns = machine.row.time_ns;
		const struct twin_finding *finding = NULL;
		size_t rows = 0;
		for (; rows < 250 && !finding; rows++) {
			oven_step(&machine, &(struct oven_fault){.bias = {0, 0.008 * (double)rows}});
			finding = machine_found(&machine, DISTURBANCE_DRIFT, THERMO_2);
		}
		assert_non_null(finding);
		assert_int_equal(machine.found, 1);
		assert_int_equal(finding->diagnosis, DIAGNOSIS_SENSOR);
		assert_true(finding->by_model);
		assert_true(finding->value == machine.row.raw[THERMO_2]);
		assert_true(finding->expected == twin_predicted(machine.twin, THERMO_2));
		assert_true(fabs((double)(finding->onset_ns - began_ns)) / (double)NS_PER_S < 100);
		assert_non_null(strstr(finding->explanation, "thermocouple_1, thermocouple_3"));
		machine_end(&machine);
	}
}

static void a_jumping_sensor_is_found_in_35_rows(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct machine machine;
		oven_begin(&machine, seed);
		oven_quiet(&machine, 200, &(struct oven_fault){0});
		const struct twin_finding *finding = NULL;
		for (size_t rows = 0; rows < 35 && !finding; rows++) {
			oven_step(&machine, &(struct oven_fault){.bias = {-3}});
			finding = machine_found(&machine, DISTURBANCE_DRIFT, THERMO_1);
		}
		assert_non_null(finding);
		assert_int_equal(finding->diagnosis, DIAGNOSIS_SENSOR);
		/* Not again while it lasts. */
		oven_quiet(&machine, 500, &(struct oven_fault){.bias = {-3}});
		machine_end(&machine);
	}
}

static void an_outlier_is_no_drift(void **state)
{
	(void)state;
	struct machine machine;
	oven_begin(&machine, 9);
	machine.steady = true;
	oven_quiet(&machine, 200, &(struct oven_fault){0});
	for (size_t k = 0; k < 20; k++) {
		oven_quiet(&machine, 1, &(struct oven_fault){.bias = {k % 2 ? 100 : -90}});
		oven_quiet(&machine, 40, &(struct oven_fault){0});
	}
	machine_end(&machine);
}

static void two_thermocouples_that_agree_convict_the_machine(void **state)
{
	(void)state;
	struct machine machine;
	oven_begin(&machine, 3);
	oven_quiet(&machine, 200, &(struct oven_fault){0});
	size_t found = 0;
	for (size_t rows = 0; rows < 80; rows++) {
		oven_step(&machine, &(struct oven_fault){.bias = {4, 4, 4}});
		for (size_t f = 0; f < machine.found; f++) {
			assert_int_equal(machine.findings[f].kind, DISTURBANCE_DRIFT);
			assert_int_equal(machine.findings[f].diagnosis, DIAGNOSIS_MACHINE);
			found++;
		}
	}
	assert_int_equal(found, 3);
	struct twin_view view;
	twin_view(machine.twin, &view);
	assert_int_equal(view.health, TWIN_FAULT);
	machine_end(&machine);
}

/* Instruments for one quantity that leave in opposite directions are two bad instruments. */
static void two_thermocouples_that_disagree_are_sensors(void **state)
{
	(void)state;
	struct machine machine;
	oven_begin(&machine, 4);
	oven_quiet(&machine, 200, &(struct oven_fault){0});
	size_t found = 0;
	for (size_t rows = 0; rows < 80; rows++) {
		oven_step(&machine, &(struct oven_fault){.bias = {4, -4, 0}});
		for (size_t f = 0; f < machine.found; f++)
			assert_int_equal(machine.findings[f].diagnosis, DIAGNOSIS_SENSOR);
		found += machine.found;
	}
	assert_int_equal(found, 2);
	machine_end(&machine);
}

/* A witness that was a little off before is not deviating now. */
static void an_old_offset_is_no_evidence(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct machine machine;
		oven_begin(&machine, seed);
		oven_quiet(&machine, 400, &(struct oven_fault){.bias = {0.32, 0, 0}});
		const struct twin_finding *finding = NULL;
		for (size_t rows = 0; rows < 60 && !finding; rows++) {
			oven_step(&machine, &(struct oven_fault){.bias = {0.32, 3, 0}});
			finding = machine_found(&machine, DISTURBANCE_DRIFT, THERMO_2);
		}
		assert_non_null(finding);
		assert_int_equal(finding->diagnosis, DIAGNOSIS_SENSOR);
		machine_end(&machine);
	}
}

/* Wear: vibration and temperature rise together. Both are found, both are the machine's. */
static void wear_is_a_machine_fault(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct machine machine;
		mill_begin(&machine, seed);
		mill_quiet(&machine, 300);
		const struct twin_finding *vibration = NULL, *temperature = NULL;
		for (size_t rows = 0; rows < 400 && !(vibration && temperature); rows++) {
			double wear = (double)rows / 400;
			mill_step(&machine, &(struct mill_fault){.vibration = 0.6 * wear, .temperature = 3 * wear});
			for (size_t f = 0; f < machine.found; f++)
				assert_int_equal(machine.findings[f].diagnosis, DIAGNOSIS_MACHINE);
			vibration = vibration ? vibration : machine_found(&machine, DISTURBANCE_DRIFT, VIBRATION);
			temperature = temperature ? temperature : machine_found(&machine, DISTURBANCE_DRIFT, TEMPERATURE);
		}
		assert_non_null(vibration);
		assert_non_null(temperature);
		machine_end(&machine);
	}
}

/* The temperature wanders off slowly, the vibration is a little higher since: seen over the rows since the onset. */
static void a_witness_may_lean(void **state)
{
	(void)state;
	size_t machines = 0;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct machine machine;
		mill_begin(&machine, seed);
		mill_quiet(&machine, 400);
		const struct twin_finding *finding = NULL;
		for (size_t rows = 0; rows < 600 && !finding; rows++) {
			mill_step(&machine, &(struct mill_fault){.temperature = 0.01 * (double)rows, .vibration = 0.9 * 0.06});
			finding = machine_found(&machine, DISTURBANCE_DRIFT, TEMPERATURE);
		}
		assert_non_null(finding);
		machines += finding->diagnosis == DIAGNOSIS_MACHINE;
		machine_end(&machine);
	}
	print_message("%zu of 60 called a machine fault\n", machines);
	assert_true(machines >= 40);
}

/* Only one of three coupled signals leaves: the table decides. */
static enum diagnosis lone_diagnosis(size_t signal, const struct mill_fault *fault)
{
	struct machine machine;
	mill_begin(&machine, 5);
	mill_quiet(&machine, 300);
	const struct twin_finding *finding = NULL;
	for (size_t rows = 0; rows < 60 && !finding; rows++) {
		mill_step(&machine, fault);
		finding = machine_found(&machine, DISTURBANCE_DRIFT, (int)signal);
	}
	assert_non_null(finding);
	enum diagnosis diagnosis = finding->diagnosis;
	machine_end(&machine);
	return diagnosis;
}

static void the_table_decides(void **state)
{
	(void)state;
	assert_int_equal(lone_diagnosis(VIBRATION, &(struct mill_fault){.vibration = 0.3}), DIAGNOSIS_MACHINE);
	assert_int_equal(lone_diagnosis(VIBRATION, &(struct mill_fault){.vibration = -0.3}), DIAGNOSIS_SENSOR);
	assert_int_equal(lone_diagnosis(TEMPERATURE, &(struct mill_fault){.temperature = 2}), DIAGNOSIS_SENSOR);
	assert_int_equal(lone_diagnosis(FLOW, &(struct mill_fault){.flow = 1}), DIAGNOSIS_SENSOR);
}

static void without_witnesses_the_quantity_decides(void **state)
{
	(void)state;
	static const struct signal_form forms[] = {{"current", "A", 1, 0, 0, 0, 0}};
	static const struct parameter_form model[] = {{"current.offset", 10}, {"current.sigma", 0.1}};
	for (int sign = -1; sign <= 1; sign += 2) {
		struct machine machine;
		machine_begin(&machine, 1, forms, 1, model, 2);
		const struct twin_finding *finding = NULL;
		for (size_t rows = 0; rows < 20 && !finding; rows++) {
			machine_next(&machine);
			machine.row.raw[0] = 10 + sign + 0.1 * random_normal(&machine.random);
			machine_row(&machine);
			finding = machine_found(&machine, DISTURBANCE_DRIFT, 0);
		}
		assert_non_null(finding);
		assert_int_equal(finding->diagnosis, sign > 0 ? DIAGNOSIS_MACHINE : DIAGNOSIS_SENSOR);
		machine_end(&machine);
	}
}

static void a_drift_that_ends_clears(void **state)
{
	(void)state;
	struct machine machine;
	oven_begin(&machine, 7);
	oven_quiet(&machine, 100, &(struct oven_fault){0});
	size_t times = 0;
	for (size_t round = 0; round < 2; round++) {
		for (size_t rows = 0; rows < 60; rows++) {
			oven_step(&machine, &(struct oven_fault){.bias = {0, 0, 4}});
			times += machine_found(&machine, DISTURBANCE_DRIFT, THERMO_3) != NULL;
		}
		struct twin_signal_view view;
		twin_signal_view(machine.twin, THERMO_3, &view);
		assert_int_equal(view.active, DISTURBANCE_DRIFT);
		assert_true(view.residual > 8);
		oven_quiet(&machine, 100, &(struct oven_fault){0});
		twin_signal_view(machine.twin, THERMO_3, &view);
		assert_int_equal(view.active, 0);
	}
	assert_int_equal(times, 2);
	machine_end(&machine);
}

static void a_reset_begins_anew(void **state)
{
	(void)state;
	struct machine machine;
	oven_begin(&machine, 7);
	oven_quiet(&machine, 100, &(struct oven_fault){0});
	struct oven_fault fault = {.bias = {0, 0, 4}};
	size_t times = 0;
	for (size_t rows = 0; rows < 400; rows++) {
		if (rows == 100)
			twin_reset_detection(machine.twin);
		oven_step(&machine, &fault);
		times += machine_found(&machine, DISTURBANCE_DRIFT, THERMO_3) != NULL;
	}
	assert_int_equal(times, 2);
	machine_end(&machine);
}

/* -- frozen -------------------------------------------------------------------------- */

static void a_stuck_row_is_a_frozen_sensor(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	mill_quiet(&machine, 100);
	struct mill_fault none = {0};
	double last = machine.row.raw[TEMPERATURE];
	size_t times = 0;
	for (size_t rows = 0; rows < 100; rows++) {
		mill_fill(&machine, &none);
		machine.row.raw[TEMPERATURE] = last;
		machine.row.status[TEMPERATURE] = rows < 10 ? STATUS_GOOD : STATUS_UNCERTAIN_LAST_USABLE;
		machine.row.reason[TEMPERATURE] = rows < 10 ? REASON_NONE : REASON_STUCK;
		machine_row(&machine);
		times += machine.found;
		if (machine.found) {
			assert_int_equal(rows, 10);
			assert_int_equal(machine.findings[0].kind, DISTURBANCE_FROZEN);
			assert_int_equal(machine.findings[0].diagnosis, DIAGNOSIS_SENSOR);
		}
	}
	assert_int_equal(times, 1);
	mill_quiet(&machine, 200);
	struct twin_signal_view view;
	twin_signal_view(machine.twin, TEMPERATURE, &view);
	assert_int_equal(view.active, 0);
	machine_end(&machine);
}

/* The wrangler was not asked to watch for it: the model sees that the inputs move and the value does not. */
static void a_value_that_ignores_its_inputs_is_frozen(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	mill_quiet(&machine, 100);
	struct mill_fault none = {0};
	double last = machine.row.raw[FLOW];
	const struct twin_finding *finding = NULL;
	size_t rows = 0;
	for (; rows < 60 && !finding; rows++) {
		mill_fill(&machine, &none);
		machine.row.raw[SPEED] = machine.speed = 4000 + 100 * (double)rows;
		machine.row.raw[VIBRATION] = 0.4 + 0.00015 * machine.speed + 0.06 * random_normal(&machine.random);
		machine.row.raw[FLOW] = last;
		machine_row(&machine);
		for (size_t f = 0; f < machine.found; f++)
			assert_int_equal(machine.findings[f].kind, DISTURBANCE_FROZEN);
		finding = machine_found(&machine, DISTURBANCE_FROZEN, FLOW);
	}
	assert_non_null(finding);
	assert_true(rows <= 20);
	assert_true(finding->by_model);
	machine_end(&machine);
}

/* Without witnesses a drift is told at once; that its value has not changed says what kind of drift it is. */
static void a_frozen_sensor_is_not_called_a_drift(void **state)
{
	(void)state;
	static const struct signal_form forms[] = {{"speed", "/min", 1, 0, 0, 0, 0}, {"current", "A", 1, 0, 0, 0, 0}};
	static const struct parameter_form model[] = {{"current.offset", 1}, {"current.on.speed", 0.01}, {"current.sigma", 0.5}};
	struct machine machine;
	machine_begin(&machine, 1, forms, 2, model, 3);
	size_t found = 0;
	for (size_t rows = 0; rows < 60; rows++) {
		machine_next(&machine);
		machine.row.raw[0] = rows < 30 ? 1000 : 1000 + 50 * (double)(rows - 30);
		if (rows < 30)
			machine.row.raw[1] = 11 + 0.5 * random_normal(&machine.random);
		machine_row(&machine);
		found += machine.found;
		if (machine.found)
			assert_int_equal(machine.findings[0].kind, DISTURBANCE_FROZEN);
	}
	assert_int_equal(found, 1);
	machine_end(&machine);
}

static void equal_values_are_fine_while_the_inputs_rest(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	for (size_t rows = 0; rows < 500; rows++) {
		machine_next(&machine);
		double values[MILL_SIGNALS] = {6000, 50, 1.3, 43, 9.2};
		memcpy(machine.row.raw, values, sizeof values);
		machine_row(&machine);
		assert_int_equal(machine.found, 0);
	}
	machine_end(&machine);
}

/* -- silent -------------------------------------------------------------------------- */

static void a_silent_signal_is_told_once(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	machine.period_ns = 3 * NS_PER_S;
	mill_quiet(&machine, 30);
	struct mill_fault none = {0};
	/* The flow meter's values are there, but late ones: they carry no news. */
	for (size_t rows = 0; rows < 20; rows++) {
		mill_fill(&machine, &none);
		machine.row.reason[FLOW] = REASON_LATE;
		machine_row(&machine);
		if (rows == 3) {
			const struct twin_finding *finding = machine_found(&machine, DISTURBANCE_SILENT, FLOW);
			assert_non_null(finding);
			assert_true(finding->value == 12);
			assert_true(finding->expected == 10);
			assert_int_equal(finding->diagnosis, DIAGNOSIS_SENSOR);
		} else {
			assert_int_equal(machine.found, 0);
		}
	}
	struct twin_signal_view view;
	twin_signal_view(machine.twin, FLOW, &view);
	assert_true(view.stale);
	assert_true(view.age_ns == 60 * NS_PER_S);
	mill_quiet(&machine, 10);
	twin_signal_view(machine.twin, FLOW, &view);
	assert_false(view.stale);
	assert_int_equal(view.active, 0);
	machine_end(&machine);
}

static void a_silent_machine_is_one_finding(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	mill_quiet(&machine, 50);
	size_t times = 0;
	for (int64_t s = 1; s < 100; s++) {
		twin_tick(machine.twin, machine.row.time_ns + s * NS_PER_S, machine.findings, &machine.found);
		times += machine.found;
		if (machine.found) {
			assert_int_equal(s, 11);
			assert_int_equal(machine.findings[0].kind, DISTURBANCE_SILENT);
			assert_int_equal(machine.findings[0].signal, -1);
		}
	}
	assert_int_equal(times, 1);
	struct twin_view view;
	twin_view(machine.twin, &view);
	assert_int_equal(view.health, TWIN_UNKNOWN);
	machine.row.time_ns += 100 * NS_PER_S;
	mill_quiet(&machine, 50);
	twin_view(machine.twin, &view);
	assert_int_equal(view.health, TWIN_GOOD);
	machine_end(&machine);
}

static void a_machine_that_never_spoke_gets_a_minute(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	size_t times = 0;
	for (int64_t s = 0; s < 200; s++) {
		twin_tick(machine.twin, machine.row.time_ns + s * NS_PER_S, machine.findings, &machine.found);
		times += machine.found;
		assert_int_equal(times, s > 60);
	}
	machine_end(&machine);
}

/* -- missing ------------------------------------------------------------------------- */

static void missing_values_are_counted(void **state)
{
	(void)state;
	struct mill_fault none = {0};
	for (size_t form = 0; form < 2; form++) {
		struct machine machine;
		mill_begin(&machine, 1);
		mill_quiet(&machine, 50);
		size_t gone = 0;
		bool told = false;
		for (size_t rows = 0; rows < 20 && !told; rows++) {
			mill_fill(&machine, &none);
			/* Four in a row, or every fourth. */
			if (form == 0 || rows % 4 == 0) {
				value_missing(&machine, FLOW);
				gone++;
			}
			machine_row(&machine);
			told = machine_found(&machine, DISTURBANCE_MISSING, FLOW);
			assert_int_equal(machine.found, told);
		}
		assert_true(told);
		assert_int_equal(gone, form == 0 ? 4 : 5);
		assert_int_equal(machine.findings[0].diagnosis, DIAGNOSIS_SENSOR);
		mill_quiet(&machine, 50);
		machine_end(&machine);
	}
}

static void an_empty_message_series_is_one_finding(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	mill_quiet(&machine, 50);
	size_t times = 0;
	for (size_t rows = 0; rows < 8; rows++) {
		machine_next(&machine);
		for (size_t i = 0; i < MILL_SIGNALS; i++)
			value_missing(&machine, i);
		machine_row(&machine);
		times += machine.found;
		if (machine.found)
			assert_int_equal(machine.findings[0].signal, -1);
	}
	assert_int_equal(times, 1);
	mill_quiet(&machine, 100);
	machine_end(&machine);
}

/* A signal of one tenth of the rate comes in every tenth row: nothing is missing. */
static void a_slower_signal_is_not_missing(void **state)
{
	(void)state;
	struct machine machine;
	machine_begin(&machine, 1, tank_forms, 2, NULL, 0);
	machine.period_ns = 100 * NS_PER_MS; /* registered with 1 s */
	for (size_t rows = 0; rows < 500; rows++) {
		machine_next(&machine);
		machine.row.raw[0] = 5;
		machine.row.raw[1] = 120;
		if (rows % 10)
			value_missing(&machine, 1);
		machine_row(&machine);
		assert_int_equal(machine.found, 0);
	}
	machine_end(&machine);
}

/* -- time ---------------------------------------------------------------------------- */

static void back_filled_rows_change_nothing(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	mill_quiet(&machine, 100);
	struct twin_signal_view before, after;
	twin_signal_view(machine.twin, VIBRATION, &before);
	int64_t now_ns = machine.row.time_ns;
	for (size_t rows = 0; rows < 50; rows++) {
		machine.row.time_ns = now_ns - 60 * NS_PER_S + (int64_t)rows * NS_PER_S;
		machine.row.raw[VIBRATION] = 9;
		machine_row(&machine);
		assert_int_equal(machine.found, 0);
	}
	twin_signal_view(machine.twin, VIBRATION, &after);
	assert_true(before.value == after.value);
	assert_true(before.time_ns == after.time_ns);
	/* So do rows that claim to be from the future. */
	for (size_t i = 0; i < MILL_SIGNALS; i++)
		machine.row.reason[i] = REASON_FUTURE;
	machine.row.time_ns = now_ns + 1000 * NS_PER_S;
	machine_row(&machine);
	assert_int_equal(machine.found, 0);
	machine.row.time_ns = now_ns;
	mill_quiet(&machine, 100);
	twin_signal_view(machine.twin, VIBRATION, &after);
	assert_true(after.time_ns == machine.row.time_ns);
	machine_end(&machine);
}

static void a_pause_starts_the_observer_anew(void **state)
{
	(void)state;
	struct machine machine;
	mill_begin(&machine, 1);
	machine.period_ns = NS_PER_S / 10;
	mill_quiet(&machine, 100);
	/* Five minutes later: it ran meanwhile, unobserved. */
	machine.row.time_ns += 9 * NS_PER_S;
	machine.state[0] = 60;
	mill_quiet(&machine, 1000);
	machine_end(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_clean_rows_raise_nothing),
		cmocka_unit_test(many_starts_raise_nothing),
		cmocka_unit_test(bounds_need_two_of_three),
		cmocka_unit_test(bad_readings_are_not_compared),
		cmocka_unit_test(a_rate_is_bounded_too),
		cmocka_unit_test(more_findings_than_fit_come_with_the_next_row),
		cmocka_unit_test(a_drifting_sensor_is_found_and_named),
		cmocka_unit_test(a_jumping_sensor_is_found_in_35_rows),
		cmocka_unit_test(an_outlier_is_no_drift),
		cmocka_unit_test(two_thermocouples_that_agree_convict_the_machine),
		cmocka_unit_test(two_thermocouples_that_disagree_are_sensors),
		cmocka_unit_test(an_old_offset_is_no_evidence),
		cmocka_unit_test(wear_is_a_machine_fault),
		cmocka_unit_test(a_witness_may_lean),
		cmocka_unit_test(the_table_decides),
		cmocka_unit_test(without_witnesses_the_quantity_decides),
		cmocka_unit_test(a_drift_that_ends_clears),
		cmocka_unit_test(a_reset_begins_anew),
		cmocka_unit_test(a_stuck_row_is_a_frozen_sensor),
		cmocka_unit_test(a_value_that_ignores_its_inputs_is_frozen),
		cmocka_unit_test(a_frozen_sensor_is_not_called_a_drift),
		cmocka_unit_test(equal_values_are_fine_while_the_inputs_rest),
		cmocka_unit_test(a_silent_signal_is_told_once),
		cmocka_unit_test(a_silent_machine_is_one_finding),
		cmocka_unit_test(a_machine_that_never_spoke_gets_a_minute),
		cmocka_unit_test(missing_values_are_counted),
		cmocka_unit_test(an_empty_message_series_is_one_finding),
		cmocka_unit_test(a_slower_signal_is_not_missing),
		cmocka_unit_test(back_filled_rows_change_nothing),
		cmocka_unit_test(a_pause_starts_the_observer_anew),
	};
	return cmocka_run_group_tests_name("twin", tests, NULL, NULL);
}
