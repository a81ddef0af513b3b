/* Members, known by the genesis, exchange the replica's messages. Gateways, known by the ledger, submit statements and
 * follow the log. Nobody else gets in. */
#include "app/node.h"

#include "crypto/hash.h"
#include "host/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NODE_GUEST = 1 << 16,         /* identities from here on are gateways */
	FOLLOW_QUEUE_MAX = 1 << 20,   /* bytes on their way to one follower; then it waits for the wire to drain */
	NAME_MAX_SHOWN = 200,
	FINAL_HEAD = 16,
	CERTIFICATE_FILE_MAX = 32 << 10,
};

static bool is_active_gateway(const struct entity *entity)
{
	return entity && entity->kind == ENTITY_GATEWAY && entity->state == DEVICE_ACTIVE;
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
	if (entity && entity->kind == ENTITY_ORG && entity->member != node->own && entity->member < node->genesis.member_count) {
		*identity = entity->member;
		return true;
	}
	if (!is_active_gateway(entity))
		return false;
	*identity = guest_identity(node, entity);
	return true;
}

/* A root that the genesis names must have certified the member's TLS key. */
static bool on_root(void *context, uint32_t identity, struct digest *root_key)
{
	const struct node *node = context;
	if (identity >= node->genesis.member_count)
		return false;
	*root_key = node->genesis.members[identity].org.root_key;
	return !digest_is_zero(root_key);
}

/* ---- members ---- */

static void member_up(struct node *node, struct wire_link *link, uint16_t member)
{
	node->members[member] = link;
	note(NOTE_INFO, "member_connected", "member=%u name=%.*s", (unsigned)member, (int)node->genesis.members[member].header.iss.size,
		(const char *)node->genesis.members[member].header.iss.data);
	node->twin.refused[member] = false;
	if (node->twin.begun) {
		struct replica_event event = {.kind = REPLICA_PEER_UP, .peer = member};
		node_step(node, &event);
	} else
		node_twin_look(node);
}

static void member_down(struct node *node, uint16_t member)
{
	node->members[member] = NULL;
	note(NOTE_INFO, "member_away", "member=%u name=%.*s", (unsigned)member, (int)node->genesis.members[member].header.iss.size,
		(const char *)node->genesis.members[member].header.iss.data);
	if (node->twin.begun) {
		struct replica_event event = {.kind = REPLICA_PEER_DOWN, .peer = member};
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
				node->settings.folder);
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

/* "org:supplier 10.0.0.5:7101" among the settings, or the genesis. */
static enum status address_of(const struct node *node, size_t member, char out[300], struct fault *fault)
{
	struct span iss = node->genesis.members[member].header.iss;
	for (size_t i = 0; i < node->settings.peers.count; i++) {
		const char *entry = node->settings.peers.items[i], *blank = strchr(entry, ' ');
		if (!blank)
			return fault_set(fault, E_CONFIG, "[wire] peer = %.100s: expected a member's name, a blank, and host:port", entry);
		if (span_equal(span_of(entry, (size_t)(blank - entry)), iss)) {
			snprintf(out, 300, "%s", blank + strspn(blank, " "));
			return OK;
		}
	}
	struct span address = node->genesis.members[member].org.address;
	snprintf(out, 300, "%.*s", (int)address.size, (const char *)address.data);
	return OK;
}

/* A peer line for somebody who is no member is a mistake of spelling. */
static enum status peers_check(const struct node *node, struct fault *fault)
{
	for (size_t i = 0; i < node->settings.peers.count; i++) {
		const char *entry = node->settings.peers.items[i];
		bool found = false;
		for (size_t j = 0; j < node->genesis.member_count; j++)
			found = found || span_equal(span_of(entry, strcspn(entry, " ")), node->genesis.members[j].header.iss);
		if (!found)
			return fault_set(fault, E_CONFIG, "[wire] peer = %.100s: the genesis has no such member", entry);
	}
	return OK;
}

/* The genesis names a root for us: the certificate that it issued is shown. */
static enum status own_certify(struct node *node, struct fault *fault)
{
	const struct digest *root_key = &node->genesis.members[node->own].org.root_key;
	char path[1200];
	struct buffer leaf = {0}, root = {0};
	struct fault inner = {{0}};
	if (digest_is_zero(root_key))
		return OK;
	snprintf(path, sizeof path, "%.1000s/certificates/root.pem", node->settings.folder);
	enum status status = disk_read(path, CERTIFICATE_FILE_MAX, &root, &inner);
	snprintf(path, sizeof path, "%.1000s/certificates/tls.pem", node->settings.folder);
	if (status == OK)
		status = disk_read(path, CERTIFICATE_FILE_MAX, &leaf, &inner);
	if (status == OK)
		status = wire_certify(node->wire, buffer_span(&leaf), buffer_span(&root), root_key, &inner);
	if (status != OK)
		fault_set(fault, E_CONFIG, "the genesis names a root, and %.180s cannot be used: %.200s. `tally keys check` tells more", path, inner.text);
	buffer_free(&leaf);
	buffer_free(&root);
	return status == OK ? OK : E_CONFIG;
}

enum status node_peers_start(struct node *node, struct fault *fault)
{
	const struct wire_callbacks callbacks = {.context = node, .identify = on_identify, .up = on_up, .down = on_down, .frame = on_frame,
		.drained = on_drained, .root = on_root, .twin = node_twin_heard};
	char address[300];
	TRY(peers_check(node, fault));
	TRY(wire_new(node->loop, node->tls_key, &callbacks, &node->wire, fault));
	TRY(own_certify(node, fault));
	TRY(address_of(node, node->own, address, fault));
	TRY(wire_listen(node->wire, node->settings.wire_listen ? node->settings.wire_listen : address, fault));
	/* A copy of this folder at another port finds the original where the genesis says that it is. */
	if (node->settings.wire_listen && strcmp(node->settings.wire_listen, address) != 0)
		TRY(wire_dial(node->wire, address, &node->genesis.members[node->own].org.tls_key, fault));
	/* Every member dials every other one; the wire keeps one connection of two. So a member that cannot be called
	 * can still call, and whichever end restarts reconnects at once. */
	for (size_t i = 0; i < node->genesis.member_count; i++) {
		if (i == node->own)
			continue;
		TRY(address_of(node, i, address, fault));
		TRY(wire_dial(node->wire, address, &node->genesis.members[i].org.tls_key, fault));
	}
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
