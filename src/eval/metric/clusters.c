/* How well clusters agree with classes. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric/assignment.h"
#include "eval/metric/contingency.h"
#include "eval/metric/input.h"

/* ---- Figures ---- */

/* Two labellings with one label each agree: 1. Where only one of them has a single label nothing is shared: 0. */
static double normalised(double information, double scale, double first, double second) {
    if (first <= 0 && second <= 0) return 1;
    return scale > 0 ? fmin(information / scale, 1) : 0;
}

static double pairs(int64_t count) { return 0.5 * (double)count * (double)(count - 1); }

/* (sum of pairs together in both - expected) / (mean of pairs together in either - expected), Hubert and Arabie 1985;
 * 1 where the denominator is 0: then both put all rows together or all apart. */
static double adjusted_rand(const elbo_contingency *table) {
    double together = 0, first = 0, second = 0;
    for (int64_t i = 0; i < table->rows * table->columns; i++) together += pairs(table->count[i]);
    for (int64_t i = 0; i < table->rows; i++) first += pairs(table->row_count[i]);
    for (int64_t j = 0; j < table->columns; j++) second += pairs(table->column_count[j]);
    if (table->total < 2) return 1;
    double expected = first * second / pairs(table->total), most = 0.5 * (first + second);
    return most == expected ? 1 : (together - expected) / (most - expected);
}

static double purity(const elbo_contingency *table) {
    int64_t sum = 0;
    for (int64_t i = 0; i < table->rows; i++) {
        int64_t most = 0;
        for (int64_t j = 0; j < table->columns; j++)
            if (table->count[i * table->columns + j] > most) most = table->count[i * table->columns + j];
        sum += most;
    }
    return (double)sum / (double)table->total;
}

static elbo_status match(const elbo_contingency *table, const elbo_metric_labels *predicted,
                         const elbo_metric_labels *truth, elbo_cluster_scores *out, elbo_error *error) {
    size_t bytes = (size_t)table->rows * sizeof *out->cluster;
    out->cluster = elbo_calloc(bytes);
    out->matched = elbo_calloc(bytes);
    if (!out->cluster || !out->matched) return elbo_fail_memory(error, bytes, "a matching");
    ELBO_TRY(elbo_assignment(table->count, table->rows, table->columns, out->matched, error));
    int64_t right = 0;
    for (int64_t i = 0; i < table->rows; i++) {
        int64_t column = out->matched[i];
        out->cluster[i] = predicted->value[i];
        out->matched[i] = column < 0 ? ELBO_UNMATCHED : truth->value[column];
        if (column >= 0) right += table->count[i * table->columns + column];
    }
    out->accuracy = (double)right / (double)table->total;
    return ELBO_OK;
}

static elbo_status measure(const elbo_metric_labels *predicted, const elbo_metric_labels *truth,
                           elbo_cluster_scores *out, elbo_error *error) {
    elbo_contingency table;
    ELBO_TRY(elbo_metric_same_length("predicted", predicted->count, "true", truth->count, error));
    ELBO_TRY(elbo_contingency_new(&table, predicted->code, truth->code, truth->count, predicted->classes,
                                  truth->classes, error));
    out->count = table.total;
    out->clusters = table.rows;
    out->classes = table.columns;
    double information = elbo_contingency_information(&table);
    double first = elbo_contingency_entropy(table.row_count, table.rows, table.total);
    double second = elbo_contingency_entropy(table.column_count, table.columns, table.total);
    out->nmi = normalised(information, 0.5 * (first + second), first, second);
    out->nmi_geometric = normalised(information, sqrt(first * second), first, second);
    out->nmi_max = normalised(information, fmax(first, second), first, second);
    out->ari = adjusted_rand(&table);
    out->purity = purity(&table);
    elbo_status status = match(&table, predicted, truth, out, error);
    elbo_contingency_clear(&table);
    return status;
}

elbo_status elbo_score_clusters(const elbo_array *predicted, const elbo_array *truth, elbo_cluster_scores *out,
                                elbo_error *error) {
    elbo_metric_labels first = {0}, second = {0};
    memset(out, 0, sizeof *out);
    elbo_status status = elbo_metric_labels_read(&first, predicted, "predicted", error);
    if (status == ELBO_OK) status = elbo_metric_labels_read(&second, truth, "true", error);
    if (status == ELBO_OK) status = measure(&first, &second, out, error);
    elbo_metric_labels_clear(&first);
    elbo_metric_labels_clear(&second);
    if (status != ELBO_OK) elbo_cluster_scores_clear(out);
    return status;
}

void elbo_cluster_scores_clear(elbo_cluster_scores *scores) {
    elbo_free(scores->cluster);
    elbo_free(scores->matched);
    memset(scores, 0, sizeof *scores);
}
