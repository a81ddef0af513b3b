#include "connect/mqtt.h"

#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <mosquitto.h>
#include <mqtt_protocol.h>

enum { BACKOFF_FIRST_MS = 200, BACKOFF_LAST_MS = 5000, KEEP_ALIVE_S = 10, PACKET_MAX = 1 << 20, SESSION_EXPIRY_S = 3600 };

struct mqtt {
	struct mosquitto *client;
	struct mqtt_callbacks callbacks;
	char *host;
	int port;
	bool keep_session, connecting, up;
	int64_t next_try_ms;
	int64_t backoff_ms;
	unsigned handled;             /* messages in this call of mqtt_ready */
};

static void on_connect(struct mosquitto *client, void *context, int code, int flags, const mosquitto_property *properties)
{
	(void)client, (void)flags, (void)properties;
	struct mqtt *mqtt = context;
	if (code != 0)
		return;
	mqtt->up = true;
	mqtt->backoff_ms = BACKOFF_FIRST_MS;
	mqtt->callbacks.up(mqtt->callbacks.context, mqtt);
}

static void went_down(struct mqtt *mqtt)
{
	bool was_up = mqtt->up;
	mqtt->up = mqtt->connecting = false;
	if (was_up)
		mqtt->callbacks.down(mqtt->callbacks.context, mqtt);
}

static void on_disconnect(struct mosquitto *client, void *context, int code, const mosquitto_property *properties)
{
	(void)client, (void)code, (void)properties;
	went_down(context);
}

/* The two user properties; anything else beside them is ignored. */
static void properties_read(const mosquitto_property *properties, struct mqtt_message *out)
{
	bool has_seq = false, has_tag = false;
	const mosquitto_property *at = properties;
	char *name = NULL, *value = NULL;
	bool again = false;
	while ((at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value, again))) {
		again = true;
		if (strcmp(name, "seq") == 0)
			has_seq = topic_seq_parse(value, &out->seq) == OK;
		else if (strcmp(name, "tag") == 0)
			has_tag = span_from_hex(span_of_text(value), out->tag, SESSION_TAG_SIZE);
		free(name);
		free(value);
		name = value = NULL;
	}
	out->has_tag = has_seq && has_tag;
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *message, const mosquitto_property *properties)
{
	(void)client;
	struct mqtt *mqtt = context;
	struct mqtt_message out = {.topic = message->topic, .payload = span_of(message->payload, (size_t)message->payloadlen)};
	properties_read(properties, &out);
	mqtt->handled++;
	mqtt->callbacks.message(mqtt->callbacks.context, mqtt, &out);
}

enum status mqtt_new(const struct mqtt_config *config, const struct mqtt_callbacks *callbacks, struct mqtt **out, struct fault *fault)
{
	mosquitto_lib_init();
	struct mqtt *mqtt = memory_new(sizeof *mqtt);
	mqtt->callbacks = *callbacks;
	mqtt->host = memory_text(span_of_text(config->host));
	mqtt->port = config->port;
	mqtt->keep_session = config->keep_session;
	mqtt->backoff_ms = BACKOFF_FIRST_MS;
	mqtt->client = mosquitto_new(config->client_id, !config->keep_session, mqtt);
	if (!mqtt->client) {
		mqtt_free(mqtt);
		return fault_set(fault, E_CONFIG, "no MQTT client could be made with the id \"%s\"", config->client_id);
	}
	mosquitto_int_option(mqtt->client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	mosquitto_int_option(mqtt->client, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_int_option(mqtt->client, MOSQ_OPT_RECEIVE_MAXIMUM, 1000);
	if (config->username)
		mosquitto_username_pw_set(mqtt->client, config->username, NULL);
	mosquitto_connect_v5_callback_set(mqtt->client, on_connect);
	mosquitto_disconnect_v5_callback_set(mqtt->client, on_disconnect);
	mosquitto_message_v5_callback_set(mqtt->client, on_message);
	*out = mqtt;
	return OK;
}

void mqtt_free(struct mqtt *mqtt)
{
	if (!mqtt)
		return;
	if (mqtt->client) {
		mqtt->up = false;
		mosquitto_disconnect(mqtt->client);
		mosquitto_destroy(mqtt->client);
	}
	free(mqtt->host);
	free(mqtt);
}

int mqtt_socket(const struct mqtt *mqtt)
{
	return mosquitto_socket(mqtt->client);
}

bool mqtt_wants_write(const struct mqtt *mqtt)
{
	return mosquitto_want_write(mqtt->client);
}

static bool bytes_wait(const struct mqtt *mqtt)
{
	int waiting = 0;
	int fd = mqtt_socket(mqtt);
	return fd >= 0 && ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

bool mqtt_ready(struct mqtt *mqtt, bool readable, bool writable, unsigned messages)
{
	mqtt->handled = 0;
	int code = MOSQ_ERR_SUCCESS;
	if (writable)
		code = mosquitto_loop_write(mqtt->client, 1);
	while (readable && code == MOSQ_ERR_SUCCESS && mqtt->handled < messages) {
		unsigned before = mqtt->handled;
		code = mosquitto_loop_read(mqtt->client, 1);
		if (mqtt->handled == before && !bytes_wait(mqtt))
			break;
	}
	if (code != MOSQ_ERR_SUCCESS) {
		went_down(mqtt);
		return false;
	}
	return bytes_wait(mqtt);
}

bool mqtt_is_up(const struct mqtt *mqtt)
{
	return mqtt->up;
}

/* The broker keeps to itself what is too large for us. Without an expiry, MQTT 5 ends a session with its connection. */
static bool connect_begin(struct mqtt *mqtt)
{
	mosquitto_property *properties = NULL;
	bool good = mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, PACKET_MAX) == MOSQ_ERR_SUCCESS &&
		(!mqtt->keep_session || mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, SESSION_EXPIRY_S) == MOSQ_ERR_SUCCESS);
	good = good && mosquitto_connect_bind_v5(mqtt->client, mqtt->host, mqtt->port, KEEP_ALIVE_S, NULL, properties) == MOSQ_ERR_SUCCESS;
	mosquitto_property_free_all(&properties);
	return good;
}

void mqtt_tick(struct mqtt *mqtt, int64_t now_ms)
{
	if (mqtt->up || mqtt->connecting) {
		if (mosquitto_loop_misc(mqtt->client) != MOSQ_ERR_SUCCESS)
			went_down(mqtt);
		return;
	}
	if (now_ms < mqtt->next_try_ms)
		return;
	mqtt->next_try_ms = now_ms + mqtt->backoff_ms;
	mqtt->backoff_ms = mqtt->backoff_ms * 2 < BACKOFF_LAST_MS ? mqtt->backoff_ms * 2 : BACKOFF_LAST_MS;
	mqtt->connecting = connect_begin(mqtt);
}

enum status mqtt_subscribe(struct mqtt *mqtt, const char *filter, int qos)
{
	return mosquitto_subscribe_v5(mqtt->client, NULL, filter, qos, 0, NULL) == MOSQ_ERR_SUCCESS ? OK : E_CLOSED;
}

enum status mqtt_publish(struct mqtt *mqtt, const char *topic, struct span payload, int qos, bool retain, uint64_t seq, const uint8_t *tag)
{
	if (!mqtt->up)
		return E_CLOSED;
	if (payload.size > PACKET_MAX)
		return E_LIMIT;
	mosquitto_property *properties = NULL;
	if (tag) {
		char number[24], hex[2 * SESSION_TAG_SIZE + 1];
		snprintf(number, sizeof number, "%" PRIu64, seq);
		span_hex(span_of(tag, SESSION_TAG_SIZE), hex);
		if (mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, "seq", number) != MOSQ_ERR_SUCCESS ||
			mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, "tag", hex) != MOSQ_ERR_SUCCESS) {
			mosquitto_property_free_all(&properties);
			return E_BUSY;
		}
	}
	int code = mosquitto_publish_v5(mqtt->client, NULL, topic, (int)payload.size, payload.data, qos, retain, properties);
	mosquitto_property_free_all(&properties);
	if (code == MOSQ_ERR_SUCCESS)
		return OK;
	return code == MOSQ_ERR_NO_CONN || code == MOSQ_ERR_CONN_LOST ? E_CLOSED : E_BUSY;
}
