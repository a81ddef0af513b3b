/* tally verify: an auditor's check, offline, with the genesis as the only thing trusted. */
#include "app/app.h"
#include "app/policy.h"
#include "app/verify.h"
#include "app/verify_state.h"
#include "base/time.h"
#include "host/disk.h"
#include "host/loop.h"
#include "signal/sample.h"

#include <stdio.h>

static bool covers(const struct body_anchor *anchor, const struct sample *sample)
{
	for (size_t i = 0; i < anchor->range_count; i++) {
		const struct body_range *range = &anchor->ranges[i];
		if (span_equal(range->device, sample->device) && range->first_seq <= sample->seq && sample->seq <= range->last_seq)
			return true;
	}
	return false;
}

static enum status describe(void *context, struct span leaf, const struct body_anchor *anchor, struct buffer *line, struct fault *fault)
{
	(void)context;
	struct sample sample;
	struct channel channel;
	if (sample_decode(leaf, &sample, &channel) != OK)
		return fault_set(fault, E_MALFORMED, "the leaf is proven, but it is not a reading of the known form");
	if (!covers(anchor, &sample))
		return fault_set(fault, E_UNKNOWN, "the anchor does not cover message %llu of %.*s", (unsigned long long)sample.seq,
			(int)sample.device.size, (const char *)sample.device.data);
	sample_describe(&sample, line);
	return OK;
}

enum status verify_bundle(struct span genesis_bytes, struct span bytes, struct buffer *report, struct fault *fault)
{
	struct genesis genesis;
	struct bundle bundle;
	const struct bundle_describer describer = {.describe = describe};
	struct fault inner;
	enum status status = genesis_decode(genesis_bytes, &genesis, &inner);
	if (status != OK)
		return fault_set(fault, status, "the genesis is not valid: %.400s", inner.text);
	status = bundle_decode(bytes, &bundle, fault);
	if (status == OK) {
		status = bundle_verify_described(&bundle, &genesis, &describer, report, fault);
		bundle_free(&bundle);
	} else {
		buffer_printf(report, "FAILED: form: %s\n", fault->text);
	}
	genesis_free(&genesis);
	return status;
}

/* Whichever of the files they are. policy: NULL for f+1. */
static enum status verify_all(struct span genesis, const struct span *files, size_t count, const struct policy *policy, struct buffer *report,
	struct fault *fault)
{
	int64_t now_s = clock_now_ns() / NS_PER_S;
	if (count == 1 && state_proof_is(files[0]))
		return verify_state(genesis, files[0], policy, now_s, report, fault);
	if (policy && count == 1 && verify_is_note(files[0]))
		return verify_note_policy(genesis, files[0], policy, now_s, report, fault);
	if (policy && !(count == 1 && verify_is_bundle(files[0])))
		return fault_set(fault, E_CONFIG, "a policy is for bundles, checkpoints and state proofs: who signed a receipt, the report says");
	TRY(verify_files(genesis, files, count, report, fault));
	return policy ? verify_bundle_policy(genesis, files[0], policy, now_s, report, fault) : OK;
}

static enum status policy_load(const char *path, struct policy *out, struct fault *fault)
{
	struct buffer text = {0};
	enum status status = disk_read(path, POLICY_SIZE_MAX, &text, fault);
	if (status == OK)
		status = policy_read(buffer_span(&text), out, fault);
	buffer_free(&text);
	return status;
}

static enum status run(const char *genesis_path, const char *policy_path, char *const *paths, size_t count, struct fault *fault)
{
	struct buffer genesis = {0}, files[VERIFY_FILES_MAX] = {{0}}, report = {0};
	struct span spans[VERIFY_FILES_MAX] = {{0}};
	struct policy policy = {0};
	enum status status = disk_read(genesis_path, 4 << 20, &genesis, fault);
	if (status == OK && policy_path)
		status = policy_load(policy_path, &policy, fault);
	for (size_t i = 0; i < count && status == OK; i++) {
		status = disk_read(paths[i], BUNDLE_SIZE_MAX, &files[i], fault);
		spans[i] = buffer_span(&files[i]);
	}
	if (status == OK)
		status = verify_all(buffer_span(&genesis), spans, count, policy_path ? &policy : NULL, &report, fault);
	fwrite(report.data, 1, report.size, stdout);
	if (fflush(stdout) != 0 && status == OK)
		status = fault_set(fault, E_IO, "the report cannot be written");
	buffer_free(&genesis);
	for (size_t i = 0; i < count; i++)
		buffer_free(&files[i]);
	buffer_free(&report);
	policy_free(&policy);
	return status;
}

int command_verify(int count, char **arguments)
{
	const char *genesis = NULL, *policy = NULL;
	const struct option_spec specs[] = {
		{"genesis", "FILE", "the consortium's genesis: the one thing that is trusted", &genesis},
		{"policy", "FILE", "who must have signed, how old it may be, for bundles, checkpoints and state proofs; default: f+1 organisations, any age", &policy},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault;
	if (!options_parse(count, arguments, "Check offline that something is on the ledger, unchanged, and who says so: a bundle; a state proof; a checkpoint; a receipt with its statement, or with an older checkpoint.",
		"BUNDLE | STATE | CHECKPOINT | RECEIPT STATEMENT | RECEIPT CHECKPOINT", specs, &words, &word_count, &code))
		return code;
	if (!genesis || word_count < 1 || word_count > VERIFY_FILES_MAX) {
		fault_set(&fault, E_CONFIG, "--genesis and one or two files are needed; see `tally verify --help`");
		app_fail(&fault);
		return 2;
	}
	return run(genesis, policy, words, (size_t)word_count, &fault) == OK ? 0 : app_fail(&fault);
}
