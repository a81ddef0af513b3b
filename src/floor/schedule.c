#include "floor/state.h"

#include "base/time.h"

/* Where a fault may happen, how long it lasts, and in which share of the run it may begin.
 * Wear and drift need the rest of the run to grow and to be dealt with, so they begin early. */
static const struct {
	enum floor_fault_kind kind;
	unsigned machines;            /* a bit each */
	int shortest_s, longest_s;    /* 0: until maintenance */
	double earliest, latest;      /* start, share of the duration */
} plans[] = {
	{FLOOR_BEARING_WEAR, 1 << MACHINE_SPINDLE, 0, 0, 0.15, 0.35},
	{FLOOR_THERMOCOUPLE_DRIFT, 1 << MACHINE_AUTOCLAVE, 0, 0, 0.15, 0.45},
	{FLOOR_FROZEN_SENSOR, 1 << MACHINE_ROBOT, 40, 60, 0.15, 0.75},
	{FLOOR_MISSING, 1 << MACHINE_POWER, 20, 30, 0.15, 0.75},
	{FLOOR_MALFORMED, 1 << MACHINE_ROBOT, 6, 6, 0.15, 0.75},
	{FLOOR_FORGED, 1 << MACHINE_SPINDLE | 1 << MACHINE_ROBOT | 1 << MACHINE_POWER, 14, 14, 0.15, 0.75},
	{FLOOR_UNREGISTERED, 1 << MACHINE_GHOST, 14, 14, 0.15, 0.75},
	{FLOOR_REVOKED, 1 << MACHINE_CAMERA, 14, 14, 0.15, 0.75},
	{FLOOR_FIRE, 1 << MACHINE_FIRE, 10, 10, 0.15, 0.75},
	{FLOOR_REPLAYED, 1 << MACHINE_SPINDLE | 1 << MACHINE_ROBOT | 1 << MACHINE_POWER, 14, 14, 0.15, 0.75},
};
enum { PLANS = sizeof plans / sizeof plans[0] };

static const int64_t MARGIN_NS = 15 * NS_PER_S;         /* between faults on one device */
static const int64_t LEAD_NS = 5 * NS_PER_S;            /* endless run: from drawing to start */
static const int64_t SETTLED_NS = 300 * NS_PER_S;       /* after a drift ended, until the same machine is disturbed again */
static const double DRIFT_CEL = 8;

const char *floor_fault_name(unsigned kind)
{
	static const char *const names[] = {"none", "bearing_wear", "thermocouple_drift", "frozen_sensor", "missing",
		"malformed", "forged", "unregistered", "revoked", "fire", "replayed"};
	return kind < FLOOR_FAULT_END ? names[kind] : "unknown";
}

static int64_t seconds_between(struct random *random, double low_s, double high_s)
{
	return (int64_t)(1000 * floor_between(random, low_s, high_s)) * NS_PER_MS;
}

/* When a device is free for another fault. A drift lasts for good, but once it has come to rest and the
 * twin has had time to learn it, the autoclave is as good as sound. */
static int64_t free_again(const struct floor *floor, const struct floor_fault *fault)
{
	if (fault->kind == FLOOR_THERMOCOUPLE_DRIFT && floor->duration_ns == 0)
		return floor->drift_end_ns[floor->drifting] + SETTLED_NS;
	return fault->end_ns;
}

/* May [start, end] be disturbed on this device? */
static bool device_free(const struct floor *floor, const char *device, int64_t start_ns, int64_t end_ns)
{
	for (unsigned kind = 1; kind < FLOOR_FAULT_END; kind++) {
		if (!floor->newest[kind])
			continue;
		const struct floor_fault *fault = &floor->faults[floor->newest[kind] - 1];
		if (fault->device != device)
			continue;
		int64_t free_ns = free_again(floor, fault);
		bool after = free_ns != INT64_MAX && free_ns + MARGIN_NS <= start_ns;
		bool before = end_ns != INT64_MAX && end_ns + MARGIN_NS <= fault->start_ns;
		if (!after && !before)
			return false;
	}
	return true;
}

static enum machine choose_machine(struct random *random, unsigned machines)
{
	unsigned count = (unsigned)__builtin_popcount(machines);
	unsigned skip = (unsigned)random_below(random, count);
	for (int machine = 0; machine < MACHINE_COUNT; machine++)
		if (machines >> machine & 1 && skip-- == 0)
			return (enum machine)machine;
	CHECK(false);
	return MACHINE_COUNT;
}

/* One of three thermocouples moves by 8 K: up from sound, or back. */
static const char *begin_drift(struct floor *floor, int64_t start_ns)
{
	struct random *random = &floor->schedule;
	double growth_s = 240;
	if (floor->duration_ns)
		growth_s = (double)(floor->duration_ns / NS_PER_S) * floor_between(random, 0.15, 0.2);
	int which = (int)random_below(random, AUTOCLAVE_THERMOCOUPLES);
	const char *signal = floor_value_name(MACHINE_AUTOCLAVE, (size_t)which);
	for (size_t i = 0; i < floor->fault_count; i++)
		if (floor->faults[i].signal == signal && floor->faults[i].end_ns == INT64_MAX)
			floor->faults[i].end_ns = start_ns;
	floor->drift_from[which] = floor->drift_to[which];
	double size = DRIFT_CEL * floor_between(random, 0.95, 1.05);
	floor->drift_to[which] = floor->drift_from[which] > 0 ? 0 : size;
	floor->drift_start_ns[which] = start_ns;
	floor->drift_end_ns[which] = start_ns + (int64_t)(growth_s * 1000) * NS_PER_MS;
	floor->drifting = which;
	return signal;
}

static void raise_fire(struct floor *floor, int64_t start_ns)
{
	static const char *const details[] = {"smoke, detector 4", "smoke, detectors 4 and 5", "heat, detector 4"};
	for (int i = 0; i < 3; i++) {
		int64_t time_ns = start_ns + i * 4 * NS_PER_S;
		struct buffer payload = {0};
		floor_payload_event(&payload, "fire", time_ns, details[i]);
		floor_queue_put(floor, MACHINE_FIRE, FLOOR_CRITICAL, time_ns, &payload, 0);
	}
}

/* What a fault needs beyond its entry in the list; gives the signal concerned. */
static const char *begin_fault(struct floor *floor, enum floor_fault_kind kind, enum machine machine, int64_t start_ns)
{
	struct station *station = &floor->stations[machine];
	switch (kind) {
	case FLOOR_BEARING_WEAR:
		floor->wear_time_s = floor->duration_ns ? 0.35 * (double)(floor->duration_ns / NS_PER_S) : 420;
		return "";
	case FLOOR_THERMOCOUPLE_DRIFT:
		return begin_drift(floor, start_ns);
	case FLOOR_FROZEN_SENSOR:
		return floor_value_name(machine, 2);
	case FLOOR_MISSING:
		floor->missing_value = (size_t)random_below(&floor->schedule, POWER_VALUES);
		return floor_value_name(machine, floor->missing_value);
	case FLOOR_FORGED:
		station->tampered_ns = 0;
		floor->forged_value = machine == MACHINE_SPINDLE ? SPINDLE_TEMPERATURE : machine == MACHINE_ROBOT ? 1 : POWER_POWER;
		return floor_value_name(machine, floor->forged_value);
	case FLOOR_UNREGISTERED:
	case FLOOR_REVOKED:
		station->next_ns = start_ns;
		return "";
	case FLOOR_FIRE:
		raise_fire(floor, start_ns);
		return "";
	case FLOOR_REPLAYED:
		station->replayed = 0;
		station->replayed_ns = 0;
		return "";
	default:
		return "";
	}
}

static void add_fault(struct floor *floor, enum floor_fault_kind kind, enum machine machine, int64_t start_ns, int64_t end_ns)
{
	const char *signal = begin_fault(floor, kind, machine, start_ns);
	ARRAY_GROW(floor->faults, floor->fault_count, floor->fault_capacity);
	floor->faults[floor->fault_count++] = (struct floor_fault){
		.kind = kind, .device = floor_machine_name(machine), .signal = signal, .start_ns = start_ns, .end_ns = end_ns};
	floor->newest[kind] = floor->fault_count;
}

/* A start in the permitted share of the run, apart from the other starts and free on its device.
 * Ten faults exclude at most 0.36 of 0.6, so that a try succeeds more often than one in five. */
static void place_fault(struct floor *floor, size_t plan)
{
	struct random *random = &floor->schedule;
	double run_s = (double)(floor->duration_ns / NS_PER_S);
	int64_t apart_ns = floor->duration_ns / 50;
	for (int tries = 0; tries < 100000; tries++) {
		int64_t start_ns = floor->start_ns + seconds_between(random, plans[plan].earliest * run_s, plans[plan].latest * run_s);
		int64_t end_ns = INT64_MAX;
		if (plans[plan].longest_s)
			end_ns = start_ns + seconds_between(random, plans[plan].shortest_s, plans[plan].longest_s);
		enum machine machine = choose_machine(random, plans[plan].machines);
		bool good = device_free(floor, floor_machine_name(machine), start_ns, end_ns);
		for (size_t i = 0; i < floor->fault_count; i++) {
			int64_t gap = floor->faults[i].start_ns - start_ns;
			good = good && (gap < 0 ? -gap : gap) >= apart_ns;
		}
		if (good) {
			add_fault(floor, plans[plan].kind, machine, start_ns, end_ns);
			return;
		}
	}
	CHECK(false);
}

static void sort_by_start(struct floor *floor)
{
	for (size_t i = 1; i < floor->fault_count; i++)
		for (size_t j = i; j > 0 && floor->faults[j].start_ns < floor->faults[j - 1].start_ns; j--) {
			struct floor_fault swap = floor->faults[j];
			floor->faults[j] = floor->faults[j - 1];
			floor->faults[j - 1] = swap;
		}
	for (size_t i = 0; i < floor->fault_count; i++)
		floor->newest[floor->faults[i].kind] = i + 1;
}

void floor_schedule_begin(struct floor *floor)
{
	if (floor->duration_ns == 0) {
		floor->draw_ns = floor->start_ns + seconds_between(&floor->schedule, 60, 120);
		return;
	}
	floor->draw_ns = INT64_MAX;
	for (size_t plan = 0; plan < PLANS; plan++)
		place_fault(floor, plan);
	sort_by_start(floor);
}

static void fill_bag(struct floor *floor)
{
	for (unsigned i = 0; i < PLANS; i++)
		floor->bag[i] = i;
	for (size_t i = PLANS - 1; i > 0; i--) {
		size_t j = (size_t)random_below(&floor->schedule, i + 1);
		unsigned swap = floor->bag[i];
		floor->bag[i] = floor->bag[j];
		floor->bag[j] = swap;
	}
	floor->bag_left = PLANS;
}

/* The next kind of the drawn order whose device is free; busy ones are passed over this time. */
static void draw_fault(struct floor *floor, int64_t start_ns)
{
	for (size_t tries = 0; tries < 2 * PLANS; tries++) {
		if (floor->bag_left == 0)
			fill_bag(floor);
		unsigned plan = floor->bag[--floor->bag_left];
		int64_t end_ns = INT64_MAX;
		if (plans[plan].longest_s)
			end_ns = start_ns + seconds_between(&floor->schedule, plans[plan].shortest_s, plans[plan].longest_s);
		enum machine machine = choose_machine(&floor->schedule, plans[plan].machines);
		if (device_free(floor, floor_machine_name(machine), start_ns, end_ns)) {
			add_fault(floor, plans[plan].kind, machine, start_ns, end_ns);
			return;
		}
	}
}

void floor_schedule_advance(struct floor *floor, int64_t time_ns)
{
	while (floor->draw_ns <= time_ns) {
		draw_fault(floor, floor->draw_ns + LEAD_NS);
		floor->draw_ns += seconds_between(&floor->schedule, 120, 240);
	}
}

struct floor_fault *floor_schedule_active(struct floor *floor, enum floor_fault_kind kind, enum machine machine, int64_t time_ns)
{
	if (!floor->newest[kind])
		return NULL;
	struct floor_fault *fault = &floor->faults[floor->newest[kind] - 1];
	bool here = fault->device == floor_machine_name(machine);
	return here && time_ns >= fault->start_ns && time_ns < fault->end_ns ? fault : NULL;
}

void floor_schedule_repair(struct floor *floor, enum machine machine, int64_t time_ns)
{
	static const enum floor_fault_kind kinds[] = {FLOOR_BEARING_WEAR, FLOOR_FROZEN_SENSOR};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct floor_fault *fault = floor_schedule_active(floor, kinds[i], machine, time_ns);
		if (fault) {
			fault->end_ns = time_ns;
			fault->repaired = true;
		}
	}
}
