/* MQTT 5 client over libmosquitto, for any event loop: the caller watches the socket and calls
 * mqtt_ready and, a few times a second, mqtt_tick. Reconnects for ever with exponential back-off. */
#ifndef TALLY_CONNECT_MQTT_H
#define TALLY_CONNECT_MQTT_H

#include "connect/topic.h"

struct mqtt;

struct mqtt_message {
	const char *topic;
	struct span payload;
	bool has_tag;                 /* both user properties were there and well-formed */
	uint64_t seq;
	uint8_t tag[SESSION_TAG_SIZE];
};

struct mqtt_callbacks {
	void *context;
	void (*up)(void *context, struct mqtt *mqtt);
	void (*down)(void *context, struct mqtt *mqtt);
	void (*message)(void *context, struct mqtt *mqtt, const struct mqtt_message *message);
};

struct mqtt_config {
	const char *host;
	int port;
	const char *client_id;
	const char *username;         /* NULL: none */
	bool keep_session;            /* the broker queues for us while we are away (QoS 1) */
};

/* E_CONFIG. Connects at the first tick. Texts are copied. */
MUST_USE enum status mqtt_new(const struct mqtt_config *config, const struct mqtt_callbacks *callbacks, struct mqtt **out, struct fault *fault);
void mqtt_free(struct mqtt *mqtt);
/* -1 while not connected. */
int mqtt_socket(const struct mqtt *mqtt);
bool mqtt_wants_write(const struct mqtt *mqtt);
/* Handle at most `messages` waiting messages; true: more are waiting. */
bool mqtt_ready(struct mqtt *mqtt, bool readable, bool writable, unsigned messages);
/* Keep-alive and reconnecting. now_ms: monotonic. */
void mqtt_tick(struct mqtt *mqtt, int64_t now_ms);
bool mqtt_is_up(const struct mqtt *mqtt);

MUST_USE enum status mqtt_subscribe(struct mqtt *mqtt, const char *filter, int qos);
/* tag NULL: no user properties. E_CLOSED: not connected; E_BUSY: too much is waiting to be written. */
MUST_USE enum status mqtt_publish(struct mqtt *mqtt, const char *topic, struct span payload, int qos, bool retain, uint64_t seq, const uint8_t *tag);

#endif
