/* Bundles: everything that an auditor needs to check one thing offline, in one file.
 * CBOR: [ "tally/bundle/v1", subject kind tstr, [+ entry], checkpoint note tstr, ? reading ]
 *   entry   = [ statement bstr, log index, [* path node] ]    inclusion in the checkpoint's root
 *   reading = [ sample leaf bstr, leaf index, leaf count, [* path node] ]  inclusion in an ANCHOR's root
 * Entry 0 is the subject (for a reading: its ANCHOR). The others are its ancestors, as far as
 * they were asked for. A verifier needs this and the genesis, nothing else. */
#ifndef TALLY_RECORD_BUNDLE_H
#define TALLY_RECORD_BUNDLE_H

#include "record/checkpoint.h"
#include "crypto/merkle.h"

enum { BUNDLE_ENTRIES_MAX = 512, BUNDLE_SIZE_MAX = 8 << 20, SAMPLE_LEAF_MAX = 1024 };

struct bundle_entry {
	struct span statement;
	uint64_t index;
	struct merkle_path path;
};

struct bundle {
	struct span kind;             /* "reading" or a statement type's name */
	struct bundle_entry *entries; /* owned by the decoded bundle; the caller's when encoding */
	size_t entry_count;
	struct span note;
	bool has_reading;
	struct span leaf;             /* canonical sample bytes, see signal/sample.h */
	uint64_t leaf_index;
	uint64_t leaf_count;
	struct merkle_path leaf_path;
};

void bundle_encode(const struct bundle *bundle, struct buffer *out);
MUST_USE enum status bundle_decode(struct span bytes, struct bundle *out, struct fault *fault);
void bundle_free(struct bundle *bundle);

/* What a verification found, for people: `report` receives lines "ok: ..." or "FAILED: ...",
 * saying what is proven, by whom, since when, with which evidence class. The first proof that
 * breaks is also in `fault`. Checks, in order: form; the checkpoint's lines against the genesis
 * (at least f+1 organisations must have signed, every known key's line must verify); each entry's
 * inclusion, form, network and signature, with the issuer's key found in the genesis or in a
 * registration statement inside the bundle; parents present in the bundle when named as evidence;
 * the reading's inclusion in the anchor. E_SIGNATURE, E_MALFORMED, E_UNKNOWN, E_NETWORK. */
MUST_USE enum status bundle_verify(const struct bundle *bundle, const struct genesis *genesis, struct buffer *report, struct fault *fault);

#endif
