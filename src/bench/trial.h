/* Inside `tally bench`: four nodes and one client process that speaks for four issuers, one an organisation. Statements are
 * signed before the clock starts, and reach the node of their organisation over the wire, as a gateway's do.
 * One thread drives the links; signing and the writing of chunk files have threads of their own. */
#ifndef TALLY_BENCH_TRIAL_H
#define TALLY_BENCH_TRIAL_H

#include "bench/bench.h"

#include "base/map.h"
#include "host/wire.h"
#include "record/genesis.h"

#include <stdatomic.h>

enum {
	TRIAL_MEMBERS = RUN_MEMBERS,
	TRIAL_RECORD = 256,           /* bytes of a record */
	TRIAL_BATCH = 16,             /* records in a small batch */
	TRIAL_BODY_RECORDS = 32,      /* records that one statement's body holds: details of an event */
	TRIAL_CHUNK_RECORDS = 1 << 16, /* in a chunk, at most */
	TRIAL_STATEMENTS_MAX = 60000, /* signed at a time; about 3 KiB each */
};

/* Who speaks: the organisations with events, or their gateways with anchors. */
enum trial_voice { TRIAL_EVENTS, TRIAL_ANCHORS, TRIAL_VOICES };

struct trial_issuer {
	struct signing_key *key;
	char iss[64];
	uint64_t seq;
	struct digest last;
};

/* One issuer's statements, in the order of its sequence. */
struct trial_chain {
	struct trial *trial;
	int member;
	struct trial_issuer issuers[TRIAL_VOICES];
	struct buffer bytes;
	struct trial_item {
		size_t at, size;
		struct digest id;
		struct digest chunk;
		uint64_t number;
		int64_t due_ns;       /* when it was to be sent, or was */
	} *items;
	size_t count, sent, final;
	enum status signed_status;
	atomic_bool done;             /* signing */
	atomic_size_t durable;        /* items whose chunk is on the disk; all of them where there is none */
	atomic_bool writer_failed;
};

/* What the loop runs for. */
enum trial_purpose {
	TRIAL_CONNECT,                /* until there is a link to every node */
	TRIAL_SIGN,                   /* until the statements are signed; the links are kept alive meanwhile */
	TRIAL_MOST,                   /* as many at a time as the window lets */
	TRIAL_EVENLY,                 /* at a rate */
	TRIAL_SINGLY,                 /* one, and a pause after it is final */
};

struct trial {
	enum trial_purpose purpose;
	struct bench_site site;
	struct buffer genesis_bytes;
	struct genesis genesis;
	struct signing_key *tls_key;
	struct loop *loop;
	struct loop_timer *timer;
	struct wire *wire;
	struct wire_link *links[TRIAL_MEMBERS];
	struct trial_chain chains[TRIAL_MEMBERS];
	struct map by_id;             /* member << 32 | item */
	/* What the statements hold; set before trial_sign. */
	enum trial_voice voice;
	size_t body_bytes;            /* events: about this long; unused with `records` */
	size_t records;               /* events: so many records in the body; anchors: in the chunk */
	double *latencies_s;
	size_t latency_count, total;
	double rate;                  /* TRIAL_EVENLY: statements a second */
	double seconds;               /* TRIAL_MOST: nothing is sent after this; 0: all is */
	int64_t start_ns, progress_ns, next_ns;
	atomic_bool writing;          /* chunk files */
	size_t started;               /* TRIAL_EVENLY, TRIAL_SINGLY: how many were sent */
	bool stopped;                 /* by us: all is final, or a fault */
	struct fault fault;
};

/* Nodes, registered gateways, links. Close it in any case. */
MUST_USE enum status trial_open(struct bench *bench, struct trial *trial, struct fault *fault);
void trial_close(struct trial *trial);
/* The links end; nodes may be stopped after this. */
void trial_disconnect(struct trial *trial);

/* `count` statements of every issuer, signed by all at the same time. Anchors: the digest and the RFC 9162 root of each chunk
 * are made here, too. */
MUST_USE enum status trial_sign(struct trial *trial, size_t count, struct fault *fault);
/* Send what was signed, and wait until all that was sent is final; what was not sent is forgotten. Anchors follow their
 * chunk's file, which is written and flushed as a gateway does it, beside, by one thread an issuer. *elapsed_s: from
 * the first to the last statement that is final; trial->latencies_s holds each one's time. */
MUST_USE enum status trial_run(struct trial *trial, enum trial_purpose purpose, double *elapsed_s, struct fault *fault);

/* The issuers go on behind what chains[].sent says; trial_run does it itself. */
void trial_sent(struct trial *trial);

/* bench_site_number of one of its nodes. */
double trial_number(const struct trial *trial, int member, const char *object, const char *name);
/* A gateway of that organisation with this name, keys in FOLDER of the site; it is submitted, not yet final. */
MUST_USE enum status trial_gateway_register(struct bench_site *site, int member, const char *id, const char *folder, struct fault *fault);
/* An organisation's own key, or its gateway's, and where its sequence is, as its node says. The caller frees the key. */
MUST_USE enum status trial_issuer_open(const struct bench_site *site, int member, const char *id, const char *folder, struct trial_issuer *issuer, struct fault *fault);

/* What one statement after the other could do if nothing but its signature's four checks took time: statements a second. */
double trial_limit(const struct bench *bench);
struct trial_most {
	double rate, elapsed_s;       /* statements a second, final on all nodes */
	double count;
	double cpu_s, signature_s;    /* processor time of the four nodes; of that signature checks */
};
/* As many as possible for bench->seconds, with what `trial` says that a statement holds. */
MUST_USE enum status trial_most(struct bench *bench, struct trial *trial, struct trial_most *out, struct fault *fault);

/* Until all four logs have this size. */
MUST_USE enum status trial_logs_wait(struct trial *trial, double size, struct fault *fault);

#endif
