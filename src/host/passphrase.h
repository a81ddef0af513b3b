/* Passphrase: where the one that opens encrypted key files comes from: a file, the standard output of a command (of a
 * key service, say), or the terminal. It is asked for once and kept until the end, in memory that is wiped. */
#ifndef TALLY_HOST_PASSPHRASE_H
#define TALLY_HOST_PASSPHRASE_H

#include "base/span.h"
#include "base/status.h"

enum { PASSPHRASE_MAX = 1024, PASSPHRASE_MIN = 8, PASSPHRASE_COMMAND_S = 20 };

struct passphrase;

/* file: its first line; command: split at blanks, run without a shell, its first line of output. At most one of them;
 * with neither the terminal is asked, if there is one. Texts are copied. */
struct passphrase *passphrase_new(const char *file, const char *command);
/* Wipes it. NULL is permitted. */
void passphrase_free(struct passphrase *passphrase);
/* The passphrase, borrowed. what: the file that it is for, for the prompt and the sentences. E_CONFIG: no source, a file
 * that others may read, a command that fails, takes longer than PASSPHRASE_COMMAND_S or says nothing. E_IO. */
MUST_USE enum status passphrase_get(struct passphrase *passphrase, const char *what, struct span *out, struct fault *fault);
/* The same for one that is to be set: a terminal is asked twice, and fewer than PASSPHRASE_MIN bytes are E_CONFIG. */
MUST_USE enum status passphrase_choose(struct passphrase *passphrase, const char *what, struct span *out, struct fault *fault);

#endif
