/* What a figure holds, and how it comes there: copies of values, texts made safe, colours. */
#include "data/image/plot.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "data/image/grid.h"
#include "data/image/image_impl.h"
#include "data/image/plot_impl.h"
#include "tensor/text.h"

enum { SMALLEST = 100, LARGEST = 8192, MOST_CELLS = 1 << 20, MOST_COLUMNS = 64 };

/* --- figures ---------------------------------------------------------------------------------- */

/* Nothing, or two numbers, the smaller first; above 0 on a logarithmic axis. */
static fv_status check_range(const char *function, const char *name, const double *range,
                             bool logarithmic)
{
    if (fv_is_unset(range[0]) && fv_is_unset(range[1])) return FV_OK;
    if (!isfinite(range[0]) || !isfinite(range[1]) || range[0] >= range[1])
        return fv_fail(FV_ERR_OPTION, "%s: %s needs two numbers, the smaller one first", function,
                       name);
    if (logarithmic && range[0] <= 0)
        return fv_fail(FV_ERR_OPTION, "%s: %s begins at %g, a logarithmic axis above 0", function,
                       name, range[0]);
    return FV_OK;
}

static fv_status check_figure(const fv_figure_args *a)
{
    if (a->width < SMALLEST || a->width > LARGEST || a->height < SMALLEST || a->height > LARGEST)
        return fv_fail(FV_ERR_OPTION,
                       "figure_new: %" PRId64 " x %" PRId64 " points, sides go from %d to %d",
                       a->width, a->height, SMALLEST, LARGEST);
    if (a->columns < 1 || a->columns > MOST_COLUMNS)
        return fv_fail(FV_ERR_OPTION, "figure_new: columns is %" PRId64 ", need 1 to %d",
                       a->columns, MOST_COLUMNS);
    fv_status status = check_range("figure_new", "x_range", a->x_range, a->log_x);
    if (status == FV_OK) status = check_range("figure_new", "y_range", a->y_range, a->log_y);
    return status;
}

const fv_figure_args fv_figure_defaults = {FV_FIGURE_DEFAULTS};

fv_figure *fv_figure_new_ex(const fv_figure_args *a)
{
    size_t token;
    if (!fv_args_ok("figure_new", a, sizeof *a) || check_figure(a) != FV_OK) return NULL;
    fv_figure *f = fv_block_alloc(sizeof *f, &token);
    if (!f) {
        fv_fail(FV_ERR_MEMORY, "figure_new: out of memory");
        return NULL;
    }
    memset(f, 0, sizeof *f);
    f->token = token;
    fv_printable(f->title, sizeof f->title, a->title);
    fv_printable(f->x_label, sizeof f->x_label, a->x_label);
    fv_printable(f->y_label, sizeof f->y_label, a->y_label);
    f->width = (double)a->width;
    f->height = (double)a->height;
    f->columns = a->columns;
    f->log_x = a->log_x;
    f->log_y = a->log_y;
    memcpy(f->x_range, a->x_range, sizeof f->x_range);
    memcpy(f->y_range, a->y_range, sizeof f->y_range);
    return f;
}

static void free_heat_map(fv_heat_map *h)
{
    if (h->values) fv_block_free(h->values, h->token);
    if (h->row_names) fv_block_free(h->row_names, h->row_token);
    if (h->column_names) fv_block_free(h->column_names, h->column_token);
    *h = (fv_heat_map){0};
}

void fv_figure_free(fv_figure *figure)
{
    if (!figure) return;
    for (fv_series *s = figure->first; s;) {
        fv_series *next = s->next;
        fv_block_free(s, s->token);
        s = next;
    }
    for (fv_picture *p = figure->first_picture; p;) {
        fv_picture *next = p->next;
        fv_release(p->image);
        fv_block_free(p, p->token);
        p = next;
    }
    if (figure->names) fv_block_free(figure->names, figure->names_token);
    free_heat_map(&figure->heat);
    fv_block_free(figure, figure->token);
}

/* --- what is added ---------------------------------------------------------------------------- */

static const uint32_t colors[] = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7,
                                  0xe69f00, 0x56b4e9, 0x4b5563, 0x8c6d1f};

/* A tensor of that many dimensions with elements, or an error. */
static fv_status check_values(const char *function, const char *name, const fv_tensor *t, int ndim)
{
    const fv_shape shape = fv_shape_of(t);
    if (!t) {
        fv_fail_null(function, name);
        return FV_ERR_OPTION;
    }
    if (fv_failed_in(function, t))
        return fv_fail(FV_ERR_STATE, "%s: %s has failed", function, name);
    const fv_status status = fv_need_elements(function, t);
    if (status != FV_OK) return status;
    if (shape.ndim != ndim || t->numel == 0)
        return fv_fail(FV_ERR_SHAPE, "%s: %s are %s, need %s", function, name,
                       fv_shape_text(&shape), ndim == 1 ? "[n]" : "[H,W]");
    return FV_OK;
}

static fv_status check_place(const char *function, const fv_figure *f, int64_t color)
{
    if (!f) {
        fv_fail_null(function, "figure");
        return FV_ERR_OPTION;
    }
    if (f->heat.values)
        return fv_fail(FV_ERR_STATE, "%s: the figure has a heat map, which stands alone", function);
    if (f->first_picture)
        return fv_fail(FV_ERR_STATE, "%s: the figure has pictures, which stand alone", function);
    if (color != FV_UNSET && (color < 0 || color > 0xffffff))
        return fv_fail(FV_ERR_OPTION, "%s: color is %" PRId64 ", need 0x000000 to 0xffffff",
                       function, color);
    return FV_OK;
}

/* A series of n values at the figure's end. */
static fv_series *add_series(const char *function, fv_figure *f, int64_t n, const char *label,
                             int64_t color)
{
    size_t token;
    fv_series *s = fv_block_alloc(sizeof *s + 2 * (size_t)n * sizeof(double), &token);
    if (!s) {
        fv_fail(FV_ERR_MEMORY, "%s: out of memory for %" PRId64 " values", function, n);
        return NULL;
    }
    memset(s, 0, sizeof *s);
    s->token = token;
    s->n = n;
    s->x = (double *)(s + 1);
    s->y = s->x + n;
    fv_printable(s->label, sizeof s->label, label);
    const size_t number = (size_t)(f->lines + f->rows_of_bars);
    s->color =
        color == FV_UNSET ? colors[number % (sizeof colors / sizeof *colors)] : (uint32_t)color;
    if (f->last)
        f->last->next = s;
    else
        f->first = s;
    f->last = s;
    return s;
}

/* Copies of n texts; none is fine, another number is an error. */
static fv_status copy_names(const char *function, fv_names names, int64_t n, fv_name **out,
                            size_t *token)
{
    *out = NULL;
    if (names.count == 0) return FV_OK;
    if (names.count != n || !names.items)
        return fv_fail(FV_ERR_SHAPE, "%s: %" PRId64 " names for %" PRId64 " values", function,
                       names.count, n);
    *out = fv_block_alloc((size_t)n * sizeof **out, token);
    if (!*out)
        return fv_fail(FV_ERR_MEMORY, "%s: out of memory for %" PRId64 " names", function, n);
    for (int64_t i = 0; i < n; i++) fv_printable((*out)[i].text, FV_NAME_ROOM, names.items[i]);
    return FV_OK;
}

/* --- lines ------------------------------------------------------------------------------------ */

const fv_plot_line_args fv_plot_line_defaults = {FV_PLOT_LINE_DEFAULTS};

fv_status fv_plot_line_ex(const fv_plot_line_args *a)
{
    static const char name[] = "plot_line";
    if (!fv_args_ok(name, a, sizeof *a)) return fv_error_status();
    fv_status status = check_place(name, a->figure, a->color);
    if (status == FV_OK) status = check_values(name, "y", a->y, 1);
    if (status == FV_OK && a->x) status = check_values(name, "x", a->x, 1);
    if (status != FV_OK) return status;
    if (a->x && a->x->numel != a->y->numel)
        return fv_fail(FV_ERR_SHAPE, "%s: x has %" PRId64 " values, y %" PRId64, name, a->x->numel,
                       a->y->numel);
    if (!(a->width >= 0 && a->width <= 100))
        return fv_fail(FV_ERR_OPTION, "%s: width is %g, need 0 to 100", name, a->width);
    fv_series *s = add_series(name, a->figure, a->y->numel, a->label, a->color);
    if (!s) return FV_ERR_MEMORY;
    a->figure->lines++;
    s->width = a->width;
    s->points = a->points || a->width == 0;
    if (a->x)
        fv_copy_out(a->x, FV_FLOAT64, s->x);
    else
        for (int64_t i = 0; i < s->n; i++) s->x[i] = (double)i;
    return fv_copy_out(a->y, FV_FLOAT64, s->y);
}

/* --- bars ------------------------------------------------------------------------------------- */

const fv_plot_bars_args fv_plot_bars_defaults = {FV_PLOT_BARS_DEFAULTS};

fv_status fv_plot_bars_ex(const fv_plot_bars_args *a)
{
    static const char name[] = "plot_bars";
    if (!fv_args_ok(name, a, sizeof *a)) return fv_error_status();
    fv_figure *f = a->figure;
    fv_status status = check_place(name, f, a->color);
    if (status == FV_OK) status = check_values(name, "values", a->values, 1);
    if (status != FV_OK) return status;
    const int64_t n = a->values->numel;
    if (f->log_x || f->log_y)
        return fv_fail(FV_ERR_OPTION, "%s: bars begin at 0, which a logarithmic axis has not",
                       name);
    if (f->rows_of_bars > 0 && f->bars != n)
        return fv_fail(FV_ERR_SHAPE, "%s: %" PRId64 " bars beside %" PRId64, name, n, f->bars);
    fv_name *names;
    size_t token = 0;
    status = copy_names(name, a->names, n, &names, &token);
    if (status != FV_OK) return status;
    fv_series *s = add_series(name, f, n, a->label, a->color);
    if (!s) {
        if (names) fv_block_free(names, token);
        return FV_ERR_MEMORY;
    }
    if (names) {
        if (f->names) fv_block_free(f->names, f->names_token);
        f->names = names;
        f->names_token = token;
    }
    f->rows_of_bars++;
    f->bars = n;
    s->bars = true;
    s->numbers = a->numbers;
    return fv_copy_out(a->values, FV_FLOAT64, s->y);
}

/* --- heat maps -------------------------------------------------------------------------------- */

const fv_plot_heat_map_args fv_plot_heat_map_defaults = {FV_PLOT_HEAT_MAP_DEFAULTS};

/* The range of the colour scale. */
static void set_scale(fv_heat_map *h, const double *range)
{
    h->low = (double)INFINITY;
    h->high = -(double)INFINITY;
    for (int64_t i = 0; i < h->rows * h->columns; i++) {
        if (!isfinite(h->values[i])) continue;
        h->low = fmin(h->low, h->values[i]);
        h->high = fmax(h->high, h->values[i]);
    }
    if (!fv_is_unset(range[0])) {
        h->low = range[0];
        h->high = range[1];
    }
    if (h->low > h->high) h->low = h->high = 0;
    if (h->diverging) {
        h->high = fmax(fabs(h->low), fabs(h->high));
        h->low = -h->high;
    }
    if (h->low == h->high) {
        h->low -= 0.5;
        h->high += 0.5;
    }
}

fv_status fv_plot_heat_map_ex(const fv_plot_heat_map_args *a)
{
    static const char name[] = "plot_heat_map";
    if (!fv_args_ok(name, a, sizeof *a)) return fv_error_status();
    fv_figure *f = a->figure;
    fv_status status = check_place(name, f, FV_UNSET);
    if (status == FV_OK) status = check_values(name, "values", a->values, 2);
    if (status == FV_OK) status = check_range(name, "value_range", a->value_range, false);
    if (status != FV_OK) return status;
    if (f->first || f->first_picture)
        return fv_fail(FV_ERR_STATE,
                       "%s: the figure has something already; a heat map stands alone", name);
    if (a->values->numel > MOST_CELLS)
        return fv_fail(FV_ERR_SHAPE, "%s: %" PRId64 " cells, at most %d are drawn", name,
                       a->values->numel, MOST_CELLS);
    fv_heat_map *h = &f->heat, got = {.rows = a->values->shape[0],
                                      .columns = a->values->shape[1],
                                      .diverging = a->diverging,
                                      .numbers = a->numbers};
    status = copy_names(name, a->row_names, got.rows, &got.row_names, &got.row_token);
    if (status == FV_OK)
        status =
            copy_names(name, a->column_names, got.columns, &got.column_names, &got.column_token);
    if (status == FV_OK)
        got.values = fv_block_alloc((size_t)a->values->numel * sizeof(double), &got.token);
    if (status == FV_OK && !got.values)
        status = fv_fail(FV_ERR_MEMORY, "%s: out of memory for %" PRId64 " cells", name,
                         a->values->numel);
    *h = got;
    if (status != FV_OK) {
        free_heat_map(h);
        return status;
    }
    status = fv_copy_out(a->values, FV_FLOAT64, h->values);
    set_scale(h, a->value_range);
    return status;
}

/* --- pictures --------------------------------------------------------------------------------- */

const fv_plot_image_args fv_plot_image_defaults = {FV_PLOT_IMAGE_DEFAULTS};

/* uint8 [3,H,W] of the picture, with one reference; NULL with an error. */
static fv_tensor *picture_bytes(const fv_tensor *image)
{
    FV_SCOPE;
    fv_make_grid_args g = fv_make_grid_defaults;
    g.tensor = image;
    const fv_tensor *grid = fv_make_grid_ex(&g);
    return fv_usable(grid) ? fv_bytes_of_floats(grid) : NULL;
}

fv_status fv_plot_image_ex(const fv_plot_image_args *a)
{
    static const char name[] = "plot_image";
    if (!fv_args_ok(name, a, sizeof *a)) return fv_error_status();
    if (!a->figure || !a->image) {
        fv_fail_null(name, a->figure ? "image" : "figure");
        return FV_ERR_OPTION;
    }
    fv_figure *f = a->figure;
    if (fv_failed_in(name, a->image))
        return fv_fail(FV_ERR_STATE, "%s: the image has failed", name);
    if (f->first || f->heat.values)
        return fv_fail(FV_ERR_STATE, "%s: the figure has something already; pictures stand alone",
                       name);
    if (a->span < 1 || a->span > f->columns)
        return fv_fail(FV_ERR_OPTION, "%s: span is %" PRId64 ", need 1 to %" PRId64, name, a->span,
                       f->columns);
    const fv_shape s = fv_shape_of(a->image);
    if (s.ndim != 2 && !(s.ndim == 3 && (s.dim[0] == 1 || s.dim[0] == 3)))
        return fv_fail(FV_ERR_SHAPE, "%s: the image is %s, need [H,W], [1,H,W] or [3,H,W]", name,
                       fv_shape_text(&s));
    size_t token;
    fv_picture *p = fv_block_alloc(sizeof *p, &token);
    fv_tensor *bytes = p ? picture_bytes(a->image) : NULL;
    if (!bytes) {
        if (p) fv_block_free(p, token);
        return fv_fail(FV_ERR_MEMORY, "%s: out of memory", name);
    }
    *p = (fv_picture){.token = token, .span = a->span, .image = bytes};
    fv_printable(p->name, sizeof p->name, a->name);
    fv_printable(p->note, sizeof p->note, a->note);
    if (f->last_picture)
        f->last_picture->next = p;
    else
        f->first_picture = p;
    f->last_picture = p;
    return FV_OK;
}

/* --- saving ----------------------------------------------------------------------------------- */

const fv_figure_save_args fv_figure_save_defaults = {FV_FIGURE_SAVE_DEFAULTS};

fv_status fv_figure_save_ex(const fv_figure_save_args *a)
{
    if (!fv_args_ok("figure_save", a, sizeof *a)) return fv_error_status();
    if (!a->figure || !a->path) {
        fv_fail_null("figure_save", a->figure ? "path" : "figure");
        return FV_ERR_OPTION;
    }
    fv_status status = fv_need_no_error("figure_save", a->path);
    if (status != FV_OK) return status;
    const char *dot = strrchr(a->path, '.');
    const bool svg = dot && strcasecmp(dot, ".svg") == 0;
    if (!svg && !(dot && strcasecmp(dot, ".png") == 0))
        return fv_fail(FV_ERR_OPTION, "figure_save: %s: the name ends neither in .svg nor in .png",
                       a->path);
    if (!(a->scale >= 0.25 && a->scale <= 8))
        return fv_fail(FV_ERR_OPTION, "figure_save: scale is %g, need 0.25 to 8", a->scale);
    const fv_figure *f = a->figure;
    const double height = fv_figure_height(f);
    fv_canvas *canvas =
        svg ? fv_svg_canvas(f->width, height) : fv_pixel_canvas(f->width, height, a->scale);
    if (!canvas) return FV_ERR_MEMORY;
    fv_draw_figure(f, canvas);
    return canvas->finish(canvas, a->path);
}
