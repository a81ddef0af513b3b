/* Signs statements for a test that is not written in C.
 *
 * statement_signer GENESIS ISSUER KEYFILE [ISSUER KEYFILE]...
 * Each line of standard input asks for one statement: position of the issuer on the command line, its number, the id of
 * the statement before in hexadecimal, a word that goes into the body. Each line of the answer is a statement in
 * hexadecimal. Ends with the input; any mistake ends it with 1. */
#include "host/disk.h"
#include "host/keys.h"
#include "record/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ISSUERS_MAX = 16 };

struct issuer {
	const char *name;
	struct signing_key *key;
};

static void ask_for_event(const char *word, struct buffer *out)
{
	struct body_event event = {.kind = span_of_text("order"), .type = span_of_text("TransactionEvent"), .step = span_of_text("accepting"),
		.time_ms = (int64_t)time(NULL) * 1000, .place = span_of_text("urn:site:1"), .items = {span_of_text(word)}, .item_count = 1};
	body_event_encode(&event, out);
}

static enum status answer(const struct issuer *issuer, const uint8_t network[NETWORK_ID_SIZE], uint64_t seq, struct digest prev, const char *word)
{
	struct buffer body = {0}, statement = {0};
	char subject[80];
	struct digest id;
	snprintf(subject, sizeof subject, "dev:%s/machine-1", issuer->name + strlen("org:"));
	ask_for_event(word, &body);
	struct statement event = {.type = STATEMENT_EVENT, .seq = seq, .prev = prev, .iss = span_of_text(issuer->name), .sub = span_of_text(subject),
		.iat = time(NULL), .body = buffer_span(&body)};
	memcpy(event.network, network, NETWORK_ID_SIZE);
	enum status status = statement_sign(&event, issuer->key, NULL, &statement, &id);
	for (size_t i = 0; status == OK && i < statement.size; i++)
		printf("%02x", statement.data[i]);
	putchar('\n');
	fflush(stdout);
	buffer_free(&body);
	buffer_free(&statement);
	return status;
}

static enum status answer_all(const struct issuer *issuers, unsigned count, const uint8_t network[NETWORK_ID_SIZE])
{
	unsigned which;
	unsigned long long seq;
	char prev[DIGEST_HEX_SIZE], word[64];
	int fields;
	while ((fields = scanf("%u %llu %64s %63s", &which, &seq, prev, word)) == 4) {
		struct digest digest;
		if (which >= count || !span_from_hex(span_of_text(prev), digest.bytes, sizeof digest.bytes))
			return E_MALFORMED;
		TRY(answer(&issuers[which], network, seq, digest, word));
	}
	return fields == EOF ? OK : E_MALFORMED;
}

int main(int argc, char **argv)
{
	struct issuer issuers[ISSUERS_MAX] = {0};
	unsigned count = 0;
	struct buffer bytes = {0};
	struct genesis genesis = {0};
	struct fault fault = {0};
	if (argc < 4 || argc % 2 != 0 || argc > 2 + 2 * ISSUERS_MAX) {
		fputs("statement_signer GENESIS ISSUER KEYFILE [ISSUER KEYFILE]...\n", stderr);
		return 2;
	}
	enum status status = disk_read(argv[1], 1 << 20, &bytes, &fault);
	if (status == OK)
		status = genesis_decode(buffer_span(&bytes), &genesis, &fault);
	for (int i = 2; status == OK && i < argc; i += 2, count++) {
		issuers[count].name = argv[i];
		status = keys_load(argv[i + 1], false, &issuers[count].key, &fault);
	}
	if (status == OK)
		status = answer_all(issuers, count, genesis.network);
	if (status != OK)
		fprintf(stderr, "statement_signer: %s %s\n", status_name(status), fault.text);
	while (count > 0)
		signing_key_free(issuers[--count].key);
	genesis_free(&genesis);
	buffer_free(&bytes);
	return status == OK ? 0 : 1;
}
