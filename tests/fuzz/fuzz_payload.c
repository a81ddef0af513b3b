/* Critical events, results and commands from arbitrary bytes: what is read keeps to its limits, and a refusal has a sentence. */
#include "edge/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span payload = span_of(data, size);
	struct payload_critical critical;
	struct payload_result result;
	struct payload_command command;
	struct fault fault = {{0}};
	if (payload_critical_read(payload, &critical, &fault) == OK)
		CHECK(strlen(critical.event) > 0 && strlen(critical.event) < PAYLOAD_WORD_MAX && strlen(critical.detail) < PAYLOAD_DETAIL_MAX && critical.time_ns >= 0);
	else
		CHECK(fault.text[0]);
	fault.text[0] = '\0';
	if (payload_result_read(payload, &result, &fault) == OK)
		CHECK(strlen(result.detail) < PAYLOAD_DETAIL_MAX && result.time_ns >= 0);
	else
		CHECK(fault.text[0]);
	fault.text[0] = '\0';
	if (payload_command_read(payload, &command, &fault) == OK)
		CHECK(strlen(command.command) > 0 && strlen(command.action) > 0 && strlen(command.action) < PAYLOAD_WORD_MAX);
	else
		CHECK(fault.text[0]);
	return 0;
}
