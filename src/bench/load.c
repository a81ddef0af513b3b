#include "bench/bench.h"

#include "command/mqtt_watch.h"
#include "edge/session.h"
#include "host/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	WINDOW = 1500,                /* messages of one client that are not acknowledged yet; together below what the broker queues */
	BURST = 32,                   /* of one client before the next one's turn */
	RATE_MAX = 200000,            /* messages a second that are prepared for */
	SETTLE_MS = 1500,             /* from the connection of all clients to the first message */
	PATIENCE_MS = 20000,          /* without any acknowledgement */
	PAYLOAD_MAX = 47,
};

/* Prepared before the clock starts. */
struct prepared {
	uint8_t tag[SESSION_TAG_SIZE];
	uint8_t size;
	char payload[PAYLOAD_MAX];
};

struct load;

struct sender {
	struct load *load;
	const struct bench_client *client;
	struct mqtt *mqtt;
	struct mqtt_watch *watch;
	struct prepared *messages;
	char topic[TOPIC_SIZE];
	uint64_t first_seq;           /* number of messages[0] */
	uint64_t sent, acknowledged;
	bool up;
};

struct load {
	const struct bench_load *given;
	struct loop *loop;
	struct loop_timer *turn, *tick;
	struct sender *senders;
	size_t prepared;              /* messages of each client */
	uint64_t sent, acknowledged;
	int64_t start_ns, last_ns, ready_ns;
	int64_t cpu_ns;
	bool done, lost;
};

static void messages_prepare(struct sender *sender, size_t count)
{
	struct mac_key *key = mac_key_new(span_of(sender->client->key_up, SESSION_KEY_SIZE));
	int64_t start_ms = clock_now_ns() / NS_PER_MS - (int64_t)count;
	sender->messages = memory_new_array(count, sizeof *sender->messages);
	for (size_t i = 0; i < count; i++) {
		struct prepared *message = &sender->messages[i];
		int size = snprintf(message->payload, sizeof message->payload, "{\"t\":%" PRId64 ",\"value\":%.2f}", start_ms + (int64_t)i,
			20.0 + (double)(i * 7 % 100) / 100);
		message->size = (uint8_t)size;
		session_tag(key, SESSION_DATA, sender->first_seq + i, span_of(message->payload, message->size), message->tag);
	}
	mac_key_free(key);
}

static void on_up(void *context, struct mqtt *mqtt)
{
	struct sender *sender = context;
	char topic[TOPIC_SIZE];
	sender->up = true;
	if (!sender->load->given->counted && topic_write(sender->client->device, "ack", topic) == OK)
		status_ignore(mqtt_subscribe(mqtt, topic, 0), "a lost connection ends the measurement");
}

static void on_down(void *context, struct mqtt *mqtt)
{
	(void)mqtt;
	struct sender *sender = context;
	sender->up = false;
	sender->load->lost = sender->load->start_ns != 0;
}

static void progress(struct load *load)
{
	load->last_ns = clock_monotonic_ns();
	loop_timer_set(load->turn, 0);
}

static void on_message(void *context, struct mqtt *mqtt, const struct mqtt_message *message)
{
	(void)mqtt;
	struct sender *sender = context;
	char text[24] = {0};
	uint64_t seq;
	if (message->payload.size >= sizeof text)
		return;
	memcpy(text, message->payload.data, message->payload.size);
	if (topic_seq_parse(text, &seq) != OK || seq < sender->first_seq + sender->acknowledged || seq >= sender->first_seq + sender->sent)
		return;
	uint64_t acknowledged = seq - sender->first_seq + 1;
	sender->load->acknowledged += acknowledged - sender->acknowledged;
	sender->acknowledged = acknowledged;
	progress(sender->load);
}

/* Publish a burst; how many. */
static unsigned burst(struct load *load, struct sender *sender)
{
	unsigned count = 0;
	uint64_t open = load->given->counted ? (load->sent - load->acknowledged) / load->given->client_count : sender->sent - sender->acknowledged;
	while (count < BURST && open + count < WINDOW && sender->sent < load->prepared && !mqtt_wants_write(sender->mqtt)) {
		const struct prepared *message = &sender->messages[sender->sent];
		if (mqtt_publish(sender->mqtt, sender->topic, span_of(message->payload, message->size), 0, false, sender->first_seq + sender->sent, message->tag) != OK)
			break;
		sender->sent++;
		load->sent++;
		count++;
	}
	mqtt_watch_update(sender->watch);
	return count;
}

static void on_turn(void *context)
{
	struct load *load = context;
	int64_t now_ns = clock_monotonic_ns();
	unsigned sent = 0;
	if (load->given->counted && *load->given->counted != load->acknowledged) {
		load->acknowledged = *load->given->counted;
		load->last_ns = now_ns;
	}
	bool open = (double)(now_ns - load->start_ns) < load->given->seconds * 1e9;
	for (size_t i = 0; i < load->given->client_count && open; i++)
		sent += burst(load, &load->senders[i]);
	if (sent == 0 && load->acknowledged == load->sent) {
		load->done = true;
		loop_stop(load->loop);
		return;
	}
	/* With nothing to send, what comes in wakes us; the counter of the other process must be looked at. */
	if (sent || load->given->counted)
		loop_timer_set(load->turn, sent ? 0 : 1);
}

static void on_tick(void *context)
{
	struct load *load = context;
	int64_t now_ns = clock_monotonic_ns();
	size_t up = 0;
	for (size_t i = 0; i < load->given->client_count; i++) {
		mqtt_tick(load->senders[i].mqtt, now_ns / NS_PER_MS);
		mqtt_watch_update(load->senders[i].watch);
		up += load->senders[i].up;
	}
	if (up < load->given->client_count)
		load->ready_ns = 0;
	else if (!load->ready_ns)
		load->ready_ns = now_ns;
	if (!load->start_ns && load->ready_ns && now_ns - load->ready_ns > SETTLE_MS * NS_PER_MS) {
		load->start_ns = load->last_ns = clock_monotonic_ns();
		load->cpu_ns = clock_process_cpu_ns();
		loop_timer_set(load->turn, 0);
	}
	if (load->start_ns)
		loop_timer_set(load->turn, 0);
	if (load->lost || (load->start_ns && now_ns - load->last_ns > PATIENCE_MS * NS_PER_MS))
		loop_stop(load->loop);
	else
		loop_timer_set(load->tick, 50);
}

static enum status sender_open(struct load *load, size_t number, struct fault *fault)
{
	struct sender *sender = &load->senders[number];
	sender->load = load;
	sender->client = &load->given->clients[number];
	sender->first_seq = ((uint64_t)load->given->boot << 32) + 1;
	TRY(topic_write(sender->client->device, "data", sender->topic));
	messages_prepare(sender, load->prepared);
	struct mqtt_config config = {.host = "127.0.0.1", .port = load->given->port, .client_id = sender->client->device};
	struct mqtt_callbacks callbacks = {sender, on_up, on_down, on_message};
	TRY(mqtt_new(&config, &callbacks, &sender->mqtt, fault));
	sender->watch = mqtt_watch_new(load->loop, sender->mqtt, NULL, NULL);
	return OK;
}

enum status bench_load_run(const struct bench_load *given, struct bench_load_result *out, struct fault *fault)
{
	struct load load = {.given = given, .loop = loop_new(), .senders = memory_new_array(given->client_count, sizeof *load.senders),
		.prepared = (size_t)(given->seconds * RATE_MAX) / given->client_count};
	enum status status = OK;
	for (size_t i = 0; i < given->client_count && status == OK; i++)
		status = sender_open(&load, i, fault);
	load.turn = loop_timer_new(load.loop, on_turn, &load);
	load.tick = loop_timer_new(load.loop, on_tick, &load);
	if (status == OK) {
		loop_timer_set(load.tick, 0);
		loop_run(load.loop);
		*out = (struct bench_load_result){.sent = load.sent, .acknowledged = load.acknowledged, .elapsed_s = (double)(load.last_ns - load.start_ns) / 1e9,
			.cpu_s = (double)(clock_process_cpu_ns() - load.cpu_ns) / 1e9};
		if (!load.done)
			status = fault_set(fault, E_CLOSED, "the load ended early: %" PRIu64 " messages were sent, %" PRIu64 " acknowledged", load.sent, load.acknowledged);
	}
	for (size_t i = 0; i < given->client_count; i++) {
		mqtt_watch_free(load.senders[i].watch);
		mqtt_free(load.senders[i].mqtt);
		free(load.senders[i].messages);
	}
	free(load.senders);
	loop_timer_free(load.turn);
	loop_timer_free(load.tick);
	loop_free(load.loop);
	return status;
}
