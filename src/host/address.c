#include "host/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

bool address_split(const char *address, char host[ADDRESS_HOST_MAX], unsigned *port)
{
	const char *colon = strrchr(address, ':');
	if (!colon || !colon[1] || strlen(colon + 1) > 5 || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	*port = (unsigned)strtoul(colon + 1, NULL, 10);
	size_t size = (size_t)(colon - address);
	bool brackets = address[0] == '[';
	if (brackets) {
		if (size < 3 || address[size - 1] != ']')
			return false;
		address++;
		size -= 2;
	}
	if (*port > 65535 || size == 0 || size >= ADDRESS_HOST_MAX || (!brackets && memchr(address, ':', size)))
		return false;
	memcpy(host, address, size);
	host[size] = 0;
	return true;
}

enum status address_parse(const char *address, struct sockaddr_storage *out, socklen_t *size, struct fault *fault)
{
	char host[ADDRESS_HOST_MAX];
	unsigned port;
	*out = (struct sockaddr_storage){0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	if (address_split(address, host, &port)) {
		if (address[0] != '[' && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
			v4->sin_family = AF_INET;
			v4->sin_port = htons((uint16_t)port);
			*size = sizeof *v4;
			return OK;
		}
		if (address[0] == '[' && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
			v6->sin6_family = AF_INET6;
			v6->sin6_port = htons((uint16_t)port);
			*size = sizeof *v6;
			return OK;
		}
	}
	return fault_set(fault, E_CONFIG, "\"%s\" is no address to listen on; expected numbers, such as 127.0.0.1:7101 or [::]:7101", address);
}

void address_print(const struct sockaddr *address, char out[ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "?";
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
		snprintf(out, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(v4->sin_port));
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
		snprintf(out, ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else
		snprintf(out, ADDRESS_TEXT_MAX, "?");
}
