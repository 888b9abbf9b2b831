/* Planning: what window a pass moves over which source, and the boxes in which it is done. */
#include <string.h>

#include "tensor/threads.h"
#include "conv_impl.h"

/* A copied box takes half of a common L2 cache. In the weight gradient a panel of its gy stays in
 * L1; with few channels the tiles are few and the cost of starting them rules. Below SERIAL_FLOPS
 * one thread is quicker. */
enum { BOX_BYTES = 512 << 10, WEIGHT_POSITIONS = 192, WEIGHT_POSITIONS_SHORT = 768 };
static const double SERIAL_FLOPS = 4e6;

int64_t conv_taps(const conv_plan *p)
{
    return p->g->k[0] * p->g->k[1] * p->g->k[2];
}

int64_t conv_phase_taps(const conv_phase *phase)
{
    return phase->taps[0] * phase->taps[1] * phase->taps[2];
}

int64_t conv_phase_count(const conv_plan *p)
{
    return p->phases[0] * p->phases[1] * p->phases[2];
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* One dimension of phase f of the input gradient: coordinates i = f + q * stride. Tap k reaches
 * them from gy at (i + pad - k * dilation) / stride, if that is whole. */
static void input_phase(const fv_conv_geometry *g, int d, int64_t f, conv_phase *phase)
{
    int64_t s = g->stride[d], common = gcd(s, g->dilation[d]), every = s / common;
    int64_t start = 0;
    while (start < every && (f + g->pad[d] - start * g->dilation[d]) % s != 0) start++;
    phase->grid[d] = f < g->in[d] ? (g->in[d] - f + s - 1) / s : 0;
    phase->origin[d] = f;
    phase->apart[d] = g->dilation[d] / common;
    phase->next[d] = -every;
    phase->taps[d] = 0;
    phase->first[d] = phase->tap[d] = 0;
    if (start >= every || start >= g->k[d]) return;
    phase->taps[d] = (g->k[d] - 1 - start) / every + 1;
    phase->tap[d] = start + (phase->taps[d] - 1) * every; /* the last tap reads the first pixel */
    phase->first[d] = (f + g->pad[d] - phase->tap[d] * g->dilation[d]) / s;
}

static void forward_phase(const fv_conv_geometry *g, int d, conv_phase *phase)
{
    phase->grid[d] = g->out[d];
    phase->origin[d] = 0;
    phase->taps[d] = g->k[d];
    phase->apart[d] = g->dilation[d];
    phase->tap[d] = 0;
    phase->next[d] = 1;
    phase->first[d] = -g->pad[d];
}

conv_phase conv_get_phase(const conv_plan *p, int64_t index)
{
    conv_phase phase;
    for (int d = 2; d >= 0; d--) {
        if (p->pass == FV_CONV_GRAD_INPUT)
            input_phase(p->g, d, index % p->phases[d], &phase);
        else
            forward_phase(p->g, d, &phase);
        index /= p->phases[d];
    }
    return phase;
}

/* Extent of the window over all phases, by dimension. */
static void find_window(conv_plan *p)
{
    for (int d = 0; d < 3; d++) {
        bool any = false;
        p->low[d] = p->high[d] = 0;
        for (int64_t f = 0; f < p->phases[d]; f++) {
            conv_phase phase;
            if (p->pass == FV_CONV_GRAD_INPUT)
                input_phase(p->g, d, f, &phase);
            else
                forward_phase(p->g, d, &phase);
            if (phase.taps[d] < 1) continue;
            int64_t low = phase.first[d], high = low + (phase.taps[d] - 1) * phase.apart[d];
            p->low[d] = any ? conv_min(p->low[d], low) : low;
            p->high[d] = any ? conv_max(p->high[d], high) : high;
            any = true;
        }
    }
}

/* Can every row be read in place? Rows of a tile far apart by a power of two fall into few cache
 * sets: such pixels are copied too. A last group of fewer positions overlaps its neighbour, which
 * needs a full group in every phase. */
static bool reads_in_place(const conv_plan *p)
{
    for (int d = 0; d < 3; d++) {
        int64_t last = (p->grid[d] - 1) * p->step[d] + p->high[d];
        if (p->low[d] < 0 || last >= p->source[d]) return false;
    }
    int64_t bytes = p->step[2] * p->source_channels * (int64_t)p->size;
    if (bytes % 2048 == 0) return false;
    if (p->pass == FV_CONV_GRAD_WEIGHT) return p->depth % p->tiles->group == 0 && bytes % 1024 != 0;
    return p->grid[2] - (p->phases[2] > 1) >= p->tiles->group;
}

static int64_t source_count(const conv_plan *p, int d, int64_t positions)
{
    return (positions - 1) * p->step[d] + p->high[d] - p->low[d] + 1;
}

/* Shrinks the box, outer axes first, until it fits; an axis is cut only when all outer ones are
 * down to 1. */
static void fit_box(conv_plan *p, int64_t most_bytes, int64_t most_positions)
{
    for (int axis = 0; axis < CONV_AXES; axis++) {
        int64_t bytes = p->pixel * (int64_t)p->size, positions = 1, fixed = 0;
        for (int d = axis; d < 3; d++) { /* dimensions inside this axis */
            bytes *= source_count(p, d, p->grid[d]);
            positions *= p->grid[d];
        }
        int64_t count = most_positions / conv_max(positions, 1);
        if (axis > 0) fixed = p->high[axis - 1] - p->low[axis - 1];
        int64_t step = axis > 0 ? p->step[axis - 1] : 1;
        count = conv_min(count, (most_bytes / bytes - fixed - 1) / step + 1);
        int64_t all = axis > 0 ? p->grid[axis - 1] : p->images;
        if (axis == 3) count = conv_max(count, 16);
        p->box[axis] = conv_max(1, conv_min(all, count));
        if (count >= 1) {
            for (int d = axis; d < 3; d++) p->box[d + 1] = p->grid[d];
            break;
        }
    }
}

/* More boxes than threads, also for a batch of few images. */
static void share_boxes(conv_plan *p)
{
    p->by_image = p->images % p->threads == 0 || p->images >= 8 * p->threads;
    if (p->by_image) {
        int64_t each = conv_ceil_div(p->images, p->threads);
        int64_t rounds = conv_ceil_div(each, p->box[0]); /* boxes of equal size */
        if (each > 0) p->box[0] = conv_ceil_div(each, rounds);
    } else {
        int64_t want = 4 * p->threads, boxes = p->images;
        p->box[0] = 1;
        for (int axis = 1; axis < CONV_AXES; axis++) {
            int64_t parts = conv_ceil_div(p->grid[axis - 1], p->box[axis]);
            int64_t most = p->grid[axis - 1] / (axis == 3 ? 32 : 4); /* not too short rows */
            if (boxes * parts < want) parts = conv_max(parts, conv_min(want / boxes, most));
            parts = conv_max(parts, 1);
            p->box[axis] = conv_ceil_div(p->grid[axis - 1], parts);
            boxes *= conv_ceil_div(p->grid[axis - 1], p->box[axis]);
        }
    }
    for (int axis = 0; axis < CONV_AXES; axis++) {
        int64_t all = axis > 0 ? p->grid[axis - 1] : p->images;
        p->boxes[axis] = conv_ceil_div(all, p->box[axis]);
    }
}

static int choose_threads(const conv_plan *p)
{
    double work = 2.0 * (double)p->images * (double)p->g->o * (double)p->g->c /
                  (double)p->g->groups * (double)conv_taps(p);
    for (int d = 0; d < 3; d++) work *= (double)p->g->out[d];
    if (p->depthwise) work *= 8; /* bound by loads */
    return work < SERIAL_FLOPS ? 1 : fv_get_num_threads();
}

static void set_roles(conv_plan *p)
{
    const fv_conv_geometry *g = p->g;
    bool back = p->pass == FV_CONV_GRAD_INPUT;
    p->source_channels = back ? g->o : g->c;
    p->target_channels = back ? g->c : g->o;
    p->depth = p->source_channels / g->groups;
    p->columns = p->target_channels / g->groups;
    for (int d = 0; d < 3; d++) {
        p->source[d] = back ? g->out[d] : g->in[d];
        p->target[d] = back ? g->in[d] : g->out[d];
        p->phases[d] = back ? conv_min(g->stride[d], g->in[d]) : 1;
        p->grid[d] = back ? conv_ceil_div(g->in[d], g->stride[d]) : g->out[d];
        p->step[d] = back ? 1 : g->stride[d];
        p->spread[d] = back ? g->stride[d] : 1;
    }
}

conv_plan conv_make_plan(const fv_conv_geometry *g, fv_dtype dtype, fv_conv_pass pass)
{
    conv_plan p;
    memset(&p, 0, sizeof p);
    p.g = g;
    p.type = dtype == FV_FLOAT64;
    p.size = p.type ? 8 : 4;
    p.pass = pass;
    p.tiles = FV_ISA_PICK(fv_tile_kernels_, fv_isa_level());
    p.lanes = p.tiles->lanes[p.type];
    p.nr = p.tiles->nr[p.type];
    p.images = g->n;
    p.depthwise = g->groups > 1 && g->groups == g->c && g->groups == g->o;
    p.threads = choose_threads(&p);
    set_roles(&p);
    find_window(&p);
    p.copy = p.depthwise || !reads_in_place(&p);
    p.pixel = p.source_channels;
    if (p.depthwise)
        p.pixel = conv_ceil_div(p.pixel, p.lanes) * p.lanes;
    else if (p.copy && p.step[2] * p.pixel * (int64_t)p.size % 1024 == 0)
        p.pixel += 64 / (int64_t)p.size; /* one cache line, against aliases */
    int64_t positions = INT64_MAX, bytes = BOX_BYTES;
    if (pass == FV_CONV_GRAD_WEIGHT) {
        positions = p.depth < 16 ? WEIGHT_POSITIONS_SHORT : WEIGHT_POSITIONS;
        bytes *= 4;
    }
    fit_box(&p, bytes, positions);
    share_boxes(&p);
    return p;
}

size_t conv_box_bytes(const conv_plan *p)
{
    if (!p->copy) return 0;
    int64_t elements = p->pixel * p->box[0];
    for (int d = 0; d < 3; d++) elements *= source_count(p, d, p->box[d + 1]);
    /* Behind the end a last group reads up to three positions, a tile three elements. */
    elements += p->tiles->group * (p->step[2] * p->pixel + 1);
    return conv_round((size_t)elements * p->size);
}

conv_walk conv_walk_begin(const conv_plan *p, int t)
{
    conv_walk walk = {.image0 = 0, .image1 = p->images};
    int64_t inner = p->boxes[1] * p->boxes[2] * p->boxes[3];
    if (p->by_image) {
        walk.image0 = p->images * t / p->threads;
        walk.image1 = p->images * (t + 1) / p->threads;
        walk.end = conv_ceil_div(walk.image1 - walk.image0, p->box[0]) * inner;
    } else {
        int64_t all = p->boxes[0] * inner;
        walk.box = all * t / p->threads;
        walk.end = all * (t + 1) / p->threads;
    }
    return walk;
}

bool conv_walk_next(const conv_plan *p, conv_walk *walk)
{
    if (walk->box >= walk->end) return false;
    int64_t index = walk->box++;
    for (int axis = CONV_AXES - 1; axis > 0; axis--) {
        walk->now.at[axis] = index % p->boxes[axis] * p->box[axis];
        walk->now.count[axis] = conv_min(p->box[axis], p->grid[axis - 1] - walk->now.at[axis]);
        index /= p->boxes[axis];
    }
    walk->now.at[0] = walk->image0 + index * p->box[0];
    walk->now.count[0] = conv_min(p->box[0], walk->image1 - walk->now.at[0]);
    return true;
}
