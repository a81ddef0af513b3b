/* A cluster of consensus machines in one thread and from one seed: network, disks, clocks and
 * crashes are simulated. Included by the tests of the room `consensus`. Every step checks:
 * commits form one chain for all honest members; no honest member sends two blocks of one slot;
 * what waits is bounded; a commit's blocks are where it says. */
#ifndef TALLY_TEST_CONSENSUS_CLUSTER_H
#define TALLY_TEST_CONSENSUS_CLUSTER_H

#include "base/map.h"
#include "base/random.h"
#include "consensus/consensus.h"
#include "consensus/message.h"
#include "crypto/hash.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLUSTER_NODES_MAX = 12, CLUSTER_GENESIS_TIME = 1000000000 };

/* Keyed hash in place of ML-DSA: another author or digest gives another signature. */

static inline struct digest fake_signature(uint16_t author, const struct digest *digest)
{
	struct span parts[] = {span_of_text("fake"), span_of(&author, sizeof author), digest_span(digest)};
	return sha256_parts(parts, 3);
}

static inline enum status fake_sign(void *context, const struct digest *digest, struct buffer *signature)
{
	struct digest value = fake_signature(*(const uint16_t *)context, digest);
	buffer_append(signature, value.bytes, DIGEST_SIZE);
	return OK;
}

static inline enum status fake_verify(void *context, uint16_t author, const struct digest *digest, struct span signature)
{
	(void)context;
	struct digest value = fake_signature(author, digest);
	return span_equal(signature, digest_span(&value)) ? OK : E_SIGNATURE;
}

struct cluster_node {
	struct consensus *machine;    /* NULL: down */
	uint16_t member;
	bool honest;
	int64_t clock_offset;
	int64_t timer_at;             /* of the cluster's time */
	uint32_t session;             /* grows with each start; older packets are lost */
	/* Disk: frames, the first `synced` of them safe. */
	struct buffer *log;
	uint32_t log_count, log_capacity, synced;
	uint32_t *executed;           /* [transaction]: how often it was committed here */
	uint64_t commits;
	int crash_countdown;          /* actions until it crashes in the middle of a step, or -1 */
	bool recovering;
	bool crash_keeps;             /* what was written and not flushed is on disk all the same */
	uint64_t own_blocks;
	uint64_t evidence;
};

struct packet {
	int64_t at;
	uint64_t order;
	uint16_t from, to;            /* nodes */
	uint32_t from_session, to_session;
	struct buffer bytes;
};

struct cluster_transaction {
	uint16_t node;
	bool waiting;                 /* in that node's memory only, as far as we know */
	bool again;                   /* a block that carried it was collected, so it may be in two */
};

struct cluster {
	struct random random;
	struct consensus_config config;
	uint16_t members;
	uint16_t nodes;               /* more than members: the last is a second machine of the member before */
	struct cluster_node node[CLUSTER_NODES_MAX];
	bool link[CLUSTER_NODES_MAX][CLUSTER_NODES_MAX];
	bool side[CLUSTER_NODES_MAX]; /* which of the two machines of the double member is heard */
	double loss, duplicate;
	int64_t delay_min, delay_max;
	int64_t late[CLUSTER_NODES_MAX]; /* by so much more comes what a node sends */
	int64_t now;
	uint64_t packets_sent;
	uint64_t ranges;              /* read from a log for somebody far behind */
	uint64_t collected;           /* blocks that nobody committed */
	uint64_t crashes;
	uint64_t bytes_sent;
	struct packet *heap;
	uint32_t heap_count, heap_capacity;
	uint64_t order;
	struct digest *chain;         /* commit digests by index */
	uint64_t chain_count, chain_capacity;
	int64_t *commit_times;
	uint64_t time_capacity;
	struct map slots;             /* honest member, round: first digest sent */
	struct cluster_transaction *transactions;
	uint32_t transaction_count, transaction_capacity;
	uint16_t signer_ids[BLOCK_MEMBERS_MAX];
	const char *failure;          /* the first broken invariant */
};

#define CLUSTER_CHECK(cluster, condition)                          \
	do {                                                       \
		if (!(condition) && !(cluster)->failure)           \
			(cluster)->failure = #condition;           \
	} while (0)

/* Packets. */

static inline bool packet_before(const struct packet *a, const struct packet *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void heap_push(struct cluster *cluster, struct packet packet)
{
	ARRAY_GROW(cluster->heap, cluster->heap_count, cluster->heap_capacity);
	uint32_t at = cluster->heap_count++;
	packet.order = cluster->order++;
	for (; at > 0 && packet_before(&packet, &cluster->heap[(at - 1) / 2]); at = (at - 1) / 2)
		cluster->heap[at] = cluster->heap[(at - 1) / 2];
	cluster->heap[at] = packet;
}

static inline struct packet heap_pop(struct cluster *cluster)
{
	struct packet top = cluster->heap[0], last = cluster->heap[--cluster->heap_count];
	uint32_t at = 0;
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= cluster->heap_count)
			break;
		if (child + 1 < cluster->heap_count && packet_before(&cluster->heap[child + 1], &cluster->heap[child]))
			child++;
		if (!packet_before(&cluster->heap[child], &last))
			break;
		cluster->heap[at] = cluster->heap[child];
		at = child;
	}
	cluster->heap[at] = last;
	return top;
}

/* A double member's machines are both heard from, but each listener believes one at a time. */
static inline bool hears(const struct cluster *cluster, uint16_t to, uint16_t from)
{
	if (cluster->nodes == cluster->members || cluster->node[from].member != cluster->members - 1)
		return true;
	return cluster->node[to].member != cluster->node[from].member && cluster->side[to] == (from == cluster->members);
}

static inline void packet_send(struct cluster *cluster, uint16_t from, uint16_t to, struct span bytes)
{
	cluster->packets_sent++;
	cluster->bytes_sent += bytes.size;
	if (!cluster->link[from][to] || !cluster->node[to].machine || !hears(cluster, to, from))
		return;
	int copies = random_chance(&cluster->random, cluster->loss) ? 0 : 1;
	copies += random_chance(&cluster->random, cluster->duplicate);
	for (int i = 0; i < copies; i++) {
		struct packet packet = {.from = from, .to = to};
		packet.from_session = cluster->node[from].session;
		packet.to_session = cluster->node[to].session;
		packet.at = cluster->now + cluster->late[from] + cluster->delay_min +
			(int64_t)random_below(&cluster->random, (uint64_t)(cluster->delay_max - cluster->delay_min + 1));
		buffer_append_span(&packet.bytes, bytes);
		heap_push(cluster, packet);
	}
}

static inline void member_send(struct cluster *cluster, uint16_t from, uint16_t member, struct span bytes)
{
	for (uint16_t to = 0; to < cluster->nodes; to++)
		if (to != from && cluster->node[to].member == member)
			packet_send(cluster, from, to, bytes);
}

/* Checks. */

static inline void sent_check(struct cluster *cluster, const struct cluster_node *node, struct span bytes)
{
	struct message message;
	struct block block;
	if (!node->honest || message_decode(bytes, cluster->members, &message) != OK || message.kind != MESSAGE_BLOCK)
		return;
	if (block_parse(message.block, &block, NULL) != OK || block.author != node->member)
		return;
	uint8_t key[6];
	uint64_t start, seen;
	memcpy(key, &block.round, 4);
	memcpy(key + 4, &block.author, 2);
	memcpy(&start, block.digest.bytes, sizeof start);
	if (map_get(&cluster->slots, span_of(key, sizeof key), &seen))
		CLUSTER_CHECK(cluster, seen == start && "an honest member has one block a slot");
	else
		map_put(&cluster->slots, span_of(key, sizeof key), start);
}

static inline void transactions_execute(struct cluster *cluster, struct cluster_node *node, struct span block_bytes)
{
	struct block block;
	CLUSTER_CHECK(cluster, block_decode(block_bytes, &block, NULL) == OK);
	struct reader body = reader_of(block.body);
	struct span transaction;
	while (block_transaction_next(&body, &transaction)) {
		uint32_t number;
		memcpy(&number, transaction.data, sizeof number);
		CLUSTER_CHECK(cluster, number < cluster->transaction_count);
		if (number < cluster->transaction_count)
			node->executed[number]++;
	}
}

static inline void commit_check(struct cluster *cluster, struct cluster_node *node, struct consensus_action *action)
{
	const struct consensus_commit *commit = &action->commit;
	if (!node->honest)
		return;
	CLUSTER_CHECK(cluster, commit->index == node->commits + 1 && "commits have consecutive numbers");
	node->commits = commit->index;
	if (commit->index > cluster->chain_count) {
		ARRAY_GROW(cluster->chain, cluster->chain_count, cluster->chain_capacity);
		uint64_t times = cluster->chain_count;
		ARRAY_GROW(cluster->commit_times, times, cluster->time_capacity);
		cluster->commit_times[cluster->chain_count] = commit->timestamp_ms;
		cluster->chain[cluster->chain_count++] = commit->digest;
	}
	CLUSTER_CHECK(cluster, digest_equal(&cluster->chain[commit->index - 1], &commit->digest) && "one chain of commits");
	CLUSTER_CHECK(cluster, commit->index == 1 || commit->timestamp_ms >= cluster->commit_times[commit->index - 2]);
	for (uint32_t i = 0; i < commit->block_count; i++) {
		CLUSTER_CHECK(cluster, i == 0 || block_ref_compare(&commit->blocks[i - 1], &commit->blocks[i]) < 0);
		CLUSTER_CHECK(cluster, commit->positions[i] < node->log_count);
		struct block block;
		struct span bytes = buffer_span(&node->log[commit->positions[i]]);
		CLUSTER_CHECK(cluster, block_parse(bytes, &block, NULL) == OK && digest_equal(&block.digest, &commit->blocks[i].digest));
		transactions_execute(cluster, node, bytes);
	}
}

/* Nodes. */

static inline void node_crash(struct cluster *cluster, uint16_t index)
{
	struct cluster_node *node = &cluster->node[index];
	if (!node->machine)
		return;
	consensus_free(node->machine);
	node->machine = NULL;
	node->timer_at = INT64_MAX;
	node->session++;
	/* Of what was written and not flushed, any prefix may have reached the disk. */
	uint32_t left = node->synced + (uint32_t)random_below(&cluster->random, node->log_count - node->synced + 1);
	if (node->crash_keeps)
		left = node->log_count;
	cluster->crashes++;
	while (node->log_count > left)
		buffer_free(&node->log[--node->log_count]);
	node->synced = node->log_count;
}

static inline void node_step(struct cluster *cluster, uint16_t index, struct consensus_event event, enum status *refused);

static inline void peer_tell(struct cluster *cluster, uint16_t index, uint16_t other, bool up)
{
	if (cluster->node[index].member != cluster->node[other].member && cluster->node[index].machine)
		node_step(cluster, index, (struct consensus_event){.kind = up ? CONSENSUS_PEER_UP : CONSENSUS_PEER_DOWN,
			.peer = cluster->node[other].member}, NULL);
}

static inline void node_down(struct cluster *cluster, uint16_t index)
{
	node_crash(cluster, index);
	for (uint16_t i = 0; i < cluster->nodes; i++)
		if (i != index && cluster->link[i][index])
			peer_tell(cluster, i, index, false);
}

/* An accepted block will never be committed. Its author proposes its transactions again. */
static inline void collected_check(struct cluster *cluster, struct cluster_node *node, const struct block_ref *ref)
{
	cluster->collected++;
	for (uint32_t i = 0; node->honest && ref->author == node->member && i < node->log_count; i++) {
		struct block block;
		struct span transaction;
		if (block_parse(buffer_span(&node->log[i]), &block, NULL) != OK || !digest_equal(&block.digest, &ref->digest))
			continue;
		struct reader body = reader_of(block.body);
		while (block_transaction_next(&body, &transaction)) {
			uint32_t number;
			memcpy(&number, transaction.data, sizeof number);
			CLUSTER_CHECK(cluster, node->executed[number] == 0 || cluster->transactions[number].again);
			cluster->transactions[number].again = true;
			if (!node->recovering)
				CLUSTER_CHECK(cluster, consensus_queue(node->machine, transaction) == OK);
		}
	}
}

static inline void action_run(struct cluster *cluster, uint16_t index, struct consensus_action *action)
{
	struct cluster_node *node = &cluster->node[index];
	struct buffer frame = {0};
	switch (action->kind) {
	case CONSENSUS_PERSIST:
		CLUSTER_CHECK(cluster, !node->recovering && "what is on disk is not stored again");
		ARRAY_GROW(node->log, node->log_count, node->log_capacity);
		node->log[node->log_count] = (struct buffer){0};
		buffer_append_span(&node->log[node->log_count], action->bytes);
		consensus_block_stored(node->machine, &action->digest, node->log_count++);
		node->own_blocks += action->own;
		return;
	case CONSENSUS_SEND:
		node->synced = node->log_count;
		sent_check(cluster, node, action->bytes);
		member_send(cluster, index, action->peer, action->bytes);
		return;
	case CONSENSUS_SEND_STORED:
		node->synced = node->log_count;
		consensus_positions_resolve(node->machine, action);
		for (uint32_t i = 0; i < action->position_count; i++) {
			CLUSTER_CHECK(cluster, action->positions[i] < node->log_count);
			buffer_clear(&frame);
			consensus_message_of_block(buffer_span(&node->log[action->positions[i]]), &frame);
			member_send(cluster, index, action->peer, buffer_span(&frame));
		}
		buffer_free(&frame);
		return;
	case CONSENSUS_SEND_RANGE:
		node->synced = node->log_count;
		cluster->ranges++;
		for (uint64_t at = action->range.position; at < node->log_count && !action->range.done; at++) {
			if (!consensus_range_takes(&action->range, buffer_span(&node->log[at])))
				continue;
			buffer_clear(&frame);
			consensus_message_of_block(buffer_span(&node->log[at]), &frame);
			member_send(cluster, index, action->peer, buffer_span(&frame));
		}
		buffer_free(&frame);
		return;
	case CONSENSUS_COLLECTED:
		for (uint32_t i = 0; i < action->position_count; i++)
			collected_check(cluster, node, &action->blocks[i]);
		return;
	case CONSENSUS_COMMIT:
		node->synced = node->log_count;
		consensus_positions_resolve(node->machine, action);
		commit_check(cluster, node, action);
		return;
	case CONSENSUS_TIMER:
		node->timer_at = action->at_ms - node->clock_offset;
		if (node->timer_at <= cluster->now)
			node->timer_at = cluster->now + 1;
		return;
	case CONSENSUS_EVIDENCE:
		node->evidence++;
		CLUSTER_CHECK(cluster, cluster->nodes > cluster->members && action->peer == cluster->members - 1 &&
			"only the double member equivocates");
		return;
	}
}

static inline void bounds_check(struct cluster *cluster, const struct cluster_node *node)
{
	struct consensus_numbers numbers;
	consensus_numbers(node->machine, &numbers);
	CLUSTER_CHECK(cluster, numbers.suspended <= (uint64_t)cluster->config.suspended_max * cluster->members);
	CLUSTER_CHECK(cluster, numbers.missing <= numbers.suspended * cluster->members);
	CLUSTER_CHECK(cluster, !numbers.conflict);
}

static inline void node_step(struct cluster *cluster, uint16_t index, struct consensus_event event, enum status *refused)
{
	struct cluster_node *node = &cluster->node[index];
	struct consensus_actions actions;
	event.now_ms = cluster->now + node->clock_offset;
	consensus_step(node->machine, &event, &actions, refused);
	for (uint32_t i = 0; i < actions.count; i++) {
		if (node->crash_countdown >= 0 && node->crash_countdown-- == 0) {
			node_down(cluster, index);
			return;
		}
		action_run(cluster, index, &actions.items[i]);
	}
	bounds_check(cluster, node);
}

static inline void transactions_again(struct cluster *cluster, uint16_t index);

static inline void node_start(struct cluster *cluster, uint16_t index)
{
	struct cluster_node *node = &cluster->node[index];
	struct consensus_config config = cluster->config;
	struct block_signer signer = {&cluster->signer_ids[node->member], fake_sign, fake_verify};
	config.own = node->member;
	node->machine = consensus_new(&config, &signer);
	node->crash_countdown = -1;
	node->commits = 0;
	if (node->executed)
		memset(node->executed, 0, cluster->transaction_capacity * sizeof *node->executed);
	node->recovering = true;
	for (uint32_t i = 0; i < node->log_count && !cluster->failure; i++)
		node_step(cluster, index, (struct consensus_event){.kind = CONSENSUS_RECOVERED,
			.bytes = buffer_span(&node->log[i]), .position = i}, NULL);
	node->recovering = false;
	node_step(cluster, index, (struct consensus_event){.kind = CONSENSUS_START}, NULL);
	for (uint16_t i = 0; i < cluster->nodes; i++)
		if (i != index && cluster->link[i][index] && cluster->node[i].machine) {
			peer_tell(cluster, index, i, true);
			peer_tell(cluster, i, index, true);
		}
	transactions_again(cluster, index);
}

static inline void link_set(struct cluster *cluster, uint16_t a, uint16_t b, bool up)
{
	if (a == b || cluster->link[a][b] == up)
		return;
	cluster->link[a][b] = cluster->link[b][a] = up;
	if (!cluster->node[a].machine || !cluster->node[b].machine)
		return;
	peer_tell(cluster, a, b, up);
	peer_tell(cluster, b, a, up);
}

/* Transactions: number, and some bytes. */

static inline void transaction_submit(struct cluster *cluster, uint32_t number)
{
	struct cluster_transaction *transaction = &cluster->transactions[number];
	uint8_t bytes[64] = {0};
	enum status refused = E_BUSY;
	memcpy(bytes, &number, sizeof number);
	transaction->waiting = true;
	if (cluster->node[transaction->node].machine)
		node_step(cluster, transaction->node, (struct consensus_event){.kind = CONSENSUS_SUBMIT,
			.bytes = span_of(bytes, 5 + number % 59)}, &refused);
}

static inline uint32_t transaction_new(struct cluster *cluster, uint16_t node)
{
	uint32_t number = cluster->transaction_count, before = cluster->transaction_capacity;
	ARRAY_GROW(cluster->transactions, cluster->transaction_count, cluster->transaction_capacity);
	if (before != cluster->transaction_capacity)
		for (uint16_t i = 0; i < cluster->nodes; i++) {
			cluster->node[i].executed =
				memory_resize(cluster->node[i].executed, cluster->transaction_capacity, sizeof *cluster->node[i].executed);
			memset(cluster->node[i].executed + before, 0, (cluster->transaction_capacity - before) * sizeof(uint32_t));
		}
	cluster->transaction_count++;
	cluster->transactions[number] = (struct cluster_transaction){.node = node};
	transaction_submit(cluster, number);
	return number;
}

/* A client of a node that started again repeats what is in none of the node's own blocks. */
static inline void transactions_again(struct cluster *cluster, uint16_t index)
{
	struct cluster_node *node = &cluster->node[index];
	bool *safe = memory_new_array(cluster->transaction_count + 1, sizeof *safe);
	for (uint32_t i = 0; i < node->log_count; i++) {
		struct block block;
		struct span transaction;
		if (block_parse(buffer_span(&node->log[i]), &block, NULL) != OK || block.author != node->member)
			continue;
		struct reader body = reader_of(block.body);
		while (block_transaction_next(&body, &transaction)) {
			uint32_t number;
			memcpy(&number, transaction.data, sizeof number);
			safe[number] = true;
		}
	}
	for (uint32_t i = 0; i < cluster->transaction_count; i++)
		if (cluster->transactions[i].node == index && (!safe[i] || (cluster->transactions[i].again && node->executed[i] == 0)))
			transaction_submit(cluster, i);
	free(safe);
}

/* Every transaction committed exactly once at every honest node that runs. */
static inline bool transactions_done(const struct cluster *cluster)
{
	for (uint16_t i = 0; i < cluster->nodes; i++)
		for (uint32_t k = 0; cluster->node[i].honest && k < cluster->transaction_count; k++)
			if (!cluster->node[i].machine || cluster->node[i].executed[k] == 0)
				return false;
	return true;
}

static inline void transactions_once(struct cluster *cluster)
{
	for (uint16_t i = 0; i < cluster->nodes; i++)
		for (uint32_t k = 0; cluster->node[i].honest && k < cluster->transaction_count; k++)
			CLUSTER_CHECK(cluster, (cluster->node[i].executed[k] <= 1 || cluster->transactions[k].again) && "committed once");
}

/* The world. */

static inline void cluster_init(struct cluster *cluster, uint64_t seed, uint16_t members, bool doubled)
{
	*cluster = (struct cluster){.random = random_of(seed), .members = members, .delay_min = 1, .delay_max = 4};
	cluster->nodes = (uint16_t)(members + doubled);
	cluster->config = consensus_config_default();
	cluster->config.members = members;
	cluster->now = CLUSTER_GENESIS_TIME;
	for (uint16_t i = 0; i < BLOCK_MEMBERS_MAX; i++)
		cluster->signer_ids[i] = i;
	for (uint16_t i = 0; i < cluster->nodes; i++) {
		uint16_t member = i < members ? i : (uint16_t)(members - 1);
		cluster->node[i] = (struct cluster_node){.member = member, .timer_at = INT64_MAX, .crash_countdown = -1};
		cluster->node[i].honest = !doubled || member != members - 1;
		cluster->side[i] = i % 2;
		for (uint16_t k = 0; k < cluster->nodes; k++)
			cluster->link[i][k] = true;
	}
}

static inline void cluster_start(struct cluster *cluster)
{
	for (uint16_t i = 0; i < cluster->nodes; i++)
		node_start(cluster, i);
}

static inline void cluster_free(struct cluster *cluster)
{
	for (uint16_t i = 0; i < cluster->nodes; i++) {
		struct cluster_node *node = &cluster->node[i];
		consensus_free(node->machine);
		for (uint32_t k = 0; k < node->log_count; k++)
			buffer_free(&node->log[k]);
		free(node->log);
		free(node->executed);
	}
	while (cluster->heap_count > 0) {
		struct packet packet = heap_pop(cluster);
		buffer_free(&packet.bytes);
	}
	free(cluster->heap);
	free(cluster->chain);
	free(cluster->commit_times);
	free(cluster->transactions);
	map_free(&cluster->slots);
}

static inline void packet_deliver(struct cluster *cluster, struct packet *packet)
{
	struct cluster_node *to = &cluster->node[packet->to];
	bool alive = to->machine && to->session == packet->to_session &&
		cluster->node[packet->from].session == packet->from_session && cluster->link[packet->from][packet->to];
	if (alive)
		node_step(cluster, packet->to, (struct consensus_event){.kind = CONSENSUS_MESSAGE,
			.peer = cluster->node[packet->from].member, .bytes = buffer_span(&packet->bytes)}, NULL);
	buffer_free(&packet->bytes);
}

/* Let the world go on until `until`. */
static inline void cluster_run(struct cluster *cluster, int64_t until)
{
	while (!cluster->failure) {
		int64_t next = until;
		uint16_t timer = CLUSTER_NODES_MAX;
		if (cluster->heap_count > 0 && cluster->heap[0].at < next)
			next = cluster->heap[0].at;
		for (uint16_t i = 0; i < cluster->nodes; i++)
			if (cluster->node[i].machine && cluster->node[i].timer_at < next) {
				next = cluster->node[i].timer_at;
				timer = i;
			}
		if (next >= until)
			break;
		if (next > cluster->now)
			cluster->now = next;
		if (timer < CLUSTER_NODES_MAX) {
			cluster->node[timer].timer_at = INT64_MAX;
			node_step(cluster, timer, (struct consensus_event){.kind = CONSENSUS_TICK}, NULL);
		} else {
			struct packet packet = heap_pop(cluster);
			packet_deliver(cluster, &packet);
		}
	}
	if (until > cluster->now)
		cluster->now = until;
}

/* What one machine holds in memory: it is stopped for that, and reads its disk again. */
static inline size_t node_memory(struct cluster *cluster, uint16_t index)
{
	struct cluster_node *node = &cluster->node[index];
	struct mallinfo2 before = mallinfo2();
	consensus_free(node->machine);
	struct mallinfo2 after = mallinfo2();
	node->machine = NULL;
	node->session++;
	node->timer_at = INT64_MAX;
	for (uint16_t i = 0; i < cluster->nodes; i++)
		peer_tell(cluster, i, index, false);
	node_start(cluster, index);
	return before.uordblks + before.hblkhd - after.uordblks - after.hblkhd;
}

static inline struct consensus_numbers node_numbers(const struct cluster *cluster, uint16_t index)
{
	struct consensus_numbers numbers = {0};
	if (cluster->node[index].machine)
		consensus_numbers(cluster->node[index].machine, &numbers);
	return numbers;
}

static inline uint32_t cluster_round(const struct cluster *cluster)
{
	uint32_t highest = 0;
	for (uint16_t i = 0; i < cluster->nodes; i++) {
		struct consensus_numbers numbers = node_numbers(cluster, i);
		if (numbers.highest_round > highest)
			highest = numbers.highest_round;
	}
	return highest;
}

#endif
