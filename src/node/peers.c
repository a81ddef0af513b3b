/* Members, known by the ledger, exchange the replica's messages. Gateways, known by the ledger, submit statements and
 * follow the log. Nobody else gets in. */
#include "node/node.h"

#include "crypto/hash.h"
#include "host/keys.h"
#include "host/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NODE_GUEST = 1 << 16,         /* identities from here on are gateways */
	FOLLOW_QUEUE_MAX = 1 << 20,   /* bytes on their way to one follower; then it waits for the wire to drain */
	NAME_MAX_SHOWN = 200,
	FINAL_HEAD = 16,
};

static bool is_active_gateway(const struct entity *entity)
{
	return entity && entity->kind == ENTITY_GATEWAY && entity->state == DEVICE_ACTIVE && entity->owner->state == DEVICE_ACTIVE;
}

static uint32_t guest_identity(struct node *node, const struct entity *entity)
{
	for (size_t i = 0; i < node->known_guest_count; i++)
		if (node->known_guests[i] == entity)
			return NODE_GUEST + (uint32_t)i;
	ARRAY_GROW(node->known_guests, node->known_guest_count, node->known_guest_capacity);
	node->known_guests[node->known_guest_count++] = entity;
	return NODE_GUEST + (uint32_t)node->known_guest_count - 1;
}

static bool on_identify(void *context, const struct digest *tls_key, uint32_t *identity)
{
	struct node *node = context;
	const struct entity *entity = ledger_entity_by_tls(replica_ledger(node->replica), tls_key);
	if (node_answers(node, entity)) {
		*identity = entity->seat;
		return true;
	}
	if (!is_active_gateway(entity))
		return false;
	*identity = guest_identity(node, entity);
	return true;
}

/* A root that the organisation states must have certified its TLS key. */
static bool on_root(void *context, uint32_t identity, struct digest *root_key)
{
	const struct node *node = context;
	const struct genesis_member *member = identity < NODE_GUEST ? node_organisation(node, (uint16_t)identity) : NULL;
	if (!member)
		return false;
	*root_key = member->org.root_key;
	return !digest_is_zero(root_key);
}

/* ---- members ---- */

static const char *seat_name(const struct node *node, uint16_t seat)
{
	return ledger_seat(replica_ledger(node->replica), seat)->name;
}

static void member_up(struct node *node, struct wire_link *link, uint16_t seat)
{
	node->members[seat] = link;
	note(NOTE_INFO, "member_connected", "seat=%u name=%.*s", (unsigned)seat, NAME_MAX_SHOWN, seat_name(node, seat));
	node->twin.refused[seat] = false;
	if (node->twin.begun) {
		struct replica_event event = {.kind = REPLICA_PEER_UP, .peer = seat};
		node_step(node, &event);
	} else
		node_twin_look(node);
}

static void member_down(struct node *node, uint16_t seat)
{
	node->members[seat] = NULL;
	note(NOTE_INFO, "member_away", "seat=%u name=%.*s", (unsigned)seat, NAME_MAX_SHOWN, seat_name(node, seat));
	if (node->twin.begun) {
		struct replica_event event = {.kind = REPLICA_PEER_DOWN, .peer = seat};
		node_step(node, &event);
	}
}

/* ---- gateways ---- */

static void guest_up(struct node *node, struct wire_link *link, const struct entity *entity)
{
	struct node_guest *guest = memory_new(sizeof *guest);
	*guest = (struct node_guest){.link = link, .entity = entity, .head = UINT64_MAX};
	wire_link_set(link, guest);
	ARRAY_GROW(node->guests, node->guest_count, node->guest_capacity);
	node->guests[node->guest_count++] = guest;
	note(NOTE_INFO, "gateway_connected", "name=%.*s", NAME_MAX_SHOWN, entity->name);
}

static void guest_down(struct node *node, struct node_guest *guest)
{
	note(NOTE_INFO, "gateway_away", "name=%.*s", NAME_MAX_SHOWN, guest->entity->name);
	node_waiting_forget(&node->waiting, guest);
	for (size_t i = 0; i < node->guest_count; i++)
		if (node->guests[i] == guest) {
			node->guests[i] = node->guests[--node->guest_count];
			break;
		}
	free(guest);
}

static void guest_outcome(void *context, enum status status, const char *reason, const struct digest *id, uint64_t index)
{
	struct node_guest *guest = context;
	struct buffer frame = {0};
	write_u32(&frame, status);
	write_u64(&frame, index);
	write_digest(&frame, id);
	buffer_append_text(&frame, reason ? reason : "");
	/* A gateway whose queue is full hears nothing and asks again later. */
	if (wire_send(guest->link, WIRE_OUTCOME, buffer_span(&frame)) == E_BUSY)
		note(NOTE_DEBUG, "outcome_not_told", "name=%.*s", NAME_MAX_SHOWN, guest->entity->name);
	buffer_free(&frame);
}

static void submit_with(struct node *node, struct span statement, node_done *done, void *context, const void *owner)
{
	struct digest id = sha256(statement);
	if (node_waiting_add(&node->waiting, &id, clock_monotonic_ns(), done, context, owner))
		return;
	struct replica_event event = {.kind = REPLICA_SUBMIT, .bytes = statement};
	node_step(node, &event);
}

void node_submit(void *node, struct span statement, node_done *done, void *context)
{
	submit_with(node, statement, done, context, NULL);
}

/* How much of the log may be told: what is in the ledger, and in the view. */
static uint64_t tellable(const struct node *node)
{
	uint64_t ledger = ledger_size(replica_ledger(node->replica)), view = view_size(node->view);
	return ledger < view ? ledger : view;
}

static void guest_serve(struct node *node, struct node_guest *guest)
{
	uint64_t end = tellable(node);
	struct buffer frame = {0};
	bool more = true;
	while (more && guest->next < end && wire_link_queued(guest->link) < FOLLOW_QUEUE_MAX) {
		struct buffer bytes = {0};
		struct view_row row;
		enum status status = view_get_index(node->view, guest->next, &bytes, &row);
		if (status != OK) {
			struct fault fault;
			fault_set(&fault, E_IO, "the view lacks log entry %" PRIu64 "; remove %.300s/data/view.db, it is made again from the log", guest->next,
				node->self.settings.folder);
			node_fail(node, &fault);
			more = false;
		} else {
			buffer_clear(&frame);
			write_u64(&frame, guest->next);
			write_i64(&frame, row.commit_ms);
			buffer_append_span(&frame, row.bytes);
			more = wire_send(guest->link, WIRE_FINAL, buffer_span(&frame)) == OK;
			guest->next += more;
		}
		buffer_free(&bytes);
	}
	if (guest->next >= end && guest->head != end && !node->failed) {
		buffer_clear(&frame);
		write_u64(&frame, end);
		if (wire_send(guest->link, WIRE_HEAD, buffer_span(&frame)) == OK)
			guest->head = end;
	}
	buffer_free(&frame);
}

void node_guests_serve(struct node *node)
{
	for (size_t i = 0; i < node->guest_count && !node->failed; i++)
		if (node->guests[i]->follows)
			guest_serve(node, node->guests[i]);
}

void node_guests_review(struct node *node)
{
	for (size_t i = node->guest_count; i-- > 0;) {
		const struct node_guest *guest = node->guests[i];
		const struct entity *entity = ledger_entity_by_tls(replica_ledger(node->replica), wire_link_key(guest->link));
		if (entity == guest->entity && is_active_gateway(entity))
			continue;
		note(NOTE_WARNING, "gateway_cut_off", "name=%.*s reason=\"revoked, suspended, or its TLS key was replaced\"", NAME_MAX_SHOWN, guest->entity->name);
		wire_close(guest->link, "it may not connect any more");
	}
}

static void guest_frame(struct node *node, struct node_guest *guest, uint8_t kind, struct span bytes)
{
	if (kind == WIRE_SUBMIT) {
		submit_with(node, bytes, guest_outcome, guest, guest);
	} else if (kind == WIRE_FOLLOW) {
		struct reader reader = reader_of(bytes);
		uint64_t first = read_u64(&reader);
		if (reader_end(&reader) != OK) {
			wire_close(guest->link, "it sent a malformed FOLLOW frame");
			return;
		}
		guest->follows = true;
		guest->next = first;
		guest->head = UINT64_MAX;
		guest_serve(node, guest);
	} else
		wire_close(guest->link, "it sent a frame that gateways do not send");
}

/* ---- the wire's callbacks ---- */

static void on_up(void *context, struct wire_link *link, uint32_t identity)
{
	struct node *node = context;
	if (identity < NODE_GUEST)
		member_up(node, link, (uint16_t)identity);
	else
		guest_up(node, link, node->known_guests[identity - NODE_GUEST]);
}

static void on_down(void *context, struct wire_link *link, uint32_t identity)
{
	struct node *node = context;
	if (identity < NODE_GUEST)
		member_down(node, (uint16_t)identity);
	else
		guest_down(node, wire_link_get(link));
}

static void on_frame(void *context, struct wire_link *link, uint32_t identity, uint8_t kind, struct span bytes)
{
	struct node *node = context;
	if (identity >= NODE_GUEST) {
		guest_frame(node, wire_link_get(link), kind, bytes);
	} else if (kind == WIRE_REPLICA && !node->twin.begun) {
		/* Consensus asks for it again once it runs. */
		return;
	} else if (kind == WIRE_REPLICA) {
		struct replica_event event = {.kind = REPLICA_MESSAGE, .peer = (uint16_t)identity, .bytes = bytes};
		node_step(node, &event);
	} else
		wire_close(link, "it sent a frame that members do not send");
}

static void on_drained(void *context, struct wire_link *link, uint32_t identity)
{
	struct node *node = context;
	struct node_guest *guest = identity >= NODE_GUEST ? wire_link_get(link) : NULL;
	if (guest && guest->follows && !node->failed)
		guest_serve(node, guest);
}

/* ---- starting ---- */

/* A peer line for somebody whom the ledger does not know is a mistake of spelling, or comes early. */
static void peers_check(const struct node *node)
{
	for (size_t i = 0; i < node->self.settings.peers.count; i++) {
		const char *entry = node->self.settings.peers.items[i];
		if (!ledger_entity(replica_ledger(node->replica), span_of(entry, strcspn(entry, " "))))
			note(NOTE_WARNING, "peer_unknown", "peer=\"%.100s\" reason=\"[wire] peer: the ledger has no such member so far\"", entry);
	}
}

/* What the own organisation states; empty when nothing is known here. */
static struct span own_address(const struct node *node)
{
	uint16_t seat = replica_seat(node->replica);
	const struct genesis_member *own = seat == REPLICA_NOBODY ? NULL : node_organisation(node, seat);
	return own ? own->org.address : (struct span){0};
}

static enum status listen_begin(struct node *node, struct fault *fault)
{
	char address[NODE_ADDRESS_MAX];
	const char *listen = node->self.settings.wire_listen;
	TRY(node_address(node, span_of_text(node->self.name), own_address(node), address, fault));
	if (!listen && !address[0])
		return fault_set(fault, E_CONFIG, "%.100s is no member yet, so its address is not known here: write [wire] listen", node->self.name);
	TRY(wire_listen(node->wire, listen ? listen : address, fault));
	/* A copy of this folder at another port finds the original where the members know it. */
	struct digest own = keys_tls_digest(signing_key_public(node->self.keys[node->self.current].tls));
	if (listen && address[0] && strcmp(listen, address) != 0)
		TRY(wire_dial(node->wire, address, &own, fault));
	return OK;
}

enum status node_peers_start(struct node *node, struct fault *fault)
{
	const struct wire_callbacks callbacks = {.context = node, .identify = on_identify, .up = on_up, .down = on_down, .frame = on_frame,
		.drained = on_drained, .root = on_root, .twin = node_twin_heard};
	char address[NODE_ADDRESS_MAX];
	TRY(wire_new(node->self.loop, node->self.keys[node->self.current].tls, &callbacks, &node->wire, fault));
	TRY(node_keys_certify(node, fault));
	TRY(node_address(node, (struct span){0}, (struct span){0}, address, fault)); /* do all lines have an address? */
	peers_check(node);
	TRY(listen_begin(node, fault));
	/* Every member dials every other one; the wire keeps one connection of two. So a member that cannot be called
	 * can still call, and whichever end restarts reconnects at once. */
	node_members_follow(node);
	return OK;
}

void node_peers_free(struct node *node)
{
	wire_free(node->wire);
	for (size_t i = 0; i < node->guest_count; i++)
		free(node->guests[i]);
	free(node->guests);
	free(node->known_guests);
}
