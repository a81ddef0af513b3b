/* Two processes with the keys of one member would sign two blocks for one slot, which convicts the member. Each other
 * member keeps one link with this key, so at most one of two processes can hold links with more than half of them: that
 * one goes on, the other one stops. One member alone may lie, so it takes more refusals than there may be liars. */
#include "node/node.h"

#include "host/note.h"

#include <stdio.h>

enum { NODE_BEGIN_MS = 4000, TELL_EVERY_S = 10 };

/* The other members of the epoch. */
static size_t others(const struct node *node)
{
	return node_members(node)->member_count - replica_is_member(node->replica);
}

static bool counts(const struct node *node, uint16_t seat)
{
	const struct entity *entity = ledger_seat(replica_ledger(node->replica), seat);
	return entity->member != LEDGER_NO_MEMBER && seat != replica_seat(node->replica);
}

static size_t linked(const struct node *node)
{
	size_t count = 0;
	for (uint16_t seat = 0; seat < ledger_seat_count(replica_ledger(node->replica)); seat++)
		count += node->members[seat] != NULL && counts(node, seat);
	return count;
}

static size_t refusals(const struct node *node)
{
	size_t count = 0;
	for (uint16_t seat = 0; seat < ledger_seat_count(replica_ledger(node->replica)); seat++)
		count += node->twin.refused[seat] && counts(node, seat);
	return count;
}

static bool holds_majority(const struct node *node)
{
	return others(node) == 0 || linked(node) > others(node) / 2;
}

static void begin(struct node *node)
{
	struct replica_event event = {.kind = REPLICA_START};
	node->twin.begun = true;
	node_step(node, &event);
	for (uint16_t i = 0; i < LEDGER_SEATS_MAX; i++)
		if (node->members[i]) {
			event = (struct replica_event){.kind = REPLICA_PEER_UP, .peer = i};
			node_step(node, &event);
		}
}

static void stop(struct node *node, const char *whom)
{
	struct fault fault;
	fault_set(&fault, E_DUPLICATE,
		"another process runs with the keys of %.250s: %.100s. Two would sign against each other, so this one stops. If this machine "
		"replaces the other, stop that one for good and start this one again; never run a copy of keys/", node->self.settings.folder, whom);
	node_fail(node, &fault);
}

void node_twin_look(struct node *node)
{
	size_t refused = refusals(node), liars = faults_liars(node_members(node)->member_count);
	char whom[100];
	if (node->failed || (node->twin.begun && refused == 0))
		return;
	if (holds_majority(node)) {
		if (!node->twin.begun)
			begin(node);
	} else if (refused > liars) {
		snprintf(whom, sizeof whom, "%zu of %zu other members hold a live link with it", refused, others(node));
		stop(node, whom);
	} else if (!node->twin.begun && refused == 0 && node->twin.waited)
		begin(node);
}

static void on_waited(void *context)
{
	struct node *node = context;
	node->twin.waited = true;
	node_twin_look(node);
}

void node_begin(struct node *node)
{
	node->twin.timer = loop_timer_new(node->self.loop, on_waited, node);
	loop_timer_set(node->twin.timer, NODE_BEGIN_MS);
	node_twin_look(node);
}

static void tell(struct node *node, uint32_t identity, const char *address)
{
	int64_t now = clock_monotonic_ns();
	node->twin.reports++;
	if (node->twin.told_ns && now - node->twin.told_ns < TELL_EVERY_S * NS_PER_S)
		return;
	node->twin.told_ns = now;
	const struct ledger *ledger = replica_ledger(node->replica);
	note(NOTE_ERROR, "duplicate_node", "address=%s seen_by=%.200s reason=\"another process tried to run with this node's keys, and was refused; find it and stop it\"",
		address, identity < ledger_seat_count(ledger) ? ledger_seat(ledger, (uint16_t)identity)->name : node->self.name);
}

void node_twin_heard(void *context, enum wire_twin what, uint32_t identity, const char *address)
{
	struct node *node = context;
	char whom[100];
	if (identity != WIRE_IDENTITY_OWN && identity >= ledger_seat_count(replica_ledger(node->replica)))
		return; /* gateways have no say */
	if (what == WIRE_TWIN_CALLED || holds_majority(node)) {
		tell(node, identity, address);
	} else if (identity == WIRE_IDENTITY_OWN) {
		snprintf(whom, sizeof whom, "it answers at %s", address);
		if (!node->failed)
			stop(node, whom);
	} else {
		if (!node->twin.refused[identity])
			note(NOTE_WARNING, "duplicate_suspected", "address=%s reason=\"this member holds a live link with another process that has our keys\"", address);
		node->twin.refused[identity] = true;
		node_twin_look(node);
	}
}
