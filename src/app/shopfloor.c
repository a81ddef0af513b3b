#include "command/command.h"
#include "command/machine_link.h"

#include "floor/floor.h"
#include "host/disk.h"
#include "host/note.h"
#include "trace/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MACHINES_MAX = 16, PUMP_MS = 20, REPORT_MS = 500 };

struct machine {
	const char *name;             /* "spindle-1", the floor's literal */
	struct machine_link *link;
	struct shopfloor *shopfloor;
};

struct shopfloor {
	struct loop *loop;
	struct floor *floor;
	struct machine machines[MACHINES_MAX];
	size_t machine_count;
	const char *organisation, *host, *keys, *report;
	int port;
	uint32_t boot;
	int64_t origin_ns, wall_ns, end_ns;
	double rate;
	struct loop_timer *pump_timer, *report_timer;
	struct fault fault;
};

static int64_t floor_clock(const struct shopfloor *shopfloor)
{
	return shopfloor->origin_ns + (int64_t)((double)(clock_now_ns() - shopfloor->wall_ns) * shopfloor->rate);
}

static void on_command(void *context, struct machine_link *link, const struct payload_command *command)
{
	(void)link;
	struct machine *machine = context;
	note(NOTE_INFO, "command", "machine=%s action=%s setting=%.3g", machine->name, command->action, command->setting);
	floor_command(machine->shopfloor->floor, machine->name, command->action, command->setting, command->command);
}

/* Each machine is its own client with its own keys; one that was never provisioned has invented ones. */
static struct machine *machine_of(struct shopfloor *shopfloor, const char *name)
{
	for (size_t i = 0; i < shopfloor->machine_count; i++)
		if (strcmp(shopfloor->machines[i].name, name) == 0)
			return &shopfloor->machines[i];
	if (shopfloor->machine_count == MACHINES_MAX)
		return NULL;
	struct machine *machine = &shopfloor->machines[shopfloor->machine_count];
	char device[200];
	snprintf(device, sizeof device, "dev:%s/%s", shopfloor->organisation, name);
	*machine = (struct machine){.name = name, .shopfloor = shopfloor};
	struct machine_link_config config = {.loop = shopfloor->loop, .device = device, .host = shopfloor->host, .port = shopfloor->port,
		.boot = shopfloor->boot, .context = machine, .command = on_command};
	if (machine_keys_read(shopfloor->keys, device, config.key_up, config.key_down, &shopfloor->fault) != OK) {
		note(NOTE_WARNING, "no_keys", "machine=%s it speaks with keys of its own invention", name);
		struct digest invented = sha256(span_of_text(name));
		memcpy(config.key_up, invented.bytes, SESSION_KEY_SIZE);
		memcpy(config.key_down, invented.bytes, SESSION_KEY_SIZE);
	}
	if (machine_link_new(&config, &machine->link, &shopfloor->fault) != OK)
		return NULL;
	shopfloor->machine_count++;
	return machine;
}

static void on_pump(void *context)
{
	struct shopfloor *shopfloor = context;
	struct floor_message message;
	int64_t now_ns = floor_clock(shopfloor);
	if (shopfloor->end_ns && now_ns > shopfloor->end_ns)
		now_ns = shopfloor->end_ns;
	while (floor_next(shopfloor->floor, now_ns, &message)) {
		struct machine *machine = machine_of(shopfloor, message.device);
		if (!machine) {
			note(NOTE_ERROR, "machine_lost", "machine=%s reason=\"%s\"", message.device, shopfloor->fault.text);
			continue;
		}
		if (message.again)
			machine_link_replay(machine->link);
		else if (machine_link_send(machine->link, (enum session_kind)message.kind, message.tampered ? message.original : message.payload,
				message.tampered ? &message.payload : NULL) != OK)
			note(NOTE_WARNING, "message_lost", "machine=%s reason=\"the gateway acknowledges nothing\"", message.device);
	}
	loop_timer_set(shopfloor->pump_timer, PUMP_MS);
}

/* What really happened, for the summary: faults, and what the gateway acknowledged. */
static void report_write(struct shopfloor *shopfloor)
{
	if (!shopfloor->report)
		return;
	struct buffer out = {0};
	struct json json = json_of(&out);
	size_t count;
	const struct floor_fault *faults = floor_faults(shopfloor->floor, &count);
	json_object(&json, NULL);
	json_int(&json, "time_ms", floor_clock(shopfloor) / NS_PER_MS);
	if (shopfloor->end_ns)
		json_int(&json, "end_ms", shopfloor->end_ns / NS_PER_MS);
	json_bool(&json, "ended", shopfloor->end_ns && floor_clock(shopfloor) >= shopfloor->end_ns);
	json_array(&json, "faults");
	for (size_t i = 0; i < count; i++) {
		json_object(&json, NULL);
		json_word(&json, "kind", floor_fault_name(faults[i].kind));
		json_word(&json, "device", faults[i].device);
		json_word(&json, "signal", faults[i].signal);
		json_int(&json, "start_ms", faults[i].start_ns / NS_PER_MS);
		if (faults[i].end_ns == INT64_MAX)
			json_null(&json, "end_ms");
		else
			json_int(&json, "end_ms", faults[i].end_ns / NS_PER_MS);
		json_bool(&json, "repaired", faults[i].repaired);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_array(&json, "machines");
	for (size_t i = 0; i < shopfloor->machine_count; i++) {
		struct machine_link_numbers numbers;
		machine_link_numbers(shopfloor->machines[i].link, &numbers);
		json_object(&json, NULL);
		json_word(&json, "device", numbers.device);
		json_uint(&json, "sent", numbers.sent);
		json_uint(&json, "acknowledged", numbers.acknowledged);
		json_uint(&json, "acknowledged_seq", numbers.acknowledged_seq);
		json_uint(&json, "resent", numbers.resent);
		json_uint(&json, "lost", numbers.lost);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	if (disk_write(shopfloor->report, buffer_span(&out), 0600, &shopfloor->fault) != OK)
		note(NOTE_WARNING, "report_not_written", "reason=\"%s\"", shopfloor->fault.text);
	buffer_free(&out);
}

static void on_report(void *context)
{
	struct shopfloor *shopfloor = context;
	report_write(shopfloor);
	loop_timer_set(shopfloor->report_timer, REPORT_MS);
}

static int shopfloor_run(struct shopfloor *shopfloor, uint64_t seed, int64_t duration_ns)
{
	shopfloor->loop = loop_new();
	shopfloor->floor = floor_new(seed, shopfloor->origin_ns, duration_ns);
	shopfloor->pump_timer = loop_timer_new(shopfloor->loop, on_pump, shopfloor);
	shopfloor->report_timer = loop_timer_new(shopfloor->loop, on_report, shopfloor);
	loop_timer_set(shopfloor->pump_timer, 0);
	loop_timer_set(shopfloor->report_timer, REPORT_MS);
	note(NOTE_INFO, "shopfloor_runs", "seed=%" PRIu64 " broker=%s:%d rate=%.3g", seed, shopfloor->host, shopfloor->port, shopfloor->rate);
	loop_run(shopfloor->loop);
	report_write(shopfloor);
	for (size_t i = 0; i < shopfloor->machine_count; i++)
		machine_link_free(shopfloor->machines[i].link);
	loop_timer_free(shopfloor->pump_timer);
	loop_timer_free(shopfloor->report_timer);
	floor_free(shopfloor->floor);
	loop_free(shopfloor->loop);
	return 0;
}

int command_shopfloor(int count, char **arguments)
{
	const char *seed = "1", *broker = "127.0.0.1:1883", *keys = NULL, *organisation = "manufacturer", *report = NULL;
	const char *duration = "0", *rate = "1", *origin = NULL, *wall = NULL;
	const struct option_spec options[] = {
		{"seed", "S", "seed of machines and faults (default 1)", &seed},
		{"broker", "HOST:PORT", "MQTT broker (default 127.0.0.1:1883)", &broker},
		{"keys", "FOLDER", "key files made by tally provision", &keys},
		{"organisation", "NAME", "owner of the devices: dev:NAME/... (default manufacturer)", &organisation},
		{"report", "FILE", "write the truth about faults and acknowledgements here, as JSON, twice a second", &report},
		{"duration", "SECONDS", "simulated time in which every kind of fault happens once (0: endless)", &duration},
		{"rate", "R", "simulated seconds in a second (default 1)", &rate},
		{"origin-ns", "NS", "simulated time of the first sample (default: now)", &origin},
		{"wall-ns", "NS", "wall time that belongs to it (default: now)", &wall},
		{0}};
	char **words;
	int word_count, code;
	if (!options_parse(count, arguments, "Simulate the machines of a shop floor; they speak MQTT.", "", options, &words, &word_count, &code))
		return code;
	char host[200];
	const char *colon = strrchr(broker, ':');
	struct fault fault;
	struct shopfloor shopfloor = {.organisation = organisation, .host = host, .keys = keys, .report = report, .boot = (uint32_t)(clock_now_ns() / NS_PER_S)};
	if (!keys || !colon || (size_t)(colon - broker) >= sizeof host) {
		fault_set(&fault, E_CONFIG, "give --keys FOLDER, and the broker as HOST:PORT");
		app_fail(&fault);
		return 2;
	}
	snprintf(host, sizeof host, "%.*s", (int)(colon - broker), broker);
	shopfloor.port = atoi(colon + 1);
	shopfloor.rate = strtod(rate, NULL);
	shopfloor.wall_ns = wall ? strtoll(wall, NULL, 10) : clock_now_ns();
	shopfloor.origin_ns = origin ? strtoll(origin, NULL, 10) : shopfloor.wall_ns;
	int64_t duration_ns = strtoll(duration, NULL, 10) * NS_PER_S;
	if (shopfloor.rate <= 0 || shopfloor.port <= 0 || duration_ns < 0) {
		fault_set(&fault, E_CONFIG, "rate and port must be above 0, duration not below");
		app_fail(&fault);
		return 2;
	}
	shopfloor.end_ns = duration_ns ? shopfloor.origin_ns + duration_ns : 0;
	return shopfloor_run(&shopfloor, strtoull(seed, NULL, 10), duration_ns);
}
