/* The log for outsiders: entries and receipts as SCRAPI asks (draft-ietf-scitt-scrapi, RFC 9942), checkpoints and tiles as C2SP
 * tlog-tiles asks. A receipt is made when it is asked for, over the earliest checkpoint's root that covers the entry or, before
 * there is one, over all that is final here and flushed. */
#include "api/node_inner.h"
#include "api/node_query.h"
#include "crypto/hash.h"
#include "record/cose.h"
#include "record/receipt.h"
#include "record/tile.h"

#include <stdio.h>
#include <stdlib.h>

static const char cose_type[] = "application/cose";
static const char problem_type[] = "application/concise-problem-details+cbor";
static const char ENTRIES[] = "/entries/", KEYS[] = "/.well-known/scitt-keys";

/* RFC 9290: { -1: title, -2: detail }. */
static void answer_problem(struct http_request *request, int code, const char *title, const char *detail)
{
	struct buffer body = {0};
	cbor_write_map(&body, 2);
	cbor_write_int(&body, -1);
	cbor_write_cstring(&body, title);
	cbor_write_int(&body, -2);
	cbor_write_cstring(&body, detail);
	http_answer(request, code, problem_type, NULL, buffer_span(&body));
	buffer_free(&body);
}

/* -- receipts --------------------------------------------------------------------------------------- */

static const struct genesis *genesis_of(const struct node_api *api)
{
	return ledger_genesis(replica_ledger(api->source.replica));
}

static struct span own_name(const struct node_api *api)
{
	return replica_name(api->source.replica);
}

/* What is final and flushed: the view is told after the flush. Nothing beyond it is ever signed. */
static uint64_t flushed_size(const struct node_api *api)
{
	uint64_t ledger = ledger_size(replica_ledger(api->source.replica)), view = view_size(api->source.view);
	return ledger < view ? ledger : view;
}

enum status node_log_checkpoint(const struct node_api *api, uint64_t index, bool newest, struct buffer *note, uint64_t *size)
{
	TRY(replica_checkpoint(api->source.replica, index, newest, note, size));
	if (api->source.witnesses)
		api->source.witnesses(api->source.context, *size, note);
	return OK;
}

/* Does our key count under something of this size? */
static bool key_counts(const struct node_api *api, uint64_t size)
{
	return epochs_key_counts(node_epochs(api), size, own_name(api), signing_key_public(api->source.checkpoint_key));
}

/* Of the earliest checkpoint that covers the entry and under which our key counts, or of all that is flushed, or the smallest
 * possible. 0: there is none yet, for one who joined or changed its keys since the last entry; or none any more. */
static uint64_t receipt_size(const struct node_api *api, uint64_t index)
{
	struct buffer note = {0};
	uint64_t least = epochs_key_from(node_epochs(api), index + 1, own_name(api), signing_key_public(api->source.checkpoint_key));
	uint64_t flushed = flushed_size(api), size = 0;
	if (least == 0 || least > flushed)
		return 0;
	if (replica_checkpoint(api->source.replica, least - 1, false, &note, &size) != OK || size > flushed)
		size = flushed;
	buffer_free(&note);
	return key_counts(api, size) ? size : least;
}

/* Fill in who speaks about what, and sign. */
static enum status receipt_make(const struct node_api *api, struct receipt *receipt, struct buffer *out)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	uint8_t randomness[32];
	struct digest root = merkle_tree_root(ledger_tree(replica_ledger(api->source.replica)), receipt->proofs[0].size);
	checkpoint_origin(genesis_of(api)->network, origin);
	receipt->iss = own_name(api);
	receipt->sub = span_of_text(origin);
	receipt->proof_count = 1;
	TRY(entropy_fill(randomness, sizeof randomness));
	return receipt_sign(receipt, &root, api->source.checkpoint_key, randomness, out);
}

/* E_REVOKED: our key signs no tree with this entry. */
static enum status receipt_of_entry(const struct node_api *api, uint64_t index, struct buffer *out)
{
	uint64_t size = receipt_size(api, index);
	if (size == 0)
		return E_REVOKED;
	struct receipt *receipt = memory_new(sizeof *receipt);
	receipt->kind = RECEIPT_INCLUSION;
	receipt->proofs[0].first = index;
	receipt->proofs[0].size = size;
	enum status status = merkle_tree_inclusion(ledger_tree(replica_ledger(api->source.replica)), index, receipt->proofs[0].size, &receipt->proofs[0].path);
	if (status == OK)
		status = receipt_make(api, receipt, out);
	free(receipt);
	return status;
}

/* False: it is not final here. */
static bool answer_receipt(struct node_api *api, struct http_request *request, int code, const struct digest *id)
{
	struct buffer statement = {0}, receipt = {0};
	struct view_row row;
	enum status status = view_get(api->source.view, id, &statement, &row);
	if (status == OK)
		status = receipt_of_entry(api, row.index, &receipt);
	if (status == OK)
		http_answer(request, code, cose_type, NULL, buffer_span(&receipt));
	else if (status == E_REVOKED)
		answer_problem(request, 503, "Service Unavailable", "the key of this organisation's node counts for no size of the log with this entry, so far: "
			"ask another organisation's node");
	else if (status != E_NOT_FOUND)
		answer_problem(request, 500, "Internal Error", "the receipt cannot be made; see the node's notes");
	buffer_free(&statement);
	buffer_free(&receipt);
	return status != E_NOT_FOUND;
}

static void answer_elsewhere(struct http_request *request, int code, const struct digest *id)
{
	char location[sizeof ENTRIES + DIGEST_HEX_SIZE];
	memcpy(location, ENTRIES, sizeof ENTRIES - 1);
	span_hex(span_of(id->bytes, DIGEST_SIZE), location + sizeof ENTRIES - 1);
	http_answer_header(request, "Location", location);
	if (code != 201)
		http_answer_header(request, "Retry-After", "1");
	if (code != 201)
		http_answer(request, code, NULL, NULL, (struct span){0});
}

/* -- SCRAPI ------------------------------------------------------------------------------------------ */

void node_log_answer(struct node_api *api, struct http_request *request, bool known, enum status status, const char *reason, const struct digest *id)
{
	if (!known) {
		answer_elsewhere(request, 303, id);
	} else if (status == OK || status == E_DUPLICATE) {
		answer_elsewhere(request, 201, id);
		if (!answer_receipt(api, request, 201, id))
			answer_problem(request, 500, "Internal Error", "the statement is final, but the view does not have it; see the node's notes");
	} else if (status == E_BUSY || status == E_CLOSED) {
		http_answer_header(request, "Retry-After", "1");
		answer_problem(request, 503, "Service Unavailable", reason ? reason : "try again");
	} else {
		answer_problem(request, 400, "Rejected", reason ? reason : "");
	}
}

/* The algorithm, as far as the header can be read at all; 0: it cannot. */
static int64_t algorithm_of(struct span protected)
{
	struct cbor_reader in = cbor_reader_of(protected);
	cbor_enter_map(&in, 64);
	int64_t algorithm = cbor_key_is(&in, 1) ? cbor_read_int(&in) : 0;
	return in.failed ? 0 : algorithm;
}

/* An entry is the statement without unprotected headers: they are not signed, and no part of its id. */
static void post_entry(struct node_api *api, struct http_request *request)
{
	struct cose_sign1 sign1;
	struct statement statement;
	struct fault fault = {0};
	struct buffer bytes = {0};
	const char *type = http_request_header(request, "Content-Type");
	size_t type_size = type ? strcspn(type, "; ") : 0;
	if (type_size != sizeof cose_type - 1 || strncmp(type, cose_type, type_size) != 0) {
		answer_problem(request, 415, "Rejected", "the body must be a signed statement, and its Content-Type application/cose");
		return;
	}
	if (cose_sign1_decode(http_request_body(request), &sign1, &fault) != OK) {
		answer_problem(request, 400, "Rejected", fault.text);
	} else if (algorithm_of(sign1.protected) != COSE_ALG_ML_DSA_44) {
		answer_problem(request, 400, "Bad Signature Algorithm", "statements are signed with ML-DSA-44 (alg -48)");
	} else if (sign1.detached) {
		answer_problem(request, 400, "Payload Missing", "the statement's payload must be inside");
	} else {
		sign1.unprotected = span_of("\xa0", 1);
		cose_sign1_encode(&sign1, &bytes);
		if (statement_decode(buffer_span(&bytes), &statement, &fault) != OK)
			answer_problem(request, 400, "Rejected", fault.text);
		else
			node_post_entry(api, request, buffer_span(&bytes));
	}
	buffer_free(&bytes);
}

static void get_entry(struct node_api *api, struct http_request *request, struct span text)
{
	struct digest id;
	if (!span_from_hex(text, id.bytes, DIGEST_SIZE))
		answer_problem(request, 400, "Invalid locator", "an entry is named by its id: the SHA-256 of the statement, 64 hexadecimal digits");
	else if (answer_receipt(api, request, 200, &id))
		return;
	else if (node_post_waits(api, &id))
		answer_elsewhere(request, 302, &id);
	else
		answer_problem(request, 404, "Not Found", "no final statement has this id, and none that was posted here waits");
}

/* RFC 9964: { 1: AKP, 2: kid, 3: alg, -1: pub }. */
static struct digest key_encode(const struct node_api *api, struct buffer *out)
{
	const struct public_key *key = signing_key_public(api->source.checkpoint_key);
	struct digest kid = key_thumbprint(key);
	cbor_write_map(out, 4);
	cbor_write_int(out, 1);
	cbor_write_int(out, COSE_KEY_TYPE_AKP);
	cbor_write_int(out, 2);
	cbor_write_digest(out, &kid);
	cbor_write_int(out, 3);
	cbor_write_int(out, COSE_ALG_ML_DSA_44);
	cbor_write_int(out, -1);
	cbor_write_bytes(out, span_of(key->bytes, sizeof key->bytes));
	return kid;
}

/* Base64url (RFC 4648, 5) without padding. */
static void base64url(struct digest digest, char out[44])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned count = 0;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		bits = bits << 8 | digest.bytes[i];
		for (count += 8; count >= 6; count -= 6)
			*out++ = digits[bits >> (count - 6) & 63];
	}
	*out++ = digits[bits << (6 - count) & 63];
	*out = 0;
}

/* The keys that verify this node's receipts. One until the organisation changes it. text: empty for the set. */
static void get_keys(struct node_api *api, struct http_request *request, struct span text)
{
	struct buffer body = {0};
	char name[44];
	if (text.size == 0)
		cbor_write_array(&body, 1);
	base64url(key_encode(api, &body), name);
	if (text.size == 0 || span_is_text(text, name))
		http_answer(request, 200, "application/cbor", NULL, buffer_span(&body));
	else
		answer_problem(request, 404, "No such key", "a key is named by its kid in base64url; the set has those that there are");
	buffer_free(&body);
}

/* -- tiles --------------------------------------------------------------------------------------------- */

static void get_checkpoint(struct node_api *api, struct http_request *request)
{
	struct buffer note = {0};
	uint64_t size;
	if (node_log_checkpoint(api, 0, true, &note, &size) == OK)
		http_answer(request, 200, "text/plain; charset=utf-8", NULL, buffer_span(&note));
	else
		http_answer_error(request, E_NOT_FOUND, "there is no checkpoint yet; the first one follows the first final statements within seconds");
	buffer_free(&note);
}

static enum status entries_of(const struct node_api *api, const struct tile *tile, struct buffer *out)
{
	for (unsigned i = 0; i < tile->width; i++) {
		struct buffer bytes = {0};
		struct view_row row;
		enum status status = view_get_index(api->source.view, tile->number * TILE_WIDTH + i, &bytes, &row);
		if (status == OK)
			tile_entry(row.bytes, out);
		buffer_free(&bytes);
		TRY(status);
	}
	return OK;
}

static void get_tile(struct node_api *api, struct http_request *request, const char *path)
{
	struct tile tile;
	struct replica_numbers numbers;
	struct buffer body = {0};
	enum status status = OK;
	replica_numbers(api->source.replica, &numbers);
	uint64_t flushed = flushed_size(api), size = numbers.checkpoint_size < flushed ? numbers.checkpoint_size : flushed;
	if (!tile_path_decode(span_of_text(path), &tile) || !tile_is_within(&tile, size)) {
		http_answer_error(request, E_NOT_FOUND, "the newest checkpoint covers no such tile; its size says which there are");
		return;
	}
	if (tile.entries)
		status = entries_of(api, &tile, &body);
	else
		tile_hashes(&tile, ledger_tree(replica_ledger(api->source.replica)), &body);
	if (status == OK) {
		http_answer_header(request, "Cache-Control", "public, max-age=31536000, immutable");
		http_answer(request, 200, "application/octet-stream", NULL, buffer_span(&body));
	} else {
		http_answer_error(request, status, "the view cannot be read; see the node's notes");
	}
	buffer_free(&body);
}

/* GET /api/v1/consistency?first=N[&second=M]: a receipt with a consistency proof. */
static void get_consistency(struct node_api *api, struct http_request *request)
{
	struct replica_numbers numbers;
	struct fault fault = {0};
	struct buffer body = {0};
	struct receipt *receipt = memory_new(sizeof *receipt);
	struct receipt_proof *proof = &receipt->proofs[0];
	replica_numbers(api->source.replica, &numbers);
	uint64_t flushed = flushed_size(api);
	receipt->kind = RECEIPT_CONSISTENCY;
	proof->size = numbers.checkpoint_size < flushed ? numbers.checkpoint_size : flushed;
	enum status status = node_query_number("first", http_request_query(request, "first"), UINT64_MAX, &proof->first, &fault);
	if (status == OK)
		status = node_query_number("second", http_request_query(request, "second"), UINT64_MAX, &proof->size, &fault);
	if (status == OK && (proof->first == 0 || proof->first > proof->size || proof->size > flushed))
		status = fault_set(&fault, E_MALFORMED, "first is at least 1, second not smaller, and the log has %llu entries", (unsigned long long)flushed);
	if (status == OK && !key_counts(api, proof->size))
		status = fault_set(&fault, E_REVOKED, "the key of this organisation's node does not count for that size of the log; ask another organisation's node");
	if (status == OK)
		status = merkle_tree_consistency(ledger_tree(replica_ledger(api->source.replica)), proof->first, proof->size, &proof->path);
	if (status == OK && receipt_make(api, receipt, &body) != OK)
		status = fault_set(&fault, E_ENTROPY, "the receipt cannot be signed; see the node's notes");
	if (status == OK)
		http_answer(request, 200, cose_type, NULL, buffer_span(&body));
	else
		http_answer_error(request, status, fault.text);
	buffer_free(&body);
	free(receipt);
}

/* -- routes ---------------------------------------------------------------------------------------------- */

static bool begins(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

/* What follows `with` and a slash; empty when nothing does. */
static struct span rest_of(const char *path, const char *with)
{
	size_t size = strlen(with);
	return span_of_text(path[size] ? path + size + 1 : path + size);
}

static bool is_post(struct http_request *request, bool wanted)
{
	if ((http_request_method(request) == HTTP_POST) == wanted)
		return true;
	http_answer_header(request, "Allow", wanted ? "POST" : "GET");
	node_answer_fault_as(request, 405, E_FORBIDDEN, "this address is not for that method; see docs/api.md");
	return false;
}

bool node_log_handle(struct node_api *api, struct http_request *request)
{
	const char *path = http_request_path(request);
	if (strcmp(path, "/entries") == 0) {
		if (is_post(request, true))
			post_entry(api, request);
		return true;
	}
	bool entry = begins(path, ENTRIES), keys = strcmp(path, KEYS) == 0 || (begins(path, KEYS) && path[sizeof KEYS - 1] == '/');
	bool checkpoint = strcmp(path, "/checkpoint") == 0, tile = begins(path, "/tile/"), consistency = strcmp(path, "/api/v1/consistency") == 0;
	if (!entry && !keys && !checkpoint && !tile && !consistency)
		return false;
	if (!is_post(request, false))
		return true;
	if (entry)
		get_entry(api, request, rest_of(path, "/entries"));
	else if (keys)
		get_keys(api, request, rest_of(path, KEYS));
	else if (checkpoint)
		get_checkpoint(api, request);
	else if (tile)
		get_tile(api, request, path);
	else
		get_consistency(api, request);
	return true;
}
