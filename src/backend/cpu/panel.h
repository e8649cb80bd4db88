/* The best table of kernels over panels for this processor. */
#ifndef ELBO_BACKEND_CPU_PANEL_H
#define ELBO_BACKEND_CPU_PANEL_H

#include "backend/cpu/vector/panel.h"

const elbo_panel_table *elbo_panel_best(void);

#endif
