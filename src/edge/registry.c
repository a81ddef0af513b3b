#include "edge/inside.h"

#include <stdlib.h>

static void twin_and_wrangler_free(struct device *device)
{
	twin_free(device->twin);
	wrangler_free(device->wrangler);
	mac_key_free(device->up);
	mac_key_free(device->down);
	device->twin = NULL;
	device->wrangler = NULL;
	device->up = device->down = NULL;
}

void device_free(struct device *device)
{
	twin_and_wrangler_free(device);
	recent_free(&device->recent);
	buffer_free(&device->registration_bytes);
	free(device->registration);
	free(device->chunks);
	free(device->name);
	free(device);
}

static struct device *device_add(struct edge *edge, struct span name)
{
	if (edge->device_count >= EDGE_DEVICES_MAX)
		return NULL;
	ARRAY_GROW(edge->devices, edge->device_count, edge->device_capacity);
	struct device *device = memory_new(sizeof *device);
	device->name = memory_text(name);
	device->state = DEVICE_ACTIVE;
	map_put(&edge->device_by_name, name, edge->device_count);
	edge->devices[edge->device_count++] = device;
	return device;
}

static struct mac_key *derive(const struct edge *edge, const struct device *device, enum session_direction direction)
{
	uint8_t key[SESSION_KEY_SIZE];
	session_key_derive(edge->config.secret, &device->registration_id, span_of_text(device->name), direction, key);
	struct mac_key *mac = mac_key_new(span_of(key, sizeof key));
	wipe(key, sizeof key);
	return mac;
}

static void wrangler_make(struct edge *edge, struct device *device)
{
	const struct body_device *body = device->registration;
	struct wrangle_rule rules[BODY_SIGNALS_MAX];
	for (size_t i = 0; i < body->signal_count; i++) {
		const struct body_signal *signal = &body->signals[i];
		rules[i] = (struct wrangle_rule){.id = signal->id, .field = signal->field, .raw_unit = signal->raw_unit,
			.unit = signal->unit, .period_ms = signal->period_ms, .stuck_count = signal->stuck_count};
	}
	struct fault fault;
	/* A registration whose units make no sense leaves the device without samples: its messages are refused as
	 * malformed, and counted. */
	if (wrangler_new((enum wrangle_format)body->format, rules, body->signal_count, edge->config.units, &device->wrangler, &fault) != OK) {
		device->wrangler = NULL;
		return;
	}
	device->channels = wrangler_channels(device->wrangler, &device->channel_count);
	if (twin_new(span_of_text(device->name), body, &device->twin, &fault) == OK)
		twin_channels_set(device->twin, device->channels, device->channel_count);
	else
		device->twin = NULL;
}

/* A registration of one of this gateway's devices, or a newer one of it. */
static void registry_device(struct edge *edge, const struct statement *statement, struct span bytes)
{
	struct body_device *body = memory_new(sizeof *body);
	if (body_device_decode(statement->body, body, NULL) != OK) {
		free(body);
		return;
	}
	if (body->kind == DEVICE_GATEWAY && span_equal(statement->sub, edge->config.gateway))
		edge->registration_id = statement->id;
	struct device *device = edge_device(edge, statement->sub);
	bool ours = span_equal(body->gateway, edge->config.gateway);
	free(body);
	if (!ours) {
		if (device)
			device->state = DEVICE_SUSPENDED; /* it moved to another gateway */
		return;
	}
	if (!device)
		device = device_add(edge, statement->sub);
	if (!device)
		return;
	if (device->in_chunk)
		batch_reset(edge); /* its columns may change */
	twin_and_wrangler_free(device);
	buffer_clear(&device->registration_bytes);
	buffer_append_span(&device->registration_bytes, bytes);
	struct statement own;
	CHECK(statement_decode(buffer_span(&device->registration_bytes), &own, NULL) == OK);
	free(device->registration);
	device->registration = memory_new(sizeof *device->registration);
	CHECK(body_device_decode(own.body, device->registration, NULL) == OK);
	device->registration_id = statement->id;
	device->state = DEVICE_ACTIVE;
	device->bounds_id = device->model_id = (struct digest){0};
	device->up = derive(edge, device, SESSION_UP);
	device->down = derive(edge, device, SESSION_DOWN);
	recent_free(&device->recent);
	device->silence_count = 0;
	if (device->registration->signal_count && device->registration->format != FORMAT_NONE)
		wrangler_make(edge, device);
	device->recent.signals = device->channel_count;
}

static void registry_state(struct edge *edge, const struct statement *statement)
{
	struct body_device_state body;
	struct device *device = edge_device(edge, statement->sub);
	if (device && body_device_state_decode(statement->body, &body, NULL) == OK)
		device->state = (enum device_state)body.state;
}

static void registry_bounds(struct edge *edge, const struct statement *statement)
{
	struct device *device = edge_device(edge, statement->sub);
	struct body_bounds *body = memory_new(sizeof *body);
	struct fault fault;
	if (device && device->twin && body_bounds_decode(statement->body, body, NULL) == OK &&
		twin_bounds_set(device->twin, body, &statement->id, &fault) == OK)
		device->bounds_id = statement->id;
	free(body);
}

static void registry_model(struct edge *edge, const struct statement *statement)
{
	struct device *device = edge_device(edge, statement->sub);
	if (device && digest_equal(&device->model_proposed, &statement->id))
		device->model_proposed = (struct digest){0};
	struct body_model *body = memory_new(sizeof *body);
	struct fault fault;
	if (device && device->twin && body_model_decode(statement->body, body, NULL) == OK &&
		twin_model_set(device->twin, body, &statement->id, &fault) == OK) {
		device->model_id = statement->id;
		device->model_version = body->version;
		device->commissioned = true;
	}
	free(body);
}

static void registry_person(struct edge *edge, const struct statement *statement)
{
	for (size_t i = 0; i < edge->people_count; i++)
		if (span_is_text(statement->sub, edge->people[i]))
			return;
	ARRAY_GROW(edge->people, edge->people_count, edge->people_capacity);
	edge->people[edge->people_count++] = memory_text(statement->sub);
}

/* An own anchor: what is anchored, and where each device's numbers stand. */
static void registry_anchor(struct edge *edge, const struct statement *statement)
{
	struct body_anchor *body = memory_new(sizeof *body);
	if (body_anchor_decode(statement->body, body, NULL) != OK) {
		free(body);
		return;
	}
	uint64_t position;
	if (!map_get(&edge->anchor_by_chunk, digest_span(&body->chunk), &position)) {
		ARRAY_GROW(edge->anchors, edge->anchor_count, edge->anchor_capacity);
		position = edge->anchor_count++;
		edge->anchors[position] = (struct anchor_note){.samples = body->samples};
		map_put(&edge->anchor_by_chunk, digest_span(&body->chunk), position);
		for (size_t i = 0; i < body->range_count; i++) {
			struct device *device = edge_device(edge, body->ranges[i].device);
			if (!device)
				continue;
			ARRAY_GROW(device->chunks, device->chunk_count, device->chunk_capacity);
			device->chunks[device->chunk_count++] = (struct chunk_span){body->ranges[i].first_seq, body->ranges[i].last_seq, body->chunk};
			if (device->windows[SESSION_DATA].last < body->ranges[i].last_seq)
				device->windows[SESSION_DATA].last = body->ranges[i].last_seq;
		}
	}
	edge->anchors[position].id = statement->id;
	if (!edge->anchors[position].final) {
		edge->anchors[position].final = true;
		edge->totals.anchored += body->samples;
	}
	if (!edge->caught_up)
		edge->last_anchor = statement->id;
	free(body);
}

void registry_statement(struct edge *edge, const struct statement *statement, struct span bytes)
{
	bool own = span_equal(statement->iss, edge->config.gateway);
	switch (statement->type) {
	case STATEMENT_DEVICE:
		registry_device(edge, statement, bytes);
		break;
	case STATEMENT_DEVICE_STATE:
		registry_state(edge, statement);
		break;
	case STATEMENT_BOUNDS:
		registry_bounds(edge, statement);
		break;
	case STATEMENT_MODEL:
		registry_model(edge, statement);
		break;
	case STATEMENT_PERSON:
		registry_person(edge, statement);
		break;
	case STATEMENT_ANCHOR:
		if (own)
			registry_anchor(edge, statement);
		break;
	case STATEMENT_COMMAND:
		if (own)
			decide_command_final(edge, statement);
		break;
	default:
		break;
	}
	if (own) {
		outbox_final(edge, statement);
		alarms_statement(edge, statement);
	}
}
