#include "record/epoch.h"

#include "crypto/hash.h"
#include "record/cbor.h"
#include "record/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char FORM[] = "tally/epoch/v1";
static const char CHAIN_FORM[] = "tally/epochs/v1";

static void *own(struct epochs *epochs, void *memory)
{
	ARRAY_GROW(epochs->owned, epochs->owned_count, epochs->owned_capacity);
	epochs->owned[epochs->owned_count++] = memory;
	return memory;
}

static struct epoch *push(struct epochs *epochs, struct epoch epoch)
{
	ARRAY_GROW(epochs->items, epochs->count, epochs->capacity);
	epochs->items[epochs->count++] = epoch;
	return &epochs->items[epochs->count - 1];
}

void epochs_begin(struct epochs *epochs, const struct genesis *genesis)
{
	*epochs = (struct epochs){0};
	push(epochs, (struct epoch){.digest = genesis->digest, .time_ms = genesis->created_ms, .members = genesis});
}

void epochs_free(struct epochs *epochs)
{
	for (size_t i = 0; i < epochs->owned_count; i++)
		free(epochs->owned[i]);
	free(epochs->owned);
	free(epochs->items);
	*epochs = (struct epochs){0};
}

const struct epoch *epochs_of_size(const struct epochs *epochs, uint64_t size)
{
	size_t at = epochs->count - 1;
	while (at > 0 && epochs->items[at].log_size >= size)
		at--;
	return &epochs->items[at];
}

static bool has_key(const struct epoch *epoch, struct span name, const struct public_key *checkpoint_key)
{
	const struct genesis_member *member = genesis_member_named(epoch->members, name);
	return member && memcmp(&member->org.checkpoint_key, checkpoint_key, sizeof *checkpoint_key) == 0;
}

bool epochs_key_counts(const struct epochs *epochs, uint64_t size, struct span name, const struct public_key *checkpoint_key)
{
	return has_key(epochs_of_size(epochs, size), name, checkpoint_key);
}

uint64_t epochs_key_from(const struct epochs *epochs, uint64_t size, struct span name, const struct public_key *checkpoint_key)
{
	for (const struct epoch *epoch = epochs_of_size(epochs, size); epoch <= epochs_newest(epochs); epoch++) {
		uint64_t first = epoch->log_size + 1 > size ? epoch->log_size + 1 : size;
		/* An epoch without entries has no sizes. */
		if (epochs_of_size(epochs, first) == epoch && has_key(epoch, name, checkpoint_key))
			return first;
	}
	return 0;
}

struct epoch_name epoch_name(const struct epoch *epoch)
{
	struct epoch_name out = {"the genesis"};
	if (epoch->number)
		snprintf(out.text, sizeof out.text, "epoch %" PRIu64, epoch->number);
	return out;
}

const char *epochs_advice(const struct epochs *epochs, const struct epoch *epoch)
{
	return epoch == epochs_newest(epochs) ? "; if the members changed since, give the newer chain of epochs, from `tally export --epochs`" : "";
}

size_t epoch_quorum(const struct genesis *members)
{
	return members->member_count * 2 / 3 + 1;
}

void epoch_origin(const uint8_t network[NETWORK_ID_SIZE], char out[EPOCH_ORIGIN_SIZE])
{
	char log[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(network, log);
	snprintf(out, EPOCH_ORIGIN_SIZE, "%s/epoch", log);
}

void epoch_encode(const struct epochs *epochs, const struct epoch_end *end, struct buffer *out)
{
	const struct epoch *newest = epochs_newest(epochs);
	cbor_write_array(out, 10);
	cbor_write_cstring(out, FORM);
	cbor_write_bytes(out, span_of(newest->members->network, NETWORK_ID_SIZE));
	cbor_write_uint(out, newest->number + 1);
	cbor_write_digest(out, &newest->digest);
	cbor_write_uint(out, end->commits);
	cbor_write_digest(out, &end->commit_digest);
	cbor_write_uint(out, end->log_size);
	cbor_write_digest(out, &end->log_root);
	cbor_write_int(out, end->time_ms);
	cbor_write_array(out, end->statement_count);
	for (size_t i = 0; i < end->statement_count; i++)
		cbor_write_bytes(out, end->statements[i]);
}

static enum status form_read(struct cbor_reader *in, struct epoch *out, struct span *network, struct fault *fault)
{
	if (cbor_enter_array(in, 10) != 10 || !span_is_text(cbor_read_text(in), FORM))
		return fault_set(fault, E_MALFORMED, "This is no record of an epoch of form %s.", FORM);
	*network = cbor_read_bytes(in);
	out->number = cbor_read_uint(in);
	out->previous = cbor_read_digest(in);
	out->commits = cbor_read_uint(in);
	out->commit_digest = cbor_read_digest(in);
	out->log_size = cbor_read_uint(in);
	out->log_root = cbor_read_digest(in);
	out->time_ms = cbor_read_int(in);
	return OK;
}

enum status epoch_read(struct span record, struct epoch_end *out, struct fault *fault)
{
	struct cbor_reader in = cbor_reader_of(record);
	struct epoch epoch = {0};
	struct span network;
	TRY(form_read(&in, &epoch, &network, fault));
	if (in.failed)
		return fault_set(fault, in.status == E_LIMIT ? E_LIMIT : E_MALFORMED, "The record of an epoch is not valid: %s.", in.why);
	*out = (struct epoch_end){.commits = epoch.commits, .commit_digest = epoch.commit_digest, .log_size = epoch.log_size,
		.log_root = epoch.log_root, .time_ms = epoch.time_ms};
	return OK;
}

static enum status succession_check(const struct epoch *before, const struct epoch *next, struct span network, struct fault *fault)
{
	if (!span_equal(network, span_of(before->members->network, NETWORK_ID_SIZE)))
		return fault_set(fault, E_NETWORK, "The record of epoch %" PRIu64 " belongs to another network.", next->number);
	if (next->number != before->number + 1 || !digest_equal(&next->previous, &before->digest))
		return fault_set(fault, E_SEQUENCE, "The record of epoch %" PRIu64 " does not follow epoch %" PRIu64 " of this chain.", next->number,
			before->number);
	if (next->commits <= before->commits || next->log_size < before->log_size || next->time_ms < 0)
		return fault_set(fault, E_MALFORMED, "The record of epoch %" PRIu64 " goes back behind the epoch before it.", next->number);
	return OK;
}

static enum status decode(const struct epoch *before, struct span record, struct epoch *out, struct genesis **members, struct fault *fault)
{
	struct cbor_reader in = cbor_reader_of(record);
	struct span network = {0};
	*out = (struct epoch){.record = record};
	TRY(form_read(&in, out, &network, fault));
	if (!in.failed)
		TRY(succession_check(before, out, network, fault));
	struct fault inner;
	enum status status = genesis_members_decode(&in, before->members, members, &inner);
	if (status != OK)
		return fault_set(fault, status, "The members of epoch %" PRIu64 " are not valid. %.300s", out->number, inner.text);
	cbor_leave(&in);
	if (in.failed)
		status = fault_set(fault, in.status == E_LIMIT ? E_LIMIT : E_MALFORMED, "The record of an epoch is not valid: %s.", in.why);
	else if (cbor_end(&in) != OK)
		status = fault_set(fault, E_MALFORMED, "Bytes follow the record of an epoch.");
	out->digest = sha256(record);
	out->members = *members ? *members : before->members;
	return status;
}

enum status epochs_add(struct epochs *epochs, struct span record, struct fault *fault)
{
	struct epoch next;
	struct genesis *members = NULL;
	if (epochs->count == EPOCHS_MAX)
		return fault_set(fault, E_LIMIT, "The chain has more than %d epochs.", EPOCHS_MAX);
	uint8_t *copy = memory_new(record.size + 1);
	if (record.size)
		memcpy(copy, record.data, record.size);
	enum status status = decode(epochs_newest(epochs), span_of(copy, record.size), &next, &members, fault);
	if (status != OK) {
		if (members)
			genesis_free(members);
		free(members);
		free(copy);
		return status;
	}
	own(epochs, copy);
	if (members) {
		own(epochs, members->members);
		own(epochs, members);
	}
	push(epochs, next);
	return OK;
}

/* -- chains ------------------------------------------------------------------------------------------- */

/* A quorum of the newest epoch's members signed this record; *signers are these. */
static enum status signers_judge(const struct epochs *epochs, struct span record, struct span note, uint64_t *signers, struct fault *fault)
{
	const struct epoch *before = epochs_newest(epochs);
	const struct policy quorum = {.organisations = epoch_quorum(before->members)};
	char origin[EPOCH_ORIGIN_SIZE];
	struct fault inner;
	struct note_judgement *judgement = memory_new(sizeof *judgement);
	struct digest digest = sha256(record);
	epoch_origin(before->members->network, origin);
	enum status status = note_judge_in(note, origin, before, &quorum, judgement, &inner);
	if (status != OK)
		fault_set(fault, status, "The note under the record of epoch %" PRIu64 " does not hold. %.300s", before->number + 1, inner.text);
	else if (judgement->checkpoint.size != before->number + 1 || !digest_equal(&judgement->checkpoint.root, &digest))
		status = fault_set(fault, E_SIGNATURE, "The members of %s signed another record than the one given for epoch %" PRIu64 ".",
			epoch_name(before).text, before->number + 1);
	*signers = 0;
	for (size_t i = 0; i < before->members->member_count && status == OK; i++)
		*signers |= (uint64_t)judgement->signed_by[i] << i;
	free(judgement);
	return status;
}

enum status epochs_add_signed(struct epochs *epochs, struct span record, struct span note, struct fault *fault)
{
	uint64_t signers;
	TRY(signers_judge(epochs, record, note, &signers, fault));
	TRY(epochs_add(epochs, record, fault));
	epochs->items[epochs->count - 1].signers = signers;
	return OK;
}

void epochs_encode(const struct epoch_link *links, size_t count, struct buffer *out)
{
	cbor_write_array(out, 2);
	cbor_write_cstring(out, CHAIN_FORM);
	cbor_write_array(out, count);
	for (size_t i = 0; i < count; i++) {
		cbor_write_array(out, 2);
		cbor_write_bytes(out, links[i].record);
		cbor_write_text(out, links[i].note);
	}
}

bool epochs_is(struct span bytes)
{
	struct cbor_reader in = cbor_reader_of(bytes);
	return cbor_enter_array(&in, 2) == 2 && span_is_text(cbor_read_text(&in), CHAIN_FORM);
}

/* What the chain has already is not verified again. */
static enum status link_take(struct epochs *epochs, uint64_t number, struct span record, struct span note, struct fault *fault)
{
	if (number >= epochs->count)
		return epochs_add_signed(epochs, record, note, fault);
	return span_equal(epochs->items[number].record, record) ? OK
		: fault_set(fault, E_SEQUENCE, "The record of epoch %" PRIu64 " is another one than the one that is known already.", number);
}

enum status epochs_decode(struct span bytes, struct epochs *epochs, struct fault *fault)
{
	struct cbor_reader in = cbor_reader_of(bytes);
	if (cbor_enter_array(&in, 2) != 2 || !span_is_text(cbor_read_text(&in), CHAIN_FORM))
		return fault_set(fault, E_MALFORMED, "This is no chain of epochs of form %s.", CHAIN_FORM);
	uint64_t count = cbor_enter_array(&in, EPOCHS_MAX);
	for (uint64_t i = 0; i < count && !in.failed; i++) {
		cbor_enter_array(&in, 2);
		struct span record = cbor_read_bytes(&in), note = cbor_read_text(&in);
		cbor_leave(&in);
		if (!in.failed)
			TRY(link_take(epochs, i + 1, record, note, fault));
	}
	cbor_leave(&in);
	cbor_leave(&in);
	if (in.failed)
		return fault_set(fault, in.status == E_LIMIT ? E_LIMIT : E_MALFORMED, "The chain of epochs is not valid: %s.", in.why);
	return cbor_end(&in) == OK ? OK : fault_set(fault, E_MALFORMED, "Bytes follow the chain of epochs.");
}
