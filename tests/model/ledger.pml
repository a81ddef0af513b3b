/* A model of how the ledger agrees: four members, of whom one lies. docs/model.md tells what is checked and how far.
 *
 * Blocks are made round by round. A block names only lower rounds, so every DAG that members build in any order is built
 * here in this one. What a member waits for before it makes a block (C1 to C3 of the pacemaker) only decides which blocks
 * it names; here it may name any that A1, A2 and the rules of validity permit. Loss and delay do nothing else.
 *
 * LIAR is the member that lies. Each round has a place for every member's block, in an order that begins with member r mod 4.
 * Three ways to run, by -D:
 *   (none) all DAGs of 4 rounds, exhaustively, for the slot of round 1; what no longer matters is forgotten
 *   WHOLE  random DAGs of 12 rounds, all rules together; WALKS of them from SEED on
 *   TRACE  what real members did, from the file trace.inc: the model does it, too, or says no
 * The rules' numbers are macros, so that wrong ones can be tried (tests/model/run). */

#if defined(WHOLE) || defined(TRACE)
#define ROUNDS 12
#else
#define ROUNDS 4
#endif
#ifdef TRACE
#define LIAR liar
#endif
#ifndef LIAR
#define LIAR 1
#endif
#ifndef CERTIFICATE
#define CERTIFICATE 3   /* votes of so many make a certificate */
#endif
#ifndef COMMIT
#define COMMIT 3        /* certificates by so many commit */
#endif
#ifndef BLAME
#define BLAME 3         /* passed over by so many: skipped */
#endif
#ifndef ANCHOR
#define ANCHOR 3        /* so many rounds up is the first anchor */
#endif
#ifndef SHOWN_BY
#define SHOWN_BY committed /* where a liar's two blocks of a slot must be for it to lose the lead */
#endif
#define QUORUM 3
#define TWIN 4          /* lane of the liar's second block */

c_decl {
	typedef unsigned long long blocks;

	/* In each round a lane for each member's block, and one for the liar's second. */
	enum { MEMBERS = 4, LANES = 5, BLOCKS = LANES * ROUNDS, PLACES = MEMBERS * (ROUNDS + 1) };

	/* What may become of a place. It has two blocks at most: the leader's, and its twin. */
	enum { SKIPPED = 1, FIRST = 2, SECOND = 4 };

#ifdef TRACE
	static int liar; /* of the run that is replayed */
#endif

	static int block_at(int round, int lane) { return LANES * (round - 1) + lane; }
	static int round_of(int id) { return id / LANES + 1; }
	static int author_of(int id) { return id % LANES == TWIN ? LIAR : id % LANES; }
	static blocks bit(int id) { return 1ULL << id; }
	static int is_made(blocks made, int id) { return (made & bit(id)) != 0; }
	static blocks round_bits(int round) { return round >= 1 && round <= ROUNDS ? 31ULL << block_at(round, 0) : 0; }

	/* Up to this round the liar leads, too: see decide_in_order. */
	static int liar_leads_to = ROUNDS;
	static int leaders = MEMBERS; /* members who lead a round, if there are so many */

	static int places(int round)
	{
		int all = round > liar_leads_to ? MEMBERS - 1 : MEMBERS;
		return leaders < all ? leaders : all;
	}

	static int place(int round, int rank) { return MEMBERS * round + rank; }

	static int leader_of(int round, int rank)
	{
		if (round <= liar_leads_to)
			return (round + rank) % MEMBERS;
		int member = (round + rank) % (MEMBERS - 1);
		return member >= LIAR ? member + 1 : member;
	}

	static int leader_block(int round, int rank, int which)
	{
		int leader = leader_of(round, rank);
		return which == 0 ? block_at(round, leader) : leader == LIAR ? block_at(round, TWIN) : -1;
	}

	/* How many members have a block of this round among `some`. */
	static int authors(blocks some, int round)
	{
		blocks lanes = (some & round_bits(round)) >> block_at(round, 0);
		if (lanes & bit(TWIN))
			lanes |= bit(LIAR);
		return __builtin_popcountll(lanes & 15);
	}

	static blocks history(const blocks *ancestors, blocks from)
	{
		for (int id = BLOCKS - 1; id >= 0; id--)
			if (from & bit(id))
				from |= ancestors[id];
		return from;
	}

	static blocks voters(const blocks *ancestors, blocks view, int leader)
	{
		blocks found = 0, meant = bit(leader);
#ifdef VOTE_FOR_SLOT
		if (author_of(leader) == LIAR)
			meant |= bit(block_at(round_of(leader), LIAR)) | bit(block_at(round_of(leader), TWIN));
#endif
		for (int lane = 0; lane < LANES && round_of(leader) < ROUNDS; lane++)
			if (ancestors[block_at(round_of(leader) + 1, lane)] & meant)
				found |= bit(block_at(round_of(leader) + 1, lane));
		return found & view;
	}

	static blocks certifiers(const blocks *ancestors, blocks view, int leader)
	{
		int round = round_of(leader) + 2;
		blocks votes = voters(ancestors, ~0ULL, leader), found = 0;
		for (int lane = 0; lane < LANES && round <= ROUNDS; lane++)
			if (authors(ancestors[block_at(round, lane)] & votes, round - 1) >= CERTIFICATE)
				found |= bit(block_at(round, lane));
		return found & view;
	}

	/* Rule 1: commit. */
	static int commits(const blocks *ancestors, blocks view, int leader)
	{
		int round = round_of(leader);
#ifdef TWO_ROUNDS
		return authors(voters(ancestors, view, leader), round + 1) >= QUORUM;
#else
		return authors(certifiers(ancestors, view, leader), round + 2) >= COMMIT;
#endif
	}

	/* Rule 2: skip, for who knows the blocks `next` of the round after, and of the place the blocks in `view`. */
	static int skips(const blocks *ancestors, blocks view, blocks next, int round, int rank)
	{
		if (authors(next, round + 1) < QUORUM)
			return 0;
		for (int which = 0; which < 2; which++) {
			int leader = leader_block(round, rank, which);
			if (leader >= 0 && view & bit(leader) && authors(next & ~voters(ancestors, next, leader), round + 1) < BLAME)
				return 0;
		}
		return 1;
	}

	/* Rule 3: what a committed anchor says of an earlier place. */
	static int by_anchor(const blocks *ancestors, int anchor, int round, int rank)
	{
		blocks past = history(ancestors, bit(anchor));
		int said = 0;
		for (int which = 0; which < 2; which++)
			if (leader_block(round, rank, which) >= 0 && certifiers(ancestors, past, leader_block(round, rank, which)))
				said |= FIRST << which;
		return said ? said : SKIPPED;
	}

	/* The first place from `from` on that is not skipped; false if there is none. */
	static int anchor_of(const int *decided, int from, int highest, int *round, int *rank)
	{
		for (*round = from; *round < highest; ++*round)
#ifdef ANCHOR_LAST
			for (*rank = places(*round) - 1; *rank >= 0; --*rank)
#else
			for (*rank = 0; *rank < places(*round); ++*rank)
#endif
				if (decided[place(*round, *rank)] != SKIPPED)
					return 1;
		return 0;
	}

	/* All rules, for who knows `view`: decided[place] is 0 (open), SKIPPED, FIRST or SECOND. False: a contradiction. */
	static int decide(const blocks *ancestors, blocks view, int *decided)
	{
		int highest = ROUNDS;
		while (highest > 0 && !(view & round_bits(highest)))
			highest--;
		for (int each = 0; each < PLACES; each++)
			decided[each] = 0;
		for (int round = highest - 1; round >= 1; round--)
			for (int rank = 0; rank < places(round); rank++) {
				int found = 0, up, up_rank;
				for (int which = 0; which < 2; which++) {
					int leader = leader_block(round, rank, which);
					if (leader >= 0 && view & bit(leader) && commits(ancestors, view, leader))
						found |= FIRST << which;
				}
				if (skips(ancestors, view, view & round_bits(round + 1), round, rank))
					found |= SKIPPED;
				if (!found && anchor_of(decided, round + ANCHOR, highest, &up, &up_rank) && decided[place(up, up_rank)])
					found = by_anchor(ancestors, leader_block(up, up_rank, decided[place(up, up_rank)] == SECOND), round, rank);
				if (found & (found - 1))
					return 0;
				decided[place(round, rank)] = found;
			}
		return 1;
	}

	/* What the anchors that any member can follow say of a place. */
	static int by_any_anchor(const blocks *ancestors, const int *possible, int round, int rank)
	{
		int said = 0;
		for (int up = round + ANCHOR; up < ROUNDS; up++)
			for (int up_rank = 0; up_rank < places(up); up_rank++) {
				for (int which = 0; which < 2; which++)
					if (possible[place(up, up_rank)] & FIRST << which)
						said |= by_anchor(ancestors, leader_block(up, up_rank, which), round, rank);
				if (!(possible[place(up, up_rank)] & SKIPPED))
					return said;
			}
		return said;
	}

	/* Whatever any member can decide that knows any part of the DAG: *all* decisions of a place, over all views. Commits
	 * only come with more blocks; a skip needs some blocks of the next round and what they name of the place; an anchor
	 * counts if it can be committed and all before it skipped. */
	static void decide_for_all(const blocks *ancestors, blocks made, int *possible)
	{
		for (int round = ROUNDS - 1; round >= 1; round--)
			for (int rank = 0; rank < places(round); rank++) {
				int *found = &possible[place(round, rank)];
				*found = by_any_anchor(ancestors, possible, round, rank);
				for (int which = 0; which < 2; which++) {
					int leader = leader_block(round, rank, which);
					if (leader >= 0 && made & bit(leader) && commits(ancestors, made, leader))
						*found |= FIRST << which;
				}
				for (blocks some = 0; some < 1 << LANES; some++) {
					blocks next = some << block_at(round + 1, 0);
					if (!(next & ~made) && skips(ancestors, history(ancestors, next), next, round, rank))
						*found |= SKIPPED;
				}
			}
	}

	static int liar_is_shown(blocks committed)
	{
		for (int round = 1; round <= ROUNDS; round++)
			if (committed & bit(block_at(round, LIAR)) && committed & bit(block_at(round, TWIN)))
				return 1;
		return 0;
	}

	/* The rules in the order of places: the leader's block or -1 for each, up to the first open one. A commit that brings two
	 * blocks of a slot takes the lead from their author for all later rounds, which are decided anew. Returns how many are
	 * decided, or -1: a contradiction. */
	static int decide_in_order(const blocks *ancestors, blocks view, int *order)
	{
		int found[PLACES], count = 0;
		blocks committed = 0;
		liar_leads_to = ROUNDS;
		if (!decide(ancestors, view, found))
			return -1;
		for (int round = 1; round < ROUNDS; round++) {
			for (int rank = 0; rank < places(round); rank++) {
				int each = found[place(round, rank)];
#ifdef PASS_OPEN
				if (!each)
					continue;
#endif
				if (!each)
					return count;
				order[count] = each == SKIPPED ? -1 : leader_block(round, rank, each == SECOND);
				committed |= order[count] < 0 ? 0 : history(ancestors, bit(order[count]));
				count++;
			}
			if (liar_leads_to == ROUNDS && liar_is_shown(SHOWN_BY)) {
				liar_leads_to = round;
				if (!decide(ancestors, view, found))
					return -1;
			}
		}
		return count;
	}

	/* The whole of agreement: one decision a place at most, over all views; one certified block a slot; and whoever knows the
	 * history of one block has decided, in order, the beginning of what is decided from everything. */
	static int agreed(const blocks *ancestors, blocks made)
	{
		int possible[PLACES], all[PLACES], some[PLACES];
		int count = decide_in_order(ancestors, made, all);
		for (int id = 0; id < BLOCKS; id++) {
			int known = made & bit(id) ? decide_in_order(ancestors, history(ancestors, bit(id)), some) : 0;
			if (known < 0 || known > count)
				return 0;
			for (int each = 0; each < known; each++)
				if (some[each] != all[each])
					return 0;
		}
		liar_leads_to = ROUNDS;
		decide_for_all(ancestors, made, possible);
		if (!decide(ancestors, made, some))
			return 0;
		for (int round = 1; round < ROUNDS; round++) {
			for (int rank = 0; rank < places(round); rank++) {
				int each = possible[place(round, rank)];
				if (each & (each - 1) || some[place(round, rank)] & ~each)
					return 0;
			}
			if (certifiers(ancestors, made, block_at(round, LIAR)) && certifiers(ancestors, made, block_at(round, TWIN)))
				return 0;
		}
		return 1;
	}

	static int twins_in_order(const blocks *ancestors, int round)
	{
		return ancestors[block_at(round, LIAR)] <= ancestors[block_at(round, TWIN)];
	}

	/* May this block be made? Its author's own block before it, of each other member at most one, of the round before
	 * those of a quorum; an honest author has its block of the round before (A2). */
	static int permitted(const blocks *ancestors, blocks made, int id)
	{
		int round = round_of(id), author = author_of(id), own = 0;
		blocks named = ancestors[id];
		if (made & bit(id) || named & ~made || named >= bit(block_at(round, 0)))
			return 0;
		if (round == 1)
			return named == 0;
		int count[MEMBERS] = {0};
		for (int other = 0; other < block_at(round, 0); other++)
			if (named & bit(other))
				count[author_of(other)]++;
		for (int member = 0; member < MEMBERS; member++)
			if (count[member] > 1)
				return 0;
		own = author == LIAR || named & bit(block_at(round - 1, author));
		return own && authors(named, round - 1) >= QUORUM;
	}
}

c_state "blocks ancestors[BLOCKS]" "Global"
c_state "blocks made" "Global"

#if !defined(WHOLE) && !defined(TRACE)

#define NOBODY 9

byte round = 1;
byte author;
byte left_out;    /* of which member no block of the round before is named */
byte previous;    /* block that comes first among the ancestors, 255: genesis */
byte twin;        /* of the liar's blocks of the round before: 0 none, 1 the first, 2 the second */
byte at;
byte lane;
byte redundant;
int ok;

/* The first place of round 1. Of each block only that is kept on which something still depends: whether it votes, whether it
 * certifies. States that differ in nothing else are one. */
c_state "blocks certificates[2]" "Global"
byte can_skip, can_commit[2];

c_code {
	/* What the new block `id` means for the slot; then its ancestors are forgotten. False: an anchor could contradict. */
	static int block_settle(int id)
	{
		int good = 1;
		for (int which = 0; which < 2; which++) {
			int leader = leader_block(1, 0, which);
			if (leader < 0 || !is_made(now.made, leader))
				continue;
			if (round_of(id) == 3)
				now.certificates[which] |= certifiers(now.ancestors, bit(id), leader);
			/* Every block of a later round has one of round 4 in its history, so this is what an anchor can look like. */
			if (round_of(id) == 4 && now.can_commit[which] && !(now.ancestors[id] & now.certificates[which]))
				good = 0;
		}
		now.ancestors[id] &= round_of(id) == 2 ? bit(leader_block(1, 0, 0)) | (LIAR == 1 ? bit(leader_block(1, 0, 1)) : 0) : 0;
		return good;
	}

	static int can_commit_now(int which)
	{
#ifdef TWO_ROUNDS
		return now.round == 2 && commits(now.ancestors, now.made, leader_block(1, 0, which));
#else
		return now.round == 3 && authors(now.certificates[which], 3) >= COMMIT;
#endif
	}

	/* A round is over: what can any member decide now, that knows any part of it? */
	static int slot_agreed(void)
	{
		if (now.round == 2)
			for (blocks some = 0; some < 1 << LANES; some++) {
				blocks next = some << block_at(2, 0);
				if (!(next & ~now.made) && skips(now.ancestors, history(now.ancestors, next), next, 1, 0))
					now.can_skip = 1;
			}
		for (int which = 0; which < 2; which++)
			if (leader_block(1, 0, which) >= 0 && is_made(now.made, leader_block(1, 0, which)))
				now.can_commit[which] |= can_commit_now(which);
		return !(now.certificates[0] && now.certificates[1]) &&
			!(now.can_skip && (now.certificates[0] || now.certificates[1] || now.can_commit[0] || now.can_commit[1]));
	}
}

inline round_over()
{
	c_code {
		now.ok = slot_agreed();
		if (now.round == 3)
			for (int gone = 0; gone < BLOCKS; gone++)
				now.ancestors[gone] = 0;
	};
	assert(ok)
}

#define MADE(round, lane) c_expr { (is_made(now.made, block_at(round, lane))) }

/* Which block of the liar is named; without one, nobody else may be left out. */
inline liar_choose()
{
	if
	:: twin = 0; left_out = LIAR
	:: MADE(now.round - 1, LIAR) -> twin = 1
	:: MADE(now.round - 1, TWIN) -> twin = 2
	fi
}

inline honest_leave_out()
{
	if
	:: left_out = NOBODY
	:: LIAR != 0 && author != 0 -> left_out = 0
	:: LIAR != 1 && author != 1 -> left_out = 1
	:: LIAR != 2 && author != 2 -> left_out = 2
	:: LIAR != 3 && author != 3 -> left_out = 3
	fi
}

/* What was chosen becomes the block in `lane`. */
inline block_make()
{
	c_code {
		int id = block_at(now.round, now.lane);
		blocks named = 0;
		for (int other = 0; now.round > 1 && other < MEMBERS; other++)
			if (other != now.author && other != LIAR && other != now.left_out)
				named |= bit(block_at(now.round - 1, other));
		if (now.round > 1 && now.author != LIAR && now.twin > 0)
			named |= bit(block_at(now.round - 1, now.twin == 1 ? LIAR : TWIN));
		if (now.previous != 255)
			named |= bit(now.previous);
		now.ancestors[id] = named;
		now.ok = permitted(now.ancestors, now.made, id);
		now.made |= bit(id);
		now.ok = now.ok && block_settle(id);
	};
	assert(ok)
}

inline honest_block()
{
	left_out = NOBODY;
	twin = 0;
	previous = 255;
	if
	:: round == 1
	:: else ->
		previous = 5 * (round - 2) + author;
		liar_choose();
		if
		:: twin != 0 -> honest_leave_out()
		:: else
		fi
	fi;
	lane = author;
	block_make()
}

/* It may stand on any block of its own. On one of the round before, it may leave one member out. */
inline liars_block(in)
{
	lane = in;
	author = LIAR;
	left_out = NOBODY;
	twin = 0;
	previous = 255;
	at = 0;
	do
	:: round > 1 && at < 5 * (round - 1) ->
		if
		:: c_expr { (is_made(now.made, now.at) && author_of(now.at) == LIAR) } -> previous = at; break
		:: at++
		fi
	:: else -> break
	od;
	if
	:: previous != 255 && previous >= 5 * (round - 2) -> honest_leave_out()
	:: else
	fi;
	block_make()
}

/* Twins have no order: where the second has the smaller set of ancestors, the same is made in the other order. */
inline liars_blocks()
{
	if
	:: skip
	:: liars_block(LIAR);
		if
		:: skip
		:: liars_block(TWIN);
			if
			:: c_expr { (twins_in_order(now.ancestors, now.round)) }
			:: else -> redundant = 1
			fi
		fi
	fi
}

init {
	do
	:: round > ROUNDS || redundant -> break
	:: else ->
		author = 0;
		do
		:: author == LIAR -> author++
		:: author == 4 -> break
		:: else -> atomic { honest_block(); author++; left_out = 0; twin = 0; previous = 0; at = 0; lane = 0 }
		od;
		atomic {
			liars_blocks();
			if
			:: redundant
			:: else -> round_over()
			fi;
			author = 0; left_out = 0; twin = 0; previous = 0; at = 0; lane = 0; round++
		}
	od
}

#elif defined(WHOLE)

#ifndef WALKS
#define WALKS 100000
#endif
#ifndef SEED
#define SEED 1
#endif

int walk;
int ok;

c_code {
	static unsigned long long number;

	static int below(int limit)
	{
		number ^= number << 13;
		number ^= number >> 7;
		number ^= number << 17;
		return (number >> 11) % limit;
	}

	static int percent(int chance) { return below(100) < chance; }

	/* One of the author's blocks of lower rounds, mostly a new one; -1: genesis. */
	static int older(int author, int round)
	{
		for (int id = block_at(round, 0) - 1; id >= 0; id--)
			if (is_made(now.made, id) && author_of(id) == author && percent(60))
				return id;
		return -1;
	}

	static int block_of(int author, int round)
	{
		int first = block_at(round, author), second = block_at(round, TWIN);
		if (author != LIAR || !is_made(now.made, second))
			return is_made(now.made, first) ? first : -1;
		return percent(50) ? first : second;
	}

	static int walk_block(int round, int lane, int leader_passed_over)
	{
		int id = block_at(round, lane), author = author_of(id), left_out = below(MEMBERS);
		if (percent(leader_passed_over))
			left_out = (round - 1) % MEMBERS;
		int own = round == 1 ? -1 : author == LIAR ? older(author, round) : block_at(round - 1, author);
		int all = own < 0 || round_of(own) < round - 1;
		blocks named = own >= 0 ? bit(own) : 0;
		for (int other = 0; round > 1 && other < MEMBERS; other++) {
			int there = other == author ? -1 : block_of(other, round - 1);
			if (there < 0 && other == LIAR)
				left_out = LIAR;
		}
		for (int other = 0; round > 1 && other < MEMBERS; other++) {
			if (other == author)
				continue;
			int chosen = other == left_out && !all ? -1 : block_of(other, round - 1);
			if (chosen < 0 && percent(40))
				chosen = older(other, round - 1);
			if (chosen >= 0)
				named |= bit(chosen);
		}
		now.ancestors[id] = named;
		if (!permitted(now.ancestors, now.made, id))
			return 0;
		now.made |= bit(id);
		return 1;
	}

	static int walk_agrees(int seed)
	{
		number = 0x9E3779B97F4A7C15ULL * (seed + 1);
		int leader_passed_over = 10 + 40 * below(3), good = 1;
		leaders = percent(40) ? MEMBERS : 1 + below(MEMBERS - 1);
		now.made = 0;
		for (int round = 1; round <= ROUNDS; round++) {
			int twins = below(5);
			for (int lane = 0; lane < LANES; lane++) {
				now.ancestors[block_at(round, lane)] = 0;
				if (lane == LIAR ? twins > 0 : lane != TWIN)
					good = walk_block(round, lane, leader_passed_over) && good;
			}
			if (twins > 1)
				good = walk_block(round, TWIN, leader_passed_over) && good;
		}
		good = good && agreed(now.ancestors, now.made);
		if (good) {
			now.made = 0;
			for (int id = 0; id < BLOCKS; id++)
				now.ancestors[id] = 0;
		}
		return good;
	}
}

init {
	do
	:: walk < WALKS -> atomic { c_code { now.ok = walk_agrees(now.walk + SEED); }; assert(ok); walk++ }
	:: else -> break
	od
}

#else

/* What real members did, in their order. A step of one member ends with what it has decided. */
c_decl {
	enum { BEGIN, LIFE, MAKE, SEE, COMMIT_OF, STEP };
	struct step { int kind, member; blocks value; };
	static const struct step trace[] = {
\#include "trace.inc"
	};
	enum { STEPS = sizeof trace / sizeof *trace };
}
c_state "blocks views[4]" "Global"
c_state "char committed[4][PLACES]" "Global"
c_state "int count[4]" "Global"

int step;
int ok;

c_code {
	/* Is what the member has committed and skipped so far what the rules decide from what it has accepted? */
	static int decided_well(int member, int skipped)
	{
		int order[PLACES], commits = 0, decided = decide_in_order(now.ancestors, now.views[member], order);
		for (int each = 0; each < decided; each++) {
			if (order[each] < 0)
				skipped--;
			else if (commits == now.count[member] || now.committed[member][commits++] != order[each])
				return 0;
		}
		return decided >= 0 && commits == now.count[member] && skipped == 0;
	}

	/* Nobody else has committed another block there. */
	static int committed_equally(int member, int at)
	{
		for (int other = 0; other < MEMBERS; other++)
			if (now.count[other] > at && now.committed[other][at] != now.committed[member][at])
				return 0;
		return 1;
	}

	static int trace_step(const struct step *each)
	{
		int member = each->member;
		switch (each->kind) {
		case BEGIN: /* another run; member: the liar; value: how many lead a round */
			liar = member;
			leaders = each->value;
			now.made = 0;
			for (int id = 0; id < BLOCKS; id++)
				now.ancestors[id] = 0;
			for (int each_member = 0; each_member < MEMBERS; each_member++)
				now.views[each_member] = now.count[each_member] = 0;
			return 1;
		case LIFE: /* it has only what comes now */
			now.views[member] = now.count[member] = 0;
			return 1;
		case MAKE: /* member: block; value: its ancestors */
			now.ancestors[member] = each->value;
			if (!permitted(now.ancestors, now.made, member))
				return 0;
			now.made |= bit(member);
			return 1;
		case SEE: /* value: block */
			if (!(now.made & bit(each->value)) || now.ancestors[each->value] & ~now.views[member])
				return 0;
			now.views[member] |= bit(each->value);
			return 1;
		case COMMIT_OF: /* value: the leader's block */
			if (now.count[member] == PLACES)
				return 0;
			now.committed[member][now.count[member]] = each->value;
			return committed_equally(member, now.count[member]++);
		default: /* STEP; value: places skipped so far */
			return decided_well(member, each->value);
		}
	}
}

init {
	do
	:: c_expr { now.step < STEPS } -> c_code { now.ok = trace_step(&trace[now.step]); }; assert(ok); step++
	:: else -> break
	od
}

#endif
