/* Collecting the graph: breadth first, level by level, each level in the order of the log. */
#include "base/map.h"
#include "trace/trace.h"

#include <stdlib.h>

struct link {
	uint32_t from;
	enum trace_why why;
	struct digest to;
};

struct collector {
	const struct trace_source *source;
	struct trace *trace;
	uint32_t depth;               /* 0: no limit */
	size_t node_capacity;
	struct map seen;              /* id to position + 1; 0: fetched in vain or not at its place yet */
	struct link *links;
	size_t link_count, link_capacity;
	struct body_anchor *anchor;   /* scratch: too large for comfort on the stack */
	struct fault *fault;
};

const char *trace_why_name(unsigned why)
{
	switch (why) {
	case TRACE_PARENT: return "parent";
	case TRACE_REGISTRATION: return "registration";
	case TRACE_BOUNDS: return "bounds";
	case TRACE_MODEL: return "model";
	case TRACE_ISSUER: return "issuer";
	case TRACE_COMMAND: return "command";
	case TRACE_TARGET: return "target";
	}
	return "unknown";
}

/* -- What one statement refers to ---------------------------------------------------- */

struct references {
	struct collector *collector;
	uint32_t from;
	struct map known;             /* one edge between two statements: the first reason given */
};

static void refer(struct references *references, const struct digest *to, enum trace_why why)
{
	struct collector *collector = references->collector;
	const struct trace_node *node = &collector->trace->nodes[references->from];
	if (digest_is_zero(to) || digest_equal(to, &node->id) || map_get(&references->known, digest_span(to), NULL))
		return;
	map_put(&references->known, digest_span(to), 1);
	ARRAY_GROW(collector->links, collector->link_count, collector->link_capacity);
	collector->links[collector->link_count++] = (struct link){references->from, why, *to};
}

static enum status refer_registration(struct references *references, struct span name, enum trace_why why)
{
	const struct trace_source *source = references->collector->source;
	uint64_t before = references->collector->trace->nodes[references->from].index;
	struct digest id;
	enum status status = source->registration(source->context, name, before, &id);
	if (status == E_NOT_FOUND)
		return OK;
	TRY(status);
	refer(references, &id, why);
	return OK;
}

static void refer_body(struct references *references, const struct statement *statement)
{
	struct fault ignored;
	if (statement->type == STATEMENT_ANCHOR) {
		struct body_anchor *body = references->collector->anchor;
		if (body_anchor_decode(statement->body, body, &ignored) != OK)
			return;
		for (size_t i = 0; i < body->range_count; i++) {
			refer(references, &body->ranges[i].registration, TRACE_REGISTRATION);
			refer(references, &body->ranges[i].bounds, TRACE_BOUNDS);
			refer(references, &body->ranges[i].model, TRACE_MODEL);
		}
	} else if (statement->type == STATEMENT_RESULT) {
		struct body_result body;
		if (body_result_decode(statement->body, &body, &ignored) == OK)
			refer(references, &body.command, TRACE_COMMAND);
	} else if (statement->type == STATEMENT_ACK) {
		struct body_ack body;
		if (body_ack_decode(statement->body, &body, &ignored) == OK)
			refer(references, &body.target, TRACE_TARGET);
	}
}

/* A registration's subject is what it registers itself: an earlier one of the same name is not what it is derived from. */
static bool is_registration(uint32_t type)
{
	return type == STATEMENT_ORG || type == STATEMENT_PERSON || type == STATEMENT_DEVICE;
}

static enum status refer_all(struct collector *collector, uint32_t position)
{
	const struct trace_node *node = &collector->trace->nodes[position];
	const struct statement *statement = &node->statement;
	struct references references = {.collector = collector, .from = position};
	enum status status = OK;
	bool deeper = collector->depth == 0 || node->depth < collector->depth;
	if (deeper) {
		refer_body(&references, statement);
		for (size_t i = 0; i < statement->parent_count; i++)
			refer(&references, &statement->parents[i], TRACE_PARENT);
		if (!is_registration(statement->type))
			status = refer_registration(&references, statement->sub, TRACE_REGISTRATION);
	} else {
		collector->trace->cut = collector->trace->cut || statement->parent_count > 0 || statement->type == STATEMENT_ANCHOR;
	}
	if (status == OK)
		status = refer_registration(&references, statement->iss, TRACE_ISSUER);
	map_free(&references.known);
	return status;
}

/* -- Levels ---------------------------------------------------------------------------- */

/* Fetch a statement once and put it at the end of the nodes. */
static enum status fetch(struct collector *collector, const struct digest *id, uint32_t depth)
{
	struct trace *trace = collector->trace;
	if (map_get(&collector->seen, digest_span(id), NULL))
		return OK;
	if (trace->node_count == TRACE_NODES_MAX) {
		trace->cut = true;
		return OK;
	}
	map_put(&collector->seen, digest_span(id), 0);
	struct trace_node node = {.id = *id, .depth = depth};
	const struct trace_source *source = collector->source;
	enum status status = source->get(source->context, id, &node.bytes, &node.index, &node.commit_ms);
	if (status == OK && statement_decode(buffer_span(&node.bytes), &node.statement, collector->fault) != OK)
		status = fault_set(collector->fault, E_CORRUPT, "a stored statement cannot be read back; remove the view so that it is made again from the log");
	if (status != OK) {
		buffer_free(&node.bytes);
		return status;
	}
	ARRAY_GROW(trace->nodes, trace->node_count, collector->node_capacity);
	trace->nodes[trace->node_count++] = node;
	return OK;
}

static int compare_nodes(const void *a, const void *b)
{
	const struct trace_node *left = a, *right = b;
	if (left->index != right->index)
		return left->index < right->index ? -1 : 1;
	return memcmp(left->id.bytes, right->id.bytes, DIGEST_SIZE);
}

/* The level after nodes[start..end). */
static enum status collect_level(struct collector *collector, size_t start, size_t end)
{
	struct trace *trace = collector->trace;
	size_t first_link = collector->link_count;
	uint32_t depth = trace->nodes[start].depth + 1;
	for (size_t i = start; i < end; i++)
		TRY(refer_all(collector, (uint32_t)i));
	for (size_t i = first_link; i < collector->link_count; i++) {
		enum status status = fetch(collector, &collector->links[i].to, depth);
		if (status != OK && status != E_NOT_FOUND)
			return status;
	}
	if (trace->node_count > end)
		qsort(trace->nodes + end, trace->node_count - end, sizeof *trace->nodes, compare_nodes);
	for (size_t i = end; i < trace->node_count; i++)
		map_put(&collector->seen, digest_span(&trace->nodes[i].id), i + 1);
	return OK;
}

static void resolve_links(struct collector *collector)
{
	struct trace *trace = collector->trace;
	trace->edges = memory_new_array(collector->link_count + 1, sizeof *trace->edges);
	for (size_t i = 0; i < collector->link_count; i++) {
		const struct link *link = &collector->links[i];
		uint64_t position;
		if (map_get(&collector->seen, digest_span(&link->to), &position) && position > 0)
			trace->edges[trace->edge_count++] = (struct trace_edge){link->from, (uint32_t)(position - 1), link->why};
	}
}

static enum status collect(struct collector *collector, const struct digest *id)
{
	struct trace *trace = collector->trace;
	enum status status = fetch(collector, id, 0);
	if (status == E_NOT_FOUND)
		return fault_set(collector->fault, status, "no final statement has this id; check it, or wait until it is final");
	TRY(status);
	map_put(&collector->seen, digest_span(id), 1);
	for (size_t start = 0; start < trace->node_count;) {
		size_t end = trace->node_count;
		TRY(collect_level(collector, start, end));
		start = end;
	}
	resolve_links(collector);
	return OK;
}

enum status trace_collect(const struct trace_source *source, const struct digest *id, uint32_t depth, struct trace *out, struct fault *fault)
{
	*out = (struct trace){0};
	struct collector collector = {.source = source, .trace = out, .depth = depth, .fault = fault};
	collector.anchor = memory_new(sizeof *collector.anchor);
	enum status status = collect(&collector, id);
	map_free(&collector.seen);
	free(collector.links);
	free(collector.anchor);
	if (status != OK)
		trace_free(out);
	return status;
}

void trace_free(struct trace *trace)
{
	for (size_t i = 0; i < trace->node_count; i++)
		buffer_free(&trace->nodes[i].bytes);
	free(trace->nodes);
	free(trace->edges);
	*trace = (struct trace){0};
}
