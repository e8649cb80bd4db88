/* Normalisation, composed of other operations: no operation of its own, hence no gradient and no kernel to keep. */
#include "graph/graph.h"

static const elbo_op *const ops[] = {NULL};
const elbo_op_family elbo_ops_normalise = {"normalise", ops};

/* (x - mean) * (gain / sqrt(variance + epsilon)) + bias: the scale is worked out once for each group of statistics. */
static elbo_node *normalised(elbo_node *centred, elbo_node *variance, elbo_node *gain, elbo_node *bias,
                             double epsilon) {
    return elbo_muladd(centred, elbo_mul(gain, elbo_rsqrt(elbo_shift(variance, epsilon))), bias);
}

/* Whether gain and bias are real vectors of x's dimension `axis`; if not, says so. */
static bool fits(const char *name, elbo_node *x, elbo_node *gain, elbo_node *bias, int axis, int least_rank) {
    elbo_shape vector = ELBO_SHAPE(axis < x->shape.rank ? x->shape.dim[axis] : 0);
    if (x->shape.rank >= least_rank && x->dtype == ELBO_F32 && elbo_shape_equal(gain->shape, vector) &&
        elbo_shape_equal(bias->shape, vector))
        return true;
    char one[128], two[128], three[128];
    elbo_graph_fail(
        x->graph, ELBO_ERROR_SHAPE,
        "%s: x %s, gain %s and bias %s; expected real x of rank %d or more, gain and bias of the size of x's axis %d",
        name, elbo_shape_text(x->shape, one, sizeof one), elbo_shape_text(gain->shape, two, sizeof two),
        elbo_shape_text(bias->shape, three, sizeof three), least_rank, axis);
    return false;
}

/* The mean over all axes but axis 1, which stay with size 1. */
static elbo_node *batch_mean(elbo_node *x) {
    if (x && x->shape.rank > 2) x = elbo_mean(x, 2, x->shape.rank - 1, true);
    return elbo_mean(x, 0, 0, true);
}

elbo_node *elbo_batch_norm(elbo_node *x, elbo_node *gain, elbo_node *bias, double epsilon, elbo_node **mean,
                           elbo_node **variance) {
    if (mean) *mean = NULL;
    if (variance) *variance = NULL;
    if (!x || !gain || !bias || !fits("batch_norm", x, gain, bias, 1, 2)) return NULL;
    elbo_shape channels = {x->shape.rank, {0}};
    for (int axis = 0; axis < channels.rank; axis++) channels.dim[axis] = axis == 1 ? x->shape.dim[1] : 1;
    elbo_node *centre = batch_mean(x), *centred = elbo_sub(x, centre), *spread = batch_mean(elbo_square(centred));
    if (mean) *mean = elbo_reshape(centre, gain->shape);
    if (variance) *variance = elbo_reshape(spread, gain->shape);
    return normalised(centred, spread, elbo_reshape(gain, channels), elbo_reshape(bias, channels), epsilon);
}

elbo_node *elbo_layer_norm(elbo_node *x, elbo_node *gain, elbo_node *bias, double epsilon) {
    if (!x || !gain || !bias || !fits("layer_norm", x, gain, bias, x->shape.rank > 0 ? x->shape.rank - 1 : 0, 1))
        return NULL;
    elbo_node *centred = elbo_sub(x, elbo_mean(x, -1, -1, true));
    return normalised(centred, elbo_mean(elbo_square(centred), -1, -1, true), gain, bias, epsilon);
}
