/* Twins: the virtual half of one machine, run beside it at the edge.
 *
 * A twin compares every sample with the static bounds that the ledger holds and with the
 * prediction of its model, keeps the age of information of every signal, and says what is wrong
 * (findings) with a first diagnosis. It never asks the ledger for a sample. Two services work
 * on it in virtual space: calibration (twin/calibration.h) and scheduling (twin/scheduling.h). Pure.
 *
 * The model ("first-order"): each modelled signal y follows its inputs with one pole:
 *   x[k+1] = pole^(dt/1 s) * x[k] + (1 - pole^(dt/1 s)) * (offset + sum of coefficient * feature)
 *   prediction = gain * x + bias,  band = prediction +- 3 * sigma
 * where a feature is another signal of the machine, or the product of two. pole 0 is a static
 * relation; no features is a constant baseline. gain (1) and bias (0) belong to the sensor, the
 * others to the machine: calibration changes the first two for a sensor fault.
 * Parameter names, ascending on the ledger: "SIGNAL.pole" "SIGNAL.offset" "SIGNAL.gain" "SIGNAL.bias"
 * "SIGNAL.sigma" "SIGNAL.on.INPUT" "SIGNAL.on.INPUT*INPUT". */
#ifndef TALLY_TWIN_TWIN_H
#define TALLY_TWIN_TWIN_H

#include "record/body.h"
#include "signal/wrangle.h"

enum {
	TWIN_SIGNALS_MAX = BODY_SIGNALS_MAX,
	TWIN_HISTORY = 4096,          /* rows kept for calibration and remaining life */
	TWIN_FINDINGS_MAX = 32,       /* in one step */
};

struct twin;

/* Texts are copied. E_CONFIG when documents disagree (a bound on a signal that is not registered). */
MUST_USE enum status twin_new(struct span device, const struct body_device *registration, struct twin **out, struct fault *fault);
void twin_free(struct twin *twin);
/* The wrangler's channels, in the order of the registration, borrowed for the twin's life: rows hold raw values, and
 * these convert them. Must be called before the first row unless every raw unit is the unit. */
void twin_channels_set(struct twin *twin, const struct channel *channels, size_t count);

/* From the ledger, with the statement's id and the versions shown to people. */
MUST_USE enum status twin_bounds_set(struct twin *twin, const struct body_bounds *bounds, const struct digest *id, struct fault *fault);
MUST_USE enum status twin_model_set(struct twin *twin, const struct body_model *model, const struct digest *id, struct fault *fault);

/* What was found wrong. One finding per (signal, kind) until it clears: onset only. The evidence is a
 * reading of the row just taken (of an excursion beyond a bound that ended at once: the first one back
 * inside); silence has none, seq is then that of the newest row. */
struct twin_finding {
	enum disturbance_kind kind;
	enum diagnosis diagnosis;
	int signal;                   /* index; -1: the whole machine */
	size_t row_signal;            /* column of the sample that is the evidence; always an index */
	int64_t time_ns;
	int64_t onset_ns;             /* DRIFT: estimate of when it began; else time_ns */
	uint64_t seq;
	double value;                 /* SILENT: age in s; MISSING: values missing of the last 20 */
	double expected;              /* the bound crossed, or the prediction; SILENT: deadline in s; MISSING: permitted */
	bool by_model;                /* the model's version is the reference, not the bounds' */
	char explanation[240];        /* one sentence for the engineer, with the figures and units */
};

/* Compare one row. findings: caller's array of TWIN_FINDINGS_MAX; *count is set. A row older than the newest one
 * (back-filled) raises nothing and changes nothing. */
void twin_row(struct twin *twin, uint64_t seq, const struct wrangle_row *row, struct twin_finding *findings, size_t *count);
/* Time passed at the edge: silence and deadlines. */
void twin_tick(struct twin *twin, int64_t now_ns, struct twin_finding *findings, size_t *count);

/* After a command took effect or maintenance was done: residual statistics, drift and frozen states begin
 * anew (the reason is recorded by the caller). */
void twin_reset_detection(struct twin *twin);
/* The share of the nominal speed at which the machine runs since its last command: the setting of
 * "reduce_speed", 1 after "start_maintenance", 0 after "stop". 1 at first. Scheduling starts from it. */
void twin_speed_set(struct twin *twin, double share);

enum twin_health { TWIN_UNKNOWN = 0, TWIN_GOOD = 1, TWIN_WARNING = 2, TWIN_FAULT = 3 };

struct twin_signal_view {
	const struct channel *channel; /* NULL before the wrangler was attached; id and unit from the registration */
	struct span id;
	struct span unit;
	int64_t time_ns;              /* newest sample that is not bad; 0: none yet */
	double value;                 /* of that; NaN: none */
	uint32_t status;              /* of the newest row, bad or not */
	double low, high;             /* static bounds; -inf, +inf without */
	bool modelled;
	double predicted;             /* NaN without model */
	double sigma;
	double residual;              /* smoothed (value - predicted) / sigma */
	int64_t age_ns;               /* age of information at the last tick or row */
	bool stale;                   /* older than its deadline */
	enum disturbance_kind active; /* 0: none */
};

struct twin_view {
	enum twin_health health;
	double health_index;          /* 1 as new, 0 at a bound or failure */
	double remaining_s;           /* expected time until a bound is crossed at the present trend; +inf: no trend */
	double remaining_low_s, remaining_high_s; /* 10 % and 90 % */
	uint64_t bounds_version, model_version; /* 0: none */
	struct digest bounds_id, model_id;
	size_t signal_count;
};
void twin_view(const struct twin *twin, struct twin_view *out);
void twin_signal_view(const struct twin *twin, size_t signal, struct twin_signal_view *out);
/* The newest prediction of one signal, in its unit; NaN without a model. Cheap: asked for each sample. */
double twin_predicted(const struct twin *twin, size_t signal);

/* Commissioning: a machine without a registered model gets one from its first good rows. True once
 * enough rows are in: *out (spans borrowed from the twin) is version 1, reason "commissioning",
 * a constant baseline per signal that varies. */
bool twin_commission(struct twin *twin, struct body_model *out);

#endif
