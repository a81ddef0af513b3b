#include "record/genesis.h"

#include "crypto/hash.h"
#include "record/cbor.h"

#include <stdlib.h>

static const char FORM[] = "tally/genesis/v1", FORM_SET[] = "tally/genesis/v2";

enum { SETTING_EPOCH_BYTES = 1, SETTING_FAULTS = 2, SETTINGS_MAX = 2 };

struct genesis_settings genesis_settings_usual(void)
{
	return (struct genesis_settings){.epoch_bytes = GENESIS_EPOCH_BYTES};
}

/* How many are not as usual. */
static uint64_t settings_count(const struct genesis_settings *settings)
{
	return (uint64_t)(settings->epoch_bytes != GENESIS_EPOCH_BYTES) + settings->crash;
}

void genesis_encode(struct span name, int64_t created_ms, const struct genesis_settings *settings, const struct span *org_statements, size_t count,
	struct buffer *out)
{
	uint64_t set = settings ? settings_count(settings) : 0;
	cbor_write_array(out, set ? 5 : 4);
	cbor_write_cstring(out, set ? FORM_SET : FORM);
	cbor_write_text(out, name);
	cbor_write_int(out, created_ms);
	if (set)
		cbor_write_map(out, set);
	if (set && settings->epoch_bytes != GENESIS_EPOCH_BYTES) {
		cbor_write_uint(out, SETTING_EPOCH_BYTES);
		cbor_write_uint(out, settings->epoch_bytes);
	}
	if (set && settings->crash) {
		cbor_write_uint(out, SETTING_FAULTS);
		cbor_write_cstring(out, faults_name(FAULTS_CRASH));
	}
	cbor_write_array(out, count);
	for (size_t i = 0; i < count; i++)
		cbor_write_bytes(out, org_statements[i]);
}

/* A member's name becomes a key name of signed notes: no spaces, no plus sign. */
static bool is_member_name(struct span iss)
{
	if (iss.size < 5 || memcmp(iss.data, "org:", 4) != 0)
		return false;
	for (size_t i = 0; i < iss.size; i++)
		if (iss.data[i] <= ' ' || iss.data[i] > '~' || iss.data[i] == '+')
			return false;
	return true;
}

static enum status member_check_header(const struct statement *header, size_t number, struct fault *fault)
{
	static const uint8_t no_network[NETWORK_ID_SIZE];
	if (header->type != STATEMENT_ORG)
		return fault_set(fault, E_MALFORMED, "Member %zu is not an ORG statement; make it with 'tally init'.", number);
	if (header->seq != 1 || memcmp(header->network, no_network, NETWORK_ID_SIZE) != 0 || header->parent_count)
		return fault_set(fault, E_MALFORMED,
			"Member %zu is not described by a founding statement (sequence 1, no network, no parents); make it with 'tally init'.", number);
	if (!is_member_name(header->iss))
		return fault_set(fault, E_MALFORMED,
			"Member %zu has an unusable name; it must be 'org:' and printable ASCII without spaces and plus signs.", number);
	return OK;
}

static enum status member_decode(struct span bytes, size_t number, struct genesis_member *out, struct fault *fault)
{
	out->statement = bytes;
	TRY(statement_decode(bytes, &out->header, fault));
	TRY(member_check_header(&out->header, number, fault));
	TRY(body_org_decode(out->header.body, &out->org, fault));
	struct verifying_key *key = verifying_key_new(&out->org.record_key);
	enum status status = key ? statement_verify(&out->header, key) : E_SIGNATURE;
	verifying_key_free(key);
	if (status != OK)
		return fault_set(fault, status, "The signature of member %.*s does not verify with the record key it states.",
			(int)out->header.iss.size, (const char *)out->header.iss.data);
	return OK;
}

enum { KEYS_PER_MEMBER = 3 };

static const struct public_key *member_key(const struct genesis_member *member, size_t which)
{
	const struct public_key *keys[KEYS_PER_MEMBER] = {&member->org.record_key, &member->org.node_key, &member->org.checkpoint_key};
	return keys[which];
}

static bool shares_key(const struct genesis_member *a, const struct genesis_member *b)
{
	for (size_t i = 0; i < KEYS_PER_MEMBER; i++)
		for (size_t j = a == b ? i + 1 : 0; j < KEYS_PER_MEMBER; j++)
			if (memcmp(member_key(a, i), member_key(b, j), sizeof(struct public_key)) == 0)
				return true;
	bool same_tls = a != b && digest_equal(&a->org.tls_key, &b->org.tls_key);
	return same_tls && !digest_is_zero(&a->org.tls_key);
}

/* One key serves one purpose of one member, or a signature could be taken for another. */
static enum status check_distinct(const struct genesis *genesis, struct fault *fault)
{
	for (size_t i = 0; i < genesis->member_count; i++) {
		for (size_t j = 0; j <= i; j++) {
			const struct genesis_member *a = &genesis->members[j], *b = &genesis->members[i];
			if (j < i && (span_equal(a->header.iss, b->header.iss) || span_equal(a->org.name, b->org.name)))
				return fault_set(fault, E_DUPLICATE, "Members %zu and %zu have the same name.", j, i);
			if (shares_key(a, b))
				return fault_set(fault, E_DUPLICATE, "A key of members %zu and %zu is the same; each purpose needs its own.", j, i);
		}
	}
	return OK;
}

/* A list of ORG statements, up to its end. */
static enum status members_read(struct cbor_reader *in, struct genesis *out, struct fault *fault)
{
	size_t count = (size_t)cbor_enter_array(in, GENESIS_MEMBERS_MAX);
	if (count && !in->failed)
		out->members = memory_new_array(count, sizeof *out->members);
	for (size_t i = 0; i < count && !in->failed; i++) {
		struct span statement = cbor_read_bytes(in);
		if (!in->failed)
			TRY(member_decode(statement, i, &out->members[i], fault));
		out->member_count = i + 1;
	}
	cbor_leave(in);
	return OK;
}

/* One form for one meaning: what is as usual is not said. */
static struct genesis_settings settings_read(struct cbor_reader *in)
{
	struct genesis_settings settings = genesis_settings_usual();
	uint64_t count = cbor_enter_map(in, SETTINGS_MAX);
	if (cbor_key_is(in, SETTING_EPOCH_BYTES)) {
		settings.epoch_bytes = cbor_read_uint(in);
		if (settings.epoch_bytes < GENESIS_EPOCH_BYTES_MIN || settings.epoch_bytes > GENESIS_EPOCH_BYTES_MAX)
			cbor_fail(in, "an epoch's weight is not between 64 KiB and 1 PiB");
	}
	if (cbor_key_is(in, SETTING_FAULTS)) {
		settings.crash = true;
		if (!span_is_text(cbor_read_text(in), faults_name(FAULTS_CRASH)))
			cbor_fail(in, "its members bear something that is not known");
	}
	cbor_leave(in);
	if (count == 0 || settings_count(&settings) != count)
		cbor_fail(in, "its settings are not known, or are said although they are as usual");
	return settings;
}

static enum status decode_into(struct span bytes, struct genesis *out, struct fault *fault)
{
	struct cbor_reader in = cbor_reader_of(bytes);
	uint64_t parts = cbor_enter_array(&in, 5);
	if ((parts != 4 && parts != 5) || !span_is_text(cbor_read_text(&in), parts == 4 ? FORM : FORM_SET))
		return fault_set(fault, E_MALFORMED, "This is no genesis of form %s or %s.", FORM, FORM_SET);
	out->name = cbor_read_text(&in);
	out->created_ms = cbor_read_int(&in);
	if (out->name.size == 0 || out->name.size > BODY_TEXT_MAX)
		cbor_fail(&in, "the consortium's name is empty or longer than 400 bytes");
	if (out->created_ms < 0)
		cbor_fail(&in, "the time of creation is before 1970");
	out->settings = parts == 5 ? settings_read(&in) : genesis_settings_usual();
	TRY(members_read(&in, out, fault));
	if (out->member_count == 0)
		cbor_fail(&in, "it has no members");
	if (out->settings.crash && out->member_count != 3)
		cbor_fail(&in, "only three members can bear a crash and no lie");
	cbor_leave(&in);
	if (in.failed)
		return fault_set(fault, in.status == E_LIMIT ? E_LIMIT : E_MALFORMED, "The genesis is not valid: %s.", in.why);
	if (cbor_end(&in) != OK)
		return fault_set(fault, E_MALFORMED, "Bytes follow the genesis.");
	TRY(check_distinct(out, fault));
	out->digest = sha256(bytes);
	memcpy(out->network, out->digest.bytes, NETWORK_ID_SIZE);
	return OK;
}

enum status genesis_decode(struct span bytes, struct genesis *out, struct fault *fault)
{
	*out = (struct genesis){0};
	enum status status = decode_into(bytes, out, fault);
	if (status != OK)
		genesis_free(out);
	/* Which of the two it was does not matter to whoever holds the file. */
	return status == E_NOT_CANONICAL ? E_MALFORMED : status;
}

enum status genesis_members_decode(struct cbor_reader *in, const struct genesis *founding, struct genesis **out, struct fault *fault)
{
	struct genesis *members = memory_new_array(1, sizeof *members);
	*members = (struct genesis){.name = founding->name, .created_ms = founding->created_ms, .settings = founding->settings, .digest = founding->digest};
	memcpy(members->network, founding->network, NETWORK_ID_SIZE);
	enum status status = members_read(in, members, fault);
	if (status == OK && members->member_count > 0 && !in->failed) {
		status = check_distinct(members, fault);
		if (status == OK) {
			*out = members;
			return OK;
		}
	}
	genesis_free(members);
	free(members);
	*out = NULL;
	return status == E_NOT_CANONICAL ? E_MALFORMED : status;
}

enum faults genesis_faults(const struct genesis *members)
{
	return faults_of(members->member_count, members->settings.crash);
}

const struct genesis_member *genesis_member_named(const struct genesis *genesis, struct span name)
{
	for (size_t i = 0; i < genesis->member_count; i++)
		if (span_equal(genesis->members[i].header.iss, name))
			return &genesis->members[i];
	return NULL;
}

enum status genesis_member_decode(struct span statement, struct genesis_member *out, struct fault *fault)
{
	return member_decode(statement, 0, out, fault);
}

bool genesis_members_share_key(const struct genesis_member *a, const struct genesis_member *b)
{
	return shares_key(a, b);
}

void genesis_free(struct genesis *genesis)
{
	free(genesis->members);
	*genesis = (struct genesis){0};
}
