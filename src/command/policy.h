/* A verifier's policy as a small JSON file: who must have signed what it is to believe (record/note.h). Pure.
 *   {"organisations": 3, "required": ["org:regulator"], "witnesses": ["NAME+ID+KEY"], "witnesses_needed": 1, "max_age_s": 86400}
 * Every member may be left out: f+1 organisations, nobody in particular, no witnesses, all the witnesses that are named, any
 * age. A witness is a C2SP verifier key (tlog-cosignature): its name, the hexadecimal key id, and the base64 of byte 0x06 and
 * its ML-DSA-44 public key. */
#ifndef TALLY_COMMAND_POLICY_H
#define TALLY_COMMAND_POLICY_H

#include "record/note.h"

enum { POLICY_SIZE_MAX = 64 * 1024 };

/* Unknown and repeated members are refused. On OK the caller frees *out with policy_free. E_MALFORMED, E_LIMIT with a
 * sentence; whether a consortium can satisfy it is seen when it is applied. */
MUST_USE enum status policy_read(struct span json, struct policy *out, struct fault *fault);

#endif
