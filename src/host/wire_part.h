/* Inside the wire.
 *
 *   wire.c           connections, dialling, listening, frames
 *   wire_instance.c  hello and welcome; two processes with one key */
#ifndef TALLY_HOST_WIRE_PART_H
#define TALLY_HOST_WIRE_PART_H

#include "host/address.h"
#include "host/instance.h"
#include "host/wire.h"

#include <openssl/ssl.h>

struct bufferevent;
struct evconnlistener;
struct evdns_base;

enum { REASON_MAX = 200 };

/* GREETING: hello and welcome are being exchanged. REFUSED: told so; it is for the other end to close. */
enum link_state { LINK_HANDSHAKE, LINK_GREETING, LINK_UP, LINK_REFUSED, LINK_CLOSED };

struct wire_dial {
	struct wire *wire;
	char *address, *host;
	int port;
	struct digest key;
	struct loop_timer *timer;
	struct wire_link *link;       /* the attempt under way, or its result */
	unsigned failures;
	bool leads_home;              /* it reached ourselves: never again */
	char complaint[REASON_MAX];   /* the last one; only another one is told again */
};

struct wire_link {
	struct wire *wire;
	struct bufferevent *stream;
	struct wire_dial *dial;       /* NULL: the other end dialled */
	enum link_state state;
	struct digest key;
	uint32_t identity;
	int64_t since_ms, received_ms, sent_ms;
	char refusal[REASON_MAX];     /* why its certificate was not accepted; empty: it was */
	/* wire_instance.c */
	struct instance instance;     /* which process it is, once its hello came */
	bool greeted, accepted, welcomed; /* its hello came; we sent a welcome; its welcome came */
	bool contests;                /* an older link of the same key is asked whether it lives */
	int64_t contest_end_ms;
	uint64_t probe;               /* asked of this link; 0: nothing */
	char address[ADDRESS_TEXT_MAX];
	void *data;
};

struct wire {
	struct loop *loop;
	struct wire_callbacks callbacks;
	SSL_CTX *tls;
	struct digest own;
	struct evconnlistener *listener;
	struct evdns_base *names;     /* made when the first host name is dialled */
	unsigned port;
	struct wire_dial **dials;
	size_t dial_count, dial_capacity;
	struct wire_link **links;
	size_t link_count, link_capacity;
	struct loop_timer *tick, *reaper, *contest;
	bool contest_pending;         /* the timer runs */
	struct instance instance;     /* our own */
	int64_t keepalive_ms, silence_ms;
	int64_t complained_ms;        /* last note about a refused stranger: they could be many */
	unsigned complaints_kept;
};

static inline int64_t wire_now_ms(void)
{
	return clock_monotonic_ns() / NS_PER_MS;
}

/* The link of this key that is up, or NULL. */
struct wire_link *wire_link_of_key(const struct wire *wire, const struct digest *key);
/* Both ends have accepted each other: it comes up, or gives way to another connection of the same two ends. */
void wire_link_settle(struct wire_link *link);
/* Close without a complaint. */
void wire_link_drop(struct wire_link *link);

/* The handshake is done: say who we are. */
void wire_instance_greet(struct wire_link *link);
/* Frames of kinds WIRE_HELLO to WIRE_TWIN. */
void wire_instance_frame(struct wire_link *link, uint8_t kind, struct span bytes);
/* The timer: contests whose older link is gone, or did not answer in time, are won. Context: the wire. */
void wire_instance_contest(void *wire);

#endif
