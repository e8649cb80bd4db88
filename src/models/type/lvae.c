/* The ladder variational autoencoder (hierarchy.h): the posterior shares the prior's path down and merges it, weighed
 * by precision, with what a deterministic pass up says of each level. */
#include "models/hierarchy.h"

#define ELBO_TABLE_STRUCT elbo_hierarchy_options
static ELBO_TABLE(options_table, "Model (lvae)", ELBO_HIERARCHY_OPTIONS);
#undef ELBO_TABLE_STRUCT

extern const elbo_model_type elbo_model_lvae;

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    return elbo_hierarchy_updates(context, &elbo_model_lvae, x, weights, out);
}

const elbo_model_type elbo_model_lvae = {.name = "lvae",
                                         .title = "ladder variational autoencoder",
                                         .description =
                                             "codes in levels; the posterior goes down the same path as the prior and "
                                             "merges its estimates with those of a pass up",
                                         .paper = "Soenderby et al. 2016, arXiv:1602.02282",
                                         .options = &options_table,
                                         ELBO_HIERARCHY_PARTS(ladder),
                                         .updates = updates};
