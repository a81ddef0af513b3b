#include "record/transparent_check.h"

#include "record/bundle_report.h"
#include "record/receipt_check_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A receipt that is good. */
struct word {
	size_t number;                /* in the file, from 1 */
	const struct genesis_member *issuer;
	const struct epoch *epoch;    /* of its size */
	uint64_t size;
	uint64_t position;            /* of the statement */
	struct digest root;
};

struct judging {
	struct receipt_checking check;
	struct transparent file;
	struct statement statement;
	struct word words[TRANSPARENT_RECEIPTS_MAX];
	size_t word_count;
	enum status bad;              /* of the first receipt that is not good; OK: all are */
	struct fault bad_fault;
};

/* -- receipts, one by one ---------------------------------------------------------------------- */

static struct span name_of(const struct word *word)
{
	return word->issuer->header.iss;
}

/* Two organisations that signed what cannot both be: the verifier cannot know which of the two lies. */
static enum status contradiction(struct judging *j, const struct word *word)
{
	for (size_t i = 0; i < j->word_count; i++) {
		const struct word *other = &j->words[i];
		if (word->position != other->position)
			return fault_set(&j->check.fault, E_SIGNATURE, "%s: %s signed that the statement is at position %" PRIu64 ", and %s (receipt %zu) that it is at %" PRIu64
				": one of them lies", j->check.what, report_shown(name_of(word)).text, word->position, report_shown(name_of(other)).text, other->number,
				other->position);
		if (word->size == other->size && !digest_equal(&word->root, &other->root))
			return fault_set(&j->check.fault, E_SIGNATURE, "%s: %s signed another root of the log of size %" PRIu64 " than %s (receipt %zu): one of them lies",
				j->check.what, report_shown(name_of(word)).text, word->size, report_shown(name_of(other)).text, other->number);
	}
	return OK;
}

static enum status receipt_judge(struct judging *j, size_t i, struct word *word)
{
	struct receipt_checking *check = &j->check;
	TRY(receipt_checking_read(check, j->file.receipts[i]));
	TRY(receipt_checking_proof(check, &j->statement.id));
	*word = (struct word){.number = i + 1, .issuer = check->issuer, .epoch = check->epoch, .size = check->receipt.proofs[0].size,
		.position = check->receipt.proofs[0].first, .root = check->root};
	for (size_t k = 0; k < j->word_count; k++)
		if (span_equal(name_of(&j->words[k]), name_of(word)))
			return fault_set(&check->fault, E_DUPLICATE, "%s: it is the second one of %s, after receipt %zu", check->what, report_shown(name_of(word)).text,
				j->words[k].number);
	return OK;
}

static void word_report(struct judging *j, const struct word *word)
{
	struct buffer *report = j->check.report;
	char root[DIGEST_HEX_SIZE];
	span_hex(span_of(word->root.bytes, DIGEST_SIZE), root);
	buffer_printf(report, "ok: %s: ", j->check.what);
	report_text(report, name_of(word));
	receipt_checking_role(&j->check, word->issuer, word->epoch);
	buffer_printf(report, " has the statement at position %" PRIu64 " of the log of size %" PRIu64 ", whose root %s it signed\n", word->position, word->size,
		root);
}

static enum status receipts_judge(struct judging *j)
{
	for (size_t i = 0; i < j->file.receipt_count; i++) {
		struct word word;
		snprintf(j->check.what, sizeof j->check.what, "receipt %zu", i + 1);
		enum status status = receipt_judge(j, i, &word);
		if (status == OK) {
			TRY(contradiction(j, &word));
			word_report(j, &word);
			j->words[j->word_count++] = word;
			continue;
		}
		buffer_printf(j->check.report, "not ok: %s\n", j->check.fault.text);
		if (j->bad == OK) {
			j->bad = status;
			j->bad_fault = j->check.fault;
		}
	}
	return OK;
}

/* -- the verdict --------------------------------------------------------------------------------- */

static const struct word *newest(const struct judging *j)
{
	const struct word *found = &j->words[0];
	for (size_t i = 1; i < j->word_count; i++)
		if (j->words[i].size > found->size)
			found = &j->words[i];
	return found;
}

static bool gave_one(const struct judging *j, struct span name)
{
	for (size_t i = 0; i < j->word_count; i++)
		if (span_equal(name_of(&j->words[i]), name))
			return true;
	return false;
}

/* Organisations of the epoch that gave a good one. */
static size_t count_of(struct judging *j, const struct epoch *epoch)
{
	size_t count = 0;
	for (size_t i = 0; i < j->word_count; i++) {
		if (genesis_member_named(epoch->members, name_of(&j->words[i]))) {
			count++;
			continue;
		}
		buffer_printf(j->check.report, "ok: receipt %zu: ", j->words[i].number);
		report_text(j->check.report, name_of(&j->words[i]));
		buffer_printf(j->check.report, " is no organisation of %s, to which the newest receipt belongs: it does not count\n", epoch_name(epoch).text);
	}
	return count;
}

static enum status policy_judge(struct judging *j, const struct epoch *epoch, size_t count, size_t *needed)
{
	const struct policy *policy = j->check.trust->policy;
	struct fault *fault = &j->check.fault;
	TRY(policy_fits(policy, epoch, "the newest receipt", epochs_advice(j->check.trust->epochs, epoch), needed, fault));
	if (policy->age_max_s || policy->witnesses_needed)
		return fault_set(fault, E_CONFIG, "The policy asks for %s, and receipts have none: export a bundle.", policy->age_max_s ? "an age" : "witnesses");
	if (count < *needed)
		return fault_set(fault, E_SIGNATURE, "Receipts of %zu of %zu organisations are good, and at least %zu must be.%s%.300s", count,
			epoch->members->member_count, *needed, j->bad == OK ? "" : " The first that is not: ", j->bad == OK ? "" : j->bad_fault.text);
	for (size_t i = 0; i < policy->required_count; i++)
		if (!gave_one(j, span_of_text(policy->required[i])))
			return fault_set(fault, E_SIGNATURE, "The policy requires a receipt of %s, and there is no good one.", policy->required[i]);
	return OK;
}

static enum status enough(struct judging *j)
{
	const struct epoch *epoch = newest(j)->epoch;
	const struct policy *policy = j->check.trust->policy;
	struct buffer *report = j->check.report;
	size_t all = epoch->members->member_count, liars = note_tolerated(epoch->members), needed = 0;
	if (!policy && j->bad != OK)
		return fault_set(&j->check.fault, j->bad, "without a policy every receipt must be good. %.400s", j->bad_fault.text);
	size_t count = count_of(j, epoch);
	if (policy)
		TRY(policy_judge(j, epoch, count, &needed));
	for (size_t i = 0; policy && i < policy->required_count; i++)
		buffer_printf(report, "ok: policy: %s, whose receipt it requires, gave one\n", policy->required[i]);
	buffer_printf(report, "ok: this rests on the word of %zu of %zu organisations", count, all);
	if (epoch->number)
		buffer_printf(report, " of %s", epoch_name(epoch).text);
	if (policy)
		buffer_printf(report, " (%zu are needed)", needed);
	if (count >= note_least(epoch->members))
		buffer_printf(report, ", and holds unless more than %zu of them lie\n", liars);
	else if (liars == 0)
		buffer_printf(report, ", and at least %zu should be asked for: these members bear a crash, and no lie\n", note_least(epoch->members));
	else
		buffer_printf(report, ", and %zu may lie: with good receipts of %zu it would not depend on them\n", liars, liars + 1);
	return OK;
}

static enum status judge(struct judging *j, struct span file)
{
	struct fault inner = {0};
	enum status status = transparent_decode(file, &j->file, &inner);
	if (status != OK)
		return fault_set(&j->check.fault, status, "form: %.400s", inner.text);
	TRY(receipt_checking_form(&j->check, buffer_span(&j->file.statement), &j->statement));
	TRY(receipts_judge(j));
	if (j->word_count == 0)
		return fault_set(&j->check.fault, j->bad, "no receipt is good. %.400s", j->bad_fault.text);
	TRY(receipt_checking_signature(&j->check, &j->statement, j->words[0].position));
	receipt_checking_says(&j->check, &j->statement);
	return enough(j);
}

enum status transparent_check(struct span file, const struct trust *trust, struct buffer *report, struct fault *fault)
{
	struct judging *j = memory_new(sizeof *j);
	j->check.trust = trust;
	j->check.report = report;
	enum status status = judge(j, file);
	if (status != OK) {
		buffer_printf(report, "FAILED: %s\n", j->check.fault.text);
		fault_set(fault, status, "%s", j->check.fault.text);
	}
	transparent_free(&j->file);
	free(j);
	return status;
}
