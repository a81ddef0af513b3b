/* tally member: who the members are, and changing it. A change is proposed by one member and takes effect, with an epoch of its
 * own, when a quorum of the members has voted for it. */
#include "command/answer.h"
#include "command/command.h"
#include "command/submitter.h"
#include "base/map.h"
#include "host/disk.h"
#include "host/loop.h"
#include "record/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <yyjson.h>

enum { SETTLE_MS = 20000, PAUSE_MS = 200, ID_LEAST = 8 };

struct options {
	const char *node, *folder, *reason, *passphrase_file, *key_command;
};

static const char *text(yyjson_val *object, const char *name)
{
	const char *value = yyjson_get_str(yyjson_obj_get(object, name));
	return value ? value : "-";
}

static unsigned long long number(yyjson_val *object, const char *name)
{
	return yyjson_get_uint(yyjson_obj_get(object, name));
}

/* ---- list ---- */

static void print_members(yyjson_val *root)
{
	yyjson_val *members = yyjson_obj_get(root, "members"), *member;
	size_t i, max;
	printf("epoch %llu, %zu members, of whom %llu decide\n\n%-22s %-13s %-22s %5s %-9s %-16s %-16s %-16s %-16s\n", number(root, "epoch"), yyjson_arr_size(members),
		number(root, "quorum"), "organisation", "role", "address", "since", "connected", "record key", "node key", "checkpoint key", "tls key");
	yyjson_arr_foreach(members, i, max, member) {
		yyjson_val *keys = yyjson_obj_get(member, "keys");
		printf("%-22s %-13s %-22s %5llu %-9s %.16s %.16s %.16s %.16s\n", text(member, "iss"), text(member, "role"), text(member, "address"),
			number(member, "since_epoch"), yyjson_is_true(yyjson_obj_get(member, "self")) ? "itself" :
			yyjson_is_true(yyjson_obj_get(member, "connected")) ? "yes" : "no", text(keys, "record"), text(keys, "node"), text(keys, "checkpoint"),
			text(keys, "tls"));
	}
}

static void print_proposals(yyjson_val *root)
{
	yyjson_val *proposals = yyjson_obj_get(root, "proposals"), *proposal;
	size_t i, max;
	printf("\nproposals%s\n", yyjson_arr_size(proposals) ? "" : ": none");
	yyjson_arr_foreach(proposals, i, max, proposal)
		printf("  %s  %s %s, proposed by %s: %llu yes, %llu no, %llu needed\n", text(proposal, "id"), text(proposal, "change"), text(proposal, "organisation"),
			text(proposal, "proposer"), number(proposal, "yes"), number(proposal, "no"), number(proposal, "needed"));
}

static void print_names(yyjson_val *epoch, const char *what, const char *word)
{
	yyjson_val *names = yyjson_obj_get(epoch, what), *name;
	size_t i, max;
	yyjson_arr_foreach(names, i, max, name)
		printf(", %s %s", yyjson_get_str(name), word);
}

static void print_epochs(yyjson_val *root)
{
	yyjson_val *epochs = yyjson_obj_get(root, "epochs"), *epoch;
	size_t i, max;
	printf("\nepochs\n");
	yyjson_arr_foreach(epochs, i, max, epoch) {
		char when[40];
		time_t seconds = (time_t)(yyjson_get_sint(yyjson_obj_get(epoch, "time_ms")) / 1000);
		struct tm parts;
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%SZ", gmtime_r(&seconds, &parts));
		printf("  %llu since %s, from entry %llu on: %llu members", number(epoch, "number"), when, number(epoch, "log_size"), number(epoch, "members"));
		print_names(epoch, "joined", "joined");
		print_names(epoch, "left", "left");
		print_names(epoch, "rotated", "has new keys");
		printf("%s\n", yyjson_is_true(yyjson_obj_get(epoch, "signed")) ? "" : " (its record is not signed yet)");
	}
}

static enum status list(const struct options *options, struct fault *fault)
{
	yyjson_doc *document;
	TRY(answer_json(options->node, "/api/v1/members", &document, fault));
	print_members(yyjson_doc_get_root(document));
	print_proposals(yyjson_doc_get_root(document));
	print_epochs(yyjson_doc_get_root(document));
	yyjson_doc_free(document);
	return OK;
}

/* ---- what follows from it ---- */

/* The proposal with this id, or the only one whose id begins so. */
static yyjson_val *proposal_find(yyjson_val *root, const char *id)
{
	yyjson_val *proposals = yyjson_obj_get(root, "proposals"), *proposal, *found = NULL;
	size_t i, max;
	yyjson_arr_foreach(proposals, i, max, proposal)
		if (strncmp(text(proposal, "id"), id, strlen(id)) == 0) {
			if (found)
				return NULL;
			found = proposal;
		}
	return found;
}

/* True: something is said. */
static bool outcome_tell(yyjson_val *root, const char *id, unsigned long long epoch_before)
{
	yyjson_val *proposal = proposal_find(root, id);
	if (number(root, "epoch") > epoch_before) {
		printf("the epoch has changed: it is %llu now, with %zu members\n", number(root, "epoch"), yyjson_arr_size(yyjson_obj_get(root, "members")));
		return true;
	}
	if (!proposal)
		return false;
	unsigned long long yes = number(proposal, "yes"), needed = number(proposal, "needed");
	printf("%s %s: %llu yes, %llu no; %llu more needed. The other members vote with\n  tally member vote %.16s yes --as FOLDER --node URL\n", text(proposal, "change"),
		text(proposal, "organisation"), yes, number(proposal, "no"), needed > yes ? needed - yes : 0, id);
	return true;
}

static enum status outcome_wait(const struct options *options, const char *id, unsigned long long epoch_before, struct fault *fault)
{
	for (int64_t end = clock_monotonic_ns() + SETTLE_MS * NS_PER_MS; clock_monotonic_ns() < end;) {
		yyjson_doc *document;
		struct timespec pause = {0, PAUSE_MS * NS_PER_MS};
		if (answer_json(options->node, "/api/v1/members", &document, fault) == OK) {
			bool told = outcome_tell(yyjson_doc_get_root(document), id, epoch_before);
			yyjson_doc_free(document);
			if (told)
				return OK;
		}
		nanosleep(&pause, NULL);
	}
	return fault_set(fault, E_BUSY, "it is final, but the node does not tell what became of it; see `tally member list`");
}

/* ---- proposing and voting ---- */

struct wish {
	uint32_t type;                /* MEMBER or VOTE */
	struct buffer sub, body;
	struct digest parent;         /* of a vote */
};

static enum status wish_send(const struct options *options, const struct wish *wish, struct digest *id, struct fault *fault)
{
	struct submitter *submitter;
	struct passphrase *passphrase = passphrase_new(options->passphrase_file, options->key_command);
	enum status status = submitter_open_with(options->folder, options->node, passphrase, &submitter, fault);
	passphrase_free(passphrase);
	TRY(status);
	status = submitter_send(submitter, wish->type, buffer_span(&wish->sub), buffer_span(&wish->body), &wish->parent, wish->type == STATEMENT_VOTE, id, fault);
	submitter_close(submitter);
	return status;
}

static enum status epoch_ask(const struct options *options, yyjson_doc **document, unsigned long long *epoch, struct fault *fault)
{
	TRY(answer_json(options->node, "/api/v1/members", document, fault));
	*epoch = number(yyjson_doc_get_root(*document), "epoch");
	return OK;
}

static enum status propose(const struct options *options, enum member_change change, struct span name, struct span statement, struct fault *fault)
{
	struct wish wish = {.type = STATEMENT_MEMBER};
	struct body_member body = {.change = (uint32_t)change, .organisation = statement, .reason = span_of_text(options->reason ? options->reason : "")};
	yyjson_doc *document;
	unsigned long long epoch;
	struct digest id;
	char hex[DIGEST_HEX_SIZE];
	TRY(epoch_ask(options, &document, &epoch, fault));
	yyjson_doc_free(document);
	buffer_append_span(&wish.sub, name);
	body_member_encode(&body, &wish.body);
	enum status status = body_check(STATEMENT_MEMBER, buffer_span(&wish.body), fault);
	if (status == OK)
		status = wish_send(options, &wish, &id, fault);
	buffer_free(&wish.sub);
	buffer_free(&wish.body);
	TRY(status);
	span_hex(digest_span(&id), hex);
	printf("proposal     %.*s  %s  %s\n", (int)name.size, (const char *)name.data, member_change_name(change), hex);
	return outcome_wait(options, hex, epoch, fault);
}

static enum status propose_statement(const struct options *options, enum member_change change, const char *path, struct fault *fault)
{
	struct buffer bytes = {0};
	struct genesis_member member;
	struct fault inner = {{0}};
	enum status status = disk_read(path, BODY_ORG_STATEMENT_MAX, &bytes, fault);
	if (status == OK && genesis_member_decode(buffer_span(&bytes), &member, &inner) != OK)
		status = fault_set(fault, E_MALFORMED, "%s is not the org.cose of an organisation, as `tally init org` and `tally keys next` write it: %.200s", path,
			inner.text);
	if (status == OK)
		status = propose(options, change, member.header.iss, buffer_span(&bytes), fault);
	buffer_free(&bytes);
	return status;
}

static enum status add(const struct options *options, char **words, struct fault *fault)
{
	return propose_statement(options, MEMBER_ADD, words[0], fault);
}

static enum status rotate(const struct options *options, char **words, struct fault *fault)
{
	return propose_statement(options, MEMBER_ROTATE, words[0], fault);
}

static enum status take_out(const struct options *options, char **words, struct fault *fault)
{
	return propose(options, MEMBER_REMOVE, span_of_text(words[0]), (struct span){0}, fault);
}

static enum status vote_on(const struct options *options, yyjson_val *root, const char *start, bool yes, unsigned long long epoch, struct fault *fault)
{
	struct wish wish = {.type = STATEMENT_VOTE};
	yyjson_val *proposal = strlen(start) >= ID_LEAST ? proposal_find(root, start) : NULL;
	const char *hex = proposal ? text(proposal, "id") : NULL;
	struct digest id;
	if (!hex || !span_from_hex(span_of_text(hex), wish.parent.bytes, DIGEST_SIZE))
		return fault_set(fault, E_UNKNOWN, "no open proposal has the id %.80s (at least its first %d digits); see `tally member list`", start, ID_LEAST);
	struct body_vote body = {.proposal = wish.parent, .yes = yes};
	buffer_append_text(&wish.sub, text(proposal, "organisation"));
	body_vote_encode(&body, &wish.body);
	enum status status = wish_send(options, &wish, &id, fault);
	buffer_free(&wish.sub);
	buffer_free(&wish.body);
	TRY(status);
	printf("vote         %s on %s %s\n", yes ? "yes" : "no", text(proposal, "change"), text(proposal, "organisation"));
	return outcome_wait(options, hex, epoch, fault);
}

static enum status vote(const struct options *options, char **words, struct fault *fault)
{
	yyjson_doc *document;
	unsigned long long epoch;
	bool yes = strcmp(words[1], "yes") == 0;
	if (!yes && strcmp(words[1], "no") != 0)
		return fault_set(fault, E_CONFIG, "a vote is yes or no, not \"%.40s\"", words[1]);
	TRY(epoch_ask(options, &document, &epoch, fault));
	enum status status = vote_on(options, yyjson_doc_get_root(document), words[0], yes, epoch, fault);
	yyjson_doc_free(document);
	return status;
}

/* ---- the command ---- */

static const struct action {
	const char *name;
	int words;
	enum status (*run)(const struct options *options, char **words, struct fault *fault);
} actions[] = {
	{"add", 1, add},
	{"remove", 1, take_out},
	{"rotate-key", 1, rotate},
	{"vote", 2, vote},
};

static enum status run(const struct options *options, char **words, int count, struct fault *fault)
{
	if (count == 1 && strcmp(words[0], "list") == 0)
		return options->node ? list(options, fault) : fault_set(fault, E_CONFIG, "--node is needed; see `tally member --help`");
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (count == 0 || strcmp(words[0], actions[i].name) != 0)
			continue;
		if (count != actions[i].words + 1 || !options->node || !options->folder)
			return fault_set(fault, E_CONFIG, "`tally member %s` needs %d word%s, --as and --node; see `tally member --help`", actions[i].name,
				actions[i].words, actions[i].words == 1 ? "" : "s");
		return actions[i].run(options, words + 1, fault);
	}
	return fault_set(fault, E_CONFIG, "expected list, add, remove, rotate-key or vote; see `tally member --help`");
}

int command_member(int count, char **arguments)
{
	struct options options = {0};
	const struct option_spec specs[] = {
		{"node", "URL", "a node, such as http://127.0.0.1:8101", &options.node},
		{"as", "FOLDER", "the member that proposes or votes, with its org.cose and keys/record.key", &options.folder},
		{"reason", "TEXT", "for people, with a proposal", &options.reason},
		{"passphrase-file", "FILE", "its first line opens an encrypted record.key (default: the terminal is asked)", &options.passphrase_file},
		{"key-command", "COMMAND", "or the first line that this program prints", &options.key_command},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault = {0};
	if (!options_parse(count, arguments,
		"Show who the members are, propose a change, vote. A proposal counts as its proposer's yes; with the last yes that is needed the epoch ends, and\n"
		"the next one has the new members.\n\n  list                     members, keys (first 16 digits), open proposals, epochs\n"
		"  add ORG.cose             an organisation, by the statement that `tally init org` wrote\n  remove org:NAME\n"
		"  rotate-key ORG.cose      new keys or another address of a member, by the statement that `tally keys next` wrote\n"
		"  vote ID yes|no           on an open proposal; the first digits of its id are enough", "list|add|remove|rotate-key|vote ...", specs, &words,
		&word_count, &code))
		return code;
	enum status status = run(&options, words, word_count, &fault);
	if (status != OK)
		app_fail(&fault);
	return status == OK ? 0 : status == E_CONFIG ? 2 : 1;
}
