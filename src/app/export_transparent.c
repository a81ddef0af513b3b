/* A statement with receipts of several organisations, gathered at their nodes. */
#include "app/export.h"

#include "command/answer.h"
#include "command/members.h"
#include "host/disk.h"
#include "record/receipt_check.h"
#include "record/transparent_check.h"

#include <stdio.h>

struct gathering {
	const char *const *nodes;
	size_t node_count;
	struct buffer genesis, chain;
	struct buffer statement;
	char hex[DIGEST_HEX_SIZE];
	struct buffer receipts[TRANSPARENT_RECEIPTS_MAX];
	size_t receipt_count;
};

static void node_says(const char *node, const struct fault *fault)
{
	fprintf(stderr, "tally: no receipt from %s: %s\n", node, fault->text);
}

/* The longest chain that follows from the genesis; no node need be believed for that. None: the members are those of the genesis. */
static void chain_choose(struct gathering *g)
{
	size_t longest = 0;
	for (size_t i = 0; i < g->node_count; i++) {
		struct buffer chain = {0};
		struct members members;
		struct fault fault;
		if (answer_get(g->nodes[i], "/api/v1/epochs", &chain, &fault) == OK) {
			if (members_read(buffer_span(&g->genesis), buffer_span(&chain), &members, &fault) == OK && members.epochs.count > longest) {
				longest = members.epochs.count;
				buffer_clear(&g->chain);
				buffer_append_span(&g->chain, buffer_span(&chain));
			}
			members_close(&members);
		}
		buffer_free(&chain);
	}
}

static enum status statement_find(struct gathering *g, const char *id, struct fault *fault)
{
	enum status status = E_NOT_FOUND;
	for (size_t i = 0; i < g->node_count && status != OK; i++) {
		buffer_clear(&g->statement);
		status = export_statement(g->nodes[i], id, &g->statement, g->hex, fault);
	}
	return status;
}

static void receipts_gather(struct gathering *g, const struct trust *trust)
{
	for (size_t i = 0; i < g->node_count; i++) {
		struct buffer *receipt = &g->receipts[g->receipt_count], report = {0};
		struct fault fault;
		enum status status = export_receipt(g->nodes[i], g->hex, receipt, &fault);
		if (status == OK)
			status = receipt_check(buffer_span(receipt), buffer_span(&g->statement), trust, &report, &fault);
		if (status == OK)
			g->receipt_count++;
		else
			node_says(g->nodes[i], &fault);
		if (status != OK)
			buffer_clear(receipt);
		buffer_free(&report);
	}
}

/* Together they may still not be good: two of one organisation, two that contradict each other. */
static enum status join(const struct gathering *g, const struct trust *trust, struct buffer *out, struct fault *fault)
{
	struct span spans[TRANSPARENT_RECEIPTS_MAX];
	struct buffer file = {0}, report = {0};
	if (g->receipt_count == 0)
		return fault_set(fault, E_CLOSED, "none of the %zu nodes gave a good receipt; nothing was written", g->node_count);
	for (size_t i = 0; i < g->receipt_count; i++)
		spans[i] = buffer_span(&g->receipts[i]);
	enum status status = transparent_encode(buffer_span(&g->statement), spans, g->receipt_count, &file, fault);
	if (status == OK)
		status = transparent_check(buffer_span(&file), trust, &report, fault);
	if (status == OK)
		buffer_append_span(out, buffer_span(&file));
	buffer_free(&file);
	buffer_free(&report);
	return status;
}

static enum status gather(struct gathering *g, const char *id, struct buffer *out, struct fault *fault)
{
	struct members members;
	chain_choose(g);
	TRY(statement_find(g, id, fault));
	enum status status = members_read(buffer_span(&g->genesis), buffer_span(&g->chain), &members, fault);
	if (status == OK) {
		const struct trust trust = {.epochs = &members.epochs};
		receipts_gather(g, &trust);
		status = join(g, &trust, out, fault);
	}
	members_close(&members);
	if (status == OK)
		fprintf(stderr, "%zu of %zu nodes gave a good receipt\n", g->receipt_count, g->node_count);
	return status;
}

enum status export_transparent(const char *genesis, const char *const *nodes, size_t node_count, const char *id, struct buffer *out,
	struct fault *fault)
{
	CHECK(node_count <= TRANSPARENT_RECEIPTS_MAX);
	struct gathering g = {.nodes = nodes, .node_count = node_count};
	enum status status = disk_read(genesis, MEMBERS_GENESIS_MAX, &g.genesis, fault);
	if (status == OK)
		status = gather(&g, id, out, fault);
	for (size_t i = 0; i < node_count; i++)
		buffer_free(&g.receipts[i]);
	buffer_free(&g.genesis);
	buffer_free(&g.chain);
	buffer_free(&g.statement);
	return status;
}
