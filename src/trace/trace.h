/* Trace: the provenance graph of statements: what each was derived from and who answers for it.
 * Pure: it asks a `source` for statements. Also their forms for people: JSON and text. */
#ifndef TALLY_TRACE_TRACE_H
#define TALLY_TRACE_TRACE_H

#include "record/body.h"

enum { TRACE_NODES_MAX = 500 };

/* Where statements come from. Both end E_NOT_FOUND when there is none. */
struct trace_source {
	void *context;
	/* The statement's bytes are appended to `out`, which the trace owns. */
	enum status (*get)(void *context, const struct digest *id, struct buffer *out, uint64_t *index, int64_t *commit_ms);
	/* The registration of a name (organisation, person, gateway, device) that was in force at log position `before`:
	 * the newest one below it. A later one may carry another key. */
	enum status (*registration)(void *context, struct span name, uint64_t before, struct digest *id);
};

struct trace_node {
	struct digest id;
	uint64_t index;
	int64_t commit_ms;
	struct buffer bytes;          /* owned */
	struct statement statement;   /* of bytes */
	uint32_t depth;
};

enum trace_why { TRACE_PARENT = 1, TRACE_REGISTRATION, TRACE_BOUNDS, TRACE_MODEL, TRACE_ISSUER, TRACE_COMMAND, TRACE_TARGET };
const char *trace_why_name(unsigned why);

struct trace_edge {
	uint32_t from, to;            /* positions in nodes: `from` was derived from `to` */
	enum trace_why why;
};

struct trace {
	struct trace_node *nodes;     /* the first is what was asked for; breadth first, then by log index */
	size_t node_count;
	struct trace_edge *edges;
	size_t edge_count;
	bool cut;                     /* more than TRACE_NODES_MAX or deeper than asked */
};

/* Follow parents, what bodies name (registrations, bounds, models, commands) and the registrations of subjects and
 * issuers, back to organisations. depth 0: no limit. Issuers are followed whatever the depth, so that each statement
 * can be answered for. What the source does not have is left out. E_NOT_FOUND: the first one; E_CORRUPT. */
MUST_USE enum status trace_collect(const struct trace_source *source, const struct digest *id, uint32_t depth, struct trace *out, struct fault *fault);
void trace_free(struct trace *trace);

/* One line for people, with the figures that matter: "disturbance: bearing_temperature of spindle-1 drifts, 71.2 (expected 64.0 Cel): machine fault". */
void trace_label(const struct statement *statement, struct buffer *out);
/* The body as JSON (members named as the fields of record/body.h). */
void trace_body_json(const struct statement *statement, struct buffer *out);
/* S of docs/api.md. index UINT64_MAX: not final. */
void trace_statement_json(const struct statement *statement, uint64_t index, uint64_t commit_index, int64_t commit_ms, size_t size, bool with_body, struct buffer *out);
/* How many bytes the whole statement has, from its decoded parts. */
size_t trace_statement_size(const struct statement *statement);
void trace_json(const struct trace *trace, struct buffer *out);
void trace_text(const struct trace *trace, struct buffer *out);     /* an indented tree */
void trace_graphviz(const struct trace *trace, struct buffer *out);

#endif
