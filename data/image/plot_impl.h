/* Inside data/image/: what a figure holds (plot.c), its axes (plot_axis.c), how it is drawn
 * (plot_draw.c, plot_heat.c). */
#ifndef FOVEA_DATA_IMAGE_PLOT_IMPL_H
#define FOVEA_DATA_IMAGE_PLOT_IMPL_H

#include "data/image/canvas_impl.h"
#include "data/image/plot.h"

enum { FV_NAME_ROOM = 64, FV_LABEL_ROOM = 160 };
typedef struct fv_name {
    char text[FV_NAME_ROOM];
} fv_name;

/* A line or a row of bars. */
typedef struct fv_series {
    struct fv_series *next;
    size_t token;
    bool bars, points, numbers;
    double width;
    uint32_t color;
    char label[FV_LABEL_ROOM]; /* "": not in the legend */
    int64_t n;
    double *x, *y; /* behind the struct; bars have no x */
} fv_series;

typedef struct fv_picture {
    struct fv_picture *next;
    size_t token;
    char name[FV_LABEL_ROOM], note[FV_NAME_ROOM];
    int64_t span;
    fv_tensor *image; /* uint8 [3,H,W], dense */
} fv_picture;

typedef struct fv_heat_map {
    double *values; /* NULL: the figure has none */
    size_t token, row_token, column_token;
    int64_t rows, columns;
    fv_name *row_names, *column_names; /* NULL: numbers */
    double low, high;
    bool diverging, numbers;
} fv_heat_map;

struct fv_figure {
    size_t token, names_token;
    char title[FV_LABEL_ROOM], x_label[FV_LABEL_ROOM], y_label[FV_LABEL_ROOM];
    double width, height, x_range[2], y_range[2];
    bool log_x, log_y;
    fv_series *first, *last;
    int64_t lines, rows_of_bars, bars; /* bars: of a row */
    fv_name *names;                    /* of the bars; NULL: numbers */
    fv_heat_map heat;
    fv_picture *first_picture, *last_picture;
    int64_t columns; /* of pictures */
};

/* --- axes ------------------------------------------------------------------------------------- */

enum { FV_MOST_TICKS = 24 };

typedef struct fv_axis {
    double low, high; /* low < high, above 0 on a logarithmic axis */
    bool logarithmic;
    double from, to; /* where they are on the canvas */
    int ticks;
    double tick[FV_MOST_TICKS];
    char text[FV_MOST_TICKS][24];
} fv_axis;

/* Takes a value into the range; the first one after fv_axis_start decides. */
void fv_axis_start(fv_axis *a, bool logarithmic);
void fv_axis_include(fv_axis *a, double value);
/* The range is settled: that of the figure if it has one, else what the values need and `margin` of
 * it on both sides. */
void fv_axis_settle(fv_axis *a, const double *range, double margin);
/* About so many ticks, with their texts. */
void fv_axis_set_ticks(fv_axis *a, double about);
double fv_axis_place(const fv_axis *a, double value);
/* The widest of the texts. */
double fv_axis_text_width(const fv_axis *a, double size);

/* --- drawing ---------------------------------------------------------------------------------- */

enum {
    FV_DARK = 0x1f2933,   /* titles */
    FV_MIDDLE = 0x52606d, /* numbers and labels */
    FV_AXIS = 0x9aa5b1,
    FV_GRID = 0xe4e7eb,
    FV_FAINT = 0xf2f4f6 /* lines between those of the grid */
};

#define FV_EDGE       18.0 /* around everything */
#define FV_TEXT_SIZE  11.5
#define FV_TITLE_SIZE 15.0

/* What a figure leaves for its middle. */
typedef struct fv_frame_box {
    double left, top, right, bottom;
} fv_frame_box;

void fv_draw_figure(const fv_figure *f, fv_canvas *c);
/* Title and legend; moves the box's upper edge below them. */
void fv_draw_head(const fv_figure *f, fv_canvas *c, fv_frame_box *box);
void fv_draw_heat_map(const fv_figure *f, fv_canvas *c, fv_frame_box box);
/* Pictures from the box's upper edge on; returns where they end. A canvas of NULL only measures. */
double fv_draw_pictures(const fv_figure *f, fv_canvas *c, fv_frame_box box);
/* Height of the whole figure. */
double fv_figure_height(const fv_figure *f);
/* Names below an axis, at from + (i + 1/2) step; turned where they would meet. */
double fv_names_height(const fv_name *names, int64_t n, double step);
void fv_draw_names(fv_canvas *c, const fv_name *names, int64_t n, double from, double step,
                   double y);
void fv_draw_text(fv_canvas *c, double x, double y, const char *text, fv_anchor anchor,
                  uint32_t color);
/* The y axis's label, turned, and that of the x axis, in the middle of the two. */
void fv_draw_labels(const fv_figure *f, fv_canvas *c, const fv_frame_box *plot, double below);
/* A number with few digits. */
void fv_short_number(char *text, size_t size, double v);

#endif
