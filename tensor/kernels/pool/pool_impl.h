/* Pooling for one element type and vector width; included by pool_isa.c, many times.
 *
 * T: element, IT: integer of its size, LANES: channels of a vector (the channel count is at least
 * that), NAME(id): suffix. The last vector of a pixel starts LANES before its end and computes some
 * channels twice; where results are added to memory, the second time as zeros. */

typedef T NAME(vec) __attribute__((vector_size(LANES * sizeof(T))));
typedef IT NAME(mask) __attribute__((vector_size(LANES * sizeof(T))));
typedef uint8_t NAME(bytes) __attribute__((vector_size(LANES)));
typedef uint16_t NAME(halves) __attribute__((vector_size(LANES * 2)));
typedef int32_t NAME(ints) __attribute__((vector_size(LANES * 4)));

FV_INLINE NAME(vec) NAME(load)(const T *p)
{
    NAME(vec) v;
    memcpy(&v, p, sizeof v);
    return v;
}

FV_INLINE void NAME(store)(T *p, NAME(vec) v)
{
    memcpy(p, &v, sizeof v);
}

/* Bytes go through 16 bits: GCC 12 has instructions for steps by two, and takes lanes one by one
 * for a step by four. */
FV_INLINE NAME(mask) NAME(load_codes)(const void *codes, int64_t at, int code_bytes)
{
    if (code_bytes == 1) {
        NAME(bytes) b;
        memcpy(&b, (const uint8_t *)codes + at, sizeof b);
        NAME(halves) h = __builtin_convertvector(b, NAME(halves));
        return __builtin_convertvector(__builtin_convertvector(h, NAME(ints)), NAME(mask));
    }
    NAME(ints) v;
    memcpy(&v, (const int32_t *)codes + at, sizeof v);
    return __builtin_convertvector(v, NAME(mask));
}

FV_INLINE void NAME(store_codes)(void *codes, int64_t at, int code_bytes, NAME(mask) v)
{
    if (code_bytes == 1) {
#if FV_VBYTES == 64
        NAME(bytes) b = __builtin_convertvector(v, NAME(bytes));
#else
        NAME(ints) i = __builtin_convertvector(v, NAME(ints));
        NAME(halves) h = __builtin_convertvector(i, NAME(halves));
        NAME(bytes) b = __builtin_convertvector(h, NAME(bytes));
#endif
        memcpy((uint8_t *)codes + at, &b, sizeof b);
    } else {
        NAME(ints) i = __builtin_convertvector(v, NAME(ints));
        memcpy((int32_t *)codes + at, &i, sizeof i);
    }
}

/* The window of an output pixel. */
typedef struct NAME(window) {
    const T *x; /* its first tap, channel 0 */
    int64_t count_d, count_h, count_w;
    int64_t step_d, step_h, step_w; /* elements from tap to tap */
    int64_t code;                   /* of the first tap */
    int64_t code_d, code_h;         /* from tap to tap; 1 along w */
} NAME(window);

FV_INLINE NAME(window) NAME(window_of)(const fv_pool_job *job, position p)
{
    const fv_pool_axis *a = job->g->axis;
    const fv_pool_window *d = &job->windows[0][p.d], *h = &job->windows[1][p.h],
                         *w = &job->windows[2][p.w];
    int64_t c = job->g->channels;
    int64_t first = ((p.n * a[0].in + d->start) * a[1].in + h->start) * a[2].in + w->start;
    bool empty = d->count == 0 || h->count == 0 || w->count == 0;
    return (NAME(window)){
        .x = (const T *)job->from + first * c,
        .count_d = d->count,
        .count_h = h->count,
        .count_w = w->count,
        .step_d = a[0].dilation * a[1].in * a[2].in * c,
        .step_h = a[1].dilation * a[2].in * c,
        .step_w = a[2].dilation * c,
        .code = empty ? 0 : (d->tap * a[1].kernel + h->tap) * a[2].kernel + w->tap,
        .code_d = a[1].kernel * a[2].kernel,
        .code_h = a[2].kernel,
    };
}

/* Runs `body` for each output pixel `p` with its number `pixel`. */
#define FOR_EACH_PIXEL(body)                                                                       \
    do {                                                                                           \
        const fv_pool_axis *axis_ = job->g->axis;                                                  \
        position p = position_at(job->first, axis_[0].out, axis_[1].out, axis_[2].out);            \
        for (int64_t pixel = job->first; pixel < job->last;                                        \
             next_row(&p, axis_[0].out, axis_[1].out)) {                                           \
            for (; p.w < axis_[2].out && pixel < job->last; p.w++, pixel++) body                   \
        }                                                                                          \
    } while (0)

/* Runs `call` for pieces of 2 vectors, then of 1, at channels `c`; `vectors` is a constant and
 * `skip` the number of channels of the piece that an earlier one has done. */
#define FOR_EACH_VECTOR(channels, call)                                                            \
    do {                                                                                           \
        int64_t c = 0, skip = 0;                                                                   \
        for (; c + 2 * LANES <= (channels); c += 2 * LANES) call(2);                               \
        for (; c < (channels); c += LANES) {                                                       \
            if (c + LANES > (channels)) {                                                          \
                skip = c + LANES - (channels);                                                     \
                c = (channels)-LANES;                                                              \
            }                                                                                      \
            call(1);                                                                               \
        }                                                                                          \
        (void)skip;                                                                                \
    } while (0)

/* v with its first `skip` channels cleared. */
FV_INLINE NAME(vec) NAME(fresh)(NAME(vec) v, int64_t skip)
{
    static const IT lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    if (skip == 0) return v;
    NAME(mask) lanes;
    memcpy(&lanes, lane, sizeof lanes);
    return (NAME(vec))((NAME(mask))v & (lanes >= (IT)skip));
}

/* The taps of an output column within a row of gx. */
typedef struct NAME(span) {
    T *gx; /* the first tap inside */
    int64_t tap, count, step;
} NAME(span);

FV_INLINE NAME(span) NAME(span_of)(const fv_pool_job *job, T *gx, int64_t out)
{
    const fv_pool_window *w = &job->windows[2][out];
    int64_t c = job->g->channels;
    return (NAME(span)){gx + w->start * c, w->tap, w->count, job->g->axis[2].dilation * c};
}

/* Clears each row `gx` of the input and runs `body` for every row `d`, `h` of the output, starting
 * at pixel `out_row`, whose windows meet it, in their taps tap_d, tap_h. */
#define FOR_EACH_INPUT_ROW(body)                                                                   \
    do {                                                                                           \
        const fv_pool_axis *axis_ = job->g->axis;                                                  \
        int64_t length_ = axis_[2].in * channels;                                                  \
        position p = position_at(job->first, axis_[0].in, axis_[1].in, 1);                         \
        for (int64_t row = job->first; row < job->last; row++) {                                   \
            T *gx = (T *)job->to + row * length_;                                                  \
            memset(gx, 0, (size_t)length_ * sizeof(T));                                            \
            const fv_pool_cover in_d = job->covers[0][p.d], in_h = job->covers[1][p.h];            \
            for (int64_t d = in_d.first; d < in_d.last; d++) {                                     \
                int64_t tap_d = tap_on(&job->windows[0][d], p.d, axis_[0].dilation);               \
                for (int64_t h = in_h.first; h < in_h.last && tap_d >= 0; h++) {                   \
                    int64_t tap_h = tap_on(&job->windows[1][h], p.h, axis_[1].dilation);           \
                    if (tap_h < 0) continue;                                                       \
                    int64_t out_row =                                                              \
                        ((p.n * axis_[0].out + d) * axis_[1].out + h) * axis_[2].out;              \
                    body                                                                           \
                }                                                                                  \
            }                                                                                      \
            next_row(&p, axis_[0].in, axis_[1].in);                                                \
        }                                                                                          \
    } while (0)

/* --- maximum ---------------------------------------------------------------------------------- */

/* The first of equal values wins; a NaN beats every number, and stays. */
FV_INLINE void NAME(max_of)(const NAME(window) * win, int64_t c, int vectors, T *y, void *codes,
                            int64_t at, int code_bytes)
{
    NAME(vec) best[2];
    NAME(mask) code[2];
    for (int i = 0; i < vectors; i++) {
        best[i] = (NAME(vec)){0} - (T)INFINITY;
        code[i] = (NAME(mask)){0} + (IT)win->code;
    }
    for (int64_t d = 0; d < win->count_d; d++) {
        for (int64_t h = 0; h < win->count_h; h++) {
            const T *row = win->x + d * win->step_d + h * win->step_h + c;
            IT tap = (IT)(win->code + d * win->code_d + h * win->code_h);
            for (int64_t w = 0; w < win->count_w; w++, row += win->step_w, tap++) {
                for (int i = 0; i < vectors; i++) {
                    NAME(vec) v = NAME(load)(row + i * LANES);
                    /* NOLINTNEXTLINE(misc-redundant-expression): only a NaN differs from itself */
                    NAME(mask) take = (v > best[i]) | (v != v);
                    best[i] = (NAME(vec))(((NAME(mask))v & take) | ((NAME(mask))best[i] & ~take));
                    code[i] = (tap & take) | (code[i] & ~take);
                }
            }
        }
    }
    for (int i = 0; i < vectors; i++) {
        NAME(store)(y + at + i * LANES, best[i]);
        NAME(store_codes)(codes, at + i * LANES, code_bytes, code[i]);
    }
}

FV_INLINE void NAME(max_pixels)(const fv_pool_job *job, int code_bytes)
{
    int64_t channels = job->g->channels;
#define CALL(vectors)                                                                              \
    NAME(max_of)(&win, c, vectors, job->to, job->codes, pixel * channels + c, code_bytes)
    FOR_EACH_PIXEL({
        NAME(window) win = NAME(window_of)(job, p);
        FOR_EACH_VECTOR(channels, CALL);
    });
#undef CALL
}

static void NAME(max)(const fv_pool_job *job)
{
    if (job->code_bytes == 1)
        NAME(max_pixels)(job, 1);
    else
        NAME(max_pixels)(job, 4);
}

/* Adds gy of one window to its taps in one row of gx, where the maximum was there. */
FV_INLINE void NAME(max_backward_of)(const NAME(span) * span, int64_t code, const T *gy,
                                     const void *codes, int64_t at, int64_t c, int vectors,
                                     int64_t skip, int code_bytes)
{
    NAME(vec) g[2];
    NAME(mask) tap[2];
    for (int i = 0; i < vectors; i++) {
        g[i] = NAME(fresh)(NAME(load)(gy + at + c + i * LANES), skip);
        tap[i] = NAME(load_codes)(codes, at + c + i * LANES, code_bytes) - (IT)code;
    }
    T *gx = span->gx + c;
    for (int64_t w = 0; w < span->count; w++, gx += span->step) {
        for (int i = 0; i < vectors; i++) {
            NAME(vec) add = (NAME(vec))((NAME(mask))g[i] & (tap[i] == (IT)w));
            NAME(store)(gx + i * LANES, NAME(load)(gx + i * LANES) + add);
        }
    }
}

FV_INLINE void NAME(max_backward_rows)(const fv_pool_job *job, int code_bytes)
{
    int64_t channels = job->g->channels;
#define CALL(vectors)                                                                              \
    NAME(max_backward_of)                                                                          \
    (&span, code + span.tap, job->from, job->codes, at, c, vectors, skip, code_bytes)
    FOR_EACH_INPUT_ROW({
        int64_t code = (tap_d * axis_[1].kernel + tap_h) * axis_[2].kernel;
        for (int64_t w = 0; w < axis_[2].out; w++) {
            NAME(span) span = NAME(span_of)(job, gx, w);
            int64_t at = (out_row + w) * channels;
            FOR_EACH_VECTOR(channels, CALL);
        }
    });
#undef CALL
}

static void NAME(max_backward)(const fv_pool_job *job)
{
    if (job->code_bytes == 1)
        NAME(max_backward_rows)(job, 1);
    else
        NAME(max_backward_rows)(job, 4);
}

/* y = x at the remembered taps: the gradient of max_backward. */
FV_INLINE void NAME(gather_of)(const NAME(window) * win, int64_t c, int vectors, T *y,
                               const void *codes, int64_t at, int code_bytes)
{
    NAME(vec) sum[2] = {{0}, {0}};
    NAME(mask) code[2];
    for (int i = 0; i < vectors; i++) code[i] = NAME(load_codes)(codes, at + i * LANES, code_bytes);
    for (int64_t d = 0; d < win->count_d; d++) {
        for (int64_t h = 0; h < win->count_h; h++) {
            const T *row = win->x + d * win->step_d + h * win->step_h + c;
            IT tap = (IT)(win->code + d * win->code_d + h * win->code_h);
            for (int64_t w = 0; w < win->count_w; w++, row += win->step_w, tap++) {
                for (int i = 0; i < vectors; i++) {
                    NAME(mask) v = (NAME(mask))NAME(load)(row + i * LANES) & (code[i] == tap);
                    sum[i] = (NAME(vec))(v | (NAME(mask))sum[i]);
                }
            }
        }
    }
    for (int i = 0; i < vectors; i++) NAME(store)(y + at + i * LANES, sum[i]);
}

static void NAME(max_gather)(const fv_pool_job *job)
{
    int64_t channels = job->g->channels;
#define CALL(vectors)                                                                              \
    NAME(gather_of)(&win, c, vectors, job->to, job->codes, pixel * channels + c, job->code_bytes)
    FOR_EACH_PIXEL({
        NAME(window) win = NAME(window_of)(job, p);
        FOR_EACH_VECTOR(channels, CALL);
    });
#undef CALL
}

/* --- average ---------------------------------------------------------------------------------- */

FV_INLINE T NAME(divisor)(const fv_pool_job *job, int64_t d, int64_t h, int64_t w)
{
    if (job->g->divisor) return (T)job->g->divisor;
    return (T)(job->windows[0][d].size * job->windows[1][h].size * job->windows[2][w].size);
}

/* Sums by row, then the rows' sums, which keeps rounding small in a large (global) window. */
FV_INLINE void NAME(average_of)(const NAME(window) * win, int64_t c, int vectors, T *y, T divisor)
{
    NAME(vec) sum[4] = {{0}, {0}, {0}, {0}};
    for (int64_t d = 0; d < win->count_d; d++) {
        for (int64_t h = 0; h < win->count_h; h++) {
            const T *row = win->x + d * win->step_d + h * win->step_h + c;
            NAME(vec) part[4] = {{0}, {0}, {0}, {0}};
            for (int64_t w = 0; w < win->count_w; w++, row += win->step_w) {
                for (int i = 0; i < vectors; i++) part[i] += NAME(load)(row + i * LANES);
            }
            for (int i = 0; i < vectors; i++) sum[i] += part[i];
        }
    }
    for (int i = 0; i < vectors; i++) NAME(store)(y + i * LANES, sum[i] / divisor);
}

static void NAME(average)(const fv_pool_job *job)
{
    int64_t channels = job->g->channels;
    T *y = job->to;
#define CALL(vectors) NAME(average_of)(&win, c, vectors, y + pixel * channels + c, divisor)
    FOR_EACH_PIXEL({
        NAME(window) win = NAME(window_of)(job, p);
        T divisor = NAME(divisor)(job, p.d, p.h, p.w);
        FOR_EACH_VECTOR(channels, CALL);
    });
#undef CALL
}

FV_INLINE void NAME(average_backward_of)(const NAME(span) * span, const T *gy, int64_t c,
                                         int vectors, int64_t skip, T scale)
{
    NAME(vec) g[2];
    for (int i = 0; i < vectors; i++)
        g[i] = NAME(fresh)(NAME(load)(gy + c + i * LANES) * scale, skip);
    T *gx = span->gx + c;
    for (int64_t w = 0; w < span->count; w++, gx += span->step) {
        for (int i = 0; i < vectors; i++)
            NAME(store)(gx + i * LANES, NAME(load)(gx + i * LANES) + g[i]);
    }
}

static void NAME(average_backward)(const fv_pool_job *job)
{
    int64_t channels = job->g->channels;
#define CALL(vectors) NAME(average_backward_of)(&span, gy, c, vectors, skip, scale)
    FOR_EACH_INPUT_ROW({
        for (int64_t w = 0; w < axis_[2].out; w++) {
            NAME(span) span = NAME(span_of)(job, gx, w);
            const T *gy = (const T *)job->from + (out_row + w) * channels;
            T scale = 1 / NAME(divisor)(job, d, h, w);
            FOR_EACH_VECTOR(channels, CALL);
        }
    });
#undef CALL
}

#undef FOR_EACH_INPUT_ROW
#undef FOR_EACH_PIXEL
#undef FOR_EACH_VECTOR
#undef T
#undef IT
#undef LANES
#undef NAME
