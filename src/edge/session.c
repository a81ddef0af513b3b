#include "edge/session.h"

#include "base/time.h"

static void little_endian(uint64_t value, uint8_t out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

void session_key_derive(const uint8_t secret[SESSION_SECRET_SIZE], const struct digest *registration, struct span device,
	enum session_direction direction, uint8_t out[SESSION_KEY_SIZE])
{
	struct buffer info = {0};
	buffer_append_text(&info, "tally/device-mac/v1");
	buffer_append_byte(&info, (uint8_t)direction);
	buffer_append_span(&info, device);
	hkdf_sha256(span_of(secret, SESSION_SECRET_SIZE), digest_span(registration), buffer_span(&info), out, SESSION_KEY_SIZE);
	buffer_free(&info);
}

void session_tag(const struct mac_key *key, enum session_kind kind, uint64_t seq, struct span payload, uint8_t out[SESSION_TAG_SIZE])
{
	uint8_t head[9];
	head[0] = (uint8_t)kind;
	little_endian(seq, head + 1);
	const struct span parts[] = {span_of_text("tally/msg/v1"), span_of(head, sizeof head), payload};
	struct digest full = mac_key_tag(key, parts, 3);
	memcpy(out, full.bytes, SESSION_TAG_SIZE);
}

static uint32_t boot_of(uint64_t seq)
{
	return (uint32_t)(seq >> 32);
}

void session_window_told(struct session_window *window, int64_t wall_ns)
{
	/* Two marks are enough: what was told a while ago, and what is becoming that. */
	if (window->told_ns == 0 || wall_ns - window->told_ns >= SESSION_REPLAY_MS * NS_PER_MS) {
		window->settled = window->told;
		window->told = window->last;
		window->told_ns = wall_ns;
	}
}

enum session_verdict session_window_take(struct session_window *window, uint64_t seq, int64_t wall_ns, uint64_t *missing)
{
	*missing = 0;
	if (seq <= window->last) {
		bool older_boot = boot_of(seq) < boot_of(window->last);
		return older_boot || seq <= window->settled ? SESSION_REPLAY : SESSION_AGAIN;
	}
	bool same_boot = boot_of(seq) == boot_of(window->last);
	uint64_t expected = same_boot ? window->last + 1 : ((uint64_t)boot_of(seq) << 32) + 1;
	if (seq > expected) {
		bool away = window->gap_since_ns && !window->gap_again && wall_ns - window->gap_seen_ns >= SESSION_GAP_MS * NS_PER_MS;
		/* The device was away meanwhile: it may be sending again what it kept. Once, so that a device that keeps nothing goes on. */
		if (window->gap_since_ns == 0 || away)
			window->gap_since_ns = wall_ns;
		window->gap_again = window->gap_again || away;
		window->gap_seen_ns = wall_ns;
		/* What came before may be on its way again; after a while it is given up. */
		if (wall_ns - window->gap_since_ns < SESSION_GAP_MS * NS_PER_MS)
			return SESSION_WAIT;
		*missing = seq - expected;
	}
	window->gap_since_ns = 0;
	window->gap_again = false;
	window->last = seq;
	return SESSION_ACCEPT;
}
