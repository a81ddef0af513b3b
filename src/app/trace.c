/* tally trace: where a statement comes from and who answers for it. */
#include "command/answer.h"
#include "command/command.h"

#include <stdio.h>

int command_trace(int count, char **arguments)
{
	const char *node = NULL, *format = "text", *depth = "0";
	const struct option_spec specs[] = {
		{"node", "URL", "a node, such as http://127.0.0.1:8101", &node},
		{"format", "FORMAT", "text (a tree), json, or dot (for Graphviz); default text", &format},
		{"depth", "N", "how many steps back; default 0: to the beginning", &depth},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	struct fault fault;
	if (!options_parse(count, arguments, "Show what a statement was derived from, back to the organisations that answer for it.", "ID", specs, &words, &word_count, &code))
		return code;
	if (!node || word_count != 1) {
		fault_set(&fault, E_CONFIG, "--node and one statement id (or its beginning) are needed; see `tally trace --help`");
		app_fail(&fault);
		return 2;
	}
	struct buffer path = {0}, body = {0};
	buffer_append_text(&path, "/api/v1/trace/");
	answer_quote(&path, span_of_text(words[0]));
	buffer_append_text(&path, "?format=");
	answer_quote(&path, span_of_text(format));
	buffer_append_text(&path, "&depth=");
	answer_quote(&path, span_of_text(depth));
	buffer_append_byte(&path, 0);
	enum status status = answer_get(node, (const char *)path.data, &body, &fault);
	if (status == OK && (fwrite(body.data, 1, body.size, stdout) != body.size || fflush(stdout) != 0))
		status = fault_set(&fault, E_IO, "the output cannot be written");
	if (status == OK && body.size > 0 && body.data[body.size - 1] != '\n')
		putchar('\n');
	buffer_free(&path);
	buffer_free(&body);
	return status == OK ? 0 : app_fail(&fault);
}
