#include "base/random.h"
#include "base/time.h"
#include "edge/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t boot_1 = UINT64_C(1) << 32, boot_2 = UINT64_C(2) << 32;

static int64_t ms(int64_t count)
{
	return count * NS_PER_MS;
}

static enum session_verdict take(struct session_window *window, uint64_t seq, int64_t at_ms)
{
	uint64_t missing;
	return session_window_take(window, seq, ms(at_ms), &missing);
}

/* The derivation and the tag, computed here from their definition. */
static void keys_and_tags_are_as_the_header_says(void **state)
{
	(void)state;
	uint8_t secret[SESSION_SECRET_SIZE], key[SESSION_KEY_SIZE], other[SESSION_KEY_SIZE], tag[SESSION_TAG_SIZE], message[64] = "tally/msg/v1";
	struct digest registration = {{1, 2, 3}};
	for (size_t i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)(i * 7);
	session_key_derive(secret, &registration, span_of_text("dev:a/b"), SESSION_UP, key);
	hkdf_sha256(span_of(secret, sizeof secret), digest_span(&registration), span_of_text("tally/device-mac/v1\1dev:a/b"), other, sizeof other);
	assert_memory_equal(key, other, sizeof key);
	struct mac_key *mac = mac_key_new(span_of(key, sizeof key));
	session_tag(mac, SESSION_CRITICAL, 0x0102030405060708, span_of_text("fire"), tag);
	memcpy(message + 12, "\2\x08\x07\x06\x05\x04\x03\x02\x01" "fire", 13);
	struct span whole = span_of(message, 25);
	struct digest full = mac_key_tag(mac, &whole, 1);
	assert_memory_equal(tag, full.bytes, SESSION_TAG_SIZE);
	mac_key_free(mac);
}

static void every_input_changes_the_key_and_the_tag(void **state)
{
	(void)state;
	uint8_t secret[SESSION_SECRET_SIZE] = {0}, keys[5][SESSION_KEY_SIZE], tags[5][SESSION_TAG_SIZE];
	struct digest first = {{1}}, second = {{2}};
	session_key_derive(secret, &first, span_of_text("dev:a/b"), SESSION_UP, keys[0]);
	session_key_derive(secret, &second, span_of_text("dev:a/b"), SESSION_UP, keys[1]);
	session_key_derive(secret, &first, span_of_text("dev:a/c"), SESSION_UP, keys[2]);
	session_key_derive(secret, &first, span_of_text("dev:a/b"), SESSION_DOWN, keys[3]);
	secret[31] = 1;
	session_key_derive(secret, &first, span_of_text("dev:a/b"), SESSION_UP, keys[4]);
	struct mac_key *mac = mac_key_new(span_of(keys[0], SESSION_KEY_SIZE));
	session_tag(mac, SESSION_DATA, 1, span_of_text("x"), tags[0]);
	session_tag(mac, SESSION_CRITICAL, 1, span_of_text("x"), tags[1]);
	session_tag(mac, SESSION_DATA, 2, span_of_text("x"), tags[2]);
	session_tag(mac, SESSION_DATA, 1, span_of_text("y"), tags[3]);
	session_tag(mac, SESSION_DATA, UINT64_C(1) << 32, span_of_text("x"), tags[4]);
	mac_key_free(mac);
	for (int a = 0; a < 5; a++)
		for (int b = 0; b < a; b++) {
			assert_memory_not_equal(keys[a], keys[b], SESSION_KEY_SIZE);
			assert_memory_not_equal(tags[a], tags[b], SESSION_TAG_SIZE);
		}
}

static void numbers_are_taken_once_and_in_order(void **state)
{
	(void)state;
	struct session_window window = {0};
	uint64_t missing;
	assert_int_equal(take(&window, 0, 0), SESSION_REPLAY);
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(session_window_take(&window, boot_1 + i, ms(10), &missing), SESSION_ACCEPT);
	assert_int_equal(missing, 0);
	assert_int_equal(take(&window, boot_1 + 5, 20), SESSION_AGAIN);
	assert_int_equal(take(&window, boot_1 + 1, 20), SESSION_AGAIN);
	assert_int_equal(take(&window, 7, 20), SESSION_REPLAY); /* of a boot before */
	assert_int_equal(window.last, boot_1 + 5);
}

static void a_gap_waits_and_is_then_given_up(void **state)
{
	(void)state;
	struct session_window window = {.last = boot_1 + 3};
	uint64_t missing;
	assert_int_equal(take(&window, boot_1 + 6, 1000), SESSION_WAIT);
	assert_int_equal(take(&window, boot_1 + 7, 2500), SESSION_WAIT);
	/* Sent again in time. */
	for (uint64_t i = 4; i <= 6; i++)
		assert_int_equal(take(&window, boot_1 + i, 2600), SESSION_ACCEPT);
	assert_int_equal(take(&window, boot_1 + 9, 3000), SESSION_WAIT);
	assert_int_equal(take(&window, boot_1 + 9, 5999), SESSION_WAIT);
	assert_int_equal(session_window_take(&window, boot_1 + 9, ms(6000), &missing), SESSION_ACCEPT);
	assert_int_equal(missing, 2);
	assert_int_equal(take(&window, boot_1 + 8, 6001), SESSION_AGAIN);
	assert_int_equal(take(&window, boot_1 + 10, 6001), SESSION_ACCEPT);
}

static void a_device_that_was_away_gets_its_time_again_once(void **state)
{
	(void)state;
	struct session_window window = {.last = boot_1 + 3};
	uint64_t missing;
	assert_int_equal(take(&window, boot_1 + 5, 1000), SESSION_WAIT);
	/* An hour without a network; the first thing it sends arrives out of order once more. */
	assert_int_equal(take(&window, boot_1 + 5, 3600000), SESSION_WAIT);
	assert_int_equal(take(&window, boot_1 + 4, 3600100), SESSION_ACCEPT);
	assert_int_equal(take(&window, boot_1 + 5, 3600200), SESSION_ACCEPT);
	/* One that sends a message a minute and keeps nothing is not shut out. */
	assert_int_equal(take(&window, boot_1 + 8, 4000000), SESSION_WAIT);
	assert_int_equal(take(&window, boot_1 + 9, 4060000), SESSION_WAIT);
	assert_int_equal(session_window_take(&window, boot_1 + 10, ms(4120000), &missing), SESSION_ACCEPT);
	assert_int_equal(missing, 4);
}

static void a_restart_begins_a_new_sequence(void **state)
{
	(void)state;
	struct session_window window = {.last = boot_1 + 77};
	uint64_t missing;
	assert_int_equal(take(&window, boot_2 + 1, 0), SESSION_ACCEPT);
	assert_int_equal(take(&window, boot_1 + 78, 0), SESSION_REPLAY);
	/* The first of the new boot got lost. */
	assert_int_equal(take(&window, 3 * boot_1 + 3, 1000), SESSION_WAIT);
	assert_int_equal(take(&window, 3 * boot_1 + 3, 2500), SESSION_WAIT);
	assert_int_equal(session_window_take(&window, 3 * boot_1 + 3, ms(4000), &missing), SESSION_ACCEPT);
	assert_int_equal(missing, 2);
}

static void numbers_at_their_limits_do_not_wrap(void **state)
{
	(void)state;
	struct session_window window = {.last = boot_1 + UINT32_MAX - 1};
	uint64_t missing;
	assert_int_equal(take(&window, boot_1 + UINT32_MAX, 0), SESSION_ACCEPT);
	/* The counter runs over into the boot number: number 0 of the next one, then 1. */
	assert_int_equal(session_window_take(&window, boot_2, ms(1), &missing), SESSION_ACCEPT);
	assert_int_equal(missing, 0);
	assert_int_equal(take(&window, boot_2 + 1, 2), SESSION_ACCEPT);
	assert_int_equal(take(&window, UINT64_MAX, 10), SESSION_WAIT);
	assert_int_equal(take(&window, UINT64_MAX, 1510), SESSION_WAIT);
	assert_int_equal(session_window_take(&window, UINT64_MAX, ms(3010), &missing), SESSION_ACCEPT);
	assert_true(missing < UINT32_MAX);
	assert_int_equal(take(&window, UINT64_MAX, 3011), SESSION_AGAIN);
	assert_int_equal(take(&window, 0, 3011), SESSION_REPLAY);
}

static void repetitions_are_replays_once_the_device_knows(void **state)
{
	(void)state;
	struct session_window window = {0};
	for (uint64_t i = 1; i <= 10; i++)
		assert_int_equal(take(&window, boot_1 + i, (int64_t)i), SESSION_ACCEPT);
	session_window_told(&window, ms(100));
	assert_int_equal(take(&window, boot_1 + 10, 200), SESSION_AGAIN);
	session_window_told(&window, ms(2000));
	assert_int_equal(take(&window, boot_1 + 10, 2001), SESSION_AGAIN);
	assert_int_equal(take(&window, boot_1 + 11, 5000), SESSION_ACCEPT);
	session_window_told(&window, ms(5100)); /* 10 was told five seconds ago; 11 just now */
	assert_int_equal(take(&window, boot_1 + 10, 5101), SESSION_REPLAY);
	assert_int_equal(take(&window, boot_1 + 11, 5101), SESSION_AGAIN);
}

/* Whatever arrives: what is accepted ascends, and with what is missing it leaves no number out. */
static void any_order_is_accounted_for(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct random random = random_of(seed);
		struct session_window window = {0};
		uint64_t sent = boot_1, accounted = boot_1;
		int64_t now_ms = 1;
		for (int i = 0; i < 400; i++) {
			now_ms += (int64_t)random_below(&random, 400);
			uint64_t back = random_below(&random, 6);
			uint64_t seq = random_below(&random, 3) && back < sent - boot_1 ? sent - back : (sent += 1 + random_below(&random, 2));
			uint64_t last = window.last, missing;
			enum session_verdict verdict = session_window_take(&window, seq, ms(now_ms), &missing);
			if (random_below(&random, 5) == 0)
				session_window_told(&window, ms(now_ms));
			if (verdict != SESSION_ACCEPT) {
				assert_int_equal(window.last, last);
				assert_int_equal(missing, 0);
				continue;
			}
			assert_true(seq > last && window.last == seq);
			assert_true(seq == accounted + missing + 1);
			accounted = seq;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_tags_are_as_the_header_says),
		cmocka_unit_test(every_input_changes_the_key_and_the_tag),
		cmocka_unit_test(numbers_are_taken_once_and_in_order),
		cmocka_unit_test(a_gap_waits_and_is_then_given_up),
		cmocka_unit_test(a_device_that_was_away_gets_its_time_again_once),
		cmocka_unit_test(a_restart_begins_a_new_sequence),
		cmocka_unit_test(numbers_at_their_limits_do_not_wrap),
		cmocka_unit_test(repetitions_are_replays_once_the_device_knows),
		cmocka_unit_test(any_order_is_accounted_for),
	};
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
