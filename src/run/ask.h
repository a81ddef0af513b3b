/* Questions to the daemons of `tally run`, for the summary and the check. */
#ifndef TALLY_RUN_ASK_H
#define TALLY_RUN_ASK_H

#include "run/run.h"

#include <yyjson.h>

/* NULL when nobody answers. Free with yyjson_doc_free. */
yyjson_doc *ask(const char *base, const char *path);
yyjson_val *ask_member(yyjson_val *object, const char *name); /* NULL-safe */
const char *ask_text(yyjson_val *object, const char *name);   /* "" when absent */
double ask_number(yyjson_val *object, const char *name);      /* 0 when absent */
bool ask_bool(yyjson_val *object, const char *name);

/* All final statements of a type (and subject, unless NULL), in the order of the log. false: the node did not answer. */
typedef void ask_callback(void *context, yyjson_val *statement, yyjson_val *body);
bool ask_statements(const char *base, const char *type, const char *sub, ask_callback *callback, void *context);

/* Quantile of an array, which is sorted by it. */
double ask_quantile(double *values, size_t count, double quantile);

#endif
