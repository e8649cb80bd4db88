#include "models/stack.h"

#include <stdio.h>

#include "graph/graph.h"
#include "models/deterministic.h"

elbo_status elbo_stack_check(const elbo_stack *stack, elbo_error *error) {
    const elbo_network_options *network = stack->network;
    if (stack->layer_epochs == 0) return ELBO_OK;
    if (network->network[0] == 'c')
        return elbo_fail(error, ELBO_ERROR_USAGE, "--layer-epochs needs dense layers: --network mlp");
    if (network->decoder_hidden.count)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--layer-epochs pairs layers of encoder and decoder: leave --decoder-hidden to the mirror");
    if (network->hidden.count + 1 > ELBO_MODEL_UPDATES)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--layer-epochs: %d hidden layers; at most %d are pre-trained singly",
                         network->hidden.count, ELBO_MODEL_UPDATES - 1);
    return ELBO_OK;
}

/* ---- phases ---- */

static int list_parts(const elbo_stack *stack, elbo_stack_part out[3]) {
    int count = 0;
    if (stack->layer_epochs > 0) out[count++] = ELBO_STACK_LAYERS;
    if (stack->pretrain_epochs > 0) out[count++] = ELBO_STACK_WHOLE;
    out[count++] = ELBO_STACK_LAST;
    return count;
}

elbo_stack_part elbo_stack_part_of(const elbo_stack *stack, int phase) {
    elbo_stack_part list[3];
    int count = list_parts(stack, list);
    return list[phase < count ? phase : count - 1];
}

int elbo_stack_phases(const elbo_stack *stack, const char *last, int64_t epochs, elbo_phase out[ELBO_MODEL_PHASES]) {
    elbo_stack_part list[3];
    int count = list_parts(stack, list);
    for (int p = 0; p < count; p++)
        out[p] = list[p] == ELBO_STACK_LAYERS
                     ? (elbo_phase){"layers", stack->layer_epochs * (stack->network->hidden.count + 1)}
                 : list[p] == ELBO_STACK_WHOLE ? (elbo_phase){"autoencoder", stack->pretrain_epochs}
                                               : (elbo_phase){last, epochs};
    return count;
}

/* ---- updates ---- */

static elbo_update reconstruction_update(const elbo_stack *stack, const char *name, elbo_node *log_likelihood) {
    elbo_update update = {.name = name, .groups = {"encoder", "decoder"}, .rate = stack->rate};
    update.objective = update.loss = update.reconstruction = elbo_neg(elbo_mean_all(log_likelihood));
    return update;
}

/* log p(target), or minus the squared error of the mean: [B] */
static elbo_node *closeness(const elbo_stack *stack, const elbo_dist *likelihood, elbo_node *target) {
    if (!likelihood->type) return NULL;
    if (!stack->squared) return elbo_dist_log_prob(likelihood, target);
    return elbo_neg(elbo_sum(elbo_square(elbo_sub(target, elbo_dist_mean(likelihood))), -1, -1, false));
}

/* The autoencoder as a whole, through the means of the codes. */
static elbo_update whole(const elbo_stack *stack, elbo_context *context, elbo_node *x) {
    elbo_dist code = stack->model->encode(context, elbo_nn_dropout(&context->builder, x, stack->whole_noise));
    if (!code.type) return (elbo_update){.name = "autoencoder"};
    elbo_dist likelihood = stack->model->decode(context, elbo_dist_mean(&code));
    if (!likelihood.type) return (elbo_update){.name = "autoencoder"};
    return reconstruction_update(stack, "autoencoder", closeness(stack, &likelihood, x));
}

/* x as the encoder sees it: levels in [0, 1]. */
static elbo_node *seen(const elbo_context *context, elbo_node *x) {
    return context->item.levels > 1 ? elbo_scale(x, 1.0 / (double)(context->item.levels - 1)) : x;
}

/* What layer `index` of the encoder reads. */
static elbo_node *below(const elbo_stack *stack, elbo_context *context, elbo_node *x, int index) {
    elbo_ints widths = stack->network->hidden;
    widths.count = index;
    context->builder.group = "encoder";
    return elbo_nn_mlp(&context->builder, seen(context, x), "dense", &widths, stack->network->activation);
}

static elbo_node *layer_code(const elbo_stack *stack, elbo_context *context, elbo_node *input, int index) {
    const elbo_network_options *network = stack->network;
    char name[32];
    context->builder.group = "encoder";
    if (index == network->hidden.count) return stack->code(context, input);
    snprintf(name, sizeof name, "dense%d", index + 1);
    elbo_node *code = elbo_nn_dense(&context->builder, input, name, network->hidden.value[index]);
    return elbo_nn_activate(code, network->activation);
}

/* log p(input | code), or minus the loss, by the layer of the decoder that mirrors layer `index`. */
static elbo_node *layer_log_likelihood(const elbo_stack *stack, elbo_context *context, elbo_node *x, elbo_node *input,
                                       elbo_node *code, int index) {
    const elbo_network_options *network = stack->network;
    elbo_dist likelihood;
    if (index == 0) {
        likelihood = stack->output(context, code);
    } else {
        char name[32];
        snprintf(name, sizeof name, "dense%d", network->hidden.count - index + 1);
        context->builder.group = "decoder";
        elbo_node *loc = elbo_nn_dense(&context->builder, code, name, network->hidden.value[index - 1]);
        loc = elbo_nn_activate(loc, network->activation);
        likelihood = stack->model->deterministic ? elbo_squared_error(loc)
                                                 : elbo_normal(loc, elbo_scalar(context->builder.graph, 0), 1);
    }
    return closeness(stack, &likelihood, index == 0 ? x : input);
}

/* Each layer in its turn of epochs, those before it held. */
static int layers(const elbo_stack *stack, elbo_context *context, elbo_node *x, elbo_update out[ELBO_MODEL_UPDATES]) {
    static const char *const names[ELBO_MODEL_UPDATES] = {"layer 1", "layer 2", "layer 3", "layer 4"};
    int count = stack->network->hidden.count + 1;
    for (int i = 0; i < count; i++) {
        elbo_node *input = elbo_stop_gradient(below(stack, context, x, i));
        elbo_node *code = layer_code(stack, context, elbo_nn_dropout(&context->builder, input, stack->noise), i);
        code = elbo_nn_dropout(&context->builder, code, stack->noise);
        out[i] = reconstruction_update(stack, names[i], layer_log_likelihood(stack, context, x, input, code, i));
        out[i].turn = stack->layer_epochs;
        out[i].turn_index = i;
        out[i].turns = count;
    }
    return count;
}

int elbo_stack_updates(const elbo_stack *stack, elbo_context *context, elbo_node *x,
                       elbo_update out[ELBO_MODEL_UPDATES]) {
    if (elbo_stack_part_of(stack, context->phase) == ELBO_STACK_LAYERS && context->builder.training)
        return layers(stack, context, x, out);
    out[0] = whole(stack, context, x);
    return 1;
}
