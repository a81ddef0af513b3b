/* `tally keys next`: a second set of an organisation's keys, in FOLDER/keys/next/, with the statement that proposes them. */
#ifndef TALLY_APP_KEYS_NEXT_H
#define TALLY_APP_KEYS_NEXT_H

#include "host/passphrase.h"

/* FOLDER/keys/next/ with record, node, checkpoint and tls keys, org.cose that states them, and, where the organisation has a root,
 * its certificates of them; for that keys/root.key must be there. address: another one than before, or NULL. passphrase: encrypts
 * the new keys and opens the root's; NULL: plain files. E_DUPLICATE: there is such a set already. E_CONFIG, E_IO, E_ENTROPY. */
MUST_USE enum status keys_next_make(const char *folder, const char *address, struct passphrase *passphrase, struct fault *fault);

#endif
