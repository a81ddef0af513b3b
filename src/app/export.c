/* tally export: a statement or a reading with everything that an auditor needs to check it offline. */
#include "command/answer.h"
#include "command/command.h"
#include "app/export.h"
#include "app/reading.h"
#include "base/map.h"
#include "crypto/hash.h"
#include "host/disk.h"
#include "host/http.h"
#include "record/receipt.h"
#include "record/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

struct options {
	const char *nodes[OPTION_VALUES_MAX];
	size_t node_count;
	const char *node, *floor, *out, *depth;
	const char *receipt, *from, *statement, *note, *since, *state, *epochs, *transparent, *genesis;
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
enum status export_statement(const char *node, const char *id, struct buffer *out, char *hex, struct fault *fault)
{
	struct buffer path = {0};
	size_t start = out->size;
	buffer_append_text(&path, "/api/v1/statements/");
	answer_quote(&path, span_of_text(id));
	buffer_append_text(&path, "/raw");
	buffer_append_byte(&path, 0);
	enum status status = answer_get(node, (const char *)path.data, out, fault);
	if (status == OK) {
		struct digest digest = sha256(span_after(buffer_span(out), start));
		span_hex(digest_span(&digest), hex);
		if (strncasecmp(hex, id, strlen(id)) != 0)
			status = fault_set(fault, E_CORRUPT, "%s gave another statement than %s: %s", node, id, hex);
	}
	buffer_free(&path);
	return status;
}

enum status export_receipt(const char *node, const char *hex, struct buffer *out, struct fault *fault)
{
	struct buffer path = {0}, url = {0};
	long code = 0;
	buffer_printf(&path, "/entries/%s%c", hex, 0);
	answer_url(node, (const char *)path.data, &url);
	enum status status = http_get((const char *)url.data, RECEIPT_SIZE_MAX, out, &code, fault);
	if (status == OK && code != 200)
		status = fault_set(fault, code == 302 || code == 404 ? E_NOT_FOUND : E_IO, code == 302 || code == 404
			? "%s does not have %s as final yet; try again" : "%s gives no receipt for %s; see its notes", node, hex);
	buffer_free(&path);
	buffer_free(&url);
	return status;
}

static enum status fetch_receipt(const struct options *options, const char *id, struct buffer *out, struct fault *fault)
{
	struct buffer statement = {0};
	char hex[DIGEST_HEX_SIZE];
	enum status status = export_statement(options->node, id, &statement, hex, fault);
	if (status == OK)
		status = export_receipt(options->from ? options->from : options->node, hex, out, fault);
	if (status == OK && options->statement)
		status = disk_write(options->statement, buffer_span(&statement), 0644, fault);
	buffer_free(&statement);
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
	if (options->transparent)
		return export_transparent(options->genesis, options->nodes, options->node_count, id, out, fault);
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

static bool without_id(const struct options *options)
{
	return options->note || options->since || options->state || options->epochs;
}

/* What is wrong with the options, NULL: nothing. */
static const char *misuse(const struct options *options, int word_count)
{
	const char *const kinds[] = {options->receipt, options->transparent, options->note, options->since, options->state, options->epochs};
	size_t kind_count = 0;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		kind_count += kinds[i] != NULL;
	if (!options->out && !options->note && isatty(STDOUT_FILENO))
		return "this is not text: send it to a file with --out FILE";
	if (kind_count > 1)
		return "--receipt, --transparent, --note, --since, --state and --epochs are different things; ask for one";
	if (!options->node || word_count != !without_id(options))
		return without_id(options) ? "--node is needed, and no id; see `tally export --help`" : "--node and one id are needed; see `tally export --help`";
	if (options->transparent && !options->genesis)
		return "--transparent needs --genesis FILE: each receipt is checked by the keys of the members";
	if (!options->transparent && options->node_count > 1)
		return "--node is given once, except with --transparent";
	return NULL;
}

int command_export(int count, char **arguments)
{
	struct options options = {.depth = "0"};
	const struct option_spec specs[] = {
		{"node", "URL...", "a node, such as http://127.0.0.1:8101; with --transparent several", options.nodes},
		{"floor", "URL", "for a reading: the gateway that holds it; default: the one that the node names", &options.floor},
		{"out", "FILE", "write it there; default: standard output", &options.out},
		{"depth", "N", "how many steps of ancestry; default 0: all", &options.depth},
		{"receipt", NULL, "instead: the organisation's receipt for the statement (RFC 9942)", &options.receipt},
		{"statement", "FILE", "with --receipt: write the statement's bytes there", &options.statement},
		{"transparent", NULL, "instead: the statement with the receipts of the organisations of all nodes that are given (RFC 9943)", &options.transparent},
		{"genesis", "FILE", "with --transparent: by whose members each receipt is checked", &options.genesis},
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
	while (options.node_count < OPTION_VALUES_MAX && options.nodes[options.node_count])
		options.node_count++;
	options.node = options.nodes[0];
	const char *wrong = misuse(&options, word_count);
	if (wrong) {
		fault_set(&fault, E_CONFIG, "%s", wrong);
		app_fail(&fault);
		return 2;
	}
	return run(&options, without_id(&options) ? "" : words[0], &fault) == OK ? 0 : app_fail(&fault);
}
