#include "api/gateway_api.h"

#include "api/gateway_json.h"
#include "base/time.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include <yyjson.h>

enum { SERIES_POINTS_DEFAULT = 1200, SERIES_POINTS_MAX = 20000 };

struct gateway_api {
	struct gateway_api_source source;
	struct buffer out;
};

struct gateway_api *gateway_api_new(const struct gateway_api_source *source)
{
	struct gateway_api *api = memory_new(sizeof *api);
	api->source = *source;
	return api;
}

void gateway_api_edge(struct gateway_api *api, struct edge *edge)
{
	api->source.edge = edge;
}

void gateway_api_free(struct gateway_api *api)
{
	if (!api)
		return;
	buffer_free(&api->out);
	free(api);
}

static struct json begin(struct gateway_api *api)
{
	buffer_clear(&api->out);
	return json_of(&api->out);
}

static void answer(struct gateway_api *api, struct http_request *request, int code)
{
	http_answer(request, code, "application/json", NULL, buffer_span(&api->out));
}

static void facts(struct gateway_api *api, struct gateway_facts *out)
{
	*out = (struct gateway_facts){0};
	api->source.facts(api->source.context, out);
}

static void floor_members(struct gateway_api *api, struct json *json)
{
	struct gateway_facts now;
	struct edge_totals totals;
	facts(api, &now);
	edge_totals(api->source.edge, &totals);
	json_word(json, "gateway", api->source.gateway);
	json_word(json, "site", api->source.site);
	json_int(json, "time_ms", now.now_ns / NS_PER_MS);
	json_bool(json, "node_connected", totals.node_up);
	json_bool(json, "broker_connected", totals.broker_up);
	json_bool(json, "caught_up", totals.caught_up);
	json_bool(json, "from_proofs", totals.assumed);
	gateway_json_totals(json, "totals", api->source.edge);
	json_object(json, "alarm_us");
	json_number(json, "p50", now.alarm_count ? now.alarm_p50_us : NAN);
	json_number(json, "p99", now.alarm_count ? now.alarm_p99_us : NAN);
	json_uint(json, "count", now.alarm_count);
	json_object_end(json);
	json_int(json, "cpu_ns", clock_process_cpu_ns());
}

static void get_floor(struct gateway_api *api, struct http_request *request)
{
	struct json json = begin(api);
	json_object(&json, NULL);
	floor_members(api, &json);
	json_array(&json, "machines");
	for (size_t i = 0; i < edge_device_count(api->source.edge); i++)
		gateway_json_machine(&json, NULL, api->source.edge, i);
	json_array_end(&json);
	json_object_end(&json);
	answer(api, request, 200);
}

/* A whole decimal number in a query parameter, or the default. False when it is something else. */
static bool query_int(struct http_request *request, const char *name, int64_t fallback, int64_t *out)
{
	const char *text = http_request_query(request, name);
	*out = fallback;
	if (!text)
		return true;
	char *end;
	long long value = strtoll(text, &end, 10);
	*out = value;
	return *text && !*end && value > -INT64_C(9000000000000) && value < INT64_C(9000000000000);
}

static int device_of(struct gateway_api *api, struct http_request *request)
{
	const char *name = http_request_query(request, "device");
	int device = name ? edge_device_find(api->source.edge, span_of_text(name)) : -1;
	if (device < 0)
		http_answer_error(request, E_NOT_FOUND, "no such device at this gateway; /api/v1/floor lists them");
	return device;
}

static int signal_of(struct gateway_api *api, struct http_request *request, int device)
{
	struct edge_device_view view;
	const char *name = http_request_query(request, "signal");
	edge_device_view(api->source.edge, (size_t)device, &view);
	for (size_t i = 0; name && i < view.registration->signal_count; i++)
		if (span_is_text(view.registration->signals[i].id, name))
			return (int)i;
	http_answer_error(request, E_NOT_FOUND, "the device has no such signal; /api/v1/floor lists them");
	return -1;
}

/* Thin to at most `points`, keeping in each bucket the lowest and the highest value, so that no spike disappears. */
static size_t thin(struct edge_point *points, size_t count, size_t limit)
{
	if (count <= limit || limit < 4)
		return count < limit ? count : limit;
	size_t buckets = limit / 2, kept = 0;
	for (size_t b = 0; b < buckets; b++) {
		size_t from = b * count / buckets, to = (b + 1) * count / buckets, low = from, high = from;
		for (size_t i = from; i < to; i++) {
			if (points[i].value < points[low].value || isnan(points[low].value))
				low = i;
			if (points[i].value > points[high].value || isnan(points[high].value))
				high = i;
		}
		size_t first = low < high ? low : high, second = low < high ? high : low;
		points[kept++] = points[first];
		if (second != first)
			points[kept++] = points[second];
	}
	return kept;
}

static void series_answer(struct gateway_api *api, struct http_request *request, int device, int signal, struct edge_point *points, size_t count)
{
	struct edge_device_view view;
	struct twin_signal_view state = {.low = NAN, .high = NAN, .sigma = NAN};
	struct twin_view twin = {0};
	edge_device_view(api->source.edge, (size_t)device, &view);
	if (view.twin) {
		twin_signal_view(view.twin, (size_t)signal, &state);
		twin_view(view.twin, &twin);
	}
	struct json json = begin(api);
	json_object(&json, NULL);
	json_word(&json, "device", view.name);
	json_text(&json, "signal", view.registration->signals[signal].id);
	json_text(&json, "unit", view.registration->signals[signal].unit);
	json_uint(&json, "bounds_version", twin.bounds_version);
	json_uint(&json, "model_version", twin.model_version);
	json_number(&json, "low", state.low);
	json_number(&json, "high", state.high);
	json_number(&json, "sigma", state.modelled ? state.sigma : NAN);
	json_array(&json, "t");
	for (size_t i = 0; i < count; i++)
		json_int(&json, NULL, points[i].time_ns / NS_PER_MS);
	json_array_end(&json);
	json_array(&json, "value");
	for (size_t i = 0; i < count; i++)
		json_number(&json, NULL, points[i].value);
	json_array_end(&json);
	json_array(&json, "predicted");
	for (size_t i = 0; i < count; i++)
		json_number(&json, NULL, points[i].predicted);
	json_array_end(&json);
	json_array(&json, "flagged");
	for (size_t i = 0; i < count; i++)
		json_uint(&json, NULL, points[i].flagged);
	json_array_end(&json);
	json_object_end(&json);
	answer(api, request, 200);
}

static void get_series(struct gateway_api *api, struct http_request *request)
{
	struct gateway_facts now;
	int64_t from_ms, to_ms, limit;
	facts(api, &now);
	int64_t now_ms = now.now_ns / NS_PER_MS;
	bool good = query_int(request, "to_ms", now_ms, &to_ms) && query_int(request, "from_ms", to_ms - 600 * MS_PER_S, &from_ms) &&
		query_int(request, "points", SERIES_POINTS_DEFAULT, &limit);
	if (!good || limit < 4 || limit > SERIES_POINTS_MAX) {
		http_answer_error(request, E_MALFORMED, "from_ms and to_ms are milliseconds since 1970, points is 4 to 20000");
		return;
	}
	int device = device_of(api, request);
	int signal = device < 0 ? -1 : signal_of(api, request, device);
	if (signal < 0)
		return;
	enum { POINTS = 16384 };
	struct edge_point *points = memory_new_array(POINTS, sizeof *points);
	size_t count = edge_history(api->source.edge, (size_t)device, (size_t)signal, from_ms * NS_PER_MS, to_ms * NS_PER_MS, points, POINTS);
	series_answer(api, request, device, signal, points, thin(points, count, (size_t)limit));
	free(points);
}

static void get_markers(struct gateway_api *api, struct http_request *request)
{
	const char *device = http_request_query(request, "device");
	struct json json = begin(api);
	json_object(&json, NULL);
	json_array(&json, "markers");
	for (size_t i = 0; i < edge_marker_count(api->source.edge); i++) {
		const struct edge_marker *marker = edge_marker_at(api->source.edge, i);
		if (!device || strcmp(marker->device, device) == 0)
			gateway_json_marker(&json, NULL, marker);
	}
	json_array_end(&json);
	json_object_end(&json);
	answer(api, request, 200);
}

static void get_alarms(struct gateway_api *api, struct http_request *request)
{
	struct json json = begin(api);
	json_object(&json, NULL);
	json_array(&json, "alarms");
	for (size_t i = edge_alarm_count(api->source.edge); i-- > 0;)
		gateway_json_alarm(&json, NULL, edge_alarm_at(api->source.edge, i));
	json_array_end(&json);
	const char *const *people;
	size_t count = edge_people(api->source.edge, &people);
	json_array(&json, "people");
	for (size_t i = 0; i < count; i++)
		json_word(&json, NULL, people[i]);
	json_array_end(&json);
	json_object_end(&json);
	answer(api, request, 200);
}

static void post_ack(struct gateway_api *api, struct http_request *request, const char *hex)
{
	struct digest id;
	struct fault fault = {0};
	struct span body = http_request_body(request);
	if (strlen(hex) < 64 || strcmp(hex + 64, "/ack") != 0 || !span_from_hex(span_of(hex, 64), id.bytes, DIGEST_SIZE)) {
		http_answer_error(request, E_NOT_FOUND, "alarms are named by the 64 hexadecimal digits of their statement");
		return;
	}
	yyjson_doc *doc = body.size && body.size < 4096 ? yyjson_read((const char *)body.data, body.size, 0) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *person = yyjson_get_str(yyjson_obj_get(root, "person"));
	const char *comment = yyjson_get_str(yyjson_obj_get(root, "comment"));
	enum status status = person ? api->source.acknowledge(api->source.context, &id, span_of_text(person), span_of_text(comment ? comment : ""), &fault)
		: fault_set(&fault, E_MALFORMED, "the body must be a JSON object with \"person\" and, if wanted, \"comment\"");
	yyjson_doc_free(doc);
	if (status != OK) {
		http_answer_error(request, status, fault.text);
		return;
	}
	struct json json = begin(api);
	json_object(&json, NULL);
	json_digest(&json, "statement", &id);
	json_object_end(&json);
	answer(api, request, 202);
}

/* Which chunk and leaf a request means; answers itself when it cannot be found. */
static struct chunk *reading_open(struct gateway_api *api, struct http_request *request, struct digest *digest, uint64_t *leaf)
{
	struct fault fault = {0};
	const char *name = http_request_query(request, "chunk");
	const char *device = http_request_query(request, "device"), *signal = http_request_query(request, "signal");
	int64_t number = -1;
	enum status status = OK;
	if (name) {
		bool good = span_from_hex(span_of_text(name), digest->bytes, DIGEST_SIZE) && query_int(request, "leaf", -1, &number) && number >= 0;
		status = good ? OK : fault_set(&fault, E_MALFORMED, "chunk is 64 hexadecimal digits, leaf a number");
		*leaf = (uint64_t)number;
	} else {
		const char *text = http_request_query(request, "seq");
		char *end = NULL;
		uint64_t seq = text ? strtoull(text, &end, 10) : 0;
		int found = device ? edge_device_find(api->source.edge, span_of_text(device)) : -1;
		if (found < 0 || !signal || !text || *end)
			status = fault_set(&fault, E_MALFORMED, "give device, signal and seq, or chunk and leaf");
		else if (!edge_chunk_of(api->source.edge, (size_t)found, seq, digest))
			status = fault_set(&fault, E_NOT_FOUND, "no sealed chunk holds this message number yet");
		number = (int64_t)seq;
	}
	struct buffer bytes = {0};
	struct chunk *chunk = NULL;
	if (status == OK)
		status = api->source.chunk(api->source.context, digest, &bytes, &fault);
	if (status == OK)
		status = chunk_open(buffer_span(&bytes), &chunk, &fault);
	if (status == OK && !name)
		status = chunk_find(chunk, span_of_text(device), span_of_text(signal), (uint64_t)number, leaf);
	buffer_free(&bytes);
	if (status != OK) {
		http_answer_error(request, status, fault.text);
		chunk_free(chunk);
		return NULL;
	}
	return chunk;
}

static void get_reading(struct gateway_api *api, struct http_request *request)
{
	struct digest digest;
	uint64_t leaf;
	struct chunk *chunk = reading_open(api, request, &digest, &leaf);
	if (!chunk)
		return;
	struct sample sample;
	struct merkle_path path;
	struct chunk_summary summary;
	chunk_summary(chunk, &summary);
	if (chunk_sample(chunk, leaf, &sample) != OK || chunk_path(chunk, leaf, &path) != OK) {
		http_answer_error(request, E_NOT_FOUND, "the chunk has no such leaf");
		chunk_free(chunk);
		return;
	}
	bool final = false;
	struct digest anchor = edge_anchor_of(api->source.edge, &digest, &final);
	struct buffer bytes = {0};
	sample_encode(&sample, &bytes);
	struct json json = begin(api);
	json_object(&json, NULL);
	json_text(&json, "device", sample.device);
	json_text(&json, "signal", sample.channel->id);
	json_uint(&json, "seq", sample.seq);
	json_int(&json, "time_ms", sample.time_ns / NS_PER_MS);
	json_int(&json, "received_ms", sample.received_ns / NS_PER_MS);
	json_number(&json, "raw", sample.raw);
	json_text(&json, "raw_unit", sample.channel->raw_unit);
	json_number(&json, "value", sample.value);
	json_text(&json, "unit", sample.channel->unit);
	json_word(&json, "status", gateway_status_word(sample.status));
	json_word(&json, "reason", wrangle_reason_name(sample.reason));
	json_hex(&json, "leaf", buffer_span(&bytes));
	json_uint(&json, "leaf_index", leaf);
	json_uint(&json, "leaf_count", summary.samples);
	json_array(&json, "path");
	for (size_t i = 0; i < path.count; i++)
		json_digest(&json, NULL, &path.nodes[i]);
	json_array_end(&json);
	json_digest(&json, "chunk", &digest);
	json_digest(&json, "anchor", &anchor);
	json_bool(&json, "anchored", final);
	json_object_end(&json);
	buffer_free(&bytes);
	chunk_free(chunk);
	answer(api, request, 200);
}

static void counter(struct buffer *out, const char *name, const char *help, uint64_t value)
{
	buffer_printf(out, "# HELP %s %s\n# TYPE %s counter\n%s %" PRIu64 "\n", name, help, name, name, value);
}

static void get_metrics(struct gateway_api *api, struct http_request *request)
{
	struct edge_totals totals;
	struct gateway_facts now;
	edge_totals(api->source.edge, &totals);
	facts(api, &now);
	struct buffer *out = &api->out;
	buffer_clear(out);
	counter(out, "tally_messages_total", "Messages accepted from devices.", totals.messages);
	counter(out, "tally_samples_total", "Samples taken.", totals.samples);
	buffer_printf(out, "# HELP tally_samples_flagged_total Samples flagged by wrangling.\n# TYPE tally_samples_flagged_total counter\n");
	for (unsigned i = 1; i < REASON_COUNT; i++)
		buffer_printf(out, "tally_samples_flagged_total{reason=\"%s\"} %" PRIu64 "\n", wrangle_reason_name(i), totals.flagged[i]);
	buffer_printf(out, "# HELP tally_messages_refused_total Messages refused.\n# TYPE tally_messages_refused_total counter\n");
	for (unsigned i = 0; i < REFUSED_COUNT; i++)
		buffer_printf(out, "tally_messages_refused_total{reason=\"%s\"} %" PRIu64 "\n", edge_refusal_name(i), totals.refused[i]);
	counter(out, "tally_chunks_total", "Chunks sealed.", totals.chunks);
	counter(out, "tally_chunk_bytes_total", "Bytes of sealed chunks.", totals.chunk_bytes);
	counter(out, "tally_samples_anchored_total", "Samples under final anchors.", totals.anchored);
	buffer_printf(out, "# HELP tally_outbox_statements Statements that are not final yet.\n# TYPE tally_outbox_statements gauge\ntally_outbox_statements %" PRIu64 "\n", totals.outbox);
	buffer_printf(out, "# HELP tally_alarms_active Active alarms.\n# TYPE tally_alarms_active gauge\n");
	uint64_t active[5] = {0};
	for (size_t i = 0; i < edge_alarm_count(api->source.edge); i++) {
		const struct edge_alarm *alarm = edge_alarm_at(api->source.edge, i);
		active[alarm->priority] += alarm->cleared_ns == 0;
	}
	for (int i = 1; i < 5; i++)
		buffer_printf(out, "tally_alarms_active{priority=\"%d\"} %" PRIu64 "\n", i, active[i]);
	buffer_printf(out, "# HELP tally_age_of_information_seconds Age of the newest good sample.\n# TYPE tally_age_of_information_seconds gauge\n");
	for (size_t i = 0; i < edge_device_count(api->source.edge); i++) {
		struct edge_device_view view;
		edge_device_view(api->source.edge, i, &view);
		for (size_t s = 0; view.twin && s < view.registration->signal_count; s++) {
			struct twin_signal_view signal;
			twin_signal_view(view.twin, s, &signal);
			if (signal.time_ns)
				buffer_printf(out, "tally_age_of_information_seconds{device=\"%s\",signal=\"%.*s\"} %.3f\n", view.name, (int)signal.id.size,
					(const char *)signal.id.data, (double)signal.age_ns / 1e9);
		}
	}
	buffer_printf(out, "# HELP tally_critical_latency_seconds From a critical message to the local action, on disk.\n# TYPE tally_critical_latency_seconds summary\n");
	if (now.alarm_count)
		buffer_printf(out, "tally_critical_latency_seconds{quantile=\"0.5\"} %.6f\ntally_critical_latency_seconds{quantile=\"0.99\"} %.6f\n",
			now.alarm_p50_us / 1e6, now.alarm_p99_us / 1e6);
	buffer_printf(out, "tally_critical_latency_seconds_count %" PRIu64 "\n", now.alarm_count);
	http_answer(request, 200, "text/plain; version=0.0.4", NULL, buffer_span(out));
}

bool gateway_api_handle(struct gateway_api *api, struct http_request *request)
{
	static const struct {
		const char *path;
		void (*get)(struct gateway_api *, struct http_request *);
	} routes[] = {
		{"/api/v1/floor", get_floor}, {"/api/v1/floor/series", get_series}, {"/api/v1/floor/markers", get_markers},
		{"/api/v1/floor/alarms", get_alarms}, {"/api/v1/floor/reading", get_reading}, {"/metrics", get_metrics},
	};
	static const char alarms[] = "/api/v1/floor/alarms/";
	const char *path = http_request_path(request);
	if (http_request_method(request) == HTTP_POST) {
		if (strncmp(path, alarms, sizeof alarms - 1) != 0)
			return false;
		post_ack(api, request, path + sizeof alarms - 1);
		return true;
	}
	if (strcmp(path, "/api/v1/floor/events") == 0) {
		http_stream_open(request, GATEWAY_API_STREAM);
		return true;
	}
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		routes[i].get(api, request);
		return true;
	}
	return false;
}

void gateway_api_samples(struct gateway_api *api, struct http_server *server)
{
	if (http_stream_count(server, GATEWAY_API_STREAM) == 0)
		return;
	struct gateway_facts now;
	facts(api, &now);
	struct json json = begin(api);
	gateway_json_live(&json, api->source.edge, now.now_ns);
	http_stream_send(server, GATEWAY_API_STREAM, "samples", buffer_span(&api->out));
}

void gateway_api_totals(struct gateway_api *api, struct http_server *server)
{
	if (http_stream_count(server, GATEWAY_API_STREAM) == 0)
		return;
	struct json json = begin(api);
	json_object(&json, NULL);
	floor_members(api, &json);
	json_object_end(&json);
	http_stream_send(server, GATEWAY_API_STREAM, "totals", buffer_span(&api->out));
}

void gateway_api_alarm(struct gateway_api *api, struct http_server *server, size_t number)
{
	struct json json = begin(api);
	gateway_json_alarm(&json, NULL, edge_alarm_at(api->source.edge, number));
	http_stream_send(server, GATEWAY_API_STREAM, "alarm", buffer_span(&api->out));
}

void gateway_api_marker(struct gateway_api *api, struct http_server *server, size_t number)
{
	struct json json = begin(api);
	gateway_json_marker(&json, NULL, edge_marker_at(api->source.edge, number));
	http_stream_send(server, GATEWAY_API_STREAM, "marker", buffer_span(&api->out));
}
