/* What is wrong: the findings of one row, or of time that passed. */
#include "twin/observe.h"

struct step {
	struct twin *twin;
	struct twin_finding *findings;
	size_t count;
};

static bool is_active(uint32_t mask, enum disturbance_kind kind)
{
	return mask >> kind & 1;
}

/* NULL when the caller's array is full: the finding is then raised with the next row. */
static struct twin_finding *finding_add(struct step *step, enum disturbance_kind kind, int signal, struct text *why)
{
	struct twin *twin = step->twin;
	if (step->count == TWIN_FINDINGS_MAX)
		return NULL;
	struct twin_finding *finding = &step->findings[step->count++];
	*finding = (struct twin_finding){
		.kind = kind,
		.diagnosis = DIAGNOSIS_SENSOR,
		.signal = signal,
		.row_signal = signal < 0 ? 0 : (size_t)signal,
		.time_ns = twin->row_ns,
		.onset_ns = twin->row_ns,
		.seq = twin->seq,
	};
	*why = (struct text){.out = finding->explanation, .size = sizeof finding->explanation};
	if (signal < 0) {
		twin->active |= 1u << kind;
		twin->diagnosis[kind] = DIAGNOSIS_SENSOR;
	} else {
		twin->signals[signal].active |= 1u << kind;
		twin->signals[signal].diagnosis[kind] = DIAGNOSIS_SENSOR;
	}
	return finding;
}

static void finding_diagnose(struct step *step, struct twin_finding *finding, enum diagnosis diagnosis)
{
	finding->diagnosis = diagnosis;
	uint8_t *kept = finding->signal < 0 ? step->twin->diagnosis : step->twin->signals[finding->signal].diagnosis;
	kept[finding->kind] = (uint8_t)diagnosis;
}

/* Only a signal that nothing hides can be called faulty or sound. */
static void faulty_set(struct twin *twin, size_t i)
{
	uint32_t mask = 1u << DISTURBANCE_FROZEN | 1u << DISTURBANCE_SILENT | 1u << DISTURBANCE_MISSING;
	if (twin->signals[i].active & mask)
		twin->faulty |= signal_bit(i);
	else
		twin->faulty &= ~signal_bit(i);
}

/* An estimate needs no fractions of a second. */
static void onset_text(int64_t time_ns, char out[TIME_TEXT_SIZE])
{
	time_text(time_ns / NS_PER_S * NS_PER_S, out);
}

/* -- missing ------------------------------------------------------------------------- */

static bool missing_due(const struct signal *signal)
{
	uint32_t row = (1u << (MISSING_ROW_LIMIT + 1)) - 1;
	return (signal->missing_bits & row) == row || __builtin_popcount(signal->missing_bits) >= MISSING_WINDOW_LIMIT;
}

static bool missing_everywhere(const struct twin *twin)
{
	for (size_t i = 0; i < twin->count; i++)
		if (!missing_due(&twin->signals[i]))
			return false;
	return twin->count > 1;
}

static void missing_judge(struct step *step, size_t i)
{
	struct twin *twin = step->twin;
	struct signal *signal = &twin->signals[i];
	struct text why;
	int absent = __builtin_popcount(signal->missing_bits);
	if (is_active(signal->active, DISTURBANCE_MISSING)) {
		if (absent <= 1) {
			signal->active &= ~(1u << DISTURBANCE_MISSING);
			faulty_set(twin, i);
		}
		return;
	}
	if (!missing_due(signal) || is_active(signal->active, DISTURBANCE_SILENT) || is_active(twin->active, DISTURBANCE_MISSING))
		return;
	bool everywhere = missing_everywhere(twin);
	struct twin_finding *finding = finding_add(step, DISTURBANCE_MISSING, everywhere ? -1 : (int)i, &why);
	if (!finding)
		return;
	finding->value = absent;
	finding->expected = MISSING_WINDOW_LIMIT - 1;
	faulty_set(twin, i);
	const char *reason = signal->usable ? "missing" : wrangle_reason_name(signal->reason);
	text_add(&why, "%s: %d of the last %d values cannot be used (the latest: %s): sensor fault, check the sensor and its wiring",
		everywhere ? "all signals" : signal->id, absent, MISSING_WINDOW, reason);
}

/* -- frozen -------------------------------------------------------------------------- */

static bool run_is_frozen(const struct signal *signal, uint32_t length, double moves)
{
	double least = moves * signal->relation.sigma;
	if (least < 2 * signal->limits.resolution)
		least = 2 * signal->limits.resolution;
	return signal->relation.modelled && signal->run >= length && signal->run_high - signal->run_low > least;
}

static void frozen_raise(struct step *step, size_t i, bool stuck)
{
	struct twin *twin = step->twin;
	struct signal *signal = &twin->signals[i];
	struct text why;
	struct twin_finding *finding = finding_add(step, DISTURBANCE_FROZEN, (int)i, &why);
	if (!finding)
		return;
	bool moved = signal->relation.modelled && signal->run_high > signal->run_low;
	finding->value = signal->value;
	finding->expected = signal->relation.modelled && isfinite(signal->prediction) ? signal->prediction : signal->value;
	finding->by_model = !stuck;
	signal->thaw = 0;
	signal->drift_wait = 0;
	signal->up = signal->down = signal->smooth = signal->level = 0;
	faulty_set(twin, i);
	text_add(&why, "%s repeats %.6g %s", signal->id, signal->value, signal->unit);
	if (stuck)
		text_add(&why, " longer than its registration allows");
	else
		text_add(&why, " for %u readings", (unsigned)signal->run);
	if (moved)
		text_add(&why, " while the model (version %llu) moves from %.6g to %.6g", (unsigned long long)twin->model_version, signal->run_low,
			signal->run_high);
	text_add(&why, ": the sensor is frozen");
}

static void frozen_judge(struct step *step, size_t i)
{
	struct signal *signal = &step->twin->signals[i];
	if (!signal->usable)
		return;
	bool stuck = signal->reason == REASON_STUCK;
	if (is_active(signal->active, DISTURBANCE_FROZEN)) {
		if (!stuck && signal->thaw >= THAW_CHANGES) {
			signal->active &= ~(1u << DISTURBANCE_FROZEN);
			faulty_set(step->twin, i);
			signal_restart(step->twin, i, true);
		}
	} else if (stuck || run_is_frozen(signal, FROZEN_RUN, FROZEN_MOVE)) {
		frozen_raise(step, i, stuck);
	}
}

/* -- bounds -------------------------------------------------------------------------- */

static bool bits_persist(unsigned bits)
{
	return __builtin_popcount(bits) >= 2;
}

/* Back inside by the resolution and by the noise, for some time: one excursion is one finding. */
static void bounds_clear(struct signal *signal)
{
	const struct limits *limits = &signal->limits;
	double step = limits->resolution, noise = signal->relation.modelled ? 3 * signal->relation.sigma : 0;
	double quarter = (limits->high - limits->low) / 4;
	step = step < noise ? noise : step;
	step = step < quarter ? step : quarter;
	bool inside = signal->value <= limits->high - step && signal->value >= limits->low + step && !(signal->rate_bits & 1);
	signal->bounds_calm = inside ? signal->bounds_calm + 1 : 0;
	if (signal->bounds_calm >= CALM_ROWS)
		signal->active &= ~(1u << DISTURBANCE_BOUNDS);
}

static bool bounds_offend(const struct signal *signal)
{
	return signal->usable && ((signal->high_bits | signal->low_bits | signal->rate_bits) & 1);
}

static void bounds_explain(const struct twin *twin, const struct signal *signal, struct text *why)
{
	const struct offence *offence = &signal->offence;
	const char *unit = signal->unit, *is = bounds_offend(signal) ? "is" : "was";
	if (offence->kind == OFFENCE_RATE)
		text_add(why, "%s %s changing faster than %.6g %s a second (bounds version %llu): it reads %.6g %s", signal->id, is, signal->limits.rate,
			unit, (unsigned long long)twin->bounds_version, signal->value, unit);
	else
		text_add(why, "%s %s %s its bound of %.6g %s (bounds version %llu): it reads %.6g %s", signal->id, is,
			offence->kind == OFFENCE_HIGH ? "above" : "below", offence->expected, unit, (unsigned long long)twin->bounds_version,
			signal->value, unit);
	if (!bounds_offend(signal))
		text_add(why, ", read %.6g", offence->value);
}

static bool bounds_begin(const struct signal *signal)
{
	return bits_persist(signal->high_bits) || bits_persist(signal->low_bits) || bits_persist(signal->rate_bits);
}

static void bounds_judge(struct step *step, size_t i)
{
	struct twin *twin = step->twin;
	struct signal *signal = &twin->signals[i];
	if (!signal->limits.set || !signal->usable)
		return;
	if (is_active(signal->active, DISTURBANCE_BOUNDS)) {
		bounds_clear(signal);
		return;
	}
	if (!signal->bounds_wait && !bounds_begin(signal))
		return;
	uint64_t witnesses = diagnosis_witnesses(twin, i);
	const struct offence *offence = &signal->offence;
	bool rising = offence->kind == OFFENCE_HIGH || (offence->kind == OFFENCE_RATE && offence->value > offence->expected);
	uint64_t deviating = diagnosis_deviating(twin, i, rising, witnesses, history_last(twin, DRIFT_WAIT_ROWS));
	signal->bounds_wait++;
	/* An excursion that ends is told at once. */
	if (!deviating && witnesses && signal->bounds_wait <= BOUNDS_WAIT_ROWS && bounds_offend(signal))
		return;
	struct text why;
	struct twin_finding *finding = finding_add(step, DISTURBANCE_BOUNDS, (int)i, &why);
	if (!finding)
		return;
	finding->value = signal->value;
	finding->expected = offence->expected;
	bounds_explain(twin, signal, &why);
	finding_diagnose(step, finding, diagnosis_decide(twin, i, DISTURBANCE_BOUNDS, rising, witnesses, deviating, &why));
	signal->bounds_wait = signal->bounds_calm = 0;
}

/* -- drift --------------------------------------------------------------------------- */

static void drift_clear(struct signal *signal)
{
	signal->drift_calm = fabs(signal->smooth) < CALM_LEVEL ? signal->drift_calm + 1 : 0;
	if (signal->drift_calm < CALM_ROWS)
		return;
	signal->active &= ~(1u << DISTURBANCE_DRIFT);
	signal->up = signal->down = 0;
}

/* A slow drift gives the second signal as long as the first one took to be found. */
static void drift_begin(const struct twin *twin, struct signal *signal)
{
	bool up = signal->up > signal->down;
	signal->onset_row = up ? signal->up_row : signal->down_row;
	signal->onset_ns = up ? signal->up_ns : signal->down_ns;
	uint64_t took = twin->history.rows - signal->onset_row;
	signal->drift_window = took < DRIFT_WAIT_ROWS ? DRIFT_WAIT_ROWS : took > DRIFT_WAIT_ROWS_MAX ? DRIFT_WAIT_ROWS_MAX : (uint32_t)took;
	signal->drift_wait = 1;
	signal->drift_calm = 0;
}

static void drift_explain(const struct twin *twin, const struct signal *signal, struct text *why)
{
	char since[TIME_TEXT_SIZE];
	onset_text(signal->onset_ns, since);
	text_add(why, "%s reads %.5g %s, model version %llu predicts %.5g; on average %.1f sigma apart since about %s", signal->id, signal->value,
		signal->unit, (unsigned long long)twin->model_version, signal->prediction, fabs(signal->level), since);
}

static void drift_raise(struct step *step, size_t i, uint64_t witnesses, uint64_t deviating)
{
	struct twin *twin = step->twin;
	struct signal *signal = &twin->signals[i];
	struct text why;
	struct twin_finding *finding = finding_add(step, DISTURBANCE_DRIFT, (int)i, &why);
	if (!finding)
		return;
	finding->value = signal->value;
	finding->expected = signal->prediction;
	finding->onset_ns = signal->onset_ns;
	finding->by_model = true;
	drift_explain(twin, signal, &why);
	finding_diagnose(step, finding, diagnosis_decide(twin, i, DISTURBANCE_DRIFT, signal->up > signal->down, witnesses, deviating, &why));
	signal->drift_wait = 0;
}

static void drift_judge(struct step *step, size_t i)
{
	struct twin *twin = step->twin;
	struct signal *signal = &twin->signals[i];
	if (is_active(signal->active, DISTURBANCE_DRIFT)) {
		if (isfinite(signal->residual))
			drift_clear(signal);
		return;
	}
	double sum = signal->up > signal->down ? signal->up : signal->down;
	if (sum <= (signal->drift_wait ? CUSUM_LIMIT / 2 : CUSUM_LIMIT) || (twin->faulty & signal_bit(i)) || signal->suspended) {
		signal->drift_wait = 0;
		return;
	}
	if (!signal->drift_wait)
		drift_begin(twin, signal);
	else
		signal->drift_wait++;
	uint64_t witnesses = diagnosis_witnesses(twin, i);
	uint64_t deviating = diagnosis_deviating(twin, i, signal->up > signal->down, witnesses, signal->onset_row);
	bool plain = signal->drift_wait > DRIFT_WAIT_ROWS && fabs(signal->level) > PLAIN_LEVEL;
	if (!deviating && witnesses && signal->drift_wait <= signal->drift_window && !plain)
		return;
	/* The evidence must be a reading of this row, of a drift that is still there. */
	if (!isfinite(signal->residual) || fabs(signal->smooth) < CALM_LEVEL)
		return;
	if (run_is_frozen(signal, FROZEN_RUN_SUSPECT, FROZEN_MOVE / 2))
		frozen_raise(step, i, false);
	else
		drift_raise(step, i, witnesses, deviating);
}

/* -- constant baselines, together ----------------------------------------------------- */

static size_t joint_strongest(const struct twin *twin, uint64_t without)
{
	size_t best = TWIN_SIGNALS_MAX;
	for (size_t i = 0; i < twin->count; i++) {
		const struct signal *signal = &twin->signals[i];
		if (!signal->relation.modelled || (without & signal_bit(i)) || (twin->faulty & signal_bit(i)) || is_active(signal->active, DISTURBANCE_DRIFT))
			continue;
		if (best == TWIN_SIGNALS_MAX || fabs(signal->smooth) > fabs(twin->signals[best].smooth))
			best = i;
	}
	return best;
}

/* Mean square of the others, and whether it is still that of noise. */
static bool joint_rest_is_noise(const struct twin *twin, size_t best)
{
	double far = twin->signals[best].smooth, others = (double)(twin->joint_count - 1);
	double rest = (twin->joint_value * (double)twin->joint_count - far * far) / others;
	return rest < joint_limit(twin->joint_count - 1);
}

/* One signal left, the others are calm. */
static bool joint_alone(const struct twin *twin, size_t best)
{
	size_t next = joint_strongest(twin, signal_bit(best));
	return joint_rest_is_noise(twin, best) && fabs(twin->signals[best].smooth) > BASELINE_ALONE * fabs(twin->signals[next].smooth);
}

static void joint_raise(struct step *step, size_t best)
{
	struct twin *twin = step->twin;
	struct signal *strongest = &twin->signals[best];
	if (!strongest->good)
		return;
	bool alone = joint_alone(twin, best);
	struct text why;
	struct twin_finding *finding = finding_add(step, DISTURBANCE_DRIFT, (int)best, &why);
	if (!finding)
		return;
	char since[TIME_TEXT_SIZE];
	onset_text(twin->onset_ns, since);
	finding->value = strongest->value;
	finding->expected = strongest->prediction;
	finding->onset_ns = twin->onset_ns;
	finding->by_model = true;
	strongest->onset_row = twin->onset_row;
	strongest->onset_ns = twin->onset_ns;
	strongest->drift_calm = 0;
	twin->joint_calm = 0;
	if (alone) {
		text_add(&why, "%s alone left its baseline (model version %llu) since about %s: %.5g %s instead of %.5g; sensor fault, the other %zu signals are as predicted",
			strongest->id, (unsigned long long)twin->model_version, since, strongest->value, strongest->unit, strongest->prediction,
			twin->joint_count - 1);
		return;
	}
	/* It is the machine's drift, told of the signal that shows it most. */
	strongest->active &= ~(1u << DISTURBANCE_DRIFT);
	twin->active |= 1u << DISTURBANCE_DRIFT;
	finding->diagnosis = DIAGNOSIS_MACHINE;
	twin->diagnosis[DISTURBANCE_DRIFT] = DIAGNOSIS_MACHINE;
	text_add(&why, "%zu signals together leave their baselines (model version %llu) since about %s, most of all", twin->joint_count,
		(unsigned long long)twin->model_version, since);
	uint64_t named = 0;
	for (int rank = 0; rank < 3 && best != TWIN_SIGNALS_MAX; rank++) {
		text_add(&why, "%s %s %+.1f sigma", rank ? "," : "", twin->signals[best].id, twin->signals[best].level);
		named |= signal_bit(best);
		best = joint_strongest(twin, named);
	}
	text_add(&why, ": machine fault");
}

static void joint_judge(struct step *step)
{
	struct twin *twin = step->twin;
	for (size_t i = 0; i < twin->count; i++)
		if (is_active(twin->signals[i].active, DISTURBANCE_DRIFT) && isfinite(twin->signals[i].residual))
			drift_clear(&twin->signals[i]);
	if (is_active(twin->active, DISTURBANCE_DRIFT)) {
		twin->joint_calm = twin->joint_value < twin->joint_limit / 2 ? twin->joint_calm + 1 : 0;
		if (twin->joint_calm >= CALM_ROWS)
			twin->active &= ~(1u << DISTURBANCE_DRIFT);
		return;
	}
	twin->joint_over = twin->joint_value > twin->joint_limit && twin->joint_count >= BASELINE_SIGNALS_MIN ? twin->joint_over + 1 : 0;
	if (twin->joint_over < BASELINE_PERSIST)
		return;
	/* While one signal makes it all, the others get their time to follow. */
	size_t best = joint_strongest(twin, 0);
	if (!joint_rest_is_noise(twin, best) || twin->joint_over >= BASELINE_PERSIST + DRIFT_WAIT_ROWS)
		joint_raise(step, best);
}

/* -- silence --------------------------------------------------------------------------- */

static int64_t overdue_ns(const struct twin *twin, const struct signal *signal)
{
	int64_t since = signal->time_ns ? signal->time_ns : twin->start_ns;
	int64_t patience = signal->limits.deadline_ns;
	if (!twin->spoken && patience < STARTUP_GRACE_NS)
		patience = STARTUP_GRACE_NS;
	return since + patience;
}

static void silence_raise(struct step *step, int index, int64_t newest_ns, const char *id, int64_t deadline_ns)
{
	struct twin *twin = step->twin;
	struct text why;
	struct twin_finding *finding = finding_add(step, DISTURBANCE_SILENT, index, &why);
	if (!finding)
		return;
	double age = (double)(twin->now_ns - (newest_ns ? newest_ns : twin->start_ns)) / (double)NS_PER_S;
	double deadline = (double)deadline_ns / (double)NS_PER_S;
	finding->time_ns = finding->onset_ns = twin->now_ns;
	finding->value = age;
	finding->expected = deadline;
	if (index >= 0)
		faulty_set(twin, (size_t)index);
	text_add(&why, "%s: no reading for %.3g s, the deadline is %.3g s (bounds version %llu): check the sensor, its power and its connection", id,
		age, deadline, (unsigned long long)twin->bounds_version);
}

/* A signal is silent by itself only when the machine still spoke after the signal was overdue;
 * otherwise all will be overdue soon, and that is one finding. */
static void silence_judge(struct step *step)
{
	struct twin *twin = step->twin;
	int64_t newest_ns = 0, longest_ns = 0;
	bool all = true, together = false, any = false;
	for (size_t i = 0; i < twin->count; i++)
		if (twin->signals[i].time_ns > newest_ns)
			newest_ns = twin->signals[i].time_ns;
	for (size_t i = 0; i < twin->count; i++) {
		struct signal *signal = &twin->signals[i];
		if (!signal->limits.deadline_ns)
			continue;
		any = true;
		int64_t due_ns = overdue_ns(twin, signal);
		if (twin->now_ns <= due_ns) {
			all = false;
			continue;
		}
		if (signal->limits.deadline_ns > longest_ns)
			longest_ns = signal->limits.deadline_ns;
		bool excused = is_active(signal->active, DISTURBANCE_SILENT) || is_active(signal->active, DISTURBANCE_MISSING);
		if (newest_ns <= due_ns)
			together = true;
		else if (!excused && !is_active(twin->active, DISTURBANCE_MISSING))
			silence_raise(step, (int)i, signal->time_ns, signal->id, signal->limits.deadline_ns);
	}
	if (any && all && together && !is_active(twin->active, DISTURBANCE_SILENT))
		silence_raise(step, -1, newest_ns, "the whole machine", longest_ns);
}

/* The machine speaks again. What it left out together is not told once more for each signal. */
static void silence_clear(struct twin *twin)
{
	bool speaks = false;
	for (size_t i = 0; i < twin->count; i++)
		speaks = speaks || twin->signals[i].usable;
	if (speaks && is_active(twin->active, DISTURBANCE_MISSING))
		for (size_t i = 0; i < twin->count; i++)
			twin->signals[i].missing_bits &= 1;
	if (speaks)
		twin->active &= ~(1u << DISTURBANCE_SILENT | 1u << DISTURBANCE_MISSING);
	for (size_t i = 0; i < twin->count; i++) {
		if (!twin->signals[i].usable)
			continue;
		if (is_active(twin->signals[i].active, DISTURBANCE_SILENT)) {
			twin->signals[i].active &= ~(1u << DISTURBANCE_SILENT);
			faulty_set(twin, i);
		}
	}
}

void twin_row(struct twin *twin, uint64_t seq, const struct wrangle_row *row, struct twin_finding *findings, size_t *count)
{
	struct step step = {.twin = twin, .findings = findings};
	*count = 0;
	if (!twin_observe(twin, seq, row))
		return;
	silence_clear(twin);
	for (size_t i = 0; i < twin->count; i++) {
		missing_judge(&step, i);
		frozen_judge(&step, i);
		bounds_judge(&step, i);
		if (twin->signals[i].relation.modelled && !twin->joint)
			drift_judge(&step, i);
	}
	if (twin->joint)
		joint_judge(&step);
	silence_judge(&step);
	*count = step.count;
}

void twin_tick(struct twin *twin, int64_t now_ns, struct twin_finding *findings, size_t *count)
{
	struct step step = {.twin = twin, .findings = findings};
	if (now_ns < -TIME_REACH_NS || now_ns > TIME_REACH_NS)
		now_ns = twin->now_ns;
	if (!twin->start_ns)
		twin->start_ns = now_ns;
	if (now_ns > twin->now_ns)
		twin->now_ns = now_ns;
	silence_judge(&step);
	*count = step.count;
}
