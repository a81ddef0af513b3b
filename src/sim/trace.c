#include "sim/state.h"

#include "crypto/hash.h"
#include "store/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { TRACE_PART = 16 << 10, LINE_MAX_SIZE = 600 };

/* The digest of all lines up to now: H(digest before || the lines since), part by part. */
static void fold(struct sim *sim)
{
	struct trace *trace = &sim->trace;
	if (trace->lines.size == 0)
		return;
	struct span parts[] = {digest_span(&trace->digest), buffer_span(&trace->lines)};
	trace->digest = sha256_parts(parts, 2);
	if (trace->kept)
		buffer_append_span(&trace->text, buffer_span(&trace->lines));
	buffer_clear(&trace->lines);
}

void trace_line(struct sim *sim, const char *format, ...)
{
	char line[LINE_MAX_SIZE];
	int size = snprintf(line, sizeof line, "%" PRIu64 " %" PRId64 ".%06" PRId64 " ", sim->steps, sim->now_us / SIM_S, sim->now_us % SIM_S);
	va_list arguments;
	va_start(arguments, format);
	int more = vsnprintf(line + size, sizeof line - (size_t)size, format, arguments);
	va_end(arguments);
	size += more < (int)sizeof line - size ? more : (int)sizeof line - size - 1;
	buffer_append(&sim->trace.lines, line, (size_t)size);
	buffer_append_byte(&sim->trace.lines, '\n');
	if (sim->trace.lines.size > TRACE_PART)
		fold(sim);
}

void trace_action(struct sim *sim, const struct replica_action *action)
{
	uint64_t head[4] = {(uint64_t)action->kind << 32 | action->peer, (uint64_t)action->at_ms, action->index, sim->trace.checksum};
	uint32_t checksum = crc32c(span_of(head, sizeof head));
	sim->trace.checksum = checksum ^ crc32c(action->bytes) * 31;
}

struct digest trace_digest(struct sim *sim)
{
	fold(sim);
	return sim->trace.digest;
}

struct span sim_trace_take(struct sim *sim)
{
	struct trace *trace = &sim->trace;
	/* Folding here would make the digest depend on how often somebody looks; what is not folded yet comes later. */
	if (sim_over(sim))
		trace_digest(sim);
	struct span text = buffer_span(&trace->text);
	trace->text.size = 0;
	return text;
}
