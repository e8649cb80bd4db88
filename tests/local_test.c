/* Training without an encoder (--inference bbvi and mcem) on linear-Gaussian data, where the best likelihood is that of
 * probabilistic PCA in closed form (Tipping and Bishop 1999): with the eigenvalues l_1 >= ... >= l_D of the sample
 * covariance and s^2 the mean of the last D - Z of them,
 *
 *   max log p(x) = -1/2 (D log 2 pi + sum_(j <= Z) log l_j + (D - Z) log s^2 + D)   for each row on average. */
#include <gsl/gsl_blas.h>
#include <gsl/gsl_eigen.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/memory.h"
#include "linear_gaussian.h"
#include "train/checkpoint.h"

enum { ROWS = 290, Z = LINEAR_LATENT, D = LINEAR_SIZE };

static const char *scratch_folder;
static char data_path[256];
static float *rows_x;

static char *folder(const char *name) {
    char *path = elbo_textf("%s/%s", scratch_folder, name);
    assert_non_null(path);
    return path;
}

/* Draws of a model with three clear directions, not orthogonal, written as the data of all trainings. */
static int set_up(void **state) {
    static const double lengths[Z] = {2, 1.5, 1};
    elbo_error error = {0};
    linear l = {0};
    if (scratch_make(state) != 0) return -1;
    scratch_folder = ((scratch *)*state)->folder;
    linear_orthogonal(&l, lengths, 0.5);
    linear_spoil(&l);
    linear_draw(&l, ROWS, 11);
    rows_x = l.x;
    snprintf(data_path, sizeof data_path, "%s/rows.npy", scratch_folder);
    return elbo_array_save(&l.array, data_path, &error) == ELBO_OK ? 0 : -1;
}

static int clear_up(void **state) {
    free(rows_x);
    return scratch_remove(state);
}

/* ---- training ---- */

static elbo_config *config_of(const char *const *first, const char *const *second) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new("vae", &error);
    assert_non_null(config);
    if (elbo_config_set(config, "data", data_path, &error) != ELBO_OK) fail_msg("%s", error.message);
    for (int list = 0; list < 2; list++)
        for (const char *const *at = list ? second : first; at && *at; at += 2)
            if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

typedef struct watcher {
    int64_t stop_after, steps;
    int warnings;
    char warning[1024];
    double test_loss;
    long at_start, while_stepping;
} watcher;

static bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    if (progress->event == ELBO_EVENT_WARNING) {
        w->warnings++;
        snprintf(w->warning, sizeof w->warning, "%s", progress->message);
        return false;
    }
    if (progress->event == ELBO_EVENT_EPOCH) {
        w->test_loss = progress->test_loss;
        return false;
    }
    if (progress->step == 1) w->at_start = elbo_memory_count();
    w->while_stepping = elbo_memory_count() - w->at_start;
    return w->stop_after && ++w->steps == w->stop_after;
}

static elbo_status train(const elbo_config *config, const char *path, int threads, watcher *w, elbo_error *error) {
    elbo_training training = {.config = config, .folder = path, .threads = threads, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

static elbo_status resume(const char *path, watcher *w, elbo_error *error) {
    elbo_training training = {.folder = path, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

static char *trained(const char *name, const char *const *first, const char *const *second, int threads) {
    elbo_error error = {0};
    watcher w = {0};
    char *path = folder(name);
    elbo_config *config = config_of(first, second);
    if (train(config, path, threads, &w, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    elbo_config_free(config);
    return path;
}

/* ---- what a training came to ---- */

/* The model of a run as linear-Gaussian model of the rows, and, where width > 0, what it kept for each row. */
static void read_run(const char *path, linear *l, float *kept, int64_t width) {
    elbo_error error = {0};
    char *file = elbo_textf("%s/last.safetensors", path);
    memset(l, 0, sizeof *l);
    l->model = elbo_model_open(path, "last", 1, &error);
    if (!l->model) fail_msg("%s", error.message);
    const float *w = tensor(l->model, "decoder.output.weight"), *b = tensor(l->model, "decoder.output.bias");
    l->s = exp((double)*tensor(l->model, "decoder.output.log_scale"));
    l->rows = ROWS;
    l->x = rows_x;
    for (int i = 0; i < D; i++) l->b[i] = (double)b[i];
    for (int j = 0; j < Z; j++)
        for (int i = 0; i < D; i++) l->w[j][i] = (double)w[j * D + i];
    if (width > 0) {
        elbo_flat flat = {"local.numbers", kept, (size_t)(ROWS * width)};
        if (elbo_checkpoint_read_flats(file, &flat, 1, &error) != ELBO_OK) fail_msg("%s", error.message);
    }
    elbo_free(file);
}

static double log_likelihood(const char *path) {
    linear l;
    read_run(path, &l, NULL, 0);
    double value = linear_mean_log_p(&l);
    elbo_model_free(l.model);
    return value;
}

typedef struct principal {
    double log_likelihood, value[D];
    gsl_matrix *vector; /* [D, D], by falling eigenvalues */
} principal;

static principal principal_of_rows(void) {
    principal p = {.vector = gsl_matrix_calloc(D, D)};
    gsl_matrix *covariance = gsl_matrix_calloc(D, D);
    gsl_vector *values = gsl_vector_calloc(D);
    gsl_eigen_symmv_workspace *workspace = gsl_eigen_symmv_alloc(D);
    double mean[D] = {0}, rest = 0;
    for (int n = 0; n < ROWS; n++)
        for (int i = 0; i < D; i++) mean[i] += (double)rows_x[n * D + i] / ROWS;
    for (int i = 0; i < D; i++)
        for (int k = 0; k < D; k++) {
            double sum = 0;
            for (int n = 0; n < ROWS; n++)
                sum += ((double)rows_x[n * D + i] - mean[i]) * ((double)rows_x[n * D + k] - mean[k]) / ROWS;
            gsl_matrix_set(covariance, (size_t)i, (size_t)k, sum);
        }
    gsl_eigen_symmv(covariance, values, p.vector, workspace);
    gsl_eigen_symmv_sort(values, p.vector, GSL_EIGEN_SORT_VAL_DESC);
    for (size_t i = 0; i < D; i++) p.value[i] = gsl_vector_get(values, i);
    for (int i = Z; i < D; i++) rest += p.value[i] / (D - Z);
    p.log_likelihood = D * 1.8378770664093454836 + (D - Z) * log(rest) + D;
    for (int i = 0; i < Z; i++) p.log_likelihood += log(p.value[i]);
    p.log_likelihood /= -2;
    gsl_eigen_symmv_free(workspace);
    gsl_vector_free(values);
    gsl_matrix_free(covariance);
    return p;
}

/* The largest angle between the decoder's columns and the principal subspace: the singular values of Q'U are the
 * cosines, Q an orthonormal basis of the columns. In degrees. */
static double largest_angle(const linear *l, const principal *p) {
    gsl_matrix *q = gsl_matrix_calloc(D, Z), *product = gsl_matrix_calloc(Z, Z), *v = gsl_matrix_calloc(Z, Z);
    gsl_vector *cosines = gsl_vector_calloc(Z), *room = gsl_vector_calloc(Z);
    for (int j = 0; j < Z; j++)
        for (int i = 0; i < D; i++) gsl_matrix_set(q, (size_t)i, (size_t)j, l->w[j][i]);
    gsl_linalg_SV_decomp(q, v, cosines, room); /* q becomes the basis */
    gsl_matrix_const_view u = gsl_matrix_const_submatrix(p->vector, 0, 0, D, Z);
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, q, &u.matrix, 0, product);
    gsl_linalg_SV_decomp(product, v, cosines, room);
    double smallest = gsl_vector_get(cosines, Z - 1);
    gsl_matrix_free(q);
    gsl_matrix_free(product);
    gsl_matrix_free(v);
    gsl_vector_free(cosines);
    gsl_vector_free(room);
    return acos(fmin(smallest, 1)) * 180 / 3.14159265358979323846;
}

/* Mean over rows of KL(N(mu, diag v) || p(z|x)), numbers: mu, log v of each row; less that of the best mu and v, which
 * 1/P_jj is for a posterior of precision P: (sum log P_jj - log det P) / 2, nothing where W'W is diagonal. */
static double excess_kl(const linear *l, const float *numbers) {
    gsl_matrix *precision = gsl_matrix_calloc(Z, Z);
    double log_det = 0, total = 0;
    for (int i = 0; i < Z; i++)
        for (int j = 0; j < Z; j++) {
            double sum = i == j;
            for (int k = 0; k < D; k++) sum += l->w[i][k] * l->w[j][k] / (l->s * l->s);
            gsl_matrix_set(precision, (size_t)i, (size_t)j, sum);
        }
    gsl_matrix *factor = gsl_matrix_calloc(Z, Z);
    gsl_matrix_memcpy(factor, precision);
    gsl_linalg_cholesky_decomp1(factor);
    gsl_vector *h = gsl_vector_calloc(Z), *m = gsl_vector_calloc(Z);
    for (size_t i = 0; i < Z; i++) log_det += 2 * log(gsl_matrix_get(factor, i, i));
    for (int n = 0; n < ROWS; n++) {
        const float *mu = numbers + n * 2 * Z, *log_v = mu + Z;
        for (int j = 0; j < Z; j++) {
            double sum = 0;
            for (int k = 0; k < D; k++) sum += l->w[j][k] * ((double)rows_x[n * D + k] - l->b[k]) / (l->s * l->s);
            gsl_vector_set(h, (size_t)j, sum);
        }
        gsl_linalg_cholesky_solve(factor, h, m);
        double kl = -Z - log_det;
        for (size_t i = 0; i < Z; i++) {
            kl += gsl_matrix_get(precision, i, i) * exp((double)log_v[i]) - (double)log_v[i];
            for (size_t j = 0; j < Z; j++)
                kl += ((double)mu[i] - gsl_vector_get(m, i)) * gsl_matrix_get(precision, i, j) *
                      ((double)mu[j] - gsl_vector_get(m, j));
        }
        total += kl / 2 / ROWS;
    }
    total += log_det / 2;
    for (size_t i = 0; i < Z; i++) total -= log(gsl_matrix_get(precision, i, i)) / 2;
    gsl_matrix_free(precision);
    gsl_matrix_free(factor);
    gsl_vector_free(h);
    gsl_vector_free(m);
    return total;
}

/* ---- the trainings ---- */

#define LINEAR                                                                                                      \
    "hidden", "", "latent", "3", "likelihood", "gaussian", "variance", "shared", "scale", "1", "normalize", "none", \
        "test-fraction", "0"
static const char *const bbvi[] = {LINEAR, "inference", "bbvi", "batch",    "50",     "epochs",
                                   "80",   "lr",        "0.02", "schedule", "cosine", NULL};
static const char *const mcem[] = {LINEAR, "inference", "mcem",     "batch",  "50",          "epochs", "80",
                                   "lr",   "0.02",      "schedule", "cosine", "local-steps", "3",      NULL};
static const char *const encoder[] = {LINEAR, "batch", "20", "epochs", "120", "lr", "0.02", "schedule", "cosine", NULL};

/* 25 numbers are estimated from 290 rows: the likelihood of the truth lies about 25/2/290 = 0.04 nats below the best
 * one, and what training leaves must be less than that. Before training it is more than 1 nat. */
static const double estimation_error = 25.0 / 2 / ROWS;

static void check_likelihood(const char *path, const char *what) {
    principal p = principal_of_rows();
    double reached = log_likelihood(path);
    if (!(reached <= p.log_likelihood + 1e-4 && reached > p.log_likelihood - estimation_error))
        fail_msg("%s: log p(x) %.4f; the best is %.4f", what, reached, p.log_likelihood);
    gsl_matrix_free(p.vector);
}

static void test_start_is_far(void **state) {
    (void)state;
    const char *still[] = {"lr", "0", "epochs", "1", NULL};
    char *path = trained("start", bbvi, still, 1);
    principal p = principal_of_rows();
    assert_true(log_likelihood(path) < p.log_likelihood - 1);
    gsl_matrix_free(p.vector);
    elbo_free(path);
}

/* What the moves of a fixed rate a leave of KL(q || p(z|x)) with estimator b: gradients of a mean have noise of about
 * sqrt(P_jj) and slope P_jj, those of a log variance 0.7 and 1/2. Adam divides both by the noise g, which makes the
 * numbers walk with variance a g / (2 h); half the slope times that is lost. */
static double walk(const linear *l, double rate) {
    double sum = 0;
    for (int j = 0; j < Z; j++) {
        double precision = 1 + linear_norm(l, j) / (l->s * l->s);
        sum += rate * (sqrt(precision) / 4 + 0.18);
    }
    return sum;
}

/* Both gradients of bbvi. That of STL has no noise where q is the posterior; the score's is about as large as b's for
 * 10 draws. Twice the walk is allowed, since the decoder moves as well. */
static void test_bbvi(void **state) {
    (void)state;
    static const struct {
        const char *name, *pairs[8];
        double walks, least;
    } kinds[] = {{"bbvi-b", {NULL}, 2, 0},
                 {"bbvi-stl", {"estimator", "stl", NULL}, 0, 0.02},
                 {"bbvi-reinforce", {"estimator", "reinforce", "control", "leave-one-out", "draws", "10", NULL}, 2, 0}};
    float *kept = calloc(ROWS * 2 * Z, sizeof *kept);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        linear l;
        char *path = trained(kinds[k].name, bbvi, kinds[k].pairs, 1);
        check_likelihood(path, kinds[k].name);
        read_run(path, &l, kept, 2 * Z);
        double kl = excess_kl(&l, kept);
        double allowed = kinds[k].walks * walk(&l, 0.05) + kinds[k].least;
        if (!(kl < allowed))
            fail_msg("%s: KL from the best posteriors %.4f, at most %.4f allowed", kinds[k].name, kl, allowed);
        memset(kept, 0, sizeof *kept * ROWS * 2 * Z);
        assert_true(excess_kl(&l, kept) > 1); /* there was something to learn */
        elbo_model_free(l.model);
        elbo_free(path);
    }
    free(kept);
}

static void test_mcem(void **state) {
    (void)state;
    char *path = trained("mcem", mcem, NULL, 1);
    check_likelihood(path, "mcem");
    elbo_free(path);
}

/* The amortised encoder can give the exact posteriors of a linear model, and its decoder spans the principal subspace.
 * Where an eigenvalue of the sample covariance is l inside the subspace and m outside, the sampling error of the
 * direction is sqrt(l m / N) / (l - m); the angle that training leaves must be less than that of the worst pair. */
static void test_encoder(void **state) {
    (void)state;
    linear l;
    char *path = trained("encoder", encoder, NULL, 1);
    principal p = principal_of_rows();
    check_likelihood(path, "encoder");
    read_run(path, &l, NULL, 0);
    float *numbers = calloc(ROWS * 2 * Z, sizeof *numbers);
    elbo_error error = {0};
    elbo_array x = {.dtype = ELBO_F32, .rank = 2, .shape = {ROWS, D}, .data = rows_x}, mean, deviation;
    if (elbo_model_encode(l.model, &x, &mean, &deviation, &error) != ELBO_OK) fail_msg("%s", error.message);
    for (int n = 0; n < ROWS; n++)
        for (int j = 0; j < Z; j++) {
            numbers[n * 2 * Z + j] = ((float *)mean.data)[n * Z + j];
            numbers[n * 2 * Z + Z + j] = 2 * logf(((float *)deviation.data)[n * Z + j]);
        }
    double kl = excess_kl(&l, numbers);
    if (!(kl < 0.02)) fail_msg("KL from the posteriors %.4f", kl);
    double in = p.value[Z - 1], out = p.value[Z];
    double allowed = sqrt(in * out / ROWS) / (in - out) * 180 / 3.14159265358979323846, angle = largest_angle(&l, &p);
    if (!(angle < allowed)) fail_msg("the subspaces are %.2f degrees apart; %.2f are allowed", angle, allowed);
    assert_true(allowed < 10);
    free(numbers);
    elbo_array_free(&mean);
    elbo_array_free(&deviation);
    elbo_model_free(l.model);
    gsl_matrix_free(p.vector);
    elbo_free(path);
}

/* ---- going on ---- */

static const char *const briefly[] = {"epochs", "6", "save-every", "0", NULL};
static const char *const saving[] = {"epochs", "6", "save-every", "1e-9", NULL};

/* Parameters, what is kept for each row, and the moments of its gradients or the step size of the chains. */
static void assert_same_run(const char *one, const char *two, bool gradients) {
    enum { MOST = ROWS * 2 * Z };
    static const char *const names[2][3] = {{"local.numbers", "local.chain", NULL},
                                            {"local.numbers", "local.mean", "local.square"}};
    elbo_error error = {0};
    linear l, m;
    size_t length, other;
    read_run(one, &l, NULL, 0);
    read_run(two, &m, NULL, 0);
    const float *a = elbo_params_data(elbo_model_get_params(l.model), &length);
    const float *b = elbo_params_data(elbo_model_get_params(m.model), &other);
    assert_int_equal(length, other);
    assert_memory_equal(a, b, sizeof(float) * length);
    for (int k = 0; k < 3 && names[gradients][k]; k++) {
        static float left[MOST], right[MOST];
        bool chain = strcmp(names[gradients][k], "local.chain") == 0;
        char *files[] = {elbo_textf("%s/last.safetensors", one), elbo_textf("%s/last.safetensors", two)};
        for (int side = 0; side < 2; side++) {
            elbo_flat flat = {.data = side ? right : left,
                              .length = chain ? 2 : (size_t)(ROWS * Z * (gradients ? 2 : 1))};
            strcpy(flat.name, names[gradients][k]);
            if (elbo_checkpoint_read_flats(files[side], &flat, 1, &error) != ELBO_OK) fail_msg("%s", error.message);
            elbo_free(files[side]);
            if (side) assert_memory_equal(left, right, sizeof(float) * flat.length);
            assert_true(chain || fabsf(flat.data[flat.length - 1]) > 0);
        }
    }
    elbo_model_free(l.model);
    elbo_model_free(m.model);
}

/* kill -9 at moments that a fixed generator picks. This test comes first: OpenMP does not survive a fork once the
 * parent has used it. 290 rows in batches of 50 leave a rest of 40. */
static void test_resume_after_kills(void **state) {
    (void)state;
    elbo_error error = {0};
    for (int kind = 0; kind < 2; kind++) {
        const char *name = kind ? "bbvi" : "mcem";
        char *killed = elbo_textf("%s/killed-%s", scratch_folder, name);
        uint32_t random = 7;
        int kills = 0;
        for (int attempt = 0; attempt < 100; attempt++) {
            fflush(NULL);
            pid_t child = fork();
            if (child == 0) {
                watcher w = {0};
                char *last = elbo_textf("%s/last.safetensors", killed);
                elbo_status status = access(last, F_OK) == 0
                                         ? resume(killed, &w, &error)
                                         : train(config_of(kind ? bbvi : mcem, saving), killed, 1, &w, &error);
                if (status != ELBO_OK) fprintf(stderr, "child: %s\n", error.message);
                _exit(status == ELBO_OK ? 0 : 2);
            }
            random = random * 1664525u + 1013904223u;
            int status, patience = attempt < 6 ? 5 + (int)(random >> 26) : 20000; /* milliseconds, up to 68 */
            while (waitpid(child, &status, WNOHANG) == 0 && patience-- > 0) usleep(1000);
            if (patience < 0) {
                kill(child, SIGKILL);
                waitpid(child, &status, 0);
                if (WIFSIGNALED(status)) kills++;
            }
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
            if (WIFEXITED(status)) fail_msg("the training failed with status %d", WEXITSTATUS(status));
        }
        assert_true(kills >= 1);
        elbo_free(killed);
    }
}

static void test_resumed_runs_are_the_same(void **state) {
    (void)state;
    elbo_error error = {0};
    for (int kind = 0; kind < 2; kind++) {
        const char *const *pairs = kind ? bbvi : mcem;
        char *whole = trained(kind ? "whole-bbvi" : "whole-mcem", pairs, briefly, 1);
        char *killed = folder(kind ? "killed-bbvi" : "killed-mcem"),
             *parts = folder(kind ? "parts-bbvi" : "parts-mcem");
        elbo_config *config = config_of(pairs, briefly);
        watcher w = {.stop_after = 8}; /* within the second epoch */
        assert_int_equal(train(config, parts, 1, &w, &error), ELBO_ERROR_INTERRUPTED);
        w = (watcher){.stop_after = 3};
        assert_int_equal(resume(parts, &w, &error), ELBO_ERROR_INTERRUPTED);
        w = (watcher){0};
        if (resume(parts, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
        assert_same_run(whole, parts, kind);
        assert_same_run(whole, killed, kind);
        elbo_config_free(config);
        elbo_free(whole);
        elbo_free(killed);
        elbo_free(parts);
    }
}

/* Draws are the same for any number of threads; sums may be rounded differently, and 12 steps of Adam make at most a
 * few thousand roundings of that. */
static void test_threads(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        const char *brief[] = {"epochs", "2", NULL};
        const char *const *pairs = kind ? bbvi : mcem;
        char *one = trained(kind ? "one-bbvi" : "one-mcem", pairs, brief, 1);
        char *two = trained(kind ? "two-bbvi" : "two-mcem", pairs, brief, 2);
        linear l, m;
        read_run(one, &l, NULL, 0);
        read_run(two, &m, NULL, 0);
        for (int j = 0; j < Z; j++)
            for (int i = 0; i < D; i++) assert_true(fabs(l.w[j][i] - m.w[j][i]) < 1e-3);
        elbo_model_free(l.model);
        elbo_model_free(m.model);
        elbo_free(one);
        elbo_free(two);
    }
}

static void test_steps_allocate_nothing(void **state) {
    (void)state;
    elbo_error error = {0};
    const char *brief[] = {"epochs", "2", "save-every", "0", NULL};
    for (int kind = 0; kind < 2; kind++) {
        char *path = folder(kind ? "steady-bbvi" : "steady-mcem");
        elbo_config *config = config_of(kind ? bbvi : mcem, brief);
        watcher w = {0};
        elbo_memory_fail_at(0);
        assert_int_equal(train(config, path, 1, &w, &error), ELBO_OK);
        assert_int_equal(w.while_stepping, 0);
        elbo_config_free(config);
        elbo_free(path);
    }
}

/* ---- odd sizes, and use ---- */

static void test_batches(void **state) {
    (void)state;
    static const char *const odd[][6] = {{"limit", "1", NULL}, /* one row */
                                         {"batch", "1000", NULL},
                                         {"batch", "289", NULL}, /* a rest of one row */
                                         {"limit", "7", "batch", "1", NULL}};
    for (size_t k = 0; k < 2 * sizeof odd / sizeof *odd; k++) {
        char name[32], *path;
        const char *pairs[10] = {"epochs", "2"};
        for (int i = 0; i < 6; i++) pairs[2 + i] = odd[k / 2][i];
        snprintf(name, sizeof name, "odd-%zu", k);
        path = trained(name, k % 2 ? bbvi : mcem, pairs, 1);
        assert_true(isfinite(log_likelihood(path)));
        elbo_free(path);
    }
}

/* Held-out rows, encoding, evaluation and sampling fit posteriors of their own: those of the decoder, which are known.
 */
static void test_use(void **state) {
    (void)state;
    elbo_error error = {0};
    const char *held[] = {"test-fraction", "0.1", "epochs", "20", "fit-steps", "500", NULL};
    for (int kind = 0; kind < 2; kind++) {
        const char *const *pairs = kind ? bbvi : mcem;
        char *path = folder(kind ? "use-bbvi" : "use-mcem");
        elbo_config *config = config_of(pairs, held);
        watcher w = {0};
        if (train(config, path, 1, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
        assert_true(isfinite(w.test_loss));
        linear l;
        read_run(path, &l, NULL, 0);
        elbo_array x = {.dtype = ELBO_F32, .rank = 2, .shape = {ROWS, D}, .data = rows_x}, mean, deviation, z, drawn;
        if (elbo_model_encode(l.model, &x, &mean, &deviation, &error) != ELBO_OK) fail_msg("%s", error.message);
        /* the mean of the best diagonal q is the posterior's: (P m) = W'(x - b)/s^2 */
        double square = 0, whole = 0;
        for (int n = 0; n < ROWS; n++)
            for (int j = 0; j < Z; j++) {
                double rest = -(double)((float *)mean.data)[n * Z + j], all = 0;
                for (int i = 0; i < D; i++) {
                    double away = (double)rows_x[n * D + i] - l.b[i];
                    all += l.w[j][i] * away / (l.s * l.s);
                    for (int k = 0; k < Z; k++) away -= l.w[k][i] * (double)((float *)mean.data)[n * Z + k];
                    rest += l.w[j][i] * away / (l.s * l.s);
                }
                square += rest * rest;
                whole += all * all;
            }
        assert_true(square < 0.05 * 0.05 * whole); /* 500 noisy steps, of which a twentieth is left */
        assert_int_equal(elbo_model_prior(l.model, 10, 1, 1, &z, &error), ELBO_OK);
        assert_int_equal(elbo_model_decode(l.model, &z, true, 1, &drawn, &error), ELBO_OK);
        elbo_evaluation_options options;
        elbo_evaluation e;
        elbo_dataset *data = elbo_dataset_open(data_path, &config->data, &error);
        assert_non_null(data);
        assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
        options.samples = 500;
        assert_int_equal(elbo_options_set(&elbo_evaluation_options_table, &options, "split", "all", &error), ELBO_OK);
        if (elbo_evaluate(l.model, data, &options, NULL, NULL, &e, &error) != ELBO_OK) fail_msg("%s", error.message);
        assert_true(fabs(-e.nll - linear_mean_log_p(&l)) < 5 * e.nll_sampling_error + 1e-3);
        assert_true(e.elbo < -e.nll && e.elbo > -e.nll - 3);
        elbo_evaluation_clear(&e);
        elbo_options_clear(&elbo_evaluation_options_table, &options);
        elbo_dataset_free(data);
        elbo_array_free(&mean);
        elbo_array_free(&deviation);
        elbo_array_free(&z);
        elbo_array_free(&drawn);
        elbo_model_free(l.model);
        elbo_config_free(config);
        elbo_free(path);
    }
}

/* Bytes may be given as bytes or as floats. */
static void test_bytes(void **state) {
    (void)state;
    enum { PIXELS = 784, COUNT = 5 };
    elbo_error error = {0};
    static const char *const pairs[] = {
        "data", "synth:glyphs?train=20&test=3", "hidden", "5", "latent", "2", "epochs", "1", "inference", "bbvi", NULL};
    char *path = trained("bytes", pairs, NULL, 1);
    elbo_model *model = elbo_model_open(path, "last", 1, &error);
    assert_non_null(model);
    assert_int_equal(elbo_model_get_info(model)->item_size, PIXELS);
    uint8_t bytes[COUNT * PIXELS];
    float floats[COUNT * PIXELS];
    for (int i = 0; i < COUNT * PIXELS; i++) floats[i] = bytes[i] = (uint8_t)(i * 37 % 256);
    elbo_array x[2] = {{.dtype = ELBO_U8, .rank = 2, .shape = {COUNT, PIXELS}, .data = bytes},
                       {.dtype = ELBO_F32, .rank = 2, .shape = {COUNT, PIXELS}, .data = floats}};
    elbo_array mean[2];
    for (int k = 0; k < 2; k++)
        if (elbo_model_encode(model, &x[k], &mean[k], NULL, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_memory_equal(mean[0].data, mean[1].data, sizeof(float) * COUNT * 2);
    assert_true(fabsf(*(float *)mean[0].data) > 0);
    elbo_array_free(&mean[0]);
    elbo_array_free(&mean[1]);
    elbo_model_free(model);
    elbo_free(path);
}

/* A posterior that runs away: the training stops with the last good state, or goes on more slowly. */
static void test_nan(void **state) {
    (void)state;
    elbo_error error = {0};
    const char *wild[] = {"local-rate", "1000", "epochs", "2", NULL};
    const char *tamer[] = {"local-rate", "400", "epochs", "2", "on-nan", "continue", NULL};
    char *path = folder("wild"), *other = folder("tamer");
    elbo_config *config = config_of(bbvi, wild), *second = config_of(bbvi, tamer);
    watcher w = {0};
    assert_int_equal(train(config, path, 1, &w, &error), ELBO_ERROR_NUMERIC);
    assert_non_null(strstr(error.message, "the posterior of row "));
    assert_non_null(strstr(error.message, "--local-rate"));
    assert_true(isfinite(log_likelihood(path)));
    w = (watcher){0};
    if (train(second, other, 1, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_true(w.warnings > 0);
    assert_non_null(strstr(w.warning, "times the rate"));
    elbo_config_free(config);
    elbo_config_free(second);
    elbo_free(path);
    elbo_free(other);
}

/* Free bits, warm-up and beta weigh the KL of the fitted posteriors as they weigh an encoder's: with beta 0 the
 * posteriors become narrow, with free bits above all of the KL nothing presses them to the prior, so that the two
 * agree. */
static void test_weights(void **state) {
    (void)state;
    const char *none[] = {"beta", "0", "epochs", "10", NULL}, *bits[] = {"free-bits", "50", "epochs", "10", NULL};
    const char *plain[] = {"epochs", "10", NULL};
    const char *names[] = {"weight-none", "weight-bits", "weight-plain"}, *const * pairs[] = {none, bits, plain};
    double log_variance[3] = {0};
    float *kept = calloc(ROWS * 2 * Z, sizeof *kept);
    for (int k = 0; k < 3; k++) {
        linear l;
        char *path = trained(names[k], bbvi, pairs[k], 1);
        read_run(path, &l, kept, 2 * Z);
        for (int n = 0; n < ROWS; n++)
            for (int j = 0; j < Z; j++) log_variance[k] += (double)kept[n * 2 * Z + Z + j] / ROWS / Z;
        elbo_model_free(l.model);
        elbo_free(path);
    }
    free(kept);
    assert_true(fabs(log_variance[0] - log_variance[1]) < 1e-3);
    assert_true(log_variance[0] < log_variance[2] - 0.5);
}

static elbo_status attempt(const char *name, const char *const *pairs, elbo_error *error) {
    char *path = folder(name);
    elbo_config *config = config_of(pairs, NULL);
    watcher w = {0};
    elbo_status status = train(config, path, 1, &w, error);
    elbo_config_free(config);
    elbo_free(path);
    return status;
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *words, *pairs[8];
    } bad[] = {{"leave-one-out", {"inference", "bbvi", "estimator", "reinforce", "control", "learned", NULL}},
               {"real codes", {"inference", "mcem", "posterior", "gamma", "prior", "gamma", NULL}}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        const char *pairs[32] = {LINEAR};
        size_t used = 0;
        while (pairs[used]) used++;
        memcpy(pairs + used, bad[k].pairs, sizeof bad[k].pairs);
        elbo_error error = {0};
        assert_int_equal(attempt("refused", pairs, &error), ELBO_ERROR_USAGE);
        if (!strstr(error.message, bad[k].words)) fail_msg("\"%s\"", error.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resume_after_kills),
                                       cmocka_unit_test(test_resumed_runs_are_the_same),
                                       cmocka_unit_test(test_start_is_far),
                                       cmocka_unit_test(test_bbvi),
                                       cmocka_unit_test(test_mcem),
                                       cmocka_unit_test(test_encoder),
                                       cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_steps_allocate_nothing),
                                       cmocka_unit_test(test_batches),
                                       cmocka_unit_test(test_use),
                                       cmocka_unit_test(test_bytes),
                                       cmocka_unit_test(test_nan),
                                       cmocka_unit_test(test_weights),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, set_up, clear_up);
}
