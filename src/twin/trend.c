/* Trends, remaining life, health: what people are shown. */
#include "twin/state.h"

enum { TREND_BLOCKS_MIN = 8 };
#define TREND_T 3.0           /* standard errors of the slope that make a trend */
#define QUANTILE_90 1.2816    /* of the normal distribution */

double series_value(const struct twin *twin, uint64_t row, size_t i)
{
	return history_value(twin, row, i);
}

double series_residual(const struct twin *twin, uint64_t row, size_t i)
{
	return history_residual(twin, row, i);
}

double series_distance(const struct twin *twin, uint64_t row, size_t i)
{
	(void)i;
	return (double)twin->history.distances[history_slot(row)];
}

/* Least squares through the means of blocks: their means are nearly independent even when rows are not. */
static struct trend line_fit(const double *times, const double *values, size_t count)
{
	struct trend out = {0};
	double mean_time = 0, mean = 0, spread = 0, product = 0, squares = 0;
	for (size_t b = 0; b < count; b++) {
		mean_time += times[b] / (double)count;
		mean += values[b] / (double)count;
	}
	for (size_t b = 0; b < count; b++) {
		spread += (times[b] - mean_time) * (times[b] - mean_time);
		product += (times[b] - mean_time) * (values[b] - mean);
	}
	if (!(spread > 0))
		return out;
	out.fitted = true;
	out.slope = product / spread;
	out.level = mean - out.slope * mean_time;
	for (size_t b = 0; b < count; b++) {
		double off = values[b] - out.level - out.slope * times[b];
		squares += off * off;
	}
	double variance = squares / (double)(count - 2);
	out.error = sqrt(variance / spread);
	return out;
}

struct trend trend_fit(const struct twin *twin, series *at, size_t i, uint64_t from)
{
	double times[TREND_BLOCKS], values[TREND_BLOCKS];
	size_t blocks = 0;
	uint64_t newest = history_last(twin, TREND_ROWS);
	from = history_from(twin, from > newest ? from : newest);
	uint64_t rows = twin->history.rows - from;
	if (rows < TREND_BLOCKS_MIN)
		return (struct trend){0};
	uint64_t size = (rows + TREND_BLOCKS - 1) / TREND_BLOCKS;
	int64_t now_ns = history_time(twin, twin->history.rows - 1);
	for (uint64_t start = from; start < twin->history.rows; start += size) {
		double time = 0, sum = 0;
		size_t count = 0;
		for (uint64_t row = start; row < start + size && row < twin->history.rows; row++) {
			double value = at(twin, row, i);
			if (!isfinite(value))
				continue;
			time += (double)(history_time(twin, row) - now_ns) / (double)NS_PER_S;
			sum += value;
			count++;
		}
		if (count == 0)
			continue;
		times[blocks] = time / (double)count;
		values[blocks++] = sum / (double)count;
	}
	return blocks < TREND_BLOCKS_MIN ? (struct trend){0} : line_fit(times, values, blocks);
}

bool trend_significant(const struct trend *trend)
{
	return trend->fitted && fabs(trend->slope) > TREND_T * trend->error;
}

struct trend trend_residual(const struct twin *twin, size_t i)
{
	const struct signal *signal = &twin->signals[i];
	uint64_t from = signal->residual_from;
	if (signal_drifts(signal) && signal->onset_row > from)
		from = signal->onset_row;
	return trend_fit(twin, series_residual, i, from);
}

struct trend trend_distance(const struct twin *twin)
{
	bool drifting = twin->active & 1u << DISTURBANCE_DRIFT;
	return trend_fit(twin, series_distance, 0, drifting && twin->onset_row > twin->fresh_row ? twin->onset_row : twin->fresh_row);
}

struct operating operating_range(const struct twin *twin, size_t i)
{
	const struct signal *signal = &twin->signals[i];
	struct operating out = {.low = INFINITY, .high = -INFINITY};
	for (uint64_t row = history_from(twin, signal->residual_from); row < twin->history.rows; row++) {
		if (row + OPERATING_ROWS < twin->history.rows)
			continue;
		double prediction = history_value(twin, row, i) - history_residual(twin, row, i) * signal->relation.sigma;
		if (!isfinite(prediction))
			continue;
		out.rows++;
		out.mean += prediction;
		out.low = prediction < out.low ? prediction : out.low;
		out.high = prediction > out.high ? prediction : out.high;
	}
	if (out.rows)
		out.mean /= (double)out.rows;
	return out;
}

/* -- remaining life ------------------------------------------------------------------- */

struct remaining {
	double expected, low, high;
};

static const struct remaining no_end = {INFINITY, INFINITY, INFINITY};

/* room: what is left on the way of the slope. */
static struct remaining remaining_of(const struct trend *trend, double room)
{
	double slope = fabs(trend->slope), slow = slope - QUANTILE_90 * trend->error;
	if (room <= 0)
		return (struct remaining){0, 0, 0};
	return (struct remaining){
		.expected = room / slope,
		.low = room / (slope + QUANTILE_90 * trend->error),
		.high = slow > 0 ? room / slow : (double)INFINITY,
	};
}

static bool sensor_is_blamed(const struct signal *signal)
{
	for (unsigned kind = 1; kind < DISTURBANCE_KIND_END; kind++)
		if ((signal->active >> kind & 1) && signal->diagnosis[kind] == DIAGNOSIS_SENSOR)
			return true;
	return false;
}

/* A drift's residual, on top of the worst operating point seen lately. */
static struct remaining remaining_modelled(const struct twin *twin, size_t i)
{
	const struct signal *signal = &twin->signals[i];
	double sigma = signal->relation.sigma;
	if (!signal_drifts(signal))
		return no_end;
	struct trend trend = trend_residual(twin, i);
	struct operating range = operating_range(twin, i);
	if (!trend_significant(&trend) || trend.slope * trend.level <= 0 || range.rows == 0)
		return no_end;
	double room = trend.slope > 0 ? signal->limits.high - range.high - sigma * trend.level : range.low + sigma * trend.level - signal->limits.low;
	trend.slope *= sigma;
	trend.error *= sigma;
	return remaining_of(&trend, room);
}

static struct remaining remaining_plain(const struct twin *twin, size_t i)
{
	const struct signal *signal = &twin->signals[i];
	/* Beside a model, what is not modelled is an input: it follows the work. */
	if (twin->modelled || twin->history.rows < twin->fresh_row + OPERATING_ROWS)
		return no_end;
	struct trend trend = trend_fit(twin, series_value, i, twin->fresh_row);
	if (!trend.fitted || fabs(trend.slope) < 3 * TREND_T * trend.error)
		return no_end;
	return remaining_of(&trend, trend.slope > 0 ? signal->limits.high - trend.level : trend.level - signal->limits.low);
}

static struct remaining remaining_joint(const struct twin *twin)
{
	struct trend trend = trend_distance(twin);
	if (!(twin->active & 1u << DISTURBANCE_DRIFT) || !trend_significant(&trend) || trend.slope <= 0)
		return no_end;
	return remaining_of(&trend, DISTANCE_END - trend.level);
}

static struct remaining remaining_worst(const struct twin *twin)
{
	struct remaining worst = twin->joint ? remaining_joint(twin) : no_end;
	for (size_t i = 0; i < twin->count; i++) {
		const struct signal *signal = &twin->signals[i];
		if (!signal->limits.set || sensor_is_blamed(signal) || signal->rows_without > INPUT_HOLD_ROWS)
			continue;
		struct remaining one = signal->relation.modelled ? remaining_modelled(twin, i) : remaining_plain(twin, i);
		if (one.expected < worst.expected)
			worst = one;
	}
	return worst;
}

/* -- health ------------------------------------------------------------------------------ */

static double between_0_and_1(double value)
{
	return value > 1 ? 1 : value > 0 ? value : 0;
}

/* The share of the way to the bound, or to DISTANCE_END, that a deviation has not yet used. One sigma is free. */
static double signal_health(const struct signal *signal)
{
	if (signal->active & 1u << DISTURBANCE_BOUNDS)
		return 0;
	if (!signal->relation.modelled || !isfinite(signal->prediction) || fabs(signal->level) <= 1)
		return 1;
	double used = fabs(signal->level) - 1, room = DISTANCE_END - 1;
	if (signal->limits.set)
		room = (signal->level > 0 ? signal->limits.high - signal->prediction : signal->prediction - signal->limits.low) / signal->relation.sigma - 1;
	return room > 0 ? between_0_and_1(1 - used / room) : 0;
}

static double health_index(const struct twin *twin)
{
	double index = twin->joint ? between_0_and_1(1 - (twin->distance - 1) / (DISTANCE_END - 1)) : 1;
	for (size_t i = 0; i < twin->count; i++) {
		const struct signal *signal = &twin->signals[i];
		bool counts = !sensor_is_blamed(signal) && (!twin->joint || signal->limits.set);
		double health = counts ? signal_health(signal) : 1;
		index = health < index ? health : index;
	}
	return index;
}

double twin_predicted(const struct twin *twin, size_t i)
{
	CHECK(i < twin->count);
	const struct signal *signal = &twin->signals[i];
	return signal->relation.modelled && signal->started ? signal->prediction : (double)NAN;
}

static bool signal_is_stale(const struct twin *twin, const struct signal *signal)
{
	return signal->limits.deadline_ns && twin->now_ns - (signal->time_ns ? signal->time_ns : twin->start_ns) > signal->limits.deadline_ns;
}

static enum twin_health health_of(const struct twin *twin)
{
	bool any = twin->active != 0, machine = twin->active & 1u << DISTURBANCE_DRIFT;
	if (!twin->spoken)
		return any ? TWIN_WARNING : TWIN_UNKNOWN;
	if (twin->active & 1u << DISTURBANCE_SILENT)
		return TWIN_UNKNOWN;
	for (size_t i = 0; i < twin->count; i++) {
		const struct signal *signal = &twin->signals[i];
		any = any || signal->active || signal->drift_wait || signal->bounds_wait || signal_is_stale(twin, signal);
		for (unsigned kind = 1; kind < DISTURBANCE_KIND_END; kind++)
			machine = machine || ((signal->active >> kind & 1) && signal->diagnosis[kind] == DIAGNOSIS_MACHINE);
	}
	return machine ? TWIN_FAULT : any ? TWIN_WARNING : TWIN_GOOD;
}

void twin_view(const struct twin *twin, struct twin_view *out)
{
	struct remaining remaining = remaining_worst(twin);
	*out = (struct twin_view){
		.health = health_of(twin),
		.health_index = health_index(twin),
		.remaining_s = remaining.expected,
		.remaining_low_s = remaining.low,
		.remaining_high_s = remaining.high,
		.bounds_version = twin->bounds_version,
		.model_version = twin->model_version,
		.bounds_id = twin->bounds_id,
		.model_id = twin->model_id,
		.signal_count = twin->count,
	};
}

void twin_signal_view(const struct twin *twin, size_t i, struct twin_signal_view *out)
{
	CHECK(i < twin->count);
	const struct signal *signal = &twin->signals[i];
	bool modelled = signal->relation.modelled;
	*out = (struct twin_signal_view){
		.channel = signal->channel,
		.id = span_of_text(signal->id),
		.unit = span_of_text(signal->unit),
		.time_ns = signal->time_ns,
		.value = signal->value,
		.status = signal->status,
		.low = signal->limits.set ? signal->limits.low : (double)-INFINITY,
		.high = signal->limits.set ? signal->limits.high : (double)INFINITY,
		.modelled = modelled,
		.predicted = twin_predicted(twin, i),
		.sigma = modelled ? signal->relation.sigma : 0,
		.residual = signal->level,
		.age_ns = signal->time_ns && twin->now_ns > signal->time_ns ? twin->now_ns - signal->time_ns : 0,
		.stale = signal_is_stale(twin, signal),
	};
	if (signal->active)
		out->active = (enum disturbance_kind)__builtin_ctz(signal->active);
	else if (twin->active)
		out->active = twin->active & 1u << DISTURBANCE_DRIFT && fabs(signal->smooth) < 1 ? 0 : (enum disturbance_kind)__builtin_ctz(twin->active);
}
