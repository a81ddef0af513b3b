/* What members did, in words that the model understands (ledger.pml, docs/model.md). Included by the programs that make
 * members run.
 *
 *   begin LIAR LEADERS            a run; this member may lie; so many lead a round
 *   life MEMBER                   the member starts, or starts again with what is on its disk
 *   block BLOCK : BLOCK...        a block and its ancestors, when an honest member first accepts it
 *   see MEMBER BLOCK              this member has accepted it
 *   commit MEMBER BLOCK           it has committed this leader's block
 *   step MEMBER SKIPPED           its step is over: it has decided all that it can, and skipped so many places in all
 *
 * BLOCK is ROUND.AUTHOR.NUMBER; number 1 is the second block of a slot. A member's part ends with its first block above
 * the last round. */
#ifndef TALLY_TEST_MODEL_WATCH_H
#define TALLY_TEST_MODEL_WATCH_H

#include "consensus/consensus.h"

#include <stdio.h>

enum { WATCH_MEMBERS = 4, WATCH_ROUNDS = 12, WATCH_TWINS = 2 };

struct watch {
	struct digest blocks[WATCH_ROUNDS + 1][WATCH_MEMBERS][WATCH_TWINS];
	uint8_t counts[WATCH_ROUNDS + 1][WATCH_MEMBERS];
	bool seen[WATCH_MEMBERS][WATCH_ROUNDS + 1][WATCH_MEMBERS][WATCH_TWINS]; /* by this member, in this life */
	bool ended[WATCH_MEMBERS];
	int liar;
	bool outside; /* not a run for the model: three blocks in a slot, two of a member that is not the liar, or a log with a hole */
};

static inline bool watch_number(const struct watch *watch, const struct block_ref *ref, int *number)
{
	for (*number = 0; *number < watch->counts[ref->round][ref->author]; ++*number)
		if (digest_equal(&watch->blocks[ref->round][ref->author][*number], &ref->digest))
			return true;
	return false;
}

static inline void watch_name_print(struct watch *watch, const struct block_ref *ref)
{
	int number;
	watch->outside |= !watch_number(watch, ref, &number);
	printf(" %u.%u.%d", ref->round, ref->author, number);
}

static inline void watch_block(struct watch *watch, int member, struct span bytes, bool recovered)
{
	struct block block;
	int number;
	CHECK(block_parse(bytes, &block, NULL) == OK);
	watch->ended[member] |= block.round > WATCH_ROUNDS;
	if (watch->ended[member])
		return;
	struct block_ref ref = {.round = block.round, .author = block.author, .digest = block.digest};
	if (!watch_number(watch, &ref, &number)) {
		if (number >= (ref.author == watch->liar ? WATCH_TWINS : 1)) {
			watch->outside = true;
			return;
		}
		watch->blocks[ref.round][ref.author][watch->counts[ref.round][ref.author]++] = ref.digest;
		printf("block");
		watch_name_print(watch, &ref);
		printf(" :");
		for (int i = 0; i < block.ancestor_count; i++)
			if (block.ancestors[i].round > 0)
				watch_name_print(watch, &block.ancestors[i]);
		putchar('\n');
	}
	for (int i = 0; recovered && i < block.ancestor_count; i++) {
		const struct block_ref *ancestor = &block.ancestors[i];
		int which;
		watch->outside |= ancestor->round > 0 && (!watch_number(watch, ancestor, &which) || !watch->seen[member][ancestor->round][ancestor->author][which]);
	}
	watch->seen[member][ref.round][ref.author][number] = true;
	printf("see %d", member);
	watch_name_print(watch, &ref);
	putchar('\n');
}

static inline void watch_decisions(struct watch *watch, int member, const struct consensus *machine, const struct consensus_actions *actions)
{
	struct consensus_numbers numbers;
	consensus_numbers(machine, &numbers);
	for (uint32_t i = 0; i < actions->count; i++)
		if (actions->items[i].kind == CONSENSUS_COMMIT) {
			printf("commit %d", member);
			watch_name_print(watch, &actions->items[i].commit.leader);
			putchar('\n');
		}
	printf("step %d %llu\n", member, (unsigned long long)numbers.skipped_leaders);
}

/* A member's step, after it was made. */
static inline void watch_step(struct watch *watch, int member, const struct consensus *machine, const struct consensus_event *event,
	const struct consensus_actions *actions)
{
	bool accepted = event->kind == CONSENSUS_RECOVERED;
	if (watch->ended[member] || watch->outside)
		return;
	if (accepted)
		watch_block(watch, member, event->bytes, true);
	for (uint32_t i = 0; i < actions->count; i++)
		if (actions->items[i].kind == CONSENSUS_PERSIST) {
			watch_block(watch, member, actions->items[i].bytes, false);
			accepted = true;
		}
	if (accepted && !watch->ended[member] && !watch->outside)
		watch_decisions(watch, member, machine, actions);
}

static inline void watch_life(struct watch *watch, int member)
{
	memset(watch->seen[member], 0, sizeof watch->seen[member]);
	if (!watch->ended[member] && !watch->outside)
		printf("life %d\n", member);
}

static inline void watch_begin(struct watch *watch, int liar, unsigned leaders)
{
	*watch = (struct watch){.liar = liar};
	printf("begin %d %u\n", liar, leaders < WATCH_MEMBERS ? leaders : WATCH_MEMBERS);
}

#endif
