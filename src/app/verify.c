/* tally verify: an auditor's check, offline, with the genesis as the only thing trusted. */
#include "command/command.h"
#include "command/members.h"
#include "command/policy.h"
#include "app/verify.h"
#include "host/disk.h"
#include "host/loop.h"
#include "base/time.h"
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

enum status verify_bundle(const struct trust *trust, struct span bytes, struct buffer *report, struct fault *fault)
{
	struct bundle bundle;
	const struct bundle_describer describer = {.describe = describe};
	enum status status = bundle_decode(bytes, &bundle, fault);
	if (status != OK) {
		buffer_printf(report, "FAILED: form: %s\n", fault->text);
		return status;
	}
	status = bundle_verify(&bundle, trust, &describer, report, fault);
	if (status == OK)
		status = verify_evidence(trust->epochs, &bundle, report, fault);
	bundle_free(&bundle);
	return status;
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

struct options {
	const char *genesis, *epochs, *policy;
};

static enum status judge(const struct options *options, const struct members *members, const struct span *files, size_t count, struct buffer *report,
	struct fault *fault)
{
	struct policy policy = {0};
	struct trust trust = {.epochs = &members->epochs, .policy = options->policy ? &policy : NULL, .now_s = clock_now_ns() / NS_PER_S};
	if (options->policy)
		TRY(policy_load(options->policy, &policy, fault));
	enum status status = verify_files(&trust, files, count, report, fault);
	policy_free(&policy);
	return status;
}

static enum status run(const struct options *options, char *const *paths, size_t count, struct fault *fault)
{
	struct buffer files[VERIFY_FILES_MAX] = {{0}}, report = {0};
	struct span spans[VERIFY_FILES_MAX] = {{0}};
	struct members members;
	enum status status = members_open(options->genesis, options->epochs, &members, fault);
	for (size_t i = 0; i < count && status == OK; i++) {
		status = disk_read(paths[i], MEMBERS_EPOCHS_MAX, &files[i], fault);
		spans[i] = buffer_span(&files[i]);
	}
	if (status == OK)
		status = judge(options, &members, spans, count, &report, fault);
	fwrite(report.data, 1, report.size, stdout);
	if (fflush(stdout) != 0 && status == OK)
		status = fault_set(fault, E_IO, "the report cannot be written");
	members_close(&members);
	for (size_t i = 0; i < count; i++)
		buffer_free(&files[i]);
	buffer_free(&report);
	return status;
}

int command_verify(int count, char **arguments)
{
	struct options options = {0};
	const struct option_spec specs[] = {
		{"genesis", "FILE", "the consortium's genesis: the one thing that is trusted", &options.genesis},
		{"epochs", "FILE", "the chain of epochs, when members changed since: from `tally export --epochs`", &options.epochs},
		{"policy", "FILE", "who must have signed, how old it may be; default: f+1 organisations, any age", &options.policy},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault;
	if (!options_parse(count, arguments, "Check offline that something is on the ledger, unchanged, and who says so: a bundle; a state proof; a checkpoint; a transparent statement; a receipt with its statement, or with an older checkpoint. Or that a chain of epochs holds.",
		"BUNDLE | STATE | CHECKPOINT | TRANSPARENT | RECEIPT STATEMENT | RECEIPT CHECKPOINT | EPOCHS", specs, &words, &word_count, &code))
		return code;
	if (!options.genesis || word_count < 1 || word_count > VERIFY_FILES_MAX) {
		fault_set(&fault, E_CONFIG, "--genesis and one or two files are needed; see `tally verify --help`");
		app_fail(&fault);
		return 2;
	}
	return run(&options, words, (size_t)word_count, &fault) == OK ? 0 : app_fail(&fault);
}
