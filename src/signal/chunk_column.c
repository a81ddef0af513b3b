#include "signal/chunk_column.h"

#include "signal/sample.h"

#include <math.h>
#include <stdlib.h>

enum {
	ORDERS = 3,             /* difference to the mean, to the last value, to the last difference */
	DECIMALS_MAX = 9,
	MODE_NONE = 0,          /* every value is missing */
	MODE_DECIMAL = 1,       /* integers over a power of ten, and exceptions */
	MODE_DOUBLE = 2,        /* IEEE 754 bits XORed with those of the value before */
};

/* Two different integers below this differ by more than a rounding when divided by a power of ten. */
#define DECIMAL_END 0x1p51

static const double powers[DECIMALS_MAX + 1] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

void chunk_scratch_free(struct chunk_scratch *scratch)
{
	free(scratch->integers);
	free(scratch->residuals);
	free(scratch->doubles);
	*scratch = (struct chunk_scratch){0};
}

int64_t *chunk_scratch_integers(struct chunk_scratch *scratch, size_t count)
{
	if (scratch->integer_capacity < count) {
		scratch->integers = memory_resize(scratch->integers, count, sizeof *scratch->integers);
		scratch->integer_capacity = count;
	}
	return scratch->integers;
}

static uint64_t *scratch_residuals(struct chunk_scratch *scratch, size_t count)
{
	if (scratch->residual_capacity < count) {
		scratch->residuals = memory_resize(scratch->residuals, count, sizeof *scratch->residuals);
		scratch->residual_capacity = count;
	}
	return scratch->residuals;
}

static double *scratch_doubles(struct chunk_scratch *scratch, size_t count)
{
	if (scratch->double_capacity < count) {
		scratch->doubles = memory_resize(scratch->doubles, count, sizeof *scratch->doubles);
		scratch->double_capacity = count;
	}
	return scratch->doubles;
}

static uint64_t bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static double double_of(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static unsigned bit_length(uint64_t value)
{
	return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

/* --- byte planes: all lowest bytes, then all second ones, ... so that quiet bytes stand together --- */

static unsigned plane_count(const uint64_t *residuals, size_t count)
{
	uint64_t all = 0;
	for (size_t i = 0; i < count; i++)
		all |= residuals[i];
	return (bit_length(all) + 7) / 8;
}

static void planes_write(struct buffer *out, const uint64_t *residuals, size_t count, unsigned planes)
{
	buffer_reserve(out, planes * count);
	uint8_t *at = out->data + out->size;
	for (unsigned plane = 0; plane < planes; plane++)
		for (size_t i = 0; i < count; i++)
			*at++ = (uint8_t)(residuals[i] >> (8 * plane));
	out->size += planes * count;
}

/* planes <= 8, count <= CHUNK_SAMPLES_MAX: the product cannot overflow. */
static bool planes_take(struct reader *in, size_t count, unsigned planes, struct span *out)
{
	*out = read_bytes(in, planes * count);
	return !in->failed;
}

static uint64_t plane_value(struct span bytes, size_t count, unsigned planes, size_t i)
{
	uint64_t value = 0;
	for (unsigned plane = 0; plane < planes; plane++)
		value |= (uint64_t)bytes.data[plane * count + i] << (8 * plane);
	return value;
}

/* --- integers; sums and differences wrap, so that any of them comes back --- */

static uint64_t difference(int64_t a, int64_t b)
{
	return (uint64_t)a - (uint64_t)b;
}

static int64_t mean_of(const int64_t *values, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += difference(values[i], values[0]);
	return (int64_t)((uint64_t)values[0] + (uint64_t)((int64_t)sum / (int64_t)count));
}

static uint64_t residual(const int64_t *values, size_t i, unsigned order, int64_t mean)
{
	uint64_t change;
	if (order == 0)
		change = difference(values[i], mean);
	else if (order == 1)
		change = difference(values[i], values[i - 1]);
	else
		change = difference(values[i], values[i - 1]) - difference(values[i - 1], values[i - 2]);
	return zigzag_encode((int64_t)change);
}

/* The order whose residuals have the fewest bits in all; the lower one of equals. */
static unsigned order_choose(const int64_t *values, size_t count, int64_t mean)
{
	uint64_t best = UINT64_MAX;
	unsigned chosen = 0;
	for (unsigned order = 0; order < ORDERS && order < count; order++) {
		uint64_t cost = 0;
		for (size_t i = order; i < count; i++)
			cost += bit_length(residual(values, i, order, mean));
		if (cost < best) {
			best = cost;
			chosen = order;
		}
	}
	return chosen;
}

void chunk_integers_write(struct buffer *out, struct chunk_scratch *scratch, const int64_t *values, size_t count)
{
	if (count == 0)
		return;
	int64_t mean = mean_of(values, count);
	unsigned order = order_choose(values, count, mean);
	uint64_t *residuals = scratch_residuals(scratch, count);
	size_t kept = count - order;
	for (size_t i = 0; i < kept; i++)
		residuals[i] = residual(values, i + order, order, mean);
	unsigned planes = plane_count(residuals, kept);
	write_u8(out, (uint8_t)(order << 4 | planes));
	write_varint(out, zigzag_encode(order == 0 ? mean : values[0]));
	if (order == 2)
		write_varint(out, zigzag_encode((int64_t)difference(values[1], values[0])));
	planes_write(out, residuals, kept, planes);
}

void chunk_integers_read(struct reader *in, int64_t *values, size_t count)
{
	if (count == 0)
		return;
	uint8_t head = read_u8(in);
	unsigned order = head >> 4;
	unsigned planes = head & 15;
	uint64_t base = (uint64_t)zigzag_decode(read_varint(in));
	uint64_t step = order == 2 ? (uint64_t)zigzag_decode(read_varint(in)) : 0;
	struct span bytes;
	if (order >= ORDERS || order >= count || planes > 8 || !planes_take(in, count - order, planes, &bytes)) {
		in->failed = true;
		return;
	}
	uint64_t value = base;
	if (order > 0)
		values[0] = (int64_t)value;
	if (order > 1)
		values[1] = (int64_t)(value += step);
	for (size_t i = order; i < count; i++) {
		uint64_t change = (uint64_t)zigzag_decode(plane_value(bytes, count - order, planes, i - order));
		if (order == 0) {
			values[i] = (int64_t)(base + change);
			continue;
		}
		step = order == 2 ? step + change : change;
		value += step;
		values[i] = (int64_t)value;
	}
}

/* --- presence: lengths of runs, the first of present values, the next of missing ones, ... --- */

static void presence_write(struct buffer *out, const double *values, size_t count, size_t stride)
{
	bool present = true;
	size_t start = 0;
	for (size_t i = 0; i <= count; i++) {
		if (i < count && !isnan(values[i * stride]) == present)
			continue;
		write_varint(out, i - start);
		start = i;
		present = !present;
	}
}

/* Sets missing values to NaN, others to 0. Returns how many others there are. */
static size_t presence_read(struct reader *in, double *values, size_t count, size_t stride)
{
	size_t done = 0;
	size_t found = 0;
	for (bool present = true; done < count; present = !present) {
		uint64_t run = read_varint(in);
		if (in->failed || run > count - done || (run == 0 && done > 0)) {
			in->failed = true;
			return 0;
		}
		for (uint64_t i = 0; i < run; i++)
			values[done++ * stride] = present ? 0 : sample_no_value();
		found += present ? run : 0;
	}
	return found;
}

/* --- doubles --- */

/* The integer m with m / 10^decimals == value, to the bit. */
static bool as_decimal(double value, unsigned decimals, int64_t *out)
{
	double product = value * powers[decimals];
	if (!(fabs(product) < DECIMAL_END))
		return false;
	*out = (int64_t)(product < 0 ? product - 0.5 : product + 0.5);
	return bits_of((double)*out / powers[decimals]) == bits_of(value);
}

/* Decimals that fit all but a few (one in 64) of the values that have decimals; false when
 * more than one value in eight has none. */
static bool decimals_choose(const double *values, size_t count, unsigned *decimals)
{
	size_t having[DECIMALS_MAX + 2] = {0};
	for (size_t i = 0; i < count; i++) {
		unsigned d = 0;
		int64_t ignored;
		while (d <= DECIMALS_MAX && !as_decimal(values[i], d, &ignored))
			d++;
		having[d]++;
	}
	size_t none = having[DECIMALS_MAX + 1];
	size_t more = count - none;
	if (none > count / 8 + 1 || more == 0)
		return false;
	size_t few = more / 64;
	for (*decimals = 0; *decimals < DECIMALS_MAX; (*decimals)++) {
		more -= having[*decimals];
		if (more <= few)
			break;
	}
	return true;
}

static void decimals_write(struct buffer *out, struct chunk_scratch *scratch, const double *values, size_t count,
	unsigned decimals)
{
	int64_t *integers = chunk_scratch_integers(scratch, count);
	struct buffer exceptions = {0};
	size_t kept = 0;
	size_t last = 0;
	for (size_t i = 0; i < count; i++) {
		if (as_decimal(values[i], decimals, &integers[kept])) {
			kept++;
			continue;
		}
		write_varint(&exceptions, i - last);
		write_f64(&exceptions, values[i]);
		last = i;
	}
	write_u8(out, (uint8_t)decimals);
	write_varint(out, count - kept);
	buffer_append_span(out, buffer_span(&exceptions));
	buffer_free(&exceptions);
	chunk_integers_write(out, scratch, integers, kept);
}

static void xor_write(struct buffer *out, struct chunk_scratch *scratch, const double *values, size_t count)
{
	uint64_t *residuals = scratch_residuals(scratch, count);
	uint64_t last = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t bits = bits_of(values[i]);
		residuals[i] = bits ^ last;
		last = bits;
	}
	unsigned planes = plane_count(residuals, count);
	write_u8(out, (uint8_t)planes);
	planes_write(out, residuals, count, planes);
}

void chunk_doubles_write(struct buffer *out, struct chunk_scratch *scratch, const double *values, size_t count, size_t stride)
{
	if (count == 0)
		return;
	double *present = scratch_doubles(scratch, count);
	size_t found = 0;
	for (size_t i = 0; i < count; i++)
		if (!isnan(values[i * stride]))
			present[found++] = values[i * stride];
	if (found == 0) {
		write_u8(out, MODE_NONE);
		return;
	}
	unsigned decimals;
	bool decimal = decimals_choose(present, found, &decimals);
	write_u8(out, decimal ? MODE_DECIMAL : MODE_DOUBLE);
	presence_write(out, values, count, stride);
	if (decimal)
		decimals_write(out, scratch, present, found, decimals);
	else
		xor_write(out, scratch, present, found);
}

static void decimals_read(struct reader *in, struct chunk_scratch *scratch, double *present, size_t count)
{
	unsigned decimals = read_u8(in);
	uint64_t exceptions = read_varint(in);
	if (in->failed || decimals > DECIMALS_MAX || exceptions > count) {
		in->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		present[i] = sample_no_value();
	size_t at = 0;
	for (uint64_t i = 0; i < exceptions; i++) {
		uint64_t gap = read_varint(in);
		double value = read_f64(in);
		if (in->failed || gap >= count - at || (gap == 0 && i > 0) || isnan(value)) {
			in->failed = true;
			return;
		}
		at += gap;
		present[at] = value;
	}
	int64_t *integers = chunk_scratch_integers(scratch, count);
	chunk_integers_read(in, integers, count - exceptions);
	if (in->failed)
		return;
	size_t next = 0;
	for (size_t i = 0; i < count; i++)
		if (isnan(present[i]))
			present[i] = (double)integers[next++] / powers[decimals];
}

static void xor_read(struct reader *in, double *present, size_t count)
{
	unsigned planes = read_u8(in);
	struct span bytes;
	if (planes > 8 || !planes_take(in, count, planes, &bytes)) {
		in->failed = true;
		return;
	}
	uint64_t last = 0;
	for (size_t i = 0; i < count; i++) {
		last ^= plane_value(bytes, count, planes, i);
		present[i] = double_of(last);
		if (isnan(present[i]))
			in->failed = true;
	}
}

void chunk_doubles_read(struct reader *in, struct chunk_scratch *scratch, double *values, size_t count, size_t stride)
{
	if (count == 0)
		return;
	uint8_t mode = read_u8(in);
	if (mode == MODE_NONE) {
		for (size_t i = 0; i < count; i++)
			values[i * stride] = sample_no_value();
		return;
	}
	if (mode > MODE_DOUBLE) {
		in->failed = true;
		return;
	}
	size_t found = presence_read(in, values, count, stride);
	double *present = scratch_doubles(scratch, count);
	if (mode == MODE_DECIMAL)
		decimals_read(in, scratch, present, found);
	else
		xor_read(in, present, found);
	if (in->failed)
		return;
	size_t next = 0;
	for (size_t i = 0; i < count; i++)
		if (!isnan(values[i * stride]))
			values[i * stride] = present[next++];
}

/* --- statuses --- */

void chunk_statuses_write(struct buffer *out, const uint32_t *statuses, const uint8_t *reasons, size_t count, size_t stride)
{
	size_t start = 0;
	for (size_t i = 1; i <= count; i++) {
		bool same = i < count && statuses[i * stride] == statuses[start * stride] &&
			reasons[i * stride] == reasons[start * stride];
		if (same)
			continue;
		write_varint(out, i - start);
		write_u32(out, statuses[start * stride]);
		write_u8(out, reasons[start * stride]);
		start = i;
	}
}

void chunk_statuses_read(struct reader *in, uint32_t *statuses, uint8_t *reasons, size_t count, size_t stride)
{
	for (size_t done = 0; done < count;) {
		uint64_t run = read_varint(in);
		uint32_t status = read_u32(in);
		uint8_t reason = read_u8(in);
		if (in->failed || run == 0 || run > count - done || reason >= REASON_COUNT) {
			in->failed = true;
			return;
		}
		for (uint64_t i = 0; i < run; i++, done++) {
			statuses[done * stride] = status;
			reasons[done * stride] = reason;
		}
	}
}
