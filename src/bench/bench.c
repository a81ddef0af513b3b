#include "bench/bench.h"

#include "command/command.h"
#include "host/loop.h"
#include "trace/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct part {
	const char *name;
	bench_part *run;
	bool asked;                   /* only when it is named */
} parts[] = {
	{"crypto", bench_crypto, false},
	{"pipeline", bench_pipeline, false},
	{"chunk", bench_chunk, false},
	{"gateway", bench_gateway, false},
	{"ledger", bench_ledger, false},
	{"cost", bench_cost, true},
	{"idle", bench_idle, false},
	{"growth", bench_growth, false},
};

enum { PART_COUNT = sizeof parts / sizeof *parts };

/* -- for the parts ------------------------------------------------------------------------- */

struct bench_row *bench_row_add(struct bench *bench, const char *group, double value, const char *unit, const char *what, ...)
{
	ARRAY_GROW(bench->rows, bench->row_count, bench->row_capacity);
	struct bench_row *row = &bench->rows[bench->row_count++];
	*row = (struct bench_row){.value = value, .unit = unit};
	snprintf(row->group, sizeof row->group, "%s", group);
	va_list words;
	va_start(words, what);
	vsnprintf(row->what, sizeof row->what, what, words);
	va_end(words);
	return row;
}

void bench_row_peer(struct bench_row *row, double value, const char *unit, const char *what)
{
	row->peer_value = value;
	row->peer_unit = unit;
	snprintf(row->peer, sizeof row->peer, "%s", what);
}

void bench_tell(const char *format, ...)
{
	va_list words;
	va_start(words, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, words);
	fputc('\n', stderr);
	va_end(words);
}

enum status bench_go_on(struct fault *fault)
{
	return run_interrupted() ? fault_set(fault, E_CLOSED, "the measurement was interrupted") : OK;
}

/* -- the table --------------------------------------------------------------------------------- */

static void number_text(double value, const char *unit, char out[48])
{
	double size = fabs(value);
	int decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4;
	char digits[40];
	snprintf(digits, sizeof digits, "%.*f", decimals, value);
	/* Groups of three before the decimal point. */
	size_t whole = strcspn(digits, "."), at = 0;
	for (size_t i = 0; digits[i] && at < 40; i++) {
		if (i && i < whole && (whole - i) % 3 == 0 && digits[i - 1] != '-')
			out[at++] = ',';
		out[at++] = digits[i];
	}
	snprintf(out + at, 48 - at, "%s%s", *unit ? " " : "", unit);
}

static bool has_peer(const struct bench_row *row)
{
	return row->peer[0] != '\0';
}

/* Only of like things. */
static bool has_ratio(const struct bench_row *row)
{
	return has_peer(row) && isfinite(row->peer_value) && row->peer_value != 0 && (!row->peer_unit || strcmp(row->unit, row->peer_unit) == 0);
}

static bool is_below(const struct bench_row *row)
{
	return row->sense == BENCH_AT_LEAST ? !(row->value >= row->floor) : !(row->value <= row->floor);
}

static void row_texts(const struct bench_row *row, char out[6][120])
{
	char number[48];
	snprintf(out[0], 120, "%s", row->group);
	snprintf(out[1], 120, "%s", row->what);
	number_text(row->value, row->unit, out[2]);
	out[3][0] = out[4][0] = out[5][0] = '\0';
	if (has_peer(row) && !isfinite(row->peer_value)) {
		snprintf(out[3], 120, "%s", row->peer);
	} else if (has_peer(row)) {
		number_text(row->peer_value, row->peer_unit ? row->peer_unit : row->unit, number);
		snprintf(out[3], 120, "%s: %.40s", row->peer, number);
	}
	if (has_ratio(row))
		snprintf(out[4], 120, "%.*f", row->value / row->peer_value >= 0.1 ? 2 : 4, row->value / row->peer_value);
	if (row->sense != BENCH_NO_FLOOR) {
		number_text(row->floor, "", number);
		snprintf(out[5], 120, "%s (%s %s)", is_below(row) ? "below" : "ok", row->sense == BENCH_AT_LEAST ? "at least" : "at most", number);
	}
}

static void table_print(const struct bench *bench, const char *machine)
{
	static const char *const heads[6] = {"part", "what", "measured", "beside it", "ratio", "floor"};
	int widths[6];
	char texts[6][120];
	for (int c = 0; c < 6; c++)
		widths[c] = (int)strlen(heads[c]);
	for (size_t r = 0; r < bench->row_count; r++) {
		row_texts(&bench->rows[r], texts);
		for (int c = 0; c < 6; c++)
			widths[c] = (int)strlen(texts[c]) > widths[c] ? (int)strlen(texts[c]) : widths[c];
	}
	printf("%s\n", machine);
	for (size_t r = 0; r <= bench->row_count; r++) {
		if (r)
			row_texts(&bench->rows[r - 1], texts);
		for (int c = 0; c < 6; c++) {
			bool right = c == 2 || c == 4;
			printf(right ? "%*s  " : "%-*s  ", widths[c], r ? texts[c] : heads[c]);
		}
		putchar('\n');
	}
}

/* The table of docs/benchmarks.md. */
static void markdown_print(const struct bench *bench, const char *machine)
{
	char texts[6][120];
	printf("%s\n\n| part | what | measured | beside it | ratio | floor |\n|---|---|---:|---|---:|---|\n", machine);
	for (size_t r = 0; r < bench->row_count; r++) {
		row_texts(&bench->rows[r], texts);
		for (int c = 0; c < 6; c++)
			printf("| %s%s ", texts[c][0] == ' ' ? "… " : "", texts[c] + strspn(texts[c], " "));
		printf("|\n");
	}
}

static void json_print(const struct bench *bench, const char *machine)
{
	struct buffer out = {0};
	struct json json = json_of(&out);
	json_object(&json, NULL);
	json_word(&json, "machine", machine);
	json_array(&json, "rows");
	for (size_t r = 0; r < bench->row_count; r++) {
		const struct bench_row *row = &bench->rows[r];
		json_object(&json, NULL);
		json_word(&json, "part", row->group);
		json_word(&json, "what", row->what);
		json_number(&json, "value", row->value);
		json_word(&json, "unit", row->unit);
		json_word(&json, "peer", has_peer(row) ? row->peer : NULL);
		json_number(&json, "peer_value", has_peer(row) ? row->peer_value : NAN);
		json_word(&json, "peer_unit", has_peer(row) ? row->peer_unit ? row->peer_unit : row->unit : NULL);
		json_number(&json, "ratio", has_ratio(row) ? row->value / row->peer_value : NAN);
		json_number(&json, "floor", row->sense == BENCH_NO_FLOOR ? NAN : row->floor);
		json_word(&json, "verdict", row->sense == BENCH_NO_FLOOR ? NULL : is_below(row) ? "below" : "ok");
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	printf("%.*s\n", (int)out.size, (const char *)out.data);
	buffer_free(&out);
}

/* -- the command ------------------------------------------------------------------------------- */

static bool wanted(const struct part *part, char **words, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(words[i], part->name) == 0)
			return true;
	return count == 0 && !part->asked;
}

static bool words_known(char **words, int count)
{
	for (int i = 0; i < count; i++) {
		bool known = false;
		for (int p = 0; p < PART_COUNT; p++)
			known = known || strcmp(words[i], parts[p].name) == 0;
		if (!known) {
			fprintf(stderr, "tally: bench has no part \"%s\"; it has crypto, pipeline, chunk, gateway, ledger, cost, idle and growth\n", words[i]);
			return false;
		}
	}
	return true;
}

static enum status parts_run(struct bench *bench, char **words, int word_count, struct fault *fault)
{
	TRY(bench_folder_make(bench, fault));
	TRY(bench_fdatasync(bench->folder, &bench->fdatasync_s, fault));
	for (int i = 0; i < PART_COUNT; i++) {
		if (!wanted(&parts[i], words, word_count))
			continue;
		bench_tell("%s", parts[i].name);
		TRY(parts[i].run(bench, fault));
		TRY(bench_go_on(fault));
	}
	return OK;
}

typedef void print(const struct bench *bench, const char *machine);

static int bench_run(struct bench *bench, char **words, int word_count, print *how)
{
	struct fault fault = {0};
	struct buffer machine = {0};
	double load[2][3] = {0};
	if (getloadavg(load[0], 3) < 0)
		load[0][0] = NAN;
	enum status status = parts_run(bench, words, word_count, &fault);
	if (getloadavg(load[1], 3) < 0)
		load[1][0] = NAN;
	bench_machine_text(bench, &machine);
	buffer_printf(&machine, "; load average %.1f when it began, %.1f when it ended", load[0][0], load[1][0]);
	buffer_append_byte(&machine, 0);
	bench_folder_remove(bench->folder);
	/* What was measured before a part failed is worth telling. */
	if (bench->row_count)
		how(bench, (const char *)machine.data);
	buffer_free(&machine);
	free(bench->rows);
	return status == OK ? 0 : app_fail(&fault);
}

int command_bench(int count, char **arguments)
{
	const char *seconds = "5", *statements = NULL, *entries = "10000000", *json = NULL, *markdown = NULL, *cmapss = NULL, *examples = "examples/shopfloor";
	const struct option_spec options[] = {
		{"seconds", "S", "how long each measurement takes, about", &seconds},
		{"statements", "N", "with ledger and growth: how many are on disk when recovery is measured (20,000; 100,000)", &statements},
		{"entries", "N", "with growth: how many hashes without statements (10,000,000; each needs 70 bytes of memory)", &entries},
		{"json", NULL, "print JSON instead of a table", &json},
		{"markdown", NULL, "print the table of docs/benchmarks.md instead", &markdown},
		{"cmapss", "FILE", "measure chunks of these recorded engines, too (such as train_FD001.txt)", &cmapss},
		{"examples", "FOLDER", "machine documents", &examples},
		{0}};
	char **words;
	int word_count, code;
	if (!options_parse(count, arguments,
		"Measure this program on this machine, each figure beside a peer or a limit measured in the same run.\n"
		"Parts: crypto, pipeline, chunk, gateway (starts mosquitto), ledger and idle (start four nodes), growth (simulates up to 50\n"
		"members and starts one node); all of them by default. By name only: cost (four nodes: a statement's processor time, and nothing else).\n"
		"Beside the ledger stand etcd and NATS JetStream where they are installed: `tools/enter bench sh tools/build-and-run bench` has them.\n"
		"Temporary files go to a folder in $TMPDIR or /var/tmp: let it be on the disk that nodes would use.",
		"[PART...]", options, &words, &word_count, &code))
		return code;
	struct bench bench = {.seconds = strtod(seconds, NULL), .statements = statements ? strtod(statements, NULL) : 0, .entries = strtod(entries, NULL), .cmapss = cmapss, .examples = examples};
	ssize_t size = readlink("/proc/self/exe", bench.program, sizeof bench.program - 1);
	if (!(bench.seconds >= 0.2 && bench.seconds <= 600)) {
		fprintf(stderr, "tally: --seconds is between 0.2 and 600\n");
		return 2;
	}
	if (statements && !(bench.statements >= 1 && bench.statements <= 100e6)) {
		fprintf(stderr, "tally: --statements is between 1 and 100,000,000\n");
		return 2;
	}
	if (!(bench.entries >= 1000 && bench.entries <= 10e9)) {
		fprintf(stderr, "tally: --entries is between 1,000 and 10,000,000,000\n");
		return 2;
	}
	if (!words_known(words, word_count))
		return 2;
	if (size <= 0) {
		fprintf(stderr, "tally: /proc/self/exe cannot be read; bench starts itself from there\n");
		return 1;
	}
	setenv("TALLY_LOG", "warning", 0); /* of the daemons, and of our own connections to them */
	run_catch_signals();
	return bench_run(&bench, words, word_count, json ? json_print : markdown ? markdown_print : table_print);
}
