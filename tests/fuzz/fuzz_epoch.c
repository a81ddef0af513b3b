/* A record of an epoch, and a file with a chain of them: each has one form, and the chain grows only by what follows. The saved
 * inputs are of the sample consortium. */
#include "../unit/sample_epochs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_members(const struct genesis *members, const struct genesis *founding)
{
	CHECK(members->member_count > 0 && members->member_count <= GENESIS_MEMBERS_MAX);
	CHECK(memcmp(members->network, founding->network, NETWORK_ID_SIZE) == 0);
	for (size_t i = 0; i < members->member_count; i++)
		CHECK(genesis_member_named(members, members->members[i].header.iss) == &members->members[i]);
}

/* Written out again, the newest record is the same. */
static void check_newest(const struct epochs *epochs)
{
	const struct epoch *newest = epochs_newest(epochs), *before = newest - 1;
	struct epochs until = {.items = epochs->items, .count = epochs->count - 1};
	struct buffer again = {0};
	struct span statements[GENESIS_MEMBERS_MAX];
	bool stay = newest->members == before->members;
	for (size_t i = 0; i < newest->members->member_count; i++)
		statements[i] = newest->members->members[i].statement;
	struct epoch_end end = {.commits = newest->commits, .commit_digest = newest->commit_digest, .log_size = newest->log_size,
		.log_root = newest->log_root, .time_ms = newest->time_ms, .statements = statements, .statement_count = stay ? 0 : newest->members->member_count};
	epoch_encode(&until, &end, &again);
	CHECK(span_equal(buffer_span(&again), newest->record));
	buffer_free(&again);
}

static void check_record(struct span record, const struct genesis *genesis)
{
	struct epochs epochs;
	struct fault fault = {0};
	epochs_begin(&epochs, genesis);
	if (epochs_add(&epochs, record, &fault) == OK) {
		CHECK(epochs.count == 2 && epochs_of_size(&epochs, UINT64_MAX)->number <= 1);
		check_members(epochs.items[1].members, genesis);
		check_newest(&epochs);
	} else {
		CHECK(epochs.count == 1 && fault.text[0]);
	}
	epochs_free(&epochs);
}

static void check_chain(struct span file, const struct genesis *genesis)
{
	struct epochs epochs;
	struct fault fault = {0};
	epochs_begin(&epochs, genesis);
	enum status status = epochs_decode(file, &epochs, &fault);
	CHECK((status == OK) == (fault.text[0] == 0));
	CHECK(status != OK || epochs_is(file));
	for (size_t i = 1; i < epochs.count; i++) {
		CHECK(epochs.items[i].number == i && epochs.items[i].log_size >= epochs.items[i - 1].log_size);
		CHECK((size_t)__builtin_popcountll(epochs.items[i].signers) >= epoch_quorum(epochs.items[i - 1].members));
		check_members(epochs.items[i].members, genesis);
	}
	/* Read again into the chain that it made, it says the same and adds nothing. */
	size_t count = epochs.count;
	CHECK(epochs_decode(file, &epochs, NULL) == status && epochs.count == count);
	epochs_free(&epochs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample_consortium *consortium;
	if (!consortium)
		consortium = sample_consortium_new();
	check_record(span_of(data, size), &consortium->genesis);
	check_chain(span_of(data, size), &consortium->genesis);
	return 0;
}
