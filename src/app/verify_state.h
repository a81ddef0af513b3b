/* What `tally verify` does with state proofs, and with a policy of the verifier's. Pure. */
#ifndef TALLY_APP_VERIFY_STATE_H
#define TALLY_APP_VERIFY_STATE_H

#include "record/state_proof.h"

/* policy: NULL for f+1. Lines for people are appended to `report`, also when the result is not OK. */
MUST_USE enum status verify_state(struct span genesis, struct span file, const struct policy *policy, int64_t now_s, struct buffer *report,
	struct fault *fault);

/* A checkpoint of the log: does it satisfy the policy? */
MUST_USE enum status verify_note_policy(struct span genesis, struct span note, const struct policy *policy, int64_t now_s,
	struct buffer *report, struct fault *fault);

/* A bundle that verified: does its checkpoint also satisfy the policy? */
MUST_USE enum status verify_bundle_policy(struct span genesis, struct span bundle, const struct policy *policy, int64_t now_s,
	struct buffer *report, struct fault *fault);

#endif
