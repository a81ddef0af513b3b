#include "twin/state.h"

#include <stdlib.h>

enum status twin_new(struct span device, const struct body_device *registration, struct twin **out, struct fault *fault)
{
	*out = NULL;
	size_t count = registration->signal_count;
	if (count == 0 || count > TWIN_SIGNALS_MAX)
		return fault_set(fault, E_CONFIG, "a twin needs from 1 to %d registered signals", TWIN_SIGNALS_MAX);
	struct twin *twin = memory_new_array(1, sizeof *twin);
	twin->device = memory_text(device);
	twin->signals = memory_new_array(count, sizeof *twin->signals);
	twin->units_known = true;
	twin->held[NO_SIGNAL] = 1;
	twin->speed = 1;
	twin->commission_rows = BASELINE_ROWS;
	for (size_t i = 0; i < count; i++) {
		const struct body_signal *registered = &registration->signals[i];
		if (registered->id.size == 0 || twin_signal_find(twin, registered->id) != TWIN_SIGNALS_MAX) {
			twin_free(twin);
			return fault_set(fault, E_CONFIG, "signal %zu: its id is empty or that of another signal", i + 1);
		}
		struct signal *signal = &twin->signals[i];
		signal->id = memory_text(registered->id);
		signal->unit = memory_text(registered->unit);
		signal->scale = 1;
		signal->period_ns = (int64_t)registered->period_ms * NS_PER_MS;
		signal->value = signal->raw = signal->run_raw = signal->residual = (double)NAN;
		signal->relation.gain = 1;
		signal->status = STATUS_BAD;
		twin->units_known = twin->units_known && span_equal(registered->raw_unit, registered->unit);
		twin->count++;
	}
	*out = twin;
	return OK;
}

void twin_free(struct twin *twin)
{
	if (!twin)
		return;
	for (size_t i = 0; i < twin->count; i++) {
		free(twin->signals[i].id);
		free(twin->signals[i].unit);
	}
	free(twin->signals);
	free(twin->device);
	parameters_free(&twin->model);
	parameters_free(&twin->candidate);
	history_free(&twin->history);
	free(twin);
}

void twin_channels_set(struct twin *twin, const struct channel *channels, size_t count)
{
	CHECK(count == twin->count);
	for (size_t i = 0; i < count; i++) {
		CHECK(span_is_text(channels[i].id, twin->signals[i].id));
		twin->signals[i].channel = &channels[i];
		twin->signals[i].scale = channels[i].scale;
		twin->signals[i].shift = channels[i].offset;
	}
	twin->units_known = true;
}

static enum status limits_read(const struct twin *twin, const struct body_bound *bound, struct limits *limits, struct fault *fault)
{
	int size = bound->signal.size < 80 ? (int)bound->signal.size : 80;
	const char *name = (const char *)bound->signal.data;
	size_t i = twin_signal_find(twin, bound->signal);
	if (i == TWIN_SIGNALS_MAX)
		return fault_set(fault, E_CONFIG, "bound on \"%.*s\": no such signal is registered for %s", size, name, twin->device);
	if (limits[i].set)
		return fault_set(fault, E_CONFIG, "bound on \"%.*s\": given twice", size, name);
	if (!span_is_text(bound->unit, twin->signals[i].unit))
		return fault_set(fault, E_CONFIG, "bound on \"%.*s\": its unit must be the registered one, %s", size, name, twin->signals[i].unit);
	limits[i] = (struct limits){
		.set = true,
		.low = decimal_value(bound->low),
		.high = decimal_value(bound->high),
		.rate = decimal_value(bound->rate),
		.resolution = decimal_value(bound->resolution),
		.deadline_ns = (int64_t)bound->deadline_ms * NS_PER_MS,
	};
	if (!(limits[i].low < limits[i].high) || limits[i].rate < 0 || limits[i].resolution < 0)
		return fault_set(fault, E_CONFIG, "bound on \"%.*s\": low must be below high, rate and resolution not negative", size, name);
	return OK;
}

enum status twin_bounds_set(struct twin *twin, const struct body_bounds *bounds, const struct digest *id, struct fault *fault)
{
	struct limits *limits = memory_new_array(twin->count, sizeof *limits);
	enum status status = OK;
	if (bounds->bound_count > BODY_SIGNALS_MAX)
		status = fault_set(fault, E_CONFIG, "at most %d bounds", BODY_SIGNALS_MAX);
	for (size_t b = 0; status == OK && b < bounds->bound_count; b++)
		status = limits_read(twin, &bounds->bounds[b], limits, fault);
	if (status == OK) {
		for (size_t i = 0; i < twin->count; i++) {
			struct signal *signal = &twin->signals[i];
			signal->limits = limits[i];
			signal->high_bits = signal->low_bits = signal->rate_bits = 0;
			signal->bounds_wait = 0;
			signal->active &= ~(1u << DISTURBANCE_BOUNDS);
		}
		twin->bounds_version = bounds->version;
		twin->bounds_id = *id;
		twin_couple(twin);
	}
	free(limits);
	return status;
}

/* Two instruments for one quantity: same unit, fed by the same inputs, held within the same bounds. */
static bool signals_redundant(const struct signal *a, const struct signal *b)
{
	if (strcmp(a->unit, b->unit) != 0 || a->relation.inputs != b->relation.inputs || a->limits.set != b->limits.set)
		return false;
	if (a->limits.set && (a->limits.low != b->limits.low || a->limits.high != b->limits.high))
		return false;
	return a->relation.inputs != 0 || a->limits.set;
}

void twin_couple(struct twin *twin)
{
	for (size_t i = 0; i < twin->count; i++) {
		struct signal *a = &twin->signals[i];
		a->coupled = a->redundant = 0;
		for (size_t j = 0; j < twin->count; j++) {
			const struct signal *b = &twin->signals[j];
			if (i == j)
				continue;
			if (signals_redundant(a, b))
				a->redundant |= signal_bit(j);
			if (a->relation.inputs & b->relation.inputs)
				a->coupled |= signal_bit(j);
		}
		a->coupled |= a->redundant;
	}
}

void signal_restart(struct twin *twin, size_t i, bool state)
{
	struct signal *signal = &twin->signals[i];
	if (state) {
		signal->started = false;
		signal->warm = 0;
	}
	signal->residual = (double)NAN;
	signal->smooth = signal->level = 0;
	signal->up = signal->down = 0;
	signal->drift_wait = signal->drift_calm = 0;
	signal->active &= ~(1u << DISTURBANCE_DRIFT);
}

void twin_reset_detection(struct twin *twin)
{
	for (size_t i = 0; i < twin->count; i++) {
		struct signal *signal = &twin->signals[i];
		signal_restart(twin, i, true);
		signal->active &= ~(1u << DISTURBANCE_FROZEN);
		signal->run = signal->thaw = 0;
		signal->run_raw = (double)NAN;
		signal->bounds_wait = 0;
		signal->high_bits = signal->low_bits = signal->rate_bits = 0;
		signal->residual_from = twin->history.rows;
	}
	twin->active &= ~(1u << DISTURBANCE_DRIFT);
	twin->joint_over = twin->joint_calm = 0;
	twin->joint_value = twin->distance = 0;
	twin->fresh_row = twin->history.rows;
}

void twin_speed_set(struct twin *twin, double share)
{
	twin->speed = share < 0 || !isfinite(share) ? 0 : share > 1 ? 1 : share;
}
