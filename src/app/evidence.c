/* tally evidence: what a node keeps in data/evidence, signed and submitted, so that the ledger convicts the member. */
#include "command/command.h"
#include "command/submitter.h"
#include "base/map.h"
#include "host/disk.h"

#include <stdio.h>

static enum status run(const char *folder, const char *node, const char *path, struct fault *fault)
{
	struct buffer bytes = {0};
	struct body_evidence body;
	struct submitter *submitter = NULL;
	struct digest id;
	struct fault inner;
	enum status status = disk_read(path, STATEMENT_SIZE_MAX, &bytes, fault);
	if (status == OK && body_evidence_decode(buffer_span(&bytes), &body, &inner) != OK)
		status = fault_set(fault, E_MALFORMED, "%s is no evidence that a statement can carry: %.300s", path, inner.text);
	if (status == OK)
		status = submitter_open(folder, node, &submitter, fault);
	if (status == OK)
		status = submitter_send(submitter, STATEMENT_EVIDENCE, body.accused, buffer_span(&bytes), NULL, 0, &id, fault);
	if (status == OK) {
		char hex[DIGEST_HEX_SIZE];
		span_hex(digest_span(&id), hex);
		printf("evidence     %.*s  %s  %s\n", (int)body.accused.size, (const char *)body.accused.data, lie_name(body.lie), hex);
	}
	submitter_close(submitter);
	buffer_free(&bytes);
	return status;
}

int command_evidence(int count, char **arguments)
{
	const char *folder = NULL, *node = NULL;
	const struct option_spec specs[] = {
		{"folder", "FOLDER", "of the organisation that accuses, with its keys", &folder},
		{"node", "URL", "a node's interface, such as http://127.0.0.1:8101", &node},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault;
	if (!options_parse(count, arguments, "Put on the ledger that a member lied: a file from a node's data/evidence.", "FILE", specs, &words,
		&word_count, &code))
		return code;
	if (!folder || !node || word_count != 1) {
		fault_set(&fault, E_CONFIG, "--folder, --node and one file are needed; see `tally evidence --help`");
		app_fail(&fault);
		return 2;
	}
	return run(folder, node, words[0], &fault) == OK ? 0 : app_fail(&fault);
}
