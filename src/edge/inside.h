/* Inside the edge: the state that its files share. Not for other rooms. */
#ifndef TALLY_EDGE_INSIDE_H
#define TALLY_EDGE_INSIDE_H

#include "base/map.h"
#include "base/time.h"
#include "edge/edge.h"
#include "edge/recent.h"
#include "twin/calibration.h"
#include "twin/scheduling.h"

enum { EDGE_SERVICES_MAX = 8, EDGE_FINDINGS_MAX = 256, EDGE_ALARMS_MAX = 4096, EDGE_MARKERS_MAX = 8192, EDGE_STRANGERS_MAX = 64 };
enum { ANCHOR_DEVICES_MAX = 200, SILENCES_MAX = 8, SILENCE_CONFIRM_MS = 700 };

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
};

struct chunk_span {
	uint64_t first_seq, last_seq;
	struct digest chunk;
};

struct device {
	char *name;
	struct buffer registration_bytes, body_copy;
	struct body_device *registration; /* spans into registration_bytes */
	struct digest registration_id;
	enum device_state state;
	struct mac_key *up, *down;
	uint64_t down_seq;
	struct session_window windows[SESSION_KIND_END];
	bool ack_due[SESSION_KIND_END];
	int64_t ack_ns[SESSION_KIND_END];
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
	/* In the open chunk. */
	bool in_chunk;
	uint32_t chunk_index;
	uint64_t first_seq, last_seq, missing, samples;
	struct chunk_span *chunks;
	size_t chunk_count, chunk_capacity;
	struct refusal_tally refusals[REFUSED_COUNT];
	int64_t told_ns[TWIN_SIGNALS_MAX + 1][DISTURBANCE_KIND_END];
	struct service_wish wishes[EDGE_SERVICES_MAX];
	struct twin_finding silences[SILENCES_MAX]; /* found, but not confirmed yet */
	int64_t silence_wall_ns[SILENCES_MAX];
	size_t silence_count;
	struct digest command;        /* under way; zero: none */
	int64_t command_ns;
	double speed_wanted;          /* share of the nominal speed once the command is obeyed */
};

/* A device that speaks without being registered here. */
struct stranger {
	char name[STATEMENT_NAME_MAX + 1];
	struct refusal_tally refusal;
	int64_t last_alarm_ns;
};

struct outbox_item {
	uint64_t seq;
	struct digest id;
	struct buffer bytes;
	bool submitted;
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
	struct stranger strangers[EDGE_STRANGERS_MAX];
	size_t stranger_count;
	char **people;
	size_t people_count, people_capacity;

	struct chunk_builder *builder;
	size_t chunk_devices;
	int64_t opened_wall_ns;       /* of the open chunk; 0: empty */
	int64_t sealed_wall_ns;
	uint64_t flagged[REASON_COUNT];
	uint64_t refused[REFUSED_COUNT]; /* since the last anchor */
	struct map anchor_by_chunk;   /* chunk digest -> position in anchors */
	struct anchor_note {
		struct digest id;
		uint64_t samples;
		bool final;
	} *anchors;
	size_t anchor_count, anchor_capacity;

	struct outbox_item *outbox;
	size_t outbox_count, outbox_capacity;
	uint64_t next_seq;
	struct digest last_id;
	struct digest last_anchor;
	bool resubmit;
	int64_t resubmit_wall_ns;
	uint64_t final_seq;           /* newest own statement that is final */
	struct digest final_id;

	uint64_t log_end;             /* where the next frame goes */
	struct buffer recovered;      /* intake frames that wait for the registry */
	struct map covered;           /* device name -> newest number in an anchored chunk, while recovering */

	struct pending_finding findings[EDGE_FINDINGS_MAX];
	size_t finding_count;
	struct pending_alarm alarms_acting[16];
	size_t acting_count;
	uint64_t next_token;

	struct edge_alarm *alarms;
	size_t alarm_count, alarm_capacity;
	struct map alarm_by_id;
	struct edge_marker *markers;
	size_t marker_count, marker_capacity;
	struct map marker_by_id;

	struct digest registration_id; /* the gateway's own */
	bool started, ready, caught_up, node_up, broker_up;
	int64_t quiet_until_ns;       /* no silence findings before: data may still be on its way */
	struct edge_totals totals;

	/* This step. */
	int64_t now_ns, wall_ns;
	uint8_t randomness[32];
	uint32_t signed_in_step;
	struct edge_actions actions;
};

/* edge.c */
struct edge_action *edge_action_add(struct edge *edge, enum edge_action_kind kind);
struct device *edge_device(struct edge *edge, struct span name);
/* Is `word` one of the space-separated `words`? */
bool edge_words_have(struct span words, const char *word);
void edge_frame_append(struct edge *edge, uint8_t kind, struct span bytes);
void edge_covered(struct edge *edge, const struct body_anchor *anchor);

/* registry.c: what the ledger says */
void registry_statement(struct edge *edge, const struct statement *statement, struct span bytes);
void device_free(struct device *device);

/* outbox.c: the gateway's own chain of statements */
/* Sign, log and queue. Returns the id. parents may hold zero digests: they are left out. */
struct digest outbox_emit(struct edge *edge, enum statement_type type, struct span sub, const struct digest *parents, size_t count, struct span body);
void outbox_recovered(struct edge *edge, struct span bytes);
/* An own statement is final. */
void outbox_final(struct edge *edge, const struct statement *statement);
void outbox_outcome(struct edge *edge, const struct digest *id, enum status status, struct span reason);
void outbox_pump(struct edge *edge);

/* message.c: messages */
void message_take(struct edge *edge, const struct edge_event *event);
void message_recovered(struct edge *edge, struct span frame);
void message_refuse(struct edge *edge, struct device *device, struct span name, enum edge_refusal why, uint64_t seq, struct span payload);
void messages_acknowledge(struct edge *edge);

/* batch.c: chunks and anchors */
void batch_row(struct edge *edge, struct device *device, uint64_t seq, int64_t received_ns, const struct wrangle_row *row, uint64_t *leaf);
/* Seal the open chunk, anchor it, and utter the findings that waited for it. */
void batch_seal(struct edge *edge);
void batch_reset(struct edge *edge);
bool batch_has_device(struct edge *edge, struct device *device);

/* decide.c: findings, services, commands */
void decide_finding(struct edge *edge, struct device *device, const struct twin_finding *finding, bool has_leaf, uint64_t leaf);
void decide_refusals(struct edge *edge);
/* Silence is uttered when it lasted for SILENCE_CONFIRM_MS of wall time more: messages may wait in a queue while
 * this process, the broker or the network is slow. */
void decide_silence(struct edge *edge, struct device *device, const struct twin_finding *finding);
void decide_silences(struct edge *edge);
void decide_utter(struct edge *edge, const struct digest *chunk, const struct digest *anchor);
void decide_services(struct edge *edge);
void decide_commission(struct edge *edge, struct device *device);
void decide_command_final(struct edge *edge, const struct statement *statement);
void decide_result(struct edge *edge, struct device *device, struct span payload);
void decide_critical_done(struct edge *edge, uint64_t token, int64_t acted_ns);

/* alarms.c: what people see */
void alarms_raise(struct edge *edge, const struct digest *id, struct span device, const char *signal, const char *kind, const char *diagnosis,
	const char *explanation, int64_t since_ns, uint64_t count, int priority, bool final);
void alarms_statement(struct edge *edge, const struct statement *statement);
void alarms_recovered(struct edge *edge, const struct statement *statement);
void alarms_clear(struct edge *edge);
void alarms_rename(struct edge *edge, const struct digest *old, const struct digest *new);
enum status alarms_acknowledge(struct edge *edge, const struct digest *id, struct span person, struct span comment, struct fault *fault);
void alarms_marker(struct edge *edge, const char *kind, struct span device, const char *signal, const char *text, int64_t time_ns, const struct digest *id);

#endif
