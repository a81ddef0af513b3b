/* Messages between members: one byte of kind, then little-endian fields. Writer and reader of
 * all of them. docs/ledger.md, "Messages". */
#ifndef TALLY_CONSENSUS_MESSAGE_H
#define TALLY_CONSENSUS_MESSAGE_H

#include "consensus/block.h"

enum message_kind {
	MESSAGE_BLOCK = 1,       /* block bytes */
	MESSAGE_FETCH = 2,       /* u16 count, references; u32 rounds[members] */
	MESSAGE_HAVE = 3,        /* u8 answer wanted; u32 rounds[members] */
	MESSAGE_SYNC = 4,        /* u64 number; u32 rounds[members]: send me what lies above */
	MESSAGE_SYNC_END = 5,    /* u64 number; u8 more follows on request; u32 rounds[members] */
	MESSAGE_TIP_REQUEST = 6, /* u64 number: what is my highest block? */
	MESSAGE_TIP = 7,         /* u64 number; its reference, of round 0 when there is none */
};

enum { MESSAGE_REFS_MAX = 32 };

struct message {
	enum message_kind kind;
	struct span block;
	struct block_ref refs[MESSAGE_REFS_MAX]; /* FETCH; TIP: the first */
	uint16_t ref_count;
	uint32_t rounds[BLOCK_MEMBERS_MAX]; /* highest accepted round of each member's blocks */
	uint64_t number;
	bool flag;
};

/* E_MALFORMED for anything that a member of a network of `members` does not write. */
MUST_USE enum status message_decode(struct span bytes, uint16_t members, struct message *out);

/* Appends. `kind` says which fields of the message are written. */
void message_encode(const struct message *message, uint16_t members, struct buffer *out);

#endif
