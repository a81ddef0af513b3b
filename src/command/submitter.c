#include "command/submitter.h"

#include "base/map.h"
#include "command/answer.h"
#include "client/client.h"
#include "crypto/hash.h"
#include "host/disk.h"
#include "host/keys.h"
#include "host/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <yyjson.h>

enum {
	PAUSE_MS = 200,
	SEQUENCE_TRIES = 5,
};

struct submitter_entity {
	char *name;
	struct submitter_heads heads;
};

struct submitter {
	struct client *client;
	size_t node_count;
	struct buffer org_bytes;
	struct statement org;         /* spans into org_bytes */
	struct signing_key *key;
	uint8_t network[NETWORK_ID_SIZE];
	uint64_t last_seq;
	struct digest last_id;
	struct submitter_entity *entities;
	size_t entity_count;
	struct map by_name;
};

/* -- What the node knows -------------------------------------------------------------------------- */

static uint64_t number_of(yyjson_val *object, const char *name)
{
	return yyjson_get_uint(yyjson_obj_get(object, name));
}

static bool digest_of(yyjson_val *object, const char *name, struct digest *out)
{
	yyjson_val *value = yyjson_obj_get(object, name);
	*out = (struct digest){{0}};
	return yyjson_is_null(value) || (yyjson_is_str(value) && span_from_hex(span_of(yyjson_get_str(value), yyjson_get_len(value)), out->bytes, DIGEST_SIZE));
}

static void forget_entities(struct submitter *submitter)
{
	for (size_t i = 0; i < submitter->entity_count; i++)
		free(submitter->entities[i].name);
	free(submitter->entities);
	map_free(&submitter->by_name);
	submitter->entities = NULL;
	submitter->entity_count = 0;
	submitter->by_name = (struct map){0};
}

static bool read_entity(struct submitter *submitter, yyjson_val *object, bool *own)
{
	struct submitter_entity entity = {0};
	struct digest last_id;
	yyjson_val *name = yyjson_obj_get(object, "name");
	if (!yyjson_is_str(name) || !digest_of(object, "registration", &entity.heads.registration) || !digest_of(object, "bounds", &entity.heads.bounds) ||
		!digest_of(object, "model", &entity.heads.model) || !digest_of(object, "last_id", &last_id))
		return false;
	struct span text = span_of(yyjson_get_str(name), yyjson_get_len(name));
	const char *state = yyjson_get_str(yyjson_obj_get(object, "state"));
	entity.heads.revoked = state && strcmp(state, "revoked") == 0;
	entity.heads.bounds_version = number_of(object, "bounds_version");
	entity.heads.model_version = number_of(object, "model_version");
	entity.name = memory_text(text);
	map_put(&submitter->by_name, text, submitter->entity_count);
	submitter->entities[submitter->entity_count++] = entity;
	if (span_equal(text, submitter->org.iss)) {
		*own = true;
		submitter->last_seq = number_of(object, "last_seq");
		submitter->last_id = last_id;
	}
	return true;
}

/* Of the first node that answers; it stays the one to ask. */
static enum status ask_nodes(struct submitter *submitter, const char *path, yyjson_doc **out, struct fault *fault)
{
	enum status status = E_CLOSED;
	for (size_t i = 0; i < submitter->node_count && status == E_CLOSED; i++) {
		status = answer_json(client_url(submitter->client), path, out, fault);
		if (status == E_CLOSED)
			client_move(submitter->client);
	}
	return status;
}

enum status submitter_refresh(struct submitter *submitter, struct fault *fault)
{
	yyjson_doc *document;
	TRY(ask_nodes(submitter, "/api/v1/entities", &document, fault));
	yyjson_val *array = yyjson_obj_get(yyjson_doc_get_root(document), "entities"), *object;
	forget_entities(submitter);
	submitter->entities = memory_new_array(yyjson_arr_size(array) + 1, sizeof *submitter->entities);
	bool good = yyjson_is_arr(array), own = false;
	size_t i, max;
	yyjson_arr_foreach(array, i, max, object)
		good = good && read_entity(submitter, object, &own);
	yyjson_doc_free(document);
	if (!good)
		return fault_set(fault, E_MALFORMED, "%s did not answer as a node does; is it the address of a node?", client_url(submitter->client));
	if (!own)
		return fault_set(fault, E_UNKNOWN, "the node's consortium does not have %.*s; check the folder and the node's address",
			(int)submitter->org.iss.size, (const char *)submitter->org.iss.data);
	return OK;
}

static enum status read_network(struct submitter *submitter, struct fault *fault)
{
	yyjson_doc *document;
	TRY(ask_nodes(submitter, "/api/v1/node", &document, fault));
	yyjson_val *network = yyjson_obj_get(yyjson_doc_get_root(document), "network");
	bool good = yyjson_is_str(network) && span_from_hex(span_of(yyjson_get_str(network), yyjson_get_len(network)), submitter->network, NETWORK_ID_SIZE);
	yyjson_doc_free(document);
	return good ? OK : fault_set(fault, E_MALFORMED, "%s did not answer as a node does; is it the address of a node?", client_url(submitter->client));
}

/* -- The organisation's folder ------------------------------------------------------------------------ */

static enum status read_folder(struct submitter *submitter, const char *folder, struct passphrase *passphrase, struct fault *fault)
{
	struct buffer path = {0};
	buffer_printf(&path, "%s/org.cose", folder);
	buffer_append_byte(&path, 0);
	enum status status = disk_read((const char *)path.data, STATEMENT_SIZE_MAX, &submitter->org_bytes, fault);
	if (status == OK)
		status = statement_decode(buffer_span(&submitter->org_bytes), &submitter->org, fault);
	if (status == OK && submitter->org.type != STATEMENT_ORG)
		status = fault_set(fault, E_CONFIG, "%s is not the statement of an organisation; give the folder that `tally init org` made", (const char *)path.data);
	buffer_clear(&path);
	buffer_printf(&path, "%s/keys/record.key", folder);
	buffer_append_byte(&path, 0);
	if (status == OK)
		status = keys_open((const char *)path.data, passphrase, &submitter->key, fault);
	if (status == OK) {
		struct digest kid = key_thumbprint(signing_key_public(submitter->key));
		if (!digest_equal(&kid, &submitter->org.kid))
			status = fault_set(fault, E_CONFIG, "%s is not the key of org.cose beside it", (const char *)path.data);
	}
	buffer_free(&path);
	return status;
}

/* Addresses with commas between them. */
static enum status nodes_read(struct submitter *submitter, const char *node_urls, struct fault *fault)
{
	const char *urls[CLIENT_NODES_MAX];
	char *texts = memory_text(span_of_text(node_urls)), *rest = texts;
	struct client_config config = {.urls = urls};
	for (char *url; config.url_count < CLIENT_NODES_MAX && (url = strsep(&rest, ","));)
		if (*url)
			urls[config.url_count++] = url;
	submitter->node_count = config.url_count;
	enum status status = client_new(&config, &submitter->client, fault);
	free(texts);
	return status;
}

enum status submitter_open_with(const char *folder, const char *node_urls, struct passphrase *passphrase, struct submitter **out,
	struct fault *fault)
{
	struct submitter *submitter = memory_new_array(1, sizeof *submitter);
	enum status status = nodes_read(submitter, node_urls, fault);
	if (status == OK)
		status = read_folder(submitter, folder, passphrase, fault);
	if (status == OK)
		status = read_network(submitter, fault);
	if (status == OK)
		status = submitter_refresh(submitter, fault);
	if (status != OK) {
		submitter_close(submitter);
		return status;
	}
	*out = submitter;
	return OK;
}

enum status submitter_open(const char *folder, const char *node_urls, struct submitter **out, struct fault *fault)
{
	return submitter_open_with(folder, node_urls, NULL, out, fault);
}

void submitter_close(struct submitter *submitter)
{
	if (!submitter)
		return;
	forget_entities(submitter);
	signing_key_free(submitter->key);
	buffer_free(&submitter->org_bytes);
	client_free(submitter->client);
	free(submitter);
}

struct span submitter_organisation(const struct submitter *submitter)
{
	return submitter->org.iss;
}

bool submitter_heads(const struct submitter *submitter, struct span name, struct submitter_heads *out)
{
	uint64_t position;
	if (!map_get(&submitter->by_name, name, &position))
		return false;
	*out = submitter->entities[position].heads;
	return true;
}

/* -- Batches ------------------------------------------------------------------------------------------- */

size_t submitter_batch_add(struct submitter_batch *batch, uint32_t type, struct span sub, struct span body)
{
	ARRAY_GROW(batch->items, batch->count, batch->capacity);
	struct submitter_item *item = &batch->items[batch->count];
	*item = (struct submitter_item){.type = type};
	buffer_append_span(&item->sub, sub);
	buffer_append_span(&item->body, body);
	return batch->count++;
}

void submitter_batch_parent(struct submitter_batch *batch, size_t item, const struct digest *parent)
{
	struct submitter_item *at = &batch->items[item];
	CHECK(at->parent_count + at->earlier_count < STATEMENT_PARENTS_MAX);
	at->parents[at->parent_count++] = *parent;
}

void submitter_batch_earlier(struct submitter_batch *batch, size_t item, size_t earlier)
{
	struct submitter_item *at = &batch->items[item];
	CHECK(earlier < item && at->parent_count + at->earlier_count < STATEMENT_PARENTS_MAX);
	at->earlier[at->earlier_count++] = earlier;
}

/* Of a device that this batch registers; `head`: what it replaces, or zero. */
static void batch_follow(struct submitter_batch *batch, uint32_t type, struct span name, struct span body, size_t registration,
	const struct digest *head)
{
	size_t item = submitter_batch_add(batch, type, name, body);
	submitter_batch_earlier(batch, item, registration);
	if (!digest_is_zero(head))
		submitter_batch_parent(batch, item, head);
}

void submitter_batch_device(struct submitter_batch *batch, const struct submitter *submitter, struct span name,
	const struct body_device *device, const struct body_bounds *bounds, const struct body_model *model)
{
	struct submitter_heads heads = {0};
	struct buffer body = {0};
	submitter_heads(submitter, name, &heads);
	body_device_encode(device, &body);
	size_t registration = submitter_batch_add(batch, STATEMENT_DEVICE, name, buffer_span(&body));
	if (bounds) {
		struct body_bounds next = *bounds;
		next.version = heads.bounds_version + 1;
		buffer_clear(&body);
		body_bounds_encode(&next, &body);
		batch_follow(batch, STATEMENT_BOUNDS, name, buffer_span(&body), registration, &heads.bounds);
	}
	if (model) {
		struct body_model next = *model;
		next.version = heads.model_version + 1;
		buffer_clear(&body);
		body_model_encode(&next, &body);
		batch_follow(batch, STATEMENT_MODEL, name, buffer_span(&body), registration, &heads.model);
	}
	buffer_free(&body);
}

void submitter_batch_free(struct submitter_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		buffer_free(&batch->items[i].sub);
		buffer_free(&batch->items[i].body);
	}
	free(batch->items);
	*batch = (struct submitter_batch){0};
}

/* -- Sending --------------------------------------------------------------------------------------------- */

/* Signed items, from `start` on: their bytes one after another. */
struct signed_items {
	size_t start;
	struct buffer bytes;
	size_t *ends;                 /* end of each item's bytes */
	size_t count;
};

/* Sign from item `start` to the end, chained after what the node told last. */
static enum status sign_from(struct submitter *submitter, struct submitter_batch *batch, size_t start, struct signed_items *out, struct fault *fault)
{
	uint64_t seq = submitter->last_seq;
	struct digest prev = submitter->last_id;
	out->start = start;
	out->count = 0;
	buffer_clear(&out->bytes);
	for (size_t i = start; i < batch->count; i++) {
		struct submitter_item *item = &batch->items[i];
		struct statement statement = {
			.type = item->type, .seq = ++seq, .prev = prev, .class = CLASS_CONSORTIUM, .iss = submitter->org.iss,
			.sub = buffer_span(&item->sub), .iat = clock_now_ns() / NS_PER_S, .body = buffer_span(&item->body),
		};
		memcpy(statement.network, submitter->network, NETWORK_ID_SIZE);
		for (size_t j = 0; j < item->earlier_count; j++)
			statement.parents[statement.parent_count++] = batch->items[item->earlier[j]].id;
		for (size_t j = 0; j < item->parent_count; j++)
			statement.parents[statement.parent_count++] = item->parents[j];
		uint8_t randomness[32];
		TRY(entropy_fill(randomness, sizeof randomness));
		enum status status = statement_sign(&statement, submitter->key, randomness, &out->bytes, &item->id);
		if (status != OK)
			return fault_set(fault, status, "a %s statement about %.*s cannot be signed: %s", statement_type_name(item->type),
				(int)item->sub.size, (const char *)item->sub.data, status == E_LIMIT ? "it is larger than 60 KiB" : status_name(status));
		prev = item->id;
		out->ends[out->count++] = out->bytes.size;
	}
	return OK;
}

static void pause_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * NS_PER_MS};
	nanosleep(&time, NULL);
}

/* Send what was signed. *done: how many became final, from the front. */
static enum status send_once(struct submitter *submitter, struct submitter_batch *batch, const struct signed_items *items, size_t *done, struct fault *fault)
{
	struct client_item *sent = memory_new_array(items->count + 1, sizeof *sent);
	struct fault why = {{0}};
	for (size_t i = 0; i < items->count; i++) {
		size_t begin = i ? items->ends[i - 1] : 0;
		sent[i].bytes = span_of(items->bytes.data + begin, items->ends[i] - begin);
	}
	enum status status = client_send(submitter->client, sent, items->count, &why);
	for (*done = 0; *done < items->count && sent[*done].state == CLIENT_FINAL; ++*done) {
		struct submitter_item *item = &batch->items[items->start + *done];
		item->index = sent[*done].index;
		item->final = true;
		submitter->last_seq++;
		submitter->last_id = item->id;
	}
	if (status != OK && sent[*done].state == CLIENT_REFUSED) {
		const struct submitter_item *item = &batch->items[items->start + *done];
		fault_set(fault, status, "the %s statement about %.*s was refused (%s): %.300s", statement_type_name(item->type), (int)item->sub.size,
			(const char *)item->sub.data, status_name(status), why.text);
	} else if (status != OK) {
		fault_set(fault, status, "%s", why.text);
	}
	free(sent);
	return status;
}

static enum status send_signed(struct submitter *submitter, struct submitter_batch *batch, struct signed_items *items, struct fault *fault)
{
	unsigned tries = 0;
	TRY(sign_from(submitter, batch, 0, items, fault));
	for (;;) {
		size_t done;
		enum status status = send_once(submitter, batch, items, &done, fault);
		tries = done ? 1 : tries + 1;
		if (status != E_SEQUENCE || tries > SEQUENCE_TRIES)
			return status;
		/* Someone else spoke for the organisation in the meantime; or the node does not know yet what another one told us. */
		uint64_t known = submitter->last_seq;
		size_t next = items->start + done;
		TRY(submitter_refresh(submitter, fault));
		while (submitter->last_seq < known && tries++ <= SEQUENCE_TRIES) {
			pause_ms(PAUSE_MS);
			TRY(submitter_refresh(submitter, fault));
		}
		TRY(sign_from(submitter, batch, next, items, fault));
	}
}

enum status submitter_send_many(struct submitter *submitter, struct submitter_batch *batch, struct fault *fault)
{
	struct signed_items items = {.ends = memory_new_array(batch->count + 1, sizeof *items.ends)};
	enum status status = send_signed(submitter, batch, &items, fault);
	buffer_free(&items.bytes);
	free(items.ends);
	return status;
}

enum status submitter_send(struct submitter *submitter, uint32_t type, struct span sub, struct span body,
	const struct digest *parents, size_t parent_count, struct digest *id, struct fault *fault)
{
	struct submitter_batch batch = {0};
	size_t item = submitter_batch_add(&batch, type, sub, body);
	for (size_t i = 0; i < parent_count; i++)
		submitter_batch_parent(&batch, item, &parents[i]);
	enum status status = submitter_send_many(submitter, &batch, fault);
	*id = batch.items[item].id;
	submitter_batch_free(&batch);
	return status;
}
