/* The driver of reductions: merges dimensions, cuts tasks, joins partial results. */
#include "tensor/kernels/reduce/reduce_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/view/transpose.h"
#include "tensor/ranges.h"

/* Enough tasks for any sensible number of threads, of enough elements each. */
enum { TASKS_WANTED = 64, TASK_ELEMENTS = 1 << 15 };

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

/* Results are contiguous: the stride of a kept dimension is the product of those behind it. */
static void gather_dims(fv_reduce_plan *p, const fv_tensor *in, uint32_t mask)
{
    int64_t out_stride[FV_MAX_DIMS], next = 1;
    for (int d = in->ndim - 1; d >= 0; d--) {
        out_stride[d] = next;
        if (!(mask >> d & 1)) next *= in->shape[d];
    }
    for (int d = 0; d < in->ndim; d++) {
        if (mask >> d & 1)
            fv_nest_add(&p->red, in->shape[d], in->strides[d], 0, 0);
        else
            fv_nest_add(&p->kept, in->shape[d], in->strides[d], out_stride[d], 0);
    }
    fv_nest_merge(&p->red);
    fv_nest_merge(&p->kept);
    p->results = p->kept.count;
    p->length = p->red.count;
}

/* Splits for few results of many elements. */
static int64_t splits_for(const fv_reduce_plan *p, int64_t elements, int64_t tasks)
{
    if (tasks == 0 || tasks >= TASKS_WANTED) return 1;
    int64_t splits = ceil_div(TASKS_WANTED, tasks), affordable = elements / TASK_ELEMENTS / tasks;
    if (splits > affordable) splits = affordable;
    if (splits > p->units) splits = p->units;
    return splits < 1 ? 1 : splits;
}

/* Rows of a few elements, of a type that can be transposed, and a loop around them. */
static bool is_batch(const fv_reduce_plan *p, const fv_tensor *in)
{
    return !p->column && p->core_stride == 1 && p->core > 1 && p->core <= FV_REDUCE_SHORT &&
           p->red.ndim == 0 && p->kept.ndim > 0 && fv_dtype_size(in->dtype) >= 4;
}

/* Takes the kept loop whose indices are the columns. */
static void take_columns(fv_reduce_plan *p)
{
    int64_t strides[FV_NEST_OPERANDS];
    p->cols = p->col_stride = p->cols_out_stride = 1;
    p->tile = p->batch ? FV_REDUCE_BATCH : FV_REDUCE_TILE;
    if (p->column || p->batch) {
        p->cols = fv_nest_pop(&p->kept, strides);
        p->col_stride = strides[0];
        p->cols_out_stride = strides[1];
    }
    p->tiles = p->cols <= p->tile ? 1 : ceil_div(p->cols, p->tile);
}

void fv_reduce_make_plan(fv_reduce_plan *p, const fv_tensor *in, uint32_t mask, bool shifts)
{
    p->mask = mask;
    p->shifts = shifts;
    p->kept.ndim = p->red.ndim = 0;
    gather_dims(p, in, mask);
    int64_t strides[FV_NEST_OPERANDS];
    int k = p->kept.ndim - 1, r = p->red.ndim - 1;
    p->column = k >= 0 && p->kept.stride[k][0] == 1 && !(r >= 0 && p->red.stride[r][0] == 1);
    p->core = fv_nest_pop(&p->red, strides);
    p->core_stride = strides[0];
    p->batch = is_batch(p, in);
    take_columns(p);
    p->piece = p->column ? FV_REDUCE_ROWS : FV_REDUCE_PIECE;
    p->pieces = p->core <= p->piece ? 1 : ceil_div(p->core, p->piece);
    p->units = p->pieces * p->red.count;
    p->splits = splits_for(p, in->numel, p->kept.count * p->tiles);
    p->tasks = p->kept.count * p->tiles * p->splits;
}

int fv_reduce_describe(const fv_reduce_plan *plan, char *text, size_t size)
{
    const char *core = plan->column ? "columns" : plan->batch ? "short rows" : "rows";
    return snprintf(text, size, "%s of %lld, %lld split%s", core, (long long)plan->core,
                    (long long)plan->splits, plan->splits == 1 ? "" : "s");
}

fv_reduce_scratch fv_reduce_layout(const fv_reduce_plan *plan, fv_scratch *scratch)
{
    fv_reduce_scratch pieces = {NULL, NULL};
    size_t results = (size_t)plan->results, splits = (size_t)plan->splits;
    if (splits > 1) pieces.partial = fv_take(scratch, results * splits * sizeof(fv_acc));
    if (plan->shifts) pieces.shift = fv_take(scratch, results * sizeof(double));
    return pieces;
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
    } else if (kind == FV_REDUCE_MIN || kind == FV_REDUCE_MINABS) {
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
    if (job->post == FV_POST_ROOT) return pow(v, 1 / job->exponent);
    if (job->post == FV_POST_LOG) return log(v) + (job->shift ? job->shift[k] : 0);
    return v;
}

static void store_one(const fv_reduce_job *job, fv_acc acc, int64_t k, int64_t at)
{
    bool floating = fv_dtype_is_floating(job->in->dtype);
    double v = floating ? fv_reduce_result(job, acc.d, k) : 0;
    if (job->raw) {
        job->raw[k] = v;
        return;
    }
    if (fv_dtype_is_floating(job->out->dtype))
        fv_element_set(job->out, at, v);
    else
        fv_element_set_int(job->out, at, acc.i);
}

void fv_reduce_store(const fv_reduce_job *job, const fv_acc *acc, int64_t k, int64_t n, int64_t at,
                     int64_t step)
{
    bool root = job->post == FV_POST_SQRT;
    bool plain = job->in->dtype == FV_FLOAT32 && (root || job->post == FV_POST_NONE) && !job->raw;
    if (!plain || job->out->dtype != FV_FLOAT32) {
        for (int64_t i = 0; i < n; i++) store_one(job, acc[i], k + i, at + i * step);
        return;
    }
    float *out = (float *)job->out->data + at;
    const double scale = job->scale != 0 ? job->scale : 1;
    if (root)
        for (int64_t i = 0; i < n; i++) out[i * step] = (float)sqrt(acc[i].d * scale);
    else
        for (int64_t i = 0; i < n; i++) out[i * step] = (float)(acc[i].d * scale);
}

/* Where the core of unit u starts and how long it is. */
static int64_t unit_core(const fv_reduce_plan *p, int64_t u, int64_t *length)
{
    int64_t offset[FV_NEST_OPERANDS];
    int64_t first = (p->pieces > 1 ? u % p->pieces : 0) * p->piece;
    fv_nest_at(&p->red, p->pieces > 1 ? u / p->pieces : u, offset);
    *length = p->core - first < p->piece ? p->core - first : p->piece;
    return offset[0] + first * p->core_stride;
}

typedef struct reduce_run {
    const fv_reduce_job *job;
    fv_reduce_row_fn row;
    fv_reduce_col_fn col;
    fv_transpose_fn transpose; /* of a batch */
    bool floating;
    int64_t size; /* bytes of an element */
} reduce_run;

static void row_task(const reduce_run *run, int64_t o, int64_t split)
{
    const fv_reduce_job *job = run->job;
    const fv_reduce_plan *p = job->plan;
    int64_t at[FV_NEST_OPERANDS], length;
    fv_nest_at(&p->kept, o, at);
    const char *base = (const char *)job->in->data + at[0] * run->size;
    double shift = job->shift ? job->shift[o] : job->exponent;
    int64_t end = p->units * (split + 1) / p->splits;
    fv_acc acc = job->init;
    for (int64_t u = p->units * split / p->splits; u < end; u++) {
        int64_t offset = unit_core(p, u, &length);
        run->row(&acc, base + offset * run->size, length, p->core_stride, shift);
    }
    if (p->splits > 1)
        job->scratch.partial[split * p->results + o] = acc;
    else
        fv_reduce_store(job, &acc, o, 1, at[1], 1);
}

static void batch_core(const reduce_run *run, fv_acc *acc, const char *rows, int64_t count,
                       const double *shift)
{
    const fv_reduce_plan *p = run->job->plan;
    _Alignas(64) double tile[FV_REDUCE_SHORT * FV_REDUCE_BATCH];
    run->transpose(tile, FV_REDUCE_BATCH, rows, p->col_stride, count, p->core);
    run->col(acc, tile, p->core, FV_REDUCE_BATCH, count, shift);
}

/* Units of one tile of columns, a range of a split. */
static void col_core(const reduce_run *run, fv_acc *acc, const char *base, int64_t cols,
                     int64_t split, const double *shift)
{
    const fv_reduce_plan *p = run->job->plan;
    int64_t length, end = p->units * (split + 1) / p->splits;
    for (int64_t u = p->units * split / p->splits; u < end; u++) {
        int64_t offset = unit_core(p, u, &length);
        run->col(acc, base + offset * run->size, length, p->core_stride, cols, shift);
    }
}

static void col_task(const reduce_run *run, int64_t o, int64_t tile, int64_t split)
{
    const fv_reduce_job *job = run->job;
    const fv_reduce_plan *p = job->plan;
    fv_acc acc[FV_REDUCE_TILE];
    int64_t at[FV_NEST_OPERANDS], first = tile * p->tile;
    int64_t cols = p->cols - first < p->tile ? p->cols - first : p->tile;
    int64_t k = o * p->cols + first;
    fv_nest_at(&p->kept, o, at);
    const char *base = (const char *)job->in->data + (at[0] + first * p->col_stride) * run->size;
    double exponents[FV_REDUCE_TILE];
    const double *shift = job->shift ? job->shift + k : NULL;
    if (job->kind == FV_REDUCE_SUMPOW) {
        for (int64_t c = 0; c < cols; c++) exponents[c] = job->exponent;
        shift = exponents;
    }
    for (int64_t c = 0; c < cols; c++) acc[c] = job->init;
    if (p->batch)
        batch_core(run, acc, base, cols, shift);
    else
        col_core(run, acc, base, cols, split, shift);
    if (p->splits > 1)
        memcpy(job->scratch.partial + split * p->results + k, acc, (size_t)cols * sizeof *acc);
    else
        fv_reduce_store(job, acc, k, cols, at[1] + first * p->cols_out_stride, p->cols_out_stride);
}

static void join_splits(const reduce_run *run)
{
    const fv_reduce_job *job = run->job;
    const fv_reduce_plan *p = job->plan;
    int64_t at[FV_NEST_OPERANDS];
    for (int64_t k = 0; k < p->results; k++) {
        fv_acc acc = job->scratch.partial[k];
        for (int64_t s = 1; s < p->splits; s++)
            acc = fv_reduce_join(job->kind, run->floating, acc,
                                 job->scratch.partial[s * p->results + k]);
        fv_nest_at(&p->kept, k / p->cols, at);
        fv_reduce_store(job, &acc, k, 1, at[1] + k % p->cols * p->cols_out_stride, 1);
    }
}

static void run_tasks(const void *job, int64_t first, int64_t last)
{
    const reduce_run *run = job;
    const fv_reduce_plan *p = run->job->plan;
    for (int64_t t = first; t < last; t++) {
        int64_t split = t % p->splits, rest = t / p->splits;
        if (p->column || p->batch)
            col_task(run, rest / p->tiles, rest % p->tiles, split);
        else
            row_task(run, rest, split);
    }
}

/* Nanoseconds beyond reading it. */
static double element_cost(fv_reduce_kind kind)
{
    return kind == FV_REDUCE_SUMPOW ? 20.0 : kind == FV_REDUCE_SUMEXP ? 1.0 : 0.0;
}

void fv_reduce_run(fv_machine m, const fv_reduce_job *job)
{
    const fv_reduce_kernels *kernels = FV_ISA_PICK(fv_reduce_kernels_, m.isa);
    fv_dtype dtype = job->in->dtype;
    const reduce_run run = {
        .job = job,
        .row = kernels->row[fv_dtype_index(dtype)][job->kind],
        .col = kernels->col[fv_dtype_index(dtype)][job->kind],
        .transpose = fv_transpose_plane(m.isa, fv_dtype_size(dtype)),
        .floating = fv_dtype_is_floating(dtype),
        .size = (int64_t)fv_dtype_size(dtype),
    };
    double each =
        0.06 * (double)run.size + element_cost(job->kind) + (job->plan->batch ? 0.4 : 0.0);
    double nanoseconds = each * (double)job->in->numel + 10.0 * (double)job->plan->tasks;
    fv_parallel_ranges(m, nanoseconds, job->plan->tasks, run_tasks, &run);
    if (job->plan->splits > 1) join_splits(&run);
}
