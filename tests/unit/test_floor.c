/* The floor against its own documents: what the machines send must be what examples/shopfloor says of them. */
#include "floor_documents.h"

#define START_NS (INT64_C(1767225600) * NS_PER_S)
#define SHORT_NS (1200 * NS_PER_S)
#define DAY_NS (8 * 3600 * NS_PER_S) /* its first 72 minutes are without faults */

/* -- tests ----------------------------------------------------------------------------- */

static uint64_t stream_hash(uint64_t seed, int64_t duration_ns, int64_t run_ns, int64_t stride_ns)
{
	struct floor *floor = floor_new(seed, START_NS, duration_ns);
	uint64_t hash = UINT64_C(14695981039346656037);
	struct floor_message message;
	for (int64_t now_ns = START_NS; now_ns <= START_NS + run_ns; now_ns += stride_ns)
		while (floor_next(floor, now_ns, &message)) {
			struct buffer all = {0};
			buffer_printf(&all, "%s %d %lld %llu %d %d ", message.device, message.kind, (long long)message.time_ns,
				(unsigned long long)message.number, message.tampered, message.again);
			buffer_append_span(&all, message.payload);
			for (size_t i = 0; i < all.size; i++)
				hash = (hash ^ all.data[i]) * UINT64_C(1099511628211);
			buffer_free(&all);
		}
	floor_free(floor);
	return hash;
}

static void a_seed_gives_one_stream(void **state)
{
	(void)state;
	uint64_t one = stream_hash(5, SHORT_NS, SHORT_NS, NS_PER_S);
	assert_true(one == stream_hash(5, SHORT_NS, SHORT_NS, NS_PER_S));
	assert_true(one == stream_hash(5, SHORT_NS, SHORT_NS, 800 * NS_PER_MS));
	assert_true(one != stream_hash(6, SHORT_NS, SHORT_NS, NS_PER_S));
	/* Endless, long enough that kinds come again: it makes no difference how often one asks. */
	assert_true(stream_hash(5, 0, 5 * SHORT_NS, NS_PER_S) == stream_hash(5, 0, 5 * SHORT_NS, 5 * SHORT_NS));
}

static void healthy_machines_agree_with_their_documents(void **state)
{
	(void)state;
	static struct follower followers[DOCUMENTS];
	static struct statistics residuals[DOCUMENTS][SIGNALS_MAX];
	memset(followers, 0, sizeof followers);
	memset(residuals, 0, sizeof residuals);
	struct floor *floor = floor_new(11, START_NS, DAY_NS);
	struct floor_message message;
	while (floor_next(floor, START_NS + 3600 * NS_PER_S, &message)) {
		if (message.kind != FLOOR_DATA)
			continue;
		const struct document *document = document_of(message.device);
		assert_non_null(document);
		size_t d = (size_t)(document - documents);
		struct follower *follower = &followers[d];
		double raw[SIGNALS_MAX] = {0};
		int64_t time_ms = 0;
		assert_true(message_row(document, &message, &time_ms, raw));
		assert_true(time_ms * NS_PER_MS == message.time_ns);
		double elapsed_s = (double)(time_ms - follower->time_ms) / 1000;
		follow(follower, document, time_ms, raw);
		for (int i = 0; i < document->signal_count; i++) {
			const struct signal *signal = &document->signals[i];
			double value = follower->value[i];
			if (!(value >= signal->low && value <= signal->high))
				fail_msg("%s %s: %g is outside [%g, %g]", document->id, signal->id, value, signal->low, signal->high);
			double rate = follower->rows > 1 ? fabs(value - follower->value_before[i]) / elapsed_s : 0;
			if (signal->rate > 0 && rate > signal->rate)
				fail_msg("%s %s: changed by %g a second, limit %g", document->id, signal->id, rate, signal->rate);
			if (signal->stuck_count && follower->equal[i] >= signal->stuck_count)
				fail_msg("%s %s: %u equal values in a row", document->id, signal->id, follower->equal[i]);
			if (signal->modelled)
				statistics_add(&residuals[d][i], follower->residual[i]);
		}
	}
	floor_free(floor);
	for (int d = 0; d < DOCUMENTS; d++) {
		if (strcmp(documents[d].id, "camera-9") == 0)
			continue;
		for (int i = 0; i < documents[d].signal_count; i++) {
			const struct signal *signal = &documents[d].signals[i];
			const struct statistics *residual = &residuals[d][i];
			if (!signal->modelled)
				continue;
			double mean = statistics_mean(residual);
			double deviation = statistics_deviation(residual);
			double correlation = statistics_correlation(residual);
			print_message("%-12s %-20s rows %6zu  residual mean %+.3f  deviation %.3f  correlation %+.3f\n", documents[d].id,
				signal->id, residual->count, mean, deviation, correlation);
			assert_true(residual->count >= 700);
			assert_true(fabs(mean) < 0.3);
			assert_true(deviation > 0.7 && deviation < 1.3);
			/* White: what is left is measurement noise. Three deviations of an estimate from so many rows, and 0.1. */
			assert_true(fabs(correlation) < 0.1 + 3 / sqrt((double)residual->count));
		}
	}
}

struct seen {
	size_t unregistered, revoked, tampered, again, malformed, missing, fire, power, door;
};

static const struct floor_fault *fault_of(const struct floor *floor, enum floor_fault_kind kind)
{
	size_t count;
	const struct floor_fault *faults = floor_faults(floor, &count);
	for (size_t i = 0; i < count; i++)
		if (faults[i].kind == kind)
			return &faults[i];
	return NULL;
}

static bool during(const struct floor *floor, enum floor_fault_kind kind, const struct floor_message *message)
{
	const struct floor_fault *fault = fault_of(floor, kind);
	return fault && strcmp(fault->device, message->device) == 0 && message->time_ns >= fault->start_ns &&
		message->time_ns <= fault->end_ns;
}

static void critical_is_well_formed(const struct floor_message *message, struct seen *seen)
{
	yyjson_doc *json = yyjson_read((const char *)message->payload.data, message->payload.size, 0);
	assert_non_null(json);
	yyjson_val *root = yyjson_doc_get_root(json);
	const char *event = text_of(root, "event");
	assert_true(yyjson_get_sint(yyjson_obj_get(root, "t")) == message->time_ns / NS_PER_MS);
	assert_true(strlen(text_of(root, "detail")) > 0);
	yyjson_val *registered = yyjson_obj_get(yyjson_doc_get_root(document_of(message->device)->json), "critical");
	assert_string_equal(yyjson_get_str(registered), event);
	seen->fire += strcmp(event, "fire") == 0;
	seen->power += strcmp(event, "power") == 0;
	seen->door += strcmp(event, "door") == 0;
	yyjson_doc_free(json);
}

static void forged_differs_in_one_reading(const struct floor_message *message, const char *signal)
{
	const struct document *document = document_of(message->device);
	struct floor_message genuine = *message;
	genuine.payload = message->original;
	double altered[SIGNALS_MAX], raw[SIGNALS_MAX];
	int64_t time_ms = 0, genuine_ms = 0;
	assert_true(message_row(document, message, &time_ms, altered));
	assert_true(message_row(document, &genuine, &genuine_ms, raw));
	assert_true(time_ms == genuine_ms);
	for (int i = 0; i < document->signal_count; i++)
		assert_true((altered[i] != raw[i]) == (strcmp(document->signals[i].id, signal) == 0));
}

/* One data message: a flaw shows in exactly the episode that is to have it. */
static void data_is_as_the_truth_says(const struct floor *floor, const struct floor_message *message, struct seen *seen)
{
	if (strcmp(message->device, "ghost-7") == 0) {
		assert_true(during(floor, FLOOR_UNREGISTERED, message));
		seen->unregistered++;
		return;
	}
	if (strcmp(message->device, "camera-9") == 0) {
		assert_true(during(floor, FLOOR_REVOKED, message));
		seen->revoked++;
	}
	if (message->tampered) {
		assert_true(during(floor, FLOOR_FORGED, message));
		forged_differs_in_one_reading(message, fault_of(floor, FLOOR_FORGED)->signal);
		seen->tampered++;
	} else {
		assert_true(span_equal(message->payload, message->original));
	}
	if (message->again) {
		assert_true(during(floor, FLOOR_REPLAYED, message));
		seen->again++;
		return;
	}
	const struct document *document = document_of(message->device);
	double raw[SIGNALS_MAX] = {0};
	int64_t time_ms = 0;
	if (!message_row(document, message, &time_ms, raw)) {
		assert_true(during(floor, FLOOR_MALFORMED, message));
		seen->malformed++;
		return;
	}
	assert_true(time_ms * NS_PER_MS == message->time_ns);
	if (strcmp(message->device, "camera-9") == 0)
		for (int i = 0; i < document->signal_count; i++)
			assert_true(raw[i] > document->signals[i].low && raw[i] < document->signals[i].high);
	for (int i = 0; i < document->signal_count; i++)
		if (isnan(raw[i])) {
			assert_true(during(floor, FLOOR_MISSING, message));
			assert_string_equal(document->signals[i].id, fault_of(floor, FLOOR_MISSING)->signal);
			seen->missing++;
		}
}

static void every_fault_happens(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct floor *floor = floor_new(seed, START_NS, SHORT_NS);
		struct seen seen = {0};
		struct floor_message message;
		int64_t before_ns = START_NS;
		uint64_t numbers[DOCUMENTS + 1] = {0};
		while (floor_next(floor, START_NS + SHORT_NS, &message)) {
			assert_true(message.time_ns >= before_ns);
			before_ns = message.time_ns;
			if (!message.again) {
				const struct document *document = document_of(message.device);
				uint64_t *number = &numbers[document ? document - documents : DOCUMENTS];
				assert_true(message.number == ++*number);
			}
			if (message.kind == FLOOR_CRITICAL)
				critical_is_well_formed(&message, &seen);
			else
				data_is_as_the_truth_says(floor, &message, &seen);
		}
		assert_true(seen.unregistered >= 10 && seen.revoked >= 10);
		assert_true(seen.tampered >= 5 && seen.again >= 5);
		assert_true(seen.malformed >= 10 && seen.missing >= 15);
		assert_int_equal(seen.fire, 3);
		assert_int_equal(seen.power, 1);
		assert_in_range(seen.door, 0, 6);
		floor_free(floor);
	}
}

static void the_schedule_keeps_its_rules(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		int64_t duration_ns = seed % 4 == 0 ? DAY_NS : seed % 4 == 1 ? SHORT_NS / 5 : SHORT_NS;
		struct floor *floor = floor_new(seed, START_NS, duration_ns);
		double run = (double)(duration_ns < FLOOR_DURATION_MIN_NS ? FLOOR_DURATION_MIN_NS : duration_ns);
		size_t count;
		const struct floor_fault *faults = floor_faults(floor, &count);
		assert_int_equal(count, FLOOR_FAULT_END - 1);
		unsigned kinds = 0;
		for (size_t i = 0; i < count; i++) {
			kinds |= 1u << faults[i].kind;
			double start = (double)(faults[i].start_ns - START_NS) / run;
			assert_true(start >= 0.15 && start <= 0.75);
			assert_false(faults[i].repaired);
			if (i)
				assert_true(faults[i].start_ns >= faults[i - 1].start_ns);
			for (size_t j = 0; j < i; j++)
				if (strcmp(faults[i].device, faults[j].device) == 0)
					assert_true(faults[j].end_ns < faults[i].start_ns || faults[i].end_ns < faults[j].start_ns);
		}
		assert_int_equal(kinds, (1u << FLOOR_FAULT_END) - 2);
		floor_free(floor);
	}
	assert_string_equal(floor_fault_name(FLOOR_REPLAYED), "replayed");
	assert_string_equal(floor_fault_name(FLOOR_FAULT_END), "unknown");
}

static void a_replayed_message_is_an_old_one(void **state)
{
	(void)state;
	struct floor *floor = floor_new(3, START_NS, SHORT_NS);
	const struct floor_fault replay = *fault_of(floor, FLOOR_REPLAYED);
	struct floor_message message;
	struct buffer sent[4096] = {0}; /* by number, wrapped */
	size_t again = 0;
	while (floor_next(floor, replay.end_ns + NS_PER_S, &message)) {
		if (strcmp(message.device, replay.device) != 0)
			continue;
		struct buffer *slot = &sent[message.number % 4096];
		if (message.again) {
			assert_true(span_equal(buffer_span(slot), message.payload));
			const struct document *document = document_of(message.device);
			double raw[SIGNALS_MAX];
			int64_t time_ms = 0;
			assert_true(message_row(document, &message, &time_ms, raw));
			assert_true(time_ms * NS_PER_MS <= message.time_ns - 20 * NS_PER_S);
			assert_false(message.tampered);
			again++;
		} else {
			buffer_clear(slot);
			buffer_append_span(slot, message.payload);
		}
	}
	assert_true(again >= 5);
	for (size_t i = 0; i < 4096; i++)
		buffer_free(&sent[i]);
	floor_free(floor);
}

/* Mean residual of every signal of one device over [from, to). */
static void mean_residuals(struct floor *floor, struct follower *follower, const char *device, int64_t from_ns, int64_t to_ns,
	double *means)
{
	const struct document *document = document_of(device);
	struct statistics statistics[SIGNALS_MAX] = {0};
	struct floor_message message;
	while (floor_next(floor, to_ns, &message)) {
		if (strcmp(message.device, device) != 0 || message.kind != FLOOR_DATA || message.tampered || message.again)
			continue;
		double raw[SIGNALS_MAX] = {0};
		int64_t time_ms = 0;
		if (!message_row(document, &message, &time_ms, raw))
			continue;
		follow(follower, document, time_ms, raw);
		for (int i = 0; i < document->signal_count; i++)
			if (message.time_ns >= from_ns && document->signals[i].modelled)
				statistics_add(&statistics[i], follower->residual[i]);
	}
	for (int i = 0; i < document->signal_count; i++)
		means[i] = statistics[i].count ? statistics_mean(&statistics[i]) : 0;
}

static int named(const char *device, const char *signal)
{
	return signal_index(document_of(device), signal, strlen(signal));
}

static void wear_raises_vibration_and_temperature(void **state)
{
	(void)state;
	int vibration = named("spindle-1", "vibration");
	int temperature = named("spindle-1", "bearing_temperature");
	int coolant = named("spindle-1", "coolant_flow");
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct floor *floor = floor_new(seed, START_NS, SHORT_NS);
		const struct floor_fault wear = *fault_of(floor, FLOOR_BEARING_WEAR);
		struct follower follower = {0};
		double before[SIGNALS_MAX], found[SIGNALS_MAX], late[SIGNALS_MAX];
		mean_residuals(floor, &follower, "spindle-1", wear.start_ns - 120 * NS_PER_S, wear.start_ns, before);
		assert_true(fabs(before[vibration]) < 0.5 && fabs(before[temperature]) < 0.5);
		int64_t grown_ns = wear.start_ns + SHORT_NS * 15 / 100;
		mean_residuals(floor, &follower, "spindle-1", grown_ns - 20 * NS_PER_S, grown_ns, found);
		/* The twin sees it first: no bound is near yet. */
		const struct document *document = document_of("spindle-1");
		for (int i = 0; i < document->signal_count; i++)
			assert_true(follower.value[i] > document->signals[i].low && follower.value[i] < document->signals[i].high);
		mean_residuals(floor, &follower, "spindle-1", START_NS + SHORT_NS - 120 * NS_PER_S, START_NS + SHORT_NS, late);
		print_message("seed %d: wear after 180 s %+.1f %+.1f sigma, at the end %+.1f %+.1f sigma (vibration, temperature)\n",
			(int)seed, found[vibration], found[temperature], late[vibration], late[temperature]);
		assert_true(found[vibration] >= 6 && found[temperature] >= 6);
		assert_true(late[vibration] > found[vibration] && late[temperature] > found[temperature]);
		assert_true(fabs(late[coolant]) < 0.5);
		floor_free(floor);
	}
}

/* Unattended wear ends beyond the bounds. */
static void wear_crosses_the_bounds_late(void **state)
{
	(void)state;
	struct floor *floor = floor_new(2, START_NS, SHORT_NS);
	const struct floor_fault wear = *fault_of(floor, FLOOR_BEARING_WEAR);
	const struct document *document = document_of("spindle-1");
	int64_t crossed_ns = 0;
	struct floor_message message;
	while (floor_next(floor, START_NS + SHORT_NS, &message)) {
		double raw[SIGNALS_MAX] = {0};
		int64_t time_ms = 0;
		if (strcmp(message.device, "spindle-1") != 0 || message.tampered || message.again ||
			!message_row(document, &message, &time_ms, raw))
			continue;
		for (int i = 0; i < document->signal_count && crossed_ns == 0; i++)
			if (raw[i] > document->signals[i].high)
				crossed_ns = message.time_ns;
	}
	assert_true(crossed_ns > wear.start_ns + 180 * NS_PER_S);
	floor_free(floor);
}

static void drift_moves_one_thermocouple(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct floor *floor = floor_new(seed, START_NS, SHORT_NS);
		const struct floor_fault drift = *fault_of(floor, FLOOR_THERMOCOUPLE_DRIFT);
		int which = named("autoclave-1", drift.signal);
		struct follower follower = {0};
		double before[SIGNALS_MAX], after[SIGNALS_MAX], later[SIGNALS_MAX];
		mean_residuals(floor, &follower, "autoclave-1", drift.start_ns - 120 * NS_PER_S, drift.start_ns, before);
		int64_t ended_ns = drift.start_ns + SHORT_NS / 5;
		mean_residuals(floor, &follower, "autoclave-1", ended_ns, ended_ns + 120 * NS_PER_S, after);
		mean_residuals(floor, &follower, "autoclave-1", ended_ns + 120 * NS_PER_S, ended_ns + 240 * NS_PER_S, later);
		for (int i = 0; i < 3; i++) {
			assert_true(fabs(before[i]) < 1);
			if (i != which)
				assert_true(fabs(after[i]) < 1);
		}
		assert_true(after[which] >= 8);
		assert_true(fabs(later[which] - after[which]) < 1);
		floor_free(floor);
	}
}

static void a_frozen_torque_repeats(void **state)
{
	(void)state;
	struct floor *floor = floor_new(4, START_NS, SHORT_NS);
	const struct floor_fault frozen = *fault_of(floor, FLOOR_FROZEN_SENSOR);
	assert_string_equal(frozen.signal, "torque_3");
	assert_true(frozen.end_ns - frozen.start_ns >= 30 * NS_PER_S);
	const struct document *document = document_of("robot-1");
	int torque = named("robot-1", "torque_3");
	struct follower follower = {0};
	unsigned longest = 0;
	struct floor_message message;
	while (floor_next(floor, START_NS + SHORT_NS, &message)) {
		double raw[SIGNALS_MAX];
		int64_t time_ms = 0;
		if (strcmp(message.device, "robot-1") != 0 || message.again || !message_row(document, &message, &time_ms, raw))
			continue;
		follow(&follower, document, time_ms, raw);
		for (int i = 0; i < document->signal_count; i++)
			if (i != torque)
				assert_true(follower.equal[i] < 10);
		longest = follower.equal[torque] > longest ? follower.equal[torque] : longest;
	}
	assert_true(longest >= 150);
	floor_free(floor);
}

/* -- commands --------------------------------------------------------------------------- */

/* Run until `to_ns`; the newest spindle readings, and the results that came. */
struct answers {
	size_t count;
	bool done;
	int64_t time_ns;
	char command[80];
	double speed, vibration;
};

static void run_spindle(struct floor *floor, int64_t to_ns, struct answers *answers)
{
	const struct document *document = document_of("spindle-1");
	struct floor_message message;
	while (floor_next(floor, to_ns, &message)) {
		if (message.kind == FLOOR_RESULT) {
			yyjson_doc *json = yyjson_read((const char *)message.payload.data, message.payload.size, 0);
			assert_non_null(json);
			yyjson_val *root = yyjson_doc_get_root(json);
			answers->count++;
			answers->done = yyjson_get_bool(yyjson_obj_get(root, "done"));
			answers->time_ns = message.time_ns;
			assert_true(yyjson_get_sint(yyjson_obj_get(root, "t")) == message.time_ns / NS_PER_MS);
			assert_true(strlen(text_of(root, "detail")) > 0);
			snprintf(answers->command, sizeof answers->command, "%s", text_of(root, "command"));
			yyjson_doc_free(json);
		} else if (strcmp(message.device, "spindle-1") == 0 && !message.again && !message.tampered) {
			double raw[SIGNALS_MAX];
			int64_t time_ms = 0;
			assert_true(json_row(document, message.payload, &time_ms, raw));
			answers->speed = raw[named("spindle-1", "speed")];
			answers->vibration = raw[named("spindle-1", "vibration")];
		}
	}
}

static void commands_are_obeyed(void **state)
{
	(void)state;
	struct floor *floor = floor_new(8, START_NS, DAY_NS);
	struct floor *free_running = floor_new(8, START_NS, DAY_NS);
	struct answers answers = {0}, other = {0};
	int64_t now_ns = START_NS + 100 * NS_PER_S;
	run_spindle(floor, now_ns, &answers);
	floor_command(floor, "spindle-1", "reduce_speed", 0.5, "00ff");
	now_ns += 10 * NS_PER_S;
	run_spindle(floor, now_ns, &answers);
	run_spindle(free_running, now_ns, &other);
	assert_int_equal(answers.count, 1);
	assert_true(answers.done);
	assert_string_equal(answers.command, "00ff");
	assert_true(answers.time_ns == now_ns - 5 * NS_PER_S);
	assert_true(fabs(answers.speed - other.speed / 2) < 20);

	floor_command(floor, "spindle-1", "stop", 0, "01");
	now_ns += 10 * NS_PER_S;
	run_spindle(floor, now_ns, &answers);
	assert_int_equal(answers.count, 2);
	assert_true(answers.done && fabs(answers.speed) < 20);

	floor_command(floor, "spindle-1", "reduce_speed", 1, "02");
	floor_command(floor, "spindle-1", "dance", 1, "03");
	floor_command(floor, "power-1", "stop", 1, "04");
	floor_command(floor, "spindle-1", "reduce_speed", NAN, "05");
	now_ns += 10 * NS_PER_S;
	run_spindle(floor, now_ns, &answers);
	assert_int_equal(answers.count, 6);
	assert_false(answers.done);
	assert_true(fabs(answers.speed) < 20);

	floor_command(floor, "spindle-1", "stop", 0, "not hexadecimal\"");
	floor_command(floor, "nobody-1", "stop", 0, "06");
	floor_command(floor, "spindle-1", "start_maintenance", 0, "07");
	floor_command(floor, "spindle-1", "stop", 0, "08");
	now_ns += 19 * NS_PER_S;
	run_spindle(floor, now_ns, &answers);
	assert_int_equal(answers.count, 7);
	assert_string_equal(answers.command, "08");
	assert_false(answers.done);
	assert_true(fabs(answers.speed) < 20);
	now_ns += 15 * NS_PER_S;
	run_spindle(floor, now_ns, &answers);
	run_spindle(free_running, now_ns, &other);
	assert_int_equal(answers.count, 8);
	assert_true(answers.done);
	assert_string_equal(answers.command, "07");
	assert_true(answers.time_ns == now_ns - 14 * NS_PER_S);
	assert_true(fabs(answers.speed - other.speed) < 20);
	floor_command(floor, "spindle-1", "start_maintenance", 0, "09");
	now_ns += 15 * NS_PER_S;
	run_spindle(floor, now_ns, &answers);
	assert_true(fabs(answers.speed) < 20);
	floor_free(floor);
	floor_free(free_running);
}

/* The documented model is the machine's physics, not a fit to its usual day: it holds at half speed, at rest and
 * while the machine starts again. */
static void the_model_holds_at_every_speed(void **state)
{
	(void)state;
	static const char *const devices[] = {"spindle-1", "robot-1"};
	static const struct {
		const char *action;
		double setting;
	} steps[] = {{"reduce_speed", 0.5}, {"stop", 0}, {"start_maintenance", 0}, {"reduce_speed", 0.8}};
	for (size_t d = 0; d < 2; d++) {
		struct floor *floor = floor_new(13, START_NS, DAY_NS);
		struct follower follower = {0};
		const struct document *document = document_of(devices[d]);
		double means[SIGNALS_MAX];
		int64_t now_ns = START_NS + 100 * NS_PER_S;
		mean_residuals(floor, &follower, devices[d], START_NS, now_ns, means);
		for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
			floor_command(floor, devices[d], steps[i].action, steps[i].setting, "0d");
			mean_residuals(floor, &follower, devices[d], now_ns, now_ns + 90 * NS_PER_S, means);
			now_ns += 90 * NS_PER_S;
			for (int j = 0; j < document->signal_count; j++) {
				assert_true(fabs(means[j]) < 0.3);
				assert_true(follower.value[j] > document->signals[j].low);
				assert_true(follower.value[j] < document->signals[j].high);
			}
		}
		floor_free(floor);
	}
}

static void maintenance_ends_wear_and_speed_slows_it(void **state)
{
	(void)state;
	int vibration = named("spindle-1", "vibration");
	struct floor *fast = floor_new(1, START_NS, SHORT_NS);
	struct floor *slow = floor_new(1, START_NS, SHORT_NS);
	int64_t begin_ns = fault_of(fast, FLOOR_BEARING_WEAR)->start_ns;
	struct follower fast_follower = {0}, slow_follower = {0};
	double means[SIGNALS_MAX], slow_means[SIGNALS_MAX];
	mean_residuals(fast, &fast_follower, "spindle-1", begin_ns, begin_ns + 60 * NS_PER_S, means);
	mean_residuals(slow, &slow_follower, "spindle-1", begin_ns, begin_ns + 60 * NS_PER_S, slow_means);
	floor_command(slow, "spindle-1", "reduce_speed", 0.5, "aa");
	int64_t later_ns = begin_ns + 240 * NS_PER_S;
	mean_residuals(fast, &fast_follower, "spindle-1", later_ns - 60 * NS_PER_S, later_ns, means);
	mean_residuals(slow, &slow_follower, "spindle-1", later_ns - 60 * NS_PER_S, later_ns, slow_means);
	/* Half the speed alone would halve it. */
	assert_true(slow_means[vibration] > 1);
	assert_true(slow_means[vibration] < means[vibration] / 4);

	floor_command(fast, "spindle-1", "start_maintenance", 0, "bb");
	mean_residuals(fast, &fast_follower, "spindle-1", later_ns + 30 * NS_PER_S, later_ns + 90 * NS_PER_S, means);
	assert_true(fabs(means[vibration]) < 0.5);
	const struct floor_fault *wear = fault_of(fast, FLOOR_BEARING_WEAR);
	assert_true(wear->repaired);
	assert_true(wear->end_ns == later_ns + 20 * NS_PER_S);
	assert_false(fault_of(slow, FLOOR_BEARING_WEAR)->repaired);
	floor_free(fast);
	floor_free(slow);
}

static void an_endless_run_has_faults_now_and_then(void **state)
{
	(void)state;
	struct floor *floor = floor_new(21, START_NS, 0);
	struct floor_message message;
	int64_t before_ns = START_NS;
	size_t count = 0, door = 0;
	int64_t hours = 4, asked_ns = START_NS;
	while (floor_due(floor) <= START_NS + hours * 3600 * NS_PER_S) {
		assert_true(floor_next(floor, floor_due(floor), &message));
		assert_true(message.time_ns >= before_ns);
		before_ns = message.time_ns;
		door += message.kind == FLOOR_CRITICAL && strcmp(message.device, "door-1") == 0;
		/* Someone looks after the spindle a minute after its wear began. */
		const struct floor_fault *all = floor_faults(floor, &count);
		const struct floor_fault *newest = count ? &all[count - 1] : NULL;
		if (newest && newest->kind == FLOOR_BEARING_WEAR && !newest->repaired &&
			message.time_ns > newest->start_ns + 60 * NS_PER_S && message.time_ns > asked_ns + 60 * NS_PER_S) {
			floor_command(floor, "spindle-1", "start_maintenance", 0, "0c");
			asked_ns = message.time_ns;
		}
	}
	const struct floor_fault *faults = floor_faults(floor, &count);
	size_t kinds[FLOOR_FAULT_END] = {0};
	for (size_t i = 0; i < count; i++) {
		kinds[faults[i].kind]++;
		if (i)
			assert_true(faults[i].start_ns > faults[i - 1].start_ns);
		for (size_t j = 0; j < i; j++)
			if (strcmp(faults[i].device, faults[j].device) == 0 && faults[j].kind != FLOOR_THERMOCOUPLE_DRIFT)
				assert_true(faults[j].end_ns < faults[i].start_ns);
	}
	assert_in_range(count, (size_t)hours * 18, (size_t)hours * 21);
	for (unsigned kind = 1; kind < FLOOR_FAULT_END; kind++)
		assert_true(kinds[kind] >= 2);
	assert_in_range(door, (size_t)hours * 3, (size_t)hours * 12);
	floor_free(floor);
}

static void due_is_when_the_next_message_comes(void **state)
{
	(void)state;
	struct floor *floor = floor_new(9, START_NS + 123, SHORT_NS);
	struct floor_message message;
	assert_true(floor_due(floor) == START_NS);
	assert_true(floor_next(floor, START_NS, &message));
	for (int i = 0; i < 20000; i++) {
		int64_t due_ns = floor_due(floor);
		assert_false(floor_next(floor, due_ns - 1, &message));
		assert_true(floor_next(floor, due_ns, &message));
		assert_true(message.time_ns == due_ns);
	}
	floor_free(floor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_gives_one_stream),
		cmocka_unit_test(healthy_machines_agree_with_their_documents),
		cmocka_unit_test(every_fault_happens),
		cmocka_unit_test(the_schedule_keeps_its_rules),
		cmocka_unit_test(a_replayed_message_is_an_old_one),
		cmocka_unit_test(wear_raises_vibration_and_temperature),
		cmocka_unit_test(wear_crosses_the_bounds_late),
		cmocka_unit_test(drift_moves_one_thermocouple),
		cmocka_unit_test(a_frozen_torque_repeats),
		cmocka_unit_test(commands_are_obeyed),
		cmocka_unit_test(the_model_holds_at_every_speed),
		cmocka_unit_test(maintenance_ends_wear_and_speed_slows_it),
		cmocka_unit_test(an_endless_run_has_faults_now_and_then),
		cmocka_unit_test(due_is_when_the_next_message_comes),
	};
	return cmocka_run_group_tests_name("floor", tests, documents_open, documents_close);
}
