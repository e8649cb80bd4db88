/* Option tables: text to fields and back. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Numbers are read and written in the C locale whatever the program's locale is: a recipe written in one country is
 * read in another. */
typedef struct numeric_locale {
    locale_t c, before;
} numeric_locale;

static numeric_locale enter_c_locale(void) {
    numeric_locale numeric = {newlocale(LC_ALL_MASK, "C", (locale_t)0), (locale_t)0};
    if (numeric.c) numeric.before = uselocale(numeric.c);
    return numeric;
}

static void leave_c_locale(numeric_locale numeric) {
    if (!numeric.c) return;
    uselocale(numeric.before);
    freelocale(numeric.c);
}

/* ---- Names ---- */

static bool same_name(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b)) return false;
    return *a == *b;
}

const elbo_option *elbo_options_find(const elbo_options *table, const char *name) {
    for (size_t row = 0; row < table->count; row++)
        if (same_name(table->rows[row].name, name)) return &table->rows[row];
    return NULL;
}

/* The name as users type it, with '-'; returns out. */
enum { DASHED_SIZE = 96 };
static const char *dashed(const char *name, char out[DASHED_SIZE]) {
    size_t i = 0;
    for (; name[i] && i + 1 < DASHED_SIZE; i++) out[i] = name[i] == '_' ? '-' : name[i];
    out[i] = 0;
    return out;
}

enum { NEAREST_LENGTH = 63 }; /* longer words get no hint */

static int smallest(int a, int b) { return a < b ? a : b; }

/* Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost 1 each. */
static int edit_distance(const char *a, const char *b, size_t b_length) {
    int before[NEAREST_LENGTH + 1] = {0}, last[NEAREST_LENGTH + 1], current[NEAREST_LENGTH + 1];
    for (size_t j = 0; j <= b_length; j++) last[j] = (int)j;
    for (size_t i = 1; a[i - 1]; i++) {
        current[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int changed = last[j - 1] + (a[i - 1] != b[j - 1]);
            current[j] = smallest(changed, smallest(last[j], current[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                current[j] = smallest(current[j], before[j - 2] + 1);
        }
        memcpy(before, last, sizeof before);
        memcpy(last, current, sizeof last);
    }
    return last[b_length];
}

/* How far a known word is from a typed one; INT_MAX-like 1000 where it is no plausible reading of it.  A typed
 * beginning of the word ("bat" for "batch") is near too. */
static int nearness(const char *typed, const char *known, size_t known_length) {
    enum { FAR = 1000 };
    char folded[NEAREST_LENGTH + 1], word[NEAREST_LENGTH + 1];
    size_t length = strlen(typed);
    if (length == 0 || length > NEAREST_LENGTH || known_length == 0 || known_length > NEAREST_LENGTH) return FAR;
    for (size_t i = 0; i <= length; i++) folded[i] = typed[i] == '-' ? '_' : typed[i];
    for (size_t i = 0; i < known_length; i++) word[i] = known[i] == '-' ? '_' : known[i];
    word[known_length] = 0;
    int distance = edit_distance(folded, word, known_length);
    int allowed = 1 + (int)(length > known_length ? length : known_length) / 4;
    if (distance <= allowed && distance < (int)known_length) return distance;
    if (length >= 3 && length < known_length && memcmp(folded, word, length) == 0) return allowed + 1;
    return FAR;
}

const char *elbo_options_nearest(const elbo_options *const *tables, size_t count, const char *name) {
    const char *nearest = NULL;
    int best = 1000;
    for (size_t t = 0; t < count; t++)
        for (size_t row = 0; row < tables[t]->count; row++) {
            const char *known = tables[t]->rows[row].name;
            int distance = nearness(name, known, strlen(known));
            if (distance < best) best = distance, nearest = known;
        }
    return nearest;
}

/* ---- What was expected ---- */

enum { QUOTE = 60, QUOTED_SIZE = QUOTE + 8, TEXT_SIZE = 4096 };

/* A value as messages show it: the start of a long one, so that the rest of the message is not lost. */
static const char *quoted(const char *text, char out[QUOTED_SIZE]) {
    size_t length = strlen(text), shown = length <= QUOTE ? length : QUOTE;
    while (shown < length && shown > 0 && ((unsigned char)text[shown] & 0xC0) == 0x80) shown--; /* inside a letter */
    snprintf(out, QUOTED_SIZE, "'%.*s%s'", (int)shown, text, shown < length ? "..." : "");
    return out;
}

static bool choice_listed(const char *choices, const char *text) {
    size_t length = strlen(text);
    for (const char *at = choices; at;) {
        const char *end = strchr(at, '|');
        size_t size = end ? (size_t)(end - at) : strlen(at);
        if (size == length && memcmp(at, text, size) == 0) return true;
        at = end ? end + 1 : NULL;
    }
    return false;
}

static elbo_status fail_choice(const elbo_option *row, const char *text, elbo_error *error) {
    char list[512] = "", name[DASHED_SIZE], value[QUOTED_SIZE];
    const char *nearest = NULL;
    size_t used = 0, nearest_length = 0;
    int best = 1000;
    for (const char *at = row->choices; at;) {
        const char *end = strchr(at, '|');
        size_t size = end ? (size_t)(end - at) : strlen(at);
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%.*s", used ? ", " : "", (int)size, at);
        int distance = nearness(text, at, size);
        if (distance < best) best = distance, nearest = at, nearest_length = size;
        at = end ? end + 1 : NULL;
    }
    dashed(row->name, name);
    if (nearest)
        return elbo_fail(error, ELBO_ERROR_USAGE, "option %s: %s is none of %s (did you mean %.*s?)", name,
                         quoted(text, value), list, (int)nearest_length, nearest);
    return elbo_fail(error, ELBO_ERROR_USAGE, "option %s: %s is none of %s", name, quoted(text, value), list);
}

static elbo_status fail_kind(const elbo_option *row, const char *text, const char *expected, elbo_error *error) {
    char name[DASHED_SIZE], value[QUOTED_SIZE];
    return elbo_fail(error, ELBO_ERROR_USAGE, "option %s: %s is not %s", dashed(row->name, name), quoted(text, value),
                     expected);
}

static elbo_status check_bounds(const elbo_option *row, const char *text, double value, elbo_error *error) {
    char name[DASHED_SIZE], shown[QUOTED_SIZE];
    if (value >= row->minimum && value <= row->maximum) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE, "option %s: %s is out of bounds, expected %s%.12g to %.12g",
                     dashed(row->name, name), quoted(text, shown), row->type == ELBO_OPTION_INTS ? "each from " : "",
                     row->minimum, row->maximum);
}

/* ---- Parsing ---- */

static bool parse_bool(const char *text, bool *value) {
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false},
                 {"on", true},   {"off", false},   {"1", true},   {"0", false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i].text) == 0) return *value = words[i].value, true;
    return false;
}

static const char *skip_blanks(const char *text) {
    while (*text == ' ' || *text == '\t') text++;
    return text;
}

static bool at_end(const char *text) { return *skip_blanks(text) == 0; }

/* A whole number, also in the form 1e6 as long as that is exact.  One that is too large for its type becomes the
 * largest, which is out of every option's bounds.  *end is where reading stopped. */
static bool parse_int(const char *text, int64_t *value, const char **end) {
    char *stop = NULL;
    long long integer = strtoll(text, &stop, 10);
    if (stop == text) return false;
    if (*stop == 'e' || *stop == 'E' || *stop == '.') {
        double real = strtod(text, &stop);
        if (!(fabs(real) <= 9007199254740992.0) || real != floor(real)) return false;
        integer = (long long)real;
    }
    *value = integer;
    *end = stop;
    return true;
}

static bool parse_real(const char *text, double *value) {
    char *stop = NULL;
    *value = strtod(text, &stop);
    return stop != text && at_end(stop) && !isnan(*value);
}

static elbo_status parse_ints(const elbo_option *row, const char *text, elbo_ints *list, elbo_error *error) {
    memset(list, 0, sizeof *list);
    const char *at = skip_blanks(text);
    while (*at) {
        if (list->count == ELBO_MAX_INTS) {
            char name[DASHED_SIZE], shown[QUOTED_SIZE];
            return elbo_fail(error, ELBO_ERROR_USAGE, "option %s: %s has more than %d numbers", dashed(row->name, name),
                             quoted(text, shown), ELBO_MAX_INTS);
        }
        int64_t value = 0;
        if (!parse_int(at, &value, &at)) return fail_kind(row, text, "a list of whole numbers such as 500,200", error);
        ELBO_TRY(check_bounds(row, text, (double)value, error));
        list->value[list->count++] = value;
        at = skip_blanks(at);
        if (*at == 0) return ELBO_OK;
        if (*at != ',' || at_end(at + 1)) return fail_kind(row, text, "a list of whole numbers such as 500,200", error);
        at++;
    }
    return ELBO_OK;
}

static elbo_status set_owned(char **field, const char *text, elbo_error *error) {
    char *copy = elbo_strdup(text);
    if (!copy) return elbo_fail_memory(error, strlen(text) + 1, "an option's text");
    elbo_free(*field);
    *field = copy;
    return ELBO_OK;
}

/* Parses into a local value first, so that a refused text leaves the field as it was. */
static elbo_status set_row(const elbo_option *row, void *values, const char *text, elbo_error *error) {
    char *field = (char *)values + row->offset;
    switch (row->type) {
        case ELBO_OPTION_BOOL: {
            bool value = false;
            if (!parse_bool(text, &value)) return fail_kind(row, text, "true or false", error);
            *(bool *)(void *)field = value;
            return ELBO_OK;
        }
        case ELBO_OPTION_INT: {
            int64_t value = 0;
            const char *end = text;
            if (!parse_int(text, &value, &end) || !at_end(end)) return fail_kind(row, text, "a whole number", error);
            ELBO_TRY(check_bounds(row, text, (double)value, error));
            *(int64_t *)(void *)field = value;
            return ELBO_OK;
        }
        case ELBO_OPTION_REAL: {
            double value = 0;
            if (!parse_real(text, &value)) return fail_kind(row, text, "a number", error);
            ELBO_TRY(check_bounds(row, text, value, error));
            *(double *)(void *)field = value;
            return ELBO_OK;
        }
        case ELBO_OPTION_INTS: {
            elbo_ints list;
            ELBO_TRY(parse_ints(row, text, &list, error));
            *(elbo_ints *)(void *)field = list;
            return ELBO_OK;
        }
        case ELBO_OPTION_CHOICE:
            if (!choice_listed(row->choices, text)) return fail_choice(row, text, error);
            return set_owned((char **)(void *)field, text, error);
        case ELBO_OPTION_TEXT:
            if (strlen(text) < TEXT_SIZE) return set_owned((char **)(void *)field, text, error);
            return fail_kind(row, text, "shorter than 4096 bytes", error); /* what recipes and checkpoints hold */
    }
    return elbo_fail(error, ELBO_ERROR_INTERNAL, "option %s has the unknown type %d", row->name, (int)row->type);
}

elbo_status elbo_options_set(const elbo_options *table, void *values, const char *name, const char *text,
                             elbo_error *error) {
    const elbo_option *row = elbo_options_find(table, name);
    if (!row) {
        char near_name[DASHED_SIZE] = "";
        const char *nearest = elbo_options_nearest(&table, 1, name);
        if (nearest) nearest = dashed(nearest, near_name);
        return elbo_fail(error, ELBO_ERROR_USAGE, "unknown option %s among the %s options%s%s%s", name, table->title,
                         nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
    }
    numeric_locale numeric = enter_c_locale();
    elbo_status status = set_row(row, values, text, error);
    leave_c_locale(numeric);
    return status;
}

elbo_status elbo_options_init(const elbo_options *table, void *values, elbo_error *error) {
    memset(values, 0, table->struct_size);
    for (size_t index = 0; index < table->count; index++) {
        const elbo_option *row = &table->rows[index];
        elbo_status status = elbo_options_set(table, values, row->name, row->initial, error);
        if (status == ELBO_OK) continue;
        if (status == ELBO_ERROR_USAGE) /* the table is wrong, not the user */
            status = elbo_fail_context(error, ELBO_ERROR_INTERNAL, "the default of %s", row->name);
        elbo_options_clear(table, values);
        return status;
    }
    return ELBO_OK;
}

void elbo_options_clear(const elbo_options *table, void *values) {
    for (size_t index = 0; index < table->count; index++) {
        const elbo_option *row = &table->rows[index];
        if (row->type == ELBO_OPTION_TEXT || row->type == ELBO_OPTION_CHOICE)
            elbo_free(*(char **)(void *)((char *)values + row->offset));
    }
    memset(values, 0, table->struct_size);
}

/* ---- Printing ---- */

/* The shortest of 15, 16 and 17 significant digits that reads back to the same number. */
static void print_real(double value, char *text, size_t size) {
    char digits[40] = "";
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    snprintf(text, size, "%s", digits);
}

static void print_ints(const elbo_ints *list, char *text, size_t size) {
    size_t used = 0;
    if (size) *text = 0;
    for (int i = 0; i < list->count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? "," : "", (long long)list->value[i]);
}

bool elbo_options_get(const elbo_options *table, const void *values, const char *name, char *text, size_t size) {
    const elbo_option *row = elbo_options_find(table, name);
    if (!row) return false;
    const void *field = (const char *)values + row->offset;
    numeric_locale numeric = enter_c_locale();
    switch (row->type) {
        case ELBO_OPTION_BOOL: snprintf(text, size, "%s", *(const bool *)field ? "true" : "false"); break;
        case ELBO_OPTION_INT: snprintf(text, size, "%lld", (long long)*(const int64_t *)field); break;
        case ELBO_OPTION_REAL: print_real(*(const double *)field, text, size); break;
        case ELBO_OPTION_INTS: print_ints(field, text, size); break;
        case ELBO_OPTION_TEXT:
        case ELBO_OPTION_CHOICE: {
            const char *owned = *(char *const *)field;
            snprintf(text, size, "%s", owned ? owned : "");
            break;
        }
    }
    leave_c_locale(numeric);
    return true;
}
