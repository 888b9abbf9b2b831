/* Colour scales: a number as a colour, the same in grids, heat maps and figures. Private to
 * data/image/. */
#ifndef FOVEA_DATA_IMAGE_COLORS_IMPL_H
#define FOVEA_DATA_IMAGE_COLORS_IMPL_H

typedef struct fv_rgb {
    float r, g, b; /* 0 to 1 */
} fv_rgb;

/* -1 dark blue, 0 white, 1 dark red, evenly in lightness on both sides; NaN is white. Values
 * outside are those at the ends. */
fv_rgb fv_diverging_color(float v);

/* 0 dark violet over blue-green to 1 yellow, lighter all the way; NaN is the darkest. */
fv_rgb fv_sequential_color(float v);

#endif
