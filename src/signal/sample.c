#include "signal/sample.h"

#include "base/cursor.h"
#include "base/time.h"

#include <inttypes.h>
#include <math.h>

enum { FORM_VERSION = 1 };

const char *wrangle_reason_name(unsigned reason)
{
	static const char *const names[REASON_COUNT] = {
		[REASON_NONE] = "none",
		[REASON_MISSING] = "missing",
		[REASON_NOT_A_NUMBER] = "not_a_number",
		[REASON_UNIT] = "unit",
		[REASON_RANGE] = "range",
		[REASON_STUCK] = "stuck",
		[REASON_LATE] = "late",
		[REASON_DUPLICATE] = "duplicate",
		[REASON_FUTURE] = "future",
		[REASON_MALFORMED] = "malformed",
	};
	return reason < REASON_COUNT ? names[reason] : "unknown_reason";
}

const char *status_severity_name(uint32_t code)
{
	if (status_is_good(code))
		return "Good";
	return status_is_bad(code) ? "Bad" : "Uncertain";
}

static uint8_t *put_text(uint8_t *at, struct span text)
{
	CHECK(text.size <= SAMPLE_TEXT_MAX);
	*at++ = (uint8_t)text.size;
	if (text.size)
		memcpy(at, text.data, text.size);
	return at + text.size;
}

static uint8_t *put_little(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> (8 * i));
	return at + size;
}

static uint8_t *put_f64(uint8_t *at, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return put_little(at, bits, 8);
}

/* Every sample of every device passes here: one reservation, no call per field. */
void sample_encode(const struct sample *sample, struct buffer *out)
{
	const struct channel *channel = sample->channel;
	buffer_reserve(out, SAMPLE_BYTES_MAX);
	uint8_t *start = out->data + out->size;
	uint8_t *at = start;
	*at++ = FORM_VERSION;
	at = put_text(at, sample->device);
	at = put_text(at, channel->id);
	at = put_text(at, channel->raw_unit);
	at = put_text(at, channel->unit);
	at = put_little(at, sample->seq, 8);
	at = put_little(at, (uint64_t)sample->time_ns, 8);
	at = put_little(at, (uint64_t)sample->received_ns, 8);
	at = put_f64(at, channel->scale);
	at = put_f64(at, channel->offset);
	at = put_f64(at, isnan(sample->raw) ? sample_no_value() : sample->raw);
	at = put_little(at, sample->status, 4);
	*at++ = (uint8_t)sample->reason;
	out->size += (size_t)(at - start);
}

static struct span read_text(struct reader *in)
{
	size_t size = read_u8(in);
	return read_bytes(in, size);
}

static bool is_another_nan(double value)
{
	double none = sample_no_value();
	return isnan(value) && memcmp(&value, &none, sizeof value) != 0;
}

enum status sample_decode(struct span bytes, struct sample *out, struct channel *channel)
{
	struct reader in = reader_of(bytes);
	uint8_t version = read_u8(&in);
	*out = (struct sample){.channel = channel};
	out->device = read_text(&in);
	channel->id = read_text(&in);
	channel->raw_unit = read_text(&in);
	channel->unit = read_text(&in);
	out->seq = read_u64(&in);
	out->time_ns = read_i64(&in);
	out->received_ns = read_i64(&in);
	channel->scale = read_f64(&in);
	channel->offset = read_f64(&in);
	out->raw = read_f64(&in);
	out->status = read_u32(&in);
	out->reason = read_u8(&in);
	TRY(reader_end(&in));
	if (version != FORM_VERSION || out->reason >= REASON_COUNT)
		return E_MALFORMED;
	if (!isfinite(channel->scale) || !isfinite(channel->offset))
		return E_MALFORMED;
	if (is_another_nan(out->raw) || out->received_ns % 1000 != 0)
		return E_NOT_CANONICAL;
	out->value = isnan(out->raw) ? out->raw : sample_value(channel, out->raw);
	return OK;
}

/* Names come from registrations, but a line for a terminal takes no control characters. */
static void append_printable(struct buffer *out, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		buffer_append_byte(out, c < 0x20 || c == 0x7f ? '?' : c);
	}
	buffer_append_byte(out, ' ');
}

void sample_describe(const struct sample *sample, struct buffer *out)
{
	char time[TIME_TEXT_SIZE];
	time_text(sample->time_ns, time);
	append_printable(out, sample->device);
	append_printable(out, sample->channel->id);
	if (isnan(sample->value)) {
		buffer_append_text(out, "no value ");
	} else {
		buffer_printf(out, "%.10g ", sample->value);
		append_printable(out, sample->channel->unit);
	}
	buffer_append_text(out, status_severity_name(sample->status));
	if (sample->reason != REASON_NONE)
		buffer_printf(out, " (%s)", wrangle_reason_name(sample->reason));
	buffer_printf(out, " seq %" PRIu64 " at %s", sample->seq, time);
}
