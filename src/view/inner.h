/* What the files of this room share. */
#ifndef TALLY_VIEW_INNER_H
#define TALLY_VIEW_INNER_H

#include "view/view.h"

#include <sqlite3.h>

enum view_statement {
	VIEW_BEGIN, VIEW_COMMIT, VIEW_ADD, VIEW_GET, VIEW_GET_INDEX, VIEW_FIND, VIEW_REGISTRATION,
	VIEW_LIST,                    /* and the 15 after it: by filters and direction */
	VIEW_STATEMENTS = VIEW_LIST + 16,
};

struct view {
	sqlite3 *database;
	char *path;
	uint64_t size;
	bool in_transaction;
	struct view_log log;
	struct view_totals totals;
	sqlite3_stmt *statements[VIEW_STATEMENTS]; /* prepared when first needed */
};

/* Prepared and without bindings; NULL with a fault. */
sqlite3_stmt *view_prepare(struct view *view, unsigned which, const char *sql, struct fault *fault);
/* E_IO with a sentence about what SQLite says. */
enum status view_failed(const struct view *view, struct fault *fault);
void view_bind_text(sqlite3_stmt *statement, int position, struct span text);

/* The first six bytes of an id, in their order. */
int64_t view_id_head(const struct digest *id);
/* Types that say who somebody is, for SQL. */
#define VIEW_REGISTRATIONS "type IN (1, 2, 4, 31)"
#define VIEW_MEMBER "31"
_Static_assert(STATEMENT_ORG == 1 && STATEMENT_PERSON == 2 && STATEMENT_DEVICE == 4 && STATEMENT_MEMBER == 31, "the SQL names them by number");

/* Columns of every read, in this order. */
#define VIEW_COLUMNS "idx, commit_idx, commit_ms, id"
/* The row, and the statement's bytes from the log behind what is in `bytes`. E_CORRUPT when the columns are not what was written, or the log
 * has something else there; E_IO. */
enum status view_row_of(const struct view *view, sqlite3_stmt *statement, struct buffer *bytes, struct view_row *row, struct fault *fault);

#endif
