/* `tally bench`, shortly: it measures what it says, nothing is lost on the way through a real broker and gateway, and
 * nothing of it stays behind. How fast it was is not judged. */
#include "base/buffer.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <yyjson.h>

struct outcome {
	int code;
	struct buffer out;
};

/* In its own empty folder for temporary files. */
static void bench(const char *const *arguments, const char *temporary, struct outcome *outcome)
{
	int ends[2], how;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setenv("TMPDIR", temporary, 1);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execv(arguments[0], (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	close(ends[1]);
	char part[4096];
	for (ssize_t size; (size = read(ends[0], part, sizeof part)) > 0;)
		buffer_append(&outcome->out, part, (size_t)size);
	close(ends[0]);
	assert_int_equal(waitpid(child, &how, 0), child);
	outcome->code = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

static size_t entries_of(const char *path)
{
	size_t count = 0;
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static double value_of(yyjson_val *rows, const char *part, const char *begin, const char *member)
{
	size_t at, max;
	yyjson_val *row;
	yyjson_arr_foreach(rows, at, max, row) {
		const char *what = yyjson_get_str(yyjson_obj_get(row, "what"));
		if (strcmp(yyjson_get_str(yyjson_obj_get(row, "part")), part) == 0 && strncmp(what, begin, strlen(begin)) == 0)
			return yyjson_get_num(yyjson_obj_get(row, member));
	}
	fail_msg("no row \"%s\" of %s", begin, part);
	return NAN;
}

static void test_rows(void **state)
{
	(void)state;
	char temporary[] = "/tmp/tally-test-bench-XXXXXX";
	struct outcome outcome = {0};
	assert_non_null(mkdtemp(temporary));
	bench((const char *const[]){getenv("TALLY_PROGRAM"), "bench", "--json", "--seconds", "0.3", "--examples", getenv("TALLY_EXAMPLES"), "crypto", "pipeline",
		"chunk", "gateway", NULL}, temporary, &outcome);
	assert_int_equal(outcome.code, 0);
	yyjson_doc *doc = yyjson_read((const char *)outcome.out.data, outcome.out.size, 0);
	yyjson_val *rows = yyjson_obj_get(yyjson_doc_get_root(doc), "rows"), *row;
	size_t at, max;
	assert_true(yyjson_arr_size(rows) > 15);
	yyjson_arr_foreach(rows, at, max, row) {
		assert_true(yyjson_get_num(yyjson_obj_get(row, "value")) > 0);
		assert_true(yyjson_get_num(yyjson_obj_get(row, "peer_value")) > 0);
	}
	/* What cannot be otherwise on any machine. */
	assert_true(value_of(rows, "pipeline", "JSON", "ratio") < 1);
	assert_true(value_of(rows, "chunk", "simulated floor, 600 s", "ratio") < 1);
	assert_true(value_of(rows, "gateway", "20 clients", "value") > 1);
	yyjson_doc_free(doc);
	buffer_free(&outcome.out);
	assert_int_equal(entries_of(temporary), 0);
	assert_int_equal(rmdir(temporary), 0);
}

/* Small, so only what does not depend on size or machine: the simulated rows do not. */
static void test_growth(void **state)
{
	(void)state;
	char temporary[] = "/tmp/tally-test-bench-XXXXXX";
	struct outcome outcome = {0};
	assert_non_null(mkdtemp(temporary));
	bench((const char *const[]){getenv("TALLY_PROGRAM"), "bench", "--json", "--seconds", "0.3", "--statements", "700", "--entries", "1000", "growth", NULL}, temporary,
		&outcome);
	assert_int_equal(outcome.code, 0);
	yyjson_doc *doc = yyjson_read((const char *)outcome.out.data, outcome.out.size, 0);
	yyjson_val *rows = yyjson_obj_get(yyjson_doc_get_root(doc), "rows");
	static const char *const sizes[] = {"4 members:", "7 members:", "10 members:", "20 members:", "50 members:"};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		/* 26 bytes more than was calculated, if each block stood on all others and carried one commit vote. */
		double ratio = value_of(rows, "growth", sizes[i], "ratio");
		assert_true(ratio > 1 && ratio < 1.02);
	}
	/* The first of each are those of four members. */
	assert_true(value_of(rows, "growth", "  a member sends in a round", "ratio") > 1);
	assert_true(value_of(rows, "growth", "  a member sends in a round", "ratio") < 1.1);
	assert_true(value_of(rows, "growth", "  in a round with", "ratio") < 1.1);
	assert_true(value_of(rows, "growth", "  commits a round", "value") > 0.9);
	assert_true(value_of(rows, "growth", "  finality p50", "peer_value") >= 3);
	assert_true(value_of(rows, "growth", "  proof of inclusion", "value") > 0);
	assert_true(value_of(rows, "growth", "700 statements on one node", "ratio") > 1);
	assert_true(value_of(rows, "growth", "  start after kill -9", "value") > 0);
	assert_true(value_of(rows, "growth", "  receipt of a statement", "value") > 0);
	assert_true(value_of(rows, "growth", "  proof of state", "value") > 0);
	yyjson_doc_free(doc);
	buffer_free(&outcome.out);
	assert_int_equal(entries_of(temporary), 0);
	assert_int_equal(rmdir(temporary), 0);
}

/* The table as docs/benchmarks.md has it: the machine, an empty line, heads, rule, rows of six cells. */
static void test_markdown(void **state)
{
	(void)state;
	struct outcome outcome = {0};
	bench((const char *const[]){getenv("TALLY_PROGRAM"), "bench", "--markdown", "--seconds", "0.3", "crypto", NULL}, "/tmp", &outcome);
	assert_int_equal(outcome.code, 0);
	buffer_append_byte(&outcome.out, 0);
	unsigned lines = 0;
	for (char *rest = (char *)outcome.out.data, *line; (line = strsep(&rest, "\n")) && (*line || lines < 2); lines++) {
		unsigned bars = 0;
		for (const char *at = line; *at; at++)
			bars += *at == '|';
		assert_int_equal(bars, lines < 2 ? 0 : 7);
	}
	assert_int_equal(lines, 4 + 4);
	buffer_free(&outcome.out);
}

static void test_wrong_words(void **state)
{
	(void)state;
	struct outcome outcome = {0};
	bench((const char *const[]){getenv("TALLY_PROGRAM"), "bench", "speed", NULL}, "/tmp", &outcome);
	assert_int_equal(outcome.code, 2);
	bench((const char *const[]){getenv("TALLY_PROGRAM"), "bench", "--seconds", "0", NULL}, "/tmp", &outcome);
	assert_int_equal(outcome.code, 2);
	bench((const char *const[]){getenv("TALLY_PROGRAM"), "bench", "--statements", "0", NULL}, "/tmp", &outcome);
	assert_int_equal(outcome.code, 2);
	bench((const char *const[]){getenv("TALLY_PROGRAM"), "bench", "--entries", "many", NULL}, "/tmp", &outcome);
	assert_int_equal(outcome.code, 2);
	bench((const char *const[]){getenv("TALLY_PROGRAM"), "bench", "pipeline", "--examples", "/nowhere", NULL}, "/tmp", &outcome);
	assert_int_equal(outcome.code, 1);
	buffer_free(&outcome.out);
}

int main(void)
{
	if (!getenv("TALLY_PROGRAM") || !getenv("TALLY_EXAMPLES")) {
		printf("1..0 # SKIP set TALLY_PROGRAM and TALLY_EXAMPLES\n");
		return 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_wrong_words),
	};
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
