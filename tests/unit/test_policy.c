/* A verifier's policy as a file: what it says, and how each mistake is named. */
#include "command/policy.h"

#include "record/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static enum status read_text(const char *json, struct policy *out, struct fault *fault)
{
	fault->text[0] = 0;
	return policy_read(span_of_text(json), out, fault);
}

/* The verifier key of a witness with this name; `damage` is added to the first digit of its id. */
static void vkey(const char *name, uint8_t first, unsigned damage, struct buffer *out)
{
	struct public_key key = {{7, 8, 9}};
	uint8_t id[4], bytes[1 + ML_DSA_44_PUBLIC] = {first};
	char hex[9];
	checkpoint_key_id(span_of_text(name), &key, id);
	id[0] = (uint8_t)(id[0] + damage);
	span_hex(span_of(id, sizeof id), hex);
	memcpy(bytes + 1, key.bytes, sizeof key.bytes);
	buffer_printf(out, "%s+%s+", name, hex);
	base64_write(out, span_of(bytes, sizeof bytes));
}

static void with_witness(const char *before, const char *name, uint8_t first, unsigned damage, const char *after, struct buffer *out)
{
	buffer_clear(out);
	buffer_printf(out, "%s\"", before);
	vkey(name, first, damage, out);
	buffer_printf(out, "\"%s", after);
	buffer_append_byte(out, 0);
}

static void everything_may_be_left_out(void **state)
{
	(void)state;
	struct policy policy;
	struct fault fault;
	assert_int_equal(read_text("{}", &policy, &fault), OK);
	assert_true(policy.organisations == 0 && policy.required_count == 0 && policy.witnesses_needed == 0 && policy.age_max_s == 0);
	policy_free(&policy);
}

static void a_policy_is_read(void **state)
{
	(void)state;
	struct policy policy;
	struct fault fault;
	struct buffer json = {0};
	with_witness("{\"organisations\": 3, \"required\": [\"org:regulator\", \"org:maker\"], \"max_age_s\": 86400, \"witnesses\": [", "witness.example/w1", 6, 0,
		"]}", &json);
	if (read_text((const char *)json.data, &policy, &fault) != OK)
		fail_msg("%s", fault.text);
	assert_int_equal(policy.organisations, 3);
	assert_int_equal(policy.required_count, 2);
	assert_string_equal(policy.required[1], "org:maker");
	assert_int_equal(policy.age_max_s, 86400);
	assert_int_equal(policy.witness_count, 1);
	assert_int_equal(policy.witnesses_needed, 1); /* all that are named */
	assert_string_equal(policy.witnesses[0].name, "witness.example/w1");
	assert_int_equal(policy.witnesses[0].key.bytes[2], 9);
	policy_free(&policy);
	buffer_free(&json);
}

static void mistakes_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		const char *words;
	} rows[] = {
		{"", "not valid JSON"},
		{"[]", "one JSON object"},
		{"{} {}", "not valid JSON"},
		{"{\"organisations\": 0}", "organisations must be a whole number from 1 to 64"},
		{"{\"organisations\": 65}", "from 1 to 64"},
		{"{\"organisations\": -1}", "from 1 to 64"},
		{"{\"organisations\": 2.5}", "from 1 to 64"},
		{"{\"organisations\": \"2\"}", "from 1 to 64"},
		{"{\"organisations\": 2, \"organisations\": 3}", "a member twice"},
		{"{\"required\": \"org:a\"}", "must be a list"},
		{"{\"required\": [1]}", "must hold names"},
		{"{\"required\": [\"\"]}", "must hold names"},
		{"{\"required\": [\"a\\nb\"]}", "must hold names"},
		{"{\"required\": [\"org:a\", \"org:a\"]}", "one organisation twice"},
		{"{\"witnesses\": {}}", "must be a list"},
		{"{\"witnesses\": [\"x\"]}", "name+id+key"},
		{"{\"witnesses\": [5]}", "name+id+key"},
		{"{\"witnesses\": [\"x+00000000+AAAA\"]}", "name+id+key"},
		{"{\"witnesses_needed\": 1}", "names 0"},
		{"{\"max_age_s\": 0}", "max_age_s must be"},
		{"{\"age\": 1}", "a member that is not known"},
		{"{\"required\": [[[]]]}", "JSON"},
	};
	struct policy policy;
	struct fault fault;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum status status = read_text(rows[i].json, &policy, &fault);
		if (status == OK || !strstr(fault.text, rows[i].words))
			fail_msg("%s: %s", rows[i].json, fault.text);
	}
	struct buffer json = {0};
	with_witness("{\"witnesses\": [", "w", 6, 1, "]}", &json);
	assert_int_equal(read_text((const char *)json.data, &policy, &fault), E_MALFORMED);
	assert_non_null(strstr(fault.text, "copied wrongly"));
	with_witness("{\"witnesses\": [", "w", 4, 0, "]}", &json);
	assert_int_equal(read_text((const char *)json.data, &policy, &fault), E_MALFORMED);
	with_witness("{\"witnesses\": [", "w w", 6, 0, "]}", &json);
	assert_int_equal(read_text((const char *)json.data, &policy, &fault), E_MALFORMED);
	struct buffer two = {0};
	with_witness("{\"witnesses\": [", "w", 6, 0, "", &json);
	json.size--;
	buffer_append_span(&two, buffer_span(&json));
	with_witness(", ", "w", 6, 0, "]}", &json);
	buffer_append_span(&two, buffer_span(&json));
	assert_int_equal(read_text((const char *)two.data, &policy, &fault), E_MALFORMED);
	assert_non_null(strstr(fault.text, "one witness twice"));
	buffer_clear(&json);
	buffer_reserve(&json, POLICY_SIZE_MAX + 1);
	memset(json.data, ' ', POLICY_SIZE_MAX + 1);
	assert_int_equal(policy_read(span_of(json.data, POLICY_SIZE_MAX + 1), &policy, &fault), E_LIMIT);
	buffer_free(&json);
	buffer_free(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_may_be_left_out),
		cmocka_unit_test(a_policy_is_read),
		cmocka_unit_test(mistakes_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
