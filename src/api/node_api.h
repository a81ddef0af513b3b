/* The node's HTTP interface (docs/api.md, "Node") over its replica and view. */
#ifndef TALLY_API_NODE_API_H
#define TALLY_API_NODE_API_H

#include "host/http.h"
#include "replica/replica.h"
#include "view/view.h"

enum {
	NODE_API_STREAM = 1,
	NODE_API_WAIT_MS = 30000,     /* a submission's fate is waited for this long */
	NODE_API_ENTRY_WAIT_MS = 2000, /* the same for POST /entries, which then tells where to ask */
	NODE_API_BATCH_MAX = 512,     /* statements in one POST /api/v1/statements/batch */
	NODE_API_ANSWER_MAX = 8 << 20, /* a list ends early, with `next`, when it is longer */
};

/* What the daemon tells about itself. Filled in on demand. */
struct node_facts {
	uint16_t member;              /* own consensus index in this epoch; REPLICA_NOBODY: no member */
	int64_t started_ns;           /* clock_monotonic_ns at the start */
	bool connected[BLOCK_MEMBERS_MAX]; /* by consensus index */
	uint32_t rounds[BLOCK_MEMBERS_MAX];
	double finality_p50_ms, finality_p99_ms;
	uint64_t finality_count;
	uint64_t twin_reports;        /* of other processes with this node's keys */
	const char *const *floor_gateways; /* two arrays of equal length that end with NULL; or both NULL */
	const char *const *floor_urls;
};

struct node_api_source {
	void *context;
	struct replica *replica;
	struct view *view;
	const struct signing_key *checkpoint_key; /* signs receipts */
	/* Append the cosignature lines that witnesses gave for the checkpoint of this size; NULL: there are no witnesses. */
	void (*witnesses)(void *context, uint64_t size, struct buffer *note);
	void (*facts)(void *context, struct node_facts *out);
	/* Submit a statement; `done` is called once with its fate (or never when the process stops). */
	void (*submit)(void *context, struct span statement,
		void (*done)(void *context, enum status status, const char *reason, const struct digest *id, uint64_t index), void *done_context);
};

struct node_api;
struct node_api *node_api_new(struct loop *loop, const struct node_api_source *source);
void node_api_free(struct node_api *api);
/* Is this path ours? Then it is answered, now or later. Also /metrics. */
bool node_api_handle(struct node_api *api, struct http_request *request);
/* Tell streams about a final statement, and, once a second, about the node. */
void node_api_final(struct node_api *api, struct http_server *server, const struct statement *statement, uint64_t index, uint64_t commit_index, int64_t commit_ms);
void node_api_second(struct node_api *api, struct http_server *server);

#endif
