/* What a twin found and what was done: models, disturbances, services, commands, results. */
#include "record/schema.h"

const char *disturbance_kind_name(unsigned kind)
{
	static const char *const names[DISTURBANCE_KIND_END] = {
		[DISTURBANCE_BOUNDS] = "bounds",
		[DISTURBANCE_DRIFT] = "drift",
		[DISTURBANCE_FROZEN] = "frozen",
		[DISTURBANCE_SILENT] = "silent",
		[DISTURBANCE_FORGED] = "forged",
		[DISTURBANCE_UNREGISTERED] = "unregistered",
		[DISTURBANCE_REVOKED] = "revoked",
		[DISTURBANCE_MALFORMED] = "malformed",
		[DISTURBANCE_MISSING] = "missing",
		[DISTURBANCE_REPLAY] = "replay",
	};
	return kind < DISTURBANCE_KIND_END && names[kind] ? names[kind] : "unknown";
}

const char *diagnosis_name(unsigned diagnosis)
{
	static const char *const names[DIAGNOSIS_END] = {
		[DIAGNOSIS_NONE] = "none",
		[DIAGNOSIS_SENSOR] = "sensor_fault",
		[DIAGNOSIS_MACHINE] = "machine_fault",
		[DIAGNOSIS_INTEGRITY] = "data_integrity_fault",
	};
	return diagnosis < DIAGNOSIS_END ? names[diagnosis] : "unknown";
}

static void model_fields(struct schema *s, struct body_model *body)
{
	schema_map_begin(s);
	schema_uint64(s, 1, "version", &body->version);
	schema_text(s, 2, "kind", &body->kind, SCHEMA_REQUIRED);
	if (schema_list_begin(s, 3, "parameters", &body->parameter_count, BODY_PARAMETERS_MAX)) {
		for (size_t i = 0; i < body->parameter_count; i++) {
			schema_tuple_begin(s, 2);
			schema_item_text(s, &body->parameters[i].name);
			schema_item_decimal(s, &body->parameters[i].value);
			schema_tuple_end(s);
			if (i)
				schema_ascending(s, body->parameters[i - 1].name, body->parameters[i].name);
		}
		schema_list_end(s);
	}
	schema_decimal(s, 4, "error_before", &body->error_before);
	schema_decimal(s, 5, "error_after", &body->error_after);
	schema_text(s, 6, "reason", &body->reason, SCHEMA_OPTIONAL);
	schema_map_end(s);
}

SCHEMA_CODEC(model)

static void disturbance_fields(struct schema *s, struct body_disturbance *body)
{
	schema_map_begin(s);
	schema_uint32(s, 1, "kind", &body->kind, DISTURBANCE_BOUNDS, DISTURBANCE_KIND_END - 1);
	schema_uint32(s, 2, "diagnosis", &body->diagnosis, DIAGNOSIS_NONE, DIAGNOSIS_END - 1);
	schema_text(s, 3, "signal", &body->signal, SCHEMA_OPTIONAL);
	schema_int64(s, 4, "time_ns", &body->time_ns);
	schema_int64(s, 5, "detected_ns", &body->detected_ns);
	schema_decimal(s, 6, "value", &body->value);
	schema_decimal(s, 7, "expected", &body->expected);
	schema_uint64(s, 8, "seq", &body->seq);
	schema_digest(s, 9, "chunk", &body->chunk, SCHEMA_OPTIONAL);
	schema_uint64(s, 10, "leaf", &body->leaf);
	schema_text(s, 11, "explanation", &body->explanation, SCHEMA_OPTIONAL);
	schema_uint64(s, 12, "count", &body->count);
	schema_map_end(s);
}

SCHEMA_CODEC(disturbance)

static void option_fields(struct schema *s, struct body_option *option)
{
	schema_map_begin(s);
	schema_text(s, 1, "options.action", &option->action, SCHEMA_REQUIRED);
	schema_decimal(s, 2, "options.setting", &option->setting);
	schema_decimal(s, 3, "options.predicted", &option->predicted);
	schema_decimal(s, 4, "options.cost", &option->cost);
	schema_bool(s, 5, "options.feasible", &option->feasible);
	schema_map_end(s);
}

static void service_fields(struct schema *s, struct body_service *body)
{
	schema_map_begin(s);
	schema_uint32(s, 1, "kind", &body->kind, SERVICE_CALIBRATION, SERVICE_SCHEDULING);
	schema_bool(s, 2, "accepted", &body->accepted);
	schema_decimal(s, 3, "error_before", &body->error_before);
	schema_decimal(s, 4, "error_after", &body->error_after);
	if (schema_list_begin(s, 5, "options", &body->option_count, sizeof body->options / sizeof *body->options)) {
		for (size_t i = 0; i < body->option_count; i++)
			option_fields(s, &body->options[i]);
		schema_list_end(s);
	}
	schema_uint32(s, 6, "chosen", &body->chosen, 0, UINT32_MAX);
	if (body->chosen != 0 && body->chosen >= body->option_count)
		schema_refuse(s, "chosen", "there is no such option");
	schema_text(s, 7, "explanation", &body->explanation, SCHEMA_OPTIONAL);
	schema_map_end(s);
}

SCHEMA_CODEC(service)

static void command_fields(struct schema *s, struct body_command *body)
{
	schema_map_begin(s);
	schema_text(s, 1, "action", &body->action, SCHEMA_REQUIRED);
	schema_decimal(s, 2, "setting", &body->setting);
	schema_int64(s, 3, "time_ns", &body->time_ns);
	schema_map_end(s);
}

SCHEMA_CODEC(command)

static void result_fields(struct schema *s, struct body_result *body)
{
	schema_map_begin(s);
	schema_digest(s, 1, "command", &body->command, SCHEMA_REQUIRED);
	schema_bool(s, 2, "done", &body->done);
	schema_text(s, 3, "detail", &body->detail, SCHEMA_OPTIONAL);
	schema_int64(s, 4, "time_ns", &body->time_ns);
	schema_map_end(s);
}

SCHEMA_CODEC(result)
