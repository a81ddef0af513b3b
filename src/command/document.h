/* Documents: what `tally register` reads, as body structs. A document is one JSON object about a machine, a sensor,
 * a gateway, a person or an event (examples/shopfloor). Members that are not known are refused. Pure. */
#ifndef TALLY_COMMAND_DOCUMENT_H
#define TALLY_COMMAND_DOCUMENT_H

#include "record/body.h"

enum { DOCUMENT_SIZE_MAX = 256 * 1024, DOCUMENT_DEPTH_MAX = 4 };

enum document_kind { DOCUMENT_DEVICE = 1, DOCUMENT_PERSON = 2, DOCUMENT_EVENT = 3 };

struct document {
	enum document_kind kind;
	struct span subject;          /* full name: what is registered, or what the event is about */
	struct body_device device;
	bool has_bounds;
	struct body_bounds bounds;    /* version 1: the caller knows the next one */
	bool has_model;
	struct body_model model;      /* version 1, too; names ascending */
	struct body_person person;
	struct body_event event;
	struct buffer texts[3];       /* owned: what the spans point into */
};

/* organisation: "org:manufacturer"; short ids become names below it. gateway: who speaks for a machine whose document
 * does not say; may be empty. E_MALFORMED, E_LIMIT with a sentence; nothing is to be freed then. */
MUST_USE enum status document_read(struct span json, struct span organisation, struct span gateway, struct document *out, struct fault *fault);
void document_free(struct document *document);

/* "PREFIX:manufacturer/ID" when id has no colon, else id itself. Appends. */
void document_name(const char *prefix, struct span organisation, struct span id, struct buffer *out);

#endif
