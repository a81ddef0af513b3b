/* Samples: the one form of a reading, {time ns, value, OPC UA StatusCode, UCUM unit},
 * and the canonical bytes of it that a Merkle leaf is made of. Pure. */
#ifndef TALLY_SIGNAL_SAMPLE_H
#define TALLY_SIGNAL_SAMPLE_H

#include "base/buffer.h"

/* OPC UA Part 6, annex A: the severity is in the top two bits. */
#define STATUS_GOOD UINT32_C(0x00000000)
#define STATUS_UNCERTAIN_LAST_USABLE UINT32_C(0x40900000) /* stuck */
#define STATUS_UNCERTAIN_SENSOR_NOT_ACCURATE UINT32_C(0x40930000)
#define STATUS_UNCERTAIN UINT32_C(0x40000000) /* source time ahead of the gateway */
#define STATUS_BAD UINT32_C(0x80000000) /* missing, or in another unit */
#define STATUS_BAD_DECODING UINT32_C(0x80070000) /* malformed */
#define STATUS_BAD_TYPE_MISMATCH UINT32_C(0x80740000) /* not a number */
#define STATUS_BAD_OUT_OF_RANGE UINT32_C(0x803C0000)

static inline bool status_is_good(uint32_t code)
{
	return code >> 30 == 0;
}

static inline bool status_is_bad(uint32_t code)
{
	return code >> 30 >= 2;
}

/* Why wrangling flagged a sample or a message. One reason a sample: the gravest. */
enum wrangle_reason {
	REASON_NONE = 0,
	REASON_MISSING,       /* field absent, null or empty */
	REASON_NOT_A_NUMBER,  /* text, boolean, NaN, infinity */
	REASON_UNIT,          /* stated unit is not commensurable with the registered one */
	REASON_RANGE,         /* not physically possible: below absolute zero, negative absolute pressure */
	REASON_STUCK,         /* equal raw values for too long */
	REASON_LATE,          /* older than data already taken */
	REASON_DUPLICATE,     /* this row was there before; the sample is kept once */
	REASON_FUTURE,        /* source time ahead of the gateway's clock */
	REASON_MALFORMED,     /* the message could not be read at all */
	REASON_COUNT
};

const char *wrangle_reason_name(unsigned reason);

/* One column of a device: fixed by its registration. Texts are borrowed from it. */
struct channel {
	struct span id;
	struct span raw_unit;
	struct span unit;
	double scale;         /* value = raw * scale + offset */
	double offset;
};

struct sample {
	struct span device;
	const struct channel *channel;
	uint64_t seq;         /* the device's message number */
	int64_t time_ns;      /* source time */
	int64_t received_ns;  /* by the gateway's clock, whole microseconds */
	double raw;           /* bit-exact as read; NaN when there is none */
	double value;         /* raw * channel->scale + channel->offset; NaN when there is none */
	uint32_t status;
	uint32_t reason;
};

enum {
	SAMPLE_TEXT_MAX = 255,
	SAMPLE_BYTES_MAX = 1 + 4 * (1 + SAMPLE_TEXT_MAX) + 53,
};

/* The one bit pattern that stands for "there is no value". */
static inline double sample_no_value(void)
{
	uint64_t bits = UINT64_C(0x7ff8000000000000);
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static inline double sample_value(const struct channel *channel, double raw)
{
	return raw * channel->scale + channel->offset;
}

/* "Good", "Uncertain" or "Bad": the severity of a StatusCode. */
const char *status_severity_name(uint32_t code);

/* Canonical bytes: u8 1 | u8-length texts device, id, raw_unit, unit | u64 seq | i64 time_ns | i64 received_ns |
 * f64 scale | f64 offset | f64 raw | u32 status | u8 reason. The value follows from raw.
 * Texts are at most 255 bytes; a raw NaN is written as sample_no_value(). */
void sample_encode(const struct sample *sample, struct buffer *out);

/* Texts borrowed from bytes; *channel receives the column. E_MALFORMED; E_NOT_CANONICAL: another NaN,
 * or a reception that is not a whole microsecond. */
MUST_USE enum status sample_decode(struct span bytes, struct sample *out, struct channel *channel);

/* One line for people: "spindle-1 bearing_temperature 61.2 Cel Good seq 17 at 2026-...". Appends. */
void sample_describe(const struct sample *sample, struct buffer *out);

#endif
