/* Inside the node daemon.
 *
 *   node.c           starting, stopping, the command
 *   node_settings.c  node.ini
 *   node_steps.c     replica_step, and its actions carried out after one flush for many of them
 *   node_peers.c     members and gateways on the wire
 *   node_twin.c      when it may begin to propose; another process with its keys
 *   node_waiting.c   submissions that wait for their fate, and how long it took
 *   node_witness.c   checkpoints sent to witnesses, and their lines */
#ifndef TALLY_APP_NODE_H
#define TALLY_APP_NODE_H

#include "api/node_api.h"
#include "host/config.h"
#include "host/disk.h"
#include "host/wire.h"
#include "record/genesis.h"
#include "replica/replica.h"
#include "view/view.h"

/* ---- settings ---- */

struct node_settings {
	char *folder, *genesis, *wire_listen, *http_listen;
	char *passphrase_file, *key_command; /* NULL: the terminal, when a key is encrypted */
	struct config_list peers;     /* "org:supplier 10.0.0.5:7101": instead of the address in the genesis */
	struct config_list floors;    /* "gw:manufacturer/hall-1 http://127.0.0.1:8180" */
	struct config_list witnesses; /* "http://127.0.0.1:8501 keys/witness.vkey" */
	int64_t round_delay_ms, leader_timeout_ms, heartbeat_ms, clock_drift_ms, pending_bytes;
};

/* Owned texts; free with node_settings_free. E_CONFIG, E_NOT_FOUND, with a sentence. */
MUST_USE enum status node_settings_read(const char *path, struct node_settings *out, struct fault *fault);
void node_settings_free(struct node_settings *settings);
/* Every key with its meaning and default, on standard output. */
void node_settings_help(void);

/* ---- submissions that wait ---- */

enum { NODE_LATENCIES = 10000 };

struct node_waiter;
typedef void node_done(void *context, enum status status, const char *reason, const struct digest *id, uint64_t index);

struct node_waiting {
	struct map by_id;             /* to a slot */
	struct node_slot {
		struct digest id;
		int64_t since_ns;
		struct node_waiter *waiters; /* NULL: free */
		size_t next_free;
	} *slots;
	size_t count, capacity, first_free; /* first_free: slot + 1; 0: none */
	uint32_t latency_us[NODE_LATENCIES]; /* of final submissions, a ring */
	uint64_t latency_count;
	uint64_t quantiles_count;     /* latency_count when the quantiles were taken */
	double p50_ms, p99_ms;
};

/* True: this id waited already, nothing else is to be done. owner: whose going away ends the waiting, may be NULL. */
bool node_waiting_add(struct node_waiting *waiting, const struct digest *id, int64_t now_ns, node_done *done, void *context, const void *owner);
void node_waiting_outcome(struct node_waiting *waiting, const struct digest *id, int64_t now_ns, enum status status, const char *reason, uint64_t index);
void node_waiting_forget(struct node_waiting *waiting, const void *owner);
void node_waiting_quantiles(struct node_waiting *waiting, double *p50_ms, double *p99_ms);
void node_waiting_free(struct node_waiting *waiting);

/* ---- the node ---- */

/* What is to be done after the next flush, in order. */
struct node_queue {
	struct node_deed {
		enum replica_action_kind kind;
		uint16_t peer;
		enum status status;
		size_t at, size;          /* bytes, or positions, or the reason, in `bytes` */
		uint32_t position_count;
		struct digest id;
		uint64_t index, commit_index, log_size;
		int64_t commit_ms;
		bool of_state;            /* evidence of a fork of the state's root, not of the log's */
	} *deeds;
	size_t count, capacity;
	struct buffer bytes;
	int64_t oldest_ns;
};

/* A gateway that is connected. */
struct node_guest {
	struct wire_link *link;
	const struct entity *entity;
	bool follows;
	uint64_t next;                /* log index to send next */
	uint64_t head;                /* last HEAD told */
};

struct node {
	struct node_settings settings;
	struct buffer genesis_bytes;
	struct genesis genesis;
	uint16_t own;
	struct signing_key *node_key, *checkpoint_key, *tls_key;
	struct loop *loop;
	struct disk_log *log;
	struct view *view;
	struct replica *replica;
	struct wire *wire;
	struct http_server *http;
	struct node_api *api;
	struct loop_timer *replica_timer, *flush_timer, *second_timer;
	struct node_queue queue, spare;
	bool unflushed;               /* appended since the last flush */
	bool carrying, failed;
	struct node_twin {
		bool begun;               /* the replica was started */
		bool waited;              /* long enough for members that are away */
		bool refused[BLOCK_MEMBERS_MAX]; /* says that it holds a live link of a twin */
		struct loop_timer *timer;
		uint64_t reports;
		int64_t told_ns;
	} twin;
	bool registrations_changed;   /* a device statement became final: look who may stay */
	uint64_t view_uncommitted;
	struct wire_link *members[BLOCK_MEMBERS_MAX]; /* NULL: away */
	const struct entity **known_guests; /* identity - NODE_GUEST is the position */
	size_t known_guest_count, known_guest_capacity;
	struct node_guest **guests;
	size_t guest_count, guest_capacity;
	struct node_waiting waiting;
	struct node_witnesses *witnesses;
	int64_t started_ns;
	const char **floor_gateways, **floor_urls;
	/* recovery */
	int64_t told_ns;
	uint64_t recovery_bytes;
};

/* The disk, entropy or view failed: nothing may be acknowledged any more; the process ends with 1. */
void node_fail(struct node *node, const struct fault *fault);

/* Give the replica an event; time and randomness are filled in here. */
void node_step(struct node *node, struct replica_event *event);
/* Flush, then carry out what waits for it. */
void node_flush(struct node *node);
/* Tell the replica what the log says, and the view what it lacks. */
void node_recovered(void *node, const struct log_frame *frame);
void node_queue_free(struct node_queue *queue);

/* Start the replica as soon as it is certain enough that no other process runs with our keys: at once without other members;
 * when more than half of them are linked with us; or when nobody has refused us for NODE_BEGIN_MS. */
void node_begin(struct node *node);
/* The links or the refusals changed: begin, go on, or stop. */
void node_twin_look(struct node *node);
/* The wire's callback. */
void node_twin_heard(void *node, enum wire_twin what, uint32_t identity, const char *address);

MUST_USE enum status node_peers_start(struct node *node, struct fault *fault);
/* Send followers what became final. */
void node_guests_serve(struct node *node);
/* Cut off gateways that were revoked, or whose key was replaced. */
void node_guests_review(struct node *node);
void node_peers_free(struct node *node);

MUST_USE enum status node_witnesses_open(struct node *node, struct fault *fault);
/* Send the newest checkpoint to those that have not cosigned it. */
void node_witnesses_push(struct node *node);
/* Append the lines for the checkpoint of this size. context: the node. */
void node_witness_lines(void *context, uint64_t size, struct buffer *out);
void node_witnesses_free(struct node *node);

/* For the interface: `done` is never called from within. */
void node_submit(void *node, struct span statement, node_done *done, void *context);

#endif
