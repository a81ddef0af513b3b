/* Verifying a bundle with its reading explained. Pure. */
#ifndef TALLY_APP_VERIFY_H
#define TALLY_APP_VERIFY_H

#include "record/bundle.h"

/* Lines for people are appended to `report`, also when the result is not OK. */
MUST_USE enum status verify_bundle(struct span genesis, struct span bundle, struct buffer *report, struct fault *fault);

#endif
