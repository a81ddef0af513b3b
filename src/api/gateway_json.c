#include "api/gateway_json.h"

#include "base/time.h"

#include <math.h>
#include <stdio.h>

static const char *health_word(enum twin_health health)
{
	static const char *const words[] = {"unknown", "good", "warning", "fault"};
	return (unsigned)health < 4 ? words[health] : "unknown";
}

static const char *state_word(enum device_state state)
{
	return state == DEVICE_ACTIVE ? "active" : state == DEVICE_SUSPENDED ? "suspended" : "revoked";
}

const char *gateway_status_word(uint32_t status)
{
	return status_is_good(status) ? "good" : status_is_bad(status) ? "bad" : "uncertain";
}

static void time_ms(struct json *json, const char *name, int64_t ns)
{
	if (ns)
		json_int(json, name, ns / NS_PER_MS);
	else
		json_null(json, name);
}

static void signal_json(struct json *json, const struct twin *twin, size_t number)
{
	struct twin_signal_view view;
	twin_signal_view(twin, number, &view);
	json_object(json, NULL);
	json_text(json, "id", view.id);
	json_text(json, "unit", view.unit);
	json_number(json, "value", view.value);
	time_ms(json, "time_ms", view.time_ns);
	json_word(json, "status", gateway_status_word(view.status));
	json_number(json, "low", view.low);
	json_number(json, "high", view.high);
	json_number(json, "predicted", view.modelled ? view.predicted : NAN);
	json_number(json, "sigma", view.modelled ? view.sigma : NAN);
	json_number(json, "residual", view.modelled ? view.residual : NAN);
	if (view.time_ns)
		json_int(json, "age_ms", view.age_ns / NS_PER_MS);
	else
		json_null(json, "age_ms");
	json_bool(json, "stale", view.stale);
	json_word(json, "active", view.active ? disturbance_kind_name(view.active) : NULL);
	json_object_end(json);
}

static void twin_json(struct json *json, const struct twin *twin)
{
	struct twin_view view;
	twin_view(twin, &view);
	json_word(json, "health", health_word(view.health));
	json_number(json, "health_index", view.health_index);
	json_number(json, "remaining_s", view.remaining_s);
	json_number(json, "remaining_low_s", view.remaining_low_s);
	json_number(json, "remaining_high_s", view.remaining_high_s);
	json_digest(json, "bounds", &view.bounds_id);
	json_uint(json, "bounds_version", view.bounds_version);
	json_digest(json, "model_id", &view.model_id);
	json_uint(json, "model_version", view.model_version);
	json_array(json, "signals");
	for (size_t i = 0; i < view.signal_count; i++)
		signal_json(json, twin, i);
	json_array_end(json);
}

void gateway_json_machine(struct json *json, const char *name, const struct edge *edge, size_t device)
{
	struct edge_device_view view;
	edge_device_view(edge, device, &view);
	json_object(json, name);
	json_word(json, "device", view.name);
	json_text(json, "model", view.registration->model);
	json_text(json, "site", view.registration->site);
	json_word(json, "state", state_word(view.state));
	json_digest(json, "registration", &view.registration_id);
	json_uint(json, "alarms", view.alarms);
	json_uint(json, "messages", view.messages);
	if (view.twin) {
		twin_json(json, view.twin);
	} else {
		json_word(json, "health", "unknown");
		json_array(json, "signals");
		json_array_end(json);
	}
	json_object_end(json);
}

void gateway_json_alarm(struct json *json, const char *name, const struct edge_alarm *alarm)
{
	json_object(json, name);
	json_digest(json, "id", &alarm->id);
	json_word(json, "device", alarm->device);
	json_word(json, "signal", alarm->signal);
	json_word(json, "kind", alarm->kind);
	json_word(json, "diagnosis", alarm->diagnosis);
	json_int(json, "priority", alarm->priority);
	json_word(json, "state", alarm_state_name(edge_alarm_state(alarm)));
	time_ms(json, "since_ms", alarm->since_ns);
	time_ms(json, "cleared_ms", alarm->cleared_ns);
	time_ms(json, "acked_ms", alarm->acked_ns);
	json_word(json, "acked_by", alarm->acked_ns ? alarm->acked_by : NULL);
	json_word(json, "comment", alarm->acked_ns ? alarm->comment : NULL);
	json_word(json, "explanation", alarm->explanation);
	json_uint(json, "count", alarm->count);
	json_digest(json, "statement", &alarm->id);
	json_bool(json, "final", alarm->final);
	json_object_end(json);
}

void gateway_json_marker(struct json *json, const char *name, const struct edge_marker *marker)
{
	json_object(json, name);
	json_int(json, "t_ms", marker->time_ns / NS_PER_MS);
	json_word(json, "kind", marker->kind);
	json_word(json, "device", marker->device);
	json_word(json, "signal", marker->signal);
	json_word(json, "text", marker->text);
	json_digest(json, "statement", &marker->statement);
	json_object_end(json);
}

void gateway_json_totals(struct json *json, const char *name, const struct edge *edge)
{
	struct edge_totals totals;
	edge_totals(edge, &totals);
	json_object(json, name);
	json_uint(json, "messages", totals.messages);
	json_uint(json, "samples", totals.samples);
	json_object(json, "flagged");
	for (unsigned i = 1; i < REASON_COUNT; i++)
		json_uint(json, wrangle_reason_name(i), totals.flagged[i]);
	json_object_end(json);
	json_object(json, "refused");
	for (unsigned i = 0; i < REFUSED_COUNT; i++)
		json_uint(json, edge_refusal_name(i), totals.refused[i]);
	json_object_end(json);
	json_uint(json, "repeated", totals.repeated);
	json_uint(json, "chunks", totals.chunks);
	json_uint(json, "chunk_bytes", totals.chunk_bytes);
	json_uint(json, "chunk_samples", totals.chunk_samples);
	json_uint(json, "anchored", totals.anchored);
	json_uint(json, "statements", totals.statements);
	json_uint(json, "refused_statements", totals.refused_statements);
	json_uint(json, "outbox", totals.outbox);
	json_object_end(json);
}

static void live_signal(struct json *json, const struct twin *twin, size_t number)
{
	struct twin_signal_view view;
	char name[64];
	twin_signal_view(twin, number, &view);
	snprintf(name, sizeof name, "%.*s", (int)view.id.size, (const char *)view.id.data);
	json_array(json, name);
	json_number(json, NULL, view.value);
	json_number(json, NULL, view.modelled ? view.predicted : NAN);
	json_int(json, NULL, view.time_ns ? view.age_ns / NS_PER_MS : -1);
	json_word(json, NULL, gateway_status_word(view.status));
	json_array_end(json);
}

void gateway_json_live(struct json *json, const struct edge *edge, int64_t now_ns)
{
	json_object(json, NULL);
	json_int(json, "time_ms", now_ns / NS_PER_MS);
	json_array(json, "machines");
	for (size_t i = 0; i < edge_device_count(edge); i++) {
		struct edge_device_view view;
		struct twin_view twin;
		int64_t newest = 0;
		edge_device_view(edge, i, &view);
		if (!view.twin)
			continue;
		twin_view(view.twin, &twin);
		json_object(json, NULL);
		json_word(json, "device", view.name);
		json_word(json, "health", health_word(twin.health));
		json_object(json, "values");
		for (size_t s = 0; s < twin.signal_count; s++) {
			struct twin_signal_view signal;
			twin_signal_view(view.twin, s, &signal);
			newest = signal.time_ns > newest ? signal.time_ns : newest;
			live_signal(json, view.twin, s);
		}
		json_object_end(json);
		time_ms(json, "t", newest);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}
