/* tally verify: an auditor's check of a bundle, offline, with the genesis as the only thing trusted. */
#include "app/app.h"
#include "app/verify.h"
#include "host/disk.h"
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

static enum status run(const char *genesis_path, const char *bundle_path, struct fault *fault)
{
	struct buffer genesis = {0}, bundle = {0}, report = {0};
	enum status status = disk_read(genesis_path, 4 << 20, &genesis, fault);
	if (status == OK)
		status = disk_read(bundle_path, BUNDLE_SIZE_MAX, &bundle, fault);
	if (status == OK)
		status = verify_bundle(buffer_span(&genesis), buffer_span(&bundle), &report, fault);
	fwrite(report.data, 1, report.size, stdout);
	if (fflush(stdout) != 0 && status == OK)
		status = fault_set(fault, E_IO, "the report cannot be written");
	buffer_free(&genesis);
	buffer_free(&bundle);
	buffer_free(&report);
	return status;
}

int command_verify(int count, char **arguments)
{
	const char *genesis = NULL;
	const struct option_spec specs[] = {
		{"genesis", "FILE", "the consortium's genesis: the one thing that is trusted", &genesis},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault;
	if (!options_parse(count, arguments, "Check a bundle offline: that what it says is on the ledger, unchanged, and who says so.", "BUNDLE", specs, &words, &word_count, &code))
		return code;
	if (!genesis || word_count != 1) {
		fault_set(&fault, E_CONFIG, "--genesis and one bundle are needed; see `tally verify --help`");
		app_fail(&fault);
		return 2;
	}
	return run(genesis, words[0], &fault) == OK ? 0 : app_fail(&fault);
}
