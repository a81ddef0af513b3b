/* tally register: devices with their bounds and models, people, events and device states, from documents. */
#include "command/answer.h"
#include "command/command.h"
#include "command/document.h"
#include "command/submitter.h"
#include "base/map.h"
#include "host/disk.h"

#include <stdio.h>
#include <stdlib.h>

struct options {
	const char *node, *folder, *gateway, *state, *subject, *reason, *passphrase_file, *key_command;
};

static enum status add_state(struct submitter *submitter, const struct options *options, struct submitter_batch *batch, struct fault *fault)
{
	struct body_device_state body = {.reason = span_of_text(options->reason ? options->reason : "")};
	static const char *const words[] = {NULL, "active", "suspended", "revoked"};
	for (uint32_t state = DEVICE_ACTIVE; state <= DEVICE_REVOKED; state++)
		body.state = strcmp(options->state, words[state]) == 0 ? state : body.state;
	if (body.state == 0)
		return fault_set(fault, E_CONFIG, "--state is active, suspended or revoked, not \"%s\"", options->state);
	if (!options->subject || !options->reason)
		return fault_set(fault, E_CONFIG, "--state needs --subject (which device or gateway) and --reason (why)");
	struct buffer name = {0}, bytes = {0};
	struct submitter_heads heads;
	document_name("dev", submitter_organisation(submitter), span_of_text(options->subject), &name);
	body_device_state_encode(&body, &bytes);
	enum status status = body_check(STATEMENT_DEVICE_STATE, buffer_span(&bytes), fault);
	if (status == OK && !submitter_heads(submitter, buffer_span(&name), &heads))
		status = fault_set(fault, E_UNKNOWN, "%.*s is not registered; see `tally status`, or give its full name", (int)name.size, (const char *)name.data);
	if (status == OK) {
		size_t item = submitter_batch_add(batch, STATEMENT_DEVICE_STATE, buffer_span(&name), buffer_span(&bytes));
		submitter_batch_parent(batch, item, &heads.registration);
	}
	buffer_free(&name);
	buffer_free(&bytes);
	return status;
}

static enum status add_document(struct submitter *submitter, const struct document *document, struct submitter_batch *batch, struct fault *fault)
{
	for (size_t i = 0; i < batch->count; i++)
		if (document->kind != DOCUMENT_EVENT && batch->items[i].type != STATEMENT_EVENT && span_equal(buffer_span(&batch->items[i].sub), document->subject))
			return fault_set(fault, E_DUPLICATE, "two documents are about %.*s; register it once", (int)document->subject.size, (const char *)document->subject.data);
	struct buffer body = {0};
	if (document->kind == DOCUMENT_DEVICE) {
		submitter_batch_device(batch, submitter, document->subject, &document->device, document->has_bounds ? &document->bounds : NULL,
			document->has_model ? &document->model : NULL);
	} else if (document->kind == DOCUMENT_PERSON) {
		body_person_encode(&document->person, &body);
		submitter_batch_add(batch, STATEMENT_PERSON, document->subject, buffer_span(&body));
	} else {
		body_event_encode(&document->event, &body);
		submitter_batch_add(batch, STATEMENT_EVENT, document->subject, buffer_span(&body));
	}
	buffer_free(&body);
	return OK;
}

static enum status add_file(struct submitter *submitter, const char *path, const struct options *options, struct submitter_batch *batch, struct fault *fault)
{
	struct buffer json = {0};
	struct document *document = memory_new(sizeof *document);
	struct fault inner = {{0}};
	struct span gateway = span_of_text(options->gateway ? options->gateway : "");
	enum status status = disk_read(path, DOCUMENT_SIZE_MAX, &json, &inner);
	if (status == OK)
		status = document_read(buffer_span(&json), submitter_organisation(submitter), gateway, document, &inner);
	if (status == OK) {
		status = add_document(submitter, document, batch, &inner);
		document_free(document);
	}
	if (status != OK)
		fault_set(fault, status, "%s: %.400s", path, inner.text);
	free(document);
	buffer_free(&json);
	return status;
}

static void print_batch(const struct submitter_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct submitter_item *item = &batch->items[i];
		char hex[DIGEST_HEX_SIZE];
		span_hex(digest_span(&item->id), hex);
		if (item->final)
			printf("%-12s %.*s  %s  log %llu\n", statement_type_name(item->type), (int)item->sub.size, (const char *)item->sub.data, hex, (unsigned long long)item->index);
	}
}

static enum status run(const struct options *options, char **files, int count, struct fault *fault)
{
	struct submitter *submitter;
	struct submitter_batch batch = {0};
	struct passphrase *passphrase = passphrase_new(options->passphrase_file, options->key_command);
	enum status status = submitter_open_with(options->folder, options->node, passphrase, &submitter, fault);
	passphrase_free(passphrase);
	TRY(status);
	for (int i = 0; status == OK && i < count; i++)
		status = add_file(submitter, files[i], options, &batch, fault);
	if (status == OK && options->state)
		status = add_state(submitter, options, &batch, fault);
	if (status == OK)
		status = submitter_send_many(submitter, &batch, fault);
	print_batch(&batch);
	submitter_batch_free(&batch);
	submitter_close(submitter);
	return status;
}

int command_register(int count, char **arguments)
{
	struct options options = {0};
	const struct option_spec specs[] = {
		{"node", "URL", "the organisation's node, such as http://127.0.0.1:8101; others to fall back on after commas", &options.node},
		{"folder", "FOLDER", "the organisation's folder, with org.cose and keys/record.key", &options.folder},
		{"gateway", "NAME", "the gateway that speaks for machines whose document names none", &options.gateway},
		{"state", "STATE", "instead of documents: make --subject active, suspended or revoked", &options.state},
		{"subject", "NAME", "with --state: the device or gateway, such as spindle-1 or dev:manufacturer/spindle-1", &options.subject},
		{"reason", "TEXT", "with --state: why", &options.reason},
		{"passphrase-file", "FILE", "its first line opens an encrypted record.key (default: the terminal is asked)", &options.passphrase_file},
		{"key-command", "COMMAND", "or the first line that this program prints", &options.key_command},
		{NULL, NULL, NULL, NULL},
	};
	char **files;
	int file_count, code;
	struct fault fault;
	if (!options_parse(count, arguments, "Put devices with their bounds and models, people and events on the ledger, signed by the organisation.",
		"FILE.json...", specs, &files, &file_count, &code))
		return code;
	if (!options.node || !options.folder || (file_count == 0 && !options.state)) {
		fault_set(&fault, E_CONFIG, "--node, --folder and at least one document are needed; see `tally register --help`");
		app_fail(&fault);
		return 2;
	}
	return run(&options, files, file_count, &fault) == OK ? 0 : app_fail(&fault);
}
