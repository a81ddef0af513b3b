#include "command/document.h"
#include "crypto/hash.h"
#include "record/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char whole[] =
	"{\"id\":\"spindle-1\",\"kind\":\"machine\",\"model\":\"M\",\"site\":\"plant/hall\",\"firmware\":\"4.2.1\",\"format\":\"json\",\"critical\":\"fire\","
	"\"commands\":\"stop\",\"signals\":[{\"id\":\"temperature\",\"field\":\"t\",\"raw_unit\":\"[degF]\",\"unit\":\"Cel\",\"period_ms\":100,\"stuck_count\":20,"
	"\"low\":-5.5,\"high\":70,\"rate\":40,\"resolution\":0.1,\"deadline_ms\":2000},{\"id\":\"count\",\"unit\":\"1\"}],\"bounds_source\":\"manual\","
	"\"model_parameters\":{\"temperature.pole\":0.98,\"temperature.gain\":1,\"temperature.on.a*b\":7e-05}}";

static struct span text(const char *characters)
{
	return span_of_text(characters);
}

static enum status read_text(struct span json, struct document *out, struct fault *fault)
{
	fault->text[0] = 0;
	return document_read(json, text("org:maker"), text("hall-1"), out, fault);
}

static void a_machine_is_read(void **state)
{
	(void)state;
	struct document *document = memory_new(sizeof *document);
	struct fault fault;
	assert_int_equal(read_text(text(whole), document, &fault), OK);
	assert_int_equal(document->kind, DOCUMENT_DEVICE);
	assert_true(span_is_text(document->subject, "dev:maker/spindle-1"));
	const struct body_device *device = &document->device;
	assert_int_equal(device->kind, DEVICE_MACHINE);
	assert_int_equal(device->format, FORMAT_JSON);
	assert_true(span_is_text(device->gateway, "gw:maker/hall-1"));
	struct digest firmware = sha256(text("4.2.1"));
	assert_true(digest_equal(&device->firmware, &firmware));
	assert_int_equal(device->signal_count, 2);
	assert_true(span_is_text(device->signals[0].raw_unit, "[degF]"));
	assert_true(span_is_text(device->signals[1].field, "count"));
	assert_true(span_is_text(device->signals[1].raw_unit, "1"));
	assert_true(document->has_bounds && document->has_model);
	assert_int_equal(document->bounds.bound_count, 1);
	assert_true(decimal_value(document->bounds.bounds[0].low) == -5.5);
	assert_true(decimal_value(document->bounds.bounds[0].high) == 70);
	assert_int_equal(document->bounds.bounds[0].deadline_ms, 2000);
	assert_int_equal(document->model.parameter_count, 3);
	assert_true(span_is_text(document->model.parameters[0].name, "temperature.gain"));
	assert_true(span_is_text(document->model.parameters[1].name, "temperature.on.a*b"));
	assert_true(decimal_value(document->model.parameters[1].value) == 7e-05);
	document_free(document);
	free(document);
}

static void every_example_is_read(void **state)
{
	(void)state;
	static const char *const names[] = {"spindle-1", "autoclave-1", "robot-1", "power-1", "fire-1", "door-1", "camera-9"};
	struct document *document = memory_new(sizeof *document);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[256];
		static uint8_t bytes[DOCUMENT_SIZE_MAX];
		struct fault fault;
		/* From the project's folder, or beside this file as the compiler was told its name. */
		snprintf(path, sizeof path, "examples/shopfloor/%s.json", names[i]);
		FILE *file = fopen(path, "rb");
		if (!file) {
			const char *slash = strrchr(__FILE__, '/');
			snprintf(path, sizeof path, "%.*s/../../examples/shopfloor/%s.json", slash ? (int)(slash - __FILE__) : 1, __FILE__, names[i]);
			file = fopen(path, "rb");
		}
		assert_non_null(file);
		size_t size = fread(bytes, 1, sizeof bytes, file);
		fclose(file);
		if (read_text(span_of(bytes, size), document, &fault) != OK)
			fail_msg("%s: %s", path, fault.text);
		assert_true(document->has_bounds);
		document_free(document);
	}
	free(document);
}

static void gateways_and_people_bring_their_keys(void **state)
{
	(void)state;
	struct signing_key *key;
	uint8_t seed[32] = {5};
	assert_int_equal(signing_key_from_seed(seed, &key), OK);
	struct buffer json = {0}, encoded = {0};
	base64_write(&encoded, span_of(signing_key_public(key)->bytes, ML_DSA_44_PUBLIC));
	struct document *document = memory_new(sizeof *document);
	struct fault fault;
	buffer_printf(&json, "{\"id\":\"gw:maker/hall-1\",\"kind\":\"gateway\",\"model\":\"box\",\"site\":\"plant\",\"firmware\":\"f\",\"key\":\"%.*s\",\"tls_key\":\"%064d\"}",
		(int)encoded.size, (const char *)encoded.data, 7);
	assert_int_equal(read_text(buffer_span(&json), document, &fault), OK);
	assert_true(span_is_text(document->subject, "gw:maker/hall-1"));
	assert_true(document->device.has_key);
	assert_memory_equal(document->device.key.bytes, signing_key_public(key)->bytes, ML_DSA_44_PUBLIC);
	assert_int_equal(document->device.tls_key.bytes[31], 7);
	assert_int_equal(document->device.gateway.size, 0);
	document_free(document);
	buffer_clear(&json);
	buffer_printf(&json, "{\"id\":\"engineer-1\",\"kind\":\"person\",\"role\":\"engineer\",\"key\":\"%.*s\"}", (int)encoded.size, (const char *)encoded.data);
	assert_int_equal(read_text(buffer_span(&json), document, &fault), OK);
	assert_true(span_is_text(document->subject, "person:maker/engineer-1"));
	assert_memory_equal(document->person.key.bytes, signing_key_public(key)->bytes, ML_DSA_44_PUBLIC);
	document_free(document);
	/* One character less is no key. */
	buffer_clear(&json);
	buffer_printf(&json, "{\"id\":\"engineer-1\",\"kind\":\"person\",\"role\":\"engineer\",\"key\":\"%.*s\"}", (int)encoded.size - 4, (const char *)encoded.data);
	assert_int_equal(read_text(buffer_span(&json), document, &fault), E_MALFORMED);
	buffer_free(&json);
	buffer_free(&encoded);
	free(document);
	signing_key_free(key);
}

static void events_are_read(void **state)
{
	(void)state;
	struct document *document = memory_new(sizeof *document);
	struct fault fault;
	assert_int_equal(read_text(text("{\"kind\":\"event\",\"event\":\"order\",\"type\":\"TransactionEvent\",\"step\":\"accepting\",\"time\":\"2026-03-01T08:00:00Z\","
		"\"place\":\"dock 4\",\"items\":[\"urn:a\",\"urn:b\"],\"details\":{\"quantity\":\"12\"},\"subject\":\"dev:maker/spindle-1\"}"), document, &fault), OK);
	assert_int_equal(document->kind, DOCUMENT_EVENT);
	assert_true(document->event.time_ms == 1772352000000);
	assert_int_equal(document->event.item_count, 2);
	assert_true(span_is_text(document->event.details[0].text, "12"));
	assert_true(span_is_text(document->subject, "dev:maker/spindle-1"));
	document_free(document);
	free(document);
}

static void mistakes_are_named(void **state)
{
	(void)state;
	const struct { const char *json, *said; } cases[] = {
		{"", "empty"},
		{"[]", "object"},
		{"{}", "kind is missing"},
		{"{\"kind\":\"boat\",\"id\":\"x\"}", "must be machine"},
		{"{\"kind\":\"machine\",\"model\":\"M\",\"firmware\":\"f\"}", "id is missing"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"firmware\":\"f\"}", "model is missing"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":7,\"firmware\":\"f\"}", "model must be text"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"colour\":\"red\"}", "\"colour\" is not known"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\"}", "twice"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"format\":\"xml\"}", "format must be"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"signals\":[{\"id\":\"a\",\"unit\":\"1\",\"low\":1}]}", "high is missing"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"signals\":[{\"id\":\"a\",\"unit\":\"1\",\"low\":1,\"high\":0}]}", "above high"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"signals\":[{\"id\":\"a\",\"unit\":\"1\"},{\"id\":\"a\",\"unit\":\"1\"}]}", "two signals"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"signals\":[{\"id\":\"a\",\"unit\":\"1\",\"period_ms\":-1}]}", "period_ms must be"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"signals\":[{\"id\":\"a\",\"unit\":\"1\",\"perod_ms\":1}]}", "perod_ms"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"model_parameters\":{\"a\":\"1\"}}", "must be a number"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"model_parameters\":{\"a\":1e300}}", "19 digits"},
		{"{\"kind\":\"gateway\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"key\":\"AAAA\",\"tls_key\":\"00\"}", "key must be"},
		{"{\"kind\":\"event\",\"event\":\"order\",\"type\":\"T\",\"time\":\"yesterday\",\"subject\":\"s\"}", "time must be"},
		{"{\"kind\":\"machine\",\"id\":\"x\",\"model\":[[[[[1]]]]]}", "nested"},
	};
	struct document *document = memory_new(sizeof *document);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fault fault;
		assert_int_not_equal(read_text(text(cases[i].json), document, &fault), OK);
		if (!strstr(fault.text, cases[i].said))
			fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].json, fault.text, cases[i].said);
	}
	struct fault fault;
	assert_int_equal(document_read(text("{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\"}"), text("org:maker"), text(""), document, &fault), E_MALFORMED);
	assert_non_null(strstr(fault.text, "--gateway"));
	free(document);
}

static void limits_hold(void **state)
{
	(void)state;
	struct document *document = memory_new(sizeof *document);
	struct fault fault;
	struct buffer json = {0};
	buffer_append_text(&json, "{\"kind\":\"machine\",\"id\":\"x\",\"model\":\"M\",\"firmware\":\"f\",\"signals\":[");
	for (int i = 0; i < BODY_SIGNALS_MAX + 1; i++)
		buffer_printf(&json, "%s{\"id\":\"s%d\",\"unit\":\"1\"}", i ? "," : "", i);
	buffer_append_text(&json, "]}");
	assert_int_equal(read_text(buffer_span(&json), document, &fault), E_LIMIT);
	buffer_clear(&json);
	buffer_append_text(&json, "{\"kind\":\"machine\",\"id\":\"");
	for (int i = 0; i < 250; i++)
		buffer_append_byte(&json, 'x');
	buffer_append_text(&json, "\",\"model\":\"M\",\"firmware\":\"f\"}");
	assert_int_equal(read_text(buffer_span(&json), document, &fault), E_LIMIT);
	buffer_clear(&json);
	buffer_reserve(&json, DOCUMENT_SIZE_MAX + 1);
	memset(json.data, ' ', DOCUMENT_SIZE_MAX + 1);
	json.size = DOCUMENT_SIZE_MAX + 1;
	assert_int_equal(read_text(buffer_span(&json), document, &fault), E_LIMIT);
	/* Cut short anywhere it is refused. */
	for (size_t size = 0; size + 1 < sizeof whole; size++)
		assert_int_not_equal(read_text(span_of(whole, size), document, &fault), OK);
	buffer_free(&json);
	free(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_is_read),
		cmocka_unit_test(every_example_is_read),
		cmocka_unit_test(gateways_and_people_bring_their_keys),
		cmocka_unit_test(events_are_read),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(limits_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
