/* tally COMMAND: each command has a file of its own; a new one adds its line to the table. */
#include "command/command.h"
#include "host/config.h"

#include <stdio.h>

struct command {
	const char *name;
	app_command *run;
	const char *summary;
};

static const struct command commands[] = {
	{"init", command_init, "make the keys and founding documents of an organisation, a consortium, a gateway, a person"},
	{"run", command_run, "start the whole example, or check it"},
	{"gateway", command_gateway, "run a shop floor's gateway"},
	{"node", command_node, "run an organisation's node: ledger, interface, dashboard"},
	{"keys", command_keys, "show, encrypt, decrypt and check the key files of a folder"},
	{"register", command_register, "put devices, people and events on the ledger"},
	{"member", command_member, "show the members; add, remove, renew and vote"},
	{"evidence", command_evidence, "put on the ledger that a member lied"},
	{"provision", command_provision, "derive the message keys of registered devices"},
	{"shopfloor", command_shopfloor, "simulate machines that speak MQTT"},
	{"replay", command_replay, "send recorded data as if it were live"},
	{"status", command_status, "show the state of nodes, and whether their logs are equal"},
	{"trace", command_trace, "show what a statement was derived from"},
	{"export", command_export, "put a statement or a reading with all its proofs into one file"},
	{"verify", command_verify, "check such a file offline"},
	{"sim", command_sim, "simulate consortia from seeds: faults, liars, and whether the ledger holds"},
	{"witness", command_witness, "watch a consortium's log from outside and cosign its checkpoints"},
	{"bench", command_bench, "measure this program on this machine, beside peers and limits"},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void help_print(FILE *out)
{
	fprintf(out, "usage: tally COMMAND [options]\n\nTrustworthy digital twins of machines, on a ledger that several companies keep.\n\ncommands:\n");
	for (int i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "  %-10s %s\n\n`tally COMMAND --help` tells more.\n", "help", "this text, or that of a command");
}

static const struct command *command_find(const char *name)
{
	for (int i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	const char *nearest = config_nearest(name, (const char *const *)&commands[0].name, COMMAND_COUNT, sizeof *commands);
	fprintf(stderr, "tally: there is no command \"%s\"%s%s%s; see `tally help`\n", name, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
		nearest ? "\"?" : "");
	return NULL;
}

int main(int count, char **arguments)
{
	if (count < 2) {
		help_print(stderr);
		return 2;
	}
	const char *name = arguments[1];
	bool help = strcmp(name, "help") == 0;
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (help && count == 2)) {
		help_print(stdout);
		return 0;
	}
	const struct command *command = command_find(help ? arguments[2] : name);
	if (!command)
		return 2;
	char ask[] = "--help";
	char *asked[] = {arguments[help ? 2 : 1], ask, NULL};
	return help ? command->run(2, asked) : command->run(count - 1, arguments + 1);
}
