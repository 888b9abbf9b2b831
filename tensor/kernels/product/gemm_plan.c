/* What a product will do, settled once: engine, parts, blocks, scratch.
 *
 * Which engine: the own kernels, but BLIS for products of BLIS_FLOPS or more where the level has
 * only 16-byte vectors and BLIS knows better instructions. Measured with the packaged BLIS 0.9.0,
 * two threads, in GFLOP/s, on a Xeon that it takes for a Haswell: 1024^3 own AVX-512 300, own AVX2
 * 200, BLIS 190; 128 x 512 x 4096 own 264, 170, BLIS 174; 64^3 (serial) own 140, BLIS 68.
 *
 * Which parts: the shape decides, so that a thread that comes late finds parts left; they are more
 * where there would not be one for each thread. BLIS gets one part a thread instead, as each packs
 * the other matrix anew. One thread takes every product whole, but for the cuts along k: these
 * change bits, so that they are the same for any number of threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemm_impl.h"
#include "tensor/environment.h"
#include "tensor/parallel.h"

enum { DIRECT_K = 64, DIRECT_N = 4096 }; /* of a block of B that is read in place */
enum { DOTS = 3 };           /* vectors up to which products of rows are quicker than a tile */
enum { MOST_PARTS = 32 };    /* of all products together, but at least one each */
enum { LEAST_DEPTH = 1024 }; /* of a part of k, so that adding it up is little beside it */

/* Multiply-adds count twice. */
static const double PARALLEL_FLOPS = 4e6, PARALLEL_ELEMENTS = 1e5, PARALLEL_NS = 20e3,
                    BLIS_FLOPS = 2e6;

fv_gemm_engine fv_gemm_engine_wanted(void)
{
    static const char *const names[] = {"own",
#ifdef FV_HAVE_BLIS
                                        "blis",
#endif
                                        NULL};
    static const fv_gemm_engine engines[] = {FV_GEMM_OWN, FV_GEMM_BLIS};
    static int wanted = -1; /* racing threads store the same value */
    int value = __atomic_load_n(&wanted, __ATOMIC_RELAXED);
    if (value < 0) {
        int i = fv_environment_word("FOVEA_GEMM", names);
        value = i < 0 ? FV_GEMM_BEST : (int)engines[i];
        __atomic_store_n(&wanted, value, __ATOMIC_RELAXED);
    }
    return (fv_gemm_engine)value;
}

/* --- batches ---------------------------------------------------------------------------------- */

int64_t fv_gemm_count(const fv_gemm *g)
{
    int64_t count = 1;
    for (int i = 0; i < g->batch_ndim; i++) count *= g->batch[i];
    return count;
}

fv_gemm_operands fv_gemm_at(const fv_gemm *g, const fv_gemm_operands *o, int64_t i)
{
    fv_gemm_operands at = *o;
    size_t size = fv_dtype_size(g->dtype);
    int64_t a = 0, b = 0, rest = i;
    for (int d = g->batch_ndim - 1; d >= 0; d--) {
        a += rest % g->batch[d] * g->a_batch[d];
        b += rest % g->batch[d] * g->b_batch[d];
        rest /= g->batch[d];
    }
    at.a = fv_gemm_element(o->a, a, size);
    at.b = fv_gemm_element(o->b, b, size);
    at.c = (char *)o->c + i * g->m * g->c_rs * (int64_t)size;
    return at;
}

/* The innermost batch dimension becomes rows of A when all its indices share one B. */
static void fold_batch(fv_gemm *g)
{
    while (g->batch_ndim > 0) {
        int i = g->batch_ndim - 1;
        if (g->batch[i] != 1) {
            if (g->b_batch[i] != 0 || (g->m != 1 && g->a_batch[i] != g->m * g->a_rs)) return;
            if (g->m == 1) g->a_rs = g->a_batch[i];
            g->m *= g->batch[i];
        }
        g->batch_ndim--;
    }
}

/* --- parts ------------------------------------------------------------------------------------ */

static double flops(const fv_gemm *g)
{
    return 2.0 * (double)g->m * (double)g->n * (double)g->k;
}

/* Nanoseconds of one product on one core, roughly. */
static double estimate(const fv_gemm *g)
{
    const double m = (double)g->m, n = (double)g->n, k = (double)g->k;
    const double size = (double)fv_dtype_size(g->dtype);
    return size * (m * n * k * (1 / 160.0) + (m * k + n * k + m * n) * (1 / 40.0)) + 30.0;
}

/* How many parts one product is worth: 2 where it takes PARALLEL_NS, twice as many for eight times
 * the work of PARALLEL_FLOPS, so that parts of a larger product are larger and pack less in all;
 * with few rows or columns reading the other operand is the work. An even number, for two threads.
 */
static int64_t wanted_parts(const fv_gemm_plan *p)
{
    const double m = (double)p->g.m, n = (double)p->g.n, k = (double)p->g.k;
    double work = fmax(flops(&p->g) / PARALLEL_FLOPS, (m * k + n * k + m * n) / PARALLEL_ELEMENTS);
    int64_t most = MOST_PARTS / p->count;
    if (estimate(&p->g) < PARALLEL_NS || most < 2) return 1;
    return fv_gemm_min(work < 1 ? 2 : (int64_t)cbrt(work) * 2, most);
}

/* The longest of the parts, in whole units. */
static int64_t longest(int64_t size, int64_t unit, int64_t parts)
{
    if (size <= unit) return unit; /* small products notice divisions */
    return fv_gemm_ceil(fv_gemm_ceil(size, unit), parts) * unit;
}

/* Cycles for each step of k of the longest of m * n parts: a tile's row of NR a cycle, a packed
 * element half a cycle. B is packed once a part, A once for every block of columns, unless its rows
 * are read in place (its columns take as long as if they were packed). */
static double cost(const fv_gemm_plan *p, int64_t m, int64_t n, int64_t mr, int64_t nr)
{
    const int64_t rows = longest(p->g.m, mr, m), columns = longest(p->g.n, nr, n);
    double packed = (double)columns;
    if (p->g.a_cs != 1 || !fv_gemm_a_in_place(&p->g, columns))
        packed += (double)rows * (double)fv_gemm_ceil(columns, p->nc);
    return (double)rows * (double)columns / (double)nr + packed / 2;
}

/* The cheapest cut into `parts` or a few more; returns the cycles for each step of k, of all parts
 * or, where there are fewer of them, of as many as wanted. */
static double cut_grid(fv_gemm_plan *p, int64_t parts, int64_t mr, int64_t nr)
{
    double best = 0;
    int64_t most_m = fv_gemm_ceil(p->g.m, mr), most_n = fv_gemm_ceil(p->g.n, nr);
    for (int64_t m = 1; m <= parts && m <= most_m; m++) {
        const int64_t least = fv_gemm_min(fv_gemm_ceil(parts, m), most_n);
        for (int64_t n = least; n <= least + 1 && n <= most_n; n++) {
            const double all = cost(p, m, n, mr, nr) * (double)(m * n > parts ? m * n : parts);
            if (best > 0 && all >= best) continue;
            best = all;
            p->by_m = m;
            p->by_n = n;
        }
    }
    return best;
}

/* Of `parts`, how many along k: as many as are cheapest with the best grid for the rest. A partial
 * sum is written, read and added in a quarter of a cycle. */
static int64_t parts_of_depth(fv_gemm_plan *p, int64_t parts)
{
    const double sums = (double)p->g.m * (double)p->g.n / (double)p->g.k / 4;
    const int64_t mr = p->kernels->mr, most = fv_gemm_min(parts, p->g.k / LEAST_DEPTH);
    int64_t by_k = 1;
    double best = 0;
    for (int64_t i = 1; i <= most && most > 1; i *= 2) {
        const double all = cut_grid(p, fv_gemm_ceil(parts, i), mr, p->nr) + sums * (double)(i - 1);
        if (i > 1 && all >= best) continue;
        best = all;
        by_k = i;
    }
    return by_k;
}

static void cut_for_blis(fv_gemm_plan *p)
{
    int64_t longer = p->g.m > p->g.n ? p->g.m : p->g.n;
    int64_t parts = fv_gemm_min(p->threads, longer / FV_GEMM_BLIS_LENGTH);
    if (parts < 2 || p->count > 1) return;
    if (p->g.m > p->g.n)
        p->by_m = parts;
    else
        p->by_n = parts;
}

static void cut(fv_gemm_plan *p, fv_machine machine)
{
    double all = estimate(&p->g) * (double)p->count;
    const bool deep = p->engine == FV_GEMM_OWN && p->g.k >= 2 * LEAST_DEPTH;
    p->by_m = p->by_n = p->by_k = p->chunks = 1;
    p->threads = fv_threads_for(machine, all);
    if (p->threads == 1 && !deep) return; /* most small products */
    int64_t parts = wanted_parts(p);
    if (deep) p->by_k = parts_of_depth(p, parts);
    p->by_m = p->by_n = 1;
    if (p->threads == 1) return;
    const int64_t least = fv_gemm_ceil(p->threads, p->count);
    if (parts > 1 && parts < least) parts = least;
    if (p->engine == FV_GEMM_BLIS)
        cut_for_blis(p);
    else
        cut_grid(p, fv_gemm_ceil(parts, p->by_k), p->kernels->mr, p->nr);
    p->chunks = fv_chunks_for(all, p->count * p->by_m * p->by_n * p->by_k);
    p->threads = (int)fv_gemm_min(p->threads, p->chunks);
}

/* --- the plan --------------------------------------------------------------------------------- */

fv_gemm_engine fv_gemm_engine_for(const fv_gemm *g, fv_machine machine, fv_gemm_engine wanted)
{
    const fv_tile_kernels *kernels = FV_ISA_PICK(fv_tile_kernels_, machine.isa);
    if (wanted == FV_GEMM_OWN) return FV_GEMM_OWN;
    if (wanted == FV_GEMM_BEST && (kernels->lanes[0] > 4 || flops(g) < BLIS_FLOPS))
        return FV_GEMM_OWN;
    return fv_gemm_blis_takes(g) ? FV_GEMM_BLIS : FV_GEMM_OWN;
}

/* For few rows of A, B is read but once: its rows from end to end, some of them side by side.
 * Blocks along k decide bits, so that these are the rows of the product, not those of a part. */
static bool reads_b_in_place(const fv_gemm_plan *p)
{
    return p->g.b_cs == 1 && p->g.m <= FV_GEMM_DIRECT_ROWS;
}

/* Bytes of a block of packed rows of A and of packed panels of B, for the largest part. */
static void size_blocks(fv_gemm_plan *p)
{
    int64_t mr = p->kernels->mr, nr = p->nr;
    int64_t depth = fv_gemm_min(p->g.k, p->kc), size = (int64_t)fv_dtype_size(p->g.dtype);
    int64_t rows = fv_gemm_min(longest(p->g.m, mr, p->by_m), p->mc);
    int64_t columns = fv_gemm_min(longest(p->g.n, nr, p->by_n), p->nc);
    p->a_bytes = (size_t)(((depth + FV_GEMM_PAD) * rows * size + 63) / 64 * 64);
    p->b_bytes = (size_t)((depth * columns * size + 63) / 64 * 64);
    if (p->engine == FV_GEMM_BLIS || p->dots) p->a_bytes = p->b_bytes = 0;
}

size_t fv_gemm_packed_bytes(const fv_gemm_plan *p)
{
    const fv_gemm *g = &p->g;
    if (p->b_bytes == 0 || p->count != 1) return 0;
    if (reads_b_in_place(p)) return 0;
    return (size_t)(g->k * fv_gemm_padded_columns(p)) * fv_dtype_size(g->dtype);
}

fv_gemm_packed_order fv_gemm_packed_key(const fv_gemm_plan *p)
{
    return (fv_gemm_packed_order){p->kernels, p->g.k, p->g.n, p->g.b_rs, p->g.b_cs};
}

void fv_gemm_make_plan(fv_gemm_plan *p, fv_machine machine, fv_gemm_engine engine)
{
    fold_batch(&p->g);
    const fv_gemm *g = &p->g;
    p->kernels = FV_ISA_PICK(fv_tile_kernels_, machine.isa);
    p->transpose = fv_transpose_plane(machine.isa, fv_dtype_size(g->dtype));
    p->count = fv_gemm_count(g);
    p->engine = FV_GEMM_OWN;
    p->dots = p->packed_b = false;
    p->threads = 1;
    p->by_m = p->by_n = p->by_k = p->chunks = 1;
    p->a_bytes = p->b_bytes = 0;
    if (p->count == 0 || g->m == 0 || g->n == 0) return;
    const int type = g->dtype == FV_FLOAT64;
    const int64_t nr = p->nr = p->kernels->nr[type];
    /* where k is short the result is the work: rows of it are written one after the other */
    p->mc = g->k <= FV_TILE_SHORT ? 2 * p->kernels->mr : p->kernels->mc;
    p->nc = p->kernels->nc[type];
    p->kc = p->kernels->kc;
    p->dots = g->a_cs == 1 && g->b_rs == 1 && (g->m <= DOTS || g->n <= DOTS);
    p->engine = fv_gemm_engine_for(g, machine, engine);
    cut(p, machine);
    if (reads_b_in_place(p)) {
        p->kc = DIRECT_K;
        p->nc = DIRECT_N / nr * nr;
    }
    size_blocks(p);
}

fv_gemm_scratch fv_gemm_layout(const fv_gemm_plan *p, fv_scratch *s)
{
    fv_gemm_scratch at = {0};
    const size_t size = fv_dtype_size(p->g.dtype);
    bool scattered = p->g.bias && p->g.bias_stride != 1 && p->g.n > 1;
    if (scattered) at.bias = fv_take(s, (size_t)p->g.n * size);
    at.slots = fv_take(s, (p->a_bytes + fv_gemm_own_b_bytes(p)) * (size_t)p->threads);
    at.sums = fv_take(s, (size_t)((p->by_k - 1) * p->count * p->g.m * p->g.n) * size);
    return at;
}

int fv_gemm_describe(const fv_gemm_plan *p, char *text, size_t size)
{
    long long parts = (long long)p->count * p->by_m * p->by_n * p->by_k;
    if (p->count == 0 || p->g.m == 0 || p->g.n == 0) return snprintf(text, size, "nothing");
    if (p->engine == FV_GEMM_BLIS) return snprintf(text, size, "BLIS, %lld parts", parts);
    if (p->dots) return snprintf(text, size, "dot products, %lld parts", parts);
    return snprintf(text, size, "own %dx%d, %lld parts%s", p->kernels->mr, (int)p->nr, parts,
                    p->packed_b ? ", kept weights" : "");
}
