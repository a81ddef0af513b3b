#include "base/random.h"
#include "crypto/hash.h"
#include "record/body.h"
#include "record/cbor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* -- random bodies ---------------------------------------------------------------------- */

struct maker {
	struct random random;
	bool full;              /* every optional field and every list is there */
	char texts[4096][24];
	size_t used;
};

static struct span make_name(struct maker *m)
{
	static const char *const syllables[] = {"spin", "dle", "ber", "ing", "\xc3\xbc", "-7", "/", "\xe2\x82\xac"};
	char *text = m->texts[m->used++ % 4096];
	size_t size = 0;
	for (uint64_t i = 0, count = 1 + random_below(&m->random, 5); i < count; i++) {
		const char *syllable = syllables[random_below(&m->random, 8)];
		memcpy(text + size, syllable, strlen(syllable));
		size += strlen(syllable);
	}
	return span_of(text, size);
}

static bool make_bool(struct maker *m)
{
	return random_chance(&m->random, 0.5);
}

static struct span make_text(struct maker *m)
{
	return m->full || make_bool(m) ? make_name(m) : (struct span){0};
}

/* Names in ascending order: number them. */
static struct span make_ascending(struct maker *m, size_t number)
{
	char *text = m->texts[m->used++ % 4096];
	size_t size = (size_t)snprintf(text, 24, "%03zu%s", number, make_bool(m) ? "x" : "");
	return span_of(text, size);
}

static uint64_t make_u64(struct maker *m)
{
	return random_next(&m->random) >> random_below(&m->random, 64);
}

static int64_t make_i64(struct maker *m)
{
	int64_t value = (int64_t)(make_u64(m) >> 1);
	return make_bool(m) ? value : -1 - value;
}

static uint32_t make_u32(struct maker *m)
{
	return (uint32_t)make_u64(m);
}

static uint32_t make_between(struct maker *m, uint32_t low, uint32_t high)
{
	return low + (uint32_t)random_below(&m->random, high - low + 1);
}

static struct decimal make_decimal(struct maker *m)
{
	struct decimal out = {.mantissa = make_i64(m), .exponent = (int32_t)make_between(m, 0, 36) - 18};
	return decimal_normal(out);
}

static struct digest make_digest(struct maker *m)
{
	struct digest out;
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		out.bytes[i] = (uint8_t)random_next(&m->random);
	return out;
}

static struct digest make_optional_digest(struct maker *m)
{
	return m->full || make_bool(m) ? make_digest(m) : (struct digest){0};
}

static struct public_key make_key(struct maker *m)
{
	struct public_key out;
	for (size_t i = 0; i < sizeof out.bytes; i++)
		out.bytes[i] = (uint8_t)random_next(&m->random);
	return out;
}

static size_t make_count(struct maker *m, size_t max)
{
	size_t least = m->full ? 1 : 0;
	return random_chance(&m->random, 0.02) ? max : least + random_below(&m->random, max < 5 ? max : 5);
}

static void make_org(struct maker *m, struct body_org *b)
{
	*b = (struct body_org){.name = make_name(m), .role = make_name(m), .record_key = make_key(m), .node_key = make_key(m),
		.checkpoint_key = make_key(m), .tls_key = make_digest(m), .address = make_text(m), .root_key = make_optional_digest(m)};
}

static void make_person(struct maker *m, struct body_person *b)
{
	*b = (struct body_person){.role = make_name(m), .key = make_key(m)};
}

static void make_device(struct maker *m, struct body_device *b)
{
	*b = (struct body_device){.kind = make_between(m, 1, 3), .model = make_name(m), .gateway = make_text(m), .firmware = make_digest(m),
		.format = make_between(m, 0, 3), .signal_count = make_count(m, BODY_SIGNALS_MAX), .has_key = m->full || make_bool(m),
		.tls_key = make_optional_digest(m), .site = make_text(m), .critical = make_text(m), .commands = make_text(m)};
	for (size_t i = 0; i < b->signal_count; i++)
		b->signals[i] = (struct body_signal){make_name(m), make_text(m), make_name(m), make_name(m), make_u32(m), make_u32(m)};
	if (b->has_key)
		b->key = make_key(m);
}

static void make_event(struct maker *m, struct body_event *b)
{
	*b = (struct body_event){.kind = make_name(m), .type = make_name(m), .step = make_text(m), .time_ms = make_i64(m), .place = make_text(m),
		.item_count = make_count(m, 8), .detail_count = make_count(m, BODY_DETAILS_MAX)};
	for (size_t i = 0; i < b->item_count; i++)
		b->items[i] = make_name(m);
	for (size_t i = 0; i < b->detail_count; i++)
		b->details[i] = (struct body_detail){make_name(m), make_name(m)};
}

static void make_bounds(struct maker *m, struct body_bounds *b)
{
	*b = (struct body_bounds){.version = 1 + make_u64(m) / 2, .bound_count = make_count(m, BODY_SIGNALS_MAX), .source = make_text(m)};
	for (size_t i = 0; i < b->bound_count; i++)
		b->bounds[i] = (struct body_bound){make_name(m), make_name(m), make_decimal(m), make_decimal(m), make_decimal(m), make_decimal(m), make_u32(m)};
}

static void make_anchor(struct maker *m, struct body_anchor *b)
{
	*b = (struct body_anchor){.chunk = make_digest(m), .root = make_digest(m), .samples = make_u64(m), .size = make_u64(m), .first_ns = make_i64(m),
		.last_ns = make_i64(m), .range_count = make_count(m, BODY_RANGES_MAX), .wrangling = make_digest(m), .firmware = make_digest(m),
		.evidence = make_between(m, 0, 2), .site = make_text(m), .purpose = make_text(m), .flagged_count = make_count(m, BODY_REASONS_MAX),
		.refused_count = make_count(m, BODY_REASONS_MAX)};
	for (size_t i = 0; i < b->range_count; i++)
		b->ranges[i] = (struct body_range){make_name(m), make_digest(m), make_optional_digest(m), make_optional_digest(m), make_u64(m), make_u64(m),
			make_u64(m), make_u64(m)};
	for (size_t i = 0; i < b->flagged_count; i++)
		b->flagged[i] = (struct body_reason){make_ascending(m, i), make_u64(m)};
	for (size_t i = 0; i < b->refused_count; i++)
		b->refused[i] = (struct body_reason){make_name(m), make_u64(m)};
}

static void make_model(struct maker *m, struct body_model *b)
{
	*b = (struct body_model){.version = make_u64(m), .kind = make_name(m), .parameter_count = make_count(m, BODY_PARAMETERS_MAX),
		.error_before = make_decimal(m), .error_after = make_decimal(m), .reason = make_text(m)};
	for (size_t i = 0; i < b->parameter_count; i++)
		b->parameters[i] = (struct body_parameter){make_ascending(m, i), make_decimal(m)};
}

static void make_device_state(struct maker *m, struct body_device_state *b)
{
	*b = (struct body_device_state){.state = make_between(m, 1, 3), .reason = make_text(m)};
}

static void make_disturbance(struct maker *m, struct body_disturbance *b)
{
	*b = (struct body_disturbance){.kind = make_between(m, 1, DISTURBANCE_KIND_END - 1), .diagnosis = make_between(m, 0, DIAGNOSIS_END - 1),
		.signal = make_text(m), .time_ns = make_i64(m), .detected_ns = make_i64(m), .value = make_decimal(m), .expected = make_decimal(m),
		.seq = make_u64(m), .chunk = make_optional_digest(m), .leaf = make_u64(m), .explanation = make_text(m), .count = make_u64(m)};
}

static void make_service(struct maker *m, struct body_service *b)
{
	*b = (struct body_service){.kind = make_between(m, 1, 2), .accepted = make_bool(m), .error_before = make_decimal(m), .error_after = make_decimal(m),
		.option_count = make_count(m, 8), .explanation = make_text(m)};
	for (size_t i = 0; i < b->option_count; i++)
		b->options[i] = (struct body_option){make_name(m), make_decimal(m), make_decimal(m), make_decimal(m), make_bool(m)};
	b->chosen = b->option_count ? make_between(m, 0, (uint32_t)b->option_count - 1) : 0;
}

static void make_command(struct maker *m, struct body_command *b)
{
	*b = (struct body_command){.action = make_name(m), .setting = make_decimal(m), .time_ns = make_i64(m)};
}

static void make_result(struct maker *m, struct body_result *b)
{
	*b = (struct body_result){.command = make_digest(m), .done = make_bool(m), .detail = make_text(m), .time_ns = make_i64(m)};
}

static void make_critical(struct maker *m, struct body_critical *b)
{
	*b = (struct body_critical){.kind = make_name(m), .time_ns = make_i64(m), .received_ns = make_i64(m), .acted_ns = make_i64(m),
		.action = make_text(m), .detail = make_text(m)};
}

static void make_ack(struct maker *m, struct body_ack *b)
{
	*b = (struct body_ack){.target = make_digest(m), .person = make_name(m), .comment = make_text(m), .time_ns = make_i64(m)};
}

static void make_evidence(struct maker *m, struct body_evidence *b)
{
	*b = (struct body_evidence){.accused = make_name(m), .lie = make_bool(m) ? LIE_EQUIVOCATION : LIE_FORK, .first = make_name(m), .second = make_text(m)};
}

static void make_member(struct maker *m, struct body_member *b)
{
	bool removes = make_bool(m);
	*b = (struct body_member){.change = removes ? MEMBER_REMOVE : make_bool(m) ? MEMBER_ADD : MEMBER_ROTATE, .reason = make_text(m)};
	if (!removes)
		b->organisation = make_name(m);
}

static void make_vote(struct maker *m, struct body_vote *b)
{
	*b = (struct body_vote){.proposal = make_digest(m), .yes = make_bool(m)};
}

/* For each type: encode a random one; decode bytes and encode what was found. */
#define TYPE_PAIR(name)                                                                             \
	static void random_##name(struct maker *m, struct buffer *out)                              \
	{                                                                                           \
		struct body_##name *body = memory_new(sizeof *body);                                \
		make_##name(m, body);                                                               \
		body_##name##_encode(body, out);                                                    \
		free(body);                                                                         \
	}                                                                                           \
	static enum status again_##name(struct span bytes, struct buffer *out, struct fault *fault) \
	{                                                                                           \
		struct body_##name *body = memory_new(sizeof *body);                                \
		enum status status = body_##name##_decode(bytes, body, fault);                      \
		if (status == OK)                                                                   \
			body_##name##_encode(body, out);                                            \
		free(body);                                                                         \
		return status;                                                                      \
	}

TYPE_PAIR(org)
TYPE_PAIR(person)
TYPE_PAIR(device)
TYPE_PAIR(event)
TYPE_PAIR(bounds)
TYPE_PAIR(anchor)
TYPE_PAIR(model)
TYPE_PAIR(device_state)
TYPE_PAIR(disturbance)
TYPE_PAIR(service)
TYPE_PAIR(command)
TYPE_PAIR(result)
TYPE_PAIR(critical)
TYPE_PAIR(ack)
TYPE_PAIR(evidence)
TYPE_PAIR(member)
TYPE_PAIR(vote)

static const struct type {
	unsigned number;
	int keys; /* numbered fields in record/body.h */
	void (*make)(struct maker *, struct buffer *);
	enum status (*again)(struct span, struct buffer *, struct fault *);
} types[] = {
	{STATEMENT_ORG, 8, random_org, again_org},
	{STATEMENT_PERSON, 2, random_person, again_person},
	{STATEMENT_DEVICE, 11, random_device, again_device},
	{STATEMENT_EVENT, 7, random_event, again_event},
	{STATEMENT_BOUNDS, 3, random_bounds, again_bounds},
	{STATEMENT_ANCHOR, 14, random_anchor, again_anchor},
	{STATEMENT_MODEL, 6, random_model, again_model},
	{STATEMENT_DEVICE_STATE, 2, random_device_state, again_device_state},
	{STATEMENT_DISTURBANCE, 12, random_disturbance, again_disturbance},
	{STATEMENT_SERVICE, 7, random_service, again_service},
	{STATEMENT_COMMAND, 3, random_command, again_command},
	{STATEMENT_RESULT, 4, random_result, again_result},
	{STATEMENT_CRITICAL, 6, random_critical, again_critical},
	{STATEMENT_ACK, 4, random_ack, again_ack},
	{STATEMENT_EVIDENCE, 4, random_evidence, again_evidence},
	{STATEMENT_MEMBER, 3, random_member, again_member},
	{STATEMENT_VOTE, 2, random_vote, again_vote},
};
enum { TYPES = sizeof types / sizeof *types };

static struct maker *maker_new(uint64_t seed, bool full)
{
	struct maker *m = memory_new(sizeof *m);
	m->random = random_of(seed);
	m->full = full;
	return m;
}

/* -- properties -------------------------------------------------------------------------- */

static void every_body_comes_back(void **state)
{
	(void)state;
	struct maker *m = maker_new(1, false);
	struct buffer bytes = {0}, again = {0};
	for (int round = 0; round < 400; round++) {
		for (size_t t = 0; t < TYPES; t++) {
			struct fault fault = {0};
			buffer_clear(&bytes);
			buffer_clear(&again);
			types[t].make(m, &bytes);
			if (types[t].again(buffer_span(&bytes), &again, &fault) != OK)
				fail_msg("%s", fault.text);
			assert_true(span_equal(buffer_span(&bytes), buffer_span(&again)));
			assert_int_equal(body_check(types[t].number, buffer_span(&bytes), NULL), OK);
		}
	}
	buffer_free(&bytes);
	buffer_free(&again);
	free(m);
}

/* What is accepted is the one encoding of what was understood. */
static void changed_bodies_are_refused_or_canonical(void **state)
{
	(void)state;
	struct maker *m = maker_new(2, false);
	struct buffer bytes = {0}, again = {0};
	size_t refused = 0, accepted = 0;
	for (int round = 0; round < 40; round++) {
		for (size_t t = 0; t < TYPES; t++) {
			buffer_clear(&bytes);
			types[t].make(m, &bytes);
			for (int change = 0; change < 100; change++) {
				struct fault fault = {0};
				size_t at = random_below(&m->random, make_bool(m) && bytes.size > 64 ? 64 : bytes.size);
				uint8_t kept = bytes.data[at];
				bytes.data[at] = (uint8_t)random_next(&m->random);
				buffer_clear(&again);
				enum status status = types[t].again(buffer_span(&bytes), &again, &fault);
				if (status == OK) {
					assert_true(span_equal(buffer_span(&bytes), buffer_span(&again)));
					accepted++;
				} else {
					assert_true(status == E_MALFORMED || status == E_LIMIT);
					assert_true(strstr(fault.text, statement_type_name(types[t].number)));
					refused++;
				}
				bytes.data[at] = kept;
			}
		}
	}
	assert_true(refused > 5000 && accepted > 5000);
	buffer_free(&bytes);
	buffer_free(&again);
	free(m);
}

static void every_numbered_field_is_written(void **state)
{
	(void)state;
	struct maker *m = maker_new(3, true);
	for (size_t t = 0; t < TYPES; t++) {
		struct buffer bytes = {0};
		types[t].make(m, &bytes);
		struct cbor_reader in = cbor_reader_of(buffer_span(&bytes));
		assert_int_equal(cbor_enter_map(&in, 100), types[t].keys);
		for (int key = 1; key <= types[t].keys; key++) {
			assert_true(cbor_key_is(&in, key));
			assert_true(cbor_read_item(&in).size > 0);
		}
		cbor_leave(&in);
		assert_int_equal(cbor_end(&in), OK);
		buffer_free(&bytes);
	}
	free(m);
}

static void nothing_may_follow_or_miss(void **state)
{
	(void)state;
	struct maker *m = maker_new(4, true);
	struct buffer bytes = {0}, again = {0};
	for (size_t t = 0; t < TYPES; t++) {
		buffer_clear(&bytes);
		types[t].make(m, &bytes);
		size_t step = 1 + bytes.size / 200;
		for (size_t size = 0; size < bytes.size; size += step)
			assert_int_not_equal(types[t].again(span_of(bytes.data, size), &again, NULL), OK);
		buffer_append_byte(&bytes, 0);
		assert_int_equal(types[t].again(buffer_span(&bytes), &again, NULL), E_MALFORMED);
		bytes.size--;
		/* One more key than there are fields: the map says one more, and there is one more. */
		bytes.data[0]++;
		cbor_write_int(&bytes, types[t].keys + 1);
		cbor_write_int(&bytes, 0);
		assert_int_equal(types[t].again(buffer_span(&bytes), &again, NULL), E_MALFORMED);
	}
	assert_int_equal(body_check(3, (struct span){0}, NULL), E_UNKNOWN);
	assert_int_equal(body_check(4000000, (struct span){0}, NULL), E_UNKNOWN);
	buffer_free(&bytes);
	buffer_free(&again);
	free(m);
}

/* The bytes of one body, read off the header by hand. */
static void bounds_have_the_documented_form(void **state)
{
	(void)state;
	struct body_bounds body = {.version = 2, .bound_count = 1, .source = span_of_text("s")};
	body.bounds[0] = (struct body_bound){.signal = span_of_text("t"), .unit = span_of_text("Cel"), .low = {-200, 0}, .high = {805, -1},
		.rate = {0, 7}, .resolution = {10, -2}, .deadline_ms = 500};
	struct buffer out = {0};
	body_bounds_encode(&body, &out);
	static const char hex[] = "a3" "01" "02" "02" "81" "a7" "01" "6174" "02" "6343656c" "03" "82" "21" "02" "04" "82" "190325" "20"
		"05" "82" "00" "00" "06" "82" "01" "20" "07" "1901f4" "03" "6173";
	char text[200];
	assert_true(out.size < 90);
	span_hex(buffer_span(&out), text);
	assert_string_equal(text, hex);
	buffer_free(&out);
}

/* -- single rules -------------------------------------------------------------------------- */

static struct buffer hex_bytes(const char *hex)
{
	struct buffer out = {0};
	buffer_reserve(&out, strlen(hex) / 2 + 1);
	assert_true(span_from_hex(span_of_text(hex), out.data, strlen(hex) / 2));
	out.size = strlen(hex) / 2;
	return out;
}

static void forbidden_values_are_refused(void **state)
{
	(void)state;
	static const struct {
		unsigned type;
		const char *hex;
		enum status status;
		const char *words;
	} cases[] = {
		{STATEMENT_DEVICE_STATE, "a10102", OK, ""},
		{STATEMENT_DEVICE_STATE, "a10100", E_MALFORMED, "'state'"},
		{STATEMENT_DEVICE_STATE, "a10104", E_MALFORMED, "'state'"},
		{STATEMENT_DEVICE_STATE, "a0", E_MALFORMED, "'state'"},
		{STATEMENT_DEVICE_STATE, "a201020260", E_MALFORMED, "empty"},
		{STATEMENT_DEVICE_STATE, "a2010203617a", E_MALFORMED, "unknown"},
		{STATEMENT_DEVICE_STATE, "a202617a0102", E_MALFORMED, "'state'"},
		{STATEMENT_DEVICE_STATE, "a1011802", E_MALFORMED, "shortest"},
		{STATEMENT_COMMAND, "a3016173028201200300", OK, ""},
		{STATEMENT_COMMAND, "a301617302820a200300", E_MALFORMED, "trailing zeros"},
		{STATEMENT_COMMAND, "a3016173028200200300", E_MALFORMED, "trailing zeros"},
		{STATEMENT_COMMAND, "a3016173028200010300", E_MALFORMED, "trailing zeros"},
		{STATEMENT_COMMAND, "a3016173028101" "0300", E_MALFORMED, "'setting'"},
		{STATEMENT_COMMAND, "a3016173028201120300", OK, ""},
		{STATEMENT_COMMAND, "a3016173028201130300", E_MALFORMED, "exponent"},
		{STATEMENT_COMMAND, "a3016173028201310300", OK, ""},
		{STATEMENT_COMMAND, "a3016173028201320300", E_MALFORMED, "exponent"},
		{STATEMENT_COMMAND, "a301617302820a120300", OK, ""}, /* 10 * 10^18: no higher exponent */
		{STATEMENT_COMMAND, "a3016173" "0282f93c0020" "0300", E_MALFORMED, "'setting'"},
		{STATEMENT_COMMAND, "a30160028201200300", E_MALFORMED, "'action'"},
		{STATEMENT_BOUNDS, "a10101", OK, ""},
		{STATEMENT_BOUNDS, "a10100", E_MALFORMED, "'version'"},
		{STATEMENT_BOUNDS, "a201010280", E_MALFORMED, "left out"},
		{STATEMENT_SERVICE, "a5010102f5038200000482000006" "01", E_MALFORMED, "no such option"},
		{STATEMENT_SERVICE, "a5010102f5038200000482000006" "00", OK, ""},
		{STATEMENT_SERVICE, "a5010302f5038200000482000006" "00", E_MALFORMED, "'kind'"},
		{STATEMENT_SERVICE, "a501010201038200000482000006" "00", E_MALFORMED, "'accepted'"},
		{STATEMENT_MODEL, "a501010261" "6b" "0382" "82616282" "0000" "82616182" "0000" "04820000" "05820000", E_MALFORMED, "ascending"},
		{STATEMENT_MODEL, "a501010261" "6b" "0382" "82616182" "0000" "82616182" "0000" "04820000" "05820000", E_MALFORMED, "ascending"},
		{STATEMENT_MODEL, "a501010261" "6b" "0382" "82616182" "0000" "82616282" "0000" "04820000" "05820000", OK, ""},
		{STATEMENT_MODEL, "a501010261" "6b" "0382" "826161" "820000" "8361628200" "0000" "04820000" "05820000", E_LIMIT, "'parameters'"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer bytes = hex_bytes(cases[i].hex);
		struct fault fault = {0};
		enum status status = body_check(cases[i].type, buffer_span(&bytes), &fault);
		if (status != cases[i].status || !strstr(fault.text, cases[i].words))
			fail_msg("%s: %s: %s", cases[i].hex, status_name(status), fault.text);
		buffer_free(&bytes);
	}
}

static void a_hash_of_zeros_is_left_out(void **state)
{
	(void)state;
	struct body_disturbance body = {.kind = DISTURBANCE_FORGED, .chunk = {{1}}};
	struct buffer bytes = {0};
	struct fault fault = {0};
	body_disturbance_encode(&body, &bytes);
	size_t at = 0;
	while (memcmp(bytes.data + at, "\x09\x58\x20\x01", 4) != 0)
		at++;
	assert_int_equal(body_check(STATEMENT_DISTURBANCE, buffer_span(&bytes), &fault), OK);
	bytes.data[at + 3] = 0;
	assert_int_equal(body_check(STATEMENT_DISTURBANCE, buffer_span(&bytes), &fault), E_MALFORMED);
	assert_non_null(strstr(fault.text, "'chunk'"));
	buffer_clear(&bytes);
	body.chunk.bytes[0] = 0;
	body_disturbance_encode(&body, &bytes);
	assert_int_equal(body_check(STATEMENT_DISTURBANCE, buffer_span(&bytes), &fault), OK);
	buffer_free(&bytes);
}

static void limits_hold(void **state)
{
	(void)state;
	char text[BODY_TEXT_MAX + 1];
	memset(text, 't', sizeof text);
	struct body_device_state body = {.state = DEVICE_ACTIVE, .reason = span_of(text, BODY_TEXT_MAX)}, got;
	struct buffer bytes = {0};
	struct fault fault = {0};
	body_device_state_encode(&body, &bytes);
	assert_int_equal(body_device_state_decode(buffer_span(&bytes), &got, &fault), OK);
	assert_true(span_equal(got.reason, body.reason));
	body.reason.size++;
	buffer_clear(&bytes);
	body_device_state_encode(&body, &bytes);
	assert_int_equal(body_device_state_decode(buffer_span(&bytes), &got, &fault), E_LIMIT);
	assert_non_null(strstr(fault.text, "'reason'"));

	/* 513 ranges: by hand, the count of a valid list raised. */
	struct body_anchor *anchor = memory_new(sizeof *anchor);
	struct maker *m = maker_new(5, true);
	make_anchor(m, anchor);
	anchor->range_count = BODY_RANGES_MAX;
	for (size_t i = 0; i < BODY_RANGES_MAX; i++)
		anchor->ranges[i] = (struct body_range){.device = span_of_text("d")};
	buffer_clear(&bytes);
	body_anchor_encode(anchor, &bytes);
	assert_int_equal(body_check(STATEMENT_ANCHOR, buffer_span(&bytes), &fault), OK);
	size_t at = 0;
	while (memcmp(bytes.data + at, "\x07\x99\x02\x00", 4) != 0)
		at++;
	bytes.data[at + 3] = 1;
	assert_int_equal(body_check(STATEMENT_ANCHOR, buffer_span(&bytes), &fault), E_LIMIT);
	assert_non_null(strstr(fault.text, "'ranges'"));
	free(anchor);
	free(m);
	buffer_free(&bytes);
}

static void assert_decimal(struct decimal decimal, int64_t mantissa, int32_t exponent)
{
	if (decimal.mantissa != mantissa || decimal.exponent != exponent)
		fail_msg("%lld e %d instead of %lld e %d", (long long)decimal.mantissa, decimal.exponent, (long long)mantissa, exponent);
}

static void decimals_are_the_nearest(void **state)
{
	(void)state;
	assert_decimal(decimal_of(0), 0, 0);
	assert_decimal(decimal_of(-0.0), 0, 0);
	assert_decimal(decimal_of(61.2), 612, -1);
	assert_decimal(decimal_of(-0.05), -5, -2);
	assert_decimal(decimal_of(1200), 12, 2);
	assert_decimal(decimal_of(1.0 / 3), 333333333333333, -15);
	assert_decimal(decimal_of(2.0 / 3), 666666666666667, -15);
	assert_decimal(decimal_of(123456789012345678.0), 123456789012346, 3);
	assert_decimal(decimal_of(NAN), 0, 0);
	assert_decimal(decimal_of(INFINITY), 0, 0);
	assert_decimal(decimal_of(-INFINITY), 0, 0);
	assert_decimal(decimal_of(1e-18), 1, -18);
	assert_decimal(decimal_of(1.5e-17), 15, -18);
	assert_decimal(decimal_of(1.26e-17), 13, -18);
	assert_decimal(decimal_of(4e-19), 0, 0);
	assert_decimal(decimal_of(-6e-19), -1, -18);
	assert_decimal(decimal_of(1e18), 1, 18);
	assert_decimal(decimal_of(1e20), 100, 18);
	assert_decimal(decimal_of(1e30), 1000000000000, 18);
	assert_decimal(decimal_of(1e300), INT64_MAX, 18);
	assert_decimal(decimal_of(-1e300), -INT64_MAX, 18);
	assert_decimal(decimal_of(5e-324), 0, 0);
	assert_decimal(decimal_of(1.23456789012349e-5), 12345678901235, -18);
	struct random random = random_of(8);
	for (int round = 0; round < 20000; round++) {
		struct decimal decimal = decimal_normal((struct decimal){.mantissa = (int64_t)random_below(&random, 1000000000000000) - 500000000000000,
			.exponent = (int32_t)random_below(&random, 33) - 18});
		struct decimal again = decimal_of(decimal_value(decimal));
		assert_decimal(again, decimal.mantissa, decimal.exponent);
	}
}

/* Any double: a permitted form, and off by half a unit of the last digit that is kept, at most. */
static void every_double_has_a_decimal(void **state)
{
	(void)state;
	struct random random = random_of(9);
	for (int round = 0; round < 20000; round++) {
		double value = (random_unit(&random) - 0.5) * pow(10, (double)random_below(&random, 60) - 26);
		struct decimal decimal = decimal_of(value), normal = decimal_normal(decimal);
		assert_decimal(decimal, normal.mantissa, normal.exponent);
		assert_in_range(decimal.exponent + 18, 0, 36);
		assert_true(fabs(decimal_value(decimal) - value) <= 5.1e-15 * fabs(value) + 0.51e-18);
	}
}

static void decimals_read_plainly(void **state)
{
	(void)state;
	static const struct {
		struct decimal decimal;
		const char *text;
	} cases[] = {{{0, 0}, "0"}, {{612, -1}, "61.2"}, {{-5, -2}, "-0.05"}, {{5, -1}, "0.5"}, {{12, 2}, "1200"}, {{-7, 0}, "-7"},
		{{1, -18}, "0.000000000000000001"}, {{INT64_MIN, 0}, "-9223372036854775808"}, {{123, -3}, "0.123"}, {{1234, -3}, "1.234"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer out = {0};
		decimal_text(cases[i].decimal, &out);
		buffer_append_byte(&out, 0);
		assert_string_equal((const char *)out.data, cases[i].text);
		buffer_free(&out);
	}
}

static void words_for_numbers(void **state)
{
	(void)state;
	assert_string_equal(evidence_class_name(EVIDENCE_DEVICE), "device");
	assert_string_equal(evidence_class_name(3), "unknown");
	assert_string_equal(disturbance_kind_name(DISTURBANCE_REPLAY), "replay");
	assert_string_equal(disturbance_kind_name(0), "unknown");
	assert_string_equal(disturbance_kind_name(DISTURBANCE_KIND_END), "unknown");
	assert_string_equal(diagnosis_name(DIAGNOSIS_INTEGRITY), "data_integrity_fault");
	assert_string_equal(diagnosis_name(DIAGNOSIS_END), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_body_comes_back),
		cmocka_unit_test(changed_bodies_are_refused_or_canonical),
		cmocka_unit_test(every_numbered_field_is_written),
		cmocka_unit_test(nothing_may_follow_or_miss),
		cmocka_unit_test(bounds_have_the_documented_form),
		cmocka_unit_test(forbidden_values_are_refused),
		cmocka_unit_test(a_hash_of_zeros_is_left_out),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(decimals_are_the_nearest),
		cmocka_unit_test(every_double_has_a_decimal),
		cmocka_unit_test(decimals_read_plainly),
		cmocka_unit_test(words_for_numbers),
	};
	return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
