/* The node's witnesses: each new checkpoint is sent to them, and the lines that they answer with are kept beside it. Not on
 * disk: after a restart the newest is sent again. A slow or absent witness holds up nothing. */
#include "node/node.h"

#include "host/http_later.h"
#include "host/note.h"
#include "record/witness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WITNESSES_MAX = CHECKPOINT_WITNESSES_MAX, LINES_KEPT = 64, ANSWER_MAX = 64 << 10, RETRY_MS = 5000, CONFLICTS_MAX = 3 };

struct kept_line {
	uint64_t size;                /* 0: none */
	struct cosignature cosignature;
};

struct witness_peer {
	struct node *node;
	char *url;                    /* with /add-checkpoint */
	struct buffer text;           /* its verification key's text, in which `name` lies */
	struct span name;
	struct public_key public;
	struct verifying_key *key;
	uint64_t known;               /* the size that it cosigned last, as far as we know */
	uint64_t cosigned;            /* the largest that it gave us a line for */
	bool busy;
	uint64_t asked;               /* size, and root, of the request under way */
	struct digest asked_root;
	unsigned conflicts;           /* in a row */
	int64_t rest_until_ns;
	struct kept_line kept[LINES_KEPT];
	size_t kept_next;
};

struct node_witnesses {
	struct http_later *later;
	struct witness_peer *peers[WITNESSES_MAX];
	size_t count;
};

/* -- asking ------------------------------------------------------------------------------------------ */

static void push(struct witness_peer *peer);

static void rest(struct witness_peer *peer)
{
	peer->rest_until_ns = clock_monotonic_ns() + RETRY_MS * NS_PER_MS;
	peer->conflicts = 0;
}

static bool line_take(struct witness_peer *peer, struct span text)
{
	struct checkpoint_line line;
	uint8_t id[4];
	char origin[CHECKPOINT_ORIGIN_SIZE];
	if (!checkpoint_line_decode(text, &line))
		return false;
	checkpoint_key_id(peer->name, &peer->public, id);
	checkpoint_origin(peer->node->self.genesis.network, origin);
	if (!span_equal(line.name, peer->name) || memcmp(line.key_id, id, sizeof id) != 0
		|| cosignature_verify(peer->key, peer->name, span_of_text(origin), peer->asked, &peer->asked_root, &line.cosignature) != OK)
		return false;
	peer->kept[peer->kept_next] = (struct kept_line){.size = peer->asked, .cosignature = line.cosignature};
	peer->kept_next = (peer->kept_next + 1) % LINES_KEPT;
	return true;
}

/* Several lines may come; one must be what we asked for. */
static void cosigned_take(struct witness_peer *peer, struct span body)
{
	bool found = false;
	while (body.size && !found) {
		const uint8_t *end = memchr(body.data, '\n', body.size);
		size_t size = end ? (size_t)(end - body.data) : body.size;
		found = line_take(peer, span_of(body.data, size));
		body = span_after(body, end ? size + 1 : size);
	}
	if (!found) {
		note(NOTE_WARNING, "witness_not_believed", "name=%.*s reason=\"its answer is not its signature over the checkpoint\"", (int)peer->name.size,
			(const char *)peer->name.data);
		rest(peer);
		return;
	}
	note(NOTE_DEBUG, "witness_cosigned", "name=%.*s size=%" PRIu64, (int)peer->name.size, (const char *)peer->name.data, peer->asked);
	peer->known = peer->cosigned = peer->asked;
	peer->conflicts = 0;
}

/* It has seen another size, from another member's node most likely: go on from there. */
static bool conflict_take(struct witness_peer *peer, struct span body)
{
	uint64_t size;
	struct span text = body.size && body.data[body.size - 1] == '\n' ? span_of(body.data, body.size - 1) : body;
	if (!checkpoint_size_read(text, &size) || ++peer->conflicts > CONFLICTS_MAX)
		return false;
	peer->known = size;
	return true;
}

static void on_answer(void *context, enum status status, long code, struct span body, const char *sentence)
{
	struct witness_peer *peer = context;
	peer->busy = false;
	if (status == OK && code == WITNESS_COSIGN) {
		cosigned_take(peer, body);
	} else if (status != OK || code != WITNESS_CONFLICT || !conflict_take(peer, body)) {
		/* One that was told our history and does not accept it has seen another: people must look at both. */
		note(code == WITNESS_UNPROVEN ? NOTE_ERROR : NOTE_WARNING, "witness_refuses", "name=%.*s code=%ld reason=\"%s\"", (int)peer->name.size,
			(const char *)peer->name.data, code, status != OK ? sentence : code == WITNESS_UNPROVEN ? "it cosigned another history of this log" : "see its notes");
		rest(peer);
	}
	push(peer);
}

/* Send the newest checkpoint, unless it did cosign that, knows more than we do, or is to be left alone. */
static void push(struct witness_peer *peer)
{
	struct node *node = peer->node;
	struct buffer text = {0}, body = {0};
	struct witness_request request = {.old = peer->known};
	uint64_t size;
	const struct merkle_tree *tree = ledger_tree(replica_ledger(node->replica));
	if (peer->busy || node->failed || clock_monotonic_ns() < peer->rest_until_ns || replica_checkpoint(node->replica, 0, true, &text, &size) != OK)
		return;
	if (size > peer->cosigned && size >= peer->known) {
		if (request.old > 0 && request.old < size)
			CHECK(merkle_tree_consistency(tree, request.old, size, &request.path) == OK);
		request.note = buffer_span(&text);
		witness_request_encode(&request, &body);
		peer->busy = true;
		peer->asked = size;
		peer->asked_root = merkle_tree_root(tree, size);
		http_later_post(node->witnesses->later, peer->url, "text/plain; charset=utf-8", buffer_span(&body), ANSWER_MAX, on_answer, peer);
	}
	buffer_free(&text);
	buffer_free(&body);
}

void node_witnesses_push(struct node *node)
{
	for (size_t i = 0; node->witnesses && i < node->witnesses->count; i++)
		push(node->witnesses->peers[i]);
}

void node_witness_lines(void *context, uint64_t size, struct buffer *out)
{
	const struct node *node = context;
	for (size_t i = 0; node->witnesses && i < node->witnesses->count; i++) {
		const struct witness_peer *peer = node->witnesses->peers[i];
		for (size_t j = 0; j < LINES_KEPT; j++) {
			if (peer->kept[j].size != size)
				continue;
			struct checkpoint_line line = {.name = peer->name, .cosignature = peer->kept[j].cosignature};
			checkpoint_key_id(line.name, &peer->public, line.key_id);
			checkpoint_line_encode(&line, out);
			break;
		}
	}
}

/* -- starting ---------------------------------------------------------------------------------------- */

static enum status key_read(struct node *node, const char *file, struct witness_peer *peer, struct fault *fault)
{
	char path[1200];
	struct fault inner;
	snprintf(path, sizeof path, "%.500s%s%.600s", file[0] == '/' ? "" : node->self.settings.folder, file[0] == '/' ? "" : "/", file);
	TRY(disk_read(path, VERIFICATION_KEY_TEXT_MAX, &peer->text, fault));
	struct span text = buffer_span(&peer->text);
	if (text.size && text.data[text.size - 1] == '\n')
		text.size--;
	if (verification_key_decode(text, &peer->name, &peer->public, &inner) != OK)
		return fault_set(fault, E_CONFIG, "%.300s: %.150s", path, inner.text);
	peer->key = verifying_key_new(&peer->public);
	if (!peer->key || !witness_name_is_good(peer->name))
		return fault_set(fault, E_CONFIG, "%.300s: a witness has a name of printable characters that does not begin with org:", path);
	return OK;
}

/* "http://witness.example.org:8501 witness-one.vkey" */
static enum status peer_open(struct node *node, const char *entry, struct fault *fault)
{
	size_t url_size = strcspn(entry, " ");
	const char *file = entry + url_size + strspn(entry + url_size, " ");
	if ((strncmp(entry, "http://", 7) != 0 && strncmp(entry, "https://", 8) != 0) || !*file)
		return fault_set(fault, E_CONFIG, "[witness] url = %.100s: expected a URL, a blank, and the file with the witness's verification key", entry);
	struct node_witnesses *witnesses = node->witnesses;
	if (witnesses->count == WITNESSES_MAX)
		return fault_set(fault, E_CONFIG, "[witness] url stands more than %d times", WITNESSES_MAX);
	struct witness_peer *peer = memory_new(sizeof *peer);
	witnesses->peers[witnesses->count++] = peer;
	peer->node = node;
	struct buffer url = {0};
	while (url_size > 0 && entry[url_size - 1] == '/')
		url_size--;
	buffer_append(&url, entry, url_size);
	buffer_append_text(&url, "/add-checkpoint");
	peer->url = memory_text(buffer_span(&url));
	buffer_free(&url);
	TRY(key_read(node, file, peer, fault));
	for (size_t i = 0; i + 1 < witnesses->count; i++)
		if (span_equal(witnesses->peers[i]->name, peer->name))
			return fault_set(fault, E_CONFIG, "[witness]: two have the name %.*s", (int)peer->name.size, (const char *)peer->name.data);
	return OK;
}

enum status node_witnesses_open(struct node *node, struct fault *fault)
{
	node->witnesses = memory_new(sizeof *node->witnesses);
	node->witnesses->later = http_later_new(node->self.loop);
	for (size_t i = 0; i < node->self.settings.witnesses.count; i++)
		TRY(peer_open(node, node->self.settings.witnesses.items[i], fault));
	return OK;
}

void node_witnesses_free(struct node *node)
{
	if (!node->witnesses)
		return;
	http_later_free(node->witnesses->later);
	for (size_t i = 0; i < node->witnesses->count; i++) {
		struct witness_peer *peer = node->witnesses->peers[i];
		verifying_key_free(peer->key);
		buffer_free(&peer->text);
		free(peer->url);
		free(peer);
	}
	free(node->witnesses);
}
