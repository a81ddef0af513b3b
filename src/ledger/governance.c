/* Who the members are: proposals, votes, and what the end of an epoch changes. docs/decisions/0008-epochs.md. */
#include "ledger/examination.h"

#include <inttypes.h>
#include <stdlib.h>

/* -- questions ---------------------------------------------------------------------------------------- */

const struct epochs *ledger_epochs(const struct ledger *ledger)
{
	return &ledger->epochs;
}

size_t ledger_seat_count(const struct ledger *ledger)
{
	return ledger->seat_count;
}

const struct entity *ledger_seat(const struct ledger *ledger, uint16_t seat)
{
	CHECK(seat < ledger->seat_count);
	return ledger->seats[seat];
}

static const struct genesis *members_of(const struct ledger *ledger)
{
	return epochs_newest(&ledger->epochs)->members;
}

static uint16_t votes_count(const struct ledger *ledger, const struct proposal *proposal, int vote)
{
	uint16_t count = 0;
	for (size_t i = 0; i < members_of(ledger)->member_count; i++)
		count += (int)proposal->votes[i] == vote;
	return count;
}

/* Bit i: member i voted so. */
static uint64_t votes_of(const struct ledger *ledger, const struct proposal *proposal, int vote)
{
	uint64_t members = 0;
	for (size_t i = 0; i < members_of(ledger)->member_count; i++)
		members |= (uint64_t)((int)proposal->votes[i] == vote) << i;
	return members;
}

size_t ledger_proposal_count(const struct ledger *ledger)
{
	return ledger->proposal_count;
}

struct ledger_proposal ledger_proposal_at(const struct ledger *ledger, size_t position)
{
	CHECK(position < ledger->proposal_count);
	const struct proposal *proposal = &ledger->proposals[position];
	return (struct ledger_proposal){
		.id = proposal->id,
		.change = proposal->change,
		.name = proposal->name,
		.proposer = ledger_find(ledger, members_of(ledger)->members[proposal->proposer].header.iss)->seat,
		.index = proposal->index,
		.yes = votes_count(ledger, proposal, VOTE_YES),
		.no = votes_count(ledger, proposal, VOTE_NO),
		.said_yes = votes_of(ledger, proposal, VOTE_YES),
		.said_no = votes_of(ledger, proposal, VOTE_NO),
		.needed = (uint16_t)epoch_quorum(members_of(ledger)),
	};
}

bool ledger_is_closing(const struct ledger *ledger)
{
	return ledger->adopted != 0;
}

/* -- rules -------------------------------------------------------------------------------------------- */

static enum status not_closing(const struct examination *e)
{
	if (!ledger_is_closing(e->ledger))
		return OK;
	return fault_set(e->fault, E_SEQUENCE, "The members are just changing; sign it again when they have.");
}

/* The organisation's own statement fits beside the other members'. */
static enum status newcomer_fits(struct examination *e)
{
	const struct genesis *members = members_of(e->ledger);
	struct genesis_member newcomer = {0};
	TRY(genesis_member_decode(e->body.member.organisation, &newcomer, e->fault));
	if (!span_equal(newcomer.header.iss, e->statement->sub))
		return fault_set(e->fault, E_MALFORMED, "The proposal is about %s, but holds the statement of another organisation.",
			printable(e->statement->sub).text);
	if (genesis_members_share_key(&newcomer, &newcomer))
		return fault_set(e->fault, E_FORBIDDEN, "Two keys of %s are the same; each purpose needs its own.", printable(e->statement->sub).text);
	for (size_t i = 0; i < members->member_count; i++) {
		const struct genesis_member *other = &members->members[i];
		if (span_equal(other->header.iss, newcomer.header.iss)) {
			if (digest_equal(&other->header.id, &newcomer.header.id))
				return fault_set(e->fault, E_FORBIDDEN, "These are the keys that %s has already.", printable(e->statement->sub).text);
		} else if (span_equal(other->org.name, newcomer.org.name) || genesis_members_share_key(&newcomer, other)) {
			return fault_set(e->fault, E_FORBIDDEN, "%s shares a name or a key with %s; each organisation needs its own.",
				printable(e->statement->sub).text, printable(other->header.iss).text);
		}
	}
	const struct entity *holder = ledger_entity_by_tls(e->ledger, &newcomer.org.tls_key);
	if (holder && holder != e->subject)
		return fault_set(e->fault, E_FORBIDDEN, "This TLS key belongs to %s; make a new one.", holder->name);
	return OK;
}

static enum status change_fits(struct examination *e)
{
	const struct ledger *ledger = e->ledger;
	bool is_member = e->subject && e->subject->kind == ENTITY_ORG && e->subject->member != LEDGER_NO_MEMBER;
	size_t count = members_of(ledger)->member_count;
	if (e->subject && e->subject->kind != ENTITY_ORG)
		return fault_set(e->fault, E_FORBIDDEN, "%s is no organisation.", e->subject->name);
	if (e->body.member.change == MEMBER_ADD) {
		if (is_member)
			return fault_set(e->fault, E_FORBIDDEN, "%s is a member already; for new keys propose `rotate`.", e->subject->name);
		if (count == GENESIS_MEMBERS_MAX || (!e->subject && ledger->seat_count == LEDGER_SEATS_MAX))
			return fault_set(e->fault, E_LIMIT, "A consortium has at most %d members, and over its life at most %d.", GENESIS_MEMBERS_MAX,
				LEDGER_SEATS_MAX);
	} else if (!is_member) {
		return fault_set(e->fault, E_UNKNOWN, "%s is no member.", printable(e->statement->sub).text);
	}
	if (e->body.member.change == MEMBER_REMOVE)
		return count > 1 ? OK : fault_set(e->fault, E_FORBIDDEN, "The last member cannot be removed.");
	return newcomer_fits(e);
}

enum status rule_member(struct examination *e)
{
	size_t own = 0;
	TRY(not_closing(e));
	for (size_t i = 0; i < e->ledger->proposal_count; i++)
		own += e->ledger->proposals[i].proposer == e->issuer->member;
	if (own == LEDGER_PROPOSALS_MAX)
		return fault_set(e->fault, E_LIMIT, "%s has %d proposals open already; they lapse when the members change next.", e->issuer->name,
			LEDGER_PROPOSALS_MAX);
	return change_fits(e);
}

enum status rule_vote(struct examination *e)
{
	const struct digest *id = &e->body.vote.proposal;
	uint64_t index;
	TRY(not_closing(e));
	if (!examination_parent(e->statement, id))
		return fault_set(e->fault, E_PARENT, "The proposal that is voted on must be a parent; add it and sign again.");
	for (size_t i = 0; i < e->ledger->proposal_count; i++)
		if (digest_equal(&e->ledger->proposals[i].id, id))
			e->proposal = i + 1;
	if (!e->proposal) {
		if (e->lenient && ledger_index_of(e->ledger, id, &index) != OK)
			return OK;
		return fault_set(e->fault, E_UNKNOWN, "There is no such open proposal: it was adopted, or lapsed when the members changed.");
	}
	if (!span_is_text(e->statement->sub, e->ledger->proposals[e->proposal - 1].name))
		return fault_set(e->fault, E_MALFORMED, "The proposal is about %s; name it as the subject of the vote.",
			e->ledger->proposals[e->proposal - 1].name);
	return OK;
}

/* -- what they do ------------------------------------------------------------------------------------- */

static void adopt_if_enough(struct ledger *ledger, size_t position)
{
	if (votes_count(ledger, &ledger->proposals[position], VOTE_YES) >= epoch_quorum(members_of(ledger)))
		ledger->adopted = position + 1;
}

void governance_propose(struct ledger *ledger, struct examination *e)
{
	ARRAY_GROW(ledger->proposals, ledger->proposal_count, ledger->proposal_capacity);
	struct proposal *proposal = &ledger->proposals[ledger->proposal_count++];
	*proposal = (struct proposal){.id = e->statement->id, .index = ledger_size(ledger), .change = e->body.member.change,
		.name = memory_text(e->statement->sub), .proposer = e->issuer->member};
	buffer_append_span(&proposal->statement, e->body.member.organisation);
	proposal->votes[e->issuer->member] = VOTE_YES;
	adopt_if_enough(ledger, ledger->proposal_count - 1);
}

void governance_vote(struct ledger *ledger, struct examination *e)
{
	ledger->proposals[e->proposal - 1].votes[e->issuer->member] = e->body.vote.yes ? VOTE_YES : VOTE_NO;
	adopt_if_enough(ledger, e->proposal - 1);
}

static void proposals_lapse(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->proposal_count; i++) {
		free(ledger->proposals[i].name);
		buffer_free(&ledger->proposals[i].statement);
	}
	ledger->proposal_count = 0;
	ledger->adopted = 0;
}

void governance_free(struct ledger *ledger)
{
	proposals_lapse(ledger);
	free(ledger->proposals);
	epochs_free(&ledger->epochs);
}

/* -- the end of an epoch ------------------------------------------------------------------------------ */

/* The members' statements after the adopted change; *count is 0 when they stay. */
static void statements_after(const struct ledger *ledger, struct span out[GENESIS_MEMBERS_MAX], size_t *count)
{
	const struct genesis *members = members_of(ledger);
	*count = 0;
	if (!ledger->adopted)
		return;
	const struct proposal *change = &ledger->proposals[ledger->adopted - 1];
	for (size_t i = 0; i < members->member_count; i++) {
		bool is_it = span_is_text(members->members[i].header.iss, change->name);
		if (is_it && change->change == MEMBER_REMOVE)
			continue;
		out[(*count)++] = is_it ? buffer_span(&change->statement) : members->members[i].statement;
	}
	if (change->change == MEMBER_ADD)
		out[(*count)++] = buffer_span(&change->statement);
}

static void record_make(const struct ledger *ledger, struct epoch_end end, struct buffer *out)
{
	struct span statements[GENESIS_MEMBERS_MAX];
	end.log_size = ledger_size(ledger);
	end.log_root = merkle_tree_root(&ledger->tree, end.log_size);
	end.statements = statements;
	statements_after(ledger, statements, &end.statement_count);
	epoch_encode(&ledger->epochs, &end, out);
}

static void organisation_admit(struct ledger *ledger, const struct genesis_member *member, const struct digest *registration)
{
	struct entity *organisation = ledger_find(ledger, member->header.iss);
	if (!organisation) {
		organisation = ledger_entity_add(ledger, member->header.iss, ENTITY_ORG, NULL);
		organisation->seat = (uint16_t)ledger->seat_count;
		ledger->seats[ledger->seat_count++] = organisation;
	}
	organisation->registration = *registration;
	organisation->state = DEVICE_ACTIVE;
	ledger_entity_set_role(organisation, member->org.role);
	ledger_entity_set_key(organisation, verifying_key_new(&member->org.record_key), &member->org.record_key);
	CHECK(organisation->key); /* its statement was verified with it */
	ledger_entity_set_tls(ledger, organisation, &member->org.tls_key);
	state_changes_add(&ledger->changes, organisation);
}

/* The entities follow the members of the newest epoch. */
static void members_enter(struct ledger *ledger)
{
	const struct genesis *members = members_of(ledger);
	const struct proposal *change = ledger->adopted ? &ledger->proposals[ledger->adopted - 1] : NULL;
	for (size_t seat = 0; seat < ledger->seat_count; seat++)
		ledger->seats[seat]->member = LEDGER_NO_MEMBER;
	for (size_t i = 0; i < members->member_count; i++) {
		const struct genesis_member *member = &members->members[i];
		if (change && span_is_text(member->header.iss, change->name))
			organisation_admit(ledger, member, &change->id);
		ledger_find(ledger, member->header.iss)->member = (uint16_t)i;
	}
	if (change && change->change == MEMBER_REMOVE) {
		struct entity *gone = ledger_find(ledger, span_of_text(change->name));
		gone->state = DEVICE_REVOKED;
		state_changes_add(&ledger->changes, gone);
	}
	proposals_lapse(ledger);
}

void ledger_close(struct ledger *ledger, uint64_t commits, const struct digest *commit_digest, int64_t time_ms)
{
	struct buffer record = {0};
	record_make(ledger, (struct epoch_end){.commits = commits, .commit_digest = *commit_digest, .time_ms = time_ms}, &record);
	/* What was adopted was looked at when it was proposed, and nothing changed since. */
	CHECK(epochs_add(&ledger->epochs, buffer_span(&record), NULL) == OK);
	buffer_free(&record);
	members_enter(ledger);
}

enum status ledger_enter(struct ledger *ledger, struct span record, struct fault *fault)
{
	struct epoch_end end;
	struct buffer own = {0};
	TRY(epoch_read(record, &end, fault));
	record_make(ledger, end, &own);
	bool same = span_equal(buffer_span(&own), record);
	buffer_free(&own);
	if (!same)
		return fault_set(fault, E_CORRUPT, "The record of epoch %zu is not what the log's %" PRIu64 " entries lead to.", ledger->epochs.count,
			ledger_size(ledger));
	TRY(epochs_add(&ledger->epochs, record, fault));
	members_enter(ledger);
	return OK;
}
