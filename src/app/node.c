/* tally node: one member of the consortium. */
#include "app/node.h"

#include "app/app.h"
#include "api/page.h"
#include "crypto/hash.h"
#include "host/keys.h"
#include "host/note.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { GENESIS_MAX = 4 << 20, SECOND_MS = 1000, PATH_SIZE = 1200 };

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

static void view_settle(struct node *node)
{
	struct fault fault;
	if (!node->view_uncommitted)
		return;
	if (view_commit(node->view, &fault) != OK)
		node_fail(node, &fault);
	node->view_uncommitted = 0;
}

static void on_second(void *context)
{
	struct node *node = context;
	if (!node->failed)
		view_settle(node);
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
	*out = (struct node_facts){.member = node->own, .started_ns = node->started_ns, .floor_gateways = node->floor_gateways,
		.floor_urls = node->floor_urls, .finality_count = node->waiting.latency_count,
		.twin_reports = node->twin.reports};
	replica_rounds(node->replica, out->rounds);
	for (size_t i = 0; i < node->genesis.member_count; i++)
		out->connected[i] = i == node->own || node->members[i];
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
	snprintf(out, PATH_SIZE, "%.1000s/%s", node->settings.folder, name);
}

static enum status keys_take(struct node *node, struct passphrase *passphrase, struct fault *fault)
{
	char path[PATH_SIZE];
	path_in(node, "keys/node.key", path);
	TRY(keys_open(path, passphrase, &node->node_key, fault));
	path_in(node, "keys/checkpoint.key", path);
	TRY(keys_open(path, passphrase, &node->checkpoint_key, fault));
	path_in(node, "keys/tls.key", path);
	return keys_open(path, passphrase, &node->tls_key, fault);
}

/* Who are we? Whose node key the genesis names. */
static enum status own_find(struct node *node, struct fault *fault)
{
	const struct public_key *key = signing_key_public(node->node_key);
	for (size_t i = 0; i < node->genesis.member_count; i++) {
		const struct genesis_member *member = &node->genesis.members[i];
		if (memcmp(member->org.node_key.bytes, key->bytes, sizeof key->bytes) != 0)
			continue;
		struct digest tls = keys_tls_digest(signing_key_public(node->tls_key));
		if (!digest_equal(&tls, &member->org.tls_key))
			return fault_set(fault, E_CONFIG, "%.300s/keys/tls.key is not the key that the genesis names for %.*s; put the right one there",
				node->settings.folder, (int)member->header.iss.size, (const char *)member->header.iss.data);
		node->own = (uint16_t)i;
		return OK;
	}
	return fault_set(fault, E_CONFIG, "no member of %.200s has the node key of %.200s/keys; is it another consortium's genesis?",
		node->settings.genesis, node->settings.folder);
}

static enum status identity_open(struct node *node, struct fault *fault)
{
	TRY(disk_read(node->settings.genesis, GENESIS_MAX, &node->genesis_bytes, fault));
	TRY(genesis_decode(buffer_span(&node->genesis_bytes), &node->genesis, fault));
	struct passphrase *passphrase = passphrase_new(node->settings.passphrase_file, node->settings.key_command);
	enum status status = keys_take(node, passphrase, fault);
	passphrase_free(passphrase);
	TRY(status);
	return own_find(node, fault);
}

/* "gw:manufacturer/hall-1 http://127.0.0.1:8180", cut in two. */
static enum status floors_open(struct node *node, struct fault *fault)
{
	size_t count = node->settings.floors.count;
	node->floor_gateways = memory_new_array(count + 1, sizeof *node->floor_gateways);
	node->floor_urls = memory_new_array(count + 1, sizeof *node->floor_urls);
	for (size_t i = 0; i < count; i++) {
		char *entry = node->settings.floors.items[i], *blank = strchr(entry, ' ');
		const char *url = blank ? blank + strspn(blank, " ") : "";
		if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
			return fault_set(fault, E_CONFIG, "[dashboard] floor = %.100s: expected a gateway's name, a blank, and its URL", entry);
		*blank = 0;
		node->floor_gateways[i] = entry;
		node->floor_urls[i] = url;
	}
	return OK;
}

static enum status replica_open(struct node *node, struct fault *fault)
{
	struct replica_config config = {.genesis = &node->genesis, .name = node->genesis.members[node->own].header.iss,
		.consensus = consensus_config_default(), .keys = {{node->node_key, node->checkpoint_key}}, .key_count = 1};
	config.consensus.round_delay_ms = (uint32_t)node->settings.round_delay_ms;
	config.consensus.leader_timeout_ms = (uint32_t)node->settings.leader_timeout_ms;
	config.consensus.heartbeat_ms = (uint32_t)node->settings.heartbeat_ms;
	config.consensus.clock_drift_ms = (uint32_t)node->settings.clock_drift_ms;
	config.consensus.pending_bytes_max = (uint32_t)node->settings.pending_bytes;
	TRY(replica_new(&config, &node->replica, fault));
	replica_profile(node->replica, profile_clock);
	return OK;
}

static enum status view_begin(struct node *node, struct fault *fault)
{
	char path[PATH_SIZE];
	path_in(node, "data/view.db", path);
	TRY(view_open(path, node->genesis.network, &node->view, fault));
	for (uint64_t i = view_size(node->view); i < node->genesis.member_count; i++) {
		const struct genesis_member *member = &node->genesis.members[i];
		TRY(view_add(node->view, i, 0, node->genesis.created_ms, &member->header, member->statement, fault));
		node->view_uncommitted++;
	}
	return OK;
}

static enum status log_recover(struct node *node, struct fault *fault)
{
	char path[PATH_SIZE];
	path_in(node, "data", path);
	int64_t start = clock_monotonic_ns();
	node->told_ns = start;
	node->recovery_bytes = disk_log_bytes(path, "log");
	/* What a damaged disk lost, the other members have; a member that is alone has nobody to ask. */
	TRY((node->genesis.member_count > 1 ? disk_log_open_repairing : disk_log_open)(path, "log", node_recovered, node, &node->log, fault));
	TRY(replica_recovery(node->replica, fault));
	if (node->failed)
		return fault_set(fault, E_IO, "the view could not be written while the log was read; see above");
	CHECK(replica_log_end(node->replica) == disk_log_end(node->log));
	view_settle(node);
	note(NOTE_INFO, "recovered", "statements=%" PRIu64 " mib=%" PRIu64 " seconds=%.1f", ledger_size(replica_ledger(node->replica)),
		disk_log_end(node->log) >> 20, (double)(clock_monotonic_ns() - start) / 1e9);
	malloc_trim(0);
	return OK;
}

static enum status data_open(struct node *node, struct fault *fault)
{
	char path[PATH_SIZE];
	path_in(node, "data", path);
	TRY(disk_folder(path, fault));
	TRY(disk_lock(path, fault));
	TRY(replica_open(node, fault));
	TRY(view_begin(node, fault));
	return log_recover(node, fault);
}

static enum status interfaces_open(struct node *node, struct fault *fault)
{
	node->replica_timer = loop_timer_new(node->loop, on_replica_timer, node);
	node->flush_timer = loop_last_new(node->loop, on_flush, node);
	node->second_timer = loop_timer_new(node->loop, on_second, node);
	TRY(http_server_new(node->loop, node->settings.http_listen, on_request, node, &node->http, fault));
	const struct node_api_source source = {.context = node, .replica = node->replica, .view = node->view, .own = node->own,
		.checkpoint_key = node->checkpoint_key, .witnesses = node_witness_lines, .facts = on_facts, .submit = node_submit};
	node->api = node_api_new(node->loop, &source);
	return node_peers_start(node, fault);
}

static void node_close(struct node *node)
{
	node_peers_free(node);
	http_server_free(node->http);
	node_witnesses_free(node);
	node_api_free(node->api);
	node_waiting_free(&node->waiting);
	loop_timer_free(node->replica_timer);
	loop_timer_free(node->flush_timer);
	loop_timer_free(node->second_timer);
	loop_timer_free(node->twin.timer);
	node_queue_free(&node->queue);
	node_queue_free(&node->spare);
	view_close(node->view);
	disk_log_close(node->log);
	replica_free(node->replica);
	loop_free(node->loop);
	signing_key_free(node->node_key);
	signing_key_free(node->checkpoint_key);
	signing_key_free(node->tls_key);
	genesis_free(&node->genesis);
	buffer_free(&node->genesis_bytes);
	free(node->floor_gateways);
	free(node->floor_urls);
	node_settings_free(&node->settings);
}

static void node_run(struct node *node)
{
	struct span iss = node->genesis.members[node->own].header.iss;
	node->started_ns = clock_monotonic_ns();
	note(NOTE_INFO, "node_started", "name=%.*s member=%u of=%zu wire_port=%u http=http://%s", (int)iss.size, (const char *)iss.data,
		(unsigned)node->own, node->genesis.member_count, wire_port(node->wire), node->settings.http_listen);
	loop_timer_set(node->second_timer, SECOND_MS);
	node_begin(node);
	loop_run(node->loop);
	/* What was promised to nobody yet may still be told to everybody. */
	node_flush(node);
	if (!node->failed)
		view_settle(node);
	if (!node->failed)
		note(NOTE_INFO, "node_stopped", "statements=%" PRIu64, ledger_size(replica_ledger(node->replica)));
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
	struct node *node = memory_new(sizeof *node);
	enum status status = node_settings_read(config, &node->settings, &fault);
	node->loop = loop_new();
	if (status == OK)
		status = floors_open(node, &fault);
	if (status == OK)
		status = identity_open(node, &fault);
	if (status == OK)
		status = node_witnesses_open(node, &fault);
	bool configured = status == OK;
	if (status == OK)
		status = data_open(node, &fault);
	if (status == OK)
		status = interfaces_open(node, &fault);
	if (status == OK)
		node_run(node);
	else
		app_fail(&fault);
	code = !configured || status == E_CONFIG ? 2 : status != OK || node->failed ? 1 : 0;
	node_close(node);
	free(node);
	return code;
}
