/* Calibration. docs/twin.md, section "Calibration". */
#include "twin/state.h"

#include <stdlib.h>

enum {
	CALIBRATION_ROWS_MIN = 40,
	CALIBRATION_ROWS = 1024,      /* without a drift: the newest so many */
	BLOCK_ROWS = 10,              /* rows go block by block to the fit, the fit, the held-out set */
	BLOCKS_PERIOD = 3,
	POLES = 5,
};
#define ERROR_FALL 0.9        /* the error must fall at least to this share */
#define MOVING_SIGMA 2.0      /* a drift that moves more within the rows is fitted on fewer, newer ones */
#define GAIN_SPREAD 0.05      /* prior standard deviation: a sensor's gain is off by a few per cent */
#define GAIN_SHARE_MAX 0.5    /* and never by more */
#define BIAS_SPREAD 100.0     /* sigma */
#define GAIN_T 3.0            /* standard errors below which the gain stays */
#define TIME_SPREAD 10.0      /* sigma that a drift may move over the rows */
#define MACHINE_SPREAD 10.0   /* sigma of change in the drive by one parameter */
#define MACHINE_SHARE 0.2     /* of its old value */
#define MACHINE_REACH 3.0     /* spreads that a parameter may move at most */

struct row {
	uint64_t index;
	double value, x;              /* measured; predicted state */
	bool held_out;
};

struct rows {
	struct row *rows;
	size_t count, fitted, held_out;
};

bool solve(size_t count, double a[SOLVE_MAX][SOLVE_MAX], double b[SOLVE_MAX])
{
	/* Cholesky: a becomes its lower factor. */
	for (size_t j = 0; j < count; j++) {
		for (size_t i = j; i < count; i++) {
			double sum = a[i][j];
			for (size_t k = 0; k < j; k++)
				sum -= a[i][k] * a[j][k];
			if (i == j && !(sum > 0))
				return false;
			a[i][j] = i == j ? sqrt(sum) : sum / a[j][j];
		}
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++)
			b[i] -= a[i][k] * b[k];
		b[i] /= a[i][i];
	}
	for (size_t i = count; i-- > 0;) {
		for (size_t k = i + 1; k < count; k++)
			b[i] -= a[k][i] * b[k];
		b[i] /= a[i][i];
	}
	return true;
}

/* Rows since the onset, good ones with a prediction of the present model; while a drift still
 * moves only the newest, over which it moved little. */
static uint64_t rows_begin(const struct twin *twin, const struct signal *signal, size_t i, enum diagnosis diagnosis)
{
	uint64_t from = signal->residual_from;
	if (signal_drifts(signal))
		from = signal->onset_row > from ? signal->onset_row : from;
	else
		from = history_last(twin, CALIBRATION_ROWS) > from ? history_last(twin, CALIBRATION_ROWS) : from;
	from = history_from(twin, from);
	if (diagnosis != DIAGNOSIS_SENSOR)
		return from;
	struct trend trend = trend_fit(twin, series_residual, i, from);
	if (!trend_significant(&trend))
		return from;
	while (twin->history.rows - from > CALIBRATION_ROWS_MIN) {
		double span_s = (double)(twin->row_ns - history_time(twin, from)) / (double)NS_PER_S;
		if (fabs(trend.slope) * span_s <= MOVING_SIGMA)
			break;
		uint64_t rest = (twin->history.rows - from) * 3 / 4;
		from = twin->history.rows - (rest > CALIBRATION_ROWS_MIN ? rest : CALIBRATION_ROWS_MIN);
	}
	return from;
}

static void rows_gather(const struct twin *twin, size_t i, uint64_t from, struct rows *out)
{
	const struct signal *signal = &twin->signals[i];
	const struct relation *relation = &signal->relation;
	out->rows = memory_new_array((size_t)(twin->history.rows - from) + 1, sizeof *out->rows);
	for (uint64_t index = from; index < twin->history.rows; index++) {
		double value = history_value(twin, index, i), residual = history_residual(twin, index, i);
		if (!isfinite(value) || !isfinite(residual))
			continue;
		bool held_out = out->count / BLOCK_ROWS % BLOCKS_PERIOD == BLOCKS_PERIOD - 1;
		double x = (value - residual * relation->sigma - relation->bias) / relation->gain;
		out->rows[out->count++] = (struct row){.index = index, .value = value, .x = x, .held_out = held_out};
		out->fitted += !held_out;
		out->held_out += held_out;
	}
}

/* RMS of (value - gain * x - bias) / sigma over the held-out rows, or the others. */
static double rows_error(const struct rows *rows, const struct relation *relation, bool held_out)
{
	double squares = 0;
	size_t count = 0;
	for (size_t k = 0; k < rows->count; k++) {
		const struct row *row = &rows->rows[k];
		if (row->held_out != held_out)
			continue;
		double r = (row->value - relation->gain * row->x - relation->bias) / relation->sigma;
		squares += r * r;
		count++;
	}
	return count ? sqrt(squares / (double)count) : 0;
}

static double limited(double value, double reach)
{
	return value > reach ? reach : value < -reach ? -reach : value;
}

/* How far the gain must turn, about the mean of x, so that a plain offset leaves it alone. Time is a
 * regressor beside it: a bias that moves while the machine heats up is no wrong gain. */
static double gain_turn(const struct rows *rows, const struct relation *relation, double mean_x, double mean_time, double offset)
{
	double a[SOLVE_MAX][SOLVE_MAX] = {{0}}, b[SOLVE_MAX] = {0}, unit[SOLVE_MAX] = {1};
	double sigma2 = relation->sigma * relation->sigma, length = (double)rows->count, spread = GAIN_SPREAD * relation->gain;
	for (size_t k = 0; k < rows->count; k++) {
		const struct row *row = &rows->rows[k];
		if (row->held_out)
			continue;
		double x = row->x - mean_x, time = ((double)k - mean_time) / length;
		double off = row->value - relation->gain * row->x - relation->bias - offset;
		a[0][0] += x * x / sigma2;
		a[1][0] += x * time / sigma2;
		a[1][1] += time * time / sigma2;
		b[0] += x * off / sigma2;
		b[1] += time * off / sigma2;
	}
	a[0][0] += 1 / (spread * spread);
	a[1][1] += 1 / (TIME_SPREAD * TIME_SPREAD * sigma2);
	double factor[SOLVE_MAX][SOLVE_MAX];
	memcpy(factor, a, sizeof a);
	/* The first unit vector gives the variance of the turn. */
	if (!solve(2, a, b) || !solve(2, factor, unit) || fabs(b[0]) < GAIN_T * sqrt(unit[0]))
		return 0;
	return limited(b[0], GAIN_SHARE_MAX * fabs(relation->gain));
}

static void sensor_fit(const struct rows *rows, struct relation *relation)
{
	double mean = 0, mean_time = 0, offset = 0, count = (double)rows->fitted;
	for (size_t k = 0; k < rows->count; k++) {
		const struct row *row = &rows->rows[k];
		if (row->held_out)
			continue;
		mean += row->x / count;
		mean_time += (double)k / count;
		offset += (row->value - relation->gain * row->x - relation->bias) / count;
	}
	double old_gain = relation->gain;
	double ridge = count / (count + 1 / (BIAS_SPREAD * BIAS_SPREAD));
	relation->gain = round_figures(old_gain + gain_turn(rows, relation, mean, mean_time, offset));
	relation->bias = round_figures(relation->bias + limited(offset * ridge, BIAS_SPREAD * relation->sigma) - (relation->gain - old_gain) * mean);
}

/* -- the machine's parameters ---------------------------------------------------------- */

/* The drive's parts passed through the pole: x is linear in offset, coefficients and first state. */
struct filter {
	size_t count;                 /* unknowns: offset, coefficients, and the first state if there is a pole */
	double state[SOLVE_MAX];
	double held[TWIN_SIGNALS_MAX + 1];
	uint64_t next;
};

static void filter_begin(const struct twin *twin, const struct relation *relation, uint64_t from, struct filter *out)
{
	*out = (struct filter){.count = 1 + relation->feature_count + (relation->pole > 0), .next = from};
	memcpy(out->held, twin->held, sizeof out->held);
	if (relation->pole > 0)
		out->state[out->count - 1] = 1;
}

/* Up to and with row `to`. */
static void filter_run(const struct twin *twin, const struct relation *relation, uint64_t first, uint64_t to, struct filter *filter)
{
	for (; filter->next <= to; filter->next++) {
		uint64_t row = filter->next;
		double keep = 0;
		if (relation->pole > 0)
			keep = row > first ? exp(relation->log_pole * (double)(history_time(twin, row) - history_time(twin, row - 1)) / (double)NS_PER_S) : 1;
		for (size_t f = 0; f < relation->feature_count; f++) {
			const struct feature *feature = &relation->features[f];
			for (int side = 0; side < 2; side++) {
				size_t input = side ? feature->second : feature->first;
				if (input != NO_SIGNAL && isfinite(history_value(twin, row, input)))
					filter->held[input] = history_value(twin, row, input);
			}
			double drive = filter->held[feature->first] * filter->held[feature->second];
			filter->state[1 + f] = keep * filter->state[1 + f] + (1 - keep) * drive;
		}
		filter->state[0] = keep * filter->state[0] + (1 - keep);
		if (relation->pole > 0)
			filter->state[filter->count - 1] *= keep;
	}
}

static double filter_state(const struct filter *filter, const double *unknowns)
{
	double x = 0;
	for (size_t u = 0; u < filter->count; u++)
		x += unknowns[u] * filter->state[u];
	return x;
}

static void unknowns_old(const struct relation *relation, const struct rows *rows, double *out)
{
	out[0] = relation->offset;
	for (size_t f = 0; f < relation->feature_count; f++)
		out[1 + f] = relation->features[f].coefficient;
	if (relation->pole > 0)
		out[1 + relation->feature_count] = rows->rows[0].x;
}

/* Ridge regression about the old parameters, for one pole. unknowns: old in, new out. */
static bool machine_solve(const struct twin *twin, const struct rows *rows, const struct relation *relation, double *unknowns)
{
	double a[SOLVE_MAX][SOLVE_MAX] = {{0}}, b[SOLVE_MAX] = {0}, power[SOLVE_MAX] = {0};
	double sigma = relation->sigma / fabs(relation->gain);
	struct filter filter;
	uint64_t first = rows->rows[0].index;
	filter_begin(twin, relation, first, &filter);
	for (size_t k = 0; k < rows->count; k++) {
		const struct row *row = &rows->rows[k];
		filter_run(twin, relation, first, row->index, &filter);
		if (row->held_out)
			continue;
		double off = ((row->value - relation->bias) / relation->gain - filter_state(&filter, unknowns)) / sigma;
		for (size_t u = 0; u < filter.count; u++) {
			power[u] += filter.state[u] * filter.state[u] / (double)rows->fitted;
			b[u] += filter.state[u] / sigma * off;
			for (size_t v = 0; v <= u; v++)
				a[u][v] += filter.state[u] * filter.state[v] / (sigma * sigma);
		}
	}
	double reach[SOLVE_MAX];
	for (size_t u = 0; u < filter.count; u++) {
		double spread = MACHINE_SPREAD * sigma / (sqrt(power[u]) + 1e-12) + MACHINE_SHARE * fabs(unknowns[u]);
		a[u][u] += 1 / (spread * spread);
		reach[u] = MACHINE_REACH * spread;
	}
	if (!solve(filter.count, a, b))
		return false;
	for (size_t u = 0; u < filter.count; u++)
		unknowns[u] = round_figures(unknowns[u] + limited(b[u], reach[u]));
	return true;
}

/* Put the state that the unknowns predict into the rows. */
static void machine_predict(const struct twin *twin, struct rows *rows, const struct relation *relation, const double *unknowns)
{
	struct filter filter;
	uint64_t first = rows->rows[0].index;
	filter_begin(twin, relation, first, &filter);
	for (size_t k = 0; k < rows->count; k++) {
		filter_run(twin, relation, first, rows->rows[k].index, &filter);
		rows->rows[k].x = filter_state(&filter, unknowns);
	}
}

static void machine_fit(const struct twin *twin, struct rows *rows, struct relation *relation)
{
	static const double factors[POLES] = {1, 0.5, 0.7071, 1.4142, 2}; /* of the time constant */
	struct relation best = *relation;
	double best_unknowns[SOLVE_MAX], best_error = INFINITY;
	double old[SOLVE_MAX];
	unknowns_old(relation, rows, old);
	memcpy(best_unknowns, old, sizeof old);
	for (size_t p = 0; p < (relation->pole > 0 ? POLES : 1); p++) {
		struct relation trial = *relation;
		double unknowns[SOLVE_MAX];
		memcpy(unknowns, old, sizeof old);
		if (p > 0) {
			trial.pole = round_figures(exp(relation->log_pole / factors[p]));
			trial.log_pole = log(trial.pole);
		}
		if (!(trial.pole < 1) || !machine_solve(twin, rows, &trial, unknowns))
			continue;
		machine_predict(twin, rows, &trial, unknowns);
		double error = rows_error(rows, &trial, false);
		/* Another time constant must be worth it. */
		if (error < (p ? 0.98 : 1) * best_error) {
			best = trial;
			best_error = error;
			memcpy(best_unknowns, unknowns, sizeof unknowns);
		}
	}
	best.offset = best_unknowns[0];
	for (size_t f = 0; f < best.feature_count; f++)
		best.features[f].coefficient = best_unknowns[1 + f];
	machine_predict(twin, rows, &best, best_unknowns);
	*relation = best;
}

/* -- the candidate ------------------------------------------------------------------------ */

static bool candidate_put(struct twin *twin, const struct signal *signal, const char *word, int known, double value, double otherwise)
{
	if (known >= 0) {
		twin->candidate.values[known] = value;
		return true;
	}
	if (value == otherwise)
		return true;
	char text[BODY_TEXT_MAX + 16];
	struct text name = {.out = text, .size = sizeof text};
	text_add(&name, "%s.%s", signal->id, word);
	return parameters_put(&twin->candidate, span_of_text(text), value);
}

static bool candidate_make(struct twin *twin, const struct signal *signal, const struct relation *relation)
{
	struct parameters *candidate = &twin->candidate;
	parameters_free(candidate);
	for (size_t p = 0; p < twin->model.count; p++) {
		candidate->names[p] = memory_text(span_of_text(twin->model.names[p]));
		candidate->values[p] = twin->model.values[p];
	}
	candidate->count = twin->model.count;
	for (size_t f = 0; f < relation->feature_count; f++)
		candidate->values[relation->features[f].parameter] = relation->features[f].coefficient;
	/* Known parameters first: a new name moves the indices behind it. */
	const char *words[] = {"pole", "offset", "gain", "bias"};
	double values[] = {relation->pole, relation->offset, relation->gain, relation->bias};
	double defaults[] = {0, 0, 1, 0};
	bool fits = true;
	for (int pass = 0; pass < 2; pass++)
		for (size_t k = 0; k < 4; k++)
			if ((relation->parameters[k] >= 0) == (pass == 0))
				fits = candidate_put(twin, signal, words[k], relation->parameters[k], values[k], defaults[k]) && fits;
	return fits;
}

static void calibration_explain(const struct signal *signal, const struct relation *old, const struct relation *new, bool sensor,
	struct calibration *out)
{
	struct text why = {.out = out->explanation, .size = sizeof out->explanation};
	if (sensor)
		text_add(&why, "%s: gain %.4g to %.4g, bias %.4g to %.4g %s", signal->id, old->gain, new->gain, old->bias, new->bias, signal->unit);
	else
		text_add(&why, "%s: machine parameters, offset %.4g to %.4g, pole %.5g to %.5g", signal->id, old->offset, new->offset, old->pole, new->pole);
	text_add(&why, "; error on %zu held-out readings %.2f to %.2f sigma: %s", out->held_out_rows, out->error_before, out->error_after,
		out->accepted ? "accepted" : "refused, it must fall by 10 %");
}

enum status twin_calibrate(struct twin *twin, size_t i, enum diagnosis diagnosis, struct calibration *out)
{
	*out = (struct calibration){0};
	struct text why = {.out = out->explanation, .size = sizeof out->explanation};
	if (i >= twin->count || !twin->signals[i].relation.modelled) {
		text_add(&why, "there is no model of this signal to calibrate");
		return E_NOT_FOUND;
	}
	struct signal *signal = &twin->signals[i];
	if (twin->faulty & signal_bit(i)) {
		text_add(&why, "%s gives no usable readings: inspect or replace the sensor", signal->id);
		return E_LIMIT;
	}
	struct rows rows = {0};
	bool sensor = diagnosis == DIAGNOSIS_SENSOR;
	rows_gather(twin, i, rows_begin(twin, signal, i, diagnosis), &rows);
	if (rows.count < CALIBRATION_ROWS_MIN) {
		text_add(&why, "%s: %zu good readings since the drift began, %d are needed", signal->id, rows.count, CALIBRATION_ROWS_MIN);
		free(rows.rows);
		return E_LIMIT;
	}
	struct relation relation = signal->relation;
	out->fitted_rows = rows.fitted;
	out->held_out_rows = rows.held_out;
	out->error_before = rows_error(&rows, &relation, true);
	if (sensor)
		sensor_fit(&rows, &relation);
	else
		machine_fit(twin, &rows, &relation);
	out->error_after = rows_error(&rows, &relation, true);
	free(rows.rows);
	out->accepted = out->error_after <= ERROR_FALL * out->error_before;
	calibration_explain(signal, &signal->relation, &relation, sensor, out);
	if (!candidate_make(twin, signal, &relation)) {
		text_add(&why, "%s: the model has no room for another parameter", signal->id);
		out->accepted = false;
		return E_LIMIT;
	}
	parameters_body(&twin->candidate, twin->model_version + 1, "calibration", &out->model);
	out->model.error_before = decimal_of(round_figures(out->error_before));
	out->model.error_after = decimal_of(round_figures(out->error_after));
	return OK;
}
