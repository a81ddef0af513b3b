/* The chain of epochs, said for people. */
#include "app/verify.h"

#include "base/map.h"
#include "base/time.h"
#include "record/bundle_report.h"

#include <inttypes.h>

static void say_members(const struct genesis *members, uint64_t only, struct buffer *report)
{
	bool first = true;
	for (size_t i = 0; i < members->member_count; i++) {
		if (!(only >> i & 1))
			continue;
		buffer_append_text(report, first ? " " : ", ");
		report_text(report, members->members[i].header.iss);
		first = false;
	}
	buffer_append_byte(report, '\n');
}

static void say_head(const struct epoch *epoch, bool stay, struct buffer *report)
{
	const struct genesis *members = epoch->members;
	size_t count = members->member_count;
	buffer_printf(report, "ok: epoch %" PRIu64 ": ", epoch->number);
	if (epoch->number == 0) {
		buffer_append_text(report, "the genesis of ");
		report_text(report, members->name);
	} else {
		buffer_printf(report, "since log size %" PRIu64, epoch->log_size);
	}
	buffer_append_text(report, ", ");
	report_seconds(report, (uint64_t)(epoch->time_ms / 1000));
	if (stay) {
		buffer_append_text(report, ": the members stay\n");
		return;
	}
	buffer_printf(report, ": %zu organisations, %zu of whom must sign a checkpoint and %zu the next epoch:", count, note_least(members),
		epoch_quorum(members));
	say_members(members, UINT64_MAX, report);
	if (genesis_faults(members) == FAULTS_CRASH)
		buffer_printf(report, "ok: epoch %" PRIu64 ": crash-tolerant, not Byzantine fault tolerant: one of these three may be away, none may lie\n", epoch->number);
}

static void say_line(const struct epoch *epoch, struct span name, const char *what, struct buffer *report)
{
	buffer_printf(report, "ok: epoch %" PRIu64 ": ", epoch->number);
	report_text(report, name);
	buffer_append_text(report, what);
	buffer_append_byte(report, '\n');
}

static bool same_key(const struct public_key *a, const struct public_key *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* What is another than before: a member that stayed. */
static void say_changes(const struct epoch *epoch, const struct genesis_member *before, const struct genesis_member *now, struct buffer *report)
{
	const struct body_org *a = &before->org, *b = &now->org;
	const struct {
		bool same;
		const char *name;
	} parts[] = {{same_key(&a->record_key, &b->record_key), "record key"}, {same_key(&a->node_key, &b->node_key), "node key"},
		{same_key(&a->checkpoint_key, &b->checkpoint_key), "checkpoint key"}, {digest_equal(&a->tls_key, &b->tls_key), "TLS key"},
		{digest_equal(&a->root_key, &b->root_key), "root"}, {span_equal(a->address, b->address), "address"},
		{span_equal(a->name, b->name), "name"}, {span_equal(a->role, b->role), "role"}};
	bool first = true;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (parts[i].same)
			continue;
		if (first) {
			buffer_printf(report, "ok: epoch %" PRIu64 ": ", epoch->number);
			report_text(report, now->header.iss);
		}
		buffer_printf(report, "%s %s", first ? " has another" : ",", parts[i].name);
		first = false;
	}
	if (!first)
		buffer_append_byte(report, '\n');
}

static void say_epoch(const struct epoch *before, const struct epoch *epoch, struct buffer *report)
{
	say_head(epoch, epoch->members == before->members, report);
	for (size_t i = 0; i < epoch->members->member_count; i++) {
		const struct genesis_member *now = &epoch->members->members[i], *was = genesis_member_named(before->members, now->header.iss);
		if (was)
			say_changes(epoch, was, now, report);
		else
			say_line(epoch, now->header.iss, " joined", report);
	}
	for (size_t i = 0; i < before->members->member_count; i++)
		if (!genesis_member_named(epoch->members, before->members->members[i].header.iss))
			say_line(epoch, before->members->members[i].header.iss, " left", report);
	buffer_printf(report, "ok: epoch %" PRIu64 ": its record is signed by these of the epoch before:", epoch->number);
	say_members(before->members, epoch->signers, report);
}

enum status verify_epochs(const struct genesis *genesis, struct span file, struct buffer *report, struct fault *fault)
{
	struct epochs epochs;
	struct fault inner = {0};
	epochs_begin(&epochs, genesis);
	enum status status = epochs_decode(file, &epochs, &inner);
	say_head(&epochs.items[0], false, report);
	for (size_t i = 1; i < epochs.count; i++)
		say_epoch(&epochs.items[i - 1], &epochs.items[i], report);
	if (status == OK) {
		char digest[DIGEST_HEX_SIZE];
		span_hex(digest_span(&epochs_newest(&epochs)->digest), digest);
		buffer_printf(report, "ok: the chain reaches epoch %" PRIu64 ", %s; whether there is a newer one, ask several nodes\n", epochs_newest(&epochs)->number,
			digest);
	} else {
		buffer_printf(report, "FAILED: epochs: %s\n", inner.text);
		fault_set(fault, status, "epochs: %.400s", inner.text);
	}
	epochs_free(&epochs);
	return status;
}
