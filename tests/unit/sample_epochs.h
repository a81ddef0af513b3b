/* The sample consortium through three epochs. In epoch 1 org:newcomer joined and the supplier changed its keys; in epoch 2
 * the repair shop has left. */
#ifndef TALLY_TEST_SAMPLE_EPOCHS_H
#define TALLY_TEST_SAMPLE_EPOCHS_H

#include "crypto/hash.h"
#include "record/epoch.h"

#include "sample_consortium.h"

enum { SAMPLE_EPOCHS = 3, SAMPLE_SEATS_MAX = 5 };

struct sample_seat {
	const char *iss;
	struct signing_key *const *keys; /* [SAMPLE_KEYS] */
};

/* The members of an epoch. */
struct sample_set {
	struct sample_seat seats[SAMPLE_SEATS_MAX];
	size_t count;
};

struct sample_epochs {
	const struct sample_consortium *consortium;
	struct signing_key *newcomer[SAMPLE_KEYS];
	struct signing_key *supplier[SAMPLE_KEYS]; /* its second keys */
	struct sample_set sets[SAMPLE_EPOCHS];
	uint64_t sizes[SAMPLE_EPOCHS]; /* of the log at the beginning */
	struct buffer records[SAMPLE_EPOCHS], notes[SAMPLE_EPOCHS]; /* from 1 on */
	struct epochs epochs;
};

static inline void sample_seat_statement(const struct sample_seat *seat, struct buffer *out)
{
	sample_org(seat->keys, seat->iss, seat->iss + 4, out);
}

/* The record of the epoch after the newest, with these members; set NULL: they stay. */
static inline void sample_epoch_record(const struct epochs *epochs, const struct sample_set *set, uint64_t log_size, struct buffer *out)
{
	struct buffer statements[SAMPLE_SEATS_MAX] = {{0}};
	struct span spans[SAMPLE_SEATS_MAX];
	size_t count = set ? set->count : 0;
	for (size_t i = 0; i < count; i++) {
		sample_seat_statement(&set->seats[i], &statements[i]);
		spans[i] = buffer_span(&statements[i]);
	}
	struct epoch_end end = {.commits = epochs_newest(epochs)->commits + 100, .commit_digest = {{0xc0}}, .log_size = log_size,
		.log_root = {{0x10}}, .time_ms = 1767225600000 + 1000 * (int64_t)log_size, .statements = count ? spans : NULL, .statement_count = count};
	epoch_encode(epochs, &end, out);
	for (size_t i = 0; i < count; i++)
		buffer_free(&statements[i]);
}

/* A note with lines of the members of `set` whose bit is set, in their order. */
static inline void sample_set_note(const struct sample_set *set, const char *origin, uint64_t size, const struct digest *root, unsigned signers,
	struct buffer *out)
{
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	checkpoint->origin = span_of_text(origin);
	checkpoint->size = size;
	checkpoint->root = *root;
	for (size_t i = 0; i < set->count; i++) {
		if (!(signers & (1u << i)))
			continue;
		struct checkpoint_line *line = &checkpoint->lines[checkpoint->line_count++];
		const struct signing_key *key = set->seats[i].keys[SAMPLE_CHECKPOINT_KEY];
		line->name = span_of_text(set->seats[i].iss);
		checkpoint_key_id(line->name, signing_key_public(key), line->key_id);
		CHECK(cosignature_sign(key, line->name, checkpoint->origin, size, root, 1767225660 + 10 * i, NULL, &line->cosignature) == OK);
	}
	checkpoint_encode(checkpoint, out);
	free(checkpoint);
}

/* The members' word for a record. */
static inline void sample_epoch_note(const struct sample_epochs *sample, const struct sample_set *by, uint64_t number, struct span record, unsigned signers,
	struct buffer *out)
{
	char origin[EPOCH_ORIGIN_SIZE];
	struct digest digest = sha256(record);
	epoch_origin(sample->consortium->genesis.network, origin);
	sample_set_note(by, origin, number, &digest, signers, out);
}

static inline void sample_sets(struct sample_epochs *sample)
{
	for (size_t i = 0; i < SAMPLE_MEMBERS; i++)
		sample->sets[0].seats[i] = (struct sample_seat){sample_names[i], sample->consortium->keys[i]};
	sample->sets[0].count = SAMPLE_MEMBERS;
	sample->sets[1] = sample->sets[0];
	sample->sets[1].seats[1].keys = sample->supplier;
	sample->sets[1].seats[sample->sets[1].count++] = (struct sample_seat){"org:newcomer", sample->newcomer};
	for (size_t i = 0; i < sample->sets[1].count; i++)
		if (i != 2)
			sample->sets[2].seats[sample->sets[2].count++] = sample->sets[1].seats[i];
}

/* Epochs 1 and 2 begin at these sizes of the log. */
static inline struct sample_epochs *sample_epochs_new(const struct sample_consortium *consortium, uint64_t first, uint64_t second)
{
	struct sample_epochs *sample = memory_new(sizeof *sample);
	struct fault fault = {0};
	sample->consortium = consortium;
	sample->sizes[1] = first;
	sample->sizes[2] = second;
	for (uint8_t j = 0; j < SAMPLE_KEYS; j++) {
		sample->newcomer[j] = sample_key(50, j);
		sample->supplier[j] = sample_key(51, j);
	}
	sample_sets(sample);
	epochs_begin(&sample->epochs, &consortium->genesis);
	for (size_t i = 1; i < SAMPLE_EPOCHS; i++) {
		sample_epoch_record(&sample->epochs, &sample->sets[i], sample->sizes[i], &sample->records[i]);
		sample_epoch_note(sample, &sample->sets[i - 1], i, buffer_span(&sample->records[i]), i == 1 ? 0x7 : 0x1b, &sample->notes[i]);
		if (epochs_add_signed(&sample->epochs, buffer_span(&sample->records[i]), buffer_span(&sample->notes[i]), &fault) != OK) {
			fprintf(stderr, "%s\n", fault.text);
			abort();
		}
	}
	return sample;
}

static inline void sample_epochs_file(const struct sample_epochs *sample, size_t count, struct buffer *out)
{
	struct epoch_link links[SAMPLE_EPOCHS];
	for (size_t i = 0; i < count; i++)
		links[i] = (struct epoch_link){buffer_span(&sample->records[i + 1]), buffer_span(&sample->notes[i + 1])};
	epochs_encode(links, count, out);
}

static inline void sample_epochs_free(struct sample_epochs *sample)
{
	for (size_t j = 0; j < SAMPLE_KEYS; j++) {
		signing_key_free(sample->newcomer[j]);
		signing_key_free(sample->supplier[j]);
	}
	for (size_t i = 1; i < SAMPLE_EPOCHS; i++) {
		buffer_free(&sample->records[i]);
		buffer_free(&sample->notes[i]);
	}
	epochs_free(&sample->epochs);
	free(sample);
}

#endif
