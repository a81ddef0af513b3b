/* Ties an MQTT client's socket to the event loop. */
#ifndef TALLY_COMMAND_MQTT_WATCH_H
#define TALLY_COMMAND_MQTT_WATCH_H

#include "connect/mqtt.h"
#include "host/loop.h"

struct mqtt_watch;
/* after: called when a batch of messages was handled; may be NULL. */
struct mqtt_watch *mqtt_watch_new(struct loop *loop, struct mqtt *mqtt, loop_callback *after, void *context);
void mqtt_watch_free(struct mqtt_watch *watch);
/* After anything that may have changed the socket or left bytes to write: ticks, publishing. */
void mqtt_watch_update(struct mqtt_watch *watch);

#endif
