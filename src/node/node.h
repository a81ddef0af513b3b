/* Inside the node daemon.
 *
 *   node.c      starting, stopping, the command
 *   settings.c  node.ini
 *   keys.c      which organisation it is, its keys, and new ones taken into use
 *   disk.c      the logs: read at the start, appended to, pruned, exchanged
 *   steps.c     replica_step, and its actions carried out after one flush for many of them
 *   peers.c     members and gateways on the wire
 *   members.c   who the members are now, and that links and calls follow them
 *   twin.c      when it may begin to propose; another process with its keys
 *   waiting.c   submissions that wait for their fate, and how long it took
 *   witness.c   checkpoints sent to witnesses, and their lines */
#ifndef TALLY_NODE_NODE_H
#define TALLY_NODE_NODE_H

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
	char *organisation;           /* NULL: found by the keys */
	int64_t keep_blocks;          /* bytes of blocks kept beyond those that are needed */
	int64_t segment_bytes;        /* of a log's file; of files that are there already nothing changes */
	char *passphrase_file, *key_command; /* NULL: the terminal, when a key is encrypted */
	struct config_list peers;     /* "org:supplier 10.0.0.5:7101": instead of the address in the genesis */
	struct config_list floors;    /* "gw:manufacturer/hall-1 http://127.0.0.1:8180" */
	struct config_list witnesses; /* "http://127.0.0.1:8501 witness-one.vkey" */
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
	struct replica_action *deeds; /* copies */
	size_t count, capacity;
	size_t bytes;                 /* that they carry, but for statements */
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

/* One set of an organisation's keys, as in keys/ or keys/next/. */
struct node_keys {
	struct signing_key *node, *checkpoint, *tls;
};

enum { NODE_KEYS_MAX = 2, NODE_ADDRESS_MAX = 300 };

/* What one process keeps, however often its replica begins anew. */
struct node_self {
	struct node_settings settings;
	struct buffer genesis_bytes;
	struct genesis genesis;
	char *name;                   /* "org:manufacturer" */
	struct node_keys keys[NODE_KEYS_MAX];
	size_t key_count;
	size_t current;               /* the set whose TLS key is shown, and that signs receipts */
	bool next_waits;              /* the last set still lies in keys/next/ */
	struct loop *loop;
	const char **floor_gateways, **floor_urls;
	int64_t started_ns;
};

struct node {
	struct node_self self;
	bool again;                   /* begin anew from the disk, in this process */
	bool rebased;                 /* what is on the disk is further than the replica: nothing is done any more */
	struct disk_log *log;         /* of blocks */
	struct node_disk {
		struct disk_log *entries, *incoming; /* the second and the third log */
		struct buffer entries_out, incoming_out; /* frames, not yet appended */
		uint64_t *every;      /* position of each NODE_DISK_EVERY-th entry after the genesis' own */
		size_t every_count, every_capacity;
		uint64_t next_index, next_place; /* behind the entry that was read last: likely to be read next */
		uint64_t sealed;      /* a frame EPOCH lies here, and none further on; 0: none */
		bool holed, sealed_hole; /* damaged frames; with a frame EPOCH behind them */
		uint64_t hole;
	} disk;
	struct view *view;
	struct replica *replica;
	struct wire *wire;
	struct http_server *http;
	struct node_api *api;
	struct loop_timer *replica_timer, *flush_timer, *ahead_timer, *second_timer;
	struct node_queue queue, spare;
	bool unflushed;               /* appended since the last flush */
	uint64_t flushed_end;         /* of the log, then */
	bool carrying, failed;
	struct node_twin {
		bool begun;               /* the replica was started */
		bool waited;              /* long enough for members that are away */
		bool refused[LEDGER_SEATS_MAX]; /* says that it holds a live link of a twin */
		struct loop_timer *timer;
		uint64_t reports;
		int64_t told_ns;
	} twin;
	bool registrations_changed;   /* a device statement became final: look who may stay */
	uint64_t view_uncommitted;
	uint32_t silent_s;            /* for so long it has not known its own newest block */
	uint64_t unreadable;          /* blocks that the disk did not return when a peer asked */
	int64_t unreadable_told_ns;
	struct wire_link *members[LEDGER_SEATS_MAX]; /* by seat; NULL: away */
	struct node_dial {
		char address[NODE_ADDRESS_MAX]; /* empty: not called */
		struct digest key;
	} dials[LEDGER_SEATS_MAX];
	const struct entity **known_guests; /* identity - NODE_GUEST is the position */
	size_t known_guest_count, known_guest_capacity;
	struct node_guest **guests;
	size_t guest_count, guest_capacity;
	struct node_waiting waiting;
	struct node_witnesses *witnesses;
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
/* Add a final statement to the view, if it does not hold it. */
void node_view_feed(struct node *node, uint64_t index, uint64_t commit_index, int64_t commit_ms, const struct statement *statement);
void node_queue_free(struct node_queue *queue);

/* -- disk.c: failures end in node_fail -- */
enum { NODE_DISK_EVERY = 4 };
/* Open the logs, and tell the replica and the view what they say. E_CORRUPT, E_IO. */
MUST_USE enum status node_disk_open(struct node *node, struct fault *fault);
void node_disk_close(struct node *node);
/* REPLICA_KEEP and REPLICA_STAGE: into memory; node_disk_write appends what was gathered. */
void node_disk_keep(struct node *node, uint8_t kind, struct span bytes);
void node_disk_stage(struct node *node, uint8_t kind, struct span bytes);
void node_disk_stage_clear(struct node *node);
void node_disk_write(struct node *node);
void node_disk_prune(struct node *node, uint64_t position);
/* The statement that is this entry, from the log or the genesis; appends. context: the node. E_NOT_FOUND, E_IO, E_CORRUPT. */
enum status node_disk_entry(void *context, uint64_t index, struct buffer *out);
void node_disk_send_entries(struct node *node, uint16_t peer, uint64_t index, uint32_t count);
/* REPLICA_REBASE: afterwards the node is to begin again. */
void node_disk_rebase(struct node *node, bool blocks_stay);

/* -- keys.c -- */
/* The genesis, the keys, and whose node it is. */
MUST_USE enum status node_keys_open(struct node_self *self, struct fault *fault);
void node_keys_close(struct node_self *self);
/* After recovery: the set that the newest epoch names becomes the current one, and moves from keys/next/ to keys/. */
MUST_USE enum status node_keys_settle(struct node *node, struct fault *fault);
/* Before a new life in this process: the current set is kept, and keys/next/ read if it is there; that it cannot be read is noted. */
void node_keys_again(struct node_self *self);
/* Does the newest epoch name another set than the current one, which is held or may lie in keys/next/? */
bool node_keys_changed(const struct node *node);
/* Show the certificate that the organisation's root issued, if it has a root. */
MUST_USE enum status node_keys_certify(struct node *node, struct fault *fault);

/* -- members.c -- */
/* The members of the newest epoch. */
const struct genesis *node_members(const struct node *node);
/* An organisation that is or was a member, as the newest epoch that has it states it. */
const struct genesis_member *node_organisation(const struct node *node, uint16_t seat);
/* Do we call it, and stay connected? Members of the epoch; and, while we are behind or no member, all that we know of. */
bool node_welcomes(const struct node *node, const struct entity *entity);
/* May it call us? So may, besides, who is no member any more: it may not know yet. The replica tells it that, and no more. */
bool node_answers(const struct node *node, const struct entity *entity);
/* Where it is called: by the settings, else as it states. E_CONFIG. */
MUST_USE enum status node_address(const struct node *node, struct span name, struct span stated, char out[NODE_ADDRESS_MAX], struct fault *fault);
/* Call those that are to be called, and nobody else; close links that may not be any more. */
void node_members_follow(struct node *node);
/* REPLICA_EPOCH, while running. */
void node_epoch_begun(struct node *node);

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
