/* The insides of a twin, shared by the files of this room only. Every constant of detection stands
 * here; docs/twin.md says why it has its value. */
#ifndef TALLY_TWIN_STATE_H
#define TALLY_TWIN_STATE_H

#include "base/buffer.h"
#include "base/time.h"
#include "twin/calibration.h"
#include "twin/scheduling.h"
#include "twin/twin.h"

#include <math.h>

enum {
	FEATURES_MAX = 8,             /* of one signal */
	NO_SIGNAL = TWIN_SIGNALS_MAX, /* the second factor of a feature that is no product: always 1 */
	WARM_UP_ROWS = 20,            /* the observer settles on the mean of so many rows */
	INPUT_HOLD_ROWS = 3,          /* a missing input keeps its last value so long */
	GAP_FACTOR = 20,              /* a pause of so many usual periods: the state is unknown */
	BOUNDS_WAIT_ROWS = 5,         /* before the diagnosis of a crossed bound */
	DRIFT_WAIT_ROWS = 20,         /* before the diagnosis of a drift, at least, */
	DRIFT_WAIT_ROWS_MAX = 100,    /* and at most */
	CALM_ROWS = 20,               /* quiet rows that clear a drift */
	FROZEN_RUN = 16,              /* equal raw values while the prediction moves */
	FROZEN_RUN_SUSPECT = 8,       /* a drift with such a run is a frozen sensor */
	THAW_CHANGES = 3,             /* changes of the raw value that clear it */
	MISSING_ROW_LIMIT = 3,        /* more in a row are reported, */
	MISSING_WINDOW = 20,          /* or from */
	MISSING_WINDOW_LIMIT = 5,     /* on in the window */
	BASELINE_SIGNALS_MIN = 3,     /* a constant model of so many signals is judged as one */
	BASELINE_ROWS = 20,           /* for commissioning */
	BASELINE_PERSIST = 3,
	TREND_ROWS = 1024,            /* at most, for a fit */
	TREND_BLOCKS = 32,
	OPERATING_ROWS = 256,         /* "lately": where the worst operating point is looked for */
};

#define CUSUM_SLACK 1.0       /* sigma */
#define CUSUM_LIMIT 25.0
#define RESIDUAL_CLAMP 4.0    /* for decisions: no single reading proves a drift */
#define LEVEL_CLAMP 100.0     /* for what is shown */
#define SMOOTHING 0.1         /* weight of the newest residual in both averages */
#define CALM_LEVEL 0.75       /* smoothed residual below which a drift is over */
#define WITNESS_LEVEL 1.25    /* change of the smoothed residual that says "I deviate too" */
#define WITNESS_T 3.0         /* or of the mean residual since the onset, by so many standard errors */
#define WITNESS_MEAN 0.25     /* that is at least so large */
#define PLAIN_LEVEL 6.0       /* a drift so large needs no longer window */
#define FROZEN_MOVE 4.0       /* sigma that the prediction moves */
#define BASELINE_QUANTILE 6.0 /* of the normal distribution */
#define BASELINE_ALONE 2.0    /* times as far as the next signal, the rest calm: that sensor */
#define DISTANCE_END 4.0      /* without bounds: root mean square of the deviations that is called the end */
#define TIME_REACH_NS (INT64_MAX / 2) /* 146 years about 1970: differences of times cannot overflow */
#define STARTUP_GRACE_NS (60 * NS_PER_S)

struct feature {
	size_t first, second;
	double coefficient;
	int parameter;                /* index in the model's parameters */
};

enum parameter_kind { PARAMETER_POLE, PARAMETER_OFFSET, PARAMETER_GAIN, PARAMETER_BIAS, PARAMETER_SIGMA, PARAMETER_ON, PARAMETER_KINDS = PARAMETER_ON };

/* The compiled model of one signal. */
struct relation {
	bool modelled;
	double pole, log_pole, offset, gain, bias, sigma;
	struct feature features[FEATURES_MAX];
	size_t feature_count;
	uint64_t inputs;              /* mask of signals */
	int parameters[PARAMETER_KINDS]; /* index in the model's parameters; -1: default */
};

struct limits {
	bool set;
	double low, high, rate, resolution;
	int64_t deadline_ns;          /* 0: none */
};

enum offence_kind { OFFENCE_NONE, OFFENCE_HIGH, OFFENCE_LOW, OFFENCE_RATE };

/* The newest reading beyond a bound. */
struct offence {
	enum offence_kind kind;
	double value, expected;
};

struct signal {
	char *id, *unit;
	const struct channel *channel;
	double scale, shift;          /* value = raw * scale + shift */
	int64_t period_ns;
	struct limits limits;
	struct relation relation;
	uint64_t coupled, redundant;  /* masks; redundant is a part of coupled */

	int64_t time_ns;              /* newest usable reading; 0: none */
	double value, raw;
	int64_t before_ns;            /* the usable one before */
	double before;
	uint32_t status;              /* of the newest row */
	uint32_t reason;
	bool usable;                  /* in the newest row: not bad */
	bool good;
	uint32_t rows_without;        /* since the last usable */

	bool started, suspended;
	uint32_t warm;
	double x, factor, prediction, residual;
	double smooth, level;         /* averaged residual, clamped for decisions and for people */
	double up, down;              /* CUSUM */
	uint64_t up_row, down_row;
	int64_t up_ns, down_ns;
	uint64_t residual_from;       /* row from which stored residuals belong to this relation */

	uint32_t active;              /* bit per disturbance kind */
	uint8_t diagnosis[DISTURBANCE_KIND_END];
	uint8_t high_bits, low_bits, rate_bits;
	struct offence offence;
	uint32_t bounds_wait, bounds_calm;
	uint32_t drift_wait, drift_window, drift_calm;
	uint64_t onset_row;           /* of the drift that is active or pending */
	int64_t onset_ns;
	uint32_t missing_bits;
	int64_t slot_ns;              /* of the last counted slot */
	double run_raw, run_low, run_high; /* equal raw values, and how far the prediction moved meanwhile */
	uint32_t run, thaw;
};

/* Rows in a ring; arrays grow on demand up to TWIN_HISTORY rows. */
struct history {
	size_t capacity;
	uint64_t rows;                /* ever pushed */
	int64_t *times;
	double *values;               /* capacity x signals; NaN: not good */
	float *residuals;             /* in sigma; NaN: none */
	float *distances;             /* root mean square of the averaged residuals */
};

struct parameters {
	char *names[BODY_PARAMETERS_MAX];
	double values[BODY_PARAMETERS_MAX];
	size_t count;
};

struct twin {
	char *device;
	struct signal *signals;
	size_t count;
	bool units_known;
	uint64_t bounds_version, model_version;
	struct digest bounds_id, model_id;
	struct parameters model, candidate;
	struct history history;
	uint64_t fresh_row;           /* after a reset: earlier rows are of another machine, so to speak */
	double held[TWIN_SIGNALS_MAX + 1]; /* newest usable value; [NO_SIGNAL] = 1 */
	uint64_t known, faulty;       /* masks: held values that may serve as inputs; those of sensors at fault */
	size_t modelled;

	bool spoken;
	int64_t start_ns, row_ns, now_ns, period_ns, factor_ns;
	uint64_t seq;
	uint32_t active;              /* of the whole machine */
	uint8_t diagnosis[DISTURBANCE_KIND_END];

	bool joint;                   /* constant baselines, judged together */
	size_t joint_count;           /* signals in the statistic, for which joint_limit holds */
	double joint_limit, joint_value, distance;
	uint32_t joint_over, joint_calm;
	uint64_t onset_row;
	int64_t onset_ns;
	uint64_t commission_rows;     /* not before so many */
	double speed;                 /* share of the nominal one at which the machine was told to run */
};

/* Text that is cut at its end, for explanations. */
struct text {
	char *out;
	size_t size, used;
};
void text_add(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

static inline uint64_t signal_bit(size_t i)
{
	return UINT64_C(1) << i;
}

/* A drift is told, or will be when its diagnosis is ripe. */
static inline bool signal_drifts(const struct signal *signal)
{
	return signal->drift_wait || (signal->active & 1u << DISTURBANCE_DRIFT);
}

static inline size_t history_slot(uint64_t row)
{
	return (size_t)(row & (TWIN_HISTORY - 1));
}

static inline double history_value(const struct twin *twin, uint64_t row, size_t i)
{
	return twin->history.values[history_slot(row) * twin->count + i];
}

static inline double history_residual(const struct twin *twin, uint64_t row, size_t i)
{
	return (double)twin->history.residuals[history_slot(row) * twin->count + i];
}

static inline int64_t history_time(const struct twin *twin, uint64_t row)
{
	return twin->history.times[history_slot(row)];
}

static inline uint64_t history_first(const struct twin *twin)
{
	return twin->history.rows > TWIN_HISTORY ? twin->history.rows - TWIN_HISTORY : 0;
}

/* The first row that is still kept, not before `row`. */
static inline uint64_t history_from(const struct twin *twin, uint64_t row)
{
	return row > history_first(twin) ? row : history_first(twin);
}

/* The newest `count` rows. */
static inline uint64_t history_last(const struct twin *twin, uint64_t count)
{
	return history_from(twin, twin->history.rows > count ? twin->history.rows - count : 0);
}

void history_push(struct twin *twin, int64_t time_ns);
void history_free(struct history *history);

size_t twin_signal_find(const struct twin *twin, struct span id); /* TWIN_SIGNALS_MAX: none */
void parameters_free(struct parameters *parameters);
/* At its place in the ascending order, or replace. False: full. */
bool parameters_put(struct parameters *parameters, struct span name, double value);
/* As a body that borrows from parameters. */
void parameters_body(const struct parameters *parameters, uint64_t version, const char *reason, struct body_model *out);
/* The nearest number with 9 significant digits. */
double round_figures(double value);

static inline double relation_drive(const struct relation *relation, const double *values)
{
	double sum = relation->offset;
	for (size_t f = 0; f < relation->feature_count; f++) {
		const struct feature *feature = &relation->features[f];
		sum += feature->coefficient * values[feature->first] * values[feature->second];
	}
	return sum;
}

/* Statistics of signal i begin anew; a new state too when `state`. */
void signal_restart(struct twin *twin, size_t i, bool state);
void twin_couple(struct twin *twin);
/* Limit of the joint statistic for `count` independent signals. */
double joint_limit(size_t count);

/* Which signals can bear witness about i, and which of them deviate too. */
uint64_t diagnosis_witnesses(const struct twin *twin, size_t i);
uint64_t diagnosis_deviating(const struct twin *twin, size_t i, bool rising, uint64_t witnesses, uint64_t since_row);
/* By the table. The reason is added to `why`, with the names of the witnesses. */
enum diagnosis diagnosis_decide(const struct twin *twin, size_t i, enum disturbance_kind kind, bool rising,
	uint64_t witnesses, uint64_t deviating, struct text *why);

/* A straight line through a series of the newest rows. Times in seconds, 0 is the newest row. */
struct trend {
	bool fitted;
	double level, slope, error;   /* level at the newest row; error of the slope */
};
typedef double series(const struct twin *twin, uint64_t row, size_t i);
double series_value(const struct twin *twin, uint64_t row, size_t i);
double series_residual(const struct twin *twin, uint64_t row, size_t i);
double series_distance(const struct twin *twin, uint64_t row, size_t i);
struct trend trend_fit(const struct twin *twin, series *at, size_t i, uint64_t from);
bool trend_significant(const struct trend *trend);
/* The trend of a signal's residual since its drift began, or of the newest rows. In sigma. */
struct trend trend_residual(const struct twin *twin, size_t i);
struct trend trend_distance(const struct twin *twin);

/* Lowest, mean and highest prediction of the last OPERATING_ROWS rows. */
struct operating {
	size_t rows;
	double low, mean, high;
};
struct operating operating_range(const struct twin *twin, size_t i);

/* Solve the symmetric positive definite a x = b in place (b becomes x). False: not definite. */
enum { SOLVE_MAX = FEATURES_MAX + 2 };
bool solve(size_t count, double a[SOLVE_MAX][SOLVE_MAX], double b[SOLVE_MAX]);

#endif
