/* Steps of judging receipts, shared by receipt_check.c and transparent_check.c. */
#ifndef TALLY_RECORD_RECEIPT_CHECK_PART_H
#define TALLY_RECORD_RECEIPT_CHECK_PART_H

#include "record/note.h"
#include "record/receipt.h"
#include "record/statement.h"

/* Of one statement, and of one receipt after the other. */
struct receipt_checking {
	const struct trust *trust;
	struct buffer *report;
	char what[32];                       /* how sentences call the receipt: "receipt", "receipt 3" */
	struct receipt receipt;
	const struct epoch *epoch;           /* of the receipt's size */
	const struct genesis_member *issuer; /* of the receipt */
	struct digest root;                  /* that it signs */
	struct fault fault;
};

/* The statement's form, body and network. One line. */
MUST_USE enum status receipt_checking_form(struct receipt_checking *check, struct span bytes, struct statement *statement);
/* Signed with the record key that the organisation had when the entry at this position was applied. One line. */
MUST_USE enum status receipt_checking_signature(struct receipt_checking *check, const struct statement *statement, uint64_t position);
/* What the statement says. One line. */
void receipt_checking_says(struct receipt_checking *check, const struct statement *statement);

/* The receipt's form. */
MUST_USE enum status receipt_checking_read(struct receipt_checking *check, struct span bytes);
/* After that: its log, issuer and key, and that it is of inclusion of `id`, signed. */
MUST_USE enum status receipt_checking_proof(struct receipt_checking *check, const struct digest *id);
/* " (supplier)", " (supplier in epoch 2)". */
void receipt_checking_role(struct receipt_checking *check, const struct genesis_member *member, const struct epoch *epoch);

#endif
