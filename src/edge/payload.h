/* Payloads that are not samples: critical events and command results from machines, commands to
 * them. JSON objects; see docs/formats.md, "Device messages". */
#ifndef TALLY_EDGE_PAYLOAD_H
#define TALLY_EDGE_PAYLOAD_H

#include "base/map.h"
#include "base/buffer.h"
#include "base/time.h"

enum { PAYLOAD_JSON_MAX = 4096, PAYLOAD_WORD_MAX = 32, PAYLOAD_DETAIL_MAX = 200 };

struct payload_critical {
	char event[PAYLOAD_WORD_MAX];   /* "fire" "power" "door" */
	char detail[PAYLOAD_DETAIL_MAX];
	int64_t time_ns;
};

struct payload_result {
	struct digest command;
	bool done;
	char detail[PAYLOAD_DETAIL_MAX];
	int64_t time_ns;
};

/* {"event": word, "t": ms, "detail": text}. E_MALFORMED. */
MUST_USE enum status payload_critical_read(struct span payload, struct payload_critical *out, struct fault *fault);
/* {"command": 64 hex digits, "done": bool, "detail": text, "t": ms}. E_MALFORMED. */
MUST_USE enum status payload_result_read(struct span payload, struct payload_result *out, struct fault *fault);
/* {"command": hex, "action": word, "setting": number, "t": ms}. Appends. */
void payload_command_write(const struct digest *command, struct span action, double setting, int64_t time_ns, struct buffer *out);

struct payload_command {
	char command[DIGEST_HEX_SIZE];
	char action[PAYLOAD_WORD_MAX];
	double setting;
};
/* The machine's side of it. */
MUST_USE enum status payload_command_read(struct span payload, struct payload_command *out, struct fault *fault);

#endif
