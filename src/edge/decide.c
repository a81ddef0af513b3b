#include "edge/inside.h"

#include <stdio.h>
#include <stdlib.h>

const char *decide_signal_name(const struct device *device, int signal, char out[64])
{
	out[0] = '\0';
	if (device && signal >= 0 && (size_t)signal < device->registration->signal_count)
		words_copy(out, 64, device->registration->signals[signal].id);
	return out;
}

static int64_t *told_of(struct device *device, const struct twin_finding *finding)
{
	return &device->told_ns[finding->signal < 0 ? TWIN_SIGNALS_MAX : (size_t)finding->signal][finding->kind];
}

static bool told_lately(struct edge *edge, struct device *device, const struct twin_finding *finding)
{
	int64_t told_ns = *told_of(device, finding);
	return told_ns && edge_elapsed(edge->now_ns, told_ns) < EDGE_REPEAT_S * NS_PER_S;
}

/* The twin tells onsets only: one that comes too soon must not be lost, for it may last. */
static void owe(struct device *device, const struct twin_finding *finding)
{
	struct owed_finding *room = NULL;
	if (!device->owed)
		device->owed = memory_new_array(EDGE_OWED_MAX, sizeof *device->owed);
	for (size_t i = EDGE_OWED_MAX; i-- > 0;) {
		struct owed_finding *owed = &device->owed[i];
		if (!owed->open)
			room = owed;
		else if (owed->finding.signal == finding->signal && owed->finding.kind == finding->kind)
			return; /* the first one of them is told */
	}
	if (room)
		*room = (struct owed_finding){.open = true, .finding = *finding};
}

static void finding_add(struct edge *edge, struct device *device, const struct twin_finding *finding, bool has_leaf, uint64_t leaf)
{
	if (edge->finding_count == EDGE_FINDINGS_MAX)
		return; /* not reached: see EDGE_FINDINGS_SEAL */
	*told_of(device, finding) = edge->now_ns;
	struct pending_finding *pending = &edge->findings[edge->finding_count++];
	*pending = (struct pending_finding){.device = device, .finding = *finding, .has_leaf = has_leaf, .leaf = leaf, .count = 1};
	words_copy(pending->subject, sizeof pending->subject, span_of_text(device->name));
}

void decide_finding(struct edge *edge, struct device *device, const struct twin_finding *finding, bool has_leaf, uint64_t leaf)
{
	if (told_lately(edge, device, finding))
		owe(device, finding);
	else
		finding_add(edge, device, finding, has_leaf, leaf);
}

/* Does the twin still say so? Of the whole machine every signal tells. */
static bool still_true(const struct device *device, const struct twin_finding *finding)
{
	struct twin_signal_view view;
	if ((size_t)(finding->signal < 0 ? 0 : finding->signal) >= device->registration->signal_count)
		return false;
	twin_signal_view(device->twin, finding->signal < 0 ? 0 : (size_t)finding->signal, &view);
	return view.active != 0;
}

void decide_owed(struct edge *edge, struct device *device)
{
	for (size_t i = 0; device->owed && i < EDGE_OWED_MAX; i++) {
		struct owed_finding *owed = &device->owed[i];
		if (!owed->open || told_lately(edge, device, &owed->finding))
			continue;
		owed->open = false;
		/* Its reading is in a chunk that is sealed: the number names it, no leaf does. */
		if (still_true(device, &owed->finding))
			finding_add(edge, device, &owed->finding, false, 0);
	}
}

void decide_silence(struct edge *edge, struct device *device, const struct twin_finding *finding)
{
	if (device->silence_count == SILENCES_MAX)
		return; /* the whole machine is told first; more of its signals add nothing */
	device->silences[device->silence_count++] = (struct silence){.finding = *finding, .since_wall_ns = edge->wall_ns, .messages = device->messages};
}

/* The whole machine was silent until it said anything. */
static bool still_silent(const struct device *device, const struct silence *silence)
{
	struct twin_signal_view view;
	if (!device->twin || silence->finding.signal < 0)
		return device->twin && device->messages == silence->messages;
	twin_signal_view(device->twin, (size_t)silence->finding.signal, &view);
	return view.stale;
}

void decide_silences(struct edge *edge, struct device *device, bool quiet)
{
	size_t kept = 0;
	int64_t confirm_ms = edge->config.silence_confirm_ms ? edge->config.silence_confirm_ms : SILENCE_CONFIRM_MS;
	for (size_t s = 0; s < device->silence_count; s++) {
		struct silence silence = device->silences[s];
		if (!still_silent(device, &silence))
			continue;
		if (quiet)
			silence.since_wall_ns = edge->wall_ns;
		if (edge->wall_ns - silence.since_wall_ns >= confirm_ms * NS_PER_MS)
			decide_finding(edge, device, &silence.finding, false, 0);
		else
			device->silences[kept++] = silence;
	}
	device->silence_count = kept;
}

void decide_forget(struct device *device)
{
	device->silence_count = 0;
	free(device->owed);
	device->owed = NULL;
	memset(device->wishes, 0, sizeof device->wishes);
	memset(device->told_ns, 0, sizeof device->told_ns);
}

static const struct {
	enum disturbance_kind kind;
	const char *sentence;
} refusal_table[REFUSED_COUNT] = {
	[REFUSED_UNREGISTERED] = {DISTURBANCE_UNREGISTERED, "messages from a device that no organisation registered for this gateway; none was taken"},
	[REFUSED_REVOKED] = {DISTURBANCE_REVOKED, "messages from a device whose registration is withdrawn or suspended; none was taken"},
	[REFUSED_FORGED] = {DISTURBANCE_FORGED, "messages whose authentication tag does not fit: altered on the way or sent by somebody else; none was taken"},
	[REFUSED_REPLAY] = {DISTURBANCE_REPLAY, "messages repeat numbers that were taken and acknowledged before: a replay; none was taken"},
	[REFUSED_MALFORMED] = {DISTURBANCE_MALFORMED, "authentic messages could not be read; their bytes are kept in the chunk"},
};

/* Told at once, then ever more seldom while it goes on. */
static void refusal_tell(struct edge *edge, struct device *device, const char *subject, struct refusal_tally *tally, enum edge_refusal why)
{
	bool repeat = tally->told_ns && edge_elapsed(edge->now_ns, tally->told_ns) < tally->repeat_s * NS_PER_S;
	if (tally->count == 0 || why == REFUSED_WAITING || repeat || edge->finding_count == EDGE_FINDINGS_MAX)
		return;
	struct pending_finding *pending = &edge->findings[edge->finding_count++];
	*pending = (struct pending_finding){.device = device, .count = tally->count};
	pending->finding = (struct twin_finding){.kind = refusal_table[why].kind,
		.diagnosis = why == REFUSED_MALFORMED ? DIAGNOSIS_SENSOR : DIAGNOSIS_INTEGRITY, .signal = -1, .time_ns = tally->last_ns};
	words_copy(pending->subject, sizeof pending->subject, span_of_text(subject));
	snprintf(pending->finding.explanation, sizeof pending->finding.explanation, "%llu %s", (unsigned long long)tally->count, refusal_table[why].sentence);
	tally->told_ns = edge->now_ns;
	tally->count = 0;
	tally->repeat_s = tally->repeat_s ? 2 * tally->repeat_s : EDGE_REFUSAL_REPEAT_S;
	if (tally->repeat_s > EDGE_REFUSAL_REPEAT_LAST_S)
		tally->repeat_s = EDGE_REFUSAL_REPEAT_LAST_S;
}

void decide_refusals(struct edge *edge)
{
	for (size_t i = 0; i < edge->device_count; i++) {
		for (unsigned why = 0; why < REFUSED_COUNT; why++)
			refusal_tell(edge, edge->devices[i], edge->devices[i]->name, &edge->devices[i]->refusals[why], (enum edge_refusal)why);
		if (edge->finding_count >= EDGE_FINDINGS_SEAL)
			batch_seal(edge);
	}
	for (size_t i = 0; i < edge->stranger_count; i++)
		refusal_tell(edge, NULL, edge->strangers[i].name, &edge->strangers[i].refusal, REFUSED_UNREGISTERED);
}

static int priority_of(const struct twin_finding *finding)
{
	if (finding->diagnosis == DIAGNOSIS_MACHINE || finding->diagnosis == DIAGNOSIS_INTEGRITY)
		return 2;
	return finding->kind == DISTURBANCE_MALFORMED || finding->kind == DISTURBANCE_MISSING ? 4 : 3;
}

static void utter(struct edge *edge, const struct pending_finding *pending, const struct digest *chunk, const struct digest *anchor)
{
	struct device *device = pending->device;
	const struct twin_finding *finding = &pending->finding;
	char signal[64];
	bool evidence = chunk && device;
	bool named = device && finding->signal >= 0 && (size_t)finding->signal < device->registration->signal_count;
	struct body_disturbance body = {.kind = finding->kind, .diagnosis = finding->diagnosis,
		.time_ns = finding->time_ns, .detected_ns = edge->now_ns, .value = decimal_of(finding->value), .expected = decimal_of(finding->expected),
		.seq = finding->seq, .leaf = evidence && pending->has_leaf ? pending->leaf : 0,
		.explanation = words_whole(span_of_text(finding->explanation)), .count = pending->count};
	if (named)
		body.signal = device->registration->signals[finding->signal].id;
	if (evidence)
		body.chunk = *chunk;
	struct digest parents[3] = {0};
	if (evidence)
		parents[0] = *anchor;
	if (device) {
		parents[1] = finding->by_model ? device->model_id : device->bounds_id;
		parents[2] = device->registration_id;
	} else {
		parents[2] = edge->registration_id;
	}
	struct buffer bytes = {0};
	body_disturbance_encode(&body, &bytes);
	struct digest id = outbox_emit(edge, STATEMENT_DISTURBANCE, span_of_text(pending->subject), parents, 3, buffer_span(&bytes));
	buffer_free(&bytes);
	struct edge_alarm alarm = {.id = id, .since_ns = finding->time_ns, .count = pending->count, .priority = priority_of(finding)};
	words_copy(alarm.device, sizeof alarm.device, span_of_text(pending->subject));
	words_copy(alarm.signal, sizeof alarm.signal, body.signal);
	words_copy(alarm.kind, sizeof alarm.kind, span_of_text(disturbance_kind_name(finding->kind)));
	words_copy(alarm.diagnosis, sizeof alarm.diagnosis, span_of_text(diagnosis_name(finding->diagnosis)));
	words_copy(alarm.explanation, sizeof alarm.explanation, body.explanation);
	alarms_raise(edge, &alarm);
	alarms_marker(edge, "disturbance", span_of_text(pending->subject), decide_signal_name(device, finding->signal, signal), finding->explanation,
		finding->time_ns, &id);
	if (device)
		service_wish(edge, device, finding, &id);
}

void decide_utter(struct edge *edge, const struct digest *chunk, const struct digest *anchor)
{
	for (size_t i = 0; i < edge->finding_count; i++)
		utter(edge, &edge->findings[i], chunk, anchor);
	edge->finding_count = 0;
}
