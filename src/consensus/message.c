#include "consensus/message.h"

static void ref_write(struct buffer *out, const struct block_ref *ref)
{
	write_u32(out, ref->round);
	write_u16(out, ref->author);
	write_digest(out, &ref->digest);
}

static struct block_ref ref_read(struct reader *in)
{
	struct block_ref ref;
	ref.round = read_u32(in);
	ref.author = read_u16(in);
	ref.digest = read_digest(in);
	return ref;
}

static void rounds_write(struct buffer *out, const uint32_t *rounds, uint16_t members)
{
	for (uint16_t i = 0; i < members; i++)
		write_u32(out, rounds[i]);
}

static void rounds_read(struct reader *in, uint32_t *rounds, uint16_t members)
{
	for (uint16_t i = 0; i < members; i++)
		rounds[i] = read_u32(in);
}

void message_encode(const struct message *message, uint16_t members, struct buffer *out)
{
	write_u8(out, (uint8_t)message->kind);
	switch (message->kind) {
	case MESSAGE_BLOCK:
		buffer_append_span(out, message->block);
		break;
	case MESSAGE_FETCH:
		write_u16(out, message->ref_count);
		for (int i = 0; i < message->ref_count; i++)
			ref_write(out, &message->refs[i]);
		rounds_write(out, message->rounds, members);
		break;
	case MESSAGE_HAVE:
		write_u8(out, message->flag);
		rounds_write(out, message->rounds, members);
		break;
	case MESSAGE_SYNC:
		write_u64(out, message->number);
		rounds_write(out, message->rounds, members);
		break;
	case MESSAGE_SYNC_END:
		write_u64(out, message->number);
		write_u8(out, message->flag);
		rounds_write(out, message->rounds, members);
		break;
	case MESSAGE_TIP_REQUEST:
		write_u64(out, message->number);
		break;
	case MESSAGE_TIP:
		write_u64(out, message->number);
		ref_write(out, &message->refs[0]);
		break;
	}
}

static bool flag_read(struct reader *in)
{
	uint8_t value = read_u8(in);
	if (value > 1)
		in->failed = true;
	return value == 1;
}

enum status message_decode(struct span bytes, uint16_t members, struct message *out)
{
	struct reader in = reader_of(bytes);
	out->kind = read_u8(&in);
	switch (out->kind) {
	case MESSAGE_BLOCK:
		out->block = in.rest;
		return in.failed ? E_MALFORMED : OK;
	case MESSAGE_FETCH:
		out->ref_count = read_u16(&in);
		if (out->ref_count > MESSAGE_REFS_MAX)
			return E_MALFORMED;
		for (int i = 0; i < out->ref_count; i++)
			out->refs[i] = ref_read(&in);
		rounds_read(&in, out->rounds, members);
		return reader_end(&in);
	case MESSAGE_HAVE:
		out->flag = flag_read(&in);
		rounds_read(&in, out->rounds, members);
		return reader_end(&in);
	case MESSAGE_SYNC:
		out->number = read_u64(&in);
		rounds_read(&in, out->rounds, members);
		return reader_end(&in);
	case MESSAGE_SYNC_END:
		out->number = read_u64(&in);
		out->flag = flag_read(&in);
		rounds_read(&in, out->rounds, members);
		return reader_end(&in);
	case MESSAGE_TIP_REQUEST:
		out->number = read_u64(&in);
		return reader_end(&in);
	case MESSAGE_TIP:
		out->number = read_u64(&in);
		out->refs[0] = ref_read(&in);
		return reader_end(&in);
	}
	return E_MALFORMED;
}
