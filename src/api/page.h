/* The dashboard's files, embedded and compressed at build time (web/). */
#ifndef TALLY_API_PAGE_H
#define TALLY_API_PAGE_H

#include "host/http.h"

/* Answer "/" and the page's own files; false when the path is not one of them. */
bool page_handle(struct http_request *request);

#endif
