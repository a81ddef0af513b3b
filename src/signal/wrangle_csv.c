#include "signal/timestamp.h"
#include "signal/wrangle_parts.h"

/* RFC 4180, section 2. A line may end in LF alone, and the last one in nothing. */
struct lines {
	const uint8_t *at;
	const uint8_t *end;
	size_t line;
};

struct field {
	struct span text;       /* without its quotes; a doubled quote inside stays doubled: no number has one */
	bool ends_line;
};

static enum status fail(const struct lines *lines, const char *what, struct fault *fault)
{
	return fault_set(fault, E_MALFORMED, "line %zu: %s", lines->line, what);
}

static enum status quoted_field(struct lines *lines, struct field *field, struct fault *fault)
{
	const uint8_t *start = ++lines->at;
	for (; lines->at < lines->end; lines->at++) {
		if (*lines->at != '"')
			continue;
		if (lines->at + 1 == lines->end || lines->at[1] != '"')
			break;
		lines->at++;
	}
	if (lines->at == lines->end)
		return fail(lines, "a quote is not closed", fault);
	field->text = span_of(start, (size_t)(lines->at - start));
	lines->at++;
	return OK;
}

static enum status plain_field(struct lines *lines, struct field *field, struct fault *fault)
{
	const uint8_t *start = lines->at;
	while (lines->at < lines->end && *lines->at != ',' && *lines->at != '\n' && *lines->at != '"')
		lines->at++;
	if (lines->at < lines->end && *lines->at == '"')
		return fail(lines, "a quote stands inside a field; quote the whole field and double the quote", fault);
	/* The CR of a CRLF belongs to the line's end. */
	if (lines->at < lines->end && *lines->at == '\n' && lines->at > start && lines->at[-1] == '\r')
		lines->at--;
	field->text = span_of(start, (size_t)(lines->at - start));
	return OK;
}

static enum status next_field(struct lines *lines, struct field *field, struct fault *fault)
{
	if (lines->at < lines->end && *lines->at == '"')
		TRY(quoted_field(lines, field, fault));
	else
		TRY(plain_field(lines, field, fault));
	field->ends_line = true;
	if (lines->at == lines->end)
		return OK;
	if (*lines->at == ',') {
		lines->at++;
		field->ends_line = false;
		return OK;
	}
	if (*lines->at == '\r' && lines->end - lines->at >= 2)
		lines->at++;
	if (*lines->at != '\n')
		return fail(lines, "text follows a closing quote", fault);
	lines->at++;
	return OK;
}

static enum status read_time(struct wrangler *wrangler, const struct lines *lines, struct span text,
	struct wrangle_row *row, struct fault *fault)
{
	double number;
	if (text.size == 0)
		return OK;
	enum status status = wrangle_number_parse(wrangler, text, &number)
		? timestamp_from_milliseconds(number, &row->time_ns)
		: timestamp_from_text(text, &row->time_ns);
	if (status != OK)
		return fail(lines, "the first field is no time; write RFC 3339 or milliseconds since 1970, and no header", fault);
	wrangler->timed[wrangler->row_count - 1] = true;
	return OK;
}

static void read_cell(struct wrangler *wrangler, struct span text, struct wrangle_row *row, size_t signal)
{
	double number;
	if (text.size == 0)
		wrangle_cell_reason(row, signal, REASON_MISSING);
	else if (wrangle_number_parse(wrangler, text, &number))
		wrangle_cell_value(row, signal, number);
	else
		wrangle_cell_reason(row, signal, REASON_NOT_A_NUMBER);
}

static enum status read_line(struct wrangler *wrangler, struct lines *lines, int64_t received_ns, struct fault *fault)
{
	struct wrangle_row *row = wrangle_row_add(wrangler, received_ns);
	if (!row)
		return wrangle_rows_limit(fault);
	struct field field;
	TRY(next_field(lines, &field, fault));
	TRY(read_time(wrangler, lines, field.text, row, fault));
	for (size_t column = 1; !field.ends_line; column++) {
		TRY(next_field(lines, &field, fault));
		size_t signal = column <= WRANGLE_COLUMN_MAX ? wrangler->column_signal[column] : 0;
		if (signal)
			read_cell(wrangler, field.text, row, signal - 1);
	}
	return OK;
}

enum status wrangle_csv_read(struct wrangler *wrangler, struct span payload, int64_t received_ns, struct fault *fault)
{
	if (payload.size == 0)
		return fault_set(fault, E_MALFORMED, "the message is empty; send lines of time,value,value,...");
	struct lines lines = {.at = payload.data, .end = span_end(payload)};
	while (lines.at < lines.end) {
		lines.line++;
		TRY(read_line(wrangler, &lines, received_ns, fault));
	}
	return OK;
}
