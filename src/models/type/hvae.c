/* The plain hierarchy of codes (hierarchy.h): p(z_L) prod p(z_i|z_i+1) p(x|z_1), with the posterior q(z_1|x) prod
 * q(z_i+1|z_i). Without batch norm and warm-up its upper levels stay unused. With --estimator iwae it is the two-layer
 * model of Burda et al. 2015. */
#include "infer/infer.h"
#include "models/hierarchy.h"

#define ELBO_TABLE_STRUCT elbo_hierarchy_options
static ELBO_TABLE(options_table, "Model (hvae)", ELBO_HIERARCHY_OPTIONS);
#undef ELBO_TABLE_STRUCT

extern const elbo_model_type elbo_model_hvae;

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const elbo_hierarchy_options *o = context->options;
    elbo_estimate how = {
        .context = context, .model = &elbo_model_hvae, .x = x, .weights = weights, .samples = o->draws};
    out[0] = elbo_estimate_bound(&how, elbo_estimator_find(o->estimator, NULL));
    return 1;
}

const elbo_model_type elbo_model_hvae = {
    .name = "hvae",
    .title = "hierarchical variational autoencoder",
    .description = "codes in levels, each a normal given the next; posterior bottom up, level by level",
    .paper = "Soenderby et al. 2016, arXiv:1602.02282; Burda et al. 2015, arXiv:1509.00519",
    .options = &options_table,
    .check = elbo_hierarchy_check,
    .latent = elbo_hierarchy_latent,
    .likelihood = elbo_hierarchy_likelihood,
    .levels = elbo_hierarchy_levels,
    .initialisation = elbo_hierarchy_initialisation,
    .prior = elbo_hierarchy_prior,
    .encode = elbo_stack_encode,
    .decode = elbo_hierarchy_decode,
    .posterior_width = elbo_stack_width,
    .posterior_numbers = elbo_stack_numbers,
    .posterior = elbo_stack_posterior,
    .updates = updates};
