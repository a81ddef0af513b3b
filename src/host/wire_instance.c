/* Hello and welcome, and what happens when two processes have one key. */
#include "host/wire_part.h"

#include "crypto/hash.h"
#include "host/note.h"

enum { CONTEST_SHARE = 5 };       /* of the silence limit: how long an older link may take to answer */

/* Small frames; a link whose queue is full is slow, and is asked again by whoever calls next. */
static void say(struct wire_link *link, uint8_t kind, struct span bytes)
{
	status_ignore(wire_send(link, kind, bytes), "the queue is full or the link is closing; the contest ends by time");
}

void wire_instance_greet(struct wire_link *link)
{
	struct buffer hello = {0};
	instance_hello_encode(&link->wire->instance, &hello);
	say(link, WIRE_HELLO, buffer_span(&hello));
	buffer_free(&hello);
}

/* ---- contests ---- */

static void contest_begin(struct wire_link *link, struct wire_link *older)
{
	struct wire *wire = link->wire;
	int64_t patience_ms = wire->silence_ms / CONTEST_SHARE;
	link->contests = true;
	link->contest_end_ms = wire_now_ms() + patience_ms;
	if (!older->probe && entropy_fill((uint8_t *)&older->probe, sizeof older->probe) == OK) {
		struct buffer probe = {0};
		older->probe |= 1;
		instance_probe_encode(older->probe, &probe);
		say(older, WIRE_PROBE, buffer_span(&probe));
		buffer_free(&probe);
	}
	if (!wire->contest_pending)
		loop_timer_set(wire->contest, patience_ms);
	wire->contest_pending = true;
}

/* Nothing, or nothing any more, speaks against it. */
static void link_proceed(struct wire_link *link)
{
	struct wire_link *older = wire_link_of_key(link->wire, &link->key);
	if (older && !instance_equal(&older->instance, &link->instance)) {
		contest_begin(link, older);
		return;
	}
	link->contests = false;
	if (!link->accepted) {
		link->accepted = true;
		say(link, WIRE_WELCOME, (struct span){0});
	}
	if (link->welcomed)
		wire_link_settle(link);
}

void wire_instance_contest(void *context)
{
	struct wire *wire = context;
	int64_t now = wire_now_ms(), next = INT64_MAX;
	for (size_t i = 0; i < wire->link_count; i++) {
		struct wire_link *link = wire->links[i];
		if (link->state != LINK_GREETING || !link->contests)
			continue;
		struct wire_link *older = wire_link_of_key(wire, &link->key);
		bool contested = older && !instance_equal(&older->instance, &link->instance);
		if (contested && now < link->contest_end_ms) {
			next = link->contest_end_ms < next ? link->contest_end_ms : next;
			continue;
		}
		if (contested)
			wire_close(older, "it did not answer while another process with its key called; it is taken for dead");
		link_proceed(link);
	}
	wire->contest_pending = next != INT64_MAX;
	if (wire->contest_pending)
		loop_timer_set(wire->contest, next - now);
}

/* For the other end to close, so that it reads what we said before. */
static void link_turn_away(struct wire_link *link)
{
	link->contests = false;
	link->state = LINK_REFUSED;
	link->since_ms = wire_now_ms();
}

/* The older link lives: everybody who contests it is refused. */
static void contest_lost(struct wire_link *older)
{
	struct wire *wire = older->wire;
	for (size_t i = 0; i < wire->link_count; i++) {
		struct wire_link *link = wire->links[i];
		if (link->state != LINK_GREETING || !link->contests || !digest_equal(&link->key, &older->key))
			continue;
		note(NOTE_WARNING, "duplicate_refused", "address=%s reason=\"another process with the same TLS key is connected from %s, and it answers\"",
			link->address, older->address);
		say(link, WIRE_REFUSED, (struct span){0});
		say(older, WIRE_TWIN, span_of_text(link->address));
		link_turn_away(link);
	}
}

/* ---- frames ---- */

static void tell_twin(struct wire_link *link, enum wire_twin what, uint32_t identity, const char *address)
{
	const struct wire_callbacks *callbacks = &link->wire->callbacks;
	if (callbacks->twin)
		callbacks->twin(callbacks->context, what, identity, address);
}

/* It has our key: ourselves, by a way around, or a twin. */
static void own_key_met(struct wire_link *link)
{
	bool ourselves = instance_equal(&link->instance, &link->wire->instance);
	if (!ourselves)
		tell_twin(link, link->dial ? WIRE_TWIN_REFUSES : WIRE_TWIN_CALLED, WIRE_IDENTITY_OWN, link->address);
	if (!link->dial) {
		link_turn_away(link);
	} else if (ourselves) {
		link->dial->leads_home = true;
		wire_link_drop(link);
	} else
		wire_close(link, "another process runs with our own TLS key; two must not share one");
}

static void hello_received(struct wire_link *link, struct span bytes)
{
	if (link->greeted || instance_hello_decode(bytes, &link->instance) != OK) {
		wire_close(link, link->greeted ? "it said hello twice" : "its hello is of another version: both ends must run versions that fit");
		return;
	}
	link->greeted = true;
	if (digest_equal(&link->key, &link->wire->own))
		own_key_met(link);
	else
		link_proceed(link);
}

static void refused_received(struct wire_link *link)
{
	if (!digest_equal(&link->key, &link->wire->own))
		tell_twin(link, WIRE_TWIN_REFUSES, link->identity, link->address);
	wire_close(link, "another process with our TLS key is connected there, and it answers");
}

static void alive_received(struct wire_link *link, struct span bytes)
{
	uint64_t number;
	if (instance_probe_decode(bytes, &number) != OK || !link->probe || number != link->probe)
		return;
	link->probe = 0;
	contest_lost(link);
}

static void twin_received(struct wire_link *link, struct span bytes)
{
	char address[ADDRESS_TEXT_MAX];
	if (instance_twin_decode(bytes, address) == OK)
		tell_twin(link, WIRE_TWIN_CALLED, link->identity, address);
}

void wire_instance_frame(struct wire_link *link, uint8_t kind, struct span bytes)
{
	if (kind == WIRE_HELLO) {
		hello_received(link, bytes);
	} else if (!link->greeted) {
		wire_close(link, "it did not say hello first: both ends must run versions that fit");
	} else if (kind == WIRE_REFUSED) {
		refused_received(link);
	} else if (kind == WIRE_WELCOME && link->state == LINK_GREETING && !link->welcomed) {
		link->welcomed = true;
		if (link->accepted && !link->contests)
			link_proceed(link);
	} else if (link->state == LINK_UP) {
		uint64_t number;
		if (kind == WIRE_PROBE && instance_probe_decode(bytes, &number) == OK)
			say(link, WIRE_ALIVE, bytes);
		else if (kind == WIRE_ALIVE)
			alive_received(link, bytes);
		else if (kind == WIRE_TWIN)
			twin_received(link, bytes);
	}
}
