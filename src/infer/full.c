/* Full variational Bayes (Kingma and Welling 2013, appendix F): each weight of the decoder has a normal posterior of
 * its own, N(loc, scale^2), and the prior N(0, 1). loc carries the weight's own name, so that whoever opens the model
 * afterwards decodes with the posterior's mean. One draw of the weights serves a batch. */
#include "infer/infer.h"

int elbo_infer_full(elbo_estimate *e, const elbo_estimator_type *type, elbo_update out[ELBO_MODEL_UPDATES]) {
    elbo_weight_posterior weights = {.group = "decoder"};
    e->context->builder.weights = &weights;
    out[0] = elbo_estimate_bound(e, type);
    e->context->builder.weights = NULL;
    if (!out[0].objective || !weights.kl) return 1;
    double rows = e->context->data_rows > 0 ? (double)e->context->data_rows : 1;
    elbo_node *share = elbo_scale(weights.kl, 1 / rows);
    out[0].kl = elbo_add(out[0].kl, share);
    out[0].loss = elbo_add(out[0].loss, share);
    out[0].objective = elbo_add(out[0].objective, share);
    return 1;
}
