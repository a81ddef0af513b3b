#include "bench/trial.h"

#include "run/ask.h"
#include "base/random.h"
#include "crypto/merkle.h"
#include "crypto/hash.h"
#include "host/disk.h"
#include "host/keys.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	WINDOW = 1000,                /* statements of one organisation on their way, when as many as possible are wanted */
	WINDOW_BYTES = 4 << 20,       /* and not more than this */
	PATIENCE_MS = 30000,
	IDLE_PAUSE_MS = 400,
	DETAIL_MAX = 380,             /* of the body's form: 400 */
};

/* -- statements ------------------------------------------------------------------------------------- */

/* A record is 256 B that do not compress; its first bytes tell whose it is and which. */
static void record_make(int member, uint64_t number, char out[TRIAL_RECORD])
{
	struct random random = random_of((uint64_t)member << 56 ^ number);
	for (size_t i = 0; i < TRIAL_RECORD; i += 8) {
		uint64_t bits = random_next(&random);
		for (size_t j = 0; j < 8; j++)
			out[i + j] = (char)('0' + (bits >> 8 * j & 63));
	}
}

static void event_make(const struct trial_chain *chain, uint64_t number, struct buffer *out)
{
	const struct trial *trial = chain->trial;
	char fill[DETAIL_MAX], order[32], records[TRIAL_BODY_RECORDS][TRIAL_RECORD];
	snprintf(order, sizeof order, "PO-%d-%08" PRIu64, chain->member, number);
	memset(fill, 'x', sizeof fill);
	struct body_event event = {.kind = span_of_text("order"), .type = span_of_text("TransactionEvent"), .step = span_of_text("accepting"),
		.time_ms = INT64_C(1767225600000) + (int64_t)number, .place = span_of_text("airframe/plant-1"), .item_count = 1};
	event.items[0] = span_of_text("urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52");
	if (trial->records) {
		CHECK(trial->records <= TRIAL_BODY_RECORDS);
		for (size_t i = 0; i < trial->records; i++) {
			record_make(chain->member, number * TRIAL_BODY_RECORDS + i, records[i]);
			event.details[event.detail_count++] = (struct body_detail){span_of_text("r"), span_of(records[i], TRIAL_RECORD)};
		}
		body_event_encode(&event, out);
		return;
	}
	event.details[event.detail_count++] = (struct body_detail){span_of_text("order"), span_of_text(order)};
	body_event_encode(&event, out);
	/* Padded to the size that is announced. */
	while (out->size < trial->body_bytes && event.detail_count < BODY_DETAILS_MAX) {
		size_t missing = trial->body_bytes - out->size, head = 12;
		size_t text = missing > head ? missing - head : 1;
		event.details[event.detail_count++] = (struct body_detail){span_of_text("note"), span_of(fill, text < DETAIL_MAX ? text : DETAIL_MAX)};
		buffer_clear(out);
		body_event_encode(&event, out);
	}
}

/* The bytes of a chunk: its records one after another. */
static void chunk_make(const struct trial_chain *chain, uint64_t number, struct buffer *out)
{
	char record[TRIAL_RECORD];
	for (size_t i = 0; i < chain->trial->records; i++) {
		record_make(chain->member, number * TRIAL_CHUNK_RECORDS + i, record);
		buffer_append(out, record, sizeof record);
	}
}

static void anchor_make(const struct trial_chain *chain, struct trial_item *item, struct buffer *out)
{
	struct buffer chunk = {0};
	struct merkle_tree tree = {0};
	CHECK(chain->trial->records <= TRIAL_CHUNK_RECORDS);
	chunk_make(chain, item->number, &chunk);
	for (size_t i = 0; i < chain->trial->records; i++) {
		struct digest leaf = merkle_leaf(span_of(chunk.data + i * TRIAL_RECORD, TRIAL_RECORD));
		merkle_tree_append(&tree, &leaf);
	}
	item->chunk = sha256(buffer_span(&chunk));
	struct body_anchor anchor = {.chunk = item->chunk, .root = merkle_tree_root(&tree, chain->trial->records), .samples = chain->trial->records,
		.size = chunk.size, .first_ns = INT64_C(1767225600000000000), .last_ns = INT64_C(1767225600000000000), .wrangling = sha256(span_of_text("none")),
		.firmware = sha256(span_of_text("bench")), .evidence = EVIDENCE_GATEWAY, .site = span_of_text("bench"), .purpose = span_of_text("measurement")};
	body_anchor_encode(&anchor, out);
	merkle_tree_free(&tree);
	buffer_free(&chunk);
}

static void *chain_sign(void *context)
{
	struct trial_chain *chain = context;
	const struct trial *trial = chain->trial;
	struct trial_issuer *issuer = &chain->issuers[trial->voice];
	struct buffer body = {0};
	uint8_t randomness[32] = {0};
	uint64_t seq = issuer->seq;
	struct digest last = issuer->last;
	bool anchors = trial->voice == TRIAL_ANCHORS;
	for (size_t i = 0; i < chain->count && chain->signed_status == OK && !run_interrupted(); i++) {
		struct trial_item *item = &chain->items[i];
		buffer_clear(&body);
		item->number = ++seq;
		if (anchors)
			anchor_make(chain, item, &body);
		else
			event_make(chain, seq, &body);
		struct statement statement = {.type = anchors ? STATEMENT_ANCHOR : STATEMENT_EVENT, .seq = seq, .prev = last, .class = CLASS_CONSORTIUM,
			.iss = span_of_text(issuer->iss), .sub = span_of_text(issuer->iss), .iat = 1767225600, .body = buffer_span(&body)};
		memcpy(statement.network, trial->genesis.network, NETWORK_ID_SIZE);
		item->at = chain->bytes.size;
		chain->signed_status = statement_sign(&statement, issuer->key, randomness, &chain->bytes, &item->id);
		item->size = chain->bytes.size - item->at;
		last = item->id;
	}
	buffer_free(&body);
	atomic_store(&chain->done, true);
	return NULL;
}

static enum status loop_through(struct trial *trial, enum trial_purpose purpose, struct fault *fault);

enum status trial_sign(struct trial *trial, size_t count, struct fault *fault)
{
	pthread_t threads[TRIAL_MEMBERS];
	int begun = 0;
	enum status status = OK;
	map_free(&trial->by_id);
	trial->by_id = (struct map){0};
	for (int m = 0; m < TRIAL_MEMBERS; m++) {
		struct trial_chain *chain = &trial->chains[m];
		buffer_clear(&chain->bytes);
		free(chain->items);
		chain->items = memory_new_array(count, sizeof *chain->items);
		chain->count = count;
		chain->sent = chain->final = 0;
		atomic_store(&chain->durable, trial->voice == TRIAL_ANCHORS ? 0 : count);
		atomic_store(&chain->done, false);
		begun += begun == m && pthread_create(&threads[m], NULL, chain_sign, chain) == 0;
	}
	if (begun == TRIAL_MEMBERS)
		status = loop_through(trial, TRIAL_SIGN, fault);
	for (int m = 0; m < begun; m++)
		pthread_join(threads[m], NULL);
	TRY(status);
	for (int m = 0; m < TRIAL_MEMBERS; m++) {
		struct trial_chain *chain = &trial->chains[m];
		if (begun < TRIAL_MEMBERS || chain->signed_status != OK)
			return fault_set(fault, E_IO, "the statements could not be signed");
		for (size_t i = 0; i < count; i++)
			map_put(&trial->by_id, digest_span(&chain->items[i].id), (uint64_t)m << 32 | i);
	}
	free(trial->latencies_s);
	trial->latencies_s = memory_new_array(TRIAL_MEMBERS * count, sizeof *trial->latencies_s);
	trial->latency_count = 0;
	trial->total = TRIAL_MEMBERS * count;
	return OK;
}

/* -- chunk files ---------------------------------------------------------------------------------------- */

static void chunk_folder(const struct trial_chain *chain, char out[1200])
{
	char name[32];
	snprintf(name, sizeof name, "chunks-%d", chain->member);
	bench_site_path(&chain->trial->site, name, out);
}

/* As a gateway does it: a file under the digest, written beside, flushed, renamed, the folder flushed. */
static bool chunk_write(const struct trial_chain *chain, const struct trial_item *item, struct buffer *bytes)
{
	char hex[DIGEST_HEX_SIZE], folder[1200], path[1300];
	struct fault fault;
	span_hex(digest_span(&item->chunk), hex);
	chunk_folder(chain, folder);
	snprintf(path, sizeof path, "%.1199s/%s.chunk", folder, hex);
	buffer_clear(bytes);
	chunk_make(chain, item->number, bytes);
	return disk_folder(folder, &fault) == OK && disk_write(path, buffer_span(bytes), 0600, &fault) == OK;
}

static void *chunks_write(void *context)
{
	struct trial_chain *chain = context;
	struct buffer bytes = {0};
	for (size_t i = 0; i < chain->count && atomic_load(&chain->trial->writing); i++) {
		if (!chunk_write(chain, &chain->items[i], &bytes)) {
			atomic_store(&chain->writer_failed, true);
			break;
		}
		atomic_store(&chain->durable, i + 1);
	}
	buffer_free(&bytes);
	return NULL;
}

/* -- submitting ---------------------------------------------------------------------------------------- */

static bool time_is_up(const struct trial *trial, int64_t now_ns)
{
	return trial->purpose == TRIAL_MOST && trial->seconds > 0 && (double)(now_ns - trial->start_ns) > trial->seconds * 1e9;
}

static void stop(struct trial *trial)
{
	trial->stopped = true;
	loop_stop(trial->loop);
}

static bool send_one(struct trial_chain *chain, int64_t due_ns)
{
	struct trial *trial = chain->trial;
	struct trial_item *item = &chain->items[chain->sent];
	struct wire_link *link = trial->links[chain->member];
	if (!link || wire_send(link, WIRE_SUBMIT, span_of(chain->bytes.data + item->at, item->size)) != OK)
		return false;
	item->due_ns = due_ns;
	chain->sent++;
	return true;
}

static void send_window(struct trial_chain *chain, int64_t now_ns)
{
	size_t window = chain->count ? WINDOW_BYTES / (chain->items[0].size + 1) : 0, durable = atomic_load(&chain->durable);
	window = window > WINDOW ? WINDOW : window;
	while (chain->sent < durable && chain->sent - chain->final < window && !time_is_up(chain->trial, now_ns))
		if (!send_one(chain, now_ns))
			break;
}

/* Everything that is due by now; late sending does not hide waiting, for the latency counts from when it was due. */
static void send_due(struct trial *trial, int64_t now_ns)
{
	while (trial->started < trial->total) {
		int64_t due_ns = trial->start_ns + (int64_t)((double)trial->started / trial->rate * 1e9);
		if (due_ns > now_ns || !send_one(&trial->chains[trial->started % TRIAL_MEMBERS], due_ns))
			break;
		trial->started++;
	}
}

static bool is_over(const struct trial *trial)
{
	bool over = true;
	for (int m = 0; m < TRIAL_MEMBERS; m++)
		over = over && (trial->purpose == TRIAL_CONNECT ? trial->links[m] != NULL : atomic_load(&trial->chains[m].done));
	return over;
}

/* All is final, or the time is up and all that was sent is. */
static bool all_final(const struct trial *trial, int64_t now_ns)
{
	size_t sent = 0;
	for (int m = 0; m < TRIAL_MEMBERS; m++)
		sent += trial->chains[m].sent;
	return trial->latency_count == sent && (sent == trial->total || time_is_up(trial, now_ns));
}

static void on_timer(void *context)
{
	struct trial *trial = context;
	int64_t now_ns = clock_monotonic_ns();
	bool waiting = trial->purpose == TRIAL_CONNECT || trial->purpose == TRIAL_SIGN;
	for (int m = 0; m < TRIAL_MEMBERS && trial->purpose == TRIAL_MOST; m++) {
		if (atomic_load(&trial->chains[m].writer_failed))
			fault_set(&trial->fault, E_IO, "a chunk's file could not be written");
		send_window(&trial->chains[m], now_ns);
	}
	if (time_is_up(trial, now_ns))
		atomic_store(&trial->writing, false);
	if (trial->purpose == TRIAL_EVENLY)
		send_due(trial, now_ns);
	if (trial->purpose == TRIAL_SINGLY && now_ns >= trial->next_ns && trial->started == trial->latency_count && trial->started < trial->total)
		trial->started += send_one(&trial->chains[trial->started % TRIAL_MEMBERS], now_ns);
	if (trial->purpose != TRIAL_SIGN && now_ns - trial->progress_ns > PATIENCE_MS * NS_PER_MS)
		fault_set(&trial->fault, E_BUSY, "nothing happened for %d s; %zu of %zu statements are final", PATIENCE_MS / 1000, trial->latency_count, trial->total);
	if (trial->fault.text[0] || (waiting ? is_over(trial) : all_final(trial, now_ns)))
		stop(trial);
	else
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
	struct trial_chain *chain = &trial->chains[member];
	int64_t now_ns = clock_monotonic_ns();
	trial->latencies_s[trial->latency_count++] = (double)(now_ns - chain->items[place & UINT32_MAX].due_ns) / 1e9;
	trial->progress_ns = now_ns;
	chain->final++;
	/* Not in step with anything in the nodes. */
	trial->next_ns = now_ns + (IDLE_PAUSE_MS + (int64_t)(trial->latency_count * 37 % 50)) * NS_PER_MS;
	if (trial->purpose == TRIAL_MOST)
		send_window(chain, now_ns);
	if (all_final(trial, now_ns))
		stop(trial);
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
	/* While other things are waited for, the links' own messages may come too late; they are dialled again. */
	if (trial->purpose != TRIAL_CONNECT && trial->purpose != TRIAL_SIGN) {
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

static enum status loop_through(struct trial *trial, enum trial_purpose purpose, struct fault *fault)
{
	trial->purpose = purpose;
	trial->fault.text[0] = '\0';
	trial->stopped = false;
	trial->start_ns = trial->progress_ns = clock_monotonic_ns();
	trial->started = 0;
	trial->next_ns = 0;
	loop_timer_set(trial->timer, 1);
	loop_run(trial->loop);
	loop_timer_clear(trial->timer);
	TRY(bench_site_check(&trial->site, fault));
	if (trial->fault.text[0])
		return fault_set(fault, E_CLOSED, "%s", trial->fault.text);
	return trial->stopped ? OK : fault_set(fault, E_CLOSED, "the measurement was interrupted");
}

void trial_sent(struct trial *trial)
{
	for (int m = 0; m < TRIAL_MEMBERS; m++) {
		struct trial_chain *chain = &trial->chains[m];
		struct trial_issuer *issuer = &chain->issuers[trial->voice];
		if (chain->sent)
			issuer->last = chain->items[chain->sent - 1].id;
		issuer->seq += chain->sent;
		chain->sent = 0;
	}
}

enum status trial_run(struct trial *trial, enum trial_purpose purpose, double *elapsed_s, struct fault *fault)
{
	pthread_t writers[TRIAL_MEMBERS];
	int begun = 0;
	TRY(loop_through(trial, TRIAL_CONNECT, fault));
	atomic_store(&trial->writing, true);
	for (int m = 0; m < TRIAL_MEMBERS && trial->voice == TRIAL_ANCHORS; m++)
		begun += begun == m && pthread_create(&writers[m], NULL, chunks_write, &trial->chains[m]) == 0;
	enum status status = trial->voice == TRIAL_ANCHORS && begun < TRIAL_MEMBERS ? fault_set(fault, E_IO, "no thread can be started")
		: loop_through(trial, purpose, fault);
	*elapsed_s = (double)(clock_monotonic_ns() - trial->start_ns) / 1e9;
	atomic_store(&trial->writing, false);
	for (int m = 0; m < begun; m++) {
		char folder[1200];
		pthread_join(writers[m], NULL);
		chunk_folder(&trial->chains[m], folder);
		bench_folder_remove(folder);
	}
	trial->total = trial->latency_count;
	trial_sent(trial);
	return status;
}

/* -- set-up ---------------------------------------------------------------------------------------------- */

enum status trial_issuer_open(const struct bench_site *site, int member, const char *id, const char *folder, struct trial_issuer *issuer, struct fault *fault)
{
	char name[80], path[1200], url[64];
	bool found = false;
	snprintf(issuer->iss, sizeof issuer->iss, "%s", id);
	snprintf(name, sizeof name, "%.40s/keys/%s.key", folder, strncmp(id, "org:", 4) == 0 ? "record" : "statement");
	bench_site_path(site, name, path);
	TRY(keys_load(path, false, &issuer->key, fault));
	bench_site_url(site, member, url);
	yyjson_doc *doc = ask(url, "/api/v1/entities");
	size_t at, max;
	yyjson_val *entity;
	yyjson_arr_foreach(ask_member(yyjson_doc_get_root(doc), "entities"), at, max, entity) {
		if (strcmp(ask_text(entity, "name"), issuer->iss) != 0)
			continue;
		issuer->seq = yyjson_get_uint(ask_member(entity, "last_seq"));
		found = issuer->seq == 0 || span_from_hex(span_of_text(ask_text(entity, "last_id")), issuer->last.bytes, DIGEST_SIZE);
	}
	yyjson_doc_free(doc);
	return found ? OK : fault_set(fault, E_CLOSED, "the node of %s does not tell the sequence of %s", run_member(member), issuer->iss);
}

double trial_number(const struct trial *trial, int member, const char *object, const char *name)
{
	return bench_site_number(&trial->site, member, object, name);
}

enum status trial_logs_wait(struct trial *trial, double size, struct fault *fault)
{
	int64_t until = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS;
	for (int m = 0; m < TRIAL_MEMBERS;) {
		TRY(bench_go_on(fault));
		if (trial_number(trial, m, NULL, "log_size") >= size)
			m++;
		else if (clock_monotonic_ns() > until)
			return fault_set(fault, E_BUSY, "the log of %s did not grow to %.0f entries", run_member(m), size);
		else
			run_sleep_ms(2);
	}
	return OK;
}

enum status trial_gateway_register(struct bench_site *site, int member, const char *id, const char *name, struct fault *fault)
{
	char document[80], folder[1200], owner[1200], path[1200], node[64];
	snprintf(document, sizeof document, "%.40s/gateway.json", name);
	bench_site_path(site, name, folder);
	bench_site_path(site, run_member(member), owner);
	bench_site_path(site, document, path);
	bench_site_url(site, member, node);
	TRY(run_command(&site->run, fault, "init", "gateway", "--folder", folder, "--id", id, "--site", "bench", NULL));
	return run_command(&site->run, fault, "register", "--node", node, "--folder", owner, path, NULL);
}

static void guest_names(int member, char id[64], char folder[64])
{
	snprintf(id, 64, "gw:%.40s/bench", run_member(member));
	snprintf(folder, 64, "gateway-%d", member);
}

static enum status issuers_open(struct trial *trial, struct fault *fault)
{
	char key[1200], id[64], folder[64];
	for (int m = 0; m < TRIAL_MEMBERS; m++) {
		guest_names(m, id, folder);
		TRY(trial_gateway_register(&trial->site, m, id, folder, fault));
	}
	TRY(trial_logs_wait(trial, 2 * TRIAL_MEMBERS, fault));
	for (int m = 0; m < TRIAL_MEMBERS; m++) {
		struct trial_chain *chain = &trial->chains[m];
		chain->trial = trial;
		chain->member = m;
		snprintf(id, sizeof id, "org:%.40s", run_member(m));
		TRY(trial_issuer_open(&trial->site, m, id, run_member(m), &chain->issuers[TRIAL_EVENTS], fault));
		guest_names(m, id, folder);
		TRY(trial_issuer_open(&trial->site, m, id, folder, &chain->issuers[TRIAL_ANCHORS], fault));
	}
	bench_site_path(&trial->site, "gateway-0/keys/tls.key", key);
	return keys_load(key, false, &trial->tls_key, fault);
}

enum status trial_open(struct bench *bench, struct trial *trial, struct fault *fault)
{
	char path[1200];
	TRY(bench_site_open(bench, "ledger", TRIAL_MEMBERS, &trial->site, fault));
	bench_site_path(&trial->site, "genesis.cbor", path);
	TRY(disk_read(path, 4 << 20, &trial->genesis_bytes, fault));
	TRY(genesis_decode(buffer_span(&trial->genesis_bytes), &trial->genesis, fault));
	TRY(issuers_open(trial, fault));
	trial->loop = loop_new();
	trial->timer = loop_timer_new(trial->loop, on_timer, trial);
	struct wire_callbacks callbacks = {.context = trial, .identify = on_identify, .up = on_up, .down = on_down, .frame = on_frame};
	TRY(wire_new(trial->loop, trial->tls_key, &callbacks, &trial->wire, fault));
	for (int m = 0; m < TRIAL_MEMBERS; m++) {
		const struct genesis_member *member = &trial->genesis.members[m];
		char address[200];
		snprintf(address, sizeof address, "%.*s", (int)member->org.address.size, (const char *)member->org.address.data);
		TRY(wire_dial(trial->wire, address, &member->org.tls_key, fault));
	}
	return loop_through(trial, TRIAL_CONNECT, fault);
}

void trial_disconnect(struct trial *trial)
{
	wire_free(trial->wire);
	trial->wire = NULL;
	memset(trial->links, 0, sizeof trial->links);
}

void trial_close(struct trial *trial)
{
	trial_disconnect(trial);
	if (trial->timer)
		loop_timer_free(trial->timer);
	loop_free(trial->loop);
	bench_site_close(&trial->site);
	for (int m = 0; m < TRIAL_MEMBERS; m++) {
		for (int v = 0; v < TRIAL_VOICES; v++)
			signing_key_free(trial->chains[m].issuers[v].key);
		buffer_free(&trial->chains[m].bytes);
		free(trial->chains[m].items);
	}
	signing_key_free(trial->tls_key);
	genesis_free(&trial->genesis);
	buffer_free(&trial->genesis_bytes);
	map_free(&trial->by_id);
	free(trial->latencies_s);
}
