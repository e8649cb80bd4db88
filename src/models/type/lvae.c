/* The ladder variational autoencoder (hierarchy.h): the posterior shares the prior's path down and merges it, weighed
 * by precision, with what a deterministic pass up says of each level. */
#include "infer/infer.h"
#include "models/hierarchy.h"

#define ELBO_TABLE_STRUCT elbo_hierarchy_options
static ELBO_TABLE(options_table, "Model (lvae)", ELBO_HIERARCHY_OPTIONS);
#undef ELBO_TABLE_STRUCT

extern const elbo_model_type elbo_model_lvae;

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const elbo_hierarchy_options *o = context->options;
    elbo_estimate how = {
        .context = context, .model = &elbo_model_lvae, .x = x, .weights = weights, .samples = o->draws};
    out[0] = elbo_estimate_bound(&how, elbo_estimator_find(o->estimator, NULL));
    return 1;
}

const elbo_model_type elbo_model_lvae = {.name = "lvae",
                                         .title = "ladder variational autoencoder",
                                         .description =
                                             "codes in levels; the posterior goes down the same path as the prior and "
                                             "merges its estimates with those of a pass up",
                                         .paper = "Soenderby et al. 2016, arXiv:1602.02282",
                                         .options = &options_table,
                                         .check = elbo_hierarchy_check,
                                         .latent = elbo_hierarchy_latent,
                                         .likelihood = elbo_hierarchy_likelihood,
                                         .levels = elbo_hierarchy_levels,
                                         .initialisation = elbo_hierarchy_initialisation,
                                         .prior = elbo_hierarchy_prior,
                                         .encode = elbo_ladder_encode,
                                         .decode = elbo_hierarchy_decode,
                                         .posterior_width = elbo_ladder_width,
                                         .posterior_numbers = elbo_ladder_numbers,
                                         .posterior = elbo_ladder_posterior,
                                         .updates = updates};
