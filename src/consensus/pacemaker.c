#include "consensus/pacemaker.h"

#include "base/faults.h"

void pacemaker_init(struct pacemaker *pacemaker, uint32_t round_delay_ms, uint32_t leader_timeout_ms,
	uint32_t heartbeat_ms, int64_t now_ms)
{
	*pacemaker = (struct pacemaker){
		.round_delay_ms = round_delay_ms,
		.leader_timeout_ms = leader_timeout_ms,
		.heartbeat_ms = heartbeat_ms,
		.proposed_ms = now_ms,
		.nudge_ms = PACEMAKER_NEVER,
		.nudge_delay_ms = PACEMAKER_NUDGE_MS,
	};
}

/* Authors whose first block of `round` names `leader`: only first blocks will be named by ours. */
static uint16_t witnesses(const struct dag *dag, uint32_t round, uint16_t leader_author, uint32_t leader)
{
	uint16_t count = 0;
	for (uint16_t author = 0; author < dag->members; author++) {
		uint32_t id = dag_slot(dag, round, author);
		count += id != DAG_NONE && dag_ancestor_by(dag, id, leader_author) == leader;
	}
	return count;
}

/* L2: the blocks of the round before ours decide the leader two rounds back, for or against. */
static bool decision_in_sight(const struct pacemaker_view *view, uint32_t round)
{
	const struct dag *dag = view->dag;
	uint16_t leader_author = schedule_leader(view->schedule, round - 2, 0);
	uint16_t present = dag_authors(dag, round - 1);
	bool skip = present >= dag->quorum;
	for (uint32_t id = dag_slot(dag, round - 2, leader_author); id != DAG_NONE; id = dag->blocks[id].twin) {
		uint16_t votes = witnesses(dag, round - 1, leader_author, id);
		if (votes >= dag->quorum)
			return true;
		if (present - votes < dag->quorum)
			skip = false;
	}
	return skip;
}

static bool is_there(const struct pacemaker_view *view, uint32_t round, uint16_t leader)
{
	bool reachable = leader == view->own || view->up[leader];
	return !reachable || dag_slot(view->dag, round, leader) != DAG_NONE;
}

static bool other_leaders_are_there(const struct pacemaker_view *view, uint32_t round)
{
	for (uint16_t rank = 1; round > 1 && rank < view->leaders; rank++)
		if (!is_there(view, round - 1, schedule_leader(view->schedule, round - 1, rank)))
			return false;
	return true;
}

bool pacemaker_leaders_ready(const struct pacemaker_view *view, uint32_t round)
{
	/* Genesis blocks lead nothing: rounds 1 and 2 have less to wait for. */
	if (round <= 1)
		return true;
	if (!is_there(view, round - 1, schedule_leader(view->schedule, round - 1, 0)))
		return false;
	return round <= 2 || decision_in_sight(view, round);
}

/* A1 and A2: the round after the own last one. Far behind a quorum the missing own blocks would
 * only be ballast, and too old ones nothing at all: one jump to the quorum is allowed. */
static uint32_t round_next(const struct pacemaker_view *view)
{
	uint32_t quorum_round = dag_highest_round(view->dag);
	if (dag_authors(view->dag, quorum_round) < view->dag->quorum)
		quorum_round--; /* any block has a quorum below it */
	if (quorum_round > view->own_round + PACEMAKER_JUMP || view->own_round < view->dag->gc_round)
		return quorum_round;
	return view->own_round + 1;
}

static int64_t leader_timeout(const struct pacemaker *pacemaker)
{
	uint32_t doublings = pacemaker->timeouts_in_row < 16 ? pacemaker->timeouts_in_row : 16;
	int64_t timeout = (int64_t)pacemaker->leader_timeout_ms << doublings;
	int64_t most = pacemaker->leader_timeout_ms > PACEMAKER_TIMEOUT_MAX_MS ? pacemaker->leader_timeout_ms : PACEMAKER_TIMEOUT_MAX_MS;
	return timeout < most ? timeout : most;
}

struct pacemaker_verdict pacemaker_check(struct pacemaker *pacemaker, const struct pacemaker_view *view)
{
	uint32_t round = round_next(view);
	struct pacemaker_verdict verdict = {.round = round, .wake_ms = PACEMAKER_NEVER};
	int64_t heartbeat_ms = pacemaker->proposed_ms + pacemaker->heartbeat_ms;
	/* Who is ahead had a reason, and needs a quorum in its round to go on. */
	verdict.wanted = view->work || view->now_ms >= heartbeat_ms || dag_highest_round(view->dag) > view->own_round;
	if (!verdict.wanted)
		verdict.wake_ms = heartbeat_ms;
	if (dag_authors(view->dag, round - 1) < view->dag->quorum)
		return verdict;
	/* The leader's time runs from here, whether or not there is anything to propose. */
	if (pacemaker->entered_round != round) {
		pacemaker->entered_round = round;
		pacemaker->entered_ms = view->now_ms;
	}
	if (!verdict.wanted)
		return verdict;
	/* C3 */
	if (dag_authors(view->dag, round) >= view->dag->quorum) {
		verdict.propose = true;
		return verdict;
	}
	int64_t earliest_ms = pacemaker->proposed_ms + pacemaker->round_delay_ms;
	int64_t latest_ms = pacemaker->entered_ms + leader_timeout(pacemaker);
	int64_t courtesy_ms = (earliest_ms > pacemaker->entered_ms ? earliest_ms : pacemaker->entered_ms) + pacemaker->round_delay_ms;
	/* The floor is over, too, when others have made their blocks of whom one at least tells no lie, and waited: so members keep
	 * in step, and who began a little later does not hold up the others' commits in every round. */
	bool in_step = dag_authors(view->dag, round) > faults_liars(view->dag->members);
	if (view->now_ms < earliest_ms && !in_step) {
		verdict.wake_ms = earliest_ms;
		return verdict;
	}
	/* C1, else C2. The other leaders are waited for as well, but not long: without their blocks the
	 * first one's is decided all the same. */
	bool ready = pacemaker_leaders_ready(view, round);
	bool complete = view->now_ms >= courtesy_ms || other_leaders_are_there(view, round);
	verdict.propose = (ready && complete) || view->now_ms >= latest_ms;
	verdict.wake_ms = ready && courtesy_ms < latest_ms ? courtesy_ms : latest_ms;
	if (verdict.propose && !ready) {
		pacemaker->timeouts++;
		pacemaker->timeouts_in_row++;
	}
	return verdict;
}

void pacemaker_proposed(struct pacemaker *pacemaker, int64_t now_ms)
{
	pacemaker->proposed_ms = now_ms;
	pacemaker->nudge_ms = PACEMAKER_NEVER;
	pacemaker->nudge_delay_ms = PACEMAKER_NUDGE_MS;
}

void pacemaker_committed(struct pacemaker *pacemaker)
{
	pacemaker->timeouts_in_row = 0;
}

bool pacemaker_nudge(struct pacemaker *pacemaker, bool wanted, int64_t now_ms)
{
	if (!wanted) {
		pacemaker->nudge_ms = PACEMAKER_NEVER;
		pacemaker->nudge_delay_ms = PACEMAKER_NUDGE_MS;
		return false;
	}
	if (pacemaker->nudge_ms == PACEMAKER_NEVER)
		pacemaker->nudge_ms = now_ms + pacemaker->nudge_delay_ms;
	if (now_ms < pacemaker->nudge_ms)
		return false;
	pacemaker->nudge_delay_ms *= 2;
	if (pacemaker->nudge_delay_ms > PACEMAKER_NUDGE_MAX_MS)
		pacemaker->nudge_delay_ms = PACEMAKER_NUDGE_MAX_MS;
	pacemaker->nudge_ms = now_ms + pacemaker->nudge_delay_ms;
	return true;
}
