/* The plain hierarchy of codes (hierarchy.h): p(z_L) prod p(z_i|z_i+1) p(x|z_1), with the posterior q(z_1|x) prod
 * q(z_i+1|z_i). Without batch norm and warm-up its upper levels stay unused. With --estimator iwae it is the two-layer
 * model of Burda et al. 2015. */
#include "models/hierarchy.h"

#define ELBO_TABLE_STRUCT elbo_hierarchy_options
static ELBO_TABLE(options_table, "Model (hvae)", ELBO_HIERARCHY_OPTIONS);
#undef ELBO_TABLE_STRUCT

extern const elbo_model_type elbo_model_hvae;

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    return elbo_hierarchy_updates(context, &elbo_model_hvae, x, weights, out);
}

const elbo_model_type elbo_model_hvae = {
    .name = "hvae",
    .title = "hierarchical variational autoencoder",
    .description = "codes in levels, each a normal given the next; posterior bottom up, level by level",
    .paper = "Soenderby et al. 2016, arXiv:1602.02282; Burda et al. 2015, arXiv:1509.00519",
    .options = &options_table,
    ELBO_HIERARCHY_PARTS(stack),
    .updates = updates};
