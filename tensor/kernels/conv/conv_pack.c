/* Weights as panels for the tiles, output gradients as panels, and sums back into weight order. */
#include "conv_impl.h"

#include <string.h>

typedef uint32_t word4 __attribute__((may_alias));
typedef uint64_t word8 __attribute__((may_alias));

int64_t conv_panels(const conv_plan *p)
{
    return conv_ceil_div(p->columns, p->nr);
}

int64_t conv_panel_columns(const conv_plan *p, int64_t panel)
{
    return conv_min(p->nr, p->columns - panel * p->nr);
}

int64_t conv_panel_width(const conv_plan *p, int64_t panel)
{
    return conv_panel_columns(p, panel) > p->lanes ? p->nr : p->lanes;
}

int64_t conv_group_width(const conv_plan *p)
{
    int64_t last = conv_panels(p) - 1;
    return last * p->nr + conv_panel_width(p, last);
}

int64_t conv_packed_elements(const conv_plan *p)
{
    return p->g->groups * conv_group_width(p) * conv_taps(p) * p->depth;
}

/* The rows of w are often a multiple of 2 KiB long, so that all channels of a panel fall into few
 * cache sets: work on CHANNELS rows and LINES columns at a time. */
enum { CHANNELS = 16, LINES = 8 };

/* A panel of one phase: to[tap][channel][width] for channels c0..c1 of the sum. In w, the produced
 * channels are `across` apart, the summed ones `down`. */
#define FV_PACK_PANEL(word)                                                                        \
    static void pack_lines_##word(const conv_plan *p, const conv_phase *f, const word *w,          \
                                  int64_t across, int64_t count, int64_t width, word *to)          \
    {                                                                                              \
        const int64_t *k = p->g->k;                                                                \
        for (int64_t z = 0; z < f->taps[0]; z++) {                                                 \
            for (int64_t y = 0; y < f->taps[1]; y++) {                                             \
                int64_t plane = (f->tap[0] + z * f->next[0]) * k[1] + f->tap[1] + y * f->next[1];  \
                const word *from = w + plane * k[2] + f->tap[2];                                   \
                for (int64_t x = 0; x < f->taps[2];                                                \
                     x++, to += p->depth * width, from += f->next[2])                              \
                    for (int64_t j = 0; j < count; j++) to[j] = from[j * across];                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void pack_##word(const conv_plan *p, const conv_phase *phase, const word *w,            \
                            int64_t across, int64_t down, int64_t columns, int64_t width,          \
                            int64_t c0, int64_t c1, word *to)                                      \
    {                                                                                              \
        const int64_t taps = conv_phase_taps(phase);                                               \
        for (int64_t from = c0; from < c1; from += CHANNELS) {                                     \
            int64_t end = conv_min(from + CHANNELS, c1);                                           \
            for (int64_t j = 0; j < columns; j += LINES) {                                         \
                for (int64_t c = from; c < end; c++)                                               \
                    pack_lines_##word(p, phase, w + c * down + j * across, across,                 \
                                      conv_min(LINES, columns - j), width, to + c * width + j);    \
            }                                                                                      \
        }                                                                                          \
        if (columns == width) return;                                                              \
        for (int64_t t = 0; t < taps; t++) {                                                       \
            for (int64_t c = c0; c < c1; c++)                                                      \
                memset(to + (t * p->depth + c) * width + columns, 0,                               \
                       (size_t)(width - columns) * sizeof(word));                                  \
        }                                                                                          \
    }
FV_PACK_PANEL(word4)
FV_PACK_PANEL(word8)
#undef FV_PACK_PANEL

void conv_pack_weights(const conv_plan *p, const void *w, void *packed, int part, int parts)
{
    const fv_conv_geometry *g = p->g;
    const int64_t taps = conv_taps(p), cg = g->c / g->groups, og = g->o / g->groups;
    const bool back = p->pass == FV_CONV_GRAD_INPUT;
    const int64_t across = back ? taps : cg * taps, down = back ? cg * taps : taps;
    const int64_t c0 = p->depth * part / parts, c1 = p->depth * (part + 1) / parts;
    for (int64_t f = 0; f < conv_phase_count(p); f++) {
        conv_phase phase = conv_get_phase(p, f);
        int64_t sum = conv_phase_taps(&phase) * p->depth;
        for (int64_t group = 0; group < g->groups; group++) {
            for (int64_t panel = 0; panel < conv_panels(p); panel++) {
                int64_t from = group * og * cg * taps + panel * p->nr * across;
                int64_t columns = conv_panel_columns(p, panel), width = conv_panel_width(p, panel);
                if (p->type)
                    pack_word8(p, &phase, (const word8 *)w + from, across, down, columns, width, c0,
                               c1, packed);
                else
                    pack_word4(p, &phase, (const word4 *)w + from, across, down, columns, width, c0,
                               c1, packed);
                packed = conv_to(packed, sum * width, p->size);
            }
        }
    }
}

/* count pixels of `bytes` each from a tensor with pixels `from_step` bytes apart. */
static void pack_row(const char *from, size_t from_step, int64_t count, size_t bytes, size_t row,
                     char *to)
{
    for (int64_t x = 0; x < count; x++, to += row, from += from_step) {
        if (bytes == row && row % 64 == 0) { /* whole vectors */
            for (size_t i = 0; i < row; i += 64) memcpy(to + i, from + i, 64);
        } else {
            memcpy(to, from, bytes);
            memset(to + bytes, 0, row - bytes);
        }
    }
}

/* Are the positions of the box one run in memory? */
static bool contiguous(const conv_plan *p, const conv_box *box)
{
    int axis = 0;
    while (axis < CONV_AXES - 1 && box->count[axis] == 1) axis++;
    for (int inner = axis + 1; inner < CONV_AXES; inner++) {
        if (box->count[inner] != p->g->out[inner - 1]) return false;
    }
    return true;
}

const void *conv_pack_positions(const conv_plan *p, const conv_box *box, const void *gy,
                                int64_t group, int64_t panel, void *packed)
{
    const int64_t o = p->g->o, *out = p->g->out;
    const size_t row = (size_t)conv_panel_width(p, panel) * p->size;
    const size_t bytes = (size_t)conv_panel_columns(p, panel) * p->size;
    const int64_t channel = group * p->columns + panel * p->nr;
    const bool in_place = bytes == row && row == (size_t)o * p->size && contiguous(p, box);
    char *to = packed;
    for (int64_t i = box->at[0]; i < box->at[0] + box->count[0]; i++) {
        for (int64_t d = box->at[1]; d < box->at[1] + box->count[1]; d++) {
            for (int64_t h = box->at[2]; h < box->at[2] + box->count[2]; h++) {
                int64_t pixel = ((i * out[0] + d) * out[1] + h) * out[2] + box->at[3];
                const char *from = conv_at(gy, pixel * o + channel, p->size);
                if (in_place) return from;
                pack_row(from, (size_t)o * p->size, box->count[3], bytes, row, to);
                to += (size_t)box->count[3] * row;
            }
        }
    }
    return packed;
}

#define FV_UNPACK(T)                                                                               \
    static void unpack_line_##T(const T *sums, int64_t step, int64_t taps, int64_t copies,         \
                                int64_t copy_stride, int64_t count, T *gw, int64_t across)         \
    {                                                                                              \
        for (int64_t t = 0; t < taps; t++, sums += step, gw++) {                                   \
            for (int64_t j = 0; j < count; j++) {                                                  \
                T sum = sums[j];                                                                   \
                for (int64_t i = 1; i < copies; i++) sum += sums[i * copy_stride + j];             \
                gw[j * across] = sum;                                                              \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void unpack_##T(const conv_plan *p, const T *sums, int64_t copies, int64_t copy_stride, \
                           int64_t columns, int64_t width, T *gw)                                  \
    {                                                                                              \
        const int64_t taps = conv_taps(p), depth = p->depth, across = depth * taps;                \
        for (int64_t from = 0; from < depth; from += CHANNELS) {                                   \
            int64_t end = conv_min(from + CHANNELS, depth);                                        \
            for (int64_t j = 0; j < columns; j += LINES) {                                         \
                for (int64_t c = from; c < end; c++)                                               \
                    unpack_line_##T(sums + c * width + j, depth * width, taps, copies,             \
                                    copy_stride, conv_min(LINES, columns - j),                     \
                                    gw + j * across + c * taps, across);                           \
            }                                                                                      \
        }                                                                                          \
    }
FV_UNPACK(float)
FV_UNPACK(double)
#undef FV_UNPACK

void conv_unpack_sums(const conv_plan *p, const void *sums, int64_t copies, int64_t copy_stride,
                      int64_t group, int64_t panel, void *gw)
{
    int64_t to = (group * p->columns + panel * p->nr) * p->depth * conv_taps(p);
    int64_t columns = conv_panel_columns(p, panel), width = conv_panel_width(p, panel);
    if (p->type)
        unpack_double(p, sums, copies, copy_stride, columns, width, (double *)gw + to);
    else
        unpack_float(p, sums, copies, copy_stride, columns, width, (float *)gw + to);
}
