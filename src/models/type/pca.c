/* The linear autoencoder with orthonormal tied weights: minimise E |x - b - W W'(x - b)|^2 over W'W = I. Its minimum is
 * the subspace of the first principal components (Baldi and Hornik 1989), in no particular basis, and b the mean.
 *
 * W is a function of a free matrix V of the same shape: the orthonormal basis of its columns that lies nearest to it,
 *   W = V (V'V)^(-1/2),
 * so that W'W = I to rounding at every step and in every use. The root is found by the coupled Newton-Schulz iteration
 * (Higham 2008, Functions of Matrices, (6.35)) on A = V'V / c with c = max row sum of |V'V|, which bounds its
 * eigenvalues by 1:
 *   Y = A, Z = I;  T = (3 I - Z Y) / 2;  Y <- Y T, Z <- T Z;  Z -> A^(-1/2).
 * The loss does not depend on how long and how skewed the columns of V are, so |V'V - I|^2 is added to the objective:
 * it keeps V near W, where the iteration converges at once, and moves the minimum nowhere. */
#include <math.h>

#include "graph/graph.h"
#include "models/deterministic.h"

#define PCA_OPTIONS(O)                                                                            \
    O(INT, latent, "20", 1, 65536, NULL, "dimensions of the subspace, at most those of the data") \
    O(REAL, init_scale, "1", 1e-6, 1e6, NULL, "factor on the start, whose columns have length about 1")
ELBO_OPTIONS_STRUCT(pca_options, PCA_OPTIONS);
#define ELBO_TABLE_STRUCT pca_options
static ELBO_TABLE(pca_table, "Model (pca)", PCA_OPTIONS);
#undef ELBO_TABLE_STRUCT

static const elbo_relevance relevance[] = {ELBO_DETERMINISTIC_RULES, {NULL}};

/* Small eigenvalues grow by 9/4 in each iteration until they are near 1, and then converge quadratically: 14 are enough
 * for any of 1e-3 and above; those of V'V are near 1 but at a random start. */
enum { ROOT_ITERATIONS = 14 };

extern const elbo_model_type elbo_model_pca;

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    const pca_options *o = options;
    if (o->latent <= item->size) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE,
                     "--latent %lld: a subspace of data of %lld values has at most %lld dimensions",
                     (long long)o->latent, (long long)item->size, (long long)item->size);
}

static int64_t latent(const void *options) { return ((const pca_options *)options)->latent; }
static int64_t no_levels(const void *options) { return (void)options, 0; }

static const elbo_dist_type *likelihood(const void *options) {
    (void)options;
    return &elbo_squared_error_type;
}

static void initialisation(const void *options, elbo_init *init, double *scale) {
    *init = ELBO_INIT_NORMAL;
    *scale = ((const pca_options *)options)->init_scale;
}

static elbo_node *identity(elbo_graph *graph, int64_t n) {
    elbo_node *row =
        elbo_reshape(elbo_cumsum(elbo_constant(graph, 1, ELBO_SHAPE(n)), 0, true, false), ELBO_SHAPE(n, 1));
    elbo_node *column = elbo_reshape(row, ELBO_SHAPE(1, n));
    return elbo_equal(row, column);
}

/* V: [size, latent] */
static elbo_node *free_matrix(elbo_context *context) {
    const pca_options *o = context->options;
    context->builder.group = "subspace";
    double scale = o->init_scale / sqrt((double)context->item.size);
    return elbo_nn_param(&context->builder, "basis", "weight", ELBO_SHAPE(context->item.size, o->latent),
                         ELBO_INIT_NORMAL, scale, context->item.size, o->latent);
}

static elbo_node *shift(elbo_context *context) {
    context->builder.group = "subspace";
    int64_t size = context->item.size;
    return elbo_nn_param(&context->builder, "mean", "bias", ELBO_SHAPE(size), ELBO_INIT_ZERO, 0, size, size);
}

/* W: [size, latent]; *gram: V'V, or NULL. */
static elbo_node *basis(elbo_context *context, elbo_node **gram) {
    const pca_options *o = context->options;
    elbo_graph *graph = context->builder.graph;
    elbo_node *v = free_matrix(context);
    elbo_scope_push(graph, "orthonormal");
    elbo_node *a = elbo_matmul(v, v, true, false), *one = identity(graph, o->latent);
    if (gram) *gram = a;
    /* W is the same for every c: no gradient through it */
    elbo_node *c = elbo_stop_gradient(elbo_max_over(elbo_sum(elbo_abs(a), -1, -1, false), 0, 0, true));
    elbo_node *y = elbo_div(a, c), *z = one;
    for (int i = 0; i < ROOT_ITERATIONS; i++) {
        elbo_node *t = elbo_scale(elbo_sub(elbo_scale(one, 3), elbo_matmul(z, y, false, false)), 0.5);
        if (i + 1 < ROOT_ITERATIONS) y = elbo_matmul(y, t, false, false);
        z = elbo_matmul(t, z, false, false);
    }
    elbo_node *w = elbo_mul(elbo_matmul(v, z, false, false), elbo_rsqrt(c));
    elbo_scope_pop(graph);
    return w;
}

static elbo_dist prior(elbo_context *context, int64_t rows) {
    return elbo_code_prior(context, rows, latent(context->options));
}

static elbo_dist encode(elbo_context *context, elbo_node *x) {
    return elbo_code(elbo_matmul(elbo_sub(x, shift(context)), basis(context, NULL), false, false));
}

static elbo_dist decode(elbo_context *context, elbo_node *z) {
    return elbo_squared_error(elbo_add(elbo_matmul(z, basis(context, NULL), false, true), shift(context)));
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    elbo_node *gram;
    (void)weights;
    out[0] = elbo_deterministic_update(context, &elbo_model_pca, x, x);
    basis(context, &gram);
    elbo_node *away = elbo_sub(gram, identity(context->builder.graph, latent(context->options)));
    out[0].objective = elbo_add(out[0].loss, elbo_sum_all(elbo_square(away)));
    return 1;
}

const elbo_model_type elbo_model_pca = {.name = "pca",
                                        .title = "linear autoencoder, orthonormal tied weights",
                                        .description = "the subspace of principal components, found by gradients",
                                        .paper = "Baldi and Hornik 1989, Neural Networks 2(1)",
                                        .options = &pca_table,
                                        .relevance = relevance,
                                        ELBO_DETERMINISTIC_PARTS,
                                        .updates = updates};
