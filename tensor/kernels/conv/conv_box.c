/* Boxes: the padded copy of their source, and the tables of offsets into it. */
#include "conv_impl.h"

#include <string.h>

/* Copies source pixels [from, from + count) of one row, zeros where they are outside of it. */
static void load_row(const conv_plan *p, const char *row, int64_t from, int64_t count, char *to)
{
    size_t pixel = (size_t)p->pixel * p->size, channels = (size_t)p->source_channels * p->size;
    int64_t first = conv_min(conv_max(-from, 0), count);
    int64_t last = conv_max(first, conv_min(count, p->source[2] - from));
    memset(to, 0, (size_t)first * pixel);
    memset(to + (size_t)last * pixel, 0, (size_t)(count - last) * pixel);
    if (last == first) return;
    const char *at = row + (from + first) * (int64_t)channels;
    to += (size_t)first * pixel;
    if (pixel == channels) {
        memcpy(to, at, (size_t)(last - first) * pixel);
        return;
    }
    for (int64_t i = first; i < last; i++, to += pixel, at += channels) memcpy(to, at, channels);
}

static void strides(const int64_t dims[3], int64_t pixel, int64_t stride[CONV_AXES])
{
    stride[3] = pixel;
    stride[2] = dims[2] * pixel;
    stride[1] = dims[1] * stride[2];
    stride[0] = dims[0] * stride[1];
}

conv_source conv_box_load(const conv_plan *p, const conv_box *box, const void *source,
                          void *scratch)
{
    conv_source s;
    int64_t from[3], dims[3];
    for (int d = 0; d < 3; d++) {
        from[d] = box->at[d + 1] * p->step[d] + p->low[d];
        dims[d] = (box->count[d + 1] - 1) * p->step[d] + p->high[d] - p->low[d] + 1;
    }
    if (!p->copy) {
        strides(p->source, p->pixel, s.stride);
        int64_t offset = box->at[0] * s.stride[0];
        for (int d = 0; d < 3; d++) offset += from[d] * s.stride[d + 1];
        s.data = conv_at(source, offset, p->size);
        return s;
    }
    strides(dims, p->pixel, s.stride);
    s.data = scratch;
    const size_t row_bytes = (size_t)s.stride[2] * p->size;
    char *to = scratch;
    for (int64_t i = 0; i < box->count[0]; i++) {
        for (int64_t d = from[0]; d < from[0] + dims[0]; d++) {
            for (int64_t h = from[1]; h < from[1] + dims[1]; h++, to += row_bytes) {
                if (d < 0 || d >= p->source[0] || h < 0 || h >= p->source[1]) {
                    memset(to, 0, row_bytes);
                    continue;
                }
                int64_t row = ((box->at[0] + i) * p->source[0] + d) * p->source[1] + h;
                row *= p->source[2] * p->source_channels;
                load_row(p, conv_at(source, row, p->size), from[2], dims[2], to);
            }
        }
    }
    return s;
}

int64_t conv_list_segments(const conv_plan *p, const conv_phase *phase, const conv_source *source,
                           int64_t *segments, int64_t *length)
{
    bool merge = phase->apart[2] == 1 && source->stride[3] == p->depth;
    int64_t count = 0, base = 0, along = merge ? conv_min(phase->taps[2], 1) : phase->taps[2];
    for (int d = 0; d < 3; d++) base += (phase->first[d] - p->low[d]) * source->stride[d + 1];
    for (int64_t d = 0; d < phase->taps[0]; d++) {
        for (int64_t h = 0; h < phase->taps[1]; h++) {
            for (int64_t w = 0; w < along; w++) {
                segments[count++] = base + d * phase->apart[0] * source->stride[1] +
                                    h * phase->apart[1] * source->stride[2] +
                                    w * phase->apart[2] * source->stride[3];
            }
        }
    }
    *length = merge ? phase->taps[2] * p->depth : p->depth;
    return count;
}

bool conv_clip(const conv_phase *phase, const conv_box *box, int64_t count[CONV_AXES])
{
    count[0] = box->count[0];
    for (int d = 0; d < 3; d++)
        count[d + 1] = conv_min(box->count[d + 1], phase->grid[d] - box->at[d + 1]);
    return count[0] > 0 && count[1] > 0 && count[2] > 0 && count[3] > 0;
}

int64_t conv_groups_most(const conv_plan *p)
{
    return p->box[0] * p->box[1] * p->box[2] * conv_ceil_div(p->box[3], p->tiles->group);
}

/* The axis along which whole groups waste least; the width unless another is clearly better. */
static int grouped_axis(const conv_plan *p, const int64_t count[CONV_AXES])
{
    int best = 3, group = p->tiles->group;
    if (!p->copy) return 3; /* in place only the width has been checked for overlapping groups */
    double least = (double)(conv_ceil_div(count[3], group) * group) / (double)count[3];
    for (int axis = 2; axis >= 0; axis--) {
        if (count[axis] < group) continue;
        double waste = (double)(conv_ceil_div(count[axis], group) * group) / (double)count[axis];
        if (waste < 0.93 * least) {
            least = waste;
            best = axis;
        }
    }
    return best;
}

static void target_strides(const conv_plan *p, int64_t stride[CONV_AXES])
{
    strides(p->target, p->target_channels, stride);
    for (int d = 0; d < 3; d++) stride[d + 1] *= p->spread[d];
}

int64_t conv_target_offset(const conv_plan *p, const conv_phase *phase, const int64_t at[CONV_AXES])
{
    int64_t stride[CONV_AXES], offset;
    strides(p->target, p->target_channels, stride);
    offset = at[0] * stride[0];
    for (int d = 0; d < 3; d++)
        offset += (at[d + 1] * p->spread[d] + phase->origin[d]) * stride[d + 1];
    return offset;
}

int64_t conv_list_groups(const conv_plan *p, const int64_t count[CONV_AXES],
                         const conv_source *source, fv_tile_group *groups, int64_t *a_rs,
                         int64_t *c_rs)
{
    const int group = p->tiles->group, axis = grouped_axis(p, count);
    int64_t a[CONV_AXES], c[CONV_AXES], many[CONV_AXES], made = 0;
    target_strides(p, c);
    a[0] = source->stride[0];
    for (int d = 1; d < CONV_AXES; d++) a[d] = source->stride[d] * p->step[d - 1];
    for (int d = 0; d < CONV_AXES; d++) many[d] = count[d];
    many[axis] = conv_ceil_div(count[axis], group);
    int64_t last = count[axis] - (many[axis] - 1) * group; /* rows in a last group */
    *a_rs = a[axis];
    *c_rs = c[axis];
    int64_t at[CONV_AXES] = {0, 0, 0, 0};
    for (; at[0] < many[0]; at[0]++) {
        for (at[1] = 0; at[1] < many[1]; at[1]++) {
            for (at[2] = 0; at[2] < many[2]; at[2]++) {
                for (at[3] = 0; at[3] < many[3]; at[3]++) {
                    fv_tile_group *g = &groups[made++];
                    *g = (fv_tile_group){0, 0, 0, group};
                    for (int d = 0; d < CONV_AXES; d++) {
                        int64_t position = d == axis ? at[d] * group : at[d];
                        g->a += position * a[d];
                        g->c += position * c[d];
                    }
                    if (at[axis] < many[axis] - 1 || last == group) continue;
                    g->keep = (int32_t)last;
                    if (p->copy && count[axis] < group) continue; /* reads on, behind the row */
                    g->skip = group - (int32_t)last;              /* starts earlier and overlaps */
                    g->a -= g->skip * a[axis];
                    g->c -= g->skip * c[axis];
                }
            }
        }
    }
    return made;
}
