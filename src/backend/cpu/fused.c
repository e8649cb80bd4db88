/* Fused loops: the elementwise, random and row-sum nodes of one shape as a small program that runs over tiles which
 * stay in the first-level cache. Each instruction is one vector loop over the tile.
 *
 * The loop's shape is seen as rows x columns; a tile is a few whole rows, or a part of one. Values that others read
 * are computed where they are stored; the rest live in per-thread registers of one tile each. */
#include <omp.h>
#include <string.h>

#include "backend/cpu/fused.h"

enum { BATCH = 160, SMALL = 8192 };

/* One thread's state while it runs a program. */
typedef struct worker {
    const elbo_fused *program;
    float **slot;     /* [slots] where each value is for the tile at hand */
    float *registers; /* [registers][tile] */
    double *total;    /* [sums] of the row at hand */
    elbo_run run;
    int64_t row, rows, column, columns; /* the tile */
} worker;

/* ---- inputs that are repeated or converted ---- */

static void load_run(const elbo_vector_table *vector, float *out, const elbo_fused_input *input, int64_t offset,
                     int64_t stride, int64_t count) {
    if (stride == 0) {
        float value;
        if (input->dtype == ELBO_U8)
            value = ((const uint8_t *)input->memory)[offset];
        else if (input->dtype == ELBO_I32)
            value = (float)((const int32_t *)input->memory)[offset];
        else
            value = ((const float *)input->memory)[offset];
        vector->fill(out, value, count);
    } else if (stride != 1) {
        for (int64_t i = 0; i < count; i++) load_run(vector, out + i, input, offset + i * stride, 0, 1);
    } else if (input->dtype == ELBO_U8) {
        vector->from_u8(out, (const uint8_t *)input->memory + offset, count);
    } else if (input->dtype == ELBO_I32) {
        vector->from_i32(out, (const int32_t *)input->memory + offset, count);
    } else {
        memcpy(out, (const float *)input->memory + offset, sizeof *out * (size_t)count);
    }
}

/* Where a row starts in an input, and the stride along it; dims [0, row_dims) count rows, the rest columns. */
static int64_t offset_of(const elbo_fused *program, const int64_t *stride, int64_t index, int first, int last) {
    int64_t offset = 0;
    for (int d = last - 1; d >= first; d--) {
        offset += index % program->dim[d] * stride[d];
        index /= program->dim[d];
    }
    return offset;
}

static void load(worker *lane, const elbo_fused_input *input, float **slot) {
    const elbo_fused *program = lane->program;
    int row_dims = program->row_dims, dims = program->dims;
    int64_t inner = dims ? program->dim[dims - 1] : 1, stride = dims ? input->stride[dims - 1] : 0;
    bool one_run = dims - row_dims <= 1;
    if (lane->rows == 1 && one_run && stride == 1 && input->dtype == ELBO_F32) { /* no copy needed */
        *slot = (float *)input->memory + offset_of(program, input->stride, lane->row, 0, row_dims) + lane->column;
        return;
    }
    for (int64_t r = 0; r < lane->rows; r++) {
        float *out = *slot + r * lane->columns;
        int64_t base = offset_of(program, input->stride, lane->row + r, 0, row_dims);
        if (one_run) {
            load_run(program->vector, out, input, base + lane->column * stride, stride, lane->columns);
            continue;
        }
        for (int64_t c = 0; c < lane->columns;) { /* runs of the innermost axis */
            int64_t at = lane->column + c, within = at % inner, count = inner - within;
            if (count > lane->columns - c) count = lane->columns - c;
            int64_t start = base + offset_of(program, input->stride, at / inner, row_dims, dims - 1) + within * stride;
            load_run(program->vector, out + c, input, start, stride, count);
            c += count;
        }
    }
}

/* ---- random numbers ---- */

typedef struct draws {
    uint32_t block[BATCH + 16], row[BATCH + 16];
    struct piece {
        int32_t out, from, count;
    } piece[BATCH];
    float value[4 * (BATCH + 16)];
    int blocks, pieces;
} draws;

static void flush(const elbo_fused_step *step, const worker *lane, draws *d, float *out) {
    const elbo_vector_table *vector = lane->program->vector;
    (step->normal ? vector->normal : vector->uniform)(d->value, d->block, d->row, lane->run.step, step->random.stream,
                                                      lane->run.seed, d->blocks);
    for (int p = 0; p < d->pieces; p++)
        memcpy(out + d->piece[p].out, d->value + d->piece[p].from, sizeof *out * (size_t)d->piece[p].count);
    d->blocks = d->pieces = 0;
}

static void draw(const elbo_fused_step *step, const worker *lane, float *out, int64_t start, int64_t count) {
    draws d;
    d.blocks = d.pieces = 0;
    int64_t after = step->random.after, rows = step->random.rows;
    memset(d.block, 0, sizeof d.block);
    memset(d.row, 0, sizeof d.row);
    for (int64_t done = 0; done < count;) {
        int64_t at = start + done, inside = at % after, row = at / after % rows, before = at / after / rows;
        int64_t column = before * after + inside, most = after - inside;
        if (most > count - done) most = count - done;
        int64_t room = 4 * (BATCH - d.blocks) - column % 4; /* draws that fit into the free blocks */
        if (room <= 0 || d.pieces == BATCH) {
            flush(step, lane, &d, out);
            continue;
        }
        if (most > room) most = room;
        int64_t first = column / 4, last = (column + most - 1) / 4;
        d.piece[d.pieces++] = (struct piece){(int32_t)done, (int32_t)(4 * d.blocks + column % 4), (int32_t)most};
        for (int64_t b = first; b <= last; b++, d.blocks++) {
            d.block[d.blocks] = (uint32_t)b;
            d.row[d.blocks] = (uint32_t)row + lane->run.first_row;
        }
        done += most;
    }
    flush(step, lane, &d, out);
}

/* ---- the loop ---- */

static void add_row_sums(worker *lane, const elbo_fused_step *step, const float *value) {
    bool begins = lane->column == 0, ends = lane->column + lane->columns == lane->program->columns;
    for (int64_t r = 0; r < lane->rows; r++) {
        double part = (double)lane->program->vector->sum(value + r * lane->columns, lane->columns);
        double *total = &lane->total[step->sum];
        *total = begins ? part : *total + part;
        if (ends) step->sums[lane->row + r] = (float)*total;
    }
}

/* Asks for the cache line of an address, to write to it. GCC's builtin asks to read unless the instruction set of the
 * whole file is raised; processors of x86-64 without the instruction skip it. */
static inline void claim(const float *address) {
#ifdef __x86_64__
    __asm__ volatile("prefetchw %0" : : "m"(*address));
#else
    __builtin_prefetch(address, 1);
#endif
}

/* Claims the results of elements [start, start + count) while the tile before is computed. Lines that other threads
 * have read must be taken from them before a store completes: without this, a loop that overwrites the operand of a
 * matrix product waits for that more than it computes. */
static void claim_results(const elbo_fused *program, int64_t start, int64_t count) {
    enum { LINE = 16 };
    for (int i = 0; i < program->steps; i++) {
        const elbo_fused_step *step = &program->step[i];
        const float *memory = step->kind == ELBO_FUSED_SUM ? NULL : program->slot[step->out].memory;
        for (int64_t j = 0; memory && j < count; j += LINE) claim(memory + start + j);
    }
}

static void run_tile(worker *lane) {
    const elbo_fused *program = lane->program;
    int64_t start = lane->row * program->columns + lane->column, count = lane->rows * lane->columns;
    if (program->threads > 1 && start + 2 * count <= program->rows * program->columns)
        claim_results(program, start + count, count);
    for (int s = 0; s < program->slots; s++)
        if (program->slot[s].memory)
            lane->slot[s] = program->slot[s].memory + start;
        else
            lane->slot[s] = lane->registers + (int64_t)program->slot[s].number * program->tile;
    for (int i = 0; i < program->steps; i++) {
        const elbo_fused_step *step = &program->step[i];
        switch (step->kind) {
            case ELBO_FUSED_LOAD: load(lane, &program->input[step->input], &lane->slot[step->out]); break;
            case ELBO_FUSED_DRAW: draw(step, lane, lane->slot[step->out], start, count); break;
            case ELBO_FUSED_SUM: add_row_sums(lane, step, lane->slot[step->in[0]]); break;
            case ELBO_FUSED_APPLY:
                step->function(lane->slot[step->out], lane->slot[step->in[0]], lane->slot[step->in[1]],
                               lane->slot[step->in[2]], count);
                break;
        }
    }
}

/* Rows [first, last), or parts [first, last) of the flat loop when there is one row. */
static void run_share(const elbo_fused *program, int thread, int64_t first, int64_t last, const elbo_run *run) {
    char *scratch = program->scratch + (size_t)thread * program->scratch_bytes;
    worker lane = {.program = program, .run = *run, .registers = (float *)scratch};
    lane.slot = (float **)(scratch + program->slot_offset);
    lane.total = (double *)(scratch + program->total_offset);
    for (int c = 0; c < program->constants; c++)
        program->vector->fill(lane.registers + (int64_t)program->constant[c].number * program->tile,
                              program->constant[c].value, program->tile);
    if (program->rows == 1 && !program->sums) {
        lane.rows = 1;
        for (int64_t part = first; part < last; part++) {
            lane.column = part * program->tile_columns;
            lane.columns = program->columns - lane.column;
            if (lane.columns > program->tile_columns) lane.columns = program->tile_columns;
            run_tile(&lane);
        }
        return;
    }
    for (lane.row = first; lane.row < last; lane.row += lane.rows) {
        lane.rows = last - lane.row < program->tile_rows ? last - lane.row : program->tile_rows;
        for (lane.column = 0; lane.column < program->columns; lane.column += lane.columns) {
            lane.columns = program->columns - lane.column;
            if (lane.columns > program->tile_columns) lane.columns = program->tile_columns;
            run_tile(&lane);
        }
    }
}

void elbo_fused_run(elbo_step *step, const elbo_run *run) {
    const elbo_fused *program = step->state;
    int64_t tasks = program->rows;
    if (program->rows == 1 && !program->sums)
        tasks = (program->columns + program->tile_columns - 1) / program->tile_columns;
    if (program->threads == 1 || program->rows * program->columns * program->steps < SMALL || tasks == 1) {
        run_share(program, 0, 0, tasks, run);
        return;
    }
#pragma omp parallel num_threads(program->threads)
    {
        int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
        run_share(program, (int)thread, tasks * thread / threads, tasks * (thread + 1) / threads, run);
    }
}
