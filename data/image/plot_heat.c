/* How a heat map is drawn: cells, their names and numbers, the colour scale beside them. */
#include <math.h>

#include "data/image/colors_impl.h"
#include "data/image/plot_impl.h"
#include "tensor/numerals.h"

#define GAP   7.0
#define SCALE 14.0 /* width of the colour scale */

typedef struct heat {
    const fv_figure *f;
    const fv_heat_map *h;
    fv_canvas *c;
    fv_axis scale;
    fv_frame_box plot;
    double cell_width, cell_height;
} heat;

static fv_rgb rgb_of(const fv_heat_map *h, double v)
{
    const double part = (v - h->low) / (h->high - h->low);
    return h->diverging ? fv_diverging_color((float)(2 * part - 1))
                        : fv_sequential_color((float)part);
}

static uint32_t color_of(const fv_heat_map *h, double v)
{
    const fv_rgb c = rgb_of(h, v);
    return (uint32_t)lrintf(c.r * 255) << 16 | (uint32_t)lrintf(c.g * 255) << 8 |
           (uint32_t)lrintf(c.b * 255);
}

static double names_width(const fv_name *names, int64_t n)
{
    char room[24];
    double widest = 0;
    fv_format(room, sizeof room, "%lld", (long long)n - 1);
    if (!names) return fv_text_width(room, FV_TEXT_SIZE, false);
    for (int64_t i = 0; i < n; i++)
        widest = fmax(widest, fv_text_width(names[i].text, FV_TEXT_SIZE, false));
    return widest;
}

/* Square cells, unless these would leave most of the figure empty. */
static void place_cells(heat *d, fv_frame_box box)
{
    const fv_heat_map *h = d->h;
    const double left = (*d->f->y_label ? 21 : 0) + GAP + names_width(h->row_names, h->rows);
    const double right = GAP * 2 + SCALE + 6 + fv_axis_text_width(&d->scale, FV_TEXT_SIZE);
    const double width = box.right - box.left - left - right;
    double below = 24 + (*d->f->x_label ? 20 : 0);
    for (int i = 0; i < 2; i++) { /* names turn where cells are narrow */
        const double height = box.bottom - box.top - below,
                     side = fmin(width / (double)h->columns, height / (double)h->rows);
        const bool square =
            side * (double)h->columns > 0.4 * width && side * (double)h->rows > 0.4 * height;
        d->cell_width = square ? side : width / (double)h->columns;
        d->cell_height = square ? side : height / (double)h->rows;
        below = GAP + fv_names_height(h->column_names, h->columns, d->cell_width) +
                (*d->f->x_label ? 20 : 0);
    }
    d->plot.left = box.left + left;
    d->plot.top = box.top;
    d->plot.right = d->plot.left + d->cell_width * (double)h->columns;
    d->plot.bottom = d->plot.top + d->cell_height * (double)h->rows;
}

/* Neighbours of one colour are one rectangle. */
static void draw_cells(const heat *d)
{
    const fv_heat_map *h = d->h;
    for (int64_t y = 0; y < h->rows; y++) {
        const double top = d->plot.top + (double)y * d->cell_height;
        const double *row = h->values + y * h->columns;
        for (int64_t x = 0, end; x < h->columns; x = end) {
            const uint32_t color = color_of(h, row[x]);
            for (end = x + 1; end < h->columns && color_of(h, row[end]) == color;) end++;
            d->c->rectangle(d->c, d->plot.left + (double)x * d->cell_width, top,
                            (double)(end - x) * d->cell_width, d->cell_height, color);
        }
    }
}

static void draw_numbers(const heat *d)
{
    const fv_heat_map *h = d->h;
    const double size = fmin(FV_TEXT_SIZE, fmin(0.32 * d->cell_width, 0.5 * d->cell_height));
    for (int64_t i = 0; i < h->rows * h->columns; i++) {
        const fv_rgb c = rgb_of(h, h->values[i]);
        const bool light = 0.3f * c.r + 0.59f * c.g + 0.11f * c.b > 0.55f;
        const fv_text_style style = {size, 0, FV_ANCHOR_MIDDLE, false, light ? FV_DARK : 0xffffff};
        char text[24];
        fv_short_number(text, sizeof text, h->values[i]);
        d->c->text(d->c,
                   (fv_point){d->plot.left + ((double)(i % h->columns) + 0.5) * d->cell_width,
                              d->plot.top + ((double)(i / h->columns) + 0.5) * d->cell_height +
                                  0.36 * size},
                   text, &style);
    }
}

static void draw_row_names(const heat *d)
{
    const fv_heat_map *h = d->h;
    int64_t every = 1;
    while ((double)every * d->cell_height < (h->row_names ? 13 : 20) && every < h->rows)
        every = every % 5 == 0 || every % 2 == 1 ? 2 * every : every / 2 * 5;
    for (int64_t i = 0; i < h->rows; i += every) {
        char room[24];
        fv_format(room, sizeof room, "%lld", (long long)i);
        fv_draw_text(d->c, d->plot.left - GAP, d->plot.top + ((double)i + 0.5) * d->cell_height + 4,
                     h->row_names ? h->row_names[i].text : room, FV_ANCHOR_END, FV_MIDDLE);
    }
}

static void draw_scale(heat *d)
{
    enum { PARTS = 64 };
    const fv_heat_map *h = d->h;
    const double left = d->plot.right + 2 * GAP, size = d->plot.bottom - d->plot.top;
    d->scale.from = d->plot.bottom;
    d->scale.to = d->plot.top;
    fv_axis_set_ticks(&d->scale, size / 52);
    for (int i = 0; i < PARTS; i++)
        d->c->rectangle(d->c, left, d->plot.top + size * i / PARTS, SCALE, size / PARTS,
                        color_of(h, h->high - (h->high - h->low) * (i + 0.5) / PARTS));
    for (int i = 0; i < d->scale.ticks; i++) {
        const double at = fv_axis_place(&d->scale, d->scale.tick[i]);
        d->c->rectangle(d->c, left + SCALE, at - 0.5, 4, 1, FV_AXIS);
        fv_draw_text(d->c, left + SCALE + 8, at + 4, d->scale.text[i], FV_ANCHOR_START, FV_MIDDLE);
    }
}

void fv_draw_heat_map(const fv_figure *f, fv_canvas *c, fv_frame_box box)
{
    heat d = {.f = f, .h = &f->heat, .c = c};
    fv_axis_start(&d.scale, false);
    fv_axis_settle(&d.scale, (const double[]){f->heat.low, f->heat.high}, 0);
    fv_axis_set_ticks(&d.scale, (box.bottom - box.top) / 52);
    place_cells(&d, box);
    draw_cells(&d);
    if (f->heat.numbers) draw_numbers(&d);
    draw_row_names(&d);
    fv_draw_names(c, f->heat.column_names, f->heat.columns, d.plot.left, d.cell_width,
                  d.plot.bottom + GAP);
    draw_scale(&d);
    fv_draw_labels(f, c, &d.plot,
                   fv_names_height(f->heat.column_names, f->heat.columns, d.cell_width) + GAP);
}
