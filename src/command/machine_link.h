/* The device's end of the shop floor's MQTT rules (docs/formats.md, "Device messages"): one client with its own
 * identity, numbers and tags on every message, and what is not acknowledged is kept and sent again. For the
 * simulated machines, replay and the benchmark; real devices do the same in their firmware. */
#ifndef TALLY_COMMAND_MACHINE_LINK_H
#define TALLY_COMMAND_MACHINE_LINK_H

#include "connect/mqtt.h"
#include "edge/payload.h"
#include "host/loop.h"

enum { MACHINE_LINK_KEPT_MAX = 20000 };

struct machine_link;

struct machine_link_config {
	struct loop *loop;
	const char *device;           /* "dev:manufacturer/spindle-1" */
	const char *host;             /* of the broker */
	int port;
	uint8_t key_up[SESSION_KEY_SIZE], key_down[SESSION_KEY_SIZE];
	uint32_t boot;                /* higher than at every earlier start */
	void *context;
	/* An authentic command. */
	void (*command)(void *context, struct machine_link *link, const struct payload_command *command);
};

MUST_USE enum status machine_link_new(const struct machine_link_config *config, struct machine_link **out, struct fault *fault);
void machine_link_free(struct machine_link *link);
/* Number, tag, keep and send. altered: what a forger on the way makes of it this first time, or NULL. E_LIMIT: too much is
 * unacknowledged; the message is lost and counted. */
MUST_USE enum status machine_link_send(struct machine_link *link, enum session_kind kind, struct span payload, const struct span *altered);
/* Send an old message once more, as an attacker would who recorded it. Nothing happens before there is one. */
void machine_link_replay(struct machine_link *link);

struct machine_link_numbers {
	const char *device;
	uint64_t sent;                /* messages given to machine_link_send and kept */
	uint64_t acknowledged;        /* of them, durable at the gateway */
	uint64_t acknowledged_data;   /* of those, data messages */
	uint64_t acknowledged_seq;    /* newest */
	uint64_t waiting;             /* kept, not acknowledged */
	uint64_t resent, lost;
	bool up;
};
void machine_link_numbers(const struct machine_link *link, struct machine_link_numbers *out);

/* Key files as `tally provision` writes them: FOLDER/NAME.key, two lines of 64 hexadecimal digits: up, down. */
MUST_USE enum status machine_keys_read(const char *folder, const char *device, uint8_t up[SESSION_KEY_SIZE], uint8_t down[SESSION_KEY_SIZE], struct fault *fault);

#endif
