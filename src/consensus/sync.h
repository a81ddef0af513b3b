/* Sync: what each connected peer says it has, catching up from one of them at a time, and
 * bounds on what is taken from and read for each. docs/ledger.md, "Waiting and fetching". */
#ifndef TALLY_CONSENSUS_SYNC_H
#define TALLY_CONSENSUS_SYNC_H

#include "base/allowance.h"
#include "consensus/dag.h"

enum {
	SYNC_BLOCKS_MAX = 1024,        /* in one answer */
	SYNC_BYTES_MAX = 4 << 20,      /* the same, but one block always goes */
	SYNC_TIMEOUT_MS = 1000,        /* without a block from the one asked */
	SYNC_TURN_MS = 10000,          /* at most from one, in all its sessions in a row, however lively; then it is another's turn */
	SYNC_PAUSE_MS = 200,           /* after a session that brought nothing; doubles ... */
	SYNC_FRUITLESS_MAX = 4,        /* ... so many times */
	SYNC_SLACK = 2,                /* rounds behind that ordinary pushes will close */
	SYNC_LAG_MAX = 10,             /* rounds behind at which nothing is proposed */
	SYNC_SERVE_RATE = 16 << 20,    /* bytes a second read from disk for one peer ... */
	SYNC_SERVE_BURST = 32 << 20,   /* ... after as many at once */
};

#define SYNC_NOBODY UINT16_MAX

struct sync_peer {
	bool up;
	uint32_t rounds[BLOCK_MEMBERS_MAX]; /* it has accepted up to these, it says */
	uint32_t top;                  /* the highest of them */
	uint32_t credit;               /* blocks of others still taken from it */
	struct allowance allowance;    /* bytes still read for it */
};

struct sync {
	uint16_t members;
	uint16_t own;
	struct sync_peer *peers;       /* [members] */
	uint16_t connected;
	/* The one session in which we catch up. */
	uint16_t from;                 /* or SYNC_NOBODY */
	uint16_t last;                 /* whom we asked last */
	uint64_t number;
	uint64_t blocks_before;        /* accepted when it began */
	int64_t deadline_ms;
	int64_t latest_ms;             /* end of the turn of whom we asked last; the deadline cannot move beyond */
	int64_t pause_ms;              /* no new session before */
	uint32_t fruitless;            /* sessions in a row that brought nothing */
};

void sync_init(struct sync *sync, uint16_t members, uint16_t own);
void sync_free(struct sync *sync);

void sync_peer_up(struct sync *sync, uint16_t peer, int64_t now_ms);
void sync_peer_down(struct sync *sync, uint16_t peer);

/* `peer` says it has accepted these rounds. */
void sync_learn(struct sync *sync, uint16_t peer, const uint32_t *rounds);
/* `peer` pushed an own block of this round. */
void sync_learn_push(struct sync *sync, uint16_t peer, uint32_t round);

/* Does the peer claim blocks that are not in the DAG? */
bool sync_lacks(const struct sync *sync, const struct dag *dag, uint16_t peer);
/* And do we have blocks that it did not claim? */
bool sync_exceeds(const struct sync *sync, const struct dag *dag, uint16_t peer);

/* A round that at least one honest connected member has reached: the (f+1)-th highest claim. */
uint32_t sync_network_round(const struct sync *sync);

/* Begin a session with `peer`, which is to be sent a SYNC with sync->number. */
void sync_begin(struct sync *sync, const struct dag *dag, uint16_t peer, int64_t now_ms);

/* A new block by `author` came from `peer`: it is alive, and if the block is another's, then its answer did bring something, though
 * its end may have come first. */
void sync_progress(struct sync *sync, uint16_t peer, uint16_t author, int64_t now_ms);

/* The session's answer is over. True when it brought blocks. */
bool sync_end(struct sync *sync, const struct dag *dag, int64_t now_ms);

/* May the peer whose session just ended be asked once more, or is it another's turn? */
bool sync_turn_lasts(const struct sync *sync, int64_t now_ms);

/* The peer told what it has: may a session with it begin on that alone? Only for the little that pushes would close. When
 * somebody is ahead, sync_choose asks one after the other, whoever speaks the most. */
bool sync_may_begin(const struct sync *sync, const struct dag *dag, uint16_t peer);

/* Whom to ask now, or SYNC_NOBODY. Ends a session that timed out. */
uint16_t sync_choose(struct sync *sync, const struct dag *dag, int64_t now_ms);

/* When sync_choose may have something new to say, or INT64_MAX. */
int64_t sync_wake(const struct sync *sync, const struct dag *dag);

/* The lowest round of which a block above `rounds` is here, or UINT32_MAX. */
uint32_t sync_lowest(const struct dag *dag, const uint32_t *rounds);

/* The blocks above `rounds`, in causal order; none of them is collected. `ids` has room for SYNC_BLOCKS_MAX. */
uint32_t sync_serve(const struct dag *dag, const uint32_t *rounds, uint32_t *ids, bool *more);

/* May `bytes` be read from disk for the peer now? Takes them off its allowance. */
bool sync_allow(struct sync *sync, uint16_t peer, uint64_t bytes, int64_t now_ms);

#endif
