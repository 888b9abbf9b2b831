/* A canvas that is SVG text. Letters are text of the viewer's fonts, so that they can be searched
 * and read aloud; numbers have a point in every locale. */
#include <stdlib.h>
#include <string.h>

#include "data/image/canvas_impl.h"
#include "data/image/image_impl.h"
#include "tensor/numerals.h"
#include "tensor/system.h"

typedef struct svg_canvas {
    fv_canvas head;
    size_t token;
    fv_text_stream text;
    bool clipped;
    int clips; /* number of the last clip path */
} svg_canvas;

/* Numbers with as many digits as a tenth of a pixel wants. */
static void put(svg_canvas *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(svg_canvas *c, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    fv_vformat(text, sizeof text, format, args);
    va_end(args);
    fputs(text, c->text.out);
}

static void svg_line(fv_canvas *canvas, const fv_point *points, int64_t n, double width,
                     uint32_t color)
{
    svg_canvas *c = (svg_canvas *)canvas;
    if (n == 1) {
        put(c, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"%.2f\" fill=\"#%06x\"/>\n", points[0].x,
            points[0].y, width / 2, color);
        return;
    }
    put(c,
        "<polyline fill=\"none\" stroke=\"#%06x\" stroke-width=\"%.2f\" stroke-linecap=\"round\" "
        "stroke-linejoin=\"round\" points=\"",
        color, width);
    for (int64_t i = 0; i < n; i++) put(c, "%s%.2f,%.2f", i ? " " : "", points[i].x, points[i].y);
    put(c, "\"/>\n");
}

static void svg_rectangle(fv_canvas *canvas, double x, double y, double width, double height,
                          uint32_t color)
{
    put((svg_canvas *)canvas,
        "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"#%06x\"/>\n", x, y,
        width, height, color);
}

static void put_escaped(svg_canvas *c, const char *text)
{
    for (; *text; text++) switch (*text) {
        case '&': fputs("&amp;", c->text.out); break;
        case '<': fputs("&lt;", c->text.out); break;
        case '>': fputs("&gt;", c->text.out); break;
        default: fputc(*text, c->text.out); break;
        }
}

static void svg_text(fv_canvas *canvas, fv_point at, const char *text, const fv_text_style *style)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    svg_canvas *c = (svg_canvas *)canvas;
    put(c, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%.1f\" fill=\"#%06x\"", at.x, at.y, style->size,
        style->color);
    if (style->anchor != FV_ANCHOR_START) put(c, " text-anchor=\"%s\"", anchors[style->anchor]);
    if (style->bold) put(c, " font-weight=\"600\"");
    if (style->angle != 0)
        put(c, " transform=\"rotate(%.1f %.2f %.2f)\"", -style->angle, at.x, at.y);
    put(c, ">");
    put_escaped(c, text);
    put(c, "</text>\n");
}

/* Bytes as letters, three as four (RFC 4648), whatever pieces they come in. */
typedef struct letters {
    svg_canvas *canvas;
    uint32_t held;
    int count; /* bytes held */
} letters;

static void put_letters(letters *l)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint32_t bits = l->held << (24 - 8 * l->count);
    for (int k = 0; k < 4; k++)
        fputc(k <= l->count ? alphabet[bits >> (18 - 6 * k) & 63] : '=', l->canvas->text.out);
    l->held = 0;
    l->count = 0;
}

static fv_status take_bytes(void *context, const void *bytes, size_t count)
{
    letters *l = context;
    const uint8_t *p = bytes;
    for (size_t i = 0; i < count; i++) {
        l->held = l->held << 8 | p[i];
        if (++l->count == 3) put_letters(l);
    }
    return FV_OK;
}

/* A PNG file in the text. */
static void svg_picture(fv_canvas *canvas, double x, double y, double width, double height,
                        const fv_tensor *image)
{
    svg_canvas *c = (svg_canvas *)canvas;
    fv_pixels p = {0};
    letters l = {.canvas = c};
    put(c,
        "<image x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"%s "
        "preserveAspectRatio=\"none\" href=\"data:image/png;base64,",
        x, y, width, height,
        width > (double)image->shape[2] ? " style=\"image-rendering:pixelated\"" : "");
    if (!fv_pixels_of(image, &p))
        fv_fail(FV_ERR_MEMORY, "figure_save: out of memory");
    else
        fv_png_encode(&p, 6, (fv_sink){take_bytes, &l, "figure_save"});
    if (l.count > 0) put_letters(&l);
    put(c, "\"/>\n");
    fv_pixels_free(&p);
}

static void svg_clip(fv_canvas *canvas, const double *box)
{
    svg_canvas *c = (svg_canvas *)canvas;
    if (c->clipped) put(c, "</g>\n");
    c->clipped = box != NULL;
    if (!box) return;
    c->clips++;
    put(c,
        "<clipPath id=\"c%d\"><rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
        "height=\"%.2f\"/></clipPath>\n",
        c->clips, box[0], box[1], box[2], box[3]);
    put(c, "<g clip-path=\"url(#c%d)\">\n", c->clips);
}

static fv_status save_text(const char *text, const char *path)
{
    fv_durable file;
    fv_status status = fv_durable_open(&file, path);
    if (status != FV_OK) return status;
    status = fv_durable_write(&file, text, strlen(text));
    if (status == FV_OK) status = fv_durable_commit(&file);
    fv_durable_abort(&file);
    return status;
}

static fv_status svg_finish(fv_canvas *canvas, const char *path)
{
    svg_canvas *c = (svg_canvas *)canvas;
    put(c, "</svg>\n");
    char *text = fv_text_stream_end(&c->text);
    if (!text) fv_fail(FV_ERR_MEMORY, "figure_save: out of memory");
    fv_status status = fv_error_status();
    if (status == FV_OK && path) status = save_text(text, path);
    free(text);
    fv_block_free(c, c->token);
    return status;
}

fv_canvas *fv_svg_canvas(double width, double height)
{
    size_t token;
    svg_canvas *c = fv_block_alloc(sizeof *c, &token);
    if (!c || (memset(c, 0, sizeof *c), !fv_text_stream_begin(&c->text))) {
        if (c) fv_block_free(c, token);
        fv_fail(FV_ERR_MEMORY, "figure_save: out of memory");
        return NULL;
    }
    c->head = (fv_canvas){svg_line, svg_rectangle, svg_text, svg_picture, svg_clip, svg_finish};
    c->token = token;
    put(c,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
        "viewBox=\"0 0 %.0f %.0f\" font-family=\"Inter, Helvetica, Arial, DejaVu Sans, "
        "sans-serif\">\n",
        width, height, width, height);
    put(c, "<style>rect{shape-rendering:crispEdges}</style>\n");
    put(c, "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n");
    return &c->head;
}
