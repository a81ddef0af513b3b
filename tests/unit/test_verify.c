/* `tally verify` on a chain of epochs, and on files under one. */
#include "command/members.h"
#include "app/verify.h"
#include "record/receipt.h"
#include "record/transparent.h"

#include "sample_epochs.h"
#include "sample_log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct sample_consortium *consortium;
static struct sample_epochs *sample;
static struct buffer chain;

static int begin(void **state)
{
	(void)state;
	consortium = sample_consortium_new();
	sample = sample_epochs_new(consortium, 17, 21);
	sample_epochs_file(sample, 2, &chain);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buffer_free(&chain);
	sample_epochs_free(sample);
	sample_consortium_free(consortium);
	return 0;
}

/* The report of a file, with this chain or none; the caller frees it. */
static struct buffer reported(struct span epochs, struct span file, enum status expected, int line)
{
	struct members members;
	struct buffer report = {0};
	struct fault fault = {0};
	assert_int_equal(members_read(buffer_span(&consortium->genesis_bytes), epochs, &members, &fault), OK);
	enum status status = verify_files(&(struct trust){.epochs = &members.epochs}, &file, 1, &report, &fault);
	members_close(&members);
	buffer_append_byte(&report, 0);
	if (status != expected || (status == OK) != (fault.text[0] == 0) || (status == OK) != !strstr((char *)report.data, "FAILED: "))
		fail_msg("line %d: %s instead of %s: %s\n%s", line, status_name(status), status_name(expected), fault.text, (char *)report.data);
	return report;
}

static void a_chain_is_told(void **state)
{
	(void)state;
	struct buffer report = reported((struct span){0}, buffer_span(&chain), OK, __LINE__);
	char digest[DIGEST_HEX_SIZE], *end = strstr((char *)report.data, "ok: the chain reaches epoch 2, ");
	span_hex(span_of(epochs_newest(&sample->epochs)->digest.bytes, DIGEST_SIZE), digest);
	assert_non_null(end);
	assert_int_equal(memcmp(end + 31, digest, 64), 0);
	assert_string_equal(end + 31 + 64, "; whether there is a newer one, ask several nodes\n");
	*end = 0;
	assert_string_equal((char *)report.data,
		"ok: epoch 0: the genesis of sample consortium, 2026-01-01T00:00:00Z: 4 organisations, 2 of whom must sign a checkpoint and 3 the next epoch: "
		"org:manufacturer, org:supplier, org:repair, org:regulator\n"
		"ok: epoch 1: since log size 17, 2026-01-01T00:00:17Z: 5 organisations, 2 of whom must sign a checkpoint and 4 the next epoch: "
		"org:manufacturer, org:supplier, org:repair, org:regulator, org:newcomer\n"
		"ok: epoch 1: org:supplier has another record key, node key, checkpoint key\n"
		"ok: epoch 1: org:newcomer joined\n"
		"ok: epoch 1: its record is signed by these of the epoch before: org:manufacturer, org:supplier, org:repair\n"
		"ok: epoch 2: since log size 21, 2026-01-01T00:00:21Z: 4 organisations, 2 of whom must sign a checkpoint and 3 the next epoch: "
		"org:manufacturer, org:supplier, org:regulator, org:newcomer\n"
		"ok: epoch 2: org:repair left\n"
		"ok: epoch 2: its record is signed by these of the epoch before: org:manufacturer, org:supplier, org:regulator, org:newcomer\n");
	buffer_free(&report);
}

static void a_renewal_is_told(void **state)
{
	(void)state;
	struct epochs epochs;
	struct buffer record = {0}, note = {0}, file = {0};
	epochs_begin(&epochs, &consortium->genesis);
	sample_epoch_record(&epochs, NULL, 9, &record);
	sample_epoch_note(sample, &sample->sets[0], 1, buffer_span(&record), 0xb, &note);
	struct epoch_link link = {buffer_span(&record), buffer_span(&note)};
	epochs_encode(&link, 1, &file);
	struct buffer report = reported((struct span){0}, buffer_span(&file), OK, __LINE__);
	assert_non_null(strstr((char *)report.data, "ok: epoch 1: since log size 9, 2026-01-01T00:00:09Z: the members stay\n"
		"ok: epoch 1: its record is signed by these of the epoch before: org:manufacturer, org:supplier, org:regulator\nok: the chain reaches epoch 1, "));
	epochs_free(&epochs);
	buffer_free(&record);
	buffer_free(&note);
	buffer_free(&file);
	buffer_free(&report);
}

static void a_broken_chain_is_told_up_to_there(void **state)
{
	(void)state;
	struct buffer broken = {0};
	buffer_append_span(&broken, buffer_span(&chain));
	broken.data[broken.size - 100] ^= 1;
	struct buffer report = reported((struct span){0}, buffer_span(&broken), E_SIGNATURE, __LINE__);
	assert_non_null(strstr((char *)report.data, "ok: epoch 1: org:newcomer joined\n"));
	assert_non_null(strstr((char *)report.data, "FAILED: epochs: The note under the record of epoch 2 does not hold. "));
	assert_null(strstr((char *)report.data, "ok: epoch 2"));
	assert_null(strstr((char *)report.data, "reaches"));
	buffer_free(&report);
	/* As a chain to verify under it is none at all. */
	struct members members;
	struct fault fault = {0};
	assert_int_equal(members_read(buffer_span(&consortium->genesis_bytes), buffer_span(&broken), &members, &fault), E_SIGNATURE);
	assert_non_null(strstr(fault.text, "the chain of epochs is not valid: The note under the record of epoch 2"));
	members_close(&members);
	assert_int_equal(members_read(buffer_span(&broken), (struct span){0}, &members, &fault), E_MALFORMED);
	assert_non_null(strstr(fault.text, "the genesis is not valid: "));
	members_close(&members);
	buffer_free(&broken);
}

static void a_checkpoint_names_its_epoch(void **state)
{
	(void)state;
	char origin[CHECKPOINT_ORIGIN_SIZE];
	struct digest root = {{5}};
	struct buffer note = {0};
	checkpoint_origin(consortium->genesis.network, origin);
	sample_set_note(&sample->sets[1], origin, 20, &root, 0x1a, &note);
	struct buffer report = reported(buffer_span(&chain), buffer_span(&note), OK, __LINE__);
	assert_non_null(strstr((char *)report.data, "of size 20, root 05"));
	assert_non_null(strstr((char *)report.data, "signed by 3 of 5 organisations of epoch 1 (2 are needed)\n"));
	assert_non_null(strstr((char *)report.data, "ok: all of the log up to this size was final no later than 2026-01-01T00:01:30Z, unless more than 1 of the 5"));
	buffer_free(&report);
	report = reported((struct span){0}, buffer_span(&note), E_SIGNATURE, __LINE__);
	assert_non_null(strstr((char *)report.data, "if the members changed since, give the newer chain of epochs, from `tally export --epochs`"));
	buffer_free(&report);
	buffer_free(&note);
}

/* A file of the first entry with the regulator's receipt, of a log of one. */
static void transparent_of(struct buffer *receipt, struct buffer *file)
{
	struct span statement = consortium->genesis.members[0].statement;
	struct digest id = sha256(statement), root = merkle_leaf(span_of(id.bytes, DIGEST_SIZE));
	struct fault fault = {0};
	char origin[CHECKPOINT_ORIGIN_SIZE];
	checkpoint_origin(consortium->genesis.network, origin);
	struct receipt given = {.kind = RECEIPT_INCLUSION, .iss = span_of_text("org:regulator"), .sub = span_of_text(origin), .proofs = {{.size = 1}},
		.proof_count = 1};
	assert_int_equal(receipt_sign(&given, &root, consortium->keys[3][SAMPLE_CHECKPOINT_KEY], NULL, receipt), OK);
	struct span span = buffer_span(receipt);
	assert_int_equal(transparent_encode(statement, &span, 1, file, &fault), OK);
}

static void a_transparent_statement_stands_alone(void **state)
{
	(void)state;
	struct buffer receipt = {0}, file = {0}, report;
	transparent_of(&receipt, &file);
	report = reported(buffer_span(&chain), buffer_span(&file), OK, __LINE__);
	assert_non_null(strstr((char *)report.data, "ok: receipt 1: org:regulator (regulator) has the statement at position 0 of the log of size 1"));
	buffer_free(&report);
	/* The statement that is in it, alone, proves nothing; nor does a receipt beside the file. */
	report = reported(buffer_span(&chain), consortium->genesis.members[0].statement, E_MALFORMED, __LINE__);
	assert_non_null(strstr((char *)report.data, "proves nothing alone"));
	buffer_free(&report);
	const struct span both[] = {buffer_span(&file), buffer_span(&receipt)};
	struct fault fault = {0};
	report = (struct buffer){0};
	assert_int_equal(verify_files(&consortium->trust, both, 2, &report, &fault), E_MALFORMED);
	assert_non_null(strstr(fault.text, "a transparent statement is verified alone"));
	buffer_free(&report);
	buffer_free(&receipt);
	buffer_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_told),
		cmocka_unit_test(a_renewal_is_told),
		cmocka_unit_test(a_broken_chain_is_told_up_to_there),
		cmocka_unit_test(a_checkpoint_names_its_epoch),
		cmocka_unit_test(a_transparent_statement_stands_alone),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
