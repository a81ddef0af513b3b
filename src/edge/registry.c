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
	device->channels = NULL;
	device->channel_count = 0;
	device->up = device->down = NULL;
}

void device_free(struct device *device)
{
	twin_and_wrangler_free(device);
	recent_free(&device->recent);
	buffer_free(&device->registration_bytes);
	free(device->registration);
	free(device->owed);
	free(device->name);
	free(device);
}

void registry_free(struct edge *edge)
{
	for (size_t i = 0; i < edge->head_count; i++) {
		buffer_free(&edge->heads[i].bounds);
		buffer_free(&edge->heads[i].model);
	}
	for (size_t i = 0; i < edge->regulator_count; i++)
		free(edge->regulators[i]);
	free(edge->heads);
	free(edge->regulators);
	map_free(&edge->head_by_name);
}

/* What is known of a name; NULL when there are too many. */
static struct head *head_of(struct edge *edge, struct span name)
{
	uint64_t at;
	if (map_get(&edge->head_by_name, name, &at))
		return &edge->heads[at];
	if (edge->head_count == EDGE_HEADS_MAX)
		return NULL;
	ARRAY_GROW(edge->heads, edge->head_count, edge->head_capacity);
	map_put(&edge->head_by_name, name, edge->head_count);
	edge->heads[edge->head_count] = (struct head){0};
	return &edge->heads[edge->head_count++];
}

/* Bounds or model in force. A device of another gateway may come to us, or one of ours be registered anew. */
static void head_keep(struct edge *edge, struct buffer *kept, struct span statement)
{
	edge->head_bytes -= kept->size;
	buffer_free(kept);
	if (edge->head_bytes + statement.size > EDGE_HEADS_BYTES_MAX)
		return;
	buffer_append_span(kept, statement);
	edge->head_bytes += kept->size;
}

static struct device *device_add(struct edge *edge, struct span name)
{
	if (edge->device_count >= EDGE_DEVICES_MAX)
		return NULL;
	ARRAY_GROW(edge->devices, edge->device_count, edge->device_capacity);
	struct device *device = memory_new(sizeof *device);
	device->name = memory_text(name);
	device->number = (uint32_t)edge->device_count;
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

static void bounds_apply(struct device *device, const struct statement *statement)
{
	struct body_bounds *body = memory_new(sizeof *body);
	struct fault fault;
	if (device->twin && body_bounds_decode(statement->body, body, NULL) == OK && twin_bounds_set(device->twin, body, &statement->id, &fault) == OK)
		device->bounds_id = statement->id;
	free(body);
}

static void model_apply(struct device *device, const struct statement *statement)
{
	struct body_model *body = memory_new(sizeof *body);
	struct fault fault;
	if (device->twin && body_model_decode(statement->body, body, NULL) == OK && twin_model_set(device->twin, body, &statement->id, &fault) == OK) {
		device->model_id = statement->id;
		device->model_version = body->version;
		device->commissioned = true;
	}
	free(body);
}

/* The new registration of a device of ours, with the bounds and the model that are in force, if they fit it. */
static void device_set(struct edge *edge, struct device *device, const struct head *head, struct span bytes)
{
	struct statement statement;
	twin_and_wrangler_free(device);
	decide_forget(device);
	buffer_clear(&device->registration_bytes);
	buffer_append_span(&device->registration_bytes, bytes);
	CHECK(statement_decode(buffer_span(&device->registration_bytes), &statement, NULL) == OK);
	free(device->registration);
	device->registration = memory_new(sizeof *device->registration);
	CHECK(body_device_decode(statement.body, device->registration, NULL) == OK);
	device->registration_id = statement.id;
	device->bounds_id = device->model_id = (struct digest){0};
	device->commissioned = !digest_is_zero(&device->model_proposed);
	device->up = derive(edge, device, SESSION_UP);
	device->down = derive(edge, device, SESSION_DOWN);
	recent_free(&device->recent);
	if (device->registration->signal_count && device->registration->format != FORMAT_NONE)
		wrangler_make(edge, device);
	device->recent.signals = device->channel_count;
	if (head && statement_decode(buffer_span(&head->bounds), &statement, NULL) == OK)
		bounds_apply(device, &statement);
	if (head && statement_decode(buffer_span(&head->model), &statement, NULL) == OK)
		model_apply(device, &statement);
}

static bool is_regulator(const struct edge *edge, struct span name)
{
	for (size_t i = 0; i < edge->regulator_count; i++)
		if (span_is_text(name, edge->regulators[i]))
			return true;
	return false;
}

/* As on the ledger: a new registration ends a suspension, but not a revocation, unless a regulator makes it. */
static enum device_state state_after(const struct edge *edge, enum device_state before, const struct statement *registration)
{
	return before == DEVICE_REVOKED && !is_regulator(edge, registration->iss) ? DEVICE_REVOKED : DEVICE_ACTIVE;
}

/* What is in the open batch, and what was found, belongs to what was in force until now. */
static void seal_before_change(struct edge *edge, const struct device *device)
{
	bool found = false;
	for (size_t i = 0; i < edge->finding_count; i++)
		found = found || edge->findings[i].device == device;
	if (device->in_batch || found)
		batch_seal(edge);
}

/* A registration of one of this gateway's devices, or a newer one of it. */
static void registry_device(struct edge *edge, const struct statement *statement, struct span bytes)
{
	struct body_device *body = memory_new(sizeof *body);
	bool good = body_device_decode(statement->body, body, NULL) == OK;
	bool gateway = good && body->kind == DEVICE_GATEWAY, ours = good && !gateway && span_equal(body->gateway, edge->config.gateway);
	free(body);
	if (gateway && span_equal(statement->sub, edge->config.gateway))
		edge->registration_id = statement->id;
	if (!good || gateway)
		return;
	struct head *head = head_of(edge, statement->sub);
	struct device *device = edge_device(edge, statement->sub);
	enum device_state state = state_after(edge, head ? head->state : device ? device->state : DEVICE_ACTIVE, statement);
	if (head)
		head->state = state;
	if (ours && !device)
		device = device_add(edge, statement->sub);
	if (!device)
		return;
	device->state = state;
	device->elsewhere = !ours;
	if (!ours)
		return; /* it moved to another gateway */
	seal_before_change(edge, device);
	device_set(edge, device, head, bytes);
}

static void registry_state(struct edge *edge, const struct statement *statement)
{
	struct body_device_state body;
	struct device *device = edge_device(edge, statement->sub);
	struct head *head = head_of(edge, statement->sub);
	if (body_device_state_decode(statement->body, &body, NULL) != OK)
		return;
	if (device)
		device->state = (enum device_state)body.state;
	if (head)
		head->state = (enum device_state)body.state;
}

static void registry_bounds(struct edge *edge, const struct statement *statement, struct span bytes)
{
	struct device *device = edge_device(edge, statement->sub);
	struct head *head = head_of(edge, statement->sub);
	if (head)
		head_keep(edge, &head->bounds, bytes);
	if (!device)
		return;
	seal_before_change(edge, device);
	bounds_apply(device, statement);
}

static void registry_model(struct edge *edge, const struct statement *statement, struct span bytes)
{
	struct device *device = edge_device(edge, statement->sub);
	struct head *head = head_of(edge, statement->sub);
	if (head)
		head_keep(edge, &head->model, bytes);
	if (!device)
		return;
	seal_before_change(edge, device);
	if (digest_equal(&device->model_proposed, &statement->id))
		device->model_proposed = (struct digest){0};
	model_apply(device, statement);
}

static void registry_organisation(struct edge *edge, const struct statement *statement)
{
	struct body_org *body = memory_new(sizeof *body);
	bool regulator = body_org_decode(statement->body, body, NULL) == OK && span_is_text(body->role, "regulator");
	free(body);
	if (!regulator || is_regulator(edge, statement->iss))
		return;
	ARRAY_GROW(edge->regulators, edge->regulator_count, edge->regulator_capacity);
	edge->regulators[edge->regulator_count++] = memory_text(statement->iss);
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
	if (chunks_final(edge, &statement->id))
		return;
	struct body_anchor *body = memory_new(sizeof *body);
	if (body_anchor_decode(statement->body, body, NULL) == OK) {
		chunks_sealed(edge, &body->chunk, &statement->id, body->samples);
		(void)chunks_final(edge, &statement->id);
		for (size_t i = 0; i < body->range_count; i++) {
			struct device *device = edge_device(edge, body->ranges[i].device);
			if (!device)
				continue;
			chunks_span(edge, device, body->ranges[i].first_seq, body->ranges[i].last_seq);
			if (device->window.last < body->ranges[i].last_seq)
				device->window.last = body->ranges[i].last_seq;
		}
	}
	if (!edge->ready)
		edge->last_anchor = statement->id;
	free(body);
}

void registry_known(struct edge *edge, const struct statement *statement, struct span bytes)
{
	switch (statement->type) {
	case STATEMENT_ORG:
		registry_organisation(edge, statement);
		break;
	case STATEMENT_DEVICE:
		registry_device(edge, statement, bytes);
		break;
	case STATEMENT_DEVICE_STATE:
		registry_state(edge, statement);
		break;
	case STATEMENT_BOUNDS:
		registry_bounds(edge, statement, bytes);
		break;
	case STATEMENT_MODEL:
		registry_model(edge, statement, bytes);
		break;
	case STATEMENT_PERSON:
		registry_person(edge, statement);
		break;
	default:
		break;
	}
}

void registry_statement(struct edge *edge, const struct statement *statement, struct span bytes)
{
	bool own = span_equal(statement->iss, edge->config.gateway);
	registry_known(edge, statement, bytes);
	switch (statement->type) {
	case STATEMENT_ANCHOR:
		if (own)
			registry_anchor(edge, statement);
		break;
	case STATEMENT_COMMAND:
		if (own)
			command_final(edge, statement);
		break;
	case STATEMENT_RESULT:
		if (own)
			command_answered(edge, statement);
		break;
	default:
		break;
	}
	if (own)
		outbox_final(edge, statement);
	/* People may acknowledge with keys of their own. */
	if (own || statement->type == STATEMENT_ACK)
		alarms_statement(edge, statement);
}
