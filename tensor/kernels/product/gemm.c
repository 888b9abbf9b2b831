/* Matrix multiplication: the parts of a plan, cache blocking within a part.
 *
 * Every part of C is computed on its own, with the packed blocks of its thread, so that there is
 * no barrier but where sums are cut along k: the parts of those are products of their own, which
 * are added up at the end. Per part, in the order of the loops:
 *
 *     columns of C by NC, k by KC:             pack B[KC, NC] in panels of NR columns     (L2)
 *         rows of C by MC:                     pack A[MC, KC]                             (L2)
 *             panel of B                       KC x NR                                    (L1)
 *                 tile of MR rows              registers
 *
 * Operands that are small enough and already in a readable order are not packed. */
#include "gemm.h"

#include <string.h>

#include "gemm_impl.h"
#include "tensor/parallel.h"

enum { DIRECT_BYTES = 16384 }; /* an operand this small is read in place, */
enum { DIRECT_AHEAD = 64 };    /* elements of a row of B in place */

/* What a part works on. */
typedef struct work {
    const fv_gemm_plan *plan;
    fv_gemm_operands at;
    int64_t k, c_rs; /* the plan's, or those of a part of k: such parts differ in no more */
    bool bias, accumulate, relu;
    fv_gemm_part part;
    size_t size; /* of an element */
    int type;    /* index of the kernels */
    char *packed_a, *packed_b;
    bool small_a, small_b;
} work;

/* Rows of A as the tiles read them: by rows (cs = 1) or by columns (rs = 1). */
typedef struct block {
    int64_t i, rows, k, depth;
    const void *data;
    bool by_rows, packed;
    int64_t rs, cs, tile;
} block;

typedef struct panel {
    int64_t j, columns;
    const void *data;
    int64_t ld, ahead; /* see fv_tile_rows */
} panel;

/* --- A ---------------------------------------------------------------------------------------- */

/* Fills in where the block lies; it is packed unless it can be read in place. */
static void prepare_a(const work *w, block *b)
{
    const fv_gemm *g = &w->plan->g;
    const int group = w->plan->kernels->group, mr = w->plan->kernels->mr;
    const void *a = fv_gemm_element(w->at.a, b->i * g->a_rs + b->k * g->a_cs, w->size);
    b->by_rows = g->a_cs == 1 || g->a_rs != 1;
    b->packed = !w->small_a || (g->a_cs != 1 && g->a_rs != 1) ||
                (b->by_rows ? b->rows < group : b->rows % group != 0);
    b->data = b->packed ? w->packed_a : a;
    b->rs = g->a_rs;
    b->cs = g->a_cs;
    b->tile = mr;
    if (!b->packed) return;
    if (b->by_rows) {
        b->rs = b->depth + FV_GEMM_PAD;
        b->cs = 1;
        fv_gemm_pack_rows(fv_gemm_mover_of(w->plan), a, g->a_rs, g->a_cs, b->rows, b->depth, group,
                          w->packed_a, b->rs);
    } else {
        b->rs = 1;
        b->cs = mr;
        b->tile = b->depth * mr;
        fv_gemm_pack_panels(fv_gemm_mover_of(w->plan), a, g->a_cs, g->a_rs, b->depth, b->rows, mr,
                            mr, w->packed_a);
    }
}

/* Groups for the rows of a block by rows; returns their number. In place, a last group that would
 * reach over the end starts earlier and skips the rows that another one has; packed rows are filled
 * up. */
static int64_t list_groups(const work *w, const block *b, fv_tile_group *groups)
{
    const fv_tile_group *first = groups;
    int group = w->plan->kernels->group;
    const int64_t c_rs = w->c_rs;
    for (int64_t row = 0; row < b->rows; row += group) {
        int32_t keep = (int32_t)fv_gemm_min(group, b->rows - row);
        int32_t skip = b->packed ? 0 : group - keep;
        *groups++ = (fv_tile_group){(row - skip) * b->rs, (row - skip) * c_rs, skip, keep};
    }
    return groups - first;
}

/* --- B ---------------------------------------------------------------------------------------- */

static bool in_place(const work *w, int64_t columns, int64_t width)
{
    return w->small_b && w->plan->g.b_cs == 1 && columns == width;
}

static void pack_panels(const work *w, int64_t k, int64_t depth, int64_t n0, int64_t n1)
{
    const fv_gemm *g = &w->plan->g;
    const int64_t nr = w->plan->nr;
    const int64_t last = n1 - n0 <= nr ? n0 : n0 + (n1 - n0 - 1) / nr * nr;
    const int64_t width = fv_gemm_panel_width(w->plan, n1 - last);
    if (w->plan->packed_b || in_place(w, n1 - last, width)) return;
    const int64_t j = in_place(w, nr, nr) ? last : n0;
    fv_gemm_pack_panels(fv_gemm_mover_of(w->plan),
                        fv_gemm_element(w->at.b, k * g->b_rs + j * g->b_cs, w->size), g->b_rs,
                        g->b_cs, depth, n1 - j, nr, width,
                        w->packed_b + (j - n0) * depth * (int64_t)w->size);
}

static panel panel_at(const work *w, int64_t k, int64_t depth, int64_t j, int64_t n0, int64_t n1)
{
    const fv_gemm *g = &w->plan->g;
    panel p = {.j = j, .columns = fv_gemm_min(w->plan->nr, n1 - j)};
    p.ld = fv_gemm_panel_width(w->plan, p.columns);
    if (w->plan->packed_b) {
        int64_t at = fv_gemm_packed_offset(w->plan, k, depth, j);
        p.data = fv_gemm_element(w->at.packed_b, at, w->size);
        p.ahead = FV_TILE_AHEAD * p.ld;
        return p;
    }
    p.data = fv_gemm_element(w->packed_b, (j - n0) * depth, w->size);
    if (!in_place(w, p.columns, p.ld)) return p;
    p.data = fv_gemm_element(w->at.b, k * g->b_rs + j, w->size);
    p.ahead = DIRECT_AHEAD; /* of the same rows */
    p.ld = g->b_rs;
    return p;
}

/* --- the product ------------------------------------------------------------------------------ */

/* C[rows of a, columns of b] += or = A block * B panel. */
static void multiply(const work *w, const block *a, const fv_tile_group *groups, int64_t count,
                     const panel *b)
{
    static const int64_t no_offset[1] = {0};
    const fv_tile_kernels *kernels = w->plan->kernels;
    const bool first = a->k == 0, accumulate = w->accumulate || !first;
    void *c = (char *)w->at.c + (a->i * w->c_rs + b->j) * (int64_t)w->size;
    const void *bias = w->bias && first ? fv_gemm_element(w->at.bias, b->j, w->size) : NULL;
    if (a->by_rows) {
        kernels->rows[w->type](&(fv_tile_rows){.a = a->data,
                                               .a_rs = a->rs,
                                               .groups = groups,
                                               .group_count = count,
                                               .segments = no_offset,
                                               .segment_count = 1,
                                               .length = a->depth,
                                               .b = b->data,
                                               .b_ld = b->ld,
                                               .b_ahead = b->ahead,
                                               .c = c,
                                               .c_rs = w->c_rs,
                                               .columns = b->columns,
                                               .bias = bias,
                                               .accumulate = accumulate});
    } else {
        kernels->columns[w->type](&(fv_tile_columns){.a = a->data,
                                                     .a_cs = a->cs,
                                                     .a_tile = a->tile,
                                                     .rows = a->rows,
                                                     .segments = no_offset,
                                                     .segment_count = 1,
                                                     .length = a->depth,
                                                     .b = b->data,
                                                     .b_ld = b->ld,
                                                     .c = c,
                                                     .c_rs = w->c_rs,
                                                     .columns = b->columns,
                                                     .bias = bias,
                                                     .accumulate = accumulate});
    }
}

/* All panels of B in n0..n1 against one block of A. */
static void multiply_panels(const work *w, const block *a, int64_t n0, int64_t n1)
{
    fv_tile_group groups[FV_TILE_BLOCK_M];
    const int64_t count = a->by_rows ? list_groups(w, a, groups) : 0;
    for (int64_t j = n0; j < n1; j += w->plan->nr) {
        panel b = panel_at(w, a->k, a->depth, j, n0, n1);
        multiply(w, a, groups, count, &b);
    }
}

static void run_tiles(const work *w)
{
    const fv_gemm_plan *p = w->plan;
    const fv_gemm_part *r = &w->part;
    for (int64_t n0 = r->n0; n0 < r->n1; n0 += p->nc) {
        int64_t n1 = fv_gemm_min(n0 + p->nc, r->n1), k = 0;
        do { /* once for k = 0 too: C becomes the bias */
            int64_t depth = fv_gemm_min(p->kc, w->k - k);
            pack_panels(w, k, depth, n0, n1);
            for (int64_t i = r->m0; i < r->m1; i += p->mc) {
                block a = {.i = i, .rows = fv_gemm_min(p->mc, r->m1 - i), .k = k, .depth = depth};
                prepare_a(w, &a);
                multiply_panels(w, &a, n0, n1);
            }
            k += depth;
        } while (k < w->k);
    }
}

/* A matrix times a few vectors, both read along k: B transposed and few rows, or few columns. The
 * kernel takes four rows of its first operand for each of the other, the shorter one. */
static void run_dots(const work *w)
{
    const fv_gemm *g = &w->plan->g;
    const fv_gemm_part *r = &w->part;
    const bool swap = g->m < g->n;
    const int64_t rows = r->m1 - r->m0, columns = r->n1 - r->n0;
    const void *a = fv_gemm_element(w->at.a, r->m0 * g->a_rs, w->size);
    const void *b = fv_gemm_element(w->at.b, r->n0 * g->b_cs, w->size);
    fv_tile_dots job = {
        .x = swap ? b : a,
        .x_rs = swap ? g->b_cs : g->a_rs,
        .x_count = swap ? columns : rows,
        .y = swap ? a : b,
        .y_rs = swap ? g->a_rs : g->b_cs,
        .y_count = swap ? rows : columns,
        .length = w->k,
        .c = (char *)w->at.c + (r->m0 * w->c_rs + r->n0) * (int64_t)w->size,
        .c_i = swap ? 1 : w->c_rs,
        .c_j = swap ? w->c_rs : 1,
        .bias = w->bias ? fv_gemm_element(w->at.bias, r->n0, w->size) : NULL,
        .bias_i = swap ? 1 : 0,
        .bias_j = swap ? 0 : 1,
        .accumulate = w->accumulate,
    };
    w->plan->kernels->dots[w->type](&job);
}

static void run_part(work *w)
{
    const fv_gemm *g = &w->plan->g;
    const fv_gemm_part *r = &w->part;
    const int64_t rows = r->m1 - r->m0, columns = r->n1 - r->n0;
    if (w->plan->engine == FV_GEMM_BLIS) {
        fv_gemm_blis(g, &w->at, w->part);
    } else if (w->plan->dots) {
        run_dots(w);
    } else {
        const int64_t size = (int64_t)w->size;
        w->small_b = w->k * columns * size <= DIRECT_BYTES || rows <= FV_GEMM_DIRECT_ROWS;
        w->small_a = rows * w->k * size <= DIRECT_BYTES || fv_gemm_a_in_place(g, columns);
        run_tiles(w);
    }
    if (w->relu) {
        fv_tile_sums finished = {
            .c = (char *)w->at.c + (r->m0 * w->c_rs + r->n0) * (int64_t)w->size,
            .c_rs = w->c_rs,
            .rows = rows,
            .columns = columns,
            .relu = true,
        };
        w->plan->kernels->sums[w->type](&finished);
    }
}

/* --- B as it is kept -------------------------------------------------------------------------- */

typedef struct pack_job {
    const fv_gemm_plan *plan;
    const void *b;
    void *to;
    int64_t panels, chunks;
} pack_job;

static void pack_chunk(void *data, int64_t chunk, int slot)
{
    const pack_job *job = data;
    const fv_gemm_plan *p = job->plan;
    const fv_gemm *g = &p->g;
    const int64_t nr = p->nr;
    const size_t size = fv_dtype_size(g->dtype);
    const int64_t end = fv_chunk_begin(job->panels, job->chunks, chunk + 1);
    (void)slot;
    for (int64_t i = fv_chunk_begin(job->panels, job->chunks, chunk); i < end; i++) {
        const int64_t j = i * nr, columns = fv_gemm_min(nr, g->n - j);
        for (int64_t k = 0; k < g->k; k += p->kc) {
            const int64_t depth = fv_gemm_min(p->kc, g->k - k);
            char *to = (char *)job->to + fv_gemm_packed_offset(p, k, depth, j) * (int64_t)size;
            fv_gemm_pack_panels(fv_gemm_mover_of(p),
                                fv_gemm_element(job->b, k * g->b_rs + j * g->b_cs, size), g->b_rs,
                                g->b_cs, depth, columns, nr, fv_gemm_panel_width(p, columns), to);
        }
    }
}

void fv_gemm_pack(const fv_gemm_plan *p, const void *b, void *packed)
{
    pack_job job = {.plan = p, .b = b, .to = packed};
    job.panels = fv_gemm_ceil(p->g.n, p->nr);
    job.chunks = fv_chunks_for((double)p->g.n * (double)p->g.k * 0.5, job.panels);
    fv_parallel(p->threads, job.chunks, pack_chunk, &job);
}

/* --- all parts -------------------------------------------------------------------------------- */

/* Borders of parts lie between tiles. */
static int64_t border(int64_t size, int64_t unit, int64_t parts, int64_t i)
{
    return fv_gemm_min(fv_chunk_begin(fv_gemm_ceil(size, unit), parts, i) * unit, size);
}

static fv_gemm_part part_at(const fv_gemm_plan *p, int64_t i)
{
    if (p->by_m == 1 && p->by_n == 1) return (fv_gemm_part){0, p->g.m, 0, p->g.n};
    int64_t m = i / p->by_n, n = i % p->by_n;
    int64_t mr = p->kernels->mr, nr = p->nr;
    return (fv_gemm_part){.m0 = border(p->g.m, mr, p->by_m, m),
                          .m1 = border(p->g.m, mr, p->by_m, m + 1),
                          .n0 = border(p->g.n, nr, p->by_n, n),
                          .n1 = border(p->g.n, nr, p->by_n, n + 1)};
}

typedef struct run {
    const fv_gemm_plan *plan;
    fv_gemm_operands operands;
    fv_gemm_scratch scratch;
    int64_t chunks; /* of the rows in which partial sums are added up */
} run;

/* Product i, whole. */
static void take_product(const run *r, int64_t i, work *w)
{
    const fv_gemm *g = &r->plan->g;
    w->at = fv_gemm_at(g, &r->operands, i);
    w->k = g->k;
    w->c_rs = g->c_rs;
    w->bias = g->bias;
    w->accumulate = g->accumulate;
    w->relu = g->relu;
}

/* Of product i part j of k, as a product of its own. The first has the bias and what C holds, the
 * relu comes when all have been added up. */
static void take_depth(const run *r, int64_t i, int64_t j, work *w)
{
    const fv_gemm_plan *p = r->plan;
    const fv_gemm *g = &p->g;
    const int64_t k = border(g->k, p->kernels->kc, p->by_k, j);
    w->k = border(g->k, p->kernels->kc, p->by_k, j + 1) - k;
    w->relu = false;
    w->at.a = fv_gemm_element(w->at.a, k * g->a_cs, w->size);
    w->at.b = fv_gemm_element(w->at.b, k * g->b_rs, w->size);
    if (p->packed_b)
        w->at.packed_b = fv_gemm_element(w->at.packed_b, k * fv_gemm_padded_columns(p), w->size);
    if (j == 0) return;
    w->bias = w->accumulate = false;
    w->c_rs = g->n;
    w->at.c = r->scratch.sums + ((j - 1) * p->count + i) * g->m * g->n * (int64_t)w->size;
}

static void run_chunk(void *job, int64_t chunk, int slot)
{
    const run *r = job;
    const fv_gemm_plan *p = r->plan;
    const int64_t parts = p->by_m * p->by_n, units = p->count * p->by_k * parts;
    work w = {.plan = p, .size = fv_dtype_size(p->g.dtype), .type = p->g.dtype == FV_FLOAT64};
    if (r->scratch.slots) { /* some products pack nothing */
        const size_t b_bytes = fv_gemm_own_b_bytes(p);
        w.packed_b = r->scratch.slots + (size_t)slot * (p->a_bytes + b_bytes);
        w.packed_a = w.packed_b + b_bytes;
    }
    const int64_t end = fv_chunk_begin(units, p->chunks, chunk + 1);
    for (int64_t i = fv_chunk_begin(units, p->chunks, chunk); i < end; i++) {
        const int64_t of = parts == 1 ? i : i / parts;
        const int64_t product = p->by_k == 1 ? of : of / p->by_k;
        take_product(r, product, &w);
        if (p->by_k > 1) take_depth(r, product, of - product * p->by_k, &w);
        w.part = part_at(p, i - of * parts);
        run_part(&w);
    }
}

/* Some rows of C; those of all products follow each other. */
static void add_chunk(void *job, int64_t chunk, int slot)
{
    const run *r = job;
    const fv_gemm_plan *p = r->plan;
    const fv_gemm *g = &p->g;
    const int64_t all = p->count * g->m, size = (int64_t)fv_dtype_size(g->dtype);
    const int64_t row = fv_chunk_begin(all, r->chunks, chunk);
    const fv_tile_sums sums = {
        .c = (char *)r->operands.c + row * g->c_rs * size,
        .c_rs = g->c_rs,
        .rows = fv_chunk_begin(all, r->chunks, chunk + 1) - row,
        .columns = g->n,
        .from = r->scratch.sums + row * g->n * size,
        .apart = all * g->n,
        .count = p->by_k - 1,
        .relu = g->relu,
    };
    (void)slot;
    p->kernels->sums[g->dtype == FV_FLOAT64](&sums);
}

static void add_up(run *r)
{
    const fv_gemm_plan *p = r->plan;
    const int64_t rows = p->count * p->g.m;
    const double read = (double)rows * (double)p->g.n * (double)p->by_k;
    r->chunks = fv_chunks_for(read * (double)fv_dtype_size(p->g.dtype) / 20, rows);
    fv_parallel(p->threads, r->chunks, add_chunk, r);
}

static void copy_bias(const fv_gemm *g, const void *from, char *to)
{
    size_t size = fv_dtype_size(g->dtype);
    for (int64_t j = 0; j < g->n; j++)
        memcpy(to + j * (int64_t)size, fv_gemm_element(from, j * g->bias_stride, size), size);
}

void fv_gemm_run(const fv_gemm_plan *p, const fv_gemm_operands *o, void *scratch)
{
    if (p->count == 0 || p->g.m == 0 || p->g.n == 0) return;
    fv_scratch memory = {.memory = scratch};
    run r = {.plan = p, .operands = *o, .scratch = fv_gemm_layout(p, &memory)};
    if (r.scratch.bias) {
        copy_bias(&p->g, o->bias, r.scratch.bias);
        r.operands.bias = r.scratch.bias;
    }
    fv_parallel(p->threads, p->chunks, run_chunk, &r);
    if (p->by_k > 1) add_up(&r);
}
