/* Calibration, in virtual space: re-estimate a model's parameters on recent good data, and keep
 * them only if the error on held-out data falls. Nothing is applied here. Pure. */
#ifndef TALLY_TWIN_CALIBRATION_H
#define TALLY_TWIN_CALIBRATION_H

#include "twin/twin.h"

struct calibration {
	bool accepted;                /* error_after < error_before by a margin, on held-out rows */
	double error_before;          /* RMS of the residual on the held-out rows, in sigma */
	double error_after;
	size_t fitted_rows, held_out_rows;
	struct body_model model;      /* the candidate, version + 1; spans borrowed from the twin until the next call */
	char explanation[240];
};

/* signal: which one to re-estimate. For DIAGNOSIS_SENSOR only gain and bias move; otherwise its machine
 * parameters. E_LIMIT: not enough good rows yet (try again later). E_NOT_FOUND: no model of this signal. The
 * explanation is always set. Source: docs/twin.md, section "Calibration". */
MUST_USE enum status twin_calibrate(struct twin *twin, size_t signal, enum diagnosis diagnosis, struct calibration *out);

#endif
