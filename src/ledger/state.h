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

struct ledger {
	const struct genesis *genesis;
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

/* NULL when unknown. */
struct entity *ledger_find(const struct ledger *ledger, struct span name);
/* NULL when `index` is no DEVICE statement. */
const struct registration *ledger_registration(const struct ledger *ledger, uint64_t index);

#endif
