#include "world.h"

#include "trace/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <yyjson.h>

static struct world world;

static int begin(void **state)
{
	(void)state;
	world_begin(&world);
	world_story(&world, &(struct digest){{5}}, 4);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static struct trace collected(const struct digest *id, uint32_t depth)
{
	struct trace_source source = world_source(&world);
	struct trace trace;
	struct fault fault;
	assert_int_equal(trace_collect(&source, id, depth, &trace, &fault), OK);
	return trace;
}

static long position_of(const struct trace *trace, const struct digest *id)
{
	for (size_t i = 0; i < trace->node_count; i++)
		if (digest_equal(&trace->nodes[i].id, id))
			return (long)i;
	return -1;
}

/* Why `from` refers to `to`; 0 when it does not, and a failure when it does twice. */
static unsigned why(const struct trace *trace, const struct digest *from, const struct digest *to)
{
	unsigned found = 0;
	for (size_t i = 0; i < trace->edge_count; i++) {
		const struct trace_edge *edge = &trace->edges[i];
		if (digest_equal(&trace->nodes[edge->from].id, from) && digest_equal(&trace->nodes[edge->to].id, to)) {
			assert_int_equal(found, 0);
			found = edge->why;
		}
	}
	return found;
}

static void a_result_leads_back_to_organisations(void **state)
{
	(void)state;
	struct trace trace = collected(&world.result_id, 0);
	struct digest *maker = &world.consortium.org_ids[0];
	assert_int_equal(position_of(&trace, &world.result_id), 0);
	assert_int_equal(why(&trace, &world.result_id, &world.command_id), TRACE_COMMAND);
	assert_int_equal(why(&trace, &world.command_id, &world.service_id), TRACE_PARENT);
	assert_int_equal(why(&trace, &world.service_id, &world.disturbance_id), TRACE_PARENT);
	assert_int_equal(why(&trace, &world.disturbance_id, &world.anchor_id), TRACE_PARENT);
	assert_int_equal(why(&trace, &world.anchor_id, &world.spindle_id), TRACE_REGISTRATION);
	assert_int_equal(why(&trace, &world.anchor_id, &world.bounds_id), TRACE_BOUNDS);
	assert_int_equal(why(&trace, &world.anchor_id, &world.model_id), TRACE_MODEL);
	assert_int_equal(why(&trace, &world.anchor_id, &world.gateway_id), TRACE_ISSUER);
	assert_int_equal(why(&trace, &world.gateway_id, maker), TRACE_ISSUER);
	assert_int_equal(why(&trace, &world.result_id, &world.spindle_id), TRACE_REGISTRATION);
	/* Nothing that is not an ancestor, and an organisation is derived from nothing. */
	assert_int_equal(position_of(&trace, &world.second_model_id), -1);
	assert_int_equal(position_of(&trace, &world.ack_id), -1);
	assert_int_equal(trace.node_count, 10);
	assert_false(trace.cut);
	trace_free(&trace);

	trace = collected(&world.ack_id, 0);
	assert_int_equal(why(&trace, &world.ack_id, &world.disturbance_id), TRACE_TARGET);
	assert_int_equal(why(&trace, &world.ack_id, &world.person_id), TRACE_ISSUER);
	trace_free(&trace);
	trace = collected(maker, 0);
	assert_int_equal(trace.node_count, 1);
	assert_int_equal(trace.edge_count, 0);
	trace_free(&trace);
}

static void nodes_are_breadth_first_then_by_index(void **state)
{
	(void)state;
	struct trace trace = collected(&world.second_model_id, 0);
	for (size_t i = 1; i < trace.node_count; i++) {
		const struct trace_node *before = &trace.nodes[i - 1], *node = &trace.nodes[i];
		assert_true(before->depth < node->depth || (before->depth == node->depth && before->index < node->index));
		assert_int_equal(node->commit_ms, world_commit_ms(node->index));
	}
	/* Every ancestor is older, so there is no cycle. */
	for (size_t i = 0; i < trace.edge_count; i++)
		assert_true(trace.nodes[trace.edges[i].from].index > trace.nodes[trace.edges[i].to].index);
	trace_free(&trace);
}

static void a_depth_cuts_ancestry_but_not_issuers(void **state)
{
	(void)state;
	struct trace trace = collected(&world.disturbance_id, 1);
	assert_true(trace.cut);
	assert_true(position_of(&trace, &world.anchor_id) > 0);
	assert_true(position_of(&trace, &world.model_id) > 0);
	assert_int_equal(position_of(&trace, &world.bounds_id), -1);
	assert_true(position_of(&trace, &world.gateway_id) > 0);
	assert_true(position_of(&trace, &world.consortium.org_ids[0]) > 0);
	trace_free(&trace);
}

static void an_issuer_is_who_it_was_then(void **state)
{
	(void)state;
	struct issuer before = world.gateway;
	struct signing_key *new_key = key_of(902);
	struct digest old_id = world.gateway_id;
	world.gateway.key = new_key;
	struct digest new_id = world_register_gateway(&world);
	struct digest anchor = world_anchor(&world, &(struct digest){{6}}, 1, &world.second_model_id);
	struct trace trace = collected(&anchor, 0);
	assert_int_equal(why(&trace, &anchor, &new_id), TRACE_ISSUER);
	assert_int_equal(why(&trace, &world.anchor_id, &old_id), TRACE_ISSUER);
	assert_int_equal(why(&trace, &world.anchor_id, &new_id), 0);
	assert_int_equal(why(&trace, &new_id, &old_id), 0);
	trace_free(&trace);
	world.gateway = before;
	signing_key_free(new_key);
}

static void a_long_ancestry_is_cut(void **state)
{
	(void)state;
	struct digest last = world.event_id, first = {{0}};
	for (unsigned i = 0; i < TRACE_NODES_MAX + 20; i++) {
		last = world_add(&world, &world.maker, STATEMENT_EVENT, "chain", event_body(&world.body, i), &last, 1);
		first = i == 0 ? last : first;
	}
	struct trace trace = collected(&last, 0);
	assert_true(trace.cut);
	assert_int_equal(trace.node_count, TRACE_NODES_MAX);
	assert_int_equal(position_of(&trace, &first), -1);
	struct buffer out = {0};
	trace_text(&trace, &out);
	assert_non_null(memmem(out.data, out.size, "there is more", 13));
	buffer_free(&out);
	trace_free(&trace);
}

static void what_is_not_there_is_said(void **state)
{
	(void)state;
	struct trace_source source = world_source(&world);
	struct trace trace;
	struct fault fault = {{0}};
	assert_int_equal(trace_collect(&source, &(struct digest){{1, 2, 3}}, 0, &trace, &fault), E_NOT_FOUND);
	assert_true(strlen(fault.text) > 20);
}

/* -- labels and JSON -------------------------------------------------------------------- */

static void labels_say_what_matters(void **state)
{
	(void)state;
	const struct { const struct digest *id; const char *label; } expected[] = {
		{&world.consortium.org_ids[0], "organisation: maker (maker) as manufacturer, node at maker:7100"},
		{&world.gateway_id, "device: gateway hall-1 (box) at plant/hall"},
		{&world.person_id, "person: engineer-1 is registered as engineer by maker"},
		{&world.spindle_id, "device: machine spindle-1 (S-1) at plant/hall/line, through gateway hall-1, 1 signal"},
		{&world.bounds_id, "bounds: version 1 for spindle-1, 1 signal, from maker's manual"},
		{&world.model_id, "model: version 1 for spindle-1 (first-order) after commissioning"},
		{&world.anchor_id, "anchor: 4 readings of spindle-1, 2023-11-14T22:13:20Z to 2023-11-14T22:13:30Z, evidence: gateway, 2 flagged, 3 messages missing, 1 message refused"},
		{&world.disturbance_id, "disturbance: temperature of spindle-1 drifts, 71.2 (expected 64): machine fault"},
		{&world.service_id, "service: scheduling of spindle-1 accepted, chosen: reduce_speed 0.6, predicted 66, cost 0.4"},
		{&world.second_model_id, "model: version 2 for spindle-1 (first-order) after calibration, held-out error 2.1 fell to 0.9"},
		{&world.command_id, "command: reduce_speed to 0.6, for spindle-1"},
		{&world.result_id, "result: spindle-1 did what it was told: speed reduced"},
		{&world.critical_id, "critical: fire at spindle-1, smoke; doors opened, acted 0.5 ms after its arrival"},
		{&world.ack_id, "acknowledgement: alarm of spindle-1, by engineer-1: seen"},
		{&world.event_id, "event: order, accepting for spindle-1 at here: urn:item:7"},
		{&world.state_id, "device state: spindle-1 is suspended by regulator: inspection"},
	};
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		struct trace trace = collected(expected[i].id, 1);
		struct buffer label = {0};
		trace_label(&trace.nodes[0].statement, &label);
		buffer_append_byte(&label, 0);
		assert_string_equal((const char *)label.data, expected[i].label);
		buffer_free(&label);
		trace_free(&trace);
	}
}

static void labels_cannot_drive_a_terminal(void **state)
{
	(void)state;
	struct buffer body = {0}, label = {0};
	struct statement statement = {.type = STATEMENT_ACK, .sub = text(SPINDLE)};
	statement.body = BODY_OF(ack, &body, .target = {{1}}, .person = text(ENGINEER), .comment = text("a\x1b[2Jb\nc\x7f" "d\xc2\x9b" "\xe2\x80\xae" "e\xc2\xb0"), .time_ns = 1);
	trace_label(&statement, &label);
	for (size_t i = 0; i < label.size; i++)
		assert_true(label.data[i] >= 0x20 && label.data[i] != 0x7f && label.data[i] != 0x9b);
	assert_non_null(memmem(label.data, label.size, ": a?[2Jb?c?d??e\xc2\xb0", 17));
	buffer_clear(&label);
	statement.body = text("not a body");
	trace_label(&statement, &label);
	assert_true(span_is_text(buffer_span(&label), "ack: its body cannot be read"));
	buffer_free(&body);
	buffer_free(&label);
}

static yyjson_doc *parsed(const struct buffer *json)
{
	yyjson_doc *document = yyjson_read((const char *)json->data, json->size, 0);
	if (!document)
		print_message("%.*s\n", (int)json->size, (const char *)json->data);
	assert_non_null(document);
	return document;
}

static const char *string(yyjson_val *object, const char *name)
{
	const char *value = yyjson_get_str(yyjson_obj_get(object, name));
	assert_non_null(value);
	return value;
}

static void every_statement_becomes_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < 24 && i < world.count; i++) {
		const struct statement *statement = &world.entries[i].statement;
		struct buffer json = {0};
		trace_statement_json(statement, i, 9, world_commit_ms(i), world.entries[i].bytes.size, true, &json);
		yyjson_doc *document = parsed(&json);
		yyjson_val *root = yyjson_doc_get_root(document);
		char id[DIGEST_HEX_SIZE];
		span_hex(digest_span(&statement->id), id);
		assert_string_equal(string(root, "id"), id);
		assert_string_equal(string(root, "type"), statement_type_name(statement->type));
		assert_int_equal(yyjson_get_uint(yyjson_obj_get(root, "index")), i);
		assert_int_equal(yyjson_get_uint(yyjson_obj_get(root, "commit")), 9);
		assert_int_equal(yyjson_arr_size(yyjson_obj_get(root, "parents")), statement->parent_count);
		assert_int_equal(yyjson_is_null(yyjson_obj_get(root, "prev")), statement->seq == 1);
		assert_true(yyjson_is_obj(yyjson_obj_get(root, "body")));
		assert_int_equal(trace_statement_size(statement), world.entries[i].bytes.size);
		yyjson_doc_free(document);
		buffer_clear(&json);
		trace_statement_json(statement, UINT64_MAX, 0, 0, 0, false, &json);
		document = parsed(&json);
		root = yyjson_doc_get_root(document);
		assert_true(yyjson_is_null(yyjson_obj_get(root, "index")));
		assert_null(yyjson_obj_get(root, "body"));
		yyjson_doc_free(document);
		buffer_free(&json);
	}
}

static yyjson_val *body_of(const struct digest *id, yyjson_doc **document)
{
	struct trace trace = collected(id, 1);
	struct buffer json = {0};
	trace_body_json(&trace.nodes[0].statement, &json);
	*document = parsed(&json);
	buffer_free(&json);
	trace_free(&trace);
	return yyjson_doc_get_root(*document);
}

static void bodies_keep_names_and_values(void **state)
{
	(void)state;
	yyjson_doc *document;
	yyjson_val *body = body_of(&world.disturbance_id, &document);
	assert_string_equal(string(body, "kind"), "drift");
	assert_string_equal(string(body, "diagnosis"), "machine_fault");
	assert_true(yyjson_get_num(yyjson_obj_get(body, "value")) == 71.2);
	assert_true(yyjson_get_num(yyjson_obj_get(body, "expected")) == 64);
	assert_true(yyjson_get_sint(yyjson_obj_get(body, "time_ns")) == 1700000005000000000);
	assert_int_equal(strlen(string(body, "chunk")), 64);
	yyjson_doc_free(document);

	body = body_of(&world.bounds_id, &document);
	yyjson_val *bound = yyjson_arr_get_first(yyjson_obj_get(body, "bounds"));
	assert_true(yyjson_get_num(yyjson_obj_get(bound, "low")) == -5);
	assert_true(yyjson_get_num(yyjson_obj_get(bound, "high")) == 70.5);
	yyjson_doc_free(document);

	body = body_of(&world.anchor_id, &document);
	yyjson_val *range = yyjson_arr_get_first(yyjson_obj_get(body, "ranges"));
	assert_string_equal(string(range, "device"), SPINDLE);
	assert_string_equal(string(body, "evidence"), "gateway");
	assert_string_equal(string(yyjson_arr_get_first(yyjson_obj_get(body, "flagged")), "reason"), "missing");
	yyjson_doc_free(document);

	body = body_of(&world.spindle_id, &document);
	assert_string_equal(string(body, "kind"), "machine");
	assert_string_equal(string(body, "format"), "json");
	assert_true(yyjson_is_null(yyjson_obj_get(body, "key")));
	yyjson_doc_free(document);

	body = body_of(&world.state_id, &document);
	assert_string_equal(string(body, "state"), "suspended");
	yyjson_doc_free(document);

	body = body_of(&world.service_id, &document);
	assert_int_equal(yyjson_arr_size(yyjson_obj_get(body, "options")), 2);
	assert_true(yyjson_is_false(yyjson_obj_get(yyjson_arr_get_first(yyjson_obj_get(body, "options")), "feasible")));
	yyjson_doc_free(document);
}

static void traces_have_three_forms(void **state)
{
	(void)state;
	struct trace trace = collected(&world.ack_id, 0);
	struct buffer out = {0};
	trace_json(&trace, &out);
	yyjson_doc *document = parsed(&out);
	yyjson_val *root = yyjson_doc_get_root(document);
	assert_int_equal(yyjson_arr_size(yyjson_obj_get(root, "nodes")), trace.node_count);
	assert_int_equal(yyjson_arr_size(yyjson_obj_get(root, "edges")), trace.edge_count);
	size_t i, max, evidence = 0;
	yyjson_val *node;
	yyjson_arr_foreach(yyjson_obj_get(root, "nodes"), i, max, node)
		evidence += yyjson_is_str(yyjson_obj_get(node, "evidence"));
	assert_int_equal(evidence, 1);
	yyjson_doc_free(document);

	buffer_clear(&out);
	trace_text(&trace, &out);
	buffer_append_byte(&out, 0);
	size_t lines = 0;
	for (size_t j = 0; j < out.size; j++)
		lines += out.data[j] == '\n';
	assert_int_equal(lines, trace.edge_count + 1);
	assert_non_null(strstr((const char *)out.data, "├─ target: disturbance: temperature"));
	assert_non_null(strstr((const char *)out.data, "(as above)"));

	buffer_clear(&out);
	trace_graphviz(&trace, &out);
	size_t quotes = 0;
	for (size_t j = 0; j < out.size; j++)
		quotes += out.data[j] == '"' && out.data[j - 1] != '\\';
	assert_int_equal(quotes % 2, 0);
	buffer_append_byte(&out, 0);
	assert_non_null(strstr((const char *)out.data, "n0 -> n"));
	buffer_free(&out);
	trace_free(&trace);
}

static void any_bytes_become_valid_json_text(void **state)
{
	(void)state;
	struct random random = random_of(7);
	for (int round = 0; round < 20000; round++) {
		uint8_t bytes[12];
		size_t size = random_below(&random, sizeof bytes + 1);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(random_chance(&random, 0.5) ? random_below(&random, 256) : (uint64_t)"\"\\\n\x1f\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"[random_below(&random, 14)]);
		struct buffer out = {0};
		json_quote(&out, span_of(bytes, size));
		yyjson_doc *document = parsed(&out);
		/* What was valid UTF-8 comes back as it was. */
		struct buffer plain = {0};
		buffer_append_byte(&plain, '"');
		bool special = false;
		for (size_t i = 0; i < size; i++)
			special = special || bytes[i] < 0x20 || bytes[i] == '"' || bytes[i] == '\\';
		buffer_append(&plain, bytes, size);
		buffer_append_byte(&plain, '"');
		yyjson_doc *direct = special ? NULL : yyjson_read((const char *)plain.data, plain.size, 0);
		if (direct) {
			yyjson_val *value = yyjson_doc_get_root(document);
			assert_int_equal(yyjson_get_len(value), size);
			assert_memory_equal(yyjson_get_str(value), bytes, size);
		}
		yyjson_doc_free(direct);
		yyjson_doc_free(document);
		buffer_free(&plain);
		buffer_free(&out);
	}
	struct buffer out = {0};
	json_quote(&out, text("a\"b\\c\nd\x01\xff\xe2\x82z"));
	assert_true(span_is_text(buffer_span(&out), "\"a\\\"b\\\\c\\nd\\u0001\\ufffd\\ufffd\\ufffdz\""));
	buffer_free(&out);
}

static void decimals_are_exact_in_json(void **state)
{
	(void)state;
	const struct { struct decimal value; const char *text; } cases[] = {
		{{0, 0}, "0"}, {{-5, 0}, "-5"}, {{705, -1}, "70.5"}, {{-705, -3}, "-0.705"}, {{7, -3}, "0.007"}, {{12, 3}, "12000"},
		{{INT64_MIN, 0}, "-9223372036854775808"}, {{INT64_MAX, -18}, "9.223372036854775807"}, {{1, 18}, "1000000000000000000"}, {{1, -18}, "0.000000000000000001"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer out = {0};
		struct json json = json_of(&out);
		json_decimal(&json, NULL, cases[i].value);
		assert_true(span_is_text(buffer_span(&out), cases[i].text));
		buffer_free(&out);
	}
	struct random random = random_of(3);
	for (int round = 0; round < 5000; round++) {
		double value = ldexp(random_unit(&random) - 0.5, (int)random_below(&random, 200) - 100);
		struct buffer out = {0};
		struct json json = json_of(&out);
		json_array(&json, NULL);
		json_number(&json, NULL, value);
		json_number(&json, NULL, (double)NAN);
		json_array_end(&json);
		yyjson_doc *document = parsed(&out);
		yyjson_val *root = yyjson_doc_get_root(document);
		assert_true(yyjson_get_num(yyjson_arr_get_first(root)) == value);
		assert_true(yyjson_is_null(yyjson_arr_get(root, 1)));
		yyjson_doc_free(document);
		buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_leads_back_to_organisations),
		cmocka_unit_test(nodes_are_breadth_first_then_by_index),
		cmocka_unit_test(a_depth_cuts_ancestry_but_not_issuers),
		cmocka_unit_test(labels_say_what_matters),
		cmocka_unit_test(labels_cannot_drive_a_terminal),
		cmocka_unit_test(every_statement_becomes_json),
		cmocka_unit_test(bodies_keep_names_and_values),
		cmocka_unit_test(traces_have_three_forms),
		cmocka_unit_test(what_is_not_there_is_said),
		cmocka_unit_test(any_bytes_become_valid_json_text),
		cmocka_unit_test(decimals_are_exact_in_json),
		cmocka_unit_test(an_issuer_is_who_it_was_then),
		cmocka_unit_test(a_long_ancestry_is_cut),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
