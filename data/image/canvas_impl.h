/* Inside data/image/: what a figure is drawn on. Four things can be drawn, in points from the top
 * left corner: lines, rectangles, texts, pictures. Two canvases draw them, one as SVG text
 * (canvas_svg.c), one into pixels (canvas_pixels.c). */
#ifndef FOVEA_DATA_IMAGE_CANVAS_IMPL_H
#define FOVEA_DATA_IMAGE_CANVAS_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/tensor.h"

typedef struct fv_point {
    double x, y;
} fv_point;

typedef enum fv_anchor { FV_ANCHOR_START, FV_ANCHOR_MIDDLE, FV_ANCHOR_END } fv_anchor;

typedef struct fv_text_style {
    double size;  /* of the letters: an em */
    double angle; /* degrees, counter-clockwise */
    fv_anchor anchor;
    bool bold;
    uint32_t color; /* 0xrrggbb */
} fv_text_style;

typedef struct fv_canvas fv_canvas;
struct fv_canvas {
    /* A line through n points, rounded at its corners and ends; one point is a dot. */
    void (*line)(fv_canvas *c, const fv_point *points, int64_t n, double width, uint32_t color);
    void (*rectangle)(fv_canvas *c, double x, double y, double width, double height,
                      uint32_t color);
    /* at: on the base line, where the anchor says. */
    void (*text)(fv_canvas *c, fv_point at, const char *text, const fv_text_style *style);
    /* uint8 [3,H,W], dense; larger than it is, its pixels are squares. */
    void (*picture)(fv_canvas *c, double x, double y, double width, double height,
                    const fv_tensor *image);
    /* Nothing is drawn outside of this rectangle until the next call; NULL: everywhere. */
    void (*clip)(fv_canvas *c, const double *box); /* x, y, width, height */
    /* Gives the drawing to a file and itself back. */
    fv_status (*finish)(fv_canvas *c, const char *path);
};

/* A white canvas; NULL with an error when memory is out. */
fv_canvas *fv_svg_canvas(double width, double height);
fv_canvas *fv_pixel_canvas(double width, double height, double scale);

/* --- letters as strokes (glyphs.c) ------------------------------------------------------------ */

/* Width of a text in points, as both canvases take it. */
double fv_text_width(const char *text, double size, bool bold);

/* The strokes of a text from (0, 0) on, y upwards, in points. Each is handed to `stroke`, with the
 * line's width. */
typedef void fv_stroke_fn(void *context, const fv_point *points, int64_t n, double width);
void fv_text_strokes(const char *text, double size, bool bold, fv_stroke_fn *stroke, void *context);

#endif
