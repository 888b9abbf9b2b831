/* Boxes: how the grid is cut, the padded copy of a box's source, and offsets into it. */
#include "conv_impl.h"

#include <string.h>

/* --- cutting ---------------------------------------------------------------------------------- */

int64_t fv_conv_wanted_chunks(double nanoseconds, int64_t most)
{
    const double chunk = 20000, two = 15000;
    if (nanoseconds >= (double)most * chunk) return most;
    if (nanoseconds < two) return 1;
    return conv_max((int64_t)(nanoseconds / chunk) / 2 * 2, 2);
}

/* Positions along an axis; axis 0 counts images. */
static int64_t extent(const conv_window *w, int axis)
{
    return axis > 0 ? w->axis[axis - 1].grid : w->images;
}

static int64_t reach(const conv_axis *a)
{
    return a->high - a->low + 1;
}

/* Loaded pixels under so many positions, at most. */
static int64_t loaded(const conv_window *w, const conv_boxes *b, int d, int64_t positions)
{
    const int64_t under = (positions - 1) * b->pitch[d] + reach(&w->axis[d]);
    return b->clip[d] ? conv_min(under, w->axis[d].source) : under;
}

/* The largest box within the limits, outer axes shrunk first; an axis is cut only when all outer
 * ones are down to 1. */
static void fit_box(const conv_window *w, conv_boxes *b, conv_limits limits)
{
    for (int axis = 0; axis < CONV_AXES; axis++) {
        int64_t bytes = b->pixel * w->size, positions = 1, fixed = 0, pitch = 1;
        for (int d = axis; d < 3; d++) { /* dimensions inside this axis */
            bytes = conv_mul(bytes, loaded(w, b, d, w->axis[d].grid));
            positions = conv_mul(positions, w->axis[d].grid);
        }
        if (axis > 0) {
            pitch = b->pitch[axis - 1];
            fixed = reach(&w->axis[axis - 1]) - pitch;
        }
        int64_t count = (limits.bytes / conv_max(bytes, 1) - fixed) / pitch;
        count = conv_min(count, limits.positions / conv_max(positions, 1));
        if (axis == 3) count = conv_max(count, 16);
        b->most[axis] = conv_max(1, conv_min(extent(w, axis), count));
        if (count < 1) continue;
        for (int d = axis; d < 3; d++) b->most[d + 1] = w->axis[d].grid;
        break;
    }
}

/* Boxes are shared out evenly on two threads, many of them on four. */
static int64_t even_parts(int64_t parts)
{
    const int64_t multiple = parts > 8 ? 4 : 2;
    return conv_ceil_div(parts, multiple) * multiple;
}

/* Of an odd number of boxes, one of two threads has a box more: of five, a fifth. */
static bool uneven(int64_t boxes)
{
    return boxes % 2 == 1 && boxes <= 5;
}

/* The least positions of a box along an axis that is cut only to have more boxes. */
static int64_t shortest(const conv_limits *limits, int axis)
{
    return axis == 0 ? conv_max(limits->images, 1) : axis == 3 ? 32 : 4;
}

/* Images in groups of equal length; 3 or 5 of them one by one where their rows can be cut. */
static int64_t image_parts(const conv_window *w, const conv_limits *limits, int64_t parts)
{
    bool cut = false;
    for (int axis = 1; axis < CONV_AXES; axis++)
        if (extent(w, axis) >= 2 * shortest(limits, axis)) cut = true;
    return cut && uneven(w->images) ? w->images : conv_min(even_parts(parts), w->images);
}

/* Parts of an axis for so many boxes in all, or for more: an even number of them. */
static int64_t missing(const conv_boxes *b, int64_t parts, int64_t wanted)
{
    if (b->total > 1 && uneven(b->total * parts)) wanted = conv_max(wanted, 2 * b->total * parts);
    if (b->total % 2 == 0 || wanted <= b->total) return wanted / b->total;
    return conv_ceil_div(wanted, 2 * b->total) * 2;
}

/* Cuts images into equal numbers and, where they are too few, rows (but not into short ones). */
static void share_boxes(const conv_window *w, conv_boxes *b, conv_limits limits)
{
    const int64_t images = shortest(&limits, 0);
    b->total = 1;
    for (int axis = 0; axis < CONV_AXES; axis++) {
        const int64_t all = extent(w, axis), most = all / shortest(&limits, axis);
        int64_t parts = conv_ceil_div(all, b->most[axis]);
        parts = conv_max(parts, conv_min(missing(b, parts, limits.wanted), most));
        if (axis == 0 && parts > 1) parts = image_parts(w, &limits, parts);
        if (axis == 0 && all / parts >= images) /* in whole groups of images */
            parts = conv_ceil_div(all, conv_ceil_div(conv_ceil_div(all, parts), images) * images);
        b->count[axis] = conv_max(parts, 1);
        b->most[axis] = conv_ceil_div(all, b->count[axis]);
        b->total *= b->count[axis];
    }
}

conv_boxes fv_conv_cut_boxes(const conv_window *w, bool copy, int64_t pixel, conv_limits limits)
{
    conv_boxes b = {.copy = copy, .pixel = copy ? pixel : w->source_channels};
    for (int d = 0; d < 3; d++) { /* pixels between two windows are not copied */
        b.pitch[d] = copy ? conv_min(w->axis[d].step, reach(&w->axis[d])) : w->axis[d].step;
        b.clip[d] = copy && limits.clip[d] && b.pitch[d] == w->axis[d].step;
    }
    if (w->images == 0) return b;
    fit_box(w, &b, limits);
    share_boxes(w, &b, limits);
    return b;
}

size_t fv_conv_box_bytes(const conv_window *w, const conv_boxes *b, int64_t behind)
{
    if (!b->copy || b->total == 0) return 0;
    int64_t elements = conv_mul(b->pixel, b->most[0]);
    for (int d = 0; d < 3; d++) elements = conv_mul(elements, loaded(w, b, d, b->most[d + 1]));
    elements += behind * (b->pitch[2] * b->pixel + 1);
    return (size_t)conv_mul(elements, w->size);
}

conv_box fv_conv_get_box(const conv_window *w, const conv_boxes *b, int64_t index)
{
    conv_box box;
    for (int axis = CONV_AXES - 1; axis >= 0; axis--) {
        const int64_t all = extent(w, axis), i = index % b->count[axis];
        box.at[axis] = fv_chunk_begin(all, b->count[axis], i);
        box.count[axis] = fv_chunk_begin(all, b->count[axis], i + 1) - box.at[axis];
        index /= b->count[axis];
    }
    return box;
}

bool fv_conv_clip(const conv_phase *phase, const conv_box *box, int64_t count[CONV_AXES])
{
    count[0] = box->count[0];
    for (int d = 0; d < 3; d++)
        count[d + 1] = conv_min(box->count[d + 1], phase->grid[d] - box->at[d + 1]);
    return count[0] > 0 && count[1] > 0 && count[2] > 0 && count[3] > 0;
}

int64_t fv_conv_same_taps(const conv_window *w, int d, int64_t q, int64_t end, conv_phase *phase)
{
    const conv_axis *a = &w->axis[d];
    const int64_t at = phase->first[d] + q * a->step, last = a->source - 1 - at;
    const int64_t low = at < 0 ? conv_min((a->apart - 1 - at) / a->apart, phase->taps[d]) : 0;
    const int64_t high = last < 0 ? 0 : conv_min(last / a->apart + 1, phase->taps[d]);
    if (low > 0) /* until one more is inside on the left, */
        end = conv_min(end, q + (-at - (low - 1) * a->apart + a->step - 1) / a->step);
    if (high > 0) /* or one less on the right */
        end = conv_min(end, q + (last - (high - 1) * a->apart) / a->step + 1);
    phase->first[d] += low * a->apart;
    phase->tap[d] += low * phase->next[d];
    phase->taps[d] = conv_max(high - low, 0);
    return end;
}

/* --- loading ---------------------------------------------------------------------------------- */

/* Copies source pixels [from, from + count) of one row, zeros where they are outside of it. */
static char *load_run(const conv_window *w, const conv_boxes *b, const char *row, int64_t from,
                      int64_t count, char *to)
{
    const size_t pixel = (size_t)(b->pixel * w->size);
    const size_t channels = (size_t)(w->source_channels * w->size);
    int64_t first = conv_min(conv_max(-from, 0), count);
    int64_t last = conv_max(first, conv_min(count, w->axis[2].source - from));
    char *end = to + (size_t)count * pixel;
    memset(to, 0, (size_t)first * pixel);
    memset(to + (size_t)last * pixel, 0, (size_t)(count - last) * pixel);
    if (last == first) return end;
    const char *at = row + (from + first) * (int64_t)channels;
    to += (size_t)first * pixel;
    if (pixel == channels) {
        memcpy(to, at, (size_t)(last - first) * pixel);
        return end;
    }
    for (int64_t i = first; i < last; i++, to += pixel, at += channels) memcpy(to, at, channels);
    return end;
}

/* The loaded source coordinates of a box, where pitch and step are the same. */
static int64_t load_from(const conv_window *w, const conv_boxes *b, const conv_box *box, int d)
{
    const conv_axis *a = &w->axis[d];
    const int64_t from = box->at[d + 1] * a->step + a->low;
    return b->clip[d] ? conv_max(from, 0) : from;
}

static int64_t load_count(const conv_window *w, const conv_boxes *b, const conv_box *box, int d)
{
    const conv_axis *a = &w->axis[d];
    const int64_t count = (box->count[d + 1] - 1) * b->pitch[d] + reach(a);
    if (!b->clip[d]) return count;
    const int64_t end = conv_min(box->at[d + 1] * a->step + a->low + count, a->source);
    return conv_max(end - load_from(w, b, box, d), 0);
}

static void load_row(const conv_window *w, const conv_boxes *b, const conv_box *box,
                     const char *row, char *to)
{
    const conv_axis *a = &w->axis[2];
    const int64_t from = load_from(w, b, box, 2);
    if (b->pitch[2] == a->step) {
        load_run(w, b, row, from, load_count(w, b, box, 2), to);
        return;
    }
    for (int64_t q = 0; q < box->count[3]; q++)
        to = load_run(w, b, row, from + q * a->step, b->pitch[2], to);
}

/* Source coordinate of loaded row or plane i. */
static int64_t coordinate(const conv_window *w, const conv_boxes *b, const conv_box *box, int d,
                          int64_t i)
{
    const conv_axis *a = &w->axis[d];
    const int64_t from = load_from(w, b, box, d);
    return b->pitch[d] == a->step ? from + i : from + i / b->pitch[d] * a->step + i % b->pitch[d];
}

static void set_strides(conv_source *s, const conv_boxes *b, const int64_t dims[3])
{
    s->tap[2] = b->pixel;
    s->tap[1] = dims[2] * s->tap[2];
    s->tap[0] = dims[1] * s->tap[1];
    s->stride[0] = dims[0] * s->tap[0];
    for (int d = 0; d < 3; d++) s->stride[d + 1] = b->pitch[d] * s->tap[d];
}

static conv_source in_place(const conv_window *w, const conv_boxes *b, const conv_box *box,
                            const void *source)
{
    conv_source s;
    const int64_t dims[3] = {w->axis[0].source, w->axis[1].source, w->axis[2].source};
    set_strides(&s, b, dims);
    int64_t offset = box->at[0] * s.stride[0];
    for (int d = 0; d < 3; d++)
        offset += box->at[d + 1] * s.stride[d + 1] + w->axis[d].low * s.tap[d];
    s.data = conv_at(source, offset, w->size);
    return s;
}

conv_source fv_conv_box_load(const conv_window *w, const conv_boxes *b, const conv_box *box,
                             const void *source, void *scratch)
{
    conv_source s = {.data = scratch};
    int64_t dims[3];
    if (!b->copy) return in_place(w, b, box, source);
    for (int d = 0; d < 3; d++) dims[d] = load_count(w, b, box, d);
    set_strides(&s, b, dims);
    for (int d = 0; d < 3; d++) { /* where coordinates that are not loaded would lie */
        const int64_t least = box->at[d + 1] * w->axis[d].step + w->axis[d].low;
        s.data = conv_at(s.data, (least - load_from(w, b, box, d)) * s.tap[d], w->size);
    }
    const size_t row_bytes = (size_t)(s.tap[1] * w->size);
    const int64_t planes = w->axis[0].source, rows = w->axis[1].source;
    char *to = scratch;
    for (int64_t i = 0; i < box->count[0]; i++) {
        for (int64_t z = 0; z < dims[0]; z++) {
            const int64_t d = coordinate(w, b, box, 0, z);
            for (int64_t y = 0; y < dims[1]; y++, to += row_bytes) {
                const int64_t h = coordinate(w, b, box, 1, y);
                if (d < 0 || d >= planes || h < 0 || h >= rows) {
                    memset(to, 0, row_bytes);
                    continue;
                }
                int64_t row = ((box->at[0] + i) * planes + d) * rows + h;
                row *= w->axis[2].source * w->source_channels;
                load_row(w, b, box, conv_at(source, row, w->size), to);
            }
        }
    }
    return s;
}

int64_t fv_conv_list_taps(const conv_window *w, const conv_phase *phase, const conv_source *source,
                          bool merge, int64_t *offsets)
{
    int64_t count = 0, base = 0, next[3];
    const int64_t along = merge ? conv_min(phase->taps[2], 1) : phase->taps[2];
    for (int d = 0; d < 3; d++) {
        base += (phase->first[d] - w->axis[d].low) * source->tap[d];
        next[d] = w->axis[d].apart * source->tap[d];
    }
    for (int64_t d = 0; d < phase->taps[0]; d++)
        for (int64_t h = 0; h < phase->taps[1]; h++)
            for (int64_t i = 0; i < along; i++)
                offsets[count++] = base + d * next[0] + h * next[1] + i * next[2];
    return count;
}

/* --- the target ------------------------------------------------------------------------------- */

static void pixel_strides(const conv_window *w, int64_t stride[CONV_AXES])
{
    stride[3] = w->target_channels;
    stride[2] = w->axis[2].target * stride[3];
    stride[1] = w->axis[1].target * stride[2];
    stride[0] = w->axis[0].target * stride[1];
}

void fv_conv_target_strides(const conv_window *w, int64_t stride[CONV_AXES])
{
    pixel_strides(w, stride);
    for (int d = 0; d < 3; d++) stride[d + 1] *= w->axis[d].spread;
}

int64_t fv_conv_target_offset(const conv_window *w, const conv_phase *phase,
                              const int64_t at[CONV_AXES])
{
    int64_t stride[CONV_AXES], offset;
    pixel_strides(w, stride);
    offset = at[0] * stride[0];
    for (int d = 0; d < 3; d++)
        offset += (at[d + 1] * w->axis[d].spread + phase->origin[d]) * stride[d + 1];
    return offset;
}

conv_rows fv_conv_rows(const conv_window *w, const conv_phase *phase, const conv_box *box)
{
    conv_rows r = {.in_box = {0, 0, -1, 0}};
    if (fv_conv_clip(phase, box, r.count)) r.left = r.count[0] * r.count[1] * r.count[2];
    fv_conv_target_strides(w, r.stride);
    for (int d = 0; d < CONV_AXES; d++) r.at[d] = box->at[d] + r.in_box[d];
    r.target = fv_conv_target_offset(w, phase, r.at);
    return r;
}

/* Part by part: each is a loop over vectors. */
#define FV_FINISH(T)                                                                               \
    static void finish_pixel_##T(const fv_conv_epilogue *e, T *restrict to, const T *residual_,    \
                                 int64_t channels)                                                 \
    {                                                                                              \
        const T *restrict bias = e->bias, *restrict scale = e->scale, *restrict shift = e->shift;  \
        const T *restrict residual = residual_;                                                    \
        for (int64_t c = 0; bias && c < channels; c++) to[c] += bias[c];                           \
        for (int64_t c = 0; scale && c < channels; c++) to[c] *= scale[c];                         \
        for (int64_t c = 0; shift && c < channels; c++) to[c] += shift[c];                         \
        for (int64_t c = 0; residual && c < channels; c++) to[c] += residual[c];                   \
        for (int64_t c = 0; e->relu && c < channels; c++) to[c] = to[c] < 0 ? (T)0 : to[c];        \
    }                                                                                              \
    static void finish_##T(const fv_conv_epilogue *e, T *to, int64_t at, int64_t pixels,           \
                           int64_t channels)                                                       \
    {                                                                                              \
        const T *residual = e->residual;                                                           \
        for (int64_t i = at; i < at + pixels * channels; i += channels)                            \
            finish_pixel_##T(e, to + i, residual ? residual + i : NULL, channels);                 \
    }
FV_FINISH(float)
FV_FINISH(double)
#undef FV_FINISH

void fv_conv_finish_pixels(int64_t size, int64_t channels, const fv_conv_operands *o, int64_t at,
                           int64_t pixels)
{
    const fv_conv_epilogue *e = &o->epilogue;
    if (!e->bias && !e->scale && !e->shift && !e->residual && !e->relu) return;
    if (size == 8)
        finish_double(e, o->out, at, pixels, channels);
    else
        finish_float(e, o->out, at, pixels, channels);
}

static void fill_run(const conv_window *w, const fv_conv_operands *o, int64_t at, int64_t pixels)
{
    if (o->epilogue.residual == o->out)
        return; /* and nothing else: see fv_conv_stores_over_residual */
    memset(conv_to(o->out, at, w->size), 0, (size_t)(pixels * w->target_channels * w->size));
    fv_conv_finish_pixels(w->size, w->target_channels, o, at, pixels);
}

void fv_conv_fill_box(const conv_window *w, const conv_box *box, const fv_conv_operands *o)
{
    int64_t stride[CONV_AXES], from[3], to[3];
    if (w->covers) return;
    pixel_strides(w, stride);
    for (int d = 0; d < 3; d++) {
        from[d] = box->at[d + 1] * w->axis[d].spread;
        to[d] = conv_min(from[d] + box->count[d + 1] * w->axis[d].spread, w->axis[d].target);
    }
    for (int64_t i = box->at[0]; i < box->at[0] + box->count[0]; i++) {
        for (int64_t d = from[0]; d < to[0]; d++) {
            for (int64_t h = from[1]; h < to[1]; h++) {
                int64_t at = i * stride[0] + d * stride[1] + h * stride[2] + from[2] * stride[3];
                fill_run(w, o, at, to[2] - from[2]);
            }
        }
    }
}
