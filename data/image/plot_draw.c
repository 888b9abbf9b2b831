/* How a figure of lines and bars is drawn: head, axes, grid, the series. */
#include <math.h>
#include <string.h>

#include "data/image/plot_impl.h"
#include "tensor/numerals.h"

#define GAP     7.0  /* from an axis to its numbers */
#define LINE    17.0 /* a line of text */
#define TURNED  38.0 /* degrees of names that would meet */
#define RADIANS (3.14159265358979323846 / 180)

/* --- texts ------------------------------------------------------------------------------------ */

void fv_draw_text(fv_canvas *c, double x, double y, const char *text, fv_anchor anchor,
                  uint32_t color)
{
    const fv_text_style style = {FV_TEXT_SIZE, 0, anchor, false, color};
    c->text(c, (fv_point){x, y}, text, &style);
}

/* The name of number i; a number where there are no names. */
static const char *name_of(const fv_name *names, int64_t i, char *room, size_t size)
{
    if (names) return names[i].text;
    fv_format(room, size, "%lld", (long long)i);
    return room;
}

static double widest_name(const fv_name *names, int64_t n)
{
    char room[24];
    double widest = 0;
    for (int64_t i = names ? 0 : n - 1; i < n; i++)
        widest =
            fmax(widest, fv_text_width(name_of(names, i, room, sizeof room), FV_TEXT_SIZE, false));
    return widest;
}

/* Names that are numbers may be left out, others are turned. */
static bool names_turn(const fv_name *names, int64_t n, double step)
{
    return names && widest_name(names, n) + 6 > step;
}

double fv_names_height(const fv_name *names, int64_t n, double step)
{
    return names_turn(names, n, step) ? 12 + widest_name(names, n) * sin(TURNED * RADIANS) : LINE;
}

void fv_draw_names(fv_canvas *c, const fv_name *names, int64_t n, double from, double step,
                   double y)
{
    char room[24];
    const bool turn = names_turn(names, n, step);
    const fv_text_style style = {FV_TEXT_SIZE, turn ? TURNED : 0,
                                 turn ? FV_ANCHOR_END : FV_ANCHOR_MIDDLE, false, FV_MIDDLE};
    int64_t every = 1; /* turned names need a line's height */
    while ((double)every * step < (turn    ? 13
                                   : names ? widest_name(names, n) + 6
                                           : widest_name(names, n) + 16) &&
           every < n)
        every = every % 5 == 0 || every % 2 == 1 ? 2 * every : every / 2 * 5;
    for (int64_t i = 0; i < n; i += every)
        c->text(c,
                (fv_point){from + ((double)i + 0.5) * step + (turn ? 4 : 0), y + (turn ? 5 : 11)},
                name_of(names, i, room, sizeof room), &style);
}

/* --- head ------------------------------------------------------------------------------------- */

static void draw_key(fv_canvas *c, const fv_series *s, double x, double y)
{
    if (s->bars) {
        c->rectangle(c, x + 3, y - 9, 10, 10, s->color);
        return;
    }
    const fv_point ends[] = {{x + 1, y - 4}, {x + 16, y - 4}}, middle = {x + 8.5, y - 4};
    if (s->width > 0) c->line(c, ends, 2, fmin(fmax(s->width, 1.5), 4), s->color);
    if (s->points) c->line(c, &middle, 1, fmax(3 * s->width, 6), s->color);
}

/* Keys and labels in rows; returns the height of these. */
static double draw_legend(const fv_figure *f, fv_canvas *c, double left, double top, double right)
{
    const double key = 23, between = 18;
    double x = left, y = top + 11;
    bool any = false;
    for (const fv_series *s = f->first; s; s = s->next) {
        if (!*s->label) continue;
        const double width = key + fv_text_width(s->label, FV_TEXT_SIZE, false);
        if (any && x + width > right) {
            x = left;
            y += LINE;
        }
        any = true;
        draw_key(c, s, x, y);
        fv_draw_text(c, x + key, y, s->label, FV_ANCHOR_START, FV_DARK);
        x += width + between;
    }
    return any ? y + 6 - top : 0;
}

void fv_draw_head(const fv_figure *f, fv_canvas *c, fv_frame_box *box)
{
    if (*f->title) {
        const fv_text_style style = {FV_TITLE_SIZE, 0, FV_ANCHOR_START, true, FV_DARK};
        if (c) c->text(c, (fv_point){box->left, box->top + 12}, f->title, &style);
        box->top += 26;
    }
    const double legend = draw_legend(f, c, box->left, box->top, box->right);
    box->top += legend > 0 ? legend + 6 : *f->title ? 2 : 0;
}

void fv_draw_labels(const fv_figure *f, fv_canvas *c, const fv_frame_box *plot, double below)
{
    const fv_text_style turned = {FV_TEXT_SIZE, 90, FV_ANCHOR_MIDDLE, false, FV_MIDDLE};
    if (*f->x_label)
        fv_draw_text(c, (plot->left + plot->right) / 2, plot->bottom + below + 13, f->x_label,
                     FV_ANCHOR_MIDDLE, FV_MIDDLE);
    if (*f->y_label)
        c->text(c, (fv_point){FV_EDGE + 8, (plot->top + plot->bottom) / 2}, f->y_label, &turned);
}

/* --- axes ------------------------------------------------------------------------------------- */

typedef struct drawing {
    const fv_figure *f;
    fv_canvas *c;
    fv_axis x, y;
    fv_frame_box plot;
    double below; /* height of the numbers below the axis */
} drawing;

static void measure(drawing *d)
{
    const fv_figure *f = d->f;
    fv_axis_start(&d->x, f->log_x);
    fv_axis_start(&d->y, f->log_y);
    for (const fv_series *s = f->first; s; s = s->next)
        for (int64_t i = 0; i < s->n; i++) {
            const bool seen = s->bars || (isfinite(s->x[i]) && (!f->log_x || s->x[i] > 0) &&
                                          isfinite(s->y[i]) && (!f->log_y || s->y[i] > 0));
            if (!seen) continue; /* on one axis alone a value says nothing */
            if (!s->bars) fv_axis_include(&d->x, s->x[i]);
            fv_axis_include(&d->y, s->y[i]);
        }
    if (f->rows_of_bars > 0) {
        fv_axis_include(&d->x, -0.5);
        fv_axis_include(&d->x, (double)f->bars - 0.5);
        fv_axis_include(&d->y, 0);
    }
    fv_axis_settle(&d->x, f->x_range, f->rows_of_bars > 0 ? 0 : 0.02);
    fv_axis_settle(&d->y, f->y_range, 0.06);
}

static double slot(const drawing *d)
{
    return (d->x.to - d->x.from) / (d->x.high - d->x.low);
}

/* Where the plot goes, what is known of the height before the numbers at the left are. */
static void place_plot(drawing *d)
{
    const fv_figure *f = d->f;
    d->plot.bottom = f->height - FV_EDGE - (*f->x_label ? LINE + 5 : 0) - LINE - GAP;
    fv_axis_set_ticks(&d->y, (d->plot.bottom - d->plot.top) / 52);
    d->plot.left =
        FV_EDGE + (*f->y_label ? LINE + 4 : 0) + GAP + fv_axis_text_width(&d->y, FV_TEXT_SIZE);
    d->plot.right = f->width - FV_EDGE - 4;
    d->x.from = d->plot.left;
    d->x.to = d->plot.right;
    fv_axis_set_ticks(&d->x, (d->plot.right - d->plot.left) / 85);
    d->below = LINE;
    if (f->rows_of_bars > 0) {
        d->below = fv_names_height(f->names, f->bars, slot(d));
        d->plot.bottom -= d->below - LINE;
    }
    d->y.from = d->plot.bottom;
    d->y.to = d->plot.top;
}

static void straight(fv_canvas *c, double x0, double y0, double x1, double y1, uint32_t color)
{
    /* as a rectangle, which lies on whole pixels */
    c->rectangle(c, x0, y0, fmax(x1 - x0, 1), fmax(y1 - y0, 1), color);
}

/* Lines at 2 to 9 times each power of ten of a logarithmic axis. */
static void draw_faint(const drawing *d, const fv_axis *a, bool upright)
{
    if (!a->logarithmic || log10(a->high / a->low) > 6) return;
    for (double p = pow(10, floor(log10(a->low))); p < a->high; p *= 10)
        for (int k = 2; k < 10; k++) {
            const double v = k * p, at = fv_axis_place(a, v);
            if (v <= a->low || v >= a->high) continue;
            if (upright)
                straight(d->c, at, d->plot.top, at, d->plot.bottom, FV_FAINT);
            else
                straight(d->c, d->plot.left, at, d->plot.right, at, FV_FAINT);
        }
}

static void draw_axes(const drawing *d)
{
    const fv_frame_box *p = &d->plot;
    const bool bars = d->f->rows_of_bars > 0;
    if (!bars) draw_faint(d, &d->x, true);
    draw_faint(d, &d->y, false);
    for (int i = 0; i < d->y.ticks; i++) {
        const double at = fv_axis_place(&d->y, d->y.tick[i]);
        straight(d->c, p->left, at, p->right, at, FV_GRID);
        fv_draw_text(d->c, p->left - GAP, at + 4, d->y.text[i], FV_ANCHOR_END, FV_MIDDLE);
    }
    for (int i = 0; i < d->x.ticks && !bars; i++) {
        const double at = fv_axis_place(&d->x, d->x.tick[i]);
        straight(d->c, at, p->top, at, p->bottom, FV_GRID);
        fv_draw_text(d->c, at, p->bottom + GAP + 11, d->x.text[i], FV_ANCHOR_MIDDLE, FV_MIDDLE);
    }
    if (bars)
        fv_draw_names(d->c, d->f->names, d->f->bars, fv_axis_place(&d->x, -0.5), slot(d),
                      p->bottom + GAP);
    fv_draw_labels(d->f, d->c, p, d->below + GAP);
}

/* The line that bars stand on, or the lower edge. */
static void draw_ground(const drawing *d)
{
    const bool bars = d->f->rows_of_bars > 0 && d->y.low <= 0 && d->y.high >= 0;
    const double at = bars ? fv_axis_place(&d->y, 0) : d->plot.bottom;
    straight(d->c, d->plot.left, at, d->plot.right, at, FV_AXIS);
}

/* --- series ----------------------------------------------------------------------------------- */

static bool drawn(const drawing *d, double x, double y)
{
    return isfinite(x) && isfinite(y) && (!d->x.logarithmic || x > 0) &&
           (!d->y.logarithmic || y > 0);
}

/* Far outside is as good as far, far outside. */
static fv_point point_of(const drawing *d, double x, double y)
{
    const double px = fv_axis_place(&d->x, x), py = fv_axis_place(&d->y, y);
    return (fv_point){fmin(fmax(px, -1e5), 1e5), fmin(fmax(py, -1e5), 1e5)};
}

/* Pieces of a line, of up to so many points, each from where the last one ended. */
static void draw_line(const drawing *d, const fv_series *s)
{
    enum { MOST = 1024 };
    fv_point points[MOST];
    int64_t n = 0;
    for (int64_t i = 0; i <= s->n; i++) {
        const bool there = i < s->n && drawn(d, s->x[i], s->y[i]);
        if (there) points[n++] = point_of(d, s->x[i], s->y[i]);
        if (n > 0 && (!there || n == MOST)) {
            d->c->line(d->c, points, n, s->width, s->color);
            points[0] = points[n - 1];
            n = there ? 1 : 0;
        }
    }
}

static void draw_points(const drawing *d, const fv_series *s)
{
    for (int64_t i = 0; i < s->n; i++) {
        if (!drawn(d, s->x[i], s->y[i])) continue;
        const fv_point p = point_of(d, s->x[i], s->y[i]);
        d->c->line(d->c, &p, 1, s->width > 0 ? 3 * s->width : 5, s->color);
    }
}

static void draw_bars(const drawing *d, const fv_series *s, int64_t row)
{
    const double rows = (double)d->f->rows_of_bars, group = slot(d) * (rows > 1 ? 0.8 : 0.72);
    const double width = group / rows, zero = fv_axis_place(&d->y, 0);
    for (int64_t i = 0; i < s->n; i++) {
        if (!isfinite(s->y[i])) continue;
        const double end = point_of(d, 0, s->y[i]).y;
        const double x = fv_axis_place(&d->x, (double)i) - group / 2 + (double)row * width;
        const double gap = rows > 1 && width > 6 ? 1 : 0;
        d->c->rectangle(d->c, x, fmin(zero, end), width - gap, fabs(end - zero), s->color);
        if (!s->numbers) continue;
        char text[24];
        fv_short_number(text, sizeof text, s->y[i]);
        fv_draw_text(d->c, x + (width - gap) / 2, s->y[i] < 0 ? end + 13 : end - 5, text,
                     FV_ANCHOR_MIDDLE, FV_DARK);
    }
}

static void draw_series(const drawing *d)
{
    const fv_frame_box *p = &d->plot;
    const double box[] = {p->left - 4, p->top - 4, p->right - p->left + 8, p->bottom - p->top + 8};
    int64_t row = 0;
    d->c->clip(d->c, box);
    for (const fv_series *s = d->f->first; s; s = s->next)
        if (s->bars) draw_bars(d, s, row++);
    for (const fv_series *s = d->f->first; s; s = s->next) {
        if (s->bars) continue;
        if (s->width > 0) draw_line(d, s);
        if (s->points) draw_points(d, s);
    }
    d->c->clip(d->c, NULL);
}

void fv_draw_figure(const fv_figure *f, fv_canvas *c)
{
    drawing d = {.f = f, .c = c};
    d.plot = (fv_frame_box){FV_EDGE, FV_EDGE, f->width - FV_EDGE, f->height - FV_EDGE};
    fv_draw_head(f, c, &d.plot);
    if (f->heat.values) {
        fv_draw_heat_map(f, c, d.plot);
        return;
    }
    if (f->first_picture) {
        fv_draw_pictures(f, c, d.plot);
        return;
    }
    d.plot.top += 4;
    measure(&d);
    place_plot(&d);
    draw_axes(&d);
    draw_series(&d);
    draw_ground(&d);
}
