/* tally witness: remembers the largest checkpoint of one consortium's log, and cosigns what continues it (record/witness.h).
 * What was cosigned is on disk before the answer is: FOLDER/data/checkpoint, the accepted note. */
#include "command/command.h"
#include "command/members.h"

#include "crypto/hash.h"
#include "host/config.h"
#include "host/disk.h"
#include "host/http.h"
#include "host/keys.h"
#include "host/note.h"
#include "record/note.h"
#include "record/witness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 1200, KEY_COUNT = 8, LAST_ANSWER_MS = 200 };

struct witness {
	char *name, *folder, *genesis_path, *epochs_path, *http_listen;
	char *passphrase_file, *key_command; /* NULL: the terminal, when the key is encrypted */
	int64_t quorum;
	struct members members;
	struct signing_key *key;
	char path[PATH_SIZE];         /* of what is remembered */
	struct witness_log log;
	struct loop *loop;
	struct http_server *http;
	struct loop_timer *stop;
	bool failed;
};

#define KEYS(w)                                                                                                                                    \
	{                                                                                                                                          \
		{"witness", "name", CONFIG_TEXT, &(w)->name, true, NULL, 0, 0, "how its lines are named, such as witness.example.org/one"},        \
		{"witness", "folder", CONFIG_PATH, &(w)->folder, false, ".", 0, 0, "keys/witness.key, made when it is not there, and data/"},      \
		{"witness", "genesis", CONFIG_PATH, &(w)->genesis_path, false, "genesis.cbor", 0, 0, "the consortium's founding document: names the log and its members' keys"}, \
		{"witness", "epochs", CONFIG_PATH, &(w)->epochs_path, false, NULL, 0, 0, "the chain of epochs, when members changed since: from `tally export --epochs`"}, \
		{"witness", "quorum", CONFIG_NUMBER, &(w)->quorum, false, "0", 0, GENESIS_MEMBERS_MAX, "how many organisations must have signed; 0: f+1, one more than may lie"}, \
		{"keys", "passphrase_file", CONFIG_PATH, &(w)->passphrase_file, false, NULL, 0, 0, "its first line opens an encrypted key file; mode 0600"}, \
		{"keys", "command", CONFIG_TEXT, &(w)->key_command, false, NULL, 0, 0, "or the first line that this program prints; no shell, words split at blanks, 20 s"}, \
		{"http", "listen", CONFIG_ADDRESS, &(w)->http_listen, false, "127.0.0.1:8501", 0, 0, "where nodes send checkpoints"},              \
	}

/* -- requests ---------------------------------------------------------------------------------- */

static void answer_text(struct http_request *request, int code, const char *type, const char *text)
{
	http_answer(request, code, type, NULL, span_of_text(text));
}

static void answer_conflict(const struct witness *witness, struct http_request *request)
{
	char size[32];
	snprintf(size, sizeof size, "%" PRIu64 "\n", witness->log.size);
	answer_text(request, WITNESS_CONFLICT, "text/x.tlog.size", size);
}

/* A witness that cannot remember must not sign: it says so, and ends. */
static void fail(struct witness *witness, struct http_request *request, const struct fault *fault)
{
	note(NOTE_ERROR, "witness_stops", "reason=\"%s\"", fault->text);
	witness->failed = true;
	answer_text(request, 500, "text/plain; charset=utf-8", "this witness cannot write to its disk\n");
	loop_timer_set(witness->stop, LAST_ANSWER_MS);
}

static void on_stop(void *context)
{
	const struct witness *witness = context;
	loop_stop(witness->loop);
}

static enum status sign(const struct witness *witness, const struct witness_log *log, struct buffer *out, struct fault *fault)
{
	struct checkpoint_line line = {.name = span_of_text(witness->name)};
	char origin[CHECKPOINT_ORIGIN_SIZE];
	uint8_t randomness[32];
	int64_t now_s = clock_now_ns() / NS_PER_S;
	checkpoint_origin(witness->members.genesis.network, origin);
	checkpoint_key_id(line.name, signing_key_public(witness->key), line.key_id);
	if (now_s <= 0)
		return fault_set(fault, E_CONFIG, "the clock is before 1970; set it");
	if (entropy_fill(randomness, sizeof randomness) != OK
		|| cosignature_sign(witness->key, line.name, span_of_text(origin), log->size, &log->root, (uint64_t)now_s, randomness, &line.cosignature) != OK)
		return fault_set(fault, E_ENTROPY, "the operating system gives no randomness, so nothing can be signed");
	checkpoint_line_encode(&line, out);
	return OK;
}

static void cosign(struct witness *witness, struct http_request *request, const struct witness_log *next)
{
	struct fault fault;
	struct buffer line = {0};
	struct witness_request parts;
	/* The judgement read it already. */
	CHECK(witness_request_decode(http_request_body(request), &parts, NULL) == OK);
	bool grown = next->size > witness->log.size;
	enum status status = grown ? disk_write(witness->path, parts.note, 0600, &fault) : OK;
	if (status == OK)
		status = sign(witness, next, &line, &fault);
	if (status == OK) {
		witness->log = *next;
		note(grown ? NOTE_INFO : NOTE_DEBUG, "cosigned", "size=%" PRIu64, next->size);
		http_answer(request, WITNESS_COSIGN, "text/plain; charset=utf-8", NULL, buffer_span(&line));
	} else {
		fail(witness, request, &fault);
	}
	buffer_free(&line);
}

static void add_checkpoint(struct witness *witness, struct http_request *request)
{
	struct witness_log next;
	struct fault fault = {0};
	members_follow(&witness->members, witness->epochs_path);
	enum witness_verdict verdict = witness_judge(&witness->log, &witness->members.epochs, (size_t)witness->quorum, http_request_body(request), &next, &fault);
	if (verdict == WITNESS_COSIGN) {
		cosign(witness, request, &next);
	} else if (verdict == WITNESS_CONFLICT) {
		answer_conflict(witness, request);
	} else {
		struct buffer text = {0};
		note(verdict == WITNESS_UNPROVEN ? NOTE_ERROR : NOTE_INFO, "refused", "code=%d reason=\"%s\"", verdict, fault.text);
		buffer_printf(&text, "%s\n%c", fault.text, 0);
		answer_text(request, verdict, "text/plain; charset=utf-8", (const char *)text.data);
		buffer_free(&text);
	}
}

static void on_request(void *context, struct http_request *request)
{
	struct witness *witness = context;
	if (witness->failed)
		answer_text(request, 500, "text/plain; charset=utf-8", "this witness has stopped\n");
	else if (strcmp(http_request_path(request), "/add-checkpoint") != 0)
		answer_text(request, 404, "text/plain; charset=utf-8", "a witness answers POST /add-checkpoint and nothing else\n");
	else if (http_request_method(request) != HTTP_POST)
		answer_text(request, 405, "text/plain; charset=utf-8", "POST a checkpoint here\n");
	else
		add_checkpoint(witness, request);
}

/* -- starting ------------------------------------------------------------------------------------ */

static enum status identity_open(struct witness *witness, struct fault *fault)
{
	char path[PATH_SIZE];
	if (!witness_name_is_good(span_of_text(witness->name)))
		return fault_set(fault, E_CONFIG, "[witness] name = %.60s: 1 to 255 printable characters, no blank, no plus sign, not beginning with org:", witness->name);
	snprintf(path, sizeof path, "%.1000s/keys", witness->folder);
	TRY(disk_folder(path, fault));
	snprintf(path, sizeof path, "%.1000s/keys/witness.key", witness->folder);
	struct passphrase *passphrase = passphrase_new(witness->passphrase_file, witness->key_command);
	enum status status = keys_open(path, passphrase, &witness->key, fault);
	passphrase_free(passphrase);
	return status == E_NOT_FOUND ? keys_load(path, true, &witness->key, fault) : status;
}

/* An empty memory is a new witness's; one that cannot be read is not empty. */
static enum status memory_open(struct witness *witness, struct fault *fault)
{
	char origin[CHECKPOINT_ORIGIN_SIZE], path[PATH_SIZE];
	struct buffer bytes = {0};
	snprintf(path, sizeof path, "%.1000s/data", witness->folder);
	TRY(disk_folder(path, fault));
	TRY(disk_lock(path, fault));
	snprintf(witness->path, sizeof witness->path, "%.1000s/data/checkpoint", witness->folder);
	witness->log = witness_log_new();
	enum status status = disk_read(witness->path, WITNESS_REQUEST_MAX, &bytes, fault);
	if (status == E_NOT_FOUND)
		return OK;
	struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
	checkpoint_origin(witness->members.genesis.network, origin);
	if (status == OK && (checkpoint_decode(buffer_span(&bytes), checkpoint, NULL) != OK || !span_is_text(checkpoint->origin, origin)))
		status = fault_set(fault, E_CORRUPT, "%.400s is not a checkpoint of %s; put back what this witness cosigned last, or begin with a new key and name", witness->path,
			origin);
	if (status == OK)
		witness->log = (struct witness_log){.size = checkpoint->size, .root = checkpoint->root};
	free(checkpoint);
	buffer_free(&bytes);
	return status;
}

static enum status log_open(struct witness *witness, struct fault *fault)
{
	TRY(members_open(witness->genesis_path, witness->epochs_path, &witness->members, fault));
	const struct genesis *members = epochs_newest(&witness->members.epochs)->members;
	size_t least = note_least(members);
	if (witness->quorum && ((size_t)witness->quorum > members->member_count || (size_t)witness->quorum < least))
		return fault_set(fault, E_CONFIG, "[witness] quorum = %" PRId64 ": of the %zu organisations of %s at least %zu must sign", witness->quorum,
			members->member_count, epoch_name(epochs_newest(&witness->members.epochs)).text, least);
	TRY(memory_open(witness, fault));
	return http_server_new(witness->loop, witness->http_listen, on_request, witness, &witness->http, fault);
}

static void witness_run(struct witness *witness)
{
	size_t least = note_least(epochs_newest(&witness->members.epochs)->members);
	note(NOTE_INFO, "witness_started", "name=%s size=%" PRIu64 " quorum=%zu port=%u", witness->name, witness->log.size,
		witness->quorum ? (size_t)witness->quorum : least, http_server_port(witness->http));
	witness->stop = loop_timer_new(witness->loop, on_stop, witness);
	loop_run(witness->loop);
	loop_timer_free(witness->stop);
	if (!witness->failed)
		note(NOTE_INFO, "witness_stopped", "size=%" PRIu64, witness->log.size);
}

static void key_print(const struct witness *witness)
{
	struct buffer text = {0};
	verification_key_encode(span_of_text(witness->name), signing_key_public(witness->key), &text);
	printf("%.*s\n", (int)text.size, (const char *)text.data);
	buffer_free(&text);
}

int command_witness(int count, char **arguments)
{
	const char *config = NULL, *show = NULL;
	const struct option_spec specs[] = {
		{"config", "FILE", "its settings", &config},
		{"vkey", NULL, "print its verification key, for the nodes' settings and for verifiers, and end", &show},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code = 0;
	struct fault fault = {0};
	struct witness *witness = memory_new(sizeof *witness);
	const struct config_key keys[KEY_COUNT] = KEYS(witness);
	if (!options_parse(count, arguments, "Watch a consortium's log from outside: cosign checkpoints that continue those before.", "", specs, &words, &word_count,
		&code)) {
		if (code == 0) {
			printf("\nsettings:\n\n");
			config_print(stdout, keys, KEY_COUNT);
		}
		free(witness);
		return code;
	}
	enum status status = config ? config_read(config, keys, KEY_COUNT, &fault)
				    : fault_set(&fault, E_CONFIG, "--config is needed, such as --config witness.ini");
	witness->loop = loop_new();
	if (status == OK)
		status = identity_open(witness, &fault);
	bool configured = status == OK;
	if (status == OK && show)
		key_print(witness);
	else if (status == OK && (status = log_open(witness, &fault)) == OK)
		witness_run(witness);
	if (status != OK)
		app_fail(&fault);
	code = !configured || status == E_CONFIG ? 2 : status != OK || witness->failed ? 1 : 0;
	http_server_free(witness->http);
	loop_free(witness->loop);
	signing_key_free(witness->key);
	members_close(&witness->members);
	config_free(keys, KEY_COUNT);
	free(witness);
	return code;
}
