#include "run/run.h"

#include <stdio.h>

enum { CHAOS_GAP_MS = 4000, CHAOS_GAP_MORE_MS = 5000, CHAOS_AWAY_MS = 500, CHAOS_AWAY_MORE_MS = 2500 };

static int64_t draw(struct random *random, int64_t least, int64_t more)
{
	return least + (int64_t)random_below(random, (uint64_t)more);
}

struct run_chaos run_chaos_of(uint64_t seed, int64_t from_ms, int64_t until_ms)
{
	struct run_chaos chaos = {.random = random_of(seed), .until_ms = until_ms};
	chaos.next_ms = from_ms + draw(&chaos.random, CHAOS_GAP_MS, CHAOS_GAP_MORE_MS);
	return chaos;
}

void run_chaos_tick(struct run *run, struct run_chaos *chaos, int64_t now_ms)
{
	if (now_ms < chaos->next_ms || now_ms > chaos->until_ms)
		return;
	static const char *const victims[] = {"manufacturer", "supplier", "repair", "regulator", "gateway", "broker"};
	const char *victim = victims[random_below(&chaos->random, sizeof victims / sizeof *victims)];
	int64_t away_ms = draw(&chaos->random, CHAOS_AWAY_MS, CHAOS_AWAY_MORE_MS);
	struct run_child *child = run_child_find(run, victim);
	if (child && child->pid) {
		printf("chaos: kill -9 %s, back in %.1f s\n", victim, (double)away_ms / 1000);
		fflush(stdout);
		run_child_kill(run, child, away_ms);
		run->kills++;
	}
	chaos->next_ms = now_ms + away_ms + draw(&chaos->random, CHAOS_GAP_MS, CHAOS_GAP_MORE_MS);
}
