/* Dropout: ranges of memory shared among threads, and the reference twin. */
#include "tensor/kernels/random/dropout.h"

#include <math.h>

#include "tensor/kernels/element.h"
#include "tensor/ranges.h"

/* Of the upper 24 bits of a word. */
static uint32_t limit_of(double keep)
{
    return (uint32_t)ceil(keep * 0x1p24);
}

typedef struct dropout_job {
    const fv_dropout_rows *rows;
    const fv_tensor *out;
    const void *x;
    fv_rng_state state;
    uint32_t limit;
    double scale;
} dropout_job;

/* Ranges of FV_DROPOUT_STEP elements. */
static void run_steps(const void *job, int64_t first, int64_t last)
{
    const dropout_job *d = job;
    int64_t at = first * FV_DROPOUT_STEP, end = last * FV_DROPOUT_STEP;
    int64_t n = (end < d->out->numel ? end : d->out->numel) - at;
    if (d->out->dtype == FV_FLOAT32)
        d->rows->f32((float *)d->out->data + at, (const float *)d->x + at, at, n, d->state,
                     d->limit, (float)d->scale);
    else
        d->rows->f64((double *)d->out->data + at, (const double *)d->x + at, at, n, d->state,
                     d->limit, d->scale);
}

static bool same_strides(const fv_tensor *a, const fv_tensor *b)
{
    for (int d = 0; d < a->ndim; d++)
        if (a->strides[d] != b->strides[d]) return false;
    return true;
}

void fv_dropout_run(fv_machine m, fv_tensor *out, const fv_tensor *x, fv_rng_state state,
                    double keep, double scale)
{
    if (out->numel == 0) return;
    dropout_job job = {.rows = FV_ISA_PICK(fv_dropout_rows_, m.isa),
                       .out = out,
                       .x = x->data,
                       .state = state,
                       .limit = limit_of(keep),
                       .scale = scale};
    if (!same_strides(out, x)) {
        fv_copy_elements(out, x);
        job.x = out->data;
    }
    int64_t steps = (out->numel + FV_DROPOUT_STEP - 1) / FV_DROPOUT_STEP;
    fv_parallel_ranges(m, (double)out->numel, steps, run_steps, &job);
}

void fv_dropout_reference(fv_tensor *out, const fv_tensor *x, fv_rng_state state, double keep,
                          double scale)
{
    for (int64_t n = 0; n < out->numel; n++) {
        int64_t rest = n, place = 0, from = 0;
        for (int d = out->ndim - 1; d >= 0; d--) {
            int64_t i = rest % out->shape[d];
            rest /= out->shape[d];
            place += i * out->strides[d];
            from += i * x->strides[d];
        }
        uint32_t words[4];
        fv_philox(state, (uint64_t)(place / 4), words);
        bool kept = words[place % 4] >> 8 < limit_of(keep);
        fv_element_set(out, place, fv_element_get(x, from) * (kept ? scale : 0));
    }
}
