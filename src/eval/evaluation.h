/* The record of an evaluation. */
#ifndef ELBO_EVAL_EVALUATION_H
#define ELBO_EVAL_EVALUATION_H

#include "base/error.h"

/* Fills in evaluation->warning from the other figures. about_data: a warning of the instance, or "". */
void elbo_evaluation_warn(elbo_evaluation *evaluation, const char *about_data);

#endif
