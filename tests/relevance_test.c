/* Options that were set and have no effect are refused by name; what a run wrote itself never is. */
#include "train/relevance.h"

#include <sys/stat.h>

#include "scratch.h"

static elbo_config *configure(const char *const *pair) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new("vae", &error);
    assert_non_null(config);
    for (; pair[0]; pair += 2)
        if (elbo_config_set(config, pair[0], pair[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

static const elbo_option *find_option(const char *model, const char *name) {
    const elbo_options *table;
    for (size_t i = 0; (table = elbo_config_table(model, i)); i++)
        if (elbo_options_find(table, name)) return elbo_options_find(table, name);
    return NULL;
}

static bool known_somewhere(const char *name) {
    for (size_t m = 0; elbo_registry_models[m]; m++)
        if (find_option(elbo_registry_models[m]->name, name)) return true;
    return false;
}

/* A rule that names no option of the model (one for all models: of any) would never hold anything against anybody. */
static void rules_name_options(void **state) {
    (void)state;
    for (size_t m = 0; elbo_registry_models[m]; m++) {
        const char *model = elbo_registry_models[m]->name;
        const elbo_relevance *rule;
        for (size_t list = 0; (rule = elbo_relevance_list(elbo_registry_models[m], list)); list++) {
            bool own = rule == elbo_registry_models[m]->relevance; /* the others are for models of all kinds */
            for (; rule->option; rule++) {
                assert_non_null(rule->values);
                assert_non_null(rule->where);
                assert_true(own || rule->needs[0]); /* one that needs nothing in particular never holds */
                if (!(own ? find_option(model, rule->option) != NULL : known_somewhere(rule->option)))
                    fail_msg("%s has no option %s", model, rule->option);
                for (int i = 0; own && i < ELBO_RELEVANCE_NEEDS && rule->needs[i]; i++)
                    if (!find_option(model, rule->needs[i])) fail_msg("%s has no option %s", model, rule->needs[i]);
            }
        }
    }
}

/* What is set, and the flag that the message begins with; NULL: nothing is wrong. */
static const struct {
    const char *pair[9], *said;
} cases[] = {
    {{NULL}, NULL},
    {{"components", "3"}, "--components"},
    {{"components", "3", "prior", "normal_mixture"}, NULL},
    {{"components", "3", "posterior", "normal-mixture"}, NULL},
    {{"components", "3", "likelihood", "multivariate_normal_mixture"}, NULL},
    {{"channels", "4"}, "--channels"},
    {{"channels", "4", "network", "conv"}, NULL},
    {{"variance", "shared"}, "--variance"},
    {{"variance", "shared", "likelihood", "gaussian"}, NULL},
    {{"variance", "shared", "likelihood", "gaussian(0,1)"}, "--variance"},
    {{"variance", "learned", "likelihood", "poisson"}, "--variance"}, /* the default, and yet somebody asked for it */
    {{"scale", "0.2", "likelihood", "bernoulli"}, "--scale"},
    {{"scale", "0.2", "likelihood", "normal"}, "--scale"},
    {{"scale", "0.2", "likelihood", "normal", "variance", "fixed"}, NULL},
    {{"min-scale", "0.2", "likelihood", "gaussian", "variance", "fixed"}, "--min-scale"},
    {{"min-scale", "0.2", "likelihood", "gaussian"}, NULL},
    {{"bounded-mean", "true"}, "--bounded-mean"},
    {{"bounded-mean", "true", "likelihood", "gaussian"}, NULL},
    {{"levels", "4"}, "--levels"},
    {{"levels", "4", "likelihood", "categorical"}, NULL},
    {{"levels", "4", "likelihood", "discretised-logistic"}, NULL},
    {{"levels", "4", "likelihood", "discretised_logistic(scale=2)"}, NULL},
    {{"normalize", "unit", "likelihood", "categorical"}, "--normalize"},
    {{"binarize", "dynamic", "likelihood", "discretised_logistic"}, "--binarize"},
    {{"binarize", "dynamic", "normalize", "unit"}, NULL},
    {{"control", "none"}, "--control"},
    {{"control", "none", "estimator", "reinforce"}, NULL},
    {{"groups", "4", "estimator", "iwae"}, "--groups"},
    {{"groups", "4", "estimator", "piwae"}, NULL},
    {{"share", "0.5", "groups", "4", "estimator", "miwae"}, "--share"},
    {{"share", "0.5", "estimator", "ciwae"}, NULL},
    {{"estimator", "iwae", "inference", "wake-sleep"}, "--estimator"},
    {{"estimator", "iwae", "inference", "bbvi"}, NULL},
    {{"free-bits", "0.1", "inference", "mcem"}, "--free-bits"},
    {{"beta", "2", "inference", "wake-sleep"}, "--beta"},
    {{"kl-warmup", "2", "inference", "mcem"}, "--kl-warmup"},
    {{"beta", "2", "kl-warmup", "2", "inference", "full-vb"}, NULL},
    {{"local-steps", "3"}, "--local-steps"},
    {{"local-steps", "3", "inference", "mcem"}, NULL},
    {{"local-rate", "3"}, "--local-rate"},
    {{"local-rate", "3", "inference", "mcem"}, "--local-rate"},
    {{"local-rate", "3", "inference", "bbvi"}, NULL},
    {{"repeats", "3", "inference", "bbvi"}, "--repeats"},
    {{"repeats", "3", "inference", "mcem"}, NULL},
    {{"fit-steps", "3"}, "--fit-steps"},
    {{"fit-rate", "3"}, "--fit-rate"},
    {{"fit-rate", "3", "fit-steps", "7", "inference", "bbvi"}, NULL},
    {{"beta", "2", "kl-budget", "3"}, "--beta"},
    {{"kl-warmup", "2", "kl-budget", "3"}, "--kl-warmup"},
    {{"kl-budget-rate", "0.1"}, "--kl-budget-rate"},
    {{"kl-budget-rate", "0.1", "kl-budget", "3"}, NULL},
    {{"momentum", "0.5"}, "--momentum"},
    {{"momentum", "0.5", "nesterov", "true", "optimizer", "momentum"}, NULL},
    {{"nesterov", "true", "optimizer", "sgd"}, "--nesterov"},
    {{"beta1", "0.5", "optimizer", "rmsprop"}, "--beta1"},
    {{"beta2", "0.5", "optimizer", "sgd"}, "--beta2"},
    {{"beta1", "0.5", "beta2", "0.5", "optimizer", "adamw"}, NULL},
    {{"rho", "0.5"}, "--rho"},
    {{"rho", "0.5", "epsilon", "1e-3", "square-start", "1", "optimizer", "rmsprop"}, NULL},
    {{"epsilon", "1e-3", "optimizer", "momentum"}, "--epsilon"},
    {{"square-start", "1", "optimizer", "sgd"}, "--square-start"},
    {{"lr-decay", "0.5"}, "--lr-decay"},
    {{"lr-every", "5", "schedule", "cosine"}, "--lr-every"},
    {{"lr-decay", "0.5", "lr-every", "5", "schedule", "step"}, NULL},
    {{"lr-min", "1e-5"}, "--lr-min"},
    {{"lr-min", "1e-5", "schedule", "cosine"}, NULL},
    {{"test-fraction", "0.3", "test-count", "7"}, "--test-fraction"},
    {{"test-fraction", "0.3"}, NULL},
    {{"test-fraction", "0.3", "pool", "true"}, "--test-fraction"},
    {{"split-seed", "3", "pool", "true"}, "--split-seed"},
    {{"evaluate-every", "3", "pool", "true"}, "--evaluate-every"},
    {{"early-stop", "3", "pool", "true"}, "--early-stop"},
    {{"limit", "3", "pool", "true"}, NULL},
    {{"init", "normal", "start-from", "run"}, "--init"},
    {{"init-scale", "2", "start-from", "run"}, "--init-scale"},
    {{"init", "normal", "init-scale", "2"}, NULL},
};

static void options_without_effect(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        elbo_config *config = configure(cases[i].pair);
        elbo_status status = elbo_config_check_relevance(config, &error);
        if (!cases[i].said && status != ELBO_OK) fail_msg("case %zu: %s", i, error.message);
        if (cases[i].said) {
            size_t length = strlen(cases[i].said);
            assert_int_equal(status, ELBO_ERROR_USAGE);
            if (strncmp(error.message, cases[i].said, length) != 0 || error.message[length] != ' ')
                fail_msg("case %zu: \"%s\" does not begin with %s", i, error.message, cases[i].said);
            assert_non_null(strstr(error.message, "it needs "));
            assert_false(elbo_config_matters(config, cases[i].said + 2));
        }
        for (const char *const *pair = cases[i].pair; !cases[i].said && pair[0]; pair += 2)
            if (!elbo_config_matters(config, pair[0])) fail_msg("case %zu: %s does not matter", i, pair[0]);
        elbo_config_free(config);
    }
}

/* Each rule of the lists turns something away in the cases above. */
static void every_rule_is_tried(void **state) {
    (void)state;
    const elbo_relevance *rule;
    for (size_t list = 0; (rule = elbo_relevance_list(elbo_model_type_find("vae", NULL), list)); list++)
        for (; rule->option; rule++) {
            bool tried = !find_option("vae", rule->option); /* output_bias: start_from_test.sh */
            for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char flag[64];
                snprintf(flag, sizeof flag, "--%s", rule->option);
                for (char *letter = flag; *letter; letter++)
                    if (*letter == '_') *letter = '-';
                tried |= cases[i].said && strcmp(cases[i].said, flag) == 0;
            }
            if (!tried) fail_msg("no case refuses %s", rule->option);
        }
}

static void what_was_set(void **state) {
    (void)state;
    elbo_error error = {0};
    elbo_config *config = configure((const char *const[]){"hidden", "500", "lr", "0.01", NULL});
    elbo_config *copy = elbo_config_copy(config, &error);
    const elbo_config *both[] = {config, copy};
    for (int i = 0; i < 2; i++) {
        assert_true(elbo_config_was_set(both[i], "hidden")); /* though it is the default */
        assert_true(elbo_config_was_set(both[i], "lr"));
        assert_false(elbo_config_was_set(both[i], "latent"));
        assert_false(elbo_config_was_set(both[i], "epochs"));
        assert_false(elbo_config_was_set(both[i], "nonsense"));
    }
    assert_int_equal(elbo_config_set(config, "latent", "none", &error), ELBO_ERROR_USAGE);
    assert_false(elbo_config_was_set(config, "latent")); /* a refused value sets nothing */
    elbo_config_free(config);
    elbo_config_free(copy);
}

/* A recipe of every option says nothing about what was chosen; a short one does where it differs from the default. */
static void recipes(void **state) {
    scratch *place = *state;
    static const char lines[] =
        "model: vae\nmodel-options:\n  scale: 0.1\n  min-scale: 0.5\n  latent: 3\n  variance: learned\n";
    elbo_error error = {0};
    elbo_config *config = configure((const char *const[]){"scale", "0.3", "latent", "7", NULL});
    assert_int_equal(elbo_config_check_relevance(config, &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_config_save(config, place->path, &error), ELBO_OK);
    elbo_config *whole = elbo_config_load(place->path, &error);
    assert_non_null(whole);
    assert_false(elbo_config_was_set(whole, "scale"));
    assert_false(elbo_config_was_set(whole, "latent"));
    assert_int_equal(elbo_config_check_relevance(whole, &error), ELBO_OK);
    assert_int_equal(elbo_config_set(whole, "min-scale", "0.5", &error), ELBO_OK); /* a flag beside the recipe */
    assert_int_equal(elbo_config_check_relevance(whole, &error), ELBO_ERROR_USAGE);
    scratch_write(place->path, lines, sizeof lines - 1);
    elbo_config *some = elbo_config_load(place->path, &error);
    assert_non_null(some);
    assert_true(elbo_config_was_set(some, "min-scale") && elbo_config_was_set(some, "latent"));
    assert_false(elbo_config_was_set(some, "scale") || elbo_config_was_set(some, "variance"));
    assert_int_equal(elbo_config_check_relevance(some, &error), ELBO_ERROR_USAGE);
    assert_int_equal(strncmp(error.message, "--min-scale ", 12), 0);
    elbo_config_free(config);
    elbo_config_free(whole);
    elbo_config_free(some);
}

/* A new run is refused and leaves nothing; the recipe of a run trains again, and the run goes on. */
static void runs(void **state) {
    scratch *place = *state;
    char folder[96], other[96], recipe[128];
    elbo_error error = {0};
    snprintf(folder, sizeof folder, "%s/run", place->folder);
    snprintf(other, sizeof other, "%s/other", place->folder);
    snprintf(recipe, sizeof recipe, "%s/recipe.yaml", folder);
    const char *const pairs[] = {
        "data", "synth:glyphs?train=20&test=5", "hidden", "3", "latent", "2", "epochs", "1", "levels", "4", NULL};
    elbo_config *config = configure(pairs);
    elbo_training training = {.config = config, .folder = folder, .threads = 1};
    assert_int_equal(elbo_train(&training, &error), ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "--levels"));
    assert_int_not_equal(access(folder, F_OK), 0);
    assert_int_equal(elbo_config_set(config, "likelihood", "categorical", &error), ELBO_OK);
    if (elbo_train(&training, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config *again = elbo_config_load(recipe, &error);
    assert_non_null(again);
    training = (elbo_training){.config = again, .folder = other, .threads = 1};
    if (elbo_train(&training, &error) != ELBO_OK) fail_msg("%s", error.message);
    training = (elbo_training){.folder = other, .epochs = 2, .threads = 1};
    if (elbo_train(&training, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
    elbo_config_free(again);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rules_name_options),
                                       cmocka_unit_test(options_without_effect),
                                       cmocka_unit_test(every_rule_is_tried),
                                       cmocka_unit_test(what_was_set),
                                       cmocka_unit_test_setup_teardown(recipes, scratch_make, scratch_remove),
                                       cmocka_unit_test_setup_teardown(runs, scratch_make, scratch_remove)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
