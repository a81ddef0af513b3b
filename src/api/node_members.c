/* Who the members are, what is proposed, and how it came about: GET /api/v1/members. */
#include "api/node_inner.h"
#include "host/keys.h"
#include "trace/json.h"

#include <stdlib.h>

static const struct genesis_member *member_named(const struct genesis *members, struct span name)
{
	for (size_t i = 0; i < members->member_count; i++)
		if (span_equal(members->members[i].header.iss, name))
			return &members->members[i];
	return NULL;
}

/* Since which epoch without a pause. */
static uint64_t member_since(const struct epochs *chain, struct span name)
{
	size_t number = chain->count - 1;
	while (number > 0 && member_named(chain->items[number - 1].members, name))
		number--;
	return number;
}

static void key_json(struct json *json, const char *name, const struct public_key *key)
{
	struct digest thumbprint = key_thumbprint(key);
	json_digest(json, name, &thumbprint);
}

static const char *standing_word(enum consensus_standing standing)
{
	static const char *const words[] = {[CONSENSUS_LEADS] = "leads", [CONSENSUS_LATE] = "late", [CONSENSUS_LIED] = "lied"};
	return words[standing];
}

static void member_json(struct json *json, const struct node_picture *picture, const struct consensus *consensus, size_t index)
{
	const struct genesis_member *member = &picture->members->members[index];
	const struct body_org *org = &member->org;
	bool self = index == picture->facts.member;
	json_object(json, NULL);
	json_uint(json, "index", index);
	json_uint(json, "seat", ledger_entity(picture->ledger, member->header.iss)->seat);
	json_text(json, "iss", member->header.iss);
	json_text(json, "name", org->name);
	json_text(json, "role", org->role);
	json_text(json, "address", org->address);
	json_uint(json, "since_epoch", member_since(ledger_epochs(picture->ledger), member->header.iss));
	json_bool(json, "self", self);
	json_bool(json, "connected", self || picture->facts.connected[index]);
	json_word(json, "standing", standing_word(consensus_standing(consensus, (uint16_t)index)));
	json_object(json, "keys");
	key_json(json, "record", &org->record_key);
	key_json(json, "node", &org->node_key);
	key_json(json, "checkpoint", &org->checkpoint_key);
	json_digest(json, "tls", &org->tls_key);
	json_digest(json, "root", &org->root_key);
	json_object_end(json);
	json_object_end(json);
}

/* In the order of the members. */
static void votes_json(struct json *json, const struct genesis *members, const struct ledger_proposal *proposal)
{
	json_array(json, "votes");
	for (size_t i = 0; i < members->member_count; i++) {
		bool yes = proposal->said_yes >> i & 1;
		if (!yes && !(proposal->said_no >> i & 1))
			continue;
		json_object(json, NULL);
		json_text(json, "iss", members->members[i].header.iss);
		json_bool(json, "yes", yes);
		json_object_end(json);
	}
	json_array_end(json);
}

static void proposals_json(struct json *json, const struct ledger *ledger)
{
	const struct genesis *members = epochs_newest(ledger_epochs(ledger))->members;
	json_array(json, "proposals");
	for (size_t i = 0; i < ledger_proposal_count(ledger); i++) {
		const struct ledger_proposal proposal = ledger_proposal_at(ledger, i);
		json_object(json, NULL);
		json_digest(json, "id", &proposal.id);
		json_word(json, "change", member_change_name(proposal.change));
		json_word(json, "organisation", proposal.name);
		json_word(json, "proposer", ledger_seat(ledger, proposal.proposer)->name);
		json_uint(json, "index", proposal.index);
		json_uint(json, "yes", proposal.yes);
		json_uint(json, "no", proposal.no);
		json_uint(json, "needed", proposal.needed);
		votes_json(json, members, &proposal);
		json_object_end(json);
	}
	json_array_end(json);
}

/* Names in `members` that are not in `others`; `rotated`: that are, under another statement. */
static void names_json(struct json *json, const char *what, const struct genesis *members, const struct genesis *others, bool rotated)
{
	json_array(json, what);
	for (size_t i = 0; i < members->member_count; i++) {
		const struct genesis_member *member = &members->members[i], *other = member_named(others, member->header.iss);
		if (rotated ? other && !digest_equal(&other->header.id, &member->header.id) : !other)
			json_text(json, NULL, member->header.iss);
	}
	json_array_end(json);
}

static void epochs_json(struct json *json, const struct epochs *chain, uint64_t is_signed)
{
	enum { TOLD_MAX = 100 };
	json_array(json, "epochs");
	for (size_t i = chain->count; i-- > 0 && chain->count - i <= TOLD_MAX;) {
		const struct epoch *epoch = &chain->items[i], *before = i ? &chain->items[i - 1] : epoch;
		json_object(json, NULL);
		json_uint(json, "number", epoch->number);
		json_digest(json, "digest", &epoch->digest);
		json_uint(json, "members", epoch->members->member_count);
		json_uint(json, "log_size", i ? epoch->log_size : 0);
		json_int(json, "time_ms", i ? epoch->time_ms : epoch->members->created_ms);
		json_bool(json, "signed", epoch->number <= is_signed);
		names_json(json, "joined", epoch->members, before->members, false);
		names_json(json, "left", before->members, epoch->members, false);
		names_json(json, "rotated", epoch->members, before->members, true);
		json_object_end(json);
	}
	json_array_end(json);
}

void node_members_get(struct node_api *api, struct http_request *request, struct span text)
{
	(void)text;
	struct node_picture *picture = memory_new(sizeof *picture);
	struct buffer body = {0};
	struct json json = json_of(&body);
	node_picture_take(api, picture);
	json_object(&json, NULL);
	json_uint(&json, "epoch", picture->numbers.epoch);
	json_uint(&json, "quorum", epoch_quorum(picture->members));
	json_array(&json, "members");
	for (size_t i = 0; i < picture->members->member_count; i++)
		member_json(&json, picture, replica_consensus(api->source.replica), i);
	json_array_end(&json);
	proposals_json(&json, picture->ledger);
	epochs_json(&json, ledger_epochs(picture->ledger), picture->numbers.epoch_signed);
	json_object_end(&json);
	http_answer(request, 200, "application/json", NULL, buffer_span(&body));
	buffer_free(&body);
	free(picture);
}
