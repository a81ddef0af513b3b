/* Checkpoints: C2SP signed notes of the log's size and root, with one ML-DSA-44 cosignature
 * line per organisation (C2SP tlog-checkpoint, tlog-cosignature; study `trust` 2.5).
 * The origin is "tally/" || hex(network id); a member's name is its iss, "org:...". Lines of other names are witnesses':
 * they count for whoever knows the witness, never as an organisation's. */
#ifndef TALLY_RECORD_CHECKPOINT_H
#define TALLY_RECORD_CHECKPOINT_H

#include "record/genesis.h"

enum {
	CHECKPOINT_ORIGIN_SIZE = 6 + 2 * NETWORK_ID_SIZE + 1,
	CHECKPOINT_WITNESSES_MAX = 16,
	CHECKPOINT_NOTE_LINES = GENESIS_MEMBERS_MAX + CHECKPOINT_WITNESSES_MAX,
	CHECKPOINT_NAME_MAX = 255,    /* of an origin, a cosigner */
};

struct cosignature {
	uint64_t timestamp_s;         /* not zero */
	struct signature signature;
};

struct checkpoint_line {
	struct span name;
	uint8_t key_id[4];
	struct cosignature cosignature;
};

struct checkpoint {
	struct span origin;
	uint64_t size;
	struct digest root;
	struct checkpoint_line lines[CHECKPOINT_NOTE_LINES];
	size_t line_count;
};

void checkpoint_origin(const uint8_t network[NETWORK_ID_SIZE], char out[CHECKPOINT_ORIGIN_SIZE]);
/* SHA-256(name || 0x0A || 0x06 || pk), first four bytes. */
void checkpoint_key_id(struct span name, const struct public_key *key, uint8_t out[4]);
MUST_USE enum status cosignature_sign(const struct signing_key *key, struct span name, struct span origin, uint64_t size,
	const struct digest *root, uint64_t timestamp_s, const uint8_t *randomness, struct cosignature *out);
MUST_USE enum status cosignature_verify(const struct verifying_key *key, struct span name, struct span origin, uint64_t size,
	const struct digest *root, const struct cosignature *cosignature);
void checkpoint_encode(const struct checkpoint *checkpoint, struct buffer *out);
/* Spans are borrowed from `note`. Lines of unknown form are skipped; at most CHECKPOINT_NOTE_LINES are kept. */
MUST_USE enum status checkpoint_decode(struct span note, struct checkpoint *out, struct fault *fault);
/* One line alone, without its line feed. False: not a cosignature with ML-DSA-44. */
bool checkpoint_line_decode(struct span text, struct checkpoint_line *out);
void checkpoint_line_encode(const struct checkpoint_line *line, struct buffer *out);
/* "org:": how the names of members begin, and no witness's. */
bool checkpoint_name_is_member(struct span name);
/* Does the line name a member's key, although not the member? Then somebody changed the name: no witness has that key id. */
bool checkpoint_line_is_disguised(const struct checkpoint_line *line, const struct genesis *genesis);
/* Plain decimal without leading zeros, as sizes are written. False: anything else. */
bool checkpoint_size_read(struct span text, uint64_t *out);

#endif
