/* A trace for machines (JSON), for people (an indented tree) and for Graphviz. */
#include "base/map.h"
#include "base/time.h"
#include "trace/json.h"
#include "trace/trace.h"

#include <stdlib.h>

/* The evidence class of an anchor; NULL for other statements, which have none of their own. */
static const char *evidence_of(const struct statement *statement, struct body_anchor *scratch)
{
	struct fault ignored;
	if (statement->type != STATEMENT_ANCHOR || body_anchor_decode(statement->body, scratch, &ignored) != OK)
		return NULL;
	return evidence_class_name(scratch->evidence);
}

void trace_json(const struct trace *trace, struct buffer *out)
{
	struct body_anchor *scratch = memory_new(sizeof *scratch);
	struct buffer label = {0};
	struct json json = json_of(out);
	json_object(&json, NULL);
	json_digest(&json, "root", &trace->nodes[0].id);
	json_array(&json, "nodes");
	for (size_t i = 0; i < trace->node_count; i++) {
		const struct trace_node *node = &trace->nodes[i];
		buffer_clear(&label);
		trace_label(&node->statement, &label);
		json_object(&json, NULL);
		json_digest(&json, "id", &node->id);
		json_uint(&json, "index", node->index);
		json_word(&json, "type", statement_type_name(node->statement.type));
		json_text(&json, "iss", node->statement.iss);
		json_text(&json, "sub", node->statement.sub);
		json_int(&json, "time", node->commit_ms);
		json_text(&json, "label", buffer_span(&label));
		json_word(&json, "evidence", evidence_of(&node->statement, scratch));
		json_object_end(&json);
	}
	json_array_end(&json);
	json_array(&json, "edges");
	for (size_t i = 0; i < trace->edge_count; i++) {
		json_object(&json, NULL);
		json_digest(&json, "from", &trace->nodes[trace->edges[i].from].id);
		json_digest(&json, "to", &trace->nodes[trace->edges[i].to].id);
		json_word(&json, "why", trace_why_name(trace->edges[i].why));
		json_object_end(&json);
	}
	json_array_end(&json);
	json_bool(&json, "cut", trace->cut);
	json_object_end(&json);
	buffer_free(&label);
	free(scratch);
}

/* -- The tree -------------------------------------------------------------------------- */

struct tree {
	const struct trace *trace;
	struct buffer *out;
	struct buffer prefix;
	bool *shown;
	size_t *first_edge;           /* of each node, and one more: edges are in the order of `from` */
};

static void tree_line(struct tree *tree, uint32_t position)
{
	const struct trace_node *node = &tree->trace->nodes[position];
	char hex[DIGEST_HEX_SIZE], time[TIME_TEXT_SIZE];
	span_hex(digest_span(&node->id), hex);
	trace_label(&node->statement, tree->out);
	int64_t time_ns;
	if (__builtin_mul_overflow(node->commit_ms, NS_PER_MS, &time_ns))
		time_ns = 0;
	time_text(time_ns, time);
	buffer_printf(tree->out, "  [#%llu %.12s %s]", (unsigned long long)node->index, hex, time);
}

/* Each statement is unfolded where it comes first, so the depth is at most the number of nodes. */
static void tree_node(struct tree *tree, uint32_t position)
{
	tree_line(tree, position);
	size_t begin = tree->first_edge[position], end = tree->first_edge[position + 1];
	if (tree->shown[position] && begin < end) {
		buffer_append_text(tree->out, "  (as above)\n");
		return;
	}
	tree->shown[position] = true;
	buffer_append_byte(tree->out, '\n');
	for (size_t i = begin; i < end; i++) {
		bool last = i + 1 == end;
		size_t size = tree->prefix.size;
		buffer_append_span(tree->out, buffer_span(&tree->prefix));
		buffer_append_text(tree->out, last ? "└─ " : "├─ ");
		buffer_printf(tree->out, "%s: ", trace_why_name(tree->trace->edges[i].why));
		buffer_append_text(&tree->prefix, last ? "   " : "│  ");
		tree_node(tree, tree->trace->edges[i].to);
		tree->prefix.size = size;
	}
}

void trace_text(const struct trace *trace, struct buffer *out)
{
	struct tree tree = {.trace = trace, .out = out};
	tree.shown = memory_new_array(trace->node_count, sizeof *tree.shown);
	tree.first_edge = memory_new_array(trace->node_count + 1, sizeof *tree.first_edge);
	for (size_t i = 0; i < trace->edge_count; i++)
		tree.first_edge[trace->edges[i].from + 1]++;
	for (size_t i = 0; i < trace->node_count; i++)
		tree.first_edge[i + 1] += tree.first_edge[i];
	tree_node(&tree, 0);
	if (trace->cut)
		buffer_append_text(out, "(there is more: ask for a greater depth, or begin at one of the statements above)\n");
	buffer_free(&tree.prefix);
	free(tree.shown);
	free(tree.first_edge);
}

/* -- Graphviz ---------------------------------------------------------------------------- */

static const char *fill_of(uint32_t type)
{
	switch (type) {
	case STATEMENT_ORG: case STATEMENT_PERSON: return "#e8e3f5";
	case STATEMENT_DEVICE: case STATEMENT_DEVICE_STATE: return "#dfeaf7";
	case STATEMENT_BOUNDS: case STATEMENT_MODEL: return "#e2f2e4";
	case STATEMENT_ANCHOR: return "#f2f2f2";
	case STATEMENT_DISTURBANCE: case STATEMENT_CRITICAL: return "#f9e0dc";
	}
	return "#fbf3d9";
}

/* Graphviz strings know the escapes \" and \\ (and give others a meaning of their own). */
static void dot_text(struct buffer *out, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			buffer_append_byte(out, '\\');
		buffer_append_byte(out, text.data[i]);
	}
}

void trace_graphviz(const struct trace *trace, struct buffer *out)
{
	buffer_append_text(out, "digraph trace {\n\trankdir=LR;\n\tnode [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fontsize=10];\n"
		"\tedge [fontname=\"sans-serif\", fontsize=9];\n");
	struct buffer label = {0};
	for (size_t i = 0; i < trace->node_count; i++) {
		const struct trace_node *node = &trace->nodes[i];
		char hex[DIGEST_HEX_SIZE];
		span_hex(digest_span(&node->id), hex);
		buffer_clear(&label);
		trace_label(&node->statement, &label);
		buffer_printf(out, "\tn%zu [fillcolor=\"%s\", label=\"", i, fill_of(node->statement.type));
		dot_text(out, buffer_span(&label));
		buffer_printf(out, "\\n#%llu %.12s\"];\n", (unsigned long long)node->index, hex);
	}
	for (size_t i = 0; i < trace->edge_count; i++)
		buffer_printf(out, "\tn%u -> n%u [label=\"%s\"];\n", trace->edges[i].from, trace->edges[i].to, trace_why_name(trace->edges[i].why));
	buffer_append_text(out, "}\n");
	buffer_free(&label);
}
