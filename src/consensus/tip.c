#include "consensus/tip.h"

void tip_init(struct tip *tip, uint16_t members, enum faults faults)
{
	*tip = (struct tip){.members = members, .faults = faults, .quorum_ms = -1, .known = members == 1};
}

void tip_start(struct tip *tip, uint64_t number, int64_t now_ms)
{
	tip->number = number;
	/* Own blocks on the disk may have come back from others. That is the lost disk's risk where two quorums share more than
	 * may lie; where they share one member, it must not be that one. */
	bool held = tip->continued || (tip->highest > 0 && tip->faults != FAULTS_CRASH);
	tip->recovered = held && !tip->doubted;
	tip->request_ms = now_ms + TIP_RETRY_MS;
}

/* Answers that are enough, our own disk's included. With it, a quorum: any quorum that helped the lost block on shares an honest
 * member. Where two quorums share only one member and that is ourselves, with a lost disk, it takes everybody. */
static size_t answers_needed(const struct tip *tip)
{
	return tip->faults == FAULTS_CRASH && !tip->recovered ? tip->members : faults_quorum(tip->members, tip->faults);
}

void tip_answered(struct tip *tip, uint16_t peer, int64_t now_ms)
{
	if (tip->answered[peer])
		return;
	tip->answered[peer] = true;
	tip->answers++;
	if (tip->quorum_ms < 0 && tip->answers + 1u >= answers_needed(tip))
		tip->quorum_ms = now_ms;
}

int64_t tip_check(struct tip *tip, int64_t now_ms)
{
	if (tip->known)
		return INT64_MAX;
	int64_t grace_ms = tip->recovered ? 0 : TIP_GRACE_MS;
	bool all = tip->answers + 1 >= tip->members;
	tip->known = all || (tip->quorum_ms >= 0 && now_ms >= tip->quorum_ms + grace_ms);
	if (tip->known)
		return INT64_MAX;
	if (tip->quorum_ms >= 0 && tip->quorum_ms + grace_ms < tip->request_ms)
		return tip->quorum_ms + grace_ms;
	return tip->request_ms;
}
