#include "base/random.h"
#include "ledger_world.h"

static struct consortium consortium;

/* Everything that applying may change, in one hash. */
static struct digest fingerprint(const struct ledger *ledger)
{
	struct buffer bytes = {0};
	struct digest root = merkle_tree_root(ledger_tree(ledger), ledger_size(ledger));
	write_u64(&bytes, ledger_size(ledger));
	write_digest(&bytes, &root);
	for (size_t i = 0; i < ledger_entity_count(ledger); i++) {
		const struct entity *entity = ledger_entity_at(ledger, i);
		assert_ptr_equal(ledger_entity(ledger, text(entity->name)), entity);
		if (!digest_is_zero(&entity->tls_key))
			assert_ptr_equal(ledger_entity_by_tls(ledger, &entity->tls_key), entity);
		buffer_append_text(&bytes, entity->name);
		buffer_append_text(&bytes, entity->owner ? entity->owner->name : "-");
		buffer_append_text(&bytes, entity->gateway ? entity->gateway->name : "-");
		buffer_append_text(&bytes, entity->role ? entity->role : "-");
		write_u64(&bytes, entity->kind);
		write_u64(&bytes, entity->state);
		write_u64(&bytes, entity->member);
		write_u64(&bytes, entity->last_seq);
		write_u64(&bytes, entity->bounds_version);
		write_u64(&bytes, entity->model_version);
		const struct digest *digests[] = {&entity->registration, &entity->kid, &entity->tls_key, &entity->last_id, &entity->bounds,
			&entity->model};
		for (size_t k = 0; k < 6; k++)
			write_digest(&bytes, digests[k]);
	}
	struct digest digest = sha256(buffer_span(&bytes));
	buffer_free(&bytes);
	return digest;
}

/* It is refused with this status and a sentence, by check and by apply alike, and leaves no trace. */
static void refused(struct world *world, struct statement statement, enum status expected)
{
	struct digest before = fingerprint(world->ledger);
	const struct verifying_key *key;
	struct fault fault = {{0}};
	assert_int_equal(ledger_examine(world->ledger, &statement, false, &key, &fault), expected);
	enum status status = put(world, &statement);
	if (status != expected)
		fail_msg("%s by %.*s: %s instead of %s: %s", statement_type_name(statement.type), (int)statement.iss.size, statement.iss.data,
			status_name(status), status_name(expected), world->fault.text);
	assert_string_equal(world->fault.text, fault.text);
	size_t length = strlen(fault.text);
	assert_true(length > 20 && length < FAULT_TEXT_MAX - 1 && fault.text[length - 1] == '.');
	struct digest after = fingerprint(world->ledger);
	assert_true(digest_equal(&before, &after));
}

/* -- tests ----------------------------------------------------------------------------------------------- */

static void the_genesis_is_the_beginning_of_the_log(void **state)
{
	(void)state;
	struct ledger *ledger = ledger_new(&consortium.genesis);
	assert_int_equal(ledger_size(ledger), 4);
	assert_int_equal(ledger_entity_count(ledger), 4);
	struct merkle_tree tree = {0};
	for (size_t i = 0; i < 4; i++) {
		const struct entity *entity = ledger_entity_at(ledger, i);
		uint64_t index;
		assert_string_equal(entity->name, organisation_names[i]);
		assert_string_equal(entity->role, organisation_roles[i]);
		assert_int_equal(entity->kind, ENTITY_ORG);
		assert_int_equal(entity->member, i);
		assert_int_equal(entity->last_seq, 1);
		assert_true(digest_equal(&entity->last_id, &consortium.org_ids[i]));
		assert_int_equal(ledger_index_of(ledger, &consortium.org_ids[i], &index), OK);
		assert_int_equal(index, i);
		struct digest leaf = merkle_leaf(digest_span(&consortium.org_ids[i]));
		merkle_tree_append(&tree, &leaf);
	}
	struct digest a = merkle_tree_root(&tree, 4), b = merkle_tree_root(ledger_tree(ledger), 4);
	assert_true(digest_equal(&a, &b));
	merkle_tree_free(&tree);
	ledger_free(ledger);
}

enum { ACTORS = 7 };
static const char *const actors[ACTORS] = {"org:maker", "org:supplier", "org:regulator", GATEWAY, OTHER_GATEWAY, ENGINEER, INSPECTOR};

/* Who may do what, written out: one row a statement, one column an actor in the order above. '+' accepted, else 'F'
 * forbidden. */
static void each_role_may_do_its_own_and_nothing_else(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	struct body_range range = range_of(SPINDLE, &w->spindle);
	struct buffer copy = {0};
	struct {
		uint32_t type;
		const char *sub;
		const char *may;
		struct span body;
		const struct digest *parent;
	} rows[] = {
		{STATEMENT_ORG, "org:new", "FFFFFFF", {0}, NULL},
		{STATEMENT_PERSON, "person:maker/new", "+FFFFFF", person_body(w, 70), NULL},
		{STATEMENT_PERSON, ENGINEER, "+FFFFFF", {0}, NULL},
		{STATEMENT_DEVICE, "dev:maker/new", "+FFFFFF", {0}, NULL},
		{STATEMENT_DEVICE, SPINDLE, "+FFFFFF", {0}, NULL},
		{STATEMENT_DEVICE, "gw:maker/new", "+FFFFFF", {0}, NULL},
		{STATEMENT_EVENT, "order:2", "+++FFFF", {0}, NULL},
		{STATEMENT_BOUNDS, SPINDLE, "+FFFFFF", {0}, NULL},
		{STATEMENT_MODEL, SPINDLE, "+FF+FFF", {0}, NULL},
		{STATEMENT_DEVICE_STATE, SPINDLE, "+F+FFFF", {0}, NULL},
		{STATEMENT_DEVICE_STATE, GATEWAY, "+F+FFFF", {0}, NULL},
		{STATEMENT_ANCHOR, "plant/hall", "FFF+FFF", {0}, NULL},
		{STATEMENT_DISTURBANCE, SPINDLE, "FFF+FFF", {0}, NULL},
		{STATEMENT_SERVICE, SPINDLE, "FFF+FFF", {0}, NULL},
		{STATEMENT_COMMAND, SPINDLE, "FFF+FFF", {0}, NULL},
		{STATEMENT_RESULT, SPINDLE, "FFF+FFF", {0}, &w->command},
		{STATEMENT_CRITICAL, SPINDLE, "FFF+FFF", {0}, NULL},
		{STATEMENT_ACK, SPINDLE, "FFF+F+F", {0}, &w->disturbance},
		{STATEMENT_ACK, SPINDLE, "FFF+F+F", {0}, &w->critical},
		{STATEMENT_ACK, "dev:who/knows", "FFF+F+F", {0}, &w->stranger},
	};
	for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
		struct span body = {0};
		switch (rows[row].type) {
		case STATEMENT_PERSON: body = person_body(w, 70); break;
		case STATEMENT_DEVICE:
			body = rows[row].sub[0] == 'g' ? gateway_registration(w, 71) : machine_body(&w->body, GATEWAY);
			break;
		case STATEMENT_EVENT: body = event_body(&w->body, 2); break;
		case STATEMENT_BOUNDS: body = bounds_body(w, 2); break;
		case STATEMENT_MODEL: body = model_body(w, 2); break;
		case STATEMENT_DEVICE_STATE: body = state_body(w, DEVICE_SUSPENDED); break;
		case STATEMENT_ANCHOR: body = anchor_body(w, &range, 1); break;
		case STATEMENT_DISTURBANCE: body = disturbance_body(w, DISTURBANCE_BOUNDS); break;
		case STATEMENT_SERVICE: body = service_body(w); break;
		case STATEMENT_COMMAND: body = command_body(w); break;
		case STATEMENT_RESULT: body = result_body(w, &w->command); break;
		case STATEMENT_CRITICAL: body = critical_body(w); break;
		case STATEMENT_ACK: body = ack_body(w, rows[row].parent, ENGINEER); break;
		default: break;
		}
		buffer_clear(&copy);
		buffer_append_span(&copy, body);
		for (size_t actor = 0; actor < ACTORS; actor++) {
			struct statement statement = draft(w, actors[actor], rows[row].type, rows[row].sub, buffer_span(&copy));
			if (rows[row].parent)
				statement = with_parents(statement, rows[row].parent, NULL);
			const struct verifying_key *key = NULL;
			struct fault fault = {{0}};
			enum status status = ledger_examine(w->ledger, &statement, false, &key, &fault);
			enum status expected = rows[row].may[actor] == '+' ? OK : E_FORBIDDEN;
			if (status != expected)
				fail_msg("%s about %s by %s: %s instead of %s: %s", statement_type_name(rows[row].type), rows[row].sub, actors[actor],
					status_name(status), status_name(expected), fault.text);
			if (status == OK)
				assert_ptr_equal(key, ledger_entity(w->ledger, text(actors[actor]))->key);
			else
				refused(w, statement, E_FORBIDDEN);
		}
	}
	buffer_free(&copy);
	world_free(w);
}

static void names_lie_below_the_organisation(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	static const char *const wrong[] = {"dev:supplier/x", "dev:makers/x", "dev:make/x", "dev:maker", "dev:maker/", "dev:mak", "gw:maker/x",
		"person:maker/x", "org:maker/x", "dev:maker/white space", "dev:maker/x\xc3\xa9", "maker/x", "", "dev:"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		refused(w, draft(w, "org:maker", STATEMENT_DEVICE, wrong[i], machine_body(&w->body, GATEWAY)), E_FORBIDDEN);
	refused(w, draft(w, "org:maker", STATEMENT_DEVICE, "dev:maker/x", gateway_registration(w, 70)), E_FORBIDDEN);
	refused(w, draft(w, "org:maker", STATEMENT_PERSON, "dev:maker/x", person_body(w, 70)), E_FORBIDDEN);
	must(w, draft(w, "org:maker", STATEMENT_DEVICE, "dev:maker/line-1/Axis_2.b", machine_body(&w->body, GATEWAY)));
	world_free(w);
}

static void registrations_refer_to_what_exists(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	refused(w, draft(w, "org:maker", STATEMENT_DEVICE, "dev:maker/x", machine_body(&w->body, "gw:maker/none")), E_UNKNOWN);
	refused(w, draft(w, "org:maker", STATEMENT_DEVICE, "dev:maker/x", machine_body(&w->body, SPINDLE)), E_UNKNOWN);
	refused(w, draft(w, "org:maker", STATEMENT_BOUNDS, "dev:maker/none", bounds_body(w, 1)), E_UNKNOWN);
	refused(w, draft(w, "org:maker", STATEMENT_BOUNDS, GATEWAY, bounds_body(w, 1)), E_FORBIDDEN);
	refused(w, draft(w, "org:regulator", STATEMENT_DEVICE_STATE, ENGINEER, state_body(w, DEVICE_REVOKED)), E_FORBIDDEN);
	refused(w, draft(w, GATEWAY, STATEMENT_COMMAND, "dev:maker/none", command_body(w)), E_UNKNOWN);
	refused(w, draft(w, GATEWAY, STATEMENT_COMMAND, FOREIGN, command_body(w)), E_FORBIDDEN);
	refused(w, draft(w, GATEWAY, STATEMENT_COMMAND, GATEWAY, command_body(w)), E_FORBIDDEN);
	/* A TLS key names one identity. */
	refused(w, draft(w, "org:supplier", STATEMENT_DEVICE, "gw:supplier/thief", gateway_registration(w, 50)), E_FORBIDDEN);
	refused(w, draft(w, "org:supplier", STATEMENT_DEVICE, "gw:supplier/thief", gateway_registration(w, 1)), E_FORBIDDEN);
	world_free(w);
}

static void a_new_registration_replaces_the_old(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	const struct entity *gateway = ledger_entity(w->ledger, text(GATEWAY));
	struct digest old_kid = gateway->kid, old_tls = gateway->tls_key;
	uint64_t seq = gateway->last_seq;
	struct statement by_old_key = draft(w, GATEWAY, STATEMENT_COMMAND, SPINDLE, command_body(w));
	struct digest again = must(w, draft(w, "org:maker", STATEMENT_DEVICE, GATEWAY, gateway_registration(w, 80)));
	assert_ptr_equal(ledger_entity(w->ledger, text(GATEWAY)), gateway);
	assert_true(digest_equal(&gateway->registration, &again));
	assert_false(digest_equal(&gateway->kid, &old_kid));
	assert_int_equal(gateway->last_seq, seq);
	assert_null(ledger_entity_by_tls(w->ledger, &old_tls));
	assert_ptr_equal(ledger_entity_by_tls(w->ledger, &gateway->tls_key), gateway);
	by_old_key.body = command_body(w);
	refused(w, by_old_key, E_SIGNATURE);
	must(w, draft(w, GATEWAY, STATEMENT_COMMAND, SPINDLE, command_body(w)));

	/* A device moves to another gateway: the new one speaks for it now. */
	must(w, draft(w, "org:maker", STATEMENT_DEVICE, ROBOT, machine_body(&w->body, OTHER_GATEWAY)));
	refused(w, draft(w, GATEWAY, STATEMENT_COMMAND, ROBOT, command_body(w)), E_FORBIDDEN);
	must(w, draft(w, OTHER_GATEWAY, STATEMENT_COMMAND, ROBOT, command_body(w)));
	world_free(w);
}

static void revocation_takes_effect_at_once(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	const struct entity *gateway = ledger_entity(w->ledger, text(GATEWAY));

	must(w, draft(w, "org:maker", STATEMENT_DEVICE_STATE, GATEWAY, state_body(w, DEVICE_SUSPENDED)));
	refused(w, draft(w, GATEWAY, STATEMENT_COMMAND, SPINDLE, command_body(w)), E_REVOKED);
	must(w, draft(w, "org:maker", STATEMENT_DEVICE_STATE, GATEWAY, state_body(w, DEVICE_ACTIVE)));
	must(w, draft(w, GATEWAY, STATEMENT_COMMAND, SPINDLE, command_body(w)));
	must(w, draft(w, "org:maker", STATEMENT_DEVICE_STATE, GATEWAY, state_body(w, DEVICE_SUSPENDED)));
	must(w, draft(w, "org:maker", STATEMENT_DEVICE, GATEWAY, gateway_registration(w, 80)));
	assert_int_equal(gateway->state, DEVICE_ACTIVE);

	must(w, draft(w, "org:regulator", STATEMENT_DEVICE_STATE, GATEWAY, state_body(w, DEVICE_REVOKED)));
	refused(w, draft(w, GATEWAY, STATEMENT_COMMAND, SPINDLE, command_body(w)), E_REVOKED);
	refused(w, draft(w, "org:maker", STATEMENT_DEVICE_STATE, GATEWAY, state_body(w, DEVICE_ACTIVE)), E_FORBIDDEN);
	refused(w, draft(w, "org:maker", STATEMENT_DEVICE_STATE, GATEWAY, state_body(w, DEVICE_SUSPENDED)), E_FORBIDDEN);
	must(w, draft(w, "org:maker", STATEMENT_DEVICE, GATEWAY, gateway_registration(w, 81)));
	assert_int_equal(gateway->state, DEVICE_REVOKED);
	must(w, draft(w, "org:regulator", STATEMENT_DEVICE_STATE, GATEWAY, state_body(w, DEVICE_ACTIVE)));
	must(w, draft(w, GATEWAY, STATEMENT_COMMAND, SPINDLE, command_body(w)));

	/* A regulator's own registration lifts a revocation of its own. */
	must(w, draft(w, "org:regulator", STATEMENT_DEVICE, "gw:regulator/lab", gateway_registration(w, 82)));
	must(w, draft(w, "org:regulator", STATEMENT_DEVICE_STATE, "gw:regulator/lab", state_body(w, DEVICE_REVOKED)));
	must(w, draft(w, "org:regulator", STATEMENT_DEVICE, "gw:regulator/lab", gateway_registration(w, 82)));
	assert_int_equal(ledger_entity(w->ledger, text("gw:regulator/lab"))->state, DEVICE_ACTIVE);
	world_free(w);
}

static void versions_count_up_by_one(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	const struct entity *spindle = ledger_entity(w->ledger, text(SPINDLE));
	assert_true(digest_equal(&spindle->bounds, &w->bounds) && spindle->bounds_version == 1);
	assert_true(digest_equal(&spindle->model, &w->model) && spindle->model_version == 1);
	refused(w, draft(w, "org:maker", STATEMENT_BOUNDS, SPINDLE, bounds_body(w, 1)), E_SEQUENCE);
	refused(w, draft(w, "org:maker", STATEMENT_BOUNDS, SPINDLE, bounds_body(w, 3)), E_SEQUENCE);
	refused(w, draft(w, GATEWAY, STATEMENT_MODEL, SPINDLE, model_body(w, 1)), E_SEQUENCE);
	refused(w, draft(w, GATEWAY, STATEMENT_MODEL, SPINDLE, model_body(w, 3)), E_SEQUENCE);
	refused(w, draft(w, GATEWAY, STATEMENT_MODEL, ROBOT, model_body(w, 2)), E_SEQUENCE);
	struct digest model = must(w, draft(w, GATEWAY, STATEMENT_MODEL, SPINDLE, model_body(w, 2)));
	struct digest bounds = must(w, draft(w, "org:maker", STATEMENT_BOUNDS, SPINDLE, bounds_body(w, 2)));
	assert_true(digest_equal(&spindle->bounds, &bounds) && spindle->bounds_version == 2);
	assert_true(digest_equal(&spindle->model, &model) && spindle->model_version == 2);
	world_free(w);
}

static void the_issuers_chain_has_no_gap_and_no_fork(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	struct statement first = draft(w, "org:maker", STATEMENT_EVENT, "order:3", event_body(&w->body, 3));
	struct statement ahead = first, behind = first, loose = first;
	ahead.seq++;
	refused(w, ahead, E_SEQUENCE);
	assert_non_null(strstr(w->fault.text, "through another node"));
	behind.seq--;
	refused(w, behind, E_SEQUENCE);
	assert_non_null(strstr(w->fault.text, "used already by another"));
	loose.prev.bytes[31] ^= 1;
	refused(w, loose, E_SEQUENCE);
	char hex[DIGEST_HEX_SIZE];
	span_hex(digest_span(&first.prev), hex);
	assert_non_null(strstr(w->fault.text, hex));

	must(w, first);
	uint64_t index = w->index;
	/* The very same again is harmless and tells where it is. */
	w->index = 0;
	refused(w, first, E_DUPLICATE);
	assert_int_equal(w->index, index);
	/* Another one with its number: the issuer equivocates, or its state was restored from a copy. */
	struct statement twin = first;
	twin.id.bytes[0] ^= 1;
	refused(w, twin, E_SEQUENCE);
	/* The gap that was refused is accepted once it is none. */
	ahead.prev = first.id;
	ahead.id.bytes[1] ^= 1;
	must(w, ahead);
	/* Others' chains are their own. */
	struct statement stolen = draft(w, "org:supplier", STATEMENT_EVENT, "order:4", event_body(&w->body, 3));
	stolen.prev = ahead.id;
	refused(w, stolen, E_SEQUENCE);
	world_free(w);
}

static void strangers_and_other_networks_are_refused(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	struct statement statement = draft(w, "org:maker", STATEMENT_EVENT, "order:3", event_body(&w->body, 3));
	struct statement other = statement;
	other.network[15] ^= 1;
	refused(w, other, E_NETWORK);
	other = statement;
	other.kid.bytes[0] ^= 1;
	refused(w, other, E_SIGNATURE);
	other = statement;
	other.iss = text("org:nobody");
	refused(w, other, E_UNKNOWN);
	other.iss = text(SPINDLE); /* a device signs nothing */
	refused(w, other, E_FORBIDDEN);
	other = statement;
	other.type = 3;
	refused(w, other, E_MALFORMED);
	other.type = STATEMENT_TYPE_END;
	refused(w, other, E_MALFORMED);
	other.type = UINT32_MAX;
	refused(w, other, E_MALFORMED);
	other = statement;
	other.body.size--;
	refused(w, other, E_MALFORMED);
	other = with_parents(statement, &w->event, &statement.kid);
	refused(w, other, E_PARENT);
	must(w, with_parents(statement, &w->event, &w->model));
	world_free(w);
}

static void anchors_name_registrations_of_the_gateways_devices(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	struct digest nothing = {{77}};
	struct digest again = must(w, draft(w, "org:maker", STATEMENT_DEVICE, SPINDLE, machine_body(&w->body, OTHER_GATEWAY)));
	struct body_range range = range_of(SPINDLE, &w->spindle);
	/* The earlier registration named this gateway: late data are welcome. The one in force does not. */
	must(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)));
	range.registration = again;
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_FORBIDDEN);
	must(w, draft(w, OTHER_GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)));
	range.registration = w->spindle;
	refused(w, draft(w, OTHER_GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_FORBIDDEN);

	range.device = text("dev:maker/unknown");
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_UNKNOWN);
	range.device = text(GATEWAY);
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_UNKNOWN);
	range = range_of(ROBOT, &w->spindle);
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_PARENT);
	range = range_of(ROBOT, &w->event);
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_PARENT);
	range = range_of(ROBOT, &nothing);
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_PARENT);

	range = range_of(SPINDLE, &w->spindle);
	range.bounds = w->bounds;
	range.model = w->model;
	must(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)));
	range.bounds = w->model;
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_PARENT);
	range = range_of(ROBOT, &w->robot);
	range.bounds = w->bounds; /* of another device */
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_PARENT);
	range = range_of(SPINDLE, &w->spindle);
	range.bounds = nothing;
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1)), E_PARENT);
	struct body_range two[2] = {range_of(SPINDLE, &w->spindle), range_of(ROBOT, &w->robot)};
	two[0].device = text(ROBOT);
	two[0].registration = w->robot;
	two[1] = range_of(SPINDLE, &w->spindle);
	two[1].model = w->bounds;
	refused(w, draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, two, 2)), E_PARENT);
	world_free(w);
}

static void only_strangers_messages_may_name_strangers(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	for (uint32_t kind = 1; kind < DISTURBANCE_KIND_END; kind++) {
		bool stranger = kind == DISTURBANCE_FORGED || kind == DISTURBANCE_UNREGISTERED || kind == DISTURBANCE_REVOKED
			|| kind == DISTURBANCE_MALFORMED || kind == DISTURBANCE_REPLAY;
		struct statement unknown = draft(w, GATEWAY, STATEMENT_DISTURBANCE, "dev:maker/unknown", disturbance_body(w, kind));
		struct statement foreign = draft(w, GATEWAY, STATEMENT_DISTURBANCE, FOREIGN, unknown.body);
		if (stranger) {
			must(w, unknown);
			foreign = draft(w, GATEWAY, STATEMENT_DISTURBANCE, FOREIGN, unknown.body);
			must(w, foreign);
		} else {
			refused(w, unknown, E_UNKNOWN);
			refused(w, foreign, E_FORBIDDEN);
		}
	}
	world_free(w);
}

static void answers_refer_to_what_they_answer(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	struct digest nothing = {{77}};
	refused(w, draft(w, GATEWAY, STATEMENT_RESULT, SPINDLE, result_body(w, &w->command)), E_PARENT);
	refused(w, with_parents(draft(w, GATEWAY, STATEMENT_RESULT, SPINDLE, result_body(w, &nothing)), &nothing, NULL), E_PARENT);
	refused(w, with_parents(draft(w, GATEWAY, STATEMENT_RESULT, SPINDLE, result_body(w, &w->critical)), &w->critical, NULL), E_PARENT);
	refused(w, with_parents(draft(w, GATEWAY, STATEMENT_RESULT, ROBOT, result_body(w, &w->command)), &w->command, NULL), E_PARENT);
	must(w, with_parents(draft(w, GATEWAY, STATEMENT_RESULT, SPINDLE, result_body(w, &w->command)), &w->event, &w->command));

	refused(w, draft(w, GATEWAY, STATEMENT_ACK, SPINDLE, ack_body(w, &w->critical, ENGINEER)), E_PARENT);
	refused(w, with_parents(draft(w, GATEWAY, STATEMENT_ACK, SPINDLE, ack_body(w, &w->event, ENGINEER)), &w->event, NULL), E_PARENT);
	refused(w, with_parents(draft(w, GATEWAY, STATEMENT_ACK, ROBOT, ack_body(w, &w->critical, ENGINEER)), &w->critical, NULL), E_PARENT);
	refused(w, with_parents(draft(w, GATEWAY, STATEMENT_ACK, SPINDLE, ack_body(w, &w->critical, "person:maker/none")), &w->critical, NULL),
		E_UNKNOWN);
	refused(w, with_parents(draft(w, GATEWAY, STATEMENT_ACK, SPINDLE, ack_body(w, &w->critical, GATEWAY)), &w->critical, NULL), E_UNKNOWN);
	refused(w, with_parents(draft(w, INSPECTOR, STATEMENT_ACK, SPINDLE, ack_body(w, &w->critical, ENGINEER)), &w->critical, NULL),
		E_FORBIDDEN);
	must(w, with_parents(draft(w, INSPECTOR, STATEMENT_ACK, SPINDLE, ack_body(w, &w->critical, INSPECTOR)), &w->critical, NULL));
	must(w, with_parents(draft(w, GATEWAY, STATEMENT_ACK, SPINDLE, ack_body(w, &w->critical, ENGINEER)), &w->critical, NULL));
	world_free(w);
}

/* Earlier statements of the same issuer may still be on their way when one is admitted. */
static void admission_is_lenient_about_what_may_still_come(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	const struct verifying_key *key;
	struct digest nothing = {{77}};
	struct fault fault;
	struct statement next = with_parents(draft(w, "org:maker", STATEMENT_EVENT, "order:3", event_body(&w->body, 3)), &nothing, NULL);
	assert_int_equal(ledger_examine(w->ledger, &next, false, &key, &fault), E_PARENT);
	assert_int_equal(ledger_examine(w->ledger, &next, true, &key, &fault), OK);
	struct statement later = draft(w, "org:maker", STATEMENT_BOUNDS, "dev:maker/soon", bounds_body(w, 4));
	assert_int_equal(ledger_examine(w->ledger, &later, true, &key, &fault), E_UNKNOWN);
	later.seq += 3;
	assert_int_equal(ledger_examine(w->ledger, &later, false, &key, &fault), E_SEQUENCE);
	assert_int_equal(ledger_examine(w->ledger, &later, true, &key, &fault), OK);
	later.seq -= 4;
	assert_int_equal(ledger_examine(w->ledger, &later, true, &key, &fault), E_SEQUENCE);
	later.seq += 4;
	later.body.size--;
	assert_int_equal(ledger_examine(w->ledger, &later, true, &key, &fault), E_MALFORMED);
	struct statement result = with_parents(draft(w, GATEWAY, STATEMENT_RESULT, SPINDLE, result_body(w, &nothing)), &nothing, NULL);
	assert_int_equal(ledger_examine(w->ledger, &result, true, &key, &fault), OK);
	assert_int_equal(ledger_examine(w->ledger, &result, false, &key, &fault), E_PARENT);
	struct body_range range = range_of(SPINDLE, &nothing);
	struct statement anchor = draft(w, GATEWAY, STATEMENT_ANCHOR, "plant", anchor_body(w, &range, 1));
	assert_int_equal(ledger_examine(w->ledger, &anchor, true, &key, &fault), OK);
	world_free(w);
}

/* As a node does when a statement is submitted. */
static enum status judged(const struct ledger *ledger, const struct statement *statement, bool lenient, struct fault *fault)
{
	const struct verifying_key *key = NULL;
	TRY(ledger_examine(ledger, statement, lenient, &key, fault));
	return ledger_verify(statement, key, fault);
}

static void signatures_are_verified(void **state)
{
	(void)state;
	struct ledger *ledger = ledger_new(&consortium.genesis);
	struct issuer maker = organisation(&consortium, 0), forger = maker;
	struct buffer body = {0}, good = {0}, bad = {0};
	struct fault fault;
	uint64_t index;
	event_body(&body, 1);
	issue(&consortium, &maker, STATEMENT_EVENT, text("order:1"), buffer_span(&body), NULL, 0, &good);
	forger.key = consortium.record[1];
	issue(&consortium, &forger, STATEMENT_EVENT, text("order:1"), buffer_span(&body), NULL, 0, &bad);

	struct statement statement;
	/* Signed by another key, and saying so. */
	assert_int_equal(statement_decode(buffer_span(&bad), &statement, &fault), OK);
	assert_int_equal(judged(ledger, &statement, false, &fault), E_SIGNATURE);
	/* Signed by another key, naming the right one. */
	statement.kid = ledger_entity(ledger, text("org:maker"))->kid;
	assert_int_equal(judged(ledger, &statement, false, &fault), E_SIGNATURE);
	assert_int_equal(ledger_apply(ledger, &statement, false, &index, &fault), E_SIGNATURE);
	/* Bytes changed after signing. */
	assert_int_equal(statement_decode(buffer_span(&good), &statement, &fault), OK);
	((uint8_t *)(uintptr_t)statement.signature.data)[100] ^= 1;
	assert_int_equal(ledger_apply(ledger, &statement, false, &index, &fault), E_SIGNATURE);
	assert_int_equal(ledger_size(ledger), 4);
	((uint8_t *)(uintptr_t)statement.signature.data)[100] ^= 1;
	assert_int_equal(judged(ledger, &statement, false, &fault), OK);
	assert_int_equal(ledger_apply(ledger, &statement, false, &index, &fault), OK);
	assert_int_equal(index, 4);
	assert_int_equal(judged(ledger, &statement, true, &fault), E_DUPLICATE);
	buffer_free(&body);
	buffer_free(&good);
	buffer_free(&bad);
	ledger_free(ledger);
}

/* -- the property: equal order in, equal roots out; what is refused leaves no trace --------------------------- */

static struct statement random_statement(struct random *random, struct world *w)
{
	static const char *const issuers[] = {"org:maker", "org:supplier", "org:regulator", "org:repair", GATEWAY, OTHER_GATEWAY, ENGINEER,
		INSPECTOR, "gw:maker/new", "org:nobody"};
	static const char *const subjects[] = {SPINDLE, ROBOT, FOREIGN, GATEWAY, OTHER_GATEWAY, ENGINEER, "gw:maker/new", "dev:maker/new",
		"person:supplier/new", "dev:who/knows"};
	static const uint32_t types[] = {STATEMENT_PERSON, STATEMENT_DEVICE, STATEMENT_EVENT, STATEMENT_ANCHOR, STATEMENT_MODEL,
		STATEMENT_BOUNDS, STATEMENT_DEVICE_STATE, STATEMENT_DISTURBANCE, STATEMENT_SERVICE, STATEMENT_COMMAND, STATEMENT_RESULT,
		STATEMENT_CRITICAL, STATEMENT_ACK};
	const char *sub = subjects[random_below(random, 10)];
	const char *iss = issuers[random_below(random, 10)];
	uint32_t type = types[random_below(random, 13)];
	/* Half of the time an issuer that may, so that much is accepted. */
	if (random_chance(random, 0.5)) {
		const struct entity *about = ledger_entity(w->ledger, text(sub));
		bool by_gateway = type == STATEMENT_ANCHOR || type == STATEMENT_DISTURBANCE || type >= STATEMENT_SERVICE;
		if (type == STATEMENT_DEVICE_STATE)
			iss = "org:regulator";
		else if (type == STATEMENT_ANCHOR)
			iss = GATEWAY;
		else if (about && about->owner)
			iss = by_gateway && about->gateway ? about->gateway->name : about->owner->name;
	}
	const struct entity *about = ledger_entity(w->ledger, text(sub));
	uint64_t off = random_below(random, 8) == 0 ? random_below(random, 3) : 1;
	struct span body = {0};
	struct body_range range = range_of(SPINDLE, random_chance(random, 0.7) ? &w->spindle : &w->robot);
	switch (type) {
	case STATEMENT_PERSON: body = person_body(w, (uint8_t)random_below(random, 255)); break;
	case STATEMENT_DEVICE:
		if (sub[0] == 'g')
			body = gateway_registration(w, (uint8_t)(100 + random_below(random, 100)));
		else
			body = machine_body(&w->body, random_chance(random, 0.8) ? GATEWAY : "gw:maker/new");
		break;
	case STATEMENT_EVENT: body = event_body(&w->body, (unsigned)random_below(random, 1000)); break;
	case STATEMENT_ANCHOR: body = anchor_body(w, &range, 1); break;
	case STATEMENT_MODEL: body = model_body(w, (about ? about->model_version : 0) + off); break;
	case STATEMENT_BOUNDS: body = bounds_body(w, (about ? about->bounds_version : 0) + off); break;
	case STATEMENT_DEVICE_STATE: body = state_body(w, random_chance(random, 0.9) ? DEVICE_ACTIVE : 2 + (uint32_t)random_below(random, 2)); break;
	case STATEMENT_DISTURBANCE: body = disturbance_body(w, 1 + (uint32_t)random_below(random, DISTURBANCE_KIND_END - 1)); break;
	case STATEMENT_SERVICE: body = service_body(w); break;
	case STATEMENT_COMMAND: body = command_body(w); break;
	case STATEMENT_RESULT: body = result_body(w, &w->command); break;
	case STATEMENT_CRITICAL: body = critical_body(w); break;
	default: body = ack_body(w, &w->disturbance, ENGINEER); break;
	}
	struct statement statement = draft(w, iss, type, sub, body);
	if (type == STATEMENT_RESULT || type == STATEMENT_ACK || random_chance(random, 0.1))
		statement = with_parents(statement, type == STATEMENT_RESULT ? &w->command : &w->disturbance, NULL);
	if (random_chance(random, 0.05))
		statement.seq += random_below(random, 3);
	if (random_chance(random, 0.03))
		statement.prev.bytes[random_below(random, 32)] ^= 1;
	if (random_chance(random, 0.03))
		statement.kid.bytes[random_below(random, 32)] ^= 1;
	if (random_chance(random, 0.03) && statement.body.size)
		statement.body.size--;
	return statement;
}

/* What the state tree must hold, made from nothing. */
static struct digest rebuilt_state(const struct ledger *ledger)
{
	struct state_tree tree = {0};
	struct buffer value = {0};
	for (size_t i = ledger_entity_count(ledger); i-- > 0;) {
		const struct entity *entity = ledger_entity_at(ledger, i);
		struct state_entry entry = {.kind = entity->kind, .state = entity->state, .registration = entity->registration,
			.owner = text(entity->owner ? entity->owner->name : ""), .gateway = text(entity->gateway ? entity->gateway->name : ""),
			.role = text(entity->role ? entity->role : ""), .kid = entity->kid, .tls_key = entity->tls_key,
			.bounds = entity->bounds, .bounds_version = entity->bounds_version, .model = entity->model,
			.model_version = entity->model_version, .last_seq = entity->last_seq, .last_id = entity->last_id};
		struct digest key = state_entry_key(text(entity->name));
		buffer_clear(&value);
		state_entry_encode(&entry, &value);
		state_tree_put(&tree, &key, buffer_span(&value));
	}
	struct digest root = state_tree_root(&tree);
	state_tree_free(&tree);
	buffer_free(&value);
	return root;
}

static void assert_state(struct ledger *ledger)
{
	struct digest root = state_tree_root(ledger_state(ledger)), expected = rebuilt_state(ledger);
	assert_memory_equal(root.bytes, expected.bytes, DIGEST_SIZE);
}

static struct state_entry entry_in(struct ledger *ledger, const char *name, struct buffer *keep)
{
	struct state_path path;
	struct state_entry entry;
	struct span value;
	struct digest key = state_entry_key(text(name)), root = state_tree_root(ledger_state(ledger));
	assert_true(state_tree_prove(ledger_state(ledger), &key, &value, &path));
	assert_int_equal(state_path_verify_present(&path, &root, &key, value), OK);
	buffer_clear(keep);
	buffer_append_span(keep, value);
	struct fault fault;
	assert_int_equal(state_entry_decode(buffer_span(keep), &entry, &fault), OK);
	return entry;
}

static void the_state_tree_tells_each_entity(void **state)
{
	(void)state;
	struct world world = world_new(&consortium), *w = &world;
	struct buffer keep = {0};
	struct state_entry entry = entry_in(w->ledger, SPINDLE, &keep);
	assert_int_equal(entry.kind, ENTITY_DEVICE);
	assert_int_equal(entry.state, DEVICE_ACTIVE);
	assert_true(span_is_text(entry.owner, "org:maker") && span_is_text(entry.gateway, GATEWAY));
	assert_true(digest_equal(&entry.registration, &w->spindle) && digest_equal(&entry.bounds, &w->bounds) && digest_equal(&entry.model, &w->model));
	assert_int_equal(entry.bounds_version, 1);
	assert_int_equal(entry.last_seq, 0);
	/* Each change is seen, and one of the issuer's chain alone as well. */
	struct digest before = state_tree_root(ledger_state(w->ledger));
	struct digest id = must(w, draft(w, "org:maker", STATEMENT_EVENT, "order:5", event_body(&w->body, 5)));
	struct digest after = state_tree_root(ledger_state(w->ledger));
	assert_false(digest_equal(&before, &after));
	entry = entry_in(w->ledger, "org:maker", &keep);
	assert_true(digest_equal(&entry.last_id, &id) && span_is_text(entry.role, "manufacturer") && entry.owner.size == 0);
	id = must(w, draft(w, "org:maker", STATEMENT_BOUNDS, SPINDLE, bounds_body(w, 2)));
	must(w, draft(w, "org:regulator", STATEMENT_DEVICE_STATE, SPINDLE, state_body(w, DEVICE_REVOKED)));
	entry = entry_in(w->ledger, SPINDLE, &keep);
	assert_int_equal(entry.state, DEVICE_REVOKED);
	assert_int_equal(entry.bounds_version, 2);
	assert_true(digest_equal(&entry.bounds, &id));
	/* One that is not there. */
	struct state_path path;
	struct span value;
	struct digest key = state_entry_key(text("dev:maker/ghost")), root = state_tree_root(ledger_state(w->ledger));
	assert_false(state_tree_prove(ledger_state(w->ledger), &key, &value, &path));
	assert_int_equal(state_path_verify_absent(&path, &root, &key), OK);
	buffer_free(&keep);
	world_free(w);
}

static void equal_order_gives_equal_ledgers(void **state)
{
	(void)state;
	unsigned accepted_in_all = 0, refusals[STATUS_COUNT] = {0};
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct random random = random_of(seed);
		struct world a = world_new(&consortium), b = world_new(&consortium);
		struct digest before = fingerprint(a.ledger);
		for (int step = 0; step < 1500; step++) {
			struct statement statement = random_statement(&random, &a);
			const struct verifying_key *key;
			uint64_t size = ledger_size(a.ledger);
			enum status examined = ledger_examine(a.ledger, &statement, false, &key, NULL);
			enum status lenient = ledger_examine(a.ledger, &statement, true, &key, NULL);
			enum status status = put(&a, &statement);
			assert_int_equal(examined, status);
			if (status == OK)
				assert_int_equal(lenient, OK);
			assert_int_equal(put(&b, &statement), status);
			if (status != OK)
				assert_string_equal(a.fault.text, b.fault.text);
			refusals[status]++;
			struct digest after = fingerprint(a.ledger);
			if (random_chance(&random, 0.02))
				assert_state(a.ledger);
			if (status == OK) {
				uint64_t index;
				assert_int_equal(a.index, size);
				assert_int_equal(ledger_size(a.ledger), size + 1);
				assert_int_equal(ledger_index_of(a.ledger, &statement.id, &index), OK);
				assert_int_equal(index, size);
				assert_int_equal(put(&a, &statement), E_DUPLICATE);
				assert_int_equal(a.index, size);
				accepted_in_all++;
			} else {
				assert_true(digest_equal(&before, &after));
			}
			before = after;
		}
		struct digest x = fingerprint(a.ledger), y = fingerprint(b.ledger);
		assert_true(digest_equal(&x, &y));
		assert_state(b.ledger);
		x = state_tree_root(ledger_state(a.ledger));
		y = state_tree_root(ledger_state(b.ledger));
		assert_true(digest_equal(&x, &y));
		world_free(&a);
		world_free(&b);
	}
	print_message("accepted %u of 9000\n", accepted_in_all);
	/* The generator must reach every kind of refusal, or the property says little. */
	assert_true(accepted_in_all > 1500);
	assert_true(refusals[E_SEQUENCE] && refusals[E_FORBIDDEN] && refusals[E_UNKNOWN] && refusals[E_REVOKED] && refusals[E_SIGNATURE]
		&& refusals[E_MALFORMED] && refusals[E_PARENT]);
}

static int found(void **state)
{
	(void)state;
	consortium_found(&consortium, 4);
	return 0;
}

static int end(void **state)
{
	(void)state;
	consortium_free(&consortium);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_genesis_is_the_beginning_of_the_log),
		cmocka_unit_test(each_role_may_do_its_own_and_nothing_else),
		cmocka_unit_test(names_lie_below_the_organisation),
		cmocka_unit_test(registrations_refer_to_what_exists),
		cmocka_unit_test(a_new_registration_replaces_the_old),
		cmocka_unit_test(revocation_takes_effect_at_once),
		cmocka_unit_test(versions_count_up_by_one),
		cmocka_unit_test(the_issuers_chain_has_no_gap_and_no_fork),
		cmocka_unit_test(strangers_and_other_networks_are_refused),
		cmocka_unit_test(anchors_name_registrations_of_the_gateways_devices),
		cmocka_unit_test(only_strangers_messages_may_name_strangers),
		cmocka_unit_test(answers_refer_to_what_they_answer),
		cmocka_unit_test(admission_is_lenient_about_what_may_still_come),
		cmocka_unit_test(signatures_are_verified),
		cmocka_unit_test(the_state_tree_tells_each_entity),
		cmocka_unit_test(equal_order_gives_equal_ledgers),
	};
	return cmocka_run_group_tests(tests, found, end);
}
