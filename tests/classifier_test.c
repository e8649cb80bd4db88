/* Classifiers: what they compute and the first step of their training against loops in double precision; where they
 * begin; files; classes by name; their features in a Frechet distance. */
#include "linear_gaussian.h"

#include "base/memory.h"
#include "eval/classifier.h"
#include "train/safetensors.h"

enum { SIZE = 5, CLASSES = 3, ROWS = 7, WIDTH = 4 };

/* Rows about centres of their own, a class each, in turn: 0, 1, 2, 0, ... */
typedef struct example {
    float x[400 * SIZE];
    int32_t label[400];
    elbo_array array, labels;
    elbo_dataset *data;
} example;

static void example_open(example *e, int64_t rows, double spread, double test_fraction) {
    elbo_rng rng = {5, ELBO_STREAM_SAMPLE, 0};
    elbo_error error = {0};
    elbo_data_options options;
    for (int64_t n = 0; n < rows; n++) {
        e->label[n] = (int32_t)(n % CLASSES);
        for (int i = 0; i < SIZE; i++) {
            double centre = i == e->label[n] ? 0.8 : -0.2 * i / SIZE;
            double value = centre + spread * elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)i);
            e->x[n * SIZE + i] = (float)fmax(fmin(value, 1), -1); /* within [-1, 1]: taken as it is */
        }
    }
    e->array = (elbo_array){.dtype = ELBO_F32, .rank = 2, .shape = {rows, SIZE}, .data = e->x};
    e->labels = (elbo_array){.dtype = ELBO_I32, .rank = 1, .shape = {rows}, .data = e->label};
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = test_fraction;
    e->data = elbo_dataset_from_array(&e->array, &e->labels, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!e->data) fail_msg("%s", error.message);
}

static elbo_classifier_options options_of(const char *const *pairs) {
    elbo_classifier_options options;
    elbo_error error = {0};
    assert_int_equal(elbo_options_init(&elbo_classifier_options_table, &options, &error), ELBO_OK);
    for (; *pairs; pairs += 2)
        if (elbo_options_set(&elbo_classifier_options_table, &options, pairs[0], pairs[1], &error) != ELBO_OK)
            fail_msg("%s", error.message);
    return options;
}

static elbo_classifier *train(const example *e, const elbo_model *from, const char *const *pairs) {
    elbo_error error = {0};
    elbo_classifier_options options = options_of(pairs);
    elbo_classifier *made = elbo_classifier_train(e->data, from, &options, 1, NULL, NULL, &error);
    elbo_options_clear(&elbo_classifier_options_table, &options);
    if (!made) fail_msg("%s", error.message);
    return made;
}

static void refused(const example *e, const elbo_model *from, const char *const *pairs, elbo_status status,
                    const char *words) {
    elbo_error error = {0};
    elbo_classifier_options options = options_of(pairs);
    assert_null(elbo_classifier_train(e->data, from, &options, 1, NULL, NULL, &error));
    elbo_options_clear(&elbo_classifier_options_table, &options);
    assert_int_equal(error.status, status);
    if (!strstr(error.message, words)) fail_msg("\"%s\" says nothing of \"%s\"", error.message, words);
}

/* ---- One hidden layer of tanh, directly ---- */

typedef struct direct {
    double w[SIZE][WIDTH], b[WIDTH], v[WIDTH][CLASSES], c[CLASSES];
    double h[WIDTH], p[CLASSES];
} direct;

static void direct_read(direct *d, const elbo_classifier *classifier) {
    const float *w = elbo_classifier_tensor(classifier, "hidden.dense1.weight");
    const float *b = elbo_classifier_tensor(classifier, "hidden.dense1.bias");
    const float *v = elbo_classifier_tensor(classifier, "softmax.output.weight");
    const float *c = elbo_classifier_tensor(classifier, "softmax.output.bias");
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < WIDTH; j++) d->w[i][j] = (double)w[i * WIDTH + j];
    for (int j = 0; j < WIDTH; j++) d->b[j] = (double)b[j];
    for (int j = 0; j < WIDTH; j++)
        for (int k = 0; k < CLASSES; k++) d->v[j][k] = (double)v[j * CLASSES + k];
    for (int k = 0; k < CLASSES; k++) d->c[k] = (double)c[k];
}

static void direct_run(direct *d, const float *x) {
    double sum = 0;
    for (int j = 0; j < WIDTH; j++) {
        double s = d->b[j];
        for (int i = 0; i < SIZE; i++) s += (double)x[i] * d->w[i][j];
        d->h[j] = tanh(s);
    }
    for (int k = 0; k < CLASSES; k++) {
        double s = d->c[k];
        for (int j = 0; j < WIDTH; j++) s += d->h[j] * d->v[j][k];
        sum += d->p[k] = exp(s);
    }
    for (int k = 0; k < CLASSES; k++) d->p[k] /= sum;
}

static void what_it_computes(void **state) {
    (void)state;
    example e;
    elbo_error error = {0};
    example_open(&e, 300, 0.4, 0); /* more rows than one batch */
    elbo_classifier *c =
        train(&e, NULL, (const char *const[]){"hidden", "4", "activation", "tanh", "epochs", "3", NULL});
    elbo_array p = {0}, h = {0}, alone = {0};
    elbo_classification judged;
    direct d;
    assert_int_equal(elbo_classifier_apply(c, &e.array, &p, &h, &error), ELBO_OK);
    assert_int_equal(elbo_classifier_apply(c, &e.array, NULL, &alone, &error), ELBO_OK);
    assert_int_equal(elbo_classifier_measure(c, e.data, ELBO_SPLIT_TRAIN, &judged, &error), ELBO_OK);
    assert_memory_equal(h.data, alone.data, sizeof(float) * 300 * WIDTH);
    direct_read(&d, c);
    double entropy = 0, square = 0;
    int64_t right = 0, confusion[CLASSES][CLASSES] = {{0}};
    for (int64_t n = 0; n < 300; n++) {
        int best = 0;
        direct_run(&d, e.x + n * SIZE);
        for (int j = 0; j < WIDTH; j++) assert_true(fabs((double)((float *)h.data)[n * WIDTH + j] - d.h[j]) < 1e-5);
        for (int k = 0; k < CLASSES; k++) {
            assert_true(fabs((double)((float *)p.data)[n * CLASSES + k] - d.p[k]) < 1e-5);
            if (d.p[k] > d.p[best]) best = k;
        }
        double surprise = -log(d.p[e.label[n]]);
        entropy += surprise / 300;
        square += surprise * surprise / 300;
        right += best == e.label[n];
        confusion[e.label[n]][best]++;
    }
    assert_int_equal(judged.count, 300);
    assert_true(fabs(judged.accuracy - (double)right / 300) < 1e-12);
    assert_true(fabs(judged.cross_entropy - entropy) < 1e-5);
    assert_true(fabs(judged.cross_entropy_stderr - sqrt((square - entropy * entropy) / 299)) < 1e-5);
    double share = judged.accuracy;
    assert_true(fabs(judged.accuracy_stderr - sqrt(share * (1 - share) / 299)) < 1e-12);
    for (int k = 0; k < CLASSES * CLASSES; k++) assert_int_equal(judged.confusion[k], confusion[k / 3][k % 3]);
    elbo_classification_clear(&judged);
    elbo_array_free(&p);
    elbo_array_free(&h);
    elbo_array_free(&alone);
    elbo_classifier_free(c);
    elbo_dataset_free(e.data);
}

/* Adam's first step moves each number by rate g / (|g| + epsilon): by the rate, against the sign of the gradient of
 * the mean cross-entropy, which is written out here. Without a rate, the epoch's loss is that mean, also where the last
 * of the batches is not full. */
static void the_first_step(void **state) {
    (void)state;
    const double rate = 1.0 / 1024;
    example e;
    direct before, after;
    example_open(&e, ROWS, 0.4, 0);
    const char *const common[] = {"hidden", "4", "activation", "tanh", "epochs", "1"};
    elbo_classifier *still = train(&e, NULL,
                                   (const char *const[]){common[0], common[1], common[2], common[3], common[4],
                                                         common[5], "lr", "0", "batch", "4", NULL});
    elbo_classifier *moved = train(&e, NULL,
                                   (const char *const[]){common[0], common[1], common[2], common[3], common[4],
                                                         common[5], "lr", "0.0009765625", NULL});
    direct_read(&before, still);
    direct_read(&after, moved);
    direct gradient = {0};
    double loss = 0;
    for (int n = 0; n < ROWS; n++) {
        direct_run(&before, e.x + n * SIZE);
        loss -= log(before.p[e.label[n]]) / ROWS;
        double dh[WIDTH] = {0};
        for (int k = 0; k < CLASSES; k++) {
            double ds = (before.p[k] - (k == e.label[n])) / ROWS;
            gradient.c[k] += ds;
            for (int j = 0; j < WIDTH; j++) {
                gradient.v[j][k] += before.h[j] * ds;
                dh[j] += before.v[j][k] * ds;
            }
        }
        for (int j = 0; j < WIDTH; j++) {
            double ds = dh[j] * (1 - before.h[j] * before.h[j]);
            gradient.b[j] += ds;
            for (int i = 0; i < SIZE; i++) gradient.w[i][j] += (double)e.x[n * SIZE + i] * ds;
        }
    }
    assert_true(fabs(elbo_classifier_get_info(still)->loss - loss) < 1e-5);
    const double *g = &gradient.w[0][0], *a = &after.w[0][0], *b = &before.w[0][0];
    int compared = 0;
    for (int i = 0; i < SIZE * WIDTH + WIDTH + WIDTH * CLASSES + CLASSES; i++) {
        if (fabs(g[i]) < 1e-4) continue; /* where epsilon and rounding have a say */
        compared++;
        assert_true(fabs((a[i] - b[i]) + (g[i] > 0 ? rate : -rate)) < 2e-3 * rate);
    }
    assert_true(compared > 30);
    elbo_classifier_free(still);
    elbo_classifier_free(moved);
    elbo_dataset_free(e.data);
}

static void learns(void **state) {
    (void)state;
    example e;
    elbo_error error = {0};
    elbo_classification judged;
    example_open(&e, 400, 0.1, 0.25); /* centres are ten deviations apart */
    elbo_classifier *c = train(
        &e, NULL,
        (const char *const[]){"hidden", "16,8", "labelled", "60", "epochs", "60", "batch", "25", "lr", "0.01", NULL});
    const elbo_classifier_info *info = elbo_classifier_get_info(c);
    assert_int_equal(info->rows, 60);
    assert_int_equal(info->epochs, 60);
    assert_int_equal(info->features, 8);
    assert_string_equal(info->activation, "relu");
    assert_string_equal(info->start, "random");
    assert_int_equal(elbo_classifier_measure(c, e.data, ELBO_SPLIT_TEST, &judged, &error), ELBO_OK);
    assert_int_equal(judged.count, 100);
    assert_true(judged.accuracy > 0.98 && judged.cross_entropy < 0.1);
    elbo_classification_clear(&judged);
    elbo_classifier_free(c);
    elbo_dataset_free(e.data);
}

/* ---- An encoder to begin as ---- */

static elbo_model *model_of(const char *name, const elbo_dataset *data, const char *const *pairs) {
    elbo_error error = {0};
    elbo_instance instance;
    elbo_config *config = elbo_config_new(name, &error);
    assert_non_null(config);
    for (; *pairs; pairs += 2)
        if (elbo_config_set(config, pairs[0], pairs[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    if (elbo_instance_new(&instance, config, data, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
    elbo_model *model = elbo_model_from(&instance, 7, 40, 1, &error);
    assert_non_null(model);
    return model;
}

static void same_layer(const elbo_classifier *c, elbo_model *model, const char *own, const char *theirs, bool same) {
    const elbo_param_info *info = elbo_params_find(c->params, own);
    assert_non_null(info);
    int differs = memcmp(elbo_classifier_tensor(c, own), tensor(model, theirs), sizeof(float) * info->count);
    assert_int_equal(differs == 0, same);
}

static void begins_as_an_encoder(void **state) {
    (void)state;
    example e;
    example_open(&e, 60, 0.2, 0);
    elbo_model *model = model_of("vae", e.data,
                                 (const char *const[]){"hidden", "6,4", "latent", "2", "activation", "softplus",
                                                       "likelihood", "gaussian", "normalize", "standard", NULL});
    elbo_model *levels =
        model_of("iwae", e.data,
                 (const char *const[]){"latents", "3", "widths", "4", "depth", "2", "likelihood", "gaussian", NULL});
    elbo_classifier *free_ = train(&e, model, (const char *const[]){"epochs", "2", NULL});
    elbo_classifier *kept = train(&e, model, (const char *const[]){"epochs", "2", "freeze", "true", NULL});
    elbo_classifier *still = train(&e, levels, (const char *const[]){"epochs", "1", "lr", "0", NULL});
    const elbo_classifier_info *info = elbo_classifier_get_info(kept);
    assert_int_equal(info->hidden.count, 2);
    assert_int_equal(info->features, 4);
    assert_string_equal(info->activation, "softplus");
    assert_string_equal(info->start, "vae, epoch 7");
    assert_true(kept->shift == model->instance.shift && kept->factor == model->instance.factor && kept->factor != 1);
    same_layer(kept, model, "hidden.dense1.weight", "encoder.dense1.weight", true);
    same_layer(kept, model, "hidden.dense2.weight", "encoder.dense2.weight", true);
    same_layer(kept, model, "hidden.dense2.bias", "encoder.dense2.bias", true);
    same_layer(free_, model, "hidden.dense2.weight", "encoder.dense2.weight", false);
    same_layer(still, levels, "hidden.dense1.weight", "encoder.up1.dense1.weight", true);
    same_layer(still, levels, "hidden.dense2.bias", "encoder.up1.dense2.bias", true);
    assert_true(elbo_classifier_get_info(kept)->loss != elbo_classifier_get_info(free_)->loss);
    /* the softmax of the one whose layers are kept has moved */
    float bias = 0;
    for (int k = 0; k < CLASSES; k++) bias += fabsf(elbo_classifier_tensor(kept, "softmax.output.bias")[k]);
    assert_true(bias > 0);
    refused(&e, model, (const char *const[]){"hidden", "3", NULL}, ELBO_ERROR_USAGE, "--hidden: the model");
    refused(&e, model, (const char *const[]){"activation", "relu", NULL}, ELBO_ERROR_USAGE, "--activation: the model");
    refused(&e, NULL, (const char *const[]){"freeze", "true", NULL}, ELBO_ERROR_USAGE, "no model whose layers");
    elbo_classifier_free(free_);
    elbo_classifier_free(kept);
    elbo_classifier_free(still);
    elbo_model_free(model);
    elbo_model_free(levels);
    elbo_dataset_free(e.data);
}

static void other_encoders_are_refused(void **state) {
    (void)state;
    example e;
    example_open(&e, 60, 0.2, 0);
    const char *const none[] = {NULL};
    const char *const gaussian[] = {"likelihood", "gaussian", "hidden", "", NULL};
    elbo_model *bare = model_of("vae", e.data, gaussian),
               *pca = model_of("pca", e.data, (const char *const[]){"latent", "2", NULL});
    elbo_model *normed =
        model_of("iwae", e.data, (const char *const[]){"likelihood", "gaussian", "batch_norm", "true", NULL});
    refused(&e, bare, none, ELBO_ERROR_UNSUPPORTED, "vae: its encoder has no hidden layer that is dense");
    refused(&e, pca, none, ELBO_ERROR_UNSUPPORTED, "pca: its encoder has no hidden layer");
    refused(&e, normed, none, ELBO_ERROR_UNSUPPORTED, "iwae: its encoder normalises the batch");
    /* images, and a model of other items */
    float *pixels = calloc(16 * 16 * 4, sizeof *pixels);
    assert_non_null(pixels);
    elbo_array images = {.dtype = ELBO_F32, .rank = 3, .shape = {16, 8, 8}, .data = pixels};
    elbo_array labels = {.dtype = ELBO_I32, .rank = 1, .shape = {16}, .data = e.label};
    for (int i = 0; i < 16 * 64; i++) pixels[i] = (float)(i % 7) / 7;
    elbo_dataset *pictures = elbo_dataset_from_array(&images, &labels, NULL, NULL);
    assert_non_null(pictures);
    elbo_model *conv = model_of("vae", pictures, (const char *const[]){"network", "conv", "channels", "4,4", NULL});
    refused(&e, conv, none, ELBO_ERROR_SHAPE, "items of 5 values; the model was trained on 64");
    example shown = {.data = pictures};
    refused(&shown, conv, none, ELBO_ERROR_UNSUPPORTED, "vae: its encoder begins with convolutions");
    elbo_model_free(conv);
    elbo_model_free(normed);
    elbo_model_free(pca);
    elbo_model_free(bare);
    elbo_dataset_free(pictures);
    elbo_dataset_free(e.data);
    free(pixels);
}

static void bad_data_are_refused(void **state) {
    (void)state;
    example e;
    elbo_error error = {0};
    example_open(&e, 30, 0.2, 0);
    refused(&e, NULL, (const char *const[]){"labelled", "31", NULL}, ELBO_ERROR_USAGE, "has 30 training rows");
    refused(&e, NULL, (const char *const[]){"lr", "1e6", "hidden", "9,9,9,9,9,9,9,9", NULL}, ELBO_ERROR_NUMERIC,
            "--lr");
    elbo_classifier *c = train(&e, NULL, (const char *const[]){"hidden", "4", "epochs", "1", NULL});
    elbo_array wide = e.array, doubles = e.array, p = {0};
    wide.shape[1] = SIZE + 1;
    doubles.dtype = ELBO_F64;
    assert_int_equal(elbo_classifier_apply(c, &wide, &p, NULL, &error), ELBO_ERROR_SHAPE);
    assert_int_equal(elbo_classifier_apply(c, &doubles, &p, NULL, &error), ELBO_ERROR_SHAPE);
    elbo_dataset *bare = elbo_dataset_from_array(&e.array, NULL, NULL, &error);
    elbo_classification judged;
    assert_int_equal(elbo_classifier_measure(c, bare, ELBO_SPLIT_TRAIN, &judged, &error), ELBO_ERROR_STATE);
    example unlabelled = {.data = bare};
    refused(&unlabelled, NULL, (const char *const[]){NULL}, ELBO_ERROR_STATE, "no labels");
    elbo_dataset_free(bare);
    elbo_classifier_free(c);
    elbo_dataset_free(e.data);
}

/* ---- Files ---- */

static void files(void **state) {
    scratch *place = *state;
    example e;
    elbo_error error = {0};
    elbo_array before = {0}, after = {0};
    example_open(&e, 50, 0.3, 0);
    elbo_classifier *c = train(&e, NULL, (const char *const[]){"hidden", "6,4", "activation", "elu", NULL});
    assert_int_equal(elbo_classifier_save(c, place->path, &error), ELBO_OK);
    elbo_classifier *again = elbo_classifier_load(place->path, 1, &error);
    if (!again) fail_msg("%s", error.message);
    const elbo_classifier_info *a = elbo_classifier_get_info(c), *b = elbo_classifier_get_info(again);
    assert_int_equal(b->item_rank, a->item_rank);
    assert_int_equal(b->classes, CLASSES);
    assert_string_equal(b->class_names[2], "2");
    assert_string_equal(b->activation, "elu");
    assert_true(b->loss == a->loss && b->accuracy == a->accuracy && b->rows == 50 && b->epochs == 20);
    assert_int_equal(elbo_classifier_apply(c, &e.array, &before, NULL, &error), ELBO_OK);
    assert_int_equal(elbo_classifier_apply(again, &e.array, &after, NULL, &error), ELBO_OK);
    assert_memory_equal(before.data, after.data, sizeof(float) * 50 * CLASSES);
    /* a file whose last bytes are missing, and one of another kind */
    size_t length;
    char *bytes = scratch_read(place->path, &length);
    scratch_write(place->path, bytes, length - 8);
    assert_null(elbo_classifier_load(place->path, 1, &error));
    assert_int_equal(error.status, ELBO_ERROR_FORMAT);
    float number = 1;
    elbo_safetensors_tensor tensor = {.name = "hidden.dense1.weight", .dtype = ELBO_SAFETENSORS_F32, .data = &number};
    assert_int_equal(elbo_safetensors_write(place->path, &tensor, 1, NULL, 0, &error), ELBO_OK);
    assert_null(elbo_classifier_load(place->path, 1, &error));
    assert_non_null(strstr(error.message, "no classifier of elbo"));
    free(bytes);
    elbo_array_free(&before);
    elbo_array_free(&after);
    elbo_classifier_free(c);
    elbo_classifier_free(again);
    elbo_dataset_free(e.data);
}

/* Metadata that promise more than the tensors hold ask for no memory. */
static void wrong_metadata(void **state) {
    scratch *place = *state;
    static const char *const wrong[][3] = {
        {"hidden", "6,40000000", "of shape [6, 40000000] was expected"},
        {"hidden", "6,,4", "elbo.classifier.hidden is 6,,4"},
        {"item_shape", "50", "of shape [50, 6] was expected"},
        {"classes", "1", "elbo.classifier.classes is 1"},
        {"classes", "4", "elbo.classifier.class.3 is missing"},
        {"factor", "nan", "elbo.classifier.factor is nan"},
        {"activation", "square", "unknown activation"},
    };
    example e;
    elbo_error error = {0};
    example_open(&e, 50, 0.3, 0);
    elbo_classifier *c = train(&e, NULL, (const char *const[]){"hidden", "6,4", "epochs", "1", NULL});
    assert_int_equal(elbo_classifier_save(c, place->path, &error), ELBO_OK);
    elbo_safetensors *file = elbo_safetensors_open(place->path, &error);
    assert_non_null(file);
    size_t pairs = elbo_safetensors_pair_count(file), tensors = elbo_safetensors_count(file);
    elbo_safetensors_tensor tensor[16];
    for (size_t i = 0; i < tensors; i++) tensor[i] = *elbo_safetensors_at(file, i);
    for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
        elbo_safetensors_pair pair[64], *to = pair;
        char key[64];
        snprintf(key, sizeof key, "elbo.classifier.%s", wrong[w][0]);
        for (size_t i = 0; i < pairs; i++) {
            *to = *elbo_safetensors_pair_at(file, i);
            if (strncmp(to->key, "elbo.crc32", 10) == 0) continue;
            if (strcmp(to->key, key) == 0) to->value = wrong[w][1];
            to++;
        }
        assert_int_equal(elbo_safetensors_write(place->path, tensor, tensors, pair, (size_t)(to - pair), &error),
                         ELBO_OK);
        assert_null(elbo_classifier_load(place->path, 1, &error));
        if (!strstr(error.message, wrong[w][2])) fail_msg("\"%s\" says nothing of \"%s\"", error.message, wrong[w][2]);
    }
    elbo_safetensors_free(file);
    elbo_classifier_free(c);
    elbo_dataset_free(e.data);
}

/* ---- Features ---- */

/* A single layer whose activation is the identity: features are an affine map of the rows, so that sets of known means
 * and covariances have a known distance. W = 2 I: the distance of rows whose moments are exact is
 * 4 (|m - n|^2 + sum (s - t)^2). */
static void frechet_of_known_features(void **state) {
    (void)state;
    enum { SET = 2 * SIZE };
    example e;
    elbo_error error = {0};
    example_open(&e, 30, 0.2, 0);
    elbo_classifier *c =
        train(&e, NULL, (const char *const[]){"hidden", "5", "activation", "identity", "epochs", "1", NULL});
    float *w = elbo_classifier_tensor(c, "hidden.dense1.weight"), *b = elbo_classifier_tensor(c, "hidden.dense1.bias");
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) w[i * SIZE + j] = i == j ? 2 : 0;
    for (int j = 0; j < SIZE; j++) b[j] = (float)j;
    elbo_params_touch(c->params);
    float rows[2][SET * SIZE] = {{0}};
    double wanted = 0, factor = sqrt(2.0 / (SET - 1));
    for (int d = 0; d < SIZE; d++) {
        double s = 0.25 * (1 + d), t = 1 - 0.125 * d;
        for (int n = 0; n < SET; n++) {
            rows[0][n * SIZE + d] = (float)(n / 2 == d ? (n % 2 ? s : -s) : 0);
            rows[1][n * SIZE + d] = (float)(0.5 + (n / 2 == d ? (n % 2 ? t : -t) : 0));
        }
        wanted += 4 * (0.25 + pow((s - t) * factor, 2));
    }
    elbo_array x = {.dtype = ELBO_F32, .rank = 2, .shape = {SET, SIZE}}, features[2] = {{0}, {0}};
    for (int k = 0; k < 2; k++) {
        x.data = rows[k];
        assert_int_equal(elbo_classifier_apply(c, &x, NULL, &features[k], &error), ELBO_OK);
    }
    elbo_frechet distance;
    assert_int_equal(elbo_score_frechet(&features[0], &features[1], &distance, &error), ELBO_OK);
    assert_true(fabs(distance.frechet - wanted) < 1e-6 * wanted); /* the numbers are eighths: exact but for roots */
    assert_true(fabs(distance.mean_term - 4 * 0.25 * SIZE) < 1e-9);
    elbo_array_free(&features[0]);
    elbo_array_free(&features[1]);
    elbo_classifier_free(c);
    elbo_dataset_free(e.data);
}

/* ---- Memory ---- */

static elbo_status everything(const example *e, const elbo_model *from, const char *path) {
    elbo_error error = {0};
    elbo_classifier_options options;
    elbo_array p = {0};
    elbo_classification judged = {0};
    elbo_status status = elbo_options_init(&elbo_classifier_options_table, &options, &error);
    options.epochs = 1;
    elbo_classifier *c = NULL, *again = NULL;
    if (status == ELBO_OK) {
        c = elbo_classifier_train(e->data, from, &options, 1, NULL, NULL, &error);
        if (!c) status = error.status;
    }
    if (status == ELBO_OK) status = elbo_classifier_apply(c, &e->array, &p, NULL, &error);
    if (status == ELBO_OK) status = elbo_classifier_measure(c, e->data, ELBO_SPLIT_TRAIN, &judged, &error);
    if (status == ELBO_OK) status = elbo_classifier_save(c, path, &error);
    if (status == ELBO_OK) {
        again = elbo_classifier_load(path, 1, &error);
        if (!again) status = error.status;
    }
    elbo_options_clear(&elbo_classifier_options_table, &options);
    elbo_classification_clear(&judged);
    elbo_array_free(&p);
    elbo_classifier_free(c);
    elbo_classifier_free(again);
    return status;
}

static void memory_may_run_out(void **state) {
    scratch *place = *state;
    example e;
    example_open(&e, ROWS, 0.3, 0);
    elbo_model *model = model_of("vae", e.data, (const char *const[]){"hidden", "4", "likelihood", "gaussian", NULL});
    long number = 1, spared = 0;
    for (bool reached = true; reached; number++) {
        elbo_memory_fail_at(number);
        elbo_status status = everything(&e, model, place->path);
        reached = elbo_memory_count() >= number;
        elbo_memory_fail_at(0);
        spared += reached && status == ELBO_OK;
        if (status != ELBO_OK && (!reached || status != ELBO_ERROR_MEMORY)) fail_msg("%ld: status %d", number, status);
        assert_true(number < 20000);
    }
    assert_int_equal(spared, 1); /* what a file's folder is synced with is not needed */
    assert_true(number > 50);
    elbo_model_free(model);
    elbo_dataset_free(e.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_computes),
        cmocka_unit_test(the_first_step),
        cmocka_unit_test(learns),
        cmocka_unit_test(begins_as_an_encoder),
        cmocka_unit_test(other_encoders_are_refused),
        cmocka_unit_test(bad_data_are_refused),
        cmocka_unit_test_setup_teardown(files, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(wrong_metadata, scratch_make, scratch_remove),
        cmocka_unit_test(frechet_of_known_features),
        cmocka_unit_test_setup_teardown(memory_may_run_out, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
