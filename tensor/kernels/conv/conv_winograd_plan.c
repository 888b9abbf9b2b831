/* Winograd convolution: which form suits, what it costs, and where tiles lie. */
#include <stdio.h>

#include "conv_winograd_impl.h"

/* --- forms ------------------------------------------------------------------------------------ */

/* All phases have the form's taps along height and width, at the stride of the window. */
static bool suits(const conv_window *w, const fv_winograd_form *form)
{
    for (int d = 1; d < 3; d++) {
        const conv_axis *a = &w->axis[d];
        if (a->step != 1 || a->taps != form->r[d - 1] * a->every) return false;
        if (form->r[d - 1] == 1 && a->apart != 1) return false;
    }
    return w->size == 4 && w->covers && (w->back || w->axis[0].spread == 1);
}

static int64_t tiles_along(const conv_axis *a, int m)
{
    return a->apart * conv_ceil_div(conv_ceil_div(a->grid, a->apart), m);
}

static int64_t slices_of(const conv_window *w)
{
    const conv_axis *a = &w->axis[0];
    const int64_t taps = conv_ceil_div(a->taps, a->every);
    return (a->grid - 1) * a->step + (taps - 1) * a->apart + 1;
}

/* Nanoseconds of a form, by its vectors in each plane: 3.9 products a nanosecond (a little slower
 * than in fv_conv_gemm_cost, since filters are many), 2.5 to load or to store one of a tile, 3.8
 * for one of a filter. One that is kept costs 2.2 to read, and 3.8 where planes are many, by the
 * times of 256 and 512 channels at batches of 2 to 32. A register tile of sums costs 9 to begin and
 * end. All by some 3,500 passes of 560 shapes that went every way; tiles of 2x2 took 0.88 of it. */
static double form_cost(const conv_window *w, fv_conv_pass pass, const fv_winograd_form *form,
                        const fv_tile_kernels *tiles, bool kept)
{
    const double planes = (form->m[0] + form->r[0] - 1) * (double)(form->m[1] + form->r[1] - 1);
    const double phases = (double)fv_conv_phase_count(w);
    const double columns = (double)w->images * (double)tiles_along(&w->axis[1], form->m[0]) *
                           (double)tiles_along(&w->axis[2], form->m[1]) * phases;
    const double depth_taps = (double)conv_ceil_div(w->axis[0].taps, w->axis[0].every);
    const double source = (double)conv_ceil_div(w->source_channels, tiles->lanes[0]);
    const double target = (double)w->groups * (double)conv_ceil_div(w->columns, tiles->lanes[0]);
    const double made = columns * (double)w->axis[0].grid;
    const double loads = columns * (double)slices_of(w) * source, stores = made * target;
    const double filters = (double)w->depth * depth_taps * target * phases;
    const double filter = kept && planes <= 16 ? 2.2 : 3.8;
    double starts = made / tiles->mr * target / 2;
    if (pass == FV_CONV_GRAD_WEIGHT) /* and sums are begun anew in each block */
        starts = filters / tiles->mr / 2 * (1 + columns / 48);
    const double all = planes * (made * (double)w->depth * depth_taps * target / 3.9 +
                                 (loads + stores) * 2.5 + filters * filter + starts * 9);
    return 1500 + (form->m[0] == 2 ? 0.88 : 1) * all;
}

/* The forms that a precision allows. */
static bool allowed(int form, fv_machine machine)
{
    if (machine.conv_precision == FV_CONV_ACCURATE) return form == FV_WINOGRAD_2_3;
    return machine.conv_precision != FV_CONV_EXACT;
}

static int cheapest(const conv_window *w, fv_conv_pass pass, fv_machine machine, double *cost)
{
    const fv_winograd_kernels *k = FV_ISA_PICK(fv_winograd_kernels_, machine.isa);
    const fv_tile_kernels *tiles = FV_ISA_PICK(fv_tile_kernels_, machine.isa);
    int best = -1;
    *cost = -1;
    if (w->size != 4) return best;
    for (int i = 0; i < FV_WINOGRAD_FORMS; i++) {
        if (!allowed(i, machine) || !suits(w, &k->form[i])) continue;
        const double c = form_cost(w, pass, &k->form[i], tiles, machine.weights_stay);
        if (best >= 0 && c >= *cost) continue;
        best = i;
        *cost = c;
    }
    return best;
}

double fv_conv_winograd_cost(const conv_window *w, fv_conv_pass pass, fv_machine machine)
{
    double cost;
    cheapest(w, pass, machine, &cost);
    return cost;
}

conv_winograd_plan fv_conv_winograd_start(const fv_conv_plan *plan, const conv_window *w,
                                          fv_machine machine)
{
    const fv_winograd_kernels *k = FV_ISA_PICK(fv_winograd_kernels_, machine.isa);
    double cost;
    conv_winograd_plan p = {.gemm = fv_conv_gemm_start(plan, w, machine)};
    p.form = &k->form[cheapest(w, plan->pass, machine, &cost)];
    p.points = 1;
    for (int d = 0; d < 2; d++) {
        p.points *= p.form->m[d] + p.form->r[d] - 1;
        p.tiles[d] = tiles_along(&w->axis[d + 1], p.form->m[d]);
    }
    p.columns = conv_mul(w->images, p.tiles[0] * p.tiles[1]);
    p.slices = slices_of(w);
    p.row = conv_ceil_div(w->source_channels, k->lanes) * k->lanes;
    if (p.row >= 256) p.row += 16; /* rows a power of two apart */
    p.blocks = 1;
    return p;
}

/* --- sizes ------------------------------------------------------------------------------------ */

bool fv_conv_winograd_runs_on(const conv_winograd_plan *p)
{
    return p->gemm.w.axis[0].grid == 1 && p->slices == 1;
}

int64_t fv_conv_winograd_most(const conv_winograd_plan *p)
{
    return conv_ceil_div(p->columns, conv_max(p->blocks, 1));
}

int64_t fv_conv_winograd_rows(const conv_winograd_plan *p, int64_t columns)
{
    return columns * p->slices;
}

int64_t fv_conv_winograd_made(const conv_winograd_plan *p, int64_t columns)
{
    return columns * p->gemm.w.axis[0].grid;
}

int64_t fv_conv_winograd_plane(int64_t rows, int64_t row)
{
    int64_t lines = conv_ceil_div(rows * row, 16);
    while (lines % 8 != 5) lines++;
    return lines * 16;
}

int64_t fv_conv_winograd_loaded(const conv_winograd_plan *p, int64_t columns)
{
    return conv_mul(p->points, fv_conv_winograd_plane(fv_conv_winograd_rows(p, columns), p->row));
}

int64_t fv_conv_winograd_filter_plane(const conv_winograd_plan *p, int64_t depth_taps)
{
    return fv_conv_winograd_plane(depth_taps * p->gemm.w.depth, p->gemm.nr);
}

/* --- tiles ------------------------------------------------------------------------------------ */

/* A tile along one dimension: its first coordinate, and which of its elements are inside. */
typedef struct tile_line {
    int64_t at;
    int16_t begin, end;
} tile_line;

/* First position of tile t. */
static int64_t tile_position(const conv_axis *a, int m, int64_t t)
{
    return a->apart == 1 ? t * m : t / a->apart * m * a->apart + t % a->apart;
}

/* Those i in [0, count) for which 0 <= at + i * step < size. */
static tile_line line_of(int64_t at, int64_t step, int64_t size, int count)
{
    tile_line line = {at, 0, 0};
    if (at >= 0 && at + (count - 1) * step < size) {
        line.end = (int16_t)count;
        return line;
    }
    line.begin = (int16_t)conv_min(at < 0 ? conv_ceil_div(-at, step) : 0, count);
    line.end = (int16_t)conv_min(at < size ? conv_ceil_div(size - at, step) : 0, count);
    return line;
}

static tile_line source_line(const conv_winograd_plan *p, const conv_phase *phase, int d, int64_t t)
{
    const conv_axis *a = &p->gemm.w.axis[d];
    const int m = p->form->m[d - 1];
    return line_of(tile_position(a, m, t) + phase->first[d], a->apart, a->source,
                   m + p->form->r[d - 1] - 1);
}

static tile_line target_line(const conv_winograd_plan *p, const conv_phase *phase, int d, int64_t t)
{
    const conv_axis *a = &p->gemm.w.axis[d];
    const int m = p->form->m[d - 1];
    const int64_t q = tile_position(a, m, t);
    tile_line line = line_of(q, a->apart, phase->grid[d], m);
    line.at = q * a->spread + phase->origin[d];
    return line;
}

typedef tile_line (*line_fn)(const conv_winograd_plan *, const conv_phase *, int d, int64_t t);

enum { MOST_ACROSS = 32 }; /* tiles along the width whose lines are kept */

/* A walk over columns: image and tile, and the lines of the tile. */
typedef struct column_walk {
    const conv_winograd_plan *p;
    const conv_phase *phase;
    line_fn line_of;
    int64_t image, t[2];
    tile_line line[2];
    tile_line across[MOST_ACROSS]; /* the same in each row of tiles */
} column_walk;

static tile_line line_across(const column_walk *at, int64_t t)
{
    return at->p->tiles[1] <= MOST_ACROSS ? at->across[t] : at->line_of(at->p, at->phase, 2, t);
}

static void walk_from(const conv_winograd_plan *p, const conv_phase *phase, int64_t column,
                      line_fn line, column_walk *at)
{
    const int64_t places = p->tiles[0] * p->tiles[1], place = column % places;
    at->p = p;
    at->phase = phase;
    at->line_of = line;
    at->image = column / places;
    at->t[0] = place / p->tiles[1];
    at->t[1] = place % p->tiles[1];
    for (int64_t t = 0; t < p->tiles[1] && p->tiles[1] <= MOST_ACROSS; t++)
        at->across[t] = line(p, phase, 2, t);
    at->line[0] = line(p, phase, 1, at->t[0]);
    at->line[1] = line_across(at, at->t[1]);
}

static void walk_on(column_walk *at)
{
    if (++at->t[1] == at->p->tiles[1]) {
        at->t[1] = 0;
        if (++at->t[0] == at->p->tiles[0]) {
            at->t[0] = 0;
            at->image++;
        }
        at->line[0] = at->line_of(at->p, at->phase, 1, at->t[0]);
    }
    at->line[1] = line_across(at, at->t[1]);
}

/* The tile of a walk in a slice of `width` pixels a row; none if that is not there. */
static fv_winograd_tile tile_of(const column_walk *at, bool there, int64_t slice, int64_t height,
                                int64_t width, int64_t channels)
{
    fv_winograd_tile tile = {.at = ((slice * height + at->line[0].at) * width + at->line[1].at) *
                                   channels};
    for (int d = 0; d < 2; d++) {
        tile.begin[d] = at->line[d].begin;
        tile.end[d] = there ? at->line[d].end : at->line[d].begin;
    }
    return tile;
}

void fv_conv_winograd_list_source(const conv_winograd_plan *p, const conv_phase *phase,
                                  int64_t first, int64_t count, fv_winograd_tile *tiles)
{
    const conv_window *w = &p->gemm.w;
    const conv_axis *a = w->axis;
    column_walk at;
    walk_from(p, phase, first, source_line, &at);
    for (int64_t i = 0; i < count; i++, walk_on(&at)) {
        for (int64_t s = 0; s < p->slices; s++) {
            const int64_t z = phase->first[0] + s;
            *tiles++ = tile_of(&at, z >= 0 && z < a[0].source, at.image * a[0].source + z,
                               a[1].source, a[2].source, w->source_channels);
        }
    }
}

void fv_conv_winograd_list_target(const conv_winograd_plan *p, const conv_phase *phase,
                                  int64_t first, int64_t count, fv_winograd_tile *tiles)
{
    const conv_window *w = &p->gemm.w;
    const conv_axis *a = w->axis;
    column_walk at;
    walk_from(p, phase, first, target_line, &at);
    for (int64_t i = 0; i < count; i++, walk_on(&at)) {
        for (int64_t z = 0; z < a[0].grid; z++) {
            const int64_t slice = at.image * a[0].target + z * a[0].spread + phase->origin[0];
            *tiles++ = tile_of(&at, z < phase->grid[0], slice, a[1].target, a[2].target,
                               w->target_channels);
        }
    }
}

void fv_conv_winograd_source_step(const conv_winograd_plan *p, int64_t step[2])
{
    const conv_window *w = &p->gemm.w;
    step[1] = w->axis[2].apart * w->source_channels;
    step[0] = w->axis[1].apart * w->axis[2].source * w->source_channels;
}

void fv_conv_winograd_target_step(const conv_winograd_plan *p, int64_t step[2])
{
    const conv_window *w = &p->gemm.w;
    step[1] = w->axis[2].apart * w->axis[2].spread * w->target_channels;
    step[0] = w->axis[1].apart * w->axis[1].spread * w->axis[2].target * w->target_channels;
}

const float *fv_conv_winograd_end(const conv_winograd_plan *p, const float *map, bool target)
{
    const conv_window *w = &p->gemm.w;
    int64_t count = w->images * (target ? w->target_channels : w->source_channels);
    for (int d = 0; d < 3; d++) count *= target ? w->axis[d].target : w->axis[d].source;
    return map + count;
}

void fv_conv_winograd_load(const conv_winograd_plan *p, const conv_phase *phase,
                           const conv_winograd_part *part, const float *source,
                           fv_winograd_tile *tiles, float *planes)
{
    const int64_t row = fv_conv_winograd_rows(p, part->at);
    fv_winograd_move move = {
        .from = source,
        .end = fv_conv_winograd_end(p, source, false),
        .zeros = part->zeros,
        .tiles = tiles + row,
        .count = fv_conv_winograd_rows(p, part->count),
        .channels = p->gemm.w.source_channels,
        .planes = planes + row * p->row,
        .plane = fv_conv_winograd_plane(fv_conv_winograd_rows(p, part->columns), p->row),
        .row = p->row,
    };
    fv_conv_winograd_source_step(p, move.step);
    fv_conv_winograd_list_source(p, phase, part->first + part->at, part->count, tiles + row);
    p->form->load(&move);
}

int fv_conv_winograd_describe(const fv_conv_plan *plan, char *text, size_t size)
{
    const conv_winograd_plan *p = conv_winograd_own(plan);
    const fv_winograd_form *f = p->form;
    const bool panels = p->by_panels && !p->by_planes;
    return snprintf(text, size, "winograd %dx%d of %dx%d, %lld %s%s, %d thread%s", f->m[0], f->m[1],
                    f->r[0], f->r[1], (long long)(panels ? p->gemm.items : p->blocks),
                    panels           ? "panels"
                    : p->blocks == 1 ? "block"
                                     : "blocks",
                    p->by_planes ? " by planes" : "", p->gemm.threads,
                    p->gemm.threads == 1 ? "" : "s");
}
