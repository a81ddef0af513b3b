#include "client/client.h"

#include "base/random.h"
#include "base/time.h"
#include "client/answer.h"
#include "crypto/hash.h"
#include "host/http.h"
#include "host/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	PATIENCE_MS = 120000,
	WAIT_MS = 2000,
	WAIT_MAX_MS = 30000,
	ANSWER_EXTRA_MS = 10000,      /* beyond what the node may wait */
	ANSWER_MAX = 4 << 20,
	BYTES_MAX = HTTP_BODY_MAX - (64 << 10),
	WINDOW_FIRST = 64,
	WINDOW_STEP = 32,
	WINDOW_MAX = 512,             /* the interface's own limit */
	PAUSE_MIN_MS = 50,
	PAUSE_MAX_MS = 5000,
	DOUBTS_MAX = 4,               /* then one node's refusal is believed: the others do not answer */
	FRUITLESS_MAX = 3,            /* requests without progress, then another node is asked */
};

struct client {
	char *urls[CLIENT_NODES_MAX];
	unsigned url_count, at;
	int64_t patience_ms, wait_ms, pause_ms;
	void (*changed)(void *context, const struct client_item *item);
	void *context;
	struct random random;
	struct client_numbers numbers;
};

enum status client_new(const struct client_config *config, struct client **out, struct fault *fault)
{
	if (config->url_count < 1 || config->url_count > CLIENT_NODES_MAX)
		return fault_set(fault, E_CONFIG, "give the address of at least one node, and of at most %d", CLIENT_NODES_MAX);
	struct client *client = memory_new_array(1, sizeof *client);
	for (size_t i = 0; i < config->url_count; i++) {
		struct buffer url = {0};
		struct span text = span_of_text(config->urls[i]);
		while (text.size && text.data[text.size - 1] == '/')
			text.size--;
		buffer_printf(&url, "%s%.*s", strstr(config->urls[i], "://") ? "" : "http://", (int)text.size, (const char *)text.data);
		client->urls[client->url_count++] = memory_text(buffer_span(&url));
		buffer_free(&url);
	}
	client->patience_ms = config->patience_ms ? config->patience_ms : PATIENCE_MS;
	client->wait_ms = config->wait_ms ? config->wait_ms : WAIT_MS;
	client->wait_ms = client->wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : client->wait_ms;
	client->changed = config->changed;
	client->context = config->context;
	client->random = random_of((uint64_t)clock_now_ns());
	client->numbers.window = WINDOW_FIRST;
	*out = client;
	return OK;
}

void client_free(struct client *client)
{
	for (unsigned i = 0; client && i < client->url_count; i++)
		free(client->urls[i]);
	free(client);
}

const char *client_url(const struct client *client)
{
	return client->urls[client->at];
}

void client_move(struct client *client)
{
	client->at = (client->at + 1) % client->url_count;
	client->numbers.moves += client->url_count > 1;
}

struct client_numbers client_numbers(const struct client *client)
{
	return client->numbers;
}

/* -- one request ------------------------------------------------------------------------------------------- */

struct request {
	struct buffer body;
	struct digest *ids;           /* WINDOW_MAX */
	struct client_answer *answers;
	size_t count;
};

/* As many from the front as the window, the interface and its size of a body permit. */
static void request_fill(const struct client *client, const struct client_item *items, size_t count, struct request *request)
{
	buffer_clear(&request->body);
	request->count = 0;
	while (request->count < count && request->count < client->numbers.window) {
		const struct client_item *item = &items[request->count];
		if (request->count && request->body.size + item->bytes.size > BYTES_MAX)
			break;
		buffer_append_span(&request->body, item->bytes);
		request->ids[request->count++] = sha256(item->bytes);
	}
}

/* OK: the answers are there. E_BUSY: the whole request was refused as too much. Else the node is of no use now. */
static enum status request_send(struct client *client, struct request *request, struct fault *fault)
{
	char path[64];
	struct buffer url = {0}, answer = {0};
	long code = 0;
	snprintf(path, sizeof path, "/api/v1/statements/batch?wait=%" PRId64, client->wait_ms);
	buffer_printf(&url, "%s%s", client_url(client), path);
	buffer_append_byte(&url, 0);
	client->numbers.requests++;
	enum status status = http_post_within((const char *)url.data, "application/cose", buffer_span(&request->body), ANSWER_MAX, client->wait_ms + ANSWER_EXTRA_MS,
		&answer, &code, fault);
	if (status == OK && code == 503)
		status = fault_set(fault, E_BUSY, "%s is busy", client_url(client));
	else if (status == OK && (code != 200 || client_answer_read(buffer_span(&answer), request->ids, request->count, request->answers) != OK))
		status = fault_set(fault, E_MALFORMED, "%s did not answer as a node does (HTTP status %ld); is it the address of a node?", client_url(client), code);
	buffer_free(&url);
	buffer_free(&answer);
	return status;
}

/* -- what follows from the answers ----------------------------------------------------------------------------- */

static void item_set(struct client *client, struct client_item *item, enum client_state state, const struct client_answer *answer)
{
	bool changed = item->state != state;
	item->state = state;
	item->status = answer->status;
	item->index = answer->index;
	item->node = client->at;
	if (changed && client->changed)
		client->changed(client->context, item);
}

/* Those at the front that are final now; behind them some may be accepted. */
static size_t answers_take(struct client *client, struct client_item *items, const struct request *request)
{
	size_t final = 0;
	while (final < request->count && request->answers[final].word == CLIENT_WORD_FINAL) {
		item_set(client, &items[final], CLIENT_FINAL, &request->answers[final]);
		final++;
	}
	for (size_t i = final; i < request->count && request->answers[i].word == CLIENT_WORD_PENDING; i++)
		item_set(client, &items[i], CLIENT_ACCEPTED, &request->answers[i]);
	return final;
}

/* A node that lags behind says this of a good statement, too. */
static bool is_doubtful(enum status status)
{
	return status == E_SEQUENCE || status == E_UNKNOWN || status == E_PARENT || status == E_REVOKED;
}

static void slower(struct client *client)
{
	client->numbers.busy++;
	client->numbers.window = client->numbers.window > 1 ? client->numbers.window / 2 : 1;
	client->pause_ms = client->pause_ms ? 2 * client->pause_ms : PAUSE_MIN_MS;
	client->pause_ms = client->pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : client->pause_ms;
}

static void faster(struct client *client)
{
	client->numbers.window = client->numbers.window + WINDOW_STEP > WINDOW_MAX ? WINDOW_MAX : client->numbers.window + WINDOW_STEP;
	client->pause_ms = 0;
}

/* Half of it at least; who was refused at the same time as others does not come back at the same time. */
static void pause_of(struct client *client, int64_t ms)
{
	ms = ms / 2 + (int64_t)((double)ms / 2 * random_unit(&client->random));
	struct timespec time = {ms / MS_PER_S, ms % MS_PER_S * NS_PER_MS};
	nanosleep(&time, NULL);
}

/* What is known about the statement at the front. */
struct front {
	int64_t give_up_ns;
	unsigned silent, fruitless;   /* nodes in a row that did not answer; requests in a row that brought nothing */
	enum status refusal;          /* a doubtful one, of node `refused_by`; OK: none */
	unsigned refused_by, doubts;
	int64_t silence_ms;
};

static void front_begin(const struct client *client, struct front *front)
{
	*front = (struct front){.give_up_ns = clock_monotonic_ns() + client->patience_ms * NS_PER_MS};
}

static void node_silent(struct client *client, struct front *front)
{
	client_move(client);
	if (++front->silent % client->url_count)
		return;
	/* All of them. */
	front->silence_ms = front->silence_ms ? 2 * front->silence_ms : PAUSE_MIN_MS;
	front->silence_ms = front->silence_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : front->silence_ms;
	pause_of(client, front->silence_ms);
}

/* OK: go on. Else the item at the front is refused. */
static enum status front_refused(struct client *client, struct front *front, struct client_item *item, const struct client_answer *answer, struct fault *fault)
{
	bool second = front->refusal == answer->status && front->refused_by != client->at;
	if (is_doubtful(answer->status) && client->url_count > 1 && !second && ++front->doubts < DOUBTS_MAX) {
		front->refusal = answer->status;
		front->refused_by = client->at;
		client_move(client);
		return OK;
	}
	item_set(client, item, CLIENT_REFUSED, answer);
	return fault_set(fault, answer->status, "%s", answer->reason);
}

static enum status front_answered(struct client *client, struct front *front, struct client_item *item, const struct client_answer *answer, struct fault *fault)
{
	bool busy = answer->word == CLIENT_WORD_REFUSED && answer->status == E_BUSY;
	front->silent = 0;
	if (answer->word == CLIENT_WORD_REFUSED && !busy)
		return front_refused(client, front, item, answer, fault);
	if (busy)
		slower(client);
	/* A node that accepts and comes to no end may be parted from the others. */
	if (++front->fruitless % FRUITLESS_MAX == 0)
		client_move(client);
	if (busy)
		pause_of(client, client->pause_ms);
	return OK;
}

static enum status send_all(struct client *client, struct client_item *items, size_t count, struct request *request, struct fault *fault)
{
	struct front front;
	front_begin(client, &front);
	for (size_t first = 0; first < count;) {
		struct fault last = {{0}};
		request_fill(client, items + first, count - first, request);
		enum status status = request_send(client, request, &last);
		size_t final = status == OK ? answers_take(client, items + first, request) : 0;
		if (final)
			front_begin(client, &front);
		if (status == OK && final == request->count)
			faster(client);
		else if (status == OK)
			TRY(front_answered(client, &front, &items[first + final], &request->answers[final], fault));
		else if (status == E_BUSY)
			TRY(front_answered(client, &front, &items[first], &(struct client_answer){.word = CLIENT_WORD_REFUSED, .status = E_BUSY}, fault));
		else
			node_silent(client, &front);
		first += final;
		if (first < count && clock_monotonic_ns() > front.give_up_ns) {
			if (status != OK && status != E_BUSY)
				return fault_set(fault, E_CLOSED, "%s", last.text);
			return fault_set(fault, E_BUSY, "nothing became final for %" PRId64 " s; it may still: send the same again later", client->patience_ms / MS_PER_S);
		}
	}
	return OK;
}

enum status client_send(struct client *client, struct client_item *items, size_t count, struct fault *fault)
{
	struct request request = {.ids = memory_new_array(WINDOW_MAX, sizeof *request.ids), .answers = memory_new_array(WINDOW_MAX, sizeof *request.answers)};
	enum status status = send_all(client, items, count, &request, fault);
	buffer_free(&request.body);
	free(request.ids);
	free(request.answers);
	return status;
}
