/* Members that change: what may be proposed, which votes count, and what the end of an epoch does to the ledger. */
#include "ledger_world.h"

static struct consortium four;

static struct buffer joiner, rotated, thief; /* ORG statements: of org:fifth, of org:repair with new keys, of org:fifth with the maker's key */

static void org_make(const char *name, unsigned keys, const struct public_key *checkpoint, struct buffer *out)
{
	struct signing_key *record = key_of(keys), *node = key_of(keys + 1), *own = key_of(keys + 2);
	struct body_org *org = memory_new_array(1, sizeof *org);
	struct buffer body = {0};
	org->name = text(name + 4);
	org->role = text("supplier");
	org->record_key = *signing_key_public(record);
	org->node_key = *signing_key_public(node);
	org->checkpoint_key = checkpoint ? *checkpoint : *signing_key_public(own);
	org->tls_key.bytes[0] = (uint8_t)keys;
	org->tls_key.bytes[1] = 7;
	org->address = text("fifth:7100");
	body_org_encode(org, &body);
	struct issuer self = {.name = name, .key = record};
	issue(&four, &self, STATEMENT_ORG, text(name), buffer_span(&body), NULL, 0, out);
	buffer_free(&body);
	free(org);
	signing_key_free(record);
	signing_key_free(node);
	signing_key_free(own);
}

static struct span member_body(struct world *world, uint32_t change, const struct buffer *organisation)
{
	return BODY_OF(member, &world->body, .change = change, .organisation = organisation ? buffer_span(organisation) : (struct span){0},
		.reason = text("agreed"));
}

static struct statement proposal(struct world *world, const char *by, uint32_t change, const char *whom, const struct buffer *organisation)
{
	return draft(world, by, STATEMENT_MEMBER, whom, member_body(world, change, organisation));
}

static struct statement vote(struct world *world, const char *by, const char *whom, const struct digest *id, bool yes)
{
	return with_parents(draft(world, by, STATEMENT_VOTE, whom, BODY_OF(vote, &world->body, .proposal = *id, .yes = yes)), id, NULL);
}

static void refused(struct world *world, struct statement statement, enum status status)
{
	uint64_t size = ledger_size(world->ledger);
	assert_int_equal(put(world, &statement), status);
	assert_true(world->fault.text[0]);
	assert_int_equal(ledger_size(world->ledger), size);
}

static void epoch_end(struct world *world)
{
	struct digest digest = {{(uint8_t)ledger_epochs(world->ledger)->count}};
	ledger_close(world->ledger, 10 * ledger_epochs(world->ledger)->count, &digest, 1800000000000);
}

static size_t member_count(const struct world *world)
{
	return epochs_newest(ledger_epochs(world->ledger))->members->member_count;
}

static void a_quorum_adds_a_member(void **state)
{
	(void)state;
	struct world world = world_new(&four);
	struct digest id = must(&world, proposal(&world, "org:maker", MEMBER_ADD, "org:fifth", &joiner));
	struct ledger_proposal open = ledger_proposal_at(world.ledger, 0);
	assert_int_equal(open.yes, 1); /* by making it */
	assert_int_equal(open.needed, 3);
	must(&world, vote(&world, "org:supplier", "org:fifth", &id, false));
	must(&world, vote(&world, "org:regulator", "org:fifth", &id, true));
	assert_false(ledger_is_closing(world.ledger)); /* two of four */
	open = ledger_proposal_at(world.ledger, 0);
	assert_true(open.yes == 2 && open.no == 1 && open.said_yes == 0x5 && open.said_no == 0x2);
	must(&world, vote(&world, "org:regulator", "org:fifth", &id, true)); /* once more counts once */
	assert_false(ledger_is_closing(world.ledger));
	must(&world, vote(&world, "org:supplier", "org:fifth", &id, true)); /* and may change its mind */
	assert_true(ledger_is_closing(world.ledger));
	assert_null(ledger_entity(world.ledger, text("org:fifth"))); /* not before the commit is over */
	refused(&world, proposal(&world, "org:repair", MEMBER_REMOVE, "org:maker", NULL), E_SEQUENCE);
	must(&world, draft(&world, "org:repair", STATEMENT_EVENT, "x", BODY_OF(event, &world.body, .kind = text("order"), .type = text("TransactionEvent"),
		.step = text("accepting"), .time_ms = 1)));
	uint64_t size = ledger_size(world.ledger);
	struct digest root = merkle_tree_root(ledger_tree(world.ledger), size);
	epoch_end(&world);
	const struct epoch *epoch = epochs_newest(ledger_epochs(world.ledger));
	assert_int_equal(epoch->number, 1);
	assert_int_equal(epoch->log_size, size);
	assert_true(digest_equal(&epoch->log_root, &root));
	assert_int_equal(member_count(&world), 5);
	const struct entity *fifth = ledger_entity(world.ledger, text("org:fifth"));
	assert_int_equal(fifth->member, 4);
	assert_int_equal(fifth->seat, 4);
	assert_true(digest_equal(&fifth->registration, &id));
	assert_int_equal(ledger_proposal_count(world.ledger), 0);
	must(&world, proposal(&world, "org:fifth", MEMBER_REMOVE, "org:maker", NULL)); /* it speaks, with number 1 */
	ledger_free(world.ledger);
	buffer_free(&world.body);
}

static void whoever_is_removed_speaks_no_more(void **state)
{
	(void)state;
	struct world world = world_new(&four);
	struct digest id = must(&world, proposal(&world, "org:regulator", MEMBER_REMOVE, "org:maker", NULL));
	must(&world, vote(&world, "org:supplier", "org:maker", &id, true));
	must(&world, vote(&world, "org:repair", "org:maker", &id, true));
	epoch_end(&world);
	assert_int_equal(member_count(&world), 3);
	const struct entity *maker = ledger_entity(world.ledger, text("org:maker"));
	assert_int_equal(maker->member, LEDGER_NO_MEMBER);
	assert_int_equal(maker->seat, 0);
	assert_int_equal(maker->state, DEVICE_REVOKED);
	assert_int_equal(ledger_entity(world.ledger, text("org:supplier"))->member, 0);
	assert_int_equal(ledger_entity(world.ledger, text("org:supplier"))->seat, 1);
	refused(&world, draft(&world, "org:maker", STATEMENT_BOUNDS, SPINDLE, bounds_body(&world, 2)), E_REVOKED);
	refused(&world, draft(&world, GATEWAY, STATEMENT_MODEL, SPINDLE, model_body(&world, 2)), E_REVOKED);
	refused(&world, proposal(&world, "org:maker", MEMBER_REMOVE, "org:supplier", NULL), E_REVOKED);
	must(&world, draft(&world, "org:supplier", STATEMENT_BOUNDS, FOREIGN, bounds_body(&world, 1)));
	ledger_free(world.ledger);
	buffer_free(&world.body);
}

static void new_keys_count_from_the_next_epoch_on(void **state)
{
	(void)state;
	struct world world = world_new(&four);
	struct digest before = ledger_entity(world.ledger, text("org:repair"))->kid;
	struct digest id = must(&world, proposal(&world, "org:repair", MEMBER_ROTATE, "org:repair", &rotated));
	must(&world, vote(&world, "org:maker", "org:repair", &id, true));
	must(&world, vote(&world, "org:supplier", "org:repair", &id, true));
	assert_true(digest_equal(&ledger_entity(world.ledger, text("org:repair"))->kid, &before));
	struct statement old = draft(&world, "org:repair", STATEMENT_DEVICE, "gw:repair/hall", gateway_registration(&world, 77));
	epoch_end(&world);
	const struct entity *repair = ledger_entity(world.ledger, text("org:repair"));
	assert_false(digest_equal(&repair->kid, &before));
	assert_int_equal(repair->member, 3);
	refused(&world, old, E_SIGNATURE);
	must(&world, draft(&world, "org:repair", STATEMENT_DEVICE, "gw:repair/hall", gateway_registration(&world, 77)));
	ledger_free(world.ledger);
	buffer_free(&world.body);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	struct world world = world_new(&four);
	refused(&world, proposal(&world, "org:maker", MEMBER_ADD, "org:repair", &rotated), E_FORBIDDEN);
	refused(&world, proposal(&world, "org:maker", MEMBER_ADD, "org:sixth", &joiner), E_MALFORMED);
	refused(&world, proposal(&world, "org:maker", MEMBER_ADD, "org:fifth", &thief), E_FORBIDDEN);
	refused(&world, proposal(&world, "org:maker", MEMBER_REMOVE, "org:fifth", NULL), E_UNKNOWN);
	refused(&world, proposal(&world, "org:maker", MEMBER_ROTATE, "org:fifth", &joiner), E_UNKNOWN);
	refused(&world, proposal(&world, "org:maker", MEMBER_REMOVE, SPINDLE, NULL), E_FORBIDDEN);
	refused(&world, proposal(&world, GATEWAY, MEMBER_REMOVE, "org:repair", NULL), E_FORBIDDEN);
	struct span same = four.genesis.members[3].statement;
	struct buffer again = {0};
	buffer_append_span(&again, same);
	refused(&world, proposal(&world, "org:maker", MEMBER_ROTATE, "org:repair", &again), E_FORBIDDEN);
	again.data[again.size - 1] ^= 1; /* its signature */
	refused(&world, proposal(&world, "org:maker", MEMBER_ROTATE, "org:repair", &again), E_SIGNATURE);
	buffer_free(&again);
	struct digest ghost = {{9}}, id = must(&world, proposal(&world, "org:maker", MEMBER_REMOVE, "org:repair", NULL));
	refused(&world, draft(&world, "org:supplier", STATEMENT_VOTE, "org:repair", BODY_OF(vote, &world.body, .proposal = id, .yes = true)), E_PARENT);
	refused(&world, vote(&world, "org:supplier", "org:maker", &id, true), E_MALFORMED);
	refused(&world, vote(&world, "org:supplier", "org:repair", &ghost, true), E_PARENT);
	refused(&world, vote(&world, "org:supplier", "org:repair", &world.bounds, true), E_UNKNOWN);
	for (int i = 1; i < LEDGER_PROPOSALS_MAX; i++)
		must(&world, proposal(&world, "org:maker", MEMBER_REMOVE, "org:repair", NULL));
	refused(&world, proposal(&world, "org:maker", MEMBER_REMOVE, "org:repair", NULL), E_LIMIT);
	epoch_end(&world); /* with nothing adopted */
	assert_int_equal(member_count(&world), 4);
	refused(&world, vote(&world, "org:supplier", "org:repair", &id, true), E_UNKNOWN); /* it lapsed */
	must(&world, proposal(&world, "org:maker", MEMBER_REMOVE, "org:repair", NULL));
	ledger_free(world.ledger);
	buffer_free(&world.body);
}

static void a_record_made_elsewhere_must_be_the_own_one(void **state)
{
	(void)state;
	struct world world = world_new(&four), other = world_new(&four);
	struct world *both[] = {&world, &other};
	for (size_t i = 0; i < 2; i++) {
		struct digest id = must(both[i], proposal(both[i], "org:maker", MEMBER_ADD, "org:fifth", &joiner));
		must(both[i], vote(both[i], "org:supplier", "org:fifth", &id, true));
	}
	struct digest id = ledger_proposal_at(world.ledger, 0).id;
	must(&world, vote(&world, "org:repair", "org:fifth", &id, true));
	epoch_end(&world);
	struct span record = epochs_newest(ledger_epochs(world.ledger))->record;
	assert_int_equal(ledger_enter(other.ledger, record, &other.fault), E_CORRUPT); /* a vote is missing there */
	assert_int_equal(ledger_epochs(other.ledger)->count, 1);
	must(&other, vote(&other, "org:repair", "org:fifth", &id, true));
	assert_int_equal(ledger_enter(other.ledger, span_of(record.data, record.size - 1), &other.fault), E_CORRUPT);
	assert_int_equal(ledger_enter(other.ledger, record, &other.fault), OK);
	assert_int_equal(member_count(&other), 5);
	struct digest a = state_tree_root(ledger_state(world.ledger)), b = state_tree_root(ledger_state(other.ledger));
	assert_true(digest_equal(&a, &b));
	ledger_free(world.ledger);
	ledger_free(other.ledger);
	buffer_free(&world.body);
	buffer_free(&other.body);
}

/* A proposal is public: somebody may register a gateway with the key before it is adopted, and let go of it afterwards. */
static void a_newcomers_key_cannot_be_taken_away(void **state)
{
	(void)state;
	struct world world = world_new(&four);
	struct genesis_member fifth;
	assert_int_equal(genesis_member_decode(buffer_span(&joiner), &fifth, &world.fault), OK);
	struct digest id = must(&world, proposal(&world, "org:maker", MEMBER_ADD, "org:fifth", &joiner));
	struct body_device gateway = {.kind = DEVICE_GATEWAY, .model = text("box"), .firmware = {{9}}, .has_key = true, .key = some_key(&world, 90),
		.tls_key = fifth.org.tls_key, .site = text("plant/hall")};
	buffer_clear(&world.body);
	body_device_encode(&gateway, &world.body);
	must(&world, draft(&world, "org:supplier", STATEMENT_DEVICE, "gw:supplier/thief", buffer_span(&world.body)));
	must(&world, vote(&world, "org:supplier", "org:fifth", &id, true));
	must(&world, vote(&world, "org:repair", "org:fifth", &id, true));
	epoch_end(&world);
	assert_ptr_equal(ledger_entity_by_tls(world.ledger, &fifth.org.tls_key), ledger_entity(world.ledger, text("org:fifth")));
	must(&world, draft(&world, "org:supplier", STATEMENT_DEVICE, "gw:supplier/thief", gateway_registration(&world, 91)));
	assert_ptr_equal(ledger_entity_by_tls(world.ledger, &fifth.org.tls_key), ledger_entity(world.ledger, text("org:fifth")));
	ledger_free(world.ledger);
	buffer_free(&world.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quorum_adds_a_member),
		cmocka_unit_test(whoever_is_removed_speaks_no_more),
		cmocka_unit_test(new_keys_count_from_the_next_epoch_on),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(a_record_made_elsewhere_must_be_the_own_one),
		cmocka_unit_test(a_newcomers_key_cannot_be_taken_away),
	};
	consortium_found(&four, 4);
	org_make("org:fifth", 500, NULL, &joiner);
	org_make("org:repair", 510, NULL, &rotated);
	org_make("org:fifth", 520, signing_key_public(four.node[0]), &thief);
	cmocka_set_test_filter(getenv("TALLY_TEST"));
	int failed = cmocka_run_group_tests_name("governance", tests, NULL, NULL);
	buffer_free(&joiner);
	buffer_free(&rotated);
	buffer_free(&thief);
	consortium_free(&four);
	return failed;
}
