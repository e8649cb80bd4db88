/* Topics, perplexity, detection, Frechet distance and active units: against NumPy's and SciPy's figures, GSL's
 * eigenvalues, closed forms and hand-made cases. */
#include "metric_support.h"

#include <gsl/gsl_eigen.h>

#include "eval/metric/root.h"

/* ---- Detection ---- */

static elbo_detection detect(const double *scores, const double *labels, int64_t count, double false_alarms) {
    elbo_array arrays[] = {table_from(scores, count, 0), table_from(labels, count, 0)};
    elbo_detection out;
    elbo_error error = {0};
    if (elbo_score_detection(&arrays[0], &arrays[1], false_alarms, &out, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    free_all(arrays, 2);
    return out;
}

static void detection_is_numpys(void **state) {
    (void)state;
    elbo_array table = fixture("detection"), wanted = fixture("detection_scores");
    elbo_array scores = column_of(&table, 0), labels = column_of(&table, 1);
    elbo_detection d = detect(numbers(&scores), numbers(&labels), 70, 0.1);
    const double got[] = {d.auroc,    d.auroc_stderr, d.average_precision, d.threshold,
                          d.detected, d.false_alarms, d.precision};
    for (size_t i = 0; i < COUNT(got); i++) close_to(got[i], numbers(&wanted)[i], 1e-13, "a figure");
    free_all((elbo_array[]){table, wanted, scores, labels}, 4);
}

static void detection_by_hand(void **state) {
    (void)state;
    static const double scores[] = {0.1, 0.4, 0.35, 0.8}, labels[] = {0, 0, 1, 1}, same[] = {2, 2, 2, 2};
    elbo_detection d = detect(scores, labels, 4, 0.5);
    close_to(d.auroc, 0.75, 1e-15, "auroc");
    close_to(d.average_precision, 0.5 * 1 + 0.5 * 2 / 3, 1e-15, "average precision");
    close_to(d.threshold, 0.35, 0, "threshold");
    close_to(d.detected, 1, 0, "detected");
    close_to(d.false_alarms, 0.5, 0, "false alarms");
    d = detect(scores, labels, 4, 0);
    close_to(d.threshold, 0.8, 0, "threshold without false alarms");
    close_to(d.detected, 0.5, 0, "detected without false alarms");
    d = detect(same, labels, 4, 0.4); /* all scores are equal: no threshold parts them */
    close_to(d.auroc, 0.5, 0, "auroc of equal scores");
    close_to(d.average_precision, 0.5, 0, "average precision of equal scores");
    close_to(d.detected, 0, 0, "detected of equal scores");
    assert_true(d.threshold > 2 && d.threshold < 2.000001);
    assert_true(isnan(d.precision));
    static const double reversed[] = {3, 2, 1, 0};
    d = detect(reversed, labels, 4, 0.05);
    close_to(d.auroc, 0, 0, "auroc of reversed scores");
}

/* The chance that N(1, 1) is above N(0, 1) is Phi(1 / sqrt 2): within five standard errors but for 6e-7. */
static void auroc_of_normal_scores(void **state) {
    (void)state;
    enum { ROWS = 4000 };
    elbo_rng rng = {21, 1, 0};
    double scores[ROWS], labels[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        labels[i] = i % 4 == 0;
        scores[i] = elbo_rng_normal(&rng, i, 0) + labels[i];
    }
    elbo_detection d = detect(scores, labels, ROWS, 0.05);
    close_to(d.auroc, 0.5 * erfc(-0.5), 5 * d.auroc_stderr, "auroc");
    /* Hanley and McNeil's bound on the variance: at most A (1 - A) / min(m, n). */
    assert_true(d.auroc_stderr < sqrt(d.auroc * (1 - d.auroc) / 1000) && d.auroc_stderr > 0.003);
}

static void bad_detection_is_refused(void **state) {
    (void)state;
    elbo_array scores = table_new(4, 0), labels = table_new(4, 0), three = table_new(3, 0), wide = table_new(4, 2);
    elbo_detection out;
    elbo_error error = {0};
    assert_int_equal(elbo_score_detection(&scores, &labels, 0.05, &out, &error), ELBO_ERROR_FORMAT);
    expect_message(&error, ELBO_ERROR_FORMAT, "labels: every row is normal");
    assert_int_equal(elbo_score_detection(&scores, &three, 0.05, &out, &error), ELBO_ERROR_SHAPE);
    expect_message(&error, ELBO_ERROR_SHAPE, "scores: 4 rows, but labels: 3");
    assert_int_equal(elbo_score_detection(&wide, &labels, 0.05, &out, &error), ELBO_ERROR_SHAPE);
    numbers(&labels)[2] = 7;
    assert_int_equal(elbo_score_detection(&scores, &labels, 0.05, &out, &error), ELBO_ERROR_FORMAT);
    expect_message(&error, ELBO_ERROR_FORMAT, "labels: row 2 (from 0) is 7");
    numbers(&labels)[2] = 1;
    assert_int_equal(elbo_score_detection(&scores, &labels, 1.5, &out, &error), ELBO_ERROR_USAGE);
    numbers(&scores)[3] = NAN;
    assert_int_equal(elbo_score_detection(&scores, &labels, 0.05, &out, &error), ELBO_ERROR_NUMERIC);
    expect_message(&error, ELBO_ERROR_NUMERIC, "scores: row 3");
    free_all((elbo_array[]){scores, labels, three, wide}, 4);
}

/* ---- Topics ---- */

static elbo_topic_scores topics(const elbo_array *weights, const elbo_array *words, const elbo_array *corpus,
                                int64_t top, int64_t diverse) {
    elbo_error error = {0};
    elbo_topic_scores out;
    elbo_topic_options options = {.top_words = top, .diversity_words = diverse};
    elbo_dataset *data = corpus ? elbo_dataset_from_array(corpus, NULL, NULL, &error) : NULL;
    if (elbo_score_topics(weights, words, data, ELBO_SPLIT_ALL, &options, &out, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    elbo_dataset_free(data);
    return out;
}

static void coherence_is_numpys(void **state) {
    (void)state;
    elbo_array corpus = fixture("topics_corpus"), weights = fixture("topics_weights"), npmi = fixture("topics_npmi");
    elbo_array c_v = fixture("topics_c_v"), diversity = fixture("topics_diversity");
    elbo_topic_scores s = topics(&weights, NULL, &corpus, 5, 5);
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        close_to(s.topic_npmi[k], numbers(&npmi)[k], 1e-13, "npmi");
        close_to(s.topic_c_v[k], numbers(&c_v)[k], 1e-13, "c_v");
        sum += numbers(&npmi)[k] / 3;
    }
    close_to(s.npmi, sum, 1e-13, "mean npmi");
    close_to(s.diversity, numbers(&diversity)[0], 1e-15, "diversity");
    assert_int_equal(s.documents, 50);
    elbo_array words = table_new(3, 5); /* the same topics as lists */
    for (int i = 0; i < 15; i++) numbers(&words)[i] = s.word[i];
    elbo_topic_scores again = topics(NULL, &words, &corpus, 5, 5);
    close_to(again.npmi, s.npmi, 0, "npmi of lists");
    close_to(again.c_v, s.c_v, 0, "c_v of lists");
    close_to(again.diversity, s.diversity, 0, "diversity of lists");
    elbo_topic_scores_clear(&s);
    elbo_topic_scores_clear(&again);
    free_all((elbo_array[]){corpus, weights, npmi, c_v, diversity, words}, 6);
}

/* Words 0 and 1 are always together, 2 and 3 never, 4 and 5 as often as by chance. */
static void coherence_by_hand(void **state) {
    (void)state;
    static const double corpus[] = {2, 1, 1, 0, 1, 1, 1, 3, 0, 1, 1, 0, 0, 0, 4, 0, 0, 1, 0, 0, 0, 9, 0, 0};
    static const double words[] = {0, 1, 2, 3, 4, 5};
    elbo_array documents = table_from(corpus, 4, 6), lists = table_from(words, 3, 2);
    elbo_topic_scores s = topics(NULL, &lists, &documents, 10, 25);
    close_to(s.topic_npmi[0], 1, 1e-15, "npmi of words that are always together");
    close_to(s.topic_npmi[1], -1, 0, "npmi of words that are never together");
    close_to(s.topic_npmi[2], 0, 1e-15, "npmi of independent words");
    close_to(s.topic_c_v[0], 1, 1e-10, "c_v of words that are always together");
    close_to(s.diversity, 1, 0, "diversity");
    assert_int_equal(s.words, 2);
    assert_int_equal(s.diversity_words, 2);
    elbo_topic_scores_clear(&s);
    free_all((elbo_array[]){documents, lists}, 2);
}

static void odd_corpora(void **state) {
    (void)state;
    static const double everywhere[] = {1, 1, 1, 1}, nowhere[] = {0, 0, 0, 0};
    static const double same[] = {0.5, 0.5, 0.5, 0.5}; /* equal weights: the first words of each topic */
    elbo_array all = table_from(everywhere, 2, 2), none = table_from(nowhere, 2, 2), weights = table_from(same, 2, 2);
    elbo_topic_scores s = topics(&weights, NULL, &all, 10, 25);
    close_to(s.npmi, 1, 0, "npmi of words in every document");
    close_to(s.diversity, 0.5, 0, "diversity of equal topics");
    elbo_topic_scores_clear(&s);
    s = topics(&weights, NULL, &none, 10, 25);
    close_to(s.npmi, -1, 0, "npmi of words in no document");
    close_to(s.c_v, 0, 0, "c_v of words in no document");
    assert_int_equal(s.unseen, 4);
    assert_non_null(strstr(s.warning, "4 of 4 top words"));
    elbo_topic_scores_clear(&s);
    s = topics(&weights, NULL, NULL, 10, 25);
    assert_true(isnan(s.npmi) && isnan(s.c_v) && !s.topic_npmi);
    elbo_topic_scores_clear(&s);
    free_all((elbo_array[]){all, none, weights}, 3);
}

static void refused_topics(const elbo_array *weights, const elbo_array *words, const elbo_array *corpus,
                           elbo_status status, const char *part) {
    elbo_error error = {0};
    elbo_topic_scores out;
    elbo_dataset *data = corpus ? elbo_dataset_from_array(corpus, NULL, NULL, &error) : NULL;
    assert_int_equal(elbo_score_topics(weights, words, data, ELBO_SPLIT_ALL, NULL, &out, &error), status);
    expect_message(&error, status, part);
    assert_null(out.word);
    elbo_dataset_free(data);
}

static void bad_topics_are_refused(void **state) {
    (void)state;
    elbo_array weights = table_new(2, 5), corpus = table_new(3, 4), words = table_new(2, 3), one = table_new(2, 1);
    refused_topics(&weights, &words, NULL, ELBO_ERROR_USAGE, "either weights or lists");
    refused_topics(NULL, NULL, NULL, ELBO_ERROR_USAGE, "either weights or lists");
    refused_topics(&weights, NULL, &corpus, ELBO_ERROR_SHAPE, "documents of 4 words, but topics over 5");
    refused_topics(NULL, &words, &corpus, ELBO_ERROR_FORMAT, "topic 0 has word 0 twice");
    for (int i = 0; i < 6; i++) numbers(&words)[i] = i;
    refused_topics(NULL, &words, &corpus, ELBO_ERROR_SHAPE, "the topics speak of at least 6");
    numbers(&words)[4] = -1;
    refused_topics(NULL, &words, &corpus, ELBO_ERROR_FORMAT, "topic 1, word 1 is -1");
    refused_topics(NULL, &one, &corpus, ELBO_ERROR_SHAPE, "lists of 1 word");
    elbo_array four = table_new(2, 4);
    numbers(&corpus)[6] = -2;
    refused_topics(&four, NULL, &corpus, ELBO_ERROR_FORMAT, "document 1, word 2 (from 0) has the count -2");
    free_all((elbo_array[]){weights, corpus, words, one, four}, 5);
}

static void perplexity_by_hand(void **state) {
    (void)state;
    static const double bounds[] = {-10 * 2.0, -30 * 3.0, 0}, lengths[] = {10, 30, 0};
    elbo_array b = table_from(bounds, 3, 0), l = table_from(lengths, 3, 0), two = table_new(2, 0),
               none = table_new(3, 0);
    elbo_perplexity p;
    elbo_error error = {0};
    assert_int_equal(elbo_score_perplexity(&b, &l, &p, &error), ELBO_OK);
    close_to(p.document_perplexity, exp(2.5), 1e-13, "perplexity per document");
    close_to(p.corpus_perplexity, exp(110 / 40.0), 1e-13, "perplexity per corpus");
    assert_int_equal(p.documents, 2);
    assert_int_equal(p.empty, 1);
    close_to(p.words, 40, 0, "words");
    assert_string_equal(p.warning, "");
    numbers(&b)[1] = 90;
    assert_int_equal(elbo_score_perplexity(&b, &l, &p, &error), ELBO_OK);
    assert_non_null(strstr(p.warning, "positive"));
    assert_int_equal(elbo_score_perplexity(&b, &two, &p, &error), ELBO_ERROR_SHAPE);
    assert_int_equal(elbo_score_perplexity(&b, &none, &p, &error), ELBO_ERROR_FORMAT);
    expect_message(&error, ELBO_ERROR_FORMAT, "every document is empty");
    numbers(&l)[2] = -1;
    assert_int_equal(elbo_score_perplexity(&b, &l, &p, &error), ELBO_ERROR_FORMAT);
    expect_message(&error, ELBO_ERROR_FORMAT, "document 2");
    free_all((elbo_array[]){b, l, two, none}, 4);
}

/* ---- Roots and the Frechet distance ---- */

/* A random symmetric matrix with eigenvalues from a wide range: B B' of [n, n] numbers with shrinking columns. */
static void make_positive(double *a, int n, uint64_t seed) {
    elbo_rng rng = {seed, 1, 0};
    double *b = calloc((size_t)(n * n), sizeof *b);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) b[i * n + j] = elbo_rng_normal(&rng, (uint32_t)i, (uint32_t)j) * pow(0.8, j);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            a[i * n + j] = 0;
            for (int k = 0; k < n; k++) a[i * n + j] += b[i * n + k] * b[j * n + k];
        }
    free(b);
}

static void roots_against_gsl(void **state) {
    (void)state;
    enum { N = 24 };
    double a[N * N], copy[N * N], root[N * N], trace, sum = 0;
    make_positive(a, N, 4);
    memcpy(copy, a, sizeof a);
    gsl_matrix *matrix = gsl_matrix_alloc(N, N);
    gsl_vector *values = gsl_vector_alloc(N);
    gsl_eigen_symm_workspace *work = gsl_eigen_symm_alloc(N);
    memcpy(matrix->data, a, sizeof a);
    gsl_eigen_symm(matrix, values, work);
    for (int i = 0; i < N; i++) sum += sqrt(fmax(gsl_vector_get(values, i), 0));
    assert_int_equal(elbo_metric_root(copy, N, root, &trace, NULL), ELBO_OK);
    /* Eigenvalues are right to rounding of the largest (about 60): a root near 0 is to 60 * 24 * 2^-52 / sqrt. */
    close_to(trace, sum, 1e-6, "the trace of the root");
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double square = 0;
            for (int k = 0; k < N; k++) square += root[i * N + k] * root[k * N + j];
            close_to(square, a[i * N + j], 1e-11, "the square of the root");
        }
    gsl_matrix_free(matrix);
    gsl_vector_free(values);
    gsl_eigen_symm_free(work);
    double indefinite[] = {1, 0, 0, -1};
    elbo_error error = {0};
    assert_int_equal(elbo_metric_root(indefinite, 2, NULL, &trace, &error), ELBO_ERROR_NUMERIC);
    expect_message(&error, ELBO_ERROR_NUMERIC, "positive semidefinite");
}

static elbo_frechet frechet(const elbo_array *a, const elbo_array *b) {
    elbo_error error = {0};
    elbo_frechet out;
    if (elbo_score_frechet(a, b, &out, &error) != ELBO_OK) fail_msg("%s", error.message);
    return out;
}

static void frechet_is_scipys(void **state) {
    (void)state;
    elbo_array a = fixture("frechet_a"), b = fixture("frechet_b"), wanted = fixture("frechet_scores");
    elbo_frechet f = frechet(&a, &b);
    close_to(f.mean_term, numbers(&wanted)[0], 1e-12, "the term of the means");
    close_to(f.covariance_term, numbers(&wanted)[1], 1e-9, "the term of the covariances");
    close_to(f.frechet, f.mean_term + f.covariance_term, 0, "the distance");
    close_to(frechet(&b, &a).frechet, f.frechet, 1e-9, "the distance the other way");
    close_to(frechet(&a, &a).frechet, 0, 1e-6, "the distance to itself");
    assert_non_null(strstr(f.warning, "25 rows for 4 dimensions"));
    free_all((elbo_array[]){a, b, wanted}, 3);
}

/* Rows whose moments are exact: +-s e_d about a mean. Between diagonal covariances the distance is
 * |m - n|^2 + sum (s - t)^2, here of deviations s sqrt(2 / (2 D - 1)). */
static void frechet_of_diagonal_normals(void **state) {
    (void)state;
    enum { D = 5 };
    elbo_array a = table_new(2 * D, D), b = table_new(2 * D, D);
    double wanted = 0, factor = sqrt(2.0 / (2 * D - 1));
    for (int d = 0; d < D; d++) {
        double s = 1 + d, t = 3 - 0.5 * d;
        for (int row = 0; row < 2 * D; row++) {
            numbers(&a)[row * D + d] = 2 + (row / 2 == d ? (row % 2 ? s : -s) : 0);
            numbers(&b)[row * D + d] = 2 - 0.1 * d + (row / 2 == d ? (row % 2 ? t : -t) : 0);
        }
        wanted += 0.01 * d * d + pow((s - t) * factor, 2);
    }
    close_to(frechet(&a, &b).frechet, wanted, 1e-12, "the distance");
    free_all((elbo_array[]){a, b}, 2);
}

static void frechet_of_odd_sets(void **state) {
    (void)state;
    static const double flat[] = {1, 2, 1, 2, 1, 2};
    elbo_array still = table_from(flat, 3, 2), one = table_new(1, 2), wide = table_new(3, 3),
               moved = table_from(flat, 3, 2);
    for (int i = 0; i < 6; i++) numbers(&moved)[i] += 3;
    close_to(frechet(&still, &moved).frechet, 18, 1e-12, "the distance of points");
    elbo_frechet out;
    elbo_error error = {0};
    assert_int_equal(elbo_score_frechet(&still, &wide, &out, &error), ELBO_ERROR_SHAPE);
    expect_message(&error, ELBO_ERROR_SHAPE, "a has 2 columns and b 3");
    assert_int_equal(elbo_score_frechet(&still, &one, &out, &error), ELBO_ERROR_SHAPE);
    expect_message(&error, ELBO_ERROR_SHAPE, "b 1; a covariance needs at least 2");
    numbers(&still)[3] = NAN;
    assert_int_equal(elbo_score_frechet(&moved, &still, &out, &error), ELBO_ERROR_NUMERIC);
    expect_message(&error, ELBO_ERROR_NUMERIC, "b: row 1, column 1 (from 0) is NaN");
    free_all((elbo_array[]){still, one, wide, moved}, 4);
}

/* ---- Units ---- */

static void units_by_hand(void **state) {
    (void)state;
    static const double codes[] = {0, 5, 1, 0, 0.2, 5, -1, 0};
    elbo_array means = table_from(codes, 2, 4);
    elbo_units u;
    elbo_error error = {0};
    assert_int_equal(elbo_score_units(&means, NULL, 0.01, &u, &error), ELBO_OK);
    assert_int_equal(u.active_units, 2);
    assert_int_equal(u.layers.count, 1);
    close_to(u.variance[0], 0.02, 1e-16, "a variance");
    close_to(u.variance[2], 2, 0, "a variance");
    elbo_units_clear(&u);
    assert_int_equal(elbo_score_units(&means, &(elbo_ints){3, {2, 1, 1}}, 0.01, &u, &error), ELBO_OK);
    assert_int_equal(u.layer_active.value[0], 1);
    assert_int_equal(u.layer_active.value[1], 1);
    assert_int_equal(u.layer_active.value[2], 0);
    elbo_units_clear(&u);
    assert_int_equal(elbo_score_units(&means, NULL, 0.03, &u, &error), ELBO_OK);
    assert_int_equal(u.active_units, 1);
    elbo_units_clear(&u);
    assert_int_equal(elbo_score_units(&means, &(elbo_ints){1, {3}}, 0.01, &u, &error), ELBO_ERROR_USAGE);
    expect_message(&error, ELBO_ERROR_USAGE, "3 units in all, but the codes have 4 columns");
    means.shape[0] = 1;
    assert_int_equal(elbo_score_units(&means, NULL, 0.01, &u, &error), ELBO_ERROR_SHAPE);
    elbo_array_free(&means);
}

/* ---- Memory ---- */

static elbo_status everything(elbo_array *a, elbo_array *labels, const elbo_dataset *corpus) {
    elbo_detection detection;
    elbo_frechet distance;
    elbo_perplexity perplexity;
    elbo_units units = {0};
    elbo_topic_scores scores = {0};
    elbo_array column = *labels;
    elbo_status status = elbo_score_detection(&column, labels, 0.05, &detection, NULL);
    if (status == ELBO_OK) status = elbo_score_frechet(a, a, &distance, NULL);
    if (status == ELBO_OK) status = elbo_score_perplexity(labels, labels, &perplexity, NULL);
    if (status == ELBO_OK) status = elbo_score_units(a, NULL, 0.01, &units, NULL);
    if (status == ELBO_OK) status = elbo_score_topics(a, NULL, corpus, ELBO_SPLIT_ALL, NULL, &scores, NULL);
    elbo_units_clear(&units);
    elbo_topic_scores_clear(&scores);
    return status;
}

static void memory_may_run_out(void **state) {
    (void)state;
    elbo_array a = table_new(4, 3), labels = table_new(4, 0);
    numbers(&labels)[1] = 1;
    elbo_dataset *corpus = elbo_dataset_from_array(&a, NULL, NULL, NULL);
    assert_non_null(corpus);
    for (long number = 1; number < 1000; number++) {
        elbo_memory_fail_at(number);
        elbo_status status = everything(&a, &labels, corpus);
        bool reached = elbo_memory_count() >= number;
        elbo_memory_fail_at(0);
        assert_int_equal(status, reached ? ELBO_ERROR_MEMORY : ELBO_OK);
        if (!reached) break;
    }
    elbo_dataset_free(corpus);
    free_all((elbo_array[]){a, labels}, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detection_is_numpys),
        cmocka_unit_test(detection_by_hand),
        cmocka_unit_test(auroc_of_normal_scores),
        cmocka_unit_test(bad_detection_is_refused),
        cmocka_unit_test(coherence_is_numpys),
        cmocka_unit_test(coherence_by_hand),
        cmocka_unit_test(odd_corpora),
        cmocka_unit_test(bad_topics_are_refused),
        cmocka_unit_test(perplexity_by_hand),
        cmocka_unit_test(roots_against_gsl),
        cmocka_unit_test(frechet_is_scipys),
        cmocka_unit_test(frechet_of_diagonal_normals),
        cmocka_unit_test(frechet_of_odd_sets),
        cmocka_unit_test(units_by_hand),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
