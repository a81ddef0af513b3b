/* Messages of one reading each, through a real broker and a real gateway beside a one-member node; then the same load
 * through the same broker to a subscriber that only counts. */
#include "bench/bench.h"

#include "command/machine_link.h"
#include "command/mqtt_watch.h"
#include "run/ask.h"
#include "host/loop.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 20, PATIENCE_S = 30 };

static const char gateway_id[] = "gw:manufacturer/bench";

struct trial {
	struct bench_site site;
	struct bench_client clients[CLIENTS];
	int broker_port, gateway_port;
};

/* -- set-up -------------------------------------------------------------------------------------- */

static enum status documents_write(struct trial *trial, char paths[CLIENTS][1200], struct fault *fault)
{
	for (int i = 0; i < CLIENTS; i++) {
		char name[64];
		struct buffer text = {0};
		snprintf(trial->clients[i].device, sizeof trial->clients[i].device, "dev:manufacturer/sensor-%02d", i);
		snprintf(name, sizeof name, "sensor-%02d.json", i);
		buffer_printf(&text, "{\"id\":\"sensor-%02d\",\"kind\":\"sensor\",\"model\":\"thermometer\",\"site\":\"bench\",\"firmware\":\"1\",\"format\":\"json\","
				     "\"critical\":\"\",\"commands\":\"\",\"signals\":[{\"id\":\"temperature\",\"field\":\"value\",\"raw_unit\":\"Cel\",\"unit\":\"Cel\",\"period_ms\":1,"
				     "\"stuck_count\":20,\"low\":-20,\"high\":80,\"rate\":0,\"resolution\":0.01,\"deadline_ms\":3600000}],\"bounds_source\":\"sensor's range\","
				     "\"model_parameters\":{\"temperature.offset\":20.5,\"temperature.pole\":0,\"temperature.sigma\":0.5}}", i);
		enum status status = bench_site_write(&trial->site, name, &text, fault);
		buffer_free(&text);
		if (status != OK)
			return status;
		bench_site_path(&trial->site, name, paths[i]);
	}
	return OK;
}

static enum status devices_register(struct trial *trial, const char *node, struct fault *fault)
{
	char paths[CLIENTS][1200], owner[1200], gateway[1200], keys[1200];
	TRY(documents_write(trial, paths, fault));
	bench_site_path(&trial->site, "manufacturer", owner);
	bench_site_path(&trial->site, "gateway/gateway.json", gateway);
	TRY(run_command(&trial->site.run, fault, "register", "--node", node, "--folder", owner, gateway, NULL));
	for (int i = 0; i < CLIENTS; i += 10)
		TRY(run_command(&trial->site.run, fault, "register", "--node", node, "--folder", owner, "--gateway", "bench", paths[i], paths[i + 1], paths[i + 2],
			paths[i + 3], paths[i + 4], paths[i + 5], paths[i + 6], paths[i + 7], paths[i + 8], paths[i + 9], NULL));
	bench_site_path(&trial->site, "gateway", gateway);
	bench_site_path(&trial->site, "keys", keys);
	for (int i = 0; i < CLIENTS; i += 10)
		TRY(run_command(&trial->site.run, fault, "provision", "--gateway", gateway, "--node", node, "--out", keys, trial->clients[i].device,
			trial->clients[i + 1].device, trial->clients[i + 2].device, trial->clients[i + 3].device, trial->clients[i + 4].device, trial->clients[i + 5].device,
			trial->clients[i + 6].device, trial->clients[i + 7].device, trial->clients[i + 8].device, trial->clients[i + 9].device, NULL));
	for (int i = 0; i < CLIENTS; i++) {
		uint8_t down[SESSION_KEY_SIZE];
		TRY(machine_keys_read(keys, trial->clients[i].device, trial->clients[i].key_up, down, fault));
	}
	return OK;
}

static enum status gateway_start(struct trial *trial, struct fault *fault)
{
	char path[1200];
	struct buffer text = {0};
	TRY(bench_port(&trial->gateway_port, fault));
	buffer_printf(&text, "[gateway]\nid = %s\nfolder = .\nsite = bench\ngenesis = ../genesis.cbor\n\n[mqtt]\nbroker = 127.0.0.1:%d\n\n[http]\nlisten = 127.0.0.1:%d\n",
		gateway_id, trial->broker_port, trial->gateway_port);
	enum status status = bench_site_write(&trial->site, "gateway/gateway.ini", &text, fault);
	buffer_free(&text);
	bench_site_path(&trial->site, "gateway/gateway.ini", path);
	return status == OK ? run_child_start(&trial->site.run,
		run_child_add(&trial->site.run, "gateway", trial->site.run.options.program, "gateway", "--config", path, NULL), fault) : status;
}

static yyjson_doc *floor_ask(const struct trial *trial)
{
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%d", trial->gateway_port);
	return ask(url, "/api/v1/floor");
}

/* Until the gateway knows its devices, node and broker. */
static enum status gateway_wait(struct trial *trial, struct fault *fault)
{
	for (int64_t until = clock_monotonic_ns() + PATIENCE_S * NS_PER_S; clock_monotonic_ns() < until; run_sleep_ms(50)) {
		TRY(bench_go_on(fault));
		TRY(bench_site_check(&trial->site, fault));
		yyjson_doc *doc = floor_ask(trial);
		yyjson_val *root = yyjson_doc_get_root(doc);
		bool ready = ask_bool(root, "node_connected") && ask_bool(root, "broker_connected") && yyjson_arr_size(ask_member(root, "machines")) == CLIENTS;
		yyjson_doc_free(doc);
		if (ready)
			return OK;
	}
	return fault_set(fault, E_BUSY, "the gateway was not ready within %d s", PATIENCE_S);
}

static enum status trial_open(struct bench *bench, struct trial *trial, struct fault *fault)
{
	char folder[1200], node[64];
	TRY(bench_site_open(bench, "gateway", 1, &trial->site, fault));
	bench_site_path(&trial->site, "gateway", folder);
	bench_site_url(&trial->site, 0, node);
	TRY(run_command(&trial->site.run, fault, "init", "gateway", "--folder", folder, "--id", gateway_id, "--site", "bench", NULL));
	TRY(devices_register(trial, node, fault));
	return bench_site_broker(&trial->site, &trial->broker_port, fault);
}

/* -- the subscriber that only counts ------------------------------------------------------------------ */

struct counter {
	volatile uint64_t *count;
	struct mqtt *mqtt;
	struct mqtt_watch *watch;
	struct loop_timer *timer;
};

static void counter_up(void *context, struct mqtt *mqtt)
{
	(void)context;
	status_ignore(mqtt_subscribe(mqtt, "tally/v1/+/+/data", 0), "without it nothing is counted, and the measurement fails");
}

static void counter_down(void *context, struct mqtt *mqtt)
{
	(void)context, (void)mqtt;
}

static void counter_message(void *context, struct mqtt *mqtt, const struct mqtt_message *message)
{
	(void)mqtt, (void)message;
	++*((struct counter *)context)->count;
}

static void counter_tick(void *context)
{
	struct counter *counter = context;
	mqtt_tick(counter->mqtt, clock_monotonic_ns() / NS_PER_MS);
	mqtt_watch_update(counter->watch);
	loop_timer_set(counter->timer, 100);
}

/* In a process of its own, like the gateway. */
static _Noreturn void counter_run(int port, volatile uint64_t *count)
{
	struct fault fault;
	struct counter counter = {.count = count};
	struct loop *loop = loop_new();
	struct mqtt_config config = {.host = "127.0.0.1", .port = port, .client_id = "counter"};
	struct mqtt_callbacks callbacks = {&counter, counter_up, counter_down, counter_message};
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (mqtt_new(&config, &callbacks, &counter.mqtt, &fault) != OK)
		_exit(1);
	counter.watch = mqtt_watch_new(loop, counter.mqtt, NULL, NULL);
	counter.timer = loop_timer_new(loop, counter_tick, &counter);
	loop_timer_set(counter.timer, 0);
	loop_run(loop);
	_exit(0);
}

/* -- the measurements --------------------------------------------------------------------------------- */

struct figures {
	struct bench_load_result load;
	double rate;
	double broker_s, receiver_s;  /* processor time */
};

static void figures_fill(struct figures *out, const struct bench_use *broker, const struct bench_use *receiver)
{
	out->rate = (double)out->load.acknowledged / out->load.elapsed_s;
	out->broker_s = broker[1].cpu_s - broker[0].cpu_s;
	out->receiver_s = receiver[1].cpu_s - receiver[0].cpu_s;
}

static enum status peer_measure(struct bench *bench, struct trial *trial, uint32_t boot, struct figures *out, struct fault *fault)
{
	struct bench_use broker[2], receiver[2];
	volatile uint64_t *count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (count == MAP_FAILED)
		return fault_set(fault, E_IO, "no shared memory for the counting subscriber");
	pid_t pid = fork();
	if (pid < 0) {
		munmap((void *)(uintptr_t)count, sizeof *count);
		return fault_set(fault, E_IO, "the counting subscriber cannot be started");
	}
	if (pid == 0)
		counter_run(trial->broker_port, count);
	struct bench_load load = {.clients = trial->clients, .client_count = CLIENTS, .port = trial->broker_port, .boot = boot, .seconds = bench->seconds, .counted = count};
	bool known = bench_site_use(&trial->site, "broker", &broker[0]) && bench_use(pid, &receiver[0]);
	enum status status = bench_load_run(&load, &out->load, fault);
	known = known && bench_site_use(&trial->site, "broker", &broker[1]) && bench_use(pid, &receiver[1]);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	munmap((void *)(uintptr_t)count, sizeof *count);
	if (status != OK)
		return status;
	if (!known)
		return fault_set(fault, E_IO, "/proc does not tell the processor time of the processes");
	figures_fill(out, broker, receiver);
	return OK;
}

static double total_of(const struct trial *trial, const char *name)
{
	yyjson_doc *doc = floor_ask(trial);
	double value = ask_number(ask_member(yyjson_doc_get_root(doc), "totals"), name);
	yyjson_doc_free(doc);
	return value;
}

static enum status gateway_measure(struct bench *bench, struct trial *trial, uint32_t boot, struct figures *out, struct fault *fault)
{
	struct bench_use broker[2], receiver[2];
	struct bench_load load = {.clients = trial->clients, .client_count = CLIENTS, .port = trial->broker_port, .boot = boot, .seconds = bench->seconds};
	double before = total_of(trial, "messages");
	bool known = bench_site_use(&trial->site, "broker", &broker[0]) && bench_site_use(&trial->site, "gateway", &receiver[0]);
	TRY(bench_load_run(&load, &out->load, fault));
	known = known && bench_site_use(&trial->site, "broker", &broker[1]) && bench_site_use(&trial->site, "gateway", &receiver[1]);
	TRY(bench_site_check(&trial->site, fault));
	if (!known)
		return fault_set(fault, E_IO, "/proc does not tell the processor time of the processes");
	double accepted = total_of(trial, "messages") - before;
	if (accepted != (double)out->load.sent || out->load.acknowledged != out->load.sent)
		return fault_set(fault, E_CORRUPT, "%" PRIu64 " messages were sent, %.0f accepted and %" PRIu64 " acknowledged", out->load.sent, accepted, out->load.acknowledged);
	figures_fill(out, broker, receiver);
	return OK;
}

static void rows_add(struct bench *bench, const struct figures *gateway, const struct figures *peer)
{
	struct bench_row *row = bench_row_add(bench, "gateway", gateway->rate, "messages/s", "%d clients, one reading each, %.0f sent, all acknowledged", CLIENTS,
		(double)gateway->load.sent);
	bench_row_peer(row, peer->rate, NULL, "a subscriber that only counts");
	row->floor = 20000;
	row->sense = BENCH_AT_LEAST;
	double sent = (double)gateway->load.sent, counted = (double)peer->load.sent;
	bench_row_peer(bench_row_add(bench, "gateway", gateway->receiver_s / sent * 1e6, "us/message", "  processor time: gateway"), peer->receiver_s / counted * 1e6, NULL,
		"that subscriber");
	bench_row_peer(bench_row_add(bench, "gateway", gateway->broker_s / sent * 1e6, "us/message", "  processor time: broker"), peer->broker_s / counted * 1e6, NULL,
		"with that subscriber");
	bench_row_peer(bench_row_add(bench, "gateway", gateway->load.cpu_s / sent * 1e6, "us/message", "  processor time: load generator"), peer->load.cpu_s / counted * 1e6,
		NULL, "with that subscriber");
	double each = gateway->receiver_s + gateway->broker_s + gateway->load.cpu_s, each_peer = peer->receiver_s + peer->broker_s + peer->load.cpu_s;
	bench_row_peer(bench_row_add(bench, "gateway", bench_cores() * sent / each, "messages/s", "  if the three had the %d cores alone: by processor time", bench_cores()),
		bench_cores() * counted / each_peer, NULL, "with that subscriber");
	double cores = each / gateway->load.elapsed_s;
	bench_row_peer(bench_row_add(bench, "gateway", cores, "cores", "  used by the three together"), bench_cores(), NULL, "there are");
}

enum status bench_gateway(struct bench *bench, struct fault *fault)
{
	struct trial *trial = memory_new(sizeof *trial);
	struct figures gateway = {0}, peer = {0};
	uint32_t boot = (uint32_t)(clock_now_ns() / NS_PER_S);
	enum status status = trial_open(bench, trial, fault);
	if (status == OK)
		status = peer_measure(bench, trial, boot, &peer, fault);
	if (status == OK)
		status = gateway_start(trial, fault);
	if (status == OK)
		status = gateway_wait(trial, fault);
	if (status == OK)
		status = gateway_measure(bench, trial, boot + 1, &gateway, fault);
	if (status == OK)
		rows_add(bench, &gateway, &peer);
	bench_site_close(&trial->site);
	free(trial);
	return status;
}
