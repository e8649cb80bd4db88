#include "models/autoencoder.h"

#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "infer/infer.h"

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }

const elbo_relevance elbo_autoencoder_relevance[] = {
    ELBO_CODE_RULES, ELBO_NETWORK_RULES, ELBO_DECODER_RULES, ELBO_INFERENCE_RULES, {NULL}};

/* ---- heads: what was chosen; elbo_autoencoder_check has seen that it can be read ---- */

/* Models without the option have the normal distribution. */
static const char *prior_text(const elbo_autoencoder_options *o) { return o->prior ? o->prior : "normal"; }
static const char *posterior_text(const elbo_autoencoder_options *o) { return o->posterior ? o->posterior : "normal"; }

static elbo_status prior_head(const elbo_autoencoder_options *o, elbo_head *head, elbo_error *error) {
    elbo_head_sizes sizes = {.size = o->latent, .components = o->components};
    return elbo_head_parse(head, "--prior", prior_text(o), sizes, error);
}

static elbo_status posterior_head(const elbo_autoencoder_options *o, elbo_head *head, elbo_error *error) {
    elbo_head_sizes sizes = {.size = o->latent, .components = o->components};
    return elbo_head_parse(head, "--posterior", posterior_text(o), sizes, error);
}

/* Levels are the one parameter that has an option of its own. */
static elbo_status likelihood_head(const elbo_autoencoder_options *o, int64_t size, elbo_head *head,
                                   elbo_error *error) {
    elbo_head_sizes sizes = {.size = size, .components = o->components, .levels = o->levels};
    ELBO_TRY(elbo_head_parse(head, "--likelihood", o->likelihood, sizes, error));
    if (head->type->support == ELBO_SUPPORT_CLASSES) head->components = o->levels;
    /* levels span up to 256 units: loc and scale in these */
    if (head->type->support == ELBO_SUPPORT_LEVELS) head->unit = 0.5 * (double)(o->levels - 1);
    return ELBO_OK;
}

static bool is_mixture(const elbo_head *head) { return strstr(head->type->name, "mixture") != NULL; }

static elbo_head_freedom prior_freedom(const elbo_autoencoder_options *o) {
    return o->learn_prior ? ELBO_HEAD_FREE : ELBO_HEAD_STANDARD;
}

/* ---- checks ---- */

static elbo_status check_prior(const elbo_autoencoder_options *o, const elbo_head *prior, elbo_error *error) {
    if (o->learn_prior && elbo_head_width(prior) == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--learn-prior: every parameter of --prior %s is given", o->prior);
    if (is_mixture(prior) && !o->learn_prior)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--prior %s has no standard form: give --learn-prior to train weights, means and scales",
                         prior->type->name);
    return ELBO_OK;
}

/* Each draw of the posterior must have a density under the prior; where the encoder learns from draws of the prior,
 * the other way round too. */
static elbo_status check_ranges(const elbo_autoencoder_options *o, const elbo_head *prior, const elbo_head *posterior,
                                elbo_error *error) {
    char here[128], there[128];
    elbo_head_range_text(posterior, ELBO_HEAD_FREE, here, sizeof here);
    elbo_head_range_text(prior, prior_freedom(o), there, sizeof there);
    if (!elbo_head_fits(posterior, ELBO_HEAD_FREE, prior, prior_freedom(o)))
        return elbo_fail(
            error, ELBO_ERROR_USAGE, "--posterior %s does not go with --prior %s: it gives %s; the prior has %s%s",
            posterior_text(o), prior_text(o), here, there, o->learn_prior ? ", and --learn-prior moves it" : "");
    if (o->inference && is(o->inference, "wake-sleep") &&
        !elbo_head_fits(prior, prior_freedom(o), posterior, ELBO_HEAD_FREE))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--inference wake-sleep shows draws of --prior %s to --posterior %s, which must cover them: "
                         "the prior gives %s; the posterior has %s",
                         prior_text(o), posterior_text(o), there, here);
    return ELBO_OK;
}

static elbo_status check_posterior(const elbo_autoencoder_options *o, elbo_error *error) {
    elbo_head prior, posterior;
    ELBO_TRY(prior_head(o, &prior, error));
    ELBO_TRY(posterior_head(o, &posterior, error));
    if (elbo_head_width(&posterior) == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--posterior %s: every parameter is given, so that nothing is left for the encoder",
                         posterior_text(o));
    if (is(posterior.type->name, "categorical"))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--posterior categorical draws class numbers, which are no code: use multinomial(total=1) for "
                         "one-hot codes, or relaxed_categorical");
    if (o->free_bits > 0 && (elbo_dist_own_rank(prior.type) > 0 || elbo_dist_own_rank(posterior.type) > 0))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--free-bits needs a KL for each dimension: --posterior %s and --prior %s have one for the "
                         "whole code",
                         posterior_text(o), prior_text(o));
    ELBO_TRY(check_prior(o, &prior, error));
    return check_ranges(o, &prior, &posterior, error);
}

/* A convolution makes images: as many numbers of each kind as the datum has values. */
static bool is_images(const elbo_head *head) {
    for (int k = 0; k < elbo_head_parameters(head->type); k++) {
        int64_t width = elbo_head_parameter_width(head, k);
        bool classes = head->type->support == ELBO_SUPPORT_CLASSES && width == head->size * head->components;
        if (width != 0 && width != head->size && !classes) return false;
    }
    return true;
}

static elbo_status check_likelihood(const elbo_autoencoder_options *o, int64_t size, elbo_error *error) {
    elbo_head likelihood;
    ELBO_TRY(likelihood_head(o, size, &likelihood, error));
    if (elbo_head_width(&likelihood) == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--likelihood %s: every parameter is given, so that nothing is left for the decoder",
                         o->likelihood);
    if (is(o->network.network, "conv") && !is_images(&likelihood))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--likelihood %s has parameters that are no images: use --network mlp", o->likelihood);
    return ELBO_OK;
}

/* The limit of the KL, which only one bound's multiplier can be set by. */
static elbo_status check_budget(const elbo_autoencoder_options *o, const elbo_estimator_type *estimator,
                                elbo_error *error) {
    if (o->kl_budget > 0 && !is(o->inference, "sgvb"))
        return elbo_fail(error, ELBO_ERROR_USAGE, "--kl-budget needs --inference sgvb, not %s", o->inference);
    if (o->kl_budget > 0 && estimator->weighted)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--kl-budget needs a bound with a KL: --estimator a, b, stl or reinforce, not %s",
                         estimator->name);
    return ELBO_OK;
}

static elbo_status check_inference(const elbo_autoencoder_options *o, elbo_error *error) {
    elbo_head posterior;
    ELBO_TRY(posterior_head(o, &posterior, error));
    if (!o->inference && posterior.type->draws == ELBO_DRAWS_PLAIN)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--posterior %s is %s: the model is trained through draws that carry a gradient",
                         posterior.type->name, elbo_draws_text(ELBO_DRAWS_PLAIN));
    if (!o->inference) return ELBO_OK;
    const elbo_estimator_type *estimator = elbo_estimator_find(o->estimator, error);
    if (!estimator) return ELBO_ERROR_USAGE;
    bool plain = posterior.type->draws == ELBO_DRAWS_PLAIN;
    bool on_bound = !is(o->inference, "wake-sleep") && !is(o->inference, "mcem");
    if (plain && estimator->reparameterised && on_bound)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--posterior %s is %s, so that estimator %s has no gradient: use --estimator reinforce or "
                         "vimco",
                         posterior.type->name, elbo_draws_text(ELBO_DRAWS_PLAIN), estimator->name);
    elbo_head real = {.type = &elbo_dist_normal};
    if (is(o->inference, "mcem") && (plain || !elbo_head_fits(&real, ELBO_HEAD_FREE, &posterior, ELBO_HEAD_FREE)))
        return elbo_fail(error, ELBO_ERROR_USAGE, "--inference mcem walks through real codes; --posterior %s gives %s",
                         posterior.type->name, elbo_support_text(posterior.type->support));
    if (on_bound) ELBO_TRY(elbo_estimator_check_draws(estimator, o->draws, o->groups, error));
    if (is(o->estimator, "reinforce") && is(o->control, "leave-one-out") && o->draws < 2)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--control leave-one-out compares draws: give --draws 2 or more");
    bool calm = is(o->control, "none") || is(o->control, "leave-one-out");
    if (is(o->inference, "bbvi") && is(o->estimator, "reinforce") && !calm)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--inference bbvi with --estimator reinforce knows --control none and leave-one-out; a %s one "
                         "belongs to an encoder",
                         o->control);
    if (o->free_bits > 0 && !estimator->free_bits)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--free-bits needs a KL for each dimension: --estimator a or b");
    return check_budget(o, estimator, error);
}

elbo_status elbo_autoencoder_check(const void *options, const elbo_item *item, elbo_error *error) {
    const elbo_autoencoder_options *o = options;
    ELBO_TRY(elbo_network_check(&o->network, item, error));
    ELBO_TRY(check_likelihood(o, item->size, error));
    ELBO_TRY(check_posterior(o, error));
    return check_inference(o, error);
}

/* ---- parts ---- */

int64_t elbo_autoencoder_latent(const void *options) { return ((const elbo_autoencoder_options *)options)->latent; }

const elbo_dist_type *elbo_autoencoder_likelihood(const void *options) {
    elbo_head head;
    return likelihood_head(options, 1, &head, NULL) == ELBO_OK ? head.type : NULL;
}

int64_t elbo_autoencoder_levels(const void *options) { return ((const elbo_autoencoder_options *)options)->levels; }

void elbo_autoencoder_initialisation(const void *options, elbo_init *init, double *scale) {
    elbo_network_initialisation(&((const elbo_autoencoder_options *)options)->network, init, scale);
}

/* The prior's own numbers, [1, width]: a tensor for each parameter that is not given. They start as the standard
 * distribution, but for the means of a mixture, which are drawn from it: components that start as one stay one. */
static elbo_node *prior_numbers(elbo_context *context, const elbo_head *head) {
    elbo_node *part[ELBO_DIST_PARAMETERS];
    int parts = 0;
    context->builder.group = "prior";
    for (int k = 0; k < elbo_head_parameters(head->type); k++) {
        int64_t width = elbo_head_parameter_width(head, k);
        const char *name = head->type->parameter[k].name;
        bool apart = is_mixture(head) && is(name, "loc");
        if (width > 0)
            part[parts++] = elbo_nn_param(&context->builder, "numbers", name, ELBO_SHAPE(1, width),
                                          apart ? ELBO_INIT_NORMAL : ELBO_INIT_ZERO, 1, width, width);
    }
    return parts > 1 ? elbo_concat(part, parts, -1) : part[0];
}

elbo_dist elbo_autoencoder_prior(elbo_context *context, int64_t rows) {
    const elbo_autoencoder_options *o = context->options;
    elbo_head head;
    if (prior_head(o, &head, NULL) != ELBO_OK) return (elbo_dist){0};
    if (!o->learn_prior) return elbo_head_standard(&head, context->builder.graph, rows);
    elbo_node *numbers = prior_numbers(context, &head);
    return elbo_head_dist(&head, elbo_broadcast_to(numbers, ELBO_SHAPE(rows, elbo_head_width(&head))));
}

int64_t elbo_autoencoder_posterior_width(const void *options) {
    elbo_head head;
    return posterior_head(options, &head, NULL) == ELBO_OK ? elbo_head_width(&head) : 0;
}

elbo_node *elbo_autoencoder_posterior_numbers(elbo_context *context, elbo_node *x) {
    const elbo_autoencoder_options *o = context->options;
    return elbo_network_encode(context, &o->network, x, "posterior", elbo_autoencoder_posterior_width(o));
}

/* A normal posterior's numbers are [mu, log sigma^2], as in the paper; others are as in head.h. */
elbo_dist elbo_autoencoder_posterior(elbo_context *context, elbo_node *numbers) {
    const elbo_autoencoder_options *o = context->options;
    elbo_head head;
    if (!numbers || posterior_head(o, &head, NULL) != ELBO_OK) return (elbo_dist){0};
    if (head.type != &elbo_dist_normal || head.fixed[0] || head.fixed[1]) return elbo_head_dist(&head, numbers);
    elbo_node *log_variance = elbo_slice(numbers, -1, o->latent, o->latent);
    return elbo_normal(elbo_slice(numbers, -1, 0, o->latent), elbo_scale(log_variance, 0.5), 1);
}

elbo_dist elbo_autoencoder_encode(elbo_context *context, elbo_node *x) {
    if (elbo_autoencoder_local(context->options) == ELBO_LOCAL_NONE)
        return elbo_autoencoder_posterior(context, elbo_autoencoder_posterior_numbers(context, x));
    if (context->local) return elbo_autoencoder_posterior(context, context->local);
    elbo_graph_fail(context->builder.graph, ELBO_ERROR_STATE,
                    "this model has no encoder: its posterior is fitted to each datum");
    return (elbo_dist){0};
}

/* log sigma, kept above log min_scale: log(min + e^s) would cost accuracy, a clamp keeps the gradient clean. */
static elbo_node *bounded(elbo_node *log_scale, double minimum) {
    return elbo_max(log_scale, elbo_scalar(elbo_node_graph(log_scale), log(minimum)));
}

static elbo_dist gaussian(elbo_context *context, elbo_node *z) {
    const elbo_autoencoder_options *o = context->options;
    elbo_graph *graph = context->builder.graph;
    int64_t size = context->item.size;
    bool learned = is(o->variance, "learned");
    elbo_node *both = elbo_network_decode(context, &o->network, z, learned ? 2 : 1);
    elbo_node *loc = learned ? elbo_slice(both, -1, 0, size) : both;
    if (o->bounded_mean) loc = elbo_sigmoid(loc);
    if (learned) return elbo_normal(loc, bounded(elbo_scale(elbo_slice(both, -1, size, size), 0.5), o->min_scale), 1);
    if (is(o->variance, "fixed")) return elbo_normal(loc, elbo_scalar(graph, log(o->scale)), 1);
    elbo_node *shared =
        elbo_nn_param(&context->builder, "output", "log_scale", ELBO_SHAPE(1), ELBO_INIT_CONSTANT, log(o->scale), 1, 1);
    return elbo_normal(loc, bounded(shared, o->min_scale), 1);
}

static elbo_dist categorical(elbo_context *context, elbo_node *z) {
    const elbo_autoencoder_options *o = context->options;
    elbo_shape shape = elbo_node_shape(z);
    elbo_node *logits = elbo_network_decode(context, &o->network, z, o->levels);
    if (!logits || shape.rank >= ELBO_MAX_RANK) return (elbo_dist){0};
    shape.dim[shape.rank - 1] = context->item.size;
    shape.dim[shape.rank++] = o->levels;
    if (!is(o->network.network, "conv")) return elbo_categorical(elbo_reshape(logits, shape), 1);
    /* a convolution yields [..., levels, size]: bring the levels to the end */
    int permutation[ELBO_MAX_RANK];
    for (int axis = 0; axis < shape.rank; axis++) permutation[axis] = axis;
    permutation[shape.rank - 2] = shape.rank - 1;
    permutation[shape.rank - 1] = shape.rank - 2;
    shape.dim[shape.rank - 2] = o->levels;
    shape.dim[shape.rank - 1] = context->item.size;
    return elbo_categorical(elbo_transpose(elbo_reshape(logits, shape), permutation), 1);
}

elbo_dist elbo_autoencoder_decode(elbo_context *context, elbo_node *z) {
    const elbo_autoencoder_options *o = context->options;
    elbo_head head;
    if (likelihood_head(o, context->item.size, &head, NULL) != ELBO_OK) return (elbo_dist){0};
    bool given = head.fixed[0] || head.fixed[1];
    if (head.type == &elbo_dist_normal && !given) return gaussian(context, z);
    if (head.type == &elbo_dist_categorical) return categorical(context, z);
    if (head.type == &elbo_dist_bernoulli) return elbo_bernoulli(elbo_network_decode(context, &o->network, z, 1), 1);
    int64_t width = elbo_head_width(&head), size = context->item.size;
    if (width % size == 0) return elbo_head_dist(&head, elbo_network_decode(context, &o->network, z, width / size));
    elbo_node *padded = elbo_network_decode(context, &o->network, z, width / size + 1);
    return elbo_head_dist(&head, elbo_slice(padded, -1, 0, width));
}

elbo_local elbo_autoencoder_local(const void *options) {
    const char *inference = ((const elbo_autoencoder_options *)options)->inference;
    if (!inference) return ELBO_LOCAL_NONE;
    return is(inference, "bbvi") ? ELBO_LOCAL_NUMBERS : is(inference, "mcem") ? ELBO_LOCAL_CODES : ELBO_LOCAL_NONE;
}

int64_t elbo_autoencoder_local_steps(const void *options) {
    return ((const elbo_autoencoder_options *)options)->local_steps;
}

double elbo_autoencoder_local_rate(const void *options) {
    return ((const elbo_autoencoder_options *)options)->local_rate;
}

int64_t elbo_autoencoder_repeats(const void *options) {
    const elbo_autoencoder_options *o = options;
    return is(o->inference, "mcem") ? o->repeats : 1;
}

bool elbo_autoencoder_learns_prior(const void *options) {
    return ((const elbo_autoencoder_options *)options)->learn_prior;
}

bool elbo_autoencoder_single_dimensions(const void *options) {
    elbo_head head;
    return posterior_head(options, &head, NULL) == ELBO_OK && elbo_dist_own_rank(head.type) == 0;
}

/* ---- training ---- */

int elbo_autoencoder_updates(elbo_context *context, const elbo_model_type *model, elbo_node *x,
                             const elbo_weights *weights, elbo_update out[ELBO_MODEL_UPDATES]) {
    const elbo_autoencoder_options *o = context->options;
    elbo_estimate how = {.context = context,
                         .model = model,
                         .x = x,
                         .weights = weights,
                         .samples = o->draws,
                         .groups = o->groups,
                         .share = o->share,
                         .control = o->control,
                         .free_bits = o->free_bits};
    const elbo_estimator_type *estimator = elbo_estimator_find(o->estimator, NULL);
    if (!estimator) return 0;
    if (context->builder.training && is(o->inference, "wake-sleep")) return elbo_infer_wake_sleep(&how, out);
    if (context->builder.training && is(o->inference, "mcem")) return elbo_infer_codes(&how, out);
    if (context->builder.training && is(o->inference, "full-vb")) return elbo_infer_full(&how, estimator, out);
    if (context->builder.training && o->kl_budget > 0)
        out[0] = elbo_estimate_budget(&how, estimator, o->kl_budget, o->kl_budget_rate);
    else
        out[0] = elbo_estimate_bound(&how, estimator);
    return 1;
}
