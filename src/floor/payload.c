#include "floor/state.h"

#include "base/time.h"

#include <inttypes.h>

/* Each reading as the machine names it, in the unit that it speaks, with as many decimals as it shows. */
struct field {
	const char *name;
	int decimals;
	double scale, offset;         /* spoken = value * scale + offset */
	const char *senml_unit;       /* NULL: none is stated */
};

#define FAHRENHEIT 1.8, 32
#define PSI (1 / 6.894757293168361), 0
#define SAME 1, 0

static const struct field fields[MACHINE_COUNT][VALUES_MAX] = {
	[MACHINE_SPINDLE] = {
		{"speed", 1, SAME, NULL}, {"load", 2, SAME, NULL}, {"vibration", 4, SAME, NULL},
		{"bearing_temperature", 3, SAME, NULL}, {"coolant_flow", 3, SAME, NULL},
	},
	[MACHINE_AUTOCLAVE] = {
		{"thermocouple_1", 2, FAHRENHEIT, NULL}, {"thermocouple_2", 2, FAHRENHEIT, NULL},
		{"thermocouple_3", 2, FAHRENHEIT, NULL}, {"pressure", 3, PSI, NULL}, {"vacuum", 4, PSI, NULL},
		{"heater", 3, SAME, NULL},
	},
	[MACHINE_ROBOT] = {
		{"torque_1", 3, SAME, NULL}, {"torque_2", 3, SAME, NULL}, {"torque_3", 3, SAME, NULL},
		{"torque_4", 3, SAME, NULL}, {"torque_5", 3, SAME, NULL}, {"torque_6", 3, SAME, NULL},
		{"speed", 5, SAME, "m/s"}, {"position", 5, SAME, "m"}, {"position_error", 8, 1e-3, 0, "m"},
	},
	[MACHINE_POWER] = {{"voltage", 2, SAME, NULL}, {"current", 2, SAME, NULL}, {"power", 3, SAME, NULL}},
	[MACHINE_FIRE] = {{"temperature", 2, SAME, NULL}, {"battery", 3, SAME, NULL}},
	[MACHINE_DOOR] = {{"open", 0, SAME, NULL}, {"temperature", 2, SAME, NULL}},
	[MACHINE_CAMERA] = {{"frame_rate", 2, SAME, NULL}, {"temperature", 2, SAME, NULL}},
	[MACHINE_GHOST] = {{"frame_rate", 2, SAME, NULL}, {"temperature", 2, SAME, NULL}},
};

const char *floor_value_name(enum machine machine, size_t value)
{
	CHECK(value < VALUES_MAX && fields[machine][value].name);
	return fields[machine][value].name;
}

static void write_number(struct buffer *out, const struct field *field, double value)
{
	buffer_printf(out, "%.*f", field->decimals, value * field->scale + field->offset);
}

static void write_json(struct buffer *out, const struct field *field, int64_t time_ns, const double *values, int absent)
{
	buffer_printf(out, "{\"t\":%" PRId64, time_ns / NS_PER_MS);
	for (int i = 0; i < VALUES_MAX && field[i].name; i++) {
		bool left_out = i == absent && time_ns / NS_PER_S % 2 != 0;
		if (left_out)
			continue;
		buffer_printf(out, ",\"%s\":", field[i].name);
		if (i == absent)
			buffer_append_text(out, "null");
		else
			write_number(out, &field[i], values[i]);
	}
	buffer_append_byte(out, '}');
}

static void write_csv(struct buffer *out, const struct field *field, int64_t time_ns, const double *values)
{
	char text[TIME_TEXT_SIZE];
	time_text(time_ns, text);
	buffer_append_text(out, text);
	for (int i = 0; i < VALUES_MAX && field[i].name; i++) {
		buffer_append_byte(out, ',');
		write_number(out, &field[i], values[i]);
	}
	buffer_append_text(out, "\r\n");
}

/* RFC 8428; the base name ends in a slash, so the full name of a record is "robot-1/torque_1". */
static void write_senml(struct buffer *out, const struct field *field, const char *name, int64_t time_ns, const double *values)
{
	int64_t ms = time_ns / NS_PER_MS;
	buffer_printf(out, "[{\"bn\":\"%s/\",\"bt\":%" PRId64 ".%03d", name, ms / MS_PER_S, (int)(ms % MS_PER_S));
	for (int i = 0; i < VALUES_MAX && field[i].name; i++) {
		buffer_printf(out, "%s\"n\":\"%s\"", i ? ",{" : ",", field[i].name);
		if (field[i].senml_unit)
			buffer_printf(out, ",\"u\":\"%s\"", field[i].senml_unit);
		buffer_append_text(out, ",\"v\":");
		write_number(out, &field[i], values[i]);
		buffer_append_byte(out, '}');
	}
	buffer_append_byte(out, ']');
}

void floor_payload_data(struct buffer *out, enum machine machine, int64_t time_ns, const double *values, int absent)
{
	if (machine == MACHINE_AUTOCLAVE)
		write_csv(out, fields[machine], time_ns, values);
	else if (machine == MACHINE_ROBOT)
		write_senml(out, fields[machine], floor_machine_name(machine), time_ns, values);
	else
		write_json(out, fields[machine], time_ns, values, absent);
}

void floor_payload_event(struct buffer *out, const char *event, int64_t time_ns, const char *detail)
{
	buffer_printf(out, "{\"event\":\"%s\",\"t\":%" PRId64 ",\"detail\":\"%s\"}", event, time_ns / NS_PER_MS, detail);
}

void floor_payload_result(struct buffer *out, const char *command, bool done, const char *detail, int64_t time_ns)
{
	buffer_printf(out, "{\"command\":\"%s\",\"done\":%s,\"detail\":\"%s\",\"t\":%" PRId64 "}", command,
		done ? "true" : "false", detail, time_ns / NS_PER_MS);
}
