/* Inside the edge: the state that its files share. Not for other rooms. */
#ifndef TALLY_EDGE_INSIDE_H
#define TALLY_EDGE_INSIDE_H

#include "base/map.h"
#include "base/time.h"
#include "edge/edge.h"
#include "edge/recent.h"
#include "twin/calibration.h"
#include "twin/scheduling.h"

enum {
	EDGE_SERVICES_MAX = 8,
	EDGE_FINDINGS_SEAL = 256,     /* that many findings wait no longer for the chunk's time */
	EDGE_FINDINGS_MAX = 2048,     /* one message or one tick of one device adds fewer than the difference */
	EDGE_OWED_MAX = 32,
	SILENCES_MAX = 8,
	SILENCE_CONFIRM_MS = 700,
	EDGE_ALARMS_MAX = 4096,
	EDGE_MARKERS_MAX = 8192,
	EDGE_STRANGERS_MAX = 16,      /* the last stands for all others */
	EDGE_STRANGER_FORGET_S = 600,
	EDGE_AHEAD_MAX = 8,
	EDGE_GAPS_MAX = 8,
	EDGE_HEADS_MAX = 65536,       /* names of devices, also of other gateways */
	EDGE_HEADS_BYTES_MAX = 64 << 20,
};

/* An anchor must stay below STATEMENT_SIZE_MAX: the keys, digests and numbers of a range, beside its name, take less than
 * ANCHOR_RANGE_BYTES; signature, header, names and reasons less than the rest. */
enum { ANCHOR_DEVICES_MAX = 200, ANCHOR_RANGE_BYTES = 160, ANCHOR_RANGES_BYTES = 54 << 10 };
/* A message never has to be cut in two: what these and one message take is below the limits of a chunk. */
enum { CHUNK_ROOM_SAMPLES = 900000, CHUNK_EVIDENCE_MAX = 256, CHUNK_EVIDENCE_DEVICE_MAX = 16 };
enum { OUTBOX_WINDOW = 256, OUTBOX_RESIGN_MAX = 32, OUTBOX_HEAD_TRIES = 20, OUTBOX_PATIENCE_S = 15, OUTBOX_BUSY_MS = 500, OUTBOX_ISSUER_MS = 5000 };

/* A service that a disturbance asked for and that is not done yet. */
struct service_wish {
	bool open;
	int signal;
	enum diagnosis diagnosis;
	struct digest disturbance;
	int64_t next_try_ns, give_up_ns;
	bool waits;                   /* scheduling said "continue" and judges again */
};

struct refusal_tally {
	uint64_t count;               /* since the last disturbance about it */
	int64_t told_ns;              /* 0: never */
	int64_t last_ns;
	int64_t repeat_s;             /* 0: the first one */
};

/* A finding that came too soon after the last one of its kind: told later if it is still true. */
struct owed_finding {
	bool open;
	struct twin_finding finding;
};

/* Numbers from first to last; 0: none. */
struct number_gap {
	uint64_t first, last;
};

/* Found, but not confirmed yet. */
struct silence {
	struct twin_finding finding;
	int64_t since_wall_ns;
	uint64_t messages;            /* of the device when it was found */
};

struct device {
	char *name;
	uint32_t number;              /* in edge->devices */
	struct buffer registration_bytes;
	struct body_device *registration; /* spans into registration_bytes */
	struct digest registration_id;
	enum device_state state;      /* what the ledger says */
	bool elsewhere;               /* another gateway speaks for it now */
	struct mac_key *up, *down;
	uint64_t down_seq;
	struct session_window window;
	bool ack_due;
	int64_t ack_ns;
	uint64_t ahead[EDGE_AHEAD_MAX]; /* critical messages that were acted upon before their turn */
	size_t ahead_next;
	struct number_gap gaps[EDGE_GAPS_MAX]; /* newest numbers that were given up */
	size_t gap_next;
	struct wrangler *wrangler;
	const struct channel *channels;
	size_t channel_count;
	struct twin *twin;
	struct digest bounds_id, model_id;
	uint64_t model_version;
	bool commissioned;            /* a first model was proposed */
	struct digest model_proposed; /* a MODEL of ours that is not final yet; zero: none */
	struct recent recent;
	uint64_t messages;
	/* In the open batch. */
	bool in_batch;                /* its numbers will stand in the anchor */
	bool has_columns;             /* and its samples in the chunk, as device number chunk_index */
	uint32_t chunk_index;
	uint32_t evidence;            /* refused messages kept */
	uint64_t first_seq, last_seq, missing, samples;
	struct refusal_tally refusals[REFUSED_COUNT];
	int64_t told_ns[TWIN_SIGNALS_MAX + 1][DISTURBANCE_KIND_END];
	struct owed_finding *owed;    /* EDGE_OWED_MAX of them, or NULL */
	struct service_wish wishes[EDGE_SERVICES_MAX];
	struct silence silences[SILENCES_MAX];
	size_t silence_count;
	/* The newest command that has no result yet; zero: none. */
	struct digest command;
	int64_t command_ns;
	bool command_final, command_sent;
	char command_action[32];
	double command_setting;
	struct digest answered;       /* the newest command whose result is known */
};

/* What the ledger says of a device's name, whichever gateway speaks for it: it may come to us. */
struct head {
	enum device_state state;      /* 0: not told yet */
	struct buffer bounds, model;  /* statements */
};

/* A device that speaks without being registered here. */
struct stranger {
	char name[STATEMENT_NAME_MAX + 1];
	struct refusal_tally refusal;
	int64_t last_alarm_ns;
};

struct outbox_item {
	uint64_t seq;
	uint32_t type;
	uint64_t position;            /* of its frame in the own log */
	struct digest id, prev;
	struct buffer bytes;
};

/* The gateway's statements that are not final yet, in the order of their numbers. */
struct outbox {
	struct outbox_item *items;    /* the first `gone` are final */
	size_t gone, count, capacity;
	size_t sent;                  /* of them, given to the node */
	size_t sound;                 /* of them, properly chained; the others are signed anew before they are sent */
	struct map renamed;           /* id -> position in names of its new one; UINT64_MAX: left out. Only while some are not sound */
	struct digest *names;
	size_t name_count, name_capacity;
	bool pause;                   /* send from the beginning at pause_wall_ns */
	int64_t pause_wall_ns;
	int64_t progress_wall_ns;     /* when the first one changed, or was sent */
	struct digest stubborn;       /* first in the queue, and refused for reasons that should pass */
	unsigned tries;
};

/* Where chunks and messages went: rings of the newest. */
struct chunk_note {
	struct digest chunk, anchor;
	uint64_t samples;
	bool final;
};
struct chunk_span {
	uint64_t chunk;               /* number of its note */
	uint64_t first_seq, last_seq;
	uint32_t device;
};
struct chunk_index {
	struct chunk_note *notes;
	struct chunk_span *spans;
	uint64_t note_count, span_count; /* ever */
	size_t note_capacity, span_capacity;
	struct map by_chunk, by_anchor; /* to the note's number */
};

/* A finding or refusal whose disturbance statement waits for the chunk to be sealed. */
struct pending_finding {
	struct device *device;        /* NULL: a stranger */
	char subject[STATEMENT_NAME_MAX + 1];
	struct twin_finding finding;
	bool has_leaf;
	uint64_t leaf;
	uint64_t count;
};

struct pending_alarm {                /* a critical message that is being acted upon */
	uint64_t token;
	struct device *device;
	char kind[32];
	char detail[200];
	int64_t time_ns, received_ns;
};

struct edge {
	struct edge_config config;
	struct device **devices;
	size_t device_count, device_capacity;
	struct map device_by_name;
	struct head *heads;
	size_t head_count, head_capacity, head_bytes;
	struct map head_by_name;
	char **regulators;
	size_t regulator_count, regulator_capacity;
	struct stranger strangers[EDGE_STRANGERS_MAX];
	size_t stranger_count;
	char **people;
	size_t people_count, people_capacity;

	struct chunk_builder *builder;
	size_t batch_devices, batch_range_bytes, batch_evidence;
	int64_t opened_wall_ns;       /* of the open batch; 0: empty */
	uint64_t flagged[REASON_COUNT];
	uint64_t refused[REFUSED_COUNT]; /* since the last anchor */
	struct chunk_index chunks;

	struct outbox outbox;
	uint64_t next_seq;
	struct digest last_id;
	struct digest last_anchor;
	uint64_t final_seq;           /* newest own statement that is final */
	struct digest final_id;

	/* Once statement `release_seq` is final, the own log is not needed before release_position. */
	uint64_t release_seq;         /* 0: none */
	uint64_t release_position;
	uint64_t released;            /* told last */

	uint64_t log_end;             /* where the next frame goes */
	struct buffer recovered;      /* intake frames with their positions, which wait for the registry */
	struct map covered;           /* device name -> newest number in an anchored chunk, while recovering */

	struct pending_finding findings[EDGE_FINDINGS_MAX];
	size_t finding_count;
	struct pending_alarm *acting;
	size_t acting_count, acting_capacity;
	uint64_t next_token;

	struct edge_alarm *alarms;
	size_t alarm_count, alarm_capacity;
	struct map alarm_by_id;
	struct edge_marker *markers;
	size_t marker_count, marker_capacity;
	struct map marker_by_id;

	struct digest registration_id; /* the gateway's own */
	bool started, ready, recovering, caught_up, node_up, broker_up;
	bool assumed;                 /* ready by PROVEN_END */
	uint64_t proven_seq;          /* of the own chain, from the own proof */
	struct digest proven_id;
	int64_t quiet_until_ns;       /* no silence findings before either: data may still be on its way */
	int64_t quiet_until_wall_ns;
	struct edge_totals totals;

	/* This step. */
	int64_t now_ns, wall_ns;
	uint8_t randomness[32];
	uint32_t signed_in_step;
	struct edge_actions actions;
};

/* edge.c */
struct edge_action *edge_action_add(struct edge *edge, enum edge_action_kind kind);
/* The list that these actions number lost its first `gone` entries. */
void edge_actions_renumber(struct edge *edge, enum edge_action_kind kind, size_t gone);
struct device *edge_device(struct edge *edge, struct span name);
/* Is `word` one of the space-separated `words`? */
bool edge_words_have(struct span words, const char *word);
void edge_frame_append(struct edge *edge, uint8_t kind, struct span bytes);
/* later - earlier; saturates, for times come from outside. */
int64_t edge_elapsed(int64_t later_ns, int64_t earlier_ns);
/* Machines need time to come back, by the wall's clock, also where theirs runs faster: no silence is found until then. */
void edge_quiet(struct edge *edge);
int64_t edge_seconds_ns(int64_t seconds);

/* recovery.c: the own log, and the end of catching up */
void recovery_frame(struct edge *edge, const struct edge_event *event);
void recovery_end(struct edge *edge);

/* registry.c: what the ledger says */
void registry_statement(struct edge *edge, const struct statement *statement, struct span bytes);
/* The part of it that is about entities: organisations, people, devices, their states, bounds and models. */
void registry_known(struct edge *edge, const struct statement *statement, struct span bytes);
void registry_free(struct edge *edge);
void device_free(struct device *device);

/* proven.c: what state proofs say, while there is no ledger */
void proven_take(struct edge *edge, const struct edge_proven *proven);
void proven_end(struct edge *edge);

/* outbox.c: the gateway's own chain of statements */
/* Sign, log and queue. Returns the id. parents may hold zero digests: they are left out. */
struct digest outbox_emit(struct edge *edge, enum statement_type type, struct span sub, const struct digest *parents, size_t count, struct span body);
void outbox_recovered(struct edge *edge, const struct statement *statement, struct span bytes, uint64_t position);
void outbox_chain_recovered(struct edge *edge, uint64_t first, uint64_t now);
void outbox_released_recovered(struct edge *edge, uint64_t position);
/* The log and the ledger have been read: what of the queue is properly chained? */
void outbox_recovery_end(struct edge *edge);
/* An own statement is final. */
void outbox_final(struct edge *edge, const struct statement *statement);
void outbox_outcome(struct edge *edge, const struct digest *id, enum status status);
void outbox_pump(struct edge *edge);
void outbox_again(struct edge *edge, int64_t delay_ms);
void outbox_free(struct outbox *outbox);
const struct outbox_item *outbox_at(const struct edge *edge, size_t index);

/* chunks.c: which chunk and anchor holds what */
void chunks_sealed(struct edge *edge, const struct digest *chunk, const struct digest *anchor, uint64_t samples);
/* Of the note added last. */
void chunks_span(struct edge *edge, const struct device *device, uint64_t first_seq, uint64_t last_seq);
/* True when this anchor was known. */
bool chunks_final(struct edge *edge, const struct digest *anchor);
/* new NULL: the anchor was refused. */
void chunks_rename(struct edge *edge, const struct digest *old, const struct digest *new);
void chunks_free(struct chunk_index *index);

/* message.c: messages */
void message_take(struct edge *edge, const struct edge_event *event);
void message_recovered(struct edge *edge, struct span frame);
void message_refuse(struct edge *edge, struct device *device, struct span name, enum edge_refusal why, uint64_t seq, struct span payload);
void messages_acknowledge(struct edge *edge);

/* batch.c: chunks and anchors */
/* The device's numbers belong to the open batch. Seals first when an anchor cannot name one more. */
void batch_join(struct edge *edge, struct device *device);
/* Before a message: make sure that its rows find room. */
void batch_room(struct edge *edge);
bool batch_row(struct edge *edge, struct device *device, uint64_t seq, int64_t received_ns, const struct wrangle_row *row, uint64_t *leaf);
/* Keep a refused message, as far as there is room for evidence. */
void batch_evidence(struct edge *edge, struct device *device, uint64_t seq, struct span payload);
/* Seal the open chunk, anchor it, and utter the findings that waited for it. */
void batch_seal(struct edge *edge);

/* decide.c: findings, refusals */
void decide_finding(struct edge *edge, struct device *device, const struct twin_finding *finding, bool has_leaf, uint64_t leaf);
void decide_owed(struct edge *edge, struct device *device);
/* Silence is uttered when it lasted for SILENCE_CONFIRM_MS of wall time more: messages may wait in a queue while
 * this process, the broker or the network is slow. */
void decide_silence(struct edge *edge, struct device *device, const struct twin_finding *finding);
/* quiet: nobody could be heard; the time begins anew. */
void decide_silences(struct edge *edge, struct device *device, bool quiet);
void decide_refusals(struct edge *edge);
void decide_utter(struct edge *edge, const struct digest *chunk, const struct digest *anchor);
/* Its registration changes: what referred to its signals is void. */
void decide_forget(struct device *device);
const char *decide_signal_name(const struct device *device, int signal, char out[64]);

/* service.c: services, models, commands, critical messages */
void service_wish(struct edge *edge, struct device *device, const struct twin_finding *finding, const struct digest *disturbance);
void service_run(struct edge *edge);
void service_commission(struct edge *edge, struct device *device);
void command_final(struct edge *edge, const struct statement *statement);
/* Send what is final, young enough and unanswered. again: also what was sent before. */
void command_send_due(struct edge *edge, struct device *device, bool again);
void command_result(struct edge *edge, struct device *device, uint64_t seq, struct span payload);
/* An own RESULT is on the ledger, or in the own log. */
void command_answered(struct edge *edge, const struct statement *statement);
void critical_done(struct edge *edge, uint64_t token, int64_t acted_ns);

/* alarms.c: what people see */
void alarms_raise(struct edge *edge, const struct edge_alarm *alarm);
void alarms_statement(struct edge *edge, const struct statement *statement);
void alarms_recovered(struct edge *edge, const struct statement *statement);
void alarms_clear(struct edge *edge);
/* Its statement was signed anew, or refused for good. */
void alarms_rename(struct edge *edge, const struct digest *old, const struct digest *new);
void alarms_refused(struct edge *edge, const struct statement *statement);
enum status alarms_acknowledge(struct edge *edge, const struct digest *id, struct span person, struct span comment, struct fault *fault);
void alarms_marker(struct edge *edge, const char *kind, struct span device, const char *signal, const char *text, int64_t time_ns, const struct digest *id);

/* words.c */
/* Without a character that was cut in two at the end. */
struct span words_whole(struct span text);
/* Copy what fits, whole characters only, terminated. */
void words_copy(char *out, size_t size, struct span text);

#endif
