#include "world.h"

#include "ledger/ledger.h"
#include "view/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { RANDOM_STATEMENTS = 400 };

static struct world world;
static char folder[] = "/tmp/tally-view-XXXXXX";
static char path[64];

/* The story, then events and anchors of several issuers; everything is accepted by a ledger first. */
static int begin(void **state)
{
	(void)state;
	struct random random = random_of(11);
	world_begin(&world);
	world_story(&world, &(struct digest){{5}}, 4);
	for (unsigned i = 0; i < RANDOM_STATEMENTS; i++) {
		char sub[32];
		snprintf(sub, sizeof sub, "thing-%u", (unsigned)random_below(&random, 5));
		struct digest root = {{(uint8_t)i}};
		if (random_chance(&random, 0.3))
			world_anchor(&world, &root, random_below(&random, 100) + 1, &world.second_model_id);
		else
			world_add(&world, random_chance(&random, 0.5) ? &world.maker : &world.regulator, STATEMENT_EVENT, sub, event_body(&world.body, i), NULL, 0);
	}
	struct ledger *ledger = ledger_new(&world.consortium.genesis);
	for (size_t i = WORLD_MEMBERS; i < world.count; i++) {
		uint64_t index;
		struct fault fault = {{0}};
		if (ledger_apply(ledger, &world.entries[i].statement, true, &index, &fault) != OK || index != i)
			print_message("entry %zu: %s\n", i, fault.text);
		assert_int_equal(index, i);
	}
	ledger_free(ledger);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/view.sqlite", folder);
	return 0;
}

static void remove_files(void)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < 3; i++) {
		char name[80];
		snprintf(name, sizeof name, "%s%s", path, endings[i]);
		unlink(name);
	}
}

static int end(void **state)
{
	(void)state;
	remove_files();
	rmdir(folder);
	world_end(&world);
	return 0;
}

static const struct view_log world_log = {.context = &world, .read = world_log_read};

static struct view *opened(void)
{
	struct view *view = NULL;
	struct fault fault = {{0}};
	if (view_open(path, world.consortium.genesis.network, &world_log, &view, &fault) != OK)
		print_message("%s\n", fault.text);
	assert_non_null(view);
	return view;
}

static void feed(struct view *view, size_t up_to)
{
	struct fault fault;
	if (view_size(view) == 0)
		assert_int_equal(view_add_genesis(view, &world.consortium.genesis, &fault), OK);
	for (size_t i = view_size(view); i < up_to; i++)
		assert_int_equal(view_add(view, i, i / 3, world_commit_ms(i), &world.entries[i].statement, &fault), OK);
}

static struct view *full(void)
{
	struct view *view = opened();
	struct fault fault;
	feed(view, world.count);
	assert_int_equal(view_commit(view, &fault), OK);
	return view;
}

/* -- one -------------------------------------------------------------------------------- */

static void what_was_added_is_found(void **state)
{
	(void)state;
	struct view *view = full();
	assert_int_equal(view_size(view), world.count);
	struct buffer bytes = {0};
	struct view_row row;
	for (size_t i = 0; i < world.count; i++) {
		buffer_clear(&bytes);
		assert_int_equal(view_get(view, &world.entries[i].statement.id, &bytes, &row), OK);
		assert_int_equal(row.index, i);
		assert_int_equal(row.commit_index, i < WORLD_MEMBERS ? 0 : i / 3);
		assert_int_equal(row.commit_ms, i < WORLD_MEMBERS ? world.consortium.genesis.created_ms : world_commit_ms(i));
		assert_true(span_equal(row.bytes, buffer_span(&world.entries[i].bytes)));
		assert_int_equal(view_get_index(view, i, &bytes, &row), OK);
		assert_true(digest_equal(&row.id, &world.entries[i].statement.id));
		assert_true(span_equal(row.bytes, buffer_span(&world.entries[i].bytes)));
	}
	assert_int_equal(view_get(view, &(struct digest){{1}}, &bytes, &row), E_NOT_FOUND);
	assert_int_equal(view_get_index(view, world.count, &bytes, &row), E_NOT_FOUND);
	assert_int_equal(view_get_index(view, UINT64_MAX, &bytes, &row), E_NOT_FOUND);
	buffer_free(&bytes);
	view_close(view);
}

static enum status wrong_read(void *context, uint64_t index, struct buffer *out)
{
	enum status *status = context;
	if (*status == OK)
		buffer_append_span(out, buffer_span(&world.entries[index ? index - 1 : 1].bytes));
	return *status;
}

static bool never(void *context, const struct view_row *row)
{
	(void)context, (void)row;
	fail();
	return true;
}

static void what_the_log_does_not_hold_is_not_told(void **state)
{
	(void)state;
	enum status answer;
	const struct view_log wrong = {.context = &answer, .read = wrong_read};
	const struct { enum status log, view; } cases[] = {{OK, E_CORRUPT}, {E_NOT_FOUND, E_CORRUPT}, {E_CORRUPT, E_CORRUPT}, {E_IO, E_IO}};
	struct view_query query = {.after = UINT64_MAX, .limit = 10};
	struct buffer bytes = {0};
	struct view_row row;
	struct view *view;
	struct fault fault;
	view_close(full());
	assert_int_equal(view_open(path, world.consortium.genesis.network, &wrong, &view, &fault), OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		answer = cases[i].log;
		assert_int_equal(view_get_index(view, 3, &bytes, &row), cases[i].view);
		assert_int_equal(view_get(view, &world.entries[4].statement.id, &bytes, &row), cases[i].view);
		assert_int_equal(view_list(view, &query, never, NULL, &fault), cases[i].view);
	}
	view_close(view);
	buffer_free(&bytes);
}

static void an_id_is_found_by_its_beginning(void **state)
{
	(void)state;
	struct view *view = full();
	struct digest id;
	struct fault fault;
	for (size_t i = 0; i < world.count; i += 7) {
		char hex[DIGEST_HEX_SIZE];
		span_hex(digest_span(&world.entries[i].statement.id), hex);
		for (size_t size = 1; size <= 64; size += size < 8 ? 1 : 7) {
			unsigned same = 0;
			for (size_t j = 0; j < world.count; j++) {
				char other[DIGEST_HEX_SIZE];
				span_hex(digest_span(&world.entries[j].statement.id), other);
				same += memcmp(hex, other, size) == 0;
			}
			enum status status = view_find(view, span_of(hex, size), &id, &fault);
			assert_int_equal(status, same == 1 ? OK : E_DUPLICATE);
			if (status == OK)
				assert_true(digest_equal(&id, &world.entries[i].statement.id));
		}
	}
	assert_int_equal(view_find(view, text("zz"), &id, &fault), E_MALFORMED);
	assert_int_equal(view_find(view, text(""), &id, &fault), E_MALFORMED);
	assert_int_equal(view_find(view, text("0000000000000"), &id, &fault), E_NOT_FOUND);
	char upper[] = "ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789A";
	assert_int_equal(view_find(view, text(upper), &id, &fault), E_MALFORMED);
	view_close(view);
}

static void a_registration_is_the_newest_before(void **state)
{
	(void)state;
	struct view *view = full();
	struct trace_source mine = view_trace_source(view), expected = world_source(&world);
	static const char *const names[] = {GATEWAY, SPINDLE, ENGINEER, "org:maker", "org:regulator", "thing-1", "nobody", ""};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		for (uint64_t before = 0; before < 30; before++) {
			struct digest a, b;
			enum status status = mine.registration(mine.context, text(names[i]), before, &a);
			assert_int_equal(status, expected.registration(expected.context, text(names[i]), before, &b));
			if (status == OK)
				assert_true(digest_equal(&a, &b));
		}
	}
	view_close(view);
}

/* An organisation that joined later stands in a proposal; one that founded has its own statement, whatever is proposed. */
static void a_proposal_registers_who_joins(void **state)
{
	(void)state;
	struct view *view = full();
	struct issuer regulator = organisation(&world.consortium, 2);
	struct digest ids[3], found;
	struct fault fault;
	static const char *const about[] = {"org:newcomer", "org:maker", "org:newcomer"};
	for (size_t i = 0; i < 3; i++) {
		struct buffer body = {0}, bytes = {0};
		struct statement statement;
		struct span span = BODY_OF(member, &body, .change = MEMBER_REMOVE);
		ids[i] = issue(&world.consortium, &regulator, STATEMENT_MEMBER, text(about[i]), span, NULL, 0, &bytes);
		assert_int_equal(statement_decode(buffer_span(&bytes), &statement, NULL), OK);
		assert_int_equal(view_add(view, world.count + i, 999, 0, &statement, &fault), OK);
		buffer_free(&body);
		buffer_free(&bytes);
	}
	assert_int_equal(view_registration(view, text("org:newcomer"), world.count, &found), E_NOT_FOUND);
	assert_int_equal(view_registration(view, text("org:newcomer"), world.count + 1, &found), OK);
	assert_true(digest_equal(&found, &ids[0]));
	assert_int_equal(view_registration(view, text("org:newcomer"), UINT64_MAX, &found), OK);
	assert_true(digest_equal(&found, &ids[2]));
	assert_int_equal(view_registration(view, text("org:maker"), UINT64_MAX, &found), OK);
	assert_true(digest_equal(&found, &world.consortium.org_ids[0]));
	view_close(view);
	remove_files();
}

static void a_trace_over_the_view_is_the_trace(void **state)
{
	(void)state;
	struct view *view = full();
	struct trace_source mine = view_trace_source(view), expected = world_source(&world);
	struct trace a, b;
	struct fault fault;
	assert_int_equal(trace_collect(&mine, &world.result_id, 0, &a, &fault), OK);
	assert_int_equal(trace_collect(&expected, &world.result_id, 0, &b, &fault), OK);
	assert_int_equal(a.node_count, b.node_count);
	assert_int_equal(a.edge_count, b.edge_count);
	for (size_t i = 0; i < a.node_count; i++)
		assert_true(digest_equal(&a.nodes[i].id, &b.nodes[i].id));
	trace_free(&a);
	trace_free(&b);
	view_close(view);
}

/* -- lists -------------------------------------------------------------------------------- */

struct collected {
	uint64_t indexes[1024];
	size_t count, stop_at;
};

static bool collect(void *context, const struct view_row *row)
{
	struct collected *collected = context;
	assert_true(span_equal(row->bytes, buffer_span(&world.entries[row->index].bytes)));
	collected->indexes[collected->count++] = row->index;
	return collected->count != collected->stop_at;
}

static void expect(const struct view_query *query, struct collected *out)
{
	out->count = 0;
	for (size_t k = 0; k < world.count && out->count < query->limit; k++) {
		uint64_t i = query->descending ? world.count - 1 - k : k;
		const struct statement *statement = &world.entries[i].statement;
		bool wanted = (query->type == 0 || statement->type == query->type) && (query->iss.size == 0 || span_equal(query->iss, statement->iss)) &&
			(query->sub.size == 0 || span_equal(query->sub, statement->sub)) &&
			(query->after == UINT64_MAX || (query->descending ? i < query->after : i > query->after));
		if (wanted)
			out->indexes[out->count++] = i;
	}
}

static void lists_are_what_was_asked_for(void **state)
{
	(void)state;
	struct view *view = full();
	struct random random = random_of(5);
	static const char *const names[] = {"", "", "org:maker", "org:regulator", GATEWAY, ENGINEER, "nobody"};
	static const char *const subjects[] = {"", "", SPINDLE, "plant/hall", "thing-1", "thing-3", "nothing"};
	static const uint32_t types[] = {0, 0, STATEMENT_EVENT, STATEMENT_ANCHOR, STATEMENT_ORG, STATEMENT_MODEL, STATEMENT_ACK};
	size_t found = 0;
	for (int round = 0; round < 3000; round++) {
		struct view_query query = {
			.type = types[random_below(&random, 7)], .iss = text(names[random_below(&random, 7)]), .sub = text(subjects[random_below(&random, 7)]),
			.after = random_chance(&random, 0.3) ? UINT64_MAX : random_below(&random, world.count + 5),
			.descending = random_chance(&random, 0.5), .limit = (uint32_t)random_below(&random, 60) + 1,
		};
		struct collected got = {.stop_at = SIZE_MAX}, want;
		struct fault fault;
		expect(&query, &want);
		assert_int_equal(view_list(view, &query, collect, &got, &fault), OK);
		assert_int_equal(got.count, want.count);
		assert_memory_equal(got.indexes, want.indexes, got.count * sizeof *got.indexes);
		found += got.count;
	}
	assert_true(found > 5000);
	view_close(view);
}

static void pages_join_to_the_whole(void **state)
{
	(void)state;
	struct view *view = full();
	struct fault fault;
	for (int descending = 0; descending < 2; descending++) {
		struct collected all = {.stop_at = SIZE_MAX}, want;
		struct view_query query = {.type = STATEMENT_EVENT, .after = UINT64_MAX, .descending = descending, .limit = 7};
		size_t before;
		do {
			before = all.count;
			assert_int_equal(view_list(view, &query, collect, &all, &fault), OK);
			query.after = all.indexes[all.count - 1];
		} while (all.count > before);
		query = (struct view_query){.type = STATEMENT_EVENT, .after = UINT64_MAX, .descending = descending, .limit = UINT32_MAX};
		expect(&query, &want);
		assert_int_equal(all.count, want.count);
		assert_memory_equal(all.indexes, want.indexes, want.count * sizeof *want.indexes);
		/* A callback may have had enough. */
		struct collected few = {.stop_at = 3};
		assert_int_equal(view_list(view, &query, collect, &few, &fault), OK);
		assert_int_equal(few.count, 3);
	}
	view_close(view);
}

static void totals_count_by_type_and_readings(void **state)
{
	(void)state;
	remove_files();
	struct view *view = full();
	struct view_totals want = {0}, got;
	for (size_t i = 0; i < world.count; i++) {
		const struct statement *statement = &world.entries[i].statement;
		struct body_anchor anchor;
		struct fault fault;
		want.by_type[statement->type]++;
		if (statement->type == STATEMENT_ANCHOR && body_anchor_decode(statement->body, &anchor, &fault) == OK)
			want.readings += anchor.samples;
	}
	view_totals(view, &got);
	assert_memory_equal(&got, &want, sizeof got);
	view_close(view);
	view = opened(); /* and read back from the file */
	view_totals(view, &got);
	assert_memory_equal(&got, &want, sizeof got);
	view_close(view);
}

/* -- files -------------------------------------------------------------------------------- */

static void a_restart_goes_on_where_it_ended(void **state)
{
	(void)state;
	struct fault fault;
	remove_files();
	size_t sizes[] = {5, 60, 61, 200};
	for (size_t i = 0; i < 4; i++) {
		struct view *view = opened();
		assert_int_equal(view_size(view), i == 0 ? 0 : sizes[i - 1]);
		feed(view, sizes[i]);
		assert_int_equal(view_commit(view, &fault), OK);
		assert_int_equal(view_commit(view, &fault), OK);
		view_close(view);
	}
	/* A process that is killed loses what it did not commit, and nothing else. */
	struct view *killed = opened();
	feed(killed, 220);
	assert_int_equal(view_commit(killed, &fault), OK);
	feed(killed, 250);
	struct view *next = opened();
	assert_int_equal(view_size(next), 220);
	view_close(next);
	view_close(killed);
	struct view *last = opened();
	assert_int_equal(view_size(last), 250);
	view_close(last);
}

static void write_file(const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

static void what_does_not_fit_is_made_anew(void **state)
{
	(void)state;
	struct fault fault;
	remove_files();
	view_close(full());
	struct view *view;
	uint8_t other[NETWORK_ID_SIZE] = {1};
	assert_int_equal(view_open(path, other, &world_log, &view, &fault), OK);
	assert_int_equal(view_size(view), 0);
	view_close(view);

	/* Damage: the file's head, its whole, or a version to come. */
	remove_files();
	view_close(full());
	write_file("this is not a database, and long enough not to be taken for a torn one", 70);
	view = opened();
	assert_int_equal(view_size(view), 0);
	feed(view, 50);
	view_close(view);
	sqlite3 *database;
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
	view = opened();
	assert_int_equal(view_size(view), 0);
	feed(view, 50);
	view_close(view);
	/* An entry is missing. */
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, "DELETE FROM statement WHERE idx = 20", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
	view = opened();
	assert_int_equal(view_size(view), 0);
	view_close(view);
}

static void another_programs_database_is_left_alone(void **state)
{
	(void)state;
	remove_files();
	sqlite3 *database;
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, "CREATE TABLE letters (body TEXT); INSERT INTO letters VALUES ('dear'); PRAGMA application_id = 7", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
	struct view *view;
	struct fault fault;
	assert_int_equal(view_open(path, world.consortium.genesis.network, &world_log, &view, &fault), E_CONFIG);
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, "SELECT body FROM letters", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
	assert_int_equal(view_open("/nonexistent-folder/view.sqlite", world.consortium.genesis.network, &world_log, &view, &fault), E_IO);
	assert_non_null(strstr(fault.text, "/nonexistent-folder/view.sqlite"));
	remove_files();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found),
		cmocka_unit_test(what_the_log_does_not_hold_is_not_told),
		cmocka_unit_test(an_id_is_found_by_its_beginning),
		cmocka_unit_test(a_registration_is_the_newest_before),
		cmocka_unit_test(a_proposal_registers_who_joins),
		cmocka_unit_test(a_trace_over_the_view_is_the_trace),
		cmocka_unit_test(lists_are_what_was_asked_for),
		cmocka_unit_test(pages_join_to_the_whole),
		cmocka_unit_test(totals_count_by_type_and_readings),
		cmocka_unit_test(a_restart_goes_on_where_it_ended),
		cmocka_unit_test(what_does_not_fit_is_made_anew),
		cmocka_unit_test(another_programs_database_is_left_alone),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
