/* Which kernels over panels this processor runs: those that go with its vector kernels. */
#include "backend/cpu/panel.h"

#include <string.h>

#include "backend/cpu/vector/vector.h"

const elbo_panel_table *elbo_panel_best(void) {
#ifdef ELBO_VECTOR_X86
    const elbo_panel_table *const tables[] = {&elbo_panel_avx512, &elbo_panel_avx2};
    for (int i = 0; i < 2; i++)
        if (strcmp(tables[i]->name, elbo_vector_best()->name) == 0) return tables[i];
#endif
    return &elbo_panel_baseline;
}
