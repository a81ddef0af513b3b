#include "view/inner.h"

#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { VIEW_APPLICATION = 0x54616c79, VIEW_VERSION = 3 };

static const char schema[] =
	"PRAGMA page_size = 8192;"
	"BEGIN;"
	"CREATE TABLE meta (network BLOB NOT NULL);"
	"CREATE TABLE statement ("
	" idx INTEGER PRIMARY KEY, id_head INTEGER NOT NULL, id BLOB NOT NULL, type INTEGER NOT NULL, iss TEXT NOT NULL, sub TEXT NOT NULL,"
	" commit_idx INTEGER NOT NULL, commit_ms INTEGER NOT NULL, samples INTEGER);"
	/* The first bytes as a number: a quarter of the pages, of which every new statement touches another one. */
	"CREATE INDEX by_id ON statement (id_head);"
	"CREATE INDEX by_type ON statement (type, idx);"
	/* The further columns let a second filter be answered from the index alone. */
	"CREATE INDEX by_sub ON statement (sub, idx, type, iss);"
	"CREATE INDEX by_iss ON statement (iss, idx, type);"
	"CREATE INDEX by_registration ON statement (sub, idx) WHERE " VIEW_REGISTRATIONS ";"
	"CREATE INDEX by_samples ON statement (samples) WHERE samples IS NOT NULL;"
	"COMMIT;";

/* Losing the last transactions in a power cut costs nothing: they are added again from the log. */
static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;"
	" PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = 4000;";

enum status view_failed(const struct view *view, struct fault *fault)
{
	return fault_set(fault, E_IO, "the view %s: %s; free disk space, or remove it while the node is stopped: it is made again from the log",
		view->path, view->database ? sqlite3_errmsg(view->database) : "out of memory");
}

sqlite3_stmt *view_prepare(struct view *view, unsigned which, const char *sql, struct fault *fault)
{
	sqlite3_stmt **statement = &view->statements[which];
	if (!*statement && sqlite3_prepare_v3(view->database, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK) {
		view_failed(view, fault);
		return NULL;
	}
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
	return *statement;
}

void view_bind_text(sqlite3_stmt *statement, int position, struct span text)
{
	sqlite3_bind_text(statement, position, text.size ? (const char *)text.data : "", (int)text.size, SQLITE_STATIC);
}

static void bind_blob(sqlite3_stmt *statement, int position, struct span bytes)
{
	sqlite3_bind_blob(statement, position, bytes.size ? (const void *)bytes.data : "", (int)bytes.size, SQLITE_STATIC);
}

static enum status run(struct view *view, unsigned which, const char *sql, struct fault *fault)
{
	sqlite3_stmt *statement = view_prepare(view, which, sql, fault);
	if (!statement)
		return E_IO;
	bool done = sqlite3_step(statement) == SQLITE_DONE;
	sqlite3_reset(statement);
	return done ? OK : view_failed(view, fault);
}

int64_t view_id_head(const struct digest *id)
{
	int64_t head = 0;
	for (size_t i = 0; i < 6; i++)
		head = head << 8 | id->bytes[i];
	return head;
}

/* -- Opening --------------------------------------------------------------------------- */

/* One whole number that a query gives. */
static bool number_of(sqlite3 *database, const char *sql, int64_t *out)
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
		return false;
	bool found = sqlite3_step(statement) == SQLITE_ROW;
	if (found)
		*out = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return found;
}

static bool of_network(struct view *view, const uint8_t network[NETWORK_ID_SIZE])
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(view->database, "SELECT network FROM meta", -1, &statement, NULL) != SQLITE_OK)
		return false;
	bool same = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == NETWORK_ID_SIZE &&
		memcmp(sqlite3_column_blob(statement, 0), network, NETWORK_ID_SIZE) == 0;
	sqlite3_finalize(statement);
	return same;
}

/* Size and totals of what is there. False: not to be trusted. */
static bool load(struct view *view)
{
	int64_t size, count, readings;
	sqlite3_stmt *statement;
	if (!number_of(view->database, "SELECT coalesce(max(idx) + 1, 0) FROM statement", &size) ||
		!number_of(view->database, "SELECT coalesce(sum(samples), 0) FROM statement WHERE samples IS NOT NULL", &readings) ||
		sqlite3_prepare_v2(view->database, "SELECT type, count(*) FROM statement GROUP BY type", -1, &statement, NULL) != SQLITE_OK)
		return false;
	view->totals = (struct view_totals){.readings = (uint64_t)readings};
	view->size = (uint64_t)size;
	uint64_t sum = 0;
	int step;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t type = sqlite3_column_int64(statement, 0);
		count = sqlite3_column_int64(statement, 1);
		view->totals.by_type[type > 0 && type < STATEMENT_TYPE_END ? type : 0] += (uint64_t)count;
		sum += (uint64_t)count;
	}
	sqlite3_finalize(statement);
	return step == SQLITE_DONE && sum == view->size && view->totals.by_type[0] == 0;
}

static enum status create(struct view *view, const uint8_t network[NETWORK_ID_SIZE], struct fault *fault)
{
	char more[160], hex[2 * NETWORK_ID_SIZE + 1];
	span_hex(span_of(network, NETWORK_ID_SIZE), hex);
	snprintf(more, sizeof more, "INSERT INTO meta VALUES (x'%s'); PRAGMA user_version = %d; PRAGMA application_id = %d;", hex, VIEW_VERSION, VIEW_APPLICATION);
	if (sqlite3_exec(view->database, schema, NULL, NULL, NULL) != SQLITE_OK || sqlite3_exec(view->database, more, NULL, NULL, NULL) != SQLITE_OK)
		return view_failed(view, fault);
	return OK;
}

enum found { FOUND_NOTHING, FOUND_OURS, FOUND_OLD, FOUND_FOREIGN };

static enum found look(struct view *view, const uint8_t network[NETWORK_ID_SIZE])
{
	int64_t application, version, tables;
	if (!number_of(view->database, "PRAGMA application_id", &application) || !number_of(view->database, "PRAGMA user_version", &version) ||
		!number_of(view->database, "SELECT count(*) FROM sqlite_schema", &tables))
		return FOUND_OLD; /* damaged */
	if (tables == 0 && application == 0)
		return FOUND_NOTHING;
	if (application != VIEW_APPLICATION)
		/* A schema without our mark: made by someone else, or by us just before a crash. */
		return number_of(view->database, "SELECT count(*) FROM meta WHERE length(network) >= 0", &tables) ? FOUND_OLD : FOUND_FOREIGN;
	return version == VIEW_VERSION && of_network(view, network) && load(view) ? FOUND_OURS : FOUND_OLD;
}

static enum status open_file(struct view *view, struct fault *fault)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(view->path, &view->database, flags, NULL) != SQLITE_OK)
		return view_failed(view, fault);
	sqlite3_busy_timeout(view->database, 2000);
	return OK;
}

static void remove_file(struct view *view)
{
	sqlite3_close(view->database);
	view->database = NULL;
	static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		struct buffer name = {0};
		buffer_printf(&name, "%s%s", view->path, endings[i]);
		buffer_append_byte(&name, 0);
		unlink((const char *)name.data); /* what is still there shows when the file is opened again */
		buffer_free(&name);
	}
}

static enum status open_checked(struct view *view, const uint8_t network[NETWORK_ID_SIZE], struct fault *fault)
{
	TRY(open_file(view, fault));
	enum found found = look(view, network);
	if (found == FOUND_FOREIGN)
		return fault_set(fault, E_CONFIG, "%s is a database of another program; give the node a folder of its own", view->path);
	if (found == FOUND_OLD) {
		remove_file(view);
		TRY(open_file(view, fault));
	}
	if (sqlite3_exec(view->database, settings, NULL, NULL, NULL) != SQLITE_OK)
		return view_failed(view, fault);
	if (found != FOUND_OURS) {
		view->size = 0;
		view->totals = (struct view_totals){0};
		TRY(create(view, network, fault));
	}
	return OK;
}

enum status view_open(const char *path, const uint8_t network[NETWORK_ID_SIZE], const struct view_log *log, struct view **out, struct fault *fault)
{
	struct view *view = memory_new_array(1, sizeof *view);
	view->log = *log;
	view->path = memory_text(span_of_text(path));
	enum status status = open_checked(view, network, fault);
	if (status != OK) {
		view_close(view);
		return status;
	}
	*out = view;
	return OK;
}

void view_close(struct view *view)
{
	if (!view)
		return;
	struct fault ignored; /* what is not in the file is added again at the next start */
	enum status status = view->in_transaction ? view_commit(view, &ignored) : OK;
	(void)status;
	for (size_t i = 0; i < VIEW_STATEMENTS; i++)
		sqlite3_finalize(view->statements[i]);
	sqlite3_close(view->database);
	free(view->path);
	free(view);
}

/* -- Writing --------------------------------------------------------------------------- */

uint64_t view_size(const struct view *view)
{
	return view->size;
}

static int64_t samples_of(const struct statement *statement)
{
	if (statement->type != STATEMENT_ANCHOR)
		return -1;
	struct body_anchor body;
	struct fault ignored;
	if (body_anchor_decode(statement->body, &body, &ignored) != OK || body.samples > INT64_MAX)
		return -1;
	return (int64_t)body.samples;
}

enum status view_add(struct view *view, uint64_t index, uint64_t commit_index, int64_t commit_ms, const struct statement *statement,
	struct fault *fault)
{
	CHECK(index == view->size);
	CHECK(statement->type < STATEMENT_TYPE_END);
	if (!view->in_transaction) {
		TRY(run(view, VIEW_BEGIN, "BEGIN", fault));
		view->in_transaction = true;
	}
	sqlite3_stmt *add = view_prepare(view, VIEW_ADD, "INSERT INTO statement (idx, id, type, iss, sub, commit_idx, commit_ms, samples, id_head)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", fault);
	if (!add)
		return E_IO;
	int64_t samples = samples_of(statement);
	sqlite3_bind_int64(add, 1, (int64_t)index);
	bind_blob(add, 2, span_of(statement->id.bytes, DIGEST_SIZE));
	sqlite3_bind_int64(add, 3, statement->type);
	view_bind_text(add, 4, statement->iss);
	view_bind_text(add, 5, statement->sub);
	sqlite3_bind_int64(add, 6, (int64_t)commit_index);
	sqlite3_bind_int64(add, 7, commit_ms);
	if (samples >= 0)
		sqlite3_bind_int64(add, 8, samples);
	sqlite3_bind_int64(add, 9, view_id_head(&statement->id));
	int step = sqlite3_step(add);
	sqlite3_reset(add);
	sqlite3_clear_bindings(add); /* the spans are borrowed */
	if (step != SQLITE_DONE)
		return view_failed(view, fault);
	view->size++;
	view->totals.by_type[statement->type]++;
	view->totals.readings += samples > 0 ? (uint64_t)samples : 0;
	return OK;
}

enum status view_add_genesis(struct view *view, const struct genesis *genesis, struct fault *fault)
{
	for (size_t i = view->size; i < genesis->member_count; i++)
		TRY(view_add(view, i, 0, genesis->created_ms, &genesis->members[i].header, fault));
	return OK;
}

enum status view_commit(struct view *view, struct fault *fault)
{
	if (!view->in_transaction)
		return OK;
	TRY(run(view, VIEW_COMMIT, "COMMIT", fault));
	view->in_transaction = false;
	return OK;
}

void view_totals(const struct view *view, struct view_totals *out)
{
	*out = view->totals;
}

/* -- Reading one ------------------------------------------------------------------------- */

enum status view_row_of(const struct view *view, sqlite3_stmt *statement, struct buffer *bytes, struct view_row *row, struct fault *fault)
{
	const void *id = sqlite3_column_blob(statement, 3);
	size_t before = bytes->size;
	if (sqlite3_column_bytes(statement, 3) != DIGEST_SIZE || !id)
		return fault_set(fault, E_CORRUPT, "the view %s is damaged; remove it while the node is stopped: it is made again from the log", view->path);
	row->index = (uint64_t)sqlite3_column_int64(statement, 0);
	row->commit_index = (uint64_t)sqlite3_column_int64(statement, 1);
	row->commit_ms = sqlite3_column_int64(statement, 2);
	memcpy(row->id.bytes, id, DIGEST_SIZE);
	enum status status = view->log.read(view->log.context, row->index, bytes);
	if (status != OK)
		return fault_set(fault, status == E_NOT_FOUND ? E_CORRUPT : status, "log entry %llu cannot be read from the log", (unsigned long long)row->index);
	row->bytes = span_of(bytes->data + before, bytes->size - before);
	struct digest found = sha256(row->bytes);
	if (!digest_equal(&found, &row->id))
		return fault_set(fault, E_CORRUPT, "log entry %llu is another statement than the view %s says; remove it while the node is stopped: it is made again from the log",
			(unsigned long long)row->index, view->path);
	return OK;
}

static enum status get_one(struct view *view, sqlite3_stmt *get, struct buffer *bytes, struct view_row *row)
{
	struct fault ignored;
	int step = sqlite3_step(get);
	enum status status = step == SQLITE_ROW ? view_row_of(view, get, bytes, row, &ignored) : step == SQLITE_DONE ? E_NOT_FOUND : E_IO;
	sqlite3_reset(get);
	sqlite3_clear_bindings(get);
	return status;
}

enum status view_get(struct view *view, const struct digest *id, struct buffer *bytes, struct view_row *row)
{
	sqlite3_stmt *get = view_prepare(view, VIEW_GET, "SELECT " VIEW_COLUMNS " FROM statement WHERE id_head = ? AND id = ?", NULL);
	if (!get)
		return E_IO;
	sqlite3_bind_int64(get, 1, view_id_head(id));
	bind_blob(get, 2, span_of(id->bytes, DIGEST_SIZE));
	return get_one(view, get, bytes, row);
}

enum status view_get_index(struct view *view, uint64_t index, struct buffer *bytes, struct view_row *row)
{
	if (index >= view->size)
		return E_NOT_FOUND;
	sqlite3_stmt *get = view_prepare(view, VIEW_GET_INDEX, "SELECT " VIEW_COLUMNS " FROM statement WHERE idx = ?", NULL);
	if (!get)
		return E_IO;
	sqlite3_bind_int64(get, 1, (int64_t)index);
	return get_one(view, get, bytes, row);
}
