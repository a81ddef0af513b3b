#include "signal/chunk_content.h"

#include "signal/chunk_column.h"

#include "base/cursor.h"

#include <math.h>
#include <stdlib.h>

enum {
	HEAD_BYTES = 64,
	ROW_BYTES_MAX = 4 * CHUNK_INTEGER_BYTES_MAX,
	TABLE_BYTES_MAX = 4 * CHUNK_COLUMN_HEAD_MAX,
	REFUSED_BYTES_MAX = 5 + 8 + 8 + 4 + 4,
	POWER_MAX = 9,          /* times are divided by at most 10^9 */
};

static void table_free(struct chunk_table *table)
{
	free(table->channels);
	free(table->texts);
	free(table->seq);
	free(table->time_ns);
	free(table->received_us);
	free(table->raw);
	free(table->status);
	free(table->reason);
}

void chunk_content_free(struct chunk_content *content)
{
	for (size_t i = 0; i < content->table_count; i++)
		table_free(&content->tables[i]);
	for (size_t i = 0; i < content->refused_count; i++)
		free((void *)(uintptr_t)content->refused[i].payload.data);
	free(content->tables);
	free(content->order);
	free(content->refused);
	map_free(&content->by_name);
	*content = (struct chunk_content){0};
}

bool chunk_content_claim(struct chunk_content *content, size_t more)
{
	size_t used = content->size_max ? content->size_max : HEAD_BYTES;
	if (more > CHUNK_CONTENT_MAX - used)
		return false;
	content->size_max = used + more;
	return true;
}

/* --- building --- */

static size_t text_size(struct span device, const struct channel *channels, size_t count)
{
	size_t size = device.size;
	for (size_t i = 0; i < count; i++)
		size += channels[i].id.size + channels[i].raw_unit.size + channels[i].unit.size;
	return size;
}

static bool texts_fit(struct span device, const struct channel *channels, size_t count)
{
	bool fit = device.size <= SAMPLE_TEXT_MAX;
	for (size_t i = 0; i < count; i++)
		fit = fit && channels[i].id.size <= SAMPLE_TEXT_MAX && channels[i].raw_unit.size <= SAMPLE_TEXT_MAX &&
			channels[i].unit.size <= SAMPLE_TEXT_MAX;
	return fit;
}

static struct span copy_text(uint8_t **at, struct span text)
{
	struct span copy = span_of(*at, text.size);
	if (text.size)
		memcpy(*at, text.data, text.size);
	*at += text.size;
	return copy;
}

enum status chunk_content_device(struct chunk_content *content, struct span device,
	const struct channel *channels, size_t count, uint32_t *index)
{
	uint64_t earlier;
	if (map_get(&content->by_name, device, &earlier)) {
		*index = (uint32_t)earlier;
		return E_DUPLICATE;
	}
	if (content->table_count == CHUNK_DEVICES_MAX || count == 0 || count > WRANGLE_SIGNALS_MAX ||
		!texts_fit(device, channels, count))
		return E_LIMIT;
	size_t texts = text_size(device, channels, count);
	if (!chunk_content_claim(content, texts + TABLE_BYTES_MAX + count * (2 * CHUNK_COLUMN_HEAD_MAX)))
		return E_LIMIT;
	ARRAY_GROW(content->tables, content->table_count, content->table_capacity);
	struct chunk_table *table = &content->tables[content->table_count];
	*table = (struct chunk_table){.channel_count = count};
	table->texts = memory_new(texts);
	table->channels = memory_new_array(count, sizeof *table->channels);
	uint8_t *at = table->texts;
	table->device = copy_text(&at, device);
	for (size_t i = 0; i < count; i++) {
		table->channels[i] = channels[i];
		table->channels[i].id = copy_text(&at, channels[i].id);
		table->channels[i].raw_unit = copy_text(&at, channels[i].raw_unit);
		table->channels[i].unit = copy_text(&at, channels[i].unit);
	}
	map_put(&content->by_name, device, content->table_count);
	*index = (uint32_t)content->table_count++;
	return OK;
}

static void table_reserve(struct chunk_table *table, size_t rows)
{
	size_t samples = rows * table->channel_count;
	table->seq = memory_resize(table->seq, rows, sizeof *table->seq);
	table->time_ns = memory_resize(table->time_ns, rows, sizeof *table->time_ns);
	table->received_us = memory_resize(table->received_us, rows, sizeof *table->received_us);
	table->raw = memory_resize(table->raw, samples, sizeof *table->raw);
	table->status = memory_resize(table->status, samples, sizeof *table->status);
	table->reason = memory_resize(table->reason, samples, sizeof *table->reason);
	table->row_capacity = rows;
}

enum status chunk_content_row(struct chunk_content *content, uint32_t device, size_t *row)
{
	CHECK(device < content->table_count);
	struct chunk_table *table = &content->tables[device];
	if (content->sample_count + table->channel_count > CHUNK_SAMPLES_MAX)
		return E_LIMIT;
	if (!chunk_content_claim(content, ROW_BYTES_MAX + table->channel_count * CHUNK_SAMPLE_BYTES_MAX))
		return E_LIMIT;
	if (table->row_count == table->row_capacity)
		table_reserve(table, table->row_capacity ? 2 * table->row_capacity : 16);
	ARRAY_GROW(content->order, content->row_count, content->row_capacity);
	content->order[content->row_count++] = (uint16_t)device;
	content->sample_count += table->channel_count;
	*row = table->row_count++;
	return OK;
}

enum status chunk_content_refused(struct chunk_content *content, const struct chunk_refused_row *refused)
{
	CHECK(refused->device < content->table_count);
	size_t kept = refused->payload.size < CHUNK_REFUSED_KEPT_MAX ? refused->payload.size : CHUNK_REFUSED_KEPT_MAX;
	if (content->refused_count == CHUNK_REFUSED_MAX || !chunk_content_claim(content, kept + REFUSED_BYTES_MAX))
		return E_LIMIT;
	ARRAY_GROW(content->refused, content->refused_count, content->refused_capacity);
	struct chunk_refused_row *row = &content->refused[content->refused_count++];
	*row = *refused;
	row->payload = span_of(memory_text(span_of(refused->payload.data, kept)), kept);
	return OK;
}

void chunk_content_sample(const struct chunk_content *content, uint32_t device, size_t row, size_t column, struct sample *out)
{
	const struct chunk_table *table = &content->tables[device];
	size_t cell = row * table->channel_count + column;
	*out = (struct sample){
		.device = table->device,
		.channel = &table->channels[column],
		.seq = table->seq[row],
		.time_ns = table->time_ns[row],
		.received_ns = table->received_us[row] * 1000,
		.raw = table->raw[cell],
		.status = table->status[cell],
		.reason = table->reason[cell],
	};
	out->value = isnan(out->raw) ? out->raw : sample_value(out->channel, out->raw);
}

/* --- encoding; the writers and the readers below stand in the order of the bytes --- */

static int64_t floor_us(int64_t ns)
{
	return ns / 1000 - (ns % 1000 < 0);
}

static void write_text(struct buffer *out, struct span text)
{
	write_u8(out, (uint8_t)text.size);
	buffer_append_span(out, text);
}

static struct span read_text(struct reader *in)
{
	size_t size = read_u8(in);
	return read_bytes(in, size);
}

static void device_write(struct buffer *out, const struct chunk_table *table)
{
	write_text(out, table->device);
	write_u8(out, (uint8_t)table->channel_count);
	for (size_t i = 0; i < table->channel_count; i++) {
		const struct channel *channel = &table->channels[i];
		write_text(out, channel->id);
		write_text(out, channel->raw_unit);
		write_text(out, channel->unit);
		write_f64(out, channel->scale);
		write_f64(out, channel->offset);
	}
}

static bool has_id(const struct channel *channels, size_t count, struct span id)
{
	for (size_t i = 0; i < count; i++)
		if (span_equal(channels[i].id, id))
			return true;
	return false;
}

static enum status device_read(struct reader *in, struct chunk_content *content)
{
	struct span device = read_text(in);
	size_t count = read_u8(in);
	struct channel channels[WRANGLE_SIGNALS_MAX];
	if (in->failed || count == 0 || count > WRANGLE_SIGNALS_MAX)
		return E_MALFORMED;
	for (size_t i = 0; i < count; i++) {
		channels[i].id = read_text(in);
		channels[i].raw_unit = read_text(in);
		channels[i].unit = read_text(in);
		channels[i].scale = read_f64(in);
		channels[i].offset = read_f64(in);
		/* Two columns of one name would let a holder choose which to show. */
		if (!isfinite(channels[i].scale) || !isfinite(channels[i].offset) || has_id(channels, i, channels[i].id))
			return E_MALFORMED;
	}
	uint32_t index;
	return in->failed ? E_MALFORMED : chunk_content_device(content, device, channels, count, &index);
}

static void order_write(struct buffer *out, struct chunk_scratch *scratch, const struct chunk_content *content)
{
	/* With one device there is nothing to say. */
	if (content->table_count < 2)
		return;
	int64_t *integers = memory_new_array(content->row_count, sizeof *integers);
	for (size_t i = 0; i < content->row_count; i++)
		integers[i] = content->order[i];
	chunk_integers_write(out, scratch, integers, content->row_count);
	free(integers);
}

static enum status order_read(struct reader *in, struct chunk_content *content, size_t rows)
{
	int64_t *integers = memory_new_array(rows, sizeof *integers);
	if (content->table_count >= 2)
		chunk_integers_read(in, integers, rows);
	enum status status = in->failed ? E_MALFORMED : OK;
	for (size_t i = 0; status == OK && i < rows; i++) {
		size_t row;
		if (integers[i] < 0 || integers[i] >= (int64_t)content->table_count)
			status = E_MALFORMED;
		else
			status = chunk_content_row(content, (uint32_t)integers[i], &row);
	}
	free(integers);
	return status;
}

static const int64_t tens[POWER_MAX + 1] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};

/* The largest power of ten that divides every time: devices report whole milliseconds. */
static unsigned common_power(const int64_t *times, size_t count)
{
	unsigned power = POWER_MAX;
	for (size_t i = 0; i < count; i++)
		while (times[i] % tens[power] != 0)
			power--;
	return power;
}

static void table_write(struct buffer *out, struct chunk_scratch *scratch, const struct chunk_table *table)
{
	size_t rows = table->row_count;
	if (rows == 0)
		return;
	int64_t *integers = memory_new_array(rows, sizeof *integers);
	for (size_t i = 0; i < rows; i++)
		integers[i] = (int64_t)table->seq[i];
	chunk_integers_write(out, scratch, integers, rows);
	unsigned power = common_power(table->time_ns, rows);
	write_u8(out, (uint8_t)power);
	for (size_t i = 0; i < rows; i++)
		integers[i] = table->time_ns[i] / tens[power];
	chunk_integers_write(out, scratch, integers, rows);
	for (size_t i = 0; i < rows; i++)
		integers[i] = table->received_us[i] - floor_us(table->time_ns[i]);
	chunk_integers_write(out, scratch, integers, rows);
	free(integers);
	for (size_t c = 0; c < table->channel_count; c++) {
		chunk_doubles_write(out, scratch, table->raw + c, rows, table->channel_count);
		chunk_statuses_write(out, table->status + c, table->reason + c, rows, table->channel_count);
	}
}

static bool table_times_read(struct reader *in, struct chunk_table *table)
{
	size_t rows = table->row_count;
	unsigned power = read_u8(in);
	if (power > POWER_MAX)
		return false;
	chunk_integers_read(in, table->time_ns, rows);
	chunk_integers_read(in, table->received_us, rows);
	if (in->failed)
		return false;
	for (size_t i = 0; i < rows; i++) {
		int64_t us, ns;
		if (__builtin_mul_overflow(table->time_ns[i], tens[power], &table->time_ns[i]) ||
			__builtin_add_overflow(table->received_us[i], floor_us(table->time_ns[i]), &us) ||
			__builtin_mul_overflow(us, 1000, &ns))
			return false;
		table->received_us[i] = us;
	}
	return true;
}

static enum status table_read(struct reader *in, struct chunk_scratch *scratch, struct chunk_table *table)
{
	size_t rows = table->row_count;
	if (rows == 0)
		return OK;
	/* seq has the width of int64_t, and wraps like it. */
	chunk_integers_read(in, (int64_t *)table->seq, rows);
	if (in->failed || !table_times_read(in, table))
		return E_MALFORMED;
	for (size_t c = 0; c < table->channel_count && !in->failed; c++) {
		chunk_doubles_read(in, scratch, table->raw + c, rows, table->channel_count);
		if (!in->failed)
			chunk_statuses_read(in, table->status + c, table->reason + c, rows, table->channel_count);
	}
	return in->failed ? E_MALFORMED : OK;
}

static void refused_write(struct buffer *out, const struct chunk_refused_row *refused)
{
	write_varint(out, refused->device);
	write_u64(out, refused->seq);
	write_i64(out, refused->received_us);
	write_u32(out, refused->true_size);
	write_block(out, refused->payload);
}

static enum status refused_read(struct reader *in, struct chunk_content *content)
{
	uint64_t device = read_varint(in);
	struct chunk_refused_row refused = {0};
	refused.seq = read_u64(in);
	refused.received_us = read_i64(in);
	refused.true_size = read_u32(in);
	refused.payload = read_block(in, CHUNK_REFUSED_KEPT_MAX);
	int64_t ns;
	if (in->failed || device >= content->table_count || __builtin_mul_overflow(refused.received_us, 1000, &ns))
		return E_MALFORMED;
	size_t expected = refused.true_size < CHUNK_REFUSED_KEPT_MAX ? refused.true_size : CHUNK_REFUSED_KEPT_MAX;
	if (refused.payload.size != expected)
		return E_MALFORMED;
	refused.device = (uint32_t)device;
	return chunk_content_refused(content, &refused);
}

void chunk_content_encode(const struct chunk_content *content, struct buffer *out)
{
	struct chunk_scratch scratch = {0};
	size_t start = out->size;
	write_u32(out, (uint32_t)content->table_count);
	write_u32(out, (uint32_t)content->row_count);
	write_u32(out, (uint32_t)content->refused_count);
	for (size_t i = 0; i < content->table_count; i++)
		device_write(out, &content->tables[i]);
	order_write(out, &scratch, content);
	for (size_t i = 0; i < content->table_count; i++)
		table_write(out, &scratch, &content->tables[i]);
	for (size_t i = 0; i < content->refused_count; i++)
		refused_write(out, &content->refused[i]);
	chunk_scratch_free(&scratch);
	CHECK(out->size - start <= CHUNK_CONTENT_MAX);
}

static enum status sections_read(struct reader *in, struct chunk_scratch *scratch, struct chunk_content *content)
{
	uint32_t tables = read_u32(in);
	uint32_t rows = read_u32(in);
	uint32_t refused = read_u32(in);
	if (in->failed || (rows && !tables))
		return E_MALFORMED;
	if (tables > CHUNK_DEVICES_MAX || rows > CHUNK_SAMPLES_MAX || refused > CHUNK_REFUSED_MAX)
		return E_LIMIT;
	for (uint32_t i = 0; i < tables; i++)
		TRY(device_read(in, content));
	TRY(order_read(in, content, rows));
	for (uint32_t i = 0; i < tables; i++)
		TRY(table_read(in, scratch, &content->tables[i]));
	for (uint32_t i = 0; i < refused; i++)
		TRY(refused_read(in, content));
	return reader_end(in);
}

enum status chunk_content_decode(struct span bytes, struct chunk_content *content, struct fault *fault)
{
	struct reader in = reader_of(bytes);
	struct chunk_scratch scratch = {0};
	enum status status = sections_read(&in, &scratch, content);
	chunk_scratch_free(&scratch);
	if (status == E_LIMIT)
		return fault_set(fault, status, "the chunk holds more than a chunk may; it was not written by this program");
	if (status != OK)
		return fault_set(fault, E_MALFORMED, "the chunk's columns do not add up; fetch it again from another holder");
	struct buffer again = {0};
	chunk_content_encode(content, &again);
	bool canonical = span_equal(buffer_span(&again), bytes);
	buffer_free(&again);
	if (!canonical)
		return fault_set(fault, E_NOT_CANONICAL, "the chunk is not in its one permitted form; it was not written by this program");
	return OK;
}
