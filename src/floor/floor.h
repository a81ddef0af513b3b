/* Floor: simulated machines with physical models, their faults and the truth about them. Pure:
 * the same seed and calls give the same payloads. Who sends them (MQTT) is elsewhere.
 *
 * Machines: "spindle-1" (CNC spindle, JSON), "autoclave-1" (composite cure, CSV, degF and psi),
 * "robot-1" (drilling robot, SenML), "power-1" (power meter, JSON), "fire-1" (fire alarm),
 * "door-1" (door camera). Their registrations are the documents in examples/shopfloor. */
#ifndef TALLY_FLOOR_FLOOR_H
#define TALLY_FLOOR_FLOOR_H

#include "base/buffer.h"
#include "base/random.h"

enum floor_fault_kind {
	FLOOR_BEARING_WEAR = 1,       /* spindle-1: vibration and bearing temperature rise together */
	FLOOR_THERMOCOUPLE_DRIFT,     /* autoclave-1: one of three thermocouples drifts away */
	FLOOR_FROZEN_SENSOR,          /* robot-1: one torque repeats its last value */
	FLOOR_MISSING,                /* power-1: values absent */
	FLOOR_MALFORMED,              /* robot-1: payloads cut in the middle */
	FLOOR_FORGED,                 /* a reading altered on its way: the tag does not fit */
	FLOOR_UNREGISTERED,           /* a device that nobody registered speaks */
	FLOOR_REVOKED,                /* "camera-9" was revoked and goes on speaking */
	FLOOR_FIRE,                   /* fire-1 raises the alarm */
	FLOOR_REPLAYED,               /* an old genuine message is sent again */
	FLOOR_FAULT_END
};
const char *floor_fault_name(unsigned kind);

/* The truth about one injected fault, for the summary. */
struct floor_fault {
	enum floor_fault_kind kind;
	const char *device;           /* literals */
	const char *signal;           /* "" for the whole device */
	int64_t start_ns;
	int64_t end_ns;               /* INT64_MAX: until maintenance */
	bool repaired;
};

enum floor_message_kind { FLOOR_DATA = 1, FLOOR_CRITICAL = 2, FLOOR_RESULT = 3 };

struct floor_message {
	const char *device;
	enum floor_message_kind kind;
	int64_t time_ns;
	uint64_t number;              /* of the device's own messages, from 1; with `again` the one that is repeated */
	struct span payload;          /* borrowed until the next call */
	bool tampered;                /* altered on its way: to be sent with the tag of `original` */
	struct span original;         /* what the device itself wrote, and would send again; the payload unless tampered */
	bool again;                   /* to be sent with the sequence number and tag of an earlier message */
};

struct floor;

/* Every fault lasts long enough to be found within this time; a shorter duration is taken as this one. */
#define FLOOR_DURATION_MIN_NS (INT64_C(1200) * 1000000000)

/* start_ns: simulated time of the first sample, cut to whole milliseconds. duration_ns: span over which every fault
 * kind is injected once, starting between 15 % and 75 % of it, on a schedule drawn from the seed; 0: an endless run,
 * where a fault comes about every three minutes. */
struct floor *floor_new(uint64_t seed, int64_t start_ns, int64_t duration_ns);
void floor_free(struct floor *floor);

/* Advance to `now_ns` and give the next message due at or before it; false when none is left.
 * Call in a loop. Time never goes back. */
bool floor_next(struct floor *floor, int64_t now_ns, struct floor_message *out);
/* When the next message is due. Commands may bring in an earlier one. */
int64_t floor_due(const struct floor *floor);

/* A command from the gateway: "reduce_speed" (setting: share of the programmed speed, above 0 and at most 1), "stop",
 * "start_maintenance" (20 s at rest, then wear is repaired and work resumes at full speed). The result message comes out
 * of floor_next 5 s later, 20 s for maintenance; `done` is false when the machine does not obey. command: its id in
 * hexadecimal, copied into the result payload. Ignored: an unknown device, or an id that is not hexadecimal. */
void floor_command(struct floor *floor, const char *device, const char *action, double setting, const char *command);

/* In order of their start; with an endless run only those drawn so far. Borrowed until the next call. */
const struct floor_fault *floor_faults(const struct floor *floor, size_t *count);

#endif
