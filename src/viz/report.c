#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "viz/viz.h"

enum { LARGEST_PICTURE = 256 << 20 };

static elbo_status check(const elbo_report *report, elbo_error *error) {
    if (!report || !report->title) return elbo_fail(error, ELBO_ERROR_USAGE, "a report needs a title");
    if ((report->figure_count && !report->figures) || (report->section_count && !report->sections))
        return elbo_fail(error, ELBO_ERROR_USAGE, "a report of %zu figures and %zu sections: one list is missing",
                         report->figure_count, report->section_count);
    for (size_t i = 0; i < report->section_count; i++) {
        const elbo_report_section *section = &report->sections[i];
        if (section->cells && (section->rows < 1 || section->columns < 1))
            return elbo_fail(error, ELBO_ERROR_USAGE, "the table of section %zu (%s) has %zu rows and %zu columns", i,
                             section->title ? section->title : "no title", section->rows, section->columns);
    }
    return ELBO_OK;
}

static void write_figures(elbo_markup *page, const elbo_report *report) {
    if (report->figure_count == 0) return;
    elbo_markup_add(page, "<dl class=\"figures\">\n");
    for (size_t i = 0; i < report->figure_count; i++) {
        const elbo_report_figure *figure = &report->figures[i];
        elbo_markup_add(page, "<div><dt>%t</dt><dd class=\"value\">%t</dd>", figure->name, figure->value);
        if (figure->note) elbo_markup_add(page, "<dd class=\"note\">%t</dd>", figure->note);
        elbo_markup_add(page, "</div>\n");
    }
    elbo_markup_add(page, "</dl>\n");
}

/* Whether what follows a line's end is an empty line. */
static bool ends_paragraph(const char *at) {
    if (*at != '\n') return false;
    for (at++; *at == ' ' || *at == '\t' || *at == '\r'; at++) continue;
    return *at == '\n';
}

static void write_paragraphs(elbo_markup *page, const char *text) {
    while (text && *text) {
        while (isspace((unsigned char)*text)) text++;
        const char *end = text;
        while (*end && !ends_paragraph(end)) end++;
        if (end == text) return;
        elbo_markup piece = {0};
        elbo_markup_bytes(&piece, text, (size_t)(end - text));
        page->failed |= piece.failed;
        elbo_markup_add(page, "<p>%t</p>\n", piece.bytes);
        elbo_markup_clear(&piece);
        text = end;
    }
}

/* A number with at most signs, digits, a unit-free exponent or a percent sign: set flush right. */
static bool is_number(const char *text) {
    if (!text) return false;
    if (strncmp(text, "\xe2\x88\x92", 3) == 0) text += 3; /* a typographic minus */
    char *end = NULL;
    if (!isdigit((unsigned char)text[strspn(text, "+-.")])) return false;
    (void)strtod(text, &end);
    return end != text && end[strspn(end, " %0123456789.")] == 0;
}

/* A column is one of numbers when every filled cell under its head is. */
static bool is_number_column(const elbo_report_section *section, size_t column) {
    bool any = false;
    for (size_t row = 1; row < section->rows; row++) {
        const char *cell = section->cells[row * section->columns + column];
        if (!cell || !*cell) continue;
        if (!is_number(cell)) return false;
        any = true;
    }
    return any;
}

static void write_row(elbo_markup *page, const elbo_report_section *section, size_t row) {
    const char *tag = row == 0 ? "th" : "td";
    elbo_markup_add(page, "<tr>");
    for (size_t column = 0; column < section->columns; column++) {
        const char *class = is_number_column(section, column) ? " class=\"number\"" : "";
        elbo_markup_add(page, "<%s%s>%t</%s>", tag, class, section->cells[row * section->columns + column], tag);
    }
    elbo_markup_add(page, "</tr>\n");
}

static void write_table(elbo_markup *page, const elbo_report_section *section) {
    elbo_markup_add(page, "<div class=\"table\"><table>\n<thead>");
    write_row(page, section, 0);
    elbo_markup_add(page, "</thead>\n<tbody>\n");
    for (size_t row = 1; row < section->rows; row++) write_row(page, section, row);
    elbo_markup_add(page, "</tbody>\n</table></div>\n");
}

static uint32_t big_endian(const char *bytes) {
    const unsigned char *at = (const unsigned char *)bytes;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_image(elbo_markup *page, const elbo_report_section *section, const char *bytes, size_t count) {
    bool is_png = memcmp(bytes, "\x89PNG", 4) == 0;
    const char *name = section->caption ? section->caption : section->title;
    elbo_markup_add(page, "<img alt=\"%t\" ", name ? name : "");
    if (is_png)
        elbo_markup_add(page, "class=\"pixels\" width=\"%l\" height=\"%l\" ", (int64_t)big_endian(bytes + 16),
                        (int64_t)big_endian(bytes + 20));
    elbo_markup_add(page, "src=\"data:image/%s;base64,", is_png ? "png" : "svg+xml");
    elbo_markup_base64(page, bytes, count);
    elbo_markup_add(page, "\">\n");
}

/* An SVG file may begin with a declaration and comments; enough to look at its first bytes. */
static bool is_svg(const char *bytes) {
    while (isspace((unsigned char)*bytes)) bytes++;
    return strncmp(bytes, "<svg", 4) == 0 ||
           ((strncmp(bytes, "<?xml", 5) == 0 || strncmp(bytes, "<!--", 4) == 0) && strstr(bytes, "<svg"));
}

static elbo_status write_picture(elbo_markup *page, const elbo_report_section *section, elbo_error *error) {
    char *bytes = NULL;
    size_t count = 0;
    ELBO_TRY(elbo_file_get(section->picture, LARGEST_PICTURE, &bytes, &count, error));
    elbo_status status = ELBO_OK;
    elbo_markup_add(page, "<figure>\n");
    if (count >= 24 && memcmp(bytes, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16) == 0)
        write_image(page, section, bytes, count);
    else if (strncmp(bytes, ELBO_CHART_PREFIX, strlen(ELBO_CHART_PREFIX)) == 0 && !strstr(bytes, "<script"))
        elbo_markup_bytes(page, bytes, strlen(bytes));
    else if (is_svg(bytes))
        write_image(page, section, bytes, count); /* as an image, where foreign styles and scripts have no effect */
    else
        status = elbo_fail(error, ELBO_ERROR_FORMAT, "%s is neither a PNG nor an SVG file (its first bytes say so)",
                           section->picture);
    if (section->caption) elbo_markup_add(page, "<figcaption>%t</figcaption>\n", section->caption);
    elbo_markup_add(page, "</figure>\n");
    elbo_free(bytes);
    return status;
}

static elbo_status write_section(elbo_markup *page, const elbo_report_section *section, elbo_error *error) {
    elbo_markup_add(page, "<section%s>\n", section->wide ? " class=\"wide\"" : "");
    if (section->title) elbo_markup_add(page, "<h2>%t</h2>\n", section->title);
    write_paragraphs(page, section->text);
    if (section->picture) ELBO_TRY(write_picture(page, section, error));
    if (section->cells) write_table(page, section);
    if (section->cells && section->caption && !section->picture)
        elbo_markup_add(page, "<p><small>%t</small></p>\n", section->caption);
    elbo_markup_add(page, "</section>\n");
    return ELBO_OK;
}

static elbo_status write_page(elbo_markup *page, const elbo_report *report, elbo_error *error) {
    elbo_markup_add(page, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    elbo_markup_add(page, "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    elbo_markup_add(page, "<title>%t</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n", report->title,
                    elbo_report_style);
    elbo_markup_add(page, "<header>\n<h1>%t</h1>\n", report->title);
    if (report->subtitle) elbo_markup_add(page, "<p>%t</p>\n", report->subtitle);
    elbo_markup_add(page, "</header>\n");
    write_figures(page, report);
    elbo_markup_add(page, "<div class=\"sections\">\n");
    for (size_t i = 0; i < report->section_count; i++) ELBO_TRY(write_section(page, &report->sections[i], error));
    elbo_markup_add(page, "</div>\n");
    if (report->footer) elbo_markup_add(page, "<footer>%t</footer>\n", report->footer);
    elbo_markup_add(page, "</main>\n</body>\n</html>\n");
    return ELBO_OK;
}

elbo_status elbo_report_html(const elbo_report *report, const char *path, elbo_error *error) {
    elbo_markup page = {0};
    ELBO_TRY(check(report, error));
    elbo_status status = write_page(&page, report, error);
    if (status == ELBO_OK) return elbo_markup_save(&page, path, error);
    elbo_markup_clear(&page);
    return status;
}
