/* A gateway's folder of state proofs: what is believed, and what is not. */
#include "gateway/proofs.h"
#include "host/disk.h"

#include "sample_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct sample_consortium *consortium;
static struct sample_log *log_;
static struct sample_state state_;
static char folder[] = "/tmp/tally-proofs-XXXXXX";

enum { ALL = 0xf, FEW = 0x3, REGULATOR = 3, NOW = 1767225700 };

static void path_of(const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", folder, name);
}

static void put_bytes(const char *file, struct span bytes)
{
	char path[256];
	struct fault fault;
	path_of(file, path);
	assert_int_equal(disk_write(path, bytes, 0600, &fault), OK);
}

static void put(const struct sample_state *state, const char *file, const char *name, unsigned signers)
{
	struct buffer bytes = {0};
	sample_state_proof(state, name, signers, &bytes);
	put_bytes(file, buffer_span(&bytes));
	buffer_free(&bytes);
}

static void clear(void)
{
	static const char *const names[] = {"a", "b", "c", "d", "gateway", ".hidden"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[256];
		path_of(names[i], path);
		unlink(path);
	}
}

static enum status read_folder(const struct policy *policy, struct gateway_proofs *out, struct fault *fault)
{
	struct gateway_proofs_rule rule = {.trust = {&consortium->epochs, policy, NOW}, .gateway = SAMPLE_GATEWAY};
	fault->text[0] = 0;
	return gateway_proofs_read(folder, &rule, out, fault);
}

static const struct gateway_proof *about(const struct gateway_proofs *proofs, const char *name)
{
	for (size_t i = 0; i < proofs->count; i++)
		if (strcmp(proofs->items[i].name, name) == 0)
			return &proofs->items[i];
	return NULL;
}

static void what_is_proven_is_taken(void **state)
{
	(void)state;
	struct gateway_proofs proofs;
	struct fault fault;
	clear();
	put(&state_, "gateway", SAMPLE_GATEWAY, ALL);
	put(&state_, "a", SAMPLE_DEVICE, ALL);
	put(&state_, "b", SAMPLE_REVOKED, ALL);
	put(&state_, "c", SAMPLE_GHOST, ALL);
	put_bytes(".hidden", span_of_text("not looked at"));
	if (read_folder(NULL, &proofs, &fault) != OK)
		fail_msg("%s", fault.text);
	assert_int_equal(proofs.count, 3);
	assert_int_equal(proofs.refused, 0);
	assert_int_equal(proofs.fresh_s, 1767225680);
	const struct gateway_proof *device = about(&proofs, SAMPLE_DEVICE);
	assert_non_null(device);
	assert_int_equal(device->found.entry.state, DEVICE_ACTIVE);
	assert_true(span_equal(device->found.registration, buffer_span(&log_->entries[LOG_DEVICE])));
	assert_true(span_equal(device->found.bounds, buffer_span(&log_->entries[LOG_BOUNDS])));
	assert_int_equal(about(&proofs, SAMPLE_REVOKED)->found.entry.state, DEVICE_REVOKED);
	assert_null(about(&proofs, SAMPLE_GHOST));
	assert_int_equal(about(&proofs, SAMPLE_GATEWAY)->found.entry.last_seq, 4);
	gateway_proofs_free(&proofs);
}

static void what_is_not_proven_is_left_out(void **state)
{
	(void)state;
	struct gateway_proofs proofs;
	struct fault fault;
	struct buffer bytes = {0};
	clear();
	put(&state_, "gateway", SAMPLE_GATEWAY, ALL);
	/* One changed byte; one line; garbage. */
	sample_state_proof(&state_, SAMPLE_DEVICE, ALL, &bytes);
	bytes.data[bytes.size / 3] ^= 1;
	put_bytes("a", buffer_span(&bytes));
	put(&state_, "b", SAMPLE_DEVICE, 0x4);
	put_bytes("c", span_of_text("garbage"));
	assert_int_equal(read_folder(NULL, &proofs, &fault), OK);
	assert_int_equal(proofs.refused, 3);
	assert_int_equal(proofs.count, 1);
	gateway_proofs_free(&proofs);
	/* The regulator must have signed. */
	char regulator[] = "org:regulator";
	struct policy policy = {.required = {regulator}, .required_count = 1};
	put(&state_, "a", SAMPLE_DEVICE, FEW);
	assert_int_equal(read_folder(&policy, &proofs, &fault), OK);
	assert_null(about(&proofs, SAMPLE_DEVICE));
	gateway_proofs_free(&proofs);
	put(&state_, "a", SAMPLE_DEVICE, FEW | 1u << REGULATOR);
	assert_int_equal(read_folder(&policy, &proofs, &fault), OK);
	assert_non_null(about(&proofs, SAMPLE_DEVICE));
	gateway_proofs_free(&proofs);
	/* Too old. */
	policy = (struct policy){.age_max_s = 19};
	assert_int_equal(read_folder(&policy, &proofs, &fault), E_NOT_FOUND);
	assert_non_null(strstr(fault.text, "no valid state proof of " SAMPLE_GATEWAY));
	gateway_proofs_free(&proofs);
	buffer_free(&bytes);
}

/* Of one name the newest counts, whatever its file is called: also when it says that the device is gone, or that it never was. */
static void the_newest_counts(void **state)
{
	(void)state;
	struct gateway_proofs proofs;
	struct fault fault;
	struct sample_state later = sample_state_new(log_);
	struct state_entry gone = {.kind = ENTITY_DEVICE, .state = DEVICE_REVOKED, .registration = log_->ids[LOG_DEVICE],
		.owner = span_of_text(sample_names[0]), .gateway = span_of_text(SAMPLE_GATEWAY)};
	sample_state_put(&later, SAMPLE_DEVICE, &gone);
	later.root = state_tree_root(&later.tree);
	later.size = LOG_END + 5;
	static const char *const names[][2] = {{"a", "b"}, {"b", "a"}};
	for (size_t i = 0; i < 2; i++) {
		clear();
		put(&state_, "gateway", SAMPLE_GATEWAY, ALL);
		put(&state_, names[i][0], SAMPLE_DEVICE, ALL);
		put(&later, names[i][1], SAMPLE_DEVICE, ALL);
		assert_int_equal(read_folder(NULL, &proofs, &fault), OK);
		assert_int_equal(about(&proofs, SAMPLE_DEVICE)->found.entry.state, DEVICE_REVOKED);
		assert_int_equal(proofs.count, 2);
		gateway_proofs_free(&proofs);
	}
	sample_state_free(&later);
}

static void the_gateway_itself_must_be_active(void **state)
{
	(void)state;
	struct gateway_proofs proofs;
	struct fault fault;
	clear();
	put(&state_, "a", SAMPLE_DEVICE, ALL);
	assert_int_equal(read_folder(NULL, &proofs, &fault), E_NOT_FOUND);
	gateway_proofs_free(&proofs);
	struct sample_state later = sample_state_new(log_);
	struct state_entry suspended = {.kind = ENTITY_GATEWAY, .state = DEVICE_SUSPENDED, .registration = log_->ids[LOG_GATEWAY],
		.owner = span_of_text(sample_names[0])};
	sample_state_put(&later, SAMPLE_GATEWAY, &suspended);
	later.root = state_tree_root(&later.tree);
	put(&later, "gateway", SAMPLE_GATEWAY, ALL);
	assert_int_equal(read_folder(NULL, &proofs, &fault), E_REVOKED);
	assert_non_null(strstr(fault.text, "is suspended"));
	gateway_proofs_free(&proofs);
	sample_state_free(&later);
	struct gateway_proofs_rule rule = {.trust = {&consortium->epochs, NULL, NOW}, .gateway = SAMPLE_GATEWAY};
	assert_int_equal(gateway_proofs_read("/nowhere/at/all", &rule, &proofs, &fault), E_NOT_FOUND);
	gateway_proofs_free(&proofs);
}

static int found(void **state)
{
	(void)state;
	consortium = sample_consortium_new();
	log_ = sample_log_new(consortium);
	state_ = sample_state_new(log_);
	return mkdtemp(folder) ? 0 : 1;
}

static int end(void **state)
{
	(void)state;
	clear();
	rmdir(folder);
	sample_state_free(&state_);
	sample_log_free(log_);
	sample_consortium_free(consortium);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_proven_is_taken),
		cmocka_unit_test(what_is_not_proven_is_left_out),
		cmocka_unit_test(the_newest_counts),
		cmocka_unit_test(the_gateway_itself_must_be_active),
	};
	return cmocka_run_group_tests(tests, found, end);
}
