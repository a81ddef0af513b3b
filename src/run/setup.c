#include "run/run.h"

#include "host/disk.h"
#include "host/loop.h"
#include "command/answer.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <yyjson.h>

static const struct {
	const char *name, *role, *title;
} members[RUN_MEMBERS] = {
	{"manufacturer", "manufacturer", "Airframe manufacturer"},
	{"supplier", "supplier", "Prepreg supplier"},
	{"repair", "repair", "Spindle repair shop"},
	{"regulator", "regulator", "Aviation regulator"},
};

const char *run_member(int member)
{
	return members[member].name;
}

int run_node_port(const struct run *run, int member)
{
	return run->port + 1 + member;
}

void run_node_url(const struct run *run, int member, char out[64])
{
	snprintf(out, 64, "http://127.0.0.1:%d", run->port + 11 + member);
}

void run_gateway_url(const struct run *run, char out[64])
{
	snprintf(out, 64, "http://127.0.0.1:%d", run->port + 10);
}

static bool port_is_free(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int yes = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
	if (fd >= 0)
		close(fd);
	return is_free;
}

static bool ports_are_free(int first)
{
	for (int i = 0; i < RUN_PORTS; i++)
		if (!port_is_free(first + i))
			return false;
	return true;
}

/* The addresses of members stand in the genesis: the same ports as long as the state lives. */
static enum status ports_choose(struct run *run, struct fault *fault)
{
	char path[1024];
	struct buffer text = {0};
	snprintf(path, sizeof path, "%s/port", run->options.state);
	if (disk_read(path, 16, &text, fault) == OK) {
		buffer_append_byte(&text, 0);
		run->port = atoi((const char *)text.data);
		buffer_free(&text);
		if (run->port > 0 && ports_are_free(run->port))
			return OK;
		return fault_set(fault, E_BUSY, "ports %d to %d are taken; is the example running already? Stop it, or begin anew with --fresh", run->port,
			run->port + RUN_PORTS - 1);
	}
	for (run->port = 7400; run->port < 9400; run->port += RUN_PORTS) {
		if (!ports_are_free(run->port))
			continue;
		buffer_printf(&text, "%d\n", run->port);
		enum status status = disk_write(path, buffer_span(&text), 0600, fault);
		buffer_free(&text);
		return status;
	}
	return fault_set(fault, E_BUSY, "no %d free ports in a row between 7400 and 9400 on 127.0.0.1", RUN_PORTS);
}

static bool exists(const struct run *run, const char *name)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", run->options.state, name);
	return access(path, F_OK) == 0;
}

static enum status file_write(const struct run *run, const char *name, struct buffer *text, struct fault *fault)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", run->options.state, name);
	enum status status = disk_write(path, buffer_span(text), 0600, fault);
	buffer_free(text);
	return status;
}

static enum status organisations_make(struct run *run, struct fault *fault)
{
	char folder[1024], id[64], address[64];
	for (int i = 0; i < RUN_MEMBERS; i++) {
		snprintf(folder, sizeof folder, "%s/%s", run->options.state, members[i].name);
		snprintf(id, sizeof id, "org:%s", members[i].name);
		snprintf(address, sizeof address, "127.0.0.1:%d", run_node_port(run, i));
		TRY(run_command(run, fault, "init", "org", "--folder", folder, "--id", id, "--name", members[i].title, "--role", members[i].role, "--address", address, NULL));
	}
	char genesis[1024], statements[RUN_MEMBERS][1100];
	snprintf(genesis, sizeof genesis, "%s/genesis.cbor", run->options.state);
	for (int i = 0; i < RUN_MEMBERS; i++)
		snprintf(statements[i], sizeof statements[i], "%s/%s/org.cose", run->options.state, members[i].name);
	return run_command(run, fault, "init", "genesis", "--name", "Airframe consortium", "--out", genesis, statements[0], statements[1], statements[2], statements[3], NULL);
}

static enum status gateway_make(struct run *run, struct fault *fault)
{
	char folder[1024];
	snprintf(folder, sizeof folder, "%s/gateway", run->options.state);
	TRY(run_command(run, fault, "init", "gateway", "--folder", folder, "--id", "gw:manufacturer/hall-1", "--site", "airframe/plant-1/hall-1", NULL));
	snprintf(folder, sizeof folder, "%s/engineer", run->options.state);
	TRY(run_command(run, fault, "init", "person", "--folder", folder, "--id", "person:manufacturer/engineer-1", "--role", "engineer", NULL));
	snprintf(folder, sizeof folder, "%s/inspector", run->options.state);
	return run_command(run, fault, "init", "person", "--folder", folder, "--id", "person:regulator/inspector-1", "--role", "inspector", NULL);
}

static enum status node_configure(struct run *run, int member, struct fault *fault)
{
	char name[128], gateway[64];
	struct buffer text = {0};
	run_gateway_url(run, gateway);
	buffer_printf(&text, "[node]\nfolder = .\ngenesis = ../genesis.cbor\n\n[http]\nlisten = 127.0.0.1:%d\n\n", run->port + 11 + member);
	buffer_printf(&text, "[dashboard]\nfloor = gw:manufacturer/hall-1 %s\n", gateway);
	snprintf(name, sizeof name, "%s/node.ini", members[member].name);
	return file_write(run, name, &text, fault);
}

static enum status gateway_configure(struct run *run, struct fault *fault)
{
	struct buffer text = {0};
	buffer_printf(&text, "[gateway]\nid = gw:manufacturer/hall-1\nfolder = .\nsite = airframe/plant-1/hall-1\ngenesis = ../genesis.cbor\n\n");
	buffer_printf(&text, "[mqtt]\nbroker = 127.0.0.1:%d\n\n[http]\nlisten = 127.0.0.1:%d\n\n[chunks]\nseal = 5 s\n", run->port + 5, run->port + 10);
	if (run->wall_ns)
		buffer_printf(&text, "\n[clock]\norigin_ns = %" PRId64 "\nwall_ns = %" PRId64 "\nrate_percent = %d\n", run->origin_ns, run->wall_ns, run->rate_percent);
	return file_write(run, "gateway/gateway.ini", &text, fault);
}

static enum status broker_configure(struct run *run, struct fault *fault)
{
	struct buffer text = {0};
	/* Authenticity does not rest on the broker: every message carries its own tag. Without a change of user it also gets
	 * the signal that ends it when we are gone. */
	const struct passwd *user = getpwuid(geteuid());
	buffer_printf(&text, "user %s\nlistener %d 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 20000\nmax_inflight_messages 1000\n"
			     "set_tcp_nodelay true\nlog_type error\nlog_type warning\nlog_type notice\n",
		user ? user->pw_name : "root", run->port + 5);
	return file_write(run, "broker/mosquitto.conf", &text, fault);
}

enum status run_prepare(struct run *run, struct fault *fault)
{
	char path[1100];
	const char *const folders[] = {"", "logs", "broker", "gateway", "shopfloor"};
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, "%s/%s", run->options.state, folders[i]);
		TRY(disk_folder(path, fault));
	}
	TRY(disk_lock(run->options.state, fault));
	TRY(ports_choose(run, fault));
	if (!exists(run, "genesis.cbor")) {
		fprintf(stderr, "run: making keys of four organisations, a gateway and two people\n");
		TRY(organisations_make(run, fault));
		TRY(gateway_make(run, fault));
	}
	for (int i = 0; i < RUN_MEMBERS; i++)
		TRY(node_configure(run, i, fault));
	TRY(broker_configure(run, fault));
	snprintf(path, sizeof path, "%s/broker/mosquitto.conf", run->options.state);
	run_child_add(run, "broker", "mosquitto", "-c", path, NULL);
	for (int i = 0; i < RUN_MEMBERS; i++) {
		snprintf(path, sizeof path, "%s/%s/node.ini", run->options.state, members[i].name);
		run_child_add(run, members[i].name, run->options.program, "node", "--config", path, NULL);
	}
	for (size_t i = 0; i < run->child_count; i++)
		TRY(run_child_start(run, &run->children[i], fault));
	return OK;
}

/* Until the first node is connected to the others. */
static enum status nodes_wait(struct run *run, struct fault *fault)
{
	char url[64];
	run_node_url(run, 0, url);
	for (int64_t until = clock_monotonic_ns() + 60 * NS_PER_S; clock_monotonic_ns() < until && !run_interrupted();) {
		yyjson_doc *doc = NULL;
		struct fault ignored;
		size_t connected = 0, at, max;
		yyjson_val *member;
		if (answer_json(url, "/api/v1/node", &doc, &ignored) == OK) {
			yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "members"), at, max, member)
				connected += yyjson_get_bool(yyjson_obj_get(member, "connected")) && !yyjson_get_bool(yyjson_obj_get(member, "self"));
			yyjson_doc_free(doc);
		}
		if (connected >= RUN_MEMBERS - 1)
			return OK;
		TRY(run_supervise(run, fault));
		run_sleep_ms(100);
	}
	return fault_set(fault, E_BUSY, "the nodes did not find each other within a minute; see %s/logs", run->options.state);
}

enum { DOCUMENTS_MAX = 16 };

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum status documents_list(const struct run *run, char paths[DOCUMENTS_MAX][1024], size_t *count, struct fault *fault)
{
	DIR *folder = opendir(run->options.examples);
	if (!folder)
		return fault_set(fault, E_NOT_FOUND, "%s cannot be read; run from the project's folder or give --examples", run->options.examples);
	for (struct dirent *entry; (entry = readdir(folder)) && *count < DOCUMENTS_MAX;) {
		size_t size = strlen(entry->d_name);
		if (size > 5 && strcmp(entry->d_name + size - 5, ".json") == 0)
			snprintf(paths[(*count)++], 1024, "%s/%s", run->options.examples, entry->d_name);
	}
	closedir(folder);
	qsort(paths, *count, sizeof paths[0], by_text);
	return OK;
}

static enum status floor_register(struct run *run, const char *node, struct fault *fault)
{
	char paths[DOCUMENTS_MAX][1024], folder[1024], keys[1024];
	size_t count = 0;
	TRY(documents_list(run, paths, &count, fault));
	snprintf(folder, sizeof folder, "%s/manufacturer", run->options.state);
	for (size_t i = 0; i < count; i += 8) {
		const char *file[8] = {0};
		for (size_t f = 0; f < 8 && i + f < count; f++)
			file[f] = paths[i + f];
		TRY(run_command(run, fault, "register", "--node", node, "--folder", folder, "--gateway", "hall-1", file[0], file[1], file[2], file[3], file[4], file[5],
			file[6], file[7], NULL));
	}
	static const char *const devices[] = {"spindle-1", "autoclave-1", "robot-1", "power-1", "fire-1", "door-1", "camera-9"};
	snprintf(folder, sizeof folder, "%s/gateway", run->options.state);
	snprintf(keys, sizeof keys, "%s/shopfloor/keys", run->options.state);
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		char device[64];
		snprintf(device, sizeof device, "dev:manufacturer/%s", devices[i]);
		TRY(run_command(run, fault, "provision", "--gateway", folder, "--node", node, "--out", keys, device, NULL));
	}
	snprintf(folder, sizeof folder, "%s/regulator", run->options.state);
	return run_command(run, fault, "register", "--node", node, "--folder", folder, "--state", "revoked", "--subject", "dev:manufacturer/camera-9", "--reason",
		"inspection camera withdrawn: its maker's signing key was lost", NULL);
}

static enum status events_register(struct run *run, const char *node, struct fault *fault)
{
	static const struct {
		const char *member, *file;
	} events[] = {{"manufacturer", "order.json"}, {"supplier", "consignment.json"}, {"repair", "equipment-history.json"}};
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		char folder[1024], file[1024];
		if (run->options.replay && i == 2)
			continue; /* the history is of a machine that is not there */
		snprintf(folder, sizeof folder, "%s/%s", run->options.state, events[i].member);
		snprintf(file, sizeof file, "%s/events/%s", run->options.examples, events[i].file);
		TRY(run_command(run, fault, "register", "--node", node, "--folder", folder, file, NULL));
	}
	return OK;
}

enum status run_register(struct run *run, struct fault *fault)
{
	char node[64], folder[1024], gateway[1100], person[1100];
	run_node_url(run, 0, node);
	TRY(nodes_wait(run, fault));
	if (exists(run, "registered"))
		return OK;
	fprintf(stderr, "run: registering gateway, people, machines, bounds, models, order, consignment, equipment history\n");
	snprintf(folder, sizeof folder, "%s/manufacturer", run->options.state);
	snprintf(gateway, sizeof gateway, "%s/gateway/gateway.json", run->options.state);
	snprintf(person, sizeof person, "%s/engineer/person.json", run->options.state);
	TRY(run_command(run, fault, "register", "--node", node, "--folder", folder, gateway, person, NULL));
	snprintf(folder, sizeof folder, "%s/regulator", run->options.state);
	snprintf(person, sizeof person, "%s/inspector/person.json", run->options.state);
	TRY(run_command(run, fault, "register", "--node", node, "--folder", folder, person, NULL));
	if (!run->options.replay)
		TRY(floor_register(run, node, fault));
	TRY(events_register(run, node, fault));
	struct buffer done = {0};
	buffer_append_text(&done, "yes\n");
	return file_write(run, "registered", &done, fault);
}

static enum status floor_child(struct run *run, struct fault *fault)
{
	char broker[64], keys[1024], report[1024], seed[24], duration[24], rate[24], origin[24], wall[24];
	snprintf(broker, sizeof broker, "127.0.0.1:%d", run->port + 5);
	snprintf(keys, sizeof keys, "%s/shopfloor/keys", run->options.state);
	snprintf(report, sizeof report, "%s/shopfloor/report.json", run->options.state);
	snprintf(seed, sizeof seed, "%" PRIu64, run->options.seed);
	snprintf(duration, sizeof duration, "%" PRId64, run->duration_s);
	snprintf(rate, sizeof rate, "%.2f", run->rate_percent / 100.0);
	snprintf(origin, sizeof origin, "%" PRId64, run->origin_ns);
	snprintf(wall, sizeof wall, "%" PRId64, run->wall_ns);
	struct run_child *child = run->wall_ns
		? run_child_add(run, "shopfloor", run->options.program, "shopfloor", "--seed", seed, "--broker", broker, "--keys", keys, "--report", report, "--duration",
			  duration, "--rate", rate, "--origin-ns", origin, "--wall-ns", wall, NULL)
		: run_child_add(run, "shopfloor", run->options.program, "shopfloor", "--seed", seed, "--broker", broker, "--keys", keys, "--report", report, NULL);
	return run_child_start(run, child, fault);
}

static enum status replay_child(struct run *run, struct fault *fault)
{
	char broker[64], node[64], organisation[1024], gateway[1024], report[1024];
	run_node_url(run, 0, node);
	snprintf(broker, sizeof broker, "127.0.0.1:%d", run->port + 5);
	snprintf(organisation, sizeof organisation, "%s/manufacturer", run->options.state);
	snprintf(gateway, sizeof gateway, "%s/gateway", run->options.state);
	snprintf(report, sizeof report, "%s/shopfloor/report.json", run->options.state);
	return run_child_start(run, run_child_add(run, "replay", run->options.program, "replay", "--node", node, "--folder", organisation, "--gateway", gateway,
		"--broker", broker, "--report", report, "cmapss", run->options.replay, NULL), fault);
}

enum status run_start_floor(struct run *run, struct fault *fault)
{
	char path[1024];
	if (run->options.check && !run->options.replay) {
		/* Faster than real time: the simulated span ends at about the present, so that no time stamp lies ahead. */
		run->rate_percent = 1200;
		run->duration_s = 1260;
		run->wall_ns = clock_now_ns();
		run->origin_ns = run->wall_ns - (run->duration_s + 120) * NS_PER_S;
	}
	TRY(gateway_configure(run, fault));
	snprintf(path, sizeof path, "%s/gateway/gateway.ini", run->options.state);
	TRY(run_child_start(run, run_child_add(run, "gateway", run->options.program, "gateway", "--config", path, NULL), fault));
	return run->options.replay ? replay_child(run, fault) : floor_child(run, fault);
}
