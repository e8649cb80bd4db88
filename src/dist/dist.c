#include "dist/dist.h"

#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

#define TEXT(symbol) ELBO_SUPPORT_TEXT_##symbol,
static const char *const supports[] = {ELBO_SUPPORT_LIST(TEXT)};
#undef TEXT
#define TEXT(symbol) ELBO_DRAWS_TEXT_##symbol,
static const char *const draws[] = {ELBO_DRAWS_LIST(TEXT)};
#undef TEXT
#define TEXT(symbol) ELBO_CONSTRAINT_TEXT_##symbol,
static const char *const constraints[] = {ELBO_CONSTRAINT_LIST(TEXT)};
#undef TEXT

const char *elbo_support_text(elbo_support support) {
    return (unsigned)support < ELBO_SUPPORT_COUNT ? supports[support] : "?";
}

const char *elbo_draws_text(elbo_draws how) { return (unsigned)how < ELBO_DRAWS_COUNT ? draws[how] : "?"; }

const char *elbo_constraint_text(elbo_constraint constraint) {
    return (unsigned)constraint < ELBO_CONSTRAINT_COUNT ? constraints[constraint] : "?";
}

int elbo_dist_own_rank(const elbo_dist_type *type) { return type->event ? (int)strlen(type->event) : 0; }

const elbo_dist_type *elbo_dist_find(const char *name) {
    for (size_t i = 0; elbo_registry_dists[i]; i++)
        if (strcmp(elbo_registry_dists[i]->name, name) == 0) return elbo_registry_dists[i];
    return NULL;
}

const char *elbo_dist_describe(const elbo_dist_type *type, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "%s", elbo_support_text(type->support));
    for (int k = 0; k < ELBO_DIST_PARAMETERS && type->parameter[k].name && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s %s (%s)", k ? "," : ";", type->parameter[k].name,
                                 elbo_constraint_text(type->parameter[k].constraint));
    if (used < size)
        snprintf(text + used, size - used, "; %s; %s", elbo_draws_text(type->draws),
                 type->kl ? "KL closed" : "KL sampled");
    return text;
}

bool elbo_distribution_at(size_t index, elbo_distribution_info *out) {
    size_t count = 0;
    while (count < index && elbo_registry_dists[count]) count++;
    const elbo_dist_type *type = elbo_registry_dists[count];
    if (!type) return false;
    *out = (elbo_distribution_info){.name = type->name,
                                    .support = elbo_support_text(type->support),
                                    .density = type->density,
                                    .source = type->source,
                                    .draws = elbo_draws_text(type->draws),
                                    .closed_kl = type->kl_to || !type->kl ? type->kl_to : type->name,
                                    .kl_source = type->kl_source,
                                    .mean = type->mean != NULL,
                                    .variance = type->variance != NULL,
                                    .mode = type->mode != NULL,
                                    .entropy = type->entropy != NULL,
                                    .cdf = type->cdf != NULL,
                                    .icdf = type->icdf != NULL};
    for (int k = 0; k < ELBO_DIST_PARAMETERS && type->parameter[k].name; k++) {
        out->parameter[k] = type->parameter[k].name;
        out->constraint[k] = elbo_constraint_text(type->parameter[k].constraint);
    }
    return true;
}

elbo_node *elbo_dist_sum_event(elbo_node *x, int event_rank) {
    return event_rank > 0 ? elbo_sum(x, -event_rank, -1, false) : x;
}

/* Elements to data: the event axes that are not the type's own. */
static elbo_node *sum_elements(const elbo_dist *dist, elbo_node *x) {
    return elbo_dist_sum_event(x, dist->event_rank - elbo_dist_own_rank(dist->type));
}

elbo_node *elbo_dist_log_prob(const elbo_dist *dist, elbo_node *x) {
    return dist->type ? sum_elements(dist, dist->type->log_prob(dist, x)) : NULL;
}

elbo_node *elbo_dist_entropy(const elbo_dist *dist) {
    if (!dist->type || !dist->type->entropy) return NULL;
    elbo_shape elements = dist->shape;
    elements.rank -= elbo_dist_own_rank(dist->type);
    return sum_elements(dist, elbo_broadcast_to(dist->type->entropy(dist), elements));
}

static elbo_node *moment(const elbo_dist *dist, const char *name, elbo_node *(*of)(const elbo_dist *dist)) {
    if (!of)
        return elbo_graph_fail(dist->graph, ELBO_ERROR_UNSUPPORTED, "%s: there is no closed form of the %s",
                               dist->type->name, name);
    return of(dist);
}

elbo_node *elbo_dist_mean(const elbo_dist *dist) { return dist->type ? moment(dist, "mean", dist->type->mean) : NULL; }

elbo_node *elbo_dist_variance(const elbo_dist *dist) {
    return dist->type ? moment(dist, "variance", dist->type->variance) : NULL;
}

elbo_node *elbo_dist_sample(const elbo_dist *dist, int64_t samples) {
    if (!dist->type || !dist->graph) return NULL;
    elbo_shape shape = dist->shape;
    if (samples > 0) {
        if (shape.rank >= ELBO_MAX_RANK)
            return elbo_graph_fail(dist->graph, ELBO_ERROR_SHAPE, "%s: %lld draws of rank %d have too many axes",
                                   dist->type->name, (long long)samples, shape.rank);
        for (int axis = shape.rank; axis > 0; axis--) shape.dim[axis] = shape.dim[axis - 1];
        shape.dim[0] = samples;
        shape.rank++;
    }
    int row_axis = shape.rank - dist->event_rank - 1;
    return dist->type->sample(dist, shape, row_axis < 0 ? 0 : row_axis);
}

elbo_node *elbo_dist_kl_elements(const elbo_dist *p, const elbo_dist *q) {
    return p->type && q->type && p->type->kl ? p->type->kl(p, q) : NULL;
}

elbo_node *elbo_dist_kl(const elbo_dist *p, const elbo_dist *q) {
    elbo_node *elements = elbo_dist_kl_elements(p, q);
    return elements ? sum_elements(p, elements) : NULL;
}

bool elbo_support_within(elbo_support inner, elbo_support outer) {
    /* a step outwards from each kind; REAL and VECTOR have none */
    static const elbo_support wider[ELBO_SUPPORT_COUNT] = {
        [ELBO_SUPPORT_REAL] = ELBO_SUPPORT_REAL,
        [ELBO_SUPPORT_POSITIVE] = ELBO_SUPPORT_NON_NEGATIVE,
        [ELBO_SUPPORT_NON_NEGATIVE] = ELBO_SUPPORT_REAL,
        [ELBO_SUPPORT_FROM_SCALE] = ELBO_SUPPORT_POSITIVE,
        [ELBO_SUPPORT_INTERVAL] = ELBO_SUPPORT_REAL,
        [ELBO_SUPPORT_UNIT_INTERVAL] = ELBO_SUPPORT_NON_NEGATIVE,
        [ELBO_SUPPORT_BINARY] = ELBO_SUPPORT_COUNTS,
        [ELBO_SUPPORT_CLASSES] = ELBO_SUPPORT_COUNTS,
        [ELBO_SUPPORT_LEVELS] = ELBO_SUPPORT_COUNTS,
        [ELBO_SUPPORT_COUNTS] = ELBO_SUPPORT_COUNTS,
        [ELBO_SUPPORT_COUNTS_TO_TOTAL] = ELBO_SUPPORT_COUNTS,
        [ELBO_SUPPORT_VECTOR] = ELBO_SUPPORT_VECTOR,
        [ELBO_SUPPORT_SIMPLEX] = ELBO_SUPPORT_SIMPLEX,
        [ELBO_SUPPORT_COUNT_VECTOR] = ELBO_SUPPORT_COUNT_VECTOR,
    };
    /* bounds that are parameters may be anywhere */
    if (outer == ELBO_SUPPORT_INTERVAL || outer == ELBO_SUPPORT_FROM_SCALE)
        return inner == outer || elbo_support_within(inner, ELBO_SUPPORT_REAL);
    if (outer == ELBO_SUPPORT_POSITIVE && (inner == ELBO_SUPPORT_NON_NEGATIVE || inner == ELBO_SUPPORT_UNIT_INTERVAL))
        return true; /* they differ in a set of probability 0 */
    while (inner != outer && wider[inner] != inner) inner = wider[inner];
    return inner == outer;
}

/* log p of each datum at draws of another distribution, whose own event may be a vector where this one's is a number.
 */
elbo_node *elbo_dist_kl_sampled(const elbo_dist *p, const elbo_dist *q, int64_t samples) {
    if (!p->type || !q->type || !p->graph) return NULL;
    bool vectors = p->type->support == ELBO_SUPPORT_VECTOR && q->type->support == ELBO_SUPPORT_REAL;
    vectors |= p->type->support == ELBO_SUPPORT_REAL && q->type->support == ELBO_SUPPORT_VECTOR;
    if (p->event_rank != q->event_rank || !(vectors || elbo_support_within(p->type->support, q->type->support)))
        return elbo_graph_fail(p->graph, ELBO_ERROR_UNSUPPORTED,
                               "KL(%s || %s): %s with %d event axes cannot come from %s with %d", p->type->name,
                               q->type->name, elbo_support_text(p->type->support), p->event_rank,
                               elbo_support_text(q->type->support), q->event_rank);
    elbo_node *z = elbo_dist_sample(p, samples > 0 ? samples : 1);
    elbo_node *difference = elbo_sub(elbo_dist_log_prob(p, z), elbo_dist_log_prob(q, z));
    return elbo_mean(difference, 0, 0, false);
}

elbo_node *elbo_dist_kl_or_sampled(const elbo_dist *p, const elbo_dist *q, int64_t samples, bool *closed) {
    elbo_node *exact = elbo_dist_kl(p, q);
    if (closed) *closed = exact != NULL;
    return exact ? exact : elbo_dist_kl_sampled(p, q, samples);
}
