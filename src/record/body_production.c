/* What happened: supply chain events, and chunks of samples with their provenance. */
#include "record/schema.h"

const char *evidence_class_name(unsigned class)
{
	static const char *const names[] = {
		[EVIDENCE_NONE] = "none",
		[EVIDENCE_GATEWAY] = "gateway",
		[EVIDENCE_DEVICE] = "device",
	};
	return class <= EVIDENCE_DEVICE ? names[class] : "unknown";
}

static void event_fields(struct schema *s, struct body_event *body)
{
	schema_map_begin(s);
	schema_text(s, 1, "kind", &body->kind, SCHEMA_REQUIRED);
	schema_text(s, 2, "type", &body->type, SCHEMA_REQUIRED);
	schema_text(s, 3, "step", &body->step, SCHEMA_OPTIONAL);
	schema_int64(s, 4, "time_ms", &body->time_ms);
	schema_text(s, 5, "place", &body->place, SCHEMA_OPTIONAL);
	if (schema_list_begin(s, 6, "items", &body->item_count, sizeof body->items / sizeof *body->items)) {
		for (size_t i = 0; i < body->item_count; i++)
			schema_item_text(s, &body->items[i]);
		schema_list_end(s);
	}
	if (schema_list_begin(s, 7, "details", &body->detail_count, BODY_DETAILS_MAX)) {
		for (size_t i = 0; i < body->detail_count; i++) {
			schema_tuple_begin(s, 2);
			schema_item_text(s, &body->details[i].name);
			schema_item_text(s, &body->details[i].text);
			schema_tuple_end(s);
		}
		schema_list_end(s);
	}
	schema_map_end(s);
}

SCHEMA_CODEC(event)

static void range_fields(struct schema *s, struct body_range *range)
{
	schema_map_begin(s);
	schema_text(s, 1, "ranges.device", &range->device, SCHEMA_REQUIRED);
	schema_digest(s, 2, "ranges.registration", &range->registration, SCHEMA_REQUIRED);
	schema_digest(s, 3, "ranges.bounds", &range->bounds, SCHEMA_OPTIONAL);
	schema_digest(s, 4, "ranges.model", &range->model, SCHEMA_OPTIONAL);
	schema_uint64(s, 5, "ranges.first_seq", &range->first_seq);
	schema_uint64(s, 6, "ranges.last_seq", &range->last_seq);
	schema_uint64(s, 7, "ranges.missing", &range->missing);
	schema_uint64(s, 8, "ranges.samples", &range->samples);
	schema_map_end(s);
}

static void reason_fields(struct schema *s, struct body_reason *reason)
{
	schema_tuple_begin(s, 2);
	schema_item_text(s, &reason->reason);
	schema_item_uint64(s, &reason->count);
	schema_tuple_end(s);
}

static void anchor_fields(struct schema *s, struct body_anchor *body)
{
	schema_map_begin(s);
	schema_digest(s, 1, "chunk", &body->chunk, SCHEMA_REQUIRED);
	schema_digest(s, 2, "root", &body->root, SCHEMA_REQUIRED);
	schema_uint64(s, 3, "samples", &body->samples);
	schema_uint64(s, 4, "size", &body->size);
	schema_int64(s, 5, "first_ns", &body->first_ns);
	schema_int64(s, 6, "last_ns", &body->last_ns);
	if (schema_list_begin(s, 7, "ranges", &body->range_count, BODY_RANGES_MAX)) {
		for (size_t i = 0; i < body->range_count; i++)
			range_fields(s, &body->ranges[i]);
		schema_list_end(s);
	}
	schema_digest(s, 8, "wrangling", &body->wrangling, SCHEMA_REQUIRED);
	schema_digest(s, 9, "firmware", &body->firmware, SCHEMA_REQUIRED);
	schema_uint32(s, 10, "evidence", &body->evidence, EVIDENCE_NONE, EVIDENCE_DEVICE);
	schema_text(s, 11, "site", &body->site, SCHEMA_OPTIONAL);
	schema_text(s, 12, "purpose", &body->purpose, SCHEMA_OPTIONAL);
	if (schema_list_begin(s, 13, "flagged", &body->flagged_count, BODY_REASONS_MAX)) {
		for (size_t i = 0; i < body->flagged_count; i++) {
			reason_fields(s, &body->flagged[i]);
			if (i)
				schema_ascending(s, body->flagged[i - 1].reason, body->flagged[i].reason);
		}
		schema_list_end(s);
	}
	if (schema_list_begin(s, 14, "refused", &body->refused_count, BODY_REASONS_MAX)) {
		for (size_t i = 0; i < body->refused_count; i++)
			reason_fields(s, &body->refused[i]);
		schema_list_end(s);
	}
	schema_map_end(s);
}

SCHEMA_CODEC(anchor)
