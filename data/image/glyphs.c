/* Letters as strokes: the printable ASCII characters, drawn by the routine that draws lines.
 *
 * A glyph is a list of strokes. Each begins with its kind and goes on with points, two characters
 * each, of 0 to 9 and a to z: x from the glyph's left edge, and y + 5, the base line being 5, small
 * letters 10 and capitals 14 units high.
 *
 *   -   straight from point to point          ~   round: the points but first and last are only
 *   .   a dot                                     drawn towards          o   the same, closed */
#include <string.h>

#include "data/image/canvas_impl.h"

enum { FIRST = 32, GLYPHS = 95, MOST_POINTS = 12, PARTS = 6 };

static const char *const glyphs[GLYPHS] = {
    "",
    "-0j0a .05",
    "-0j0f -3j3f",
    "-254j -658j -0a9a -1eae",
    "~9g9j0j0caca50508 -5l53",
    "o0j4j4d0d o6baba565 -9j15",
    "~a52e2j7j7e0b0575aa",
    "-0j0f",
    "~3k0h0431",
    "~0k3h3401",
    "-3j3d -0i6e -6i0e",
    "-0b8b -474f",
    "-1602",
    "-0b5b",
    ".05",
    "-036k",
    "o0j9j9505",
    "-2g5j55",
    "~0g0j9j9d05 -0595",
    "~0h1j9j9c4c ~4c9c950508",
    "-757j09a9",
    "-8j1j0c ~0c2e9e950508",
    "~8i6j0j09 o0e9e9505",
    "-0j9j35",
    "o1j8j8c1c o0c9c9505",
    "o0j9j9a0a ~9f953516",
    ".05 .0e",
    ".1e -1602",
    "-8f0b87",
    "-0d8d -0989",
    "-0f8b07",
    "~0g0j8j8e4c49 .45",
    "o4e9e9848 ~9e98d8dj0j03a3",
    "-055ja5 -2a8a",
    "-050j ~0j4j9j9c4c0c ~0c4caca54505",
    "~ag9j0j0595a8",
    "-050j ~0j3jaja53505",
    "-9j0j0595 -0c8c",
    "-9j0j05 -0c8c",
    "~ag9j0j05a5ac -ac6c",
    "-050j -a5aj -0cac",
    "-050j",
    "~7j7c750509",
    "-050j -9j0a -3da5",
    "-0j0585",
    "-050j69cjc5",
    "-050ja5aj",
    "o0jbjb505",
    "-050j ~0j4jajab4b0b",
    "o0jbjb505 -78b4",
    "-050j ~0j4jajab4b0b -5ba5",
    "~9g9j0j0caca50508",
    "-0jaj -5j55",
    "~0j0c05a5acaj",
    "-0j55aj",
    "-0j457ha5ej",
    "-0ja5 -aj05",
    "-0j5caj -5c55",
    "-0jaj05a5",
    "-3k0k0131",
    "-0k63",
    "-0k3k3101",
    "-0d3j6d",
    "-0393",
    "-0j2g",
    "~1d1f8f8a85 ~8b4b0b057588",
    "-0j05 o0f8f8505",
    "~8d7f0f057587",
    "-8j85 o0f8f8505",
    "-0a8a ~8a8f0f057587",
    "~6j2j2c25 -0f5f",
    "o0f8f8505 ~8f88811103",
    "-0j05 ~0b0f8f8a85",
    "-050f .0j",
    "~3f383101 .3j",
    "-0j05 -7f09 -2b85",
    "~0j090535",
    "-0f05 ~0b0f6f6a65 ~6b6fcfcac5",
    "-0f05 ~0b0f8f8a85",
    "o0f8f8505",
    "-0f01 o0f8f8505",
    "-8f81 o0f8f8505",
    "-0f05 ~0b0f4f5e",
    "~7d6f0f0a7a750507",
    "~2i2a2555 -0f5f",
    "~0f090585898f -8f85",
    "-0f458f",
    "-0f356e95cf",
    "-0f85 -8f05",
    "-0f45 -8f21",
    "-0f8f0585",
    "~4k2k2b0b ~0b2b2141",
    "-0k01",
    "~0k2k2b4b ~4b2b2101",
    "~0a2d698c",
};

/* For a character that is none of these. */
static const char other[] = "-050j8j8505";

static const double units = 19.5; /* of an em */
static const double space = 5, bearing = 1.7, digit = 9;

static double number_of(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The next character of UTF-8 text, and how many bytes it is long. A minus sign and the dashes are
 * drawn as a hyphen, the sign of multiplication as an x. */
static const char *glyph_at(const char *text, int *bytes, char *ascii)
{
    const unsigned char first = (unsigned char)*text;
    *bytes = 1;
    while ((text[*bytes] & 0xc0) == 0x80) (*bytes)++;
    *ascii = (char)first;
    if (strncmp(text, "\xe2\x88\x92", 3) == 0 || strncmp(text, "\xe2\x80\x93", 3) == 0)
        *ascii = '-';
    if (strncmp(text, "\xc3\x97", 2) == 0) *ascii = 'x';
    return *ascii >= FIRST && *ascii < FIRST + GLYPHS ? glyphs[*ascii - FIRST] : other;
}

/* From one left edge to the next; digits are all as wide as 0. */
static double advance(const char *glyph, char ascii)
{
    double widest = 0;
    if (ascii == ' ') return space;
    if (ascii >= '0' && ascii <= '9') return digit + 2 * bearing;
    for (const char *p = glyph; *p; p++) {
        if (strchr("-~.o", *p) && (p == glyph || p[-1] == ' ')) continue;
        if (*p == ' ') continue;
        if (number_of(*p) > widest) widest = number_of(*p);
        p++; /* over y */
    }
    return widest + 2 * bearing;
}

double fv_text_width(const char *text, double size, bool bold)
{
    double width = 0;
    int bytes;
    char ascii;
    for (; *text; text += bytes) {
        const char *glyph = glyph_at(text, &bytes, &ascii);
        width += advance(glyph, ascii) + (bold ? 0.6 : 0);
    }
    return width * size / units;
}

/* --- curves ----------------------------------------------------------------------------------- */

static fv_point between(fv_point a, fv_point b, double t)
{
    return (fv_point){a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)};
}

/* Adds the parabola from a to b that leaves and arrives in the direction of c. */
static int64_t add_curve(fv_point *out, int64_t n, fv_point a, fv_point c, fv_point b)
{
    for (int i = 1; i <= PARTS; i++) {
        const double t = (double)i / PARTS;
        out[n++] = between(between(a, c, t), between(c, b, t), t);
    }
    return n;
}

/* Parabolas that meet half way between the points. */
static int64_t round_stroke(const fv_point *p, int64_t count, bool closed, fv_point *out)
{
    int64_t n = 0;
    fv_point at = closed ? between(p[count - 1], p[0], 0.5) : p[0];
    out[n++] = at;
    for (int64_t i = closed ? 0 : 1; i < count - (closed ? 0 : 1); i++) {
        const bool last = !closed && i == count - 2;
        const fv_point next = last ? p[i + 1] : between(p[i], p[(i + 1) % count], 0.5);
        n = add_curve(out, n, at, p[i], next);
        at = next;
    }
    return n;
}

/* One stroke, from the character behind its kind on; returns where it ends. */
static const char *draw_stroke(const char *s, char kind, fv_point origin, double unit, double width,
                               fv_stroke_fn *stroke, void *context)
{
    fv_point p[MOST_POINTS], out[MOST_POINTS * PARTS + 1];
    int64_t n = 0;
    for (; *s && *s != ' '; s += 2)
        p[n++] = (fv_point){origin.x + unit * number_of(s[0]), unit * (number_of(s[1]) - 5)};
    if (kind == '-') {
        stroke(context, p, n, width);
    } else if (kind == '.') {
        stroke(context, p, n, 1.35 * width);
    } else {
        n = round_stroke(p, n, kind == 'o', out);
        stroke(context, out, n, width);
    }
    return s;
}

void fv_text_strokes(const char *text, double size, bool bold, fv_stroke_fn *stroke, void *context)
{
    const double unit = size / units, width = (bold ? 2.5 : 1.7) * unit;
    double x = 0;
    int bytes;
    char ascii;
    for (; *text; text += bytes) {
        const char *glyph = glyph_at(text, &bytes, &ascii);
        const fv_point origin = {x + unit * bearing, 0};
        for (const char *s = glyph; *s;) {
            s = draw_stroke(s + 1, *s, origin, unit, width, stroke, context);
            if (*s == ' ') s++;
        }
        x += unit * (advance(glyph, ascii) + (bold ? 0.6 : 0));
    }
}
