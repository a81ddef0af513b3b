#include "gateway/gateway.h"

#include "host/config.h"
#include "record/statement.h"

#define KEYS(s)                                                                                                                       \
	{                                                                                                                             \
		{"gateway", "id", CONFIG_TEXT, &(s)->id, true, NULL, 0, 0, "name on the ledger, gw:ORGANISATION/NAME"},                \
		{"gateway", "folder", CONFIG_PATH, &(s)->folder, false, ".", 0, 0, "keys, log, chunks, control"},                      \
		{"gateway", "site", CONFIG_TEXT, &(s)->site, true, NULL, 0, 0, "ISA-95 path of what it stands beside"},                \
		{"gateway", "genesis", CONFIG_PATH, &(s)->genesis, true, NULL, 0, 0, "the consortium's genesis.cbor"},                 \
		{"gateway", "epochs", CONFIG_PATH, &(s)->epochs, false, NULL, 0, 0, "the chain of epochs, when members changed since: from `tally export --epochs`"}, \
		{"gateway", "node", CONFIG_ADDRESS, &(s)->node, false, NULL, 0, 0, "the own organisation's node; default as in the newest epoch"}, \
		{"keys", "passphrase_file", CONFIG_PATH, &(s)->passphrase_file, false, NULL, 0, 0, "its first line opens encrypted key files; mode 0600"}, \
		{"keys", "command", CONFIG_TEXT, &(s)->key_command, false, NULL, 0, 0, "or the first line that this program prints; no shell, words split at blanks, 20 s"}, \
		{"mqtt", "broker", CONFIG_ADDRESS, &(s)->broker, false, "127.0.0.1:1883", 0, 0, "MQTT 5 broker"},                      \
		{"http", "listen", CONFIG_ADDRESS, &(s)->listen, false, "127.0.0.1:8180", 0, 0, "interface and dashboard"},            \
		{"chunks", "seal", CONFIG_DURATION, &(s)->seal_ms, false, "5s", 100, 3600000, "an open chunk is sealed and anchored after this time"}, \
		{"chunks", "samples", CONFIG_NUMBER, &(s)->seal_samples, false, "500000", 100, 4000000, "and when it holds this many samples"}, \
		{"state", "proofs", CONFIG_PATH, &(s)->proofs, false, NULL, 0, 0, "folder of state proofs to start on while the node cannot be reached"}, \
		{"state", "policy", CONFIG_PATH, &(s)->policy, false, NULL, 0, 0, "who must have signed them, a policy file; default f+1 organisations"}, \
		{"state", "after", CONFIG_DURATION, &(s)->proofs_after_ms, false, "30s", 1000, 86400000, "so long the node is waited for first"}, \
		{"state", "max_age", CONFIG_DURATION, &(s)->proofs_age_ms, false, "168h", 60000, INT64_C(31536000000), "older proofs are not believed"}, \
		{"clock", "origin_ns", CONFIG_NUMBER, &(s)->clock_origin_ns, false, "0", 0, INT64_MAX, "simulated floors only: their time ..."}, \
		{"clock", "wall_ns", CONFIG_NUMBER, &(s)->clock_wall_ns, false, "0", 0, INT64_MAX, "... at this wall time (0: the wall clock itself)"}, \
		{"clock", "rate_percent", CONFIG_NUMBER, &(s)->clock_rate_percent, false, "100", 1, 1000000, "and how fast it runs"},   \
	}

enum { KEY_COUNT = 19 };

/* Both stand in every statement: what the ledger would refuse is told before anything is signed. */
static enum status name_check(const char *path, const char *key, const char *value, struct fault *fault)
{
	size_t size = strlen(value);
	if (size > STATEMENT_NAME_MAX)
		return fault_set(fault, E_CONFIG, "%s: %s has %zu bytes; at most %d are permitted", path, key, size, STATEMENT_NAME_MAX);
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)value[i] < 0x20 || (unsigned char)value[i] > 0x7e)
			return fault_set(fault, E_CONFIG, "%s: %s = %s: only printable ASCII characters are permitted", path, key, value);
	return OK;
}

static enum status settings_check(const char *path, const struct gateway_settings *settings, struct fault *fault)
{
	const char *slash = strchr(settings->id, '/');
	if (strncmp(settings->id, "gw:", 3) != 0 || !slash || slash == settings->id + 3 || slash[1] == '\0')
		return fault_set(fault, E_CONFIG, "%s: id = %s: it must be gw:ORGANISATION/NAME", path, settings->id);
	TRY(name_check(path, "id", settings->id, fault));
	return name_check(path, "site", settings->site, fault);
}

enum status gateway_settings_read(const char *path, struct gateway_settings *out, struct fault *fault)
{
	const struct config_key keys[KEY_COUNT] = KEYS(out);
	TRY(config_read(path, keys, KEY_COUNT, fault));
	return settings_check(path, out, fault);
}

void gateway_settings_free(struct gateway_settings *settings)
{
	const struct config_key keys[KEY_COUNT] = KEYS(settings);
	config_free(keys, KEY_COUNT);
}

void gateway_settings_help(void)
{
	struct gateway_settings settings = {0};
	const struct config_key keys[KEY_COUNT] = KEYS(&settings);
	config_print(stdout, keys, KEY_COUNT);
}
