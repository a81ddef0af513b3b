/* Who and what there is: organisations, persons, devices, bounds, states. */
#include "record/schema.h"

static void org_fields(struct schema *s, struct body_org *body)
{
	schema_map_begin(s);
	schema_text(s, 1, "name", &body->name, SCHEMA_REQUIRED);
	schema_text(s, 2, "role", &body->role, SCHEMA_REQUIRED);
	schema_public_key(s, 3, "record_key", &body->record_key);
	schema_public_key(s, 4, "node_key", &body->node_key);
	schema_public_key(s, 5, "checkpoint_key", &body->checkpoint_key);
	schema_digest(s, 6, "tls_key", &body->tls_key, SCHEMA_REQUIRED);
	schema_text(s, 7, "address", &body->address, SCHEMA_OPTIONAL);
	schema_digest(s, 8, "root_key", &body->root_key, SCHEMA_OPTIONAL);
	schema_map_end(s);
}

SCHEMA_CODEC(org)

static void person_fields(struct schema *s, struct body_person *body)
{
	schema_map_begin(s);
	schema_text(s, 1, "role", &body->role, SCHEMA_REQUIRED);
	schema_public_key(s, 2, "key", &body->key);
	schema_map_end(s);
}

SCHEMA_CODEC(person)

static void signal_fields(struct schema *s, struct body_signal *signal)
{
	schema_map_begin(s);
	schema_text(s, 1, "signals.id", &signal->id, SCHEMA_REQUIRED);
	schema_text(s, 2, "signals.field", &signal->field, SCHEMA_OPTIONAL);
	schema_text(s, 3, "signals.raw_unit", &signal->raw_unit, SCHEMA_REQUIRED);
	schema_text(s, 4, "signals.unit", &signal->unit, SCHEMA_REQUIRED);
	schema_uint32(s, 5, "signals.period_ms", &signal->period_ms, 0, UINT32_MAX);
	schema_uint32(s, 6, "signals.stuck_count", &signal->stuck_count, 0, UINT32_MAX);
	schema_map_end(s);
}

static void device_fields(struct schema *s, struct body_device *body)
{
	schema_map_begin(s);
	schema_uint32(s, 1, "kind", &body->kind, DEVICE_GATEWAY, DEVICE_SENSOR);
	schema_text(s, 2, "model", &body->model, SCHEMA_REQUIRED);
	schema_text(s, 3, "gateway", &body->gateway, SCHEMA_OPTIONAL);
	schema_digest(s, 4, "firmware", &body->firmware, SCHEMA_REQUIRED);
	schema_uint32(s, 5, "format", &body->format, FORMAT_NONE, FORMAT_SENML);
	if (schema_list_begin(s, 6, "signals", &body->signal_count, BODY_SIGNALS_MAX)) {
		for (size_t i = 0; i < body->signal_count; i++)
			signal_fields(s, &body->signals[i]);
		schema_list_end(s);
	}
	schema_optional_key(s, 7, "key", &body->has_key, &body->key);
	schema_digest(s, 8, "tls_key", &body->tls_key, SCHEMA_OPTIONAL);
	schema_text(s, 9, "site", &body->site, SCHEMA_OPTIONAL);
	schema_text(s, 10, "critical", &body->critical, SCHEMA_OPTIONAL);
	schema_text(s, 11, "commands", &body->commands, SCHEMA_OPTIONAL);
	schema_map_end(s);
}

SCHEMA_CODEC(device)

static void bound_fields(struct schema *s, struct body_bound *bound)
{
	schema_map_begin(s);
	schema_text(s, 1, "bounds.signal", &bound->signal, SCHEMA_REQUIRED);
	schema_text(s, 2, "bounds.unit", &bound->unit, SCHEMA_REQUIRED);
	schema_decimal(s, 3, "bounds.low", &bound->low);
	schema_decimal(s, 4, "bounds.high", &bound->high);
	schema_decimal(s, 5, "bounds.rate", &bound->rate);
	schema_decimal(s, 6, "bounds.resolution", &bound->resolution);
	schema_uint32(s, 7, "bounds.deadline_ms", &bound->deadline_ms, 0, UINT32_MAX);
	schema_map_end(s);
}

static void bounds_fields(struct schema *s, struct body_bounds *body)
{
	schema_map_begin(s);
	schema_uint64(s, 1, "version", &body->version);
	if (body->version == 0)
		schema_refuse(s, "version", "versions begin at 1");
	if (schema_list_begin(s, 2, "bounds", &body->bound_count, BODY_SIGNALS_MAX)) {
		for (size_t i = 0; i < body->bound_count; i++)
			bound_fields(s, &body->bounds[i]);
		schema_list_end(s);
	}
	schema_text(s, 3, "source", &body->source, SCHEMA_OPTIONAL);
	schema_map_end(s);
}

SCHEMA_CODEC(bounds)

static void device_state_fields(struct schema *s, struct body_device_state *body)
{
	schema_map_begin(s);
	schema_uint32(s, 1, "state", &body->state, DEVICE_ACTIVE, DEVICE_REVOKED);
	schema_text(s, 2, "reason", &body->reason, SCHEMA_OPTIONAL);
	schema_map_end(s);
}

SCHEMA_CODEC(device_state)
