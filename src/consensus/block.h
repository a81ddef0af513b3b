/* Blocks: what members of the ledger exchange. Header signed, body beside it.
 * Layout, limits and validity: docs/ledger.md, sections "Block" and "Validity"
 * (Mysticeti-C with the Starfish header and body split). Pure. */
#ifndef TALLY_CONSENSUS_BLOCK_H
#define TALLY_CONSENSUS_BLOCK_H

#include "base/cursor.h"
#include "crypto/sign.h"

enum {
	BLOCK_VERSION = 2,            /* 1: one leader a round; a log of such blocks tells another order */
	BLOCK_MEMBERS_MAX = 64,
	BLOCK_VOTES_MAX = 64,
	BLOCK_NETWORK_SIZE = 16,
	BLOCK_BODY_MAX = 1 << 20,      /* bytes of transactions in one block */
	BLOCK_TRANSACTIONS_MAX = 4096,
	BLOCK_TRANSACTION_MAX = 61 * 1024,
	BLOCK_BYTES_MAX = BLOCK_BODY_MAX + 64 * 1024,
	BLOCK_SIGNATURE_MAX = 3400,
};

/* What a member signs a block's digest under (FIPS 204 context). */
#define BLOCK_SIGNATURE_CONTEXT "tally/block/v1"

/* Round, author and digest: the total order of blocks, the digest last. */
struct block_ref {
	uint32_t round;
	uint16_t author;
	struct digest digest;
};

int block_ref_compare(const struct block_ref *a, const struct block_ref *b);

struct commit_vote {
	uint64_t index;
	struct digest digest;
};

/* A decoded block. Spans are borrowed from its bytes. */
struct block {
	uint8_t network[BLOCK_NETWORK_SIZE];
	uint64_t epoch;
	uint32_t round;
	uint16_t author;
	uint64_t timestamp_ms;
	struct block_ref ancestors[BLOCK_MEMBERS_MAX]; /* own previous block first */
	uint16_t ancestor_count;
	struct commit_vote votes[BLOCK_VOTES_MAX];
	uint16_t vote_count;
	struct digest tx_root;
	uint32_t tx_count;
	uint32_t tx_bytes;
	/* Set by decoding. */
	struct span header;
	struct span signature;
	struct span body;             /* tx_count times: u32 length, bytes */
	struct digest digest;         /* SHA-256("blk" || header), not over the signature */
};

/* Who signs and verifies blocks: ML-DSA in the product, a keyed hash in simulation. */
struct block_signer {
	void *context;
	/* Sign `digest` as the own member. randomness comes with the step's event. */
	enum status (*sign)(void *context, const struct digest *digest, struct buffer *signature);
	/* OK or E_SIGNATURE. */
	enum status (*verify)(void *context, uint16_t author, const struct digest *digest, struct span signature);
};

/* Encode header || signature || body from the fields; body must hold tx_count transactions.
 * tx_root and tx_bytes are computed from it. Appends; on failure (of the signer) `out` is as before. */
MUST_USE enum status block_seal(const struct block *block, const struct block_signer *signer, struct buffer *out);

/* Form only: lengths, canonical encoding, no trailing bytes, body root. No signature. */
MUST_USE enum status block_decode(struct span bytes, struct block *out, struct fault *fault);

/* The same without looking into the body: neither its framing nor its root is checked. For bytes
 * that were checked before (read back from the own disk), and to do cheap checks first. */
MUST_USE enum status block_parse(struct span bytes, struct block *out, struct fault *fault);

/* The part of block_decode that block_parse leaves out. */
MUST_USE enum status block_body_check(const struct block *block, struct fault *fault);

/* Header and signature of a decoded block, contiguous: one half of a proof of equivocation. */
struct span block_signed_header(const struct block *block);

/* Decode what block_signed_header gives; the body of *out is empty. */
MUST_USE enum status block_signed_header_parse(struct span bytes, struct block *out, struct fault *fault);

/* The digest that stands for a member's block of round 0: H("genesis" || network || epoch || author || genesis). */
struct digest block_genesis_digest(const uint8_t network[BLOCK_NETWORK_SIZE], uint64_t epoch, uint16_t author,
	const struct digest *genesis);

static inline struct block_ref block_reference(const struct block *block)
{
	return (struct block_ref){.round = block->round, .author = block->author, .digest = block->digest};
}

/* Walk the transactions of a decoded block: true and *transaction for each. */
bool block_transaction_next(struct reader *body, struct span *transaction);

#endif
