/* Edge: where signal, twin and record meet, beside the machines. edge_step(event) -> actions.
 *
 * A message is authenticated, numbered, written to the gateway's log, wrangled, compared by the
 * machine's twin and put into the open chunk. Chunks are sealed and anchored on the ledger. A finding of
 * a twin becomes a disturbance statement with its evidence, then a service: calibration in virtual
 * space, or scheduling tried on the twin; what was decided takes effect only when its statement
 * came back final. A critical message leaves as a local action before anything else. Pure.
 *
 * The gateway's own log (store/log.h) holds, in order:
 *  1 INTAKE     an accepted message: u8 kind | u64 seq | u64 missing | i64 received_ns | block name | payload
 *  2 STATEMENT  signed, to be submitted until final; a later one of the same number replaces it
 *  3 CHAIN      u64 first | u64 now: own statements from number `first` on are numbered from `now` on; those in
 *               [now, first) were refused for good and are left out
 *  4 RELEASED   u64 position: whatever stands before is final or anchored, and may be pruned
 * An anchor's ranges tell which intake is in chunks: every number that was taken, also of messages without samples. */
#ifndef TALLY_EDGE_EDGE_H
#define TALLY_EDGE_EDGE_H

#include "edge/session.h"
#include "record/state_entry.h"
#include "signal/chunk.h"
#include "store/log.h"
#include "twin/twin.h"

enum { EDGE_FRAME_INTAKE = 1, EDGE_FRAME_STATEMENT = 2, EDGE_FRAME_CHAIN = 3, EDGE_FRAME_RELEASED = 4 };

enum {
	EDGE_DEVICES_MAX = 1024,
	EDGE_PAYLOAD_MAX = WRANGLE_PAYLOAD_MAX,
	EDGE_OUTBOX_MAX = 100000,     /* statements that are not final yet; beyond it data is refused until the node is back ... */
	EDGE_OUTBOX_SPARE = 10000,    /* ... critical messages and results only beyond this many more, but they are still acted upon */
	EDGE_CHUNKS_KEPT = 65536,     /* newest chunks whose anchors are known here: 3.8 days of one every 5 s */
	EDGE_SPANS_KEPT = 262144,     /* newest (device, chunk) pairs known here; of older ones the ledger's anchors tell */
	EDGE_RELEASE_STEP = 16 << 20, /* bytes of the own log, after which it is told that they may go */
	EDGE_CALIBRATION_RETRY_S = 10,
	EDGE_CALIBRATION_GIVE_UP_S = 180,
	EDGE_SCHEDULE_AGAIN_S = 30,   /* after "continue", while the fault lasts */
	EDGE_REFUSAL_REPEAT_S = 60,   /* refusals of one kind and device are told once in this time, with their count ... */
	EDGE_REFUSAL_REPEAT_LAST_S = 960, /* ... which doubles up to this while they go on: a flood must not fill the ledger */
	EDGE_REPEAT_S = 120,          /* the same finding of one signal is not told again within it */
	EDGE_COMMAND_PATIENCE_S = 120,/* no second command to a machine while one is under way this long */
};

struct edge_config {
	struct span gateway;          /* "gw:manufacturer/hall-1"; outlives the edge, as do the other pointers */
	struct span site;
	uint8_t network[NETWORK_ID_SIZE];
	const struct signing_key *key;
	uint8_t secret[SESSION_SECRET_SIZE]; /* provisioning secret of the site */
	struct digest firmware;       /* SHA-256 of the gateway's program */
	struct unit_table *units;
	int64_t seal_ms;              /* wall time after which an open chunk is sealed */
	uint64_t seal_samples;
	int64_t silence_confirm_ms;   /* wall time for which silence must last after it was found; 0: 700 */
	size_t outbox_max;            /* 0: EDGE_OUTBOX_MAX */
	uint64_t release_step;        /* 0: EDGE_RELEASE_STEP */
};

enum edge_event_kind {
	EDGE_RECOVERED,               /* a frame of the own log, in order: frame_kind, position, bytes */
	EDGE_START,                   /* after the last RECOVERED; position: where the own log ends */
	EDGE_MESSAGE,
	EDGE_CRITICAL_DONE,           /* the local action of a LOCAL_ALARM is done and on disk: token, acted_ns; before any other event */
	EDGE_FLUSHED,                 /* everything appended so far is on disk */
	EDGE_TICK,                    /* a few times a second */
	EDGE_FINAL,                   /* from the own organisation's node: index, commit_ms, bytes */
	EDGE_CAUGHT_UP,               /* all final statements that exist have been given */
	EDGE_NODE_UP, EDGE_NODE_DOWN,
	EDGE_OUTCOME,                 /* of a submission: id, status, text */
	EDGE_BROKER_UP, EDGE_BROKER_DOWN,
	EDGE_PROVEN,                  /* a start without the node: what a verified state proof says of one name, see `proven` */
	EDGE_PROVEN_END,              /* work with what was proven. Such an edge takes nothing from a node: when the node is there,
	                               * begin a new one from the own log */
};

/* Of the gateway itself, its devices, people. The statements are those that the proof names; a registration that is not there
 * makes the rest of no use. Borrowed until the step ends. */
struct edge_proven {
	struct span name;
	enum entity_kind kind;
	enum device_state state;
	struct span registration, bounds, model; /* empty: none */
	uint64_t last_seq;
	struct digest last_id;
};

struct edge_event {
	enum edge_event_kind kind;
	int64_t now_ns;               /* the shop floor's clock */
	int64_t wall_ns;              /* for time-outs; the same unless the floor is simulated faster than real time */
	uint8_t randomness[32];       /* for signatures */
	uint8_t frame_kind;
	uint64_t position;
	struct span bytes;            /* RECOVERED, MESSAGE payload, FINAL */
	struct span device;           /* MESSAGE: "dev:manufacturer/spindle-1" */
	enum session_kind message;
	uint64_t seq;
	uint8_t tag[SESSION_TAG_SIZE];
	uint64_t token;
	int64_t acted_ns;
	struct digest id;
	enum status status;
	struct span text;
	struct span person;
	int64_t commit_ms;
	uint64_t index;
	const struct edge_proven *proven;
};

enum edge_action_kind {
	EDGE_LOCAL_ALARM,             /* act now: text is the kind, bytes the detail; when it is on disk, too, answer CRITICAL_DONE with token */
	EDGE_WRITE_CHUNK,             /* bytes under the name `digest`, durable before what follows */
	EDGE_APPEND,                  /* framed bytes to the own log at `position` */
	EDGE_SUBMIT,                  /* a statement to the node, only after a flush */
	EDGE_ACK,                     /* after a flush: tell `device` that everything up to `seq` is durable; bytes with seq and tag */
	EDGE_COMMAND,                 /* send `bytes` to `device` with seq and tag */
	EDGE_ALARM,                   /* alarm number `token` changed */
	EDGE_MARKER,                  /* something to mark on a trend: marker number `token` */
	EDGE_RELEASE,                 /* after a flush: the own log is not needed before `position` any more */
};

struct edge_action {
	enum edge_action_kind kind;
	struct buffer bytes;          /* owned by the edge, reused; valid until the next step */
	const char *device;           /* name of a registered device, lives as long as the edge */
	char text[32];                /* LOCAL_ALARM: "fire" */
	uint64_t position, token, seq;
	uint8_t tag[SESSION_TAG_SIZE];
	struct digest digest;
};

struct edge_actions {
	struct edge_action *items;
	size_t count;
	size_t capacity;
};

struct edge;
struct edge *edge_new(const struct edge_config *config);
void edge_free(struct edge *edge);
/* actions are valid until the next step. */
void edge_step(struct edge *edge, const struct edge_event *event, const struct edge_actions **actions);
/* The same for a person who acknowledges alarm event->id (person, text): the one event with an answer. E_NOT_FOUND, E_UNKNOWN
 * (person), E_DUPLICATE, E_BUSY (not final yet), E_LIMIT. */
MUST_USE enum status edge_acknowledge(struct edge *edge, const struct edge_event *event, const struct edge_actions **actions, struct fault *fault);

/* -- for the interface: state, borrowed until the next step --------------------------- */
struct edge_device_view {
	const char *name;
	const struct body_device *registration;
	struct digest registration_id;
	enum device_state state;      /* suspended, too, when another gateway speaks for it now */
	const struct twin *twin;      /* NULL for devices without signals */
	uint64_t messages;
	uint32_t alarms;              /* active */
};
size_t edge_device_count(const struct edge *edge);
void edge_device_view(const struct edge *edge, size_t device, struct edge_device_view *out);
/* -1 when unknown. */
int edge_device_find(const struct edge *edge, struct span name);

enum alarm_state { ALARM_UNACK_ACTIVE = 1, ALARM_ACKED_ACTIVE, ALARM_UNACK_CLEARED, ALARM_CLEARED };
const char *alarm_state_name(unsigned state);

/* An alarm (ISA-18.2): one disturbance or critical event. It is never re-activated; a new event is a new alarm. */
struct edge_alarm {
	struct digest id;             /* of the statement */
	char device[STATEMENT_NAME_MAX + 1];
	char signal[64];
	char kind[24];
	char diagnosis[24];
	char explanation[260];
	int priority;                 /* 1 critical, 2 high, 3 medium, 4 low */
	int64_t since_ns, cleared_ns, acked_ns;
	char acked_by[STATEMENT_NAME_MAX + 1];
	char comment[200];
	uint64_t count;
	bool final;
	bool refused;                 /* the ledger refused its statement: nothing can be acknowledged there */
};
enum alarm_state edge_alarm_state(const struct edge_alarm *alarm);
size_t edge_alarm_count(const struct edge *edge);
const struct edge_alarm *edge_alarm_at(const struct edge *edge, size_t number);

struct edge_marker {
	int64_t time_ns;
	const char *kind;             /* literals: "disturbance" "calibration" "scheduling" "command" "result" "model" "critical" */
	char device[STATEMENT_NAME_MAX + 1];
	char signal[64];
	char text[260];
	struct digest statement;
};
size_t edge_marker_count(const struct edge *edge);
const struct edge_marker *edge_marker_at(const struct edge *edge, size_t number);

/* Recent samples of a signal for trends, oldest first. */
struct edge_point {
	int64_t time_ns;
	float value;                  /* NaN: none */
	float predicted;              /* NaN: none */
	uint8_t flagged;              /* enum wrangle_reason */
};
size_t edge_history(const struct edge *edge, size_t device, size_t signal, int64_t from_ns, int64_t to_ns, struct edge_point *out, size_t max);

enum edge_refusal { REFUSED_UNREGISTERED, REFUSED_REVOKED, REFUSED_FORGED, REFUSED_REPLAY, REFUSED_MALFORMED, REFUSED_WAITING, REFUSED_COUNT };
const char *edge_refusal_name(unsigned refusal);

struct edge_totals {
	uint64_t messages;            /* accepted */
	uint64_t samples;
	uint64_t flagged[REASON_COUNT];
	uint64_t refused[REFUSED_COUNT];
	uint64_t repeated;            /* harmless repetitions */
	uint64_t chunks, chunk_bytes, chunk_samples;
	uint64_t anchored;            /* samples under final anchors */
	uint64_t outbox;              /* statements not final yet */
	uint64_t statements;          /* own, signed so far */
	uint64_t refused_statements;
	bool caught_up, node_up, broker_up;
	bool assumed;                 /* works with what state proofs said */
};
void edge_totals(const struct edge *edge, struct edge_totals *out);
/* Which final or pending anchor holds a chunk; zero digest when none of the newest EDGE_CHUNKS_KEPT: the node lists all
 * anchors of a gateway (GET /api/v1/statements?type=anchor&iss=...). */
struct digest edge_anchor_of(const struct edge *edge, const struct digest *chunk, bool *final);
/* The chunk that holds (device, seq) of the newest EDGE_SPANS_KEPT spans; false when it is still open, older or unknown. */
bool edge_chunk_of(const struct edge *edge, size_t device, uint64_t seq, struct digest *chunk);
/* Registered people, for acknowledgement: names, NULL-terminated count. */
size_t edge_people(const struct edge *edge, const char *const **names);

#endif
