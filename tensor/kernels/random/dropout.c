/* Dropout: chunks of memory shared among threads, and the reference twin. */
#include "tensor/kernels/random/dropout.h"

#include <math.h>

#include "tensor/kernels/element.h"
#include "tensor/parallel.h"

enum { CHUNK = 32 * FV_DROPOUT_STEP };

/* Of the upper 24 bits of a word. */
static uint32_t limit_of(double keep)
{
    return (uint32_t)ceil(keep * 0x1p24);
}

static void run_chunk(const fv_dropout_rows *rows, fv_tensor *out, const void *x, int64_t first,
                      int64_t n, fv_rng_state state, uint32_t limit, double scale)
{
    if (out->dtype == FV_FLOAT32)
        rows->f32((float *)out->data + first, (const float *)x + first, first, n, state, limit,
                  (float)scale);
    else
        rows->f64((double *)out->data + first, (const double *)x + first, first, n, state, limit,
                  scale);
}

static bool same_strides(const fv_tensor *a, const fv_tensor *b)
{
    for (int d = 0; d < a->ndim; d++)
        if (a->strides[d] != b->strides[d]) return false;
    return true;
}

void fv_dropout_run(fv_tensor *out, const fv_tensor *x, fv_rng_state state, double keep,
                    double scale)
{
    if (out->numel == 0) return;
    const void *from = x->data;
    if (!same_strides(out, x)) {
        fv_copy_elements(out, x);
        from = out->data;
    }
    const fv_dropout_rows *rows = FV_ISA_PICK(fv_dropout_rows_, fv_isa_level());
    uint32_t limit = limit_of(keep);
    int64_t chunks = (out->numel + CHUNK - 1) / CHUNK;
    int threads = fv_threads_for(fv_machine_now(), (double)out->numel * 1.0);
    if (threads <= 1) {
        run_chunk(rows, out, from, 0, out->numel, state, limit, scale);
        return;
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < chunks; i++) {
        int64_t first = i * CHUNK, left = out->numel - first;
        run_chunk(rows, out, from, first, left < CHUNK ? left : CHUNK, state, limit, scale);
    }
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
