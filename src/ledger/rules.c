#include "ledger/examination.h"

#include <inttypes.h>

/* -- the table: who may issue what, about whom ---------------------------------------------- */

#define MAY(kind) (1u << (kind))

/* How the subject must stand to the issuer: any of these. */
enum relation {
	BELOW = 1,       /* a name below the organisation's own: "dev:x/..." of "org:x" */
	OWNED = 2,       /* registered by the organisation */
	SUPERVISED = 4,  /* anybody's, when the organisation is a regulator */
	SPOKEN = 8,      /* registered at the gateway */
	FREE = 16,       /* any text */
	SPECIAL = 32,    /* see the type's own rule */
};

struct rule {
	unsigned issuers;        /* MAY(...) */
	unsigned relations;      /* enum relation */
	unsigned subjects;       /* MAY(...), where the subject must be registered */
	const char *who;         /* "only ... may" */
	enum status (*particular)(struct examination *examination);
};

static enum status rule_person(struct examination *e);
static enum status rule_device(struct examination *e);
static enum status rule_device_state(struct examination *e);
static enum status rule_bounds(struct examination *e);
static enum status rule_model(struct examination *e);
static enum status rule_anchor(struct examination *e);
static enum status rule_disturbance(struct examination *e);
static enum status rule_result(struct examination *e);
static enum status rule_ack(struct examination *e);
static enum status rule_evidence(struct examination *e);

#define ORG MAY(ENTITY_ORG)
#define PERSON MAY(ENTITY_PERSON)
#define GATEWAY MAY(ENTITY_GATEWAY)
#define DEVICE MAY(ENTITY_DEVICE)
#define ITS_ORGANISATION "the organisation whose name it carries"
#define ITS_OWNER "the organisation that registered it"
#define ITS_GATEWAY "the gateway that it is registered at"

static const struct rule rules[STATEMENT_TYPE_END] = {
	[STATEMENT_ORG]          = {0, 0, 0, "the genesis", NULL},
	[STATEMENT_PERSON]       = {ORG, BELOW, PERSON, ITS_ORGANISATION, rule_person},
	[STATEMENT_DEVICE]       = {ORG, BELOW, GATEWAY | DEVICE, ITS_ORGANISATION, rule_device},
	[STATEMENT_EVENT]        = {ORG, FREE, 0, "an organisation", NULL},
	[STATEMENT_ANCHOR]       = {GATEWAY, FREE, 0, "a gateway", rule_anchor},
	[STATEMENT_MODEL]        = {ORG | GATEWAY, OWNED | SPOKEN, DEVICE, "its owner or its gateway", rule_model},
	[STATEMENT_BOUNDS]       = {ORG, OWNED, DEVICE, ITS_OWNER, rule_bounds},
	[STATEMENT_DEVICE_STATE] = {ORG, OWNED | SUPERVISED, GATEWAY | DEVICE, "its owner or a regulator", rule_device_state},
	[STATEMENT_DISTURBANCE]  = {GATEWAY, SPECIAL, DEVICE, ITS_GATEWAY, rule_disturbance},
	[STATEMENT_SERVICE]      = {GATEWAY, SPOKEN, DEVICE, ITS_GATEWAY, NULL},
	[STATEMENT_COMMAND]      = {GATEWAY, SPOKEN, DEVICE, ITS_GATEWAY, NULL},
	[STATEMENT_RESULT]       = {GATEWAY, SPOKEN, DEVICE, ITS_GATEWAY, rule_result},
	[STATEMENT_CRITICAL]     = {GATEWAY, SPOKEN, DEVICE, ITS_GATEWAY, NULL},
	[STATEMENT_ACK]          = {GATEWAY | PERSON, SPECIAL, 0, "a person, or the gateway that raised the alarm or speaks for the device", rule_ack},
	[STATEMENT_EVIDENCE]     = {ORG, SPECIAL, ORG, "an organisation", rule_evidence},
	[STATEMENT_MEMBER]       = {ORG, SPECIAL, ORG, "a member", rule_member},
	[STATEMENT_VOTE]         = {ORG, SPECIAL, ORG, "a member", rule_vote},
};

/* -- the three questions ----------------------------------------------------------------------- */

static const struct rule *rule_of(const struct examination *e)
{
	return &rules[e->statement->type];
}

static enum status forbidden(struct examination *e, const char *who)
{
	return fault_set(e->fault, E_FORBIDDEN, "%s may not issue a %s statement about %s: only %s may.", e->issuer->name,
		statement_type_name(e->statement->type), printable(e->statement->sub).text, who);
}

enum status rules_issuer(struct examination *e)
{
	if (e->statement->type >= STATEMENT_TYPE_END || !rule_of(e)->who)
		return fault_set(e->fault, E_MALFORMED, "There is no statement type %" PRIu32 "; use a program of this network's version.",
			e->statement->type);
	if (!(rule_of(e)->issuers & MAY(e->issuer->kind)))
		return forbidden(e, rule_of(e)->who);
	return OK;
}

enum status rules_body(struct examination *e)
{
	struct span bytes = e->statement->body;
	switch (e->statement->type) {
	case STATEMENT_PERSON:       return body_person_decode(bytes, &e->body.person, e->fault);
	case STATEMENT_DEVICE:       return body_device_decode(bytes, &e->body.device, e->fault);
	case STATEMENT_ANCHOR:       return body_anchor_decode(bytes, &e->body.anchor, e->fault);
	case STATEMENT_MODEL:        return body_model_decode(bytes, &e->body.model, e->fault);
	case STATEMENT_BOUNDS:       return body_bounds_decode(bytes, &e->body.bounds, e->fault);
	case STATEMENT_DEVICE_STATE: return body_device_state_decode(bytes, &e->body.device_state, e->fault);
	case STATEMENT_DISTURBANCE:  return body_disturbance_decode(bytes, &e->body.disturbance, e->fault);
	case STATEMENT_RESULT:       return body_result_decode(bytes, &e->body.result, e->fault);
	case STATEMENT_ACK:          return body_ack_decode(bytes, &e->body.ack, e->fault);
	case STATEMENT_EVIDENCE:     return body_evidence_decode(bytes, &e->body.evidence, e->fault);
	case STATEMENT_MEMBER:       return body_member_decode(bytes, &e->body.member, e->fault);
	case STATEMENT_VOTE:         return body_vote_decode(bytes, &e->body.vote, e->fault);
	default:                     return body_check(e->statement->type, bytes, e->fault);
	}
}

static bool is_regulator(const struct entity *organisation)
{
	return organisation->kind == ENTITY_ORG && strcmp(organisation->role, "regulator") == 0;
}

static enum status subject_is_one_of(struct examination *e, unsigned kinds)
{
	if (!e->subject)
		return fault_set(e->fault, E_UNKNOWN, "%s is not registered; its organisation must register it first.",
			printable(e->statement->sub).text);
	if (!(kinds & MAY(e->subject->kind)))
		return fault_set(e->fault, E_FORBIDDEN, "A %s statement cannot be about %s, which is a %s.",
			statement_type_name(e->statement->type), e->subject->name, entity_kind_name(e->subject->kind));
	return OK;
}

/* The subject is registered and stands to the issuer in one of `relations`. */
static enum status subject_stands(struct examination *e, unsigned relations)
{
	TRY(subject_is_one_of(e, rule_of(e)->subjects));
	if (((relations & OWNED) && e->subject->owner == e->issuer) || ((relations & SUPERVISED) && is_regulator(e->issuer))
		|| ((relations & SPOKEN) && e->subject->gateway == e->issuer))
		return OK;
	return forbidden(e, rule_of(e)->who);
}

enum status rules_subject(struct examination *e)
{
	const struct rule *rule = rule_of(e);
	if (rule->relations & (OWNED | SUPERVISED | SPOKEN))
		TRY(subject_stands(e, rule->relations));
	return rule->particular ? rule->particular(e) : OK;
}

/* -- registrations ------------------------------------------------------------------------------- */

static bool name_character(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/';
}

/* Is it `prefix` || own || "/" || something plain, where the issuer is "org:" || own? */
static bool name_is_below(struct span name, const char *prefix, struct span organisation)
{
	size_t skip = strlen(prefix), own = organisation.size - strlen("org:");
	if (name.size < skip + own + 2 || memcmp(name.data, prefix, skip) != 0
		|| memcmp(name.data + skip, organisation.data + strlen("org:"), own) != 0 || name.data[skip + own] != '/')
		return false;
	for (size_t i = skip; i < name.size; i++)
		if (!name_character(name.data[i]))
			return false;
	return true;
}

static enum status registration_name(struct examination *e, const char *prefix)
{
	struct span organisation = span_of_text(e->issuer->name);
	if (organisation.size <= strlen("org:") || memcmp(organisation.data, "org:", strlen("org:")) != 0)
		return fault_set(e->fault, E_FORBIDDEN, "%s cannot register anything: only names that begin with org: can.", e->issuer->name);
	if (!name_is_below(e->statement->sub, prefix, organisation))
		return fault_set(e->fault, E_FORBIDDEN,
			"%s may not register %s here: the name must be %s%s/ and then letters, digits, '-', '_', '.' or '/'.", e->issuer->name,
			printable(e->statement->sub).text, prefix, e->issuer->name + strlen("org:"));
	/* "org:a" and "org:a/b" can both lie above one name: the first to register it keeps it. */
	if (e->subject && e->subject->owner != e->issuer)
		return fault_set(e->fault, E_FORBIDDEN, "%s belongs to %s; choose another name.", e->subject->name, e->subject->owner->name);
	return OK;
}

static enum status registration_key(struct examination *e, const struct public_key *key)
{
	e->new_key = verifying_key_new(key);
	return e->new_key ? OK : fault_set(e->fault, E_MALFORMED, "The public key in the registration is no ML-DSA-44 key; export it again.");
}

static enum status rule_person(struct examination *e)
{
	TRY(registration_name(e, "person:"));
	return registration_key(e, &e->body.person.key);
}

static enum status rule_gateway(struct examination *e, const struct body_device *body)
{
	TRY(registration_name(e, "gw:"));
	if (body->gateway.size)
		return fault_set(e->fault, E_MALFORMED, "A gateway speaks for itself; leave the field \"gateway\" empty.");
	if (!body->has_key)
		return fault_set(e->fault, E_MALFORMED, "A gateway needs a key to sign with; add its public key to the registration.");
	const struct entity *other = ledger_entity_by_tls(e->ledger, &body->tls_key);
	if (other && other != e->subject)
		return fault_set(e->fault, E_FORBIDDEN, "This TLS key belongs to %s; make a new one for %s.", other->name,
			printable(e->statement->sub).text);
	return registration_key(e, &body->key);
}

static enum status rule_device(struct examination *e)
{
	const struct body_device *body = &e->body.device;
	if (body->kind == DEVICE_GATEWAY)
		return rule_gateway(e, body);
	TRY(registration_name(e, "dev:"));
	const struct entity *gateway = ledger_entity(e->ledger, body->gateway);
	if (!gateway || gateway->kind != ENTITY_GATEWAY)
		return fault_set(e->fault, E_UNKNOWN, "The gateway \"%s\" is not registered; register it before the devices that it speaks for.",
			printable(body->gateway).text);
	if (body->has_key || !digest_is_zero(&body->tls_key))
		return fault_set(e->fault, E_MALFORMED, "Machines and sensors have no keys on the ledger; leave the keys out.");
	return OK;
}

static enum status rule_device_state(struct examination *e)
{
	if (e->subject->state == DEVICE_REVOKED && e->body.device_state.state != DEVICE_REVOKED && !is_regulator(e->issuer))
		return fault_set(e->fault, E_FORBIDDEN, "%s was revoked; only a regulator can lift that.", e->subject->name);
	return OK;
}

/* -- twins --------------------------------------------------------------------------------------- */

static enum status version_follows(struct examination *e, uint64_t version, uint64_t head)
{
	if (version == head + 1)
		return OK;
	return fault_set(e->fault, E_SEQUENCE, "Version %" PRIu64 " of the %s of %s was offered, but the next is %" PRIu64
		"; start from the version in force and sign again.", version, statement_type_name(e->statement->type), e->subject->name, head + 1);
}

static enum status rule_bounds(struct examination *e)
{
	return version_follows(e, e->body.bounds.version, e->subject->bounds_version);
}

static enum status rule_model(struct examination *e)
{
	return version_follows(e, e->body.model.version, e->subject->model_version);
}

/* -- production ----------------------------------------------------------------------------------- */

static enum status not_final(struct examination *e, const char *what, const struct digest *id)
{
	char hex[DIGEST_HEX_SIZE];
	span_hex(digest_span(id), hex);
	return fault_set(e->fault, E_PARENT, "The %s %s is not final; submit it first, then this one again.", what, hex);
}

/* A range's bounds and model: none, or a final statement of that type about that device. */
static enum status range_refers(struct examination *e, const struct digest *id, uint8_t type, const struct entity *device)
{
	uint64_t index;
	if (digest_is_zero(id))
		return OK;
	if (ledger_index_of(e->ledger, id, &index) != OK)
		return e->lenient ? OK : not_final(e, statement_type_name(type), id);
	const struct fact *fact = &e->ledger->facts[index];
	if (fact->type != type || fact->subject != device->position + 1)
		return fault_set(e->fault, E_PARENT, "The range of %s names a statement that is not its %s; take the id from the ledger.",
			device->name, statement_type_name(type));
	return OK;
}

static enum status rule_range(struct examination *e, const struct body_range *range)
{
	const struct entity *device = ledger_entity(e->ledger, range->device);
	uint64_t index;
	if (!device || device->kind != ENTITY_DEVICE)
		return fault_set(e->fault, E_UNKNOWN, "The anchor covers %s, which is not registered; refuse its readings until it is.",
			printable(range->device).text);
	if (ledger_index_of(e->ledger, &range->registration, &index) != OK)
		return e->lenient ? OK : not_final(e, "registration", &range->registration);
	const struct registration *registration = ledger_registration(e->ledger, index);
	if (!registration || registration->device != device)
		return fault_set(e->fault, E_PARENT, "The range of %s names a statement that is not its registration; take the id from the ledger.",
			device->name);
	if (registration->gateway != e->issuer)
		return fault_set(e->fault, E_FORBIDDEN, "%s may not anchor readings of %s: that registration names another gateway.",
			e->issuer->name, device->name);
	TRY(range_refers(e, &range->bounds, STATEMENT_BOUNDS, device));
	return range_refers(e, &range->model, STATEMENT_MODEL, device);
}

static enum status rule_anchor(struct examination *e)
{
	for (size_t i = 0; i < e->body.anchor.range_count; i++)
		TRY(rule_range(e, &e->body.anchor.ranges[i]));
	return OK;
}

/* Whoever sends such messages is not the registered device, or not any more: the name in them proves nothing. */
static bool disturbance_of_a_stranger(uint32_t kind)
{
	return kind == DISTURBANCE_FORGED || kind == DISTURBANCE_UNREGISTERED || kind == DISTURBANCE_REVOKED
		|| kind == DISTURBANCE_MALFORMED || kind == DISTURBANCE_REPLAY;
}

static enum status rule_disturbance(struct examination *e)
{
	return disturbance_of_a_stranger(e->body.disturbance.kind) ? OK : subject_stands(e, SPOKEN);
}

/* -- answers: RESULT to a COMMAND, ACK of an alarm ------------------------------------------------- */

bool examination_parent(const struct statement *statement, const struct digest *id)
{
	for (size_t i = 0; i < statement->parent_count; i++)
		if (digest_equal(&statement->parents[i], id))
			return true;
	return false;
}

/* The statement that this one answers is a parent, final, of one of `types`, and about the same thing.
 * *out: what is known about it; NULL when it is not final yet and that is permitted. */
static enum status answer_refers(struct examination *e, const struct digest *id, unsigned types, const struct fact **out)
{
	uint64_t index;
	*out = NULL;
	if (!examination_parent(e->statement, id))
		return fault_set(e->fault, E_PARENT, "The statement that a %s answers must be one of its parents; add it and sign again.",
			statement_type_name(e->statement->type));
	if (ledger_index_of(e->ledger, id, &index) != OK)
		return e->lenient ? OK : not_final(e, "parent", id);
	const struct fact *fact = &e->ledger->facts[index];
	if (!(types & (1u << fact->type)))
		return fault_set(e->fault, E_PARENT, "A %s cannot answer a %s statement; name the right one and sign again.",
			statement_type_name(e->statement->type), statement_type_name(fact->type));
	if (fact->subject != (e->subject ? e->subject->position + 1 : 0))
		return fault_set(e->fault, E_PARENT, "The %s that it answers is not about %s; name the right one and sign again.",
			statement_type_name(fact->type), printable(e->statement->sub).text);
	*out = fact;
	return OK;
}

static enum status rule_result(struct examination *e)
{
	const struct fact *fact;
	return answer_refers(e, &e->body.result.command, 1u << STATEMENT_COMMAND, &fact);
}

static enum status rule_ack(struct examination *e)
{
	const struct body_ack *body = &e->body.ack;
	const struct entity *person = ledger_entity(e->ledger, body->person);
	const struct fact *alarm;
	if (!person || person->kind != ENTITY_PERSON)
		return fault_set(e->fault, E_UNKNOWN, "\"%s\" is no registered person; the organisation must register who acknowledges alarms.",
			printable(body->person).text);
	if (e->issuer->kind == ENTITY_PERSON && e->issuer != person)
		return fault_set(e->fault, E_FORBIDDEN, "%s may not acknowledge in the name of %s.", e->issuer->name, person->name);
	TRY(answer_refers(e, &body->target, 1u << STATEMENT_DISTURBANCE | 1u << STATEMENT_CRITICAL, &alarm));
	if (e->issuer->kind == ENTITY_PERSON || (alarm && alarm->issuer == e->issuer->position)
		|| (e->subject && e->subject->gateway == e->issuer) || (!alarm && e->lenient))
		return OK;
	return forbidden(e, rule_of(e)->who);
}

/* -- members that lied ------------------------------------------------------------------------------ */

struct lie_key lie_key(const struct examination *e)
{
	struct lie_key key = {{(uint8_t)e->body.evidence.lie}};
	memcpy(key.bytes + 1, &e->proves.epoch, sizeof e->proves.epoch);
	memcpy(key.bytes + 9, &e->proves.member, sizeof e->proves.member);
	memcpy(key.bytes + 11, &e->proves.at, sizeof e->proves.at);
	return key;
}

/* A cosignature convicts when the log, which is the same for all, had another root at that size. */
static enum status fork_convicts(struct examination *e)
{
	if (e->proves.at > ledger_size(e->ledger))
		return fault_set(e->fault, E_SEQUENCE, "The log has not reached %" PRIu64 " entries, for which %s signed a root; wait until it has.",
			e->proves.at, e->subject->name);
	struct digest root = merkle_tree_root(&e->ledger->tree, e->proves.at);
	if (digest_equal(&root, &e->proves.first))
		return fault_set(e->fault, E_FORBIDDEN, "%s signed the root that the log has at %" PRIu64 " entries: that is no lie.", e->subject->name,
			e->proves.at);
	return OK;
}

static enum status rule_evidence(struct examination *e)
{
	const struct body_evidence *body = &e->body.evidence;
	uint64_t index;
	TRY(subject_is_one_of(e, rule_of(e)->subjects));
	if (!span_equal(e->statement->sub, body->accused))
		return fault_set(e->fault, E_MALFORMED, "The statement is about %s, but accuses %s; name the accused as its subject.",
			printable(e->statement->sub).text, printable(body->accused).text);
	const struct evidence_signatures *by = e->ledger->evidence_signatures;
	enum status status = by ? evidence_proof_by(by, &e->ledger->epochs, body, &e->proves, e->fault)
	                        : evidence_proof(&e->ledger->epochs, body, &e->proves, e->fault);
	/* Whose key a size belongs to is known when the log has reached it. */
	bool is_ahead = body->lie == LIE_FORK && e->proves.at > ledger_size(e->ledger);
	if (status != OK && !(is_ahead && (status == E_SIGNATURE || status == E_FORBIDDEN)))
		return status;
	if (body->lie == LIE_FORK)
		TRY(fork_convicts(e));
	struct lie_key key = lie_key(e);
	if (map_get(&e->ledger->lies, span_of(key.bytes, sizeof key.bytes), &index))
		return fault_set(e->fault, E_FORBIDDEN, "That %s lied there is proven already, by log entry %" PRIu64 "; nothing is to be added.",
			e->subject->name, index);
	return OK;
}
