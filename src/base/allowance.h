/* Allowance: so much at once, then at a rate. For what one peer may make us do. */
#ifndef TALLY_BASE_ALLOWANCE_H
#define TALLY_BASE_ALLOWANCE_H

#include "base/time.h"

struct allowance {
	int64_t left;                 /* below zero after one that was larger than what was left */
	int64_t at_ms;                /* when it was counted last; of a clock that never goes back */
};

static inline struct allowance allowance_full(int64_t burst, int64_t now_ms)
{
	return (struct allowance){.left = burst, .at_ms = now_ms};
}

/* As time passes, `rate` a second comes back, up to `burst`. True, and `cost` is taken, if anything is left. */
static inline bool allowance_take(struct allowance *allowance, int64_t cost, int64_t burst, int64_t rate, int64_t now_ms)
{
	int64_t elapsed_ms = now_ms - allowance->at_ms, longest_ms = MS_PER_S * burst / rate;
	allowance->left += (elapsed_ms < longest_ms ? elapsed_ms : longest_ms) * rate / MS_PER_S;
	allowance->at_ms = now_ms;
	if (allowance->left > burst)
		allowance->left = burst;
	if (allowance->left <= 0)
		return false;
	allowance->left -= cost;
	return true;
}

#endif
