/* Body of gemm_tile_impl.h for one tile shape: GROUPS groups of rows by VECTORS vectors of columns,
 * defined by the includer. Literal constants, not arguments of inline functions: Clang simplifies
 * such functions before it inlines them, and then leaves the sums in memory. */

#define ROWS      (GROUPS * FV_GROUP)
#define SHAPE(id) NAME(FV_ISA_CAT(id##_, FV_ISA_CAT(GROUPS, FV_ISA_CAT(x, VECTORS))))

/* sums[row][vector] start from the bias. */
FV_INLINE void SHAPE(start)(VEC (*sums)[FV_NR], const T *bias)
{
    FV_UNROLL
    for (int v = 0; v < VECTORS; v++) {
        VEC first = {0};
        if (bias) first = NAME(load)(bias + v * NAME(LANES));
        FV_UNROLL
        for (int i = 0; i < ROWS; i++) sums[i][v] = first;
    }
}

/* sums[row][vector] += A[row, k] * B[k, vector], x being the elements of A. */
FV_INLINE void SHAPE(add)(VEC (*sums)[FV_NR], const T *x, const T *b)
{
    VEC columns[VECTORS];
    FV_UNROLL
    for (int v = 0; v < VECTORS; v++) columns[v] = NAME(load)(b + v * NAME(LANES));
    FV_UNROLL
    for (int i = 0; i < ROWS; i++) {
        FV_UNROLL
        for (int v = 0; v < VECTORS; v++) sums[i][v] += x[i] * columns[v];
    }
}

FV_INLINE void SHAPE(store)(const VEC *sums, T *c, bool accumulate)
{
    FV_UNROLL
    for (int v = 0; v < VECTORS; v++, c += NAME(LANES))
        *(VEC_U *)(void *)c = accumulate ? NAME(load)(c) + sums[v] : sums[v];
}

FV_INLINE void SHAPE(store_part)(const VEC *sums, T *c, int64_t columns, bool accumulate)
{
    T row[VECTORS * NAME(LANES)];
    FV_UNROLL
    for (int v = 0; v < VECTORS; v++) *(VEC_U *)(void *)(row + v * NAME(LANES)) = sums[v];
    NAME(store_part)(row, c, columns, accumulate);
}

/* The epilogue while the sums are in registers. */
FV_INLINE void SHAPE(finish)(VEC (*sums)[FV_NR], const fv_tile_finish *f)
{
    const T *scale = f->scale, *shift = f->shift;
    FV_UNROLL
    for (int v = 0; v < VECTORS && scale; v++) {
        const VEC factor = NAME(load)(scale + v * NAME(LANES));
        FV_UNROLL
        for (int i = 0; i < ROWS; i++) sums[i][v] *= factor;
    }
    FV_UNROLL
    for (int v = 0; v < VECTORS && shift; v++) {
        const VEC term = NAME(load)(shift + v * NAME(LANES));
        FV_UNROLL
        for (int i = 0; i < ROWS; i++) sums[i][v] += term;
    }
    if (!f->relu) return;
    FV_UNROLL
    for (int i = 0; i < ROWS; i++) {
        FV_UNROLL
        for (int v = 0; v < VECTORS; v++) sums[i][v] = NAME(positive)(sums[i][v]);
    }
}

/* Where writing is the work, the lines of the next panel's row are fetched meanwhile. */
FV_INLINE void SHAPE(fetch_next)(const T *c)
{
    FV_UNROLL
    for (int v = 0; v < VECTORS; v++) __builtin_prefetch(c + (VECTORS + v) * NAME(LANES), 1);
}

/* sums += A B over all segments of one tile in rows form; a[g] is the first row of group g. */
FV_INLINE void SHAPE(multiply_rows)(VEC (*sums)[FV_NR], const fv_tile_rows *job, const T *const *a)
{
    const int64_t rs = job->a_rs, ld = job->b_ld, length = job->length;
    const T *b = job->b;
    SHAPE(start)(sums, job->bias);
    for (int64_t s = 0; s < job->segment_count; s++) {
        const T *p[2 * FV_TILE_GROUPS];
        if (job->steps) b = (const T *)job->b + job->steps[s] * ld;
        FV_UNROLL
        for (int g = 0; g < GROUPS; g++) p[g] = a[g] + job->segments[s];
        FV_TWICE
        for (int64_t k = 0; k < length; k++, b += ld) {
            T x[ROWS];
            FV_UNROLL
            for (int i = 0; i < ROWS; i++) x[i] = p[i / FV_GROUP][(i % FV_GROUP) * rs];
            FV_UNROLL
            for (int v = 0; v < VECTORS; v++)
                __builtin_prefetch(b + job->b_ahead + v * NAME(LANES));
            SHAPE(add)(sums, x, b);
            FV_UNROLL
            for (int g = 0; g < GROUPS; g++) p[g]++;
        }
    }
}

static __attribute__((noinline)) void SHAPE(rows)(const fv_tile_rows *job, int64_t first,
                                                  int64_t tiles)
{
    const bool full = job->columns == VECTORS * NAME(LANES), accumulate = job->accumulate;
    const fv_tile_finish *early = NAME(is_early)(job) ? job->finish : NULL;
    const fv_tile_finish *late = early ? NULL : job->finish;
    const bool writes = !accumulate && job->segment_count * job->length <= FV_TILE_SHORT;
    const fv_tile_group *at = job->groups + first;
    for (int64_t t = 0; t < tiles; t++, at += GROUPS) {
        const T *a[2 * FV_TILE_GROUPS];
        FV_UNROLL
        for (int g = 0; g < GROUPS; g++) a[g] = (const T *)job->a + at[g].a;
        FV_UNROLL
        for (int i = 0; i < ROWS && writes; i++)
            SHAPE(fetch_next)((T *)job->c + at[i / FV_GROUP].c + (i % FV_GROUP) * job->c_rs);
        VEC sums[2 * FV_MR][FV_NR];
        SHAPE(multiply_rows)(sums, job, a);
        if (early) SHAPE(finish)(sums, early);
        bool whole = full;
        for (int g = 0; g < GROUPS; g++) whole = whole && at[g].keep == FV_GROUP;
        if (whole) {
            FV_UNROLL
            for (int i = 0; i < ROWS; i++) {
                T *c = (T *)job->c + at[i / FV_GROUP].c + (i % FV_GROUP) * job->c_rs;
                SHAPE(store)(sums[i], c, accumulate);
            }
            if (late) NAME(finish)(job, at, GROUPS);
            continue;
        }
        FV_UNROLL
        for (int i = 0; i < ROWS; i++) {
            const fv_tile_group *g = &at[i / FV_GROUP];
            int row = i % FV_GROUP;
            if (row < g->skip || row >= g->skip + g->keep) continue;
            T *c = (T *)job->c + g->c + row * job->c_rs;
            SHAPE(store_part)(sums[i], c, job->columns, accumulate);
        }
        if (late) NAME(finish)(job, at, GROUPS);
    }
}

FV_INLINE void SHAPE(multiply_columns)(VEC (*sums)[FV_NR], const fv_tile_columns *job, const T *a)
{
    const int64_t cs = job->a_cs, ld = job->b_ld, length = job->length;
    const T *b = job->b;
    SHAPE(start)(sums, job->bias);
    for (int64_t s = 0; s < job->segment_count; s++) {
        if (job->steps) b = (const T *)job->b + job->steps[s] * ld;
        const T *p = a + job->segments[s], *q = p + (GROUPS > FV_TILE_GROUPS ? job->a_tile : 0);
        FV_TWICE
        for (int64_t k = 0; k < length; k++, b += ld, p += cs, q += cs) {
            T x[ROWS];
            FV_UNROLL
            for (int i = 0; i < ROWS; i++) x[i] = i < FV_MR ? p[i] : q[i - FV_MR];
            SHAPE(add)(sums, x, b);
        }
    }
}

static __attribute__((noinline)) void SHAPE(columns)(const fv_tile_columns *job, int64_t row,
                                                     int64_t rows)
{
    VEC sums[2 * FV_MR][FV_NR];
    const T *a = (const T *)job->a + row / FV_MR * job->a_tile;
    T *c = (T *)job->c + row * job->c_rs;
    const bool writes = !job->accumulate && job->segment_count * job->length <= FV_TILE_SHORT;
    FV_UNROLL
    for (int i = 0; i < ROWS && writes; i++) SHAPE(fetch_next)(c + i * job->c_rs);
    SHAPE(multiply_columns)(sums, job, a);
    if (job->columns == VECTORS * NAME(LANES)) {
        FV_UNROLL
        for (int i = 0; i < ROWS; i++) {
            if (i >= rows) return;
            SHAPE(store)(sums[i], c + i * job->c_rs, job->accumulate);
        }
        return;
    }
    FV_UNROLL
    for (int i = 0; i < ROWS; i++) {
        if (i >= rows) return;
        SHAPE(store_part)(sums[i], c + i * job->c_rs, job->columns, job->accumulate);
    }
}

/* One tile of a plane, of which `keep` rows are stored. Many columns of B come from beyond the
 * second cache: they are fetched ahead. */
FV_INLINE void SHAPE(plane_tile)(const fv_tile_planes *job, const T *a, const T *b, T *c,
                                 int64_t keep)
{
    const int64_t rs = job->a_rs, ld = job->b_ld, length = job->length, c_rs = job->c_rs;
    const T *p[2 * FV_TILE_GROUPS];
    VEC sums[2 * FV_MR][FV_NR];
    SHAPE(start)(sums, NULL);
    FV_UNROLL
    for (int g = 0; g < GROUPS; g++) p[g] = a + g * FV_GROUP * rs;
    FV_TWICE
    for (int64_t k = 0; k < length; k++, b += ld) {
        T x[ROWS];
        FV_UNROLL
        for (int i = 0; i < ROWS; i++) x[i] = p[i / FV_GROUP][(i % FV_GROUP) * rs + k];
        FV_UNROLL
        for (int v = 0; v < VECTORS && VECTORS > 1; v++)
            __builtin_prefetch(b + FV_TILE_AHEAD * ld + v * NAME(LANES));
        SHAPE(add)(sums, x, b);
    }
    FV_UNROLL
    for (int i = 0; i < ROWS; i++)
        if (i < keep) SHAPE(store)(sums[i], c + i * c_rs, false);
}

/* Tiles of a plane: whole ones, or the last one. */
static __attribute__((noinline)) void SHAPE(plane)(const fv_tile_planes *job, const T *a,
                                                   const T *b, T *c, int64_t rows)
{
    for (; rows >= ROWS; rows -= ROWS, a += ROWS * job->a_rs, c += ROWS * job->c_rs)
        SHAPE(plane_tile)(job, a, b, c, ROWS);
    if (rows > 0) SHAPE(plane_tile)(job, a, b, c, rows);
}

#undef SHAPE
#undef ROWS
#undef GROUPS
#undef VECTORS
