/* Bundles: everything that an auditor needs to check one thing offline, in one file.
 * CBOR: [ "tally/bundle/v1", subject kind tstr, [+ entry], checkpoint note tstr, ? reading ]
 *   entry   = [ statement bstr, log index, [* path node] ]    inclusion in the checkpoint's root
 *   reading = [ sample leaf bstr, leaf index, leaf count, [* path node] ]  inclusion in an ANCHOR's root
 * Entry 0 is the subject (for a reading: its ANCHOR). The others are its ancestors, as far as
 * they were asked for. A verifier needs this, the genesis and, when members changed, the chain of epochs; nothing else. */
#ifndef TALLY_RECORD_BUNDLE_H
#define TALLY_RECORD_BUNDLE_H

#include "record/note.h"
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
 * breaks is also in `fault`. Checks, in order:
 * - form: of every statement and body; the kind is that of entry 0, no statement appears twice;
 * - the checkpoint: note_judge, with the members of the epoch of its size;
 * - each entry: inclusion at its position; then for each its network; its issuer's key, of an organisation in the epoch in which
 *   the entry was applied (epochs_of_size of its index + 1), or in the newest registration of that name inside the bundle that is
 *   earlier in the log and by an organisation of its epoch; the signature; the statement of the organisation in a
 *   proposal; parents inside the bundle are earlier in the log, and what a result, an acknowledgement or a vote answers is a parent;
 * - evidence: when entry 0 cites evidence (bundle_cites_evidence), all its parents are inside;
 * - the reading: inclusion in entry 0's root, of as many leaves as it states.
 * describer: NULL for none.
 * E_SIGNATURE, E_MALFORMED, E_NOT_CANONICAL, E_LIMIT, E_UNKNOWN, E_NETWORK, E_DUPLICATE, E_PARENT, E_CONFIG (the policy). */
struct bundle_describer;
MUST_USE enum status bundle_verify(const struct bundle *bundle, const struct trust *trust, const struct bundle_describer *describer,
	struct buffer *report, struct fault *fault);

/* Types that conclude from other statements: models, disturbances, services, commands, results, acknowledgements, votes. */
bool bundle_cites_evidence(unsigned type);

/* Explains a sample leaf, whose form is not known in this room: appends one line without its end, such as
 * "spindle-1 bearing_temperature 61.2 Cel Good seq 17 at 2026-...", or refuses it, when it is no sample or
 * is of a device that the anchor does not cover. It is called once the leaf is proven. Control characters
 * are removed from the line afterwards. */
struct bundle_describer {
	enum status (*describe)(void *context, struct span leaf, const struct body_anchor *anchor, struct buffer *line, struct fault *fault);
	void *context;
};

/* What a statement says, as one line without its end, with the figures that matter: for reports.
 * No control characters. Nothing when the body is not valid. */
void bundle_says(const struct statement *statement, struct buffer *out);

#endif
