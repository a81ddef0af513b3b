#include "command/command.h"
#include "gateway/gateway.h"
#include "gateway/call.h"
#include "gateway/proofs.h"
#include "command/members.h"
#include "command/mqtt_watch.h"
#include "command/policy.h"

#include "api/gateway_api.h"
#include "api/page.h"
#include "host/disk.h"
#include "host/keys.h"
#include "host/note.h"
#include "host/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TICK_MS = 100, FLUSH_MS = 10, BUSY_MOMENT_MS = 5000 };

struct gateway {
	struct gateway_settings settings;
	struct members members;
	struct signing_key *statement_key, *tls_key;
	struct unit_table *units;
	struct edge_config config;
	struct edge *edge;
	struct policy policy;         /* for state proofs */
	bool offline;                 /* the edge works with state proofs */
	int64_t proofs_wait_ns;       /* monotonic: when they are looked for next, if the node stays away */
	uint64_t proofs_until_s;      /* wall: when they will be too old */
	struct loop *loop;
	struct disk_log *log;
	struct control *control;
	struct wire *wire;
	struct gateway_call call;
	struct wire_link *node;       /* NULL while away */
	struct mqtt *data, *critical; /* two connections: an alarm never queues behind samples */
	struct mqtt_watch *data_watch, *critical_watch;
	struct http_server *http;
	struct gateway_api *api;
	struct loop_timer *tick_timer, *flush_timer;
	struct latency latency;
	uint64_t next_index;          /* of the ledger's log, wanted next */
	bool dirty;                   /* appended and not flushed */
	int64_t arrived_ns;           /* monotonic: when the message being handled came in */
	int64_t next_samples_ns, next_totals_ns;
	bool stepping;
	bool late_node_down, late_broker_down; /* noticed while a step was being carried out */
	bool failed;
};

static int64_t floor_now(const struct gateway *gateway)
{
	int64_t wall = clock_now_ns();
	const struct gateway_settings *settings = &gateway->settings;
	if (settings->clock_wall_ns == 0)
		return wall;
	return settings->clock_origin_ns + (wall - settings->clock_wall_ns) / 100 * settings->clock_rate_percent;
}

/* The disk or entropy failed: nothing may be acknowledged any more. */
static void machine_failed(struct gateway *gateway, const struct fault *fault)
{
	note(NOTE_ERROR, "gateway_stops", "reason=\"%s\"", fault->text);
	gateway->failed = true;
	loop_stop(gateway->loop);
}

static void flush(struct gateway *gateway)
{
	struct fault fault;
	if (!gateway->dirty || gateway->failed)
		return;
	if (disk_log_flush(gateway->log, &fault) != OK) {
		machine_failed(gateway, &fault);
		return;
	}
	gateway->dirty = false;
}

static void event_fill(struct gateway *gateway, struct edge_event *event);
static void step(struct gateway *gateway, struct edge_event *event);

/* The local action, and only then everything else. The message to the control unit does not wait for the disk either. False:
 * the record could not be written, so that nobody may claim it. */
static bool act_locally(struct gateway *gateway, const struct edge_action *action)
{
	struct fault fault;
	struct buffer text = {0};
	buffer_printf(&text, "{\"kind\":\"%s\",\"device\":\"%s\"}", action->text, action->device);
	if (mqtt_publish(gateway->critical, "tally/v1/control/alarm", buffer_span(&text), 1, false, 0, NULL) != OK)
		note(NOTE_WARNING, "control_publish_failed", "kind=%s", action->text);
	buffer_free(&text);
	if (control_record(gateway->control, floor_now(gateway), action->device, action->text, buffer_span(&action->bytes), &fault) != OK) {
		machine_failed(gateway, &fault);
		return false;
	}
	latency_add(&gateway->latency, clock_monotonic_ns() - gateway->arrived_ns);
	return true;
}

static void chunk_file(const struct gateway *gateway, const struct digest *digest, bool with_name, char out[1200])
{
	char hex[DIGEST_HEX_SIZE];
	span_hex(digest_span(digest), hex);
	snprintf(out, 1200, "%s/chunks/%.2s%s%s%s", gateway->settings.folder, hex, with_name ? "/" : "", with_name ? hex : "", with_name ? ".tck" : "");
}

static void chunk_write(struct gateway *gateway, const struct edge_action *action)
{
	char path[1200];
	struct fault fault;
	chunk_file(gateway, &action->digest, false, path);
	enum status status = disk_folder(path, &fault);
	chunk_file(gateway, &action->digest, true, path);
	if (status == OK)
		status = disk_write(path, buffer_span(&action->bytes), 0600, &fault);
	if (status != OK)
		machine_failed(gateway, &fault);
}

static void append(struct gateway *gateway, const struct edge_action *action)
{
	struct fault fault;
	if (disk_log_append(gateway->log, buffer_span(&action->bytes), &fault) != OK)
		machine_failed(gateway, &fault);
	gateway->dirty = true;
}

static void send_down(struct gateway *gateway, const struct edge_action *action)
{
	char topic[TOPIC_SIZE];
	bool command = action->kind == EDGE_COMMAND;
	if (topic_write(action->device, command ? "command" : "ack", topic) != OK)
		return;
	/* A lost acknowledgement is asked for again. */
	enum status status = mqtt_publish(gateway->data, topic, buffer_span(&action->bytes), command, false, action->seq, action->tag);
	if (status != OK && command)
		note(NOTE_WARNING, "command_not_sent", "device=%s status=%s", action->device, status_name(status));
}

static void submit(struct gateway *gateway, const struct edge_action *action)
{
	flush(gateway);
	if (gateway->node && !gateway->failed && wire_send(gateway->node, WIRE_SUBMIT, buffer_span(&action->bytes)) != OK)
		note(NOTE_WARNING, "submit_queue_full", "statements are sent again later");
}

/* What is on disk as "not needed any more" may go. */
static void release(struct gateway *gateway, const struct edge_action *action)
{
	struct fault fault;
	flush(gateway);
	if (!gateway->failed && disk_log_prune(gateway->log, action->position, &fault) != OK)
		note(NOTE_WARNING, "log_not_pruned", "reason=\"%s\"", fault.text);
}

/* A local action that was done; its step comes after the others. */
struct done {
	uint64_t token;
	int64_t acted_ns;
};

struct done_list {
	struct done *items;
	size_t count, capacity;
};

static void act_and_remember(struct gateway *gateway, const struct edge_action *action, struct done_list *done)
{
	if (!act_locally(gateway, action))
		return;
	ARRAY_GROW(done->items, done->count, done->capacity);
	done->items[done->count++] = (struct done){action->token, floor_now(gateway)};
}

/* Carry out a step's actions in their order. CRITICAL_DONE is a step of its own, after them. */
static void carry_out(struct gateway *gateway, const struct edge_actions *actions)
{
	struct done_list done = {0};
	for (size_t i = 0; i < actions->count && !gateway->failed; i++) {
		const struct edge_action *action = &actions->items[i];
		switch (action->kind) {
		case EDGE_LOCAL_ALARM:
			act_and_remember(gateway, action, &done);
			break;
		case EDGE_WRITE_CHUNK:
			chunk_write(gateway, action);
			break;
		case EDGE_APPEND:
			append(gateway, action);
			break;
		case EDGE_SUBMIT:
			submit(gateway, action);
			break;
		case EDGE_ACK:
			flush(gateway);
			if (!gateway->failed)
				send_down(gateway, action);
			break;
		case EDGE_COMMAND:
			send_down(gateway, action);
			break;
		case EDGE_ALARM:
			gateway_api_alarm(gateway->api, gateway->http, action->token);
			break;
		case EDGE_MARKER:
			gateway_api_marker(gateway->api, gateway->http, action->token);
			break;
		case EDGE_RELEASE:
			release(gateway, action);
			break;
		}
	}
	for (size_t i = 0; i < done.count && !gateway->failed; i++) {
		struct edge_event event = {.kind = EDGE_CRITICAL_DONE, .token = done.items[i].token, .acted_ns = done.items[i].acted_ns};
		const struct edge_actions *more;
		event_fill(gateway, &event);
		edge_step(gateway->edge, &event, &more);
		carry_out(gateway, more);
	}
	free(done.items);
}

static void event_fill(struct gateway *gateway, struct edge_event *event)
{
	/* Whole microseconds: what a chunk keeps of the time of reception. */
	event->now_ns = floor_now(gateway) / 1000 * 1000;
	event->wall_ns = clock_monotonic_ns();
	if (entropy_fill(event->randomness, sizeof event->randomness) != OK) {
		struct fault fault;
		fault_set(&fault, E_ENTROPY, "the operating system gives no randomness");
		machine_failed(gateway, &fault);
	}
}

static void step(struct gateway *gateway, struct edge_event *event)
{
	const struct edge_actions *actions;
	if (gateway->failed)
		return;
	event_fill(gateway, event);
	gateway->stepping = true;
	edge_step(gateway->edge, event, &actions);
	carry_out(gateway, actions);
	gateway->stepping = false;
}

static void after_batch(void *context)
{
	struct gateway *gateway = context;
	if (gateway->dirty)
		loop_timer_set(gateway->flush_timer, FLUSH_MS);
}

static void on_flush_timer(void *context)
{
	struct gateway *gateway = context;
	flush(gateway);
	step(gateway, &(struct edge_event){.kind = EDGE_FLUSHED});
	mqtt_watch_update(gateway->data_watch);
}

/* -- broker --------------------------------------------------------------------------- */

static void on_broker_up(void *context, struct mqtt *mqtt)
{
	struct gateway *gateway = context;
	note(NOTE_INFO, "broker_up", "lane=%s", mqtt == gateway->critical ? "critical" : "data");
	if (mqtt == gateway->critical) {
		status_ignore(mqtt_subscribe(mqtt, "tally/v1/+/+/critical", 1), "a lost connection subscribes again");
		return;
	}
	status_ignore(mqtt_subscribe(mqtt, "tally/v1/+/+/data", 0), "a lost connection subscribes again");
	status_ignore(mqtt_subscribe(mqtt, "tally/v1/+/+/result", 1), "a lost connection subscribes again");
	step(gateway, &(struct edge_event){.kind = EDGE_BROKER_UP});
}

static void on_broker_down(void *context, struct mqtt *mqtt)
{
	struct gateway *gateway = context;
	note(NOTE_WARNING, "broker_down", "lane=%s", mqtt == gateway->critical ? "critical" : "data");
	if (mqtt == gateway->data && gateway->stepping)
		gateway->late_broker_down = true;
	else if (mqtt == gateway->data)
		step(gateway, &(struct edge_event){.kind = EDGE_BROKER_DOWN});
}

static void on_message(void *context, struct mqtt *mqtt, const struct mqtt_message *message)
{
	(void)mqtt;
	struct gateway *gateway = context;
	char device[TOPIC_SIZE];
	gateway->arrived_ns = clock_monotonic_ns();
	struct edge_event event = {.kind = EDGE_MESSAGE, .bytes = message->payload, .seq = message->seq};
	if (topic_parse(message->topic, device, &event.message) != OK)
		return;
	event.device = span_of_text(device);
	/* Without both properties the tag stays zero, which fits nothing: refused and counted as forged. */
	if (message->has_tag)
		memcpy(event.tag, message->tag, sizeof event.tag);
	step(gateway, &event);
}

/* -- node ----------------------------------------------------------------------------- */

/* Those of the newest known epoch: old keys do not open a link any more. */
static const struct genesis *members_now(const struct gateway *gateway)
{
	return epochs_newest(&gateway->members.epochs)->members;
}

static bool on_identify(void *context, const struct digest *tls_key, uint32_t *identity)
{
	const struct genesis *members = members_now(context);
	for (size_t i = 0; i < members->member_count; i++) {
		if (digest_equal(&members->members[i].org.tls_key, tls_key)) {
			*identity = (uint32_t)i;
			return true;
		}
	}
	return false;
}

static void edge_again(struct gateway *gateway);

static bool on_root(void *context, uint32_t identity, struct digest *root_key)
{
	*root_key = members_now(context)->members[identity].org.root_key;
	return !digest_is_zero(root_key);
}

static void on_node_up(void *context, struct wire_link *link, uint32_t identity)
{
	(void)identity;
	struct gateway *gateway = context;
	struct buffer wanted = {0};
	gateway->node = link;
	if (gateway->offline) {
		note(NOTE_INFO, "state_from_ledger", "reason=\"the node is there: the ledger replaces what the proofs said\"");
		edge_again(gateway);
	}
	write_u64(&wanted, gateway->next_index);
	if (wire_send(link, WIRE_FOLLOW, buffer_span(&wanted)) != OK)
		wire_close(link, "the queue is full at the start");
	buffer_free(&wanted);
	step(gateway, &(struct edge_event){.kind = EDGE_NODE_UP});
}

static void on_node_down(void *context, struct wire_link *link, uint32_t identity)
{
	(void)identity;
	struct gateway *gateway = context;
	if (gateway->node != link)
		return;
	gateway->node = NULL;
	if (gateway->stepping)
		gateway->late_node_down = true;
	else
		step(gateway, &(struct edge_event){.kind = EDGE_NODE_DOWN});
}

static void on_final(struct gateway *gateway, struct span bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t index = read_u64(&in);
	int64_t commit_ms = read_i64(&in);
	if (in.failed || index != gateway->next_index)
		return; /* repeated after a reconnect */
	gateway->next_index++;
	step(gateway, &(struct edge_event){.kind = EDGE_FINAL, .index = index, .commit_ms = commit_ms, .bytes = in.rest});
}

static void on_outcome(struct gateway *gateway, struct span bytes)
{
	struct reader in = reader_of(bytes);
	struct edge_event event = {.kind = EDGE_OUTCOME};
	event.status = (enum status)read_u32(&in);
	event.index = read_u64(&in);
	event.id = read_digest(&in);
	event.text = in.rest;
	if (in.failed)
		return;
	if (event.status != OK && event.status != E_DUPLICATE && event.status != E_BUSY)
		note(NOTE_WARNING, "statement_refused", "status=%s reason=\"%.*s\"", status_name(event.status), (int)event.text.size, (const char *)event.text.data);
	step(gateway, &event);
}

static void on_frame(void *context, struct wire_link *link, uint32_t identity, uint8_t kind, struct span bytes)
{
	(void)link, (void)identity;
	struct gateway *gateway = context;
	struct reader in = reader_of(bytes);
	if (kind == WIRE_FINAL) {
		on_final(gateway, bytes);
	} else if (kind == WIRE_OUTCOME) {
		on_outcome(gateway, bytes);
	} else if (kind == WIRE_HEAD) {
		uint64_t head = read_u64(&in);
		if (!in.failed && head <= gateway->next_index)
			step(gateway, &(struct edge_event){.kind = EDGE_CAUGHT_UP});
	}
	after_batch(gateway);
}

/* -- interface ------------------------------------------------------------------------ */

static void on_request(void *context, struct http_request *request)
{
	struct gateway *gateway = context;
	if (!gateway_api_handle(gateway->api, request) && !page_handle(request))
		http_answer_error(request, E_NOT_FOUND, "no such resource; docs/api.md lists them");
}

static void facts(void *context, struct gateway_facts *out)
{
	struct gateway *gateway = context;
	out->now_ns = floor_now(gateway);
	out->alarm_count = gateway->latency.count;
	out->alarm_p50_us = latency_quantile_us(&gateway->latency, 0.5);
	out->alarm_p99_us = latency_quantile_us(&gateway->latency, 0.99);
}

static enum status chunk_bytes(void *context, const struct digest *digest, struct buffer *out, struct fault *fault)
{
	char path[1200];
	chunk_file(context, digest, true, path);
	return disk_read(path, CHUNK_BYTES_MAX, out, fault);
}

static enum status acknowledge(void *context, const struct digest *id, struct span person, struct span comment, struct fault *fault)
{
	struct gateway *gateway = context;
	struct edge_event event = {.id = *id, .person = person, .text = comment};
	const struct edge_actions *actions;
	event_fill(gateway, &event);
	gateway->stepping = true;
	enum status status = edge_acknowledge(gateway->edge, &event, &actions, fault);
	carry_out(gateway, actions);
	gateway->stepping = false;
	return status;
}

static void offline_watch(struct gateway *gateway, int64_t now_ns);

/* New epochs in the file of the chain: the own organisation's node may have other keys, or another address. */
static void members_watch(struct gateway *gateway)
{
	struct fault fault;
	if (members_follow(&gateway->members, gateway->settings.epochs)
		&& gateway_call_follow(&gateway->call, gateway->wire, &gateway->settings, &gateway->members.epochs, &fault) != OK)
		note(NOTE_WARNING, "node_not_followed", "reason=\"%s\"", fault.text);
}

static void on_tick(void *context)
{
	struct gateway *gateway = context;
	int64_t now_ns = clock_monotonic_ns();
	mqtt_tick(gateway->data, now_ns / NS_PER_MS);
	mqtt_tick(gateway->critical, now_ns / NS_PER_MS);
	if (gateway->late_node_down && !gateway->node)
		step(gateway, &(struct edge_event){.kind = EDGE_NODE_DOWN});
	if (gateway->late_broker_down && !mqtt_is_up(gateway->data))
		step(gateway, &(struct edge_event){.kind = EDGE_BROKER_DOWN});
	gateway->late_node_down = gateway->late_broker_down = false;
	if (!gateway->failed)
		offline_watch(gateway, now_ns);
	step(gateway, &(struct edge_event){.kind = EDGE_TICK});
	flush(gateway);
	mqtt_watch_update(gateway->data_watch);
	mqtt_watch_update(gateway->critical_watch);
	if (now_ns >= gateway->next_samples_ns) {
		gateway->next_samples_ns = now_ns + 250 * NS_PER_MS;
		gateway_api_samples(gateway->api, gateway->http);
	}
	if (now_ns >= gateway->next_totals_ns) {
		gateway->next_totals_ns = now_ns + NS_PER_S;
		gateway_api_totals(gateway->api, gateway->http);
		members_watch(gateway);
	}
	loop_timer_set(gateway->tick_timer, TICK_MS);
}

/* -- start ---------------------------------------------------------------------------- */

static void on_recovered(void *context, const struct log_frame *frame)
{
	struct gateway *gateway = context;
	const struct edge_actions *actions;
	struct edge_event event = {.kind = EDGE_RECOVERED, .frame_kind = frame->kind, .position = frame->position, .bytes = frame->bytes};
	event.now_ns = floor_now(gateway);
	event.wall_ns = clock_monotonic_ns();
	edge_step(gateway->edge, &event, &actions);
}

static enum status firmware_digest(struct digest *out, struct fault *fault)
{
	struct buffer program = {0};
	TRY(disk_read("/proc/self/exe", 256 << 20, &program, fault));
	*out = sha256(buffer_span(&program));
	buffer_free(&program);
	return OK;
}

static enum status keys_take(struct gateway *gateway, struct passphrase *passphrase, uint8_t secret[SESSION_SECRET_SIZE], struct fault *fault)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/keys/statement.key", gateway->settings.folder);
	TRY(keys_open(path, passphrase, &gateway->statement_key, fault));
	snprintf(path, sizeof path, "%s/keys/tls.key", gateway->settings.folder);
	TRY(keys_open(path, passphrase, &gateway->tls_key, fault));
	snprintf(path, sizeof path, "%s/keys/provisioning.secret", gateway->settings.folder);
	return keys_secret_open(path, passphrase, secret, fault);
}

static enum status keys_find(struct gateway *gateway, uint8_t secret[SESSION_SECRET_SIZE], struct fault *fault)
{
	struct passphrase *passphrase = passphrase_new(gateway->settings.passphrase_file, gateway->settings.key_command);
	enum status status = keys_take(gateway, passphrase, secret, fault);
	passphrase_free(passphrase);
	return status;
}

/* A new edge, from the own log alone. */
static enum status edge_begin(struct gateway *gateway, struct fault *fault)
{
	edge_free(gateway->edge);
	gateway->edge = edge_new(&gateway->config);
	if (gateway->log)
		disk_log_close(gateway->log);
	gateway->log = NULL;
	gateway->next_index = 0;
	gateway->offline = false;
	return disk_log_open(gateway->settings.folder, "log", on_recovered, gateway, &gateway->log, fault);
}

/* While running: what was known of the ledger is forgotten, and comes from it again or from proofs. */
static void edge_again(struct gateway *gateway)
{
	struct fault fault;
	flush(gateway);
	if (gateway->failed)
		return;
	if (edge_begin(gateway, &fault) != OK) {
		machine_failed(gateway, &fault);
		return;
	}
	gateway_api_edge(gateway->api, gateway->edge);
	step(gateway, &(struct edge_event){.kind = EDGE_START, .position = disk_log_end(gateway->log)});
	if (mqtt_is_up(gateway->data))
		step(gateway, &(struct edge_event){.kind = EDGE_BROKER_UP});
}

/* -- without the node ------------------------------------------------------------------ */

static void proofs_give(struct gateway *gateway, const struct gateway_proofs *proofs)
{
	edge_again(gateway); /* it may know a part of the ledger already */
	for (size_t i = 0; i < proofs->count; i++) {
		const struct state_finding *found = &proofs->items[i].found;
		struct edge_proven proven = {.name = span_of_text(proofs->items[i].name), .kind = (enum entity_kind)found->entry.kind,
			.state = (enum device_state)found->entry.state, .registration = found->registration, .bounds = found->bounds,
			.model = found->model, .last_seq = found->entry.last_seq, .last_id = found->entry.last_id};
		step(gateway, &(struct edge_event){.kind = EDGE_PROVEN, .proven = &proven});
	}
	step(gateway, &(struct edge_event){.kind = EDGE_PROVEN_END});
	gateway->offline = true;
}

static void proofs_use(struct gateway *gateway)
{
	struct gateway_proofs proofs;
	struct fault fault = {{0}};
	struct gateway_proofs_rule rule = {.trust = {.epochs = &gateway->members.epochs, .policy = &gateway->policy, .now_s = clock_now_ns() / NS_PER_S},
		.gateway = gateway->settings.id};
	if (gateway_proofs_read(gateway->settings.proofs, &rule, &proofs, &fault) == OK) {
		proofs_give(gateway, &proofs);
		gateway->proofs_until_s = proofs.fresh_s + gateway->policy.age_max_s;
		note(NOTE_WARNING, "state_from_proofs", "names=%zu refused=%zu devices=%zu signed_s=%" PRIu64 " until_s=%" PRIu64
			" reason=\"the node cannot be reached\"", proofs.count, proofs.refused, edge_device_count(gateway->edge), proofs.fresh_s, gateway->proofs_until_s);
	} else {
		note(NOTE_WARNING, "no_state_proofs", "reason=\"%s\"", fault.text);
	}
	gateway_proofs_free(&proofs);
}

/* Not caught up, and nobody to ask: after a while proofs will do, as long as they are young enough. */
static void offline_watch(struct gateway *gateway, int64_t now_ns)
{
	struct edge_totals totals;
	if (!gateway->settings.proofs || gateway->node) {
		gateway->proofs_wait_ns = now_ns + gateway->settings.proofs_after_ms * NS_PER_MS;
		return;
	}
	if (gateway->offline && clock_now_ns() / NS_PER_S > (int64_t)gateway->proofs_until_s) {
		note(NOTE_WARNING, "state_proofs_too_old", "until_s=%" PRIu64, gateway->proofs_until_s);
		edge_again(gateway);
	}
	edge_totals(gateway->edge, &totals);
	if (gateway->offline || totals.caught_up || now_ns < gateway->proofs_wait_ns)
		return;
	gateway->proofs_wait_ns = now_ns + gateway->settings.proofs_after_ms * NS_PER_MS;
	proofs_use(gateway);
}

/* The settings' age holds for a policy too, unless the policy is stricter. */
static enum status policy_open(struct gateway *gateway, struct fault *fault)
{
	uint64_t age_s = (uint64_t)gateway->settings.proofs_age_ms / 1000;
	if (gateway->settings.policy) {
		struct buffer text = {0};
		enum status status = disk_read(gateway->settings.policy, POLICY_SIZE_MAX, &text, fault);
		if (status == OK)
			status = policy_read(buffer_span(&text), &gateway->policy, fault);
		buffer_free(&text);
		if (status != OK)
			return status;
	}
	if (gateway->policy.age_max_s == 0 || gateway->policy.age_max_s > age_s)
		gateway->policy.age_max_s = age_s;
	return OK;
}

static enum status edge_open(struct gateway *gateway, struct fault *fault)
{
	const struct gateway_settings *settings = &gateway->settings;
	/* Where machines run faster than time, a moment in which the processor was busy elsewhere is a long silence. */
	int64_t confirm_ms = settings->clock_rate_percent > 100 ? BUSY_MOMENT_MS : 0;
	struct edge_config config = {.gateway = span_of_text(settings->id), .silence_confirm_ms = confirm_ms, .site = span_of_text(settings->site), .seal_ms = settings->seal_ms,
		.seal_samples = (uint64_t)settings->seal_samples};
	TRY(members_open(settings->genesis, settings->epochs, &gateway->members, fault));
	TRY(keys_find(gateway, config.secret, fault));
	TRY(unit_table_new(&gateway->units, fault));
	TRY(firmware_digest(&config.firmware, fault));
	memcpy(config.network, gateway->members.genesis.network, NETWORK_ID_SIZE);
	config.key = gateway->statement_key;
	config.units = gateway->units;
	gateway->config = config;
	wipe(config.secret, sizeof config.secret);
	TRY(policy_open(gateway, fault));
	TRY(edge_begin(gateway, fault));
	return control_open(settings->folder, &gateway->control, fault);
}

static enum status node_open(struct gateway *gateway, struct fault *fault)
{
	struct wire_callbacks callbacks = {.context = gateway, .identify = on_identify, .root = on_root, .up = on_node_up, .down = on_node_down,
		.frame = on_frame};
	TRY(wire_new(gateway->loop, gateway->tls_key, &callbacks, &gateway->wire, fault));
	return gateway_call_follow(&gateway->call, gateway->wire, &gateway->settings, &gateway->members.epochs, fault);
}

static enum status broker_open(struct gateway *gateway, struct fault *fault)
{
	char client[300];
	struct mqtt_callbacks callbacks = {gateway, on_broker_up, on_broker_down, on_message};
	char host[300];
	const char *colon = strrchr(gateway->settings.broker, ':');
	snprintf(host, sizeof host, "%.*s", (int)(colon - gateway->settings.broker), gateway->settings.broker);
	struct mqtt_config config = {.host = host, .port = atoi(colon + 1), .client_id = client, .keep_session = true};
	snprintf(client, sizeof client, "%s/critical", gateway->settings.id);
	TRY(mqtt_new(&config, &callbacks, &gateway->critical, fault));
	snprintf(client, sizeof client, "%s/data", gateway->settings.id);
	TRY(mqtt_new(&config, &callbacks, &gateway->data, fault));
	gateway->critical_watch = mqtt_watch_new(gateway->loop, gateway->critical, after_batch, gateway);
	gateway->data_watch = mqtt_watch_new(gateway->loop, gateway->data, after_batch, gateway);
	return OK;
}

static enum status gateway_open(struct gateway *gateway, struct fault *fault)
{
	TRY(disk_folder(gateway->settings.folder, fault));
	TRY(disk_lock(gateway->settings.folder, fault));
	TRY(edge_open(gateway, fault));
	gateway->loop = loop_new();
	struct gateway_api_source source = {gateway, gateway->edge, gateway->settings.id, gateway->settings.site, facts, chunk_bytes, acknowledge};
	gateway->api = gateway_api_new(&source);
	TRY(http_server_new(gateway->loop, gateway->settings.listen, on_request, gateway, &gateway->http, fault));
	TRY(broker_open(gateway, fault));
	TRY(node_open(gateway, fault));
	gateway->tick_timer = loop_timer_new(gateway->loop, on_tick, gateway);
	gateway->flush_timer = loop_timer_new(gateway->loop, on_flush_timer, gateway);
	return OK;
}

static void gateway_close(struct gateway *gateway)
{
	mqtt_watch_free(gateway->critical_watch);
	mqtt_watch_free(gateway->data_watch);
	mqtt_free(gateway->critical);
	mqtt_free(gateway->data);
	wire_free(gateway->wire);
	if (gateway->tick_timer)
		loop_timer_free(gateway->tick_timer);
	if (gateway->flush_timer)
		loop_timer_free(gateway->flush_timer);
	http_server_free(gateway->http);
	gateway_api_free(gateway->api);
	edge_free(gateway->edge);
	wipe(gateway->config.secret, sizeof gateway->config.secret);
	policy_free(&gateway->policy);
	if (gateway->log)
		disk_log_close(gateway->log);
	control_close(gateway->control);
	if (gateway->loop)
		loop_free(gateway->loop);
	unit_table_free(gateway->units);
	signing_key_free(gateway->statement_key);
	signing_key_free(gateway->tls_key);
	members_close(&gateway->members);
	gateway_settings_free(&gateway->settings);
}

int command_gateway(int count, char **arguments)
{
	const char *path = NULL;
	const char *keys = NULL;
	const struct option_spec options[] = {{"config", "FILE", "the gateway's INI file", &path},
		{"print-config", NULL, "print every key of the INI file with its meaning and default", &keys}, {0}};
	char **words;
	int word_count, code;
	struct fault fault = {0};
	if (!options_parse(count, arguments, "Run the gateway of a shop floor: devices, twins, anchors, alarms.", "", options, &words, &word_count, &code))
		return code;
	if (keys) {
		gateway_settings_help();
		return 0;
	}
	struct gateway *gateway = memory_new(sizeof *gateway);
	enum status status = path ? gateway_settings_read(path, &gateway->settings, &fault) : fault_set(&fault, E_CONFIG, "give --config FILE");
	if (status == OK)
		status = gateway_open(gateway, &fault);
	if (status == OK) {
		step(gateway, &(struct edge_event){.kind = EDGE_START, .position = disk_log_end(gateway->log)});
		gateway->proofs_wait_ns = clock_monotonic_ns() + gateway->settings.proofs_after_ms * NS_PER_MS;
		loop_timer_set(gateway->tick_timer, 0);
		note(NOTE_INFO, "gateway_runs", "id=%s listen=%s", gateway->settings.id, gateway->settings.listen);
		loop_run(gateway->loop);
		flush(gateway);
	}
	bool failed = gateway->failed;
	gateway_close(gateway);
	free(gateway);
	if (status != OK) {
		app_fail(&fault);
		return status == E_CONFIG ? 2 : 1;
	}
	return failed ? 1 : 0;
}
