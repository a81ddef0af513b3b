/* What the files of the node's interface share. */
#ifndef TALLY_API_NODE_INNER_H
#define TALLY_API_NODE_INNER_H

#include "api/node_api.h"
#include "record/epoch.h"

struct node_post;

struct node_api {
	struct loop *loop;
	struct node_api_source source;
	struct node_post *posts;      /* waiting for their fate, newest first */
};

/* Everything there is to tell about the node at this moment. */
struct node_picture {
	struct node_facts facts;
	struct replica_numbers numbers;
	struct view_totals totals;
	struct span name;             /* whose node it is */
	const struct genesis *members; /* of the newest epoch */
	const struct ledger *ledger;
	double uptime_s;
	int64_t cpu_ns;
	uint64_t resident_kb;         /* 0: not known */
};
void node_picture_take(const struct node_api *api, struct node_picture *out);
/* GET /api/v1/node. */
void node_picture_json(const struct node_picture *picture, struct buffer *out);
/* Prometheus text format 0.0.4. */
void node_picture_metrics(const struct node_picture *picture, struct buffer *out);
/* GET /api/v1/entities. kind NULL: all. E_MALFORMED. */
MUST_USE enum status node_entities_json(const struct ledger *ledger, const char *kind, struct buffer *out, struct fault *fault);

/* "org", "person", "gateway", "device"; else NULL. */
const char *node_kind_word(unsigned kind);

/* GET /api/v1/members. */
void node_members_get(struct node_api *api, struct http_request *request, struct span text);

/* Who the members are and were. */
const struct epochs *node_epochs(const struct node_api *api);

/* GET /api/v1/state/NAME. */
void node_state_get(struct node_api *api, struct http_request *request, struct span name);

/* {"error", "reason"} with the HTTP status that docs/api.md gives for it. */
void node_answer_fault(struct http_request *request, enum status status, const char *reason);
void node_answer_fault_as(struct http_request *request, int code, enum status status, const char *reason);

/* POST of one statement, or of several one after another. */
void node_post_one(struct node_api *api, struct http_request *request);
void node_post_batch(struct node_api *api, struct http_request *request);
/* One statement for POST /entries: answered by node_log_answer. */
void node_post_entry(struct node_api *api, struct http_request *request, struct span statement);
/* Was it posted here, and is its fate still unknown? */
bool node_post_waits(const struct node_api *api, const struct digest *id);
void node_post_free_all(struct node_api *api);

/* -- node_log.c: the log as the standards name it ------------------------------------------- */
/* /entries, /.well-known/scitt-keys, /checkpoint, /tile, /api/v1/consistency: answered when true. */
bool node_log_handle(struct node_api *api, struct http_request *request);
/* The fate of a posted entry. known: false when it is not final in time. */
void node_log_answer(struct node_api *api, struct http_request *request, bool known, enum status status, const char *reason, const struct digest *id);
/* The newest, or the earliest that covers `index`, with the witnesses' lines. As replica_checkpoint. */
MUST_USE enum status node_log_checkpoint(const struct node_api *api, uint64_t index, bool newest, struct buffer *note, uint64_t *size);

#endif
