#include "command/machine_link.h"

#include "command/mqtt_watch.h"
#include "host/disk.h"

#include <stdio.h>
#include <stdlib.h>

enum { RESEND_MS = 1500, SOUVENIR_MS = 8000, UNANSWERED_MAX = 4, ATTACKS_MAX = 64, HEARD_MS = 1000 };

struct kept {
	struct kept *next;
	enum session_kind kind;
	uint64_t seq;
	uint8_t tag[SESSION_TAG_SIZE];
	size_t size;
	uint8_t payload[];
};

struct machine_link {
	struct machine_link_config config;
	char device[TOPIC_SIZE];
	struct mqtt *mqtt;
	struct mqtt_watch *watch;
	struct loop_timer *timer;
	struct mac_key *up, *down;
	uint64_t seq;
	uint64_t last_command;
	char obeyed[DIGEST_HEX_SIZE]; /* the newest command; it may be sent again when its answer was lost */
	struct kept *oldest, **newest;
	size_t kept_count;
	struct kept *souvenir;        /* an acknowledged message, for machine_link_replay */
	int64_t souvenir_ms;
	/* What an attacker in between sends: only while somebody hears it, else nobody could ever find it. */
	struct kept *attacks;
	size_t attack_count;
	int64_t answered_ms;          /* when the gateway last acknowledged anything */
	int64_t progress_ms;          /* when something was last acknowledged or sent anew */
	unsigned unanswered;          /* resendings since the last acknowledgement */
	struct machine_link_numbers numbers;
};

static int64_t now_ms(void)
{
	return clock_monotonic_ns() / NS_PER_MS;
}

static void publish(struct machine_link *link, const struct kept *message, struct span payload)
{
	char topic[TOPIC_SIZE];
	if (topic_write(link->device, topic_kind_name(message->kind), topic) != OK)
		return;
	status_ignore(mqtt_publish(link->mqtt, topic, payload, message->kind == SESSION_DATA ? 0 : 1, false, message->seq, message->tag),
		"what the broker does not take now is sent again later: the acknowledgement decides");
	mqtt_watch_update(link->watch);
}

static void resend(struct machine_link *link)
{
	for (struct kept *at = link->oldest; at; at = at->next) {
		publish(link, at, span_of(at->payload, at->size));
		link->numbers.resent++;
	}
	link->progress_ms = now_ms();
}

/* The attacker's copy of a message, with what it made of the payload. */
static void attack_add(struct machine_link *link, const struct kept *message, struct span payload)
{
	if (link->attack_count == ATTACKS_MAX)
		return;
	struct kept *attack = memory_new(sizeof *attack + payload.size);
	*attack = (struct kept){.kind = message->kind, .seq = message->seq, .size = payload.size};
	memcpy(attack->tag, message->tag, sizeof attack->tag);
	memcpy(attack->payload, payload.data, payload.size);
	struct kept **last = &link->attacks;
	while (*last)
		last = &(*last)->next;
	*last = attack;
	link->attack_count++;
}

static void attacks_send(struct machine_link *link)
{
	while (link->attacks && link->numbers.up && now_ms() - link->answered_ms < HEARD_MS) {
		struct kept *attack = link->attacks;
		publish(link, attack, span_of(attack->payload, attack->size));
		link->attacks = attack->next;
		link->attack_count--;
		free(attack);
	}
}

static void acknowledged(struct machine_link *link, uint64_t seq)
{
	link->answered_ms = now_ms();
	while (link->oldest && link->oldest->seq <= seq) {
		struct kept *done = link->oldest;
		link->oldest = done->next;
		if (!link->oldest)
			link->newest = &link->oldest;
		link->kept_count--;
		link->numbers.acknowledged++;
		link->numbers.acknowledged_seq = done->seq;
		link->progress_ms = now_ms();
		link->unanswered = 0;
		if (!link->souvenir && done->kind == SESSION_DATA) {
			link->souvenir = done;
			link->souvenir_ms = now_ms();
		} else {
			free(done);
		}
	}
}

static bool is_authentic(const struct machine_link *link, enum session_kind kind, const struct mqtt_message *message)
{
	uint8_t tag[SESSION_TAG_SIZE];
	session_tag(link->down, kind, message->seq, message->payload, tag);
	return message->has_tag && equal_in_constant_time(span_of(tag, sizeof tag), span_of(message->tag, sizeof message->tag));
}

static void on_command(struct machine_link *link, const struct mqtt_message *message)
{
	struct payload_command command;
	if (!is_authentic(link, SESSION_COMMAND, message) || message->seq <= link->last_command ||
		payload_command_read(message->payload, &command, NULL) != OK)
		return;
	link->last_command = message->seq;
	if (strcmp(command.command, link->obeyed) == 0)
		return;
	memcpy(link->obeyed, command.command, sizeof link->obeyed);
	link->config.command(link->config.context, link, &command);
}

/* Only from the gateway: a forged one would make us forget what nobody has. */
static void on_ack(struct machine_link *link, const struct mqtt_message *message)
{
	char text[24] = {0};
	uint64_t seq;
	if (!is_authentic(link, SESSION_ACK, message) || message->payload.size >= sizeof text)
		return;
	memcpy(text, message->payload.data, message->payload.size);
	if (topic_seq_parse(text, &seq) == OK && seq == message->seq && seq <= link->seq)
		acknowledged(link, seq);
}

static void on_message(void *context, struct mqtt *mqtt, const struct mqtt_message *message)
{
	(void)mqtt;
	struct machine_link *link = context;
	const char *word = strrchr(message->topic, '/');
	if (word && strcmp(word, "/command") == 0 && link->config.command) {
		on_command(link, message);
	} else if (word && strcmp(word, "/ack") == 0) {
		on_ack(link, message);
	}
}

static void on_up(void *context, struct mqtt *mqtt)
{
	struct machine_link *link = context;
	char topic[TOPIC_SIZE];
	link->numbers.up = true;
	if (topic_write(link->device, "command", topic) == OK)
		status_ignore(mqtt_subscribe(mqtt, topic, 1), "a lost connection subscribes again");
	if (topic_write(link->device, "ack", topic) == OK)
		status_ignore(mqtt_subscribe(mqtt, topic, 0), "a lost connection subscribes again");
	resend(link);
}

static void on_down(void *context, struct mqtt *mqtt)
{
	(void)mqtt;
	((struct machine_link *)context)->numbers.up = false;
}

/* Nobody ever answered: this device is not wanted. It keeps nothing for a gateway that does not know it. */
static void give_up(struct machine_link *link)
{
	while (link->oldest) {
		struct kept *next = link->oldest->next;
		free(link->oldest);
		link->oldest = next;
		link->numbers.lost++;
	}
	link->newest = &link->oldest;
	link->kept_count = 0;
	link->unanswered = 0;
}

static void on_timer(void *context)
{
	struct machine_link *link = context;
	mqtt_tick(link->mqtt, now_ms());
	mqtt_watch_update(link->watch);
	if (link->oldest && link->numbers.up && now_ms() - link->progress_ms > RESEND_MS) {
		if (link->numbers.acknowledged == 0 && ++link->unanswered > UNANSWERED_MAX)
			give_up(link);
		resend(link);
	}
	attacks_send(link);
	loop_timer_set(link->timer, 200);
}

enum status machine_link_new(const struct machine_link_config *config, struct machine_link **out, struct fault *fault)
{
	struct machine_link *link = memory_new(sizeof *link);
	link->config = *config;
	snprintf(link->device, sizeof link->device, "%s", config->device);
	link->numbers.device = link->device;
	link->newest = &link->oldest;
	link->seq = (uint64_t)config->boot << 32;
	link->up = mac_key_new(span_of(config->key_up, SESSION_KEY_SIZE));
	link->down = mac_key_new(span_of(config->key_down, SESSION_KEY_SIZE));
	struct mqtt_config mqtt = {.host = config->host, .port = config->port, .client_id = link->device};
	struct mqtt_callbacks callbacks = {link, on_up, on_down, on_message};
	enum status status = mqtt_new(&mqtt, &callbacks, &link->mqtt, fault);
	if (status != OK) {
		machine_link_free(link);
		return status;
	}
	link->watch = mqtt_watch_new(config->loop, link->mqtt, NULL, NULL);
	link->timer = loop_timer_new(config->loop, on_timer, link);
	loop_timer_set(link->timer, 0);
	*out = link;
	return OK;
}

void machine_link_free(struct machine_link *link)
{
	if (!link)
		return;
	mqtt_watch_free(link->watch);
	loop_timer_free(link->timer);
	mqtt_free(link->mqtt);
	mac_key_free(link->up);
	mac_key_free(link->down);
	give_up(link);
	while (link->attacks) {
		struct kept *next = link->attacks->next;
		free(link->attacks);
		link->attacks = next;
	}
	free(link->souvenir);
	free(link);
}

enum status machine_link_send(struct machine_link *link, enum session_kind kind, struct span payload, const struct span *altered)
{
	if (link->kept_count >= MACHINE_LINK_KEPT_MAX) {
		link->numbers.lost++;
		return E_LIMIT;
	}
	struct kept *message = memory_new(sizeof *message + payload.size);
	message->kind = kind;
	message->seq = ++link->seq;
	message->size = payload.size;
	memcpy(message->payload, payload.data, payload.size);
	session_tag(link->up, kind, message->seq, payload, message->tag);
	if (!link->oldest)
		link->progress_ms = now_ms();
	*link->newest = message;
	link->newest = &message->next;
	link->kept_count++;
	link->numbers.sent++;
	if (altered) {
		attack_add(link, message, *altered);
		attacks_send(link);
	} else {
		publish(link, message, payload);
	}
	return OK;
}

void machine_link_replay(struct machine_link *link)
{
	/* Old enough that the gateway knows that the device has no reason to send it again. */
	if (link->souvenir && now_ms() - link->souvenir_ms > SOUVENIR_MS)
		attack_add(link, link->souvenir, span_of(link->souvenir->payload, link->souvenir->size));
	attacks_send(link);
}

void machine_link_numbers(const struct machine_link *link, struct machine_link_numbers *out)
{
	*out = link->numbers;
	out->waiting = link->kept_count;
}

enum status machine_keys_read(const char *folder, const char *device, uint8_t up[SESSION_KEY_SIZE], uint8_t down[SESSION_KEY_SIZE], struct fault *fault)
{
	char path[1024];
	const char *name = strrchr(device, '/');
	struct buffer text = {0};
	snprintf(path, sizeof path, "%s/%s.key", folder, name ? name + 1 : device);
	enum status status = disk_read(path, 200, &text, fault);
	bool good = status == OK && text.size >= 4 * SESSION_KEY_SIZE + 1 &&
		span_from_hex(span_of(text.data, 2 * SESSION_KEY_SIZE), up, SESSION_KEY_SIZE) &&
		span_from_hex(span_of(text.data + 2 * SESSION_KEY_SIZE + 1, 2 * SESSION_KEY_SIZE), down, SESSION_KEY_SIZE);
	if (text.data)
		wipe(text.data, text.size);
	buffer_free(&text);
	if (status != OK)
		return status;
	return good ? OK : fault_set(fault, E_MALFORMED, "%s is no key file; make it again with tally provision", path);
}
