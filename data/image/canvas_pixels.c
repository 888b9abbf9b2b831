/* A canvas of pixels: lines are drawn with a round pen, pixels at its edge by how far they are
 * inside. Each shape is first a mask, so that a line is not darker where its parts overlap. */
#include <math.h>
#include <string.h>

#include "data/image/canvas_impl.h"
#include "data/image/image_impl.h"
#include "data/image/resize.h"

typedef struct box {
    int64_t left, top, right, bottom; /* the last two outside */
} box;

typedef struct pixel_canvas {
    fv_canvas head;
    size_t token, mask_token;
    double scale;
    fv_pixels pixels;
    float *mask; /* 0 outside of a shape being drawn */
    box clip;
} pixel_canvas;

static box whole(const pixel_canvas *c)
{
    return (box){0, 0, c->pixels.width, c->pixels.height};
}

/* The pixels that lie between two points of the plane, at most those of the limit. */
static box pixels_between(double left, double top, double right, double bottom, box limit)
{
    box b = {(int64_t)fmax(floor(left), (double)limit.left),
             (int64_t)fmax(floor(top), (double)limit.top),
             (int64_t)fmin(ceil(right), (double)limit.right),
             (int64_t)fmin(ceil(bottom), (double)limit.bottom)};
    if (b.right < b.left) b.right = b.left;
    if (b.bottom < b.top) b.bottom = b.top;
    return b;
}

/* How far a pixel's middle is from the piece of a line. */
static double distance(double x, double y, fv_point a, fv_point b)
{
    const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - a.x) * dx + (y - a.y) * dy) / length : 0;
    t = fmin(fmax(t, 0), 1);
    return hypot(a.x + t * dx - x, a.y + t * dy - y);
}

/* Adds a piece of a line, in pixels, to the mask. */
static box mask_piece(pixel_canvas *c, fv_point a, fv_point b, double radius)
{
    const double reach = radius + 1;
    const box r = pixels_between(fmin(a.x, b.x) - reach, fmin(a.y, b.y) - reach,
                                 fmax(a.x, b.x) + reach, fmax(a.y, b.y) + reach, c->clip);
    for (int64_t y = r.top; y < r.bottom; y++)
        for (int64_t x = r.left; x < r.right; x++) {
            float *m = c->mask + y * c->pixels.width + x;
            const double inside = radius + 0.5 - distance((double)x + 0.5, (double)y + 0.5, a, b);
            if (inside > (double)*m) *m = (float)fmin(inside, 1);
        }
    return r;
}

static void blend(uint8_t *pixel, uint32_t color, float part)
{
    for (int k = 0; k < 3; k++) {
        const float to = (float)(color >> (16 - 8 * k) & 255);
        pixel[k] = (uint8_t)lrintf((float)pixel[k] + part * (to - (float)pixel[k]));
    }
}

/* Colours what the mask has within the box, and clears it. */
static void use_mask(pixel_canvas *c, box b, uint32_t color)
{
    for (int64_t y = b.top; y < b.bottom; y++)
        for (int64_t x = b.left; x < b.right; x++) {
            float *m = c->mask + y * c->pixels.width + x;
            if (*m > 0) blend(c->pixels.samples + 3 * (y * c->pixels.width + x), color, *m);
            *m = 0;
        }
}

static box around(box a, box b)
{
    if (a.left >= a.right || a.top >= a.bottom) return b;
    if (b.left >= b.right || b.top >= b.bottom) return a;
    if (b.left < a.left) a.left = b.left;
    if (b.top < a.top) a.top = b.top;
    if (b.right > a.right) a.right = b.right;
    if (b.bottom > a.bottom) a.bottom = b.bottom;
    return a;
}

static fv_point scaled(const pixel_canvas *c, fv_point p)
{
    return (fv_point){p.x * c->scale, p.y * c->scale};
}

/* The whole line in the mask; where it is. */
static box mask_line(pixel_canvas *c, const fv_point *points, int64_t n, double width)
{
    box b = {0, 0, 0, 0};
    const double radius = fmax(width * c->scale, 0.8) / 2;
    for (int64_t i = 0; i < n; i++)
        if (i > 0 || n == 1)
            b = around(b, mask_piece(c, scaled(c, points[i > 0 ? i - 1 : 0]), scaled(c, points[i]),
                                     radius));
    return b;
}

static void pixel_line(fv_canvas *canvas, const fv_point *points, int64_t n, double width,
                       uint32_t color)
{
    pixel_canvas *c = (pixel_canvas *)canvas;
    use_mask(c, mask_line(c, points, n, width), color);
}

/* Edges lie between pixels, so that neighbours meet without a seam. */
static void pixel_rectangle(fv_canvas *canvas, double x, double y, double width, double height,
                            uint32_t color)
{
    pixel_canvas *c = (pixel_canvas *)canvas;
    const double left = rint(x * c->scale), top = rint(y * c->scale);
    const double right = fmax(rint((x + width) * c->scale), left + (width > 0));
    const double bottom = fmax(rint((y + height) * c->scale), top + (height > 0));
    const box b = pixels_between(left, top, right, bottom, c->clip);
    for (int64_t row = b.top; row < b.bottom; row++)
        for (int64_t column = b.left; column < b.right; column++)
            blend(c->pixels.samples + 3 * (row * c->pixels.width + column), color, 1);
}

typedef struct writing {
    pixel_canvas *canvas;
    fv_point at;
    double cosine, sine, shift; /* of the direction; along it, before the text begins */
    box box;
} writing;

static void write_stroke(void *context, const fv_point *points, int64_t n, double width)
{
    enum { MOST = 128 };
    writing *w = context;
    fv_point turned[MOST];
    if (n > MOST) n = MOST;
    for (int64_t i = 0; i < n; i++) {
        const double along = points[i].x - w->shift, up = points[i].y;
        turned[i] = (fv_point){w->at.x + along * w->cosine - up * w->sine,
                               w->at.y - along * w->sine - up * w->cosine};
    }
    w->box = around(w->box, mask_line(w->canvas, turned, n, width));
}

static void pixel_text(fv_canvas *canvas, fv_point at, const char *text, const fv_text_style *style)
{
    const double turn = style->angle * 3.14159265358979323846 / 180;
    const double width = fv_text_width(text, style->size, style->bold);
    writing w = {(pixel_canvas *)canvas, at, cos(turn), sin(turn), 0, {0, 0, 0, 0}};
    if (style->anchor != FV_ANCHOR_START)
        w.shift = style->anchor == FV_ANCHOR_END ? width : width / 2;
    fv_text_strokes(text, style->size, style->bold, write_stroke, &w);
    use_mask(w.canvas, w.box, style->color);
}

/* An error of memory is recorded; finish tells of it. */
static void pixel_picture(fv_canvas *canvas, double x, double y, double width, double height,
                          const fv_tensor *image)
{
    FV_SCOPE;
    pixel_canvas *c = (pixel_canvas *)canvas;
    const double left = rint(x * c->scale), top = rint(y * c->scale);
    fv_resize_args fit = fv_resize_defaults;
    fit.image = image;
    fit.width = (int64_t)fmax(rint(width * c->scale), 1);
    fit.height = (int64_t)fmax(rint(height * c->scale), 1);
    fit.mode = fit.width > image->shape[2] ? FV_NEAREST_EXACT : FV_BILINEAR;
    const fv_tensor *fitted = fv_resize_ex(&fit);
    if (fv_failed(fitted)) return;
    const uint8_t *planes = fitted->data;
    const int64_t plane = fit.width * fit.height;
    const box b =
        pixels_between(left, top, left + (double)fit.width, top + (double)fit.height, c->clip);
    for (int64_t row = b.top; row < b.bottom; row++)
        for (int64_t column = b.left; column < b.right; column++) {
            const int64_t at = (row - (int64_t)top) * fit.width + column - (int64_t)left;
            uint8_t *pixel = c->pixels.samples + 3 * (row * c->pixels.width + column);
            for (int k = 0; k < 3; k++) pixel[k] = planes[k * plane + at];
        }
}

static void pixel_clip(fv_canvas *canvas, const double *at)
{
    pixel_canvas *c = (pixel_canvas *)canvas;
    c->clip = whole(c);
    if (at)
        c->clip = pixels_between(at[0] * c->scale, at[1] * c->scale, (at[0] + at[2]) * c->scale,
                                 (at[1] + at[3]) * c->scale, c->clip);
}

static fv_status save_pixels(const pixel_canvas *c, const char *path)
{
    fv_durable file;
    fv_status status = fv_durable_open(&file, path);
    if (status != FV_OK) return status;
    status = fv_png_encode(&c->pixels, 6, fv_sink_of(&file));
    if (status == FV_OK) status = fv_durable_commit(&file);
    fv_durable_abort(&file);
    return status;
}

static fv_status pixel_finish(fv_canvas *canvas, const char *path)
{
    pixel_canvas *c = (pixel_canvas *)canvas;
    fv_status status = fv_error_status();
    if (path && status == FV_OK) status = save_pixels(c, path);
    fv_pixels_free(&c->pixels);
    if (c->mask) fv_block_free(c->mask, c->mask_token);
    fv_block_free(c, c->token);
    return status;
}

fv_canvas *fv_pixel_canvas(double width, double height, double scale)
{
    size_t token;
    pixel_canvas *c = fv_block_alloc(sizeof *c, &token);
    if (c) {
        memset(c, 0, sizeof *c);
        c->head = (fv_canvas){pixel_line,    pixel_rectangle, pixel_text,
                              pixel_picture, pixel_clip,      pixel_finish};
        c->token = token;
        c->scale = scale;
        c->pixels =
            (fv_pixels){(int64_t)ceil(width * scale), (int64_t)ceil(height * scale), 3, 1, NULL, 0};
        const size_t area = (size_t)(c->pixels.width * c->pixels.height);
        c->pixels.samples = fv_block_alloc(3 * area, &c->pixels.token);
        c->mask = fv_block_alloc(area * sizeof *c->mask, &c->mask_token);
        if (c->pixels.samples && c->mask) {
            memset(c->pixels.samples, 255, 3 * area);
            memset(c->mask, 0, area * sizeof *c->mask);
            c->clip = whole(c);
            return &c->head;
        }
        pixel_finish(&c->head, NULL);
    }
    fv_fail(FV_ERR_MEMORY, "figure_save: out of memory for %.0f x %.0f pixels", width * scale,
            height * scale);
    return NULL;
}
