#include "sim/state.h"

#include <stdio.h>
#include <stdlib.h>

struct sim_keys {
	struct sim_consortium *of[SIM_MEMBERS_MAX + 1];
};

static struct signing_key *key_of(unsigned organisation, unsigned use)
{
	uint8_t seed[ML_DSA_44_SEED] = {(uint8_t)organisation, (uint8_t)use, 't', 'a', 'l', 'l', 'y', '/', 's', 'i', 'm'};
	struct signing_key *key = NULL;
	CHECK(signing_key_from_seed(seed, &key) == OK);
	return key;
}

/* Its own statement, with one of its sets of keys. */
static void statement_found(struct sim_organisation *organisation, unsigned number, unsigned set)
{
	static const char *const roles[] = {"manufacturer", "supplier", "regulator", "repair"};
	struct body_org *org = memory_new_array(1, sizeof *org);
	char address[32];
	snprintf(address, sizeof address, "o%u:7101", number);
	org->name = span_of_text(organisation->name + 4);
	org->role = span_of_text(roles[number % 4]);
	org->record_key = *signing_key_public(organisation->record);
	org->node_key = *signing_key_public(organisation->nodes[set]);
	org->checkpoint_key = *signing_key_public(organisation->checkpoints[set]);
	org->tls_key.bytes[0] = (uint8_t)(number + 1);
	org->address = span_of_text(address);
	struct buffer body = {0};
	body_org_encode(org, &body);
	struct statement self = {.type = STATEMENT_ORG, .seq = 1, .iss = span_of_text(organisation->name), .sub = span_of_text(organisation->name),
		.iat = SIM_EPOCH_US / SIM_S, .body = buffer_span(&body), .class = CLASS_CONSORTIUM};
	CHECK(statement_sign(&self, organisation->record, NULL, &organisation->statements[set], &organisation->org_id) == OK);
	buffer_free(&body);
	free(org);
}

static void organisation_found(struct sim_organisation *organisation, unsigned number)
{
	snprintf(organisation->name, sizeof organisation->name, "org:o%u", number);
	snprintf(organisation->gateway, sizeof organisation->gateway, "gw:o%u/hall", number);
	snprintf(organisation->person, sizeof organisation->person, "person:o%u/engineer", number);
	snprintf(organisation->machine, sizeof organisation->machine, "dev:o%u/machine", number);
	organisation->record = key_of(number, 1);
	for (unsigned set = 0; set < 2; set++) {
		organisation->nodes[set] = key_of(number, set ? 6 : 2);
		organisation->checkpoints[set] = key_of(number, set ? 7 : 3);
		organisation->node_publics[set] = verifying_key_new(signing_key_public(organisation->nodes[set]));
		organisation->checkpoint_publics[set] = verifying_key_new(signing_key_public(organisation->checkpoints[set]));
		CHECK(organisation->node_publics[set] && organisation->checkpoint_publics[set]);
	}
	organisation->node = organisation->nodes[0];
	organisation->checkpoint = organisation->checkpoints[0];
	organisation->gateway_key = key_of(number, 4);
	organisation->person_key = key_of(number, 5);
	organisation->machine_keys[0] = key_of(number, 8);
	organisation->machine_keys[1] = key_of(number, 9);
	statement_found(organisation, number, 1);
	statement_found(organisation, number, 0); /* whose id stays */
}

static struct sim_consortium *consortium_found(uint16_t members)
{
	struct sim_consortium *consortium = memory_new_array(1, sizeof *consortium);
	struct span spans[SIM_MEMBERS_MAX];
	consortium->members = members;
	for (uint16_t i = 0; i < members + SIM_RESERVES; i++)
		organisation_found(&consortium->organisation[i], i);
	for (uint16_t i = 0; i < members; i++)
		spans[i] = buffer_span(&consortium->organisation[i].statements[0]);
	genesis_encode(span_of_text("simulated consortium"), SIM_EPOCH_US / SIM_MS, NULL, spans, members, &consortium->bytes);
	CHECK(genesis_decode(buffer_span(&consortium->bytes), &consortium->genesis, NULL) == OK);
	return consortium;
}

static void consortium_free(struct sim_consortium *consortium)
{
	if (!consortium)
		return;
	for (uint16_t i = 0; i < consortium->members + SIM_RESERVES; i++) {
		struct sim_organisation *organisation = &consortium->organisation[i];
		signing_key_free(organisation->record);
		for (unsigned set = 0; set < 2; set++) {
			signing_key_free(organisation->nodes[set]);
			verifying_key_free(organisation->node_publics[set]);
			verifying_key_free(organisation->checkpoint_publics[set]);
			signing_key_free(organisation->checkpoints[set]);
			signing_key_free(organisation->machine_keys[set]);
			buffer_free(&organisation->statements[set]);
		}
		signing_key_free(organisation->gateway_key);
		signing_key_free(organisation->person_key);
	}
	genesis_free(&consortium->genesis);
	buffer_free(&consortium->bytes);
	free(consortium);
}

struct sim_keys *sim_keys_new(void)
{
	return memory_new_array(1, sizeof(struct sim_keys));
}

void sim_keys_free(struct sim_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i <= SIM_MEMBERS_MAX; i++)
		consortium_free(keys->of[i]);
	free(keys);
}

const struct sim_consortium *sim_keys_of(struct sim_keys *keys, uint16_t members)
{
	CHECK(members >= 1 && members <= SIM_MEMBERS_MAX);
	if (!keys->of[members])
		keys->of[members] = consortium_found(members);
	return keys->of[members];
}
