/* Policies: anything is either refused with a sentence, and owns nothing then, or is one within its limits that a checkpoint
 * can be judged by. */
#include "command/policy.h"

#include "../unit/sample_consortium.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample_consortium *consortium;
	static struct buffer note;
	static struct note_judgement judgement;
	static char origin[CHECKPOINT_ORIGIN_SIZE];
	if (!consortium) {
		struct digest root = {{1}};
		consortium = sample_consortium_new();
		checkpoint_origin(consortium->genesis.network, origin);
		sample_note(consortium, 9, &root, 0xf, &note);
	}
	struct policy policy;
	struct fault fault = {{0}};
	if (policy_read(span_of(data, size), &policy, &fault) != OK) {
		CHECK(fault.text[0] && !policy.witnesses && policy.required_count == 0);
		return 0;
	}
	CHECK(policy.required_count <= GENESIS_MEMBERS_MAX && policy.witness_count <= POLICY_WITNESSES_MAX);
	CHECK(policy.witnesses_needed <= policy.witness_count && (policy.witnesses_needed || !policy.witness_count));
	enum status status = note_judge(buffer_span(&note), origin, &(struct trust){&consortium->epochs, &policy, 1767225700}, &judgement, &fault);
	CHECK((status == OK) == (fault.text[0] == 0));
	CHECK(status != OK || judgement.organisations == SAMPLE_MEMBERS);
	policy_free(&policy);
	return 0;
}
