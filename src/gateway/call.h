/* Which node a gateway calls: that of its own organisation, where and with which TLS key the newest known epoch states it. */
#ifndef TALLY_GATEWAY_CALL_H
#define TALLY_GATEWAY_CALL_H

#include "gateway/gateway.h"
#include "host/wire.h"
#include "record/epoch.h"

enum { GATEWAY_ADDRESS_MAX = 300 };

struct gateway_call {
	char address[GATEWAY_ADDRESS_MAX]; /* empty: nobody is called */
	struct digest key;
};

/* Call it there, and nowhere else any more. E_CONFIG: the epoch has no such organisation; then what was called before is called on. */
MUST_USE enum status gateway_call_follow(struct gateway_call *call, struct wire *wire, const struct gateway_settings *settings,
	const struct epochs *epochs, struct fault *fault);

#endif
