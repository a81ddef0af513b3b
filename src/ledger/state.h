/* The ledger's state, for the files of this room. */
#ifndef TALLY_LEDGER_STATE_H
#define TALLY_LEDGER_STATE_H

#include "ledger/final_index.h"
#include "ledger/ledger.h"

/* What later statements may ask about a final one. */
struct fact {
	uint32_t issuer;              /* position of the entity */
	uint32_t subject;             /* position of the entity + 1; 0: not registered then */
	uint8_t type;
};

/* Which gateway spoke for a device under which DEVICE statement: late anchors refer to earlier ones. */
struct registration {
	uint64_t index;               /* in the log; ascending */
	const struct entity *device;
	const struct entity *gateway; /* NULL for gateways */
};

/* A change of the members that is proposed. */
struct proposal {
	struct digest id;
	uint64_t index;
	uint32_t change;
	char *name;
	struct buffer statement;      /* of the organisation; empty for REMOVE */
	uint16_t proposer;            /* consensus index */
	enum { VOTE_NONE, VOTE_YES, VOTE_NO } votes[GENESIS_MEMBERS_MAX]; /* by consensus index */
};

struct ledger {
	const struct genesis *genesis;
	struct epochs epochs;
	struct entity *seats[LEDGER_SEATS_MAX];
	size_t seat_count;
	struct proposal *proposals;
	size_t proposal_count;
	size_t proposal_capacity;
	size_t adopted;               /* position of a proposal + 1; 0: none */
	struct entity **entities;
	size_t entity_count;
	size_t entity_capacity;
	struct map names;             /* to position */
	struct map tls_keys;          /* to position */
	struct merkle_tree tree;
	struct final_index finals;
	struct fact *facts;           /* one a log entry */
	size_t fact_count;
	size_t fact_capacity;
	struct registration *registrations;
	size_t registration_count;
	size_t registration_capacity;
	const struct evidence_signatures *evidence_signatures; /* NULL: the real ones */
	struct map lies;              /* lie_key to the position in the log of the statement that proves it */
	struct state_tree state;
	struct state_changes {
		uint32_t *positions;  /* of entities whose entries in `state` are not up to date, each once */
		size_t count;
		size_t capacity;
		bool *is_in;          /* by position */
		size_t room;          /* of is_in */
	} changes;
};

/* state_changes.c: its entry in the state tree must be made again. */
void state_changes_add(struct state_changes *changes, const struct entity *entity);
void state_changes_free(struct state_changes *changes);

/* Entities change through these alone. */
struct entity *ledger_entity_add(struct ledger *ledger, struct span name, enum entity_kind kind, struct entity *owner);
void ledger_entity_set_key(struct entity *entity, struct verifying_key *key, const struct public_key *public);
void ledger_entity_set_tls(struct ledger *ledger, struct entity *entity, const struct digest *tls_key);
void ledger_entity_set_role(struct entity *entity, struct span role);

/* governance.c */
void governance_free(struct ledger *ledger);

/* NULL when unknown. */
struct entity *ledger_find(const struct ledger *ledger, struct span name);
/* NULL when `index` is no DEVICE statement. */
const struct registration *ledger_registration(const struct ledger *ledger, uint64_t index);

#endif
