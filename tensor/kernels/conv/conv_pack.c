/* Weights as panels for the tiles, output gradients as panels, and sums back into weight order. */
#include "conv_gemm_impl.h"

#include <string.h>

typedef uint32_t word4 __attribute__((may_alias));
typedef uint64_t word8 __attribute__((may_alias));

int64_t fv_conv_panel_columns(const conv_gemm_plan *p, int64_t panel)
{
    return conv_min(p->nr, p->w.columns - panel * p->nr);
}

int64_t fv_conv_panel_width(const conv_gemm_plan *p, int64_t panel)
{
    return fv_conv_panel_columns(p, panel) > p->lanes ? p->nr : p->lanes;
}

int64_t fv_conv_packed_elements(const conv_gemm_plan *p)
{
    return conv_item_offset(p, p->w.taps, p->items);
}

int64_t fv_conv_pack_blocks(const conv_gemm_plan *p)
{
    return p->items * conv_ceil_div(p->w.depth, CONV_PACK_CHANNELS);
}

/* --- weights ---------------------------------------------------------------------------------- */

/* The rows of w are often a multiple of 2 KiB long, so that all channels of a panel fall into few
 * cache sets: work on CONV_PACK_CHANNELS rows and LINES columns at a time. */
enum { LINES = 8 };

/* Channels [c0, c1) of the sum. */
typedef struct channels {
    int64_t c0, c1;
} channels;

/* A panel of one phase: to[tap][channel][width]. */
#define FV_PACK_PANEL(word)                                                                        \
    static void pack_lines_##word(const conv_gemm_plan *p, const conv_phase *f, const word *w,     \
                                  int64_t count, int64_t width, word *to)                          \
    {                                                                                              \
        const int64_t across = p->across, next = f->next[2] * p->tap[2];                           \
        for (int64_t z = 0; z < f->taps[0]; z++) {                                                 \
            for (int64_t y = 0; y < f->taps[1]; y++) {                                             \
                const word *from = w + (f->tap[0] + z * f->next[0]) * p->tap[0] +                  \
                                   (f->tap[1] + y * f->next[1]) * p->tap[1] +                      \
                                   f->tap[2] * p->tap[2];                                          \
                for (int64_t x = 0; x < f->taps[2]; x++, to += p->w.depth * width, from += next)   \
                    for (int64_t j = 0; j < count; j++) to[j] = from[j * across];                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void pack_##word(const conv_gemm_plan *p, const conv_phase *phase, const word *w,       \
                            int64_t panel, channels sum, word *to)                                 \
    {                                                                                              \
        const int64_t columns = fv_conv_panel_columns(p, panel),                                   \
                      width = fv_conv_panel_width(p, panel);                                       \
        const int64_t taps = fv_conv_phase_taps(phase);                                            \
        for (int64_t j = 0; j < columns; j += LINES) {                                             \
            for (int64_t c = sum.c0; c < sum.c1; c++)                                              \
                pack_lines_##word(p, phase, w + c * p->down + j * p->across,                       \
                                  conv_min(LINES, columns - j), width, to + c * width + j);        \
        }                                                                                          \
        if (columns == width) return;                                                              \
        for (int64_t t = 0; t < taps; t++) {                                                       \
            for (int64_t c = sum.c0; c < sum.c1; c++)                                              \
                memset(to + (t * p->w.depth + c) * width + columns, 0,                             \
                       (size_t)(width - columns) * sizeof(word));                                  \
        }                                                                                          \
    }
FV_PACK_PANEL(word4)
FV_PACK_PANEL(word8)
#undef FV_PACK_PANEL

static channels block_channels(const conv_gemm_plan *p, int64_t block)
{
    const int64_t c0 = block * CONV_PACK_CHANNELS;
    return (channels){c0, conv_min(c0 + CONV_PACK_CHANNELS, p->w.depth)};
}

/* Blocks go along the channels first: an item's rows of w and its panel stay in the cache. */
void fv_conv_pack_block(const conv_gemm_plan *p, int64_t block, const void *w, void *packed)
{
    const int64_t blocks = conv_ceil_div(p->w.depth, CONV_PACK_CHANNELS), item = block / blocks;
    const int64_t group = item / p->panels, panel = item % p->panels;
    const int64_t from = group * p->group_step + panel * p->nr * p->across;
    const channels sum = block_channels(p, block % blocks);
    for (int64_t f = 0; f < fv_conv_phase_count(&p->w); f++) {
        conv_phase phase = fv_conv_get_phase(&p->w, f);
        const int64_t taps = fv_conv_phase_taps(&phase);
        void *to = conv_to(packed, conv_item_offset(p, taps, item), p->w.size);
        if (p->type)
            pack_word8(p, &phase, (const word8 *)w + from, panel, sum, to);
        else
            pack_word4(p, &phase, (const word4 *)w + from, panel, sum, to);
        packed = conv_to(packed, conv_item_offset(p, taps, p->items), p->w.size);
    }
}

/* --- output gradients ------------------------------------------------------------------------- */

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
static bool contiguous(const conv_gemm_plan *p, const conv_box *box)
{
    int axis = 0;
    while (axis < CONV_AXES - 1 && box->count[axis] == 1) axis++;
    for (int inner = axis + 1; inner < CONV_AXES; inner++) {
        if (box->count[inner] != p->w.axis[inner - 1].grid) return false;
    }
    return true;
}

const void *fv_conv_pack_positions(const conv_gemm_plan *p, const conv_box *box, const void *gy,
                                   int64_t item, void *packed)
{
    const int64_t o = p->w.target_channels, size = p->w.size, panel = item % p->panels;
    const size_t row = (size_t)(fv_conv_panel_width(p, panel) * size), step = (size_t)(o * size);
    const size_t bytes = (size_t)(fv_conv_panel_columns(p, panel) * size);
    const bool in_place = bytes == row && row == step && contiguous(p, box);
    const conv_axis *a = p->w.axis;
    char *to = packed;
    for (int64_t i = box->at[0]; i < box->at[0] + box->count[0]; i++) {
        for (int64_t d = box->at[1]; d < box->at[1] + box->count[1]; d++) {
            for (int64_t h = box->at[2]; h < box->at[2] + box->count[2]; h++) {
                int64_t pixel = ((i * a[0].grid + d) * a[1].grid + h) * a[2].grid + box->at[3];
                const char *from = conv_at(gy, pixel * o + conv_item_channel(p, item), size);
                if (in_place) return from;
                pack_row(from, step, box->count[3], bytes, row, to);
                to += (size_t)box->count[3] * row;
            }
        }
    }
    return packed;
}

/* --- sums ------------------------------------------------------------------------------------- */

/* Row-major: gw[column][channel][tap]. */
#define FV_UNPACK(T)                                                                               \
    static void unpack_line_##T(const conv_gemm_plan *p, const T *sums, int64_t step,              \
                                int64_t count, T *gw)                                              \
    {                                                                                              \
        const int64_t taps = p->w.taps, across = p->w.depth * taps;                                \
        const int64_t copy = fv_conv_packed_elements(p);                                           \
        for (int64_t t = 0; t < taps; t++, sums += step, gw++) {                                   \
            for (int64_t j = 0; j < count; j++) {                                                  \
                T sum = sums[j];                                                                   \
                for (int64_t i = 1; i < p->parts; i++) sum += sums[i * copy + j];                  \
                gw[j * across] = sum;                                                              \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void unpack_##T(const conv_gemm_plan *p, const T *sums, int64_t panel, channels sum,    \
                           T *gw)                                                                  \
    {                                                                                              \
        const int64_t columns = fv_conv_panel_columns(p, panel),                                   \
                      width = fv_conv_panel_width(p, panel);                                       \
        const int64_t across = p->w.depth * p->w.taps;                                             \
        for (int64_t j = 0; j < columns; j += LINES) {                                             \
            for (int64_t c = sum.c0; c < sum.c1; c++)                                              \
                unpack_line_##T(p, sums + c * width + j, p->w.depth * width,                       \
                                conv_min(LINES, columns - j), gw + j * across + c * p->w.taps);    \
        }                                                                                          \
    }
FV_UNPACK(float)
FV_UNPACK(double)
#undef FV_UNPACK

void fv_conv_unpack_sums(const conv_gemm_plan *p, const void *sums, int64_t item, int64_t block,
                         void *gw)
{
    const int64_t from = conv_item_offset(p, p->w.taps, item), panel = item % p->panels;
    const int64_t to = conv_item_channel(p, item) * p->w.depth * p->w.taps;
    const channels sum = block_channels(p, block);
    if (p->type)
        unpack_double(p, (const double *)sums + from, panel, sum, (double *)gw + to);
    else
        unpack_float(p, (const float *)sums + from, panel, sum, (float *)gw + to);
}
