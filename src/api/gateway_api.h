/* The gateway's HTTP interface (docs/api.md, "Gateway") over its edge. */
#ifndef TALLY_API_GATEWAY_API_H
#define TALLY_API_GATEWAY_API_H

#include "edge/edge.h"
#include "host/http.h"

enum { GATEWAY_API_STREAM = 2 };

struct gateway_facts {
	int64_t now_ns;               /* the floor's clock */
	double alarm_p50_us, alarm_p99_us;
	uint64_t alarm_count;
};

struct gateway_api_source {
	void *context;
	struct edge *edge;
	const char *gateway;
	const char *site;
	void (*facts)(void *context, struct gateway_facts *out);
	/* A sealed chunk's bytes. E_NOT_FOUND. */
	enum status (*chunk)(void *context, const struct digest *digest, struct buffer *out, struct fault *fault);
	/* Acknowledge alarm `id` in the name of a person; *statement receives the alarm's id. */
	enum status (*acknowledge)(void *context, const struct digest *id, struct span person, struct span comment, struct fault *fault);
};

struct gateway_api;
struct gateway_api *gateway_api_new(const struct gateway_api_source *source);
void gateway_api_free(struct gateway_api *api);
/* From now on this edge is the gateway's. */
void gateway_api_edge(struct gateway_api *api, struct edge *edge);
bool gateway_api_handle(struct gateway_api *api, struct http_request *request);
/* Streams: four times a second; once a second; when alarm or marker `number` changed. */
void gateway_api_samples(struct gateway_api *api, struct http_server *server);
void gateway_api_totals(struct gateway_api *api, struct http_server *server);
void gateway_api_alarm(struct gateway_api *api, struct http_server *server, size_t number);
void gateway_api_marker(struct gateway_api *api, struct http_server *server, size_t number);

#endif
