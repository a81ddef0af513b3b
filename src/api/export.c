#include "api/export.h"

#include <stdlib.h>

_Static_assert((int)TRACE_NODES_MAX <= (int)BUNDLE_ENTRIES_MAX, "a whole trace fits a bundle");

static enum status fill(const struct export_source *source, const struct trace *trace, struct bundle *bundle, struct buffer *note, struct fault *fault)
{
	uint64_t newest = 0, size = 0;
	for (size_t i = 0; i < trace->node_count; i++)
		newest = trace->nodes[i].index > newest ? trace->nodes[i].index : newest;
	enum status status = source->checkpoint(source->context, newest, note, &size);
	if (status == E_NOT_FOUND)
		return fault_set(fault, E_BUSY, "no checkpoint covers log position %llu yet; ask again in a few seconds", (unsigned long long)newest);
	if (status != OK)
		return fault_set(fault, status, "the checkpoint cannot be read");
	for (size_t i = 0; i < trace->node_count; i++) {
		struct bundle_entry *entry = &bundle->entries[i];
		entry->statement = buffer_span(&trace->nodes[i].bytes);
		entry->index = trace->nodes[i].index;
		if (merkle_tree_inclusion(source->tree, entry->index, size, &entry->path) != OK)
			return fault_set(fault, E_CORRUPT, "log position %llu is not in the tree of %llu entries", (unsigned long long)entry->index, (unsigned long long)size);
	}
	bundle->note = buffer_span(note);
	return OK;
}

enum status export_bundle(const struct export_source *source, const struct digest *id, uint32_t depth, struct buffer *out, struct fault *fault)
{
	struct trace_source from = view_trace_source(source->view);
	struct trace trace;
	TRY(trace_collect(&from, id, depth, &trace, fault));
	if (trace.cut && depth == 0) {
		trace_free(&trace);
		return fault_set(fault, E_LIMIT, "the ancestry has more than %d statements, which is more than a bundle holds; ask for less with depth=N (1: the statement and what it names)",
			TRACE_NODES_MAX);
	}
	struct buffer note = {0};
	struct bundle bundle = {
		.kind = span_of_text(statement_type_name(trace.nodes[0].statement.type)),
		.entries = memory_new_array(trace.node_count, sizeof *bundle.entries),
		.entry_count = trace.node_count,
	};
	enum status status = fill(source, &trace, &bundle, &note, fault);
	if (status == OK)
		bundle_encode(&bundle, out);
	buffer_free(&note);
	free(bundle.entries);
	trace_free(&trace);
	return status;
}
