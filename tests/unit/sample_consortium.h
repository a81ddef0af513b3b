/* A consortium for tests of records: four organisations with keys of known seeds, and what
 * is needed to make statements, checkpoints and bundles in its name. */
#ifndef TALLY_TEST_SAMPLE_CONSORTIUM_H
#define TALLY_TEST_SAMPLE_CONSORTIUM_H

#include "record/note.h"

#include <stdio.h>
#include <stdlib.h>

enum { SAMPLE_MEMBERS = 4, SAMPLE_KEYS = 3 };

static const char *const sample_names[SAMPLE_MEMBERS] = {"org:manufacturer", "org:supplier", "org:repair", "org:regulator"};
enum { SAMPLE_RECORD_KEY, SAMPLE_NODE_KEY, SAMPLE_CHECKPOINT_KEY };

struct sample_consortium {
	struct signing_key *keys[SAMPLE_MEMBERS][SAMPLE_KEYS];
	struct buffer genesis_bytes;
	struct genesis genesis;
	struct epochs epochs;         /* the genesis alone */
	struct trust trust;           /* in these, without a policy */
};

static inline struct signing_key *sample_key(uint8_t owner, uint8_t purpose)
{
	uint8_t seed[ML_DSA_44_SEED] = {owner, purpose, 77};
	struct signing_key *key = NULL;
	CHECK(signing_key_from_seed(seed, &key) == OK);
	return key;
}

/* The bytes of an ORG statement are appended to `out`. */
static inline void sample_org(struct signing_key *const keys[SAMPLE_KEYS], const char *iss, const char *name, struct buffer *out)
{
	struct body_org *org = memory_new(sizeof *org);
	struct buffer body = {0};
	struct digest id;
	*org = (struct body_org){.name = span_of_text(name), .role = span_of_text(strchr(iss, ':') + 1),
		.record_key = *signing_key_public(keys[SAMPLE_RECORD_KEY]), .node_key = *signing_key_public(keys[SAMPLE_NODE_KEY]),
		.checkpoint_key = *signing_key_public(keys[SAMPLE_CHECKPOINT_KEY]), .address = span_of_text("localhost:7001")};
	body_org_encode(org, &body);
	struct statement statement = {.type = STATEMENT_ORG, .seq = 1, .iss = span_of_text(iss), .sub = span_of_text(iss),
		.iat = 1767225600, .body = buffer_span(&body)};
	CHECK(statement_sign(&statement, keys[SAMPLE_RECORD_KEY], NULL, out, &id) == OK);
	buffer_free(&body);
	free(org);
}

static inline void sample_genesis_bytes(struct signing_key *keys[SAMPLE_MEMBERS][SAMPLE_KEYS], size_t members, struct buffer *out)
{
	struct buffer orgs[SAMPLE_MEMBERS] = {{0}};
	struct span spans[SAMPLE_MEMBERS];
	for (size_t i = 0; i < members; i++) {
		sample_org(keys[i], sample_names[i], sample_names[i] + 4, &orgs[i]);
		spans[i] = buffer_span(&orgs[i]);
	}
	genesis_encode(span_of_text("sample consortium"), 1767225600000, NULL, spans, members, out);
	for (size_t i = 0; i < members; i++)
		buffer_free(&orgs[i]);
}

static inline struct sample_consortium *sample_consortium_new(void)
{
	struct sample_consortium *out = memory_new(sizeof *out);
	struct fault fault = {0};
	for (uint8_t i = 0; i < SAMPLE_MEMBERS; i++)
		for (uint8_t j = 0; j < SAMPLE_KEYS; j++)
			out->keys[i][j] = sample_key(i, j);
	sample_genesis_bytes(out->keys, SAMPLE_MEMBERS, &out->genesis_bytes);
	if (genesis_decode(buffer_span(&out->genesis_bytes), &out->genesis, &fault) != OK) {
		fprintf(stderr, "%s\n", fault.text);
		abort();
	}
	epochs_begin(&out->epochs, &out->genesis);
	out->trust = (struct trust){.epochs = &out->epochs};
	return out;
}

static inline void sample_consortium_free(struct sample_consortium *consortium)
{
	for (size_t i = 0; i < SAMPLE_MEMBERS; i++)
		for (size_t j = 0; j < SAMPLE_KEYS; j++)
			signing_key_free(consortium->keys[i][j]);
	epochs_free(&consortium->epochs);
	genesis_free(&consortium->genesis);
	buffer_free(&consortium->genesis_bytes);
	free(consortium);
}

/* A checkpoint's note with the lines of the members whose bit is set in `signers`. */
static inline void sample_note(const struct sample_consortium *consortium, uint64_t size, const struct digest *root, unsigned signers, struct buffer *out)
{
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(consortium->genesis.network, origin);
	checkpoint->origin = span_of_text(origin);
	checkpoint->size = size;
	checkpoint->root = *root;
	for (size_t i = 0; i < SAMPLE_MEMBERS; i++) {
		if (!(signers & (1u << i)))
			continue;
		struct checkpoint_line *line = &checkpoint->lines[checkpoint->line_count++];
		const struct signing_key *key = consortium->keys[i][SAMPLE_CHECKPOINT_KEY];
		line->name = span_of_text(sample_names[i]);
		checkpoint_key_id(line->name, signing_key_public(key), line->key_id);
		CHECK(cosignature_sign(key, line->name, checkpoint->origin, size, root, 1767225660 + 10 * (3 - i), NULL, &line->cosignature) == OK);
	}
	checkpoint_encode(checkpoint, out);
	free(checkpoint);
}

#endif
