/* Colour scales as a few colours with straight lines between them. */
#include "data/image/colors_impl.h"

typedef struct scale {
    int count;
    unsigned colors[11]; /* 0xrrggbb, at equal distances */
} scale;

/* Hues that the colour-blind tell apart; lightness rises to the middle and falls from there. */
static const scale diverging = {
    9, {0x0b3c75, 0x2a6cb0, 0x6aa6d5, 0xb9d6ea, 0xffffff, 0xf8ccb5, 0xe78a68, 0xc43c3c, 0x7a0c22}};
/* Lightness rises evenly, so that it is read in grey as well. */
static const scale sequential = {
    8, {0x2b0a4e, 0x443a83, 0x31688e, 0x21918c, 0x35b779, 0x7fca4a, 0xc9dc38, 0xfde725}};

static float part_of(unsigned color, int shift)
{
    return (float)(color >> shift & 255) / 255.0f;
}

static fv_rgb at(const scale *s, float position)
{
    if (!(position > 0)) position = 0;
    if (position > 1) position = 1;
    const float place = position * (float)(s->count - 1);
    const int i = place < (float)(s->count - 1) ? (int)place : s->count - 2;
    const float f = place - (float)i;
    const unsigned a = s->colors[i], b = s->colors[i + 1];
    return (fv_rgb){part_of(a, 16) + f * (part_of(b, 16) - part_of(a, 16)),
                    part_of(a, 8) + f * (part_of(b, 8) - part_of(a, 8)),
                    part_of(a, 0) + f * (part_of(b, 0) - part_of(a, 0))};
}

fv_rgb fv_diverging_color(float v)
{
    return at(&diverging, v == v ? 0.5f * (v + 1) : 0.5f);
}

fv_rgb fv_sequential_color(float v)
{
    return at(&sequential, v);
}
