/* Queue: submitted transactions in order, already in the form of a block's body, so that a
 * body is a prefix of it. */
#ifndef TALLY_CONSENSUS_QUEUE_H
#define TALLY_CONSENSUS_QUEUE_H

#include "consensus/block.h"

struct queue {
	struct buffer bytes;
	size_t head;        /* bytes before are taken */
	size_t bytes_max;
};

void queue_free(struct queue *queue);

/* E_MALFORMED: empty. E_LIMIT: larger than a transaction may be. E_BUSY: the queue is full. */
MUST_USE enum status queue_push(struct queue *queue, struct span transaction);

static inline size_t queue_size(const struct queue *queue)
{
	return queue->bytes.size - queue->head;
}

/* The longest body that one block may carry; borrowed until the next push or drop. */
struct span queue_body(const struct queue *queue, uint32_t *count);
void queue_drop(struct queue *queue, size_t size);

#endif
