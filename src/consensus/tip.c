#include "consensus/tip.h"

void tip_init(struct tip *tip, uint16_t members)
{
	*tip = (struct tip){.members = members, .quorum_ms = -1, .known = members == 1};
}

void tip_start(struct tip *tip, uint64_t number, int64_t now_ms)
{
	tip->number = number;
	tip->recovered = (tip->highest > 0 || tip->continued) && !tip->doubted;
	tip->request_ms = now_ms + TIP_RETRY_MS;
}

void tip_answered(struct tip *tip, uint16_t peer, int64_t now_ms)
{
	if (tip->answered[peer])
		return;
	tip->answered[peer] = true;
	tip->answers++;
	/* With the own disk, a quorum: any quorum that helped the lost block on shares an honest member. */
	if (tip->quorum_ms < 0 && tip->answers + 1 >= validity_quorum(tip->members))
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
