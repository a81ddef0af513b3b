/* Instance: which process speaks. A number drawn at each start, so that two processes with one key are told apart, and
 * the bytes of the frames that say it (docs/formats.md, "Greeting"):
 *   2 HELLO    u8 version (1) | 16 bytes instance; the first frame of both ends
 *   3 WELCOME  nothing: the sender accepts the other end
 *   4 PROBE    u64 number: do you live?
 *   5 ALIVE    the same number
 *   6 REFUSED  nothing: another instance with your key is connected here, and it answers
 *   7 TWIN     address, printable ASCII: another instance with your key called from there, and was refused */
#ifndef TALLY_HOST_INSTANCE_H
#define TALLY_HOST_INSTANCE_H

#include "base/buffer.h"
#include "host/address.h"

enum { INSTANCE_SIZE = 16, INSTANCE_VERSION = 1 };

struct instance {
	uint8_t bytes[INSTANCE_SIZE];
};

bool instance_equal(const struct instance *a, const struct instance *b);
void instance_hello_encode(const struct instance *instance, struct buffer *out);
/* E_MALFORMED, also for another version. */
MUST_USE enum status instance_hello_decode(struct span bytes, struct instance *out);
void instance_probe_encode(uint64_t number, struct buffer *out);
MUST_USE enum status instance_probe_decode(struct span bytes, uint64_t *number);
/* The text of a TWIN frame, made fit for a log line. E_MALFORMED: empty, too long, not printable, or with quotes. */
MUST_USE enum status instance_twin_decode(struct span bytes, char out[ADDRESS_TEXT_MAX]);

#endif
