#include "bench/bench.h"

#include "command/answer.h"
#include "run/ask.h"
#include "host/disk.h"
#include "host/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 60 };

enum status bench_port(int *port, struct fault *fault)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0;
	*port = ntohs(address.sin_port);
	if (fd >= 0)
		close(fd);
	return good ? OK : fault_set(fault, E_IO, "no free port on 127.0.0.1: %s", strerror(errno));
}

void bench_site_url(const struct bench_site *site, int member, char out[64])
{
	snprintf(out, 64, "http://127.0.0.1:%d", site->http_ports[member]);
}

void bench_site_path(const struct bench_site *site, const char *name, char out[1200])
{
	snprintf(out, 1200, "%s/%.90s", site->folder, name);
}

enum status bench_site_write(const struct bench_site *site, const char *name, const struct buffer *text, struct fault *fault)
{
	char path[1200];
	bench_site_path(site, name, path);
	return disk_write(path, buffer_span(text), 0600, fault);
}

static enum status folder_make(const struct bench_site *site, const char *name, struct fault *fault)
{
	char path[1200];
	bench_site_path(site, name, path);
	return disk_folder(path, fault);
}

static enum status organisation_make(struct bench_site *site, int member, struct fault *fault)
{
	char folder[1200], id[64], address[64], name[64];
	int port;
	struct buffer text = {0};
	TRY(bench_port(&port, fault));
	TRY(bench_port(&site->http_ports[member], fault));
	bench_site_path(site, run_member(member), folder);
	snprintf(id, sizeof id, "org:%s", run_member(member));
	snprintf(address, sizeof address, "127.0.0.1:%d", port);
	TRY(run_command(&site->run, fault, "init", "org", "--folder", folder, "--id", id, "--role", run_member(member), "--address", address, NULL));
	buffer_printf(&text, "[node]\nfolder = .\ngenesis = ../genesis.cbor\n\n[http]\nlisten = 127.0.0.1:%d\n", site->http_ports[member]);
	snprintf(name, sizeof name, "%s/node.ini", run_member(member));
	enum status status = bench_site_write(site, name, &text, fault);
	buffer_free(&text);
	return status;
}

static enum status genesis_make(struct bench_site *site, struct fault *fault)
{
	char out[1200], name[64], statements[RUN_MEMBERS][1200];
	const char *given[RUN_MEMBERS] = {0};
	bench_site_path(site, "genesis.cbor", out);
	for (int i = 0; i < site->members; i++) {
		snprintf(name, sizeof name, "%s/org.cose", run_member(i));
		bench_site_path(site, name, statements[i]);
		given[i] = statements[i];
	}
	return run_command(&site->run, fault, "init", "genesis", "--name", "Benchmark consortium", "--out", out, given[0], given[1], given[2], given[3], NULL);
}

static enum status nodes_start(struct bench_site *site, struct fault *fault)
{
	for (int i = 0; i < site->members; i++) {
		char name[64], path[1200];
		snprintf(name, sizeof name, "%s/node.ini", run_member(i));
		bench_site_path(site, name, path);
		TRY(run_child_start(&site->run, run_child_add(&site->run, run_member(i), site->run.options.program, "node", "--config", path, NULL), fault));
	}
	return OK;
}

double bench_site_number(const struct bench_site *site, int member, const char *object, const char *name)
{
	char url[64];
	bench_site_url(site, member, url);
	yyjson_doc *doc = ask(url, "/api/v1/node");
	yyjson_val *root = yyjson_doc_get_root(doc);
	double value = doc ? ask_number(object ? ask_member(root, object) : root, name) : NAN;
	yyjson_doc_free(doc);
	return value;
}

static int peers_connected(const struct bench_site *site, int member)
{
	char url[64];
	int connected = 0;
	size_t at, max;
	yyjson_val *peer;
	bench_site_url(site, member, url);
	yyjson_doc *doc = ask(url, "/api/v1/node");
	yyjson_arr_foreach(ask_member(yyjson_doc_get_root(doc), "members"), at, max, peer)
		connected += ask_bool(peer, "connected") && !ask_bool(peer, "self");
	int result = doc ? connected : -1;
	yyjson_doc_free(doc);
	return result;
}

static enum status nodes_wait(struct bench_site *site, struct fault *fault)
{
	int64_t until = clock_monotonic_ns() + PATIENCE_S * NS_PER_S;
	for (int i = 0; i < site->members;) {
		TRY(bench_go_on(fault));
		TRY(bench_site_check(site, fault));
		if (peers_connected(site, i) >= site->members - 1)
			i++;
		else if (clock_monotonic_ns() > until)
			return fault_set(fault, E_BUSY, "the nodes did not find each other within a minute");
		else
			run_sleep_ms(50);
	}
	return OK;
}

enum status bench_site_open(struct bench *bench, const char *name, int members, struct bench_site *site, struct fault *fault)
{
	*site = (struct bench_site){.members = members};
	snprintf(site->folder, sizeof site->folder, "%s/%s", bench->folder, name);
	site->run.options = (struct run_options){.state = site->folder, .program = bench->program};
	TRY(disk_folder(site->folder, fault));
	TRY(folder_make(site, "logs", fault));
	for (int i = 0; i < members; i++)
		TRY(organisation_make(site, i, fault));
	TRY(genesis_make(site, fault));
	TRY(nodes_start(site, fault));
	return nodes_wait(site, fault);
}

void bench_site_close(struct bench_site *site)
{
	run_stop(&site->run);
	bench_folder_remove(site->folder);
}

enum status bench_site_broker(struct bench_site *site, int *port, struct fault *fault)
{
	char path[1200];
	struct buffer text = {0};
	TRY(bench_port(port, fault));
	buffer_printf(&text, "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 50000\nset_tcp_nodelay true\n"
			     "log_type error\nlog_type warning\n", *port);
	enum status status = bench_site_write(site, "mosquitto.conf", &text, fault);
	buffer_free(&text);
	bench_site_path(site, "mosquitto.conf", path);
	return status == OK ? run_child_start(&site->run, run_child_add(&site->run, "broker", "mosquitto", "-c", path, NULL), fault) : status;
}

/* A process that ended is not started again here: the measurement is void. Its last words are shown, for the folder is removed. */
enum status bench_site_check(struct bench_site *site, struct fault *fault)
{
	for (size_t i = 0; i < site->run.child_count; i++) {
		struct run_child *child = &site->run.children[i];
		if (child->pid == 0 || waitpid(child->pid, NULL, WNOHANG) != child->pid)
			continue;
		child->pid = 0;
		char path[1200], name[64];
		struct buffer text = {0};
		struct fault ignored;
		snprintf(name, sizeof name, "logs/%s.log", child->name);
		bench_site_path(site, name, path);
		bool read = disk_read(path, 16 << 20, &text, &ignored) == OK;
		size_t last = !read ? 0 : text.size < 300 ? text.size : 300;
		fault_set(fault, E_CLOSED, "%s ended during the measurement; its last words: %.*s", child->name, (int)last,
			last ? (const char *)text.data + text.size - last : "");
		buffer_free(&text);
		return E_CLOSED;
	}
	return OK;
}

bool bench_site_use(struct bench_site *site, const char *name, struct bench_use *out)
{
	const struct run_child *child = run_child_find(&site->run, name);
	return child && child->pid && bench_use(child->pid, out);
}
