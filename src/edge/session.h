/* Sessions: a registered device authenticates each message with HMAC-SHA-256 under a key derived from
 * its registration, and numbers it. In-order acceptance gives exactly-once intake; a number taken
 * before and acknowledged long ago is a replay. Pure.
 *
 * key  = HKDF-SHA-256(provisioning secret, salt = id of the DEVICE statement in force,
 *                     info = "tally/device-mac/v1" || direction || device name)
 * tag  = first 16 bytes of HMAC-SHA-256(key, "tally/msg/v1" || u8 kind || u64 seq || payload)
 * seq  = u32 boot number || u32 counter from 1. A higher boot number starts a new sequence; a counter that runs over
 *        carries into it.
 * An acknowledgement is a message of kind ACK to the device: its seq is the number acknowledged, its payload that number
 * in decimal. Without a tag anybody at the broker could make a device forget what nobody has.
 * The key agreement of the device-trust design replaces the derivation, not the tag. */
#ifndef TALLY_EDGE_SESSION_H
#define TALLY_EDGE_SESSION_H

#include "base/buffer.h"
#include "base/map.h"
#include "crypto/hash.h"

enum { SESSION_SECRET_SIZE = 32, SESSION_KEY_SIZE = 32, SESSION_TAG_SIZE = 16 };

enum session_direction { SESSION_UP = 1, SESSION_DOWN = 2 };
enum session_kind { SESSION_DATA = 1, SESSION_CRITICAL = 2, SESSION_RESULT = 3, SESSION_COMMAND = 4, SESSION_ACK = 5 };

void session_key_derive(const uint8_t secret[SESSION_SECRET_SIZE], const struct digest *registration, struct span device,
	enum session_direction direction, uint8_t out[SESSION_KEY_SIZE]);

void session_tag(const struct mac_key *key, enum session_kind kind, uint64_t seq, struct span payload, uint8_t out[SESSION_TAG_SIZE]);

/* Which numbers were taken. Data, critical and result messages of a device share one sequence. */
struct session_window {
	uint64_t last;                /* newest accepted number; 0: none */
	uint64_t settled;             /* told to the device as durable at least SESSION_REPLAY_MS ago */
	uint64_t told;                /* a later number told to it ... */
	int64_t told_ns;              /* ... at this wall time */
	int64_t gap_since_ns;         /* 0: no gap */
	int64_t gap_seen_ns;          /* when a message last waited behind it */
	bool gap_again;               /* it was given its time anew, once */
};

enum session_verdict {
	SESSION_ACCEPT,
	SESSION_AGAIN,                /* a repetition of what is not acknowledged yet: harmless, drop */
	SESSION_REPLAY,               /* a repetition that the device has no reason to send */
	SESSION_WAIT,                 /* numbers before it are missing: drop, the device sends them all again */
};

enum { SESSION_GAP_MS = 3000, SESSION_REPLAY_MS = 5000 };

/* The device was told that everything taken so far is durable. */
void session_window_told(struct session_window *window, int64_t wall_ns);

/* Judge the next authenticated message. *missing: numbers given up before it (a gap older than SESSION_GAP_MS). */
enum session_verdict session_window_take(struct session_window *window, uint64_t seq, int64_t wall_ns, uint64_t *missing);

#endif
