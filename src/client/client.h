/* Client: brings signed statements to the nodes of a consortium, over HTTP (docs/api.md, "Node"), until they are final.
 *
 * A statement is named by its bytes: sent twice, or at two nodes, it is in the log once. So whenever a node does not answer, is
 * busy, or does not come to an end with a statement, the same bytes are sent again, there or at the next node.
 *
 *   ACCEPTED  a node has the statement and has not refused it. It lies in that node's memory or in a block of its log. That is no
 *             promise: a node that is killed, or parted from the others, may lose it. Keep the bytes.
 *   FINAL     it is in the log at `index`, ordered by a quorum of members, on their disks. A bundle that proves it to
 *             others can be had from any node a few seconds later (GET /api/v1/export/ID, docs/verify.md).
 *   REFUSED   it is not in the log, and will not be.
 *
 * Back-pressure: a node that is busy (503, or the word "busy" of one statement) is sent half as many at a time, after a pause that
 * doubles from 50 ms to 5 s; each request that goes through adds 32, up to 512.
 *
 * Blocking, one thread. The node's word is believed: ask your own organisation's first. */
#ifndef TALLY_CLIENT_CLIENT_H
#define TALLY_CLIENT_CLIENT_H

#include "base/span.h"
#include "base/status.h"

enum { CLIENT_NODES_MAX = 64 };

enum client_state { CLIENT_UNSENT, CLIENT_ACCEPTED, CLIENT_FINAL, CLIENT_REFUSED };

struct client_item {
	struct span bytes;            /* COSE_Sign1; borrowed */
	/* Set by client_send; zero before. */
	enum client_state state;
	enum status status;           /* REFUSED: why */
	uint64_t index;               /* FINAL: in the log */
	unsigned node;                /* who said so: position in the configuration */
};

struct client_config {
	const char *const *urls;      /* of nodes, such as "http://127.0.0.1:8101"; copied. The first is preferred */
	size_t url_count;
	int64_t patience_ms;          /* without anything becoming final; 0: two minutes */
	int64_t wait_ms;              /* a node may take this long before it answers "accepted"; 0: two seconds; at most 30 s */
	/* Each time an item's state has changed. May be NULL. */
	void (*changed)(void *context, const struct client_item *item);
	void *context;
};

struct client_numbers {
	uint64_t requests, busy, moves; /* moves: to another node */
	unsigned window;              /* statements in the next request */
};

struct client;
/* E_CONFIG: no node, or too many. */
MUST_USE enum status client_new(const struct client_config *config, struct client **out, struct fault *fault);
void client_free(struct client *client);

/* Send the items in this order, and return when all are final (OK), or one is refused, or nothing became final for as long as
 * patience lasts. Then those before it are final, and nothing after it is. A refusal for a reason that a node far behind could
 * give (E_SEQUENCE, E_UNKNOWN, E_PARENT, E_REVOKED) is believed when a second node gives it, too, if there is one.
 * E_BUSY: not final in time; it may become so: send the same bytes again later. E_CLOSED: no node answers. */
MUST_USE enum status client_send(struct client *client, struct client_item *items, size_t count, struct fault *fault);

/* The node to be asked next: it was the last that answered. */
const char *client_url(const struct client *client);
/* Ask another one from now on. */
void client_move(struct client *client);
struct client_numbers client_numbers(const struct client *client);

#endif
