/* The network between members: connections that break and come back, packets that are late, lost, doubled, out of order. */
#include "sim/state.h"

/* A copy under way. */
static void launch(struct sim *sim, uint16_t from, uint16_t to, struct span bytes, int64_t extra_us)
{
	struct network *network = &sim->network;
	struct link *link = &network->link[from][to];
	int64_t delay = network->delay_us + (network->jitter_us ? sim_between(sim, 0, network->jitter_us) : 0) + extra_us
		+ sim->member[from].slow_us + sim->member[to].slow_us;
	if (network->ordered && sim->now_us + delay < link->last_us)
		delay = link->last_us - sim->now_us;
	link->last_us = sim->now_us + delay;
	struct happening packet = {.kind = HAPPEN_PACKET, .from = from, .to = to, .from_session = sim->member[from].session,
		.to_session = sim->member[to].session};
	buffer_append_span(&packet.bytes, bytes);
	happen(sim, delay, packet);
}

void network_send(struct sim *sim, uint16_t from, uint16_t to, struct span bytes, int64_t extra_us)
{
	struct network *network = &sim->network;
	if (to >= sim->members || to == from)
		return;
	if (!network->link[from][to].up || network->link[from][to].blocked || sim_permille(sim, network->loss)) {
		sim->counters[SIM_LOST]++;
		return;
	}
	calm_sent(sim, from, bytes);
	launch(sim, from, to, bytes, extra_us);
	if (sim_permille(sim, network->duplicate)) {
		sim->counters[SIM_DUPLICATED]++;
		launch(sim, from, to, bytes, extra_us + sim_between(sim, 0, 20 * SIM_MS));
	}
}

void network_deliver(struct sim *sim, struct happening *packet)
{
	struct member *to = &sim->member[packet->to];
	bool alive = to->replica && to->session == packet->to_session && sim->member[packet->from].session == packet->from_session
		&& sim->network.link[packet->from][packet->to].up && !sim->network.link[packet->from][packet->to].blocked;
	if (!alive) {
		sim->counters[SIM_LOST]++;
		return;
	}
	struct link *link = &sim->network.link[packet->from][packet->to];
	sim->counters[SIM_DELIVERED]++;
	sim->counters[SIM_REORDERED] += packet->order < link->newest;
	link->newest = packet->order > link->newest ? packet->order : link->newest;
	member_step(sim, packet->to,
		(struct replica_event){.kind = REPLICA_MESSAGE, .peer = seat_of(sim, packet->to, packet->from), .bytes = buffer_span(&packet->bytes)});
}

/* -- connections --------------------------------------------------------------------------------------------- */

static void tell(struct sim *sim, uint16_t member, uint16_t peer, enum replica_event_kind kind)
{
	if (sim->member[member].replica)
		member_step(sim, member, (struct replica_event){.kind = kind, .peer = seat_of(sim, member, peer)});
}

static void connect(struct sim *sim, uint16_t a, uint16_t b)
{
	struct network *network = &sim->network;
	if (a == b || network->link[a][b].up || network->link[a][b].blocked || network->link[b][a].blocked)
		return;
	if (!sim->member[a].replica || !sim->member[b].replica || seat_of(sim, a, b) == NOBODY || seat_of(sim, b, a) == NOBODY)
		return;
	network->link[a][b].up = network->link[b][a].up = true;
	tell(sim, a, b, REPLICA_PEER_UP);
	tell(sim, b, a, REPLICA_PEER_UP);
}

static void disconnect(struct sim *sim, uint16_t a, uint16_t b)
{
	struct network *network = &sim->network;
	if (a == b || !network->link[a][b].up)
		return;
	network->link[a][b].up = network->link[b][a].up = false;
	tell(sim, a, b, REPLICA_PEER_DOWN);
	tell(sim, b, a, REPLICA_PEER_DOWN);
}

void network_member_up(struct sim *sim, uint16_t index)
{
	for (uint16_t peer = 0; peer < sim->members && sim->member[index].replica; peer++)
		connect(sim, index, peer);
}

void network_member_down(struct sim *sim, uint16_t index)
{
	for (uint16_t peer = 0; peer < sim->members; peer++)
		disconnect(sim, index, peer);
}

/* -- partitions ----------------------------------------------------------------------------------------------- */

static void links_follow(struct sim *sim)
{
	for (uint16_t a = 0; a < sim->members; a++)
		for (uint16_t b = (uint16_t)(a + 1); b < sim->members; b++) {
			bool blocked = sim->network.link[a][b].blocked || sim->network.link[b][a].blocked;
			if (blocked && sim->network.told)
				disconnect(sim, a, b);
			else if (!blocked)
				connect(sim, a, b);
		}
}

void network_review(struct sim *sim)
{
	links_follow(sim);
}

enum shape { SHAPE_HALVES, SHAPE_ISLAND, SHAPE_ONE_WAY, SHAPE_STAR, SHAPE_RANDOM, SHAPES };

static bool separates(struct sim *sim, enum shape shape, uint16_t chosen, const bool *side, uint16_t a, uint16_t b)
{
	switch (shape) {
	case SHAPE_HALVES: return side[a] != side[b];
	case SHAPE_ISLAND: return a == chosen || b == chosen;
	case SHAPE_ONE_WAY: return a == chosen; /* it hears, and is not heard */
	case SHAPE_STAR: return a != chosen && b != chosen;
	default: return sim_permille(sim, 250);
	}
}

void network_partition(struct sim *sim)
{
	enum shape shape = (enum shape)sim_below(sim, SHAPES);
	uint16_t chosen = (uint16_t)sim_below(sim, sim->members);
	bool side[SIM_MEMBERS_MAX];
	for (uint16_t i = 0; i < sim->members; i++)
		side[i] = sim_permille(sim, 500);
	sim->network.told = sim_permille(sim, 600);
	for (uint16_t a = 0; a < sim->members; a++)
		for (uint16_t b = 0; b < sim->members; b++)
			sim->network.link[a][b].blocked = a != b && separates(sim, shape, chosen, side, a, b);
	for (uint16_t a = 0; a < sim->members && !sim->network.told; a++)
		for (uint16_t b = 0; b < sim->members; b++)
			sim->counters[SIM_DEAF_WAYS] += sim->network.link[a][b].blocked && !sim->network.link[b][a].blocked;
	sim->counters[SIM_PARTITIONS]++;
	trace_line(sim, "partition shape=%d member=%u told=%d", (int)shape, (unsigned)chosen, sim->network.told);
	links_follow(sim);
	happen(sim, sim_between(sim, 50 * SIM_MS, 2 * SIM_S), (struct happening){.kind = HAPPEN_LINK_END, .number = ++sim->network.partition});
}

void network_heal(struct sim *sim)
{
	for (uint16_t a = 0; a < sim->members; a++)
		for (uint16_t b = 0; b < sim->members; b++)
			sim->network.link[a][b].blocked = false;
	links_follow(sim);
}
