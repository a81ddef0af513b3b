/* The members as a program knows them: a pinned genesis and, when they changed, a file with the chain of epochs from it. */
#ifndef TALLY_COMMAND_MEMBERS_H
#define TALLY_COMMAND_MEMBERS_H

#include "record/epoch.h"

enum { MEMBERS_GENESIS_MAX = 4 << 20, MEMBERS_EPOCHS_MAX = 256 << 20 }; /* bytes of the files */

/* Stays where it was opened: the parts point at each other. */
struct members {
	struct buffer genesis_bytes;
	struct genesis genesis;
	struct epochs epochs;         /* borrows from `genesis` */
	struct members_file {
		int64_t changed_ns;
		uint64_t size, number;
	} file;                       /* of the chain, as it was when it was read */
};

/* Both as bytes; `chain` empty: none. The bytes are copied. The caller closes *out in any case. The sentence says which of the two is not
 * valid. As genesis_decode and epochs_decode. */
MUST_USE enum status members_read(struct span genesis, struct span chain, struct members *out, struct fault *fault);
/* Both as files; epochs NULL: none. Besides E_NOT_FOUND, E_IO, E_LIMIT. */
MUST_USE enum status members_open(const char *genesis, const char *epochs, struct members *out, struct fault *fault);
/* For a program that runs on: has the file changed since it was read? Then it is read again, and epochs that are new in it are added, each
 * signed by a quorum of the one before; what is known already must stand there unchanged, and stays in any case. True: there are new ones.
 * Both outcomes are noted. epochs NULL: nothing is done. Pointers to epochs (not to their members) are void afterwards. */
bool members_follow(struct members *members, const char *epochs);
void members_close(struct members *members);

#endif
