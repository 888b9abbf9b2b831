/* The driver of softmax: merges the other dimensions and hands rows or columns to the kernels. */
#include "tensor/kernels/softmax/softmax_impl.h"

#include <math.h>

#include "tensor/kernels/nest.h"
#include "tensor/parallel.h"

enum { TILE = 64 }; /* columns or short rows of a task */

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

static void column_f64(double *y, const double *x, int64_t n, int64_t sy, int64_t sx, bool log_)
{
    double m = x[0], sum = 0;
    for (int64_t i = 1; i < n; i++) m = x[i * sx] > m ? x[i * sx] : m;
    for (int64_t i = 0; i < n; i++) {
        double d = x[i * sx] - m, e = exp(d);
        sum += e;
        y[i * sy] = log_ ? d : e;
    }
    double shift = log_ ? log(sum) : 0;
    for (int64_t i = 0; i < n; i++) y[i * sy] = log_ ? y[i * sy] - shift : y[i * sy] / sum;
}

static void grad_column_f64(double *gx, const double *g, const double *y, int64_t n,
                            const int64_t *s, bool log)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += log ? g[i * s[1]] : g[i * s[1]] * y[i * s[2]];
    for (int64_t i = 0; i < n; i++) {
        double v = g[i * s[1]], w = y[i * s[2]];
        gx[i * s[0]] = log ? v - exp(w) * sum : w * (v - sum);
    }
}

static double cost(const fv_tensor *t)
{
    return (t->dtype == FV_FLOAT32 ? 1.0 : 10.0) * (double)t->numel;
}

void fv_softmax_run(const fv_tensor *x, int dim, bool log, fv_tensor *y)
{
    if (y->numel == 0) return;
    const fv_softmax_kernels *kernels = FV_ISA_PICK(fv_softmax_kernels_, fv_isa_level());
    softmax_plan p = make_plan(y, x, x, dim);
    int threads = fv_threads_for(fv_machine_now(), cost(x) + 20.0 * (double)p.tasks);
    (void)threads; /* without OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t t = 0; t < p.tasks; t++) {
        int64_t at[FV_NEST_OPERANDS], cols = task_at(&p, t, at);
        if (x->dtype == FV_FLOAT64) {
            for (int64_t c = 0; c < cols; c++)
                column_f64((double *)y->data + at[0] + c, (const double *)x->data + at[1] + c, p.n,
                           p.along[0], p.along[1], log);
            continue;
        }
        float *yt = (float *)y->data + at[0];
        const float *xt = (const float *)x->data + at[1];
        if (p.batch)
            kernels->short_rows(yt, xt, p.n, p.step[0], p.step[1], cols, log);
        else if (p.rows)
            kernels->row(yt, xt, p.n, log);
        else
            kernels->cols(yt, xt, p.n, p.along[0], p.along[1], cols, log);
    }
}

void fv_softmax_grad_run(const fv_tensor *g, const fv_tensor *y, int dim, bool log, fv_tensor *gx)
{
    if (gx->numel == 0) return;
    const fv_softmax_kernels *kernels = FV_ISA_PICK(fv_softmax_kernels_, fv_isa_level());
    softmax_plan p = make_plan(gx, g, y, dim);
    int threads = fv_threads_for(fv_machine_now(), cost(y) + 20.0 * (double)p.tasks);
    (void)threads; /* without OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t t = 0; t < p.tasks; t++) {
        int64_t at[FV_NEST_OPERANDS], cols = task_at(&p, t, at);
        if (y->dtype == FV_FLOAT64) {
            for (int64_t c = 0; c < cols; c++)
                grad_column_f64((double *)gx->data + at[0] + c, (const double *)g->data + at[1] + c,
                                (const double *)y->data + at[2] + c, p.n, p.along, log);
            continue;
        }
        float *out = (float *)gx->data + at[0];
        const float *gt = (const float *)g->data + at[1], *yt = (const float *)y->data + at[2];
        if (p.batch)
            kernels->grad_short_rows(out, gt, yt, p.n, p.step, cols, log);
        else if (p.rows)
            kernels->grad_row(out, gt, yt, p.n, log);
        else
            kernels->grad_cols(out, gt, yt, p.n, p.along[0], p.along[1], p.along[2], cols, log);
    }
}
