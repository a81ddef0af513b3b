/* A start without the ledger: what state proofs say of the gateway's devices. */
#include "edge/inside.h"

static bool is_registration(const struct edge_proven *proven, const struct statement *statement)
{
	unsigned expected = proven->kind == ENTITY_PERSON ? STATEMENT_PERSON : STATEMENT_DEVICE;
	return statement->type == expected && span_equal(statement->sub, proven->name);
}

static void take_statement(struct edge *edge, struct span bytes)
{
	struct statement statement;
	if (bytes.size && statement_decode(bytes, &statement, NULL) == OK)
		registry_known(edge, &statement, bytes);
}

void proven_take(struct edge *edge, const struct edge_proven *proven)
{
	struct statement registration;
	if (edge->ready || statement_decode(proven->registration, &registration, NULL) != OK || !is_registration(proven, &registration))
		return;
	registry_known(edge, &registration, proven->registration);
	if (span_equal(proven->name, edge->config.gateway)) {
		edge->proven_seq = proven->last_seq;
		edge->proven_id = proven->last_id;
	}
	struct device *device = edge_device(edge, proven->name);
	if (!device)
		return; /* the gateway itself, a person, or a device of another gateway */
	take_statement(edge, proven->bounds);
	take_statement(edge, proven->model);
	device->state = proven->state;
}

/* The own chain goes on where the own log ends, or else where the ledger had it. If both are behind, the numbers are given anew
 * once the ledger is back. */
void proven_end(struct edge *edge)
{
	if (edge->ready)
		return;
	if (edge->outbox.count == 0) {
		edge->final_seq = edge->proven_seq;
		edge->final_id = edge->proven_id;
	}
	edge->assumed = true;
	edge->ready = true;
	edge_quiet(edge);
	recovery_end(edge);
}
