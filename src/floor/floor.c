#include "floor/state.h"

#include "base/time.h"

#include <stdlib.h>

static const struct {
	const char *name;
	int64_t period_ms;
	int64_t phase_ms;             /* machines do not speak all at once */
	bool obeys;                   /* commands */
} machines[MACHINE_COUNT] = {
	[MACHINE_SPINDLE] = {"spindle-1", 100, 0, true},
	[MACHINE_AUTOCLAVE] = {"autoclave-1", 1000, 11, false},
	[MACHINE_ROBOT] = {"robot-1", 200, 23, true},
	[MACHINE_POWER] = {"power-1", 1000, 37, false},
	[MACHINE_FIRE] = {"fire-1", 5000, 41, false},
	[MACHINE_DOOR] = {"door-1", 5000, 53, false},
	[MACHINE_CAMERA] = {"camera-9", 1000, 0, false},
	[MACHINE_GHOST] = {"ghost-7", 1000, 0, false},
};

static const int64_t MAINTENANCE_NS = 20 * NS_PER_S;
static const int64_t ANSWER_NS = 5 * NS_PER_S;
static const int64_t RECORD_GAP_NS = 10 * NS_PER_S;

const char *floor_machine_name(enum machine machine)
{
	return machines[machine].name;
}

/* -- queue ----------------------------------------------------------------------------- */

void floor_queue_put(struct floor *floor, enum machine machine, enum floor_message_kind kind, int64_t time_ns,
	struct buffer *payload, uint64_t number)
{
	ARRAY_GROW(floor->queue, floor->queue_count, floor->queue_capacity);
	floor->queue[floor->queue_count++] = (struct queued){
		.message = {.device = machines[machine].name, .kind = kind, .time_ns = time_ns, .number = number, .again = number != 0},
		.payload = *payload,
		.order = floor->queued++,
	};
	*payload = (struct buffer){0};
}

/* Index of the earliest; queue_count when it is empty. A handful wait at any time. */
static size_t queue_first(const struct floor *floor)
{
	size_t first = floor->queue_count;
	for (size_t i = 0; i < floor->queue_count; i++) {
		const struct queued *a = &floor->queue[i];
		const struct queued *b = first < floor->queue_count ? &floor->queue[first] : NULL;
		if (!b || a->message.time_ns < b->message.time_ns ||
			(a->message.time_ns == b->message.time_ns && a->order < b->order))
			first = i;
	}
	return first;
}

static enum machine machine_of(const char *name)
{
	int machine = 0;
	while (machine < MACHINE_COUNT && strcmp(machines[machine].name, name) != 0)
		machine++;
	return (enum machine)machine;
}

static void queue_take(struct floor *floor, size_t index, struct floor_message *out)
{
	struct queued taken = floor->queue[index];
	floor->queue[index] = floor->queue[--floor->queue_count];
	buffer_free(&floor->payload);
	floor->payload = taken.payload;
	*out = taken.message;
	out->payload = out->original = buffer_span(&floor->payload);
	if (!out->again)
		out->number = ++floor->stations[machine_of(out->device)].number;
}

/* -- life ------------------------------------------------------------------------------ */

struct floor *floor_new(uint64_t seed, int64_t start_ns, int64_t duration_ns)
{
	struct floor *floor = memory_new(sizeof *floor);
	struct random root = random_of(seed);
	floor->start_ns = start_ns - start_ns % NS_PER_MS;
	floor->now_ns = floor->start_ns;
	floor->duration_ns = duration_ns;
	if (duration_ns != 0 && duration_ns < FLOOR_DURATION_MIN_NS)
		floor->duration_ns = FLOOR_DURATION_MIN_NS;
	floor->schedule = random_of(random_next(&root));
	floor->incidents = random_of(random_next(&root));
	floor_spindle_begin(&floor->spindle, random_next(&root));
	floor_autoclave_begin(&floor->autoclave, random_next(&root));
	floor_robot_begin(&floor->robot, random_next(&root));
	floor_power_begin(&floor->power, random_next(&root));
	for (int i = 0; i < 4; i++)
		floor_keeper_begin(&floor->keepers[i], random_next(&root));
	for (int i = 0; i < MACHINE_COUNT; i++) {
		struct station *station = &floor->stations[i];
		station->period_ns = machines[i].period_ms * NS_PER_MS;
		bool silent = i == MACHINE_CAMERA || i == MACHINE_GHOST;
		station->next_ns = silent ? INT64_MAX : floor->start_ns + machines[i].phase_ms * NS_PER_MS;
		station->share = 1;
	}
	floor->door_open_ns = INT64_MAX;
	floor->dip_ns = INT64_MAX;
	floor_schedule_begin(floor);
	return floor;
}

void floor_free(struct floor *floor)
{
	if (!floor)
		return;
	for (size_t i = 0; i < floor->queue_count; i++)
		buffer_free(&floor->queue[i].payload);
	for (int i = 0; i < MACHINE_COUNT; i++)
		for (int j = 0; j < RECORDED_MAX; j++)
			buffer_free(&floor->stations[i].recorded[j].payload);
	buffer_free(&floor->payload);
	buffer_free(&floor->original);
	free(floor->queue);
	free(floor->faults);
	free(floor);
}

const struct floor_fault *floor_faults(const struct floor *floor, size_t *count)
{
	*count = floor->fault_count;
	return floor->faults;
}

/* -- incidents that are no faults -------------------------------------------------------- */

static int64_t later(struct floor *floor, double low_s, double high_s)
{
	return (int64_t)(1000 * floor_between(&floor->incidents, low_s, high_s)) * NS_PER_MS;
}

/* The hall's door is opened a few times an hour. */
static bool door_open(struct floor *floor, int64_t time_ns)
{
	if (time_ns >= floor->door_close_ns) {
		floor->door_open_ns = time_ns + later(floor, 240, 1200);
		floor->door_close_ns = floor->door_open_ns + later(floor, 15, 60);
		struct buffer payload = {0};
		floor_payload_event(&payload, "door", floor->door_open_ns, "hall door opened");
		floor_queue_put(floor, MACHINE_DOOR, FLOOR_CRITICAL, floor->door_open_ns, &payload, 0);
	}
	return time_ns >= floor->door_open_ns;
}

static bool power_disturbed(struct floor *floor, int64_t time_ns)
{
	static const enum floor_fault_kind kinds[] = {FLOOR_MISSING, FLOOR_FORGED, FLOOR_REPLAYED};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		for (int side = -1; side <= 1; side++)
			if (floor_schedule_active(floor, kinds[i], MACHINE_POWER, time_ns + side * 10 * NS_PER_S))
				return true;
	return false;
}

/* A supply dip of one cycle, too short to show in the readings: once in the middle of a run, twice an hour
 * in an endless one. */
static void power_dip(struct floor *floor, int64_t time_ns)
{
	if (floor->dip_ns == INT64_MAX) {
		double run_s = (double)(floor->duration_ns / NS_PER_S);
		int64_t wait_ns = run_s > 0 ? later(floor, 0.15 * run_s, 0.7 * run_s) : later(floor, 1200, 2400);
		floor->dip_ns = time_ns + wait_ns;
	}
	if (floor->dip_ns == 0 || time_ns < floor->dip_ns || power_disturbed(floor, time_ns))
		return;
	int64_t event_ns = time_ns + 300 * NS_PER_MS;
	struct buffer payload = {0};
	floor_payload_event(&payload, "power", event_ns, "supply dipped to 331 V for 20 ms");
	floor_queue_put(floor, MACHINE_POWER, FLOOR_CRITICAL, event_ns, &payload, 0);
	floor->dip_ns = floor->duration_ns ? 0 : INT64_MAX;
}

/* -- one machine's next message ----------------------------------------------------------- */

static double thermocouple_offset(const struct floor *floor, int which, int64_t time_ns)
{
	double from = floor->drift_from[which];
	double to = floor->drift_to[which];
	if (time_ns <= floor->drift_start_ns[which])
		return from;
	if (time_ns >= floor->drift_end_ns[which])
		return to;
	double part = (double)(time_ns - floor->drift_start_ns[which]) /
		(double)(floor->drift_end_ns[which] - floor->drift_start_ns[which]);
	return from + part * (to - from);
}

static void sample_autoclave(struct floor *floor, int64_t time_ns, double *values)
{
	double offset[AUTOCLAVE_THERMOCOUPLES];
	for (int i = 0; i < AUTOCLAVE_THERMOCOUPLES; i++)
		offset[i] = thermocouple_offset(floor, i, time_ns);
	floor_autoclave_sample(&floor->autoclave, offset, values);
}

static void sample(struct floor *floor, enum machine machine, int64_t time_ns, double *values)
{
	struct station *station = &floor->stations[machine];
	double share = station->stopped || station->maintenance_end_ns ? 0 : station->share;
	switch (machine) {
	case MACHINE_SPINDLE: {
		bool worn = floor_schedule_active(floor, FLOOR_BEARING_WEAR, machine, time_ns);
		floor_spindle_sample(&floor->spindle, share, worn ? floor->wear_time_s : 0, values);
		break;
	}
	case MACHINE_AUTOCLAVE:
		sample_autoclave(floor, time_ns, values);
		break;
	case MACHINE_ROBOT: {
		double frozen = values[2];
		floor_robot_sample(&floor->robot, share, values);
		if (floor_schedule_active(floor, FLOOR_FROZEN_SENSOR, machine, time_ns))
			values[2] = frozen;
		break;
	}
	case MACHINE_POWER:
		floor_power_sample(&floor->power, values);
		power_dip(floor, time_ns);
		break;
	case MACHINE_FIRE:
		floor_fire_sample(&floor->keepers[0], values);
		break;
	case MACHINE_DOOR:
		floor_door_sample(&floor->keepers[1], door_open(floor, time_ns), values);
		break;
	default:
		floor_camera_sample(&floor->keepers[machine == MACHINE_CAMERA ? 2 : 3], values);
	}
}

static void finish_maintenance(struct floor *floor, enum machine machine, int64_t time_ns)
{
	struct station *station = &floor->stations[machine];
	if (station->maintenance_end_ns == 0 || time_ns < station->maintenance_end_ns)
		return;
	floor_schedule_repair(floor, machine, station->maintenance_end_ns);
	if (machine == MACHINE_SPINDLE)
		floor->spindle.wear = 0;
	station->maintenance_end_ns = 0;
	station->stopped = false;
	station->share = 1;
}

/* The attacker keeps a message every ten seconds, and later sends the kept ones again, one every two seconds. */
static void record_or_replay(struct floor *floor, enum machine machine, int64_t time_ns)
{
	struct station *station = &floor->stations[machine];
	if (floor_schedule_active(floor, FLOOR_REPLAYED, machine, time_ns)) {
		if (station->replayed == station->recorded_count || time_ns - station->replayed_ns < FORGE_GAP_NS)
			return;
		size_t oldest = station->recorded_next + RECORDED_MAX - station->recorded_count;
		struct recorded *old = &station->recorded[(oldest + station->replayed++) % RECORDED_MAX];
		struct buffer copy = {0};
		buffer_append_span(&copy, buffer_span(&old->payload));
		floor_queue_put(floor, machine, FLOOR_DATA, time_ns + 50 * NS_PER_MS, &copy, old->number);
		station->replayed_ns = time_ns;
		return;
	}
	if (time_ns - station->recorded_ns < RECORD_GAP_NS)
		return;
	struct recorded *slot = &station->recorded[station->recorded_next];
	buffer_clear(&slot->payload);
	buffer_append_span(&slot->payload, buffer_span(&floor->payload));
	slot->number = station->number;
	station->recorded_next = (station->recorded_next + 1) % RECORDED_MAX;
	if (station->recorded_count < RECORDED_MAX)
		station->recorded_count++;
	station->recorded_ns = time_ns;
}

static void next_time(struct floor *floor, enum machine machine)
{
	struct station *station = &floor->stations[machine];
	station->next_ns += station->period_ns;
	enum floor_fault_kind reason = machine == MACHINE_CAMERA ? FLOOR_REVOKED : FLOOR_UNREGISTERED;
	if ((machine == MACHINE_CAMERA || machine == MACHINE_GHOST) &&
		!floor_schedule_active(floor, reason, machine, station->next_ns))
		station->next_ns = INT64_MAX;
}

/* Should this reading be altered on its way? One every two seconds, so that the others still tell the story. */
static bool forge(struct floor *floor, enum machine machine, int64_t time_ns)
{
	struct station *station = &floor->stations[machine];
	if (!floor_schedule_active(floor, FLOOR_FORGED, machine, time_ns) || time_ns - station->tampered_ns < FORGE_GAP_NS)
		return false;
	station->tampered_ns = time_ns;
	return true;
}

/* One reading is made a fifth smaller: less heat, less torque, less power than there was. */
static void tamper(struct floor *floor, enum machine machine, struct floor_message *out)
{
	double sent[VALUES_MAX];
	memcpy(sent, floor->stations[machine].values, sizeof sent);
	sent[floor->forged_value] *= 0.8;
	struct buffer swap = floor->original;
	floor->original = floor->payload;
	floor->payload = swap;
	buffer_clear(&floor->payload);
	floor_payload_data(&floor->payload, machine, out->time_ns, sent, -1);
	out->tampered = true;
	out->original = buffer_span(&floor->original);
	out->payload = buffer_span(&floor->payload);
}

static void speak(struct floor *floor, enum machine machine, struct floor_message *out)
{
	struct station *station = &floor->stations[machine];
	int64_t time_ns = station->next_ns;
	finish_maintenance(floor, machine, time_ns);
	sample(floor, machine, time_ns, station->values);

	*out = (struct floor_message){
		.device = machines[machine].name, .kind = FLOOR_DATA, .time_ns = time_ns, .number = ++station->number};
	int absent = floor_schedule_active(floor, FLOOR_MISSING, machine, time_ns) ? (int)floor->missing_value : -1;
	buffer_clear(&floor->payload);
	floor_payload_data(&floor->payload, machine, time_ns, station->values, absent);
	if (floor_schedule_active(floor, FLOOR_MALFORMED, machine, time_ns) && station->number % 2)
		floor->payload.size /= 2;
	else
		record_or_replay(floor, machine, time_ns);
	out->payload = out->original = buffer_span(&floor->payload);
	if (forge(floor, machine, time_ns))
		tamper(floor, machine, out);
	next_time(floor, machine);
}

/* -- time ------------------------------------------------------------------------------ */

static enum machine first_machine(const struct floor *floor)
{
	int first = 0;
	for (int i = 1; i < MACHINE_COUNT; i++)
		if (floor->stations[i].next_ns < floor->stations[first].next_ns)
			first = i;
	return (enum machine)first;
}

int64_t floor_due(const struct floor *floor)
{
	int64_t due_ns = floor->stations[first_machine(floor)].next_ns;
	size_t first = queue_first(floor);
	if (first < floor->queue_count && floor->queue[first].message.time_ns < due_ns)
		due_ns = floor->queue[first].message.time_ns;
	return due_ns;
}

bool floor_next(struct floor *floor, int64_t now_ns, struct floor_message *out)
{
	if (now_ns > floor->now_ns)
		floor->now_ns = now_ns;
	int64_t due_ns = floor_due(floor);
	if (due_ns > floor->now_ns)
		return false;
	/* Faults start some seconds after they are drawn, so nothing comes in before due_ns. */
	floor_schedule_advance(floor, due_ns);
	size_t first = queue_first(floor);
	if (first < floor->queue_count && floor->queue[first].message.time_ns == due_ns)
		queue_take(floor, first, out);
	else
		speak(floor, first_machine(floor), out);
	return true;
}

/* -- commands --------------------------------------------------------------------------- */

static bool is_hexadecimal(const char *text)
{
	size_t size = strlen(text);
	return size <= 128 && strspn(text, "0123456789abcdef") == size;
}

/* Obey, or say why not. */
static bool obey(struct floor *floor, enum machine machine, const char *action, double setting, const char **detail)
{
	struct station *station = &floor->stations[machine];
	if (!machines[machine].obeys) {
		*detail = "this machine obeys no commands";
		return false;
	}
	if (station->maintenance_end_ns) {
		*detail = "in maintenance";
		return false;
	}
	if (strcmp(action, "start_maintenance") == 0) {
		station->maintenance_end_ns = floor->now_ns + MAINTENANCE_NS;
		*detail = machine == MACHINE_SPINDLE ? "bearing replaced, running again" : "sensors replaced, running again";
		return true;
	}
	if (strcmp(action, "stop") == 0) {
		station->stopped = true;
		*detail = "at rest";
		return true;
	}
	if (strcmp(action, "reduce_speed") != 0) {
		*detail = "unknown action";
		return false;
	}
	if (!(setting > 0 && setting <= 1)) {
		*detail = "the share of the speed must be above 0 and at most 1";
		return false;
	}
	if (station->stopped) {
		*detail = "stopped; maintenance starts it again";
		return false;
	}
	station->share = setting;
	*detail = "running at the new speed";
	return true;
}

void floor_command(struct floor *floor, const char *device, const char *action, double setting, const char *command)
{
	enum machine machine = machine_of(device);
	if (machine == MACHINE_COUNT || machine == MACHINE_GHOST || !is_hexadecimal(command))
		return;
	const char *detail = "";
	bool done = obey(floor, machine, action, setting, &detail);
	bool slow = done && floor->stations[machine].maintenance_end_ns;
	int64_t time_ns = floor->now_ns + (slow ? MAINTENANCE_NS : ANSWER_NS);
	struct buffer payload = {0};
	floor_payload_result(&payload, command, done, detail, time_ns);
	floor_queue_put(floor, machine, FLOOR_RESULT, time_ns, &payload, 0);
}
