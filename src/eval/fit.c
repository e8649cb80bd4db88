/* Classic fits: methods, options, and the fit itself. */
#include "eval/fit.h"

#include <string.h>

#include "base/memory.h"

#define ELBO_TABLE_STRUCT elbo_fit_options
ELBO_TABLE(elbo_fit_options_table, "Fit", ELBO_FIT_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* ---- Methods and what they read ---- */

typedef struct method {
    const char *name, *description;
    const char *const *options; /* beyond those that all of them read */
} method;

static const char *const common[] = {"iterations", "tolerance", "restarts", "seed", "variance_floor", NULL};
static const char *const of_gmm[] = {"components", "covariance", NULL};
static const char *const of_bgmm[] = {
    "components", "covariance", "prior_concentration", "prior_strength", "prior_degrees", "prior_scale", NULL};
static const char *const of_linear[] = {"latent", NULL};

/* In the order of elbo_fit_kind. */
static const method methods[] = {{"gmm", "mixture of Gaussians by EM", of_gmm},
                                 {"bgmm", "Bayesian mixture of Gaussians by mean-field variational inference", of_bgmm},
                                 {"ppca", "probabilistic principal component analysis by EM", of_linear},
                                 {"fa", "factor analysis by EM", of_linear}};
enum { METHODS = sizeof methods / sizeof *methods };

const char *elbo_fit_method(size_t index, const char **description) {
    if (index >= METHODS) return NULL;
    if (description) *description = methods[index].description;
    return methods[index].name;
}

static const method *find_method(const char *name) {
    for (size_t i = 0; i < METHODS; i++)
        if (strcmp(methods[i].name, name) == 0) return &methods[i];
    return NULL;
}

static bool listed(const char *const *names, const char *name) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

bool elbo_fit_applies(const char *name, const char *option) {
    const method *found = find_method(name);
    const elbo_option *row = elbo_options_find(&elbo_fit_options_table, option);
    return found && row && (listed(common, row->name) || listed(found->options, row->name));
}

/* An option that the method does not read must be at its default. */
static elbo_status check_options(const method *chosen, const elbo_fit_options *options, elbo_error *error) {
    elbo_fit_options initial;
    ELBO_TRY(elbo_options_init(&elbo_fit_options_table, &initial, error));
    elbo_status status = ELBO_OK;
    for (size_t i = 0; status == ELBO_OK && i < elbo_fit_options_table.count; i++) {
        const char *name = elbo_fit_options_table.rows[i].name;
        char have[64], own[64];
        elbo_options_get(&elbo_fit_options_table, options, name, have, sizeof have);
        elbo_options_get(&elbo_fit_options_table, &initial, name, own, sizeof own);
        if (strcmp(have, own) != 0 && !elbo_fit_applies(chosen->name, name))
            status = elbo_fail(error, ELBO_ERROR_USAGE, "fit: option %s is set to %s, but %s (%s) has no use for it",
                               name, have, chosen->name, chosen->description);
    }
    elbo_options_clear(&elbo_fit_options_table, &initial);
    return status;
}

/* A copy with texts of its own; values that came from elsewhere than a table are checked on the way. */
static elbo_status copy_options(const elbo_fit_options *from, elbo_fit_options *to, elbo_error *error) {
    ELBO_TRY(elbo_options_init(&elbo_fit_options_table, to, error));
    if (!from) return ELBO_OK;
    for (size_t i = 0; i < elbo_fit_options_table.count; i++) {
        const char *name = elbo_fit_options_table.rows[i].name;
        char text[64];
        elbo_options_get(&elbo_fit_options_table, from, name, text, sizeof text);
        ELBO_TRY(elbo_options_set(&elbo_fit_options_table, to, name, text, error));
    }
    return ELBO_OK;
}

/* ---- A fit without values ---- */

bool elbo_fit_is_mixture(const elbo_fit *fit) { return fit->kind == ELBO_FIT_GMM || fit->kind == ELBO_FIT_BGMM; }

static elbo_covariance_kind covariance_kind(const elbo_fit_options *options) {
    if (strcmp(options->covariance, "full") == 0) return ELBO_COVARIANCE_FULL;
    return strcmp(options->covariance, "spherical") == 0 ? ELBO_COVARIANCE_SPHERICAL : ELBO_COVARIANCE_DIAGONAL;
}

static elbo_status allocate(elbo_fit *fit, elbo_error *error) {
    int64_t dims = fit->info.item_size;
    fit->centre = elbo_calloc((size_t)dims * sizeof *fit->centre);
    if (!fit->centre) return elbo_fail_memory(error, (size_t)dims * sizeof *fit->centre, "a fit");
    if (!elbo_fit_is_mixture(fit)) {
        fit->info.codes = fit->options.latent;
        if (fit->options.latent >= dims)
            return elbo_fail(error, ELBO_ERROR_USAGE,
                             "fit: %lld latent dimensions for rows of %lld numbers; fewer are "
                             "expected",
                             (long long)fit->options.latent, (long long)dims);
        return elbo_linear_new(&fit->linear, dims, fit->options.latent, fit->kind == ELBO_FIT_PPCA, error);
    }
    size_t bytes = (size_t)(fit->options.components * dims) * sizeof *fit->means;
    fit->info.codes = fit->options.components;
    fit->means = elbo_calloc(bytes);
    if (!fit->means) return elbo_fail_memory(error, bytes, "the means of a mixture");
    ELBO_TRY(elbo_mixture_new(&fit->mixture, fit->options.components, dims, covariance_kind(&fit->options),
                              fit->kind == ELBO_FIT_BGMM, error));
    fit->mixture.variance_floor = fit->options.variance_floor;
    return ELBO_OK;
}

elbo_fit *elbo_fit_blank(const char *name, const elbo_fit_options *options, int item_rank, const int64_t *item_shape,
                         int threads, elbo_error *error) {
    const method *chosen = find_method(name);
    if (!chosen)
        return elbo_fail_null(error, ELBO_ERROR_USAGE,
                              "fit: no method is called \"%s\"; gmm, bgmm, ppca or fa was "
                              "expected",
                              name);
    elbo_fit *fit = elbo_calloc(sizeof *fit);
    if (!fit) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a fit");
    fit->kind = (elbo_fit_kind)(chosen - methods);
    fit->threads = threads;
    fit->info =
        (elbo_fit_info){.method = chosen->name, .options = &fit->options, .item_rank = item_rank, .item_size = 1};
    for (int axis = 0; axis < item_rank; axis++) {
        fit->info.item_shape[axis] = item_shape[axis];
        fit->info.item_size *= item_shape[axis];
    }
    if (copy_options(options, &fit->options, error) == ELBO_OK &&
        check_options(chosen, &fit->options, error) == ELBO_OK && allocate(fit, error) == ELBO_OK)
        return fit;
    elbo_fit_free(fit);
    return NULL;
}

void elbo_fit_free(elbo_fit *fit) {
    if (!fit) return;
    elbo_options_clear(&elbo_fit_options_table, &fit->options);
    elbo_mixture_free(&fit->mixture);
    elbo_linear_free(&fit->linear);
    elbo_fit_trace_free(&fit->trace);
    elbo_free(fit->means);
    elbo_free(fit->centre);
    elbo_free(fit);
}

void elbo_fit_place_means(elbo_fit *fit) {
    int64_t dims = fit->info.item_size, count = fit->mixture.components * dims;
    for (int64_t i = 0; i < count; i++) fit->means[i] = fit->mixture.means[i] + fit->centre[i % dims];
}

/* ---- Fitting ---- */

static elbo_status fit_mixture(elbo_fit *fit, const elbo_fit_rows *rows, const double *variance, elbo_error *error) {
    if (fit->options.components > rows->count)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "fit: %lld components for %lld rows; at most one for each row is "
                         "expected",
                         (long long)fit->options.components, (long long)rows->count);
    if (fit->kind == ELBO_FIT_BGMM) ELBO_TRY(elbo_mixture_set_prior(&fit->mixture, &fit->options, variance, error));
    ELBO_TRY(elbo_mixture_fit(&fit->mixture, rows, &fit->options, fit->threads, &fit->trace, &fit->info.empty, error));
    elbo_fit_place_means(fit);
    return ELBO_OK;
}

static elbo_status mean_score(elbo_fit *fit, const elbo_array *x, elbo_error *error) {
    elbo_array each = {0};
    ELBO_TRY(elbo_fit_score(fit, x, &each, error));
    double sum = 0;
    for (int64_t n = 0; n < each.shape[0]; n++) sum += ((const double *)each.data)[n];
    fit->info.log_likelihood = sum / (double)each.shape[0];
    elbo_array_free(&each);
    return ELBO_OK;
}

static elbo_status fit_rows(elbo_fit *fit, const elbo_array *x, elbo_fit_rows *rows, double *variance,
                            elbo_fit_progress progress, void *user, elbo_error *error) {
    double begun = elbo_fit_clock();
    fit->info.rows = rows->count;
    fit->info.bytes = rows->dtype == ELBO_U8;
    elbo_fit_rows_describe(rows, fit->centre, variance);
    rows->centre = fit->centre;
    ELBO_TRY(elbo_fit_trace_new(&fit->trace, &fit->options, progress, user, error));
    if (elbo_fit_is_mixture(fit))
        ELBO_TRY(fit_mixture(fit, rows, variance, error));
    else
        ELBO_TRY(elbo_linear_fit(&fit->linear, rows, variance, &fit->options, fit->threads, &fit->trace, error));
    fit->info.iterations = fit->trace.kept_count;
    fit->info.restart = fit->trace.kept_restart;
    fit->info.converged = fit->trace.kept_converged;
    fit->info.elbo = fit->trace.kept_elbo;
    ELBO_TRY(mean_score(fit, x, error));
    fit->info.seconds = elbo_fit_clock() - begun;
    return ELBO_OK;
}

elbo_fit *elbo_fit_new(const char *name, const elbo_array *x, const elbo_fit_options *options, int threads,
                       elbo_fit_progress progress, void *user, elbo_error *error) {
    elbo_fit_rows rows;
    if (elbo_fit_rows_of(x, &rows, error) != ELBO_OK) return NULL;
    /* A vector of N numbers is N rows of one. */
    const int64_t one = 1;
    elbo_fit *fit =
        elbo_fit_blank(name, options, x->rank > 1 ? x->rank - 1 : 1, x->rank > 1 ? x->shape + 1 : &one, threads, error);
    if (!fit) return NULL;
    double *variance = elbo_calloc((size_t)rows.dims * sizeof *variance);
    elbo_status status = variance ? fit_rows(fit, x, &rows, variance, progress, user, error)
                                  : elbo_fail_memory(error, (size_t)rows.dims * sizeof *variance, "a fit");
    elbo_free(variance);
    if (status == ELBO_OK) return fit;
    elbo_fit_free(fit);
    return NULL;
}

const elbo_fit_info *elbo_fit_get_info(const elbo_fit *fit) { return &fit->info; }

const elbo_fit_point *elbo_fit_curve(const elbo_fit *fit, int64_t *count) {
    *count = fit->trace.kept_count;
    return fit->trace.kept;
}
