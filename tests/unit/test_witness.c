#include "record/witness.h"

#include "sample_log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The id of the study's sample key under another name is what the formula gives: trust 2.6. */
static void keys_have_one_text(void **state)
{
	(void)state;
	uint8_t seed[ML_DSA_44_SEED];
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)i;
	struct signing_key *key = NULL;
	struct public_key got;
	struct span name;
	struct buffer text = {0};
	assert_int_equal(signing_key_from_seed(seed, &key), OK);
	verification_key_encode(span_of_text("example.org/twinledger"), signing_key_public(key), &text);
	assert_int_equal(memcmp(text.data, "example.org/twinledger+7f4f816e+Bt", 34), 0);
	assert_int_equal(verification_key_decode(buffer_span(&text), &name, &got, NULL), OK);
	assert_true(span_is_text(name, "example.org/twinledger"));
	assert_memory_equal(got.bytes, signing_key_public(key)->bytes, sizeof got.bytes);
	static const size_t places[] = {3, 22, 24, 31, 32, 33, 34, 500};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		text.data[places[i]] ^= 1;
		assert_int_equal(verification_key_decode(buffer_span(&text), &name, &got, NULL), E_MALFORMED);
		text.data[places[i]] ^= 1;
	}
	for (size_t size = 0; size < text.size; size += 7)
		assert_int_equal(verification_key_decode(span_of(text.data, size), &name, &got, NULL), E_MALFORMED);
	assert_true(witness_name_is_good(span_of_text("witness.example/one")));
	static const char *const bad[] = {"", "org:manufacturer", "org:", "a b", "a+b", "a\n", "\xc3\xa4"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(witness_name_is_good(span_of_text(bad[i])));
	buffer_free(&text);
	signing_key_free(key);
}

static void requests_come_back(void **state)
{
	(void)state;
	struct witness_request request = {.old = 70000, .note = span_of_text("note")}, got;
	struct buffer body = {0};
	for (; request.path.count < WITNESS_PROOF_MAX; request.path.count++)
		request.path.nodes[request.path.count].bytes[0] = (uint8_t)request.path.count;
	witness_request_encode(&request, &body);
	assert_int_equal(witness_request_decode(buffer_span(&body), &got, NULL), OK);
	assert_true(got.old == 70000 && got.path.count == WITNESS_PROOF_MAX && span_is_text(got.note, "note"));
	assert_int_equal(got.path.nodes[40].bytes[0], 40);
	buffer_clear(&body);
	request.path.count++;
	witness_request_encode(&request, &body);
	assert_int_equal(witness_request_decode(buffer_span(&body), &got, NULL), E_LIMIT);
	static const char *const bad[] = {"", "old", "old \n\n", "old 1", "old 1\n", "old 01\n\nx", "old -1\n\nx", "old  1\n\nx", "Old 1\n\nx", "old 1\nAAAA\n\nx", "old 1\r\n\r\nx",
		"old 18446744073709551616\n\nx"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(witness_request_decode(span_of_text(bad[i]), &got, NULL), E_MALFORMED);
	buffer_free(&body);
}

/* A request to go from `old` to `size`, signed by `signers`. */
static struct buffer request_of(const struct sample_world *world, uint64_t old, uint64_t size, unsigned signers)
{
	struct buffer note = {0}, body = {0};
	struct digest root = merkle_tree_root(&world->log->tree, size);
	struct witness_request request = {.old = old};
	sample_note(world->consortium, size, &root, signers, &note);
	request.note = buffer_span(&note);
	if (old > 0 && old < size)
		assert_int_equal(merkle_tree_consistency(&world->log->tree, old, size, &request.path), OK);
	witness_request_encode(&request, &body);
	buffer_free(&note);
	return body;
}

static void assert_verdict(const struct sample_world *world, const struct witness_log *log, struct buffer body, enum witness_verdict expected, int line)
{
	struct fault fault = {0};
	struct witness_log next = {.size = 77};
	enum witness_verdict verdict = witness_judge(log, &world->consortium->epochs, 2, buffer_span(&body), &next, &fault);
	if (verdict != expected)
		fail_msg("line %d: %d, not %d: %s", line, verdict, expected, fault.text);
	assert_true(verdict == WITNESS_COSIGN || (next.size == 77 && fault.text[0]));
	buffer_free(&body);
}

#define VERDICT(log, body, expected) assert_verdict(world, log, body, expected, __LINE__)

static void a_log_is_followed_from_nothing(void **state)
{
	const struct sample_world *world = *state;
	struct witness_log log = witness_log_new();
	for (uint64_t size = 1; size <= LOG_END; size += 1 + size / 3) {
		struct buffer body = request_of(world, log.size, size, 0x9);
		assert_int_equal(witness_judge(&log, &world->consortium->epochs, 2, buffer_span(&body), &log, NULL), WITNESS_COSIGN);
		assert_true(log.size == size);
		buffer_free(&body);
		VERDICT(&log, request_of(world, size, size, 0x6), WITNESS_COSIGN); /* the same once more */
	}
}

static void what_does_not_continue_it_is_refused(void **state)
{
	const struct sample_world *world = *state;
	struct witness_log log = {.size = 6, .root = merkle_tree_root(&world->log->tree, 6)}, none = witness_log_new();
	struct witness_log other = {.size = 6, .root = merkle_tree_root(&world->log->tree, 5)};
	VERDICT(&log, request_of(world, 6, 9, 0xf), WITNESS_COSIGN);
	VERDICT(&log, request_of(world, 9, 8, 0xf), WITNESS_MALFORMED);
	VERDICT(&log, request_of(world, 5, 9, 0xf), WITNESS_CONFLICT);
	VERDICT(&log, request_of(world, 0, 9, 0xf), WITNESS_CONFLICT);
	VERDICT(&log, request_of(world, 5, 5, 0xf), WITNESS_CONFLICT); /* never back */
	VERDICT(&none, request_of(world, 5, 9, 0xf), WITNESS_CONFLICT);
	VERDICT(&other, request_of(world, 6, 9, 0xf), WITNESS_UNPROVEN);
	VERDICT(&other, request_of(world, 6, 6, 0xf), WITNESS_UNPROVEN);
	/* A proof that is damaged, or that is there when there is nothing to prove. */
	struct buffer body = request_of(world, 6, 9, 0xf);
	body.data[10] = body.data[10] == 'A' ? 'B' : 'A';
	VERDICT(&log, body, WITNESS_UNPROVEN);
	for (int same = 0; same < 2; same++) {
		struct buffer good = request_of(world, same ? 6 : 0, same ? 6 : 9, 0xf), longer = {0};
		buffer_printf(&longer, "old %d\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", same ? 6 : 0);
		buffer_append_span(&longer, span_after(buffer_span(&good), 6));
		VERDICT(same ? &log : &none, longer, WITNESS_UNPROVEN);
		buffer_free(&good);
	}
}

/* The order of the checks: 404, 403, 400, 409, 422. */
static void signatures_come_before_sizes(void **state)
{
	const struct sample_world *world = *state;
	struct witness_log log = {.size = 6, .root = merkle_tree_root(&world->log->tree, 6)};
	VERDICT(&log, request_of(world, 6, 9, 0), WITNESS_UNTRUSTED);
	VERDICT(&log, request_of(world, 6, 9, 0x4), WITNESS_UNTRUSTED);
	VERDICT(&log, request_of(world, 9, 8, 0x4), WITNESS_UNTRUSTED);
	/* One organisation's line twice is one. */
	struct buffer body = request_of(world, 6, 9, 0x4);
	const uint8_t *dash = memmem(body.data, body.size, "\xe2\x80\x94", 3);
	struct buffer line = {0};
	buffer_append(&line, dash, (size_t)(body.data + body.size - dash));
	buffer_append_span(&body, buffer_span(&line));
	VERDICT(&log, body, WITNESS_UNTRUSTED);
	/* A strangers' lines are passed over, a member's bad one is not. */
	body = request_of(world, 6, 9, 0x3);
	buffer_append_text(&body, "\xe2\x80\x94 somebody AAAA\n");
	VERDICT(&log, body, WITNESS_COSIGN);
	body = request_of(world, 6, 9, 0x7);
	body.data[body.size - 1000] = body.data[body.size - 1000] == 'A' ? 'B' : 'A';
	VERDICT(&log, body, WITNESS_UNTRUSTED);
	/* Another log's, although the same organisations signed it. */
	struct sample_consortium other = *world->consortium;
	other.genesis.network[0] ^= 1;
	struct sample_world elsewhere = {.consortium = &other, .log = world->log};
	VERDICT(&log, request_of(&elsewhere, 6, 9, 0xf), WITNESS_UNKNOWN);
	VERDICT(&log, request_of(&elsewhere, 9, 8, 0), WITNESS_UNKNOWN);
	VERDICT(&log, (struct buffer){0}, WITNESS_MALFORMED);
	buffer_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_have_one_text),
		cmocka_unit_test(requests_come_back),
		cmocka_unit_test(a_log_is_followed_from_nothing),
		cmocka_unit_test(what_does_not_continue_it_is_refused),
		cmocka_unit_test(signatures_come_before_sizes),
	};
	return cmocka_run_group_tests_name("witness", tests, sample_world_begin, sample_world_end);
}
