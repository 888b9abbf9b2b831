/* Batch normalisation's inner loops for one element type T of LANES to a vector VEC; included by
 * norm_isa.c. Columns are done in strips of up to BLOCK_VECTORS vectors, then one by one. */

FV_INLINE VEC NAME(load)(const T *p)
{
    VEC v;
    memcpy(&v, p, sizeof v);
    return v;
}

FV_INLINE void NAME(store)(T *p, VEC v)
{
    memcpy(p, &v, sizeof v);
}

/* --- statistics of a chunk ---------------------------------------------------------------- */

/* The state of a strip: sums of d = x - origin and d * d, in double. */
typedef struct NAME(moments) {
    double sum[BLOCK_VECTORS * LANES], square[BLOCK_VECTORS * LANES];
    T origin[BLOCK_VECTORS * LANES], center[BLOCK_VECTORS * LANES];
} NAME(moments);

/* The mean of the first rows, from which the first block's differences are taken: exactly x where
 * all are equal, however large. */
FV_INLINE void NAME(first_center)(NAME(moments) * m, const T *x, int64_t stride, int64_t rows,
                                  int width)
{
    for (int j = 0; j < width; j++) m->center[j] = 0;
    for (int64_t r = 1; r < rows; r++)
        for (int j = 0; j < width; j++) m->center[j] += x[r * stride + j] - x[j];
    for (int j = 0; j < width; j++) m->origin[j] = m->center[j] = x[j] + m->center[j] / (T)rows;
    for (int j = 0; j < width; j++) m->sum[j] = m->square[j] = 0;
}

/* Adds a block's sums of e = x - center and e * e; its mean is the next block's center. */
FV_INLINE void NAME(add_block)(NAME(moments) * m, const T *sum, const T *square, int64_t rows,
                               int width)
{
    for (int j = 0; j < width; j++) {
        double shift = (double)m->center[j] - (double)m->origin[j], e = (double)sum[j];
        m->sum[j] += (double)rows * shift + e;
        m->square[j] += (double)square[j] + shift * (2 * e + (double)rows * shift);
        m->center[j] += sum[j] / (T)rows;
    }
}

FV_INLINE void NAME(statistics_strip)(const fv_norm_job *job, int64_t column, int vectors)
{
    NAME(moments) m;
    T sums[BLOCK_VECTORS * LANES], squares[BLOCK_VECTORS * LANES];
    const T *x = (const T *)job->x + column;
    int width = vectors * LANES;
    NAME(first_center)(&m, x, job->columns, job->rows < 8 ? job->rows : 8, width);
    for (int64_t r = 0; r < job->rows; r += BLOCK_ROWS) {
        int64_t rows = job->rows - r < BLOCK_ROWS ? job->rows - r : BLOCK_ROWS;
        VEC sum[BLOCK_VECTORS], square[BLOCK_VECTORS], center[BLOCK_VECTORS];
        for (int i = 0; i < vectors; i++) {
            center[i] = NAME(load)(m.center + i * LANES);
            sum[i] = square[i] = (VEC){0};
        }
        for (int64_t k = 0; k < rows; k++, x += job->columns) {
            for (int i = 0; i < vectors; i++) {
                VEC e = NAME(load)(x + i * LANES) - center[i];
                sum[i] += e;
                square[i] += e * e;
            }
        }
        for (int i = 0; i < vectors; i++) {
            NAME(store)(sums + i * LANES, sum[i]);
            NAME(store)(squares + i * LANES, square[i]);
        }
        NAME(add_block)(&m, sums, squares, rows, width);
    }
    for (int j = 0; j < width; j++) {
        double mean = m.sum[j] / (double)job->rows;
        job->first[column + j] = (double)m.origin[j] + mean;
        double m2 = m.square[j] - m.sum[j] * mean;
        job->second[column + j] = m2 > 0 || m2 != m2 ? m2 : 0;
    }
}

static void NAME(statistics_column)(const fv_norm_job *job, int64_t column)
{
    const T *x = (const T *)job->x + column;
    double origin = (double)x[0], sum = 0, square = 0;
    for (int64_t r = 0; r < job->rows; r++) {
        double d = (double)x[r * job->columns] - origin;
        sum += d;
        square += d * d;
    }
    double mean = sum / (double)job->rows, m2 = square - sum * mean;
    job->first[column] = origin + mean;
    job->second[column] = m2 > 0 || m2 != m2 ? m2 : 0;
}

/* Runs strip(job, column, vectors) over all columns, the last vector over some of them again where
 * they are no multiple of LANES; fewer columns than a vector go through single(job, column). */
#define FOR_EACH_STRIP(strip, single)                                                              \
    do {                                                                                           \
        int64_t column = 0;                                                                        \
        for (; column + BLOCK_VECTORS * LANES <= job->columns; column += BLOCK_VECTORS * LANES)    \
            strip(job, column, BLOCK_VECTORS);                                                     \
        if (job->columns < LANES) {                                                                \
            for (; column < job->columns; column++) single(job, column);                           \
        }                                                                                          \
        for (; column < job->columns; column += LANES) {                                           \
            if (column > job->columns - LANES) column = job->columns - LANES;                      \
            strip(job, column, 1);                                                                 \
        }                                                                                          \
    } while (0)

static void NAME(statistics)(const fv_norm_job *job)
{
    FOR_EACH_STRIP(NAME(statistics_strip), NAME(statistics_column));
}

/* --- sums for backward -------------------------------------------------------------------- */

/* g where y is not <= 0: a NaN in y lets it pass. */
FV_INLINE VEC NAME(masked)(VEC g, VEC y)
{
    return (VEC)((__typeof__(y <= (VEC){0})) g & ~(y <= (VEC){0}));
}

/* Where a strip stands: its columns of a row, and what is the same in all rows. */
typedef struct NAME(dots_at) {
    const T *x, *gy, *mask;
    T *out;
    VEC mean[BLOCK_VECTORS], scale[BLOCK_VECTORS], opening[BLOCK_VECTORS];
} NAME(dots_at);

/* Adds the sums of up to BLOCK_ROWS rows and moves on by them. */
FV_INLINE void NAME(dots_block)(const fv_norm_job *job, NAME(dots_at) * at, int64_t rows,
                                int vectors, gate_kind gate, VEC *sum, VEC *dot)
{
    for (int64_t k = 0; k < rows; k++) {
        for (int i = 0; i < vectors; i++) {
            VEC g = NAME(load)(at->gy + i * LANES), d = {0};
            if (at->x) d = NAME(load)(at->x + i * LANES) - at->mean[i];
            if (gate == GATE_MASK) g = NAME(masked)(g, NAME(load)(at->mask + i * LANES));
            if (gate == GATE_X) g = NAME(masked)(g, d * at->scale[i] + at->opening[i]);
            if (at->out) NAME(store)(at->out + i * LANES, g);
            sum[i] += g;
            if (at->x) dot[i] += g * d;
        }
        at->gy += job->columns;
        if (at->x) at->x += job->columns;
        if (gate == GATE_MASK) at->mask += job->columns;
        if (at->out) at->out += job->columns;
    }
}

FV_INLINE NAME(dots_at) NAME(dots_start)(const fv_norm_job *job, int64_t column, int vectors,
                                         bool dots, gate_kind gate, bool out)
{
    NAME(dots_at)
    at = {.x = dots ? (const T *)job->x + column : NULL,
          .gy = (const T *)job->gy + column,
          .mask = gate == GATE_MASK ? (const T *)job->mask + column : NULL,
          .out = out ? (T *)job->out + column : NULL};
    for (int i = 0; i < vectors && dots; i++) {
        const int64_t j = column + i * LANES;
        at.mean[i] = NAME(load)((const T *)job->mean + j);
        if (gate == GATE_X) at.scale[i] = NAME(load)((const T *)job->scale + j);
        if (gate == GATE_X) at.opening[i] = NAME(load)((const T *)job->opening + j);
    }
    return at;
}

FV_INLINE void NAME(dots_strip_of)(const fv_norm_job *job, int64_t column, int vectors, bool dots,
                                   gate_kind gate, bool out)
{
    NAME(dots_at) at = NAME(dots_start)(job, column, vectors, dots, gate, out);
    int width = vectors * LANES;
    T sums[BLOCK_VECTORS * LANES], products[BLOCK_VECTORS * LANES];
    for (int j = 0; j < width; j++) job->first[column + j] = job->second[column + j] = 0;
    for (int64_t r = 0; r < job->rows; r += BLOCK_ROWS) {
        int64_t rows = job->rows - r < BLOCK_ROWS ? job->rows - r : BLOCK_ROWS;
        VEC sum[BLOCK_VECTORS], dot[BLOCK_VECTORS];
        for (int i = 0; i < vectors; i++) sum[i] = dot[i] = (VEC){0};
        NAME(dots_block)(job, &at, rows, vectors, gate, sum, dot);
        for (int i = 0; i < vectors; i++) {
            NAME(store)(sums + i * LANES, sum[i]);
            NAME(store)(products + i * LANES, dot[i]);
        }
        for (int j = 0; j < width; j++) {
            job->first[column + j] += (double)sums[j];
            job->second[column + j] += (double)products[j];
        }
    }
}

/* Does the gradient of element i count? */
FV_INLINE bool NAME(counts)(const fv_norm_job *job, int64_t i, int64_t column)
{
    const T *x = job->x, *mask = job->mask;
    if (mask) return !(mask[i] <= 0);
    if (!job->relu) return true;
    const T *mean = job->mean, *scale = job->scale, *opening = job->opening;
    return !((x[i] - mean[column]) * scale[column] + opening[column] <= 0);
}

static void NAME(dots_column)(const fv_norm_job *job, int64_t column)
{
    const T *x = job->x, *gy = job->gy;
    T *out = job->out;
    double mean = x ? (double)((const T *)job->mean)[column] : 0, sum = 0, dot = 0;
    for (int64_t i = column; i < job->rows * job->columns; i += job->columns) {
        T g = NAME(counts)(job, i, column) ? gy[i] : 0;
        if (out) out[i] = g;
        sum += (double)g;
        if (x) dot += (double)g * ((double)x[i] - mean);
    }
    job->first[column] = sum;
    job->second[column] = dot;
}

/* What a job has is settled outside of the loops. */
#define DOTS(name_, dots_, gate_, out_)                                                            \
    FV_INLINE void NAME(name_##_strip)(const fv_norm_job *job, int64_t column, int vectors)        \
    {                                                                                              \
        NAME(dots_strip_of)(job, column, vectors, dots_, gate_, out_);                             \
    }                                                                                              \
    static void NAME(name_)(const fv_norm_job *job)                                                \
    {                                                                                              \
        FOR_EACH_STRIP(NAME(name_##_strip), NAME(dots_column));                                    \
    }
DOTS(dots_plain, true, GATE_OPEN, false)
DOTS(dots_masked, true, GATE_MASK, false)
DOTS(dots_written, true, GATE_MASK, true)
DOTS(dots_gated, true, GATE_X, false)
DOTS(sums_written, false, GATE_MASK, true)
#undef DOTS

static void NAME(dots)(const fv_norm_job *job)
{
    if (!job->x)
        NAME(sums_written)(job);
    else if (job->relu)
        NAME(dots_gated)(job);
    else if (!job->mask)
        NAME(dots_plain)(job);
    else if (!job->out)
        NAME(dots_masked)(job);
    else
        NAME(dots_written)(job);
}

#undef FOR_EACH_STRIP

/* --- element by element ------------------------------------------------------------------- */

/* A NaN passes through the relu. */
FV_INLINE VEC NAME(finish)(VEC v, bool relu)
{
    if (!relu) return v;
    return (VEC)((__typeof__(v < (VEC){0})) v & ~(v < (VEC){0}));
}

FV_INLINE void NAME(apply_rows)(const fv_norm_job *job, bool relu, bool add, bool mask)
{
    const T *x = job->x, *mean = job->mean, *scale = job->scale, *shift = job->shift;
    const T *residual = job->residual, *y = job->mask;
    T *out = job->out;
    for (int64_t r = 0; r < job->rows; r++) {
        const int64_t at = r * job->columns;
        int64_t j = 0;
        for (; j + LANES <= job->columns; j += LANES) {
            VEC v = (NAME(load)(x + at + j) - NAME(load)(mean + j)) * NAME(load)(scale + j) +
                    NAME(load)(shift + j);
            if (add) v += NAME(load)(residual + at + j);
            if (mask) v = NAME(masked)(v, NAME(load)(y + at + j));
            NAME(store)(out + at + j, NAME(finish)(v, relu));
        }
        for (; j < job->columns; j++) {
            T v = (x[at + j] - mean[j]) * scale[j] + shift[j];
            if (add) v += residual[at + j];
            out[at + j] = (relu && v < 0) || (mask && y[at + j] <= 0) ? 0 : v;
        }
    }
}

static void NAME(apply)(const fv_norm_job *job)
{
    if (job->mask)
        NAME(apply_rows)(job, false, false, true);
    else if (job->residual && job->relu)
        NAME(apply_rows)(job, true, true, false);
    else if (job->residual)
        NAME(apply_rows)(job, false, true, false);
    else if (job->relu)
        NAME(apply_rows)(job, true, false, false);
    else
        NAME(apply_rows)(job, false, false, false);
}

FV_INLINE void NAME(apply_backward_rows)(const fv_norm_job *job, gate_kind gate)
{
    const T *x = job->x, *gy = job->gy, *y = job->mask, *opening = job->opening;
    const T *mean = job->mean, *scale = job->scale, *slope = job->slope, *shift = job->shift;
    T *gx = job->out;
    for (int64_t r = 0; r < job->rows; r++) {
        const int64_t at = r * job->columns;
        int64_t j = 0;
        for (; j + LANES <= job->columns; j += LANES) {
            VEC g = NAME(load)(gy + at + j), by = NAME(load)(scale + j);
            VEC d = NAME(load)(x + at + j) - NAME(load)(mean + j);
            if (gate == GATE_MASK) g = NAME(masked)(g, NAME(load)(y + at + j));
            if (gate == GATE_X) g = NAME(masked)(g, d * by + NAME(load)(opening + j));
            g = (g - NAME(load)(shift + j)) * by;
            NAME(store)(gx + at + j, g + d * NAME(load)(slope + j));
        }
        for (; j < job->columns; j++) {
            T g = NAME(counts)(job, at + j, j) ? gy[at + j] : 0;
            gx[at + j] = (g - shift[j]) * scale[j] + (x[at + j] - mean[j]) * slope[j];
        }
    }
}

static void NAME(apply_backward)(const fv_norm_job *job)
{
    if (job->relu)
        NAME(apply_backward_rows)(job, GATE_X);
    else if (job->mask)
        NAME(apply_backward_rows)(job, GATE_MASK);
    else
        NAME(apply_backward_rows)(job, GATE_OPEN);
}

#undef T
#undef LANES
#undef VEC
#undef NAME
