/* The gateway's state as JSON: the M, alarm, marker and totals of docs/api.md. */
#ifndef TALLY_API_GATEWAY_JSON_H
#define TALLY_API_GATEWAY_JSON_H

#include "api/gateway_api.h"
#include "trace/json.h"

const char *gateway_status_word(uint32_t status);
void gateway_json_machine(struct json *json, const char *name, const struct edge *edge, size_t device);
void gateway_json_alarm(struct json *json, const char *name, const struct edge_alarm *alarm);
void gateway_json_marker(struct json *json, const char *name, const struct edge_marker *marker);
void gateway_json_totals(struct json *json, const char *name, const struct edge *edge);
/* The short form for the live stream. */
void gateway_json_live(struct json *json, const struct edge *edge, int64_t now_ns);

#endif
