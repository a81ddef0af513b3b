#include "consensus/queue.h"

enum { QUEUE_KEEP = 256 << 10 }; /* memory an empty queue may keep */

void queue_free(struct queue *queue)
{
	buffer_free(&queue->bytes);
	*queue = (struct queue){0};
}

enum status queue_push(struct queue *queue, struct span transaction)
{
	if (transaction.size == 0)
		return E_MALFORMED;
	if (transaction.size > BLOCK_TRANSACTION_MAX)
		return E_LIMIT;
	if (queue_size(queue) + transaction.size + 4 > queue->bytes_max)
		return E_BUSY;
	write_block(&queue->bytes, transaction);
	return OK;
}

struct span queue_body(const struct queue *queue, uint32_t *count)
{
	struct reader in = reader_of(span_after(buffer_span(&queue->bytes), queue->head));
	size_t size = 0;
	*count = 0;
	while (in.rest.size > 0 && *count < BLOCK_TRANSACTIONS_MAX) {
		size_t next = 4 + read_block(&in, BLOCK_TRANSACTION_MAX).size;
		if (size + next > BLOCK_BODY_MAX)
			break;
		size += next;
		++*count;
	}
	CHECK(!in.failed);
	return span_of(span_after(buffer_span(&queue->bytes), queue->head).data, size);
}

void queue_drop(struct queue *queue, size_t size)
{
	CHECK(size <= queue_size(queue));
	queue->head += size;
	if (queue_size(queue) == 0) {
		queue->head = 0;
		if (queue->bytes.capacity > QUEUE_KEEP)
			buffer_free(&queue->bytes);
		else
			buffer_clear(&queue->bytes);
	} else if (queue->head > queue->bytes.size / 2) {
		buffer_consume(&queue->bytes, queue->head);
		queue->head = 0;
	}
}
