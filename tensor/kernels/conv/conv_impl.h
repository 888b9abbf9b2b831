/* Internal to the convolution kernels: the window that every pass moves, the boxes it is moved in,
 * and what an algorithm is.
 *
 * Every pass moves a window over a source: x for forward and the weight gradient, gy for the input
 * gradient. The positions of the window form a grid over the target. The input gradient of stride s
 * falls apart in phases (target coordinates with the same remainder by s), each a stride 1
 * convolution over its own subset of the taps; the other passes have one phase.
 *
 * The grid is worked off in boxes of images and positions. Unless no window leaves the image, the
 * source pixels of a box are first copied to scratch with zeros around (fv_conv_box_load), so that
 * the inner loops know no edges:
 *
 *     source                    box in scratch          tile: groups of neighbouring positions
 *     [N, D, H, W, C]  ------>  [image][d][h][w][C]     A row of one = its taps: segments of
 *                       zeros                           adjacent pixels (KW * C numbers) in the box
 */
#ifndef FOVEA_TENSOR_KERNELS_CONV_IMPL_H
#define FOVEA_TENSOR_KERNELS_CONV_IMPL_H

#include <stdbool.h>

#include "conv.h"
#include "tensor/kernels/product/gemm_tile.h"
#include "tensor/parallel.h"
#include "tensor/scratch.h"

enum { CONV_AXES = 4 }; /* image, depth, height, width */

/* --- the window, shared by all algorithms (conv_window.c) ------------------------------------- */

/* One dimension. The source coordinate of tap t at the window's position q of phase f is
 * q * step + (f + pad - t * dilation) / stride for the input gradient, where f = (t * dilation -
 * pad) mod stride, and q * step - pad + t * dilation otherwise. */
typedef struct conv_axis {
    int64_t source, target; /* sizes */
    int64_t step;           /* source coordinates from one position to the next */
    int64_t spread;         /* target coordinates from one position to the next */
    int64_t grid;           /* positions of the largest phase */
    int64_t phases;         /* those that have taps; phase i begins with tap i */
    int64_t every;          /* taps from one of a phase to the next */
    int64_t apart;          /* their distance in the source */
    int64_t low, high;      /* source coordinates under position 0: least and greatest */
    int64_t taps, pad, dilation;
    double useful; /* share of the pairs of a position and a tap that meet the source */
} conv_axis;

typedef struct conv_window {
    conv_axis axis[3];
    int64_t images, groups;
    int64_t source_channels, target_channels; /* of the tensors under and of the window */
    int64_t depth, columns;                   /* per group: channels summed over, channels made */
    int64_t taps, positions; /* of the kernel; of the largest phase, over all images */
    int64_t size;            /* bytes of an element */
    bool back;               /* the input gradient */
    bool covers;             /* every target pixel has taps; else the others are filled */
} conv_window;

/* One phase, by dimension; taps in the order of rising source coordinates. */
typedef struct conv_phase {
    int64_t grid[3];         /* positions */
    int64_t first[3];        /* source coordinate of the first tap at position 0 */
    int64_t taps[3];         /* their number */
    int64_t tap[3], next[3]; /* index in the kernel of the first tap, step to the next */
    int64_t origin[3];       /* target coordinate of position 0 */
} conv_phase;

conv_window fv_conv_make_window(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass);
int64_t fv_conv_phase_count(const conv_window *w);
conv_phase fv_conv_get_phase(const conv_window *w, int64_t index);
int64_t fv_conv_phase_taps(const conv_phase *phase);
bool fv_conv_inside(const conv_window *w); /* no window leaves the image */
/* A number for the phases' taps, which settle the order of weights that are packed by phases. */
uint64_t fv_conv_phases_key(const conv_window *w);
/* Multiplications of the pass, those with padding too. */
double fv_conv_products(const conv_window *w);

/* --- boxes (conv_box.c) ----------------------------------------------------------------------- */

/* How the grid is cut, by axis; all from shapes alone. */
typedef struct conv_boxes {
    int64_t most[CONV_AXES];  /* positions of the largest box */
    int64_t count[CONV_AXES]; /* boxes */
    int64_t total;
    int64_t pixel;    /* elements from one loaded pixel to the next */
    int64_t pitch[3]; /* loaded pixels from one position to the next */
    bool clip[3];     /* taps in padding are left out: none of it is loaded */
    bool copy;        /* boxes are copied; else read in place */
} conv_boxes;

/* What a box may hold, and into how many to cut at least (where rows stay long enough). */
typedef struct conv_limits {
    int64_t bytes, positions, wanted;
    int64_t images; /* boxes of several images have a multiple of so many; 0: any number */
    bool clip[3];
} conv_limits;

static inline bool conv_clips(const conv_boxes *b)
{
    return b->clip[0] || b->clip[1] || b->clip[2];
}

/* First position and number of positions, by axis. */
typedef struct conv_box {
    int64_t at[CONV_AXES], count[CONV_AXES];
} conv_box;

/* The loaded source of a box: where the window at its first position has its least coordinates. */
typedef struct conv_source {
    const void *data;
    int64_t stride[CONV_AXES]; /* elements from one position to the next along the axis */
    int64_t tap[3];            /* and from one source coordinate to the next */
} conv_source;

/* Into how many chunks work of that cost should be cut: 20 microseconds each, an even number; in
 * two from 15 on. */
int64_t fv_conv_wanted_chunks(double nanoseconds, int64_t most);

/* pixel: elements of a pixel in a copied box; in place the source's own. */
conv_boxes fv_conv_cut_boxes(const conv_window *w, bool copy, int64_t pixel, conv_limits limits);
/* Scratch for a copy, with `behind` positions that may be read behind its end; 0 in place. */
size_t fv_conv_box_bytes(const conv_window *w, const conv_boxes *b, int64_t behind);
conv_box fv_conv_get_box(const conv_window *w, const conv_boxes *b, int64_t index);
conv_source fv_conv_box_load(const conv_window *w, const conv_boxes *b, const conv_box *box,
                             const void *source, void *scratch);
/* Positions of the part of a box that a phase has; false if there is none. */
bool fv_conv_clip(const conv_phase *phase, const conv_box *box, int64_t count[CONV_AXES]);
/* From position q on, at most to `end`: those that share the taps in the source, which are what is
 * left of the phase along that dimension. Returns their end. */
int64_t fv_conv_same_taps(const conv_window *w, int d, int64_t q, int64_t end, conv_phase *phase);
/* Source offsets of the taps of a phase. `merge`: adjacent taps of one row are one segment. Returns
 * the number of segments. */
int64_t fv_conv_list_taps(const conv_window *w, const conv_phase *phase, const conv_source *source,
                          bool merge, int64_t *offsets);
/* Elements of the target from one position to the next, by axis; and of a position itself. */
void fv_conv_target_strides(const conv_window *w, int64_t stride[CONV_AXES]);
int64_t fv_conv_target_offset(const conv_window *w, const conv_phase *phase,
                              const int64_t at[CONV_AXES]);
/* The rows of positions in the part of a box that a phase has, one after the other: made by
 * fv_conv_rows, moved to the first and to each next one by conv_next_row, which is false behind the
 * last. */
typedef struct conv_rows {
    int64_t left;              /* rows to come */
    int64_t count[CONV_AXES];  /* positions of the part; count[3] in each row */
    int64_t in_box[CONV_AXES]; /* of the row's first position */
    int64_t at[CONV_AXES];     /* the same in the grid */
    int64_t target;            /* its offset in the target */
    int64_t stride[CONV_AXES]; /* of the target, from one position to the next */
} conv_rows;
conv_rows fv_conv_rows(const conv_window *w, const conv_phase *phase, const conv_box *box);
/* The epilogue of sums that lie in the result: of a run of pixels from element `at` on. */
void fv_conv_finish_pixels(int64_t size, int64_t channels, const fv_conv_operands *o, int64_t at,
                           int64_t pixels);
/* Writes the epilogue of a zero sum to all target pixels of a box, when some have no taps. */
void fv_conv_fill_box(const conv_window *w, const conv_box *box, const fv_conv_operands *o);

static inline bool conv_next_row(conv_rows *r)
{
    if (r->left-- <= 0) return false;
    r->in_box[2]++;
    r->at[2]++;
    r->target += r->stride[2];
    for (int d = 2; d > 0 && r->in_box[d] == r->count[d]; d--) {
        r->target += r->stride[d - 1] - r->count[d] * r->stride[d];
        r->at[d] -= r->count[d];
        r->in_box[d] = 0;
        r->at[d - 1]++;
        r->in_box[d - 1]++;
    }
    return true;
}

/* The offset of a row in the loaded source of the box. */
static inline int64_t conv_row_source(const conv_rows *r, const conv_source *source)
{
    return r->in_box[0] * source->stride[0] + r->in_box[1] * source->stride[1] +
           r->in_box[2] * source->stride[2];
}

/* --- algorithms ------------------------------------------------------------------------------- */

typedef struct conv_algorithm {
    const char *name; /* as FOVEA_CONV_ALGORITHM says it */
    /* Nanoseconds on one core; negative: does not suit. */
    double (*cost)(const conv_window *w, fv_conv_pass pass, fv_machine machine);
    /* Fills p->own; the rest of p is there. */
    void (*plan)(fv_conv_plan *p, const conv_window *w, fv_machine machine);
    /* Takes the scratch of a run. */
    void (*layout)(const fv_conv_plan *p, fv_scratch *s);
    /* Weights in the algorithm's own order: their bytes, and blocks that may be packed at the same
     * time. Not called for the weight gradient. */
    size_t (*packed_bytes)(const fv_conv_plan *p);
    void (*pack)(const fv_conv_plan *p, const void *w, void *packed);
    /* What their order depends on beside algorithm, level, pass, groups and the weights' shape,
     * strides and type; the number of images should be no part of it. */
    uint64_t (*packed_key)(const fv_conv_plan *p);
    void (*run)(const fv_conv_plan *p, const fv_conv_operands *o, void *scratch);
    int (*describe)(const fv_conv_plan *p, char *text, size_t size);
    /* Adds to what is in the result, where that and the residual are one memory. */
    bool over_residual;
} conv_algorithm;

extern const conv_algorithm fv_conv_gemm;        /* forward and input gradient */
extern const conv_algorithm fv_conv_gemm_weight; /* weight gradient */
extern const conv_algorithm fv_conv_depthwise;
extern const conv_algorithm fv_conv_depthwise_weight;
extern const conv_algorithm fv_conv_winograd;
extern const conv_algorithm fv_conv_winograd_weight;
extern const conv_algorithm fv_conv_product; /* all passes */
extern const conv_algorithm fv_conv_merged;  /* all passes */
extern const conv_algorithm fv_conv_few;     /* forward and input gradient */

/* Those of a pass; the first suits always. */
const conv_algorithm *const *fv_conv_algorithms(fv_conv_pass pass, int *count);

/* The name of the quickest for that convolution, measured when it is first asked for
 * (conv_benchmark.c); NULL without the memory for it. */
const char *fv_conv_quickest(const conv_window *w, const fv_conv_geometry *g, fv_dtype dtype,
                             fv_conv_pass pass, fv_machine machine);

/* --- arithmetic ------------------------------------------------------------------------------- */

static inline int64_t conv_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t conv_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t conv_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* a * b for numbers >= 0, or 2^50: more bytes than any machine has, few enough to be added up. */
static inline int64_t conv_mul(int64_t a, int64_t b)
{
    const int64_t most = INT64_C(1) << 50;
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) || product > most ? most : product;
}

static inline const void *conv_at(const void *p, int64_t elements, int64_t size)
{
    return (const char *)p + elements * size;
}

static inline void *conv_to(void *p, int64_t elements, int64_t size)
{
    return (char *)p + elements * size;
}

#endif
