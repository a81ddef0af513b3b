#include "signal/json.h"
#include "signal/timestamp.h"
#include "signal/wrangle_parts.h"

#include "base/time.h"

#include <math.h>
#include <stdlib.h>
#include <yyjson.h>

enum { VERSION_UNDERSTOOD = 10 };

/* RFC 8428, section 4.5.3: smaller times are relative to now. */
#define RELATIVE_END 0x1p28

/* The base fields of section 4.1, as far as they concern a value. A base sum does not. */
struct base {
	struct span name;
	struct span unit;
	double time;
	double value;
	bool timed;
	bool valued;
};

/* A record, its fields by kind. NULL: absent. */
struct record {
	yyjson_val *base_name, *base_unit, *base_time, *base_value, *base_version, *base_sum;
	yyjson_val *name, *unit, *time, *value, *text, *truth, *bytes, *sum, *update;
};

static struct span text_of(yyjson_val *value)
{
	return span_of(yyjson_get_str(value), yyjson_get_len(value));
}

static yyjson_val **slot_of(struct record *record, struct span label)
{
	const struct {
		const char *label;
		yyjson_val **slot;
	} slots[] = {
		{"n", &record->name}, {"v", &record->value}, {"u", &record->unit}, {"t", &record->time},
		{"bn", &record->base_name}, {"bt", &record->base_time}, {"bu", &record->base_unit}, {"bv", &record->base_value},
		{"bver", &record->base_version}, {"bs", &record->base_sum}, {"vs", &record->text}, {"vb", &record->truth},
		{"vd", &record->bytes}, {"s", &record->sum}, {"ut", &record->update},
	};
	for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
		if (span_is_text(label, slots[i].label))
			return slots[i].slot;
	return NULL;
}

static enum status split(yyjson_val *object, struct record *out, struct fault *fault)
{
	*out = (struct record){0};
	if (!yyjson_is_obj(object))
		return fault_set(fault, E_MALFORMED, "a SenML pack is an array of records (objects)");
	yyjson_obj_iter iterator;
	yyjson_obj_iter_init(object, &iterator);
	for (yyjson_val *key; (key = yyjson_obj_iter_next(&iterator));) {
		struct span label = text_of(key);
		yyjson_val **slot = slot_of(out, label);
		/* Section 4.4: a label that ends in "_" must be understood, others may be ignored. */
		if (!slot && label.size && label.data[label.size - 1] == '_')
			return fault_set(fault, E_MALFORMED, "SenML field \"%.*s\" must be understood and is not",
				label.size < 64 ? (int)label.size : 64, (const char *)label.data);
		if (!slot)
			continue;
		if (*slot)
			return fault_set(fault, E_MALFORMED, "SenML field \"%.*s\" is there twice in one record",
				(int)label.size, (const char *)label.data);
		*slot = yyjson_obj_iter_get_val(key);
	}
	return OK;
}

static bool is_text_or_absent(yyjson_val *value)
{
	return !value || yyjson_is_str(value);
}

static bool is_number_or_absent(yyjson_val *value)
{
	return !value || yyjson_is_num(value);
}

static enum status base_update(struct base *base, const struct record *record, struct fault *fault)
{
	if (!is_text_or_absent(record->base_name) || !is_text_or_absent(record->base_unit) ||
		!is_text_or_absent(record->name) || !is_text_or_absent(record->unit))
		return fault_set(fault, E_MALFORMED, "SenML names and units (bn, bu, n, u) are text");
	if (!is_number_or_absent(record->base_time) || !is_number_or_absent(record->base_value) ||
		!is_number_or_absent(record->time) || !is_number_or_absent(record->base_version))
		return fault_set(fault, E_MALFORMED, "SenML times, base values and versions (bt, bv, t, bver) are numbers");
	if (record->base_version && yyjson_get_num(record->base_version) > VERSION_UNDERSTOOD)
		return fault_set(fault, E_MALFORMED, "SenML version above %d is not understood", VERSION_UNDERSTOOD);
	if (record->base_name)
		base->name = text_of(record->base_name);
	if (record->base_unit)
		base->unit = text_of(record->base_unit);
	if (record->base_value) {
		base->value = yyjson_get_num(record->base_value);
		base->valued = true;
	}
	if (record->base_time) {
		base->time = yyjson_get_num(record->base_time);
		base->timed = true;
	}
	return OK;
}

/* Section 4.6: the resolved name is the base name followed by the name. */
static size_t signal_of(struct wrangler *wrangler, const struct base *base, yyjson_val *name, size_t *hint)
{
	struct span tail = name ? text_of(name) : (struct span){0};
	uint8_t joined[WRANGLE_TEXT_MAX];
	if (base->name.size > sizeof joined || tail.size > sizeof joined - base->name.size)
		return wrangler->count;
	if (base->name.size)
		memcpy(joined, base->name.data, base->name.size);
	if (tail.size)
		memcpy(joined + base->name.size, tail.data, tail.size);
	return wrangle_field_find(wrangler, span_of(joined, base->name.size + tail.size), hint);
}

static enum status resolve_time(const struct base *base, yyjson_val *time, int64_t received_ns, int64_t *ns)
{
	double seconds = base->time + (time ? yyjson_get_num(time) : 0);
	if (!(seconds < RELATIVE_END))
		return timestamp_from_seconds(seconds, ns);
	if (!(seconds > -RELATIVE_END))
		return E_MALFORMED;
	int64_t shift = (int64_t)llround(seconds * 1e6) * 1000;
	return __builtin_add_overflow(received_ns, shift, ns) ? E_MALFORMED : OK;
}

/* The row of this time that still misses the signal, or a new one. NULL: too many. */
static struct wrangle_row *row_at(struct wrangler *wrangler, uint64_t *filled, int64_t time_ns, size_t signal,
	bool timed, int64_t received_ns)
{
	for (size_t i = wrangler->row_count; i-- > 0;) {
		if (wrangler->rows[i].time_ns != time_ns)
			continue;
		if (filled[i] >> signal & 1)
			break;
		filled[i] |= UINT64_C(1) << signal;
		return &wrangler->rows[i];
	}
	struct wrangle_row *row = wrangle_row_add(wrangler, received_ns);
	if (!row)
		return NULL;
	row->time_ns = time_ns;
	filled[wrangler->row_count - 1] = UINT64_C(1) << signal;
	wrangler->timed[wrangler->row_count - 1] = timed;
	return row;
}

static void read_cell(struct wrangler *wrangler, const struct base *base, const struct record *record,
	struct wrangle_row *row, size_t signal)
{
	struct span unit = record->unit ? text_of(record->unit) : base->unit;
	double number = 0;
	bool is_number = yyjson_is_num(record->value);
	if (is_number)
		number = yyjson_get_num(record->value);
	else if (yyjson_is_raw(record->value))
		is_number = wrangle_number_parse(wrangler,
			span_of(yyjson_get_raw(record->value), yyjson_get_len(record->value)), &number);
	/* Only where there is one: adding zero would change the bits of -0. */
	if (base->valued)
		number += base->value;
	if (is_number && isfinite(number)) {
		wrangle_cell_value(row, signal, number);
		if (unit.size && !senml_units_have(&wrangler->signals[signal].same, unit))
			wrangle_cell_reason(row, signal, REASON_UNIT);
	} else if (record->value ? !yyjson_is_null(record->value) : record->text || record->truth || record->bytes) {
		wrangle_cell_reason(row, signal, REASON_NOT_A_NUMBER);
	} else {
		/* A sum alone is no value: its unit is the value's times the second. */
		wrangle_cell_reason(row, signal, REASON_MISSING);
	}
}

static enum status read_record(struct wrangler *wrangler, yyjson_val *object, struct base *base, size_t *hint,
	uint64_t *filled, int64_t received_ns, struct fault *fault)
{
	struct record record;
	TRY(split(object, &record, fault));
	TRY(base_update(base, &record, fault));
	size_t signal = signal_of(wrangler, base, record.name, hint);
	if (signal == wrangler->count)
		return OK;
	int64_t time_ns;
	if (resolve_time(base, record.time, received_ns, &time_ns) != OK)
		return fault_set(fault, E_MALFORMED, "a SenML time is out of range; bt + t are seconds, since 1970 or relative to now");
	struct wrangle_row *row = row_at(wrangler, filled, time_ns, signal, base->timed || record.time, received_ns);
	if (!row)
		return wrangle_rows_limit(fault);
	read_cell(wrangler, base, &record, row, signal);
	return OK;
}

struct place {
	int64_t time_ns;
	size_t index;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left;
	const struct place *b = right;
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* Rows were made in the order of the records, which says nothing: a pack often begins with the
 * newest value and goes on with older ones of another signal. */
static void sort_rows(struct wrangler *wrangler)
{
	size_t count = wrangler->row_count;
	bool sorted = true;
	for (size_t i = 1; i < count; i++)
		sorted = sorted && wrangler->rows[i - 1].time_ns <= wrangler->rows[i].time_ns;
	if (sorted)
		return;
	struct place *places = memory_new_array(count, sizeof *places);
	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){.time_ns = wrangler->rows[i].time_ns, .index = i};
	qsort(places, count, sizeof *places, compare_places);
	struct wrangle_row *rows = memory_new_array(wrangler->row_capacity, sizeof *rows);
	bool *timed = memory_new_array(wrangler->timed_capacity, sizeof *timed);
	for (size_t i = 0; i < count; i++) {
		rows[i] = wrangler->rows[places[i].index];
		timed[i] = wrangler->timed[places[i].index];
	}
	free(places);
	free(wrangler->rows);
	free(wrangler->timed);
	wrangler->rows = rows;
	wrangler->timed = timed;
}

enum status wrangle_senml_read(struct wrangler *wrangler, struct span payload, int64_t received_ns, struct fault *fault)
{
	yyjson_doc *document;
	TRY(json_document_open(payload, WRANGLE_DEPTH_MAX, &wrangler->pool, &document, fault));
	yyjson_val *root = yyjson_doc_get_root(document);
	if (!yyjson_is_arr(root))
		return fault_set(fault, E_MALFORMED, "a SenML pack is an array of records (objects)");
	struct base base = {0};
	size_t hint = 0;
	uint64_t filled[WRANGLE_ROWS_MAX];
	yyjson_arr_iter iterator;
	yyjson_arr_iter_init(root, &iterator);
	for (yyjson_val *item; (item = yyjson_arr_iter_next(&iterator));)
		TRY(read_record(wrangler, item, &base, &hint, filled, received_ns, fault));
	if (wrangler->row_count == 0)
		return fault_set(fault, E_MALFORMED,
			"no record has a registered name (bn and n joined); compare the names with the registration");
	sort_rows(wrangler);
	return OK;
}
