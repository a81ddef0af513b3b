/* Statements made final by four nodes on this machine, each with its own disk flushes. Statements are signed before the clock
 * starts, and reach the node of their organisation over the wire, as a gateway's do. */
#include "app/bench.h"

#include "app/run_ask.h"
#include "base/map.h"
#include "host/disk.h"
#include "host/keys.h"
#include "host/wire.h"
#include "record/genesis.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	MEMBERS = RUN_MEMBERS,
	BODY_BYTES = 256,
	WINDOW = 1000,                /* statements of one organisation on their way, when as many as possible are wanted */
	PATIENCE_MS = 30000,
	IDLE_SINGLES = 40,
	IDLE_PAUSE_MS = 400,
	STATEMENTS_MAX = 60000,       /* signed at a time; about 3 KiB each */
};

/* One organisation's statements, in the order of its sequence. */
struct chain {
	struct trial *trial;
	int member;
	struct signing_key *key;
	char iss[64];
	uint64_t seq;
	struct digest last;
	struct buffer bytes;
	struct item {
		size_t at, size;
		struct digest id;
		int64_t due_ns;       /* when it was to be sent, or was */
	} *items;
	size_t count, sent, final;
	enum status signed_status;
	atomic_bool done;             /* signing */
};

/* What the loop runs for. */
enum purpose {
	CONNECT,                      /* until there is a link to every node */
	SIGN,                         /* until the statements are signed; the links are kept alive meanwhile */
	SEND_MOST,                    /* as many at a time as the window lets */
	SEND_EVENLY,                  /* at a rate */
	SEND_SINGLY,                  /* one, and a pause after it is final */
};

struct trial {
	enum purpose purpose;
	struct bench_site site;
	struct buffer genesis_bytes;
	struct genesis genesis;
	struct signing_key *tls_key;
	struct loop *loop;
	struct loop_timer *timer;
	struct wire *wire;
	struct wire_link *links[MEMBERS];
	struct chain chains[MEMBERS];
	struct map by_id;             /* member << 32 | item */
	double *latencies_s;
	size_t latency_count, total;
	double rate;                  /* SEND_EVENLY: statements a second */
	int64_t start_ns, progress_ns, next_ns;
	size_t started;               /* SEND_EVENLY, SEND_SINGLY: how many were sent */
	bool stopped;                 /* by us: all is final, or a fault */
	struct fault fault;
};

/* -- statements ------------------------------------------------------------------------------------- */

static void body_make(const struct chain *chain, uint64_t number, struct buffer *out)
{
	char text[BODY_BYTES + 1], order[32];
	snprintf(order, sizeof order, "PO-%d-%08" PRIu64, chain->member, number);
	memset(text, 'x', sizeof text);
	struct body_event event = {.kind = span_of_text("order"), .type = span_of_text("TransactionEvent"), .step = span_of_text("accepting"),
		.time_ms = INT64_C(1767225600000) + (int64_t)number, .place = span_of_text("airframe/plant-1"), .item_count = 1, .detail_count = 2};
	event.items[0] = span_of_text("urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52");
	event.details[0] = (struct body_detail){span_of_text("note"), span_of(text, 1)};
	event.details[1] = (struct body_detail){span_of_text("order"), span_of_text(order)};
	body_event_encode(&event, out);
	/* Padded to the size that is announced. */
	size_t missing = out->size < BODY_BYTES ? BODY_BYTES - out->size : 0;
	event.details[0].text = span_of(text, 1 + (missing > 1 ? missing - 1 : 0));
	buffer_clear(out);
	body_event_encode(&event, out);
}

static void *chain_sign(void *context)
{
	struct chain *chain = context;
	struct buffer body = {0};
	uint8_t randomness[32] = {0};
	for (size_t i = 0; i < chain->count && chain->signed_status == OK && !run_interrupted(); i++) {
		struct item *item = &chain->items[i];
		buffer_clear(&body);
		body_make(chain, chain->seq + 1, &body);
		struct statement statement = {.type = STATEMENT_EVENT, .seq = chain->seq + 1, .prev = chain->last, .class = CLASS_CONSORTIUM,
			.iss = span_of_text(chain->iss), .sub = span_of_text(chain->iss), .iat = 1767225600, .body = buffer_span(&body)};
		memcpy(statement.network, chain->trial->genesis.network, NETWORK_ID_SIZE);
		item->at = chain->bytes.size;
		chain->signed_status = statement_sign(&statement, chain->key, randomness, &chain->bytes, &item->id);
		item->size = chain->bytes.size - item->at;
		chain->last = item->id;
		chain->seq++;
	}
	buffer_free(&body);
	atomic_store(&chain->done, true);
	return NULL;
}

static enum status loop_through(struct trial *trial, enum purpose purpose, struct fault *fault);

/* `count` statements of every organisation, signed at the same time. */
static enum status chains_sign(struct trial *trial, size_t count, struct fault *fault)
{
	pthread_t threads[MEMBERS];
	int begun = 0;
	enum status status = OK;
	map_free(&trial->by_id);
	trial->by_id = (struct map){0};
	for (int m = 0; m < MEMBERS; m++) {
		struct chain *chain = &trial->chains[m];
		buffer_clear(&chain->bytes);
		free(chain->items);
		chain->items = memory_new_array(count, sizeof *chain->items);
		chain->count = count;
		chain->sent = chain->final = 0;
		atomic_store(&chain->done, false);
		begun += begun == m && pthread_create(&threads[m], NULL, chain_sign, chain) == 0;
	}
	if (begun == MEMBERS)
		status = loop_through(trial, SIGN, fault);
	for (int m = 0; m < begun; m++)
		pthread_join(threads[m], NULL);
	TRY(status);
	for (int m = 0; m < MEMBERS; m++) {
		struct chain *chain = &trial->chains[m];
		if (begun < MEMBERS || chain->signed_status != OK)
			return fault_set(fault, E_IO, "the statements could not be signed");
		for (size_t i = 0; i < count; i++)
			map_put(&trial->by_id, digest_span(&chain->items[i].id), (uint64_t)m << 32 | i);
	}
	free(trial->latencies_s);
	trial->latencies_s = memory_new_array(MEMBERS * count, sizeof *trial->latencies_s);
	trial->latency_count = 0;
	trial->total = MEMBERS * count;
	return OK;
}

/* -- submitting ---------------------------------------------------------------------------------------- */

static void stop(struct trial *trial)
{
	trial->stopped = true;
	loop_stop(trial->loop);
}

static bool send_one(struct chain *chain, int64_t due_ns)
{
	struct trial *trial = chain->trial;
	struct item *item = &chain->items[chain->sent];
	struct wire_link *link = trial->links[chain->member];
	if (!link || wire_send(link, WIRE_SUBMIT, span_of(chain->bytes.data + item->at, item->size)) != OK)
		return false;
	item->due_ns = due_ns;
	chain->sent++;
	return true;
}

static void send_window(struct chain *chain)
{
	while (chain->sent < chain->count && chain->sent - chain->final < WINDOW)
		if (!send_one(chain, clock_monotonic_ns()))
			break;
}

/* Everything that is due by now; late sending does not hide waiting, for the latency counts from when it was due. */
static void send_due(struct trial *trial, int64_t now_ns)
{
	while (trial->started < trial->total) {
		int64_t due_ns = trial->start_ns + (int64_t)((double)trial->started / trial->rate * 1e9);
		if (due_ns > now_ns || !send_one(&trial->chains[trial->started % MEMBERS], due_ns))
			break;
		trial->started++;
	}
}

static bool is_over(const struct trial *trial)
{
	bool over = true;
	for (int m = 0; m < MEMBERS; m++)
		over = over && (trial->purpose == CONNECT ? trial->links[m] != NULL : atomic_load(&trial->chains[m].done));
	return over;
}

static void on_timer(void *context)
{
	struct trial *trial = context;
	int64_t now_ns = clock_monotonic_ns();
	bool waiting = trial->purpose == CONNECT || trial->purpose == SIGN;
	if (trial->purpose == SEND_EVENLY)
		send_due(trial, now_ns);
	if (trial->purpose == SEND_SINGLY && now_ns >= trial->next_ns && trial->started == trial->latency_count && trial->started < trial->total)
		trial->started += send_one(&trial->chains[trial->started % MEMBERS], now_ns);
	if (waiting && is_over(trial)) {
		stop(trial);
		return;
	}
	if (trial->purpose != SIGN && now_ns - trial->progress_ns > PATIENCE_MS * NS_PER_MS) {
		fault_set(&trial->fault, E_BUSY, "nothing happened for %d s; %zu of %zu statements are final", PATIENCE_MS / 1000, trial->latency_count, trial->total);
		stop(trial);
		return;
	}
	loop_timer_set(trial->timer, 1);
}

static void on_outcome(struct trial *trial, int member, struct span bytes)
{
	struct reader in = reader_of(bytes);
	enum status status = (enum status)read_u32(&in);
	read_u64(&in);
	struct digest id = read_digest(&in);
	uint64_t place;
	if (in.failed || !map_get(&trial->by_id, digest_span(&id), &place) || (int)(place >> 32) != member)
		return;
	if (status != OK) {
		fault_set(&trial->fault, status, "a statement was refused (%s): %.*s", status_name(status), (int)in.rest.size, (const char *)in.rest.data);
		stop(trial);
		return;
	}
	struct chain *chain = &trial->chains[member];
	int64_t now_ns = clock_monotonic_ns();
	trial->latencies_s[trial->latency_count++] = (double)(now_ns - chain->items[place & UINT32_MAX].due_ns) / 1e9;
	trial->progress_ns = now_ns;
	chain->final++;
	/* Not in step with anything in the nodes. */
	trial->next_ns = now_ns + (IDLE_PAUSE_MS + (int64_t)(trial->latency_count * 37 % 50)) * NS_PER_MS;
	if (trial->latency_count == trial->total)
		stop(trial);
	else if (trial->purpose == SEND_MOST)
		send_window(chain);
}

static bool on_identify(void *context, const struct digest *tls_key, uint32_t *identity)
{
	struct trial *trial = context;
	for (size_t i = 0; i < trial->genesis.member_count; i++)
		if (digest_equal(&trial->genesis.members[i].org.tls_key, tls_key)) {
			*identity = (uint32_t)i;
			return true;
		}
	return false;
}

static void on_up(void *context, struct wire_link *link, uint32_t identity)
{
	struct trial *trial = context;
	trial->links[identity] = link;
}

static void on_down(void *context, struct wire_link *link, uint32_t identity)
{
	(void)link;
	struct trial *trial = context;
	trial->links[identity] = NULL;
	if (trial->purpose != CONNECT) {
		fault_set(&trial->fault, E_CLOSED, "the node of %s closed the connection", run_member((int)identity));
		stop(trial);
	}
}

static void on_frame(void *context, struct wire_link *link, uint32_t identity, uint8_t kind, struct span bytes)
{
	(void)link;
	if (kind == WIRE_OUTCOME)
		on_outcome(context, (int)identity, bytes);
}

static enum status loop_through(struct trial *trial, enum purpose purpose, struct fault *fault)
{
	trial->purpose = purpose;
	trial->fault.text[0] = '\0';
	trial->stopped = false;
	trial->start_ns = trial->progress_ns = clock_monotonic_ns();
	trial->started = 0;
	trial->next_ns = 0;
	loop_timer_set(trial->timer, 1);
	if (purpose == SEND_MOST)
		for (int m = 0; m < MEMBERS; m++)
			send_window(&trial->chains[m]);
	loop_run(trial->loop);
	loop_timer_clear(trial->timer);
	TRY(bench_site_check(&trial->site, fault));
	if (trial->fault.text[0])
		return fault_set(fault, E_CLOSED, "%s", trial->fault.text);
	return trial->stopped ? OK : fault_set(fault, E_CLOSED, "the measurement was interrupted");
}

/* -- set-up ---------------------------------------------------------------------------------------------- */

static enum status chain_open(struct trial *trial, int member, struct fault *fault)
{
	struct chain *chain = &trial->chains[member];
	char name[64], path[1200], url[64];
	*chain = (struct chain){.trial = trial, .member = member};
	snprintf(chain->iss, sizeof chain->iss, "org:%s", run_member(member));
	snprintf(name, sizeof name, "%s/keys/record.key", run_member(member));
	bench_site_path(&trial->site, name, path);
	TRY(keys_load(path, false, &chain->key, fault));
	bench_site_url(&trial->site, member, url);
	yyjson_doc *doc = ask(url, "/api/v1/entities?kind=org");
	size_t at, max;
	yyjson_val *entity;
	yyjson_arr_foreach(ask_member(yyjson_doc_get_root(doc), "entities"), at, max, entity) {
		if (strcmp(ask_text(entity, "name"), chain->iss) != 0 || !span_from_hex(span_of_text(ask_text(entity, "last_id")), chain->last.bytes, DIGEST_SIZE))
			continue;
		chain->seq = yyjson_get_uint(ask_member(entity, "last_seq"));
	}
	yyjson_doc_free(doc);
	return chain->seq ? OK : fault_set(fault, E_CLOSED, "the node of %s does not tell its organisation's sequence", chain->iss);
}

static double node_number(const struct trial *trial, int member, const char *object, const char *name)
{
	char url[64];
	bench_site_url(&trial->site, member, url);
	yyjson_doc *doc = ask(url, "/api/v1/node");
	yyjson_val *root = yyjson_doc_get_root(doc);
	double value = doc ? ask_number(object ? ask_member(root, object) : root, name) : NAN;
	yyjson_doc_free(doc);
	return value;
}

/* Until all four logs have this size. */
static enum status logs_wait(struct trial *trial, double size, struct fault *fault)
{
	int64_t until = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS;
	for (int m = 0; m < MEMBERS;) {
		TRY(bench_go_on(fault));
		if (node_number(trial, m, NULL, "log_size") >= size)
			m++;
		else if (clock_monotonic_ns() > until)
			return fault_set(fault, E_BUSY, "the log of %s did not grow to %.0f entries", run_member(m), size);
		else
			run_sleep_ms(2);
	}
	return OK;
}

/* The bench is a registered gateway: such are who submits over the wire. */
static enum status guest_register(struct trial *trial, struct fault *fault)
{
	char folder[1200], owner[1200], document[1200], node[64], key[1200];
	bench_site_path(&trial->site, "gateway", folder);
	bench_site_path(&trial->site, "manufacturer", owner);
	bench_site_path(&trial->site, "gateway/gateway.json", document);
	bench_site_path(&trial->site, "gateway/keys/tls.key", key);
	bench_site_url(&trial->site, 0, node);
	TRY(run_command(&trial->site.run, fault, "init", "gateway", "--folder", folder, "--id", "gw:manufacturer/bench", "--site", "bench", NULL));
	TRY(run_command(&trial->site.run, fault, "register", "--node", node, "--folder", owner, document, NULL));
	TRY(logs_wait(trial, MEMBERS + 1, fault));
	return keys_load(key, false, &trial->tls_key, fault);
}

static enum status trial_open(struct bench *bench, struct trial *trial, struct fault *fault)
{
	char path[1200];
	TRY(bench_site_open(bench, "ledger", MEMBERS, &trial->site, fault));
	bench_site_path(&trial->site, "genesis.cbor", path);
	TRY(disk_read(path, 4 << 20, &trial->genesis_bytes, fault));
	TRY(genesis_decode(buffer_span(&trial->genesis_bytes), &trial->genesis, fault));
	TRY(guest_register(trial, fault));
	for (int m = 0; m < MEMBERS; m++)
		TRY(chain_open(trial, m, fault));
	trial->loop = loop_new();
	trial->timer = loop_timer_new(trial->loop, on_timer, trial);
	struct wire_callbacks callbacks = {.context = trial, .identify = on_identify, .up = on_up, .down = on_down, .frame = on_frame};
	TRY(wire_new(trial->loop, trial->tls_key, &callbacks, &trial->wire, fault));
	for (int m = 0; m < MEMBERS; m++) {
		const struct genesis_member *member = &trial->genesis.members[m];
		char address[200];
		snprintf(address, sizeof address, "%.*s", (int)member->org.address.size, (const char *)member->org.address.data);
		TRY(wire_dial(trial->wire, address, &member->org.tls_key, fault));
	}
	return loop_through(trial, CONNECT, fault);
}

static void trial_close(struct trial *trial)
{
	wire_free(trial->wire);
	if (trial->timer)
		loop_timer_free(trial->timer);
	loop_free(trial->loop);
	bench_site_close(&trial->site);
	for (int m = 0; m < MEMBERS; m++) {
		signing_key_free(trial->chains[m].key);
		buffer_free(&trial->chains[m].bytes);
		free(trial->chains[m].items);
	}
	signing_key_free(trial->tls_key);
	genesis_free(&trial->genesis);
	buffer_free(&trial->genesis_bytes);
	map_free(&trial->by_id);
	free(trial->latencies_s);
}

/* -- the measurements -------------------------------------------------------------------------------------- */

struct profile {
	double signature_s, cpu_s, checks;
};

static struct profile profile_take(const struct trial *trial)
{
	struct profile sum = {0};
	for (int m = 0; m < MEMBERS; m++) {
		sum.signature_s += node_number(trial, m, "profile", "signature_ns") / 1e9;
		sum.cpu_s += node_number(trial, m, "profile", "cpu_ns") / 1e9;
		sum.checks += node_number(trial, m, "profile", "signature_checks");
	}
	return sum;
}

/* As many as possible; statements a second, final on all nodes. */
static enum status most(struct bench *bench, struct trial *trial, double *rate, struct fault *fault)
{
	/* Not more than the limit lets through in the given time. */
	double limit = bench_cores() / (MEMBERS * bench->verify_s);
	double count = fmin(limit * bench->seconds, STATEMENTS_MAX) / MEMBERS;
	double before = node_number(trial, 0, NULL, "log_size");
	bench_tell("ledger: signing %.0f statements", MEMBERS * floor(count));
	TRY(chains_sign(trial, (size_t)count, fault));
	struct profile from = profile_take(trial);
	TRY(loop_through(trial, SEND_MOST, fault));
	TRY(logs_wait(trial, before + (double)trial->total, fault));
	double elapsed = (double)(clock_monotonic_ns() - trial->start_ns) / 1e9;
	struct profile to = profile_take(trial);
	*rate = (double)trial->total / elapsed;
	double cpu = to.cpu_s - from.cpu_s;
	bench_row_peer(bench_row_add(bench, "ledger", *rate, "statements/s", "final on 4 nodes, %d B bodies, %zu statements in %.1f s", BODY_BYTES, trial->total, elapsed),
		limit, NULL, "limit by signature checks: cores / (4 x verify)");
	bench_row_peer(bench_row_add(bench, "ledger", bench_cores() * (double)trial->total / cpu, "statements/s", "  if the nodes had the %d cores alone: by processor time", bench_cores()),
		limit, NULL, "the same limit");
	bench_row_peer(bench_row_add(bench, "ledger", cpu / elapsed, "cores", "  used by the four nodes"), bench_cores(), NULL, "there are");
	bench_row_peer(bench_row_add(bench, "ledger", (to.signature_s - from.signature_s) / cpu * 100, "%", "  signature checks' share of the nodes' processor time"),
		100 * 4 * (double)trial->total * bench->verify_s / cpu, NULL, "4 x statements x verify, measured alone");
	bench_row_peer(bench_row_add(bench, "ledger", cpu / (double)trial->total * 1e6, "us", "  processor time a statement, four nodes together"),
		4 * bench->verify_s * 1e6, NULL, "4 x verify");
	return OK;
}

static void finality_rows(struct bench *bench, struct trial *trial, const char *what, bool with_floor)
{
	/* Three rounds, each with a flush before it is told, and not sooner than the least time between two blocks. */
	double least = 3 * (0.020 + bench->fdatasync_s) * 1e3;
	struct bench_row *row = bench_row_add(bench, "ledger", ask_quantile(trial->latencies_s, trial->latency_count, 0.5) * 1e3, "ms", "  finality p50, %s", what);
	bench_row_peer(row, least, NULL, "3 x (20 ms + fdatasync)");
	row->floor = 150;
	row->sense = with_floor ? BENCH_AT_MOST : BENCH_NO_FLOOR;
	bench_row_peer(bench_row_add(bench, "ledger", ask_quantile(trial->latencies_s, trial->latency_count, 0.99) * 1e3, "ms", "  finality p99, %s", what), least, NULL,
		"3 x (20 ms + fdatasync)");
}

static enum status finality_at(struct bench *bench, struct trial *trial, double most_rate, double share, struct fault *fault)
{
	char what[48];
	double rate = most_rate * share;
	double count = fmax(fmin(rate * bench->seconds, STATEMENTS_MAX) / MEMBERS, 10);
	TRY(chains_sign(trial, (size_t)count, fault));
	trial->rate = rate;
	TRY(loop_through(trial, SEND_EVENLY, fault));
	snprintf(what, sizeof what, "at %.0f %% of that rate (%.0f/s)", share * 100, rate);
	finality_rows(bench, trial, what, share < 0.8);
	return OK;
}

static enum status finality_idle(struct bench *bench, struct trial *trial, struct fault *fault)
{
	TRY(chains_sign(trial, IDLE_SINGLES / MEMBERS, fault));
	TRY(loop_through(trial, SEND_SINGLY, fault));
	finality_rows(bench, trial, "a single one, idle ledger", true);
	return OK;
}

static void growth_rows(struct bench *bench, const struct trial *trial, const struct bench_use *before, const struct bench_use *after)
{
	double count = node_number(trial, 0, NULL, "log_size"), size = (double)trial->chains[0].items[0].size;
	bench_row_peer(bench_row_add(bench, "ledger", (after->resident_bytes - before->resident_bytes) / count, "B", "  memory of a node, for each of %.0f statements", count),
		size, NULL, "a statement");
	bench_row_peer(bench_row_add(bench, "ledger", (after->written_bytes - before->written_bytes) / count, "B", "  written to a node's disk, for each"), size, NULL,
		"a statement");
}

static enum status measure(struct bench *bench, struct trial *trial, struct fault *fault)
{
	double rate = 0;
	struct bench_use before;
	TRY(trial_open(bench, trial, fault));
	if (!bench_site_use(&trial->site, "manufacturer", &before))
		return fault_set(fault, E_IO, "/proc does not tell what the nodes use");
	TRY(most(bench, trial, &rate, fault));
	TRY(finality_at(bench, trial, rate, 0.1, fault));
	TRY(finality_at(bench, trial, rate, 0.5, fault));
	TRY(finality_at(bench, trial, rate, 0.9, fault));
	TRY(finality_idle(bench, trial, fault));
	struct bench_use after;
	if (bench_site_use(&trial->site, "manufacturer", &after))
		growth_rows(bench, trial, &before, &after);
	return OK;
}

enum status bench_ledger(struct bench *bench, struct fault *fault)
{
	struct trial *trial = memory_new_array(1, sizeof *trial);
	enum status status = OK;
	/* The limit rests on it. */
	if (bench->verify_s == 0)
		status = bench_crypto(bench, fault);
	if (status == OK)
		status = measure(bench, trial, fault);
	trial_close(trial);
	free(trial);
	return status;
}
