/* What a node tells about itself: as JSON for the dashboard, as metrics for Prometheus. */
#include "api/node_inner.h"
#include "consensus/validity.h"
#include "trace/json.h"

#include <stdio.h>
#include <unistd.h>

static uint64_t resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file)
		return 0;
	unsigned long long whole = 0, resident = 0;
	int fields = fscanf(file, "%llu %llu", &whole, &resident);
	fclose(file);
	return fields == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024 : 0;
}

void node_picture_take(const struct node_api *api, struct node_picture *out)
{
	*out = (struct node_picture){0};
	api->source.facts(api->source.context, &out->facts);
	replica_numbers(api->source.replica, &out->numbers);
	view_totals(api->source.view, &out->totals);
	out->ledger = replica_ledger(api->source.replica);
	out->name = replica_name(api->source.replica);
	out->members = epochs_newest(ledger_epochs(out->ledger))->members;
	out->uptime_s = (double)(clock_monotonic_ns() - out->facts.started_ns) / NS_PER_S;
	out->cpu_ns = clock_process_cpu_ns();
	out->resident_kb = resident_kb();
}

/* -- JSON -------------------------------------------------------------------------------- */

/* Types that exist: the numbers between them have no name. */
static bool type_exists(unsigned type)
{
	return strcmp(statement_type_name(type), statement_type_name(0)) != 0;
}

static void members_json(struct json *json, const struct node_picture *picture)
{
	json_array(json, "members");
	for (size_t i = 0; i < picture->members->member_count; i++) {
		const struct genesis_member *member = &picture->members->members[i];
		bool self = i == picture->facts.member;
		json_object(json, NULL);
		json_uint(json, "index", i);
		json_text(json, "iss", member->header.iss);
		json_text(json, "name", member->org.name);
		json_text(json, "role", member->org.role);
		json_text(json, "address", member->org.address);
		json_bool(json, "connected", self || picture->facts.connected[i]);
		json_uint(json, "round", self ? picture->numbers.consensus.round : picture->facts.rounds[i]);
		json_bool(json, "self", self);
		const struct entity *organisation = ledger_entity(picture->ledger, member->header.iss);
		json_uint(json, "lies", organisation->lies);
		if (organisation->lies)
			json_digest(json, "lied", &organisation->lied);
		json_object_end(json);
	}
	json_array_end(json);
}

/* What the size of the consortium is worth. Fewer than four members bear no liar, and nobody may be away unless the founders chose
 * so: neither is called Byzantine fault tolerant. */
static void tolerance_json(struct json *json, const struct genesis *genesis)
{
	size_t members = genesis->member_count;
	enum faults faults = genesis_faults(genesis);
	json_object(json, "tolerance");
	json_word(json, "mode", members == 1 ? "single" : faults_name(faults));
	json_uint(json, "may_lie", faults_liars(members));
	json_uint(json, "may_be_away", faults_away(members, faults));
	json_uint(json, "must_sign", faults_belief(members, faults));
	json_object_end(json);
}

static void floors_json(struct json *json, const struct node_facts *facts)
{
	json_array(json, "floors");
	for (size_t i = 0; facts->floor_gateways && facts->floor_urls && facts->floor_gateways[i] && facts->floor_urls[i]; i++) {
		json_object(json, NULL);
		json_word(json, "gateway", facts->floor_gateways[i]);
		json_word(json, "url", facts->floor_urls[i]);
		json_object_end(json);
	}
	json_array_end(json);
}

static void ledger_json(struct json *json, const struct node_picture *picture)
{
	const struct replica_numbers *numbers = &picture->numbers;
	json_uint(json, "round", numbers->consensus.round);
	json_uint(json, "highest_round", numbers->consensus.highest_round);
	json_uint(json, "decided_round", numbers->consensus.decided_round);
	json_uint(json, "commits", numbers->commits);
	json_uint(json, "skipped", numbers->consensus.skipped_leaders);
	json_uint(json, "leader_timeouts", numbers->consensus.leader_timeouts);
	json_uint(json, "equivocations", numbers->consensus.equivocations);
	json_uint(json, "log_size", numbers->log_size);
	json_hex(json, "log_root", span_of(numbers->log_root.bytes, DIGEST_SIZE));
	json_uint(json, "refused", numbers->refused);
	json_uint(json, "readings", picture->totals.readings);
	json_uint(json, "anchors", picture->totals.by_type[STATEMENT_ANCHOR]);
	json_object(json, "by_type");
	for (unsigned type = 1; type < STATEMENT_TYPE_END; type++)
		if (type_exists(type))
			json_uint(json, statement_type_name(type), picture->totals.by_type[type]);
	json_object_end(json);
}

void node_picture_json(const struct node_picture *picture, struct buffer *out)
{
	const struct entity *own = ledger_entity(picture->ledger, picture->name);
	struct json json = json_of(out);
	json_object(&json, NULL);
	json_text(&json, "org", picture->name);
	json_word(&json, "role", own ? own->role : NULL);
	if (picture->facts.member == REPLICA_NOBODY)
		json_null(&json, "member");
	else
		json_uint(&json, "member", picture->facts.member);
	json_hex(&json, "network", span_of(ledger_genesis(picture->ledger)->network, NETWORK_ID_SIZE));
	json_digest(&json, "genesis", &ledger_genesis(picture->ledger)->digest);
	json_uint(&json, "epoch", picture->numbers.epoch);
	json_uint(&json, "epoch_cost", picture->numbers.epoch_cost);
	json_uint(&json, "epoch_bytes", ledger_genesis(picture->ledger)->settings.epoch_bytes);
	json_uint(&json, "epochs_ahead", picture->numbers.epochs_ahead);
	json_number(&json, "uptime_s", picture->uptime_s);
	ledger_json(&json, picture);
	json_object(&json, "finality_ms");
	json_number(&json, "p50", picture->facts.finality_p50_ms);
	json_number(&json, "p99", picture->facts.finality_p99_ms);
	json_uint(&json, "count", picture->facts.finality_count);
	json_object_end(&json);
	json_object(&json, "checkpoint");
	json_uint(&json, "size", picture->numbers.checkpoint_size);
	json_uint(&json, "lines", picture->numbers.checkpoint_lines);
	json_object_end(&json);
	json_object(&json, "state_checkpoint");
	json_uint(&json, "size", picture->numbers.state_size);
	json_uint(&json, "lines", picture->numbers.state_lines);
	json_object_end(&json);
	members_json(&json, picture);
	tolerance_json(&json, picture->members);
	floors_json(&json, &picture->facts);
	json_uint(&json, "pending", picture->numbers.submitted_waiting);
	json_uint(&json, "resident_kb", picture->resident_kb);
	json_object(&json, "profile");
	json_uint(&json, "signature_checks", picture->numbers.signature_checks);
	json_uint(&json, "signature_ns", picture->numbers.signature_ns);
	json_int(&json, "cpu_ns", picture->cpu_ns);
	json_object_end(&json);
	json_object_end(&json);
}

/* The words of docs/api.md, which need not be those of the ledger's sentences. */
const char *node_kind_word(unsigned kind)
{
	switch (kind) {
	case ENTITY_ORG: return "org";
	case ENTITY_PERSON: return "person";
	case ENTITY_GATEWAY: return "gateway";
	case ENTITY_DEVICE: return "device";
	}
	return NULL;
}

static const char *state_word(enum device_state state)
{
	switch (state) {
	case DEVICE_ACTIVE: return "active";
	case DEVICE_SUSPENDED: return "suspended";
	case DEVICE_REVOKED: return "revoked";
	}
	return NULL;
}

enum status node_entities_json(const struct ledger *ledger, const char *kind, struct buffer *out, struct fault *fault)
{
	unsigned wanted = 0;
	for (unsigned k = ENTITY_ORG; kind && *kind && k <= ENTITY_DEVICE; k++)
		wanted = strcmp(kind, node_kind_word(k)) == 0 ? k : wanted;
	if (kind && *kind && wanted == 0)
		return fault_set(fault, E_MALFORMED, "kind is org, person, gateway or device");
	struct json json = json_of(out);
	json_object(&json, NULL);
	json_array(&json, "entities");
	for (size_t i = 0; i < ledger_entity_count(ledger); i++) {
		const struct entity *entity = ledger_entity_at(ledger, i);
		if (wanted != 0 && entity->kind != wanted)
			continue;
		json_object(&json, NULL);
		json_word(&json, "name", entity->name);
		json_word(&json, "kind", node_kind_word(entity->kind));
		json_word(&json, "state", state_word(entity->state));
		json_word(&json, "role", entity->role);
		json_word(&json, "owner", entity->owner ? entity->owner->name : NULL);
		json_word(&json, "gateway", entity->gateway ? entity->gateway->name : NULL);
		json_digest(&json, "registration", &entity->registration);
		json_digest(&json, "bounds", &entity->bounds);
		json_uint(&json, "bounds_version", entity->bounds_version);
		json_digest(&json, "model", &entity->model);
		json_uint(&json, "model_version", entity->model_version);
		json_uint(&json, "last_seq", entity->last_seq);
		json_digest(&json, "last_id", &entity->last_id);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	return OK;
}

/* -- Metrics ------------------------------------------------------------------------------- */

static void metric_head(struct buffer *out, const char *name, const char *type, const char *help)
{
	buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(struct buffer *out, const char *name, uint64_t value, const char *help)
{
	metric_head(out, name, "counter", help);
	buffer_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void gauge(struct buffer *out, const char *name, double value, const char *help)
{
	metric_head(out, name, "gauge", help);
	buffer_printf(out, "%s %.15g\n", name, value);
}

static void finality_metrics(const struct node_facts *facts, struct buffer *out)
{
	static const char name[] = "tally_finality_seconds";
	metric_head(out, name, "summary", "Time from submission at this node to final and flushed.");
	if (facts->finality_count > 0) {
		buffer_printf(out, "%s{quantile=\"0.5\"} %.9g\n", name, facts->finality_p50_ms / 1000);
		buffer_printf(out, "%s{quantile=\"0.99\"} %.9g\n", name, facts->finality_p99_ms / 1000);
	}
	buffer_printf(out, "%s_count %llu\n", name, (unsigned long long)facts->finality_count);
}

static void ledger_metrics(const struct node_picture *picture, struct buffer *out)
{
	const struct replica_numbers *numbers = &picture->numbers;
	const struct consensus_numbers *consensus = &numbers->consensus;
	gauge(out, "tally_round", consensus->round, "Round of the newest own block.");
	gauge(out, "tally_highest_round", consensus->highest_round, "Highest round of any block seen.");
	gauge(out, "tally_decided_round", consensus->decided_round, "Last decided leader round.");
	counter(out, "tally_commits_total", numbers->commits, "Commits.");
	counter(out, "tally_skipped_leaders_total", consensus->skipped_leaders, "Leader slots decided as skipped.");
	counter(out, "tally_leader_timeouts_total", consensus->leader_timeouts, "Rounds in which the leader's block came too late.");
	counter(out, "tally_equivocations_total", consensus->equivocations, "Members seen to sign two blocks for one slot.");
	counter(out, "tally_invalid_blocks_total", consensus->refused, "Blocks and messages of members refused as invalid.");
	gauge(out, "tally_blocks", (double)consensus->blocks, "Blocks held in memory.");
	gauge(out, "tally_pending_bytes", (double)consensus->pending_bytes, "Bytes of statements that wait for a block.");
	gauge(out, "tally_submissions_waiting", (double)numbers->submitted_waiting, "Submissions at this node whose fate is not known yet.");
	gauge(out, "tally_log_entries", (double)numbers->log_size, "Final statements in the log.");
	counter(out, "tally_refused_total", numbers->refused, "Statements refused when their turn came.");
	gauge(out, "tally_checkpoint_entries", (double)numbers->checkpoint_size, "Log size of the newest checkpoint.");
	gauge(out, "tally_checkpoint_lines", numbers->checkpoint_lines, "Organisations that signed the newest checkpoint.");
	gauge(out, "tally_state_checkpoint_entries", (double)numbers->state_size, "Log size of the newest state that f+1 organisations signed.");
	gauge(out, "tally_state_checkpoint_lines", numbers->state_lines, "Organisations that signed it.");
	counter(out, "tally_readings_total", picture->totals.readings, "Readings covered by final anchors.");
	metric_head(out, "tally_statements_total", "counter", "Final statements by type.");
	for (unsigned type = 1; type < STATEMENT_TYPE_END; type++)
		if (type_exists(type))
			buffer_printf(out, "tally_statements_total{type=\"%s\"} %llu\n", statement_type_name(type), (unsigned long long)picture->totals.by_type[type]);
}

void node_picture_metrics(const struct node_picture *picture, struct buffer *out)
{
	unsigned connected = 0;
	for (size_t i = 0; i < picture->members->member_count; i++)
		connected += i != picture->facts.member && picture->facts.connected[i];
	ledger_metrics(picture, out);
	finality_metrics(&picture->facts, out);
	gauge(out, "tally_members", (double)picture->members->member_count, "Organisations of the consortium.");
	gauge(out, "tally_epoch", (double)picture->numbers.epoch, "Number of the epoch; it changes with the members, or after enough blocks.");
	gauge(out, "tally_epoch_bytes", (double)picture->numbers.epoch_cost, "What the epoch's blocks weigh; it ends at the genesis' epoch_bytes.");
	gauge(out, "tally_peers_connected", connected, "Other members connected at present.");
	counter(out, "tally_duplicate_reports_total", picture->facts.twin_reports, "Reports that another process runs with this node's keys.");
	counter(out, "tally_signature_checks_total", picture->numbers.signature_checks, "Signatures of statements verified.");
	metric_head(out, "tally_signature_seconds_total", "counter", "Time spent in verifying signatures.");
	buffer_printf(out, "tally_signature_seconds_total %.9f\n", (double)picture->numbers.signature_ns / NS_PER_S);
	metric_head(out, "tally_cpu_seconds_total", "counter", "Processor time of this process.");
	buffer_printf(out, "tally_cpu_seconds_total %.9f\n", (double)picture->cpu_ns / NS_PER_S);
	gauge(out, "tally_resident_memory_bytes", (double)picture->resident_kb * 1024, "Memory of this process in use.");
	gauge(out, "tally_uptime_seconds", picture->uptime_s, "Time since the start.");
}
