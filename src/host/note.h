/* Notes: one line an event on standard error, key=value, with a level. No secrets, no payloads.
 *   note(NOTE_WARNING, "peer_lost", "peer=%s error=\"%s\"", name, text); */
#ifndef TALLY_HOST_NOTE_H
#define TALLY_HOST_NOTE_H

#include "base/status.h"

enum note_level { NOTE_DEBUG, NOTE_INFO, NOTE_WARNING, NOTE_ERROR };

/* Lines below this level are not written; from TALLY_LOG=debug|info|warning|error, default info. */
void note(enum note_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
