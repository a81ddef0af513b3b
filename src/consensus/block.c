#include "consensus/block.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"

int block_ref_compare(const struct block_ref *a, const struct block_ref *b)
{
	if (a->round != b->round)
		return a->round < b->round ? -1 : 1;
	if (a->author != b->author)
		return a->author < b->author ? -1 : 1;
	return memcmp(a->digest.bytes, b->digest.bytes, DIGEST_SIZE);
}

static struct digest header_digest(struct span header)
{
	struct span parts[] = {span_of_text("blk"), header};
	return sha256_parts(parts, 2);
}

struct digest block_genesis_digest(const uint8_t network[BLOCK_NETWORK_SIZE], uint64_t epoch, uint16_t author,
	const struct digest *genesis)
{
	struct buffer bytes = {0};
	buffer_append_text(&bytes, "genesis");
	buffer_append(&bytes, network, BLOCK_NETWORK_SIZE);
	write_u64(&bytes, epoch);
	write_u16(&bytes, author);
	write_digest(&bytes, genesis);
	struct digest digest = sha256(buffer_span(&bytes));
	buffer_free(&bytes);
	return digest;
}

/* Header. */

static void header_write(const struct block *block, struct buffer *out)
{
	write_u16(out, BLOCK_VERSION);
	buffer_append(out, block->network, BLOCK_NETWORK_SIZE);
	write_u64(out, block->epoch);
	write_u32(out, block->round);
	write_u16(out, block->author);
	write_u64(out, block->timestamp_ms);
	write_u16(out, block->ancestor_count);
	for (int i = 0; i < block->ancestor_count; i++) {
		write_u32(out, block->ancestors[i].round);
		write_u16(out, block->ancestors[i].author);
		write_digest(out, &block->ancestors[i].digest);
	}
	write_u16(out, 0); /* acknowledgements: none in this version */
	write_u16(out, block->vote_count);
	for (int i = 0; i < block->vote_count; i++) {
		write_u64(out, block->votes[i].index);
		write_digest(out, &block->votes[i].digest);
	}
	write_digest(out, &block->tx_root);
	write_u32(out, block->tx_count);
	write_u32(out, block->tx_bytes);
}

static enum status ancestors_read(struct reader *in, struct block *out, struct fault *fault)
{
	out->ancestor_count = read_u16(in);
	if (out->ancestor_count > BLOCK_MEMBERS_MAX)
		return fault_set(fault, E_LIMIT, "block names %u ancestors, %d are permitted", out->ancestor_count, BLOCK_MEMBERS_MAX);
	for (int i = 0; i < out->ancestor_count; i++) {
		out->ancestors[i].round = read_u32(in);
		out->ancestors[i].author = read_u16(in);
		out->ancestors[i].digest = read_digest(in);
	}
	if (read_u16(in) != 0)
		return fault_set(fault, E_MALFORMED, "block carries acknowledgements, which version %d has not", BLOCK_VERSION);
	return OK;
}

static enum status votes_read(struct reader *in, struct block *out, struct fault *fault)
{
	out->vote_count = read_u16(in);
	if (out->vote_count > BLOCK_VOTES_MAX)
		return fault_set(fault, E_LIMIT, "block carries %u commit votes, %d are permitted", out->vote_count, BLOCK_VOTES_MAX);
	for (int i = 0; i < out->vote_count; i++) {
		out->votes[i].index = read_u64(in);
		out->votes[i].digest = read_digest(in);
	}
	return OK;
}

/* Same order as header_write. */
static enum status header_read(struct reader *in, struct block *out, struct fault *fault)
{
	const uint8_t *start = in->rest.data;
	uint16_t version = read_u16(in);
	if (!in->failed && version != BLOCK_VERSION)
		return fault_set(fault, E_MALFORMED, "block has version %u, this program knows %d", version, BLOCK_VERSION);
	struct span network = read_bytes(in, BLOCK_NETWORK_SIZE);
	if (network.size == BLOCK_NETWORK_SIZE)
		memcpy(out->network, network.data, BLOCK_NETWORK_SIZE);
	out->epoch = read_u64(in);
	out->round = read_u32(in);
	out->author = read_u16(in);
	out->timestamp_ms = read_u64(in);
	TRY(ancestors_read(in, out, fault));
	TRY(votes_read(in, out, fault));
	out->tx_root = read_digest(in);
	out->tx_count = read_u32(in);
	out->tx_bytes = read_u32(in);
	if (in->failed)
		return fault_set(fault, E_MALFORMED, "block header is cut short");
	if (out->tx_count > BLOCK_TRANSACTIONS_MAX || out->tx_bytes > BLOCK_BODY_MAX)
		return fault_set(fault, E_LIMIT, "block announces %u transactions in %u bytes, at most %d in %d are permitted",
			out->tx_count, out->tx_bytes, BLOCK_TRANSACTIONS_MAX, BLOCK_BODY_MAX);
	out->header = span_of(start, (size_t)(in->rest.data - start));
	return OK;
}

static enum status signature_read(struct reader *in, struct block *out, struct fault *fault)
{
	uint16_t size = read_u16(in);
	if (size > BLOCK_SIGNATURE_MAX)
		return fault_set(fault, E_LIMIT, "block signature has %u bytes, %d are permitted", size, BLOCK_SIGNATURE_MAX);
	out->signature = read_bytes(in, size);
	if (in->failed)
		return fault_set(fault, E_MALFORMED, "block signature is cut short");
	return OK;
}

/* Body. */

bool block_transaction_next(struct reader *body, struct span *transaction)
{
	if (body->failed || body->rest.size == 0)
		return false;
	*transaction = read_block(body, BLOCK_TRANSACTION_MAX);
	return !body->failed;
}

/* RFC 9162 root over a stream of leaves: complete subtrees on a stack, largest first. */
struct root_stack {
	struct digest nodes[33];
	uint32_t sizes[33];
	int depth;
};

static void root_push(struct root_stack *stack, struct digest node)
{
	uint32_t size = 1;
	while (stack->depth > 0 && stack->sizes[stack->depth - 1] == size) {
		stack->depth--;
		node = merkle_node(&stack->nodes[stack->depth], &node);
		size *= 2;
	}
	stack->nodes[stack->depth] = node;
	stack->sizes[stack->depth++] = size;
}

static struct digest root_end(const struct root_stack *stack)
{
	if (stack->depth == 0)
		return sha256(span_of(NULL, 0));
	struct digest root = stack->nodes[stack->depth - 1];
	for (int i = stack->depth - 2; i >= 0; i--)
		root = merkle_node(&stack->nodes[i], &root);
	return root;
}

static enum status body_root(struct span body, uint32_t count, struct digest *root, struct fault *fault)
{
	struct root_stack stack = {.depth = 0};
	struct reader in = reader_of(body);
	struct span transaction;
	uint32_t found = 0;
	while (block_transaction_next(&in, &transaction)) {
		if (transaction.size == 0 || ++found > count)
			return fault_set(fault, E_MALFORMED, "block body holds an empty transaction or more than announced");
		root_push(&stack, merkle_leaf(transaction));
	}
	if (reader_end(&in) != OK || found != count)
		return fault_set(fault, E_MALFORMED, "block body does not hold the announced %u transactions", count);
	*root = root_end(&stack);
	return OK;
}

enum status block_body_check(const struct block *block, struct fault *fault)
{
	struct digest root;
	TRY(body_root(block->body, block->tx_count, &root, fault));
	if (!digest_equal(&root, &block->tx_root))
		return fault_set(fault, E_MALFORMED, "block body is not the one its header commits to");
	return OK;
}

/* Whole blocks. */

enum status block_seal(const struct block *block, const struct block_signer *signer, struct buffer *out)
{
	struct block sealed = *block;
	CHECK(block->body.size <= BLOCK_BODY_MAX && block->tx_count <= BLOCK_TRANSACTIONS_MAX);
	sealed.tx_bytes = (uint32_t)block->body.size;
	TRY(body_root(block->body, block->tx_count, &sealed.tx_root, NULL));
	size_t start = out->size;
	header_write(&sealed, out);
	struct digest digest = header_digest(span_of(out->data + start, out->size - start));
	struct buffer signature = {0};
	enum status status = signer->sign(signer->context, &digest, &signature);
	if (status == OK && signature.size <= BLOCK_SIGNATURE_MAX) {
		write_u16(out, (uint16_t)signature.size);
		buffer_append_span(out, buffer_span(&signature));
		buffer_append_span(out, block->body);
	} else {
		out->size = start;
	}
	if (status == OK && signature.size > BLOCK_SIGNATURE_MAX)
		status = E_LIMIT;
	buffer_free(&signature);
	return status;
}

static enum status signed_header_read(struct reader *in, struct block *out, struct fault *fault)
{
	TRY(header_read(in, out, fault));
	TRY(signature_read(in, out, fault));
	out->digest = header_digest(out->header);
	return OK;
}

enum status block_parse(struct span bytes, struct block *out, struct fault *fault)
{
	if (bytes.size > BLOCK_BYTES_MAX)
		return fault_set(fault, E_LIMIT, "block has %zu bytes, %d are permitted", bytes.size, BLOCK_BYTES_MAX);
	struct reader in = reader_of(bytes);
	TRY(signed_header_read(&in, out, fault));
	out->body = read_bytes(&in, out->tx_bytes);
	if (reader_end(&in) != OK)
		return fault_set(fault, E_MALFORMED, "block body does not have the announced %u bytes", out->tx_bytes);
	return OK;
}

enum status block_decode(struct span bytes, struct block *out, struct fault *fault)
{
	TRY(block_parse(bytes, out, fault));
	return block_body_check(out, fault);
}

struct span block_signed_header(const struct block *block)
{
	const uint8_t *end = block->signature.data + block->signature.size;
	return span_of(block->header.data, (size_t)(end - block->header.data));
}

enum status block_signed_header_parse(struct span bytes, struct block *out, struct fault *fault)
{
	struct reader in = reader_of(bytes);
	TRY(signed_header_read(&in, out, fault));
	out->body = span_of(NULL, 0);
	if (reader_end(&in) != OK)
		return fault_set(fault, E_MALFORMED, "signed header is followed by other bytes");
	return OK;
}
