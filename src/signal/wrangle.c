#include "signal/wrangle_parts.h"

#include "base/cursor.h"
#include "base/time.h"
#include "crypto/hash.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

/* A source clock may be this far ahead of the gateway's. */
#define AHEAD_MAX_NS (5 * NS_PER_S)

/* --- making one --- */

static enum status check_rule(enum wrangle_format format, const struct wrangle_rule *rule, struct fault *fault)
{
	const struct span texts[] = {rule->id, rule->field, rule->raw_unit, rule->unit};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (texts[i].size == 0)
			return fault_set(fault, E_CONFIG, "a signal needs an id, a field, a raw unit and a unit (\"1\" where there is none)");
		if (texts[i].size > WRANGLE_TEXT_MAX)
			return fault_set(fault, E_LIMIT, "ids, fields and units have at most %d bytes", WRANGLE_TEXT_MAX);
	}
	if (format == WRANGLE_JSON && span_is_text(rule->field, "t"))
		return fault_set(fault, E_CONFIG, "field \"t\" is the time; a signal reads another one");
	if (rule->stuck_count == 1)
		return fault_set(fault, E_CONFIG, "a stuck_count of 1 would call every value stuck; use 0 for never, or 2 and more");
	return OK;
}

static enum status check_rules(enum wrangle_format format, const struct wrangle_rule *rules, size_t count, struct fault *fault)
{
	if (format != WRANGLE_JSON && format != WRANGLE_CSV && format != WRANGLE_SENML)
		return fault_set(fault, E_CONFIG, "unknown message format %d; use json, csv or senml", (int)format);
	if (count == 0 || count > WRANGLE_SIGNALS_MAX)
		return fault_set(fault, E_LIMIT, "a device has 1 to %d signals, not %zu", WRANGLE_SIGNALS_MAX, count);
	for (size_t i = 0; i < count; i++) {
		TRY(check_rule(format, &rules[i], fault));
		for (size_t j = 0; j < i; j++)
			if (span_equal(rules[i].id, rules[j].id) || span_equal(rules[i].field, rules[j].field))
				return fault_set(fault, E_CONFIG, "signals %zu and %zu have the same id or field; each needs its own", j + 1, i + 1);
	}
	return OK;
}

static struct span copy_text(struct wrangler *wrangler, struct span text)
{
	/* texts was reserved for all of them: it does not move. */
	CHECK(wrangler->texts.capacity - wrangler->texts.size >= text.size);
	struct span copy = span_of(wrangler->texts.data + wrangler->texts.size, text.size);
	buffer_append_span(&wrangler->texts, text);
	return copy;
}

static bool column_number(struct span field, size_t *column)
{
	*column = 0;
	for (size_t i = 0; i < field.size; i++) {
		if (field.data[i] < '0' || field.data[i] > '9' || (i == 0 && field.data[i] == '0'))
			return false;
		*column = 10 * *column + (field.data[i] - '0');
		if (*column > WRANGLE_COLUMN_MAX)
			return false;
	}
	return *column > 0;
}

static enum status signal_init(struct wrangler *wrangler, size_t index, const struct wrangle_rule *rule,
	struct unit_table *units, struct fault *fault)
{
	struct channel *channel = &wrangler->channels[index];
	struct wrangle_signal *signal = &wrangler->signals[index];
	TRY(unit_conversion(units, rule->raw_unit, rule->unit, &channel->scale, &channel->offset, fault));
	channel->id = copy_text(wrangler, rule->id);
	channel->raw_unit = copy_text(wrangler, rule->raw_unit);
	channel->unit = copy_text(wrangler, rule->unit);
	signal->field = copy_text(wrangler, rule->field);
	signal->period_ms = rule->period_ms;
	signal->stuck_count = rule->stuck_count;
	/* Room for the rounding of a conversion: -273.15 Cel is possible. */
	double floor = unit_floor(units, rule->raw_unit);
	signal->floor = isinf(floor) ? floor : floor - 1e-9 * fabs(floor);
	if (wrangler->format == WRANGLE_SENML)
		signal->same = senml_units_same(units, rule->raw_unit);
	if (wrangler->format == WRANGLE_CSV) {
		size_t column;
		if (!column_number(rule->field, &column))
			return fault_set(fault, E_CONFIG,
				"a CSV field is a column number from 1 (the first after the time) to %d", WRANGLE_COLUMN_MAX);
		wrangler->column_signal[column] = (uint8_t)(index + 1);
	}
	return OK;
}

static void write_text(struct buffer *out, struct span text)
{
	write_u8(out, (uint8_t)text.size);
	buffer_append_span(out, text);
}

static struct digest digest_of(const struct wrangler *wrangler)
{
	struct buffer form = {0};
	buffer_append_text(&form, "tally-wrangle");
	write_u16(&form, WRANGLE_VERSION);
	write_u8(&form, (uint8_t)wrangler->format);
	write_u8(&form, (uint8_t)wrangler->count);
	for (size_t i = 0; i < wrangler->count; i++) {
		write_text(&form, wrangler->channels[i].id);
		write_text(&form, wrangler->signals[i].field);
		write_text(&form, wrangler->channels[i].raw_unit);
		write_text(&form, wrangler->channels[i].unit);
		write_u32(&form, wrangler->signals[i].period_ms);
		write_u32(&form, wrangler->signals[i].stuck_count);
	}
	struct digest digest = sha256(buffer_span(&form));
	buffer_free(&form);
	return digest;
}

enum status wrangler_new(enum wrangle_format format, const struct wrangle_rule *rules, size_t count,
	struct unit_table *units, struct wrangler **out, struct fault *fault)
{
	TRY(check_rules(format, rules, count, fault));
	struct wrangler *wrangler = memory_new(sizeof *wrangler);
	wrangler->format = format;
	wrangler->count = count;
	wrangler->channels = memory_new_array(count, sizeof *wrangler->channels);
	wrangler->signals = memory_new_array(count, sizeof *wrangler->signals);
	wrangler->column_signal = memory_new_array(WRANGLE_COLUMN_MAX + 1, 1);
	wrangler->seen = memory_new_array(WRANGLE_SEEN, sizeof *wrangler->seen);
	wrangler->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	CHECK(wrangler->c_locale);
	buffer_reserve(&wrangler->texts, 4 * count * WRANGLE_TEXT_MAX);
	for (size_t i = 0; i < count; i++) {
		enum status status = signal_init(wrangler, i, &rules[i], units, fault);
		if (status != OK) {
			wrangler_free(wrangler);
			return status;
		}
	}
	wrangler->digest = digest_of(wrangler);
	*out = wrangler;
	return OK;
}

void wrangler_free(struct wrangler *wrangler)
{
	if (!wrangler)
		return;
	freelocale(wrangler->c_locale);
	free(wrangler->channels);
	free(wrangler->signals);
	free(wrangler->column_signal);
	free(wrangler->seen);
	free(wrangler->rows);
	free(wrangler->timed);
	buffer_free(&wrangler->texts);
	buffer_free(&wrangler->pool);
	free(wrangler);
}

const struct channel *wrangler_channels(const struct wrangler *wrangler, size_t *count)
{
	*count = wrangler->count;
	return wrangler->channels;
}

struct digest wrangler_digest(const struct wrangler *wrangler)
{
	return wrangler->digest;
}

void wrangler_counts(const struct wrangler *wrangler, struct wrangle_counts *out)
{
	*out = wrangler->counts;
}

/* --- for the readers --- */

struct wrangle_row *wrangle_row_add(struct wrangler *wrangler, int64_t received_ns)
{
	if (wrangler->row_count == WRANGLE_ROWS_MAX)
		return NULL;
	ARRAY_GROW(wrangler->rows, wrangler->row_count, wrangler->row_capacity);
	ARRAY_GROW(wrangler->timed, wrangler->row_count, wrangler->timed_capacity);
	struct wrangle_row *row = &wrangler->rows[wrangler->row_count];
	wrangler->timed[wrangler->row_count++] = false;
	memset(row, 0, sizeof *row);
	row->time_ns = received_ns;
	for (size_t i = 0; i < wrangler->count; i++) {
		row->raw[i] = sample_no_value();
		row->reason[i] = REASON_MISSING;
	}
	return row;
}

enum status wrangle_rows_limit(struct fault *fault)
{
	return fault_set(fault, E_LIMIT, "more than %d rows in one message; send smaller batches", WRANGLE_ROWS_MAX);
}

void wrangle_cell_value(struct wrangle_row *row, size_t signal, double raw)
{
	row->raw[signal] = raw;
	row->reason[signal] = REASON_NONE;
}

void wrangle_cell_reason(struct wrangle_row *row, size_t signal, enum wrangle_reason reason)
{
	row->reason[signal] = (uint8_t)reason;
}

size_t wrangle_field_find(const struct wrangler *wrangler, struct span field, size_t *hint)
{
	size_t first = *hint < wrangler->count ? *hint : 0;
	size_t i = first;
	do {
		size_t next = i + 1 < wrangler->count ? i + 1 : 0;
		if (span_equal(wrangler->signals[i].field, field)) {
			*hint = next;
			return i;
		}
		i = next;
	} while (i != first);
	return wrangler->count;
}

bool wrangle_number_parse(const struct wrangler *wrangler, struct span text, double *out)
{
	char copy[WRANGLE_NUMBER_MAX + 1];
	if (text.size == 0 || text.size > WRANGLE_NUMBER_MAX)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if ((c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E')
			return false;
		copy[i] = (char)c;
	}
	copy[text.size] = '\0';
	char *end;
	*out = strtod_l(copy, &end, wrangler->c_locale);
	return end == copy + text.size && isfinite(*out);
}

/* --- judging --- */

static uint64_t bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

/* Stands for a row's values among rows of equal time: 64 bits, so that chance does not drop a row. */
static uint64_t mark_of(const struct wrangler *wrangler, const struct wrangle_row *row)
{
	uint64_t mark = UINT64_C(0x9e3779b97f4a7c15);
	for (size_t i = 0; i < wrangler->count; i++) {
		mark = (mark ^ bits_of(row->raw[i])) * UINT64_C(0xbf58476d1ce4e5b9);
		mark ^= mark >> 29;
		mark = (mark ^ row->reason[i]) * UINT64_C(0x94d049bb133111eb);
		mark ^= mark >> 32;
	}
	return mark;
}

/* Only rows with a time of their own can be told from a repetition. */
static bool was_seen(struct wrangler *wrangler, const struct wrangle_row *row)
{
	uint64_t mark = mark_of(wrangler, row);
	bool newer = wrangler->seen_count == 0 || row->time_ns > wrangler->latest_ns;
	if (!newer) {
		size_t held = wrangler->seen_count < WRANGLE_SEEN ? wrangler->seen_count : WRANGLE_SEEN;
		for (size_t i = 0; i < held; i++)
			if (wrangler->seen[i].time_ns == row->time_ns && wrangler->seen[i].mark == mark)
				return true;
	} else {
		wrangler->latest_ns = row->time_ns;
	}
	wrangler->seen[wrangler->seen_count++ % WRANGLE_SEEN] = (struct wrangle_seen){.time_ns = row->time_ns, .mark = mark};
	return false;
}

/* Whether this value is one of `stuck_count` or more equal ones in a row. */
static bool is_stuck(struct wrangle_signal *signal, double raw)
{
	uint64_t bits = bits_of(raw);
	if (signal->run == 0 || bits != signal->last_bits) {
		signal->last_bits = bits;
		signal->run = 0;
	}
	if (signal->run < UINT32_MAX)
		signal->run++;
	return signal->stuck_count != 0 && signal->run >= signal->stuck_count;
}

/* The gravest reason: the first of the enumeration. */
static enum wrangle_reason judge_cell(struct wrangle_signal *signal, double raw, enum wrangle_reason found,
	bool late, bool future)
{
	if (found != REASON_NONE)
		return found;
	/* What comes late is not part of the run of values. */
	bool stuck = !late && is_stuck(signal, raw);
	if (raw < signal->floor)
		return REASON_RANGE;
	if (stuck)
		return REASON_STUCK;
	if (late)
		return REASON_LATE;
	return future ? REASON_FUTURE : REASON_NONE;
}

static uint32_t status_of(enum wrangle_reason reason)
{
	switch (reason) {
	case REASON_NONE:
	case REASON_LATE: /* the value is as good as it was */
		return STATUS_GOOD;
	case REASON_NOT_A_NUMBER:
		return STATUS_BAD_TYPE_MISMATCH;
	case REASON_RANGE:
		return STATUS_BAD_OUT_OF_RANGE;
	case REASON_STUCK:
		return STATUS_UNCERTAIN_LAST_USABLE;
	case REASON_FUTURE:
		return STATUS_UNCERTAIN;
	default:
		return STATUS_BAD;
	}
}

static void judge_row(struct wrangler *wrangler, struct wrangle_row *row, int64_t received_ns)
{
	bool future = received_ns < INT64_MAX - AHEAD_MAX_NS && row->time_ns > received_ns + AHEAD_MAX_NS;
	bool late = wrangler->has_newest && row->time_ns < wrangler->newest_ns;
	/* A clock that ran ahead once must not make everything after it late. */
	if (!future && !late) {
		wrangler->newest_ns = row->time_ns;
		wrangler->has_newest = true;
	}
	for (size_t i = 0; i < wrangler->count; i++) {
		enum wrangle_reason reason = judge_cell(&wrangler->signals[i], row->raw[i], row->reason[i], late, future);
		row->reason[i] = (uint8_t)reason;
		row->status[i] = status_of(reason);
		wrangler->counts.by_reason[reason]++;
	}
	wrangler->counts.samples += wrangler->count;
}

static void judge(struct wrangler *wrangler, int64_t received_ns)
{
	size_t kept = 0;
	for (size_t i = 0; i < wrangler->row_count; i++) {
		struct wrangle_row *row = &wrangler->rows[i];
		if (wrangler->timed[i] && was_seen(wrangler, row)) {
			wrangler->counts.by_reason[REASON_DUPLICATE] += wrangler->count;
			continue;
		}
		judge_row(wrangler, row, received_ns);
		if (kept != i)
			wrangler->rows[kept] = *row;
		kept++;
	}
	wrangler->row_count = kept;
}

static enum status read_any(struct wrangler *wrangler, struct span payload, int64_t received_ns, struct fault *fault)
{
	if (payload.size > WRANGLE_PAYLOAD_MAX)
		return fault_set(fault, E_LIMIT, "a message of %zu bytes is above the limit of %d; send smaller batches",
			payload.size, WRANGLE_PAYLOAD_MAX);
	if (wrangler->format == WRANGLE_JSON)
		return wrangle_json_read(wrangler, payload, received_ns, fault);
	if (wrangler->format == WRANGLE_CSV)
		return wrangle_csv_read(wrangler, payload, received_ns, fault);
	return wrangle_senml_read(wrangler, payload, received_ns, fault);
}

enum status wrangler_read(struct wrangler *wrangler, struct span payload, int64_t received_ns,
	const struct wrangle_row **rows, size_t *count, struct fault *fault)
{
	*rows = NULL;
	*count = 0;
	wrangler->row_count = 0;
	enum status status = read_any(wrangler, payload, received_ns, fault);
	if (status != OK) {
		wrangler->counts.by_reason[REASON_MALFORMED]++;
		return status;
	}
	judge(wrangler, received_ns);
	*rows = wrangler->rows;
	*count = wrangler->row_count;
	return OK;
}
