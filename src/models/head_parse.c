/* Reading the choice of a distribution: NAME, NAME(value, ...), NAME(parameter=value, ...). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/head.h"

enum { LONGEST_NAME = 64, LONGEST_VALUE = 64, MOST_TYPES = 128 };

static int find_parameter(const elbo_dist_type *type, const char *name, size_t length) {
    for (int k = 0; k < elbo_head_parameters(type); k++)
        if (strlen(type->parameter[k].name) == length && strncmp(type->parameter[k].name, name, length) == 0) return k;
    return -1;
}

/* "concentration (positive), rate (positive)" */
static const char *list_parameters(const elbo_dist_type *type, char *text, size_t size) {
    size_t used = 0;
    *text = 0;
    for (int k = 0; k < elbo_head_parameters(type) && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s%s (%s)", k ? ", " : "", type->parameter[k].name,
                                 elbo_constraint_text(type->parameter[k].constraint));
    return text;
}

/* A stretch of the text without the blanks around it. */
typedef struct stretch {
    const char *from;
    size_t length;
} stretch;

static stretch between(const char *from, const char *end) {
    while (from < end && *from == ' ') from++;
    while (end > from && end[-1] == ' ') end--;
    return (stretch){from, (size_t)(end - from)};
}

/* Numbers are read as those of options are, whatever the locale. */
static bool read_number(stretch text, double *value) {
    static const elbo_option row = {"value", ELBO_OPTION_REAL, "0", -INFINITY, INFINITY, NULL, NULL, 0};
    static const elbo_options table = {"", &row, 1, sizeof *value};
    char copy[LONGEST_VALUE];
    if (text.length == 0 || text.length >= sizeof copy) return false;
    memcpy(copy, text.from, text.length);
    copy[text.length] = 0;
    return elbo_options_set(&table, value, "value", copy, NULL) == ELBO_OK;
}

/* As f32, which is what it becomes. */
static bool obeys(elbo_constraint constraint, float value) {
    if (!isfinite(value)) return false;
    switch (constraint) {
        case ELBO_CONSTRAINT_POSITIVE: return value > 0;
        case ELBO_CONSTRAINT_UNIT_INTERVAL: return value > 0 && value < 1;
        case ELBO_CONSTRAINT_WHOLE: return value >= 1 && value == floorf(value);
        case ELBO_CONSTRAINT_LOWER_TRIANGULAR: return false;
        default: return true;
    }
}

/* "5" or "df=5". */
static elbo_status parse_value(elbo_head *head, const char *option, stretch text, int position, elbo_error *error) {
    const elbo_dist_type *type = head->type;
    const char *equals = memchr(text.from, '=', text.length), *end = text.from + text.length;
    stretch name = between(text.from, equals ? equals : text.from),
            number = between(equals ? equals + 1 : text.from, end);
    int k = equals ? find_parameter(type, name.from, name.length) : position;
    char known[256];
    if (k < 0 || k >= elbo_head_parameters(type))
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: no parameter for \"%.*s\"; it has %s", option, type->name,
                         (int)text.length, text.from, list_parameters(type, known, sizeof known));
    const elbo_dist_parameter *row = &type->parameter[k];
    bool left = row->constraint == ELBO_CONSTRAINT_LOWER_TRIANGULAR;
    if (!read_number(number, &head->value[k]) || !obeys(row->constraint, (float)head->value[k]))
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: %s cannot be \"%.*s\"; it must be %s", option, type->name,
                         row->name, (int)number.length, number.from,
                         left ? "left to the model" : elbo_constraint_text(row->constraint));
    if (head->fixed[k])
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: %s is given twice", option, type->name, row->name);
    head->fixed[k] = true;
    return ELBO_OK;
}

static elbo_status parse_values(elbo_head *head, const char *option, const char *text, const char *open,
                                elbo_error *error) {
    const char *close = strchr(open, ')');
    if (!close || close[1 + strspn(close + 1, " ")])
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: \"%s\" must end with its one ')', as in %s(%s=1)", option,
                         head->type->name, text, head->type->name, head->type->parameter[0].name);
    if (between(open + 1, close).length == 0) return ELBO_OK;
    for (int position = 0;; position++) {
        const char *from = ++open, *comma = memchr(from, ',', (size_t)(close - from));
        open = comma ? comma : close;
        ELBO_TRY(parse_value(head, option, between(from, open), position, error));
        if (!comma) return ELBO_OK;
    }
}

/* What one parameter says of the others. */
static elbo_status check_together(const elbo_head *head, const char *option, elbo_error *error) {
    const elbo_dist_type *type = head->type;
    for (int k = 0; k < elbo_head_parameters(type); k++) {
        const elbo_dist_parameter *row = &type->parameter[k];
        if (row->constraint == ELBO_CONSTRAINT_WHOLE && !head->fixed[k])
            return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s needs its %s: %s(%s=5), say", option, type->name,
                             row->name, type->name, row->name);
        if (row->constraint != ELBO_CONSTRAINT_ORDERED || !head->fixed[k]) continue;
        const char *before = type->parameter[k - 1].name;
        if (!head->fixed[k - 1])
            return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: %s must be above %s, so give both or %s alone", option,
                             type->name, row->name, before, before);
        if (!(head->value[k] > head->value[k - 1]))
            return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: %s %g must be above %s %g", option, type->name, row->name,
                             head->value[k], before, head->value[k - 1]);
    }
    return ELBO_OK;
}

static elbo_status take_levels(elbo_head *head, const char *option, int64_t levels, elbo_error *error) {
    int k = find_parameter(head->type, "levels", strlen("levels"));
    if (levels <= 0 || k < 0) return ELBO_OK;
    if (head->fixed[k])
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: its levels are those of --levels; leave them out here",
                         option, head->type->name);
    head->fixed[k] = true;
    head->value[k] = (double)levels;
    return ELBO_OK;
}

/* Underscores may be written as hyphens. */
static void spell(char name[LONGEST_NAME], stretch text) {
    size_t length = text.length < LONGEST_NAME - 1 ? text.length : LONGEST_NAME - 1;
    for (size_t i = 0; i < length; i++) name[i] = text.from[i] == '-' ? '_' : text.from[i];
    name[length] = 0;
}

static const elbo_dist_type *find_type(const char *name) {
    return strcmp(name, "gaussian") == 0 ? &elbo_dist_normal : elbo_dist_find(name);
}

/* The name that was meant, or NULL. */
static const char *nearest_type(const char *name) {
    elbo_option rows[MOST_TYPES] = {{0}};
    elbo_options table = {"", rows, 0, 0};
    const elbo_options *tables = &table;
    for (; table.count < MOST_TYPES && elbo_registry_dists[table.count]; table.count++)
        rows[table.count].name = elbo_registry_dists[table.count]->name;
    return elbo_options_nearest(&tables, 1, name);
}

elbo_status elbo_head_parse(elbo_head *head, const char *option, const char *text, elbo_head_sizes sizes,
                            elbo_error *error) {
    char name[LONGEST_NAME];
    const char *open = text + strcspn(text, "(");
    spell(name, between(text, open));
    *head = (elbo_head){.type = find_type(name), .size = sizes.size, .components = sizes.components};
    if (!head->type) {
        const char *nearest = nearest_type(name);
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "%s %s: no such distribution%s%s%s; `elbo list distributions` shows all of them", option, name,
                         nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
    }
    if (*open) ELBO_TRY(parse_values(head, option, text, open, error));
    ELBO_TRY(take_levels(head, option, sizes.levels, error));
    return check_together(head, option, error);
}
