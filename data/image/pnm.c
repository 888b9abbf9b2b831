/* PGM and PPM, the plain formats of netpbm (pgm(5), ppm(5)): a header of words, then samples as
 * bytes, as pairs of bytes where the largest is above 255, or as words. */
#include <inttypes.h>
#include <stdio.h>

#include "data/image/image_impl.h"

typedef struct cursor {
    const fv_image_bytes *file;
    size_t at;
} cursor;

static int next_byte(cursor *c)
{
    return c->at < c->file->size ? c->file->bytes[c->at++] : EOF;
}

/* The next number up to most: blanks and comments before it are passed, and one character behind
 * it. */
static bool next_number(cursor *c, int64_t most, int64_t *number)
{
    int b = next_byte(c);
    while (b == '#' || b == ' ' || (b >= '\t' && b <= '\r')) {
        if (b == '#')
            while (b != '\n' && b != EOF) b = next_byte(c);
        b = next_byte(c);
    }
    if (b < '0' || b > '9') return false;
    for (*number = 0; b >= '0' && b <= '9'; b = next_byte(c)) {
        *number = 10 * *number + (b - '0');
        if (*number > most) return false;
    }
    return true;
}

static bool next_sample(cursor *c, bool words, int64_t largest, int64_t *sample)
{
    if (words) return next_number(c, largest, sample);
    const int high = largest > 255 ? next_byte(c) : 0, low = next_byte(c);
    *sample = 256 * high + low;
    return high != EOF && low != EOF && *sample <= largest;
}

static fv_status read_samples(cursor *c, bool words, int64_t largest, fv_pixels *p)
{
    const int64_t count = p->width * p->height * p->channels;
    for (int64_t i = 0; i < count; i++) {
        int64_t sample;
        if (!next_sample(c, words, largest, &sample))
            return fv_fail(FV_ERR_FORMAT,
                           "%s: sample %" PRId64 " of %" PRId64 " is no number up to %" PRId64
                           ", or the file ends early",
                           c->file->name, i, count, largest);
        p->samples[i] = (uint8_t)((sample * 255 + largest / 2) / largest);
    }
    return FV_OK;
}

fv_status fv_pnm_decode(const fv_image_bytes *file, fv_pixels *p)
{
    cursor c = {file, 2};
    int64_t width, height, largest;
    const char kind = (char)file->bytes[1];
    const bool words = kind < '4';
    const int channels = kind == '3' || kind == '6' ? 3 : 1;
    if (!next_number(&c, INT32_MAX, &width) || !next_number(&c, INT32_MAX, &height) ||
        !next_number(&c, 65535, &largest) || largest < 1)
        return fv_fail(FV_ERR_FORMAT,
                       "%s: its header is not two sizes and a largest sample from 1 to 65535",
                       file->name);
    const fv_status status =
        fv_pixels_alloc(p, file->name, width, height, channels, (double)file->size / channels);
    return status == FV_OK ? read_samples(&c, words, largest, p) : status;
}

fv_status fv_pnm_encode(const fv_pixels *p, fv_sink to)
{
    char head[64];
    const int n = snprintf(head, sizeof head, "P%c\n%" PRId64 " %" PRId64 "\n255\n",
                           p->channels == 1 ? '5' : '6', p->width, p->height);
    const fv_status status = to.write(to.context, head, (size_t)n);
    const size_t bytes = (size_t)(p->width * p->height * p->channels);
    return status == FV_OK ? to.write(to.context, p->samples, bytes) : status;
}
