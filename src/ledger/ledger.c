#include "ledger/ledger.h"

#include "ledger/examination.h"

#include <stdlib.h>

/* -- questions ------------------------------------------------------------------------------------ */

struct entity *ledger_find(const struct ledger *ledger, struct span name)
{
	uint64_t position;
	return map_get(&ledger->names, name, &position) ? ledger->entities[position] : NULL;
}

const struct entity *ledger_entity(const struct ledger *ledger, struct span name)
{
	return ledger_find(ledger, name);
}

size_t ledger_entity_count(const struct ledger *ledger)
{
	return ledger->entity_count;
}

const struct entity *ledger_entity_at(const struct ledger *ledger, size_t position)
{
	CHECK(position < ledger->entity_count);
	return ledger->entities[position];
}

const struct entity *ledger_entity_by_tls(const struct ledger *ledger, const struct digest *tls_key)
{
	uint64_t position;
	return map_get(&ledger->tls_keys, digest_span(tls_key), &position) ? ledger->entities[position] : NULL;
}

const struct registration *ledger_registration(const struct ledger *ledger, uint64_t index)
{
	size_t low = 0, high = ledger->registration_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ledger->registrations[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ledger->registration_count && ledger->registrations[low].index == index ? &ledger->registrations[low] : NULL;
}

enum status ledger_index_of(const struct ledger *ledger, const struct digest *id, uint64_t *index)
{
	struct digest leaf = merkle_leaf(digest_span(id));
	return final_index_find(&ledger->finals, &ledger->tree, &leaf, index) ? OK : E_NOT_FOUND;
}

const struct merkle_tree *ledger_tree(const struct ledger *ledger)
{
	return &ledger->tree;
}

uint64_t ledger_size(const struct ledger *ledger)
{
	return ledger->fact_count;
}

const struct genesis *ledger_genesis(const struct ledger *ledger)
{
	return ledger->genesis;
}

/* -- the log and the entities ---------------------------------------------------------------------- */

static uint64_t log_append(struct ledger *ledger, const struct statement *statement, const struct entity *issuer,
	const struct entity *subject)
{
	struct digest leaf = merkle_leaf(digest_span(&statement->id));
	merkle_tree_append(&ledger->tree, &leaf);
	final_index_add(&ledger->finals, &ledger->tree);
	ARRAY_GROW(ledger->facts, ledger->fact_count, ledger->fact_capacity);
	ledger->facts[ledger->fact_count] = (struct fact){
		.issuer = issuer->position,
		.subject = subject ? subject->position + 1 : 0,
		.type = (uint8_t)statement->type,
	};
	return ledger->fact_count++;
}

struct entity *ledger_entity_add(struct ledger *ledger, struct span name, enum entity_kind kind, struct entity *owner)
{
	struct entity *entity = memory_new_array(1, sizeof *entity);
	CHECK(ledger->entity_count < UINT32_MAX);
	entity->position = (uint32_t)ledger->entity_count;
	entity->name = memory_text(name);
	entity->kind = kind;
	entity->state = DEVICE_ACTIVE;
	entity->owner = owner;
	entity->seat = entity->member = LEDGER_NO_MEMBER;
	ARRAY_GROW(ledger->entities, ledger->entity_count, ledger->entity_capacity);
	ledger->entities[ledger->entity_count++] = entity;
	map_put(&ledger->names, name, entity->position);
	return entity;
}

void ledger_entity_set_key(struct entity *entity, struct verifying_key *key, const struct public_key *public)
{
	verifying_key_free(entity->key);
	entity->key = key;
	entity->kid = key ? key_thumbprint(public) : (struct digest){0};
}

void ledger_entity_set_tls(struct ledger *ledger, struct entity *entity, const struct digest *tls_key)
{
	/* A member's key may be the same as a gateway's that was registered while the member was only proposed. */
	if (ledger_entity_by_tls(ledger, &entity->tls_key) == entity)
		map_remove(&ledger->tls_keys, digest_span(&entity->tls_key));
	entity->tls_key = *tls_key;
	if (!digest_is_zero(tls_key))
		map_put(&ledger->tls_keys, digest_span(tls_key), entity->position);
}

void ledger_entity_set_role(struct entity *entity, struct span role)
{
	free(entity->role);
	entity->role = memory_text(role);
}

static void chain_advance(struct ledger *ledger, struct entity *issuer, const struct statement *statement)
{
	issuer->last_seq = statement->seq;
	issuer->last_id = statement->id;
	state_changes_add(&ledger->changes, issuer);
}

/* -- beginning and end ------------------------------------------------------------------------------- */

static void ledger_found(struct ledger *ledger, const struct genesis_member *member, uint16_t index)
{
	struct entity *organisation = ledger_entity_add(ledger, member->header.iss, ENTITY_ORG, NULL);
	organisation->seat = organisation->member = index;
	ledger->seats[ledger->seat_count++] = organisation;
	organisation->registration = member->header.id;
	ledger_entity_set_role(organisation, member->org.role);
	ledger_entity_set_key(organisation, verifying_key_new(&member->org.record_key), &member->org.record_key);
	CHECK(organisation->key); /* genesis_decode verified a signature with it */
	ledger_entity_set_tls(ledger, organisation, &member->org.tls_key);
	chain_advance(ledger, organisation, &member->header);
	log_append(ledger, &member->header, organisation, organisation);
}

struct ledger *ledger_new(const struct genesis *genesis)
{
	struct ledger *ledger = memory_new_array(1, sizeof *ledger);
	ledger->genesis = genesis;
	for (size_t i = 0; i < genesis->member_count; i++)
		ledger_found(ledger, &genesis->members[i], (uint16_t)i);
	epochs_begin(&ledger->epochs, genesis);
	return ledger;
}

void ledger_evidence_by(struct ledger *ledger, const struct evidence_signatures *signatures)
{
	ledger->evidence_signatures = signatures;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	for (size_t i = 0; i < ledger->entity_count; i++) {
		verifying_key_free(ledger->entities[i]->key);
		free(ledger->entities[i]->name);
		free(ledger->entities[i]->role);
		free(ledger->entities[i]);
	}
	free(ledger->entities);
	free(ledger->facts);
	free(ledger->registrations);
	governance_free(ledger);
	state_tree_free(&ledger->state);
	state_changes_free(&ledger->changes);
	map_free(&ledger->names);
	map_free(&ledger->tls_keys);
	map_free(&ledger->lies);
	final_index_free(&ledger->finals);
	merkle_tree_free(&ledger->tree);
	free(ledger);
}

/* -- what a final statement does ----------------------------------------------------------------------- */

/* A new registration also ends a suspension, but not a revocation, unless a regulator makes it. */
static void registration_reinstates(struct entity *entity, const struct entity *issuer)
{
	if (entity->state != DEVICE_REVOKED || strcmp(issuer->role, "regulator") == 0)
		entity->state = DEVICE_ACTIVE;
}

static void apply_person(struct ledger *ledger, struct examination *e)
{
	if (!e->subject)
		e->subject = ledger_entity_add(ledger, e->statement->sub, ENTITY_PERSON, e->issuer);
	ledger_entity_set_role(e->subject, e->body.person.role);
	ledger_entity_set_key(e->subject, e->new_key, &e->body.person.key);
	e->new_key = NULL;
	e->subject->registration = e->statement->id;
	registration_reinstates(e->subject, e->issuer);
}

static void apply_device(struct ledger *ledger, struct examination *e)
{
	const struct body_device *body = &e->body.device;
	bool gateway = body->kind == DEVICE_GATEWAY;
	if (!e->subject)
		e->subject = ledger_entity_add(ledger, e->statement->sub, gateway ? ENTITY_GATEWAY : ENTITY_DEVICE, e->issuer);
	e->subject->gateway = gateway ? NULL : ledger_find(ledger, body->gateway);
	ledger_entity_set_key(e->subject, e->new_key, &body->key);
	e->new_key = NULL;
	ledger_entity_set_tls(ledger, e->subject, &body->tls_key);
	e->subject->registration = e->statement->id;
	registration_reinstates(e->subject, e->issuer);
	ARRAY_GROW(ledger->registrations, ledger->registration_count, ledger->registration_capacity);
	ledger->registrations[ledger->registration_count++] = (struct registration){
		.index = ledger_size(ledger), .device = e->subject, .gateway = e->subject->gateway};
}

/* Marked, no more: what follows from a lie is for the members to decide. */
static void apply_evidence(struct ledger *ledger, struct examination *e)
{
	struct lie_key key = lie_key(e);
	map_put(&ledger->lies, span_of(key.bytes, sizeof key.bytes), ledger_size(ledger));
	if (e->subject->lies++ == 0)
		e->subject->lied = e->statement->id;
}

static void apply_change(struct ledger *ledger, struct examination *e)
{
	struct entity *subject = e->subject;
	switch (e->statement->type) {
	case STATEMENT_PERSON:
		apply_person(ledger, e);
		break;
	case STATEMENT_DEVICE:
		apply_device(ledger, e);
		break;
	case STATEMENT_BOUNDS:
		subject->bounds = e->statement->id;
		subject->bounds_version = e->body.bounds.version;
		break;
	case STATEMENT_MODEL:
		subject->model = e->statement->id;
		subject->model_version = e->body.model.version;
		break;
	case STATEMENT_DEVICE_STATE:
		subject->state = (enum device_state)e->body.device_state.state;
		break;
	case STATEMENT_EVIDENCE:
		apply_evidence(ledger, e);
		return; /* not in the state tree */
	case STATEMENT_MEMBER:
		governance_propose(ledger, e);
		return; /* changes the entities when the epoch ends */
	case STATEMENT_VOTE:
		governance_vote(ledger, e);
		return;
	default: /* is in the log, changes no state */
		return;
	}
	state_changes_add(&ledger->changes, e->subject);
}

enum status ledger_apply_by(struct ledger *ledger, const struct statement *statement, const struct ledger_verifier *verifier,
	uint64_t *index, struct fault *fault)
{
	struct examination examination;
	examination.ledger = ledger;
	examination.statement = statement;
	examination.fault = fault;
	examination.lenient = false;
	enum status status = examination_run(&examination);
	if (status == OK)
		status = verifier->verify(verifier->context, statement, examination.issuer->key, fault);
	if (status == OK) {
		apply_change(ledger, &examination);
		chain_advance(ledger, examination.issuer, statement);
		*index = log_append(ledger, statement, examination.issuer, examination.subject);
	} else if (status == E_DUPLICATE) {
		*index = examination.duplicate;
	}
	verifying_key_free(examination.new_key);
	return status;
}

static enum status verify_unless_known(void *known, const struct statement *statement, const struct verifying_key *key, struct fault *fault)
{
	return *(const bool *)known ? OK : ledger_verify(statement, key, fault);
}

enum status ledger_apply(struct ledger *ledger, const struct statement *statement, bool signature_known, uint64_t *index,
	struct fault *fault)
{
	struct ledger_verifier verifier = {.context = &signature_known, .verify = verify_unless_known};
	return ledger_apply_by(ledger, statement, &verifier, index, fault);
}
