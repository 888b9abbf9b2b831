/* BLIS as an engine of fv_gemm_run; the only file that knows it.
 *
 * Each call computes one part with one thread (the expert interface takes the number with the
 * call): the parts run side by side in fv_parallel, and no team of BLIS's own is left spinning or
 * is in the way of a fork. */
#include "gemm_impl.h"

#ifdef FV_HAVE_BLIS

#include <string.h>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <blis.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* BLIS reads a stride pair with a zero as "not given". A dimension of one element may have any
 * stride; a real zero stride (an expanded operand) is left to the own kernels. */
static bool usable(int64_t rows, int64_t columns, int64_t *rs, int64_t *cs)
{
    if (rows == 1) *rs = *cs == 1 ? columns : 1;
    if (columns == 1) *cs = *rs == 1 ? rows : 1;
    return *rs > 0 && *cs > 0 && *rs != *cs;
}

bool fv_gemm_blis_takes(const fv_gemm *g)
{
    int64_t a_rs = g->a_rs, a_cs = g->a_cs, b_rs = g->b_rs, b_cs = g->b_cs;
    if (g->k < 1 || g->c_rs < g->n || (g->c_rs == 1 && g->m > 1)) return false;
    return usable(g->m, g->k, &a_rs, &a_cs) && usable(g->k, g->n, &b_rs, &b_cs);
}

/* C starts as bias, or bias is added to it, so that BLIS accumulates. */
#define FV_SPREAD_BIAS(T)                                                                          \
    static void spread_##T(const fv_gemm *g, const T *bias, T *c, int64_t rows, int64_t columns)   \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i++, c += g->c_rs) {                                         \
            if (g->accumulate)                                                                     \
                for (int64_t j = 0; j < columns; j++) c[j] += bias[j];                             \
            else                                                                                   \
                memcpy(c, bias, (size_t)columns * sizeof(T));                                      \
        }                                                                                          \
    }
FV_SPREAD_BIAS(float)
FV_SPREAD_BIAS(double)
#undef FV_SPREAD_BIAS

/* BLIS takes operands that it only reads as pointers to what may be written. */
static void *operand(const void *p, int64_t elements, size_t size)
{
    return (void *)fv_gemm_element(p, elements, size);
}

void fv_gemm_blis(const fv_gemm *g, const fv_gemm_operands *o, fv_gemm_part part)
{
    const int64_t m = part.m1 - part.m0, n = part.n1 - part.n0;
    const size_t size = g->dtype == FV_FLOAT64 ? sizeof(double) : sizeof(float);
    int64_t a_rs = g->a_rs, a_cs = g->a_cs, b_rs = g->b_rs, b_cs = g->b_cs;
    usable(g->m, g->k, &a_rs, &a_cs);
    usable(g->k, g->n, &b_rs, &b_cs);
    void *a = operand(o->a, part.m0 * g->a_rs, size), *b = operand(o->b, part.n0 * g->b_cs, size);
    void *c = operand(o->c, part.m0 * g->c_rs + part.n0, size);
    const void *bias = g->bias ? fv_gemm_element(o->bias, part.n0, size) : NULL;
    const bool add = g->accumulate || bias;
    rntm_t runtime;
    bli_rntm_init(&runtime);
    bli_rntm_set_num_threads(1, &runtime);
    bli_rntm_disable_l3_sup(&runtime); /* its code for small matrices, whose sums follow the part */
    if (g->dtype == FV_FLOAT64) {
        double one = 1, beta = add ? 1 : 0;
        if (bias) spread_double(g, bias, c, m, n);
        bli_dgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, m, n, g->k, &one, a, a_rs, a_cs, b, b_rs,
                     b_cs, &beta, c, g->c_rs, 1, NULL, &runtime);
    } else {
        float one = 1, beta = add ? 1 : 0;
        if (bias) spread_float(g, bias, c, m, n);
        bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, m, n, g->k, &one, a, a_rs, a_cs, b, b_rs,
                     b_cs, &beta, c, g->c_rs, 1, NULL, &runtime);
    }
}

#else

bool fv_gemm_blis_takes(const fv_gemm *g)
{
    (void)g;
    return false;
}

void fv_gemm_blis(const fv_gemm *g, const fv_gemm_operands *o, fv_gemm_part part)
{
    (void)g;
    (void)o;
    (void)part;
}

#endif
