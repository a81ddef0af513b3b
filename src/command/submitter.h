/* The submitter: signs statements as an organisation, in its own sequence, and brings them to a node.
 *
 * The organisation's folder holds org.cose and keys/record.key (made by `tally init org`). Many statements
 * travel in one request and become final together: 300 registrations cost about as much time as one.
 * One process at a time should speak for an organisation; when another was faster, the sequence is asked
 * for again and what is left is signed anew. When the node does not answer, the others that were named are asked
 * (client/client.h). */
#ifndef TALLY_COMMAND_SUBMITTER_H
#define TALLY_COMMAND_SUBMITTER_H

#include "host/passphrase.h"
#include "record/body.h"

struct submitter;

/* node_urls: one, or several with commas between them.
 * E_NOT_FOUND, E_CONFIG: the folder; E_CLOSED: no node answers; E_UNKNOWN: the node's consortium does not have this
 * organisation. */
/* passphrase: for an encrypted record key; NULL: from the terminal. */
MUST_USE enum status submitter_open_with(const char *folder, const char *node_urls, struct passphrase *passphrase, struct submitter **out,
	struct fault *fault);
MUST_USE enum status submitter_open(const char *folder, const char *node_urls, struct submitter **out, struct fault *fault);
void submitter_close(struct submitter *submitter);
/* "org:manufacturer" */
struct span submitter_organisation(const struct submitter *submitter);

/* What the ledger holds under a name, as of submitter_open or submitter_refresh. False: nothing. */
struct submitter_heads {
	struct digest registration, bounds, model; /* zero: none */
	uint64_t bounds_version, model_version;
	bool revoked;
};
bool submitter_heads(const struct submitter *submitter, struct span name, struct submitter_heads *out);
MUST_USE enum status submitter_refresh(struct submitter *submitter, struct fault *fault);

/* One statement to be sent. */
struct submitter_item {
	uint32_t type;
	struct buffer sub, body;      /* owned by the batch */
	struct digest parents[STATEMENT_PARENTS_MAX];
	size_t parent_count;
	size_t earlier[STATEMENT_PARENTS_MAX]; /* further parents: positions of earlier items of the batch */
	size_t earlier_count;
	struct digest id;             /* set by sending */
	uint64_t index;               /* its position in the log, set by sending */
	bool final;
};

/* Zero is a valid empty batch. */
struct submitter_batch {
	struct submitter_item *items;
	size_t count, capacity;
};

/* Copies; returns the item's position. */
size_t submitter_batch_add(struct submitter_batch *batch, uint32_t type, struct span sub, struct span body);
void submitter_batch_parent(struct submitter_batch *batch, size_t item, const struct digest *parent);
void submitter_batch_earlier(struct submitter_batch *batch, size_t item, size_t earlier);
/* A registration; then its bounds and its model, when given (NULL: none), as the next versions with their parents. */
void submitter_batch_device(struct submitter_batch *batch, const struct submitter *submitter, struct span name,
	const struct body_device *device, const struct body_bounds *bounds, const struct body_model *model);
void submitter_batch_free(struct submitter_batch *batch);

/* Sign and send the items in order, and wait until every one is final. On a fault, those that have `final` set are,
 * and nothing after them is. E_CLOSED, E_BUSY (not final in two minutes), or why the node refused one. */
MUST_USE enum status submitter_send_many(struct submitter *submitter, struct submitter_batch *batch, struct fault *fault);
/* One. */
MUST_USE enum status submitter_send(struct submitter *submitter, uint32_t type, struct span sub, struct span body,
	const struct digest *parents, size_t parent_count, struct digest *id, struct fault *fault);

#endif
