/* Charts and reports: well-formed whatever the values, and honest about what they leave out. */
#include "viz_check.h"

/* The text of a chart that was just written; checked for being well-formed and free of numbers that are none. */
static char *chart_text(const char *path) {
    char *text = read_text(path);
    const char *fault = markup_fault(text);
    if (fault) fail_msg("%s has %s", path, fault);
    assert_true(strncmp(text, ELBO_CHART_PREFIX, strlen(ELBO_CHART_PREFIX)) == 0);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    assert_null(strstr(text, "1000000000"));
    return text;
}

static int occurrences(const char *text, const char *part) {
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) count++;
    return count;
}

/* ---- charts ---- */

static void lines_of_awkward_series(void **state) {
    (void)state;
    static double many[5000], one[1] = {116.2}, flat[4] = {3, 3, 3, 3}, holes[5] = {1, NAN, 2, INFINITY, 3};
    static double none[2] = {NAN, NAN}, negative[3] = {-5, -2, -9}, huge[3] = {-1e300, 1e300, 2e300};
    static double mixed[4] = {-1, 0, 10, 1000};
    for (int i = 0; i < 5000; i++) many[i] = 100 + sin(i) - (i == 2500 ? 50 : 0);
    static const struct {
        const double *y;
        int64_t count;
        bool y_log;
        const char *says;
        int absent;
    } rows[] = {{many, 5000, false, ">100<", 1},
                {one, 1, false, "116.2", 1},
                {flat, 4, false, ">3.0<", 1},
                {holes, 5, false, "2 values left out: not finite<", 0},
                {none, 2, false, "no values", 0},
                {none, 0, false, "no values", 1},
                {negative, 3, false, MINUS "8", 1},
                {huge, 3, false, "1 value left out", 0},
                {mixed, 4, true, "2 values left out: not finite or not positive", 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        elbo_chart chart = {.title = "a < b & \"c\"", .y_label = "nats", .y_log = rows[i].y_log};
        elbo_chart_series series = {.name = "it's", .y = rows[i].y, .count = rows[i].count};
        elbo_error error = {0};
        const char *path = path_of("lines.svg");
        if (elbo_chart_lines(&chart, &series, 1, path, &error) != ELBO_OK) fail_msg("%s", error.message);
        char *text = chart_text(path);
        if (!strstr(text, rows[i].says)) fail_msg("row %zu does not say %s", i, rows[i].says);
        if (rows[i].absent) assert_null(strstr(text, "left out"));
        assert_non_null(strstr(text, ">a &lt; b &amp; &quot;c&quot;<"));
        elbo_free(text);
    }
}

static void long_series_keep_their_extremes(void **state) {
    (void)state;
    enum { LONG = 200000 };
    double *y = calloc(LONG, sizeof *y);
    assert_non_null(y);
    y[123456] = 8; /* y runs from 0 to 8: the peak is at the top of the plot */
    elbo_chart chart = {.y_limits = {0, 8}};
    elbo_chart_series series = {.name = "peak", .y = y, .count = LONG};
    const char *path = path_of("long.svg");
    assert_int_equal(elbo_chart_lines(&chart, &series, 1, path, NULL), ELBO_OK);
    char *text = chart_text(path);
    assert_true(strlen(text) < 60000);
    char *plot = strstr(text, "<svg x="), top[16] = "", peak[32];
    assert_non_null(plot);
    assert_int_equal(sscanf(strstr(plot, " y="), " y=\"%15[0-9.]", top), 1);
    snprintf(peak, sizeof peak, " %sL", top);
    assert_int_equal(occurrences(strstr(plot, "line\" d="), peak), 1);
    elbo_free(text);
    free(y);
}

static void scatter_of_classes(void **state) {
    (void)state;
    enum { POINTS = 25000 };
    static float points[POINTS][2];
    static int32_t labels[POINTS];
    for (int i = 0; i < POINTS; i++) {
        points[i][0] = (float)sin(i * 1.7) * (float)(i % 13);
        points[i][1] = (float)cos(i * 2.3) * 4;
        labels[i] = i % 12;
    }
    points[7][1] = NAN;
    elbo_array x = array_of(ELBO_F32, points, 2, 10000, 2, 0, 0), y = array_of(ELBO_I32, labels, 1, 10000, 0, 0, 0);
    const char *const names[12] = {"zero", "<one>", NULL};
    const char *path = path_of("scatter.svg");
    elbo_error error = {0};
    if (elbo_chart_scatter(NULL, &x, &y, 12, names, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    char *text = chart_text(path);
    assert_true(strlen(text) < 150000);
    assert_int_equal(occurrences(text, "h0"), 9999);
    assert_int_equal(occurrences(text, " cloud\""), 12 * 8);
    assert_non_null(strstr(text, ">&lt;one&gt;<"));
    assert_non_null(strstr(text, ">11<"));
    assert_non_null(strstr(text, ".s11{color:hsl("));
    assert_non_null(strstr(text, "1 value left out: not finite"));
    elbo_free(text);

    x.shape[0] = POINTS;
    assert_int_equal(elbo_chart_scatter(NULL, &x, NULL, 0, NULL, path, &error), ELBO_OK);
    text = chart_text(path);
    assert_int_equal(occurrences(text, "h0"), 20000);
    assert_non_null(strstr(text, "20" THIN "000 of 24" THIN "999 points are drawn; 1 value left out"));
    elbo_free(text);

    x.shape[0] = 0;
    assert_int_equal(elbo_chart_scatter(NULL, &x, NULL, 0, NULL, path, &error), ELBO_OK);
    text = chart_text(path);
    assert_non_null(strstr(text, "no values"));
    elbo_free(text);
}

static void bars_of_all_kinds(void **state) {
    (void)state;
    static double many[300];
    const double few[4] = {2.5, 0.001, -1, NAN};
    const bool marked[4] = {true, false, true, true};
    const char *const names[4] = {"a & b", "a name much longer than it should be", "\xe2\x82\x81", NULL};
    static const double zeros[2] = {0, 0};
    for (int i = 0; i < 300; i++) many[i] = i;
    const struct {
        elbo_chart_bar_list bars;
        int drawn, labels;
        const char *says;
    } rows[] = {{{few, names, marked, "active", "collapsed", 4}, 3, 4, ">active<"},
                {{few, names, NULL, "active", "collapsed", 4}, 3, 4, "1 value left out"},
                {{many, NULL, NULL, NULL, NULL, 300}, 300, 0, ">300<"},
                {{zeros, NULL, NULL, NULL, NULL, 2}, 2, 2, ">2<"},
                {{few + 3, NULL, NULL, NULL, NULL, 1}, 0, 1, "no values"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *path = path_of("bars.svg");
        elbo_error error = {0};
        if (elbo_chart_bars(NULL, &rows[i].bars, path, &error) != ELBO_OK) fail_msg("%s", error.message);
        char *text = chart_text(path);
        if (!strstr(text, rows[i].says)) fail_msg("row %zu does not say %s", i, rows[i].says);
        assert_int_equal(occurrences(text, "</title></path>"), rows[i].drawn);
        assert_int_equal(occurrences(text, ">collapsed<"), rows[i].bars.marked ? 1 : 0);
        assert_int_equal(occurrences(text, "class=\"grey fill\""), rows[i].bars.marked ? 2 : 0);
        if (rows[i].bars.names) assert_non_null(strstr(text, ">a name much longer t\xe2\x80\xa6<"));
        elbo_free(text);
    }
}

static void bad_charts_are_refused(void **state) {
    (void)state;
    double y[3] = {1, 2, 3};
    int32_t labels[2] = {0, 5};
    elbo_chart_series series = {.name = "y", .y = y, .count = 3}, missing = {.name = "lost", .count = 3};
    elbo_chart narrow = {.width = 10}, reversed = {.y_limits = {2, 1}}, zero = {.y_log = true, .y_limits = {0, 1}};
    elbo_chart logarithmic = {.y_log = true};
    elbo_chart_bar_list bars = {.values = y, .count = 3}, no_bars = {.values = y};
    elbo_array good = array_of(ELBO_F64, y, 2, 1, 2, 0, 0), wide = array_of(ELBO_F64, y, 2, 1, 3, 0, 0);
    elbo_array whole = array_of(ELBO_I32, labels, 2, 1, 2, 0, 0),
               classes = array_of(ELBO_I32, labels + 1, 1, 1, 0, 0, 0);
    elbo_array too_many = array_of(ELBO_I32, labels, 1, 2, 0, 0, 0);
    elbo_error error = {0};
    const char *path = path_of("bad.svg");
    REFUSED(elbo_chart_lines(NULL, NULL, 0, path, &error), ELBO_ERROR_USAGE, "0 series");
    REFUSED(elbo_chart_lines(NULL, &missing, 1, path, &error), ELBO_ERROR_USAGE, "lost");
    REFUSED(elbo_chart_lines(&narrow, &series, 1, path, &error), ELBO_ERROR_USAGE, "240");
    REFUSED(elbo_chart_lines(&reversed, &series, 1, path, &error), ELBO_ERROR_USAGE, "low < high");
    REFUSED(elbo_chart_lines(&zero, &series, 1, path, &error), ELBO_ERROR_USAGE, "positive");
    REFUSED(elbo_chart_bars(NULL, &no_bars, path, &error), ELBO_ERROR_USAGE, "0 bars");
    REFUSED(elbo_chart_bars(&logarithmic, &bars, path, &error), ELBO_ERROR_USAGE, "logarithmic");
    REFUSED(elbo_chart_scatter(NULL, &wide, NULL, 0, NULL, path, &error), ELBO_ERROR_SHAPE, "f64 [1,3]");
    REFUSED(elbo_chart_scatter(NULL, &whole, NULL, 0, NULL, path, &error), ELBO_ERROR_SHAPE, "i32 [1,2]");
    REFUSED(elbo_chart_scatter(NULL, NULL, NULL, 0, NULL, path, &error), ELBO_ERROR_SHAPE, "nothing");
    REFUSED(elbo_chart_scatter(NULL, &good, &classes, 3, NULL, path, &error), ELBO_ERROR_SHAPE, "label 5 of point 0");
    REFUSED(elbo_chart_scatter(NULL, &good, &classes, 0, NULL, path, &error), ELBO_ERROR_SHAPE, "0 classes");
    REFUSED(elbo_chart_scatter(NULL, &good, &too_many, 3, NULL, path, &error), ELBO_ERROR_SHAPE, "i32 [1]");
    assert_int_equal(access(path, F_OK), -1);
}

/* ---- reports ---- */

static const char *const table[6] = {"name", "value", "<hidden>", "500", "lr", MINUS "1e-3"};

/* A report with one of everything; the files that it shows lie in the folder already. */
static elbo_status write_report(const char *const pictures[3], const char *path, elbo_error *error) {
    static const elbo_report_figure figures[2] = {{"\"ELBO\"", "101.3", "nats & more"}, {"units", "13", NULL}};
    elbo_report_section sections[4] = {{.title = "a < b", .text = "one\ntwo\n \n\nthree & four\n"},
                                       {.picture = pictures[0], .caption = "chart"},
                                       {.picture = pictures[1], .caption = "grid \"g\"", .wide = true},
                                       {.picture = pictures[2], .cells = table, .rows = 3, .columns = 2}};
    elbo_report report = {"T & t", "sub", "foot", figures, 2, sections, 4};
    return elbo_report_html(&report, path, error);
}

static void make_report_files(void) {
    static unsigned char ink[16];
    static const double y[2] = {1, 2};
    elbo_array images = array_of(ELBO_U8, ink, 3, 1, 4, 4, 0);
    elbo_chart_series series = {.name = "y", .y = y, .count = 2};
    static const char foreign[] = "<?xml version=\"1.0\"?><svg onload=\"alert(1)\"/>";
    draw(&images, NULL, path_of("r.png"));
    assert_int_equal(elbo_chart_lines(NULL, &series, 1, path_of("r.svg"), NULL), ELBO_OK);
    assert_int_equal(elbo_file_put(path_of("foreign.svg"), foreign, sizeof foreign - 1, NULL), ELBO_OK);
    assert_int_equal(elbo_file_put(path_of("notes.txt"), "words", 5, NULL), ELBO_OK);
}

static void report_holds_everything(void **state) {
    (void)state;
    make_report_files();
    const char *const pictures[3] = {path_of("r.svg"), path_of("r.png"), path_of("foreign.svg")};
    elbo_error error = {0};
    if (write_report(pictures, path_of("r.html"), &error) != ELBO_OK) fail_msg("%s", error.message);
    char *text = read_text(path_of("r.html"));
    const char *fault = markup_fault(text);
    if (fault) fail_msg("the report has %s", fault);
    static const char *const parts[] = {"<!doctype html>",
                                        "<title>T &amp; t</title>",
                                        "<dt>&quot;ELBO&quot;</dt><dd class=\"value\">101.3</dd>",
                                        "nats &amp; more",
                                        "<h2>a &lt; b</h2>",
                                        "<p>one\ntwo</p>\n<p>three &amp; four",
                                        "<svg xmlns",
                                        "<section class=\"wide\">",
                                        "alt=\"grid &quot;g&quot;\" class=\"pixels\" width=\"24\" height=\"24\"",
                                        "data:image/svg+xml;base64,PD94bWw",
                                        "<td>&lt;hidden&gt;</td><td class=\"number\">500</td>",
                                        "<th>name</th><th class=\"number\">value</th>",
                                        "<footer>foot</footer>",
                                        "prefers-color-scheme"};
    for (size_t i = 0; i < COUNT(parts); i++)
        if (!strstr(text, parts[i])) fail_msg("the report lacks %s", parts[i]);
    static const char *const absent[] = {"onload", "<script", "http://", "https://", " src=\"/", "@import", "url("};
    char *name_space = strstr(text, "http://www.w3.org/2000/svg"); /* a name, not an address to fetch */
    memset(name_space, '.', 26);
    for (size_t i = 0; i < COUNT(absent); i++)
        if (strstr(text, absent[i])) fail_msg("the report has %s", absent[i]);

    char *png;
    size_t count;
    elbo_markup encoded = {0};
    assert_int_equal(elbo_file_get(path_of("r.png"), 1 << 20, &png, &count, NULL), ELBO_OK);
    elbo_markup_base64(&encoded, png, count);
    assert_non_null(strstr(text, encoded.bytes));
    elbo_markup_clear(&encoded);
    elbo_free(png);
    elbo_free(text);
}

static void report_names_what_it_cannot_show(void **state) {
    (void)state;
    make_report_files();
    elbo_error error = {0};
    const char *const words[3] = {path_of("notes.txt"), NULL, NULL}, *const missing[3] = {path_of("gone.png"), NULL,
                                                                                          NULL};
    REFUSED(write_report(words, path_of("x.html"), &error), ELBO_ERROR_FORMAT, "notes.txt is neither");
    REFUSED(write_report(missing, path_of("x.html"), &error), ELBO_ERROR_IO, "gone.png");
    elbo_report untitled = {0}, lost = {.title = "t", .figure_count = 2};
    REFUSED(elbo_report_html(&untitled, path_of("x.html"), &error), ELBO_ERROR_USAGE, "title");
    REFUSED(elbo_report_html(&lost, path_of("x.html"), &error), ELBO_ERROR_USAGE, "missing");
    assert_int_equal(access(path_of("x.html"), F_OK), -1);
}

/* ---- files and memory ---- */

static elbo_status write_any(int kind, const char *path, elbo_error *error) {
    static unsigned char ink[32];
    static double values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static int32_t labels[4] = {0, 1, 1, 0};
    elbo_array images = array_of(ELBO_U8, ink, 3, 2, 4, 4, 0), points = array_of(ELBO_F64, values, 2, 4, 2, 0, 0);
    elbo_array classes = array_of(ELBO_I32, labels, 1, 4, 0, 0, 0);
    elbo_chart_series series = {.name = "y", .y = values, .count = 8};
    elbo_chart_bar_list bars = {.values = values, .count = 8};
    elbo_report_section section = {.title = "s", .text = "t", .picture = path_of("r.png")};
    elbo_report report = {.title = "t", .sections = &section, .section_count = 1};
    char text[64];
    switch (kind) {
        case 0: return elbo_picture_grid(&images, NULL, path, error);
        case 1: return elbo_chart_lines(NULL, &series, 1, path, error);
        case 2: return elbo_chart_scatter(NULL, &points, &classes, 2, NULL, path, error);
        case 3: return elbo_chart_bars(NULL, &bars, path, error);
        case 4: return elbo_report_html(&report, path, error);
        default: return elbo_picture_text(&images, NULL, ELBO_PICTURE_ASCII, 0, text, sizeof text, NULL, error);
    }
}

static void unwritable_paths_are_named(void **state) {
    (void)state;
    make_report_files();
    for (int kind = 0; kind < 5; kind++) {
        elbo_error error = {0};
        REFUSED(write_any(kind, path_of("no/such/folder.out"), &error), ELBO_ERROR_IO, "no/such/folder.out");
        REFUSED(write_any(kind, "/dev/full/x", &error), ELBO_ERROR_IO, "/dev/full/x");
    }
}

/* With any one allocation missing there is an error or, where the file's sync can do without, a file: no crash, no leak
 * (the address sanitizer looks), no half-written file. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    make_report_files();
    for (int kind = 0; kind < 6; kind++) {
        char path[128];
        snprintf(path, sizeof path, "%s", path_of("starved.out"));
        elbo_memory_fail_at(0);
        assert_int_equal(write_any(kind, path, NULL), ELBO_OK);
        long total = elbo_memory_count();
        assert_true(total > 2);
        int failures = 0;
        for (long number = 1; number <= total; number++) {
            elbo_error error = {0};
            (void)unlink(path);
            elbo_memory_fail_at(number);
            elbo_status status = write_any(kind, path, &error);
            elbo_memory_fail_at(0);
            if (status == ELBO_OK) continue;
            failures++;
            assert_int_equal(access(path, F_OK), -1);
            assert_true(status == ELBO_ERROR_MEMORY || status == ELBO_ERROR_IO);
            assert_true(error.message[0] != 0);
        }
        assert_true(failures > 1);
    }
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const files[] = {"lines.svg", "long.svg",    "scatter.svg", "bars.svg", "r.png",
                                        "r.svg",     "foreign.svg", "notes.txt",   "r.html",   "starved.out"};
    return remove_files(files, COUNT(files));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_awkward_series),
        cmocka_unit_test(long_series_keep_their_extremes),
        cmocka_unit_test(scatter_of_classes),
        cmocka_unit_test(bars_of_all_kinds),
        cmocka_unit_test(bad_charts_are_refused),
        cmocka_unit_test(report_holds_everything),
        cmocka_unit_test(report_names_what_it_cannot_show),
        cmocka_unit_test(unwritable_paths_are_named),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
