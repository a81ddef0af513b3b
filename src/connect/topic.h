/* Topics: tally/v1/ORGANISATION/DEVICE/KIND carries the messages of device "dev:ORGANISATION/DEVICE".
 * KIND is data, critical, result (from the device), command, ack (to it). The number and the tag of a
 * message travel as MQTT 5 user properties "seq" (decimal) and "tag" (32 hexadecimal digits), so that
 * the payload stays the machine's own. */
#ifndef TALLY_CONNECT_TOPIC_H
#define TALLY_CONNECT_TOPIC_H

#include "edge/session.h"

enum { TOPIC_SIZE = 512 };

/* "data" "critical" "result" "command" */
const char *topic_kind_name(enum session_kind kind);
/* E_MALFORMED: not one of ours. device: at least TOPIC_SIZE bytes, receives "dev:ORG/NAME". */
MUST_USE enum status topic_parse(const char *topic, char *device, enum session_kind *kind);
/* kind: a word such as "data" or "ack", or "+" in a filter. E_MALFORMED: device is no "dev:ORG/NAME". */
MUST_USE enum status topic_write(const char *device, const char *kind, char out[TOPIC_SIZE]);
/* Decimal digits only. E_MALFORMED. */
MUST_USE enum status topic_seq_parse(const char *text, uint64_t *seq);

#endif
