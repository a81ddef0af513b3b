/* The floor's own state, shared by floor.c (time and messages), schedule.c (faults) and
 * payload.c (what the machines write). Private to this room. */
#ifndef TALLY_FLOOR_STATE_H
#define TALLY_FLOOR_STATE_H

#include "floor/floor.h"
#include "floor/machine.h"

enum machine {
	MACHINE_SPINDLE, MACHINE_AUTOCLAVE, MACHINE_ROBOT, MACHINE_POWER,
	MACHINE_FIRE, MACHINE_DOOR, MACHINE_CAMERA, MACHINE_GHOST, MACHINE_COUNT
};
const char *floor_machine_name(enum machine machine);

enum {
	VALUES_MAX = 9,
	RECORDED_MAX = 8,             /* messages that an attacker keeps, one every ten seconds */
};
#define FORGE_GAP_NS (INT64_C(2) * 1000000000)

/* A message that waits for its time. Owned payload. */
struct queued {
	struct floor_message message;
	struct buffer payload;
	uint64_t order;               /* of equal times: first in, first out */
};

struct recorded {
	struct buffer payload;
	uint64_t number;
};

/* What the floor keeps about each device, besides its physics. */
struct station {
	int64_t next_ns;              /* next data message; INT64_MAX: it does not speak */
	int64_t period_ns;
	uint64_t number;              /* messages so far */
	double values[VALUES_MAX];    /* newest readings, as sent */
	double share;                 /* of the programmed speed */
	bool stopped;
	int64_t maintenance_end_ns;   /* 0: not in maintenance */
	int64_t tampered_ns;          /* when a reading was forged last */
	struct recorded recorded[RECORDED_MAX];
	size_t recorded_next, recorded_count;
	int64_t recorded_ns;
	size_t replayed;              /* messages of this episode sent again */
	int64_t replayed_ns;
};

struct floor {
	int64_t start_ns, now_ns;
	int64_t duration_ns;          /* 0: endless */
	struct random schedule;
	struct random incidents;      /* doors, power dips */

	struct floor_spindle spindle;
	struct floor_autoclave autoclave;
	struct floor_robot robot;
	struct floor_power power;
	struct floor_keeper keepers[4]; /* fire, door, camera, ghost */
	struct station stations[MACHINE_COUNT];
	struct buffer payload;        /* of the message given last */
	struct buffer original;       /* the same before it was tampered with */

	struct queued *queue;
	size_t queue_count, queue_capacity;
	uint64_t queued;

	struct floor_fault *faults;
	size_t fault_count, fault_capacity;
	size_t newest[FLOOR_FAULT_END]; /* index + 1 of the newest fault of each kind; 0: none */
	unsigned bag[FLOOR_FAULT_END];  /* endless run: kinds in drawn order */
	size_t bag_left;
	int64_t draw_ns;                /* endless run: when the next fault is drawn; INT64_MAX: never */

	double wear_time_s;
	int drifting;                   /* which thermocouple drifts now */
	double drift_from[AUTOCLAVE_THERMOCOUPLES], drift_to[AUTOCLAVE_THERMOCOUPLES]; /* K */
	int64_t drift_start_ns[AUTOCLAVE_THERMOCOUPLES], drift_end_ns[AUTOCLAVE_THERMOCOUPLES];
	size_t missing_value, forged_value;

	int64_t door_open_ns, door_close_ns;
	int64_t dip_ns;
};

/* -- schedule.c ------------------------------------------------------------------------ */

/* Draw the whole schedule, or begin an endless one. */
void floor_schedule_begin(struct floor *floor);
/* Endless run: draw what is due before a message at time_ns. */
void floor_schedule_advance(struct floor *floor, int64_t time_ns);
/* The fault of this kind that is in force on this machine at this time, or NULL. */
struct floor_fault *floor_schedule_active(struct floor *floor, enum floor_fault_kind kind, enum machine machine, int64_t time_ns);
/* Maintenance of this machine ended: what was broken there is repaired. */
void floor_schedule_repair(struct floor *floor, enum machine machine, int64_t time_ns);

/* -- payload.c ------------------------------------------------------------------------- */

const char *floor_value_name(enum machine machine, size_t value);
/* Write the readings as the machine does. absent: index of a value that is null (even seconds) or left out; -1: none. */
void floor_payload_data(struct buffer *out, enum machine machine, int64_t time_ns, const double *values, int absent);
void floor_payload_event(struct buffer *out, const char *event, int64_t time_ns, const char *detail);
void floor_payload_result(struct buffer *out, const char *command, bool done, const char *detail, int64_t time_ns);

/* -- floor.c --------------------------------------------------------------------------- */

/* Queue a message of this machine; the payload moves over from *payload, which is empty then. number 0: the machine's
 * next one at the time of sending. */
void floor_queue_put(struct floor *floor, enum machine machine, enum floor_message_kind kind, int64_t time_ns,
	struct buffer *payload, uint64_t number);

#endif
