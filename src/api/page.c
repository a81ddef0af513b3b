#include "api/page.h"

bool page_handle(struct http_request *request)
{
	if (http_request_method(request) != HTTP_GET)
		return false;
	const char *path = http_request_path(request);
	size_t count;
	const struct page_file *files = page_files(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(files[i].path, path) == 0) {
			http_answer(request, 200, files[i].type, "gzip", span_of(files[i].bytes, files[i].size));
			return true;
		}
	}
	return false;
}
