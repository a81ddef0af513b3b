/* Epochs: who the members are, and since when. Epoch 0 is the genesis. At the end of each epoch the members sign a record of
 * the next one: a signed note (record/checkpoint.h) of the origin "tally/" || hex(network id) || "/epoch", whose size is the
 * number of the next epoch and whose root is the SHA-256 of its record. So whoever pins the genesis can follow the chain to
 * the members of any later epoch, offline. docs/decisions/0008-epochs.md.
 *
 * record = CBOR [ "tally/epoch/v1", network bstr, number, previous digest, commits, commit digest, log size, log root, time_ms,
 *                 [* bstr ORG statement] ]
 * The list holds all members in consensus order, each as it stands in a genesis; it is empty when they are those of the epoch
 * before. `commits` counts all commits of the ledger up to the one that closed the epoch before. */
#ifndef TALLY_RECORD_EPOCH_H
#define TALLY_RECORD_EPOCH_H

#include "record/checkpoint.h"

enum {
	EPOCH_ORIGIN_SIZE = CHECKPOINT_ORIGIN_SIZE + 6,
	EPOCHS_MAX = 100000,          /* of one chain */
};

struct epoch {
	uint64_t number;
	struct digest digest;         /* of the record; of epoch 0 the genesis'. Its consensus begins from it */
	struct digest previous;
	uint64_t commits;             /* before it */
	struct digest commit_digest;  /* of the last one */
	uint64_t log_size;            /* entries before it */
	struct digest log_root;
	int64_t time_ms;              /* of the last commit */
	const struct genesis *members; /* name, network and founding time of the genesis, the members of this epoch. Owned by the
	                                  chain, or the genesis itself */
	struct span record;           /* owned by the chain; empty for epoch 0 */
	uint64_t signers;             /* bit i: the record was seen to be signed by member i of the epoch before */
};

/* A chain from a genesis, which outlives it. */
struct epochs {
	struct epoch *items;          /* [count], at least epoch 0 */
	size_t count, capacity;
	void **owned;                 /* records and sets of members */
	size_t owned_count, owned_capacity;
};

void epochs_begin(struct epochs *epochs, const struct genesis *genesis);
void epochs_free(struct epochs *epochs);
static inline const struct epoch *epochs_newest(const struct epochs *epochs)
{
	return &epochs->items[epochs->count - 1];
}

/* Which epoch's members sign a checkpoint of this size, or applied the log entry number size - 1: the newest that began
 * with a smaller log. */
const struct epoch *epochs_of_size(const struct epochs *epochs, uint64_t size);

/* Has the organisation of this name this checkpoint key in the epoch of `size`? Only then its signature under something of that
 * size counts. */
bool epochs_key_counts(const struct epochs *epochs, uint64_t size, struct span name, const struct public_key *checkpoint_key);
/* The smallest size, from `size` on, for which it has; 0: none. */
uint64_t epochs_key_from(const struct epochs *epochs, uint64_t size, struct span name, const struct public_key *checkpoint_key);

/* How sentences name an epoch: "the genesis", "epoch 3". */
struct epoch_name {
	char text[32];
};
struct epoch_name epoch_name(const struct epoch *epoch);
/* What to do when the members of this epoch do not fit what is judged: the end of a sentence, or nothing when the chain goes on
 * behind it. What is newer than the chain is judged by the newest epoch of the chain, and its members may have changed since. */
const char *epochs_advice(const struct epochs *epochs, const struct epoch *epoch);

/* Members that must sign the next epoch's record: a quorum, floor(2n/3) + 1. */
size_t epoch_quorum(const struct genesis *members);

/* The record after the newest epoch. statements: NULL and 0 when the members stay. Appends. */
struct epoch_end {
	uint64_t commits;
	struct digest commit_digest;
	uint64_t log_size;
	struct digest log_root;
	int64_t time_ms;
	const struct span *statements;
	size_t statement_count;
};
void epoch_encode(const struct epochs *epochs, const struct epoch_end *end, struct buffer *out);
/* What a record says, without its members; nothing is checked but its form. E_MALFORMED, E_LIMIT. */
MUST_USE enum status epoch_read(struct span record, struct epoch_end *out, struct fault *fault);

/* Check form and succession of a record (not who signed it) and add it to the chain; the record is copied. E_MALFORMED,
 * E_LIMIT, E_NETWORK, E_SIGNATURE (of a member's own statement), E_DUPLICATE (two members with one name or key), E_SEQUENCE
 * (another epoch comes next). */
MUST_USE enum status epochs_add(struct epochs *epochs, struct span record, struct fault *fault);

void epoch_origin(const uint8_t network[NETWORK_ID_SIZE], char out[EPOCH_ORIGIN_SIZE]);

/* A file of a whole chain: CBOR [ "tally/epochs/v1", [* [ record bstr, note tstr ]] ], epoch 1 first. */
struct epoch_link {
	struct span record;
	struct span note;
};
void epochs_encode(const struct epoch_link *links, size_t count, struct buffer *out);
/* True: `bytes` begin as such a file does. */
bool epochs_is(struct span bytes);
/* Add the links of the file to a chain, each signed by a quorum of the epoch before. Those that the chain has already must have the
 * same records (E_SEQUENCE); a file that is shorter than the chain adds nothing. A file is trusted as far as its signatures:
 * E_SIGNATURE and the like as in note_judge, besides those of epochs_add. When it fails, the chain has the epochs before the fault. */
MUST_USE enum status epochs_decode(struct span bytes, struct epochs *epochs, struct fault *fault);
/* The same for one link. */
MUST_USE enum status epochs_add_signed(struct epochs *epochs, struct span record, struct span note, struct fault *fault);

#endif
