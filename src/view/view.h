/* View: a read model of the log in SQL (SQLite), for questions that the ledger's state does not
 * answer: statements by type, issuer, subject and time, and the provenance graph. Rebuildable: it holds
 * nothing that the log does not, and of the statements only by what they are looked for: their bytes are
 * read from the log. Written behind the ledger in transactions without flushing each. */
#ifndef TALLY_VIEW_VIEW_H
#define TALLY_VIEW_VIEW_H

#include "ledger/ledger.h"
#include "trace/trace.h"

struct view;

/* Where the statements' bytes are. read: append those of this log entry. E_NOT_FOUND, E_IO, E_CORRUPT. */
struct view_log {
	void *context;
	enum status (*read)(void *context, uint64_t index, struct buffer *out);
};

/* Open or create; a file of another network or version is made anew. E_IO. */
MUST_USE enum status view_open(const char *path, const uint8_t network[NETWORK_ID_SIZE], const struct view_log *log, struct view **out, struct fault *fault);
void view_close(struct view *view);
/* How many log entries it holds: feed it from here. */
uint64_t view_size(const struct view *view);
/* Give an empty view the genesis' own statements, log entries 0..n-1. */
MUST_USE enum status view_add_genesis(struct view *view, const struct genesis *genesis, struct fault *fault);
/* The statement at `index` = view_size. E_IO: the file cannot be written. */
MUST_USE enum status view_add(struct view *view, uint64_t index, uint64_t commit_index, int64_t commit_ms, const struct statement *statement, struct fault *fault);
/* Make what was added visible to a crash-safe degree (commit the transaction). Call when idle or every few hundred. */
MUST_USE enum status view_commit(struct view *view, struct fault *fault);

struct view_row {
	uint64_t index;
	uint64_t commit_index;
	int64_t commit_ms;
	struct digest id;
	struct span bytes;            /* borrowed until the callback returns */
};
typedef bool view_callback(void *context, const struct view_row *row); /* false: stop; may not list itself */

/* `bytes` is appended to, row->bytes lies in it. E_NOT_FOUND, E_IO; E_CORRUPT: the log has another statement there. */
MUST_USE enum status view_get(struct view *view, const struct digest *id, struct buffer *bytes, struct view_row *row);
MUST_USE enum status view_get_index(struct view *view, uint64_t index, struct buffer *bytes, struct view_row *row);

/* The one statement whose id begins with these hexadecimal digits (any case; 1 to 64). E_MALFORMED: other characters;
 * E_NOT_FOUND; E_DUPLICATE: several have it. */
MUST_USE enum status view_find(struct view *view, struct span hex, struct digest *id, struct fault *fault);
/* The newest registration (ORG, PERSON, DEVICE) of a name below log position `before`; of an organisation that joined later, which
 * has none, the newest proposal (MEMBER) about it. E_NOT_FOUND, E_IO. */
MUST_USE enum status view_registration(struct view *view, struct span name, uint64_t before, struct digest *id);
/* The view as where a trace finds its statements. */
struct trace_source view_trace_source(struct view *view);

struct view_query {
	uint32_t type;                /* 0: all */
	struct span iss, sub;         /* empty: all */
	uint64_t after;               /* exclusive; UINT64_MAX: from the first, or from the newest when descending */
	bool descending;
	uint32_t limit;
};
MUST_USE enum status view_list(struct view *view, const struct view_query *query, view_callback *callback, void *context, struct fault *fault);

struct view_totals {
	uint64_t by_type[STATEMENT_TYPE_END];
	uint64_t readings;            /* sum of samples over anchors */
};
void view_totals(const struct view *view, struct view_totals *out);

#endif
