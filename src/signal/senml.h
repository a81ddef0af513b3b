/* The unit symbols of SenML (RFC 8428, section 12.1; RFC 8798) and their UCUM codes. Pure. */
#ifndef TALLY_SIGNAL_SENML_H
#define TALLY_SIGNAL_SENML_H

#include "signal/unit.h"

/* A set of SenML units, by their index in the registry. */
struct senml_units {
	uint64_t bits[2];
};

/* The SenML units that denote exactly `unit` (a UCUM code): no conversion, or one that changes nothing. */
struct senml_units senml_units_same(struct unit_table *table, struct span unit);
/* Whether the SenML symbol is in the set; false for one that is not in the registry. */
bool senml_units_have(const struct senml_units *units, struct span symbol);
/* The UCUM code of a SenML symbol, or NULL. */
const char *senml_unit_code(struct span symbol);

#endif
