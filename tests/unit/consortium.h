/* A small consortium for tests: organisations with keys from fixed seeds, a genesis, and issuers that
 * number, chain and sign their statements. */
#ifndef TEST_CONSORTIUM_H
#define TEST_CONSORTIUM_H

#include "record/genesis.h"

#include <stdio.h>
#include <stdlib.h>

struct consortium {
	size_t members;
	struct signing_key *record[GENESIS_MEMBERS_MAX];
	struct signing_key *node[GENESIS_MEMBERS_MAX];
	struct signing_key *checkpoint[GENESIS_MEMBERS_MAX];
	struct digest org_ids[GENESIS_MEMBERS_MAX];
	struct buffer bytes;
	struct genesis genesis;
};

/* Who signs, and where its chain is. */
struct issuer {
	const char *name;
	const struct signing_key *key;
	uint64_t seq;         /* of its last statement */
	struct digest last;
};

static const char *const organisation_names[] = {"org:maker", "org:supplier", "org:regulator", "org:repair"};
static const char *const organisation_roles[] = {"manufacturer", "supplier", "regulator", "repair"};
static const char *const organisation_addresses[] = {"maker:7100", "supplier:7100", "regulator:7100", "repair:7100"};

static inline struct signing_key *key_of(unsigned number)
{
	uint8_t seed[ML_DSA_44_SEED] = {(uint8_t)number, (uint8_t)(number >> 8), 't', 'e', 's', 't'};
	struct signing_key *key = NULL;
	CHECK(signing_key_from_seed(seed, &key) == OK);
	return key;
}

static inline struct span text(const char *characters)
{
	return span_of_text(characters);
}

/* The issuer's next statement, deterministic. Appends its bytes to `out`, moves the chain on, returns the id. */
static inline struct digest issue(const struct consortium *consortium, struct issuer *issuer, uint32_t type, struct span sub, struct span body,
	const struct digest *parents, size_t parent_count, struct buffer *out)
{
	struct statement statement = {
		.type = type, .seq = ++issuer->seq, .prev = issuer->last, .parent_count = parent_count, .iss = text(issuer->name),
		.sub = sub, .iat = 1700000000 + (int64_t)issuer->seq, .body = body, .class = CLASS_CONSORTIUM};
	for (size_t i = 0; i < parent_count; i++)
		statement.parents[i] = parents[i];
	if (type != STATEMENT_ORG)
		memcpy(statement.network, consortium->genesis.network, NETWORK_ID_SIZE);
	CHECK(statement_sign(&statement, issuer->key, NULL, out, &issuer->last) == OK);
	return issuer->last;
}

static inline struct issuer organisation(const struct consortium *consortium, size_t member)
{
	return (struct issuer){.name = organisation_names[member], .key = consortium->record[member], .seq = 1, .last = consortium->org_ids[member]};
}

static inline void consortium_found(struct consortium *consortium, size_t members)
{
	struct buffer statements[4] = {0};
	struct span spans[4];
	struct fault fault;
	*consortium = (struct consortium){.members = members};
	CHECK(members <= 4);
	for (size_t i = 0; i < members; i++) {
		consortium->record[i] = key_of(100 + (unsigned)i);
		consortium->node[i] = key_of(200 + (unsigned)i);
		consortium->checkpoint[i] = key_of(300 + (unsigned)i);
		struct body_org *org = memory_new_array(1, sizeof *org);
		org->name = text(organisation_names[i] + 4);
		org->role = text(organisation_roles[i]);
		org->record_key = *signing_key_public(consortium->record[i]);
		org->node_key = *signing_key_public(consortium->node[i]);
		org->checkpoint_key = *signing_key_public(consortium->checkpoint[i]);
		org->tls_key.bytes[0] = (uint8_t)(i + 1);
		org->address = text(organisation_addresses[i]);
		struct buffer body = {0};
		body_org_encode(org, &body);
		struct issuer self = {.name = organisation_names[i], .key = consortium->record[i]};
		consortium->org_ids[i] =
			issue(consortium, &self, STATEMENT_ORG, text(self.name), buffer_span(&body), NULL, 0, &statements[i]);
		spans[i] = buffer_span(&statements[i]);
		buffer_free(&body);
		free(org);
	}
	genesis_encode(text("test consortium"), 1700000000000, NULL, spans, members, &consortium->bytes);
	if (genesis_decode(buffer_span(&consortium->bytes), &consortium->genesis, &fault) != OK) {
		fprintf(stderr, "%s\n", fault.text);
		abort();
	}
	for (size_t i = 0; i < members; i++)
		buffer_free(&statements[i]);
}

static inline void consortium_free(struct consortium *consortium)
{
	for (size_t i = 0; i < consortium->members; i++) {
		signing_key_free(consortium->record[i]);
		signing_key_free(consortium->node[i]);
		signing_key_free(consortium->checkpoint[i]);
	}
	genesis_free(&consortium->genesis);
	buffer_free(&consortium->bytes);
}

/* -- bodies: appended to an empty buffer, as a span ------------------------------------------------- */

#define BODY_OF(kind, out, ...) \
	(buffer_clear(out), body_##kind##_encode(&(struct body_##kind){__VA_ARGS__}, out), buffer_span(out))

static inline struct span gateway_body(struct buffer *out, const struct public_key *key, uint8_t tls)
{
	return BODY_OF(device, out, .kind = DEVICE_GATEWAY, .model = text("box"), .firmware = {{9}}, .has_key = true, .key = *key,
		.tls_key = {{tls}}, .site = text("plant/hall"));
}

static inline struct span machine_body(struct buffer *out, const char *gateway)
{
	return BODY_OF(device, out, .kind = DEVICE_MACHINE, .model = text("S-1"), .gateway = text(gateway), .firmware = {{8}},
		.format = FORMAT_JSON,
		.signals = {{.id = text("temperature"), .field = text("t"), .raw_unit = text("Cel"), .unit = text("Cel"), .period_ms = 1000}},
		.signal_count = 1, .site = text("plant/hall/line"));
}

static inline struct span event_body(struct buffer *out, unsigned number)
{
	char item[32];
	snprintf(item, sizeof item, "urn:item:%u", number);
	return BODY_OF(event, out, .kind = text("order"), .type = text("TransactionEvent"), .step = text("accepting"),
		.time_ms = 1700000000000, .place = text("here"), .items = {text(item)}, .item_count = 1);
}

#endif
