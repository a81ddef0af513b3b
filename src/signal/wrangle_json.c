#include "signal/json.h"
#include "signal/timestamp.h"
#include "signal/wrangle_parts.h"

#include <yyjson.h>

static struct span text_of(yyjson_val *value)
{
	return span_of(yyjson_get_str(value), yyjson_get_len(value));
}

static enum status read_time(struct wrangler *wrangler, yyjson_val *value, struct wrangle_row *row, struct fault *fault)
{
	double number;
	enum status status = E_MALFORMED;
	if (yyjson_is_null(value))
		return OK;
	if (yyjson_is_str(value))
		status = timestamp_from_text(text_of(value), &row->time_ns);
	else if (yyjson_is_num(value))
		status = timestamp_from_milliseconds(yyjson_get_num(value), &row->time_ns);
	else if (yyjson_is_raw(value) &&
		wrangle_number_parse(wrangler, span_of(yyjson_get_raw(value), yyjson_get_len(value)), &number))
		status = timestamp_from_milliseconds(number, &row->time_ns);
	if (status != OK)
		return fault_set(fault, E_MALFORMED, "\"t\" of row %zu is no time; send RFC 3339 text or a number of milliseconds since 1970",
			wrangler->row_count);
	wrangler->timed[wrangler->row_count - 1] = true;
	return OK;
}

static void read_cell(struct wrangler *wrangler, yyjson_val *value, struct wrangle_row *row, size_t signal)
{
	double number;
	if (yyjson_is_num(value))
		wrangle_cell_value(row, signal, yyjson_get_num(value));
	else if (yyjson_is_null(value) || (yyjson_is_str(value) && yyjson_get_len(value) == 0))
		wrangle_cell_reason(row, signal, REASON_MISSING);
	else if (yyjson_is_raw(value) &&
		wrangle_number_parse(wrangler, span_of(yyjson_get_raw(value), yyjson_get_len(value)), &number))
		wrangle_cell_value(row, signal, number);
	else
		wrangle_cell_reason(row, signal, REASON_NOT_A_NUMBER);
}

static enum status twice(struct span key, struct fault *fault)
{
	return fault_set(fault, E_MALFORMED, "member \"%.*s\" is there twice; send it once",
		key.size < 64 ? (int)key.size : 64, (const char *)key.data);
}

static enum status read_object(struct wrangler *wrangler, yyjson_val *object, int64_t received_ns, struct fault *fault)
{
	if (!yyjson_is_obj(object))
		return fault_set(fault, E_MALFORMED, "a message is an object or an array of objects");
	struct wrangle_row *row = wrangle_row_add(wrangler, received_ns);
	if (!row)
		return wrangle_rows_limit(fault);
	uint64_t seen = 0;
	bool time_seen = false;
	size_t hint = 0;
	yyjson_obj_iter iterator;
	yyjson_obj_iter_init(object, &iterator);
	for (yyjson_val *key; (key = yyjson_obj_iter_next(&iterator));) {
		struct span name = text_of(key);
		yyjson_val *value = yyjson_obj_iter_get_val(key);
		if (name.size == 1 && name.data[0] == 't') {
			if (time_seen)
				return twice(name, fault);
			time_seen = true;
			TRY(read_time(wrangler, value, row, fault));
			continue;
		}
		size_t signal = wrangle_field_find(wrangler, name, &hint);
		if (signal == wrangler->count)
			continue;
		if (seen >> signal & 1)
			return twice(name, fault);
		seen |= UINT64_C(1) << signal;
		read_cell(wrangler, value, row, signal);
	}
	return OK;
}

enum status wrangle_json_read(struct wrangler *wrangler, struct span payload, int64_t received_ns, struct fault *fault)
{
	yyjson_doc *document;
	TRY(json_document_open(payload, WRANGLE_DEPTH_MAX, &wrangler->pool, &document, fault));
	yyjson_val *root = yyjson_doc_get_root(document);
	if (!yyjson_is_arr(root))
		return read_object(wrangler, root, received_ns, fault);
	if (yyjson_arr_size(root) == 0)
		return fault_set(fault, E_MALFORMED, "the array is empty; send at least one object");
	if (yyjson_arr_size(root) > WRANGLE_ROWS_MAX)
		return wrangle_rows_limit(fault);
	yyjson_arr_iter iterator;
	yyjson_arr_iter_init(root, &iterator);
	for (yyjson_val *item; (item = yyjson_arr_iter_next(&iterator));)
		TRY(read_object(wrangler, item, received_ns, fault));
	return OK;
}
