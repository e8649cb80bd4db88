/* Priors, posteriors and likelihoods of the VAE by name: each distribution in each place where it fits is trained,
 * measured and used through the public interface; each misfit is refused with a message that names both sides. */
#include <math.h>

#include "base/memory.h"
#include "base/rng.h"
#include "dist/dist.h"
#include "eval/posterior.h"
#include "graph/graph.h"
#include "infer/infer.h"
#include "models/head.h"
#include "scratch.h"
#include "train/instance.h"

enum { ROWS = 80, SIZE = 4, HELD_OUT = 20, TOTAL = 6, LEVELS = 5, MOST_PAIRS = 24 };

/* ---- data: two hidden factors behind SIZE values of each kind ---- */

static const char *const kinds[] = {"bits", "reals", "positives", "unit", "levels", "counts", "shares", "totals"};
enum { BITS, REALS, POSITIVES, UNIT, LEVELS_OF_GREY, COUNTS, SHARES, TOTALS, KINDS };

static double score(int64_t row, int i) {
    static const double load[2][SIZE] = {{1, -1, 0.5, 0.2}, {0.3, 0.6, -1, 1}};
    elbo_rng rng = {11, ELBO_STREAM_SAMPLE, 0};
    double value = 0.3 * elbo_rng_normal(&rng, (uint32_t)row, (uint32_t)(8 + i));
    for (int j = 0; j < 2; j++) value += load[j][i] * elbo_rng_normal(&rng, (uint32_t)row, (uint32_t)j);
    return value;
}

static void fill_row(int kind, int64_t row, float *x) {
    double total = 0;
    int left = TOTAL;
    for (int i = 0; i < SIZE; i++) total += exp(score(row, i));
    for (int i = 0; i < SIZE; i++) {
        double s = score(row, i), unit = 1 / (1 + exp(-s));
        int share = (int)floor(TOTAL * exp(s) / total);
        switch (kind) {
            case BITS: x[i] = s > 0; break;
            case REALS: x[i] = (float)(4 + 2 * s); break; /* away from where decoders start */
            case POSITIVES: x[i] = (float)(3 * exp(0.4 * s)); break;
            case UNIT: x[i] = (float)(0.05 + 0.9 * unit); break;
            case LEVELS_OF_GREY: x[i] = (float)floor(0.999 * LEVELS * unit); break;
            case COUNTS: x[i] = (float)floor(9.9 * unit); break;
            case SHARES: x[i] = (float)(exp(s) / total); break;
            default:
                x[i] = (float)(i + 1 < SIZE ? share : left);
                left -= share;
                break;
        }
    }
}

static const char *scratch_folder;
static char data_path[KINDS][128], run_folder[128]; /* of the latest run */

static int set_up(void **state) {
    if (scratch_make(state) != 0) return -1;
    const char *folder = ((scratch *)*state)->folder;
    scratch_folder = folder;
    for (int kind = 0; kind < KINDS; kind++) {
        elbo_array x;
        if (elbo_array_new(&x, ELBO_F32, 2, ELBO_SHAPE(ROWS, SIZE).dim, NULL) != ELBO_OK) return -1;
        for (int64_t row = 0; row < ROWS; row++) fill_row(kind, row, (float *)x.data + row * SIZE);
        snprintf(data_path[kind], sizeof data_path[kind], "%s/%s.npy", folder, kinds[kind]);
        if (elbo_array_save(&x, data_path[kind], NULL) != ELBO_OK) return -1;
        elbo_array_free(&x);
    }
    return 0;
}

/* ---- one choice ---- */

typedef struct choice {
    int data;
    const char *option[MOST_PAIRS]; /* names and values */
    bool heavy; /* the KL to this prior is infinite, or as good as: only the reconstruction can be told to fall */
    bool resumed;
} choice;

static const char *const small[] = {
    "hidden",     "8",  "latent",    "2",    "batch",      "4", "epochs",         "2", "lr", "0.02", "clip", "100",
    "test-count", "20", "normalize", "none", "save-every", "0", "evaluate-every", "2", NULL};

static void set_all(elbo_config *config, const char *const *pair) {
    elbo_error error = {0};
    for (; pair[0]; pair += 2)
        if (elbo_config_set(config, pair[0], pair[1], &error) != ELBO_OK) fail_msg("%s", error.message);
}

static elbo_config *configure(const choice *c) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new("vae", &error);
    assert_non_null(config);
    set_all(config, (const char *const[]){"data", data_path[c->data], NULL});
    bool grey = c->data == LEVELS_OF_GREY; /* levels are not scaled */
    for (const char *const *pair = small; *pair; pair += 2)
        if (!grey || strcmp(pair[0], "normalize") != 0) set_all(config, (const char *const[]){pair[0], pair[1], NULL});
    set_all(config, c->option);
    return config;
}

static const char *name_of(const choice *c, char text[256]) {
    size_t used = (size_t)snprintf(text, 256, "%s:", kinds[c->data]);
    for (const char *const *at = c->option; *at && used < 250; at++)
        used += (size_t)snprintf(text + used, 256 - used, " %s", *at);
    return text;
}

typedef struct seen {
    int epochs;
    elbo_progress first, last;
} seen;

static bool see(void *user, const elbo_progress *progress) {
    seen *s = user;
    if (progress->event != ELBO_EVENT_EPOCH) return false;
    if (s->epochs++ == 0) s->first = *progress;
    s->last = *progress;
    return false;
}

static elbo_status train(const choice *c, seen *s, elbo_error *error) {
    static int runs = 0;
    snprintf(run_folder, sizeof run_folder, "%s/run%d", scratch_folder, runs++);
    elbo_config *config = configure(c);
    elbo_training training = {.config = config, .folder = run_folder, .threads = 1, .progress = see, .user = s};
    elbo_status status = elbo_train(&training, error);
    elbo_config_free(config);
    return status;
}

static void all_finite(const elbo_array *array, const char *what, const char *name) {
    const float *value = array->data;
    for (int64_t i = 0; i < elbo_array_count(array); i++)
        if (!isfinite(value[i]))
            fail_msg("%s: element %lld of the %s is %g", name, (long long)i, what, (double)value[i]);
}

/* Some posteriors have none, for parameters that the encoder is free to choose. */
static bool has_deviation(const choice *c) {
    for (const char *const *pair = c->option; *pair; pair += 2)
        if (strcmp(pair[0], "posterior") == 0)
            return strcmp(pair[1], "cauchy") != 0 && strcmp(pair[1], "f") != 0 && strncmp(pair[1], "pareto", 6) != 0;
    return true;
}

/* Encoding, decoding, drawing: shapes are tested elsewhere, here only that there are numbers. */
static void use(elbo_model *model, const choice *c, const char *name) {
    elbo_error error = {0};
    elbo_array x, mean, deviation, z, decoded, drawn;
    assert_int_equal(elbo_array_load(&x, data_path[c->data], &error), ELBO_OK);
    if (elbo_model_encode(model, &x, &mean, &deviation, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    if (elbo_model_prior(model, 30, 1, 1, &z, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    if (elbo_model_decode(model, &z, false, 1, &decoded, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    if (elbo_model_decode(model, &z, true, 1, &drawn, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    all_finite(&mean, "posterior's mean", name);
    if (has_deviation(c)) all_finite(&deviation, "posterior's deviation", name);
    all_finite(&z, "prior's draws", name);
    all_finite(&decoded, "decoder's mean", name);
    all_finite(&drawn, "decoder's draws", name);
    elbo_array *made[] = {&x, &mean, &deviation, &z, &decoded, &drawn};
    for (int i = 0; i < 6; i++) elbo_array_free(made[i]);
}

/* -ELBO and -log p(x) of the same rows: the first is the larger in expectation. 5 standard errors of the draws and of
 * the data: about 3e-7 for each of the some 130 runs, were the errors normal. */
static void measure(elbo_model *model, const choice *c, const char *name) {
    elbo_error error = {0};
    elbo_data_options how;
    elbo_evaluation_options options;
    elbo_evaluation out;
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &how, &error), ELBO_OK);
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
    how.test_count = HELD_OUT;
    options.samples = 50;
    elbo_dataset *data = elbo_dataset_open(data_path[c->data], &how, &error);
    if (!data || elbo_evaluate(model, data, &options, NULL, NULL, &out, &error) != ELBO_OK)
        fail_msg("%s: %s", name, error.message);
    double wrong = hypot(out.elbo_stderr, hypot(out.nll_sampling_error, out.nll_stderr));
    if (!isfinite(out.elbo) || !isfinite(out.nll) || !isfinite(out.mutual_information) ||
        !(out.elbo <= -out.nll + 5 * wrong))
        fail_msg("%s: ELBO %g +- %g, log p(x) %g +- %g, mutual information %g", name, out.elbo, out.elbo_stderr,
                 -out.nll, out.nll_stderr, out.mutual_information);
    assert_true(fabs(out.elbo + out.reconstruction + out.kl) < 1e-4 * (1 + fabs(out.elbo)));
    elbo_evaluation_clear(&out);
    elbo_dataset_free(data);
    elbo_options_clear(&elbo_data_options_table, &how);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
}

static double sum_of_group(elbo_model *model, const char *group) {
    size_t first = 0, count = 0;
    elbo_params *params = elbo_model_get_params(model);
    const float *data = elbo_params_data(params, NULL);
    assert_true(elbo_params_group(params, group, &first, &count));
    double sum = 0;
    for (size_t i = first; i < first + count; i++) sum += fabs((double)data[i]);
    return sum;
}

/* Another epoch, so that the checkpoint holds all that the choice is made of. */
static void goes_on(const char *name) {
    elbo_error error = {0};
    seen again = {0};
    elbo_training more = {.folder = run_folder, .epochs = 3, .threads = 1, .progress = see, .user = &again};
    if (elbo_train(&more, &error) != ELBO_OK) fail_msg("%s, resumed: %s", name, error.message);
    assert_int_equal(again.epochs, 1);
    assert_true(isfinite(again.last.loss));
}

/* Trains, measures, uses. */
static void works(const choice *c) {
    elbo_error error = {0};
    char name[256];
    seen s = {0};
    name_of(c, name);
    if (train(c, &s, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    double before = c->heavy ? s.first.reconstruction : s.first.loss;
    double after = c->heavy ? s.last.reconstruction : s.last.loss;
    if (!isfinite(s.last.loss) || !isfinite(s.last.test_loss) || !(after < before))
        fail_msg("%s: -ELBO %g, then %g; reconstruction %g, then %g; held out %g", name, s.first.loss, s.last.loss,
                 s.first.reconstruction, s.last.reconstruction, s.last.test_loss);
    if (c->resumed) goes_on(name);
    elbo_model *model = elbo_model_open(run_folder, "last", 1, &error);
    if (!model) fail_msg("%s: %s", name, error.message);
    measure(model, c, name);
    use(model, c, name);
    elbo_model_free(model);
}

/* Refused before anything is written, for all these reasons. */
static void refused(const choice *c, const char *const *said) {
    elbo_error error = {0};
    char name[256];
    seen s = {0};
    name_of(c, name);
    if (train(c, &s, &error) != ELBO_ERROR_USAGE) fail_msg("%s: not refused (%s)", name, error.message);
    assert_int_not_equal(access(run_folder, F_OK), 0);
    for (; *said; said++)
        if (!strstr(error.message, *said)) fail_msg("%s: \"%s\" does not say \"%s\"", name, error.message, *said);
}
#define REFUSED(data_, options, ...) \
    refused(&(choice){.data = data_, .option = options}, (const char *const[]){__VA_ARGS__, NULL})
#define PAIRS(...) \
    { __VA_ARGS__ }

/* ---- posteriors ---- */

typedef enum under_normal { TRAINS, DIVERGES, NO_FIT } under_normal;

/* own: a prior of the same kind that covers it, with more options. */
static const struct {
    const char *name, *posterior, *own[8];
    under_normal normal; /* beside a normal prior: trains, trains though the KL is infinite, is refused */
    bool discrete;
} posteriors[] = {
    {"beta", "beta", {"beta"}, TRAINS, false},
    {"cauchy", "cauchy", {"cauchy"}, DIVERGES, false},
    {"chi_squared", "chi_squared", {"chi_squared"}, TRAINS, false},
    {"continuous_bernoulli", "continuous_bernoulli", {"continuous_bernoulli"}, TRAINS, false},
    {"dirichlet", "dirichlet", {"dirichlet"}, NO_FIT, false},
    {"erlang", "erlang(3)", {"erlang(2)"}, TRAINS, false},
    {"exponential", "exponential", {"exponential"}, TRAINS, false},
    {"f", "f", {"f"}, DIVERGES, false},
    {"gamma", "gamma", {"gamma"}, TRAINS, false},
    {"gompertz", "gompertz", {"gompertz"}, TRAINS, false},
    {"gumbel", "gumbel", {"gumbel"}, TRAINS, false},
    {"laplace", "laplace", {"laplace"}, TRAINS, false},
    {"log_normal", "log_normal", {"log_normal"}, TRAINS, false},
    {"logistic", "logistic", {"logistic"}, TRAINS, false},
    {"multivariate_laplace", "multivariate_laplace", {"multivariate_laplace"}, TRAINS, false},
    {"multivariate_normal", "multivariate_normal", {"multivariate_normal"}, TRAINS, false},
    {"multivariate_normal_mixture",
     "multivariate_normal_mixture",
     {"multivariate_normal_mixture", "learn-prior", "true", "components", "2"},
     TRAINS,
     false},
    {"multivariate_t", "multivariate_t(df=4)", {"multivariate_t"}, TRAINS, false},
    {"normal", "normal", {"normal(0.5, -0.5)"}, TRAINS, false},
    {"normal_mixture", "normal_mixture", {"normal_mixture", "learn-prior", "true"}, TRAINS, false},
    {"pareto", "pareto(2)", {"pareto"}, DIVERGES, false},
    {"rayleigh", "rayleigh", {"rayleigh"}, TRAINS, false},
    {"reciprocal", "reciprocal", {"gamma"}, TRAINS, false},
    {"relaxed_bernoulli", "relaxed_bernoulli(0.7)", {"relaxed_bernoulli(0.5)"}, TRAINS, false},
    {"relaxed_categorical", "relaxed_categorical", {"relaxed_categorical"}, NO_FIT, false},
    {"student_t", "student_t(df=5)", {"student_t(df=3)"}, TRAINS, false},
    {"triangular", "triangular(0,1)", {"uniform"}, TRAINS, false},
    {"uniform", "uniform", {"laplace"}, TRAINS, false},
    {"weibull", "weibull", {"weibull"}, TRAINS, false},
    {"bernoulli", "bernoulli", {"bernoulli"}, NO_FIT, true},
    {"binomial", "binomial(4)", {"binomial(5)"}, NO_FIT, true},
    {"discretised_logistic", "discretised_logistic(levels=4)", {"discretised_logistic(levels=4)"}, NO_FIT, true},
    {"multinomial", "multinomial(2)", {"multinomial(2)"}, NO_FIT, true},
    {"negative_binomial", "negative_binomial", {"negative_binomial"}, NO_FIT, true},
    {"poisson", "poisson", {"poisson"}, NO_FIT, true},
    {"categorical", NULL, {NULL}, NO_FIT, true}, /* its draws are no codes */
};
enum { POSTERIORS = sizeof posteriors / sizeof *posteriors };

static choice posterior_choice(size_t p, const char *const *prior) {
    choice c = {.data = REALS, .option = {"likelihood", "gaussian", "posterior", posteriors[p].posterior, "prior"}};
    int count = 5;
    for (int i = 0; i < 8 && prior[i]; i++) c.option[count++] = prior[i];
    return c;
}

static void add_pair(choice *c, const char *name, const char *value) {
    int count = 0;
    while (c->option[count]) count++;
    c->option[count] = name;
    c->option[count + 1] = value;
}

static void every_distribution_as_posterior(void **state) {
    (void)state;
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        size_t p = 0;
        while (p < POSTERIORS && strcmp(posteriors[p].name, elbo_registry_dists[i]->name) != 0) p++;
        if (p == POSTERIORS) fail_msg("%s has no row here", elbo_registry_dists[i]->name);
        if (!posteriors[p].posterior || posteriors[p].discrete) continue;
        choice c = posterior_choice(p, posteriors[p].own);
        works(&c);
        c = posterior_choice(p, (const char *const[8]){"normal"});
        c.heavy = posteriors[p].normal == DIVERGES;
        if (posteriors[p].normal != NO_FIT)
            works(&c);
        else
            refused(&c, (const char *const[]){"--posterior", posteriors[p].posterior, "--prior normal", "real numbers",
                                              NULL});
    }
}

static void discrete_posteriors(void **state) {
    (void)state;
    for (size_t p = 0; p < POSTERIORS; p++) {
        if (!posteriors[p].posterior || !posteriors[p].discrete) continue;
        choice c = posterior_choice(p, posteriors[p].own);
        refused(&c, (const char *const[]){"--posterior", posteriors[p].name, "reinforce", "vimco", NULL});
        add_pair(&c, "draws", "4");
        add_pair(&c, "estimator", "vimco");
        works(&c);
        c = posterior_choice(p, posteriors[p].own);
        add_pair(&c, "draws", "4");
        add_pair(&c, "estimator", "reinforce");
        add_pair(&c, "control", "leave-one-out");
        works(&c);
        c = posterior_choice(p, (const char *const[8]){"normal", "estimator", "reinforce"});
        refused(&c,
                (const char *const[]){"--posterior", posteriors[p].posterior, "--prior normal", "real numbers", NULL});
    }
}

/* ---- priors ---- */

/* standard: NULL where there is none; learned: what is trained, NULL where that would move the prior off the
 * posterior. */
static const struct {
    const char *name, *posterior, *standard, *given, *learned;
} priors[] = {
    {"bernoulli", "bernoulli", "bernoulli", "bernoulli(0.5)", "bernoulli"},
    {"beta", "beta", "beta", "beta(2,2)", "beta"},
    {"binomial", "binomial(3)", "binomial(3)", "binomial(3,0.5)", "binomial(3)"},
    {"categorical", "bernoulli", "categorical", "categorical(0)", "categorical"},
    {"cauchy", "normal", "cauchy", "cauchy(0,2)", "cauchy"},
    {"chi_squared", "log_normal", "chi_squared", "chi_squared(3)", "chi_squared"},
    {"continuous_bernoulli", "beta", "continuous_bernoulli", "continuous_bernoulli(1)", "continuous_bernoulli"},
    {"dirichlet", "relaxed_categorical(0.5)", "dirichlet", "dirichlet(0.5)", "dirichlet"},
    {"discretised_logistic", "discretised_logistic(levels=4)", "discretised_logistic(levels=4)",
     "discretised_logistic(1,1,4)", "discretised_logistic(levels=4)"},
    {"erlang", "log_normal", "erlang(2)", "erlang(2,3)", "erlang(2)"},
    {"exponential", "log_normal", "exponential", "exponential(2)", "exponential"},
    {"f", "log_normal", "f", "f(5,6)", "f"},
    {"gamma", "log_normal", "gamma", "gamma(2,2)", "gamma"},
    {"gompertz", "exponential", "gompertz", "gompertz(0.5,0.5)", "gompertz"},
    {"gumbel", "normal", "gumbel", "gumbel(0,2)", "gumbel"},
    {"laplace", "normal", "laplace", "laplace(0,2)", "laplace"},
    {"log_normal", "gamma", "log_normal", "log_normal(0,0.5)", "log_normal"},
    {"logistic", "normal", "logistic", "logistic(0,2)", "logistic"},
    {"multinomial", "multinomial(2)", "multinomial(2)", "multinomial(2,0)", "multinomial(2)"},
    {"multivariate_laplace", "normal", "multivariate_laplace", "multivariate_laplace(1)", "multivariate_laplace"},
    {"multivariate_normal", "normal", "multivariate_normal", "multivariate_normal(1)", "multivariate_normal"},
    {"multivariate_normal_mixture", "normal", NULL, NULL, "multivariate_normal_mixture"},
    {"multivariate_t", "normal", "multivariate_t", "multivariate_t(df=5)", "multivariate_t"},
    {"negative_binomial", "poisson", "negative_binomial", "negative_binomial(2,0.5)", "negative_binomial"},
    {"normal", "normal", "normal", "normal(1,0.5)", "normal"},
    {"normal_mixture", "normal", NULL, NULL, "normal_mixture"},
    {"pareto", "pareto(2)", "pareto", "pareto(1.5,2)", "pareto(1)"},
    {"poisson", "poisson", "poisson", "poisson(2)", "poisson"},
    {"rayleigh", "log_normal", "rayleigh", "rayleigh(2)", "rayleigh"},
    {"reciprocal", "triangular(1,2)", "reciprocal", "reciprocal(0.5,3)", NULL},
    {"relaxed_bernoulli", "beta", "relaxed_bernoulli", "relaxed_bernoulli(0.5,0)", "relaxed_bernoulli"},
    {"relaxed_categorical", "dirichlet", "relaxed_categorical", "relaxed_categorical(0.5,0)", "relaxed_categorical"},
    {"student_t", "normal", "student_t", "student_t(5)", "student_t"},
    {"triangular", "beta", "triangular", "triangular(-0.5,1.5,0.3)", "triangular(0,1)"},
    {"uniform", "beta", "uniform", "uniform(-1,2)", NULL},
    {"weibull", "log_normal", "weibull", "weibull(1,2)", "weibull"},
};
enum { PRIORS = sizeof priors / sizeof *priors };

static choice prior_choice(size_t p, const char *prior, bool learned) {
    choice c = {.data = REALS, .option = {"likelihood", "gaussian", "posterior", priors[p].posterior, "prior", prior}};
    c.resumed = learned;
    if (learned) add_pair(&c, "learn-prior", "true");
    for (size_t q = 0; q < POSTERIORS; q++) {
        size_t length = strcspn(priors[p].posterior, "(");
        if (strlen(posteriors[q].name) != length || strncmp(posteriors[q].name, priors[p].posterior, length) != 0)
            continue;
        if (!posteriors[q].discrete) continue;
        add_pair(&c, "estimator", "vimco");
        add_pair(&c, "draws", "4");
    }
    return c;
}

/* The trained numbers of a prior differ from where they started: at zero, but for the means of mixtures. */
static void prior_has_moved(const char *name) {
    elbo_error error = {0};
    elbo_model *model = elbo_model_open(run_folder, "last", 1, &error);
    assert_non_null(model);
    if (!(sum_of_group(model, "prior") > 1e-3)) fail_msg("%s: --learn-prior moved nothing", name);
    elbo_model_free(model);
}

static void every_distribution_as_prior(void **state) {
    (void)state;
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        size_t p = 0;
        while (p < PRIORS && strcmp(priors[p].name, elbo_registry_dists[i]->name) != 0) p++;
        if (p == PRIORS) fail_msg("%s has no row here", elbo_registry_dists[i]->name);
        choice standard = prior_choice(p, priors[p].standard ? priors[p].standard : priors[p].name, false);
        choice given = prior_choice(p, priors[p].given, false);
        choice learned = prior_choice(p, priors[p].learned ? priors[p].learned : priors[p].name, true);
        if (priors[p].standard)
            works(&standard);
        else
            refused(&standard, (const char *const[]){"--prior", priors[p].name, "--learn-prior", NULL});
        if (priors[p].given) works(&given);
        if (priors[p].learned) {
            works(&learned);
            prior_has_moved(priors[p].name);
        } else {
            refused(&learned, (const char *const[]){"--posterior", priors[p].posterior, "--prior", priors[p].name,
                                                    "--learn-prior", NULL});
        }
    }
}

/* ---- likelihoods ---- */

static const struct {
    const char *name, *likelihood;
    int data;
    const char *more[2];
} likelihoods[] = {
    {"bernoulli", "bernoulli", BITS, {NULL}},
    {"beta", "beta", UNIT, {NULL}},
    {"binomial", "binomial(9)", COUNTS, {NULL}},
    {"categorical", "categorical", LEVELS_OF_GREY, {"levels", "5"}},
    {"cauchy", "cauchy", REALS, {NULL}},
    {"chi_squared", "chi_squared", POSITIVES, {NULL}},
    {"continuous_bernoulli", "continuous_bernoulli", UNIT, {NULL}},
    {"dirichlet", "dirichlet", SHARES, {NULL}},
    {"discretised_logistic", "discretised_logistic", LEVELS_OF_GREY, {"levels", "5"}},
    {"erlang", "erlang(3)", POSITIVES, {NULL}},
    {"exponential", "exponential", POSITIVES, {NULL}},
    {"f", "f", POSITIVES, {NULL}},
    {"gamma", "gamma", POSITIVES, {NULL}},
    {"gompertz", "gompertz", POSITIVES, {NULL}},
    {"gumbel", "gumbel", REALS, {NULL}},
    {"laplace", "laplace", REALS, {NULL}},
    {"log_normal", "log_normal", POSITIVES, {NULL}},
    {"logistic", "logistic", REALS, {NULL}},
    {"multinomial", "multinomial(6)", TOTALS, {NULL}},
    {"multivariate_laplace", "multivariate_laplace", REALS, {NULL}},
    {"multivariate_normal", "multivariate_normal", REALS, {NULL}},
    {"multivariate_normal_mixture", "multivariate_normal_mixture", REALS, {"components", "2"}},
    {"multivariate_t", "multivariate_t", REALS, {NULL}},
    {"negative_binomial", "negative_binomial", COUNTS, {NULL}},
    {"normal", "normal", REALS, {NULL}},
    {"normal_mixture", "normal_mixture", REALS, {"components", "2"}},
    {"pareto", "pareto(0.01)", POSITIVES, {NULL}},
    {"poisson", "poisson", COUNTS, {NULL}},
    {"rayleigh", "rayleigh", POSITIVES, {NULL}},
    {"relaxed_bernoulli", "relaxed_bernoulli", UNIT, {NULL}},
    {"relaxed_categorical", "relaxed_categorical", SHARES, {NULL}},
    {"student_t", "student_t", REALS, {NULL}},
    {"triangular", "triangular(-50,50)", REALS, {NULL}},
    {"weibull", "weibull", POSITIVES, {NULL}},
    /* an interval whose ends the decoder gives leaves out some of the data at the start */
    {"uniform", NULL, REALS, {NULL}},
    {"reciprocal", NULL, POSITIVES, {NULL}},
};
enum { LIKELIHOODS = sizeof likelihoods / sizeof *likelihoods };

static void every_distribution_as_likelihood(void **state) {
    (void)state;
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        size_t l = 0;
        while (l < LIKELIHOODS && strcmp(likelihoods[l].name, elbo_registry_dists[i]->name) != 0) l++;
        if (l == LIKELIHOODS) fail_msg("%s has no row here", elbo_registry_dists[i]->name);
        choice c = {.data = likelihoods[l].data, .option = {"likelihood", likelihoods[l].likelihood}};
        if (!likelihoods[l].likelihood) {
            c.option[1] = likelihoods[l].name;
            refused(&c, (const char *const[]){"--likelihood", likelihoods[l].name, "cannot give the data",
                                              "numbers from low to high", NULL});
            continue;
        }
        if (likelihoods[l].more[0]) add_pair(&c, likelihoods[l].more[0], likelihoods[l].more[1]);
        works(&c);
    }
}

/* ---- the KL of the training loss ---- */

typedef struct pair {
    const char *posterior, *prior;
    bool closed;
} pair;

/* Fresh networks on all training rows: the KL that estimator b reports, and log q - log p at DRAWS draws. */
static void check_kl(const pair *what) {
    enum { DRAWS = 400, B = 20 };
    elbo_error error = {0};
    choice c = {.data = REALS,
                .option = {"likelihood", "gaussian", "posterior", what->posterior, "prior", what->prior}};
    elbo_config *config = configure(&c);
    elbo_dataset *data = elbo_dataset_open(data_path[REALS], NULL, &error);
    elbo_instance instance;
    if (elbo_instance_new(&instance, config, data, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_graph *graph = elbo_graph_new();
    elbo_context context = elbo_instance_context(&instance, graph, true);
    elbo_node *raw = elbo_instance_raw(&instance, graph, B), *x = elbo_instance_x(&instance, raw, true);
    elbo_weights weights = {elbo_scalar(graph, 1)};
    elbo_estimate how = {.context = &context, .model = instance.type, .x = x, .weights = &weights, .samples = 1};
    elbo_update update = elbo_estimate_bound(&how, elbo_estimator_find("b", &error));
    elbo_node *z = elbo_dist_sample(&how.posterior, DRAWS);
    elbo_node *each = elbo_sub(elbo_dist_log_prob(&how.posterior, z), elbo_dist_log_prob(&how.prior, z));
    elbo_node *fetch[2] = {update.kl, elbo_mean(each, 1, 1, false)}; /* [DRAWS] */
    elbo_plan_spec spec = {.fetch = fetch, .fetch_count = 2, .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    double kl[2], sampled[DRAWS], mean = 0, square = 0;
    assert_int_equal(
        elbo_instance_rows(&instance, data, ELBO_SPLIT_TRAIN, NULL, 0, B, elbo_plan_input(plan, raw), &error), ELBO_OK);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = (uint64_t)k}, &error), ELBO_OK);
        assert_true(elbo_plan_read(plan, fetch[0], &kl[k], 1));
    }
    assert_true(elbo_plan_read(plan, fetch[1], sampled, DRAWS));
    for (int i = 0; i < DRAWS; i++) mean += sampled[i] / DRAWS;
    for (int i = 0; i < DRAWS; i++) square += (sampled[i] - mean) * (sampled[i] - mean) / (DRAWS - 1);
    /* a closed KL does not depend on the draws; a sampled one of B rows has sqrt(DRAWS) times the error of the mean */
    if ((kl[0] == kl[1]) != what->closed)
        fail_msg("%s, %s: the KL is %s", what->posterior, what->prior, what->closed ? "sampled" : "closed");
    double error_of_mean = sqrt(square / DRAWS), errors = what->closed ? 1 : sqrt(DRAWS + 1);
    if (!(fabs(kl[1] - mean) < 5 * errors * error_of_mean)) /* 5 standard errors: 6e-7 for each pair */
        fail_msg("%s, %s: KL %g, sampled %g +- %g", what->posterior, what->prior, kl[1], mean, error_of_mean);
    elbo_plan_free(plan);
    elbo_graph_free(graph);
    elbo_instance_clear(&instance);
    elbo_dataset_free(data);
    elbo_config_free(config);
}

static void kl_is_closed_where_it_can_be(void **state) {
    (void)state;
    static const pair pairs[] = {
        {"normal", "normal", true},
        {"normal", "normal(1,0.5)", true},
        {"multivariate_normal", "normal", true},
        {"gamma", "gamma", true},
        {"exponential", "gamma", true},
        {"erlang(2)", "exponential", true},
        {"beta", "beta", true},
        {"dirichlet", "dirichlet", true},
        {"laplace", "laplace", true},
        {"weibull", "weibull", true},
        {"rayleigh", "rayleigh", true},
        {"log_normal", "log_normal", true},
        {"multivariate_normal", "multivariate_normal", true},
        {"normal", "student_t", false},
        {"normal", "laplace", false},
        {"student_t(df=5)", "normal", false},
        {"logistic", "logistic", false},
        {"log_normal", "gamma", false},
        {"multivariate_t(df=5)", "normal", false},
        {"beta", "uniform", false},
        {"relaxed_bernoulli(0.7)", "beta", false},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) check_kl(&pairs[i]);
}

/* ---- misfits ---- */

static void posterior_and_prior_misfits(void **state) {
    (void)state;
    REFUSED(BITS, PAIRS("prior", "gamma"), "--posterior normal", "--prior gamma", "real numbers", "positive numbers");
    REFUSED(BITS, PAIRS("prior", "beta", "posterior", "gamma"), "--posterior gamma", "--prior beta", "0 to 1");
    REFUSED(BITS, PAIRS("prior", "uniform(-1,1)"), "--posterior normal", "--prior uniform(-1,1)", "-1 to 1");
    REFUSED(BITS, PAIRS("prior", "uniform", "posterior", "uniform"), "--posterior uniform", "here -inf to inf",
            "0 to 1");
    REFUSED(BITS, PAIRS("prior", "pareto", "posterior", "pareto"), "--posterior pareto", "here 0 to inf", "1 to inf");
    REFUSED(BITS, PAIRS("prior", "dirichlet"), "--posterior normal", "--prior dirichlet", "sum 1");
    REFUSED(BITS, PAIRS("prior", "multinomial(3)", "posterior", "multinomial(2)", "estimator", "vimco", "draws", "2"),
            "--posterior multinomial(2)", "--prior multinomial(3)", "here 2", "here 3");
    REFUSED(BITS, PAIRS("posterior", "categorical", "prior", "categorical"), "--posterior categorical",
            "multinomial(total=1)");
    REFUSED(BITS, PAIRS("posterior", "normal(0,0)"), "--posterior normal(0,0)", "every parameter is given", "encoder");
    REFUSED(BITS, PAIRS("prior", "gamma(1,1)", "posterior", "gamma", "learn-prior", "true"), "--learn-prior",
            "every parameter of --prior gamma(1,1) is given");
    REFUSED(BITS, PAIRS("posterior", "multivariate_normal", "free-bits", "0.1"), "--free-bits",
            "--posterior multivariate_normal", "whole code");
    REFUSED(BITS, PAIRS("inference", "wake-sleep", "posterior", "gamma"), "--inference wake-sleep", "--prior normal",
            "--posterior gamma", "positive numbers");
    REFUSED(BITS, PAIRS("inference", "mcem", "posterior", "gamma"), "--inference mcem", "--posterior gamma",
            "positive");
}

static void likelihood_and_data_misfits(void **state) {
    (void)state;
    REFUSED(UNIT, PAIRS("likelihood", "poisson"), "--likelihood poisson", "training row 0", "value 0.", "0, 1, 2, ...");
    REFUSED(BITS, PAIRS("likelihood", "gamma"), "--likelihood gamma", "training row", "value 0,", "positive numbers");
    REFUSED(BITS, PAIRS("likelihood", "beta"), "--likelihood beta", "training row", "value ", "numbers from 0 to 1");
    REFUSED(REALS, PAIRS("likelihood", "beta"), "--likelihood beta", "training row", "value ", "numbers from 0 to 1");
    REFUSED(COUNTS, PAIRS("likelihood", "binomial(3)"), "--likelihood binomial", "training row", "0, 1, ..., total");
    REFUSED(REALS, PAIRS("likelihood", "dirichlet"), "--likelihood dirichlet", "training row", "sum 1");
    REFUSED(UNIT, PAIRS("likelihood", "dirichlet"), "--likelihood dirichlet", "training row 0", "the sum", "sum 1");
    REFUSED(TOTALS, PAIRS("likelihood", "multinomial(5)"), "--likelihood multinomial", "training row 0", "sum total");
    REFUSED(REALS, PAIRS("likelihood", "bernoulli"), "bernoulli", "--normalize unit");
    REFUSED(POSITIVES, PAIRS("likelihood", "pareto(100)"), "--likelihood pareto", "training row 0", "from scale up");
    REFUSED(BITS, PAIRS("likelihood", "bernoulli(0)"), "--likelihood bernoulli(0)", "every parameter is given");
    REFUSED(BITS, PAIRS("likelihood", "multinomial"), "--likelihood multinomial", "total");
    choice c = {.data = UNIT, .option = {"likelihood", "categorical", "normalize", "unit"}};
    refused(&c, (const char *const[]){"--normalize", NULL});
}

static void convolutions_need_images(void **state) {
    (void)state;
    static const char *const vectors[] = {"multivariate_normal", "multivariate_t", "normal_mixture",
                                          "relaxed_categorical"};
    for (size_t i = 0; i < 4; i++)
        REFUSED(REALS, PAIRS("network", "conv", "channels", "2", "item-shape", "2x2", "likelihood", vectors[i]),
                "--likelihood", vectors[i], "no images", "--network mlp");
    choice images = {.data = SHARES,
                     .option = {"network", "conv", "channels", "2", "item-shape", "2x2", "likelihood", "dirichlet"}};
    works(&images);
    choice heads = {.data = REALS,
                    .option = {"network", "conv", "channels", "2", "item-shape", "2x2", "likelihood", "student_t"}};
    works(&heads);
}

/* Where a mean is NaN or infinite a median or a mode stands in for it: by their formulas. */
static void means_that_do_not_exist(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double centre;
    } cases[] = {{"cauchy(2,3)", 2},         {"student_t(0.5,-1,2)", -1}, {"pareto(1,0.5)", 4}, /* 2^(1 / 0.5) */
                 {"pareto(3,2)", 6},         {"gamma(3,2)", 1.5},         {"f(4,1.5)", 0.2142857142857143},
                 {"multivariate_t(df=1)", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        elbo_head head;
        elbo_head_sizes sizes = {.size = 2, .components = 1};
        if (elbo_head_parse(&head, "--posterior", cases[i].text, sizes, &error) != ELBO_OK)
            fail_msg("%s", error.message);
        elbo_graph *graph = elbo_graph_new();
        elbo_dist dist = elbo_head_standard(&head, graph, 1);
        elbo_node *mean = elbo_posterior_mean(&dist, NULL);
        elbo_plan_spec spec = {
            .fetch = &mean, .fetch_count = 1, .backend = ELBO_BACKEND_REFERENCE, .precision = ELBO_PRECISION_F64};
        elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
        if (!plan || elbo_plan_run(plan, NULL, &error) != ELBO_OK) fail_msg("%s: %s", cases[i].text, error.message);
        double value[2];
        assert_true(elbo_plan_read(plan, mean, value, 2));
        if (!(fabs(value[1] - cases[i].centre) < 1e-9))
            fail_msg("%s: %.15g, not %g", cases[i].text, value[1], cases[i].centre);
        elbo_plan_free(plan);
        elbo_graph_free(graph);
    }
}

/* A temperature moves codes: off the support of some priors. */
static void temperatures(void **state) {
    (void)state;
    static const struct {
        const char *prior, *posterior;
        bool cold, hot;
    } cases[] = {{"normal", "normal", true, true},
                 {"gamma", "gamma", true, false},
                 {"cauchy", "normal", true, true},
                 {"bernoulli", "bernoulli", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        choice c = {.data = BITS, .option = {"prior", cases[i].prior, "posterior", cases[i].posterior, "draws", "2"}};
        if (!cases[i].cold) add_pair(&c, "estimator", "vimco");
        elbo_error error = {0};
        seen s = {0};
        elbo_array z = {0};
        if (train(&c, &s, &error) != ELBO_OK) fail_msg("%s", error.message);
        elbo_model *model = elbo_model_open(run_folder, "last", 1, &error);
        assert_non_null(model);
        for (int t = 0; t < 2; t++) {
            bool fits = t ? cases[i].hot : cases[i].cold;
            elbo_status status = elbo_model_prior(model, 40, 1, t ? 1.5 : 0.25, &z, &error);
            if ((status == ELBO_OK) != fits) fail_msg("%s: temperature %d: %s", cases[i].prior, t, error.message);
            if (!fits) assert_non_null(strstr(error.message, "temperature"));
            if (fits) all_finite(&z, "draws", cases[i].prior);
            elbo_array_free(&z);
        }
        elbo_model_free(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_distribution_as_posterior), cmocka_unit_test(discrete_posteriors),
        cmocka_unit_test(every_distribution_as_prior),     cmocka_unit_test(every_distribution_as_likelihood),
        cmocka_unit_test(kl_is_closed_where_it_can_be),    cmocka_unit_test(posterior_and_prior_misfits),
        cmocka_unit_test(likelihood_and_data_misfits),     cmocka_unit_test(convolutions_need_images),
        cmocka_unit_test(means_that_do_not_exist),         cmocka_unit_test(temperatures),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
