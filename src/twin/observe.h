/* The observer: what a row says beside what the model says. Used by detect.c only. */
#ifndef TALLY_TWIN_OBSERVE_H
#define TALLY_TWIN_OBSERVE_H

#include "twin/state.h"

/* Take one row: values, predictions, residuals, history. False: the row is late or from the future and
 * changed nothing. */
bool twin_observe(struct twin *twin, uint64_t seq, const struct wrangle_row *row);

#endif
