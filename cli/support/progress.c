#include "support/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define ELBO_TABLE_STRUCT elbo_cli_progress_options
ELBO_TABLE(elbo_cli_progress_options_table, "Progress", ELBO_CLI_PROGRESS_OPTIONS);
#undef ELBO_TABLE_STRUCT

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int terminal_width(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

static bool terminal_draws(void) {
    const char *kind = getenv("TERM");
    return isatty(STDERR_FILENO) && (!kind || strcmp(kind, "dumb") != 0);
}

void elbo_cli_progress_begin(elbo_cli_progress *progress, const elbo_context *context) {
    const elbo_cli_progress_options *options = elbo_context_values(context, &elbo_cli_progress_options_table);
    const char *style = options ? options->progress : "auto";
    memset(progress, 0, sizeof *progress);
    progress->started = now();
    progress->drawn = -INFINITY;
    progress->first_whole = NAN;
    if (context->common->quiet || strcmp(style, "none") == 0)
        progress->style = ELBO_CLI_PROGRESS_NONE;
    else if (strcmp(style, "bar") == 0)
        progress->style = ELBO_CLI_PROGRESS_BAR;
    else if (strcmp(style, "lines") == 0)
        progress->style = ELBO_CLI_PROGRESS_LINES;
    else
        progress->style = terminal_draws() ? ELBO_CLI_PROGRESS_BAR : ELBO_CLI_PROGRESS_NONE;
}

/* ---- Text ---- */

static int format_field(const elbo_cli_progress_field *field, char *out, size_t size) {
    char number[64];
    if (isnan(field->value))
        snprintf(number, sizeof number, "nan");
    else if (isinf(field->value))
        snprintf(number, sizeof number, field->value < 0 ? "-inf" : "inf");
    else if (fabs(field->value) < 1e9)
        snprintf(number, sizeof number, "%.*f", field->decimals, field->value);
    else
        snprintf(number, sizeof number, "%.3e", field->value);
    return field->name_last ? snprintf(out, size, "%s %s", number, field->name)
                            : snprintf(out, size, "%s %s", field->name, number);
}

static void format_duration(double seconds, char *out, size_t size) {
    long long whole = (long long)(seconds + 0.5);
    if (!(seconds >= 0) || seconds > 1e8)
        snprintf(out, size, "--:--");
    else if (whole >= 3600)
        snprintf(out, size, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(out, size, "%lld:%02lld", whole / 60, whole % 60);
}

/* "[####....]" of `length` columns, brackets included. */
static void format_bar(double fraction, int length, char *out) {
    int inside = length - 2, full = (int)(fraction * inside);
    *out++ = '[';
    for (int i = 0; i < inside; i++) *out++ = i < full ? '#' : '.';
    *out++ = ']';
    *out = 0;
}

void elbo_cli_progress_format(const elbo_cli_progress_state *state, double remaining, int width, char *out,
                              size_t size) {
    enum { SHORTEST = 10, LONGEST = 30 };
    char head[128], eta[48] = "", percent[16] = "", bar[LONGEST + 1] = "", fields[512] = "";
    bool known = state->fraction >= 0;
    double fraction = known ? fmin(state->fraction, 1) : 0;
    snprintf(head, sizeof head, "%s", state->label);
    if (known) snprintf(percent, sizeof percent, " %3.0f%%", floor(100 * fraction));
    if (!isnan(remaining)) {
        char duration[32];
        format_duration(remaining, duration, sizeof duration);
        snprintf(eta, sizeof eta, "  ETA %s", duration);
    }
    int room = width - 1 - (int)(strlen(head) + strlen(percent) + strlen(eta));
    if (room < 0) {
        room += (int)strlen(eta);
        eta[0] = 0;
    }
    int reserved = known && room >= SHORTEST + 1 ? SHORTEST + 1 : 0;
    room -= reserved;
    for (size_t i = 0; i < state->field_count; i++) {
        char text[96];
        int length = format_field(&state->fields[i], text, sizeof text);
        if (length + 2 > room) break;
        size_t used = strlen(fields);
        if (used + (size_t)length + 3 > sizeof fields) break;
        snprintf(fields + used, sizeof fields - used, "  %s", text);
        room -= length + 2;
    }
    if (reserved) {
        int length = SHORTEST + (room > 0 ? room : 0);
        format_bar(fraction, length < LONGEST ? length : LONGEST, bar);
    }
    snprintf(out, size, "%s%s%s%s%s%s", head, reserved ? " " : "", bar, percent, fields, eta);
    if (width > 0 && strlen(out) >= (size_t)width) out[width - 1] = 0;
}

static double remaining_seconds(elbo_cli_progress *progress, double whole) {
    if (isnan(whole)) return NAN;
    if (isnan(progress->first_whole)) {
        progress->first_whole = whole;
        progress->started = now();
    }
    double done = whole - progress->first_whole, elapsed = now() - progress->started;
    return done > 0 ? elapsed * fmax(1 - whole, 0) / done : -1;
}

/* ---- Drawing ---- */

/* One write for each redraw, and no clearing before it: the line never flickers. */
static void put(const char *text) { (void)!write(STDERR_FILENO, text, strlen(text)); }

void elbo_cli_progress_update(elbo_cli_progress *progress, const elbo_cli_progress_state *state) {
    if (progress->style != ELBO_CLI_PROGRESS_BAR) return;
    double remaining = remaining_seconds(progress, state->whole), time = now();
    if (time - progress->drawn < 0.1) return;
    char line[1024], drawn[1100];
    int width = terminal_width();
    elbo_cli_progress_format(state, remaining, width < (int)sizeof line ? width : (int)sizeof line, line, sizeof line);
    snprintf(drawn, sizeof drawn, "\r%s\033[K", line);
    put(drawn);
    progress->drawn = time;
    progress->shown = true;
}

void elbo_cli_progress_line(elbo_cli_progress *progress, const elbo_cli_progress_state *state) {
    if (progress->style == ELBO_CLI_PROGRESS_NONE) return;
    char line[1024];
    size_t used = (size_t)snprintf(line, sizeof line - 1, "%s", state->label);
    for (size_t i = 0; i < state->field_count && used < sizeof line - 128; i++) {
        char text[96];
        format_field(&state->fields[i], text, sizeof text);
        used += (size_t)snprintf(line + used, sizeof line - 1 - used, "  %s", text);
    }
    elbo_cli_progress_end(progress);
    snprintf(line + strlen(line), 2, "\n");
    put(line);
}

void elbo_cli_progress_end(elbo_cli_progress *progress) {
    if (progress->shown) put("\r\033[K");
    progress->shown = false;
    progress->drawn = -INFINITY;
}

const char *elbo_cli_loss_word(const elbo_progress *progress) {
    bool reconstruction = !isnan(progress->reconstruction), kl = !isnan(progress->kl);
    return reconstruction && kl ? "-ELBO" : reconstruction ? "error" : kl ? "KL" : "loss";
}
