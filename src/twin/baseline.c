/* Constant baselines: how a machine without a registered model gets one, and when many small
 * deviations together are too many. docs/twin.md, sections "Commissioning" and "Joint statistic". */
#include "twin/state.h"

#include <stdlib.h>

enum { DISTINCT_MIN = 5 };
#define MAD_TO_SIGMA 1.4826
#define OUTLIER 3.5           /* robust sigmas */
#define GOOD_SHARE 0.8        /* of the rows that must hold a good value */
#define INDEPENDENT_ROWS 12.0 /* what the rows must be worth when their correlation is allowed for */

/* Chi-square quantile by Wilson and Hilferty (1931). Variance under no fault: that of the moving
 * average plus that of a baseline estimated from BASELINE_ROWS rows. */
double joint_limit(size_t count)
{
	double spread = 2.0 / (9.0 * (double)count);
	double root = 1 - spread + BASELINE_QUANTILE * sqrt(spread);
	return (SMOOTHING / (2 - SMOOTHING) + 1.0 / BASELINE_ROWS) * root * root * root;
}

struct baseline {
	bool varies;
	double mean, sigma;           /* sigma with the small-sample correction */
	double correlation;           /* from one row to the next */
};

static int double_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* `values` is sorted. */
static double sorted_median(const double *values, size_t count)
{
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static size_t distinct(const double *sorted, size_t count)
{
	size_t different = count > 0;
	for (size_t k = 1; k < count; k++)
		different += sorted[k] != sorted[k - 1];
	return different;
}

/* values: in time order; scratch: as long. */
static struct baseline baseline_fit(const double *values, double *scratch, size_t count)
{
	struct baseline out = {0};
	memcpy(scratch, values, count * sizeof *values);
	qsort(scratch, count, sizeof *scratch, double_compare);
	double median = sorted_median(scratch, count);
	if (distinct(scratch, count) < DISTINCT_MIN)
		return out;
	for (size_t k = 0; k < count; k++)
		scratch[k] = fabs(values[k] - median);
	qsort(scratch, count, sizeof *scratch, double_compare);
	double reach = OUTLIER * MAD_TO_SIGMA * sorted_median(scratch, count);
	double sum = 0, squares = 0, neighbours = 0;
	size_t kept = 0;
	for (size_t k = 0; k < count; k++) {
		if (fabs(values[k] - median) > reach)
			continue;
		sum += values[k] - median;
		kept++;
	}
	if (reach <= 0 || kept < DISTINCT_MIN)
		return out;
	out.mean = median + sum / (double)kept;
	double before = 0;
	for (size_t k = 0; k < count; k++) {
		double off = values[k] - out.mean;
		if (fabs(values[k] - median) > reach)
			off = 0;
		squares += off * off;
		neighbours += off * before;
		before = off;
	}
	/* The variance of Student's t with kept - 1 degrees of freedom is this much larger. */
	out.sigma = sqrt(squares / (double)(kept - 3));
	out.correlation = squares > 0 ? neighbours / squares : 0;
	out.varies = out.sigma > 0;
	return out;
}

static size_t values_gather(const struct twin *twin, size_t i, uint64_t from, double *out)
{
	size_t count = 0;
	for (uint64_t row = from; row < twin->history.rows; row++) {
		double value = history_value(twin, row, i);
		if (isfinite(value))
			out[count++] = value;
	}
	return count;
}

static double correlation_typical(const struct baseline *baselines, size_t count)
{
	double sorted[TWIN_SIGNALS_MAX];
	size_t varying = 0;
	for (size_t i = 0; i < count; i++)
		if (baselines[i].varies)
			sorted[varying++] = baselines[i].correlation;
	if (varying == 0)
		return 0;
	qsort(sorted, varying, sizeof *sorted, double_compare);
	double median = sorted_median(sorted, varying);
	return median < 0 ? 0 : median > 0.95 ? 0.95 : median;
}

static void baseline_put(struct twin *twin, size_t i, double offset, double sigma)
{
	struct parameters *parameters = &twin->candidate;
	struct text name;
	char text[BODY_TEXT_MAX + 16];
	if (parameters->count + 2 > BODY_PARAMETERS_MAX)
		return;
	name = (struct text){.out = text, .size = sizeof text};
	text_add(&name, "%s.offset", twin->signals[i].id);
	parameters_put(parameters, span_of_text(text), round_figures(offset));
	name = (struct text){.out = text, .size = sizeof text};
	text_add(&name, "%s.sigma", twin->signals[i].id);
	parameters_put(parameters, span_of_text(text), round_figures(sigma));
}

bool twin_commission(struct twin *twin, struct body_model *out)
{
	uint64_t from = history_from(twin, twin->fresh_row);
	size_t rows = (size_t)(twin->history.rows - from);
	if (twin->modelled || rows < twin->commission_rows)
		return false;
	double *values = memory_new_array(2 * rows, sizeof *values);
	struct baseline baselines[TWIN_SIGNALS_MAX] = {0};
	for (size_t i = 0; i < twin->count; i++) {
		size_t count = values_gather(twin, i, from, values);
		if (count > GOOD_SHARE * (double)rows && count > DISTINCT_MIN)
			baselines[i] = baseline_fit(values, values + rows, count);
	}
	free(values);
	double correlation = correlation_typical(baselines, twin->count);
	double independent = (double)rows * (1 - correlation) / (1 + correlation);
	if (independent < INDEPENDENT_ROWS && rows < TWIN_HISTORY) {
		twin->commission_rows = 2 * rows < TWIN_HISTORY ? 2 * rows : TWIN_HISTORY;
		return false;
	}
	parameters_free(&twin->candidate);
	double widen = sqrt((1 + correlation) / (1 - correlation));
	for (size_t i = 0; i < twin->count; i++)
		if (baselines[i].varies)
			baseline_put(twin, i, baselines[i].mean, baselines[i].sigma * widen);
	if (twin->candidate.count == 0) {
		twin->commission_rows = rows + BASELINE_ROWS;
		return false;
	}
	parameters_body(&twin->candidate, 1, "commissioning", out);
	return true;
}
