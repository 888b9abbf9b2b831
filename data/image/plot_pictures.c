/* How a sheet of pictures is drawn: in rows, with their names and notes above them. */
#include <math.h>

#include "data/image/plot_impl.h"

#define GAP        14.0 /* between pictures */
#define CAPTION    17.0 /* height of names and notes */
#define MOST_TIMES 8.0

typedef struct sheet {
    const fv_figure *f;
    double column; /* width of one */
} sheet;

static double room_of(const sheet *s, const fv_picture *p)
{
    return (double)p->span * (s->column + GAP) - GAP;
}

/* A whole number of times as large as it is, so that its pixels are equal squares; or its room. */
static double width_of(const sheet *s, const fv_picture *p)
{
    const double width = (double)p->image->shape[2], times = floor(room_of(s, p) / width);
    return times >= 1 ? fmin(times, MOST_TIMES) * width : room_of(s, p);
}

static double height_of(const sheet *s, const fv_picture *p)
{
    return width_of(s, p) * (double)p->image->shape[1] / (double)p->image->shape[2];
}

static void draw_picture(const sheet *s, fv_canvas *c, const fv_picture *p, double x, double y,
                         double caption)
{
    const double width = width_of(s, p), height = height_of(s, p);
    if (*p->name) fv_draw_text(c, x, y + 10, p->name, FV_ANCHOR_START, FV_DARK);
    if (*p->note)
        fv_draw_text(c, x + fmax(width, s->column), y + 10, p->note, FV_ANCHOR_END, FV_MIDDLE);
    c->rectangle(c, x - 1, y + caption - 1, width + 2, height + 2, FV_GRID);
    c->picture(c, x, y + caption, width, height, p->image);
}

/* Is there room for the picture in a row that has so many columns filled? */
static bool fits(const sheet *s, const fv_picture *p, int64_t filled)
{
    return p && filled + p->span <= s->f->columns;
}

/* One row of pictures; the next one's first picture goes to *p. */
static double draw_row(const sheet *s, fv_canvas *c, const fv_picture **p, double left, double top)
{
    double height = 0, caption = 0;
    int64_t filled = 0;
    for (const fv_picture *q = *p; fits(s, q, filled); filled += q->span, q = q->next) {
        height = fmax(height, height_of(s, q));
        if (*q->name || *q->note) caption = CAPTION;
    }
    for (filled = 0; fits(s, *p, filled); filled += (*p)->span, *p = (*p)->next)
        if (c) draw_picture(s, c, *p, left + (double)filled * (s->column + GAP), top, caption);
    return top + caption + height;
}

double fv_draw_pictures(const fv_figure *f, fv_canvas *c, fv_frame_box box)
{
    const double columns = (double)f->columns;
    const sheet s = {f, (box.right - box.left - (columns - 1) * GAP) / columns};
    double y = box.top;
    for (const fv_picture *p = f->first_picture; p;) y = draw_row(&s, c, &p, box.left, y) + GAP;
    return y - GAP;
}

double fv_figure_height(const fv_figure *f)
{
    if (!f->first_picture) return f->height;
    fv_frame_box box = {FV_EDGE, FV_EDGE, f->width - FV_EDGE, f->height - FV_EDGE};
    fv_draw_head(f, NULL, &box);
    return fv_draw_pictures(f, NULL, box) + FV_EDGE;
}
