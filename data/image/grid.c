/* Grids of pictures: values to 0..1 or to colours, laid out in rows. */
#include "data/image/grid.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "data/image/colors_impl.h"
#include "data/image/image_impl.h"

/* The pictures of a tensor in a row: count of them, of `channels` planes each. */
typedef struct pictures {
    float *values;
    size_t token;
    int64_t count, channels, height, width;
} pictures;

/* --- checks ----------------------------------------------------------------------------------- */

/* Sizes of the pictures; an error unless there is something to draw. */
static fv_status describe(const fv_make_grid_args *a, pictures *p)
{
    const fv_shape s = fv_shape_of(a->tensor);
    if (s.ndim < 2 || s.ndim > 4)
        return fv_fail(FV_ERR_SHAPE,
                       "make_grid: the tensor is %s, need [H,W], [C,H,W] or [N,C,H,W]",
                       fv_shape_text(&s));
    if (a->tensor->numel == 0)
        return fv_fail(FV_ERR_SHAPE, "make_grid: the tensor is %s: nothing to draw",
                       fv_shape_text(&s));
    *p = (pictures){.count = s.ndim == 4 ? s.dim[0] : 1,
                    .channels = s.ndim >= 3 ? s.dim[s.ndim - 3] : 1,
                    .height = s.dim[s.ndim - 2],
                    .width = s.dim[s.ndim - 1]};
    if (a->channels_apart) {
        p->count *= p->channels;
        p->channels = 1;
    }
    if (a->diverging && p->channels != 1)
        return fv_fail(FV_ERR_SHAPE,
                       "make_grid: diverging colours are for one channel, the tensor is %s "
                       "(.channels_apart = true draws each by itself)",
                       fv_shape_text(&s));
    return FV_OK;
}

static bool range_given(const fv_make_grid_args *a)
{
    return !fv_is_unset(a->value_range[0]) || !fv_is_unset(a->value_range[1]);
}

static fv_status check_options(const fv_make_grid_args *a)
{
    const double low = a->value_range[0], high = a->value_range[1];
    if (a->nrow < 1 || a->padding < 0 || a->upscale < 1 || a->padding > 4096 || a->upscale > 4096)
        return fv_fail(FV_ERR_OPTION,
                       "make_grid: nrow is %" PRId64 ", padding %" PRId64 ", upscale %" PRId64
                       "; need nrow from 1, padding 0 to 4096, upscale 1 to 4096",
                       a->nrow, a->padding, a->upscale);
    if (!isfinite(a->pad_value)) return fv_fail(FV_ERR_OPTION, "make_grid: pad_value is no number");
    if (a->diverging && a->normalize)
        return fv_fail(FV_ERR_OPTION, "make_grid: diverging colours are not normalized");
    if ((range_given(a) || a->scale_each) && !a->normalize && !a->diverging)
        return fv_fail(FV_ERR_OPTION, "make_grid: %s does nothing without normalize or diverging",
                       range_given(a) ? "value_range" : "scale_each");
    if (range_given(a) && (!isfinite(low) || !isfinite(high) || low >= high))
        return fv_fail(FV_ERR_OPTION,
                       "make_grid: value_range needs two numbers, the smaller one first");
    return FV_OK;
}

/* --- values ----------------------------------------------------------------------------------- */

static fv_status take_values(const fv_tensor *t, pictures *p)
{
    const fv_shape shape = fv_shape_of(t);
    p->values = fv_block_alloc((size_t)t->numel * sizeof *p->values, &p->token);
    if (!p->values)
        return fv_fail(FV_ERR_MEMORY, "make_grid: out of memory for %s", fv_shape_text(&shape));
    fv_copy_out(t, FV_FLOAT32, p->values);
    if (t->dtype == FV_UINT8)
        for (int64_t i = 0; i < t->numel; i++) p->values[i] /= 255.0f;
    return FV_OK;
}

typedef struct bounds {
    float low, high;
} bounds;

/* The smallest and the largest finite value. */
static bounds find_bounds(const float *v, int64_t n)
{
    bounds b = {(double)INFINITY, -(double)INFINITY};
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) continue;
        if (v[i] < b.low) b.low = v[i];
        if (v[i] > b.high) b.high = v[i];
    }
    return b.low <= b.high ? b : (bounds){0, 0};
}

/* To 0..1, or for diverging colours to -1..1. */
static void scale_values(float *v, int64_t n, bounds b, bool diverging)
{
    if (diverging) {
        b.high = fmaxf(fabsf(b.low), fabsf(b.high));
        b.low = 0;
    }
    const float size = diverging ? (b.high > 0 ? b.high : 1) : fmaxf(b.high - b.low, 1e-5f);
    for (int64_t i = 0; i < n; i++) {
        if (!diverging) v[i] = v[i] >= b.low ? fminf(v[i], b.high) : b.low; /* also of a NaN */
        v[i] = (v[i] - b.low) / size;
    }
}

static void bring_to_scale(const fv_make_grid_args *a, const pictures *p)
{
    const int64_t one = p->channels * p->height * p->width, all = p->count * one;
    const int64_t part = a->scale_each ? one : all;
    if (!a->normalize && !a->diverging) return;
    for (int64_t at = 0; at < all; at += part) {
        const bounds b = range_given(a)
                             ? (bounds){(float)a->value_range[0], (float)a->value_range[1]}
                             : find_bounds(p->values + at, part);
        scale_values(p->values + at, part, b, a->diverging);
    }
}

/* --- layout ----------------------------------------------------------------------------------- */

typedef struct layout {
    int64_t columns, rows, padding, scale;
    int64_t channels, height, width; /* of the whole */
} layout;

static fv_status plan_layout(const fv_make_grid_args *a, const pictures *p, layout *l)
{
    const bool single = p->count == 1;
    l->columns = p->count < a->nrow ? p->count : a->nrow;
    l->rows = (p->count + l->columns - 1) / l->columns;
    l->padding = single ? 0 : a->padding;
    l->scale = a->upscale;
    l->channels = p->channels == 1 ? 3 : p->channels;
    const double height =
        (double)l->rows * ((double)p->height * (double)l->scale + (double)l->padding);
    const double width =
        (double)l->columns * ((double)p->width * (double)l->scale + (double)l->padding);
    if (height * width * (double)l->channels > 1e12)
        return fv_fail(FV_ERR_MEMORY, "make_grid: a grid of %.0f x %.0f pixels is too large", width,
                       height);
    l->height = (int64_t)height + l->padding;
    l->width = (int64_t)width + l->padding;
    return FV_OK;
}

/* The value of a channel of the whole where the picture has v. */
static float shade(float v, int64_t channel, bool diverging)
{
    if (!diverging) return v;
    const fv_rgb color = fv_diverging_color(v);
    return channel == 0 ? color.r : channel == 1 ? color.g : color.b;
}

/* One row of a plane into `scale` rows of the grid. */
static void draw_row(const layout *l, const float *in, int64_t width, int64_t channel,
                     bool diverging, float *out)
{
    for (int64_t x = 0; x < width; x++) {
        const float v = shade(in[x], channel, diverging);
        for (int64_t k = 0; k < l->scale; k++) out[x * l->scale + k] = v;
    }
    for (int64_t k = 1; k < l->scale; k++)
        memcpy(out + k * l->width, out, (size_t)(width * l->scale) * sizeof *out);
}

static void draw_picture(const layout *l, const pictures *p, int64_t number, bool diverging,
                         float *grid)
{
    const int64_t top = number / l->columns * (p->height * l->scale + l->padding) + l->padding;
    const int64_t left = number % l->columns * (p->width * l->scale + l->padding) + l->padding;
    for (int64_t c = 0; c < l->channels; c++) {
        const int64_t plane = number * p->channels + (p->channels == 1 ? 0 : c);
        const float *in = p->values + plane * p->height * p->width;
        float *out = grid + (c * l->height + top) * l->width + left;
        for (int64_t y = 0; y < p->height; y++)
            draw_row(l, in + y * p->width, p->width, c, diverging, out + y * l->scale * l->width);
    }
}

static fv_tensor *draw_grid(const fv_make_grid_args *a, const pictures *p)
{
    layout l = {0};
    if (plan_layout(a, p, &l) != FV_OK) return fv_failed_tensor();
    const fv_shape shape = {3, {l.channels, l.height, l.width}};
    fv_tensor *grid = fv_tensor_alloc(FV_FLOAT32, &shape, NULL);
    if (!grid) {
        fv_fail(FV_ERR_MEMORY, "make_grid: out of memory for a grid %s", fv_shape_text(&shape));
        return fv_failed_tensor();
    }
    float *out = grid->data;
    for (int64_t i = 0; i < grid->numel; i++) out[i] = (float)a->pad_value;
    for (int64_t i = 0; i < p->count; i++) draw_picture(&l, p, i, a->diverging, out);
    return fv_scope_adopt(grid);
}

const fv_make_grid_args fv_make_grid_defaults = {FV_MAKE_GRID_DEFAULTS};

fv_tensor *fv_make_grid_ex(const fv_make_grid_args *a)
{
    pictures p = {0};
    if (!fv_args_ok("make_grid", a, sizeof *a)) return fv_failed_tensor();
    if (!a->tensor) {
        fv_fail_null("make_grid", "tensor");
        return fv_failed_tensor();
    }
    if (fv_failed_in("make_grid", a->tensor) || fv_need_elements("make_grid", a->tensor) != FV_OK ||
        check_options(a) != FV_OK || describe(a, &p) != FV_OK ||
        take_values(a->tensor, &p) != FV_OK)
        return fv_failed_tensor();
    bring_to_scale(a, &p);
    fv_tensor *grid = draw_grid(a, &p);
    fv_block_free(p.values, p.token);
    return grid;
}

/* --- to a file -------------------------------------------------------------------------------- */

fv_tensor *fv_bytes_of_floats(const fv_tensor *image)
{
    const fv_shape shape = fv_shape_of(image);
    fv_tensor *bytes = fv_tensor_alloc(FV_UINT8, &shape, NULL);
    if (!bytes) {
        fv_fail(FV_ERR_MEMORY, "out of memory for an image %s", fv_shape_text(&shape));
        return NULL;
    }
    const float *in = image->data;
    uint8_t *out = bytes->data;
    for (int64_t i = 0; i < image->numel; i++) {
        const float v = in[i] * 255 + 0.5f;
        out[i] = v >= 255 ? 255 : v > 0 ? (uint8_t)v : 0;
    }
    return bytes;
}

const fv_save_image_args fv_save_image_defaults = {FV_SAVE_IMAGE_DEFAULTS};

static fv_status save_grid(const fv_tensor *grid, const fv_save_image_args *a)
{
    fv_tensor *bytes = fv_bytes_of_floats(grid);
    if (!bytes) return FV_ERR_MEMORY;
    fv_write_image_args w = fv_write_image_defaults;
    w.image = bytes;
    w.path = a->path;
    w.quality = a->quality;
    w.compression = a->compression;
    const fv_status status = fv_write_image_ex(&w);
    fv_release(bytes);
    return status;
}

fv_status fv_save_image_ex(const fv_save_image_args *a)
{
    if (!fv_args_ok("save_image", a, sizeof *a)) return fv_error_status();
    if (!a->path) {
        fv_fail_null("save_image", "path");
        return FV_ERR_OPTION;
    }
    fv_status status = fv_need_no_error("save_image", a->path);
    if (status != FV_OK) return status;
    FV_SCOPE;
    fv_make_grid_args g = fv_make_grid_defaults;
    g.tensor = a->tensor;
    g.nrow = a->nrow;
    g.padding = a->padding;
    g.normalize = a->normalize;
    memcpy(g.value_range, a->value_range, sizeof g.value_range);
    g.scale_each = a->scale_each;
    g.pad_value = a->pad_value;
    g.channels_apart = a->channels_apart;
    g.diverging = a->diverging;
    g.upscale = a->upscale;
    const fv_tensor *grid = fv_make_grid_ex(&g);
    return fv_usable(grid) ? save_grid(grid, a) : fv_error_status();
}
