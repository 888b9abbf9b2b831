/* Pictures as text: half blocks, or sixels of 6 x 6 x 6 colours. */
#include "data/image/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "data/image/grid.h"
#include "data/image/image_impl.h"
#include "data/image/resize.h"
#include "tensor/shape.h"

enum { USUAL_COLUMNS = 80, MOST_COLUMNS = 1000, SIXEL_PIXELS = 8, LEVELS = 6 };

/* --- half blocks ------------------------------------------------------------------------------ */

typedef struct bytes_view {
    const uint8_t *planes; /* [3,H,W] */
    int64_t height, width;
} bytes_view;

static const uint8_t *pixel(const bytes_view *v, int64_t y, int64_t x, uint8_t out[3])
{
    for (int c = 0; c < 3; c++) out[c] = v->planes[(c * v->height + y) * v->width + x];
    return out;
}

/* The upper half block in the colour of one pixel, on that of the pixel below; below the last row
 * the terminal's own background. */
static void print_blocks(const bytes_view *v, FILE *file)
{
    uint8_t a[3], b[3];
    for (int64_t y = 0; y < v->height; y += 2) {
        for (int64_t x = 0; x < v->width; x++) {
            pixel(v, y, x, a);
            fprintf(file, "\x1b[38;2;%d;%d;%dm", a[0], a[1], a[2]);
            if (y + 1 < v->height) {
                pixel(v, y + 1, x, b);
                fprintf(file, "\x1b[48;2;%d;%d;%dm", b[0], b[1], b[2]);
            }
            fputs("\xe2\x96\x80", file);
        }
        fputs("\x1b[0m\n", file);
    }
}

/* --- sixels ----------------------------------------------------------------------------------- */

/* The nearest of LEVELS in each part; a pattern that moves the border hides the steps. */
static int color_index(const bytes_view *v, int64_t y, int64_t x)
{
    static const int pattern[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    uint8_t p[3];
    int index = 0;
    pixel(v, y, x, p);
    for (int c = 0; c < 3; c++)
        index = index * LEVELS +
                (p[c] * (LEVELS - 1) * 16 + 255 * pattern[y % 4][x % 4] + 127) / (255 * 16);
    return index;
}

/* Six rows in one colour: a character a column, its bits the rows; repeats are counted. */
static void print_color(const int *band, int64_t rows, int64_t width, int color, FILE *file)
{
    int64_t run = 0;
    int last = 0;
    fprintf(file, "#%d", color);
    for (int64_t x = 0; x <= width; x++) {
        int bits = -1;
        if (x < width) bits = 0;
        for (int64_t k = 0; k < rows && x < width; k++) bits |= (band[k * width + x] == color) << k;
        if (x > 0 && bits != last) {
            if (run > 3) fprintf(file, "!%" PRId64, run);
            for (int64_t i = 0; i < (run > 3 ? 1 : run); i++) fputc(63 + last, file);
            run = 0;
        }
        last = bits;
        run++;
    }
}

static void print_band(const int *band, int64_t rows, int64_t width, FILE *file)
{
    for (int color = 0; color < LEVELS * LEVELS * LEVELS; color++) {
        bool used = false;
        for (int64_t i = 0; i < rows * width && !used; i++) used = band[i] == color;
        if (!used) continue;
        print_color(band, rows, width, color, file);
        fputc('$', file); /* back to the left edge */
    }
    fputc('-', file);
}

static bool print_sixels(const bytes_view *v, FILE *file)
{
    size_t token;
    int *band = fv_block_alloc((size_t)(6 * v->width) * sizeof *band, &token);
    if (!band) return false;
    fprintf(file, "\x1bPq\"1;1;%" PRId64 ";%" PRId64, v->width, v->height);
    for (int i = 0; i < LEVELS * LEVELS * LEVELS; i++)
        fprintf(file, "#%d;2;%d;%d;%d", i, i / LEVELS / LEVELS * 20, i / LEVELS % LEVELS * 20,
                i % LEVELS * 20);
    for (int64_t y = 0; y < v->height; y += 6) {
        const int64_t rows = v->height - y < 6 ? v->height - y : 6;
        for (int64_t i = 0; i < rows * v->width; i++)
            band[i] = color_index(v, y + i / v->width, i % v->width);
        print_band(band, rows, v->width, file);
    }
    fputs("\x1b\\\n", file);
    fv_block_free(band, token);
    return true;
}

/* --- the picture ------------------------------------------------------------------------------ */

/* Width in pixels under the options. */
static int64_t width_of(const fv_print_image_args *a, int64_t width)
{
    const int64_t unit = a->sixel ? SIXEL_PIXELS : 1;
    if (a->columns != FV_UNSET) return a->columns * unit;
    return width < USUAL_COLUMNS * unit ? width : USUAL_COLUMNS * unit;
}

/* float32 [3,H,W] of the width, the same picture in height. */
static fv_tensor *prepared(const fv_print_image_args *a)
{
    fv_make_grid_args g = fv_make_grid_defaults;
    fv_resize_args r = fv_resize_defaults;
    g.tensor = a->image;
    fv_tensor *grid = fv_make_grid_ex(&g);
    if (fv_failed(grid)) return grid;
    const int64_t height = grid->shape[1], width = grid->shape[2];
    r.image = grid;
    r.width = width_of(a, width);
    r.height = (height * r.width + width / 2) / width;
    if (r.height < 1) r.height = 1;
    r.mode = r.width > width ? FV_NEAREST_EXACT : FV_BILINEAR;
    return r.width == width ? grid : fv_resize_ex(&r);
}

static fv_status print_bytes(const fv_print_image_args *a, const fv_tensor *image)
{
    FILE *file = a->file ? a->file : stdout;
    fv_tensor *bytes = fv_bytes_of_floats(image);
    if (!bytes) return FV_ERR_MEMORY;
    const bytes_view v = {bytes->data, image->shape[1], image->shape[2]};
    fv_status status = FV_OK;
    if (!a->sixel)
        print_blocks(&v, file);
    else if (!print_sixels(&v, file))
        status = fv_fail(FV_ERR_MEMORY, "print_image: out of memory");
    fv_release(bytes);
    if (status == FV_OK && ferror(file))
        status = fv_fail(FV_ERR_IO, "print_image: cannot write: %s", strerror(errno));
    return status;
}

const fv_print_image_args fv_print_image_defaults = {FV_PRINT_IMAGE_DEFAULTS};

fv_status fv_print_image_ex(const fv_print_image_args *a)
{
    if (!fv_args_ok("print_image", a, sizeof *a)) return fv_error_status();
    if (!a->image) {
        fv_fail_null("print_image", "image");
        return FV_ERR_OPTION;
    }
    if (fv_failed_in("print_image", a->image))
        return fv_fail(FV_ERR_STATE, "print_image: the image has failed");
    const fv_shape s = fv_shape_of(a->image);
    if (s.ndim != 2 && !(s.ndim == 3 && (s.dim[0] == 1 || s.dim[0] == 3)))
        return fv_fail(FV_ERR_SHAPE, "print_image: the image is %s, need [H,W], [1,H,W] or [3,H,W]",
                       fv_shape_text(&s));
    if (a->columns != FV_UNSET && (a->columns < 1 || a->columns > MOST_COLUMNS))
        return fv_fail(FV_ERR_OPTION, "print_image: columns is %" PRId64 ", need 1 to %d",
                       a->columns, MOST_COLUMNS);
    FV_SCOPE;
    const fv_tensor *image = prepared(a);
    return fv_failed(image) ? fv_error_status() : print_bytes(a, image);
}
