/* Pictures from files: PGM and PPM, and PNG where the example was built with libpng. */
#ifndef EXAMPLES_PICTURE_H
#define EXAMPLES_PICTURE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_PNG
#include <png.h>
#endif

enum { MAX_SIDE = 16384 };

/* Samples from 0 (black) to 1, [height,width,channels]. */
typedef struct picture {
    int64_t width, height, channels; /* channels: 1 or 3 */
    double *samples;                 /* to be freed */
} picture;

static inline bool bad_picture(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    return false;
}

static inline bool make_picture(picture *p, int64_t width, int64_t height, int64_t channels)
{
    *p = (picture){width, height, channels,
                   calloc((size_t)(width * height * channels), sizeof(double))};
    return p->samples != NULL;
}

/* --- PGM and PPM (netpbm: pgm(5), ppm(5)) ----------------------------------------------------- */

/* The next number of the header or of a plain file: blanks and comments before it are passed. */
static inline bool pnm_number(FILE *f, long most, long *number)
{
    int c = getc(f);
    while (c == '#' || c == ' ' || (c >= '\t' && c <= '\r')) {
        if (c == '#')
            while (c != '\n' && c != EOF) c = getc(f);
        c = getc(f);
    }
    if (c < '0' || c > '9') return false;
    for (*number = 0; c >= '0' && c <= '9'; c = getc(f)) {
        *number = 10 * *number + (c - '0');
        if (*number > most) return false;
    }
    return true; /* the one character behind it is passed as well */
}

static inline bool pnm_sample(FILE *f, bool plain, long largest, long *sample)
{
    if (plain) return pnm_number(f, largest, sample);
    int high = largest > 255 ? getc(f) : 0, low = getc(f);
    *sample = 256L * high + low;
    return high != EOF && low != EOF && *sample <= largest;
}

static inline bool read_pnm(picture *p, FILE *f, char kind, const char *path)
{
    long width, height, largest, sample;
    if (!pnm_number(f, MAX_SIDE, &width) || !pnm_number(f, MAX_SIDE, &height) ||
        !pnm_number(f, 65535, &largest) || width < 1 || height < 1 || largest < 1)
        return bad_picture(path, "a damaged header, or a side above 16384");
    if (!make_picture(p, width, height, kind == '3' || kind == '6' ? 3 : 1))
        return bad_picture(path, "memory is out");
    const bool plain = kind < '4';
    for (int64_t i = 0; i < p->width * p->height * p->channels; i++) {
        if (!pnm_sample(f, plain, largest, &sample))
            return bad_picture(path, "it ends early, or has a sample above its maximum");
        p->samples[i] = (double)sample / (double)largest;
    }
    return true;
}

/* --- PNG -------------------------------------------------------------------------------------- */

/* Of any kind, as three channels of eight bits; what is transparent becomes white. */
#ifdef HAVE_PNG
static inline bool read_png(picture *p, const char *path)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    const png_color white = {255, 255, 255};
    if (!png_image_begin_read_from_file(&image, path)) return bad_picture(path, image.message);
    image.format = PNG_FORMAT_RGB;
    if (image.width > MAX_SIDE || image.height > MAX_SIDE) {
        png_image_free(&image);
        return bad_picture(path, "a side above 16384");
    }
    unsigned char *bytes = malloc(PNG_IMAGE_SIZE(image));
    bool done = bytes && make_picture(p, image.width, image.height, 3) &&
                png_image_finish_read(&image, &white, bytes, 0, NULL);
    if (!done) bad_picture(path, *image.message ? image.message : "memory is out");
    for (int64_t i = 0; done && i < p->width * p->height * 3; i++) p->samples[i] = bytes[i] / 255.0;
    png_image_free(&image);
    free(bytes);
    return done;
}
#else
static inline bool read_png(picture *p, const char *path)
{
    (void)p;
    return bad_picture(path, "a PNG file, and this program was built without libpng (Debian: apt "
                             "install libpng-dev, then build again; or convert the file to PGM)");
}
#endif

/* False, with a message, when it is no picture of these kinds. Free p->samples in any case. */
static inline bool read_picture(picture *p, const char *path)
{
    char start[2] = "";
    *p = (picture){0};
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return false;
    }
    bool done;
    if (fread(start, 1, 2, f) != 2)
        done = bad_picture(path, "too short for a picture");
    else if (start[0] == 'P' && start[1] >= '2' && start[1] <= '6' && start[1] != '4')
        done = read_pnm(p, f, start[1], path);
    else if (memcmp(start, "\x89P", 2) == 0)
        done = read_png(p, path);
    else
        done = bad_picture(path, "neither PGM, PPM nor PNG");
    fclose(f);
    return done;
}

/* --- what a network wants --------------------------------------------------------------------- */

/* Channel c of a pixel, of so many: the grey of a colour is its luma (ITU-R BT.601). */
static inline double sample_at(const picture *p, int64_t y, int64_t x, int64_t c, int64_t channels)
{
    const double *s = p->samples + (y * p->width + x) * p->channels;
    if (p->channels == 1) return s[0];
    if (channels == 3) return s[c];
    return 0.299 * s[0] + 0.587 * s[1] + 0.114 * s[2];
}

/* How much of pixel i lies between low and high. */
static inline double overlap(int64_t i, double low, double high)
{
    return fmin((double)i + 1, high) - fmax((double)i, low);
}

/* The mean over a rectangle: pixels count by their part of it. */
static inline double area_mean(const picture *p, double top, double bottom, double left,
                               double right, int64_t c, int64_t channels)
{
    double sum = 0;
    for (int64_t y = (int64_t)top; y < p->height && (double)y < bottom; y++)
        for (int64_t x = (int64_t)left; x < p->width && (double)x < right; x++)
            sum +=
                overlap(y, top, bottom) * overlap(x, left, right) * sample_at(p, y, x, c, channels);
    return sum / ((bottom - top) * (right - left));
}

/* Resized by area, to [channels,height,width]. */
static inline void fit_picture(const picture *p, int64_t channels, int64_t height, int64_t width,
                               double *out)
{
    const double down = (double)p->height / (double)height;
    const double across = (double)p->width / (double)width;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++)
                *out++ = area_mean(p, (double)y * down, (double)(y + 1) * down, (double)x * across,
                                   (double)(x + 1) * across, c, channels);
}

/* The mean of the outermost pixels of [height,width]: bright for ink on paper. */
static inline double border_mean(const double *samples, int64_t height, int64_t width)
{
    double sum = 0;
    int64_t count = 0;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            if (y == 0 || x == 0 || y == height - 1 || x == width - 1) {
                sum += samples[y * width + x];
                count++;
            }
    return sum / (double)count;
}

#endif
