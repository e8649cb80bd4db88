/* elbo report: one page that shows a run, with its pictures beside it. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/condition.h"
#include "support/describe.h"
#include "support/figures.h"
#include "support/progress.h"
#include "support/rows.h"
#include "support/save.h"
#include "support/settings.h"
#include "support/show.h"
#include "support/text.h"

#define REPORT_OPTIONS(O)                                                                                  \
    O(TEXT, out, "", 0, 0, NULL, "page to write, beside which the pictures go (default: RUN/index.html)")  \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "which rows to evaluate and show")                     \
    O(INT, samples, "0", 0, 1e9, NULL, "importance samples for the likelihood of each row (0: ELBO only)") \
    O(INT, count, "0", 0, 1e12, NULL, "evaluate only the first rows (0: all)")                             \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the draws")
ELBO_OPTIONS_STRUCT(report_options, REPORT_OPTIONS);
#define ELBO_TABLE_STRUCT report_options
static ELBO_TABLE(report_table, "Report", REPORT_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum {
    PATH = 4096,
    SECTIONS = 8,
    FIGURES = 5,
    SHOWN_IN_MANIFOLD = 20,
    SHOWN_SAMPLES = 100,
    SHOWN_ROWS = 30,
    CODES = 20000
};

typedef struct page {
    elbo_cli_run *run;
    const report_options *options;
    elbo_split split;
    elbo_evaluation evaluation;
    double active_threshold;
    char out[PATH], folder[PATH]; /* of the page; the folder ends in '/' or is "" */
    char picture[SECTIONS][PATH], caption[SECTIONS][512];
    elbo_report_section section[SECTIONS];
    size_t sections;
    char value[FIGURES][64], note[FIGURES][128];
    elbo_report_figure figure[FIGURES];
    size_t figures;
} page;

/* ---- Sections ---- */

/* The next section, whose picture goes to `file`; returns the picture's path. */
static const char *next(page *p, const char *title, const char *file) {
    size_t at = p->sections++;
    snprintf(p->picture[at], PATH, "%.*s%s", PATH - 32, p->folder, file);
    p->section[at] = (elbo_report_section){.title = title, .picture = p->picture[at], .caption = p->caption[at]};
    return p->picture[at];
}

static char *caption(page *p) { return p->caption[p->sections - 1]; }

/* Samples of each class, or of what is not given of items. */
static elbo_status add_conditioned(page *p, elbo_error *error) {
    enum { EACH = 8, CLASSES = 20 };
    const elbo_cli_samples how = {EACH, (uint64_t)p->options->seed, 1, false, false, 0};
    const elbo_picture layout = {.columns = EACH};
    const elbo_model_info *info = p->run->info;
    const char *path = next(p, "Samples", "samples.png");
    elbo_array originals = {0}, items = {0};
    bool labels = info->classes > 0;
    ELBO_CLI_TRY(labels ? elbo_cli_show_classes(p->run, &how, &items, error)
                        : elbo_cli_show_completions(p->run, p->split, SHOWN_ROWS, &how, &originals, &items, error));
    if (labels && info->classes > CLASSES) items.shape[0] = CLASSES * EACH;
    elbo_status status = labels ? elbo_cli_save(p->run, &items, &layout, ELBO_CLI_KIND_PICTURE, path, error)
                                : elbo_cli_write_completions(p->run, &originals, &items, &layout, path, error);
    elbo_array_free(&originals);
    elbo_array_free(&items);
    if (labels)
        snprintf(caption(p), sizeof p->caption[0], "Means of p(x|z,c) at draws from the prior, a row for each class.");
    else
        snprintf(caption(p), sizeof p->caption[0],
                 "What is given of the first %s rows, %d means of p(x|z,c) at draws from the prior, and the rows "
                 "themselves.",
                 elbo_cli_split_word(p->split), EACH);
    return status;
}

static elbo_status add_samples(page *p, elbo_error *error) {
    if (p->run->info->condition) return add_conditioned(p, error);
    const elbo_cli_samples how = {SHOWN_SAMPLES, (uint64_t)p->options->seed, 1, false, false, 0};
    const char *path = next(p, "Samples", "samples.png");
    elbo_array items = {0};
    ELBO_CLI_TRY(elbo_cli_show_samples(p->run, &how, &items, error));
    elbo_status status = elbo_cli_save(p->run, &items, NULL, ELBO_CLI_KIND_PICTURE, path, error);
    elbo_array_free(&items);
    snprintf(caption(p), sizeof p->caption[0], "Means of p(x|z) at %d draws from the prior.", SHOWN_SAMPLES);
    return status;
}

static elbo_status add_reconstructions(page *p, elbo_error *error) {
    const char *path = next(p, "Reconstructions", "reconstructions.png");
    elbo_array originals = {0}, items = {0};
    ELBO_CLI_TRY(elbo_cli_show_reconstructions(p->run, p->split, SHOWN_ROWS, &originals, &items, error));
    elbo_status status = elbo_cli_write_reconstructions(p->run, &originals, &items, path, error);
    snprintf(caption(p), sizeof p->caption[0], "The first %lld %s rows, each above the mean of p(x|z) at its code.",
             (long long)items.shape[0], elbo_cli_split_word(p->split));
    elbo_array_free(&originals);
    elbo_array_free(&items);
    return status;
}

/* Models of p(x|c) go through codes under the condition of one row. */
static elbo_status condition(page *p, elbo_error *error) {
    return elbo_model_condition_rows(p->run->model, p->run->dataset, p->split, NULL, 0, 1, error);
}
static const char *condition_text(const page *p) {
    return p->run->info->condition ? " The condition is that of the first row." : "";
}

static elbo_status add_manifold(page *p, elbo_error *error) {
    const elbo_ints dims = {2, {0, 1}};
    const char *path = next(p, "Manifold", "manifold.png");
    elbo_array items = {0};
    ELBO_CLI_TRY(condition(p, error));
    ELBO_CLI_TRY(elbo_cli_show_manifold(p->run, &dims, SHOWN_IN_MANIFOLD, &items, error));
    const elbo_picture layout = {.columns = SHOWN_IN_MANIFOLD, .seamless = true};
    elbo_status status = elbo_cli_save(p->run, &items, &layout, ELBO_CLI_KIND_PICTURE, path, error);
    elbo_array_free(&items);
    snprintf(
        caption(p), sizeof p->caption[0],
        "The decoder over the latent plane: z[0] from left to right, z[1] upwards, equally spaced in probability.%s",
        condition_text(p));
    return status;
}

/* The dimensions that carry most, most first. */
static elbo_ints strongest(const page *p, int most) {
    const double *kl = p->evaluation.kl_per_dim;
    elbo_ints dims = {0};
    while (dims.count < most && dims.count < p->evaluation.latent) {
        int64_t best = -1;
        for (int64_t i = 0; i < p->evaluation.latent; i++) {
            bool taken = false;
            for (int j = 0; j < dims.count; j++) taken = taken || dims.value[j] == i;
            if (!taken && (best < 0 || kl[i] > kl[best])) best = i;
        }
        dims.value[dims.count++] = best;
    }
    return dims;
}

static elbo_status add_traversal(page *p, elbo_error *error) {
    enum { STEPS = 11, DIMS = 10 };
    const elbo_ints dims = strongest(p, DIMS);
    const char *path = next(p, "Traversal", "traversal.png");
    elbo_array items = {0};
    ELBO_CLI_TRY(condition(p, error));
    ELBO_CLI_TRY(elbo_cli_show_traversal(p->run, NULL, &dims, STEPS, 3, &items, error));
    const elbo_picture layout = {.columns = STEPS};
    elbo_status status = elbo_cli_save(p->run, &items, &layout, ELBO_CLI_KIND_PICTURE, path, error);
    elbo_array_free(&items);
    size_t used = (size_t)snprintf(caption(p), sizeof p->caption[0],
                                   "One dimension in each row, from -3 to 3, the others 0. From the top:");
    for (int i = 0; i < dims.count && used < sizeof p->caption[0]; i++)
        used += (size_t)snprintf(caption(p) + used, sizeof p->caption[0] - used, "%s z[%lld]", i ? "," : "",
                                 (long long)dims.value[i]);
    if (used < sizeof p->caption[0] && p->run->info->condition)
        snprintf(caption(p) + used, sizeof p->caption[0] - used, ".%s", condition_text(p));
    return status;
}

static elbo_status add_codes(page *p, elbo_error *error) {
    int64_t rows = p->run->data->count[p->split], count = rows < CODES ? rows : CODES;
    const elbo_ints plane = {2, {0, 1}}, dims = p->evaluation.latent == 2 ? plane : strongest(p, 2);
    const char *path = next(p, "Latent space", "latent.svg");
    elbo_array mean = {0};
    ELBO_CLI_TRY(elbo_cli_run_encode(p->run, p->split, 0, count, &mean, NULL, error));
    elbo_status status = elbo_cli_write_scatter(p->run, p->split, &mean, 0, &dims, path, error);
    elbo_array_free(&mean);
    snprintf(caption(p), sizeof p->caption[0], "Where the encoder puts %lld %s rows%s.", (long long)count,
             elbo_cli_split_word(p->split), p->evaluation.latent > 2 ? ", in the two dimensions of largest KL" : "");
    return status;
}

static elbo_status add_training(page *p, elbo_error *error) {
    struct stat info;
    char metrics[PATH + 32];
    snprintf(metrics, sizeof metrics, "%s/metrics.jsonl", p->run->path);
    if (stat(metrics, &info) != 0 || info.st_size == 0) return ELBO_OK; /* a checkpoint alone */
    const char *path = next(p, "Training", "curves.svg");
    snprintf(caption(p), sizeof p->caption[0], "-ELBO, and the reconstruction and KL that it is the sum of, by epoch.");
    return elbo_cli_write_curves(p->run->path, path, error);
}

static elbo_status add_kl(page *p, elbo_error *error) {
    const char *path = next(p, "Use of the dimensions", "kl.svg");
    snprintf(caption(p), sizeof p->caption[0],
             "A dimension is active if the mean of q(z|x) varies by more than %g over the rows.", p->active_threshold);
    return elbo_cli_write_kl(&p->evaluation, p->active_threshold, path, error);
}

/* An autoencoder has no prior to draw from, and no KL. */
static bool has_bound(const page *p) { return !isnan(p->evaluation.elbo); }

static elbo_status add_pictures(page *p, elbo_error *error) {
    const elbo_model_info *info = p->run->info;
    if (elbo_cli_is_image(info->item_rank, info->item_shape)) {
        if (has_bound(p)) ELBO_CLI_TRY(add_samples(p, error));
        ELBO_CLI_TRY(add_reconstructions(p, error));
        ELBO_CLI_TRY(info->latent == 2 ? add_manifold(p, error) : add_traversal(p, error));
    }
    if (info->latent >= 2) ELBO_CLI_TRY(add_codes(p, error));
    ELBO_CLI_TRY(add_training(p, error));
    return has_bound(p) ? add_kl(p, error) : ELBO_OK;
}

/* ---- Figures ---- */

static void add_figure(page *p, const char *name, double value, int decimals, const char *format, ...)
    ELBO_PRINTF(5, 6);
static void add_figure(page *p, const char *name, double value, int decimals, const char *format, ...) {
    size_t at = p->figures++;
    va_list arguments;
    va_start(arguments, format);
    snprintf(p->value[at], sizeof p->value[at], "%.*f", decimals, value);
    vsnprintf(p->note[at], sizeof p->note[at], format, arguments);
    va_end(arguments);
    p->figure[at] = (elbo_report_figure){name, p->value[at], p->note[at]};
}

static void add_figures(page *p) {
    const elbo_evaluation *e = &p->evaluation;
    if (!has_bound(p)) {
        add_figure(p, "Reconstruction error", e->reconstruction, 2, "of %lld %s rows, for each, by the model's loss",
                   (long long)e->count, elbo_cli_split_word(p->split));
        add_figure(p, "Active dimensions", (double)e->active_units, 0, "of %lld", (long long)e->latent);
        return;
    }
    add_figure(p, "-ELBO", -e->elbo, 2, "nats for each of %lld %s rows", (long long)e->count,
               elbo_cli_split_word(p->split));
    if (e->samples > 0) add_figure(p, "NLL", e->nll, 2, "-log p(x), nats, %lld samples", (long long)e->samples);
    add_figure(p, "Reconstruction", e->reconstruction, 2, "-E log p(x|z), nats");
    add_figure(p, "KL", e->kl, 2, "q(z|x) from p(z), nats");
    add_figure(p, "Active dimensions", (double)e->active_units, 0, "of %lld", (long long)e->latent);
    if (isnan(e->mutual_information)) return;
    char *note = p->note[p->figures - 1];
    size_t used = strlen(note);
    snprintf(note + used, sizeof p->note[0] - used, "; I(x;z) is %.2f nats", e->mutual_information);
}

/* ---- The table of options ---- */

typedef struct cells {
    char (*text)[2][PATH];
    const char **cell; /* [rows * 2] */
    size_t rows;
} cells;

static bool cells_new(cells *made, const elbo_config *config, const elbo_config *defaults) {
    elbo_cli_setting setting;
    size_t rows = 1;
    for (size_t i = 0; elbo_cli_setting_at(config, defaults, i, &setting); i++) rows++;
    made->text = calloc(rows, sizeof *made->text);
    made->cell = calloc(2 * rows, sizeof *made->cell);
    if (!made->text || !made->cell) return false;
    made->cell[0] = "option";
    made->cell[1] = "value";
    made->rows = 1;
    for (size_t i = 0; elbo_cli_setting_at(config, defaults, i, &setting); i++) {
        if (!setting.changed && strcmp(setting.row->name, "data") != 0) continue;
        char(*row)[PATH] = made->text[made->rows];
        elbo_cli_text_dashed(setting.row->name, row[0]);
        snprintf(row[1], PATH, "%s", setting.text);
        made->cell[2 * made->rows] = row[0];
        made->cell[2 * made->rows + 1] = row[1];
        made->rows++;
    }
    return true;
}

static elbo_status write_page(page *p, const cells *settings, elbo_error *error) {
    const elbo_model_info *info = p->run->info;
    char title[256], subtitle[PATH];
    snprintf(title, sizeof title, "%s, epoch %lld", info->model, (long long)info->epoch);
    snprintf(subtitle, sizeof subtitle, "%.1024s, %lld latent dimensions, %zu parameters", p->run->data->source,
             (long long)info->latent, info->parameters);
    p->section[p->sections++] = (elbo_report_section){.title = "Options",
                                                      .text = "Those that differ from the defaults.",
                                                      .cells = settings->cell,
                                                      .rows = settings->rows,
                                                      .columns = 2};
    if (p->evaluation.warning[0])
        p->section[p->sections++] =
            (elbo_report_section){.title = "Warning", .text = p->evaluation.warning, .wide = true};
    elbo_report report = {.title = title,
                          .subtitle = subtitle,
                          .footer = "elbo " ELBO_VERSION,
                          .figures = p->figure,
                          .figure_count = p->figures,
                          .sections = p->section,
                          .section_count = p->sections};
    return elbo_report_html(&report, p->out, error);
}

static elbo_status finish_page(page *p, elbo_error *error) {
    cells settings = {0};
    elbo_config *defaults = elbo_config_new(p->run->info->model, error);
    if (!defaults) return error->status;
    elbo_status status = cells_new(&settings, p->run->config, defaults)
                             ? write_page(p, &settings, error)
                             : elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the page");
    elbo_config_free(defaults);
    free(settings.text);
    free(settings.cell);
    return status;
}

/* ---- The whole ---- */

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static elbo_status choose_out(page *p, elbo_error *error) {
    const char *out = p->options->out;
    int length = 0;
    if (*out)
        length = snprintf(p->out, PATH, "%s", out);
    else if (is_folder(p->run->path))
        length = snprintf(p->out, PATH, "%s/index.html", p->run->path);
    else
        return elbo_cli_fail(error, ELBO_ERROR_USAGE,
                             "--out is missing: a page to write, beside which the pictures go");
    if (length >= PATH - 64) return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--out: the name is too long");
    const char *slash = strrchr(p->out, '/');
    snprintf(p->folder, PATH, "%.*s", slash ? (int)(slash - p->out) + 1 : 0, p->out);
    if (!*p->folder || is_folder(p->folder) || mkdir(p->folder, 0777) == 0) return ELBO_OK;
    return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot make the folder %s: %s", p->folder, strerror(errno));
}

static elbo_status evaluate(page *p, elbo_error *error) {
    const elbo_options *table = &elbo_evaluation_options_table;
    elbo_evaluation_options options = {0};
    elbo_status status = elbo_options_init(table, &options, error);
    if (status == ELBO_OK) status = elbo_options_set(table, &options, "split", p->options->split, error);
    options.samples = p->options->samples;
    options.count = p->options->count;
    options.seed = p->options->seed;
    p->active_threshold = options.active_threshold;
    if (status == ELBO_OK) status = elbo_cli_evaluate(p->run, &options, &p->evaluation, error);
    elbo_options_clear(table, &options);
    return status;
}

static elbo_status make(page *p, elbo_error *error) {
    ELBO_CLI_TRY(choose_out(p, error));
    ELBO_CLI_TRY(elbo_cli_run_data(p->run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(p->run, p->options->split, &p->split, error));
    ELBO_CLI_TRY(evaluate(p, error));
    add_figures(p);
    ELBO_CLI_TRY(add_pictures(p, error));
    ELBO_CLI_TRY(finish_page(p, error));
    json_t *more = elbo_cli_figures_json(&p->evaluation), *pictures = json_array();
    for (size_t i = 0; i < p->sections; i++)
        if (p->section[i].picture) json_array_append_new(pictures, elbo_cli_json_text(p->section[i].picture));
    json_object_set_new(more, "pictures", pictures);
    return elbo_cli_wrote(p->run, p->out, "a report", more);
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    page *p = calloc(1, sizeof *p);
    if (!p) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the page");
    p->run = run;
    p->options = elbo_context_values(run->context, &report_table);
    elbo_status status = make(p, error);
    elbo_evaluation_clear(&p->evaluation);
    free(p);
    return status;
}

static int run(elbo_context *context) {
    const report_options *options = elbo_context_values(context, &report_table);
    if (strcmp(options->out, "-") == 0)
        return elbo_context_usage(context, "--out -: a report is a page with pictures beside it and needs a file name");
    return elbo_cli_run_with(context, work);
}

const elbo_command command_report = {
    .name = "report",
    .group = ELBO_GROUP_TRAIN,
    .order = 2,
    .summary = "show a run on one HTML page",
    .usage = (const char *const[]){"RUN [-o FILE] [--data SOURCE] [OPTIONS]", NULL},
    .description =
        "Evaluates the model and writes a page that needs no network: figures, samples, reconstructions, the manifold "
        "of a latent plane or a traversal of the dimensions that carry most, codes, training curves, and the KL of "
        "each "
        "dimension. The pictures are files beside the page, too. Data that are no images have charts "
        "only.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {"count", 'n', NULL}, ELBO_CLI_SOURCE_FLAGS, {0}},
    .tables =
        (const elbo_options *const[]){&report_table, &elbo_cli_model_options_table, &elbo_cli_source_options_table,
                                      &elbo_data_options_table, &elbo_cli_progress_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo report run", "run/index.html"},
                                       {"elbo report run --samples 1000 -o page/index.html", "with the likelihood"},
                                       {0}},
    .run = run,
};
