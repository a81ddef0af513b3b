/* The joint statistic on recorded run-to-failure data: NASA C-MAPSS FD001 and FD003, 100 simulated turbofan
 * engines each, one row per flight. No constant was set on these engines. */
#include "twin_machines.h"

enum { COLUMNS = 24, ENGINES_MAX = 300, CYCLES_EARLY = 30 };

struct score {
	size_t engines, detected, early, sensor;
	double lead[ENGINES_MAX];     /* cycles from the first disturbance to the end */
};

static int double_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static struct twin *engine_twin(void)
{
	static char names[COLUMNS][12];
	struct body_device *device = memory_new_array(1, sizeof *device);
	for (size_t i = 0; i < COLUMNS; i++) {
		if (i < 3)
			snprintf(names[i], sizeof names[i], "setting_%zu", i + 1);
		else
			snprintf(names[i], sizeof names[i], "s%zu", i - 2);
		device->signals[i] = (struct body_signal){.id = span_of_text(names[i]), .raw_unit = span_of_text("1"), .unit = span_of_text("1")};
	}
	device->signal_count = COLUMNS;
	struct twin *twin = NULL;
	struct fault fault;
	assert_int_equal(twin_new(span_of_text("engine"), device, &twin, &fault), OK);
	free(device);
	return twin;
}

static void engine_score(size_t first, size_t last, struct score *score)
{
	if (last == 0)
		return;
	score->engines++;
	if (first == 0)
		return;
	score->lead[score->detected++] = (double)(last - first);
	score->early += first <= CYCLES_EARLY;
}

static struct score score_file(FILE *file)
{
	struct score score = {0};
	struct body_model *model = memory_new(sizeof *model);
	struct twin *twin = NULL;
	struct twin_finding findings[TWIN_FINDINGS_MAX];
	struct wrangle_row row = {0};
	unsigned unit, cycle, current = 0;
	size_t first = 0, last = 0, found;
	struct fault fault;
	while (fscanf(file, "%u %u", &unit, &cycle) == 2) {
		for (size_t i = 0; i < COLUMNS; i++)
			assert_int_equal(fscanf(file, "%lf", &row.raw[i]), 1);
		if (unit != current) {
			engine_score(first, last, &score);
			twin_free(twin);
			twin = engine_twin();
			current = unit;
			first = 0;
			assert_true(score.engines < ENGINES_MAX);
		}
		last = cycle;
		row.time_ns = (int64_t)cycle * NS_PER_S;
		twin_row(twin, cycle, &row, findings, &found);
		for (size_t f = 0; f < found; f++) {
			assert_int_equal(findings[f].kind, DISTURBANCE_DRIFT);
			score.sensor += findings[f].diagnosis != DIAGNOSIS_MACHINE;
			first = first ? first : cycle;
		}
		if (twin_commission(twin, model))
			assert_int_equal(twin_model_set(twin, model, &no_id, &fault), OK);
	}
	engine_score(first, last, &score);
	twin_free(twin);
	free(model);
	qsort(score.lead, score.detected, sizeof *score.lead, double_compare);
	return score;
}

static void engines_are_detected_before_they_fail(void **state)
{
	(void)state;
	static const char *const sets[] = {"FD001", "FD003"};
	const char *shared = getenv("TALLY_SHARED");
	for (size_t k = 0; k < 2; k++) {
		char path[1024];
		snprintf(path, sizeof path, "%s/data/cmapss/train_%s.txt", shared ? shared : ".", sets[k]);
		FILE *file = shared ? fopen(path, "r") : NULL;
		if (!file) {
			print_message("skipped: no C-MAPSS data; set TALLY_SHARED to the folder that holds data/cmapss\n");
			skip();
		}
		struct score score = score_file(file);
		fclose(file);
		assert_int_equal(score.engines, 100);
		assert_true(score.detected >= 97);
		size_t n = score.detected;
		print_message("%s: %zu of %zu detected, %zu in cycles 1-%d, %zu blamed on a sensor; cycles before the end: least %.0f, 10 %% %.0f, median %.0f, 90 %% %.0f, most %.0f\n",
			sets[k], n, score.engines, score.early, CYCLES_EARLY, score.sensor, score.lead[0], score.lead[n / 10], score.lead[n / 2],
			score.lead[n * 9 / 10], score.lead[n - 1]);
		assert_true(score.early <= 3);
		assert_true(score.sensor <= 5);
		assert_true(score.lead[n / 2] >= 60);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engines_are_detected_before_they_fail),
	};
	return cmocka_run_group_tests_name("twin_cmapss", tests, NULL, NULL);
}
