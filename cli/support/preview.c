#include "support/preview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/describe.h"
#include "support/rows.h"

enum { TEXT_ROWS = 8, TEXT_COLUMNS = 4, TEXT_WIDTH = 80, VECTOR_VALUES = 8, PICTURE_ROWS = 100 };

/* The first rows of the split as [count, item...]; the caller frees the array. */
static elbo_status load(const elbo_dataset *dataset, const elbo_cli_preview *preview, int64_t usual, elbo_array *rows,
                        elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    int64_t have = info->count[preview->split], count = preview->count ? preview->count : usual;
    if (count > have) count = have;
    if (have == 0) {
        memset(rows, 0, sizeof *rows);
        return elbo_cli_fail(error, ELBO_ERROR_STATE, "there is nothing to preview: the split has no rows");
    }
    return elbo_cli_rows(dataset, preview->split, NULL, 0, count, rows, error);
}

/* Black and white are the ends of the values' own range, except that bytes and values within [0,1] keep the usual
 * one, so that dark pictures look dark. */
static elbo_picture layout(const elbo_data_info *info) {
    elbo_picture picture = {0};
    bool bytes = info->dtype == ELBO_U8 && info->maximum > 1;
    bool unit = info->minimum >= 0 && info->maximum <= 1;
    if (bytes)
        picture.high = 255;
    else if (unit || !(info->maximum > info->minimum))
        picture.high = 1;
    else
        picture.low = info->minimum, picture.high = info->maximum;
    return picture;
}

static bool terminal_has(const char *const *variables, const char *const *parts) {
    for (; *variables; variables++) {
        const char *value = getenv(*variables);
        for (const char *const *part = parts; value && *part; part++)
            if (strstr(value, *part)) return true;
    }
    return false;
}

static elbo_picture_style style_of(const char *name) {
    if (strcmp(name, "ascii") == 0) return ELBO_PICTURE_ASCII;
    if (strcmp(name, "blocks") == 0) return ELBO_PICTURE_BLOCKS;
    if (strcmp(name, "colour") == 0) return ELBO_PICTURE_COLOUR;
    static const char *const locales[] = {"LC_ALL", "LC_CTYPE", "LANG", NULL};
    static const char *const encodings[] = {"UTF-8", "utf8", "UTF8", NULL};
    bool blocks = isatty(STDOUT_FILENO) && terminal_has(locales, encodings);
    return blocks ? ELBO_PICTURE_BLOCKS : ELBO_PICTURE_ASCII;
}

static elbo_status print_images(const elbo_data_info *info, const elbo_array *rows, const char *style,
                                elbo_error *error) {
    elbo_picture picture = layout(info);
    size_t length = 0;
    picture.columns = rows->shape[0] < TEXT_COLUMNS ? (int)rows->shape[0] : TEXT_COLUMNS;
    elbo_picture_style chosen = style_of(style);
    elbo_status status = elbo_picture_text(rows, &picture, chosen, TEXT_WIDTH, NULL, 0, &length, error);
    if (status != ELBO_OK) return status;
    char *text = malloc(length + 1);
    if (!text) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the preview");
    status = elbo_picture_text(rows, &picture, chosen, TEXT_WIDTH, text, length + 1, NULL, error);
    if (status == ELBO_OK) fputs(text, stdout);
    free(text);
    return status;
}

static void print_vectors(const elbo_data_info *info, const elbo_array *rows) {
    int64_t shown = info->item_size < VECTOR_VALUES ? info->item_size : VECTOR_VALUES;
    for (int64_t row = 0; row < rows->shape[0]; row++) {
        printf(" ");
        for (int64_t i = 0; i < shown; i++) printf(" %8.4g", elbo_cli_value_at(rows, row * info->item_size + i));
        puts(shown < info->item_size ? " ..." : "");
    }
}

static elbo_status print_labels(const elbo_dataset *dataset, elbo_split split, int64_t count, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    if (info->classes == 0) return ELBO_OK;
    int32_t *labels = calloc((size_t)count, sizeof *labels);
    if (!labels) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the labels");
    elbo_status status = elbo_dataset_labels(dataset, split, NULL, 0, count, labels, error);
    if (status == ELBO_OK) {
        printf("labels:");
        for (int64_t i = 0; i < count; i++) {
            if (info->class_names && labels[i] >= 0 && labels[i] < info->classes)
                printf(" %s", info->class_names[labels[i]]);
            else
                printf(" %d", (int)labels[i]);
        }
        putchar('\n');
    }
    free(labels);
    return status;
}

elbo_status elbo_cli_preview_print(const elbo_dataset *dataset, const elbo_cli_preview *preview, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    elbo_array rows = {0};
    elbo_status status = load(dataset, preview, TEXT_ROWS, &rows, error);
    if (status != ELBO_OK) return status;
    printf("\nfirst %lld rows of the split %s:\n\n", (long long)rows.shape[0], elbo_cli_split_names[preview->split]);
    if (elbo_cli_is_image(info->item_rank, info->item_shape))
        status = print_images(info, &rows, preview->style, error);
    else
        print_vectors(info, &rows);
    if (status == ELBO_OK) status = print_labels(dataset, preview->split, rows.shape[0], error);
    elbo_array_free(&rows);
    return status;
}

elbo_status elbo_cli_preview_save(const elbo_dataset *dataset, const elbo_cli_preview *preview, const char *path,
                                  elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    if (!elbo_cli_is_image(info->item_rank, info->item_shape)) {
        char shape[128];
        elbo_cli_shape_text(info->item_rank, info->item_shape, shape, sizeof shape);
        return elbo_cli_fail(error, ELBO_ERROR_SHAPE,
                             "items of shape %s are no images; --item-shape HEIGHTxWIDTH says how to see them as such",
                             shape);
    }
    elbo_array rows = {0};
    elbo_status status = load(dataset, preview, PICTURE_ROWS, &rows, error);
    if (status != ELBO_OK) return status;
    elbo_picture picture = layout(info);
    status = elbo_picture_grid(&rows, &picture, path, error);
    elbo_array_free(&rows);
    return status;
}
