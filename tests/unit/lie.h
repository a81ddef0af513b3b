/* What a lying member leaves behind: two signed headers of one slot, or a signed root. */
#ifndef TEST_LIE_H
#define TEST_LIE_H

#include "consensus/block.h"
#include "record/body.h"
#include "record/checkpoint.h"
#include "record/genesis.h"

static inline enum status lie_sign(void *context, const struct digest *digest, struct buffer *signature)
{
	struct signature made;
	TRY(signing_key_sign(context, span_of(digest->bytes, sizeof digest->bytes), span_of_text(BLOCK_SIGNATURE_CONTEXT), NULL, &made));
	buffer_append(signature, made.bytes, sizeof made.bytes);
	return OK;
}

/* The signed header of a block of round 1; another time gives another block. Appends. */
static inline void lie_header(const struct genesis *genesis, uint16_t member, const struct signing_key *node_key, uint64_t time_ms,
	struct buffer *out)
{
	struct block block = {.round = 1, .author = member, .timestamp_ms = time_ms}, sealed;
	const struct block_signer signer = {.context = (void *)(uintptr_t)node_key, .sign = lie_sign};
	struct buffer bytes = {0};
	memcpy(block.network, genesis->network, BLOCK_NETWORK_SIZE);
	block.ancestor_count = 1;
	block.ancestors[0].author = member;
	for (uint16_t i = 0; i < genesis->member_count; i++)
		if (i != member)
			block.ancestors[block.ancestor_count++].author = i;
	for (uint16_t i = 0; i < block.ancestor_count; i++)
		block.ancestors[i].digest = block_genesis_digest(genesis->network, 0, block.ancestors[i].author, &genesis->digest);
	CHECK(block_seal(&block, &signer, &bytes) == OK && block_decode(buffer_span(&bytes), &sealed, NULL) == OK);
	buffer_append_span(out, block_signed_header(&sealed));
	buffer_free(&bytes);
}

/* A cosignature in the form in which members exchange it. Appends. */
static inline void lie_root(const struct genesis *genesis, uint16_t member, const struct signing_key *checkpoint_key, uint64_t size,
	const struct digest *root, struct buffer *out)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct cosignature made;
	checkpoint_origin(genesis->network, origin);
	CHECK(cosignature_sign(checkpoint_key, genesis->members[member].header.iss, span_of_text(origin), size, root, 1700000000, NULL, &made) == OK);
	write_u16(out, member);
	write_u64(out, size);
	write_digest(out, root);
	write_u64(out, made.timestamp_s);
	buffer_append(out, made.signature.bytes, sizeof made.signature.bytes);
}

/* The body of the statement that says it. Appends. */
static inline void lie_body(const char *accused, enum lie lie, struct span first, struct span second, struct buffer *out)
{
	body_evidence_encode(&(struct body_evidence){.accused = span_of_text(accused), .lie = lie, .first = first, .second = second}, out);
}

#endif
