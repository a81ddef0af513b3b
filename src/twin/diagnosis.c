/* The first diagnosis: sensor or machine? By witnesses, and a small table. */
#include "twin/state.h"

#include <strings.h>

enum others { OTHERS_DEVIATE, OTHERS_REDUNDANT_AGREE, OTHERS_AGREE, OTHERS_NONE };
enum quantity { QUANTITY_ANY, QUANTITY_VIBRATION, QUANTITY_LOAD_BEARING };
enum direction { DIRECTION_ANY, DIRECTION_RISING };

/* The first rule that fits is taken. docs/twin.md, section "Diagnosis". */
static const struct rule {
	enum others others;
	enum quantity quantity;
	enum direction direction;
	enum diagnosis diagnosis;
	const char *because;
} rules[] = {
	{OTHERS_DEVIATE, QUANTITY_ANY, DIRECTION_ANY, DIAGNOSIS_MACHINE, "machine fault, deviating too"},
	{OTHERS_REDUNDANT_AGREE, QUANTITY_ANY, DIRECTION_ANY, DIAGNOSIS_SENSOR, "sensor fault, the same quantity is as predicted"},
	{OTHERS_AGREE, QUANTITY_VIBRATION, DIRECTION_RISING, DIAGNOSIS_MACHINE, "machine fault, no failing sensor makes vibration rise; as predicted"},
	{OTHERS_AGREE, QUANTITY_ANY, DIRECTION_ANY, DIAGNOSIS_SENSOR, "sensor fault, as predicted"},
	{OTHERS_NONE, QUANTITY_LOAD_BEARING, DIRECTION_RISING, DIAGNOSIS_MACHINE, "machine fault: it rises, and no coupled signal speaks against it"},
	{OTHERS_NONE, QUANTITY_ANY, DIRECTION_ANY, DIAGNOSIS_SENSOR, "sensor fault: no coupled signal confirms it"},
};

static bool unit_is_one_of(const char *unit, const char *const *units, size_t count)
{
	for (size_t u = 0; u < count; u++)
		if (strcmp(unit, units[u]) == 0)
			return true;
	return false;
}

static bool quantity_fits(const struct signal *signal, enum quantity quantity)
{
	static const char *const vibration[] = {"mm/s", "m/s2", "[g]", "um"};
	static const char *const load_bearing[] = {"Cel", "K", "[degF]", "[degR]", "A", "W", "kW", "N.m", "N", "kN"};
	if (quantity == QUANTITY_ANY)
		return true;
	if (strcasestr(signal->id, "vibration") || unit_is_one_of(signal->unit, vibration, sizeof vibration / sizeof *vibration))
		return true;
	return quantity == QUANTITY_LOAD_BEARING && unit_is_one_of(signal->unit, load_bearing, sizeof load_bearing / sizeof *load_bearing);
}

uint64_t diagnosis_witnesses(const struct twin *twin, size_t i)
{
	uint64_t able = 0;
	for (size_t j = 0; j < twin->count; j++) {
		const struct signal *signal = &twin->signals[j];
		bool observed = signal->relation.modelled && !signal->suspended && signal->warm >= WARM_UP_ROWS;
		if ((observed || signal->limits.set) && !(twin->faulty & signal_bit(j)) && signal->rows_without <= INPUT_HOLD_ROWS)
			able |= signal_bit(j);
	}
	return twin->signals[i].coupled & able;
}

struct mean {
	double value;
	size_t count;
};

static struct mean residual_mean(const struct twin *twin, size_t j, uint64_t from, uint64_t to)
{
	struct mean out = {0};
	from = history_from(twin, from > twin->signals[j].residual_from ? from : twin->signals[j].residual_from);
	for (uint64_t row = from; row < to; row++) {
		double r = history_residual(twin, row, j);
		if (!isfinite(r))
			continue;
		out.value += r > RESIDUAL_CLAMP ? RESIDUAL_CLAMP : r < -RESIDUAL_CLAMP ? -RESIDUAL_CLAMP : r;
		out.count++;
	}
	if (out.count)
		out.value /= (double)out.count;
	return out;
}

static int sign_of(double value)
{
	return (value > 0) - (value < 0);
}

/* Which way a witness has left its model since a row; 0: it has not. What it was off before, and little, does not
 * count. White noise is taken three times as strong, which allows for a correlation of 0.5 from row to row. */
static int model_leans(const struct twin *twin, size_t j, uint64_t since_row)
{
	const struct signal *signal = &twin->signals[j];
	uint64_t newest = history_last(twin, OPERATING_ROWS), onset = since_row > newest ? since_row : newest;
	struct mean before = residual_mean(twin, j, onset > OPERATING_ROWS ? onset - OPERATING_ROWS : 0, onset);
	struct mean since = residual_mean(twin, j, onset, twin->history.rows);
	double usual = before.count >= WARM_UP_ROWS && fabs(before.value) < CUSUM_SLACK ? before.value : 0;
	double variance = before.count ? 3.0 / (double)before.count : 0;
	if (fabs(signal->smooth - usual) > WITNESS_LEVEL)
		return sign_of(signal->smooth - usual);
	if (since.count < 4)
		return 0;
	double change = since.value - usual, error = sqrt(3.0 / (double)since.count + variance);
	return fabs(change) > WITNESS_MEAN && fabs(change) > WITNESS_T * error ? sign_of(change) : 0;
}

static int witness_direction(const struct twin *twin, size_t j, uint64_t since_row)
{
	const struct signal *signal = &twin->signals[j];
	const struct offence *offence = &signal->offence;
	if ((signal->active & 1u << DISTURBANCE_BOUNDS) || signal->bounds_wait)
		return offence->kind == OFFENCE_RATE ? sign_of(offence->value - offence->expected) : offence->kind == OFFENCE_HIGH ? 1 : -1;
	if (signal->high_bits == 7 || signal->low_bits == 7)
		return signal->high_bits == 7 ? 1 : -1;
	if (!signal->relation.modelled)
		return 0;
	if (signal->active & 1u << DISTURBANCE_DRIFT)
		return sign_of(signal->smooth);
	if (signal->up > CUSUM_LIMIT / 2 || signal->down > CUSUM_LIMIT / 2)
		return sign_of(signal->up - signal->down);
	return model_leans(twin, j, since_row);
}

/* Instruments for one quantity deviate the same way if it is the machine that does. */
uint64_t diagnosis_deviating(const struct twin *twin, size_t i, bool rising, uint64_t witnesses, uint64_t since_row)
{
	uint64_t deviating = 0;
	for (size_t j = 0; j < twin->count; j++) {
		if (!(witnesses & signal_bit(j)))
			continue;
		int direction = witness_direction(twin, j, since_row);
		bool same = direction == (rising ? 1 : -1);
		if (direction != 0 && (same || !(twin->signals[i].redundant & signal_bit(j))))
			deviating |= signal_bit(j);
	}
	return deviating;
}

static void names_add(const struct twin *twin, uint64_t mask, struct text *why)
{
	int named = 0;
	for (size_t j = 0; j < twin->count; j++) {
		if (!(mask & signal_bit(j)))
			continue;
		if (named == 2) {
			text_add(why, " and others");
			return;
		}
		text_add(why, "%s%s", named ? ", " : "", twin->signals[j].id);
		named++;
	}
}

static bool others_fit(enum others others, uint64_t witnesses, uint64_t deviating, uint64_t redundant)
{
	switch (others) {
	case OTHERS_DEVIATE:
		return deviating != 0;
	case OTHERS_REDUNDANT_AGREE:
		return (witnesses & redundant) != 0;
	case OTHERS_AGREE:
		return witnesses != 0;
	case OTHERS_NONE:
		return witnesses == 0;
	}
	return false;
}

enum diagnosis diagnosis_decide(const struct twin *twin, size_t i, enum disturbance_kind kind, bool rising,
	uint64_t witnesses, uint64_t deviating, struct text *why)
{
	const struct signal *signal = &twin->signals[i];
	const struct rule *rule = rules;
	while (!others_fit(rule->others, witnesses, deviating, signal->redundant) || !quantity_fits(signal, rule->quantity) ||
		(rule->direction == DIRECTION_RISING && !rising))
		rule++;
	text_add(why, "; %s", rule->because);
	if (rule->others == OTHERS_NONE)
		return rule->diagnosis;
	uint64_t named = rule->others == OTHERS_DEVIATE ? deviating : rule->others == OTHERS_REDUNDANT_AGREE ? witnesses & signal->redundant : witnesses;
	if (rule->others != OTHERS_DEVIATE)
		text_add(why, " for %u rows", (unsigned)(kind == DISTURBANCE_DRIFT ? signal->drift_wait : signal->bounds_wait));
	text_add(why, ": ");
	names_add(twin, named, why);
	return rule->diagnosis;
}
