#include "node/node.h"

#define KEYS(s)                                                                                                                                 \
	{                                                                                                                                       \
		{"node", "folder", CONFIG_PATH, &(s)->folder, false, ".", 0, 0, "keys/ and data/ are here"},                                     \
		{"node", "genesis", CONFIG_PATH, &(s)->genesis, false, "genesis.cbor", 0, 0, "the consortium's founding document"},              \
		{"node", "organisation", CONFIG_TEXT, &(s)->organisation, false, NULL, 0, 0, "org:NAME; without it, whom the genesis or org.cose gives the node key of"}, \
		{"node", "keep_blocks", CONFIG_SIZE, &(s)->keep_blocks, false, "0 B", 0, INT64_C(1) << 50, "blocks of past epochs that stay, beside those that are needed"}, \
		{"disk", "segment", CONFIG_SIZE, &(s)->segment_bytes, false, "64 MiB", 64 << 10, LOG_SEGMENT_SIZE,                               \
			"size of a log's file; blocks of past epochs are deleted by whole files"},                                               \
		{"keys", "passphrase_file", CONFIG_PATH, &(s)->passphrase_file, false, NULL, 0, 0, "its first line opens encrypted key files; mode 0600"}, \
		{"keys", "command", CONFIG_TEXT, &(s)->key_command, false, NULL, 0, 0, "or the first line that this program prints; no shell, words split at blanks, 20 s"}, \
		{"wire", "listen", CONFIG_ADDRESS, &(s)->wire_listen, false, NULL, 0, 0,                                                         \
			"where members and gateways call; without it, the own address in the genesis"},                                         \
		{"wire", "peer", CONFIG_LIST, &(s)->peers, false, NULL, 0, 0, "org:NAME host:port, where that member is reached instead of its address in the genesis"}, \
		{"http", "listen", CONFIG_ADDRESS, &(s)->http_listen, false, "127.0.0.1:8101", 0, 0,                                             \
			"interface and dashboard; without passwords, so keep it on loopback or behind a proxy"},                                \
		{"dashboard", "floor", CONFIG_LIST, &(s)->floors, false, NULL, 0, 0, "gw:NAME/HALL http://host:port, a gateway whose shop floor is shown"}, \
		{"witness", "url", CONFIG_LIST, &(s)->witnesses, false, NULL, 0, 0, "http://host:port FILE, a witness and its verification key: cosigns checkpoints"}, \
		{"consensus", "round_delay", CONFIG_DURATION, &(s)->round_delay_ms, false, "20 ms", 1, 10000, "least time between two own blocks"}, \
		{"consensus", "leader_timeout", CONFIG_DURATION, &(s)->leader_timeout_ms, false, "300 ms", 10, 60000, "how long a missing leader is waited for"}, \
		{"consensus", "heartbeat", CONFIG_DURATION, &(s)->heartbeat_ms, false, "15 s", 100, 600000, "a block even when there is nothing to say"}, \
		{"consensus", "clock_drift", CONFIG_DURATION, &(s)->clock_drift_ms, false, "2 s", 10, 600000, "how far other members' clocks may be ahead"}, \
		{"consensus", "pending", CONFIG_SIZE, &(s)->pending_bytes, false, "16 MiB", 1 << 16, 1 << 30, "statements that may wait to be proposed"}, \
		{"consensus", "epoch_bytes", CONFIG_GONE, NULL, false, NULL, 0, 0, \
			"stands in the genesis, so that it is the same at all members; remove the line (1 GiB where the genesis says nothing; see \"Upgrades\" in docs/operations.md)"}, \
	}

enum { KEY_COUNT = 18 };

enum status node_settings_read(const char *path, struct node_settings *out, struct fault *fault)
{
	const struct config_key keys[KEY_COUNT] = KEYS(out);
	return config_read(path, keys, KEY_COUNT, fault);
}

void node_settings_free(struct node_settings *settings)
{
	const struct config_key keys[KEY_COUNT] = KEYS(settings);
	config_free(keys, KEY_COUNT);
}

void node_settings_help(void)
{
	struct node_settings settings = {0};
	const struct config_key keys[KEY_COUNT] = KEYS(&settings);
	config_print(stdout, keys, KEY_COUNT);
}
