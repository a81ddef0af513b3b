#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *status_name(enum status status)
{
	static const char *const names[STATUS_COUNT] = {
		[OK] = "ok",
		[E_MALFORMED] = "malformed",
		[E_NOT_CANONICAL] = "not_canonical",
		[E_LIMIT] = "limit",
		[E_NOT_FOUND] = "not_found",
		[E_DUPLICATE] = "duplicate",
		[E_SEQUENCE] = "sequence",
		[E_SIGNATURE] = "signature",
		[E_UNKNOWN] = "unknown",
		[E_REVOKED] = "revoked",
		[E_FORBIDDEN] = "forbidden",
		[E_PARENT] = "parent",
		[E_NETWORK] = "network",
		[E_BUSY] = "busy",
		[E_CONFIG] = "config",
		[E_UNIT] = "unit",
		[E_CLOSED] = "closed",
		[E_IO] = "io",
		[E_CORRUPT] = "corrupt",
		[E_ENTROPY] = "entropy",
	};
	return (unsigned)status < STATUS_COUNT ? names[status] : "unknown_status";
}

enum status fault_set(struct fault *fault, enum status status, const char *format, ...)
{
	if (fault) {
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(fault->text, sizeof fault->text, format, arguments);
		va_end(arguments);
	}
	return status;
}

_Noreturn void check_failed(const char *file, int line, const char *text)
{
	fprintf(stderr, "level=fatal event=check_failed at=%s:%d condition=\"%s\"\n", file, line, text);
	abort();
}
