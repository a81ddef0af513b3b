/* One row becomes values, predictions and residuals; nothing is judged here. */
#include "twin/observe.h"

static bool reason_is_live(unsigned reason)
{
	return reason != REASON_LATE && reason != REASON_FUTURE && reason != REASON_DUPLICATE;
}

/* Back-filled rows and rows from the future raise no alarms and do not move the state. */
static bool row_is_live(const struct twin *twin, const struct wrangle_row *row)
{
	if ((twin->spoken && row->time_ns < twin->row_ns) || row->time_ns < -TIME_REACH_NS || row->time_ns > TIME_REACH_NS)
		return false;
	for (size_t i = 0; i < twin->count; i++)
		if (reason_is_live(row->reason[i]))
			return true;
	return false;
}

/* One bit per slot in which a value was due. A signal slower than the rows is not due in each of them, and
 * a value that comes in a later row of the same slot fills it. */
static void missing_note(struct signal *signal, int64_t time_ns)
{
	int64_t elapsed_ns = signal->slot_ns ? time_ns - signal->slot_ns : INT64_MAX;
	if (signal->usable && elapsed_ns < signal->period_ns / 2) {
		signal->missing_bits &= ~1u;
		signal->slot_ns = time_ns;
		return;
	}
	if (!signal->usable && elapsed_ns < signal->period_ns / 4 * 3)
		return;
	signal->missing_bits = (signal->missing_bits << 1 | !signal->usable) & ((1u << MISSING_WINDOW) - 1);
	signal->slot_ns = time_ns;
}

static void run_note(struct signal *signal)
{
	if (signal->raw == signal->run_raw) {
		signal->run++;
		return;
	}
	signal->run_raw = signal->raw;
	signal->run = 1;
	signal->thaw++;
	signal->run_low = INFINITY;
	signal->run_high = -INFINITY;
}

static void limits_compare(struct signal *signal)
{
	const struct limits *limits = &signal->limits;
	double value = signal->value;
	bool high = value > limits->high, low = value < limits->low, rate = false;
	double reach = 0;
	if (limits->rate > 0 && signal->before_ns && signal->time_ns > signal->before_ns) {
		reach = limits->rate * (double)(signal->time_ns - signal->before_ns) / (double)NS_PER_S + limits->resolution;
		rate = fabs(value - signal->before) > reach;
	}
	signal->high_bits = (uint8_t)((signal->high_bits << 1 | high) & 7);
	signal->low_bits = (uint8_t)((signal->low_bits << 1 | low) & 7);
	signal->rate_bits = (uint8_t)((signal->rate_bits << 1 | rate) & 7);
	if (!high && !low && !rate)
		return;
	signal->offence = (struct offence){
		.kind = high ? OFFENCE_HIGH : low ? OFFENCE_LOW : OFFENCE_RATE,
		.value = value,
		.expected = high ? limits->high : low ? limits->low : value > signal->before ? signal->before + reach : signal->before - reach,
	};
}

static void signal_take(struct twin *twin, size_t i, const struct wrangle_row *row)
{
	struct signal *signal = &twin->signals[i];
	signal->usable = signal->good = false;
	signal->status = row->status[i];
	signal->reason = row->reason[i];
	if (!reason_is_live(row->reason[i]))
		return;
	double value = row->raw[i] * signal->scale + signal->shift;
	signal->usable = !status_is_bad(row->status[i]) && isfinite(value);
	signal->good = signal->usable && status_is_good(row->status[i]);
	missing_note(signal, row->time_ns);
	if (!signal->usable) {
		if (signal->rows_without < UINT32_MAX)
			signal->rows_without++;
		if (signal->rows_without > INPUT_HOLD_ROWS)
			twin->known &= ~signal_bit(i);
		return;
	}
	signal->rows_without = 0;
	signal->before = signal->value;
	signal->before_ns = signal->time_ns;
	signal->value = value;
	signal->raw = row->raw[i];
	signal->time_ns = row->time_ns;
	twin->held[i] = value;
	twin->known |= signal_bit(i);
	run_note(signal);
	if (signal->limits.set)
		limits_compare(signal);
}

static double clamp(double value, double limit)
{
	return value > limit ? limit : value < -limit ? -limit : value;
}

static void cusum_step(double *sum, double excess, uint64_t *onset_row, int64_t *onset_ns, uint64_t row, int64_t time_ns)
{
	if (*sum == 0) {
		*onset_row = row;
		*onset_ns = time_ns;
	}
	double next = *sum + excess - CUSUM_SLACK;
	*sum = next > 0 ? next : 0;
	if (*sum > 2 * CUSUM_LIMIT)
		*sum = 2 * CUSUM_LIMIT;
}

static void signal_score(struct signal *signal, uint64_t row)
{
	signal->residual = (signal->value - signal->prediction) / signal->relation.sigma;
	double r = clamp(signal->residual, RESIDUAL_CLAMP);
	signal->smooth += SMOOTHING * (r - signal->smooth);
	signal->level += SMOOTHING * (clamp(signal->residual, LEVEL_CLAMP) - signal->level);
	cusum_step(&signal->up, r, &signal->up_row, &signal->up_ns, row, signal->time_ns);
	cusum_step(&signal->down, -r, &signal->down_row, &signal->down_ns, row, signal->time_ns);
}

static void signal_predict(struct twin *twin, struct signal *signal)
{
	const struct relation *relation = &signal->relation;
	signal->residual = (double)NAN;
	signal->suspended = (relation->inputs & ~twin->known) || (relation->inputs & twin->faulty);
	if (signal->suspended) {
		signal->prediction = (double)NAN;
		signal->started = false;
		return;
	}
	bool measured = signal->good && !(signal->active & 1u << DISTURBANCE_FROZEN);
	double drive = relation_drive(relation, twin->held);
	if (relation->pole == 0) {
		signal->x = drive;
		signal->warm = WARM_UP_ROWS;
		signal->started = true;
	} else if (signal->started) {
		signal->x = drive + (signal->x - drive) * signal->factor;
	} else if (measured) {
		signal->x = (signal->value - relation->bias) / relation->gain;
		signal->warm = 0;
		signal->started = true;
	} else {
		signal->prediction = (double)NAN;
		return;
	}
	signal->prediction = relation->gain * signal->x + relation->bias;
	if (!isfinite(signal->prediction)) {
		signal->prediction = (double)NAN;
		signal->started = false;
		return;
	}
	if (!measured)
		return;
	if (signal->warm < WARM_UP_ROWS) {
		signal->warm++;
		signal->x += (signal->value - signal->prediction) / relation->gain / signal->warm;
		return;
	}
	signal_score(signal, twin->history.rows);
}

static void factors_set(struct twin *twin, int64_t elapsed_ns)
{
	bool gap = twin->period_ns && elapsed_ns / GAP_FACTOR > twin->period_ns;
	if (!gap && elapsed_ns > 0)
		twin->period_ns += twin->period_ns ? (elapsed_ns - twin->period_ns) / 8 : elapsed_ns;
	if (elapsed_ns == twin->factor_ns && !gap)
		return;
	twin->factor_ns = elapsed_ns;
	for (size_t i = 0; i < twin->count; i++) {
		struct signal *signal = &twin->signals[i];
		if (!signal->relation.modelled || signal->relation.pole == 0)
			continue;
		signal->factor = exp(signal->relation.log_pole * (double)elapsed_ns / (double)NS_PER_S);
		if (gap)
			signal->started = false;
	}
}

static void prediction_range_note(struct signal *signal)
{
	if (signal->prediction < signal->run_low)
		signal->run_low = signal->prediction;
	if (signal->prediction > signal->run_high)
		signal->run_high = signal->prediction;
}

/* The squared averaged residual, in the mean of all signals: constant baselines are judged together. */
static void joint_measure(struct twin *twin)
{
	double sum = 0, far = 0;
	size_t count = 0;
	for (size_t i = 0; i < twin->count; i++) {
		const struct signal *signal = &twin->signals[i];
		if (!signal->relation.modelled || signal->suspended || (twin->faulty & signal_bit(i)) || (signal->active & 1u << DISTURBANCE_DRIFT))
			continue;
		sum += signal->smooth * signal->smooth;
		far += signal->level * signal->level;
		count++;
	}
	if (count != twin->joint_count) {
		twin->joint_count = count;
		twin->joint_limit = count ? joint_limit(count) : INFINITY;
	}
	twin->joint_value = count ? sum / (double)count : 0;
	twin->distance = count ? sqrt(far / (double)count) : 0;
	if (twin->joint_value < twin->joint_limit / 2) {
		twin->onset_row = twin->history.rows;
		twin->onset_ns = twin->row_ns;
	}
}

bool twin_observe(struct twin *twin, uint64_t seq, const struct wrangle_row *row)
{
	CHECK(twin->units_known);
	if (!row_is_live(twin, row))
		return false;
	int64_t elapsed_ns = twin->spoken ? row->time_ns - twin->row_ns : 0;
	if (!twin->spoken)
		twin->start_ns = row->time_ns;
	twin->spoken = true;
	twin->row_ns = row->time_ns;
	twin->seq = seq;
	if (row->time_ns > twin->now_ns)
		twin->now_ns = row->time_ns;
	for (size_t i = 0; i < twin->count; i++)
		signal_take(twin, i, row);
	factors_set(twin, elapsed_ns);
	for (size_t i = 0; i < twin->count; i++) {
		struct signal *signal = &twin->signals[i];
		if (!signal->relation.modelled)
			continue;
		signal_predict(twin, signal);
		prediction_range_note(signal);
	}
	if (twin->joint)
		joint_measure(twin);
	history_push(twin, row->time_ns);
	return true;
}
