/* For tests/builds/run: what one build makes of a commit log that another build wrote.
 *
 * replay write FOLDER SEED...   runs each seed of the simulator; the log of each member goes to FOLDER/SEED-MEMBER
 * replay read FOLDER SEED...    reads each of these logs in a replica of its own, and prints the chain of what it said, the
 *                               log's root and the state's; then the trace of the seed, run once more */
#include "crypto/hash.h"
#include "replica/state.h"
#include "sim/state.h"

#include <stdio.h>
#include <stdlib.h>

static void digest_print(const char *what, const struct digest *digest)
{
	char text[2 * DIGEST_SIZE + 1];
	span_hex(digest_span(digest), text);
	printf(" %s %s", what, text);
}

static bool run(const struct sim_options *options, struct sim_keys *keys, const char *folder)
{
	struct sim_report report;
	struct sim *sim = sim_new(options, keys);
	while (sim_step(sim))
		;
	for (uint16_t i = 0; folder && i < sim->members; i++) {
		char path[400];
		const struct buffer *log = &sim->member[i].disk.bytes;
		snprintf(path, sizeof path, "%s/%llu-%u", folder, (unsigned long long)options->seed, (unsigned)i);
		FILE *file = fopen(path, "wb");
		if (!file || fwrite(log->data, 1, log->size, file) != log->size || fclose(file) != 0) {
			perror(path);
			exit(2);
		}
	}
	sim_report(sim, &report);
	if (!folder) {
		printf("seed %llu %s steps %llu", (unsigned long long)options->seed, sim_verdict_name(report.verdict), (unsigned long long)report.step);
		digest_print("trace", &report.trace);
		putchar('\n');
	}
	sim_free(sim);
	return report.verdict == SIM_PASS;
}

/* Everything that a final statement and its commit are. */
static void chain_add(struct digest *chain, const struct replica_action *action)
{
	struct buffer bytes = {0};
	write_u64(&bytes, action->index);
	write_u64(&bytes, action->commit_index);
	write_u64(&bytes, (uint64_t)action->commit_ms);
	write_digest(&bytes, &action->id);
	struct span parts[] = {digest_span(chain), buffer_span(&bytes), action->bytes};
	*chain = sha256_parts(parts, 3);
	buffer_free(&bytes);
}

static void replay(struct sim *sim, uint16_t index, const struct buffer *log)
{
	const struct sim_organisation *organisation = &sim->consortium->organisation[index];
	struct replica_config config = {.genesis = &sim->consortium->genesis, .own = index, .consensus = sim->consensus,
		.node_key = organisation->node, .checkpoint_key = organisation->checkpoint, .signatures = sim->signatures};
	struct replica *replica;
	struct digest chain = {0};
	CHECK(replica_new(&config, &replica, NULL) == OK);
	for (size_t at = 0, size; at < log->size; at += size) {
		struct log_frame frame;
		struct replica_actions actions;
		if (log_frame_read(span_after(buffer_span(log), at), at, &frame, &size) != OK)
			break; /* the torn end of a member that lies, or was never started again */
		struct replica_event event = {.kind = REPLICA_RECOVERED, .now_ms = SIM_EPOCH_US / SIM_MS, .frame_kind = frame.kind, .position = at,
			.bytes = frame.bytes};
		replica_step(replica, &event, &actions);
		for (uint32_t i = 0; i < actions.count; i++)
			if (actions.items[i].kind == REPLICA_FINAL)
				chain_add(&chain, &actions.items[i]);
	}
	struct replica_numbers numbers;
	replica_numbers(replica, &numbers);
	struct digest state = state_tree_root(ledger_state(replica->ledger));
	printf("seed %llu member %u log %zu: commits %llu entries %llu refused %llu checkpoint %llu", (unsigned long long)sim->options.seed, (unsigned)index,
		log->size, (unsigned long long)numbers.commits, (unsigned long long)numbers.log_size, (unsigned long long)numbers.refused,
		(unsigned long long)numbers.checkpoint_size);
	digest_print("said", &chain);
	digest_print("log", &numbers.log_root);
	digest_print("state", &state);
	putchar('\n');
	replica_free(replica);
}

static void logs_read(const struct sim_options *options, struct sim_keys *keys, const char *folder)
{
	struct sim *sim = sim_new(options, keys); /* for its consortium and its limits only */
	for (uint16_t i = 0; i < sim->members; i++) {
		char path[400];
		struct buffer log = {0};
		uint8_t part[1 << 16];
		snprintf(path, sizeof path, "%s/%llu-%u", folder, (unsigned long long)options->seed, (unsigned)i);
		FILE *file = fopen(path, "rb");
		if (!file) {
			perror(path);
			exit(2);
		}
		for (size_t size; (size = fread(part, 1, sizeof part, file)) > 0;)
			buffer_append(&log, part, size);
		fclose(file);
		replay(sim, i, &log);
		buffer_free(&log);
	}
	sim_free(sim);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fputs("replay write|read FOLDER SEED...\n", stderr);
		return 2;
	}
	bool writes = strcmp(argv[1], "write") == 0, good = true;
	struct sim_keys *keys = sim_keys_new();
	for (int i = 3; i < argc; i++) {
		struct sim_options options = {.seed = strtoull(argv[i], NULL, 10)};
		if (!writes)
			logs_read(&options, keys, argv[2]);
		good &= run(&options, keys, writes ? argv[2] : NULL);
	}
	sim_keys_free(keys);
	return good ? 0 : 1;
}
