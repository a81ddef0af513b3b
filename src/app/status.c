/* tally status: what the nodes of a consortium say about themselves, side by side, and whether they agree. */
#include "command/answer.h"
#include "command/command.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <yyjson.h>

enum { NODES_MAX = 64, AGREE_TRIES = 10, AGREE_PAUSE_MS = 200 };

struct node {
	const char *url;
	yyjson_doc *document;
	yyjson_val *root;
	struct fault fault;
};

static const char *text(yyjson_val *object, const char *name)
{
	const char *value = yyjson_get_str(yyjson_obj_get(object, name));
	return value ? value : "-";
}

static unsigned long long number(yyjson_val *object, const char *name)
{
	return yyjson_get_uint(yyjson_obj_get(object, name));
}

static bool ask(struct node *node)
{
	yyjson_doc_free(node->document);
	node->document = NULL;
	node->root = NULL;
	if (answer_json(node->url, "/api/v1/node", &node->document, &node->fault) != OK)
		return false;
	node->root = yyjson_doc_get_root(node->document);
	if (yyjson_obj_get(node->root, "log_root"))
		return true;
	fault_set(&node->fault, E_MALFORMED, "%s is not a node", node->url);
	node->root = NULL;
	return false;
}

/* Logs can be compared only at one size, and they grow: look again until the sizes meet. */
enum agreement { AGREE, DISAGREE, NOT_COMPARED };

static enum agreement compare(const struct node *nodes, int count)
{
	enum agreement agreement = AGREE;
	const struct node *first = NULL;
	for (int i = 0; i < count; i++) {
		if (!nodes[i].root)
			continue;
		first = first ? first : &nodes[i];
		if (strcmp(text(first->root, "network"), text(nodes[i].root, "network")) != 0)
			return DISAGREE;
		bool same_size = number(first->root, "log_size") == number(nodes[i].root, "log_size");
		if (same_size && strcmp(text(first->root, "log_root"), text(nodes[i].root, "log_root")) != 0)
			return DISAGREE;
		agreement = same_size ? agreement : NOT_COMPARED;
	}
	return agreement;
}

static int ask_all(struct node *nodes, int count, enum agreement *agreement)
{
	int reached = 0;
	for (int tries = 0; tries < AGREE_TRIES; tries++) {
		reached = 0;
		for (int i = 0; i < count; i++)
			reached += ask(&nodes[i]);
		*agreement = compare(nodes, count);
		if (*agreement != NOT_COMPARED)
			break;
		struct timespec pause = {0, AGREE_PAUSE_MS * NS_PER_MS};
		nanosleep(&pause, NULL);
	}
	return reached;
}

static void print_nodes(const struct node *nodes, int count)
{
	printf("%-28s %-22s %-13s %5s %9s %9s %10s %8s %9s %17s %11s %9s\n", "node", "organisation", "role", "epoch", "round", "commits", "log", "refused", "pending",
		"finality p50/p99", "checkpoint", "memory");
	for (int i = 0; i < count; i++) {
		yyjson_val *root = nodes[i].root;
		if (!root) {
			printf("%-28s no answer: %s\n", nodes[i].url, nodes[i].fault.text);
			continue;
		}
		yyjson_val *finality = yyjson_obj_get(root, "finality_ms"), *checkpoint = yyjson_obj_get(root, "checkpoint");
		char times[40] = "-", lines[40];
		if (number(finality, "count") > 0)
			snprintf(times, sizeof times, "%.0f/%.0f ms", yyjson_get_num(yyjson_obj_get(finality, "p50")), yyjson_get_num(yyjson_obj_get(finality, "p99")));
		snprintf(lines, sizeof lines, "%llu (%llu)", number(checkpoint, "size"), number(checkpoint, "lines"));
		printf("%-28s %-22s %-13s %5llu %9llu %9llu %10llu %8llu %9llu %17s %11s %6llu MB\n", nodes[i].url, text(root, "org"), text(root, "role"), number(root, "epoch"),
			number(root, "round"), number(root, "commits"), number(root, "log_size"), number(root, "refused"), number(root, "pending"), times, lines, number(root, "resident_kb") / 1024);
	}
}

static void print_members(const struct node *node)
{
	yyjson_val *members = yyjson_obj_get(node->root, "members"), *member;
	printf("\nmembers, as %s sees them\n%-5s %-22s %-28s %-13s %-22s %9s %s\n", text(node->root, "org"), "index", "organisation", "name", "role", "address", "round", "connected");
	size_t i, max;
	yyjson_arr_foreach(members, i, max, member) {
		printf("%-5llu %-22s %-28s %-13s %-22s %9llu %s\n", number(member, "index"), text(member, "iss"), text(member, "name"), text(member, "role"),
			text(member, "address"), number(member, "round"), yyjson_is_true(yyjson_obj_get(member, "self")) ? "itself" :
			yyjson_is_true(yyjson_obj_get(member, "connected")) ? "yes" : "no");
		if (number(member, "lies"))
			printf("      lied, as is proven %llu times, first by statement %s\n", number(member, "lies"), text(member, "lied"));
	}
}

/* Where no lie is borne, one that was seen is news. */
static const char *lies_seen(const struct node *node)
{
	yyjson_val *members = yyjson_obj_get(node->root, "members"), *member;
	size_t i, max;
	yyjson_arr_foreach(members, i, max, member)
		if (number(member, "lies"))
			return "One of them lied, so their logs may differ: compare all three.\n";
	return number(node->root, "equivocations") ? "Two blocks for one slot were seen, so their logs may differ: compare all three.\n" : "";
}

/* What so many members are worth: with fewer than four, no lie is borne. */
static void print_tolerance(const struct node *node)
{
	yyjson_val *tolerance = yyjson_obj_get(node->root, "tolerance");
	const char *mode = text(tolerance, "mode");
	if (strcmp(mode, "byzantine") == 0)
		printf("Of these members %llu may lie or be away.\n", number(tolerance, "may_lie"));
	else if (strcmp(mode, "strict") == 0)
		printf("None of so few members may lie, and nobody may be away: this is not Byzantine fault tolerant. Four bear one.\n");
	else if (strcmp(mode, "crash") == 0)
		printf("One of these three members may be away, none may lie: this is crash-tolerant, not Byzantine fault tolerant.\n%s", lies_seen(node));
	else if (strcmp(mode, "single") == 0)
		printf("A single member: a signed log, which only witnesses can keep honest.\n");
}

static void print_statements(const struct node *node)
{
	yyjson_val *types = yyjson_obj_get(node->root, "by_type"), *type, *value;
	printf("\nfinal statements\n");
	size_t i, max;
	yyjson_obj_foreach(types, i, max, type, value)
		if (yyjson_get_uint(value) > 0)
			printf("  %-14s %llu\n", yyjson_get_str(type), (unsigned long long)yyjson_get_uint(value));
	printf("  readings covered by anchors: %llu\n", number(node->root, "readings"));
}

static int report(struct node *nodes, int count)
{
	enum agreement agreement;
	int reached = ask_all(nodes, count, &agreement);
	print_nodes(nodes, count);
	for (int i = 0; i < count; i++) {
		if (!nodes[i].root)
			continue;
		print_members(&nodes[i]);
		print_tolerance(&nodes[i]);
		print_statements(&nodes[i]);
		printf("\nnetwork %s\nlog root of %llu entries: %s\n", text(nodes[i].root, "network"), number(nodes[i].root, "log_size"), text(nodes[i].root, "log_root"));
		break;
	}
	if (reached > 1)
		printf("%s\n", agreement == AGREE ? "The logs of these nodes are equal." : agreement == DISAGREE ? "THE LOGS OF THESE NODES DIFFER." :
			"The logs grew while they were compared, and never met at one size; ask again.");
	return reached == count && agreement != DISAGREE ? 0 : 1;
}

int command_status(int count, char **arguments)
{
	const char *node = NULL;
	const struct option_spec specs[] = {
		{"node", "URL", "a node, such as http://127.0.0.1:8101; further ones may follow as words", &node},
		{NULL, NULL, NULL, NULL},
	};
	char **words;
	int word_count, code;
	if (!options_parse(count, arguments, "Show the state of one or more nodes, and whether their logs are equal.", "[URL...]", specs, &words, &word_count, &code))
		return code;
	struct node *nodes = memory_new_array(NODES_MAX, sizeof *nodes);
	int node_count = 0;
	if (node)
		nodes[node_count++].url = node;
	for (int i = 0; i < word_count && node_count < NODES_MAX; i++)
		nodes[node_count++].url = words[i];
	code = 2;
	if (node_count == 0) {
		struct fault fault;
		fault_set(&fault, E_CONFIG, "--node URL is needed; see `tally status --help`");
		app_fail(&fault);
	} else {
		code = report(nodes, node_count);
	}
	for (int i = 0; i < node_count; i++)
		yyjson_doc_free(nodes[i].document);
	free(nodes);
	return code;
}
