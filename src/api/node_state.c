/* What the newest cosigned state says of a name, for people and as a proof file. */
#include "api/node_inner.h"

#include "record/state_proof.h"
#include "trace/json.h"

#include <stdlib.h>

static void state_json(struct span name, const struct replica_state *state, struct span note, struct buffer *out)
{
	struct state_entry entry = {0};
	struct json json = json_of(out);
	if (state->present)
		CHECK(state_entry_decode(state->value, &entry, NULL) == OK); /* our own ledger wrote it */
	json_object(&json, NULL);
	json_text(&json, "name", name);
	json_bool(&json, "present", state->present);
	if (state->present) {
		json_word(&json, "kind", node_kind_word(entry.kind));
		json_word(&json, "state", device_state_word(entry.state));
		json_text(&json, "role", entry.role);
		json_text(&json, "owner", entry.owner);
		json_text(&json, "gateway", entry.gateway);
		json_digest(&json, "registration", &entry.registration);
		json_digest(&json, "key", &entry.kid);
		json_digest(&json, "tls_key", &entry.tls_key);
		json_digest(&json, "bounds", &entry.bounds);
		json_uint(&json, "bounds_version", entry.bounds_version);
		json_digest(&json, "model", &entry.model);
		json_uint(&json, "model_version", entry.model_version);
		json_uint(&json, "last_seq", entry.last_seq);
		json_digest(&json, "last_id", &entry.last_id);
	}
	json_uint(&json, "log_size", state->size);
	json_digest(&json, "root", &state->root);
	json_text(&json, "checkpoint", note);
	json_object_end(&json);
}

/* The statement's bytes go into `keep` and the proof; one that the view does not have yet is left out. */
static enum status statement_add(struct node_api *api, const struct digest *id, struct buffer *keep, struct state_proof *proof)
{
	struct view_row row;
	if (digest_is_zero(id))
		return OK;
	enum status status = view_get(api->source.view, id, keep, &row);
	if (status == OK)
		proof->statements[proof->statement_count++] = buffer_span(keep);
	return status == E_NOT_FOUND ? OK : status;
}

static enum status proof_make(struct node_api *api, struct span name, const struct replica_state *state, struct span note, struct buffer *out)
{
	struct state_proof *proof = memory_new_array(1, sizeof *proof);
	struct state_entry entry = {0};
	struct buffer keep[STATE_STATEMENTS_MAX] = {{0}};
	enum status status = OK;
	proof->name = name;
	proof->present = state->present;
	proof->path = state->path;
	proof->note = note;
	if (state->present) {
		proof->value = state->value;
		status = state_entry_decode(state->value, &entry, NULL);
	}
	const struct digest *ids[STATE_STATEMENTS_MAX] = {&entry.registration, &entry.bounds, &entry.model};
	for (size_t i = 0; i < STATE_STATEMENTS_MAX && status == OK; i++)
		status = statement_add(api, ids[i], &keep[i], proof);
	if (status == OK)
		state_proof_encode(proof, out);
	for (size_t i = 0; i < STATE_STATEMENTS_MAX; i++)
		buffer_free(&keep[i]);
	free(proof);
	return status;
}

void node_state_get(struct node_api *api, struct http_request *request, struct span name)
{
	const char *form = http_request_query(request, "form");
	bool as_proof = form && strcmp(form, "proof") == 0;
	struct replica_state *state = memory_new(sizeof *state);
	struct buffer note = {0}, body = {0};
	enum status status = OK;
	if (name.size > STATEMENT_NAME_MAX)
		node_answer_fault(request, E_MALFORMED, "names have at most 200 bytes");
	else if (form && !as_proof && strcmp(form, "json") != 0)
		node_answer_fault(request, E_MALFORMED, "form is json or proof");
	else if (replica_state(api->source.replica, name, state, &note) != OK)
		node_answer_fault_as(request, 409, E_BUSY, "the members have not signed a state yet; ask again in a few seconds");
	else if (as_proof && (status = proof_make(api, name, state, buffer_span(&note), &body)) == OK)
		http_answer(request, 200, "application/cbor", NULL, buffer_span(&body));
	else if (as_proof)
		node_answer_fault(request, status, "the view cannot be read; see the node's notes");
	else {
		state_json(name, state, buffer_span(&note), &body);
		http_answer(request, 200, "application/json", NULL, buffer_span(&body));
	}
	buffer_free(&note);
	buffer_free(&body);
	free(state);
}
