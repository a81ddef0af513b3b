/* Words for the enumerations of record/body.h that have none there. NULL for a number without meaning. */
#ifndef TALLY_TRACE_WORDS_H
#define TALLY_TRACE_WORDS_H

#include "record/body.h"

const char *word_device_kind(unsigned kind);
const char *word_payload_format(unsigned format);
const char *word_device_state(unsigned state);
const char *word_service_kind(unsigned kind);

#endif
