/* Scheduling. docs/twin.md, section "Scheduling". */
#include "twin/state.h"

enum { STEP_S = 5, SETTLE_S = 60, LOOK_AHEAD_S = 7 * 24 * 3600 };
#define MAINTENANCE_COST 0.5  /* of the production within the horizon */

static const double settings[] = {0.9, 0.75, 0.6};

enum effect { EFFECT_NONE, EFFECT_SPEED, EFFECT_MAINTENANCE, EFFECT_STOP };

/* One signal under one action. */
struct forecast {
	const struct signal *signal;
	double drive, x;              /* modelled: where the state goes, where it is */
	double level, slope;          /* what is added to the model, in the signal's unit, and per second */
	double above, below;          /* reach of the operating points about their mean */
};

static bool letter(uint8_t c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* "speed" and "load" as whole words of an id: "spindle_speed", not "loader". */
static bool id_has_word(const char *id, const char *word)
{
	size_t size = strlen(word);
	for (const char *at = strstr(id, word); at; at = strstr(at + 1, word))
		if ((at == id || !letter((uint8_t)at[-1])) && !letter((uint8_t)at[size]))
			return true;
	return false;
}

static bool input_scales(const struct twin *twin, size_t input)
{
	return input != NO_SIGNAL && (id_has_word(twin->signals[input].id, "speed") || id_has_word(twin->signals[input].id, "load"));
}

static double feature_mean(const struct twin *twin, const struct feature *feature)
{
	double sum = 0;
	size_t count = 0;
	for (uint64_t row = history_last(twin, OPERATING_ROWS); row < twin->history.rows; row++) {
		double second = feature->second == NO_SIGNAL ? 1 : history_value(twin, row, feature->second);
		double product = history_value(twin, row, feature->first) * second;
		if (!isfinite(product))
			continue;
		sum += product;
		count++;
	}
	return count ? sum / (double)count : twin->held[feature->first] * twin->held[feature->second];
}

static double drive_at(const struct twin *twin, const struct relation *relation, double setting)
{
	double drive = relation->offset;
	for (size_t f = 0; f < relation->feature_count; f++) {
		const struct feature *feature = &relation->features[f];
		double part = feature->coefficient * feature_mean(twin, feature);
		part *= input_scales(twin, feature->first) ? setting : 1;
		part *= input_scales(twin, feature->second) ? setting : 1;
		drive += part;
	}
	return drive;
}

/* Wear goes with the work done: the trend slows with the setting; what is there stays until maintenance. */
static struct forecast forecast_make(const struct twin *twin, size_t i, enum effect effect, double setting)
{
	const struct signal *signal = &twin->signals[i];
	struct forecast out = {.signal = signal};
	if (effect == EFFECT_STOP)
		setting = 0;
	if (!signal->relation.modelled) {
		struct trend plain = trend_fit(twin, series_value, i, twin->fresh_row);
		bool moves = trend_significant(&plain) && effect != EFFECT_MAINTENANCE;
		out.level = moves ? plain.level : signal->value;
		out.slope = moves ? plain.slope * setting : 0;
		return out;
	}
	double sigma = signal->relation.sigma;
	struct operating range = operating_range(twin, i);
	out.drive = drive_at(twin, &signal->relation, setting);
	out.x = signal->started ? signal->x : out.drive;
	if (range.rows) {
		out.above = (range.high - range.mean) * setting;
		out.below = (range.mean - range.low) * setting;
	}
	/* What does not deviate is as the model says. */
	if (effect == EFFECT_MAINTENANCE || (!signal_drifts(signal) && fabs(signal->smooth) < WITNESS_LEVEL))
		return out;
	struct trend trend = trend_residual(twin, i);
	bool moves = signal_drifts(signal) && trend_significant(&trend);
	out.level = sigma * (moves ? trend.level : signal->level);
	out.slope = moves ? sigma * trend.slope * setting : 0;
	return out;
}

static double forecast_keep(const struct forecast *forecast, double t)
{
	return forecast->signal->relation.pole > 0 ? exp(forecast->signal->relation.log_pole * t) : 0;
}

/* Without the reach of the operating points. */
static double forecast_value(const struct forecast *forecast, double t)
{
	const struct relation *relation = &forecast->signal->relation;
	double value = forecast->level + forecast->slope * t;
	if (!relation->modelled)
		return value;
	double x = forecast->drive + (forecast->x - forecast->drive) * forecast_keep(forecast, t);
	return value + relation->gain * x + relation->bias;
}

/* The further from now, the less the present operating point says, and the more their reach counts. */
static bool forecast_crosses(const struct forecast *forecast, double t)
{
	const struct limits *limits = &forecast->signal->limits;
	double value = forecast_value(forecast, t), reach = 1 - forecast_keep(forecast, t);
	return limits->set && (value + reach * forecast->above > limits->high || value - reach * forecast->below < limits->low);
}

/* When a bound is crossed for the first time. A signal that is beyond it already gets SETTLE_S to return. */
static double forecast_end(const struct forecast *forecast)
{
	bool outside = forecast_crosses(forecast, 0);
	double t = outside ? SETTLE_S : 0;
	while (t <= LOOK_AHEAD_S) {
		if (forecast_crosses(forecast, t))
			return outside && t <= SETTLE_S ? 0 : t;
		t += t < SCHEDULE_HORIZON_S ? STEP_S : t / 50;
	}
	return INFINITY;
}

/* A sensor that is at fault says nothing about the machine. */
static bool signal_counts(const struct twin *twin, size_t i)
{
	const struct signal *signal = &twin->signals[i];
	if ((twin->faulty & signal_bit(i)) || !isfinite(signal->value))
		return false;
	return !((signal->active & 1u << DISTURBANCE_DRIFT) && signal->diagnosis[DISTURBANCE_DRIFT] == DIAGNOSIS_SENSOR);
}

struct outlook {
	size_t first;                 /* the signal that crosses a bound first; the one asked about if none does */
	double remaining_s;
};

static double joint_end(const struct twin *twin, enum effect effect, double setting)
{
	if (effect == EFFECT_MAINTENANCE || effect == EFFECT_STOP || !(twin->active & 1u << DISTURBANCE_DRIFT))
		return INFINITY;
	struct trend trend = trend_distance(twin);
	if (twin->distance >= DISTANCE_END)
		return 0;
	if (!trend_significant(&trend) || trend.slope <= 0)
		return INFINITY;
	return trend.level < DISTANCE_END ? (DISTANCE_END - trend.level) / (trend.slope * setting) : 0;
}

static struct outlook outlook_of(const struct twin *twin, size_t asked, enum effect effect, double setting)
{
	struct outlook out = {.first = asked, .remaining_s = INFINITY};
	if (effect == EFFECT_STOP)
		return out;
	for (size_t i = 0; i < twin->count; i++) {
		/* A working value that is no more than an input foretells no fault, unless it is the one in question. */
		if (i != asked && (!twin->signals[i].relation.modelled || !signal_counts(twin, i)))
			continue;
		struct forecast forecast = forecast_make(twin, i, effect, setting);
		double end = forecast_end(&forecast);
		if (end < out.remaining_s) {
			out.remaining_s = end;
			out.first = i;
		}
	}
	if (twin->joint) {
		double end = joint_end(twin, effect, setting);
		out.remaining_s = end < out.remaining_s ? end : out.remaining_s;
	}
	return out;
}

static bool has_command(struct span commands, const char *word)
{
	size_t start = 0;
	for (size_t k = 0; k <= commands.size; k++) {
		if (k < commands.size && commands.data[k] != ' ')
			continue;
		if (span_is_text(span_part(commands, start, k - start), word))
			return true;
		start = k + 1;
	}
	return false;
}

/* What the options are compared by: one signal, the first to cross a bound if nothing is done. */
struct plan {
	const struct twin *twin;
	size_t asked, focus;
	struct schedule *out;
};

static void option_add(struct plan *plan, const char *action, enum effect effect, double setting, double cost)
{
	/* Inputs and trends are those of the present speed. */
	double present = plan->twin->speed, share = present > 0 ? setting / present : 0;
	if (effect == EFFECT_MAINTENANCE)
		share = present > 0 ? 1 / present : 1;
	struct outlook outlook = outlook_of(plan->twin, plan->asked, effect, share);
	if (plan->out->count == 0)
		plan->focus = outlook.first;
	struct forecast forecast = forecast_make(plan->twin, plan->focus, effect, share);
	double predicted = forecast_value(&forecast, SCHEDULE_HORIZON_S);
	plan->out->options[plan->out->count++] = (struct schedule_option){
		.action = action,
		.setting = setting,
		.predicted = isfinite(predicted) ? predicted : 0,
		.remaining_s = outlook.remaining_s,
		.cost = cost,
		.feasible = outlook.remaining_s > SCHEDULE_HORIZON_S,
	};
}

static void schedule_choose(struct schedule *out)
{
	out->chosen = out->count - 1;
	for (size_t k = 0; k + 1 < out->count; k++) {
		if (!out->options[k].feasible || (out->found && out->options[k].cost >= out->options[out->chosen].cost))
			continue;
		out->chosen = k;
		out->found = true;
	}
}

static void schedule_explain(const struct plan *plan, bool can_stop)
{
	struct schedule *out = plan->out;
	struct text why = {.out = out->explanation, .size = sizeof out->explanation};
	const struct schedule_option *going_on = &out->options[0], *chosen = &out->options[out->chosen];
	const struct signal *signal = &plan->twin->signals[plan->focus];
	if (out->chosen == 0) {
		text_add(&why, "go on: ");
	} else {
		text_add(&why, "going on, %s %s in %.0f s; ", signal->limits.set ? signal->id : "the machine",
			signal->limits.set ? "crosses a bound" : "is at its end", going_on->remaining_s);
		if (chosen->setting > 0 && chosen->setting < 1)
			text_add(&why, "%s to %.0f %%: ", chosen->action, 100 * chosen->setting);
		else
			text_add(&why, "%s%s: ", chosen->action, out->found || can_stop ? "" : " by hand, for the machine obeys no such command");
	}
	if (!out->found)
		text_add(&why, "nothing else that it obeys helps");
	else
		text_add(&why, "%s is foretold at %.4g %s after %d s", signal->id, chosen->predicted, signal->unit, SCHEDULE_HORIZON_S);
	if (out->found && signal->limits.set)
		text_add(&why, " (bounds %.4g to %.4g)", signal->limits.low, signal->limits.high);
	text_add(&why, ", %.0f %% of production lost", 100 * chosen->cost);
}

void twin_schedule(const struct twin *twin, size_t signal, struct span commands, struct schedule *out)
{
	*out = (struct schedule){0};
	struct plan plan = {.twin = twin, .asked = signal < twin->count ? signal : 0, .out = out};
	option_add(&plan, "continue", EFFECT_NONE, twin->speed, 1 - twin->speed);
	if (has_command(commands, "reduce_speed"))
		for (size_t s = 0; s < sizeof settings / sizeof *settings; s++)
			if (settings[s] < twin->speed)
				option_add(&plan, "reduce_speed", EFFECT_SPEED, settings[s], 1 - settings[s]);
	if (has_command(commands, "start_maintenance"))
		option_add(&plan, "start_maintenance", EFFECT_MAINTENANCE, 1, MAINTENANCE_COST);
	option_add(&plan, "stop", EFFECT_STOP, 0, 1);
	schedule_choose(out);
	schedule_explain(&plan, has_command(commands, "stop"));
}
