/* The dashboard's files, embedded and compressed at build time (web/). */
#ifndef TALLY_API_PAGE_H
#define TALLY_API_PAGE_H

#include "host/http.h"

/* Answer "/" and the page's own files; false when the path is not one of them. */
bool page_handle(struct http_request *request);

/* One embedded file. The table is written by tools/embed when the program is built. */
struct page_file {
	const char *path;             /* "/" for index.html, else "/assets/..." */
	const char *type;
	const unsigned char *bytes;   /* gzip */
	size_t size;
};
const struct page_file *page_files(size_t *count);

#endif
