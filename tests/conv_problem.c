/* See conv_problem.h. */
#include "conv_problem.h"

#include <stdlib.h>
#include <string.h>

/* --- numbers and memory ----------------------------------------------------------------------- */

static uint64_t state;

void seed_numbers(uint64_t seed)
{
    state = seed;
}

int64_t draw(int64_t low, int64_t high)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((state >> 33) % (uint64_t)(high - low + 1));
}

void *fresh(size_t bytes)
{
    void *p = NULL;
    ck_assert_int_eq(posix_memalign(&p, 64, bytes ? bytes : 1), 0);
    memset(p, 0xff, bytes); /* NaN in both types: what is not written shows */
    return p;
}

void *random_numbers(int64_t count, fv_dtype dtype)
{
    void *p = fresh((size_t)count * fv_dtype_size(dtype));
    for (int64_t i = 0; i < count; i++) {
        double v = (double)draw(-1000, 1000) / 1000;
        if (dtype == FV_FLOAT64)
            ((double *)p)[i] = v;
        else
            ((float *)p)[i] = (float)v;
    }
    return p;
}

double number(const void *p, int64_t i, fv_dtype dtype)
{
    return dtype == FV_FLOAT64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

/* --- geometries ------------------------------------------------------------------------------- */

int64_t pixels(const int64_t *dims)
{
    return dims[0] * dims[1] * dims[2];
}

int64_t x_count(const fv_conv_geometry *g)
{
    return g->n * g->c * pixels(g->in);
}

int64_t y_count(const fv_conv_geometry *g)
{
    return g->n * g->o * pixels(g->out);
}

int64_t w_count(const fv_conv_geometry *g)
{
    return g->o * (g->c / g->groups) * pixels(g->k);
}

int64_t count_of(const fv_conv_geometry *g, fv_conv_pass pass, int operand)
{
    int64_t (*const counts[3][3])(const fv_conv_geometry *) = {
        {x_count, w_count, y_count}, {y_count, w_count, x_count}, {x_count, y_count, w_count}};
    return counts[pass][operand](g);
}

/* Fills `out` from the rest; false when the kernel does not fit. */
bool set_out(fv_conv_geometry *g)
{
    for (int d = 0; d < 3; d++) {
        int64_t room = g->in[d] + 2 * g->pad[d] - g->dilation[d] * (g->k[d] - 1) - 1;
        if (room < 0) return false;
        g->out[d] = room / g->stride[d] + 1;
    }
    return true;
}

fv_conv_geometry plane(int64_t n, int64_t c, int64_t o, int64_t groups, int64_t size, int64_t k,
                       int64_t stride)
{
    fv_conv_geometry g = {.n = n,
                          .c = c,
                          .o = o,
                          .groups = groups,
                          .in = {1, size, size},
                          .k = {1, k, k},
                          .stride = {1, stride, stride},
                          .pad = {0, k / 2, k / 2},
                          .dilation = {1, 1, 1}};
    ck_assert(set_out(&g));
    return g;
}

fv_conv_geometry line(int64_t c, int64_t size, int64_t k, int64_t stride)
{
    fv_conv_geometry g = {.n = 2,
                          .c = c,
                          .o = 3,
                          .groups = 1,
                          .in = {1, 1, size},
                          .k = {1, 1, k},
                          .stride = {1, 1, stride},
                          .pad = {0, 0, 1},
                          .dilation = {1, 1, 1}};
    ck_assert(set_out(&g));
    return g;
}

/* --- running ---------------------------------------------------------------------------------- */

/* A result of the fast kernels; the caller frees it. */
void *run(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass, const fv_conv_operands *of,
          const int64_t *w_stride, fv_machine machine)
{
    fv_conv_plan *plan = fresh(sizeof *plan), *moved = fresh(sizeof *moved);
    fv_conv_make_plan(plan, g, dtype, pass, w_stride, machine);
    *moved = *plan; /* it points nowhere into itself */
    memset(plan, 0xff, sizeof *plan);
    size_t bytes = fv_conv_scratch(moved);
    void *scratch = fresh(bytes + 64);
    fv_conv_operands o = *of;
    o.out = fresh((size_t)count_of(g, pass, 2) * fv_dtype_size(dtype));
    fv_conv_run(moved, &o, scratch);
    for (size_t i = 0; i < 64; i++)
        ck_assert_msg(((unsigned char *)scratch)[bytes + i] == 0xff, "wrote behind its scratch");
    free(scratch);
    free(plan);
    free(moved);
    return o.out;
}

fv_machine machine_of(int threads, fv_isa isa)
{
    return (fv_machine){.threads = threads, .isa = isa, .conv_precision = FV_CONV_EXACT};
}
