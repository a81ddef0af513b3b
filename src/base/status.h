/* Status: how a call ended, and the three kinds of error that are never mixed.
 *
 * Bad input and reached limits return a status, and a `struct fault` carries the
 * sentence for the person who can act on it. A failed machine (disk, entropy)
 * has its own statuses. Our own mistakes are CHECKs: always compiled in, never
 * on anything that a peer, a device, a file or a user can influence. */
#ifndef TALLY_BASE_STATUS_H
#define TALLY_BASE_STATUS_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((__format__(__printf__, text, first)))

enum status {
	OK = 0,
	E_MALFORMED,   /* bytes that are not what they should be */
	E_NOT_CANONICAL, /* well-formed, but not the one permitted encoding */
	E_LIMIT,       /* a configured or protocol limit was reached */
	E_NOT_FOUND,
	E_DUPLICATE,   /* already known; harmless */
	E_SEQUENCE,    /* the issuer's next number is another one */
	E_SIGNATURE,   /* signature or authentication tag does not verify */
	E_UNKNOWN,     /* an identity that is not registered */
	E_REVOKED,     /* an identity whose registration was withdrawn */
	E_FORBIDDEN,   /* the role does not permit it */
	E_PARENT,      /* refers to a statement that is not final */
	E_NETWORK,     /* belongs to another network */
	E_BUSY,        /* try again later */
	E_CONFIG,      /* configuration says something impossible */
	E_UNIT,        /* unknown or incommensurable unit */
	E_CLOSED,      /* the other side went away */
	E_IO,          /* the machine failed: disk, socket */
	E_CORRUPT,     /* stored bytes do not match their checksum */
	E_ENTROPY,     /* no randomness, or the crypto library failed */
	STATUS_COUNT
};

/* A stable lower-case word, such as "malformed", for logs, metrics and APIs. */
const char *status_name(enum status status);

#define FAULT_TEXT_MAX 512

/* The sentence that goes with a status. Always terminated; may be empty. */
struct fault {
	char text[FAULT_TEXT_MAX];
};

/* Write the sentence (what happened, what to do) and return `status`.
 * fault may be NULL. */
enum status fault_set(struct fault *fault, enum status status, const char *format, ...) PRINTF_LIKE(3, 4);

/* The one macro that may return. */
#define TRY(expression)                          \
	do {                                     \
		enum status try_ = (expression); \
		if (try_ != OK)                  \
			return try_;             \
	} while (0)

/* For the rare call whose failure changes nothing: `why` says so to the reader. */
static inline void status_ignore(enum status status, const char *why)
{
	(void)status, (void)why;
}

_Noreturn void check_failed(const char *file, int line, const char *text);

#define CHECK(condition)                                              \
	do {                                                          \
		if (!(condition))                                     \
			check_failed(__FILE__, __LINE__, #condition); \
	} while (0)

#endif
