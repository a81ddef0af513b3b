/* Inside the gateway daemon: settings and the local control unit. */
#ifndef TALLY_GATEWAY_GATEWAY_H
#define TALLY_GATEWAY_GATEWAY_H

#include "base/buffer.h"
#include "base/time.h"

struct gateway_settings {
	char *id;                     /* "gw:manufacturer/hall-1" */
	char *folder;
	char *site;
	char *genesis;                /* path */
	char *epochs;                 /* path of the chain of epochs; NULL: the genesis' members */
	char *node;                   /* wire address of the own organisation's node; NULL: as in the newest epoch */
	char *broker;                 /* host:port */
	char *listen;                 /* HTTP */
	char *passphrase_file, *key_command; /* NULL: the terminal, when a key is encrypted */
	int64_t seal_ms;
	int64_t seal_samples;
	char *proofs;                 /* folder of state proofs for a start without the node; NULL: none */
	char *policy;                 /* path of the policy for them; NULL: f+1 */
	int64_t proofs_after_ms, proofs_age_ms;
	/* The shop floor's clock: origin + (wall - wall_origin) * rate. All 0: the wall clock. */
	int64_t clock_origin_ns, clock_wall_ns, clock_rate_percent;
};

/* Owned texts; free with gateway_settings_free. E_CONFIG, E_NOT_FOUND, with a sentence. */
MUST_USE enum status gateway_settings_read(const char *path, struct gateway_settings *out, struct fault *fault);
void gateway_settings_free(struct gateway_settings *settings);
/* All keys with their meaning, on standard output. */
void gateway_settings_help(void);

/* The local control unit's record: one line an alarm in FOLDER/control/alarms.log, on disk before the call returns. */
struct control;
MUST_USE enum status control_open(const char *folder, struct control **out, struct fault *fault);
void control_close(struct control *control);
MUST_USE enum status control_record(struct control *control, int64_t time_ns, const char *device, const char *kind, struct span detail, struct fault *fault);

/* Times of the critical line, newest 4096, for p50 and p99. */
struct latency {
	int64_t ns[4096];
	uint64_t count;
};
void latency_add(struct latency *latency, int64_t ns);
double latency_quantile_us(const struct latency *latency, double quantile);

#endif
