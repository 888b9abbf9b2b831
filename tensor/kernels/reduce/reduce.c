/* The driver of reductions: merges dimensions, cuts tasks, joins partial results. */
#include "tensor/kernels/reduce/reduce_impl.h"

#include <math.h>

#include "tensor/kernels/nest.h"
#include "tensor/parallel.h"

/* Enough tasks for any sensible number of threads, of enough elements each. */
enum { TASKS_WANTED = 64, TASK_ELEMENTS = 1 << 15 };

typedef struct reduce_plan {
    fv_nest kept, red; /* the loops around the core; operand 0 is in, operand 1 is out */
    bool column;
    int64_t cols, cols_out_stride; /* column core */
    int64_t core, core_stride;     /* length and stride of the core's reduced dimension */
    int64_t tiles;                 /* column tiles of a kept index */
    int64_t chunk, chunks, units;  /* core cut into chunks; units = chunks * red.count */
    int64_t splits;                /* tasks of one result */
    int64_t results;
} reduce_plan;

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

static void gather_dims(reduce_plan *p, const fv_tensor *in, uint32_t mask, const fv_tensor *out)
{
    int j = 0;
    for (int d = 0; d < in->ndim; d++) {
        bool reduced = mask >> d & 1;
        if (reduced) {
            fv_nest_add(&p->red, in->shape[d], in->strides[d], 0, 0);
            if (out->ndim == in->ndim) j++;
        } else {
            fv_nest_add(&p->kept, in->shape[d], in->strides[d], out->strides[j], 0);
            j++;
        }
    }
    fv_nest_merge(&p->red);
    fv_nest_merge(&p->kept);
    p->results = p->kept.count;
}

static reduce_plan make_plan(const fv_tensor *in, uint32_t mask, const fv_tensor *out)
{
    reduce_plan p = {0};
    gather_dims(&p, in, mask, out);
    int64_t strides[FV_NEST_OPERANDS];
    int k = p.kept.ndim - 1, r = p.red.ndim - 1;
    p.column = k >= 0 && p.kept.stride[k][0] == 1 && !(r >= 0 && p.red.stride[r][0] == 1);
    p.core = fv_nest_pop(&p.red, strides);
    p.core_stride = strides[0];
    p.cols = 1;
    if (p.column) {
        p.cols = fv_nest_pop(&p.kept, strides);
        p.cols_out_stride = strides[1];
    }
    p.tiles = ceil_div(p.cols, FV_REDUCE_TILE);
    p.chunk = p.column ? FV_REDUCE_ROWS : FV_REDUCE_CHUNK;
    p.chunks = ceil_div(p.core, p.chunk);
    p.units = p.chunks * p.red.count;
    p.splits = 1;
    int64_t tasks = p.kept.count * p.tiles;
    if (tasks > 0 && tasks < TASKS_WANTED) {
        p.splits = ceil_div(TASKS_WANTED, tasks);
        int64_t affordable = in->numel / TASK_ELEMENTS / tasks;
        if (p.splits > affordable) p.splits = affordable;
        if (p.splits > p.units) p.splits = p.units;
        if (p.splits < 1) p.splits = 1;
    }
    return p;
}

int64_t fv_reduce_kept(const fv_tensor *in, uint32_t mask)
{
    int64_t n = 1;
    for (int d = 0; d < in->ndim; d++)
        if (!(mask >> d & 1)) n *= in->shape[d];
    return n;
}

int64_t fv_reduce_length(const fv_tensor *in, uint32_t mask)
{
    return fv_reduce_kept(in, ~mask);
}

/* Splitting happens below TASKS_WANTED tasks of FV_REDUCE_TILE results at most, and never makes
 * more than TASKS_WANTED tasks and one split more per task. */
size_t fv_reduce_scratch(const fv_tensor *in, uint32_t mask)
{
    if (in->numel < 2 * TASK_ELEMENTS) return 0;
    int64_t results = fv_reduce_kept(in, mask);
    if (results > (int64_t)TASKS_WANTED * FV_REDUCE_TILE) return 0;
    int64_t splits = in->numel / TASK_ELEMENTS;
    if (splits > TASKS_WANTED) splits = TASKS_WANTED;
    return (size_t)(results * splits) * sizeof(fv_acc);
}

fv_acc fv_reduce_identity(fv_reduce_kind kind, fv_dtype dtype)
{
    bool floating = fv_dtype_is_floating(dtype);
    fv_acc a = {.i = 0};
    if (floating) a.d = 0;
    if (kind == FV_REDUCE_PROD) {
        if (floating)
            a.d = 1;
        else
            a.i = 1;
    } else if (kind == FV_REDUCE_MAX) {
        if (floating)
            a.d = -(double)INFINITY;
        else
            a.i = INT64_MIN;
    } else if (kind == FV_REDUCE_MIN) {
        if (floating)
            a.d = (double)INFINITY;
        else
            a.i = INT64_MAX;
    }
    return a;
}

double fv_reduce_result(const fv_reduce_job *job, double acc, int64_t k)
{
    double v = job->scale != 0 ? acc * job->scale : acc;
    if (job->post == FV_POST_SQRT) return sqrt(v);
    if (job->post == FV_POST_LOG) return log(v) + (job->shift ? job->shift[k] : 0);
    return v;
}

void fv_reduce_store(const fv_reduce_job *job, fv_acc acc, int64_t k, int64_t at)
{
    bool floating = fv_dtype_is_floating(job->in->dtype);
    double v = floating ? fv_reduce_result(job, acc.d, k) : 0;
    if (job->raw) {
        job->raw[k] = v;
        return;
    }
    switch (job->out->dtype) {
    case FV_FLOAT32: ((float *)job->out->data)[at] = (float)v; break;
    case FV_FLOAT64: ((double *)job->out->data)[at] = v; break;
    case FV_INT64: ((int64_t *)job->out->data)[at] = acc.i; break;
    case FV_INT32: ((int32_t *)job->out->data)[at] = (int32_t)acc.i; break;
    case FV_UINT8: ((uint8_t *)job->out->data)[at] = (uint8_t)acc.i; break;
    case FV_BOOL: ((uint8_t *)job->out->data)[at] = acc.i != 0; break;
    }
}

/* Where the core of unit u starts and how long it is. */
static int64_t unit_core(const reduce_plan *p, int64_t u, int64_t *length)
{
    int64_t offset[FV_NEST_OPERANDS];
    int64_t first = (p->chunks > 1 ? u % p->chunks : 0) * p->chunk;
    fv_nest_at(&p->red, p->chunks > 1 ? u / p->chunks : u, offset);
    *length = p->core - first < p->chunk ? p->core - first : p->chunk;
    return offset[0] + first * p->core_stride;
}

typedef struct reduce_run {
    const fv_reduce_job *job;
    reduce_plan plan;
    fv_reduce_row_fn row;
    fv_reduce_col_fn col;
    bool floating;
    int64_t size; /* bytes of an element */
} reduce_run;

static void row_task(const reduce_run *run, int64_t o, int64_t split)
{
    const reduce_plan *p = &run->plan;
    const fv_reduce_job *job = run->job;
    int64_t at[FV_NEST_OPERANDS], length;
    fv_nest_at(&p->kept, o, at);
    const char *base = (const char *)job->in->data + at[0] * run->size;
    double shift = job->shift ? job->shift[o] : 0;
    int64_t end = p->units * (split + 1) / p->splits;
    fv_acc acc = job->init;
    for (int64_t u = p->units * split / p->splits; u < end; u++) {
        int64_t offset = unit_core(p, u, &length);
        run->row(&acc, base + offset * run->size, length, p->core_stride, shift);
    }
    if (p->splits > 1)
        job->scratch[split * p->results + o] = acc;
    else
        fv_reduce_store(job, acc, o, at[1]);
}

static void col_task(const reduce_run *run, int64_t o, int64_t tile, int64_t split)
{
    const reduce_plan *p = &run->plan;
    const fv_reduce_job *job = run->job;
    fv_acc acc[FV_REDUCE_TILE];
    int64_t at[FV_NEST_OPERANDS], length;
    int64_t first = tile * FV_REDUCE_TILE;
    int64_t cols = p->cols - first < FV_REDUCE_TILE ? p->cols - first : FV_REDUCE_TILE;
    int64_t k = o * p->cols + first;
    fv_nest_at(&p->kept, o, at);
    const char *base = (const char *)job->in->data + (at[0] + first) * run->size;
    const double *shift = job->shift ? job->shift + k : NULL;
    int64_t end = p->units * (split + 1) / p->splits;
    for (int64_t c = 0; c < cols; c++) acc[c] = job->init;
    for (int64_t u = p->units * split / p->splits; u < end; u++) {
        int64_t offset = unit_core(p, u, &length);
        run->col(acc, base + offset * run->size, length, p->core_stride, cols, shift);
    }
    for (int64_t c = 0; c < cols; c++) {
        if (p->splits > 1)
            job->scratch[split * p->results + k + c] = acc[c];
        else
            fv_reduce_store(job, acc[c], k + c, at[1] + (first + c) * p->cols_out_stride);
    }
}

static void join_splits(const reduce_run *run)
{
    const reduce_plan *p = &run->plan;
    const fv_reduce_job *job = run->job;
    int64_t at[FV_NEST_OPERANDS];
    for (int64_t k = 0; k < p->results; k++) {
        fv_acc acc = job->scratch[k];
        for (int64_t s = 1; s < p->splits; s++)
            acc = fv_reduce_join(job->kind, run->floating, acc, job->scratch[s * p->results + k]);
        fv_nest_at(&p->kept, k / p->cols, at);
        fv_reduce_store(job, acc, k, at[1] + k % p->cols * p->cols_out_stride);
    }
}

void fv_reduce_run(const fv_reduce_job *job)
{
    const fv_reduce_kernels *kernels = FV_ISA_PICK(fv_reduce_kernels_, fv_isa_level());
    fv_dtype dtype = job->in->dtype;
    reduce_run run = {
        .job = job,
        .plan = make_plan(job->in, job->mask, job->out),
        .row = kernels->row[dtype][job->kind],
        .col = kernels->col[dtype][job->kind],
        .floating = fv_dtype_is_floating(dtype),
        .size = (int64_t)fv_dtype_size(dtype),
    };
    const reduce_plan *p = &run.plan;
    int64_t tasks = p->kept.count * p->tiles * p->splits;
    double per_element = 0.06 * (double)run.size + (job->kind == FV_REDUCE_SUMEXP ? 1.0 : 0.0);
    int threads = fv_threads_for(fv_machine_now(),
                                 per_element * (double)job->in->numel + 10.0 * (double)tasks);
    (void)threads; /* without OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t t = 0; t < tasks; t++) {
        int64_t split = t % p->splits, rest = t / p->splits;
        if (p->column)
            col_task(&run, rest / p->tiles, rest % p->tiles, split);
        else
            row_task(&run, rest, split);
    }
    if (p->splits > 1) join_splits(&run);
}
