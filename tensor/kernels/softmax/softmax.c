/* The driver of softmax: merges the other dimensions and hands rows or columns to the kernels. */
#include "tensor/kernels/softmax/softmax_impl.h"

#include "tensor/kernels/nest.h"
#include "tensor/ranges.h"

enum { TILE = FV_SOFTMAX_COLUMNS }; /* columns or short rows of a task */

/* Operand 0 is the output; 1 and 2 are inputs (2 may repeat 1). */
typedef struct softmax_plan {
    fv_nest outer;
    int64_t n;
    int64_t along[FV_NEST_OPERANDS]; /* strides of the softmax dimension */
    bool rows;                       /* dense along; else columns */
    bool batch;                      /* short rows, many at once */
    int64_t cols, tiles;             /* columns or rows of the innermost outer loop; 1 without */
    int64_t step[FV_NEST_OPERANDS];  /* from one of them to the next */
    int64_t tasks;
} softmax_plan;

static softmax_plan make_plan(const fv_tensor *out, const fv_tensor *a, const fv_tensor *b, int dim)
{
    softmax_plan p = {.n = 1, .cols = 1, .tiles = 1};
    for (int d = 0; d < out->ndim; d++) {
        int64_t s[FV_NEST_OPERANDS] = {out->strides[d], a->strides[d], b->strides[d]};
        if (d != dim) {
            fv_nest_add(&p.outer, out->shape[d], s[0], s[1], s[2]);
            continue;
        }
        p.n = out->shape[d];
        for (int k = 0; k < FV_NEST_OPERANDS; k++) p.along[k] = s[k];
    }
    fv_nest_merge(&p.outer);
    p.rows = p.n == 1 || (p.along[0] == 1 && p.along[1] == 1 && p.along[2] == 1);
    p.batch = p.rows && p.n > 1 && p.n <= FV_SOFTMAX_SHORT && out->dtype == FV_FLOAT32;
    int last = p.outer.ndim - 1;
    if (last >= 0 && (p.batch || !p.rows)) {
        const int64_t *s = p.outer.stride[last];
        if (p.batch || (s[0] == 1 && s[1] == 1 && s[2] == 1))
            p.cols = fv_nest_pop(&p.outer, p.step);
        p.tiles = p.cols / TILE + (p.cols % TILE != 0);
    }
    p.tasks = p.outer.count * p.tiles;
    return p;
}

/* Offsets of task t's first element; returns its columns. */
static int64_t task_at(const softmax_plan *p, int64_t t, int64_t *at)
{
    int64_t first = t % p->tiles * TILE;
    fv_nest_at(&p->outer, t / p->tiles, at);
    for (int k = 0; k < FV_NEST_OPERANDS; k++) at[k] += first * p->step[k];
    return p->cols - first < TILE ? p->cols - first : TILE;
}

/* A plan, where its operands lie, and what computes a task at their offsets. */
typedef struct softmax_job softmax_job;
struct softmax_job {
    softmax_plan plan;
    void (*task)(const softmax_job *job, const int64_t *at, int64_t cols);
    const fv_softmax_kernels *kernels;
    fv_transpose_fn transpose;
    void *out;
    const void *in[2];
    bool log;
};

static void task_f32(const softmax_job *job, const int64_t *at, int64_t cols)
{
    const softmax_plan *p = &job->plan;
    float *y = (float *)job->out + at[0];
    const float *x = (const float *)job->in[0] + at[1];
    if (p->batch)
        job->kernels->short_rows(y, x, p->n, p->step[0], p->step[1], cols, job->log,
                                 job->transpose);
    else if (p->rows)
        job->kernels->row(y, x, p->n, job->log);
    else
        job->kernels->cols(y, x, p->n, p->along[0], p->along[1], cols, job->log);
}

static void grad_task_f32(const softmax_job *job, const int64_t *at, int64_t cols)
{
    const softmax_plan *p = &job->plan;
    float *gx = (float *)job->out + at[0];
    const float *g = (const float *)job->in[0] + at[1], *y = (const float *)job->in[1] + at[2];
    if (p->batch)
        job->kernels->grad_short_rows(gx, g, y, p->n, p->step, cols, job->log, job->transpose);
    else if (p->rows)
        job->kernels->grad_row(gx, g, y, p->n, job->log);
    else
        job->kernels->grad_cols(gx, g, y, p->n, p->along[0], p->along[1], p->along[2], cols,
                                job->log);
}

static void task_f64(const softmax_job *job, const int64_t *at, int64_t cols)
{
    const softmax_plan *p = &job->plan;
    double *y = (double *)job->out + at[0];
    const double *x = (const double *)job->in[0] + at[1];
    if (p->rows)
        job->kernels->row_f64(y, x, p->n, job->log);
    else
        job->kernels->cols_f64(y, x, p->n, p->along[0], p->along[1], cols, job->log);
}

static void grad_task_f64(const softmax_job *job, const int64_t *at, int64_t cols)
{
    const softmax_plan *p = &job->plan;
    double *gx = (double *)job->out + at[0];
    const double *g = (const double *)job->in[0] + at[1], *y = (const double *)job->in[1] + at[2];
    if (p->rows)
        job->kernels->grad_row_f64(gx, g, y, p->n, job->log);
    else
        job->kernels->grad_cols_f64(gx, g, y, p->n, p->along[0], p->along[1], p->along[2], cols,
                                    job->log);
}

static void run_tasks(const void *job_, int64_t first, int64_t last)
{
    const softmax_job *job = job_;
    for (int64_t t = first; t < last; t++) {
        int64_t at[FV_NEST_OPERANDS], cols = task_at(&job->plan, t, at);
        job->task(job, at, cols);
    }
}

static void run(fv_machine m, const softmax_job *job, const fv_tensor *like)
{
    double each = like->dtype == FV_FLOAT32 ? 1.0 : 3.0;
    double nanoseconds = each * (double)like->numel + 20.0 * (double)job->plan.tasks;
    fv_parallel_ranges(m, nanoseconds, job->plan.tasks, run_tasks, job);
}

void fv_softmax_run(fv_machine m, const fv_tensor *x, int dim, bool log, fv_tensor *y)
{
    if (y->numel == 0) return;
    softmax_job job = {.plan = make_plan(y, x, x, dim),
                       .task = x->dtype == FV_FLOAT64 ? task_f64 : task_f32,
                       .kernels = FV_ISA_PICK(fv_softmax_kernels_, m.isa),
                       .transpose = fv_transpose_plane(m.isa, sizeof(float)),
                       .out = y->data,
                       .in = {x->data, x->data},
                       .log = log};
    run(m, &job, y);
}

void fv_softmax_grad_run(fv_machine m, const fv_tensor *g, const fv_tensor *y, int dim, bool log,
                         fv_tensor *gx)
{
    if (gx->numel == 0) return;
    softmax_job job = {.plan = make_plan(gx, g, y, dim),
                       .task = y->dtype == FV_FLOAT64 ? grad_task_f64 : grad_task_f32,
                       .kernels = FV_ISA_PICK(fv_softmax_kernels_, m.isa),
                       .transpose = fv_transpose_plane(m.isa, sizeof(float)),
                       .out = gx->data,
                       .in = {g->data, y->data},
                       .log = log};
    run(m, &job, y);
}
