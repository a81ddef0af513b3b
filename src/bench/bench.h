/* Inside `tally bench`: one table in one run, each line beside a peer or a physical limit that was measured in the same
 * run on the same machine. Machines are noisy: ratios matter.
 *
 *   bench.c     the command, the table
 *   machine.c   what the machine is: cores, disk, processor time and memory of processes
 *   site.c      a consortium of real processes in a temporary folder
 *   crypto.c    signatures, hashes, tags
 *   pipeline.c  wrangling, twins and chunks in one thread
 *   chunk.c     bytes of a sample in a chunk
 *   gateway.c   messages through a broker and a gateway
 *   load.c      the publishing clients of that
 *   trial.c     four nodes, issuers and their statements
 *   ledger.c    statements made final by four nodes
 *   most.c      as many statements as possible, and what a statement costs
 *   peers.c     the same records in etcd and NATS JetStream
 *   idle.c      nodes with nothing to do
 *   network.c   what a process sent and received
 *   growth.c    cost as members, statements and hashes grow */
#ifndef TALLY_BENCH_BENCH_H
#define TALLY_BENCH_BENCH_H

#include "command/document.h"
#include "run/run.h"
#include "signal/chunk.h"
#include "twin/twin.h"

enum bench_floor { BENCH_NO_FLOOR, BENCH_AT_LEAST, BENCH_AT_MOST };

/* One line. Texts are literals or short. */
struct bench_row {
	char group[12];
	char what[96];
	double value;
	const char *unit;
	char peer[72];                /* what stands beside it; "" for none */
	double peer_value;            /* NAN: it could not be measured; `peer` says why */
	const char *peer_unit;        /* NULL: the same unit */
	double floor;
	enum bench_floor sense;
};

struct bench {
	double seconds;               /* how long each measurement takes, about */
	double statements;            /* on disk when recovery is measured; 0: what the part takes by itself */
	double entries;               /* hashes alone, with growth */
	const char *cmapss, *examples;
	char program[1024];
	char folder[1024];            /* of this run; removed at the end */
	struct bench_row *rows;
	size_t row_count, row_capacity;
	/* Measured by the crypto part, or on demand: limits of the others. */
	double verify_s;
	double fdatasync_s;
};

/* The line to fill in: what, value and unit are set. */
struct bench_row *bench_row_add(struct bench *bench, const char *group, double value, const char *unit, const char *what, ...) PRINTF_LIKE(5, 6);
void bench_row_peer(struct bench_row *row, double value, const char *unit, const char *what);
/* What is being done, on standard error. */
void bench_tell(const char *format, ...) PRINTF_LIKE(1, 2);
/* E_CLOSED with a sentence when the user pressed Ctrl-C. */
MUST_USE enum status bench_go_on(struct fault *fault);

typedef enum status bench_part(struct bench *bench, struct fault *fault);
bench_part bench_crypto, bench_pipeline, bench_chunk, bench_gateway, bench_ledger, bench_cost, bench_idle, bench_growth;

/* -- machine.c */
int bench_cores(void);
void bench_machine_text(const struct bench *bench, struct buffer *out);
/* Median of many, each of 4 KiB appended to a file in the folder. */
MUST_USE enum status bench_fdatasync(const char *folder, double *seconds, struct fault *fault);
MUST_USE enum status bench_folder_make(struct bench *bench, struct fault *fault);
void bench_folder_remove(const char *folder);

struct bench_use {
	double cpu_s;
	double resident_bytes;
	double written_bytes;         /* to the disk; 0 when the system does not tell */
};
/* False: no such process. */
bool bench_use(pid_t pid, struct bench_use *out);

/* -- network.c: the TCP connections of a process */
enum { BENCH_SOCKETS = 64 };
struct bench_network {
	size_t count;
	struct bench_socket {
		uint64_t inode;
		uint64_t sent, received;  /* bytes, without TCP and IP; TLS is in them */
		uint64_t sent_segments;
		uint64_t received_segments;
	} sockets[BENCH_SOCKETS];
};
/* False: the system does not tell, or there are too many. */
bool bench_network(pid_t pid, struct bench_network *out);
/* What went through the connections between the two looks. False: one has gone, so nobody knows. */
bool bench_network_between(const struct bench_network *before, const struct bench_network *after, struct bench_socket *out);

/* -- site.c */
struct bench_site {
	struct run run;
	char folder[1100];
	int members;
	int http_ports[RUN_MEMBERS];
};
/* Keys, genesis and running nodes that are connected with each other. Close it in any case. */
MUST_USE enum status bench_site_open(struct bench *bench, const char *name, int members, struct bench_site *site, struct fault *fault);
void bench_site_close(struct bench_site *site);
void bench_site_url(const struct bench_site *site, int member, char out[64]);
/* A number of the node's status, or of an object in it. NAN: the node does not answer. */
double bench_site_number(const struct bench_site *site, int member, const char *object, const char *name);
/* "FOLDER/..." */
void bench_site_path(const struct bench_site *site, const char *name, char out[1200]);
MUST_USE enum status bench_site_write(const struct bench_site *site, const char *name, const struct buffer *text, struct fault *fault);
/* mosquitto on a free port, which is returned. */
MUST_USE enum status bench_site_broker(struct bench_site *site, int *port, struct fault *fault);
MUST_USE enum status bench_port(int *port, struct fault *fault);
/* Every child still runs. */
MUST_USE enum status bench_site_check(struct bench_site *site, struct fault *fault);
bool bench_site_use(struct bench_site *site, const char *child, struct bench_use *out);

/* -- pipeline.c: a machine's half of the gateway, as the edge sets it up */
struct bench_device {
	struct document document;
	struct wrangler *wrangler;
	struct twin *twin;            /* NULL: not wanted */
	const struct channel *channels;
	size_t channel_count;
};
/* From the document of an example machine. */
MUST_USE enum status bench_device_read(const struct bench *bench, const char *name, struct bench_device *out, struct fault *fault);
/* Make wrangler and twin anew. */
MUST_USE enum status bench_device_fresh(struct bench_device *device, struct unit_table *units, bool twin, struct fault *fault);
void bench_device_free(struct bench_device *device);

/* -- load.c: clients that publish messages which were numbered and tagged before the clock started */
struct bench_client {
	char device[64];
	uint8_t key_up[32], key_down[32];
};

struct bench_load_result {
	uint64_t sent, acknowledged;
	double elapsed_s;             /* from the first message to the last acknowledgement */
	double cpu_s;                 /* of the generator: this process */
};

struct bench_load {
	const struct bench_client *clients;
	size_t client_count;
	int port;                     /* of the broker */
	uint32_t boot;
	double seconds;
	/* NULL: acknowledgements come from the gateway. Else: how many arrived, counted by somebody else. */
	const volatile uint64_t *counted;
};
MUST_USE enum status bench_load_run(const struct bench_load *load, struct bench_load_result *out, struct fault *fault);

#endif
