/* Probabilistic PCA by gradient descent, written as formulas: x = W z + b + s e, z ~ N(0, I), so x ~ N(b, C) with
 * C = W W' + s^2 I. The log-likelihood of 2-D data needs only a 2x2 determinant and inverse.
 *
 *   cc graph.c $(pkg-config --cflags --libs elbo) -lm -o graph && ./graph */
#include <elbo.h>
#include <math.h>
#include <stdio.h>

enum { ROWS = 500 };

/* Data on a line through (1, 2) with slope 2, and noise of deviation 0.3 around it. */
static void draw(float *x) {
    unsigned state = 1;
    for (int row = 0; row < ROWS; row++) {
        double normal[3];
        for (int k = 0; k < 3; k++) {
            normal[k] = -6;
            for (int i = 0; i < 12; i++)
                normal[k] += (double)((state = state * 1664525u + 1013904223u) >> 8) / (1 << 24);
        }
        x[2 * row] = (float)(1 + normal[0] + 0.3 * normal[1]);
        x[2 * row + 1] = (float)(2 + 2 * normal[0] + 0.3 * normal[2]);
    }
}

int main(void) {
    elbo_error error = {0};
    elbo_params *params = elbo_params_new(1);
    elbo_params_declare(params, "model", "w", ELBO_SHAPE(2), ELBO_INIT_NORMAL, 1, 1, 2, &error);
    elbo_params_declare(params, "model", "b", ELBO_SHAPE(2), ELBO_INIT_ZERO, 0, 1, 2, &error);
    elbo_params_declare(params, "model", "log_s", ELBO_SHAPE(1), ELBO_INIT_ZERO, 0, 1, 1, &error);
    elbo_params_finish(params, &error);

    elbo_graph *graph = elbo_graph_new();
    elbo_node *x = elbo_input(graph, "x", ELBO_F32, ELBO_SHAPE(ROWS, 2));
    elbo_node *w = elbo_param(graph, params, "w"), *b = elbo_param(graph, params, "b");
    elbo_node *log_s = elbo_param(graph, params, "log_s"), *variance = elbo_exp(elbo_scale(log_s, 2));
    /* C = s^2 (I + w w' / s^2): det C = s^2 (s^2 + w'w), inverse by Sherman and Morrison */
    elbo_node *ww = elbo_sum(elbo_square(w), 0, 0, true), *total = elbo_add(variance, ww);
    elbo_node *away = elbo_sub(x, b), *along = elbo_sum(elbo_mul(away, w), 1, 1, false);
    elbo_node *square = elbo_sum(elbo_square(away), 1, 1, false);
    elbo_node *distance = elbo_div(elbo_sub(square, elbo_div(elbo_square(along), total)), variance);
    elbo_node *log_det = elbo_add(elbo_log(variance), elbo_log(total));
    elbo_node *loss =
        elbo_mean_all(elbo_shift(elbo_scale(elbo_add(distance, log_det), 0.5), log(2 * 3.14159265358979)));

    elbo_node *wrt[3] = {w, b, log_s}, *gradient[3];
    elbo_grad(loss, wrt, 3, gradient);
    elbo_node *fetch[4] = {loss, gradient[0], gradient[1], gradient[2]};
    elbo_plan *plan = elbo_plan_new(graph, &(elbo_plan_spec){.fetch = fetch, .fetch_count = 4, .threads = 1}, &error);
    if (!plan) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    draw(elbo_plan_input(plan, x));
    for (int step = 1; step <= 2000; step++) {
        elbo_plan_run(plan, NULL, &error);
        for (int p = 0; p < 3; p++) { /* gradient descent */
            const elbo_param_info *info = elbo_params_at(params, (size_t)p);
            float *value = elbo_params_data(params, NULL) + info->offset;
            const float *slope = elbo_plan_value(plan, gradient[p]);
            for (size_t i = 0; i < info->count; i++) value[i] -= 0.05f * slope[i];
        }
        elbo_params_touch(params);
        if (step % 500 == 0)
            printf("step %d: -log p %.4f nats\n", step, (double)*(const float *)elbo_plan_value(plan, loss));
    }
    const float *value = elbo_params_data(params, NULL);
    const float *found = value + elbo_params_find(params, "w")->offset;
    printf("w = (%.2f, %.2f), s = %.2f; the data came from (1, 2) and 0.3\n", (double)found[0], (double)found[1],
           exp((double)value[elbo_params_find(params, "log_s")->offset]));
    elbo_plan_free(plan);
    elbo_graph_free(graph);
    elbo_params_free(params);
    return 0;
}
