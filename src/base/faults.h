/* Faults: what a set of members bears, and so how many of them decide. The one place where a quorum is computed; everybody who
 * counts members asks here. docs/ledger.md, "Members"; docs/decisions/0010-crash-mode.md. */
#ifndef TALLY_BASE_FAULTS_H
#define TALLY_BASE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

enum faults {
	FAULTS_BYZANTINE,             /* n >= 4: floor((n-1)/3) may do anything */
	FAULTS_STRICT,                /* n <= 3: nobody may lie, nobody may be away. The same formulas */
	FAULTS_CRASH,                 /* n = 3: nobody may lie, one may be away */
};

/* What so many members bear. crash: the founders chose it for three. */
static inline enum faults faults_of(size_t members, bool crash)
{
	if (members == 3 && crash)
		return FAULTS_CRASH;
	return members <= 3 ? FAULTS_STRICT : FAULTS_BYZANTINE;
}

/* Q. Two quorums share more members than may lie. */
static inline size_t faults_quorum(size_t members, enum faults faults)
{
	return faults == FAULTS_CRASH ? members / 2 + 1 : 2 * members / 3 + 1;
}

/* f: how many may lie. None of three or fewer, whatever was chosen. */
static inline size_t faults_liars(size_t members)
{
	return (members - 1) / 3;
}

/* How many may be away for ever. */
static inline size_t faults_away(size_t members, enum faults faults)
{
	return members - faults_quorum(members, faults);
}

/* Signatures that outsiders ask for at least: one more than may lie. Of three that bear a crash a quorum, which is there anyway:
 * then one that lies convinces nobody alone, and of two checkpoints that contradict each other one member signed both. */
static inline size_t faults_belief(size_t members, enum faults faults)
{
	return faults == FAULTS_CRASH ? faults_quorum(members, faults) : faults_liars(members) + 1;
}

static inline const char *faults_name(enum faults faults)
{
	static const char *const names[] = {"byzantine", "strict", "crash"};
	return names[faults];
}

#endif
