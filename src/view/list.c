/* Questions with several answers, and looking things up by what is known of them. */
#include "view/inner.h"

enum { FILTER_TYPE = 1, FILTER_ISS = 2, FILTER_SUB = 4, DESCENDING = 8 };

/* A unary plus keeps SQLite from choosing the index of a less telling filter. */
static void list_sql(unsigned filters, struct buffer *sql)
{
	buffer_append_text(sql, "SELECT " VIEW_COLUMNS " FROM statement WHERE ");
	buffer_append_text(sql, filters & DESCENDING ? "idx < ?1" : "idx > ?1");
	if (filters & FILTER_SUB)
		buffer_append_text(sql, " AND sub = ?4");
	if (filters & FILTER_ISS)
		buffer_append_text(sql, filters & FILTER_SUB ? " AND +iss = ?3" : " AND iss = ?3");
	if (filters & FILTER_TYPE)
		buffer_append_text(sql, filters & (FILTER_SUB | FILTER_ISS) ? " AND +type = ?2" : " AND type = ?2");
	buffer_append_text(sql, filters & DESCENDING ? " ORDER BY idx DESC LIMIT ?5" : " ORDER BY idx LIMIT ?5");
	buffer_append_byte(sql, 0);
}

static int64_t list_start(const struct view_query *query)
{
	if (query->after > INT64_MAX)
		return query->descending || query->after != UINT64_MAX ? INT64_MAX : -1;
	return (int64_t)query->after;
}

enum status view_list(struct view *view, const struct view_query *query, view_callback *callback, void *context, struct fault *fault)
{
	unsigned filters = (query->type ? FILTER_TYPE : 0) | (query->iss.size ? FILTER_ISS : 0) | (query->sub.size ? FILTER_SUB : 0) |
		(query->descending ? DESCENDING : 0);
	struct buffer sql = {0};
	list_sql(filters, &sql);
	sqlite3_stmt *list = view_prepare(view, VIEW_LIST + filters, (const char *)sql.data, fault);
	buffer_free(&sql);
	if (!list)
		return E_IO;
	sqlite3_bind_int64(list, 1, list_start(query));
	if (filters & FILTER_TYPE)
		sqlite3_bind_int64(list, 2, query->type);
	if (filters & FILTER_ISS)
		view_bind_text(list, 3, query->iss);
	if (filters & FILTER_SUB)
		view_bind_text(list, 4, query->sub);
	sqlite3_bind_int64(list, 5, query->limit);
	enum status status = OK;
	int step;
	struct view_row row;
	struct buffer bytes = {0};
	while ((step = sqlite3_step(list)) == SQLITE_ROW) {
		buffer_clear(&bytes);
		status = view_row_of(view, list, &bytes, &row, fault);
		if (status != OK || !callback(context, &row))
			break;
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		status = view_failed(view, fault);
	sqlite3_reset(list);
	sqlite3_clear_bindings(list);
	buffer_free(&bytes);
	return status;
}

static int hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum status view_find(struct view *view, struct span hex, struct digest *id, struct fault *fault)
{
	struct digest low = {{0}}, high;
	memset(high.bytes, 0xff, DIGEST_SIZE);
	if (hex.size == 0 || hex.size > 2 * DIGEST_SIZE)
		return fault_set(fault, E_MALFORMED, "an id has up to 64 hexadecimal digits, this one has %zu", hex.size);
	for (size_t i = 0; i < hex.size; i++) {
		int digit = hex_digit(hex.data[i]);
		if (digit < 0)
			return fault_set(fault, E_MALFORMED, "an id consists of hexadecimal digits only");
		unsigned shift = i % 2 == 0 ? 4 : 0;
		low.bytes[i / 2] = (uint8_t)(low.bytes[i / 2] | digit << shift);
		high.bytes[i / 2] = (uint8_t)((high.bytes[i / 2] & ~(15 << shift)) | digit << shift);
	}
	sqlite3_stmt *find = view_prepare(view, VIEW_FIND, "SELECT id FROM statement WHERE id_head BETWEEN ?3 AND ?4 AND id BETWEEN ?1 AND ?2 LIMIT 2", fault);
	if (!find)
		return E_IO;
	sqlite3_bind_blob(find, 1, low.bytes, DIGEST_SIZE, SQLITE_STATIC);
	sqlite3_bind_blob(find, 2, high.bytes, DIGEST_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(find, 3, view_id_head(&low));
	sqlite3_bind_int64(find, 4, view_id_head(&high));
	unsigned found = 0;
	int step;
	while ((step = sqlite3_step(find)) == SQLITE_ROW && sqlite3_column_bytes(find, 0) == DIGEST_SIZE && found++ == 0)
		memcpy(id->bytes, sqlite3_column_blob(find, 0), DIGEST_SIZE);
	enum status status = step != SQLITE_ROW && step != SQLITE_DONE ? view_failed(view, fault) : OK;
	sqlite3_reset(find);
	sqlite3_clear_bindings(find);
	TRY(status);
	if (found == 0)
		return fault_set(fault, E_NOT_FOUND, "no final statement has the id %.*s; check it, or wait until it is final", (int)hex.size, (const char *)hex.data);
	if (found > 1)
		return fault_set(fault, E_DUPLICATE, "several statements begin with %.*s; give more digits", (int)hex.size, (const char *)hex.data);
	return OK;
}

enum status view_registration(struct view *view, struct span name, uint64_t before, struct digest *id)
{
	sqlite3_stmt *find = view_prepare(view, VIEW_REGISTRATION, "SELECT id FROM statement WHERE sub = ? AND idx < ?"
		" AND " VIEW_REGISTRATIONS " ORDER BY type = " VIEW_MEMBER ", idx DESC LIMIT 1", NULL);
	if (!find)
		return E_IO;
	view_bind_text(find, 1, name);
	sqlite3_bind_int64(find, 2, before > INT64_MAX ? INT64_MAX : (int64_t)before);
	int step = sqlite3_step(find);
	enum status status = step == SQLITE_DONE ? E_NOT_FOUND : E_IO;
	if (step == SQLITE_ROW && sqlite3_column_bytes(find, 0) == DIGEST_SIZE) {
		memcpy(id->bytes, sqlite3_column_blob(find, 0), DIGEST_SIZE);
		status = OK;
	}
	sqlite3_reset(find);
	sqlite3_clear_bindings(find);
	return status;
}

/* -- As the source of a trace -------------------------------------------------------------- */

static enum status source_get(void *context, const struct digest *id, struct buffer *out, uint64_t *index, int64_t *commit_ms)
{
	struct view_row row;
	TRY(view_get(context, id, out, &row));
	*index = row.index;
	*commit_ms = row.commit_ms;
	return OK;
}

static enum status source_registration(void *context, struct span name, uint64_t before, struct digest *id)
{
	return view_registration(context, name, before, id);
}

struct trace_source view_trace_source(struct view *view)
{
	return (struct trace_source){.context = view, .get = source_get, .registration = source_registration};
}
