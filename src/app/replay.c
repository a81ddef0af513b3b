#include "command/command.h"
#include "command/cmapss.h"
#include "command/machine_link.h"
#include "command/submitter.h"

#include "host/disk.h"
#include "host/keys.h"
#include "host/note.h"
#include "trace/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FLEET_CYCLES = 20, REPORT_MS = 500 };

struct engine {
	char device[64];
	const struct cmapss_unit *unit;
	struct machine_link *link;
	size_t next;
};

struct replay {
	const char *node, *folder, *gateway_folder, *broker, *report, *rate;
	struct buffer text;
	struct cmapss data;
	struct engine *engines;
	struct loop *loop;
	struct loop_timer *cycle_timer, *report_timer;
	uint32_t period_ms;
	struct buffer message;
	bool ended;
};

/* Every engine a registered asset with bounds, in one batch. */
static enum status engines_register(struct replay *replay, struct submitter *submitter, struct fault *fault)
{
	struct submitter_batch batch = {0};
	struct body_device *device = memory_new(sizeof *device);
	struct body_bounds *bounds = memory_new(sizeof *bounds);
	char gateway[200];
	struct span organisation = submitter_organisation(submitter);
	snprintf(gateway, sizeof gateway, "gw:%.*s/hall-1", (int)organisation.size - 4, (const char *)organisation.data + 4);
	cmapss_device(span_of_text(gateway), replay->period_ms, device);
	cmapss_bounds(&replay->data, FLEET_CYCLES, bounds);
	for (size_t i = 0; i < replay->data.count; i++) {
		struct submitter_heads heads;
		struct span name = span_of_text(replay->engines[i].device);
		if (!submitter_heads(submitter, name, &heads))
			submitter_batch_device(&batch, submitter, name, device, bounds, NULL);
	}
	enum status status = batch.count ? submitter_send_many(submitter, &batch, fault) : OK;
	submitter_batch_free(&batch);
	free(device);
	free(bounds);
	return status == OK ? submitter_refresh(submitter, fault) : status;
}

static enum status engine_connect(struct replay *replay, struct submitter *submitter, struct span secret, struct engine *engine, struct fault *fault)
{
	struct submitter_heads heads;
	char host[200];
	const char *colon = strrchr(replay->broker, ':');
	if (!submitter_heads(submitter, span_of_text(engine->device), &heads))
		return fault_set(fault, E_UNKNOWN, "%s is not registered", engine->device);
	if (!colon || (size_t)(colon - replay->broker) >= sizeof host)
		return fault_set(fault, E_CONFIG, "--broker must be HOST:PORT");
	snprintf(host, sizeof host, "%.*s", (int)(colon - replay->broker), replay->broker);
	struct machine_link_config config = {.loop = replay->loop, .device = engine->device, .host = host, .port = atoi(colon + 1),
		.boot = (uint32_t)(clock_now_ns() / NS_PER_S)};
	session_key_derive(secret.data, &heads.registration, span_of_text(engine->device), SESSION_UP, config.key_up);
	session_key_derive(secret.data, &heads.registration, span_of_text(engine->device), SESSION_DOWN, config.key_down);
	return machine_link_new(&config, &engine->link, fault);
}

static void on_cycle(void *context)
{
	struct replay *replay = context;
	int64_t now_ms = clock_now_ns() / NS_PER_MS;
	bool more = false;
	for (size_t i = 0; i < replay->data.count; i++) {
		struct engine *engine = &replay->engines[i];
		if (engine->next == engine->unit->count)
			continue;
		buffer_clear(&replay->message);
		cmapss_message(&engine->unit->cycles[engine->next], now_ms, &replay->message);
		if (machine_link_send(engine->link, SESSION_DATA, buffer_span(&replay->message), NULL) == OK)
			engine->next++;
		more = more || engine->next < engine->unit->count;
	}
	replay->ended = !more;
	if (more)
		loop_timer_set(replay->cycle_timer, replay->period_ms);
}

static void report_write(struct replay *replay)
{
	if (!replay->report)
		return;
	struct buffer out = {0};
	struct json json = json_of(&out);
	struct fault fault;
	json_object(&json, NULL);
	json_bool(&json, "ended", replay->ended);
	json_array(&json, "machines");
	for (size_t i = 0; i < replay->data.count; i++) {
		struct machine_link_numbers numbers;
		machine_link_numbers(replay->engines[i].link, &numbers);
		json_object(&json, NULL);
		json_word(&json, "device", numbers.device);
		json_uint(&json, "cycles", replay->engines[i].unit->count);
		json_uint(&json, "sent", numbers.sent);
		json_uint(&json, "acknowledged", numbers.acknowledged);
		json_uint(&json, "acknowledged_seq", numbers.acknowledged_seq);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	if (disk_write(replay->report, buffer_span(&out), 0600, &fault) != OK)
		note(NOTE_WARNING, "report_not_written", "reason=\"%s\"", fault.text);
	buffer_free(&out);
}

static void on_report(void *context)
{
	struct replay *replay = context;
	uint64_t waiting = 0;
	for (size_t i = 0; i < replay->data.count; i++) {
		struct machine_link_numbers numbers;
		machine_link_numbers(replay->engines[i].link, &numbers);
		waiting += numbers.waiting;
	}
	report_write(replay);
	/* Without a report nobody waits for the process: it ends when all of it is durable at the gateway. */
	if (replay->ended && waiting == 0 && !replay->report)
		loop_stop(replay->loop);
	else
		loop_timer_set(replay->report_timer, REPORT_MS);
}

static enum status replay_open(struct replay *replay, const char *file, struct fault *fault)
{
	char path[1024];
	struct submitter *submitter = NULL;
	uint8_t secret[SESSION_SECRET_SIZE];
	double rate = strtod(replay->rate, NULL);
	if (!(rate >= 0.01 && rate <= 1000))
		return fault_set(fault, E_CONFIG, "--rate must be between 0.01 and 1000 cycles a second");
	replay->period_ms = (uint32_t)(1000.0 / rate);
	TRY(disk_read(file, CMAPSS_SIZE_MAX, &replay->text, fault));
	TRY(cmapss_parse(buffer_span(&replay->text), &replay->data, fault));
	TRY(submitter_open(replay->folder, replay->node, &submitter, fault));
	struct span organisation = submitter_organisation(submitter);
	replay->engines = memory_new_array(replay->data.count, sizeof *replay->engines);
	for (size_t i = 0; i < replay->data.count; i++) {
		replay->engines[i].unit = &replay->data.units[i];
		snprintf(replay->engines[i].device, sizeof replay->engines[i].device, "dev:%.*s/engine-%03u", (int)organisation.size - 4,
			(const char *)organisation.data + 4, replay->data.units[i].number);
	}
	snprintf(path, sizeof path, "%s/keys/provisioning.secret", replay->gateway_folder);
	enum status status = keys_secret_open(path, NULL, secret, fault);
	if (status == OK)
		status = engines_register(replay, submitter, fault);
	replay->loop = loop_new();
	for (size_t i = 0; i < replay->data.count && status == OK; i++)
		status = engine_connect(replay, submitter, span_of(secret, sizeof secret), &replay->engines[i], fault);
	submitter_close(submitter);
	wipe(secret, sizeof secret);
	return status;
}

int command_replay(int count, char **arguments)
{
	struct replay *replay = memory_new(sizeof *replay);
	replay->rate = "4";
	replay->broker = "127.0.0.1:1883";
	const struct option_spec options[] = {
		{"node", "URL", "the owner's node", &replay->node},
		{"folder", "FOLDER", "the owner's folder, with org.cose and keys/record.key", &replay->folder},
		{"gateway", "FOLDER", "the gateway's folder, which holds the provisioning secret", &replay->gateway_folder},
		{"broker", "HOST:PORT", "MQTT broker (default 127.0.0.1:1883)", &replay->broker},
		{"rate", "N", "cycles a second of every engine (default 4)", &replay->rate},
		{"report", "FILE", "write progress here, as JSON, and stay until stopped", &replay->report},
		{0}};
	char **words;
	int word_count, code;
	struct fault fault = {0};
	if (!options_parse(count, arguments, "Send recorded data through the same path as live data. Formats: cmapss.", "FORMAT FILE", options, &words, &word_count, &code))
		return code;
	if (word_count != 2 || strcmp(words[0], "cmapss") != 0 || !replay->node || !replay->folder || !replay->gateway_folder) {
		fault_set(&fault, E_CONFIG, "give --node, --folder, --gateway and the words: cmapss FILE");
		app_fail(&fault);
		return 2;
	}
	enum status status = replay_open(replay, words[1], &fault);
	if (status == OK) {
		note(NOTE_INFO, "replay_runs", "engines=%zu period_ms=%u", replay->data.count, replay->period_ms);
		replay->cycle_timer = loop_timer_new(replay->loop, on_cycle, replay);
		replay->report_timer = loop_timer_new(replay->loop, on_report, replay);
		loop_timer_set(replay->cycle_timer, 1500); /* all engines are connected by then */
		loop_timer_set(replay->report_timer, REPORT_MS);
		loop_run(replay->loop);
		report_write(replay);
		loop_timer_free(replay->cycle_timer);
		loop_timer_free(replay->report_timer);
	}
	for (size_t i = 0; replay->engines && i < replay->data.count; i++)
		machine_link_free(replay->engines[i].link);
	if (replay->loop)
		loop_free(replay->loop);
	free(replay->engines);
	cmapss_free(&replay->data);
	buffer_free(&replay->text);
	buffer_free(&replay->message);
	free(replay);
	return status == OK ? 0 : app_fail(&fault);
}
