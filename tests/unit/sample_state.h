/* The state of the sample consortium after its log, and proofs of it. */
#ifndef TALLY_TEST_SAMPLE_STATE_H
#define TALLY_TEST_SAMPLE_STATE_H

#include "record/state_proof.h"

#include "sample_log.h"

#define SAMPLE_REVOKED "dev:manufacturer/old-1"
#define SAMPLE_GHOST "dev:manufacturer/ghost"
#define SAMPLE_WITNESS "witness.example"

struct sample_state {
	struct sample_log *log;
	struct state_tree tree;
	struct digest root;
	uint64_t size;                /* of the log */
	struct signing_key *witness;
};

static inline void sample_state_put(struct sample_state *state, const char *name, const struct state_entry *entry)
{
	struct buffer value = {0};
	struct digest key = state_entry_key(span_of_text(name));
	state_entry_encode(entry, &value);
	state_tree_put(&state->tree, &key, buffer_span(&value));
	buffer_free(&value);
}

static inline struct sample_state sample_state_new(struct sample_log *log)
{
	struct sample_state state = {.log = log, .size = LOG_END, .witness = sample_key(99, 9)};
	struct span owner = span_of_text(sample_names[0]);
	for (size_t i = 0; i < SAMPLE_MEMBERS; i++) {
		struct state_entry org = {.kind = ENTITY_ORG, .state = DEVICE_ACTIVE, .registration = log->ids[i], .role = span_of_text(sample_names[i] + 4),
			.last_seq = 1, .last_id = log->ids[i]};
		sample_state_put(&state, sample_names[i], &org);
	}
	struct state_entry gateway = {.kind = ENTITY_GATEWAY, .state = DEVICE_ACTIVE, .registration = log->ids[LOG_GATEWAY], .owner = owner,
		.kid = {{5}}, .tls_key = {{6}}, .last_seq = 4, .last_id = log->ids[LOG_RESULT]};
	struct state_entry device = {.kind = ENTITY_DEVICE, .state = DEVICE_ACTIVE, .registration = log->ids[LOG_DEVICE], .owner = owner,
		.gateway = span_of_text(SAMPLE_GATEWAY), .bounds = log->ids[LOG_BOUNDS], .bounds_version = 1};
	struct state_entry revoked = {.kind = ENTITY_DEVICE, .state = DEVICE_REVOKED, .registration = {{8}}, .owner = owner,
		.gateway = span_of_text(SAMPLE_GATEWAY)};
	sample_state_put(&state, SAMPLE_GATEWAY, &gateway);
	sample_state_put(&state, SAMPLE_DEVICE, &device);
	sample_state_put(&state, SAMPLE_REVOKED, &revoked);
	state.root = state_tree_root(&state.tree);
	return state;
}

static inline void sample_state_free(struct sample_state *state)
{
	state_tree_free(&state->tree);
	signing_key_free(state->witness);
}

/* A note of the state with the lines of the members whose bit is set, and with bit 4 the witness's. Member i signed at
 * 1767225660 + 10 * (3 - i). */
static inline void sample_state_note(const struct sample_state *state, unsigned signers, struct buffer *out)
{
	const struct sample_consortium *consortium = state->log->consortium;
	struct checkpoint *note = memory_new_array(1, sizeof *note);
	char origin[CHECKPOINT_STATE_ORIGIN_SIZE];
	checkpoint_state_origin(consortium->genesis.network, origin);
	note->origin = span_of_text(origin);
	note->size = state->size;
	note->root = state->root;
	for (size_t i = 0; i <= SAMPLE_MEMBERS; i++) {
		if (!(signers & (1u << i)))
			continue;
		struct checkpoint_line *line = &note->lines[note->line_count++];
		const struct signing_key *key = i == SAMPLE_MEMBERS ? state->witness : consortium->keys[i][SAMPLE_CHECKPOINT_KEY];
		line->name = span_of_text(i == SAMPLE_MEMBERS ? SAMPLE_WITNESS : sample_names[i]);
		checkpoint_key_id(line->name, signing_key_public(key), line->key_id);
		CHECK(cosignature_sign(key, line->name, note->origin, note->size, &note->root, 1767225700 - 10 * i - 10, NULL, &line->cosignature) == OK);
	}
	checkpoint_encode(note, out);
	free(note);
}

/* Appends the proof file about `name`. */
static inline void sample_state_proof(const struct sample_state *state, const char *name, unsigned signers, struct buffer *out)
{
	struct state_proof *proof = memory_new_array(1, sizeof *proof);
	struct buffer note = {0};
	struct digest key = state_entry_key(span_of_text(name));
	sample_state_note(state, signers, &note);
	proof->name = span_of_text(name);
	proof->note = buffer_span(&note);
	proof->present = state_tree_prove(&state->tree, &key, &proof->value, &proof->path);
	struct state_entry entry = {0};
	if (proof->present)
		status_ignore(state_entry_decode(proof->value, &entry, NULL), "values of tests may have no form");
	for (size_t i = 0; i < LOG_END && proof->present; i++)
		if (digest_equal(&state->log->ids[i], &entry.registration) || digest_equal(&state->log->ids[i], &entry.bounds))
			proof->statements[proof->statement_count++] = buffer_span(&state->log->entries[i]);
	state_proof_encode(proof, out);
	buffer_free(&note);
	free(proof);
}

#endif
