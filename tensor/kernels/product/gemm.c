/* Matrix multiplication: choice of the backend, cutting for threads, cache blocking.
 *
 * Own kernels: every thread computes one rectangle of C on its own, with its own packed blocks, so
 * that there is no barrier. Per rectangle, in the order of the loops:
 *
 *     columns of C by BLOCK_N, k by BLOCK_K:   pack B[BLOCK_K, BLOCK_N] in panels of NR   (L2)
 *         rows of C by BLOCK_M:                pack A[BLOCK_M, BLOCK_K]                   (L2)
 *             panel of B                       BLOCK_K x NR                               (L1)
 *                 tile of rows                 registers
 *
 * Operands that are small enough and already in a readable order are not packed.
 *
 * Which backend: the own kernels, but BLIS for products of BLIS_FLOPS or more at the base level,
 * where it knows better instructions. Measured with the packaged BLIS 0.9.0, two threads, in
 * GFLOP/s, on a Xeon that it takes for a Haswell: 1024^3 own AVX-512 300, own AVX2 200, BLIS 190;
 * 128 x 512 x 4096 own 264, 170, BLIS 174; 64^3 (serial) own 140, BLIS 68.
 * The environment variable FOVEA_GEMM (own, blis) overrules it. */
#include "gemm.h"

#include <stdlib.h>
#include <string.h>

#include "gemm_impl.h"
#include "gemm_tile.h"

enum { BLOCK_K = 256, BLOCK_M = 240, BLOCK_N = 512 };
enum { PAD = 16 };             /* keeps packed rows off 4 KiB aliases */
enum { DIRECT_BYTES = 16384 }; /* an operand this small is read in place */
enum { GROUP_MIN = 2, LANES_MAX = 16 };
enum { DOTS = 3 }; /* vectors up to which run_dots is quicker than a tile */

/* Multiply-adds count twice. */
static const double PARALLEL_FLOPS = 4e6, BLIS_FLOPS = 2e6;

typedef struct rectangle {
    int64_t m0, m1, n0, n1;
} rectangle;

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static size_t element_size(const fv_gemm *g)
{
    return g->dtype == FV_FLOAT64 ? 8 : 4;
}

static double flops(const fv_gemm *g)
{
    return 2.0 * (double)g->m * (double)g->n * (double)g->k;
}

static const void *at(const void *p, int64_t elements, size_t size)
{
    return (const char *)p + elements * (int64_t)size;
}

/* Threads by rows and by columns: the cut whose largest rectangle costs least, packing included. */
static void thread_grid(const fv_gemm *g, int threads, int *by_m, int *by_n)
{
    double best = 0;
    *by_m = *by_n = 1;
    if (flops(g) < PARALLEL_FLOPS) return;
    for (int m = 1; m <= threads; m++) {
        int n = threads / m;
        double rows = (double)ceil_div(ceil_div(g->m, 12), m) * 12;
        double columns = (double)ceil_div(ceil_div(g->n, 32), n) * 32;
        double cost = rows * columns / 32 + (rows + columns); /* cycles for each k */
        if (best == 0 || cost < best) {
            best = cost;
            *by_m = m;
            *by_n = n;
        }
    }
}

static bool forced(const char *backend)
{
    static int choice = -1; /* 0 own, 1 blis, 2 none; racing threads store the same value */
    int value = __atomic_load_n(&choice, __ATOMIC_RELAXED);
    if (value < 0) {
        const char *text = getenv("FOVEA_GEMM");
        value = !text ? 2 : !strcmp(text, "own") ? 0 : !strcmp(text, "blis") ? 1 : 2;
        __atomic_store_n(&choice, value, __ATOMIC_RELAXED);
    }
    return value == (backend[0] == 'b');
}

static bool wants_blis(const fv_gemm *g)
{
    if (forced("own")) return false;
    if (forced("blis")) return true;
    return FV_ISA_PICK(fv_tile_kernels_, fv_isa_level())->lanes[0] == 4 && flops(g) >= BLIS_FLOPS;
}

/* Elements of the packed blocks of one thread. The rectangle of a thread is never larger than the
 * whole of C; the sizes hold for every level, whatever its tile. */
static int64_t packed_b_elements(const fv_gemm *g)
{
    return min64(g->k, BLOCK_K) * min64(ceil_div(g->n, 2 * LANES_MAX) * 2 * LANES_MAX, BLOCK_N);
}

static int64_t packed_a_elements(const fv_gemm *g)
{
    return (min64(g->k, BLOCK_K) + PAD) * min64(ceil_div(g->m, 12) * 12, BLOCK_M);
}

static size_t thread_scratch(const fv_gemm *g)
{
    size_t elements = (size_t)(packed_a_elements(g) + packed_b_elements(g) + 32);
    return (elements * element_size(g) + 63) / 64 * 64;
}

size_t fv_gemm_scratch(const fv_gemm *g, int threads)
{
    if (g->m < 1 || g->n < 1) return 0;
    int by_m, by_n;
    thread_grid(g, threads, &by_m, &by_n);
    return thread_scratch(g) * (size_t)(by_m * by_n);
}

/* A block of A as the tiles read it: by rows (cs = 1) or by columns (rs = 1). */
typedef struct block {
    const void *data;
    bool by_rows;
    int64_t rs, cs, tile;
} block;

/* A[rows from i, depth from k], packed unless it can be read in place. */
static block prepare_a(const fv_gemm *g, const fv_tile_kernels *kernels, int64_t i, int64_t k,
                       int64_t rows, int64_t depth, bool pack, void *packed)
{
    const int mr = kernels->group * FV_TILE_GROUPS;
    size_t size = element_size(g);
    const void *a = at(g->a, i * g->a_rs + k * g->a_cs, size);
    bool by_rows = g->a_cs == 1 || g->a_rs != 1;
    block b = {a, by_rows, g->a_rs, g->a_cs, mr};
    pack = pack || (g->a_cs != 1 && g->a_rs != 1);
    pack = pack || (by_rows ? rows < kernels->group : rows % kernels->group != 0);
    if (!pack) return b;
    b.data = packed;
    if (by_rows) {
        b.rs = depth + PAD;
        b.cs = 1;
        fv_gemm_pack_rows(size, a, g->a_rs, g->a_cs, rows, depth, kernels->group, packed, b.rs);
    } else {
        b.rs = 1;
        b.cs = mr;
        b.tile = depth * mr;
        fv_gemm_pack_columns(size, a, g->a_rs, g->a_cs, rows, depth, mr, packed);
    }
    return b;
}

/* Groups for `rows` rows of a block by rows. In place, a last group that would reach over the end
 * starts earlier and skips the rows that another one has; packed rows are filled up. */
static int64_t list_groups(fv_tile_group *groups, int64_t rows, int64_t a_rs, int64_t c_rs,
                           int group, bool packed)
{
    int64_t count = 0;
    for (int64_t row = 0; row < rows; row += group) {
        int32_t keep = (int32_t)min64(group, rows - row), skip = packed ? 0 : group - keep;
        groups[count++] = (fv_tile_group){(row - skip) * a_rs, (row - skip) * c_rs, skip, keep};
    }
    return count;
}

/* C[i.., j..] += or = A block * B panel. */
static void multiply(const fv_gemm *g, const fv_tile_kernels *kernels, const block *a,
                     const fv_tile_group *groups, int64_t rows, const void *b, int64_t b_ld,
                     int64_t depth, int64_t i, int64_t j, int64_t columns, bool first)
{
    static const int64_t no_offset[1] = {0};
    size_t size = element_size(g);
    int type = g->dtype == FV_FLOAT64;
    void *c = (char *)g->c + (i * g->c_rs + j) * (int64_t)size;
    const void *bias = g->bias && first ? at(g->bias, j, size) : NULL;
    bool accumulate = g->accumulate || !first;
    if (a->by_rows) {
        kernels->rows[type](&(fv_tile_rows){.a = a->data,
                                            .a_rs = a->rs,
                                            .groups = groups,
                                            .group_count = ceil_div(rows, kernels->group),
                                            .segments = no_offset,
                                            .segment_count = 1,
                                            .length = depth,
                                            .b = b,
                                            .b_ld = b_ld,
                                            .c = c,
                                            .c_rs = g->c_rs,
                                            .columns = columns,
                                            .bias = bias,
                                            .accumulate = accumulate});
    } else {
        kernels->columns[type](&(fv_tile_columns){.a = a->data,
                                                  .a_cs = a->cs,
                                                  .a_tile = a->tile,
                                                  .rows = rows,
                                                  .segments = no_offset,
                                                  .segment_count = 1,
                                                  .length = depth,
                                                  .b = b,
                                                  .b_ld = b_ld,
                                                  .c = c,
                                                  .c_rs = g->c_rs,
                                                  .columns = columns,
                                                  .bias = bias,
                                                  .accumulate = accumulate});
    }
}

typedef struct panels {
    char *packed;
    int64_t nr, lanes;
    bool direct; /* whole panels are read in place */
} panels;

/* Columns of a packed panel: whole vectors. */
static int64_t panel_width(const panels *p, int64_t columns)
{
    return columns > p->lanes ? p->nr : p->lanes;
}

static void pack_panels(const fv_gemm *g, const panels *p, int64_t k, int64_t depth, int64_t n0,
                        int64_t n1)
{
    size_t size = element_size(g);
    for (int64_t j = n0; j < n1; j += p->nr) {
        int64_t columns = min64(p->nr, n1 - j), width = panel_width(p, columns);
        if (p->direct && columns == width) continue;
        fv_gemm_pack_b(size, at(g->b, k * g->b_rs + j * g->b_cs, size), g->b_rs, g->b_cs, depth,
                       columns, p->packed + (j - n0) * depth * (int64_t)size, width);
    }
}

/* All panels of B in n0..n1 against the rows i..i+rows. */
static void multiply_panels(const fv_gemm *g, const fv_tile_kernels *kernels, const panels *p,
                            const block *a, bool packed_a, int64_t i, int64_t rows, int64_t k,
                            int64_t depth, int64_t n0, int64_t n1)
{
    fv_tile_group groups[BLOCK_M / GROUP_MIN];
    size_t size = element_size(g);
    if (a->by_rows) list_groups(groups, rows, a->rs, g->c_rs, kernels->group, packed_a);
    for (int64_t j = n0; j < n1; j += p->nr) {
        int64_t columns = min64(p->nr, n1 - j), width = panel_width(p, columns);
        bool direct = p->direct && columns == width;
        const void *b =
            direct ? at(g->b, k * g->b_rs + j, size) : at(p->packed, (j - n0) * depth, size);
        multiply(g, kernels, a, groups, rows, b, direct ? g->b_rs : width, depth, i, j, columns,
                 k == 0);
    }
}

/* A matrix times a few vectors, both read along k: B transposed and few rows, or few columns. */
static bool run_dots(const fv_gemm *g, rectangle r)
{
    int64_t rows = r.m1 - r.m0, columns = r.n1 - r.n0;
    size_t size = element_size(g);
    int type = g->dtype == FV_FLOAT64;
    if (g->a_cs != 1 || g->b_rs != 1 || (rows > DOTS && columns > DOTS)) return false;
    bool swap = rows <= DOTS; /* the kernel takes four rows of its first operand for each other */
    const void *a = at(g->a, r.m0 * g->a_rs, size), *b = at(g->b, r.n0 * g->b_cs, size);
    fv_tile_dots job = {
        .x = swap ? b : a,
        .x_rs = swap ? g->b_cs : g->a_rs,
        .x_count = swap ? columns : rows,
        .y = swap ? a : b,
        .y_rs = swap ? g->a_rs : g->b_cs,
        .y_count = swap ? rows : columns,
        .length = g->k,
        .c = (char *)g->c + (r.m0 * g->c_rs + r.n0) * (int64_t)size,
        .c_i = swap ? 1 : g->c_rs,
        .c_j = swap ? g->c_rs : 1,
        .bias = g->bias ? at(g->bias, r.n0, size) : NULL,
        .bias_i = swap ? 1 : 0,
        .bias_j = swap ? 0 : 1,
        .accumulate = g->accumulate,
    };
    FV_ISA_PICK(fv_tile_kernels_, fv_isa_level())->dots[type](&job);
    return true;
}

static void run_rectangle(const fv_gemm *g, rectangle r, char *scratch)
{
    const fv_tile_kernels *kernels = FV_ISA_PICK(fv_tile_kernels_, fv_isa_level());
    size_t size = element_size(g);
    int64_t rows = r.m1 - r.m0, columns = r.n1 - r.n0;
    if (rows < 1 || columns < 1 || run_dots(g, r)) return;
    char *packed_a = scratch + (packed_b_elements(g) * (int64_t)size + 63) / 64 * 64;
    int lanes = kernels->lanes[g->dtype == FV_FLOAT64];
    /* Copying B pays when more than two row tiles reuse it, copying A when many panels do. */
    bool small_b = g->k * columns * (int64_t)size <= DIRECT_BYTES || rows <= 24;
    bool small_a = rows * g->k * (int64_t)size <= DIRECT_BYTES || columns <= 32;
    panels p = {scratch, 2 * lanes, lanes, g->b_cs == 1 && small_b};
    for (int64_t n0 = r.n0; n0 < r.n1; n0 += BLOCK_N) {
        int64_t n1 = min64(n0 + BLOCK_N, r.n1), k = 0;
        do { /* once for k = 0 too: C becomes the bias */
            int64_t depth = min64(BLOCK_K, g->k - k);
            pack_panels(g, &p, k, depth, n0, n1);
            for (int64_t i = r.m0; i < r.m1; i += BLOCK_M) {
                int64_t count = min64(BLOCK_M, r.m1 - i);
                block a = prepare_a(g, kernels, i, k, count, depth, !small_a, packed_a);
                multiply_panels(g, kernels, &p, &a, a.data == packed_a, i, count, k, depth, n0, n1);
            }
            k += depth;
        } while (k < g->k);
    }
}

/* The part of [0, size) for part i of n, in multiples of unit. */
static void cut(int64_t size, int64_t unit, int i, int n, int64_t *from, int64_t *to)
{
    int64_t units = ceil_div(size, unit);
    *from = min64(units * i / n * unit, size);
    *to = min64(units * (i + 1) / n * unit, size);
}

void fv_gemm_run(const fv_gemm *g, void *scratch, int threads)
{
    int by_m, by_n;
    if (g->m < 1 || g->n < 1) return;
    if (wants_blis(g) && fv_gemm_blis(g, flops(g) < PARALLEL_FLOPS ? 1 : threads)) return;
    thread_grid(g, threads, &by_m, &by_n);
    if (by_m * by_n == 1) {
        run_rectangle(g, (rectangle){0, g->m, 0, g->n}, scratch);
        return;
    }
    size_t each = thread_scratch(g);
#pragma omp parallel for num_threads(by_m *by_n) schedule(static, 1)
    for (int t = 0; t < by_m * by_n; t++) {
        rectangle r;
        cut(g->m, 12, t / by_n, by_m, &r.m0, &r.m1);
        cut(g->n, 32, t % by_n, by_n, &r.n0, &r.n1);
        run_rectangle(g, r, (char *)scratch + (size_t)t * each);
    }
}
