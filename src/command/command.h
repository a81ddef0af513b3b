/* The program: `tally COMMAND`. One file a command; each is declared here and listed in main.c. */
#ifndef TALLY_COMMAND_COMMAND_H
#define TALLY_COMMAND_COMMAND_H

#include "base/span.h"
#include "base/status.h"

/* A command's own main. arguments[0] is the command's name. Returns the exit code: 0 done, 1 failed, 2 wrong usage. */
typedef int app_command(int count, char **arguments);

app_command command_init;         /* keys, genesis */
app_command command_node;
app_command command_gateway;
app_command command_keys;         /* encrypt, decrypt, show, check */
app_command command_register;     /* devices, people, bounds, models, events from documents */
app_command command_member;       /* who the members are: proposals and votes */
app_command command_evidence;     /* a member lied */
app_command command_provision; /* key files for devices */
app_command command_status;
app_command command_trace;
app_command command_export;
app_command command_verify;
app_command command_witness;      /* cosigns a log's checkpoints from outside */
app_command command_shopfloor;
app_command command_replay;
app_command command_run;          /* the whole example: `./run` */
app_command command_bench;
app_command command_sim;          /* consortia from seeds */

/* Version of the program: the commit it was built from where that is known. */
const char *app_version(void);

/* Options as "--name value" or "--name=value", "--flag", then words. One table a command. */
enum { OPTION_VALUES_MAX = 64 };
struct option_spec {
	const char *name;             /* without dashes */
	const char *value;            /* what the value is called in help; NULL: a flag; one with "..." at its end may be given several times */
	const char *help;
	const char **target;          /* receives the value, or the name itself for a flag; may be preset with a default. With "...": an
	                                 array of OPTION_VALUES_MAX, filled in order, without defaults */
};

/* Parse; prints usage with every option and returns false with *code set for --help (0) or an error (2). Remaining
 * words: *words points into arguments. */
bool options_parse(int count, char **arguments, const char *summary, const char *words_help, const struct option_spec *specs,
	char ***words, int *word_count, int *code);

/* Print "tally: sentence" on standard error and return 1. */
int app_fail(const struct fault *fault);

#endif
