/* tally export: a statement, a reading, or the state of a name, with everything that an auditor needs to check it offline. */
#include "app/answer.h"
#include "app/app.h"
#include "app/reading.h"
#include "base/map.h"
#include "host/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct options {
	const char *node, *floor, *out, *depth, *state;
};

static enum status fetch_bundle(const struct options *options, struct span id, struct buffer *out, struct fault *fault)
{
	struct buffer path = {0};
	buffer_append_text(&path, "/api/v1/export/");
	answer_quote(&path, id);
	buffer_append_text(&path, "?depth=");
	answer_quote(&path, span_of_text(options->depth));
	buffer_append_byte(&path, 0);
	enum status status = answer_get(options->node, (const char *)path.data, out, fault);
	buffer_free(&path);
	return status;
}

static enum status fetch_reading(const struct options *options, const char *text, struct buffer *out, struct fault *fault)
{
	struct reading_name name;
	struct reading_proof proof = {0};
	struct buffer floor = {0}, anchor = {0};
	TRY(reading_name_parse(span_of_text(text), &name, fault));
	enum status status = OK;
	if (options->floor)
		buffer_printf(&floor, "%s%c", options->floor, 0);
	else
		status = reading_floor_of(options->node, &name, &floor, fault);
	if (status == OK)
		status = reading_fetch((const char *)floor.data, &name, &proof, fault);
	if (status == OK) {
		char hex[DIGEST_HEX_SIZE];
		span_hex(digest_span(&proof.anchor), hex);
		status = fetch_bundle(options, span_of_text(hex), &anchor, fault);
	}
	if (status == OK)
		status = reading_join(buffer_span(&anchor), &proof, out, fault);
	reading_proof_free(&proof);
	buffer_free(&floor);
	buffer_free(&anchor);
	return status;
}

static enum status fetch_state(const struct options *options, struct buffer *out, struct fault *fault)
{
	struct buffer path = {0};
	buffer_append_text(&path, "/api/v1/state/");
	answer_quote(&path, span_of_text(options->state));
	buffer_append_text(&path, "?form=proof");
	buffer_append_byte(&path, 0);
	enum status status = answer_get(options->node, (const char *)path.data, out, fault);
	buffer_free(&path);
	return status;
}

static enum status run(const struct options *options, const char *id, struct fault *fault)
{
	struct buffer bundle = {0};
	enum status status = options->state ? fetch_state(options, &bundle, fault)
		: strchr(id, '#') ? fetch_reading(options, id, &bundle, fault)
		: fetch_bundle(options, span_of_text(id), &bundle, fault);
	if (status == OK && options->out)
		status = disk_write(options->out, buffer_span(&bundle), 0644, fault);
	else if (status == OK && (fwrite(bundle.data, 1, bundle.size, stdout) != bundle.size || fflush(stdout) != 0))
		status = fault_set(fault, E_IO, "the file cannot be written");
	if (status == OK && options->out)
		fprintf(stderr, "%s: %zu bytes; check it with `tally verify --genesis genesis.cbor %s`\n", options->out, bundle.size, options->out);
	buffer_free(&bundle);
	return status;
}

int command_export(int count, char **arguments)
{
	struct options options = {.depth = "0"};
	const struct option_spec specs[] = {
		{"node", "URL", "a node, such as http://127.0.0.1:8101", &options.node},
		{"floor", "URL", "for a reading: the gateway that holds it; default: the one that the node names", &options.floor},
		{"out", "FILE", "write the bundle there; default: standard output", &options.out},
		{"state", "NAME", "instead of an ID: what the ledger knows of a device, a gateway, a person or an organisation now, or that it knows none", &options.state},
		{"depth", "N", "how many steps of ancestry; default 0: all", &options.depth},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault;
	if (!options_parse(count, arguments, "Put a statement, or a reading such as dev:manufacturer/spindle-1#vibration@1700, with its whole ancestry and all proofs into one file.",
		"ID", specs, &words, &word_count, &code))
		return code;
	bool terminal = !options.out && isatty(STDOUT_FILENO);
	if (!options.node || word_count != (options.state ? 0 : 1) || terminal) {
		fault_set(&fault, E_CONFIG, terminal ? "a bundle is not text: send it to a file with --out FILE"
			: "--node and one id, or --state NAME, are needed; see `tally export --help`");
		app_fail(&fault);
		return 2;
	}
	return run(&options, word_count ? words[0] : NULL, &fault) == OK ? 0 : app_fail(&fault);
}
