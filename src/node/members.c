/* Members come, go, and change keys and addresses: whom this node calls, and whose call it takes. */
#include "node/node.h"

#include "host/note.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- who ---- */

const struct genesis *node_members(const struct node *node)
{
	return epochs_newest(ledger_epochs(replica_ledger(node->replica)))->members;
}

const struct genesis_member *node_organisation(const struct node *node, uint16_t seat)
{
	const struct ledger *ledger = replica_ledger(node->replica);
	const struct epochs *chain = ledger_epochs(ledger);
	if (seat >= ledger_seat_count(ledger))
		return NULL;
	for (size_t i = chain->count; i-- > 0;)
		for (size_t k = 0; k < chain->items[i].members->member_count; k++)
			if (span_is_text(chain->items[i].members->members[k].header.iss, ledger_seat(ledger, seat)->name))
				return &chain->items[i].members->members[k];
	return NULL;
}

static bool follows(const struct node *node)
{
	struct replica_numbers numbers;
	if (!replica_is_member(node->replica))
		return true;
	replica_numbers(node->replica, &numbers);
	return numbers.epochs_ahead > numbers.epoch;
}

bool node_welcomes(const struct node *node, const struct entity *entity)
{
	return entity && entity->kind == ENTITY_ORG && !span_is_text(span_of_text(entity->name), node->self.name)
		&& (entity->member != LEDGER_NO_MEMBER || follows(node));
}

/* This node knows that its organisation is no member any more. */
static bool is_removed(const struct node *node)
{
	const struct entity *own = ledger_entity(replica_ledger(node->replica), span_of_text(node->self.name));
	return own && own->kind == ENTITY_ORG && own->state == DEVICE_REVOKED;
}

bool node_answers(const struct node *node, const struct entity *entity)
{
	return entity && entity->kind == ENTITY_ORG && !span_is_text(span_of_text(entity->name), node->self.name);
}

/* "org:supplier 10.0.0.5:7101" among the settings, or as it states. */
enum status node_address(const struct node *node, struct span name, struct span stated, char out[NODE_ADDRESS_MAX], struct fault *fault)
{
	const struct config_list *peers = &node->self.settings.peers;
	for (size_t i = 0; i < peers->count; i++) {
		const char *entry = peers->items[i], *blank = strchr(entry, ' ');
		if (!blank)
			return fault_set(fault, E_CONFIG, "[wire] peer = %.100s: expected a member's name, a blank, and host:port", entry);
		if (span_equal(span_of(entry, (size_t)(blank - entry)), name)) {
			snprintf(out, NODE_ADDRESS_MAX, "%s", blank + strspn(blank, " "));
			return OK;
		}
	}
	snprintf(out, NODE_ADDRESS_MAX, "%.*s", (int)stated.size, (const char *)stated.data);
	return OK;
}

/* ---- calls ---- */

static struct node_dial wanted(const struct node *node, const struct entity *entity)
{
	struct node_dial dial = {.address = ""};
	struct fault fault;
	const struct genesis_member *member = node_welcomes(node, entity) && !is_removed(node) ? node_organisation(node, entity->seat) : NULL;
	if (!member)
		return dial;
	dial.key = member->org.tls_key;
	if (node_address(node, member->header.iss, member->org.address, dial.address, &fault) != OK) {
		note(NOTE_WARNING, "not_called", "name=%.100s reason=\"%s\"", entity->name, fault.text);
		dial.address[0] = 0;
	}
	return dial;
}

static void dial_follow(struct node *node, const struct entity *entity)
{
	struct fault fault;
	struct node_dial *dial = &node->dials[entity->seat], next = wanted(node, entity);
	if (strcmp(dial->address, next.address) == 0 && digest_equal(&dial->key, &next.key))
		return;
	struct node_dial before = *dial;
	*dial = next;
	if (before.address[0])
		wire_undial(node->wire, before.address, &before.key);
	if (next.address[0] && wire_dial(node->wire, next.address, &next.key, &fault) != OK) {
		note(NOTE_WARNING, "not_called", "name=%.100s reason=\"%s\"", entity->name, fault.text);
		dial->address[0] = 0;
	}
}

void node_members_follow(struct node *node)
{
	const struct ledger *ledger = replica_ledger(node->replica);
	for (uint16_t seat = 0; seat < ledger_seat_count(ledger); seat++) {
		const struct entity *entity = ledger_seat(ledger, seat);
		struct wire_link *link = node->members[seat];
		if (link && (!node_welcomes(node, entity) || is_removed(node) || !digest_equal(wire_link_key(link), &entity->tls_key)))
			wire_close(link, "it is no member any more, or has other keys");
		dial_follow(node, entity);
	}
}

void node_epoch_begun(struct node *node)
{
	const struct epoch *epoch = epochs_newest(ledger_epochs(replica_ledger(node->replica)));
	note(NOTE_INFO, "epoch", "number=%" PRIu64 " members=%zu statements=%" PRIu64 " own=%s", epoch->number, epoch->members->member_count, epoch->log_size,
		replica_is_member(node->replica) ? "member" : "no_member");
	node_members_follow(node);
	node->registrations_changed = true; /* a removed organisation's gateways go, too */
	if (node_keys_changed(node)) {
		node->again = true;
		loop_stop(node->self.loop);
	} else if (!node->failed) {
		node_twin_look(node);
	}
}
