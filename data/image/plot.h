/* Figures: line plots, bars, heat maps and sheets of pictures, as SVG or PNG by the name's ending.
 *
 *     fv_figure *f = fv_figure_new("Training", .x_label = "epoch", .y_label = "loss");
 *     fv_plot_line(f, train_loss, .label = "training");
 *     fv_plot_line(f, test_loss, .label = "test");
 *     fv_figure_save(f, "loss.svg");
 *     fv_free(f);
 *
 * A figure copies what it is given. Axes fit the values and carry ticks at 1, 2 or 5 times a power
 * of ten; colours come from a list that the colour-blind tell apart. A value that is no number
 * interrupts its line. */
#ifndef FOVEA_DATA_IMAGE_PLOT_H
#define FOVEA_DATA_IMAGE_PLOT_H

#include "../../tensor/args.h"
#include "../../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_figure fv_figure;

/* Texts in a row: FV_NAMES("cat", "dog"), or (fv_names){pointer, count}. */
typedef struct fv_names {
    const char *const *items;
    int64_t count; /* 0: none */
} fv_names;
#define FV_NAMES(...)                                                                              \
    ((fv_names){(const char *const[]){__VA_ARGS__},                                                \
                (int64_t)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))})

typedef struct fv_figure_args {
    size_t size;
    const char *title, *x_label, *y_label; /* UTF-8; NULL: none */
    int64_t width, height;                 /* in points of an SVG; 640 x 400 */
    int64_t columns;                       /* of pictures (fv_plot_image); 4 */
    bool log_x, log_y;                     /* logarithmic axes; what is not above 0 is left out */
    double x_range[2], y_range[2];         /* not given: what the values need */
} fv_figure_args;
#define FV_FIGURE_DEFAULTS                                                                         \
    FV_DEFAULTS(fv_figure_args, .x_label = NULL, .y_label = NULL, .width = 640, .height = 400,     \
                .columns = 4, .x_range = {FV_UNSET_NUMBER, FV_UNSET_NUMBER},                       \
                .y_range = {FV_UNSET_NUMBER, FV_UNSET_NUMBER})
extern const fv_figure_args fv_figure_defaults;

/* An empty figure.  Errors: sizes outside of 100 to 8192; columns outside of 1 to 64; half a range,
 * one that is empty or, on a logarithmic axis, not above 0; memory. */
fv_figure *fv_figure_new_ex(const fv_figure_args *a);
#define fv_figure_new(...)                                                                         \
    FV_CALL(fv_figure_new_ex, fv_figure_args, FV_FIGURE_DEFAULTS, __VA_ARGS__)

/* NULL is fine. */
void fv_figure_free(fv_figure *figure);

typedef struct fv_plot_line_args {
    size_t size;
    fv_figure *figure;
    const fv_tensor *y; /* [n] */
    const fv_tensor *x; /* [n]; NULL: 0, 1, 2, ... */
    const char *label;  /* in the legend; NULL: not there */
    int64_t color;      /* 0xrrggbb; not given: the next of the list */
    double width;       /* of the line; 0: points alone; 2 */
    bool points;        /* a dot at each value; false */
} fv_plot_line_args;
#define FV_PLOT_LINE_DEFAULTS                                                                      \
    FV_DEFAULTS(fv_plot_line_args, .x = NULL, .label = NULL, .color = FV_UNSET, .width = 2)
extern const fv_plot_line_args fv_plot_line_defaults;

/* Adds a line through the points (x[i], y[i]).   Errors: no figure, shape, option; a figure that
 * has a heat map.  Source: matplotlib's plot. */
fv_status fv_plot_line_ex(const fv_plot_line_args *a);
#define fv_plot_line(...)                                                                          \
    FV_CALL(fv_plot_line_ex, fv_plot_line_args, FV_PLOT_LINE_DEFAULTS, __VA_ARGS__)

typedef struct fv_plot_bars_args {
    size_t size;
    fv_figure *figure;
    const fv_tensor *values; /* [n] */
    fv_names names;          /* below the bars; none: those of the bars before, or 0, 1, ... */
    const char *label;
    int64_t color;
    bool numbers; /* each value above its bar; false */
} fv_plot_bars_args;
#define FV_PLOT_BARS_DEFAULTS FV_DEFAULTS(fv_plot_bars_args, .label = NULL, .color = FV_UNSET)
extern const fv_plot_bars_args fv_plot_bars_defaults;

/* Adds n bars from 0; further ones of the same number stand beside them.
 * Errors: no figure, shape, another number of bars than before or of names, a logarithmic axis, a
 * heat map. Source: matplotlib's bar. */
fv_status fv_plot_bars_ex(const fv_plot_bars_args *a);
#define fv_plot_bars(...)                                                                          \
    FV_CALL(fv_plot_bars_ex, fv_plot_bars_args, FV_PLOT_BARS_DEFAULTS, __VA_ARGS__)

typedef struct fv_plot_heat_map_args {
    size_t size;
    fv_figure *figure;
    const fv_tensor *values;          /* [H,W]; row 0 on top */
    fv_names row_names, column_names; /* none: numbers from 0 */
    double value_range[2]; /* what the ends of the colour scale stand for; those of the values */
    bool diverging;        /* blue, white, red about 0, not dark to bright; false */
    bool numbers;          /* each value in its cell; false */
} fv_plot_heat_map_args;
#define FV_PLOT_HEAT_MAP_DEFAULTS                                                                  \
    FV_DEFAULTS(fv_plot_heat_map_args, .value_range = {FV_UNSET_NUMBER, FV_UNSET_NUMBER})
extern const fv_plot_heat_map_args fv_plot_heat_map_defaults;

/* Fills the figure with a matrix as colours and a scale beside it.   Errors: no figure, shape,
 * another number of names, more than 2^20 cells, a figure that has something already.  Source:
 * matplotlib's imshow, colorbar. */
fv_status fv_plot_heat_map_ex(const fv_plot_heat_map_args *a);
#define fv_plot_heat_map(...)                                                                      \
    FV_CALL(fv_plot_heat_map_ex, fv_plot_heat_map_args, FV_PLOT_HEAT_MAP_DEFAULTS, __VA_ARGS__)

typedef struct fv_plot_image_args {
    size_t size;
    fv_figure *figure;
    const fv_tensor *image; /* uint8, or floating from 0 to 1; [H,W], or [C,H,W] with C 1 or 3 */
    const char *name;       /* above it, at the left; NULL: none */
    const char *note;       /* above it, at the right; NULL: none */
    int64_t span;           /* columns that it takes; 1 */
} fv_plot_image_args;
#define FV_PLOT_IMAGE_DEFAULTS                                                                     \
    FV_DEFAULTS(fv_plot_image_args, .name = NULL, .note = NULL, .span = 1)
extern const fv_plot_image_args fv_plot_image_defaults;

/* Adds a picture to a sheet: so many of them stand in a row as the figure has columns. Each is as
 * wide as its columns, or a whole number of times as large as it is where that is narrower, at most
 * eight. The figure is as high as they need, whatever was said. fv_make_grid makes pictures of
 * maps, filters and batches. Errors: no figure, shape, a span of more columns than there are, a
 * figure that has something other than pictures.   Source: matplotlib's subplots and imshow. */
fv_status fv_plot_image_ex(const fv_plot_image_args *a);
#define fv_plot_image(...)                                                                         \
    FV_CALL(fv_plot_image_ex, fv_plot_image_args, FV_PLOT_IMAGE_DEFAULTS, __VA_ARGS__)

typedef struct fv_figure_save_args {
    size_t size;
    fv_figure *figure;
    const char *path; /* .svg or .png */
    double scale;     /* of PNG: pixels of a point; 2 */
} fv_figure_save_args;
#define FV_FIGURE_SAVE_DEFAULTS FV_DEFAULTS(fv_figure_save_args, .scale = 2)
extern const fv_figure_save_args fv_figure_save_defaults;

/* Draws the figure into a file, which is replaced as a whole or not at all. A PNG shows the ASCII
 * characters of texts, and a box for each other one; an SVG all.
 * Errors: no figure, the name's ending, a scale outside of 0.25 to 8, the file.  Refused while an
 * error stands. */
fv_status fv_figure_save_ex(const fv_figure_save_args *a);
#define fv_figure_save(...)                                                                        \
    FV_CALL(fv_figure_save_ex, fv_figure_save_args, FV_FIGURE_SAVE_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
