/* Wire: framed messages between daemons over TLS 1.3, mutual, ML-DSA-44 certificates, key exchange
 * X25519MLKEM768 and nothing else. frame = u32 size | u8 kind | bytes.
 *
 * A peer is who its TLS key says: `identify` maps the key's digest to a number (or refuses). Dialled
 * connections are retried for ever with exponential back-off and jitter; a half-open one is noticed by
 * frames of kind 0 (keep-alive, every 5 s, 15 s limit). Send queues are bounded: when full the oldest
 * whole frames are kept and the new one is dropped, which the caller is told (E_BUSY).
 *
 * There is at most one link a key: `up` and `down` of an identity alternate. Both ends may dial each other;
 * when two connections meet, both ends keep the one that the smaller key digest dialled, unless the older
 * one has been up for a while: then it is taken for dead, and the newer one replaces it. A link is up when
 * each end has sent a welcome, so both ends have accepted each other by then.
 *
 * Two processes with one key: each wire draws an instance number when it is made and says it in its first frame.
 * When a link of another instance is up for a key, a new one is welcomed only if the older one does not answer a
 * probe within a fifth of the silence limit (a crashed machine's half-open link does not); otherwise the newcomer
 * is refused, and both hear of it (`twin`). Source: design of the ledger, 1.9; docs/formats.md, "Greeting". */
#ifndef TALLY_HOST_WIRE_H
#define TALLY_HOST_WIRE_H

#include "crypto/sign.h"
#include "host/loop.h"

enum { WIRE_FRAME_MAX = 4 << 20, WIRE_QUEUE_MAX = 64 << 20, WIRE_CONNECTIONS_MAX = 256 };
/* `drained` is called when less than this is left to send. */
enum { WIRE_QUEUE_LOW = 256 << 10 };

/* Another process runs with our own key. */
enum wire_twin {
	WIRE_TWIN_REFUSES,            /* the other end holds a live link of it, and does not take ours */
	WIRE_TWIN_CALLED,             /* it called the other end, which refused it */
};
/* As the other end of a `twin`: it is the twin itself, which has our key. */
#define WIRE_IDENTITY_OWN UINT32_MAX

struct wire;
struct wire_link;                 /* one connection, owned by the wire */

struct wire_callbacks {
	void *context;
	/* Is this key known, and as whom? false refuses the connection. */
	bool (*identify)(void *context, const struct digest *tls_key, uint32_t *identity);
	/* Which root must have certified the key of this identity? false: none; a self-signed certificate will do. May be NULL. */
	bool (*root)(void *context, uint32_t identity, struct digest *root_key);
	void (*up)(void *context, struct wire_link *link, uint32_t identity);
	/* The link must not be used after this returns. */
	void (*down)(void *context, struct wire_link *link, uint32_t identity);
	/* bytes are borrowed. */
	void (*frame)(void *context, struct wire_link *link, uint32_t identity, uint8_t kind, struct span bytes);
	/* Some of the queue was sent, and less than WIRE_QUEUE_LOW is left. May be NULL. */
	void (*drained)(void *context, struct wire_link *link, uint32_t identity);
	/* REFUSES: `address` is where the other end, `identity`, is. CALLED: where the twin called from, as `identity` says;
	 * printable, no quotes, borrowed. One end alone may lie, but WIRE_IDENTITY_OWN has proven our key. May be NULL. */
	void (*twin)(void *context, enum wire_twin what, uint32_t identity, const char *address);
};

MUST_USE enum status wire_new(struct loop *loop, const struct signing_key *tls_key, const struct wire_callbacks *callbacks,
	struct wire **out, struct fault *fault);
/* Show this certificate of the TLS key, issued by that root, instead of a self-signed one; PEM. Before any link. E_CONFIG. */
MUST_USE enum status wire_certify(struct wire *wire, struct span leaf, struct span root, const struct digest *root_digest, struct fault *fault);
/* Closes everything without calling back. */
void wire_free(struct wire *wire);
/* address: "127.0.0.1:9001" or "[::1]:9001". E_IO: port taken, with a sentence. */
MUST_USE enum status wire_listen(struct wire *wire, const char *address, struct fault *fault);
/* The port that wire_listen got, for port 0. */
unsigned wire_port(const struct wire *wire);
/* Other limits than 5 s and 15 s, for tests and slow networks. */
void wire_patience(struct wire *wire, int64_t keepalive_ms, int64_t silence_ms);
/* Keep a connection to this address ("host:port"), whose key must have this digest. The own key: look whether a twin is
 * there; such a link never comes up. */
MUST_USE enum status wire_dial(struct wire *wire, const char *address, const struct digest *tls_key, struct fault *fault);
/* Call that address for that key no more; a connection that was dialled so is closed. Does nothing when it was not dialled. */
void wire_undial(struct wire *wire, const char *address, const struct digest *tls_key);
MUST_USE enum status wire_send(struct wire_link *link, uint8_t kind, struct span bytes);
/* Calls `down` before it returns. Permitted in every callback. */
void wire_close(struct wire_link *link, const char *why);
/* The caller's own pointer beside a link. */
void wire_link_set(struct wire_link *link, void *data);
void *wire_link_get(const struct wire_link *link);
/* Bytes that wait to be sent. */
size_t wire_link_queued(const struct wire_link *link);
const struct digest *wire_link_key(const struct wire_link *link);
/* The other end's address, for notes. */
const char *wire_link_address(const struct wire_link *link);

/* Frames between a gateway (or another client) and a node, beside 1 = replica message:
 *  16 SUBMIT      client to node: statement bytes
 *  17 OUTCOME     node to client: u32 status | u64 index | digest id | text reason
 *  18 FOLLOW      client to node: u64 first log index wanted
 *  19 FINAL       node to client: u64 index | i64 commit_ms | statement bytes; in order, without gaps
 *  20 HEAD        node to client: u64 log size: everything up to here has been sent */
/* 2 to 7 stay inside the wire (host/instance.h). */
enum wire_kind { WIRE_KEEPALIVE = 0, WIRE_REPLICA = 1, WIRE_HELLO = 2, WIRE_WELCOME = 3, WIRE_PROBE = 4, WIRE_ALIVE = 5,
	WIRE_REFUSED = 6, WIRE_TWIN = 7, WIRE_SUBMIT = 16, WIRE_OUTCOME = 17, WIRE_FOLLOW = 18, WIRE_FINAL = 19, WIRE_HEAD = 20 };

#endif
