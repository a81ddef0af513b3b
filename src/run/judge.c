#include "run/judge.h"

#include "host/disk.h"

#include <stdio.h>

/* What answers an injected fault: the kinds that count as finding it, and the right first diagnosis. Who is not entitled to speak
 * never gets an acknowledgement, and sends everything again whenever it reaches the broker anew: that fault has no end. */
static const struct {
	const char *fault, *kinds, *diagnosis;
	bool endless;
} answers[] = {
	{"bearing_wear", "drift bounds", "machine_fault", false},
	{"thermocouple_drift", "drift bounds", "sensor_fault", false},
	{"frozen_sensor", "frozen", "sensor_fault", false},
	{"missing", "missing", "sensor_fault", false},
	{"malformed", "malformed", "sensor_fault", false},
	{"forged", "forged", "data_integrity_fault", false},
	{"unregistered", "unregistered", "data_integrity_fault", true},
	{"revoked", "revoked", "data_integrity_fault", true},
	{"replayed", "replay", "data_integrity_fault", false},
	{"fire", "fire", "none", false},
};

enum { AFTERMATH_MS = 90000 };

static void text_copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static bool truth_read(struct judge *judge, const char *path, const char *organisation)
{
	struct buffer text = {0};
	struct fault fault;
	if (disk_read(path, 4 << 20, &text, &fault) != OK)
		return false;
	yyjson_doc *doc = yyjson_read((const char *)text.data, text.size, 0);
	yyjson_val *root = yyjson_doc_get_root(doc), *item;
	int64_t now_ms = (int64_t)ask_number(root, "time_ms");
	size_t at, max;
	yyjson_arr_foreach(ask_member(root, "faults"), at, max, item) {
		if (judge->fault_count == JUDGE_FAULTS_MAX)
			break;
		struct judge_fault *one = &judge->faults[judge->fault_count++];
		text_copy(one->kind, sizeof one->kind, ask_text(item, "kind"));
		snprintf(one->device, sizeof one->device, "dev:%s/%s", organisation, ask_text(item, "device"));
		text_copy(one->signal, sizeof one->signal, ask_text(item, "signal"));
		one->start_ms = (int64_t)ask_number(item, "start_ms");
		one->end_ms = yyjson_is_null(ask_member(item, "end_ms")) ? now_ms : (int64_t)ask_number(item, "end_ms");
	}
	judge->end_ms = yyjson_is_int(ask_member(root, "end_ms")) ? (int64_t)ask_number(root, "end_ms") : INT64_MAX;
	yyjson_doc_free(doc);
	buffer_free(&text);
	return judge->fault_count > 0;
}

static void on_disturbance(void *context, yyjson_val *statement, yyjson_val *body)
{
	struct judge *judge = context;
	if (judge->disturbance_count == JUDGE_DISTURBANCES_MAX)
		return;
	struct judge_disturbance *one = &judge->disturbances[judge->disturbance_count++];
	bool critical = strcmp(ask_text(statement, "type"), "critical") == 0;
	text_copy(one->kind, sizeof one->kind, ask_text(body, "kind"));
	text_copy(one->device, sizeof one->device, ask_text(statement, "sub"));
	text_copy(one->signal, sizeof one->signal, ask_text(body, "signal"));
	text_copy(one->diagnosis, sizeof one->diagnosis, critical ? "none" : ask_text(body, "diagnosis"));
	text_copy(one->id, sizeof one->id, ask_text(statement, "id"));
	one->time_ms = (int64_t)(ask_number(body, "time_ns") / 1e6);
	one->detected_ms = (int64_t)(ask_number(body, critical ? "acted_ns" : "detected_ns") / 1e6);
	one->explained = critical && strcmp(one->kind, "fire") != 0; /* doors and power dips are events, not faults */
}

static bool has_word(const char *words, const char *word)
{
	const char *at = strstr(words, word);
	size_t size = strlen(word);
	return at && size && (at == words || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0');
}

static void fault_match(struct judge *judge, struct judge_fault *fault)
{
	size_t row = 0;
	while (row < sizeof answers / sizeof *answers && strcmp(answers[row].fault, fault->kind) != 0)
		row++;
	bool known = row < sizeof answers / sizeof *answers;
	for (size_t i = 0; i < judge->disturbance_count; i++) {
		struct judge_disturbance *one = &judge->disturbances[i];
		bool fits = known && has_word(answers[row].kinds, one->kind);
		bool endless = fits && answers[row].endless;
		if (strcmp(one->device, fault->device) != 0 || one->time_ms < fault->start_ms - 1000 || (one->time_ms > fault->end_ms + AFTERMATH_MS && !endless))
			continue;
		one->explained = true;
		if (!fits || fault->found)
			continue;
		fault->found = true;
		fault->late_s = (double)(one->detected_ms - fault->start_ms) / 1000;
		fault->diagnosed = strcmp(one->diagnosis, answers[row].diagnosis) == 0;
		snprintf(fault->by, sizeof fault->by, "%.31s %.12s", one->kind, one->id);
	}
	judge->found += fault->found;
	judge->diagnosed += fault->diagnosed;
}

bool judge_run(struct judge *judge, const char *truth_path, const char *organisation, const char *node)
{
	bool good = truth_read(judge, truth_path, organisation) && ask_statements(node, "disturbance", NULL, on_disturbance, judge) &&
		ask_statements(node, "critical", NULL, on_disturbance, judge);
	for (size_t i = 0; i < judge->fault_count; i++)
		fault_match(judge, &judge->faults[i]);
	for (size_t i = 0; i < judge->disturbance_count; i++) {
		/* The machines were switched off at the end: then they are silent indeed. */
		struct judge_disturbance *one = &judge->disturbances[i];
		one->explained = one->explained || (strcmp(one->kind, "silent") == 0 && one->detected_ms > judge->end_ms);
	}
	for (size_t i = 0; i < judge->disturbance_count; i++)
		judge->false_alarms += !judge->disturbances[i].explained;
	return good;
}
