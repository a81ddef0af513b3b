/* Members that change during the storm: organisations that stand by join, leave again, and members get new keys. One change is
 * under way at a time, and just a quorum of the founders vote, so that no vote comes too late and has to be signed anew. */
#include "sim/statements.h"

enum { PAUSE_LEAST_MS = 200, PAUSE_MOST_MS = 1200 };

static const struct sim_epoch *newest(const struct sim *sim)
{
	return &sim->epochs[sim->epoch_count - 1];
}

bool is_member_now(const struct sim *sim, uint16_t index)
{
	const struct sim_epoch *epoch = newest(sim);
	for (uint16_t i = 0; i < epoch->members; i++)
		if (epoch->who[i] == index)
			return true;
	return false;
}

static void change_choose(struct sim *sim)
{
	struct governance *govern = &sim->governance;
	uint16_t reserve = (uint16_t)(sim->founders + sim_below(sim, sim->members - sim->founders));
	uint16_t any = (uint16_t)sim_below(sim, sim->members);
	if (sim_permille(sim, 300)) {
		if (!is_member_now(sim, any) || sim->member[any].rotated || !is_honest(&sim->member[any]))
			return;
		sim->member[any].rotated = true;
		*govern = (struct governance){.change = MEMBER_ROTATE, .target = any};
	} else {
		*govern = (struct governance){.change = is_member_now(sim, reserve) ? MEMBER_REMOVE : MEMBER_ADD, .target = reserve};
	}
	uint16_t quorum = (uint16_t)faults_quorum(newest(sim)->members, newest(sim)->faults), first = (uint16_t)sim_below(sim, sim->founders);
	govern->under_way = true;
	govern->epoch = sim->epoch_count;
	govern->proposer = first;
	for (uint16_t i = 1; i < quorum; i++)
		govern->votes_due[(first + i) % sim->founders] = true;
	trace_line(sim, "members: %s %u, proposed by %u", member_change_name(govern->change), (unsigned)govern->target, (unsigned)first);
}

void govern_turn(struct sim *sim)
{
	struct governance *govern = &sim->governance;
	if (sim->phase != PHASE_STORM)
		return;
	if (govern->under_way && sim->epoch_count > govern->epoch) {
		sim->counters[SIM_CHANGED]++;
		sim->lapsed = govern->proposal;
		sim->lapsed_target = govern->target;
		govern->under_way = false;
	}
	if (!govern->under_way && faults_quorum(newest(sim)->members, newest(sim)->faults) <= sim->founders)
		change_choose(sim);
	happen(sim, sim_between(sim, PAUSE_LEAST_MS * SIM_MS, PAUSE_MOST_MS * SIM_MS), (struct happening){.kind = HAPPEN_GOVERN});
}

bool govern_says(struct sim *sim, const struct client *client, struct draft *draft)
{
	struct governance *govern = &sim->governance;
	const struct sim_organisation *target = &sim->consortium->organisation[govern->target];
	if (!govern->under_way || sim->epoch_count > govern->epoch)
		return false;
	if (!govern->proposed && client->organisation == govern->proposer) {
		draft->statement.type = STATEMENT_MEMBER;
		draft->body->member = (struct body_member){.change = govern->change, .reason = text("agreed")};
		if (govern->change != MEMBER_REMOVE)
			draft->body->member.organisation = buffer_span(&target->statements[sim->member[govern->target].rotated]);
		body_member_encode(&draft->body->member, &draft->bytes);
	} else if (govern->proposed && govern->votes_due[client->organisation] && is_final(sim, &govern->proposal)) {
		govern->votes_due[client->organisation] = false;
		draft->statement.type = STATEMENT_VOTE;
		draft->statement.parents[draft->statement.parent_count++] = govern->proposal;
		draft->body->vote = (struct body_vote){.proposal = govern->proposal, .yes = true};
		body_vote_encode(&draft->body->vote, &draft->bytes);
	} else {
		return false;
	}
	draft->statement.sub = text(target->name);
	return true;
}

void govern_said(struct sim *sim, const struct draft *draft, const struct digest *id)
{
	if (draft->statement.type != STATEMENT_MEMBER || draft->idle)
		return;
	sim->governance.proposed = true;
	sim->governance.proposal = *id;
}
