#include "app/verify_state.h"

#include "record/bundle.h"

#include <stdlib.h>

static enum status genesis_open(struct span bytes, struct genesis *out, struct fault *fault)
{
	struct fault inner;
	enum status status = genesis_decode(bytes, out, &inner);
	return status == OK ? OK : fault_set(fault, status, "the genesis is not valid: %.400s", inner.text);
}

enum status verify_state(struct span genesis_bytes, struct span file, const struct policy *policy, int64_t now_s, struct buffer *report,
	struct fault *fault)
{
	struct genesis genesis;
	struct state_finding found;
	TRY(genesis_open(genesis_bytes, &genesis, fault));
	struct state_proof *proof = memory_new(sizeof *proof);
	enum status status = state_proof_decode(file, proof, fault);
	if (status == OK)
		status = state_proof_verify(proof, &genesis, policy, now_s, &found, report, fault);
	else
		buffer_printf(report, "FAILED: form: %s\n", fault->text);
	free(proof);
	genesis_free(&genesis);
	return status;
}

enum status verify_note_policy(struct span genesis_bytes, struct span note, const struct policy *policy, int64_t now_s, struct buffer *report,
	struct fault *fault)
{
	struct genesis genesis;
	char origin[CHECKPOINT_ORIGIN_SIZE];
	TRY(genesis_open(genesis_bytes, &genesis, fault));
	struct note_judgement *judgement = memory_new(sizeof *judgement);
	checkpoint_origin(genesis.network, origin);
	enum status status = note_judge(note, origin, &genesis, policy, now_s, judgement, fault);
	if (status == OK)
		note_report(judgement, &genesis, policy, report);
	else
		buffer_printf(report, "FAILED: policy: %s\n", fault->text);
	free(judgement);
	genesis_free(&genesis);
	return status;
}

enum status verify_bundle_policy(struct span genesis, struct span bytes, const struct policy *policy, int64_t now_s, struct buffer *report,
	struct fault *fault)
{
	struct bundle bundle;
	TRY(bundle_decode(bytes, &bundle, fault));
	enum status status = verify_note_policy(genesis, bundle.note, policy, now_s, report, fault);
	bundle_free(&bundle);
	return status;
}
