/* For tests/builds/run: what one build makes of a commit log that another build wrote.
 *
 * replay write FOLDER SEED...   runs each seed of the simulator; the logs of each member go to FOLDER/SEED-MEMBER-blocks and -entries
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

static FILE *log_open(const char *folder, const struct sim_options *options, uint16_t member, const char *which, const char *mode)
{
	char path[400];
	snprintf(path, sizeof path, "%s/%llu-%u-%s", folder, (unsigned long long)options->seed, (unsigned)member, which);
	FILE *file = fopen(path, mode);
	if (!file) {
		perror(path);
		exit(2);
	}
	return file;
}

static void log_write(const char *folder, const struct sim_options *options, uint16_t member, const char *which, const struct buffer *log)
{
	FILE *file = log_open(folder, options, member, which, "wb");
	if (fwrite(log->data, 1, log->size, file) != log->size || fclose(file) != 0) {
		perror(which);
		exit(2);
	}
}

static struct buffer log_read(const char *folder, const struct sim_options *options, uint16_t member, const char *which)
{
	struct buffer log = {0};
	uint8_t part[1 << 16];
	FILE *file = log_open(folder, options, member, which, "rb");
	for (size_t size; (size = fread(part, 1, sizeof part, file)) > 0;)
		buffer_append(&log, part, size);
	fclose(file);
	return log;
}

static bool run(const struct sim_options *options, struct sim_keys *keys, const char *folder)
{
	struct sim_report report;
	struct sim *sim = sim_new(options, keys);
	while (sim_step(sim))
		;
	for (uint16_t i = 0; folder && i < sim->members; i++) {
		log_write(folder, options, i, "blocks", &sim->member[i].disk.bytes);
		log_write(folder, options, i, "entries", &sim->member[i].disk.entries);
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

static void frames_give(struct replica *replica, const struct buffer *log, size_t seal, struct digest *chain)
{
	for (size_t at = 0, size; at < log->size; at += size) {
		struct log_frame frame;
		struct replica_actions actions;
		if (log_frame_read(span_after(buffer_span(log), at), at, &frame, &size) != OK)
			break; /* the torn end of a member that lies, or was never started again */
		struct replica_event event = {.kind = REPLICA_RECOVERED, .now_ms = SIM_EPOCH_US / SIM_MS, .frame_kind = frame.kind, .position = at,
			.bytes = frame.bytes, .sealed = at < seal};
		replica_step(replica, &event, &actions);
		for (uint32_t i = 0; i < actions.count; i++)
			if (actions.items[i].kind == REPLICA_FINAL)
				chain_add(chain, &actions.items[i]);
	}
}

/* Where the last record of an epoch stands. */
static size_t seal_of(const struct buffer *entries)
{
	struct log_frame frame;
	size_t seal = 0;
	for (size_t at = 0, size; log_frame_read(span_after(buffer_span(entries), at), at, &frame, &size) == OK; at += size)
		seal = frame.kind == REPLICA_FRAME_EPOCH ? at : seal;
	return seal;
}

static void replay(struct sim *sim, uint16_t index, const struct buffer *entries, const struct buffer *log)
{
	const struct sim_organisation *organisation = &sim->consortium->organisation[index];
	struct replica_config config = {.genesis = &sim->genesis, .name = span_of_text(organisation->name), .consensus = sim->consensus,
		.keys = {{organisation->nodes[0], organisation->checkpoints[0]}, {organisation->nodes[1], organisation->checkpoints[1]}}, .key_count = 2,
		.signatures = sim->signatures};
	struct replica *replica;
	struct digest chain = {0};
	CHECK(replica_new(&config, &replica, NULL) == OK);
	frames_give(replica, entries, seal_of(entries), &chain);
	frames_give(replica, log, 0, &chain);
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
		struct buffer entries = log_read(folder, options, i, "entries"), log = log_read(folder, options, i, "blocks");
		replay(sim, i, &entries, &log);
		buffer_free(&entries);
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
