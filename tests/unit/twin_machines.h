/* Synthetic machines for the twin's tests: registrations, models and rows with seeded noise. */
#ifndef TALLY_TEST_TWIN_MACHINES_H
#define TALLY_TEST_TWIN_MACHINES_H

#include "base/buffer.h"
#include "base/random.h"
#include "base/time.h"
#include "twin/calibration.h"
#include "twin/scheduling.h"
#include "twin/twin.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct digest no_id;

struct signal_form {
	const char *id, *unit;
	double low, high, rate, resolution;
	uint32_t deadline_ms;
};

struct parameter_form {
	const char *name;
	double value;
};

struct machine {
	struct twin *twin;
	struct random random;
	struct wrangle_row row;
	size_t count;
	int64_t period_ns;
	uint64_t seq;
	bool steady;                  /* the work does not change */
	double speed, load, heater, state[4], noise[BODY_SIGNALS_MAX];
	struct twin_finding findings[TWIN_FINDINGS_MAX];
	size_t found;
};

static inline void model_fill(struct body_model *model, uint64_t version, const struct parameter_form *forms, size_t count)
{
	*model = (struct body_model){.version = version, .kind = span_of_text("first-order"), .reason = span_of_text("test"), .parameter_count = count};
	for (size_t p = 0; p < count; p++)
		model->parameters[p] = (struct body_parameter){span_of_text(forms[p].name), decimal_of(forms[p].value)};
}

static inline struct body_device *registration_new(const struct signal_form *forms, size_t count)
{
	struct body_device *device = memory_new_array(1, sizeof *device);
	device->signal_count = count;
	for (size_t i = 0; i < count; i++)
		device->signals[i] = (struct body_signal){.id = span_of_text(forms[i].id), .field = span_of_text(forms[i].id),
			.raw_unit = span_of_text(forms[i].unit), .unit = span_of_text(forms[i].unit), .period_ms = 1000};
	return device;
}

static inline struct body_bounds *bounds_new(const struct signal_form *forms, size_t count)
{
	struct body_bounds *bounds = memory_new_array(1, sizeof *bounds);
	bounds->version = 1;
	for (size_t i = 0; i < count; i++)
		if (forms[i].low < forms[i].high)
			bounds->bounds[bounds->bound_count++] = (struct body_bound){.signal = span_of_text(forms[i].id), .unit = span_of_text(forms[i].unit),
				.low = decimal_of(forms[i].low), .high = decimal_of(forms[i].high), .rate = decimal_of(forms[i].rate),
				.resolution = decimal_of(forms[i].resolution), .deadline_ms = forms[i].deadline_ms};
	return bounds;
}

static inline void machine_model(struct machine *machine, const struct body_model *model)
{
	struct fault fault = {{0}};
	/* The candidate's spans belong to the twin until the next call; the twin copies them first. */
	if (twin_model_set(machine->twin, model, &no_id, &fault) != OK)
		fail_msg("%s", fault.text);
}

static inline void machine_begin(struct machine *machine, uint64_t seed, const struct signal_form *forms, size_t count,
	const struct parameter_form *parameters, size_t parameter_count)
{
	struct fault fault = {{0}};
	*machine = (struct machine){.random = random_of(seed), .count = count, .period_ns = NS_PER_S};
	machine->row.time_ns = INT64_C(1767225600) * NS_PER_S;
	struct body_device *device = registration_new(forms, count);
	struct body_bounds *bounds = bounds_new(forms, count);
	assert_int_equal(twin_new(span_of_text("machine"), device, &machine->twin, &fault), OK);
	if (twin_bounds_set(machine->twin, bounds, &no_id, &fault) != OK)
		fail_msg("%s", fault.text);
	if (parameter_count) {
		struct body_model *model = memory_new(sizeof *model);
		model_fill(model, 1, parameters, parameter_count);
		machine_model(machine, model);
		free(model);
	}
	free(device);
	free(bounds);
}

static inline void machine_end(struct machine *machine)
{
	twin_free(machine->twin);
}

/* Give the row that was filled in to the twin. */
static inline void machine_row(struct machine *machine)
{
	twin_row(machine->twin, ++machine->seq, &machine->row, machine->findings, &machine->found);
}

static inline void machine_next(struct machine *machine)
{
	machine->row.time_ns += machine->period_ns;
	for (size_t i = 0; i < machine->count; i++) {
		machine->row.status[i] = STATUS_GOOD;
		machine->row.reason[i] = REASON_NONE;
	}
}

static inline void value_missing(struct machine *machine, size_t i)
{
	machine->row.raw[i] = (double)NAN;
	machine->row.status[i] = STATUS_BAD;
	machine->row.reason[i] = REASON_MISSING;
}

/* The finding of a kind about a signal in the newest row, or NULL. */
static inline const struct twin_finding *machine_found(const struct machine *machine, enum disturbance_kind kind, int signal)
{
	for (size_t f = 0; f < machine->found; f++)
		if (machine->findings[f].kind == kind && machine->findings[f].signal == signal)
			return &machine->findings[f];
	return NULL;
}

/* -- a spindle: vibration static on speed, temperature slow on speed * load, flow on speed ------ */

enum { SPEED, LOAD, VIBRATION, TEMPERATURE, FLOW, MILL_SIGNALS };

static const struct signal_form mill_forms[MILL_SIGNALS] = {
	[SPEED] = {"speed", "/min", -50, 12000, 0, 1, 10000},
	[LOAD] = {"load", "%", -5, 120, 0, 0.1, 10000},
	[VIBRATION] = {"vibration", "mm/s", 0, 4.5, 0, 0.01, 10000},
	[TEMPERATURE] = {"temperature", "Cel", 0, 80, 0, 0.1, 10000},
	[FLOW] = {"flow", "L/min", 0, 20, 0, 0.05, 10000},
};

static const struct parameter_form mill_model[] = {
	{"flow.offset", 2}, {"flow.on.speed", 0.0012}, {"flow.sigma", 0.12},
	{"temperature.offset", 22}, {"temperature.on.speed*load", 7e-5}, {"temperature.pole", 0.98}, {"temperature.sigma", 0.25},
	{"vibration.offset", 0.4}, {"vibration.on.speed", 0.00015}, {"vibration.sigma", 0.06},
};

/* What is wrong with it, in units of the signals. */
struct mill_fault {
	double vibration, temperature, flow;
	double heat_share;            /* of the machine: more heat for the same work */
	double pole;                  /* of the machine, 0: that of the model */
};

static inline void mill_begin(struct machine *machine, uint64_t seed)
{
	machine_begin(machine, seed, mill_forms, MILL_SIGNALS, mill_model, sizeof mill_model / sizeof *mill_model);
	machine->speed = 6000;
	machine->load = 50;
	machine->state[0] = 22 + 7e-5 * machine->speed * machine->load;
}

static inline void mill_fill(struct machine *machine, const struct mill_fault *fault)
{
	struct random *random = &machine->random;
	machine_next(machine);
	if (!machine->steady && random_chance(random, 0.01)) {
		machine->speed = 2000 + 7000 * random_unit(random);
		machine->load = 10 + 60 * random_unit(random);
	}
	double keep = pow(fault->pole > 0 ? fault->pole : 0.98, (double)machine->period_ns / (double)NS_PER_S);
	double heat = 22 + 7e-5 * machine->speed * machine->load * (1 + fault->heat_share);
	machine->state[0] = heat + (machine->state[0] - heat) * keep;
	/* The flow's noise is correlated from row to row by 0.5, its standard deviation is sigma. */
	machine->noise[FLOW] = 0.5 * machine->noise[FLOW] + 0.12 * sqrt(0.75) * random_normal(random);
	double *raw = machine->row.raw;
	raw[SPEED] = machine->speed;
	raw[LOAD] = machine->load;
	raw[VIBRATION] = 0.4 + 0.00015 * machine->speed + fault->vibration + 0.06 * random_normal(random);
	raw[TEMPERATURE] = machine->state[0] + fault->temperature + 0.25 * random_normal(random);
	raw[FLOW] = 2 + 0.0012 * machine->speed + fault->flow + machine->noise[FLOW];
}

static inline void mill_step(struct machine *machine, const struct mill_fault *fault)
{
	mill_fill(machine, fault);
	machine_row(machine);
}

/* So many rows in which nothing may be found. */
static inline void mill_quiet(struct machine *machine, size_t rows)
{
	struct mill_fault none = {0};
	for (size_t k = 0; k < rows; k++) {
		mill_step(machine, &none);
		if (machine->found)
			fail_msg("row %zu: %s", k, machine->findings[0].explanation);
	}
}

/* -- an oven: three thermocouples on one heater ------------------------------------------------- */

enum { HEATER, THERMO_1, THERMO_2, THERMO_3, OVEN_SIGNALS };

static const struct signal_form oven_forms[OVEN_SIGNALS] = {
	[HEATER] = {"heater", "%", -5, 105, 0, 0.1, 10000},
	[THERMO_1] = {"thermocouple_1", "Cel", 0, 250, 0, 0.1, 10000},
	[THERMO_2] = {"thermocouple_2", "Cel", 0, 250, 0, 0.1, 10000},
	[THERMO_3] = {"thermocouple_3", "Cel", 0, 250, 0, 0.1, 10000},
};

static const struct parameter_form oven_model[] = {
	{"thermocouple_1.offset", 24}, {"thermocouple_1.on.heater", 2}, {"thermocouple_1.pole", 0.98}, {"thermocouple_1.sigma", 0.4},
	{"thermocouple_2.offset", 24}, {"thermocouple_2.on.heater", 2}, {"thermocouple_2.pole", 0.98}, {"thermocouple_2.sigma", 0.4},
	{"thermocouple_3.offset", 24}, {"thermocouple_3.on.heater", 2}, {"thermocouple_3.pole", 0.98}, {"thermocouple_3.sigma", 0.4},
};

struct oven_fault {
	double bias[3], gain[3];      /* gain: share to add */
};

static inline void oven_begin(struct machine *machine, uint64_t seed)
{
	machine_begin(machine, seed, oven_forms, OVEN_SIGNALS, oven_model, sizeof oven_model / sizeof *oven_model);
	machine->heater = 40;
	machine->state[0] = 24 + 2 * 40;
}

static inline void oven_step(struct machine *machine, const struct oven_fault *fault)
{
	machine_next(machine);
	if (!machine->steady && random_chance(&machine->random, 0.01))
		machine->heater = 10 + 80 * random_unit(&machine->random);
	double keep = pow(0.98, (double)machine->period_ns / (double)NS_PER_S), heat = 24 + 2 * machine->heater;
	machine->state[0] = heat + (machine->state[0] - heat) * keep;
	machine->row.raw[HEATER] = machine->heater;
	for (size_t i = 0; i < 3; i++)
		machine->row.raw[THERMO_1 + i] = machine->state[0] * (1 + fault->gain[i]) + fault->bias[i] + 0.4 * random_normal(&machine->random);
	machine_row(machine);
}

static inline void oven_quiet(struct machine *machine, size_t rows, const struct oven_fault *fault)
{
	for (size_t k = 0; k < rows; k++) {
		oven_step(machine, fault);
		if (machine->found)
			fail_msg("row %zu: %s", k, machine->findings[0].explanation);
	}
}

#endif
