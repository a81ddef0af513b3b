/* Lies told on the ledger. What an honest member finds out about another one, its organisation says in an EVIDENCE statement, as an
 * operator does with `tally evidence`; and what proves nothing, or is proven already, is said as well, and must be refused. */
#include "sim/statements.h"

#include "crypto/hash.h"

#include <stdlib.h>

enum { UNSAID_MAX = 3, EPOCH_AT = 2 + BLOCK_NETWORK_SIZE };

void accuse_free(struct sim *sim)
{
	struct accusations *accusations = &sim->accusations;
	for (size_t i = 0; i < accusations->count; i++)
		buffer_free(&accusations->items[i].body);
	free(accusations->items);
	map_free(&accusations->lies);
	buffer_free(&accusations->honest_line);
}

/* -- true ones ---------------------------------------------------------------------------------------------------- */

static size_t unsaid_count(const struct sim *sim, uint16_t client)
{
	size_t count = 0;
	for (size_t i = 0; i < sim->accusations.count; i++)
		count += sim->accusations.items[i].client == client && !sim->accusations.items[i].said;
	return count;
}

void accuse_found(struct sim *sim, uint16_t index, uint16_t accused, const struct accused_of *lie)
{
	struct accusations *accusations = &sim->accusations;
	uint64_t key[4] = {lie->lie, lie->epoch, accused, lie->at}, known;
	if (index >= sim->founders || sim->phase != PHASE_STORM || sim_is_calm(sim) || unsaid_count(sim, index) >= UNSAID_MAX
		|| map_get(&accusations->lies, span_of(key, sizeof key), &known))
		return;
	map_put(&accusations->lies, span_of(key, sizeof key), accusations->count);
	ARRAY_GROW(accusations->items, accusations->count, accusations->capacity);
	struct accusation *added = &accusations->items[accusations->count++];
	*added = (struct accusation){.accused = accused, .client = index, .lie = lie->lie};
	body_evidence_encode(&(struct body_evidence){.accused = text(sim->consortium->organisation[accused].name), .lie = lie->lie,
		.first = lie->first, .second = lie->second}, &added->body);
}

bool accuse_says(struct sim *sim, const struct client *client, struct draft *draft)
{
	struct accusations *accusations = &sim->accusations;
	for (size_t i = 0; i < accusations->count; i++) {
		struct accusation *accusation = &accusations->items[i];
		if (accusation->said || accusation->client != client->organisation)
			continue;
		accusation->said = true;
		draft->statement.type = STATEMENT_EVIDENCE;
		draft->statement.sub = text(sim->consortium->organisation[accusation->accused].name);
		draft->accusation = i + 1;
		buffer_append_span(&draft->bytes, buffer_span(&accusation->body));
		return true;
	}
	return false;
}

/* -- what the ledger makes of them ---------------------------------------------------------------------------------- */

void accuse_final(struct sim *sim, const struct payload *payload)
{
	if (!payload->accusation)
		return;
	struct accusations *accusations = &sim->accusations;
	struct accusation *accusation = &accusations->items[payload->accusation - 1];
	accusation->final = true;
	if (is_reliable(&sim->member[accusation->accused]))
		sim_broken(sim, 2, "member %u is convicted of a lie, and is honest", (unsigned)accusation->accused);
	if (accusations->lies_of[accusation->accused]++ == 0)
		accusations->lied_first[accusation->accused] = payload->id;
	sim->counters[SIM_CONVICTED]++;
}

struct digest accuse_marks(const struct sim *sim, const struct ledger *ledger)
{
	struct buffer marks = {0};
	for (uint16_t i = 0; i < sim->members; i++) {
		const struct entity *organisation = ledger_entity(ledger, text(sim->consortium->organisation[i].name));
		write_u32(&marks, organisation ? organisation->lies : 0);
		write_digest(&marks, organisation ? &organisation->lied : &(struct digest){{0}});
	}
	struct digest digest = sha256(buffer_span(&marks));
	buffer_free(&marks);
	return digest;
}

void accuse_check_end(struct sim *sim, uint16_t index)
{
	const struct ledger *ledger = replica_ledger(sim->member[index].replica);
	for (uint16_t i = 0; i < sim->members; i++) {
		const struct entity *organisation = ledger_entity(ledger, text(sim->consortium->organisation[i].name));
		uint32_t lies = organisation ? organisation->lies : 0;
		if (lies != sim->accusations.lies_of[i] || (lies && !digest_equal(&organisation->lied, &sim->accusations.lied_first[i])))
			sim_broken(sim, 11, "member %u's ledger marks member %u with %u lies, and %u are final", (unsigned)index, (unsigned)i, (unsigned)lies,
				(unsigned)sim->accusations.lies_of[i]);
	}
}

/* -- false ones ------------------------------------------------------------------------------------------------------ */

static void evidence_set(struct draft *draft, const char *subject, const struct body_evidence *body)
{
	draft->statement.type = STATEMENT_EVIDENCE;
	draft->statement.sub = text(subject);
	buffer_clear(&draft->bytes);
	body_evidence_encode(body, &draft->bytes);
}

/* A block of an honest member, as one has it on its disk. */
static const struct seen_block *honest_block(struct sim *sim, uint16_t *author)
{
	struct block block;
	const struct observer *observer = sim->observers[sim_below(sim, sim->epoch_count)];
	if (observer->count == 0)
		return NULL;
	const struct seen_block *seen = &observer->blocks[sim_below(sim, observer->count)];
	CHECK(block_parse(buffer_span(&seen->bytes), &block, NULL) == OK);
	*author = block_owner(sim, &block);
	return *author != NOBODY && is_reliable(&sim->member[*author]) ? seen : NULL;
}

static struct span header_of(const struct seen_block *seen)
{
	struct block block;
	CHECK(block_parse(buffer_span(&seen->bytes), &block, NULL) == OK);
	return block_signed_header(&block);
}

/* Another of that member's blocks, of another round: both are signed, and no lie. */
static const struct seen_block *another_block(const struct sim *sim, const struct seen_block *first)
{
	for (size_t e = 0; e < sim->epoch_count; e++) {
		const struct observer *observer = sim->observers[e];
		if (first < observer->blocks || first >= observer->blocks + observer->count)
			continue;
		for (uint32_t i = 0; i < observer->count; i++)
			if (observer->blocks[i].ref.author == first->ref.author && observer->blocks[i].ref.round != first->ref.round)
				return &observer->blocks[i];
	}
	return NULL;
}

/* Headers that an honest member signed, and what somebody makes of them. */
static bool honest_accused(struct sim *sim, struct draft *draft)
{
	uint16_t author;
	const struct seen_block *first = honest_block(sim, &author), *second = first ? another_block(sim, first) : NULL;
	if (!second)
		return false;
	struct buffer changed = {0};
	struct body_evidence body = {.accused = text(sim->consortium->organisation[author].name), .lie = LIE_EQUIVOCATION, .first = header_of(first),
		.second = header_of(second)};
	switch (sim_below(sim, 5)) {
	case 0: /* one byte of it is another: the time, a reference, the signature */
		buffer_append_span(&changed, body.first);
		changed.data[sim_below(sim, changed.size)] ^= (uint8_t)(1u << sim_below(sim, 8));
		body.second = buffer_span(&changed);
		break;
	case 1:
		body.second = body.first;
		break;
	case 2:
		body.first = span_of(body.first.data, (size_t)sim_below(sim, body.first.size));
		break;
	case 3: /* of an epoch that does not come */
		buffer_append_span(&changed, body.first);
		changed.data[EPOCH_AT + 5] ^= 1;
		body.first = buffer_span(&changed);
		break;
	default: break;
	}
	evidence_set(draft, sim->consortium->organisation[author].name, &body);
	buffer_free(&changed);
	return true;
}

/* A root that an honest member signed: the log has it, or will have it; or another one under its signature. */
static bool honest_root_accused(struct sim *sim, struct draft *draft)
{
	struct accusations *accusations = &sim->accusations;
	enum { ROOT_AT = 2 + 8 };
	if (accusations->honest_line.size == 0)
		return false;
	struct buffer changed = {0};
	buffer_append_span(&changed, buffer_span(&accusations->honest_line));
	struct body_evidence body = {.accused = text(sim->consortium->organisation[accusations->honest].name), .lie = LIE_FORK};
	switch (sim_below(sim, 4)) {
	case 0: changed.data[ROOT_AT + sim_below(sim, DIGEST_SIZE)] ^= 1; break;
	case 1: changed.size -= 1; break;
	case 2: body.second = text("ours"); break;
	default: break;
	}
	body.first = buffer_span(&changed);
	evidence_set(draft, sim->consortium->organisation[accusations->honest].name, &body);
	buffer_free(&changed);
	return true;
}

/* One that is final, from a random place on; or any. */
static const struct accusation *accusation_choose(struct sim *sim)
{
	const struct accusations *accusations = &sim->accusations;
	size_t from = (size_t)sim_below(sim, accusations->count);
	for (size_t i = 0; i < accusations->count; i++) {
		const struct accusation *accusation = &accusations->items[(from + i) % accusations->count];
		if (accusation->final)
			return accusation;
	}
	return &accusations->items[from];
}

/* What convicts somebody is said once more, or of another one. */
static bool convict_accused(struct sim *sim, const struct client *client, struct draft *draft)
{
	struct body_evidence body;
	const struct accusation *accusation = accusation_choose(sim);
	CHECK(body_evidence_decode(buffer_span(&accusation->body), &body, NULL) == OK);
	const char *accused = sim->consortium->organisation[accusation->accused].name;
	const char *other = sim->consortium->organisation[accusation->accused == 0].name;
	switch (sim_below(sim, accusation->final ? 5 : 3)) {
	case 0: evidence_set(draft, other, &body); return true;
	case 1: evidence_set(draft, client->done ? organisation_of(sim, client)->gateway : "org:nobody", &body); return true;
	case 2:
		body.accused = text(other);
		evidence_set(draft, other, &body);
		return true;
	default: evidence_set(draft, accused, &body); return true;
	}
}

bool accuse_falsely(struct sim *sim, const struct client *client, struct draft *draft)
{
	if (sim->accusations.count && sim_permille(sim, 600))
		return convict_accused(sim, client, draft);
	return sim_permille(sim, 600) ? honest_accused(sim, draft) : honest_root_accused(sim, draft);
}
