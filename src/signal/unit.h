/* Units: UCUM codes (case-sensitive) to affine conversions, over udunits2.
 * Unknown or incommensurable units are refused, never guessed. The unit database is read
 * from its package once; conversions are asked for at registration, not per sample. */
#ifndef TALLY_SIGNAL_UNIT_H
#define TALLY_SIGNAL_UNIT_H

#include "base/span.h"
#include "base/status.h"

struct unit_table;
/* E_IO when the unit database cannot be read. */
MUST_USE enum status unit_table_new(struct unit_table **out, struct fault *fault);
void unit_table_free(struct unit_table *table);
/* value_to = value_from * scale + offset. E_UNIT. UCUM: "Cel" "[degF]" "K" "[degR]" "[psi]" "kPa" "bar" "mm/s" "m/s2"
 * "/min" "{rpm}" "%" "N.m" "kW" "A" "L/min" "deg" "mm" "um" "1" "Hz" ...; annotations in braces count as 1.
 * Two of them mean something: "K{diff}" and "Cel{diff}" are differences of temperatures, which have
 * no offset and do not convert to temperatures; "bar{abs}" is a pressure against vacuum.
 * Plane angle is a dimension (as in UCUM), so rad/s is not Hz. */
MUST_USE enum status unit_conversion(struct unit_table *table, struct span from, struct span to,
	double *scale, double *offset, struct fault *fault);
/* Physical floor of a quantity in this unit (absolute zero for temperatures, 0 for absolute pressures), or -infinity.
 * A pressure without {abs} may be a gauge pressure and has no floor. */
double unit_floor(struct unit_table *table, struct span unit);

#endif
