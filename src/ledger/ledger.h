/* Ledger: what a final statement does. A deterministic state machine over the agreed order:
 * members, people, gateways, devices, their keys and states, bounds and model heads, the
 * issuers' chains; the log, an RFC 9162 tree whose entries are statement ids; and the state tree,
 * which proves to others what the ledger knows of an entity.
 *
 * Every statement is checked again when it is applied (form, network, key, signature, state of the
 * issuer, sequence, previous id, parents, role, body). A refused one leaves no trace in the log.
 * Equal order in, equal roots out, on every node. Pure. */
#ifndef TALLY_LEDGER_LEDGER_H
#define TALLY_LEDGER_LEDGER_H

#include "base/map.h"
#include "crypto/merkle.h"
#include "crypto/state_tree.h"
#include "record/epoch.h"
#include "record/state_entry.h"

struct ledger;

#define LEDGER_NO_MEMBER UINT16_MAX
enum {
	LEDGER_SEATS_MAX = 256,       /* organisations that ever were members */
	LEDGER_PROPOSALS_MAX = 4,     /* open ones of one member */
};

/* An identity known to the ledger. Owned by the ledger; pointers stay valid for its life. */
struct entity {
	uint32_t position;            /* for ledger_entity_at */
	char *name;                   /* "org:manufacturer" "person:manufacturer/engineer-1" "gw:manufacturer/hall-1" "dev:manufacturer/spindle-1" */
	enum entity_kind kind;
	enum device_state state;
	struct digest registration;   /* the statement in force: ORG, PERSON, DEVICE */
	struct entity *owner;         /* organisation; NULL for organisations */
	struct entity *gateway;       /* of a device */
	uint16_t seat;                /* of an organisation: its number among all that ever were members, in the order of joining */
	uint16_t member;              /* of an organisation: its consensus index in this epoch, or LEDGER_NO_MEMBER */
	char *role;                   /* of organisations and people */
	struct verifying_key *key;    /* NULL: cannot sign */
	struct digest kid;
	struct digest tls_key;        /* gateways and organisations */
	uint64_t last_seq;            /* as an issuer */
	struct digest last_id;
	struct digest bounds;         /* head: BOUNDS statement, zero: none */
	uint64_t bounds_version;
	struct digest model;          /* head: MODEL statement */
	uint64_t model_version;
	struct digest lied;           /* of a member: the first EVIDENCE statement against it; zero: none */
	uint32_t lies;                /* different ones that are proven */
};

/* genesis must outlive the ledger. Applies the ORG statements as log entries 0..n-1. */
struct ledger *ledger_new(const struct genesis *genesis);
void ledger_free(struct ledger *ledger);
/* Verify the proofs in EVIDENCE statements (ledger/evidence.h) with these rather than with the real signatures. Outlive the
 * ledger. All members of one network must do the same. */
struct evidence_signatures;
void ledger_evidence_by(struct ledger *ledger, const struct evidence_signatures *signatures);

/* Would it be accepted now? The same checks as apply, except the signature, which is dear: *key is the one to verify it with.
 * When `lenient`, a sequence number further ahead and parents that are not final yet are let through, because earlier
 * statements may still be on their way, and so is what refers to these (a device, a version); apply looks again. */
MUST_USE enum status ledger_examine(const struct ledger *ledger, const struct statement *statement, bool lenient,
	const struct verifying_key **key, struct fault *fault);

/* OK or E_SIGNATURE with a sentence. key: the one that ledger_examine names, which has compared its kid. */
MUST_USE enum status ledger_verify(const struct statement *statement, const struct verifying_key *key, struct fault *fault);

/* Apply the next statement of the order. OK: *index is its log position. E_DUPLICATE: this very statement is final
 * already (*index its position): harmless. Else the reason of refusal, with a sentence. signature_known: checked
 * before by this node. */
MUST_USE enum status ledger_apply(struct ledger *ledger, const struct statement *statement, bool signature_known,
	uint64_t *index, struct fault *fault);

/* Verifies a signature, or knows of it: OK or E_SIGNATURE with a sentence. */
struct ledger_verifier {
	void *context;
	enum status (*verify)(void *context, const struct statement *statement, const struct verifying_key *key, struct fault *fault);
};
/* ledger_apply that asks `verifier`, last, when everything else is in order. */
MUST_USE enum status ledger_apply_by(struct ledger *ledger, const struct statement *statement, const struct ledger_verifier *verifier,
	uint64_t *index, struct fault *fault);

/* NULL when unknown. */
const struct entity *ledger_entity(const struct ledger *ledger, struct span name);
/* In order of first registration. */
size_t ledger_entity_count(const struct ledger *ledger);
const struct entity *ledger_entity_at(const struct ledger *ledger, size_t position);
/* The entity whose TLS key has this hash: gateways and organisations; NULL when none. */
const struct entity *ledger_entity_by_tls(const struct ledger *ledger, const struct digest *tls_key);

/* E_NOT_FOUND. */
MUST_USE enum status ledger_index_of(const struct ledger *ledger, const struct digest *id, uint64_t *index);
const struct merkle_tree *ledger_tree(const struct ledger *ledger);
uint64_t ledger_size(const struct ledger *ledger);
/* The state tree (record/state_entry.h) brought up to date: a function of the log's entries alone, and of where
 * epochs end among them: after ledger_close the members are the new ones. Work is done here for each
 * entity that changed since the last call, not in ledger_apply. Borrowed; state_tree_copy keeps it. */
struct state_tree *ledger_state(struct ledger *ledger);
const struct genesis *ledger_genesis(const struct ledger *ledger);

/* -- members (governance.c; docs/decisions/0008-epochs.md) ------------------------------------------------------------ */

/* The chain of epochs, the newest is this one. */
const struct epochs *ledger_epochs(const struct ledger *ledger);
size_t ledger_seat_count(const struct ledger *ledger);
const struct entity *ledger_seat(const struct ledger *ledger, uint16_t seat);

/* A proposal that is open, or adopted in this commit. Borrowed until the ledger changes. */
struct ledger_proposal {
	struct digest id;
	uint32_t change;              /* enum member_change */
	const char *name;             /* the organisation */
	uint16_t proposer;            /* seat */
	uint64_t index;               /* log position */
	uint16_t yes, no;             /* votes of members */
	uint64_t said_yes, said_no;   /* the same: bit i is member i of the epoch */
	uint16_t needed;              /* yes votes that adopt it: a quorum */
};
size_t ledger_proposal_count(const struct ledger *ledger);
struct ledger_proposal ledger_proposal_at(const struct ledger *ledger, size_t position);

/* A proposal was adopted: the epoch ends with the commit that is being applied. */
bool ledger_is_closing(const struct ledger *ledger);
/* End the epoch: the record of the next one is made and entered. Open proposals lapse. With nothing adopted the members stay. */
void ledger_close(struct ledger *ledger, uint64_t commits, const struct digest *commit_digest, int64_t time_ms);
/* The same with a record made elsewhere. E_CORRUPT: it is not what this log leads to. */
MUST_USE enum status ledger_enter(struct ledger *ledger, struct span record, struct fault *fault);

#endif
