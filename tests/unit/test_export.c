#include "world.h"

#include "api/export.h"
#include "app/reading.h"
#include "command/members.h"
#include "app/verify.h"
#include "ledger/ledger.h"
#include "signal/sample.h"
#include "trace/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

enum { LEAVES = 5 };

static struct world world;
static struct ledger *ledger;
static struct view *view;
static char path[] = "/tmp/tally-export-XXXXXX";
static struct buffer leaves[LEAVES];
static struct merkle_tree chunk;
/* The log's sizes at which there is a checkpoint, ascending. */
static uint64_t checkpoints[4];
static size_t checkpoint_count;

/* The readings of a chunk: seq 500 ... 504 of the spindle's temperature. */
static struct digest make_chunk(void)
{
	const struct channel channel = {.id = text("temperature"), .raw_unit = text("[degF]"), .unit = text("Cel"), .scale = 5.0 / 9, .offset = -160.0 / 9};
	for (unsigned i = 0; i < LEAVES; i++) {
		struct sample sample = {.device = text(SPINDLE), .channel = &channel, .seq = 500 + i, .time_ns = 1700000005000000000 + i,
			.received_ns = 1700000005001000000, .raw = 160.5 + i, .status = STATUS_GOOD};
		sample.value = sample.raw * channel.scale + channel.offset;
		sample_encode(&sample, &leaves[i]);
		struct digest leaf = merkle_leaf(buffer_span(&leaves[i]));
		merkle_tree_append(&chunk, &leaf);
	}
	return merkle_tree_root(&chunk, LEAVES);
}

static int begin(void **state)
{
	(void)state;
	struct fault fault;
	const struct view_log log = {.context = &world, .read = world_log_read};
	struct digest root = make_chunk();
	world_begin(&world);
	world_story(&world, &root, LEAVES);
	for (unsigned i = 0; i < 30; i++)
		world_add(&world, &world.regulator, STATEMENT_EVENT, "later", event_body(&world.body, i), NULL, 0);
	ledger = ledger_new(&world.consortium.genesis);
	int file = mkstemp(path);
	assert_true(file >= 0);
	close(file);
	assert_int_equal(view_open(path, world.consortium.genesis.network, &log, &view, &fault), OK);
	assert_int_equal(view_add_genesis(view, &world.consortium.genesis, &fault), OK);
	for (size_t i = WORLD_MEMBERS; i < world.count; i++) {
		uint64_t index;
		assert_int_equal(ledger_apply(ledger, &world.entries[i].statement, true, &index, &fault), OK);
		assert_int_equal(view_add(view, i, i, world_commit_ms(i), &world.entries[i].statement, &fault), OK);
	}
	checkpoints[0] = 10;
	checkpoints[1] = world.count - 10;
	checkpoints[2] = world.count;
	checkpoint_count = 3;
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEAVES; i++)
		buffer_free(&leaves[i]);
	merkle_tree_free(&chunk);
	view_close(view);
	ledger_free(ledger);
	world_end(&world);
	unlink(path);
	return 0;
}

/* A note signed by three of the four organisations. */
static void sign_note(uint64_t size, struct buffer *note)
{
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct checkpoint *checkpoint = memory_new_array(1, sizeof *checkpoint);
	checkpoint_origin(world.consortium.genesis.network, origin);
	checkpoint->origin = text(origin);
	checkpoint->size = size;
	checkpoint->root = merkle_tree_root(ledger_tree(ledger), size);
	checkpoint->line_count = 3;
	for (size_t i = 0; i < 3; i++) {
		struct checkpoint_line *line = &checkpoint->lines[i];
		line->name = text(organisation_names[i]);
		checkpoint_key_id(line->name, signing_key_public(world.consortium.checkpoint[i]), line->key_id);
		assert_int_equal(cosignature_sign(world.consortium.checkpoint[i], line->name, checkpoint->origin, size, &checkpoint->root, 1700000100, NULL,
			&line->cosignature), OK);
	}
	checkpoint_encode(checkpoint, note);
	free(checkpoint);
}

static enum status earliest(void *context, uint64_t index, struct buffer *note, uint64_t *size)
{
	(void)context;
	for (size_t i = 0; i < checkpoint_count; i++) {
		if (checkpoints[i] > index) {
			*size = checkpoints[i];
			sign_note(*size, note);
			return OK;
		}
	}
	return E_NOT_FOUND;
}

static enum status export(const struct digest *id, uint32_t depth, struct buffer *out, struct fault *fault)
{
	struct export_source source = {.view = view, .tree = ledger_tree(ledger), .checkpoint = earliest};
	return export_bundle(&source, id, depth, out, fault);
}

static enum status verify(const struct buffer *bundle, struct buffer *report)
{
	struct fault fault = {{0}};
	struct members members;
	assert_int_equal(members_read(buffer_span(&world.consortium.bytes), (struct span){0}, &members, &fault), OK);
	enum status status = verify_bundle(&(struct trust){.epochs = &members.epochs}, buffer_span(bundle), report, &fault);
	members_close(&members);
	if (status != OK)
		assert_true(fault.text[0] != 0);
	return status;
}

static void every_statement_can_be_exported(void **state)
{
	(void)state;
	for (size_t i = 0; i < 22; i++) {
		struct buffer bundle = {0}, report = {0};
		struct fault fault = {{0}};
		assert_int_equal(export(&world.entries[i].statement.id, 0, &bundle, &fault), OK);
		enum status status = verify(&bundle, &report);
		if (status != OK)
			print_message("entry %zu, %s\n%.*s\n", i, statement_type_name(world.entries[i].statement.type), (int)report.size, (const char *)report.data);
		assert_int_equal(status, OK);
		buffer_free(&bundle);
		buffer_free(&report);
	}
}

static void the_earliest_checkpoint_that_covers_all_is_taken(void **state)
{
	(void)state;
	const struct { const struct digest *id; uint64_t size; } cases[] = {
		{&world.gateway_id, 10}, {&world.anchor_id, 10}, {&world.result_id, world.count - 10}, {&world.entries[world.count - 1].statement.id, world.count},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer bytes = {0};
		struct bundle bundle;
		struct checkpoint checkpoint;
		struct fault fault;
		assert_int_equal(export(cases[i].id, 0, &bytes, &fault), OK);
		assert_int_equal(bundle_decode(buffer_span(&bytes), &bundle, &fault), OK);
		assert_int_equal(checkpoint_decode(bundle.note, &checkpoint, &fault), OK);
		assert_int_equal(checkpoint.size, cases[i].size);
		bundle_free(&bundle);
		buffer_free(&bytes);
	}
	checkpoint_count = 1;
	struct buffer bytes = {0};
	struct fault fault;
	assert_int_equal(export(&world.result_id, 0, &bytes, &fault), E_BUSY);
	assert_int_equal(bytes.size, 0);
	assert_int_equal(export(&(struct digest){{9}}, 0, &bytes, &fault), E_NOT_FOUND);
	checkpoint_count = 3;
}

/* Less deep, but still with the parents that it concludes from and with everybody's registration. */
static void a_shallow_bundle_verifies_too(void **state)
{
	(void)state;
	struct buffer whole = {0}, shallow = {0}, report = {0};
	struct fault fault;
	assert_int_equal(export(&world.disturbance_id, 0, &whole, &fault), OK);
	assert_int_equal(export(&world.disturbance_id, 1, &shallow, &fault), OK);
	assert_true(shallow.size < whole.size);
	assert_int_equal(verify(&shallow, &report), OK);
	buffer_free(&whole);
	buffer_free(&shallow);
	buffer_free(&report);
}

static void too_long_an_ancestry_is_refused_with_advice(void **state)
{
	(void)state;
	struct fault fault = {{0}};
	struct digest last = world.event_id;
	for (size_t i = 0; i < TRACE_NODES_MAX + 1; i++) {
		uint64_t index;
		last = world_add(&world, &world.maker, STATEMENT_EVENT, "chain", event_body(&world.body, (unsigned)i), &last, 1);
		const struct world_entry *entry = &world.entries[world.count - 1];
		assert_int_equal(ledger_apply(ledger, &entry->statement, true, &index, &fault), OK);
		assert_int_equal(view_add(view, index, index, 0, &entry->statement, &fault), OK);
	}
	checkpoints[checkpoint_count++] = world.count;
	struct buffer bundle = {0}, report = {0};
	assert_int_equal(export(&last, 0, &bundle, &fault), E_LIMIT);
	assert_non_null(strstr(fault.text, "depth="));
	assert_int_equal(export(&last, 5, &bundle, &fault), OK);
	assert_int_equal(verify(&bundle, &report), OK);
	buffer_free(&bundle);
	buffer_free(&report);
}

/* -- one reading --------------------------------------------------------------------------- */

/* What a gateway answers about leaf `leaf`. */
static void gateway_answer(unsigned leaf, bool anchored, struct buffer *out)
{
	struct merkle_path proof;
	struct json json = json_of(out);
	assert_int_equal(merkle_tree_inclusion(&chunk, leaf, LEAVES, &proof), OK);
	json_object(&json, NULL);
	json_word(&json, "device", SPINDLE);
	json_uint(&json, "seq", 500 + leaf);
	json_hex(&json, "leaf", buffer_span(&leaves[leaf]));
	json_uint(&json, "leaf_index", leaf);
	json_uint(&json, "leaf_count", LEAVES);
	json_array(&json, "path");
	for (size_t i = 0; i < proof.count; i++)
		json_digest(&json, NULL, &proof.nodes[i]);
	json_array_end(&json);
	json_digest(&json, "anchor", &world.anchor_id);
	json_bool(&json, "anchored", anchored);
	json_object_end(&json);
}

static void reading_bundle(unsigned leaf, struct buffer *out)
{
	struct buffer answer = {0}, anchor = {0};
	struct reading_proof proof;
	struct fault fault;
	gateway_answer(leaf, true, &answer);
	assert_int_equal(reading_proof_parse(buffer_span(&answer), &proof, &fault), OK);
	assert_true(digest_equal(&proof.anchor, &world.anchor_id));
	assert_int_equal(export(&proof.anchor, 0, &anchor, &fault), OK);
	assert_int_equal(reading_join(buffer_span(&anchor), &proof, out, &fault), OK);
	reading_proof_free(&proof);
	buffer_free(&answer);
	buffer_free(&anchor);
}

static void a_reading_is_proven_and_described(void **state)
{
	(void)state;
	for (unsigned leaf = 0; leaf < LEAVES; leaf++) {
		struct buffer bundle = {0}, report = {0};
		reading_bundle(leaf, &bundle);
		assert_int_equal(verify(&bundle, &report), OK);
		buffer_append_byte(&report, 0);
		char value[32];
		snprintf(value, sizeof value, "seq %u", 500 + leaf);
		assert_non_null(strstr((const char *)report.data, value));
		assert_non_null(strstr((const char *)report.data, "temperature"));
		if (leaf == 0)
			assert_non_null(strstr((const char *)report.data, "71.38"));
		buffer_free(&bundle);
		buffer_free(&report);
	}
}

static void no_byte_of_a_bundle_can_be_changed(void **state)
{
	(void)state;
	struct buffer bundle = {0}, report = {0};
	reading_bundle(2, &bundle);
	assert_int_equal(verify(&bundle, &report), OK);
	/* Each byte of the last part (note, reading) and of the head, and a sample of the statements between. */
	size_t tried = 0;
	for (size_t i = 0; i < bundle.size; i += i < 64 || i + 600 > bundle.size ? 1 : 41) {
		uint8_t was = bundle.data[i];
		bundle.data[i] = (uint8_t)(was ^ (1u << (i % 8)));
		buffer_clear(&report);
		if (verify(&bundle, &report) == OK)
			fail_msg("byte %zu of %zu", i, bundle.size);
		assert_non_null(memmem(report.data, report.size, "FAILED", 6));
		bundle.data[i] = was;
		tried++;
	}
	assert_true(tried > 1000);
	bundle.size--;
	assert_int_not_equal(verify(&bundle, &report), OK);
	bundle.size++;
	buffer_append_byte(&bundle, 0);
	assert_int_not_equal(verify(&bundle, &report), OK);
	buffer_free(&bundle);
	buffer_free(&report);
}

static void a_changed_reading_is_noticed_when_it_is_fetched(void **state)
{
	(void)state;
	struct buffer answer = {0}, anchor = {0}, out = {0};
	struct reading_proof proof;
	struct fault fault = {{0}};
	gateway_answer(1, true, &answer);
	assert_int_equal(export(&world.anchor_id, 0, &anchor, &fault), OK);
	assert_int_equal(reading_proof_parse(buffer_span(&answer), &proof, &fault), OK);
	proof.leaf.data[proof.leaf.size - 10] ^= 1;
	assert_int_equal(reading_join(buffer_span(&anchor), &proof, &out, &fault), E_SIGNATURE);
	proof.leaf.data[proof.leaf.size - 10] ^= 1;
	proof.leaf_count++;
	assert_int_equal(reading_join(buffer_span(&anchor), &proof, &out, &fault), E_SIGNATURE);
	assert_int_equal(out.size, 0);
	buffer_clear(&anchor);
	assert_int_equal(export(&world.disturbance_id, 0, &anchor, &fault), OK);
	assert_int_equal(reading_join(buffer_span(&anchor), &proof, &out, &fault), E_SIGNATURE);
	reading_proof_free(&proof);
	buffer_clear(&answer);
	gateway_answer(1, false, &answer);
	assert_int_equal(reading_proof_parse(buffer_span(&answer), &proof, &fault), E_BUSY);
	for (size_t size = 0; size < answer.size; size += 3)
		assert_int_not_equal(reading_proof_parse(span_of(answer.data, size), &proof, &fault), OK);
	buffer_free(&answer);
	buffer_free(&anchor);
	buffer_free(&out);
}

/* A leaf of a device, or of a message number, that the anchor does not cover. */
static void a_reading_must_be_covered_by_its_anchor(void **state)
{
	(void)state;
	const struct channel channel = {.id = text("temperature"), .raw_unit = text("Cel"), .unit = text("Cel"), .scale = 1};
	const struct { const char *device; uint64_t seq; } cases[] = {{"dev:maker/other", 500}, {SPINDLE, 0}, {SPINDLE, 1001}};
	for (size_t i = 0; i < 3; i++) {
		struct sample sample = {.device = text(cases[i].device), .channel = &channel, .seq = cases[i].seq, .raw = 20, .value = 20};
		struct buffer leaf = {0}, bytes = {0}, out = {0}, report = {0};
		struct fault fault;
		sample_encode(&sample, &leaf);
		struct digest root = merkle_leaf(buffer_span(&leaf));
		struct digest id = world_anchor(&world, &root, 1, &world.second_model_id);
		const struct world_entry *entry = &world.entries[world.count - 1];
		uint64_t index;
		assert_int_equal(ledger_apply(ledger, &entry->statement, true, &index, &fault), OK);
		assert_int_equal(view_add(view, index, index, 0, &entry->statement, &fault), OK);
		checkpoints[checkpoint_count - 1] = world.count;
		struct reading_proof proof = {.anchor = id, .leaf_count = 1};
		buffer_append_span(&proof.leaf, buffer_span(&leaf));
		assert_int_equal(export(&id, 0, &bytes, &fault), OK);
		assert_int_equal(reading_join(buffer_span(&bytes), &proof, &out, &fault), OK);
		assert_int_not_equal(verify(&out, &report), OK);
		reading_proof_free(&proof);
		buffer_free(&leaf);
		buffer_free(&bytes);
		buffer_free(&out);
		buffer_free(&report);
	}
}

static void readings_have_names(void **state)
{
	(void)state;
	struct reading_name name;
	struct fault fault;
	assert_int_equal(reading_name_parse(text("dev:maker/spindle-1#vibration@1700"), &name, &fault), OK);
	assert_true(span_is_text(name.device, "dev:maker/spindle-1"));
	assert_true(span_is_text(name.signal, "vibration"));
	assert_int_equal(name.seq, 1700);
	static const char *const wrong[] = {"", "#", "@", "#@", "a#@1", "#b@1", "a#b@", "a#b", "a@1", "a#b@x", "a#b@1x", "a#b@99999999999999999999", "a@1#b"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(reading_name_parse(text(wrong[i]), &name, &fault), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_statement_can_be_exported),
		cmocka_unit_test(the_earliest_checkpoint_that_covers_all_is_taken),
		cmocka_unit_test(a_shallow_bundle_verifies_too),
		cmocka_unit_test(a_reading_is_proven_and_described),
		cmocka_unit_test(no_byte_of_a_bundle_can_be_changed),
		cmocka_unit_test(a_changed_reading_is_noticed_when_it_is_fetched),
		cmocka_unit_test(readings_have_names),
		cmocka_unit_test(too_long_an_ancestry_is_refused_with_advice),
		cmocka_unit_test(a_reading_must_be_covered_by_its_anchor),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
