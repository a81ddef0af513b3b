/* Addresses as text: "host:port", "127.0.0.1:7101", "[::1]:7101". */
#ifndef TALLY_HOST_ADDRESS_H
#define TALLY_HOST_ADDRESS_H

#include "base/span.h"
#include "base/status.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { ADDRESS_HOST_MAX = 256, ADDRESS_TEXT_MAX = 64 };

/* Host without brackets, and port (0 is permitted). false: not of this form. */
bool address_split(const char *address, char host[ADDRESS_HOST_MAX], unsigned *port);
/* A numeric one, as the system wants it. E_CONFIG. */
MUST_USE enum status address_parse(const char *address, struct sockaddr_storage *out, socklen_t *size, struct fault *fault);
void address_print(const struct sockaddr *address, char out[ADDRESS_TEXT_MAX]);

#endif
