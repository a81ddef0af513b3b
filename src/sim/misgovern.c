/* Proposals and votes that must be refused, whatever the members agree on meanwhile; and proposals that nobody wants, which must not. */
#include "sim/statements.h"

#include <stdlib.h>

enum { IDLE_MAX = 2, IDLE_PERMILLE = 250, IDLE_OFTEN_PERMILLE = 600, VOTE_PERMILLE = 400 };

/* -- what must become final, and changes nothing ------------------------------------------------------------------ */

/* No epoch ends here, so proposals stay open. */
static bool proposals_stay(const struct sim *sim)
{
	return sim->settings.epoch_bytes == GENESIS_EPOCH_BYTES && sim->members == sim->founders;
}

static void proposal_set(struct draft *draft, enum member_change change, const char *subject, struct span organisation)
{
	draft->statement.type = STATEMENT_MEMBER;
	draft->statement.sub = text(subject);
	draft->body->member = (struct body_member){.change = change, .organisation = organisation, .reason = text("agreed by nobody")};
	buffer_clear(&draft->bytes);
	body_member_encode(&draft->body->member, &draft->bytes);
}

static void vote_set(struct draft *draft, const char *subject, const struct digest *proposal, bool yes)
{
	draft->statement.type = STATEMENT_VOTE;
	draft->statement.sub = text(subject);
	draft->statement.parents[draft->statement.parent_count++] = *proposal;
	draft->body->vote = (struct body_vote){.proposal = *proposal, .yes = yes};
	buffer_clear(&draft->bytes);
	body_vote_encode(&draft->body->vote, &draft->bytes);
}

static uint16_t another_founder(struct sim *sim, const struct client *client)
{
	return (uint16_t)((client->organisation + 1 + sim_below(sim, sim->founders - 1)) % sim->founders);
}

/* Yes of one more than the proposer is no quorum of four or more; everybody may change its mind. */
static bool idle_vote(struct sim *sim, const struct client *client, struct draft *draft)
{
	size_t proposer = sim_below(sim, sim->founders);
	const struct client *other = &sim->clients[proposer];
	if (!proposals_stay(sim) || faults_quorum(sim->founders, sim->epochs[0].faults) < 3 || proposer == client->organisation || !is_final(sim, &other->idle_proposal))
		return false;
	bool may_agree = (proposer + 1) % sim->founders == client->organisation;
	vote_set(draft, sim->consortium->organisation[other->idle_target].name, &other->idle_proposal, may_agree && sim_permille(sim, 500));
	return true;
}

bool misgovern_says(struct sim *sim, struct client *client, struct draft *draft)
{
	if (sim->founders < 2)
		return false;
	if (sim_permille(sim, VOTE_PERMILLE) && idle_vote(sim, client, draft))
		return true;
	uint32_t most = proposals_stay(sim) ? LEDGER_PROPOSALS_MAX : IDLE_MAX;
	if (client->idle >= most || !sim_permille(sim, proposals_stay(sim) ? IDLE_OFTEN_PERMILLE : IDLE_PERMILLE))
		return false;
	client->idle++;
	client->idle_target = another_founder(sim, client);
	proposal_set(draft, MEMBER_REMOVE, sim->consortium->organisation[client->idle_target].name, (struct span){0});
	draft->idle = true;
	return true;
}

/* -- what must be refused ------------------------------------------------------------------------------------------------ */

/* An organisation's own statement that does not fit beside the members'. */
enum misfit { MISFIT_ONE_KEY_TWICE, MISFIT_ANOTHERS_KEY, MISFIT_ANOTHERS_TLS, MISFIT_ANOTHERS_NAME, MISFIT_BYTES, MISFITS };

static void newcomer_make(const struct sim *sim, const struct client *client, enum misfit misfit, struct buffer *out)
{
	const struct sim_organisation *own = organisation_of(sim, client);
	struct body_org *org = memory_new_array(1, sizeof *org);
	struct buffer body = {0};
	struct digest id;
	*org = (struct body_org){.name = text(misfit == MISFIT_ANOTHERS_NAME ? own->name + 4 : "newcomer"), .role = text("supplier"),
		.record_key = *signing_key_public(own->person_key), .node_key = *signing_key_public(own->machine_keys[0]),
		.checkpoint_key = *signing_key_public(own->machine_keys[1]), .tls_key = {{0x70, (uint8_t)client->organisation}}, .address = text("new:7101")};
	if (misfit == MISFIT_ONE_KEY_TWICE)
		org->checkpoint_key = org->node_key;
	else if (misfit == MISFIT_ANOTHERS_KEY)
		org->checkpoint_key = *signing_key_public(own->record);
	else if (misfit == MISFIT_ANOTHERS_TLS)
		org->tls_key = (struct digest){{0x80, (uint8_t)client->organisation}}; /* its gateway's */
	body_org_encode(org, &body);
	struct statement self = {.type = STATEMENT_ORG, .seq = 1, .iss = text("org:newcomer"), .sub = text("org:newcomer"), .iat = SIM_EPOCH_US / SIM_S,
		.body = buffer_span(&body), .class = CLASS_CONSORTIUM};
	CHECK(statement_sign(&self, own->person_key, NULL, out, &id) == OK);
	if (misfit == MISFIT_BYTES)
		out->data[out->size / 2] ^= 1;
	buffer_free(&body);
	free(org);
}

static bool newcomer_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	struct buffer newcomer = {0};
	enum misfit misfit = (enum misfit)sim_below(sim, MISFITS);
	if (misfit == MISFIT_ANOTHERS_TLS && client->done == 0)
		misfit = MISFIT_ANOTHERS_KEY; /* its gateway is not registered yet */
	newcomer_make(sim, client, misfit, &newcomer);
	proposal_set(draft, MEMBER_ADD, "org:newcomer", buffer_span(&newcomer));
	buffer_free(&newcomer);
	return true;
}

/* One too many. */
static bool fifth_proposal(struct sim *sim, const struct client *client, struct draft *draft)
{
	if (!proposals_stay(sim) || client->idle < LEDGER_PROPOSALS_MAX || !is_final(sim, &client->idle_proposal) || sim_permille(sim, 500))
		return false;
	proposal_set(draft, MEMBER_REMOVE, sim->consortium->organisation[another_founder(sim, client)].name, (struct span){0});
	return true;
}

static bool proposal_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	uint16_t founder = (uint16_t)sim_below(sim, sim->founders);
	const struct sim_organisation *organisation = &sim->consortium->organisation[founder];
	struct span itself = buffer_span(&organisation->statements[0]);
	if (fifth_proposal(sim, client, draft))
		return true;
	switch (sim_below(sim, 7)) {
	case 0: proposal_set(draft, sim_permille(sim, 500) ? MEMBER_REMOVE : MEMBER_ROTATE, "org:nobody", (struct span){0}); return true;
	case 1: proposal_set(draft, MEMBER_ADD, organisation->name, itself); return true;
	case 2:
		if (sim->members > sim->founders && is_honest(&sim->member[founder]))
			return false; /* it may have other keys by then */
		proposal_set(draft, MEMBER_ROTATE, organisation->name, itself);
		return true;
	case 3: proposal_set(draft, MEMBER_ADD, organisation_of(sim, client)->gateway, itself); return true;
	case 4: proposal_set(draft, MEMBER_ROTATE, organisation->name, buffer_span(&sim->consortium->organisation[founder + 1].statements[1])); return true;
	case 5:
		if (sim->members > 1)
			return false;
		proposal_set(draft, MEMBER_REMOVE, organisation->name, (struct span){0}); /* the last one */
		return true;
	default: return newcomer_breaks(sim, client, draft);
	}
}

/* Whoever stands by votes; it is no member before the epoch ends, and then the proposal has lapsed. */
static bool stranger_votes(struct sim *sim, struct draft *draft)
{
	const struct governance *govern = &sim->governance;
	if (!govern->under_way || !govern->proposed || sim->epoch_count > govern->epoch)
		return false;
	uint16_t stranger = (uint16_t)(sim->founders + sim_below(sim, sim->members - sim->founders));
	if (is_member_now(sim, stranger))
		return false;
	const struct sim_organisation *organisation = &sim->consortium->organisation[stranger];
	vote_set(draft, sim->consortium->organisation[govern->target].name, &govern->proposal, true);
	draft->statement.iss = text(organisation->name);
	draft->statement.seq = 1;
	draft->statement.prev = (struct digest){0};
	draft->key = organisation->record;
	return true;
}

static bool vote_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	static const struct digest unknown = {{80}};
	const struct governance *govern = &sim->governance;
	const struct client *other = &sim->clients[sim_below(sim, sim->founders)];
	/* Open, or over by the time when it is voted on. */
	const struct digest *proposal = govern->under_way && govern->proposed ? &govern->proposal : &other->idle_proposal;
	uint16_t target = govern->under_way && govern->proposed ? govern->target : other->idle_target;
	switch (sim_below(sim, 6)) {
	case 0:
		vote_set(draft, "org:nobody", &unknown, true);
		return true;
	case 1: /* without its parent */
		if (digest_is_zero(proposal))
			return false;
		vote_set(draft, sim->consortium->organisation[target].name, proposal, true);
		draft->statement.parent_count = 0;
		return true;
	case 2: /* no proposal */
		if (client->done == 0)
			return false;
		vote_set(draft, "org:nobody", &sim->payloads[client->payloads[0]].id, true);
		return true;
	case 3:
		if (digest_is_zero(proposal))
			return false;
		vote_set(draft, "org:nobody", proposal, true); /* not about this one */
		return true;
	case 4:
		if (digest_is_zero(&sim->lapsed))
			return false;
		vote_set(draft, sim->consortium->organisation[sim->lapsed_target].name, &sim->lapsed, true);
		return true;
	default: return stranger_votes(sim, draft);
	}
}

bool misgovern_breaks(struct sim *sim, const struct client *client, struct draft *draft)
{
	return sim_permille(sim, 600) ? proposal_breaks(sim, client, draft) : vote_breaks(sim, client, draft);
}
