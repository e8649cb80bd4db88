#include "eval/metric/assignment.h"

#include <string.h>

#include "base/memory.h"

static const double most_steps = 2e10;

/* A matching in progress: agents (the fewer side) are given tasks. Index 0 of the arrays of tasks is a task that is not
 * there, where a search starts. Costs are whole numbers, so that potentials are exact. */
typedef struct search {
    const int64_t *gain;
    int64_t agents, tasks;
    int64_t agent_stride, task_stride; /* of gain */
    int64_t *agent_potential;          /* [agents + 1] */
    int64_t *task_potential;           /* [tasks + 1] */
    int64_t *agent_of;                 /* [tasks + 1]: from 1; 0: free */
    int64_t *way;                      /* [tasks + 1]: the task before it on the shortest path */
    int64_t *shortest;                 /* [tasks + 1]: reduced length of the path so far */
    bool *done;                        /* [tasks + 1] */
} search;

static int64_t reduced(const search *s, int64_t agent, int64_t task) {
    int64_t gain = s->gain[(agent - 1) * s->agent_stride + (task - 1) * s->task_stride];
    return -gain - s->agent_potential[agent] - s->task_potential[task];
}

/* Lengthens the tree of shortest paths by the task that is nearest; returns it. */
static int64_t step(search *s, int64_t from) {
    int64_t agent = s->agent_of[from], nearest = 0, least = INT64_MAX;
    s->done[from] = true;
    for (int64_t task = 1; task <= s->tasks; task++) {
        if (s->done[task]) continue;
        int64_t length = reduced(s, agent, task);
        if (length < s->shortest[task]) {
            s->shortest[task] = length;
            s->way[task] = from;
        }
        if (s->shortest[task] < least) {
            least = s->shortest[task];
            nearest = task;
        }
    }
    for (int64_t task = 0; task <= s->tasks; task++)
        if (s->done[task]) {
            s->agent_potential[s->agent_of[task]] += least;
            s->task_potential[task] -= least;
        } else
            s->shortest[task] -= least;
    return nearest;
}

static void give_task(search *s, int64_t agent) {
    int64_t task = 0;
    for (int64_t i = 0; i <= s->tasks; i++) {
        s->shortest[i] = INT64_MAX / 4;
        s->done[i] = false;
    }
    s->agent_of[0] = agent;
    do task = step(s, task);
    while (s->agent_of[task] != 0);
    for (; task != 0; task = s->way[task]) s->agent_of[task] = s->agent_of[s->way[task]];
}

elbo_status elbo_assignment(const int64_t *gain, int64_t rows, int64_t columns, int64_t *match, elbo_error *error) {
    bool turned = rows > columns;
    search s = {.gain = gain, .agents = turned ? columns : rows, .tasks = turned ? rows : columns};
    s.agent_stride = turned ? 1 : columns;
    s.task_stride = turned ? columns : 1;
    if ((double)s.agents * (double)s.agents * (double)s.tasks > most_steps)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "%lld clusters and %lld classes are too many to be matched: 2e10 steps at most were expected",
                         (long long)rows, (long long)columns);
    size_t tasks = (size_t)s.tasks + 1, agents = (size_t)s.agents + 1;
    int64_t *memory = elbo_calloc((4 * tasks + agents) * sizeof *memory);
    s.done = elbo_calloc(tasks * sizeof *s.done);
    if (!memory || !s.done) {
        elbo_free(memory);
        elbo_free(s.done);
        return elbo_fail_memory(error, (4 * tasks + agents) * sizeof *memory, "a matching");
    }
    s.task_potential = memory;
    s.agent_of = memory + tasks;
    s.way = memory + 2 * tasks;
    s.shortest = memory + 3 * tasks;
    s.agent_potential = memory + 4 * tasks;
    for (int64_t agent = 1; agent <= s.agents; agent++) give_task(&s, agent);
    for (int64_t row = 0; row < rows; row++) match[row] = -1;
    for (int64_t task = 1; task <= s.tasks; task++) {
        int64_t agent = s.agent_of[task];
        if (agent == 0) continue;
        if (turned)
            match[task - 1] = agent - 1;
        else
            match[agent - 1] = task - 1;
    }
    elbo_free(memory);
    elbo_free(s.done);
    return ELBO_OK;
}
