/* tally export: a statement or a reading with everything that an auditor needs to check it offline. */
#include "app/answer.h"
#include "app/app.h"
#include "app/reading.h"
#include "base/map.h"
#include "crypto/hash.h"
#include "host/disk.h"
#include "host/http.h"
#include "record/receipt.h"
#include "record/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct options {
	const char *node, *floor, *out, *depth;
	const char *receipt, *from, *statement, *note, *since, *state, *epochs;
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

/* -- receipts and checkpoints --------------------------------------------------------------- */

/* A receipt is only as good as what it is of: the statement comes from the node, its id from its bytes. */
static enum status fetch_receipt(const struct options *options, const char *id, struct buffer *out, struct fault *fault)
{
	struct buffer path = {0}, statement = {0}, url = {0};
	char hex[DIGEST_HEX_SIZE];
	long code = 0;
	const char *from = options->from ? options->from : options->node;
	buffer_append_text(&path, "/api/v1/statements/");
	answer_quote(&path, span_of_text(id));
	buffer_append_text(&path, "/raw");
	buffer_append_byte(&path, 0);
	enum status status = answer_get(options->node, (const char *)path.data, &statement, fault);
	if (status == OK) {
		struct digest digest = sha256(buffer_span(&statement));
		span_hex(digest_span(&digest), hex);
		buffer_clear(&path);
		buffer_printf(&path, "/entries/%s%c", hex, 0);
		answer_url(from, (const char *)path.data, &url);
		status = http_get((const char *)url.data, RECEIPT_SIZE_MAX, out, &code, fault);
	}
	if (status == OK && code != 200)
		status = fault_set(fault, code == 302 || code == 404 ? E_NOT_FOUND : E_IO, code == 302 || code == 404
			? "%s does not have %s as final yet; try again" : "%s gives no receipt for %s; see its notes", from, hex);
	if (status == OK && options->statement)
		status = disk_write(options->statement, buffer_span(&statement), 0644, fault);
	buffer_free(&path);
	buffer_free(&statement);
	buffer_free(&url);
	return status;
}

static enum status fetch_consistency(const struct options *options, struct buffer *out, struct fault *fault)
{
	struct buffer path = {0};
	buffer_append_text(&path, "/api/v1/consistency?first=");
	answer_quote(&path, span_of_text(options->since));
	buffer_append_byte(&path, 0);
	enum status status = answer_get(options->from ? options->from : options->node, (const char *)path.data, out, fault);
	buffer_free(&path);
	return status;
}

/* -- what the ledger knows of a name --------------------------------------------------------- */

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

static enum status fetch(const struct options *options, const char *id, struct buffer *out, struct fault *fault)
{
	if (options->receipt)
		return fetch_receipt(options, id, out, fault);
	if (options->state)
		return fetch_state(options, out, fault);
	if (options->note)
		return answer_get(options->from ? options->from : options->node, "/checkpoint", out, fault);
	if (options->epochs)
		return answer_get(options->from ? options->from : options->node, "/api/v1/epochs", out, fault);
	if (options->since)
		return fetch_consistency(options, out, fault);
	return strchr(id, '#') ? fetch_reading(options, id, out, fault) : fetch_bundle(options, span_of_text(id), out, fault);
}

static const char *companion(const struct options *options)
{
	return options->receipt ? " STATEMENT" : options->since ? " CHECKPOINT" : "";
}

static enum status run(const struct options *options, const char *id, struct fault *fault)
{
	struct buffer bundle = {0};
	enum status status = fetch(options, id, &bundle, fault);
	if (status == OK && options->out)
		status = disk_write(options->out, buffer_span(&bundle), 0644, fault);
	else if (status == OK && (fwrite(bundle.data, 1, bundle.size, stdout) != bundle.size || fflush(stdout) != 0))
		status = fault_set(fault, E_IO, "what was exported cannot be written");
	if (status == OK && options->out)
		fprintf(stderr, "%s: %zu bytes; check it with `tally verify --genesis genesis.cbor %s%s`\n", options->out, bundle.size, options->out,
			companion(options));
	buffer_free(&bundle);
	return status;
}

int command_export(int count, char **arguments)
{
	struct options options = {.depth = "0"};
	const struct option_spec specs[] = {
		{"node", "URL", "a node, such as http://127.0.0.1:8101", &options.node},
		{"floor", "URL", "for a reading: the gateway that holds it; default: the one that the node names", &options.floor},
		{"out", "FILE", "write it there; default: standard output", &options.out},
		{"depth", "N", "how many steps of ancestry; default 0: all", &options.depth},
		{"receipt", NULL, "instead: the organisation's receipt for the statement (RFC 9942)", &options.receipt},
		{"statement", "FILE", "with --receipt: write the statement's bytes there", &options.statement},
		{"note", NULL, "instead, without an ID: the newest checkpoint", &options.note},
		{"since", "SIZE", "instead, without an ID: a receipt that the log only grew since it had SIZE entries", &options.since},
		{"state", "NAME", "instead, without an ID: what the ledger knows of a device, a gateway, a person or an organisation, or that it knows none", &options.state},
		{"epochs", NULL, "instead, without an ID: the chain of epochs, who the members were since when", &options.epochs},
		{"from", "URL", "for receipts, checkpoints and epochs: another organisation's node", &options.from},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault;
	if (!options_parse(count, arguments, "Put a statement, or a reading such as dev:manufacturer/spindle-1#vibration@1700, with its whole ancestry and all proofs into one file.",
		"ID", specs, &words, &word_count, &code))
		return code;
	bool terminal = !options.out && !options.note && isatty(STDOUT_FILENO), whole = options.note || options.since || options.state || options.epochs;
	bool several = (options.receipt != NULL) + (options.note != NULL) + (options.since != NULL) + (options.state != NULL) + (options.epochs != NULL) > 1;
	if (!options.node || word_count != !whole || terminal || several) {
		fault_set(&fault, E_CONFIG, terminal ? "this is not text: send it to a file with --out FILE" : several ? "--receipt, --note, --since, --state and --epochs are different things; ask for one"
			: whole ? "--node is needed, and no id; see `tally export --help`" : "--node and one id are needed; see `tally export --help`");
		app_fail(&fault);
		return 2;
	}
	return run(&options, whole ? "" : words[0], &fault) == OK ? 0 : app_fail(&fault);
}
