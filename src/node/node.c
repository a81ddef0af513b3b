/* tally node: one member of the consortium. */
#include "node/node.h"

#include "command/command.h"
#include "api/page.h"
#include "host/note.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECOND_MS = 1000, PATH_SIZE = 1200, MEMORY_KEPT_MAX = 32 << 20 };

/* ---- callbacks of the loop ---- */

static void on_replica_timer(void *context)
{
	struct replica_event event = {.kind = REPLICA_TICK};
	node_step(context, &event);
}

static void on_flush(void *context)
{
	node_flush(context);
}

static void on_ahead(void *context)
{
	struct node *node = context;
	struct replica_event event = {.kind = REPLICA_AHEAD};
	if (replica_has_ahead(node->replica))
		node_step(node, &event);
}

static void view_settle(struct node *node)
{
	struct fault fault;
	if (!node->view_uncommitted)
		return;
	if (view_commit(node->view, &fault) != OK)
		node_fail(node, &fault);
	node->view_uncommitted = 0;
}

/* Who does not know which blocks it made makes none; when that takes long, people should know whom it waits for. */
static void silence_tell(struct node *node)
{
	enum { SILENCE_TOLD_S = 10 };
	if (!replica_is_member(node->replica) || consensus_tip_known(replica_consensus(node->replica))) {
		node->silent_s = 0;
		return;
	}
	if (++node->silent_s != SILENCE_TOLD_S)
		return;
	note(NOTE_WARNING, "waits_for_members", "reason=\"%s\"", genesis_faults(node_members(node)) == FAULTS_CRASH ?
		"a node that begins, or whose log was lost or damaged, says nothing before both other members have told what they know of its blocks; any "
		"other one needs one of them" : "it says nothing before a quorum of the members has told what they know of its blocks");
}

static void on_second(void *context)
{
	struct node *node = context;
	if (!node->failed) {
		view_settle(node);
		silence_tell(node);
	}
	node_witnesses_push(node);
	node_api_second(node->api, node->http);
	loop_timer_set(node->second_timer, SECOND_MS);
}

static void on_request(void *context, struct http_request *request)
{
	struct node *node = context;
	if (!node_api_handle(node->api, request) && !page_handle(request))
		http_answer_error(request, E_NOT_FOUND, "there is nothing at this address; docs/api.md lists what there is");
}

static void on_facts(void *context, struct node_facts *out)
{
	struct node *node = context;
	const struct genesis *members = node_members(node);
	uint16_t own = replica_seat(node->replica);
	*out = (struct node_facts){.member = REPLICA_NOBODY, .started_ns = node->self.started_ns, .floor_gateways = node->self.floor_gateways,
		.floor_urls = node->self.floor_urls, .finality_count = node->waiting.latency_count,
		.twin_reports = node->twin.reports};
	replica_rounds(node->replica, out->rounds);
	for (uint16_t i = 0; i < members->member_count; i++) {
		uint16_t seat = ledger_entity(replica_ledger(node->replica), members->members[i].header.iss)->seat;
		if (seat == own)
			out->member = i;
		out->connected[i] = seat == own || node->members[seat];
	}
	node_waiting_quantiles(&node->waiting, &out->finality_p50_ms, &out->finality_p99_ms);
}

/* Processor time, so that it can be compared with the process's own. */
static uint64_t profile_clock(void)
{
	return (uint64_t)clock_process_cpu_ns();
}

/* ---- starting ---- */

static void path_in(const struct node *node, const char *name, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%.1000s/%s", node->self.settings.folder, name);
}

/* "gw:manufacturer/hall-1 http://127.0.0.1:8180", cut in two. */
static enum status floors_open(struct node *node, struct fault *fault)
{
	size_t count = node->self.settings.floors.count;
	node->self.floor_gateways = memory_new_array(count + 1, sizeof *node->self.floor_gateways);
	node->self.floor_urls = memory_new_array(count + 1, sizeof *node->self.floor_urls);
	for (size_t i = 0; i < count; i++) {
		char *entry = node->self.settings.floors.items[i], *blank = strchr(entry, ' ');
		const char *url = blank ? blank + strspn(blank, " ") : "";
		if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
			return fault_set(fault, E_CONFIG, "[dashboard] floor = %.100s: expected a gateway's name, a blank, and its URL", entry);
		*blank = 0;
		node->self.floor_gateways[i] = entry;
		node->self.floor_urls[i] = url;
	}
	return OK;
}

static enum status replica_open(struct node *node, struct fault *fault)
{
	struct replica_config config = {.genesis = &node->self.genesis, .name = span_of_text(node->self.name), .key_count = node->self.key_count,
		.consensus = consensus_config_default()};
	for (size_t i = 0; i < node->self.key_count; i++)
		config.keys[i] = (struct replica_keys){.node = node->self.keys[i].node, .checkpoint = node->self.keys[i].checkpoint};
	config.consensus.round_delay_ms = (uint32_t)node->self.settings.round_delay_ms;
	config.consensus.leader_timeout_ms = (uint32_t)node->self.settings.leader_timeout_ms;
	config.consensus.heartbeat_ms = (uint32_t)node->self.settings.heartbeat_ms;
	config.consensus.clock_drift_ms = (uint32_t)node->self.settings.clock_drift_ms;
	config.consensus.pending_bytes_max = (uint32_t)node->self.settings.pending_bytes;
	TRY(replica_new(&config, &node->replica, fault));
	replica_profile(node->replica, profile_clock);
	return OK;
}

static enum status view_begin(struct node *node, struct fault *fault)
{
	char path[PATH_SIZE];
	path_in(node, "data/view.db", path);
	const struct view_log log = {.context = node, .read = node_disk_entry};
	TRY(view_open(path, node->self.genesis.network, &log, &node->view, fault));
	for (uint64_t i = view_size(node->view); i < node->self.genesis.member_count; i++) {
		const struct genesis_member *member = &node->self.genesis.members[i];
		TRY(view_add(node->view, i, 0, node->self.genesis.created_ms, &member->header, fault));
		node->view_uncommitted++;
	}
	return OK;
}

/* One process at a time works in a folder. */
static enum status folder_take(struct node *node, struct fault *fault)
{
	char path[PATH_SIZE];
	path_in(node, "data", path);
	TRY(disk_folder(path, fault));
	return disk_lock(path, fault);
}

static enum status data_open(struct node *node, struct fault *fault)
{
	TRY(replica_open(node, fault));
	TRY(view_begin(node, fault));
	TRY(node_disk_open(node, fault));
	view_settle(node);
	if (node->failed)
		return fault_set(fault, E_IO, "the view could not be written; see above");
	return node_keys_settle(node, fault);
}

static enum status interfaces_open(struct node *node, struct fault *fault)
{
	node->replica_timer = loop_timer_new(node->self.loop, on_replica_timer, node);
	node->flush_timer = loop_last_new(node->self.loop, on_flush, node);
	node->ahead_timer = loop_last_new(node->self.loop, on_ahead, node);
	node->second_timer = loop_timer_new(node->self.loop, on_second, node);
	TRY(http_server_new(node->self.loop, node->self.settings.http_listen, on_request, node, &node->http, fault));
	const struct node_api_source source = {.context = node, .replica = node->replica, .view = node->view,
		.checkpoint_key = node->self.keys[node->self.current].checkpoint, .witnesses = node_witness_lines, .facts = on_facts, .submit = node_submit};
	node->api = node_api_new(node->self.loop, &source);
	return node_peers_start(node, fault);
}

/* All but what the process keeps. */
static void node_close(struct node *node)
{
	node_peers_free(node);
	http_server_free(node->http);
	node_witnesses_free(node);
	node_api_free(node->api);
	node_waiting_free(&node->waiting);
	loop_timer_free(node->replica_timer);
	loop_timer_free(node->flush_timer);
	loop_timer_free(node->ahead_timer);
	loop_timer_free(node->second_timer);
	loop_timer_free(node->twin.timer);
	node_queue_free(&node->queue);
	node_queue_free(&node->spare);
	view_close(node->view);
	node_disk_close(node);
	replica_free(node->replica);
	struct node fresh = {.self = node->self, .failed = node->failed};
	*node = fresh;
}

static void self_close(struct node_self *self)
{
	loop_free(self->loop);
	node_keys_close(self);
	free(self->floor_gateways);
	free(self->floor_urls);
	node_settings_free(&self->settings);
}

static void node_run(struct node *node)
{
	if (!node->self.started_ns)
		node->self.started_ns = clock_monotonic_ns();
	uint16_t seat = replica_seat(node->replica);
	char number[8] = "none";
	if (seat != REPLICA_NOBODY)
		snprintf(number, sizeof number, "%u", (unsigned)seat);
	note(NOTE_INFO, "node_started", "name=%.200s seat=%s epoch=%" PRIu64 " members=%zu wire_port=%u http=http://%s", node->self.name, number,
		epochs_newest(ledger_epochs(replica_ledger(node->replica)))->number, node_members(node)->member_count, wire_port(node->wire),
		node->self.settings.http_listen);
	loop_timer_set(node->second_timer, SECOND_MS);
	node_begin(node);
	loop_run(node->self.loop);
	/* What was promised to nobody yet may still be told to everybody. */
	node_flush(node);
	if (!node->failed)
		view_settle(node);
	if (!node->failed && !node->again)
		note(NOTE_INFO, "node_stopped", "statements=%" PRIu64, ledger_size(replica_ledger(node->replica)));
}

/* From the disk to the end of this replica; node->again: there is to be another one. */
static enum status node_live(struct node *node, struct fault *fault)
{
	enum status status = node_witnesses_open(node, fault);
	if (status != OK)
		status = E_CONFIG;
	if (status == OK)
		status = data_open(node, fault);
	if (status == OK)
		status = interfaces_open(node, fault);
	if (status == OK)
		node_run(node);
	else
		app_fail(fault);
	return status;
}

int command_node(int count, char **arguments)
{
	const char *config = NULL;
	const struct option_spec specs[] = {
		{"config", "FILE", "its settings, such as the node.ini that `tally init org` writes", &config},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code = 0;
	struct fault fault = {0};
	if (!options_parse(count, arguments, "Run the node of an organisation: its copy of the ledger, its interface and its dashboard.", "", specs, &words,
		&word_count, &code)) {
		if (code == 0) {
			printf("\nsettings:\n\n");
			node_settings_help();
		}
		return code;
	}
	if (!config) {
		fault_set(&fault, E_CONFIG, "--config is needed, such as --config manufacturer/node.ini");
		app_fail(&fault);
		return 2;
	}
	/* Blocks of megabytes come and go: what one leaves is for the next one, instead of fresh pages from the system. */
	mallopt(M_MMAP_THRESHOLD, MEMORY_KEPT_MAX);
	mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT_MAX);
	struct node *node = memory_new(sizeof *node);
	bool configured;
	enum status status = node_settings_read(config, &node->self.settings, &fault);
	node->self.loop = loop_new();
	if (status == OK)
		status = floors_open(node, &fault);
	configured = status == OK;
	if (status == OK)
		status = folder_take(node, &fault);
	if (status == OK) {
		status = node_keys_open(&node->self, &fault);
		configured = status == OK;
	}
	if (status != OK)
		app_fail(&fault);
	for (bool again = true; status == OK && again;) {
		status = node_live(node, &fault);
		again = node->again && !node->failed;
		code = node->failed ? 1 : 0;
		node_close(node);
		if (again)
			node_keys_again(&node->self);
	}
	if (status != OK)
		code = !configured || status == E_CONFIG ? 2 : 1;
	self_close(&node->self);
	free(node);
	return code;
}
