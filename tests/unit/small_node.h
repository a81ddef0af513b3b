/* A node of a consortium of one, in a process of its own: replica, view and HTTP interface over a log in memory.
 * It is what `tally node` is without disk and peers, so that the interface and the commands can be tested. */
#ifndef TEST_SMALL_NODE_H
#define TEST_SMALL_NODE_H

#include "consortium.h"

#include "api/node_api.h"
#include "api/page.h"
#include "crypto/hash.h"
#include "host/loop.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct small_submission {
	struct small_submission *next;
	struct digest id;
	void (*done)(void *context, enum status status, const char *reason, const struct digest *id, uint64_t index);
	void *context;
};

struct small_node {
	struct loop *loop;
	struct loop_timer *tick, *second;
	struct http_server *server;
	struct node_api *api;
	struct replica *replica;
	struct view *view;
	struct buffer *entries;       /* final statements' bytes, the genesis' own first */
	size_t entry_count, entry_capacity;
	struct small_submission *waiting;
	const char *const *gateways, *const *urls;
	int64_t started_ns;
};

static inline void small_step(struct small_node *node, enum replica_event_kind kind, struct span bytes);

static inline void small_keep(struct small_node *node, struct span statement)
{
	ARRAY_GROW(node->entries, node->entry_count, node->entry_capacity);
	struct buffer *entry = &node->entries[node->entry_count++];
	*entry = (struct buffer){0};
	buffer_append_span(entry, statement);
}

static inline enum status small_entry(void *context, uint64_t index, struct buffer *out)
{
	struct small_node *node = context;
	if (index >= node->entry_count)
		return E_NOT_FOUND;
	buffer_append_span(out, buffer_span(&node->entries[index]));
	return OK;
}

static inline void small_outcome(struct small_node *node, const struct replica_action *action)
{
	for (struct small_submission **link = &node->waiting; *link;) {
		struct small_submission *submission = *link;
		if (!digest_equal(&submission->id, &action->id)) {
			link = &submission->next;
			continue;
		}
		*link = submission->next;
		submission->done(submission->context, action->status, action->reason, &action->id, action->index);
		free(submission);
	}
}

static inline void small_carry_out(struct small_node *node, const struct replica_action *action)
{
	struct fault fault;
	switch (action->kind) {
	case REPLICA_FINAL:
		small_keep(node, action->bytes);
		CHECK(view_add(node->view, action->index, action->commit_index, action->commit_ms, action->statement, &fault) == OK);
		node_api_final(node->api, node->server, action->statement, action->index, action->commit_index, action->commit_ms);
		break;
	case REPLICA_OUTCOME:
		small_outcome(node, action);
		break;
	case REPLICA_TIMER: {
		int64_t delay = action->at_ms - clock_now_ns() / NS_PER_MS;
		loop_timer_set(node->tick, delay > 0 ? delay : 0);
		break;
	}
	default:
		break;
	}
}

static inline void small_step(struct small_node *node, enum replica_event_kind kind, struct span bytes)
{
	struct replica_event event = {.kind = kind, .now_ms = clock_now_ns() / NS_PER_MS, .bytes = bytes};
	struct replica_actions actions;
	CHECK(entropy_fill(event.randomness, sizeof event.randomness) == OK);
	replica_step(node->replica, &event, &actions);
	for (uint32_t i = 0; i < actions.count; i++)
		small_carry_out(node, &actions.items[i]);
}

static inline void small_tick(void *context)
{
	small_step(context, REPLICA_TICK, (struct span){0});
}

static inline void small_second(void *context)
{
	struct small_node *node = context;
	node_api_second(node->api, node->server);
	loop_timer_set(node->second, 1000);
}

static inline void small_submit(void *context, struct span bytes,
	void (*done)(void *context, enum status status, const char *reason, const struct digest *id, uint64_t index), void *done_context)
{
	struct small_node *node = context;
	struct small_submission *submission = memory_new(sizeof *submission);
	*submission = (struct small_submission){.next = node->waiting, .id = sha256(bytes), .done = done, .context = done_context};
	node->waiting = submission;
	small_step(node, REPLICA_SUBMIT, bytes);
}

static inline void small_facts(void *context, struct node_facts *out)
{
	const struct small_node *node = context;
	*out = (struct node_facts){.started_ns = node->started_ns, .finality_p50_ms = 12.5, .finality_p99_ms = 50, .finality_count = 3,
		.floor_gateways = node->gateways, .floor_urls = node->urls};
}

static inline void small_handle(void *context, struct http_request *request)
{
	struct small_node *node = context;
	if (!page_handle(request) && !node_api_handle(node->api, request))
		http_answer_error(request, E_NOT_FOUND, "there is nothing at this address");
}

/* Runs until it is told to end. Tells its port through `port_out`. */
static inline int small_node_run(const struct consortium *consortium, const char *view_path, const char *const *gateways, const char *const *urls, int port_out)
{
	struct small_node node = {.loop = loop_new(), .gateways = gateways, .urls = urls, .started_ns = clock_monotonic_ns()};
	struct replica_config config = {.genesis = &consortium->genesis, .name = consortium->genesis.members[0].header.iss,
		.consensus = consensus_config_default(), .keys = {{consortium->node[0], consortium->checkpoint[0]}}, .key_count = 1};
	struct fault fault = {{0}};
	CHECK(replica_new(&config, &node.replica, &fault) == OK);
	struct view_log log = {.context = &node, .read = small_entry};
	for (size_t i = 0; i < consortium->genesis.member_count; i++)
		small_keep(&node, consortium->genesis.members[i].statement);
	CHECK(view_open(view_path, consortium->genesis.network, &log, &node.view, &fault) == OK);
	CHECK(view_add_genesis(node.view, &consortium->genesis, &fault) == OK);
	struct node_api_source source = {.context = &node, .replica = node.replica, .view = node.view, .facts = small_facts, .submit = small_submit,
		.checkpoint_key = consortium->checkpoint[0]};
	node.api = node_api_new(node.loop, &source);
	node.tick = loop_timer_new(node.loop, small_tick, &node);
	node.second = loop_timer_new(node.loop, small_second, &node);
	CHECK(http_server_new(node.loop, "127.0.0.1:0", small_handle, &node, &node.server, &fault) == OK);
	uint32_t port = http_server_port(node.server);
	CHECK(write(port_out, &port, sizeof port) == sizeof port);
	small_step(&node, REPLICA_START, (struct span){0});
	loop_timer_set(node.second, 1000);
	loop_run(node.loop);
	http_server_free(node.server);
	node_api_free(node.api);
	loop_timer_free(node.tick);
	loop_timer_free(node.second);
	while (node.waiting) {
		struct small_submission *next = node.waiting->next;
		free(node.waiting);
		node.waiting = next;
	}
	replica_free(node.replica);
	view_close(node.view);
	for (size_t i = 0; i < node.entry_count; i++)
		buffer_free(&node.entries[i]);
	free(node.entries);
	loop_free(node.loop);
	return 0;
}

#endif
